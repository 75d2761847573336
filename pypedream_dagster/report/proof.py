"""The proof that a run left main alone, in a sentence or two."""

from __future__ import annotations

from pypedream_dagster.report.wording import plural
from pypedream_dagster.run.isolation import Isolation

_NAMED = 3


def describe_proof(proof: Isolation) -> str:
    """Say what was compared, what differs, and who may have done it."""
    compared = f"{plural(proof.compared_objects, 'object')} at {plural(len(proof.watched), 'prefix', 'prefixes')}"
    compared += f" and {plural(len(proof.watched_jobs), 'job')}" if proof.watched_jobs else ""
    sentences = [_finding(proof, compared)]
    if not proof.enforced:
        sentences.append("Not enforced: the branch has given its session policy up, so nothing held the run back.")
    if proof.policy_confirmed is False:
        sentences.append("Glue does not confirm the session policy of the run.")
    if proof.skipped:
        sentences.append(f"Not compared: {_some([f'{uri} ({reason})' for uri, reason in proof.skipped.items()])}.")
    return " ".join(sentences)


def _finding(proof: Isolation, compared: str) -> str:
    if proof.main_unchanged:
        return f"Main is untouched: {compared} of main are what they were before the run."
    outcomes = {"added": proof.added, "removed": proof.removed, "changed": proof.changed}
    differing = [f"{len(uris)} {what} ({_some(uris)})" for what, uris in outcomes.items() if uris]
    differing += [f"the definition of {_some(proof.changed_jobs)}"] if proof.changed_jobs else []
    runs = proof.production_run_ids
    blame = (
        f"production ran meanwhile and may be why ({_some(runs)})" if runs else "no run of production's accounts for it"
    )
    return f"Main changed while the branch ran, of {compared}: {', '.join(differing)}; {blame}."


def _some(names: tuple[str, ...] | list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")

"""The writes that an import could not explain, held to what the branch's own scripts do now. Pure.

The graph file says them once, as of the import; the scan of the scripts says what they do today. They meet here: an
entry of an origin is settled once its script writes that place no more, and one that is not settled says more than
the scan's own warning of the same write, which then is left out. Not to be acknowledged: a run would be denied in its
middle, or its data would be missing from the branch.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from pypedream_dagster.branch.model import BranchGraph, BranchNode
from pypedream_dagster.deploy.hazards.model import Finding, found
from pypedream_dagster.deploy.hazards.places import Target, folder, resolve
from pypedream_dagster.errors import StateError
from pypedream_dagster.graph.model import UnexplainedWrite
from pypedream_dagster.graph.uri import unknown_parts
from pypedream_dagster.script.model import Access, Reading

KIND = "unexplained-write"
_SAID_BY_IT = {"outside-write", "unknown-target", "catalog-write", "unmapped-argument"}
_TABLE = re.compile(r"[^\s./:{}]+\.[^\s./:{}]+\Z")


def unsettled_writes(
    node: BranchNode, reading: Reading | None, arguments: Mapping[str, str], write_prefixes: Iterable[str]
) -> tuple[UnexplainedWrite, ...]:
    """Return the unexplained writes of a node that its script still does.

    Args:
        node: a node of the branch.
        reading: what its script does; None where that is not the branch's own to change, or cannot be told.
        arguments: the run's on the branch, by name without dashes.
        write_prefixes: the branch's.
    """
    if reading is None or reading.unreadable is not None:
        return node.unexplained_writes
    writes = [
        fact
        for fact in reading.facts
        if isinstance(fact, Access) and fact.action != "read" and fact.system in {"s3", "catalog"}
    ]
    return tuple(
        entry
        for entry in node.unexplained_writes
        if any(_is_it(entry, write, resolve(write.target, arguments), tuple(write_prefixes)) for write in writes)
    )


def _is_it(entry: UnexplainedWrite, write: Access, target: Target, prefixes: tuple[str, ...]) -> bool:
    if any(target.lies_in(prefix) for prefix in prefixes):
        return False
    if Target(entry.what, exact=True).is_s3 and not unknown_parts(entry.what):
        start = folder(entry.what.partition("{")[0])
        return write.system == "s3" and (target.lies_in(start) or target.may_hold(start))
    if _TABLE.match(entry.what):
        written = target.start.replace("`", "").lower().split(".")[-2:]
        return write.system == "catalog" and written == entry.what.lower().split(".")
    # Of a place that could not be told: when in doubt, it is any that is not known to be on the machine itself.
    return write.system == "catalog" or target.is_s3 or not target.start


def unexplained_findings(graph: BranchGraph, node: BranchNode, left: Iterable[UnexplainedWrite]) -> Iterator[Finding]:
    """Give a finding for each write that is left, with what to do about it."""
    for entry in left:
        what = f"writes {entry.what or 'a place that cannot be told'}: {entry.why}"
        yield found(
            KIND,
            node.id,
            what,
            file=entry.at,
            identity=f"{entry.what}\n{entry.at}",
            remedy=_remedy(graph, node, entry),
        )


def _remedy(graph: BranchGraph, node: BranchNode, entry: UnexplainedWrite) -> str:
    output = next((output for output in node.outputs if output.name == entry.dataset), None)
    branch = graph.branch
    by_hand = "by hand or with 'import-dag --merge --answers FILE'"
    anew = f"or settle it in the graph file, {by_hand}, then 'pypedream rebase {branch}'"
    if node.is_origin:
        argument = output.argument if output is not None else "an argument that output_arguments names"
        edit = f"let branches/{branch}/scripts take the place from {argument}"
        if output is not None:
            edit += ", as 'create-branch --rewrite-literals' does"
        return f"{edit}; {anew}"
    argument = f"map the argument that moves {output.name} (output_arguments)" if output is not None else "map it"
    return (
        "make the branch anew with "
        f"'create-branch {' '.join(graph.origins[:1])} {branch} --also {node.id} --rewrite-literals', which clones and "
        f"rewrites it as well; {argument} in the graph file; {anew}"
    )


def without_twice_told(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Give findings less those of the scan that an unexplained write of the same node tells already."""
    listed = list(findings)
    told = [finding for finding in listed if finding.kind == KIND]
    for finding in listed:
        same = finding.kind in _SAID_BY_IT and any(
            one.node == finding.node and _same_place(one, finding) for one in told
        )
        if not same:
            yield finding


def _same_place(told: Finding, finding: Finding) -> bool:
    """Tell whether two findings are about one line of one script, or name one place."""
    line = finding.line is not None and told.file == f"{(finding.file or '').rpartition('/')[2]}:{finding.line}"
    place = told.identity.partition("\n")[0].rstrip("/")
    return line or (bool(place) and place in finding.what)


def check_explained(branch: str, findings: Iterable[Finding]) -> None:
    """Refuse to deploy a branch of which a node writes what a branch cannot move.

    Raises:
        StateError: names each write with node, place and reason, and what to do.
    """
    left = [finding for finding in findings if finding.kind == KIND]
    if left:
        named = "; ".join(f"{finding.node} ({finding.place}) {finding.what}" for finding in left)
        todo = " / ".join(dict.fromkeys(f"{finding.node}: {finding.advice}" for finding in left))
        raise StateError(
            f"Branch {branch!r} is not deployed: {len(left)} write{'s' if len(left) > 1 else ''} that no argument "
            f"moves to the branch: {named}.",
            hint=todo,
        )

"""What production's jobs, their triggers and their connections mean on a branch: pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pypedream_dagster.aws.glue import GlueJob, GlueTrigger
from pypedream_dagster.branch.isolation import BOOKMARKS, BOOKMARKS_OFF
from pypedream_dagster.branch.model import BranchGraph, BranchNode
from pypedream_dagster.deploy.hazards.model import Finding, Severity, found
from pypedream_dagster.deploy.hazards.places import Target, folder
from pypedream_dagster.deploy.hazards.scripts import Scanned
from pypedream_dagster.graph.uri import find_uris
from pypedream_dagster.script.model import Bookmark

_OTHER_CODE: Mapping[str, tuple[Severity, str]] = {
    "--extra-py-files": ("warning", "brings Python code that is not scanned"),
    "--extra-jars": ("warning", "brings jars that are not scanned"),
    "--additional-python-modules": ("info", "installs Python packages that are not scanned"),
}
_GLUES_OWN = {
    "--TempDir", "--spark-event-logs-path", "--extra-py-files", "--extra-jars", "--extra-files", "--scriptLocation",
    "--additional-python-modules", "--python-modules-installer-option", "--conf", "--job-language", "--class",
}  # fmt: skip
_OTHER_KEYS = re.compile(
    r"(?:access\.key|secret\.key|credentials\.provider|assumed?\.?-?role[\w.]*|customAWSCredentials\w*)"
)
_PLACE_ONLY = "NETWORK"
"""The type of connection that only says in which network a job runs."""


def job_findings(graph: BranchGraph, node: BranchNode, job: GlueJob, used: frozenset[str]) -> Iterator[Finding]:
    """Give what a job's settings have in them that matters on the branch.

    Args:
        graph: the branch's.
        node: the job's.
        job: production's, as deployed.
        used: the arguments by which its script is known to read or write: their targets are judged there.
    """
    arguments = {**job.default_arguments, **job.non_overridable_arguments}
    for name, (severity, about) in _OTHER_CODE.items():
        if given := ",".join(uri for uri in _listed(arguments.get(name)) if not _is_readable(name, uri)):
            yield found("other-code", node.id, f"{about}: {name} {given}", severity=severity)
    if conf := arguments.get("--conf"):
        for key in dict.fromkeys(match[0] for match in _OTHER_KEYS.finditer(conf)):
            yield found("other-identity", node.id, f"--conf sets {key}", identity=f"--conf {key}")
    yield from _unmapped(graph, node, arguments, used)
    if node.action == "reuse":
        yield from _shared(node, job.properties)


def readable_modules(job: GlueJob) -> tuple[str, ...]:
    """Return the plain Python files that a job brings beside its script."""
    name = "--extra-py-files"
    given = {**job.default_arguments, **job.non_overridable_arguments}.get(name)
    return tuple(uri for uri in _listed(given) if _is_readable(name, uri))


def _listed(given: str | None) -> list[str]:
    return [part.strip() for part in (given or "").split(",") if part.strip()]


def _is_readable(argument: str, uri: str) -> bool:
    return argument == "--extra-py-files" and uri.endswith(".py")


def _unmapped(
    graph: BranchGraph, node: BranchNode, arguments: Mapping[str, str], used: frozenset[str]
) -> Iterator[Finding]:
    mapped = set(node.arguments) | _GLUES_OWN
    for name in sorted(set(arguments) - mapped):
        if name.removeprefix("--") in used:
            continue
        for uri in find_uris(str(arguments[name])):
            for maker, output in graph.datasets():
                target = Target(uri, exact=True)
                if not target.lies_in(output.base_uri):
                    continue
                own = maker.id == node.id
                argument = "output_arguments" if own else "input_arguments"
                yield found(
                    "unmapped-argument",
                    node.id,
                    f"{name} names main's {maker.id}.{output.name} ({uri}), and the graph maps it to nothing",
                    severity="warning" if own else "severe",
                    identity=f"{name} {folder(uri)}",
                    remedy=f'add "{argument}": {{"{output.name}": "{name}"}} to {node.id} in the graph'
                    + ("" if own else f", and a link from {maker.id} that carries {output.name}"),
                )


def _shared(node: BranchNode, properties: Mapping[str, Any]) -> Iterator[Finding]:
    at_once = int((properties.get("ExecutionProperty") or {}).get("MaxConcurrentRuns") or 1)
    name = node.production_job
    if properties.get("JobRunQueuingEnabled"):
        yield found("queued-runs", node.id, f"{name} queues its runs")
    if at_once == 1:
        yield found("busy-job", node.id, f"{name} runs once at a time, and the branch runs it")
    if retries := int(properties.get("MaxRetries") or 0):
        builds = any(output.settings.write_mode != "overwrite" or output.seeded for output in node.outputs)
        what = f"{name} retries a failed run up to {retries} times"
        yield found("retries", node.id, what, severity="warning" if builds else "info")


def uses_bookmarks(job: GlueJob) -> bool:
    """Tell whether production's job has bookmarks on; those of single runs and triggers never reach a branch's run."""
    given = {**job.default_arguments, **job.non_overridable_arguments}
    return given.get(BOOKMARKS, BOOKMARKS_OFF) != BOOKMARKS_OFF


def bookmark_finding(node: BranchNode, script: Scanned | None) -> Finding:
    """Say that production's job has bookmarks; where its script can be read, where that takes part."""
    facts = script.reading.facts if script is not None else ()
    first = next((fact.at.line for fact in facts if isinstance(fact, Bookmark)), None)
    return found(
        "bookmark",
        node.id,
        f"{node.production_job} uses job bookmarks; on the branch they are off",
        file=script.file if script is not None and first is not None else None,
        line=first,
    )


def trigger_findings(graph: BranchGraph, triggers: Iterable[GlueTrigger]) -> Iterator[Finding]:
    """Give what Glue's triggers have to do with production's jobs of the branch."""
    by_job = {node.production_job: node for node in graph.nodes}
    reused = {node.production_job for node in graph.nodes if node.action == "reuse"}
    for trigger in triggers:
        of = f" of workflow {trigger.workflow}" if trigger.workflow else ""
        for job in dict.fromkeys(trigger.watches):
            if job in reused:
                what = f"trigger {trigger.name}{of} waits for {job}: the branch's runs do not fire it"
                yield found("trigger", by_job[job].id, what)
        if trigger.state != "DEACTIVATED":
            for job in dict.fromkeys(trigger.starts):
                if job in by_job:
                    when = f" ({trigger.schedule})" if trigger.schedule else ""
                    what = f"{trigger.type.lower()} trigger {trigger.name}{of}{when} starts {job}"
                    yield found("schedule", by_job[job].id, what)


def event_findings(graph: BranchGraph) -> Iterator[Finding]:
    """Say that EventBridge tells of the branch's runs of production's jobs."""
    reused = dict.fromkeys(node.production_job for node in graph.nodes if node.action == "reuse")
    if reused:
        yield found("state-change-event", "", f"rules on the state of {', '.join(reused)} fire for the branch's runs")


def connection_names(job: GlueJob) -> tuple[str, ...]:
    """Return the connections that a job has."""
    return tuple((job.properties.get("Connections") or {}).get("Connections") or ())


def connection_finding(node: BranchNode, name: str, kind: str) -> Finding:
    """Say what a connection of a job is."""
    severity: Severity = "info" if kind.upper() == _PLACE_ONLY else "warning"
    said = f"has the connection {name} ({kind or 'of a type that Glue does not tell'})"
    return found("connection", node.id, said, severity=severity)

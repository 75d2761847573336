"""The scan: production's jobs as deployed, their scripts, triggers and connections, and the branch's scripts.

Reads only. What cannot be read is a finding; without AWS, the branch's own scripts are scanned all the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from pypedream_dagster.aws.glue import GlueJob
from pypedream_dagster.aws.session import Aws
from pypedream_dagster.branch.model import BranchGraph, BranchNode
from pypedream_dagster.branch.store import BranchStore
from pypedream_dagster.deploy.hazards.jobs import (
    bookmark_finding,
    connection_finding,
    connection_names,
    event_findings,
    job_findings,
    readable_modules,
    trigger_findings,
    uses_bookmarks,
)
from pypedream_dagster.deploy.hazards.model import BUILDING, Finding, found, in_order
from pypedream_dagster.deploy.hazards.places import arguments_of
from pypedream_dagster.deploy.hazards.scripts import Scanned, read_arguments, script_findings
from pypedream_dagster.deploy.hazards.unexplained import unexplained_findings, unsettled_writes, without_twice_told
from pypedream_dagster.errors import AccessDeniedError, NotFoundError, StateError
from pypedream_dagster.script.model import Reading, Unreadable
from pypedream_dagster.script.reading import read_script


def scan(aws: Aws | None, store: BranchStore, graph: BranchGraph) -> tuple[Finding, ...]:
    """Return the hazards of a branch, the severe first.

    Args:
        aws: None where it cannot be asked: then only what this machine knows is scanned.
        store: holds the branch's scripts.
        graph: the branch's, as it will be or is deployed.

    Raises:
        BusyError: AWS asks to come back later.
    """
    return in_order(without_twice_told(_Scan(aws, store, graph).findings()))


@dataclass(slots=True)
class _Scan:
    aws: Aws | None
    store: BranchStore
    graph: BranchGraph
    read: dict[str, Reading] = field(default_factory=dict)
    connections: dict[str, str] = field(default_factory=dict)

    def findings(self) -> Iterator[Finding]:
        for node, output in self.graph.datasets():
            if output.settings.write_mode != "overwrite" and not output.seeded:
                what = f"the graph says that {output.name} is written by {output.settings.write_mode}"
                remedy = (
                    f"'pypedream deploy-branch {self.graph.branch} --seed' copies main's data there before each run"
                )
                yield found("unseeded-output", node.id, what, identity=output.name, remedy=remedy, dataset=output.name)
        for node in self.graph.nodes:
            yield from self._node(node)
        yield from event_findings(self.graph)
        if self.aws is None:
            yield found(
                "not-looked-up",
                "",
                "AWS cannot be asked: production's scripts, triggers and connections",
                severity="info",
            )
        else:
            yield from self._triggers(self.aws)

    def _node(self, node: BranchNode) -> Iterator[Finding]:
        job = self._job(node)
        if job is None and self.aws is not None:
            yield found("missing-job", node.id, f"{node.production_job} is not deployed")
        known = job or GlueJob(node.production_job, node.properties)
        script = self._script(node, known, is_deployed=job is not None)
        if script is not None:
            yield from (finding for finding in script_findings(self.graph, script) if not _is_declared(node, finding))
        own = script.reading if script is not None and node.is_origin else None
        given = arguments_of(node, {**known.default_arguments, **known.non_overridable_arguments})
        left = unsettled_writes(node, own, given, self.graph.write_prefixes)
        yield from unexplained_findings(self.graph, node, left)
        if self.aws is not None:
            for uri in readable_modules(known):
                reading = self._productions(self.aws, uri, "python")
                yield from script_findings(self.graph, Scanned(node, uri, reading, given, uses_bookmarks(known)))
        if uses_bookmarks(known):
            yield bookmark_finding(node, script)
        used = read_arguments(script) if script is not None else frozenset()
        yield from job_findings(self.graph, node, known, used)
        if self.aws is not None:
            yield from self._connections(self.aws, node, known)

    def _job(self, node: BranchNode) -> GlueJob | None:
        return self.aws.glue.get_job(node.production_job) if self.aws is not None else None

    def _script(self, node: BranchNode, job: GlueJob, *, is_deployed: bool) -> Scanned | None:
        arguments = {**job.default_arguments, **job.non_overridable_arguments}
        language = arguments.get("--job-language", "python")
        if node.is_origin:
            path = self.store.script_path(self.graph.branch, node)
            file = path.relative_to(self.store.root.parent).as_posix()
            try:
                reading = read_script(self.store.script(self.graph.branch, node), language=language)
            except StateError as error:
                reading = Reading(unreadable=Unreadable(error.message))
        elif self.aws is None or not is_deployed:
            return None
        else:
            file = job.script_uri
            reading = self._productions(self.aws, file, language)
        return Scanned(node, file, reading, arguments_of(node, arguments), uses_bookmarks(job))

    def _productions(self, aws: Aws, uri: str, language: str) -> Reading:
        if uri not in self.read:
            try:
                self.read[uri] = read_script(aws.s3.read_bytes(uri), language=language)
            except ValueError:
                self.read[uri] = Reading(unreadable=Unreadable(f"the job names no script on S3 ({uri or 'none'})"))
            except NotFoundError:
                self.read[uri] = Reading(unreadable=Unreadable("it is not there"))
            except AccessDeniedError as error:
                self.read[uri] = Reading(unreadable=Unreadable(f"access is denied ({error.hint})"))
        return self.read[uri]

    def _connections(self, aws: Aws, node: BranchNode, job: GlueJob) -> Iterator[Finding]:
        for name in connection_names(job):
            try:
                if name not in self.connections:
                    self.connections[name] = aws.glue.connection_type(name)
                yield connection_finding(node, name, self.connections[name])
            except NotFoundError:
                yield found("not-looked-up", node.id, f"the connection {name} does not exist", severity="info")
            except AccessDeniedError as error:
                yield found("not-looked-up", node.id, f"the connection {name}: {error}", identity=name)

    def _triggers(self, aws: Aws) -> Iterator[Finding]:
        try:
            triggers = list(aws.glue.triggers())
        except AccessDeniedError as error:
            yield found("not-looked-up", "", f"Glue's triggers: {error}", identity="triggers")
            return
        yield from trigger_findings(self.graph, triggers)


def _is_declared(node: BranchNode, finding: Finding) -> bool:
    """Tell whether the graph has said already what the script shows of an output."""
    declared = {output.name for output in node.outputs if output.settings.write_mode != "overwrite"}
    return finding.severity == "severe" and finding.kind in BUILDING and finding.dataset in declared

"""What the facts of a script mean on a branch: pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, assert_never

from pypedream_dagster.branch import naming
from pypedream_dagster.branch.model import BranchGraph, BranchNode, Output
from pypedream_dagster.deploy.hazards.model import Finding, Severity, found
from pypedream_dagster.deploy.hazards.places import Target, has_gap, output_at, resolve
from pypedream_dagster.script.boto import LISTING
from pypedream_dagster.script.model import (
    Access,
    Bookmark,
    Clock,
    Fact,
    OtherIdentity,
    Process,
    Reading,
    Streaming,
    System,
)

_SINKS: Mapping[System, str] = {
    "database": "jdbc-sink",
    "redshift": "redshift-sink",
    "snowflake": "snowflake-sink",
    "opensearch": "opensearch-sink",
    "mongodb": "mongodb-sink",
    "kafka": "kafka-sink",
    "kinesis": "kinesis-sink",
    "dynamodb": "dynamodb-sink",
    "aws": "aws-write",
    "http": "http-write",
    "mail": "mail",
    "transfer": "file-transfer",
    "unknown": "unknown-sink",
}
_OF_A_WORKFLOW = ("WORKFLOW_NAME", "WORKFLOW_RUN_ID")
"""What Glue gives the jobs of a workflow: https://docs.aws.amazon.com/glue/latest/dg/workflow-run-properties-code.html."""
_BUILDING = {"append": "append-output", "merge": "merge-output", "partitions": "partition-output"}


@dataclass(frozen=True, slots=True)
class Scanned:
    """A node's script, as far as findings need it.

    Attributes:
        file: a path in the branch's folder, or production's URI.
        arguments: the run's on the branch, by name without dashes.
        bookmarks: whether production runs the job with bookmarks.
    """

    node: BranchNode
    file: str
    reading: Reading
    arguments: Mapping[str, str]
    bookmarks: bool = False


def script_findings(graph: BranchGraph, script: Scanned) -> Iterator[Finding]:
    """Give what a node's script has in it that matters on the branch."""
    reading = script.reading
    if reading.unreadable is not None:
        yield found(
            "unreadable-script",
            script.node.id,
            f"the script cannot be read: {reading.unreadable.reason}",
            severity="warning" if reading.facts else "severe",
            file=script.file,
            line=reading.unreadable.line,
        )
    if missing := [name for name in _OF_A_WORKFLOW if name in reading.declared and name not in script.arguments]:
        yield found("workflow-run", script.node.id, f"asks for {' and '.join(missing)}", file=script.file)
    for fact in reading.facts:
        yield from _Script(graph, script).findings(fact)


@dataclass(frozen=True, slots=True)
class _Script:
    graph: BranchGraph
    script: Scanned

    def findings(self, fact: Fact) -> Iterator[Finding]:
        match fact:
            case Access():
                yield from self._access(fact)
            case Clock():
                yield self._clock(fact)
            case OtherIdentity(_, what):
                yield self._found("other-identity", fact, f"uses {what}")
            case Process(_, what):
                yield self._found("process", fact, f"calls {what}")
            case Streaming(_, what):
                yield self._found("streaming", fact, f"streams ({what})")
            case Bookmark():
                return
            case _:
                assert_never(fact)

    def _found(
        self,
        kind: str,
        fact: Fact,
        what: str,
        *,
        severity: Severity | None = None,
        target: str = "",
        remedy: str = "",
        dataset: str = "",
    ) -> Finding:
        return found(
            kind,
            self.script.node.id,
            what,
            severity=severity,
            file=self.script.file,
            line=fact.at.line,
            identity=f"{fact.at.code}\n{target}",
            remedy=remedy,
            dataset=dataset,
        )

    def _access(self, access: Access) -> Iterator[Finding]:
        match access.system, access.action:
            case "s3", "read":
                yield from self._s3_read(access)
            case "s3", _:
                yield from self._s3_write(access)
            case "catalog", "read":
                yield from self._catalog_read(access)
            case "catalog", _:
                yield from self._catalog_write(access)
            case "aws" | "kinesis" | "dynamodb", "read":
                return
            case _, "read":
                what = f"reads {access.target} through {access.through}"
                yield self._found("database-read", access, what, target=str(access.target))
            case _, _:
                service = f"{access.service} " if access.service and access.service not in str(access.target) else ""
                verb = "deletes in" if access.action == "delete" else "writes"
                what = f"{verb} {service}{access.target} through {access.through}"
                yield self._found(_SINKS[access.system], access, what, target=self._target_text(access))

    def _target_text(self, access: Access) -> str:
        target = resolve(access.target, self.script.arguments)
        return f"{access.target} {target.start}"

    # S3

    def _s3_read(self, access: Access) -> Iterator[Finding]:
        target = resolve(access.target, self.script.arguments)
        own = output_at(self.script.node, target)
        if own is not None:
            if access.through != LISTING and not any(
                self._comes_before(write, access, target) for write in self._writes()
            ):
                yield self._self_read(access, own)
            return
        for node, output in self.graph.datasets():
            lists = access.through == LISTING
            if target.lies_in(output.base_uri) and not lists:
                yield self._main_read(access, node, output, "severe", target.start)
            elif target.lies_in(output.base_uri) or target.may_hold(output.base_uri):
                severity: Severity = "severe" if target.exact and not lists else "warning"
                yield self._main_read(access, node, output, severity, target.start)

    def _self_read(self, access: Access, output: Output) -> Finding:
        what = f"reads its own output {output.name} before it writes it"
        return self._found(
            "self-read",
            access,
            what + (": it is seeded" if output.seeded else ""),
            severity="info" if output.seeded else "severe",
            target=output.name,
            dataset=output.name,
            remedy=self._seed_remedy(output),
        )

    def _main_read(self, access: Access, node: BranchNode, output: Output, severity: Severity, shown: str) -> Finding:
        how = "by literal" if not access.target.arguments else f"by --{', --'.join(access.target.arguments)}"
        may = "reads" if severity == "severe" else "may read"
        what = f"{may} main's {node.id}.{output.name} {how} ({shown}) though the branch makes its own"
        return self._found("main-read", access, what, severity=severity, target=f"{node.id}.{output.name} {shown}")

    def _s3_write(self, access: Access) -> Iterator[Finding]:
        target = resolve(access.target, self.script.arguments)
        verb = "deletes" if access.action == "delete" else "writes"
        if not target.is_s3:
            yield from self._unknown_write(access, target, verb)
            return
        if any(target.lies_in(prefix) for prefix in self.graph.write_prefixes):
            if access.action == "write" and (own := output_at(self.script.node, target)) is not None:
                yield from self._own_write(access, own, target)
            return
        if not target.exact and any(target.may_hold(prefix) for prefix in self.graph.write_prefixes):
            yield self._found("unknown-target", access, f"{verb} below {target.start}…", target=target.start)
            return
        whose = "main's " if any(self._meets(target, uri) for uri in self.graph.protected_uris) else ""
        what = f"{verb} {whose}{target.start}{'' if target.exact else '…'} through {access.through}"
        yield self._found("outside-write", access, what, target=target.start)

    def _unknown_write(self, access: Access, target: Target, verb: str) -> Iterator[Finding]:
        local = target.start and not target.start.startswith(("s3", "{"))
        if not local and not target.by_argument and has_gap(access.target) and not access.target.arguments:
            yield self._found("unknown-target", access, f"{verb} {access.target} through {access.through}")

    @staticmethod
    def _meets(target: Target, uri: str) -> bool:
        return target.lies_in(uri) or target.may_hold(uri)

    def _own_write(self, access: Access, output: Output, target: Target) -> Iterator[Finding]:
        if access.mode == "once":
            if not any(self._comes_before(other, access, target) for other in self._writes()):
                what = f"writes {output.name} only if nothing is there"
                yield self._found("write-once-output", access, what, target=output.name, dataset=output.name)
        elif access.mode in _BUILDING and not any(self._empties(o, access, target) for o in self._writes()):
            yield self._building(access, output)

    def _building(self, access: Access, output: Output) -> Finding:
        verbs = {"append": "appends to", "merge": "merges into", "partitions": "replaces only some partitions of"}
        what = f"{verbs[access.mode]} {output.name} through {access.through}"
        kind = _BUILDING[access.mode]
        if output.seeded:
            return self._found(
                kind, access, f"{what}: it is seeded", severity="info", target=output.name, dataset=output.name
            )
        if access.mode == "append" and access.through == "glue" and self.script.bookmarks:
            return self._found(
                kind,
                access,
                f"{what}; bookmarks limit production to what is new, the branch reads and writes everything",
                severity="warning",
                target=output.name,
                dataset=output.name,
                remedy="nothing to do for one run; before a second, deploy the branch anew. Do not seed: "
                "main's rows would be there twice",
            )
        return self._found(
            kind,
            access,
            what,
            severity="severe",
            target=output.name,
            dataset=output.name,
            remedy=self._seed_remedy(output),
        )

    def _seed_remedy(self, output: Output) -> str:
        seed = f"{self.script.node.id}.{output.name}"
        return f"'pypedream deploy-branch {self.graph.branch} --seed {seed}' copies main's data there before each run"

    def _writes(self) -> Iterator[Access]:
        for fact in self.script.reading.facts:
            if isinstance(fact, Access) and fact.system == "s3" and fact.action != "read":
                yield fact

    def _comes_before(self, write: Access, access: Access, target: Target) -> bool:
        there = resolve(write.target, self.script.arguments)
        return write.at.order < access.at.order and there.is_s3 and target.lies_in(there.start)

    def _empties(self, other: Access, access: Access, target: Target) -> bool:
        """Tell whether an earlier call removes all that the access would build on."""
        if not self._comes_before(other, access, target):
            return False
        if other.action == "delete":
            return other.mode == "overwrite" or other.through != "glue"
        return other.mode == "overwrite"

    # The catalog

    def _catalog_read(self, access: Access) -> Iterator[Finding]:
        name = resolve(access.target, self.script.arguments)
        for node, output in self.graph.datasets():
            if output.base_table and _same_table(name.start, output.base_table):
                what = f"reads main's table {output.base_table} though the branch makes its own ({output.head_table})"
                yield self._found(
                    "main-read",
                    access,
                    what,
                    target=output.base_table,
                    remedy=self._table_remedy(node, output),
                )

    def _table_remedy(self, node: BranchNode, output: Output) -> str:
        by_uri = f"read {node.id}.{output.name} by its URI"
        for item in self.script.node.inputs:
            if (item.producer, item.dataset) == (node.id, output.name) and item.table is not None:
                argument = naming.table_argument(item.argument)
                return f"take the table from {argument}, which is {item.table} here; or {by_uri}"
        return by_uri

    def _catalog_write(self, access: Access) -> Iterator[Finding]:
        name = resolve(access.target, self.script.arguments)
        parts = name.start.lower().replace("`", "").split(".")
        database = parts[-2] if len(parts) > 1 else ""
        own = next(
            (o for o in self.script.node.outputs if o.head_table and _same_table(name.start, o.head_table)), None
        )
        if own is not None and access.mode in _BUILDING:
            yield self._building(access, own)
        elif database not in self.graph.databases or not name.start:
            verb = "deletes" if access.action == "delete" else "writes"
            shown = name.start if name.exact else str(access.target)
            yield self._found(
                "catalog-write", access, f"{verb} the table {shown} through {access.through}", target=shown
            )

    # Clocks

    def _clock(self, clock: Clock) -> Finding:
        kind: Literal["clock", "random"] = clock.kind
        if clock.column is None:
            return self._found(kind, clock, f"calls {clock.what}", severity="info")
        unsettled = [
            output.name
            for output in self.script.node.outputs
            if clock.column not in {*output.settings.volatile_columns, *output.settings.ignored_columns}
        ]
        settled = len(unsettled) < len(self.script.node.outputs) or not self.script.node.outputs
        if settled:
            what = f"column {clock.column} holds {clock.what}: it is declared volatile or ignored"
            return self._found(kind, clock, what, severity="info", target=clock.column)
        return self._found(
            kind,
            clock,
            f"column {clock.column} holds {clock.what}",
            severity="warning",
            target=clock.column,
            remedy=f'add "volatile_columns": ["{clock.column}"] to {" or ".join(unsettled)} of {self.script.node.id} '
            "in the graph",
        )


def _same_table(one: str, other: str) -> bool:
    parts = [name.lower().replace("`", "").split(".")[-2:] for name in (one, other)]
    return parts[0] == parts[1]


def read_arguments(script: Scanned) -> frozenset[str]:
    """Return the names of the arguments by which the script reads or writes something."""
    accesses = [fact for fact in script.reading.facts if isinstance(fact, Access)]
    return frozenset(name for access in accesses for name in access.target.arguments)

"""Whether main's data is still what it was when a branch ran: for the deltas, and for the checks that show them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from pypedream_dagster.aws.session import Aws
from pypedream_dagster.branch.model import BranchGraph, BranchNode, Output
from pypedream_dagster.delta.model import DatasetDelta, MainMoved, MovedRole
from pypedream_dagster.errors import AwsError, GraphError, StateError
from pypedream_dagster.graph.files import read_graph
from pypedream_dagster.graph.model import MAIN
from pypedream_dagster.run.isolation import production_runs_since
from pypedream_dagster.run.main_data import MOST_OBJECTS, MainData, list_main, sources
from pypedream_dagster.run.record import RunRecord, read_run_record


@dataclass(frozen=True, slots=True)
class MainWatch:
    """Compares main's data with what the branch's runs noted of it; each prefix is listed once.

    Attributes:
        aws: the clients.
        graph: the branch's.
        folder: the branch's, with its run records.
        graph_path: of the main graph, which knows the jobs that write what the branch reads.
    """

    aws: Aws
    graph: BranchGraph
    folder: Path
    graph_path: Path
    _now: dict[tuple[str, int | None], MainData | None] = field(default_factory=dict, repr=False)

    def noted(self, delta: DatasetDelta, node: BranchNode, output: Output) -> DatasetDelta:
        """Return a delta with what has moved of main since the runs that it shows."""
        record = self._record(node)
        if record is None:
            return delta
        moved = tuple(self._moved(node, output, record))
        return replace(delta, main_moved=moved, notes=(*delta.notes, *self._stale(node, record)))

    def _moved(self, node: BranchNode, output: Output, record: RunRecord) -> Iterator[MainMoved]:
        yield from self._compare(record, output.base_uri, "compared", node.id, node.production_job, None)
        for reader in self._upstream(node):
            read = self._record(reader)
            if read is None:
                continue
            producers = {item.uri: item.producer for item in reader.inputs if item.side == "base"}
            for uri in (*producers, *sources(self.graph, reader)):
                is_written = uri in producers
                job = self._production_job(producers[uri]) if is_written else None
                yield from self._compare(read, uri, "input", reader.id, job, None if is_written else MOST_OBJECTS)

    def _compare(
        self, record: RunRecord, uri: str, role: MovedRole, node: str, job: str | None, most: int | None
    ) -> Iterator[MainMoved]:
        before = next((item for item in record.main if item.uri == uri), None)
        now = self._listed(uri, most) if before else None
        if before is None or now is None or before.is_same(now):
            return
        yield MainMoved(
            uri=uri,
            role=role,
            node=node,
            ran_at=record.started_on,
            objects_then=before.objects,
            objects_now=now.objects,
            bytes_then=before.bytes,
            bytes_now=now.bytes,
            written_at=now.written_at,
            production_run_ids=self._production_runs(record, job),
        )

    def _listed(self, uri: str, most: int | None) -> MainData | None:
        if (uri, most) not in self._now:
            try:
                self._now[uri, most] = list_main(self.aws.s3, uri, most)
            except AwsError:
                self._now[uri, most] = None
        return self._now[uri, most]

    def _production_runs(self, record: RunRecord, job: str | None) -> tuple[str, ...]:
        if job is None or record.started_on is None:
            return ()
        try:
            return production_runs_since(self.aws.glue, [job], record.started_on, [record.job_run_id])
        except AwsError:
            return ()

    def _production_job(self, producer: str) -> str | None:
        try:
            node = read_graph(self.graph_path).by_id.get(producer)
        except GraphError:
            return None
        return node.job_name(MAIN) if node is not None else None

    def _upstream(self, node: BranchNode) -> Iterator[BranchNode]:
        """Give the node and all affected nodes whose data reaches it."""
        seen: set[str] = set()
        frontier = [node]
        while frontier:
            one = frontier.pop()
            if one.id not in seen:
                seen.add(one.id)
                yield one
                frontier += [self.graph.by_id[item.producer] for item in one.inputs if item.side == "head"]

    def _stale(self, node: BranchNode, record: RunRecord) -> Iterator[str]:
        """Say where the data is not of the branch's last runs."""
        if record.state not in {"SUCCEEDED", "STARTING", "RUNNING", "WAITING"}:
            yield f"the last run of {node.id} ended {record.state}: the data may be of an earlier one"
        for producer in sorted({item.producer for item in node.inputs if item.side == "head"}):
            other = self._record(self.graph.by_id[producer])
            if other and other.completed_on and record.started_on and other.completed_on > record.started_on:
                yield f"{producer} has run again since {node.id} ran: {node.id} has not read its new data"

    def _record(self, node: BranchNode) -> RunRecord | None:
        try:
            return read_run_record(self.folder, node.id)
        except StateError:
            return None

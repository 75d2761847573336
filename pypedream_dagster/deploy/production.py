"""Main as it is now: its graph's file, and production's jobs and scripts of a branch's nodes. Reading only."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from pypedream_dagster.aws.glue import GlueJob
from pypedream_dagster.aws.session import Aws
from pypedream_dagster.branch.baseline import Baseline, JobAsSeen
from pypedream_dagster.branch.drift import Drift, find_drift
from pypedream_dagster.branch.model import BranchGraph
from pypedream_dagster.branch.store import BranchStore, main_on_disk, sha256
from pypedream_dagster.errors import AccessDeniedError, NotFoundError
from pypedream_dagster.graph.uri import unknown_parts
from pypedream_dagster.masking.mask import mask_document

_REQUESTS_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Production:
    """Production's jobs and their scripts; each is read once, however many branches ask for it."""

    aws: Aws
    _jobs: dict[str, GlueJob | None] = field(default_factory=dict, repr=False)
    _scripts: dict[str, bytes | None] = field(default_factory=dict, repr=False)

    def now(self, graph: BranchGraph, graph_path: Path) -> Baseline:
        """Return main's graph, and production's job and script of each of the branch's nodes.

        A script that is gone or may not be read is left unknown; a job whose name is not known counts as not deployed.

        Raises:
            AwsError: AWS could not be asked.
        """
        with ThreadPoolExecutor(_REQUESTS_AT_ONCE) as pool:
            wanted = {node.production_job for node in graph.nodes if not unknown_parts(node.production_job)}
            names = sorted(wanted - self._jobs.keys())
            self._jobs.update(zip(names, pool.map(self.aws.glue.get_job, names), strict=True))
            jobs = {node.id: self._jobs.get(node.production_job) for node in graph.nodes}
            uris = sorted({job.script_uri for job in jobs.values() if job is not None} - self._scripts.keys())
            self._scripts.update(zip(uris, pool.map(self._script, uris), strict=True))
        bodies = {node: self._scripts[job.script_uri] if job is not None else None for node, job in jobs.items()}
        origins = {node.id: bodies[node.id] for node in graph.nodes if node.is_origin}
        return Baseline(
            main_json=main_on_disk(graph_path).main_json,
            jobs={node.id: _seen(node.production_job, jobs[node.id], bodies[node.id]) for node in graph.nodes},
            scripts={node: body for node, body in origins.items() if body is not None},
        )

    def _script(self, uri: str) -> bytes | None:
        try:
            return self.aws.s3.read_bytes(uri)
        except (NotFoundError, AccessDeniedError, ValueError):
            return None


def drift_since(store: BranchStore, name: str, now: Baseline) -> Drift:
    """Return what has changed on main since a branch was made, or last rebased.

    Raises:
        BranchError: no such branch, or one of its files is broken.
    """
    return find_drift(store.branch(name), store.graph(name), store.baseline(name), now)


def _seen(name: str, job: GlueJob | None, script: bytes | None) -> JobAsSeen:
    return JobAsSeen(
        job=name,
        fields=None if job is None else mask_document(job.creatable),
        script_sha256=None if script is None else sha256(script),
    )

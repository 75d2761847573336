"""Comparing a branch's datasets on Glue's Spark: the job deployed if need be, run narrowed, its result read back.

No Dagster here: the command line and the asset checks both call it. Whatever breaks off is taken up by the next
call: deploying goes on where it was, a run that still goes is joined, and a result that lies there already for the
same data, rules and code is read and nothing runs.
"""

from __future__ import annotations

import hashlib
import json
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from pypedream_dagster.aws.session import Aws
from pypedream_dagster.branch import naming
from pypedream_dagster.branch.policy import results_policy
from pypedream_dagster.branch.store import BranchStore
from pypedream_dagster.delta.glue_job import REQUEST_ARGUMENT, SCRIPT, DeltaRequest, archive, code_sha256
from pypedream_dagster.delta.json_form import dataset_from_json
from pypedream_dagster.delta.model import DatasetDelta
from pypedream_dagster.delta.rules import CompareRules
from pypedream_dagster.delta.source import Side
from pypedream_dagster.deploy.delta_job import DeltaCode
from pypedream_dagster.deploy.execute import execute
from pypedream_dagster.deploy.lease import held
from pypedream_dagster.deploy.plan import plan_delta_job
from pypedream_dagster.deploy.steps import Step, describe
from pypedream_dagster.errors import NotFoundError
from pypedream_dagster.run.job_run import RunRequest, run_job

_DEPLOYING = threading.Lock()
"""The asset checks of one Dagster run are threads of one process, and share one record."""


@dataclass(frozen=True, slots=True)
class GlueComparer:
    """Compares datasets of one branch.

    Attributes:
        aws: the clients.
        store: the project's branches.
        branch: the branch's name.
        wait: sleeps so many seconds; whatever it raises stops the run.
        on_note: told what happens, in one line.
        dagster_run: the root Dagster run that compares, which may hold the branch's lease.
    """

    aws: Aws
    store: BranchStore
    branch: str
    wait: Callable[[float], None]
    on_note: Callable[[str], None] = lambda _: None
    dagster_run: str | None = None

    def __call__(self, base: Side, head: Side, rules: CompareRules, name: str, node: str) -> DatasetDelta:
        """Compare a dataset's base with its head.

        Raises:
            RunError: the run failed, with Glue's message and the place of its logs.
            AwsError: AWS refuses, or cannot be reached.
            DeltaError: the result is none.
            ProtectedError: something is in the way that is not this branch's.
        """
        graph = self.store.graph(self.branch)
        results = naming.delta_results_uri(graph.write_prefixes[0])
        key = self._key(base, head, rules, node, name)
        request = DeltaRequest(
            base.uri, head.uri, base.format, rules, name, node, self.aws.region, f"{results}{key}.json"
        )
        if (delta := self._result(request)) is not None:
            self.on_note(f"{node}.{name}: the data is what it was when it was last compared on Spark")
            return delta
        job = self._deployed_job()
        self._run(job, key, request, results)
        delta = self._result(request)
        if delta is None:
            # A run of this key had succeeded, and its result was deleted since.
            self._run(job, f"{key[:24]}{uuid.uuid4().hex[:8]}", request, results)
            delta = self._result(request)
        if delta is None:
            raise NotFoundError(f"{request.result_uri} is not there after the comparison on Spark.", hint="try again")
        return delta

    def _run(self, job: str, key: str, request: DeltaRequest, results: str) -> None:
        asked = RunRequest(job, key, {REQUEST_ARGUMENT: request.to_json()}, results_policy(results))
        what = f"{request.node}.{request.name}"
        run_job(
            self.aws.glue,
            asked,
            wait=self.wait,
            on_state=lambda run: self.on_note(f"{what}: Glue job {job}: run {run.job_run_id} is {run.state}"),
            on_note=self.on_note,
        )

    def _deployed_job(self) -> str:
        code = DeltaCode(SCRIPT, archive())
        with _DEPLOYING:
            plan = plan_delta_job(self.aws, self.store, self.branch, code)
            if plan.changes:
                self._deploy(code)
        return naming.delta_job(plan.graph.by_id[plan.graph.origins[0]].job)

    def _deploy(self, code: DeltaCode) -> None:
        with held(
            self.aws, self.store, self.branch, "deltas", dagster_run=self.dagster_run, on_note=self.on_note
        ) as lease:

            def on_step(step: Step) -> None:
                lease.check()
                self.on_note(describe(step))

            plan = plan_delta_job(self.aws, self.store, self.branch, code)
            execute(plan, self.aws, self.store, now=lambda: datetime.now(UTC), wait=self.wait, on_step=on_step)

    def _result(self, request: DeltaRequest) -> DatasetDelta | None:
        try:
            return dataset_from_json(self.aws.s3.read_text(request.result_uri))
        except NotFoundError:
            return None

    def _key(self, base: Side, head: Side, rules: CompareRules, node: str, name: str) -> str:
        """A digest of the data as it is listed, the rules and the code: another one is another comparison."""
        parts = [code_sha256(), self.branch, node, name, repr(rules), base.format]
        parts += [*self._listed(base.uri), "against", *self._listed(head.uri)]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]

    def _listed(self, uri: str) -> Iterator[str]:
        for item in self.aws.s3.list_objects(uri):
            yield f"{item.uri} {item.size_bytes} {item.etag}"

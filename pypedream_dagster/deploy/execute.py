"""Executing a plan step by step: noted before, done, noted after.

Executing may break off anywhere. Planning anew then finds what is there and goes on: nothing here has to be
undone, and nothing is done twice that cannot be.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Literal, assert_never

from pypedream_dagster.aws.conditional import create_object
from pypedream_dagster.aws.session import Aws
from pypedream_dagster.branch import naming
from pypedream_dagster.branch.model import DeployedTo, Output
from pypedream_dagster.branch.store import BranchStore
from pypedream_dagster.deploy.live import is_ours, live_tags, stop_run
from pypedream_dagster.deploy.plan import Plan, refuse_foreign
from pypedream_dagster.deploy.record import (
    DeploymentRecord,
    ResourceRecord,
    SeedRecord,
    set_aside_broken,
    write_deployment,
)
from pypedream_dagster.deploy.resources import (
    Database,
    Job,
    Kind,
    Prefix,
    Resource,
    Script,
    fingerprint,
    identity,
    kind_of,
)
from pypedream_dagster.deploy.seed import seed
from pypedream_dagster.deploy.steps import Create, Delete, Forget, Keep, Seed, Step, StopRun, Update
from pypedream_dagster.deploy.verify import check_nothing_left
from pypedream_dagster.errors import (
    AccessDeniedError,
    AwsError,
    BranchError,
    BusyError,
    ConflictError,
    NotConfiguredError,
    NotFoundError,
    ProtectedError,
    PypedreamError,
    StateError,
)


def execute(
    plan: Plan,
    aws: Aws,
    store: BranchStore,
    *,
    now: Callable[[], datetime],
    wait: Callable[[float], None],
    on_step: Callable[[Step], None] = lambda _: None,
) -> DeploymentRecord | None:
    """Execute a plan, and prove after a destruction that nothing is left.

    Args:
        plan: made against the same AWS and store.
        aws: the clients.
        store: holds the branch's folder, where the record is kept.
        now: the clock, in UTC.
        wait: sleeps so many seconds.
        on_step: told each step before it is done.

    Returns:
        The record as it is then; None after a destruction.

    Raises:
        AccessDeniedError: a call was denied; what this execution had made is removed again.
        AwsError: a call failed; what was done so far is recorded, and planning anew goes on from there.
        StateError: something is left after a destruction.
    """
    return _Execution(plan, aws, store, now, wait).run(on_step)


class _Execution:
    """One execution; it holds the record as it stands."""

    def __init__(
        self,
        plan: Plan,
        aws: Aws,
        store: BranchStore,
        now: Callable[[], datetime],
        wait: Callable[[float], None],
    ) -> None:
        self._plan, self._aws, self._store, self._now, self._wait = plan, aws, store, now, wait
        self._folder = store.folder(plan.branch)
        started = plan.record or DeploymentRecord(
            branch=plan.branch, account=aws.sts.caller().account, region=aws.region, is_local=aws.is_local
        )
        extends = plan.goal == "deltas"  # what is deployed stays as complete as it was
        self._record = started if extends else started.model_copy(update={"finished_at": None})

    def run(self, on_step: Callable[[Step], None]) -> DeploymentRecord | None:
        """Do all steps, then mark the deployment finished or prove the destruction."""
        goal = self._plan.goal
        self._begin()
        if goal == "deploy" and self._plan.graph != self._store.graph(self._plan.branch):
            self._store.update_graph(self._plan.branch, self._plan.graph)
        self._do_all(on_step)
        if goal == "deltas":
            return self._record
        if goal == "destroy":
            check_nothing_left(self._aws, self._plan)
            self._remember(None)
            for step in self._plan.steps:  # only now: what is left must stay on the record
                if isinstance(step, Delete):
                    self._forget(step.kind, step.identity)
            write_deployment(self._folder, self._record)
            if not self._store.exists(self._plan.branch):
                with suppress(OSError):  # it held the record alone, or it is the user's
                    self._folder.rmdir()
            return None
        self._record = self._record.model_copy(update={"finished_at": self._now()})
        write_deployment(self._folder, self._record)
        return self._record

    def _begin(self) -> None:
        """Note that something is, or will be, on AWS, before anything is: a disk that is full shows here."""
        set_aside_broken(self._folder)
        if self._plan.goal == "deploy":
            self._remember(
                DeployedTo(
                    account=self._record.account,
                    region=self._record.region,
                    is_local=self._record.is_local,
                    since=self._now(),
                )
            )
        if self._record.resources:
            write_deployment(self._folder, self._record)

    def _remember(self, deployed_to: DeployedTo | None) -> None:
        """Keep in the branch's own file whether it is deployed: a lost deployment record is missed by that."""
        with suppress(BranchError):  # of a branch whose folder is lost or broken only AWS is left (`deploy.lost`)
            branch = self._store.branch(self._plan.branch)
            if (branch.deployed_to is None) != (deployed_to is None):
                self._store.update_branch(branch.model_copy(update={"deployed_to": deployed_to}))

    def _do_all(self, on_step: Callable[[Step], None]) -> None:
        begun: list[Resource] = []
        try:
            for step in self._plan.steps:
                on_step(step)
                if isinstance(step, Create):
                    begun.append(step.resource)
                self._do(step)
        except (AccessDeniedError, ProtectedError) as error:
            # No later attempt can complete it, with these credentials or this name: leave nothing half made.
            self._undo(begun, error)
            if not self._record.resources:
                self._remember(None)
            raise

    def _undo(self, begun: list[Resource], denial: PypedreamError) -> None:
        for resource in reversed(begun):
            kind, name = kind_of(resource), identity(resource)
            try:
                found = live_tags(self._aws, kind, name)
                if found is not None and is_ours(found, self._plan.tags):
                    _delete(self._aws, kind, name)
                self._forget(kind, name)
            except AwsError as error:
                denial.add_note(f"{kind} {name} stays on the record: {error}")

    def _do(self, step: Step) -> None:
        match step:
            case Create(resource):
                self._note(resource, "making")
                _create_once(self._aws, resource, self._plan)
                self._note(resource, "made")
            case Update(resource):
                self._note(resource, "making")
                _update(self._aws, resource, self._plan)
                self._note(resource, "made")
            case Keep(resource):
                self._note_kept(resource)
            case Seed(node, output):
                self._note_seed(node, output, "making")
                seed(self._aws.s3, self._plan.graph, output)
                self._note_seed(node, output, "made")
            case StopRun():
                stop_run(self._aws, step, self._wait)
            case Delete(kind, name):
                self._note_deleting(kind, name)
                _delete(self._aws, kind, name)
                if self._plan.goal == "deploy":
                    self._forget(kind, name)
            case Forget(kind, name):
                self._forget(kind, name)
            case _:
                assert_never(step)

    def _note(self, resource: Resource, state: Literal["making", "made"]) -> None:
        note = ResourceRecord(
            kind=kind_of(resource),
            identity=identity(resource),
            node=resource.node if isinstance(resource, Script | Job) else None,
            purpose="deltas" if self._plan.goal == "deltas" else "branch",
            state=state,
            fingerprint=fingerprint(resource) if state == "made" else None,
            at=self._now(),
        )
        self._record = self._record.noting(note)
        write_deployment(self._folder, self._record)

    def _note_seed(self, node: str, output: Output, state: Literal["making", "made"]) -> None:
        copied = SeedRecord(node=node, dataset=output.name, uri=output.head_uri, state=state, at=self._now())
        self._record = self._record.noting_seed(copied)
        write_deployment(self._folder, self._record)

    def _note_kept(self, resource: Resource) -> None:
        known = self._record.find(kind_of(resource), identity(resource))
        # What was noted as made just so keeps its time: a run that broke off since then can be gone on with.
        if known is None or (known.state, known.fingerprint) != ("made", fingerprint(resource)):
            self._note(resource, "made")

    def _note_deleting(self, kind: Kind, name: str) -> None:
        known = self._record.find(kind, name)
        note = ResourceRecord(
            kind=kind,
            identity=name,
            node=known.node if known else None,
            purpose=known.purpose if known else "branch",
            state="deleting",
            at=self._now(),
        )
        self._record = self._record.noting(note)
        if kind == "prefix":  # with the copies in it
            self._record = self._record.model_copy(update={"seeds": ()})
        write_deployment(self._folder, self._record)

    def _forget(self, kind: Kind, name: str) -> None:
        self._record = self._record.forgetting(kind, name)
        write_deployment(self._folder, self._record)


def _create_once(aws: Aws, resource: Resource, plan: Plan) -> None:
    """Create a resource; that it is there already is no error if it is ours: an answer was lost, and asked for again.

    Raises:
        AwsError: AWS refuses.
    """
    try:
        _create(aws, resource, plan)
    except (AccessDeniedError, BusyError, NotConfiguredError):
        raise
    except AwsError:
        found = live_tags(aws, kind_of(resource), identity(resource))
        if found is None or not is_ours(found, plan.tags):
            raise
        _update(aws, resource, plan)


def _create(aws: Aws, resource: Resource, plan: Plan) -> None:
    tags = plan.tags
    match resource:
        case Prefix(uri):
            _create_claim(aws, uri, plan)
        case Script(uri):
            aws.s3.write(uri, resource.body, tags)
        case Job(name):
            aws.glue.create_job(name, resource.properties, tags)
        case Database(name):
            aws.catalog.create_database(name, tags, f"Branch {plan.branch}")
        case _:
            assert_never(resource)


def _create_claim(aws: Aws, uri: str, plan: Plan) -> None:
    """Claim a prefix; of two who do so at once, S3 lets one."""
    claim = naming.claim_uri(uri)
    try:
        create_object(aws.s3, claim, _claim(uri, plan), plan.tags)
    except ConflictError:
        found = aws.s3.tags(claim)
        if not is_ours(found, plan.tags):  # ours: it was written, and the answer lost
            refuse_foreign("prefix", uri, found)


def _update(aws: Aws, resource: Resource, plan: Plan) -> None:
    tags = plan.tags
    match resource:
        case Prefix(uri):
            aws.s3.write(naming.claim_uri(uri), _claim(uri, plan), tags)
        case Script():
            _create(aws, resource, plan)
        case Job(name):
            aws.glue.update_job(name, resource.properties)
            aws.glue.set_tags(name, tags)
        case Database(name):
            aws.catalog.set_tags(name, tags)
        case _:
            assert_never(resource)


def _delete(aws: Aws, kind: Kind, name: str) -> None:
    match kind:
        case "job":
            aws.glue.delete_job(name)
        case "database":
            aws.catalog.delete_database(name)
        case "script":
            aws.s3.delete_object(name)
        case "prefix":
            _delete_prefix(aws, name)
        case _:
            assert_never(kind)


def _delete_prefix(aws: Aws, uri: str) -> None:
    """Delete a prefix's data, then its claim: as long as data is left, it can be seen whose it is."""
    with suppress(NotFoundError):  # a bucket that is gone holds nothing any more
        aws.s3.delete_prefix(uri)
        if not aws.s3.is_empty(uri):
            raise StateError(
                f"{uri} is not empty after its data was deleted: something still writes there.",
                hint="stop it, then run the command again",
            )
        aws.s3.delete_if_empty(naming.folder_marker(uri))  # Hadoop's are; anything else of that name is not ours
        aws.s3.delete_beside(naming.waiting_prefix(uri))  # of runs that were killed while they waited
        aws.s3.delete_object(naming.claim_uri(uri))


def _claim(uri: str, plan: Plan) -> str:
    """Return what a claim says; `deploy.search` finds its siblings by it."""
    text = "Pypedream: the prefix beside this object is a branch's; 'pypedream destroy-branch' removes both."
    said = {"branch": plan.branch, "prefix": uri, "prefixes": plan.graph.write_prefixes, "about": text}
    return json.dumps(said, indent=2) + "\n"

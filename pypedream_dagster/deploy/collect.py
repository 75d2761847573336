"""Removing what has expired: the branches of one project, whether their folder is here or only their tags are known.

That a branch may go was agreed when it was made (its expiry), or prolonged since: no one is asked again. What runs or
is held is left for the next time, and what fails stops nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from pypedream_dagster.aws.s3 import S3Object
from pypedream_dagster.aws.session import Aws
from pypedream_dagster.branch import naming
from pypedream_dagster.branch.derive import derive_main
from pypedream_dagster.branch.model import Branch, BranchGraph
from pypedream_dagster.branch.places import branch_parents, project_name
from pypedream_dagster.branch.store import BranchStore
from pypedream_dagster.deploy.execute import execute
from pypedream_dagster.deploy.known import OnAws, beside, branches_on_aws
from pypedream_dagster.deploy.lease import Site, held_unless_gone, holder_of
from pypedream_dagster.deploy.orphan import plan_orphan_destruction
from pypedream_dagster.deploy.plan import Plan, check_same_aws, plan_destruction
from pypedream_dagster.deploy.rebuild import named_by
from pypedream_dagster.deploy.record import BrokenRecordError, read_deployment
from pypedream_dagster.deploy.steps import Delete, StopRun, describe
from pypedream_dagster.errors import PypedreamError, StateError
from pypedream_dagster.graph.files import read_graph
from pypedream_dagster.graph.model import PipelineGraph
from pypedream_dagster.settings import Settings

Outcome = Literal["removed", "to remove", "nothing", "running", "held", "elsewhere", "failed"]

_LEASE = timedelta(minutes=2)
"""How long what lies beside a prefix counts after it was written: who holds a branch writes again before that."""


@dataclass(frozen=True, slots=True)
class Collected:
    """What became of an expired branch.

    Attributes:
        has_folder: whether it has one on this machine.
        outcome: ``to remove`` in a dry run; ``nothing`` if nothing of it is deployed; ``elsewhere`` if it is, in
            another account or region than the one in use.
        steps: what was done, or would be, a line each.
        reason: why it was left.
    """

    branch: str
    owner: str
    project: str
    expired_at: datetime
    has_folder: bool
    outcome: Outcome
    steps: tuple[str, ...] = ()
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Collector:
    """What removing needs.

    Attributes:
        store: the project's branches.
        graph: of main; what else is main's is taken from it.
        project: whose branches are removed.
        scratch: a folder where the steps are recorded of branches that have no folder.
        owner: who removes them, for those who want a branch meanwhile.
        now, wait: the clock, in UTC, and sleep.
        on_note: told each step, in one line.
    """

    aws: Aws
    store: BranchStore
    graph: PipelineGraph
    project: str
    scratch: Path
    owner: str
    now: Callable[[], datetime]
    wait: Callable[[float], None]
    on_note: Callable[[str], None] = lambda _: None

    @classmethod
    def of(
        cls,
        settings: Settings,
        aws: Aws,
        *,
        now: Callable[[], datetime],
        wait: Callable[[float], None],
        on_note: Callable[[str], None],
    ) -> Collector:
        """Return what removes the branches of the project that the settings name.

        Raises:
            GraphError: main's graph cannot be read: what is main's would not be known.
        """
        graph = read_graph(settings.graph_path)
        return cls(
            aws=aws,
            store=BranchStore(settings.branches_dir),
            graph=graph,
            project=project_name(graph, settings),
            scratch=settings.state_dir / "gc",
            owner=settings.owner,
            now=now,
            wait=wait,
            on_note=on_note,
        )

    def collect(self, *, older_than: timedelta = timedelta(0), dry_run: bool = False) -> Iterator[Collected]:
        """Remove each expired branch; give what became of it.

        Args:
            older_than: leave those alone that expired less long ago.
            dry_run: only say what would be done.

        Raises:
            AwsError: what there is cannot be found out.
        """
        before = self.now() - older_than
        main = derive_main(self.graph)
        on_aws = branches_on_aws(self.aws, self.project, branch_parents(self.graph))
        here: list[OnAws] = []
        for name in self.store.names():
            try:
                branch = self.store.branch(name)
            except PypedreamError:
                continue  # its tags, if it has any, tell when it expired
            same = next((found for found in on_aws if found.is_of(branch)), None)
            here += [same] if same else []
            expired_at = _expiry(branch, same)
            if naming.tag_value(branch.project) == naming.tag_value(self.project) and expired_at <= before:
                start = Collected(name, branch.owner, branch.project, expired_at, True, "nothing")
                yield self._local(start, main, dry_run=dry_run)
        for found in on_aws:
            if found not in here and found.expires_at is not None and found.expires_at <= before:
                yield self._orphan(found, main, dry_run=dry_run)

    def _orphan(self, found: OnAws, main: BranchGraph, *, dry_run: bool) -> Collected:
        assert found.expires_at is not None
        start = Collected(found.name, found.owner, found.project, found.expires_at, False, "nothing")
        if _has_broken_folder(self.store, found.name):
            reason = f"its folder {self.store.folder(found.name)} is broken: mend it, or move it away"
            return replace(start, has_folder=True, outcome="failed", reason=reason)
        return self.remove_orphan(found, start, main, dry_run=dry_run)

    def remove_orphan(self, found: OnAws, start: Collected, main: BranchGraph, *, dry_run: bool) -> Collected:
        """Remove a branch that has no folder here; give what became of it."""
        if rival := self._named_here(found):
            reason = f"branch {rival!r} here has {found.found[0].identity}, whose tags are not that branch's"
            return replace(start, outcome="failed", reason=reason)
        scratch = BranchStore(self.scratch)
        fresh = [item for root in found.identities("prefix") for item in beside(self.aws, root) if self._is_fresh(item)]
        if fresh:
            return replace(start, outcome="held", reason=f"{fresh[0].uri} says that a command has it")
        if dry_run:
            return self._attempt(start, lambda: plan_orphan_destruction(self.aws, found, main), scratch, dry_run=True)
        prefixes = sorted(found.identities("prefix"))
        site = Site(naming.lease_uri(prefixes[0]), found.found[0].tags, found.owner) if prefixes else None
        try:
            with self._held(found.name, site) if site else nullcontext():
                return self._remove_held(found, start, main, scratch)
        except StateError as error:
            return replace(start, outcome="held", reason=error.message)
        except PypedreamError as error:
            return replace(start, outcome="failed", reason=str(error))

    def _remove_held(self, found: OnAws, start: Collected, main: BranchGraph, scratch: BranchStore) -> Collected:
        with suppress(PypedreamError):
            scratch.folder(found.name).mkdir(parents=True, exist_ok=True)
        done = self._attempt(start, lambda: plan_orphan_destruction(self.aws, found, main), scratch, dry_run=False)
        if done.outcome == "removed":
            for item in [item for root in found.identities("prefix") for item in beside(self.aws, root)]:
                self.aws.s3.delete_object(item.uri)
        with suppress(PypedreamError, OSError):  # not empty: it broke off, and the next time goes on
            scratch.folder(found.name).rmdir()
        return done

    def _named_here(self, found: OnAws) -> str | None:
        """Return the branch whose folder is here and names something of a branch that is known by its tags only."""
        for name in self.store.names():
            with suppress(PypedreamError):
                if set(named_by(self.store.graph(name))) & {(item.kind, item.identity) for item in found.found}:
                    return name
        return None

    def _is_fresh(self, item: S3Object) -> bool:
        return self.now() - item.last_modified < _LEASE

    def _local(self, start: Collected, main: BranchGraph, *, dry_run: bool) -> Collected:
        name, folder = start.branch, self.store.folder(start.branch)
        try:
            with suppress(BrokenRecordError):
                check_same_aws(self.aws, read_deployment(folder))
        except StateError as error:
            return replace(start, outcome="elsewhere", reason=error.message)
        with ExitStack() as stack:
            try:
                if not dry_run:
                    stack.enter_context(self._held(name, None))
                elif busy := holder_of(self.aws, self.store, name):
                    return replace(start, outcome="held", reason=busy)
            except StateError as error:
                return replace(start, outcome="held", reason=error.message)
            except (PypedreamError, OSError) as error:
                return replace(start, outcome="failed", reason=str(error))
            return self._attempt(
                start,
                lambda: plan_destruction(self.aws, self.store, name, also_protected=main.protected_uris),
                self.store,
                dry_run=dry_run,
            )

    def _held(self, name: str, site: Site | None) -> AbstractContextManager[object]:
        return held_unless_gone(self.aws, self.store, name, "gc", owner=self.owner, on_note=self.on_note, site=site)

    def _attempt(self, start: Collected, plan: Callable[[], Plan], store: BranchStore, *, dry_run: bool) -> Collected:
        try:
            return self._execute(start, plan(), store, dry_run=dry_run)
        except (PypedreamError, OSError) as error:
            return replace(start, outcome="failed", reason=str(error))

    def _execute(self, start: Collected, plan: Plan, store: BranchStore, *, dry_run: bool) -> Collected:
        if running := [step for step in plan.steps if isinstance(step, StopRun)]:
            first = running[0]
            return replace(start, outcome="running", reason=f"run {first.job_run_id} of {first.job_name} is under way")
        steps = tuple(describe(step) for step in plan.steps)
        if dry_run or not steps:
            return replace(start, outcome="to remove" if steps else "nothing", steps=steps)
        self.on_note(f"{start.branch} of {start.owner}, expired {start.expired_at:%Y-%m-%d}")
        execute(
            plan,
            self.aws,
            store,
            now=self.now,
            wait=self.wait,
            on_step=lambda step: self.on_note(f"  {describe(step)}"),
        )
        deleted = tuple(describe(step) for step in plan.steps if isinstance(step, Delete))
        return replace(start, outcome="removed", steps=deleted)


def _expiry(branch: Branch, on_aws: OnAws | None) -> datetime:
    """Return when a branch expires: what its folder says, unless its tags say a later day (prolonged elsewhere)."""
    if on_aws is None or on_aws.expires_on is None or on_aws.expires_on <= branch.expires_at.date():
        return branch.expires_at
    return on_aws.expires_at or branch.expires_at


def _has_broken_folder(store: BranchStore, name: str) -> bool:
    try:
        if not store.exists(name):
            return False
        store.branch(name)
        store.graph(name)
    except PypedreamError:
        return True
    return False

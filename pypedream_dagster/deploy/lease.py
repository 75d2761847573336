"""The lease of a branch: one command at a time changes it or runs it, whoever asks, from whatever machine.

An object beside the branch's first write prefix says who holds it. It is written under S3's conditions, so of two
who ask at once one gets it; it is renewed in the background and removed at the end. One whose process is known to be
dead, or that was not renewed in time by S3's own clock, is taken over. docs/decisions/0014-leases-and-turns.md
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime

from pypedream_dagster.aws.conditional import (
    Found,
    check_conditions,
    create_object,
    look,
    remove_object,
    replace_object,
)
from pypedream_dagster.aws.session import Aws
from pypedream_dagster.branch import naming
from pypedream_dagster.branch.holder import current_machine, current_worker, is_dead
from pypedream_dagster.branch.store import BranchStore
from pypedream_dagster.deploy.lease_document import (
    LASTS_SECONDS,
    Command,
    LeaseDocument,
    read_lease,
    refusal,
    said,
)
from pypedream_dagster.deploy.plan import branch_tags
from pypedream_dagster.errors import (
    AccessDeniedError,
    AwsError,
    ConflictError,
    NotFoundError,
    PypedreamError,
    StateError,
)

_RENEWALS = 3  # per LASTS_SECONDS
_ATTEMPTS = 20  # each is lost to somebody else's success


class Lease:
    """A branch's lease while this process holds it."""

    def __init__(self, aws: Aws, uri: str, tags: Mapping[str, str], document: LeaseDocument) -> None:
        self._aws, self._uri, self._tags, self._document = aws, uri, tags, document
        self._body = document.model_dump_json(indent=2) + "\n"
        self._etag = ""
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._written = 0.0
        self._lost: str | None = None
        self._thread = threading.Thread(target=self._renew_till_stopped, name="pypedream-lease", daemon=True)

    @property
    def dagster_run(self) -> str | None:
        """The root Dagster run that holds it."""
        return self._document.dagster_run

    def check(self) -> None:
        """Refuse to go on without the lease: somebody may have taken it while this machine slept.

        Raises:
            StateError: it is lost.
        """
        # The thread that renews it may not have woken yet. Wall time, for other clocks stop in sleep.
        if time.time() - self._written > self._document.lasts_seconds and self._lost is None:
            with self._lock:
                self._renew()
        if self._lost is not None:
            raise StateError(self._lost, hint="look at what the other did, then run the command again")

    def acquire(self) -> None:
        """Take the lease, and keep it up from then on.

        Raises:
            StateError: somebody else holds it.
            AccessDeniedError: the credentials may not write it.
            AwsError: AWS cannot be reached, or the store knows no conditional writes.
        """
        try:
            self._take()
        except AwsError as error:
            self._withdraw()  # the answer was lost, or a later call refused: it may have been written
            if isinstance(error, AccessDeniedError):
                raise AccessDeniedError(
                    f"Branch {self._document.branch!r} cannot be held against other commands: {error.message}",
                    hint=error.hint,
                ) from error
            raise
        self._thread.start()

    def release(self) -> None:
        """Give the lease up: the object is gone then, unless somebody else has it by now."""
        self._stop.set()
        with self._lock:
            try:
                remove_object(self._aws.s3, self._uri, self._etag)
            except (ConflictError, NotFoundError):
                return

    def _take(self) -> None:
        s3 = self._aws.s3
        for _ in range(_ATTEMPTS):
            try:
                self._note(create_object(s3, self._uri, self._body, self._tags))
                _check_store(self._aws, self._uri, self._body, self._tags)
                return
            except ConflictError:
                found = look(s3, self._uri)
            if found is None:
                continue
            holder = read_lease(found)
            if holder is not None and holder.token == self._document.token:
                self._note(found.etag)  # it was written, and the answer lost
                return
            if not self._may_take(holder, found):
                raise refusal(self._document.branch, holder, found)
            try:
                self._note(replace_object(s3, self._uri, self._body, self._tags, found.etag))
                return
            except (ConflictError, NotFoundError):
                continue
        raise StateError(f"Branch {self._document.branch!r} changes hands all the time.", hint="try again")

    def _may_take(self, holder: LeaseDocument | None, found: Found) -> bool:
        if found.age_seconds > (holder.lasts_seconds if holder else LASTS_SECONDS):
            return True
        if holder is None:  # of another version: it cannot be asked
            return False
        same_run = holder.dagster_run is not None and holder.dagster_run == self._document.dagster_run
        return same_run or is_dead(holder.worker, holder.machine)

    def _renew_till_stopped(self) -> None:
        while not self._stop.wait(self._document.lasts_seconds / _RENEWALS) and self._lost is None:
            with self._lock:
                if not self._stop.is_set():
                    self._renew()

    def _renew(self) -> None:
        try:
            self._note(replace_object(self._aws.s3, self._uri, self._body, self._tags, self._etag))
        except (ConflictError, NotFoundError):
            self._regain()
        except PypedreamError as error:
            # Within the time that it holds, AWS may come back.
            if time.time() - self._written > self._document.lasts_seconds:
                self._lost = f"The lease of branch {self._document.branch!r} could not be renewed: {error}"

    def _regain(self) -> None:
        try:
            self._take()
        except StateError as error:
            self._lost = f"The lease of branch {self._document.branch!r} was lost: {error.message}"
        except PypedreamError:
            return  # the next renewal tries again

    def _withdraw(self) -> None:
        try:
            found = look(self._aws.s3, self._uri)
            holder = read_lease(found) if found else None
            if found and holder and holder.token == self._document.token:
                remove_object(self._aws.s3, self._uri, found.etag)
        except PypedreamError:
            return  # it runs out by itself

    def _note(self, etag: str) -> None:
        self._etag, self._written = etag, time.time()


@dataclass(frozen=True, slots=True)
class Site:
    """Where a branch's lease lies.

    Attributes:
        uri: of the object.
        tags: that it carries, as all that is the branch's.
        owner: the branch's.
    """

    uri: str
    tags: Mapping[str, str]
    owner: str

    @classmethod
    def of_folder(cls, store: BranchStore, branch: str) -> Site:
        """Return it as the branch's folder tells.

        Raises:
            BranchError: there is no such branch, or its files are broken.
        """
        record = store.branch(branch)
        return cls(naming.lease_uri(store.graph(branch).write_prefixes[0]), branch_tags(record), record.owner)


_held: ContextVar[Mapping[str, Lease]] = ContextVar("pypedream_leases", default={})  # noqa: B039  (never changed)
_runs: dict[tuple[str, str], Lease] = {}
_runs_lock = threading.Lock()
_checked_stores: set[str] = set()


@contextmanager
def held(
    aws: Aws,
    store: BranchStore,
    branch: str,
    command: Command,
    *,
    owner: str | None = None,
    dagster_run: str | None = None,
    on_note: Callable[[str], None] = lambda _: None,
    lasts_seconds: float = LASTS_SECONDS,
    site: Site | None = None,
) -> Iterator[Lease]:
    """Hold a branch's lease for as long as the block runs; within a block that holds it already, share that.

    Args:
        aws: where the branch is.
        store: holds the branch's folder.
        branch: its name.
        command: what is about to be done.
        owner: who does it; the branch's owner if not given.
        dagster_run: the root Dagster run that the block belongs to: its lease is shared.
        on_note: told what a reader has to know, in one line.
        lasts_seconds: how long it holds should this process die.
        site: where the lease lies, of a branch whose folder is lost.

    Raises:
        StateError: somebody else holds it: says who, since when, and what to do.
        AccessDeniedError: the credentials may not write it.
    """
    site = site or Site.of_folder(store, branch)
    uri = site.uri
    shared = _held.get().get(uri) or (_runs.get((uri, dagster_run)) if dagster_run else None)
    if shared is not None:
        shared.check()
        yield shared
        return
    lease = _acquired(aws, site, branch, command, owner, dagster_run, lasts_seconds)
    token = _held.set({**_held.get(), uri: lease})
    try:
        yield lease
    except BaseException:
        _release(lease, branch, on_note)
        raise
    else:
        if command == "destroy-branch":
            lease.release()  # what cannot be removed is left behind: that is an error
        else:
            _release(lease, branch, on_note)
    finally:
        _held.reset(token)


@contextmanager
def held_unless_gone(
    aws: Aws,
    store: BranchStore,
    branch: str,
    command: Command,
    *,
    owner: str | None = None,
    on_note: Callable[[str], None] = lambda _: None,
    site: Site | None = None,
) -> Iterator[Lease | None]:
    """Do as `held`, for what removes a branch; None if the bucket is gone in which its lease would lie.

    Raises:
        StateError: somebody else holds it.
        AccessDeniedError: the credentials may not write it.
    """
    with ExitStack() as stack:
        lease: Lease | None = None
        try:
            taken = held(aws, store, branch, command, owner=owner, on_note=on_note, site=site)
            lease = stack.enter_context(taken)
        except NotFoundError:
            on_note("The bucket of the branch's data is gone: nothing holds the branch against other commands.")
        yield lease


def joined(aws: Aws, store: BranchStore, branch: str, dagster_run: str, *, owner: str | None = None) -> Lease:
    """Return the lease that all steps of a Dagster run share; it is held until `release_run`, or the process ends.

    A step that runs within `held` has that lease.

    Args:
        aws: where the branch is.
        store: holds the branch's folder.
        branch: its name.
        dagster_run: the root run, which all re-executions have in common.
        owner: who runs it; the branch's owner if not given.

    Raises:
        StateError: somebody else holds it, or it was lost.
        AccessDeniedError: the credentials may not write it.
    """
    site = Site.of_folder(store, branch)
    uri = site.uri
    lease = _held.get().get(uri)
    if lease is None:
        with _runs_lock:
            lease = _runs.get((uri, dagster_run))
            if lease is None:
                lease = _acquired(aws, site, branch, "trigger-branch", owner, dagster_run, LASTS_SECONDS)
                _runs[uri, dagster_run] = lease
    lease.check()
    return lease


def release_run(dagster_run: str) -> None:
    """Give up what `joined` took for a Dagster run; what AWS does not let go of runs out by itself."""
    with _runs_lock:
        ended = [key for key in _runs if key[1] == dagster_run]
        leases = [_runs.pop(key) for key in ended]
    for lease in leases:
        _release(lease, "", lambda _: None)


def holder_of(aws: Aws, store: BranchStore, branch: str) -> str | None:
    """Return who holds a branch's lease, as a sentence; None if nobody does. Reads only."""
    found = look(aws.s3, Site.of_folder(store, branch).uri)
    holder = read_lease(found) if found else None
    if found is None or holder is None or found.age_seconds > holder.lasts_seconds:
        return None
    return None if is_dead(holder.worker, holder.machine) else said(branch, holder, found.answered_at)


def _acquired(
    aws: Aws,
    site: Site,
    branch: str,
    command: Command,
    owner: str | None,
    dagster_run: str | None,
    lasts_seconds: float,
) -> Lease:
    worker = current_worker()
    document = LeaseDocument(
        branch=branch,
        owner=owner or site.owner,
        host=worker.partition(":")[0],
        worker=worker,
        machine=current_machine(),
        command=command,
        dagster_run=dagster_run,
        since=datetime.now(UTC),
        lasts_seconds=lasts_seconds,
        token=uuid.uuid4().hex,
    )
    lease = Lease(aws, site.uri, site.tags, document)
    lease.acquire()
    return lease


def _release(lease: Lease, branch: str, on_note: Callable[[str], None]) -> None:
    try:
        lease.release()
    except PypedreamError as error:
        on_note(f"The lease of branch {branch!r} could not be given up; it runs out in {LASTS_SECONDS:.0f} s: {error}")


def _check_store(aws: Aws, uri: str, body: str, tags: Mapping[str, str]) -> None:
    """Ask a store that is not AWS's once whether it heeds conditions: some take them and overwrite all the same."""
    if aws.endpoint_url is not None and aws.endpoint_url not in _checked_stores:
        check_conditions(aws.s3, uri, body, tags)
        _checked_stores.add(aws.endpoint_url)

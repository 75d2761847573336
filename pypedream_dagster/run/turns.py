"""Turns at a Glue job that several branches and production share: who began to wait first runs first.

Whoever waits keeps a ticket beside the branch's prefix, where all others see it: a number one higher than the
highest there was. The lowest number whose process still lives goes next, so no clock decides. A job that may run
several times at once has its last place left to production; one that may run once rests for a moment between the
branches that queue for it. Why not Glue's own queue: docs/decisions/0014-leases-and-turns.md
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from pypedream_dagster.aws.conditional import look, siblings
from pypedream_dagster.aws.glue import GlueClient
from pypedream_dagster.aws.job_run import JobRun
from pypedream_dagster.aws.s3 import S3Client
from pypedream_dagster.branch import naming
from pypedream_dagster.branch.holder import current_machine, current_worker, is_dead
from pypedream_dagster.branch.model import BranchGraph, BranchNode
from pypedream_dagster.errors import AwsError
from pypedream_dagster.graph.model import MAIN

RUN_KEY_ARGUMENT = "--pypedream_run_key"
"""Underscores: scripts that read all of their arguments with argparse get it as an attribute."""

_RECENT_RUNS = 200  # one page of GetJobRuns; what is older than that does not run any more
_TICKET_SECONDS = 45.0  # a waiter that has not been heard of for so long has died
_REFRESH_SECONDS = 15.0
REST_SECONDS = 5.0
"""How long a job that may run once is left to production, at least, before one branch follows another."""

_REST_FRACTION, _LONGEST_REST_SECONDS = 0.1, 60.0  # of the last run's time
_SHORTEST_POLL_SECONDS, _LONGEST_POLL_SECONDS, _NEXT_POLL_SECONDS = 1.0, 15.0, 4.0
_POLL_FRACTION = 0.1  # of the time waited so far
_NAMED = 5  # how many of those ahead are named


class Ticket(BaseModel):
    """What a waiting run says of itself.

    Attributes:
        number: its place: lower ones go first.
        run_key: of the run that waits: one branch may wait with several.
        since: when it began, by its own clock; for readers only.
        worker, machine: see `branch.holder`.
    """

    model_config = ConfigDict(frozen=True)

    version: Literal[1] = 1
    about: str = "Pypedream: the branch beside this object waits for a Glue job that others run as well."
    branch: str
    owner: str
    job: str
    number: int
    run_key: str
    since: datetime
    worker: str
    machine: str

    @property
    def place(self) -> tuple[int, str, str]:
        """What the order goes by; two who drew the same number at once are told apart by name."""
        return (self.number, self.branch, self.run_key)


@dataclass(frozen=True, slots=True)
class Line:
    """Where a branch queues for one Glue job that is not its own.

    Attributes:
        s3: the client.
        job: the Glue job.
        branch: who waits.
        owner: whose branch that is.
        root: the branch's prefix that the job writes to; tickets lie beside it, and beside those of other branches.
        argument: a job argument that names a place below it, by which other branches' runs are told from production's.
        tags: of the branch.
        rest_seconds: how long to leave the job to production, at least.
    """

    s3: S3Client
    job: str
    branch: str
    owner: str
    root: str
    argument: str | None
    tags: Mapping[str, str]
    rest_seconds: float = REST_SECONDS

    @property
    def folder(self) -> str:
        """What lies above the branch's prefix."""
        return naming.parent_uri(self.root)

    def whose(self, run: JobRun) -> str:
        """Return to whom a run of the job belongs, for a reader."""
        uri = run.arguments.get(self.argument or "", "")
        if RUN_KEY_ARGUMENT not in run.arguments or not uri.startswith(self.folder):
            return "production"
        segment, own = (text[len(self.folder) :].partition("/")[0] for text in (uri, self.root))
        before, _, after = own.partition(self.branch)
        name = segment.removeprefix(before).removesuffix(after)
        return "production" if name == MAIN else f"branch {name!r}"


def line_for(graph: BranchGraph, node: BranchNode, s3: S3Client, *, owner: str, tags: Mapping[str, str]) -> Line | None:
    """Return where a branch's node queues; None where it need not: main goes first, and a clone is the branch's own."""
    if graph.is_main or node.action == "clone":
        return None
    # The places that the job itself writes: the same templates for every branch, so all look at the same place.
    places = [(item.argument, item.head_uri) for item in node.outputs]
    places += [(item.argument, item.uri) for item in node.inputs if item.side == "head"]
    for argument, uri in places:
        for root in graph.write_prefixes:
            if uri.startswith(root):
                return Line(s3, node.job, graph.branch, owner, root, argument, tags)
    return Line(s3, node.job, graph.branch, owner, graph.write_prefixes[0], None, tags)


class Turn:
    """One run's wait for its turn."""

    def __init__(self, glue: GlueClient, line: Line, run_key: str, now: Callable[[], datetime]) -> None:
        self._glue, self._line, self._now = glue, line, now
        self._run_key = run_key
        self._uri = naming.waiting_uri(line.root, line.job, run_key)
        self._ticket: Ticket | None = None
        self._refreshed_seconds: float | None = None
        self._idle_since_seconds: float | None = None
        self._known: dict[tuple[str, str], Ticket | None] = {}
        self._is_next = False

    def hindrance(self, waited_seconds: float) -> str | None:
        """Return why the run may not start now, for a reader; None if it is its turn and there is room.

        Args:
            waited_seconds: for how long it has waited so far.
        """
        others = self._others()
        if self._ticket is None and others:
            self._ticket = self._former()
        ahead = [one for one in others if self._ticket is None or one.place < self._ticket.place]
        self._is_next = not ahead
        if ahead:
            self._idle_since_seconds = None
            said = self._said_ahead(ahead)
        else:
            said = self._no_room(waited_seconds) or ""
        if said:
            self.stay(waited_seconds, others)
        return said or None

    def stay(self, waited_seconds: float, others: Iterable[Ticket] | None = None) -> None:
        """Keep a place in the line: draw a ticket, or show that this process still waits."""
        if self._ticket is None:
            self._ticket = self._drawn(self._others() if others is None else others)
        elif self._refreshed_seconds is not None and waited_seconds - self._refreshed_seconds < _REFRESH_SECONDS:
            return
        self._line.s3.write(self._uri, self._ticket.model_dump_json(indent=2) + "\n", self._line.tags)
        self._refreshed_seconds = waited_seconds

    def delay_seconds(self, waited_seconds: float) -> float:
        """Return how long to wait before asking again: whoever is next asks more often."""
        longest = _NEXT_POLL_SECONDS if self._is_next else _LONGEST_POLL_SECONDS
        return min(max(waited_seconds * _POLL_FRACTION, _SHORTEST_POLL_SECONDS), longest)

    def leave(self) -> None:
        """Give the place up; a ticket that cannot be removed counts for nothing before long."""
        if self._ticket is not None:
            try:
                self._line.s3.delete_object(self._uri)
            except AwsError:
                return

    def _others(self) -> list[Ticket]:
        """Return the tickets of all others that still wait for the job, first come first."""
        entries = list(siblings(self._line.s3, self._line.folder, naming.waiting_suffix(self._line.job)))
        found = []
        for entry in entries:
            if entry.uri == self._uri or entry.age_seconds > _TICKET_SECONDS:
                continue
            ticket = self._read(entry.uri, entry.etag)
            if ticket is not None and not is_dead(ticket.worker, ticket.machine):
                found.append(ticket)
        return sorted(found, key=lambda ticket: ticket.place)

    def _read(self, uri: str, etag: str) -> Ticket | None:
        if (uri, etag) not in self._known:
            found = look(self._line.s3, uri)
            if found is None:  # its turn has come meanwhile
                return None
            self._known[uri, etag] = _parsed(found.body)
        return self._known[uri, etag]

    def _former(self) -> Ticket | None:
        """Return the ticket of this very run's earlier process, which was killed: its place is kept."""
        found = look(self._line.s3, self._uri)
        former = _parsed(found.body) if found else None
        if found is None or former is None or found.age_seconds > _TICKET_SECONDS:
            return None
        return former.model_copy(update={"worker": current_worker(), "machine": current_machine()})

    def _drawn(self, others: Iterable[Ticket]) -> Ticket:
        return Ticket(
            branch=self._line.branch,
            owner=self._line.owner,
            job=self._line.job,
            number=1 + max((one.number for one in others), default=0),
            run_key=self._run_key,
            since=self._now(),
            worker=current_worker(),
            machine=current_machine(),
        )

    def _no_room(self, waited_seconds: float) -> str | None:
        job = self._glue.get_job(self._line.job)
        at_once = job.max_concurrent_runs if job else 1
        runs = list(islice(self._glue.job_runs(self._line.job), _RECENT_RUNS))
        queued = [run for run in runs if run.state == "WAITING"]
        active = [run for run in runs if not run.is_terminal and run.state != "WAITING"]
        limit = f"it runs {at_once} at once at most"
        if queued:
            return f"{_runs(self._line, queued)} waits in Glue's own queue and goes first ({limit})"
        if active and len(active) >= max(1, at_once - 1):
            self._idle_since_seconds = None
            reserve = ", and the last place is production's" if at_once > 1 else ""
            return f"{_runs(self._line, active)} ({limit}{reserve})"
        if at_once > 1 or self._ticket is None:
            return None
        return self._rest(runs, waited_seconds)

    def _rest(self, runs: list[JobRun], waited_seconds: float) -> str | None:
        """Leave production a moment, where branch would follow branch: it cannot queue as we do."""
        if self._idle_since_seconds is None:
            self._idle_since_seconds = waited_seconds
        last = runs[0].execution_seconds * _REST_FRACTION if runs else 0.0
        rest = min(max(last, self._line.rest_seconds), _LONGEST_REST_SECONDS)
        if waited_seconds - self._idle_since_seconds < rest:
            return f"production may start it for {rest:.0f} s, before the next branch does"
        return None

    def _said_ahead(self, ahead: list[Ticket]) -> str:
        named = [f"branch {one.branch!r} of {one.owner} since {_clock(one.since)}" for one in ahead[:_NAMED]]
        more = [f"{len(ahead) - _NAMED} more"] if len(ahead) > _NAMED else []
        runs = islice(self._glue.job_runs(self._line.job), _RECENT_RUNS)
        active = [run for run in runs if not run.is_terminal]
        under_way = f"{_runs(self._line, active)}; " if active else ""
        return f"{under_way}before this one comes {', '.join([*named, *more])}"


def _parsed(body: bytes) -> Ticket | None:
    try:
        return Ticket.model_validate_json(body)
    except ValidationError:
        return None  # of another version: it cannot be asked


def _runs(line: Line, runs: list[JobRun]) -> str:
    said = []
    for run in runs[:_NAMED]:
        since = f" since {_clock(run.started_on)}" if run.started_on else ""
        said.append(f"run {run.job_run_id} of {line.whose(run)}{since} is {run.state}")
    return ", ".join(said)


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%H:%M:%S} UTC"

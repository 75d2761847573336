"""``branches/<branch>/deployment.json``: what was made on AWS, noted before and after each call.

Before: a crash in the call leaves a note of what may exist. After: what is noted as made is there.
So whatever the moment of a crash, deploying again or destroying starts from this file and leaks nothing.
"""

from __future__ import annotations

import json
import os
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from pypedream_dagster.deploy.resources import Kind
from pypedream_dagster.errors import StateError
from pypedream_dagster.graph.files import write_json

FILE_NAME = "deployment.json"


class BrokenRecordError(StateError):
    """A deployment record that cannot be read: `deploy.rebuild` makes another."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class ResourceRecord(_Frozen):
    """One resource.

    Attributes:
        kind, identity: which one: a name or a URI.
        node: whose script or job it is.
        state: ``making`` and ``deleting`` are noted before the call, ``made`` after it.
        purpose: ``branch``, or ``deltas`` for what compares its data on Spark: made when first needed.
        fingerprint: of what it was last made as.
        at: when this was noted, UTC.
    """

    kind: Kind
    identity: str
    node: str | None = None
    purpose: Literal["branch", "deltas"] = "branch"
    state: Literal["making", "made", "deleting"]
    fingerprint: str | None = None
    at: datetime


class SeedRecord(_Frozen):
    """A dataset of the branch's that was copied from main's.

    Attributes:
        uri: the branch's.
        state: ``making`` is noted before the copy, ``made`` after it.
        at: when this was noted, UTC.
    """

    node: str
    dataset: str
    uri: str
    state: Literal["making", "made"]
    at: datetime


class DeploymentRecord(_Frozen):
    """All resources of a branch, and the account and region that they are in.

    Attributes:
        is_local: whether they are in the embedded AWS.
        seeds: datasets that were copied from main's.
        finished_at: when the last deployment ran to its end; None while one is under way, or broke off.
    """

    version: Literal[1] = 1
    branch: str
    account: str
    region: str
    is_local: bool
    resources: tuple[ResourceRecord, ...] = ()
    seeds: tuple[SeedRecord, ...] = ()
    finished_at: datetime | None = None

    @property
    def is_complete(self) -> bool:
        """Whether the last deployment ran to its end: the branch can be triggered."""
        return self.finished_at is not None and all(
            item.state == "made" for item in self.resources if item.purpose == "branch"
        )

    @property
    def changed_at(self) -> datetime | None:
        """When something of the branch was last made or changed; None if nothing is there."""
        return max((item.at for item in self.resources if item.purpose == "branch"), default=None)

    def find(self, kind: Kind, identity: str) -> ResourceRecord | None:
        """Return the record of one resource."""
        return next((r for r in self.resources if (r.kind, r.identity) == (kind, identity)), None)

    def is_seeded(self, uri: str) -> bool:
        """Tell whether a dataset was copied to its end."""
        return any(seed.uri == uri and seed.state == "made" for seed in self.seeds)

    def noting_seed(self, seed: SeedRecord) -> DeploymentRecord:
        """Return the record with one dataset's copy noted anew."""
        others = tuple(item for item in self.seeds if item.uri != seed.uri)
        return self.model_copy(update={"seeds": (*others, seed)})

    def noting(self, resource: ResourceRecord) -> DeploymentRecord:
        """Return the record with one resource noted anew, in its place."""
        return self.model_copy(update={"resources": (*self._without(resource), resource)})

    def forgetting(self, kind: Kind, identity: str) -> DeploymentRecord:
        """Return the record without one resource."""
        gone = self.find(kind, identity)
        return self if gone is None else self.model_copy(update={"resources": self._without(gone)})

    def _without(self, gone: ResourceRecord) -> tuple[ResourceRecord, ...]:
        return tuple(r for r in self.resources if (r.kind, r.identity) != (gone.kind, gone.identity))


def read_deployment(branch_folder: Path) -> DeploymentRecord | None:
    """Return what is deployed of a branch, or None if nothing is.

    Raises:
        BrokenRecordError: the file cannot be read, or is no record of ours.
    """
    path = branch_folder / FILE_NAME
    try:
        return DeploymentRecord.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, ValidationError, RecursionError) as error:
        raise BrokenRecordError(
            f"{path} is broken: {_one_line(error)}.",
            hint="restore it from version control; or run 'pypedream deploy-branch' or 'pypedream destroy-branch', "
            "which rebuild it from the branch's tags on AWS",
        ) from error


def set_aside_broken(branch_folder: Path) -> Path | None:
    """Rename a record that cannot be read, so that another can be written and nothing is lost; return its new path."""
    try:
        read_deployment(branch_folder)
    except BrokenRecordError:
        path = branch_folder / FILE_NAME
        names = (path.with_name(f"{FILE_NAME}.broken-{number}") for number in count(1))
        free = next(name for name in names if not os.path.lexists(name))
        path.rename(free)
        return free
    return None


def _one_line(error: Exception) -> str:
    text = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
    return " ".join(text.split())[:200]


def write_deployment(branch_folder: Path, record: DeploymentRecord) -> None:
    """Write the record whole; one that holds nothing any more is removed."""
    if record.resources or record.finished_at is not None:
        write_json(branch_folder / FILE_NAME, record.model_dump(mode="json"))
    else:
        (branch_folder / FILE_NAME).unlink(missing_ok=True)

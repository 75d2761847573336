"""``branches/<branch>/runs/<node>.json``: the last job run of each node, for later commands and for Dagster."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, ValidationError

from pypedream_dagster.aws.job_run import JobRun
from pypedream_dagster.aws.prices import PriceList, Rate
from pypedream_dagster.errors import StateError
from pypedream_dagster.graph.files import write_json
from pypedream_dagster.run.isolation import Isolation
from pypedream_dagster.run.main_data import MainData


class RunRecord(BaseModel):
    """One node's last job run.

    Attributes:
        run_key: as in the run's arguments; another attempt of the same step has the same.
        dpu_seconds, billed_dpu_seconds, usd: what it used, what Glue bills, and the price of that; None where Glue
            tells no capacity.
        rate: by which Glue bills it.
        script_sha256: of the branch's script that ran; None where production's ran.
        isolation: the proof that main was left alone; None on main, and while the job runs.
        main: main's data as it was before the run: what it reads of it, and what its outputs are compared with.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    version: Literal[1] = 1
    node: str
    job_name: str
    job_run_id: str
    run_key: str
    state: str
    error_message: str | None = None
    started_on: datetime | None = None
    completed_on: datetime | None = None
    execution_seconds: int = 0
    dpu_seconds: float | None = None
    billed_dpu_seconds: float | None = None
    usd: float | None = None
    rate: Rate = "spark"
    script_sha256: str | None = None
    isolation: Isolation | None = None
    main: tuple[MainData, ...] = ()

    @property
    def succeeded(self) -> bool:
        """Whether the run has ended well."""
        return self.state == "SUCCEEDED"


def record_of(
    node: str,
    key: str,
    run: JobRun,
    *,
    prices: PriceList | None = None,
    isolation: Isolation | None = None,
    script_sha256: str | None = None,
    main: tuple[MainData, ...] = (),
) -> RunRecord:
    """Return the record of a run as it stands."""
    return RunRecord(
        node=node,
        job_name=run.job_name,
        job_run_id=run.job_run_id,
        run_key=key,
        state=run.state,
        error_message=run.error_message,
        started_on=run.started_on,
        completed_on=run.completed_on,
        execution_seconds=run.execution_seconds,
        dpu_seconds=run.dpu_seconds,
        billed_dpu_seconds=run.billed_dpu_seconds,
        rate=run.rate,
        usd=None if prices is None else run.usd(prices),
        script_sha256=script_sha256,
        isolation=isolation,
        main=main,
    )


def write_run_record(branch_folder: Path, record: RunRecord) -> None:
    """Write a node's record; a reader sees the old one or the new one, never a part."""
    write_json(_path(branch_folder, record.node), record.model_dump(mode="json"))


def read_run_record(branch_folder: Path, node: str) -> RunRecord | None:
    """Return a node's record, or None if it has not run.

    Raises:
        StateError: the file is broken.
    """
    path = _path(branch_folder, node)
    try:
        return RunRecord.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, ValidationError) as error:
        raise StateError(
            f"{path} is broken: {' '.join(str(error).split())[:200]}.",
            hint="remove it and trigger the branch again",
        ) from error


def _path(branch_folder: Path, node: str) -> Path:
    return branch_folder / "runs" / f"{quote(node, safe='')}.json"

"""The daily removal of expired branches: a job and its schedule in the location ``branches``; the same as `gc`."""

# No "from __future__ import annotations": dagster reads the annotations of ops as objects.
import time
from datetime import UTC, datetime

from dagster import (
    DefaultScheduleStatus,
    Failure,
    JobDefinition,
    MetadataValue,
    OpExecutionContext,
    ScheduleDefinition,
    TableColumn,
    TableRecord,
    TableSchema,
    in_process_executor,
    job,
    op,
)

from pypedream_dagster.defs.metadata import Metadata
from pypedream_dagster.defs.resources import AwsResource
from pypedream_dagster.deploy.collect import Collected, Collector
from pypedream_dagster.errors import PypedreamError
from pypedream_dagster.settings import Settings

JOB = "remove_expired_branches"
_CRON = "17 4 * * *"  # UTC; off the hour, when everybody's jobs start
_COLUMNS = ("branch", "owner", "expired", "outcome", "resources", "reason")


def collection_job(settings: Settings) -> JobDefinition:
    """Return the Dagster job that removes what has expired."""

    @op(
        name="destroy_expired",
        description="Removes the branches of this project that have expired: what 'pypedream gc' does.",
    )
    def remove(context: OpExecutionContext, aws: AwsResource) -> None:
        try:
            results = _collect(settings, aws, context)
        except PypedreamError as error:
            raise Failure(str(error), allow_retries=False) from error
        found = _metadata(results)
        failed = [result for result in results if result.outcome == "failed"]
        if failed:
            names = ", ".join(f"{result.branch} of {result.owner}: {result.reason}" for result in failed)
            raise Failure(f"Not removed: {names}", metadata=found, allow_retries=False)
        context.add_output_metadata(found)

    @job(
        name=JOB,
        executor_def=in_process_executor,
        resource_defs={"aws": AwsResource.of(settings)},
        description="Removes what has expired of this project's branches, on AWS; their folders stay.",
    )
    def remove_expired() -> None:
        remove()

    return remove_expired


def collection_schedule(target: JobDefinition) -> ScheduleDefinition:
    """Return the daily schedule; it runs unless it is switched off: docs/decisions/0015-expiry.md."""
    return ScheduleDefinition(
        name=f"{JOB}_daily",
        job=target,
        cron_schedule=_CRON,
        execution_timezone="UTC",
        default_status=DefaultScheduleStatus.RUNNING,
        description="Once a day. 'pypedream extend BRANCH --by 7d' keeps a branch longer.",
    )


def _collect(settings: Settings, aws: AwsResource, context: OpExecutionContext) -> list[Collected]:
    collector = Collector.of(
        settings, aws.connect(), now=lambda: datetime.now(UTC), wait=time.sleep, on_note=context.log.info
    )
    return list(collector.collect())


def _metadata(results: list[Collected]) -> Metadata:
    rows = [
        TableRecord(
            {
                "branch": result.branch,
                "owner": result.owner,
                "expired": f"{result.expired_at:%Y-%m-%d}",
                "outcome": result.outcome,
                "resources": len(result.steps),
                "reason": result.reason or "",
            }
        )
        for result in results
    ]
    schema = TableSchema([TableColumn(name, "int" if name == "resources" else "string") for name in _COLUMNS])
    return {
        "removed": sum(result.outcome == "removed" for result in results),
        "branches": MetadataValue.table(records=rows, schema=schema),
    }

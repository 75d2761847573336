"""The two code locations: ``main``, and ``branches`` with every branch in it; a broken one says so and hinders none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dagster import (
    AssetChecksDefinition,
    AssetKey,
    AssetsDefinition,
    AssetSelection,
    AssetSpec,
    Definitions,
    MetadataValue,
    define_asset_job,
)
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from pypedream_dagster.branch.derive import derive_main
from pypedream_dagster.branch.naming import dagster_job_name
from pypedream_dagster.branch.store import BranchStore
from pypedream_dagster.defs.assets import build_assets, source_specs
from pypedream_dagster.defs.branch_report import build_report, report_job, report_sensor
from pypedream_dagster.defs.checks import build_checks
from pypedream_dagster.defs.collection import collection_job, collection_schedule
from pypedream_dagster.defs.executor import thread_executor
from pypedream_dagster.defs.keys import KIND_TAG, group_name, run_tags, tag_value
from pypedream_dagster.defs.resources import AwsResource
from pypedream_dagster.defs.step import Place
from pypedream_dagster.errors import GraphError
from pypedream_dagster.graph.files import read_graph
from pypedream_dagster.graph.model import MAIN
from pypedream_dagster.settings import Settings

BROKEN = "cannot_be_loaded"
"""The last part of the key of the asset that stands for a broken branch."""

# Deltas compute where job runs wait: two at a time leave a core to breathe on a laptop.
_EXECUTOR = thread_executor.configured(
    {"tag_concurrency_limits": [{"key": KIND_TAG, "value": "delta", "limit": 2}]}, name="threads"
)


@dataclass(frozen=True, slots=True)
class Part:
    """What one branch, or main, adds to its code location."""

    assets: Sequence[AssetsDefinition | AssetSpec]
    checks: Sequence[AssetChecksDefinition] = ()
    jobs: Sequence[UnresolvedAssetJobDefinition] = ()


def main_definitions(settings: Settings) -> Definitions:
    """Return the location ``main``: production's assets and its job.

    Raises:
        GraphError: the graph's file is missing or faulty; the message has every fault.
    """
    return definitions_of(settings, MAIN)


def branch_definitions(settings: Settings) -> Definitions:
    """Return the location ``branches``: every branch's assets, checks and job."""
    store = BranchStore(settings.branches_dir)
    branches = _definitions(settings, [_branch_or_reason(store, name) for name in store.names()])
    return Definitions.merge(branches, report_definitions(settings), collection_definitions(settings))


def report_definitions(settings: Settings) -> Definitions:
    """Return the asset that sums up each branch, with its job and sensor."""
    store = BranchStore(settings.branches_dir)
    job = report_job()
    return Definitions(assets=[build_report(store)], jobs=[job], sensors=[report_sensor(store, job)])


def collection_definitions(settings: Settings) -> Definitions:
    """Return the job that removes expired branches, with its schedule."""
    job = collection_job(settings)
    return Definitions(jobs=[job], schedules=[collection_schedule(job)])


def definitions_of(settings: Settings, branch: str) -> Definitions:
    """Return the definitions of one branch alone, or of main.

    Raises:
        PypedreamError: its files are missing or broken.
    """
    place = place_of(settings, branch)
    if branch == MAIN:
        return _definitions(settings, [Part([*build_assets(place), *source_specs(place.graph)], jobs=[_job(MAIN)])])
    return _definitions(settings, [_branch_part(BranchStore(settings.branches_dir), branch)])


def place_of(settings: Settings, branch: str) -> Place:
    """Return a branch's graph and folder, or main's graph.

    Raises:
        GraphError: main's graph file is missing or faulty; the message has every fault.
        BranchError: there is no such branch, or its files are broken.
    """
    if branch != MAIN:
        store = BranchStore(settings.branches_dir)
        return Place(store.graph(branch), store.folder(branch))
    try:
        return Place(derive_main(read_graph(settings.graph_path)))
    except GraphError as error:
        raise GraphError("\n".join([str(error), *error.faults]), faults=error.faults) from error


def _branch_part(store: BranchStore, name: str) -> Part:
    place = Place(store.graph(name), store.folder(name))
    return Part(build_assets(place, owner=store.branch(name).owner), build_checks(place), [_job(name)])


def _branch_or_reason(store: BranchStore, name: str) -> Part:
    try:
        return _branch_part(store, name)
    except Exception as error:  # whatever a branch's files hold, the other branches must load
        return Part([_placeholder(name, error)])


def _placeholder(name: str, error: Exception) -> AssetSpec:
    reason = f"{type(error).__name__}: {error}"
    return AssetSpec(
        AssetKey([name, BROKEN]),
        group_name=group_name(tag_value(name).replace(".", "_")),
        description=f"Branch `{name}` cannot be loaded.\n\n```\n{reason}\n```",
        metadata={"reason": MetadataValue.text(reason)},
    )


def _job(branch: str) -> UnresolvedAssetJobDefinition:
    return define_asset_job(
        dagster_job_name(branch),
        selection=AssetSelection.groups(group_name(branch)),
        description="Production, whole." if branch == MAIN else f"All affected nodes of branch {branch}, and deltas.",
        executor_def=_EXECUTOR,
        tags=run_tags(branch),
    )


def _definitions(settings: Settings, parts: Sequence[Part]) -> Definitions:
    return Definitions(
        assets=[asset for part in parts for asset in part.assets],
        asset_checks=[check for part in parts for check in part.checks],
        jobs=[job for part in parts for job in part.jobs],
        resources={"aws": AwsResource.of(settings)},
        executor=_EXECUTOR,
    )

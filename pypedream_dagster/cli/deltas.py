"""``pypedream deltas BRANCH``."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pypedream_dagster.branch.model import BranchGraph, BranchNode, Output
from pypedream_dagster.branch.store import BranchStore
from pypedream_dagster.cli import drift_view
from pypedream_dagster.cli.branch_state import mend_record, require_run
from pypedream_dagster.cli.delta_output import (
    DELTA_FOUND,
    ReportFormat,
    report_options,
    report_targets,
    show_written,
    write_delta,
)
from pypedream_dagster.cli.invocation import Invocation, pass_invocation
from pypedream_dagster.cli.options import Size, refuse_main
from pypedream_dagster.cli.output import note
from pypedream_dagster.delta.failures import FailOn, Judgement, judge
from pypedream_dagster.delta.model import BranchDelta
from pypedream_dagster.deploy.plan import check_same_aws
from pypedream_dagster.errors import BranchError

if TYPE_CHECKING:
    from pypedream_dagster.delta.rules import EngineChoice


@click.command("deltas")
@click.argument("branch")
@click.option("--dataset", "datasets", multiple=True, help="Compare only this dataset (or NODE.DATASET); repeatable.")
@report_options
@click.option(
    "--spark-above",
    "spark_above_bytes",
    type=Size(),
    default="200GB",
    show_default=True,
    help="With engine auto: what is larger is compared by Spark on Glue.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["any", "policy"]),
    help="Exit with 1 if anything differs, or if a dataset goes over its delta_policy in the graph. "
    "JUnit and GitHub are shown the same failures.",
)
@pass_invocation
def command(
    invocation: Invocation,
    branch: str,
    datasets: tuple[str, ...],
    chosen: ReportFormat | None,
    as_json: bool,
    outputs: tuple[Path, ...],
    engine: EngineChoice,
    exact: bool,
    samples: int,
    memory_limit_bytes: int,
    spark_above_bytes: int,
    fail_on: FailOn | None,
) -> int:
    """Compare what a branch wrote with main's data.

    Every dataset of the branch is compared with main's, row by row. The whole of it also goes into
    branches/BRANCH/deltas/, as delta.json and report.html. Engine spark is a Glue job that is made for the branch
    when first needed, runs on your account's capacity, and goes with the branch.
    """
    refuse_main(branch, "compared with itself")
    targets = report_targets(chosen, outputs, as_json=as_json)
    store = invocation.store()
    graph = store.graph(branch)
    pairs = list(_chosen(graph, datasets))
    mend_record(invocation, store, branch)
    record = require_run(store, branch, "compared")
    aws = invocation.aws()
    check_same_aws(aws, record)
    # DuckDB and pyarrow take half a second to import.
    from pypedream_dagster.defs.delta_on_glue import GlueComparer
    from pypedream_dagster.defs.main_moved import MainWatch
    from pypedream_dagster.delta.dataset import compare_output

    suites = invocation.settings().expectations_dir
    compare = partial(
        compare_output,
        aws.s3,
        engine=engine,
        exact=exact,
        sample_rows=samples,
        memory_limit_bytes=memory_limit_bytes,
        expectations_dir=suites,
        spark=GlueComparer(aws, store, branch, time.sleep, lambda text: note(f"  {text}")),
        spark_above_bytes=spark_above_bytes,
    )
    watch = MainWatch(aws, graph, store.folder(branch), invocation.settings().graph_path)
    found = []
    for index, (node, out) in enumerate(pairs, start=1):
        note(f"Comparing {node.id}.{out.name} ({index} of {len(pairs)})")
        found.append(watch.noted(compare(node, out), node, out))
    notes = drift_view.look(invocation, store, branch).notes(branch)
    now = invocation.now().replace(microsecond=0)
    delta = BranchDelta(branch=branch, created_at=now, datasets=tuple(found), notes=notes)
    judgement = judge(delta, fail_on, [out.settings.delta_policy for _, out in pairs])
    write_delta(delta, targets, judgement, _files(invocation, store, graph))
    if not datasets:
        from pypedream_dagster.report.files import write_reports

        note(f"Report: {invocation.shown(write_reports(store.folder(branch), delta))}")
    show_written(targets, invocation.shown)
    return _verdict(judgement)


def _chosen(graph: BranchGraph, names: tuple[str, ...]) -> Iterator[tuple[BranchNode, Output]]:
    pairs = list(graph.datasets())
    known = {name for node, out in pairs for name in (out.name, f"{node.id}.{out.name}")}
    if unknown := [name for name in names if name not in known]:
        raise BranchError(
            f"Branch {graph.branch!r} writes no dataset {', '.join(unknown)}.",
            hint=f"its datasets: {', '.join(f'{node.id}.{out.name}' for node, out in pairs) or 'none'}",
        )
    if not pairs:
        raise BranchError(
            f"Branch {graph.branch!r} writes no dataset that the graph knows.", hint="give its nodes output_data"
        )
    for node, out in pairs:
        if not names or out.name in names or f"{node.id}.{out.name}" in names:
            yield node, out


def _files(invocation: Invocation, store: BranchStore, graph: BranchGraph) -> dict[str, str]:
    """Return the file of each node, as annotations name it: the edited script, or the graph."""
    settings = invocation.settings()
    root = invocation.environment.get("GITHUB_WORKSPACE")
    files = {}
    for node in graph.nodes:
        script = store.folder(graph.branch) / "scripts" / f"{node.id}.py"
        path = (script if node.is_origin and script.is_file() else settings.graph_path).absolute()
        is_below = root is not None and path.is_relative_to(root)
        files[node.id] = str(path.relative_to(root)) if root and is_below else invocation.shown(path)
    return files


def _verdict(judgement: Judgement) -> int:
    """Say what fails by the rule asked for, and return the exit code."""
    for judged in judgement.datasets:
        for failure in judged.failures:
            note(f"--fail-on {judgement.fail_on}: {judged.delta.dataset}: {failure.text}")
    return DELTA_FOUND if judgement.failed else 0

"""``pypedream deltas BRANCH``."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from pypedream_dagster.branch.model import BranchGraph, BranchNode, Output
from pypedream_dagster.cli.branch_state import require_run
from pypedream_dagster.cli.delta_output import DELTA_FOUND, ReportFormat, report_format, report_options, write_delta
from pypedream_dagster.cli.invocation import Invocation, pass_invocation
from pypedream_dagster.cli.options import refuse_main
from pypedream_dagster.cli.output import count, note
from pypedream_dagster.delta.model import BranchDelta, DatasetDelta
from pypedream_dagster.deploy.plan import check_same_aws
from pypedream_dagster.errors import BranchError
from pypedream_dagster.graph.model import DeltaPolicy

if TYPE_CHECKING:
    from pypedream_dagster.delta.rules import EngineChoice

FailOn = Literal["any", "policy"]


_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)B?", re.IGNORECASE)
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def _bytes(context: click.Context, parameter: click.Parameter, text: str) -> int:
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise click.BadParameter(f"{text!r} is no size such as 500MB, 200GB or 1.5TB", context, parameter)
    return int(float(match[1]) * _UNITS[match[2].upper()])


@click.command("deltas")
@click.argument("branch")
@click.option("--dataset", "datasets", multiple=True, help="Compare only this dataset (or NODE.DATASET); repeatable.")
@report_options
@click.option(
    "--spark-above",
    "spark_above_bytes",
    metavar="SIZE",
    default="200GB",
    show_default=True,
    callback=_bytes,
    help="With engine auto: what is larger is compared by Spark on Glue.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["any", "policy"]),
    help="Exit with 1 if anything differs, or if a dataset goes over its delta_policy in the graph.",
)
@pass_invocation
def command(
    invocation: Invocation,
    branch: str,
    datasets: tuple[str, ...],
    chosen: ReportFormat | None,
    as_json: bool,
    output: Path | None,
    engine: EngineChoice,
    exact: bool,
    samples: int,
    spark_above_bytes: int,
    fail_on: FailOn | None,
) -> int:
    """Compare what a branch wrote with main's data.

    Every dataset of the branch is compared with main's, row by row. The whole of it also goes into
    branches/BRANCH/deltas/, as delta.json and report.html. Engine spark is a Glue job that is made for the branch
    when first needed, runs on your account's capacity, and goes with the branch.
    """
    refuse_main(branch, "compared with itself")
    form = report_format(chosen, output, as_json=as_json)
    store = invocation.store()
    graph = store.graph(branch)
    pairs = list(_chosen(graph, datasets))
    record = require_run(store, branch, "compared")
    aws = invocation.aws()
    check_same_aws(aws, record)
    # DuckDB and pyarrow take half a second to import.
    from pypedream_dagster.defs.delta_on_glue import GlueComparer
    from pypedream_dagster.delta.dataset import compare_output

    suites = invocation.settings().expectations_dir
    compare = partial(
        compare_output,
        aws.s3,
        engine=engine,
        exact=exact,
        sample_rows=samples,
        expectations_dir=suites,
        spark=GlueComparer(aws, store, branch, time.sleep, lambda text: note(f"  {text}")),
        spark_above_bytes=spark_above_bytes,
    )
    found = []
    for index, (node, out) in enumerate(pairs, start=1):
        note(f"Comparing {node.id}.{out.name} ({index} of {len(pairs)})")
        found.append(compare(node, out))
    delta = BranchDelta(branch=branch, created_at=invocation.now().replace(microsecond=0), datasets=tuple(found))
    write_delta(delta, form, output)
    if not datasets:
        from pypedream_dagster.report.files import write_reports

        note(f"Report: {invocation.shown(write_reports(store.folder(branch), delta))}")
    if output is not None:
        note(f"Written: {invocation.shown(output.resolve())}")
    policies = [out.settings.delta_policy for _, out in pairs]
    return _verdict(list(zip(found, policies, strict=True)), fail_on)


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


def _verdict(deltas: list[tuple[DatasetDelta, DeltaPolicy | None]], fail_on: FailOn | None) -> int:
    """Say what goes over what was asked for, and return the exit code."""
    if fail_on is None:
        return 0
    if fail_on == "any":
        differing = [delta.dataset for delta, _ in deltas if delta.verdict != "unchanged"]
        if differing:
            note(f"--fail-on any: {count(len(differing), 'dataset')} not unchanged: {', '.join(differing)}.")
        return DELTA_FOUND if differing else 0
    from pypedream_dagster.delta.dataset import violations

    found = [
        f"{delta.dataset}: {violation}"
        for delta, policy in deltas
        if policy is not None
        for violation in violations(delta, policy)
    ]
    for line in found:
        note(f"--fail-on policy: {line}.")
    return DELTA_FOUND if found else 0

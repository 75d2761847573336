"""``pypedream compare BASE HEAD``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pypedream_dagster.cli.delta_output import (
    DELTA_FOUND,
    ReportFormat,
    report_options,
    report_targets,
    show_written,
    write_delta,
)
from pypedream_dagster.cli.invocation import Invocation, pass_invocation
from pypedream_dagster.cli.spark_here import start_spark
from pypedream_dagster.delta.failures import FailOn, judge
from pypedream_dagster.delta.model import Tolerance
from pypedream_dagster.errors import DeltaError
from pypedream_dagster.report import wording

if TYPE_CHECKING:
    from pypedream_dagster.aws.s3 import S3Client
    from pypedream_dagster.delta.rules import EngineChoice, Format
    from pypedream_dagster.delta.source import Side

_S3 = ("s3://", "s3a://", "s3n://")
_FORMATS = ("auto", "parquet", "csv", "json", "orc", "delta", "iceberg")


@click.command("compare")
@click.argument("base")
@click.argument("head")
@click.option("--key", "keys", multiple=True, metavar="C,…", help="The columns that identify a row.")
@click.option("--no-key", is_flag=True, help="Compare whole rows; infer no key.")
@click.option("--ignore", "ignored", multiple=True, metavar="C,…", help="Columns to leave out.")
@click.option("--volatile", multiple=True, metavar="C,…", help="Columns of which only the presence counts.")
@click.option("--tolerance", "tolerances", multiple=True, metavar="C=N[%]", help="How far numbers may differ.")
@click.option("--input", "form", type=click.Choice(_FORMATS), default="auto", help="What BASE and HEAD are.")
@report_options
@click.option("--fail-on", type=click.Choice(["any"]), help="Exit with 1 if anything differs.")
@pass_invocation
def command(
    invocation: Invocation,
    base: str,
    head: str,
    keys: tuple[str, ...],
    no_key: bool,
    ignored: tuple[str, ...],
    volatile: tuple[str, ...],
    tolerances: tuple[str, ...],
    form: Format,
    chosen: ReportFormat | None,
    as_json: bool,
    outputs: tuple[Path, ...],
    engine: EngineChoice,
    exact: bool,
    samples: int,
    memory_limit_bytes: int,
    fail_on: FailOn | None,
) -> int:
    """Compare any two datasets, local or on S3.

    BASE and HEAD are files or prefixes: parquet, CSV, JSON lines or ORC, partitioned or not, or Delta or Iceberg
    tables. Works outside a project, too.
    """
    targets = report_targets(chosen, outputs, as_json=as_json)
    if keys and no_key:
        raise click.UsageError("--key and --no-key contradict each other.")
    tolerance = dict(_tolerance(text) for text in tolerances)
    # DuckDB and pyarrow take half a second to import.
    from pypedream_dagster.delta.compare import compare
    from pypedream_dagster.delta.rules import CompareRules

    rules = CompareRules(
        key=_names(keys),
        infer_key=not no_key,
        ignored_columns=_names(ignored),
        volatile_columns=_names(volatile),
        tolerance=tolerance,
        format=form,
        sample_rows=samples,
        memory_limit_bytes=memory_limit_bytes,
        exact=exact,
    )
    s3 = _s3(invocation) if base.startswith(_S3) or head.startswith(_S3) else None
    filesystem = s3.arrow_filesystem() if s3 else None
    spark = start_spark(s3) if engine == "spark" else None
    delta = compare(_side(base, filesystem), _side(head, filesystem), rules, engine=engine, spark=spark)
    judgement = judge(delta, fail_on)
    write_delta(delta, targets, judgement)
    show_written(targets, invocation.shown)
    if delta.status in {"base_missing", "head_missing", "both_missing", "unreadable"}:
        raise DeltaError(f"{base} and {head} were not compared: {delta.error or wording.status(delta)}.")
    return DELTA_FOUND if judgement.failed else 0


def _names(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name.strip() for text in texts for name in text.split(",") if name.strip())


def _tolerance(text: str) -> tuple[str, Tolerance]:
    """Read ``amount=0.01`` or, relative to main's value, ``amount=1%``."""
    name, _, number = text.rpartition("=")
    try:
        size = float(number.removesuffix("%"))
    except ValueError:
        size = -1.0
    if not name or not 0 <= size < float("inf"):
        raise click.BadParameter(f"{text!r} is not COLUMN=NUMBER or COLUMN=NUMBER%", param_hint="--tolerance")
    return name, Tolerance(relative=size / 100) if number.endswith("%") else Tolerance(absolute=size)


def _side(uri: str, filesystem: Any) -> Side:
    from pypedream_dagster.delta.source import Side

    return Side(uri, filesystem=filesystem if uri.startswith(_S3) else None)


def _s3(invocation: Invocation) -> S3Client:
    from pypedream_dagster.aws.session import connect

    return connect(invocation.settings_anywhere()).s3

"""``pypedream expectations DATASET``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from pypedream_dagster.branch.derive import derive_main
from pypedream_dagster.branch.model import BranchGraph, BranchNode, Output
from pypedream_dagster.cli.invocation import Invocation, pass_invocation
from pypedream_dagster.cli.options import json_option
from pypedream_dagster.cli.output import count, note, write_output
from pypedream_dagster.errors import BranchError, DeltaError
from pypedream_dagster.graph.files import read_graph
from pypedream_dagster.graph.model import MAIN


@click.command("expectations")
@click.argument("dataset")
@click.option("--branch", help="Draft from this branch's data instead of main's.")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Another file to write.")
@click.option("--force", is_flag=True, help="Replace a suite that is there already.")
@click.option("--dry-run", is_flag=True, help="Print the suite; write nothing.")
@json_option
@pass_invocation
def command(
    invocation: Invocation,
    dataset: str,
    branch: str | None,
    output: Path | None,
    force: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Draft Great Expectations for a dataset from main's data.

    DATASET is a dataset's name, or NODE.DATASET. The suite goes to pipeline_graph/expectations/DATASET.json, where
    every delta of the dataset finds it: edit it, and commit it.
    """
    settings = invocation.settings()
    if branch is None or branch == MAIN:
        graph = derive_main(read_graph(settings.graph_path))
    else:
        graph = invocation.store().graph(branch)
    node, out = _chosen(graph, dataset)
    printed = dry_run or as_json
    # DuckDB and pyarrow take half a second to import.
    from pypedream_dagster.delta.dataset import draft_output
    from pypedream_dagster.delta.expectations.suite import suite_path

    shared = sum(other.name == out.name for _, other in graph.datasets()) > 1
    path = output or suite_path(settings.expectations_dir, node.id, out.name, is_ambiguous=shared)
    if path.exists() and not (force or printed):
        raise DeltaError(
            f"{invocation.shown(path.absolute())} is there already: drafting it anew would lose what was edited",
            hint="replace it with --force, write another file with -o, or look at the draft with --dry-run",
        )
    note(f"Reading {out.head_uri}")
    suite = draft_output(invocation.aws().s3, out)
    text = json.dumps(suite, indent=2, ensure_ascii=False, allow_nan=False)
    write_output(f"{text}\n", None if printed else path)
    if not printed:
        drafted = count(len(suite["expectations"]), "expectation")
        note(f"Drafted {drafted} of {node.id}.{out.name}: {invocation.shown(path.absolute())}")


def _chosen(graph: BranchGraph, dataset: str) -> tuple[BranchNode, Output]:
    """Return the one dataset of that name.

    Raises:
        BranchError: there is none, or several.
    """
    pairs = list(graph.datasets())
    found = [(node, out) for node, out in pairs if dataset in {out.name, f"{node.id}.{out.name}"}]
    if len(found) == 1:
        return found[0]
    where = "main" if graph.branch == MAIN else f"branch {graph.branch!r}"
    names = ", ".join(f"{node.id}.{out.name}" for node, out in found or pairs) or "none"
    if found:
        raise BranchError(f"{len(found)} nodes of {where} write a dataset {dataset!r}.", hint=f"say which: {names}")
    raise BranchError(f"There is no dataset {dataset!r} on {where}.", hint=f"its datasets: {names}")

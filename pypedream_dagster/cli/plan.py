"""``pypedream plan BRANCH``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import click

from pypedream_dagster.aws.prices import PriceList
from pypedream_dagster.branch.derive import derive_main
from pypedream_dagster.branch.model import Branch, BranchGraph, BranchNode
from pypedream_dagster.branch.policy import MAX_POLICY_CHARACTERS, check_policies
from pypedream_dagster.branch.unknown import check_known
from pypedream_dagster.cli import drift_view
from pypedream_dagster.cli.costs import (
    UNKNOWN,
    amount,
    dpu_hours,
    duration,
    estimate_rows,
    forecast_document,
    node_document,
    price_lines,
    spread_words,
)
from pypedream_dagster.cli.hazards import acknowledged_ids, hazard_document, print_hazards, scan_where_possible
from pypedream_dagster.cli.invocation import Invocation, pass_invocation
from pypedream_dagster.cli.options import json_option, price_option, refuse_main
from pypedream_dagster.cli.output import count, note, print_json, print_table
from pypedream_dagster.deploy.hazards.model import Finding
from pypedream_dagster.deploy.live import production_jobs
from pypedream_dagster.deploy.narrowing import FLAG, LOSS, unnarrowable_nodes
from pypedream_dagster.deploy.seed import dataset_size
from pypedream_dagster.errors import AwsError, GraphError
from pypedream_dagster.graph.files import read_graph
from pypedream_dagster.run.costs import NodeEstimate
from pypedream_dagster.run.forecast import Forecast, forecast

_EXPECTED = ("EXPECTED", "BETWEEN", "DPU-HOURS", "USD", "JUDGED BY")
_WORDS = {"glue_job": "Glue job", "script": "script  ", "catalog_database": "database"}


@click.command("plan")
@click.argument("branch")
@click.option("--diff", "whole_diff", is_flag=True, help="Show all that has changed on main, however long.")
@price_option
@json_option
@pass_invocation
def command(
    invocation: Invocation, branch: str, whole_diff: bool, usd_per_dpu_hour: float | None, as_json: bool
) -> None:
    """Say what a branch would create, run, read and write.

    Says what is hazardous about it, with file and line, and what to do, and what has changed on main since. Makes
    nothing, and works before the branch is deployed. Where AWS can be asked, past runs tell how long it will take,
    what it will cost, and what that saves against the whole pipeline.
    """
    refuse_main(branch, "planned")
    store = invocation.store()
    record, graph = store.branch(branch), store.graph(branch)
    check_known(graph, "planned")
    expected = _expected(invocation, graph, usd_per_dpu_hour)
    notes = [*_unenforced(invocation, record, graph), *_notes(invocation, record, graph)]
    hazards = scan_where_possible(invocation, store, graph)
    seeds = _seeds(invocation, graph, hazards)
    drift = drift_view.look(invocation, store, branch)
    if as_json:
        document = _document(record, graph, expected, notes, hazards)
        print_json(document | {"seeds": seeds, "drift": drift_view.document(drift)})
    else:
        _print(graph, expected, notes)
        _print_seeds(graph, seeds)
        _print_hazards(record, hazards)
        drift_view.show(drift, branch, whole=whole_diff)


_Expected = tuple[Forecast, PriceList]


def _expected(invocation: Invocation, graph: BranchGraph, usd_per_dpu_hour: float | None) -> _Expected | None:
    """Return what past runs let expect, and at which prices; None where AWS cannot be asked."""
    try:
        aws = invocation.aws(usd_per_dpu_hour)
        return forecast(graph, aws.glue, aws.prices, main=_main(invocation)), aws.prices
    except AwsError as error:
        note(f"Expected times and costs are left out: {error}")
        return None


def _main(invocation: Invocation) -> BranchGraph | None:
    try:
        return derive_main(read_graph(invocation.settings().graph_path))
    except GraphError as error:
        note(f"What the branch saves is left out: {error}")
        return None


def _notes(invocation: Invocation, record: Branch, graph: BranchGraph) -> Iterator[str]:
    for node in graph.nodes:
        if node.why_cloned:
            yield f"{node.id} gets a Glue job of its own, though its script is main's: {node.why_cloned}."
        if not node.outputs:
            yield f"{node.id} has no outputs in the graph: what it writes elsewhere than to the branch is denied."
    if record.expires_at < invocation.now():
        yield f"The branch has expired on {record.expires_at:%F}."


def _unenforced(invocation: Invocation, record: Branch, graph: BranchGraph) -> Iterator[str]:
    """Give the nodes whose runs IAM does not, or cannot, hold to the branch."""
    for item in record.given_up:
        yield (
            f"{item.node} runs without a session policy, by the will of {item.by} ({item.at:%F}): IAM does not stop "
            "its script from writing to main."
        )
    try:
        production = production_jobs(invocation.aws(), graph)
    except AwsError:
        return  # what cannot be asked now, deploy-branch will ask
    for node, feature in unnarrowable_nodes(graph, production).items():
        if not record.has_given_up(node):
            yield f"{node} uses {feature}, where {LOSS}: deploy-branch will refuse without {FLAG} {node}."


def _creations(graph: BranchGraph) -> list[dict[str, str]]:
    made = []
    for node in graph.clones:
        made.append({"kind": "glue_job", "name": node.job, "node": node.id, "from": node.production_job})
        if node.script_uri:
            made.append({"kind": "script", "name": node.script_uri, "node": node.id})
    made += [{"kind": "catalog_database", "name": name} for name in graph.databases]
    return made


def _document(
    record: Branch, graph: BranchGraph, expected: _Expected | None, notes: list[str], hazards: Sequence[Finding]
) -> dict[str, Any]:
    estimate = expected[0].branch if expected else None
    nodes = estimate.nodes if estimate else {}
    return {
        "branch": graph.branch,
        "origins": list(graph.origins),
        "owner": record.owner,
        "expires_at": record.expires_at.isoformat(),
        "creates": _creations(graph),
        "runs": [_run_document(node, nodes.get(node.id)) for node in graph.nodes],
        "write_prefixes": list(graph.write_prefixes),
        "given_up": [item.model_dump(mode="json") for item in record.given_up],
        "session_policy_characters": check_policies(graph),
        "expected_seconds": estimate.seconds if estimate and nodes else None,
        "expected_usd": estimate.totals.usd if estimate else None,
        "costs": forecast_document(*expected) if expected else None,
        "notes": notes,
        "hazards": [hazard_document(hazard, acknowledged_ids(record.acknowledged)) for hazard in hazards],
    }


def _run_document(node: BranchNode, estimate: NodeEstimate | None) -> dict[str, Any]:
    return {
        "node": node.id,
        "job": node.job,
        "action": node.action,
        "after": list(node.upstream),
        "arguments": dict(node.arguments),
        "reads": [item.model_dump(mode="json") for item in node.inputs],
        "writes": [{"dataset": output.name, "uri": output.head_uri} for output in node.outputs],
        "expected_seconds": estimate.seconds.median if estimate else None,
        "expected_usd": estimate.usd.median if estimate and estimate.usd else None,
        "expected": node_document(estimate),
    }


def _print(graph: BranchGraph, expected: _Expected | None, notes: list[str]) -> None:
    nodes = expected[0].branch.nodes if expected else {}
    click.echo(f"Branch {graph.branch} at {', '.join(graph.origins)}\n\nCreates")
    for made in _creations(graph):
        origin = f" (clone of {made['from']})" if "from" in made else ""
        click.echo(f"  {_WORDS[made['kind']]}  {made['name']}{origin}")
    click.echo("\nRuns, in this order")
    print_table(
        ("NODE", "GLUE JOB", "", "AFTER", *_EXPECTED),
        [
            (
                f"  {node.id}",
                node.job,
                "own job" if node.action == "clone" else "main's job",
                ", ".join(node.upstream) or "-",
                *_expected_cells(nodes.get(node.id)),
            )
            for node in graph.nodes
        ],
        right=_EXPECTED[:-1],
    )
    click.echo("\nReads")
    reads = {(item.uri, item.side) for node in graph.nodes for item in node.inputs}
    for uri, side in sorted(reads, key=lambda read: (read[1], read[0])):
        click.echo(f"  {'main  ' if side == 'base' else 'branch'}  {uri}")
    click.echo("\nWrites")
    for _, output in graph.datasets():
        click.echo(f"  {output.head_uri}" + (f"  as {output.head_table}" if output.head_table else ""))
    click.echo("\nMay write nothing but")
    for prefix in graph.write_prefixes:
        click.echo(f"  {prefix}")
    click.echo(f"  (session policies: at most {check_policies(graph):,} of {MAX_POLICY_CHARACTERS:,} characters)")
    if notes:
        click.echo("\nLook out")
        for text in notes:
            click.echo(f"  {text}")
    if expected and nodes:
        _print_costs(*expected)


def _seeds(invocation: Invocation, graph: BranchGraph, hazards: Sequence[Finding]) -> list[dict[str, Any]]:
    """Return the outputs that start as a copy of main's, or should, and how large that is."""
    needed = {(hazard.node, hazard.dataset) for hazard in hazards if hazard.severity == "severe" and hazard.dataset}
    found = []
    for node, output in graph.datasets():
        if output.seeded or (node.id, output.name) in needed:
            row = {"node": node.id, "dataset": output.name, "from": output.base_uri, "to": output.head_uri}
            found.append({**row, "seeded": output.seeded, **_size(invocation, output.base_uri)})
    return found


def _size(invocation: Invocation, uri: str) -> dict[str, int | None]:
    try:
        size = dataset_size(invocation.aws().s3, uri)
    except AwsError:  # said already, where the jobs' past runs were asked for
        return {"objects": None, "bytes": None}
    return {"objects": size.objects, "bytes": size.size_bytes}


def _print_seeds(graph: BranchGraph, seeds: Sequence[dict[str, Any]]) -> None:
    if seeds:
        click.echo("\nBuilds on main's data")
    for row in seeds:
        known = row["objects"] is not None
        size = f"{count(row['objects'], 'object')}, {row['bytes']:,} bytes" if known else "size unknown"
        name = f"{row['node']}.{row['dataset']}"
        advice = (
            "copied before each run" if row["seeded"] else f"not copied: deploy-branch {graph.branch} --seed {name}"
        )
        click.echo(f"  {name}  {size}; {advice}")


def _print_hazards(record: Branch, hazards: Sequence[Finding]) -> None:
    if hazards:
        click.echo("\nHazards")
        print_hazards(hazards, acknowledged_ids(record.acknowledged))


def _expected_cells(estimate: NodeEstimate | None) -> tuple[str, ...]:
    if estimate is None:
        return (UNKNOWN, "", UNKNOWN, UNKNOWN, "never ran")
    billed, usd = estimate.billed_dpu_seconds, estimate.usd
    return (
        duration(estimate.seconds.median),
        spread_words(estimate.seconds),
        amount(dpu_hours(billed.median if billed else None)),
        amount(usd.median if usd else None),
        f"{count(estimate.runs, 'past run')} of {'the branch' if estimate.evidence == 'branch' else 'main'}",
    )


def _print_costs(expected: Forecast, prices: PriceList) -> None:
    click.echo()
    print_table(("EXPECTED", "TIME", "DPU-HOURS", "USD"), estimate_rows(expected), right=("TIME", "DPU-HOURS", "USD"))
    click.echo(f"  longest chain: {' → '.join(expected.branch.critical_path)}")
    for whose, estimate in (("branch", expected.branch), ("pipeline", expected.whole)):
        if estimate and estimate.never_run:
            click.echo(f"  at least, for these of the {whose} never ran: {', '.join(estimate.never_run)}")
    click.echo("  DPU-hours as Glue bills them: by the second, for each run a minute at least")
    for line in price_lines(prices, expected.rates):
        click.echo(f"  {line}")

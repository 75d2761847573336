"""``pypedream plan BRANCH``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from pypedream_dagster.branch.model import Branch, BranchGraph, BranchNode
from pypedream_dagster.branch.policy import MAX_POLICY_CHARACTERS, session_policy
from pypedream_dagster.branch.store import sha256
from pypedream_dagster.cli.forecast import USD_PER_DPU_HOUR, Forecast, critical_path_seconds, forecast_nodes
from pypedream_dagster.cli.hazards import acknowledged_ids, hazard_document, print_hazards, scan_where_possible
from pypedream_dagster.cli.invocation import Invocation, pass_invocation
from pypedream_dagster.cli.options import json_option, refuse_main
from pypedream_dagster.cli.output import count, note, print_json, print_table
from pypedream_dagster.deploy.hazards.model import Finding
from pypedream_dagster.deploy.seed import dataset_size
from pypedream_dagster.errors import AwsError

_WORDS = {"glue_job": "Glue job", "script": "script  ", "catalog_database": "database"}


@click.command("plan")
@click.argument("branch")
@json_option
@pass_invocation
def command(invocation: Invocation, branch: str, as_json: bool) -> None:
    """Say what a branch would create, run, read and write.

    Says what is hazardous about it, with file and line, and what to do. Makes nothing, and works before the branch is
    deployed. Where AWS can be asked, the jobs' past runs on main tell how long it will take.
    """
    refuse_main(branch, "planned")
    store = invocation.store()
    record, graph = store.branch(branch), store.graph(branch)
    forecasts = _forecasts(invocation, graph)
    notes = list(_notes(invocation, record, graph))
    hazards = scan_where_possible(invocation, store, graph)
    seeds = _seeds(invocation, graph, hazards)
    if as_json:
        print_json({**_document(record, graph, forecasts, notes, hazards), "seeds": seeds})
    else:
        _print(graph, forecasts, notes)
        _print_seeds(graph, seeds)
        _print_hazards(record, hazards)


def _forecasts(invocation: Invocation, graph: BranchGraph) -> dict[str, Forecast]:
    try:
        return forecast_nodes(graph, invocation.aws().glue)
    except AwsError as error:
        note(f"Expected times are left out: {error}")
        return {}


def _notes(invocation: Invocation, record: Branch, graph: BranchGraph) -> Iterator[str]:
    for node in graph.nodes:
        if node.why_cloned:
            yield f"{node.id} gets a Glue job of its own, though its script is main's: {node.why_cloned}."
        if not node.outputs:
            yield f"{node.id} has no outputs in the graph: what it writes elsewhere than to the branch is denied."
    if record.expires_at < invocation.now():
        yield f"The branch has expired on {record.expires_at:%F}."
    path = invocation.settings().graph_path
    if path.exists() and sha256(path.read_bytes()) != record.graph_sha256:
        yield "main's graph has changed since this branch was created; the branch still runs as of then."


def _creations(graph: BranchGraph) -> list[dict[str, str]]:
    made = []
    for node in graph.clones:
        made.append({"kind": "glue_job", "name": node.job, "node": node.id, "from": node.production_job})
        if node.script_uri:
            made.append({"kind": "script", "name": node.script_uri, "node": node.id})
    made += [{"kind": "catalog_database", "name": name} for name in graph.databases]
    return made


def _document(
    record: Branch,
    graph: BranchGraph,
    forecasts: Mapping[str, Forecast],
    notes: list[str],
    hazards: Sequence[Finding],
) -> dict[str, Any]:
    return {
        "branch": graph.branch,
        "origins": list(graph.origins),
        "owner": record.owner,
        "expires_at": record.expires_at.isoformat(),
        "creates": _creations(graph),
        "runs": [_run_document(node, forecasts.get(node.id)) for node in graph.nodes],
        "write_prefixes": list(graph.write_prefixes),
        "session_policy_characters": len(session_policy(graph)),
        "expected_seconds": critical_path_seconds(graph, forecasts) if forecasts else None,
        "expected_usd": _total_usd(forecasts),
        "notes": notes,
        "hazards": [hazard_document(hazard, acknowledged_ids(record.acknowledged)) for hazard in hazards],
    }


def _run_document(node: BranchNode, forecast: Forecast | None) -> dict[str, Any]:
    return {
        "node": node.id,
        "job": node.job,
        "action": node.action,
        "after": list(node.upstream),
        "arguments": dict(node.arguments),
        "reads": [item.model_dump(mode="json") for item in node.inputs],
        "writes": [{"dataset": output.name, "uri": output.head_uri} for output in node.outputs],
        "expected_seconds": forecast.execution_seconds if forecast else None,
        "expected_usd": forecast.cost_usd if forecast else None,
    }


def _print(graph: BranchGraph, forecasts: Mapping[str, Forecast], notes: list[str]) -> None:
    click.echo(f"Branch {graph.branch} at {', '.join(graph.origins)}\n\nCreates")
    for made in _creations(graph):
        origin = f" (clone of {made['from']})" if "from" in made else ""
        click.echo(f"  {_WORDS[made['kind']]}  {made['name']}{origin}")
    click.echo("\nRuns, in this order")
    print_table(
        ("NODE", "GLUE JOB", "", "AFTER", "EXPECTED"),
        [
            (
                f"  {node.id}",
                node.job,
                "own job" if node.action == "clone" else "main's job",
                ", ".join(node.upstream) or "-",
                _duration(forecasts[node.id].execution_seconds) if node.id in forecasts else "?",
            )
            for node in graph.nodes
        ],
        right=("EXPECTED",),
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
    click.echo(f"  (session policy: {len(session_policy(graph)):,} of {MAX_POLICY_CHARACTERS:,} characters)")
    if notes:
        click.echo("\nLook out")
        for text in notes:
            click.echo(f"  {text}")
    if forecasts:
        click.echo(f"\n{_forecast_line(graph, forecasts)}")


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


def _forecast_line(graph: BranchGraph, forecasts: Mapping[str, Forecast]) -> str:
    total = _total_usd(forecasts)
    price = "" if total is None else f" and {total:,.2f} USD at {USD_PER_DPU_HOUR} USD per DPU-hour"
    unknown = len(graph.nodes) - len(forecasts)
    rest = f"; {count(unknown, 'job')} never ran on main" if unknown else ""
    return f"Expected: about {_duration(critical_path_seconds(graph, forecasts))}{price}{rest}."


def _total_usd(forecasts: Mapping[str, Forecast]) -> float | None:
    costs = [forecast.cost_usd for forecast in forecasts.values() if forecast.cost_usd is not None]
    return sum(costs) if costs else None


def _duration(seconds: float) -> str:
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"

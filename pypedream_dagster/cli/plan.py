"""``pypedream plan BRANCH``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click

from pypedream_dagster.branch.model import Branch, BranchGraph, BranchNode
from pypedream_dagster.branch.policy import MAX_POLICY_CHARACTERS, check_policies
from pypedream_dagster.branch.store import sha256
from pypedream_dagster.cli.forecast import USD_PER_DPU_HOUR, Forecast, critical_path_seconds, forecast_nodes
from pypedream_dagster.cli.invocation import Invocation, pass_invocation
from pypedream_dagster.cli.options import json_option, refuse_main
from pypedream_dagster.cli.output import count, note, print_json, print_table
from pypedream_dagster.deploy.live import production_jobs
from pypedream_dagster.deploy.narrowing import FLAG, LOSS, unnarrowable_nodes
from pypedream_dagster.errors import AwsError

_WORDS = {"glue_job": "Glue job", "script": "script  ", "catalog_database": "database"}


@click.command("plan")
@click.argument("branch")
@json_option
@pass_invocation
def command(invocation: Invocation, branch: str, as_json: bool) -> None:
    """Say what a branch would create, run, read and write.

    Says what to look out for, too. Makes nothing, and works before the branch is deployed. Where AWS can be asked,
    the jobs' past runs on main tell how long it will take.
    """
    refuse_main(branch, "planned")
    store = invocation.store()
    record, graph = store.branch(branch), store.graph(branch)
    forecasts = _forecasts(invocation, graph)
    hazards = [*_unenforced(invocation, record, graph), *_hazards(invocation, record, graph)]
    if as_json:
        print_json(_document(record, graph, forecasts, hazards))
    else:
        _print(graph, forecasts, hazards)


def _forecasts(invocation: Invocation, graph: BranchGraph) -> dict[str, Forecast]:
    try:
        return forecast_nodes(graph, invocation.aws().glue)
    except AwsError as error:
        note(f"Expected times are left out: {error}")
        return {}


def _hazards(invocation: Invocation, record: Branch, graph: BranchGraph) -> Iterator[str]:
    for node in graph.nodes:
        if node.why_cloned:
            yield f"{node.id} gets a Glue job of its own, though its script is main's: {node.why_cloned}."
        for output in node.outputs:
            if output.settings.write_mode != "overwrite":
                yield (
                    f"{node.id} does not overwrite {output.name} but builds on what is there "
                    f"({output.settings.write_mode}): deploy-branch will refuse."
                )
        if node.properties.get("DefaultArguments", {}).get("--job-bookmark-option") == "job-bookmark-enable":
            yield f"{node.id} uses job bookmarks: on a branch it reads everything, not only what is new."
        if not node.outputs:
            yield f"{node.id} has no outputs in the graph: what it writes elsewhere than to the branch is denied."
    if record.expires_at < invocation.now():
        yield f"The branch has expired on {record.expires_at:%F}."
    path = invocation.settings().graph_path
    if path.exists() and sha256(path.read_bytes()) != record.graph_sha256:
        yield "main's graph has changed since this branch was created; the branch still runs as of then."


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
    record: Branch, graph: BranchGraph, forecasts: Mapping[str, Forecast], hazards: list[str]
) -> dict[str, Any]:
    return {
        "branch": graph.branch,
        "origins": list(graph.origins),
        "owner": record.owner,
        "expires_at": record.expires_at.isoformat(),
        "creates": _creations(graph),
        "runs": [_run_document(node, forecasts.get(node.id)) for node in graph.nodes],
        "write_prefixes": list(graph.write_prefixes),
        "given_up": [item.model_dump(mode="json") for item in record.given_up],
        "session_policy_characters": check_policies(graph),
        "expected_seconds": critical_path_seconds(graph, forecasts) if forecasts else None,
        "expected_usd": _total_usd(forecasts),
        "hazards": hazards,
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


def _print(graph: BranchGraph, forecasts: Mapping[str, Forecast], hazards: list[str]) -> None:
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
    click.echo(f"  (session policies: at most {check_policies(graph):,} of {MAX_POLICY_CHARACTERS:,} characters)")
    if hazards:
        click.echo("\nLook out")
        for hazard in hazards:
            click.echo(f"  {hazard}")
    if forecasts:
        click.echo(f"\n{_forecast_line(graph, forecasts)}")


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

"""How commands say what has changed on main since a branch was made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import click

from pypedream_dagster.branch.drift import Drift, FieldChange
from pypedream_dagster.branch.store import BranchStore, main_on_disk
from pypedream_dagster.cli.invocation import Invocation
from pypedream_dagster.cli.output import count
from pypedream_dagster.errors import AwsError

_LINES_SHOWN = 40
_CHANGES_SHOWN = 12
_LINE_CHARACTERS = 200


def look(invocation: Invocation, store: BranchStore, branch: str) -> Drift:
    """Return what has changed on main: all of it where AWS answers, else what the files tell."""
    # What reads AWS takes a while to import.
    from pypedream_dagster.deploy.production import Production, drift_since

    graph_path = invocation.settings().graph_path
    try:
        now = Production(invocation.aws()).now(store.graph(branch), graph_path)
    except AwsError:
        now = main_on_disk(graph_path)
    return drift_since(store, branch, now)


def words(drift: Drift) -> str:
    """Return the drift in a table's cell."""
    parts = [kind for kind in drift.kinds if kind != "graph"]
    if drift.graph:
        parts.insert(0, "graph" if drift.graph.matters else "graph, elsewhere")
    return ", ".join(parts) or ("unchanged" if drift.was_asked else "graph unchanged")


def document(drift: Drift) -> dict[str, Any]:
    """Return the drift for ``--json``."""
    graph = asdict(drift.graph) | {"matters": drift.graph.matters} if drift.graph else None
    return {
        "kinds": list(drift.kinds),
        "was_asked": drift.was_asked,
        "graph": graph,
        "jobs": [asdict(job) | {"is_gone": job.is_gone} for job in drift.jobs],
        "scripts": [asdict(script) for script in drift.scripts],
    }


def show(drift: Drift, branch: str, *, whole: bool) -> None:
    """Print what has changed; nothing where nothing has.

    Args:
        drift: of the branch.
        branch: its name.
        whole: whether long differences are printed to their end.
    """
    if not drift:
        return
    from pypedream_dagster.report.wording import visible

    click.echo("\nMain has changed since this branch was made")
    for line in _lines(drift, whole=whole):
        click.echo(f"  {visible(line.expandtabs(4), 0 if whole else _LINE_CHARACTERS)}".rstrip())
    click.echo(f"  'pypedream rebase {branch}' brings the branch up to date and keeps its edits.")


def _lines(drift: Drift, *, whole: bool) -> Iterator[str]:
    if drift.graph:
        yield from _graph_lines(drift, whole=whole)
    for job in drift.jobs:
        if job.is_gone:
            yield f"job     {job.node}: {job.job} is not deployed"
            continue
        yield f"job     {job.node}: {job.job} has changed"
        yield from _cut([_change(change) for change in job.changes], _CHANGES_SHOWN, whole=whole)
    for script in drift.scripts:
        if script.is_origin:
            yield f"script  {script.node}: production's is not the one that the branch's was made from"
        else:
            yield f"script  {script.node}: production's has changed; the branch runs the new one"
        yield from _cut(script.diff, _LINES_SHOWN, whole=whole)
    if not drift.was_asked:
        yield "production's jobs and scripts were not looked at: AWS was not asked"


def _graph_lines(drift: Drift, *, whole: bool) -> Iterator[str]:
    graph = drift.graph
    assert graph is not None
    if not graph.is_known:
        yield "graph   main.json is another file; what it was is not kept for this branch"
        return
    if graph.changes:
        what = "this branch is touched by it" if graph.matters else "none of it touches this branch"
        yield f"graph   {count(len(graph.changes), 'field')} of main.json {_differ(graph.changes)}; {what}"
        yield from _cut([_change(change) for change in graph.changes], _CHANGES_SHOWN, whole=whole)
    for effect in graph.effects:
        yield f"        → {effect}"


def _differ(changes: Sequence[FieldChange]) -> str:
    return "differs" if len(changes) == 1 else "differ"


def _change(change: FieldChange) -> str:
    return f"{change.field}: {change.before} → {change.after}"


def _cut(lines: Sequence[str], limit: int, *, whole: bool) -> Iterator[str]:
    shown = lines if whole else lines[:limit]
    yield from (f"        {line}" for line in shown)
    if more := len(lines) - len(shown):
        yield f"        … and {count(more, 'more line')}: --diff shows all"

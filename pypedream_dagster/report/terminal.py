"""A delta for the terminal: an overview table, then each dataset that has something to say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pypedream_dagster.delta.model import BranchDelta, Cell, ColumnDelta, DatasetDelta, Verdict
from pypedream_dagster.report import digest, wording

WIDTH = 100
"""Columns that a report takes at the most."""

_COLUMNS_SHOWN = 12
_ROWS_SHOWN = 5
_LINES_SHOWN = 12
_VERDICT_STYLE: Mapping[Verdict, str] = {"changed": "yellow", "unchanged": "green", "not_compared": "red"}
_SIGN_STYLE = {"+": "green", "-": "red", "~": "yellow"}


def render_terminal(delta: BranchDelta | DatasetDelta, *, colour: bool = False, width: int = WIDTH) -> str:
    """Return the report of a branch, or of one dataset, as text that fits ``width`` columns.

    Args:
        delta: a branch's or one dataset's.
        colour: whether to write ANSI colours.
        width: at least 60.
    """
    console = Console(
        width=max(60, width),
        force_terminal=colour,
        color_system="standard" if colour else None,
        no_color=not colour,
        highlight=False,
        legacy_windows=False,
    )
    parts = _branch(delta) if isinstance(delta, BranchDelta) else _dataset(delta)
    with console.capture() as captured:
        for part in parts:
            console.print(part)
    # Rich pads to the width, which makes diffs and pasted text noisy.
    return "\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n"


def _branch(delta: BranchDelta) -> Iterator[RenderableType]:
    sums = digest.totals(delta)
    counts = [f"{sums.changed} changed", f"{sums.unchanged} unchanged"]
    counts += [f"{sums.not_compared} not compared"] if sums.not_compared else []
    counts += [wording.plural(sums.regressions, "failed expectation")] if sums.regressions else []
    title = Text.assemble(("Branch ", "bold"), (wording.visible(delta.branch), "bold"))
    yield title.append(f"  {wording.plural(sums.datasets, 'dataset')}: {', '.join(counts)}")
    yield Text("")
    table = _table(("DATASET", "NODE", "VERDICT", ">MAIN", ">BRANCH", ">ADDED", ">REMOVED", ">CHANGED"))
    for dataset in delta.datasets:
        table.add_row(*_overview_row(dataset))
    yield table
    for dataset in delta.datasets:
        if dataset.verdict != "unchanged" or digest.regressions(dataset) or dataset.notes:
            yield Text("─" * 40, style="dim")
            yield from _dataset(dataset)


def _overview_row(dataset: DatasetDelta) -> tuple[Text, ...]:
    rows = dataset.rows
    verdict = Text(wording.verdict(dataset.verdict), style=_VERDICT_STYLE[dataset.verdict])
    head = (Text(wording.visible(dataset.dataset, 28)), Text(wording.visible(dataset.node, 24)), verdict)
    if not digest.has_rows(dataset):
        return (*head, *(Text("-", style="dim") for _ in range(5)))
    changed = "-" if rows.changed is None else _count(rows.changed)
    return (
        *head,
        Text(wording.number(rows.base)),
        Text(wording.number(rows.head)),
        Text(_count(rows.added), style="green" if rows.added else "dim"),
        Text(_count(rows.removed), style="red" if rows.removed else "dim"),
        Text(changed, style="yellow" if rows.changed else "dim"),
    )


def _dataset(dataset: DatasetDelta) -> Iterator[RenderableType]:
    title = Text(wording.visible(dataset.dataset), style="bold")
    title.append(f"  {wording.visible(dataset.node)}" if dataset.node else "", style="dim")
    title.append(f"  {wording.verdict(dataset.verdict)}", style=_VERDICT_STYLE[dataset.verdict])
    yield title
    yield _facts(dataset)
    for line in _limited(digest.schema_lines(dataset), _LINES_SHOWN, "more schema changes"):
        sign, name, what = line if isinstance(line, tuple) else ("", line, "")
        yield Padding(
            Text.assemble((f"{sign} ", _SIGN_STYLE.get(sign, "")), f"{wording.visible(name)}  {wording.visible(what)}"),
            (0, 2),
        )
    if notable := digest.notable_columns(dataset):
        yield Text("")
        yield from _columns(dataset, notable)
    yield from _samples(dataset)
    yield from _expectations(dataset)
    for note in dataset.notes:
        yield Padding(Text(f"Note: {wording.visible(note)}", style="dim"), (0, 0, 0, 2))
    yield Text("")


def _facts(dataset: DatasetDelta) -> RenderableType:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, text in _fact_lines(dataset):
        grid.add_row(f"  {name}", text)
    return grid


def _fact_lines(dataset: DatasetDelta) -> Iterator[tuple[str, Text]]:
    sides = wording.sides(dataset)
    yield sides.base, Text(wording.visible(dataset.base_uri))
    yield sides.head, Text(wording.visible(dataset.head_uri))
    if dataset.status != "compared":
        yield "status", Text(wording.status(dataset.status))
    if dataset.error:
        yield "error", Text(wording.visible(dataset.error), style="red")
    if not digest.has_rows(dataset):
        return
    rows = dataset.rows
    text = Text(f"{wording.number(rows.base)} → {wording.number(rows.head)}: ")
    text.append(f"{rows.added:,} added", style="green" if rows.added else "")
    text.append(", ").append(f"{rows.removed:,} removed", style="red" if rows.removed else "")
    if rows.changed is not None:
        text.append(", ").append(f"{rows.changed:,} changed", style="yellow" if rows.changed else "")
    yield "rows", text.append(f", {rows.unchanged:,} unchanged")
    yield "key", Text(wording.key(dataset))
    base, head = dataset.key.base_duplicates, dataset.key.head_duplicates
    if base or head:
        yield "repeated", Text(f"{base:,} key values on {sides.base}, {head:,} on {sides.head}")
    for name, columns in (("ignored", dataset.ignored_columns), ("volatile", dataset.volatile_columns)):
        if columns:
            yield name, Text(", ".join(wording.visible(column) for column in columns))
    if dataset.partitions:
        statuses = {item.status for item in dataset.partitions}
        same = f"{len(dataset.partitions):,} {dataset.partitions[0].status}: " if len(statuses) == 1 else ""
        shown = same + ", ".join(
            f"{wording.visible(item.partition)}{'' if same else f' {item.status}'}" for item in dataset.partitions[:3]
        )
        more = digest.cut(dataset.partitions, 3)
        yield "partitions", Text(shown + (f" and {more:,} more" if more else ""))
    yield "effort", Text(wording.effort(dataset), style="dim")


def _columns(dataset: DatasetDelta, notable: Mapping[str, ColumnDelta]) -> Iterator[RenderableType]:
    table = _table(("COLUMN", "TYPE", ">CHANGED", ">OF ROWS", ">NULLS", ">MEAN", ">LARGEST SHIFT"))
    paired = (dataset.rows.changed or 0) + dataset.rows.unchanged
    for name, column in list(notable.items())[:_COLUMNS_SHOWN]:
        changed = column.changed
        table.add_row(
            Text(wording.visible(name, 28)),
            Text(wording.visible(column.head_type or column.base_type or "", 20), style="dim"),
            Text("-" if changed is None else wording.number(changed), style="yellow" if changed else "dim"),
            Text(wording.ratio(changed, paired) if changed else ""),
            Text(_both(column, "nulls")),
            Text(_both(column, "mean")),
            Text(wording.signed(column.largest_shift)),
        )
    yield Padding(table, (0, 0, 0, 2))
    if more := digest.cut(list(notable), _COLUMNS_SHOWN):
        yield Padding(Text(f"and {wording.plural(more, 'more column')}", style="dim"), (0, 0, 0, 2))


def _both(column: ColumnDelta, statistic: str) -> str:
    base, head = column.base, column.head
    if base is None or head is None:
        return "-"
    if statistic == "nulls":
        one, other = wording.share(base.null_fraction), wording.share(head.null_fraction)
    else:
        one, other = wording.figure(base.mean), wording.figure(head.mean)
    return one if one == other else f"{one} → {other}"


def _samples(dataset: DatasetDelta) -> Iterator[RenderableType]:
    samples = dataset.samples
    lines: list[tuple[str, Text]] = []
    for row in samples.changed[:_ROWS_SHOWN]:
        text = Text(f"{_values(row.key)}: " if row.key else "")
        for index, name in enumerate(list(row.after)[:4]):
            text.append(", " if index else "").append(f"{wording.visible(name, 24)} ")
            text.append(wording.cell(row.before.get(name), 24), style="red").append(" → ")
            text.append(wording.cell(row.after[name], 24), style="green")
        more = digest.cut(list(row.after), 4)
        lines.append(("~", text.append(f" and {more} more" if more else "")))
    for sign, rows in (("+", samples.added), ("-", samples.removed)):
        lines += [(sign, Text(_values(row))) for row in rows[:_ROWS_SHOWN]]
    if not lines:
        return
    yield Text("")
    for sign, text in lines:
        line = Text(no_wrap=True, overflow="ellipsis")
        line.append(f"  {sign} ", style=_SIGN_STYLE[sign]).append(text)
        # Printed bare, a Text is joined into another that knows nothing of its overflow.
        yield Padding(line, 0)


def _values(row: Mapping[str, Cell]) -> str:
    return "  ".join(f"{wording.visible(name, 24)}={wording.cell(value, 24)}" for name, value in row.items())


def _expectations(dataset: DatasetDelta) -> Iterator[RenderableType]:
    found = dataset.expectations
    if found is None:
        return
    if found.error:
        yield Padding(Text(f"Expectations did not run: {wording.visible(found.error)}", style="red"), (0, 0, 0, 2))
    for result in found.results:
        if result.outcome not in {"regression", "failed_on_both"}:
            continue
        style = "red" if result.outcome == "regression" else "yellow"
        what = "no longer holds" if result.outcome == "regression" else "fails on both sides"
        column = f" of {wording.visible(result.column)}" if result.column else ""
        seen = f": {wording.visible(result.head_observed, 60)}" if result.head_observed else ""
        yield Padding(Text(f"{result.expectation}{column} {what}{seen}", style=style), (0, 0, 0, 2))
    passed = sum(result.outcome in {"passed", "fixed"} for result in found.results)
    yield Padding(Text(f"{passed} of {wording.plural(len(found.results), 'expectation')} hold"), (0, 0, 0, 2))


def _count(value: int) -> str:
    return wording.number(value) if value else "-"


def _table(headers: Iterable[str]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for header in headers:
        right = header.startswith(">")
        table.add_column(header.removeprefix(">"), justify="right" if right else "left", overflow="ellipsis")
    return table


def _limited(items: list[tuple[str, str, str]], limit: int, what: str) -> Iterator[tuple[str, str, str] | str]:
    yield from items[:limit]
    if more := digest.cut(items, limit):
        yield f"and {more} {what}"

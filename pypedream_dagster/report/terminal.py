"""A delta for the terminal: an overview table, then each dataset that has something to say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pypedream_dagster.delta.model import BranchDelta, Cell, ColumnDelta, DatasetDelta, Verdict
from pypedream_dagster.report import digest, wording

WIDTH = 100
"""Columns that a report takes at the most."""

_DATASETS_SHOWN = 20
_COLUMNS_SHOWN = 12
_ROWS_SHOWN = 5
_LINES_SHOWN = 12
_NAMES_SHOWN = 12
_TITLE_CHARACTERS = 60
_NAME_CHARACTERS = 28
_TEXT_CHARACTERS = 400
_LEAST_NAME = 10
_ROOMY = 90
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
        height=50,  # given, lest Rich ask the environment for the size
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
    for note in delta.notes:
        yield Text(wording.visible(note, 4 * _TEXT_CHARACTERS), style="yellow")
    yield Text("")
    datasets = [dataset for _, dataset in digest.by_weight(delta)]
    yield _overview(datasets)
    worth = [dataset for dataset in datasets if digest.weight(dataset) < 2 or dataset.notes or dataset.main_moved]
    for dataset in worth[:_DATASETS_SHOWN]:
        yield Text("─" * 40, style="dim")
        yield from _dataset(dataset)
    if more := digest.cut(worth, _DATASETS_SHOWN):
        yield Text("─" * 40, style="dim")
        yield Text(
            f"{wording.plural(more, 'more dataset')} of the table above: --dataset NAME or --format html shows each"
        )


def _overview(datasets: Iterable[DatasetDelta]) -> RenderableType:
    cells = [_overview_row(dataset) for dataset in datasets]
    return _Table(
        ("DATASET", "NODE", "VERDICT", ">MAIN", ">BRANCH", ">ADDED", ">REMOVED", ">CHANGED"), cells, ("NODE", ">MAIN")
    )


def _overview_row(dataset: DatasetDelta) -> tuple[Text, ...]:
    rows = dataset.rows
    node = dataset.node if dataset.node != dataset.dataset else ""
    head = (
        Text(wording.visible(dataset.dataset, _NAME_CHARACTERS)),
        Text(wording.visible(node, _NAME_CHARACTERS), style="dim"),
        _verdict(dataset),
    )
    if not digest.has_rows(dataset):
        return (*head, *(Text("-", style="dim") for _ in range(5)))
    return (
        *head,
        Text(wording.short_number(rows.base)),
        Text(wording.short_number(rows.head)),
        Text(_count(rows.added), style="green" if rows.added else "dim"),
        Text(_count(rows.removed), style="red" if rows.removed else "dim"),
        Text(_count(rows.changed or 0), style="yellow" if rows.changed else "dim"),
    )


def _verdict(dataset: DatasetDelta) -> Text:
    """Return the verdict; where nothing was compared, why, and where expectations fail anew, how many."""
    is_compared = dataset.verdict != "not_compared"
    word = wording.verdict(dataset.verdict) if is_compared else wording.SHORT_STATUS.get(dataset.status, "not compared")
    text = Text(word, style=_VERDICT_STYLE[dataset.verdict])
    if count := digest.regressions(dataset):
        text.append(f", {count:,} fail{'s' if count == 1 else ''}", style="red")
    return text


def _dataset(dataset: DatasetDelta) -> Iterator[RenderableType]:
    title = Text(wording.visible(dataset.dataset, _TITLE_CHARACTERS), style="bold")
    title.append(f"  {wording.visible(dataset.node, _TITLE_CHARACTERS)}" if dataset.node else "", style="dim")
    title.append(f"  {wording.verdict(dataset.verdict)}", style=_VERDICT_STYLE[dataset.verdict])
    yield title
    yield _facts(dataset)
    for item in dataset.main_moved[:_LINES_SHOWN]:
        yield _line(Text(f"Main has moved: {wording.moved(item)}.", style="yellow"))
    if more := digest.cut(dataset.main_moved, _LINES_SHOWN):
        yield _line(Text(f"and {wording.plural(more, 'more prefix', 'more prefixes')} of main", style="yellow"))
    yield from _expectations(dataset)
    for line in _limited(digest.schema_lines(dataset), _LINES_SHOWN, "more schema changes"):
        sign, name, what = line if isinstance(line, tuple) else ("", line, "")
        shown = f"{wording.visible(name, _TITLE_CHARACTERS)}  {wording.visible(what, _TEXT_CHARACTERS)}"
        yield _line(Text.assemble((f"{sign} ", _SIGN_STYLE.get(sign, "")), shown.rstrip()))
    if notable := digest.notable_columns(dataset):
        yield Text("")
        yield from _columns(dataset, notable)
    yield from _samples(dataset)
    for note in dataset.notes:
        yield _line(Text(f"Note: {wording.visible(note, _TEXT_CHARACTERS)}", style="dim"))
    yield Text("")


def _line(text: Text) -> RenderableType:
    """Return a line that goes on, where it is too long, below its own beginning."""
    return Padding(text, (0, 0, 0, 2))


def _facts(dataset: DatasetDelta) -> RenderableType:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, text in _fact_lines(dataset):
        grid.add_row(f"  {name}", text)
    return grid


def _fact_lines(dataset: DatasetDelta) -> Iterator[tuple[str, Text]]:
    sides, rows = wording.sides(dataset), dataset.rows
    yield sides.base, Text(wording.visible(dataset.base_uri, _TEXT_CHARACTERS))
    yield sides.head, Text(wording.visible(dataset.head_uri, _TEXT_CHARACTERS))
    if dataset.status != "compared":
        yield "status", Text(wording.status(dataset))
    if dataset.error:
        yield "error", Text(wording.visible(dataset.error, 2 * _TEXT_CHARACTERS), style="red")
    if not digest.has_rows(dataset):
        return
    text = Text(f"{wording.number(rows.base)} → {wording.number(rows.head)}: ")
    text.append(f"{rows.added:,} added", style="green" if rows.added else "")
    text.append(", ").append(f"{rows.removed:,} removed", style="red" if rows.removed else "")
    if rows.changed is not None:
        text.append(", ").append(f"{rows.changed:,} changed", style="yellow" if rows.changed else "")
    yield "rows", text.append(f", {rows.unchanged:,} unchanged")
    note = f"; {wording.visible(dataset.key.note, _TEXT_CHARACTERS)}" if dataset.key.note else ""
    yield "key", Text(wording.key(dataset)).append(note, style="dim")
    base, head = dataset.key.base_duplicates, dataset.key.head_duplicates
    if base or head:
        yield "repeated", Text(f"{base:,} key values on {sides.base}, {head:,} on {sides.head}")
    for name, columns in (("ignored", dataset.ignored_columns), ("volatile", dataset.volatile_columns)):
        if columns:
            yield name, Text(_names([wording.visible(column, _NAME_CHARACTERS) for column in columns]))
    if dataset.tolerated_columns:
        yield "tolerated", Text(_names([_tolerated(dataset, name) for name in dataset.tolerated_columns]))
    if dataset.partitions:
        shown = ", ".join(wording.visible(item.partition, _TITLE_CHARACTERS) for item in dataset.partitions[:3])
        more = digest.cut(dataset.partitions, 3)
        text = Text(f"{wording.partition_counts(dataset)}: {shown}")
        yield "partitions", text.append(f" and {more:,} more" if more else "")
    yield "effort", Text(wording.effort(dataset), style="dim")
    if dataset.identity:
        yield "identity", Text(wording.visible(dataset.identity, _TEXT_CHARACTERS), style="dim")


def _tolerated(dataset: DatasetDelta, name: str) -> str:
    column = dataset.columns.get(name)
    amount = wording.tolerance(column.tolerance if column else None)
    return f"{wording.visible(name, _NAME_CHARACTERS)} {amount}".rstrip()


def _names(names: list[str]) -> str:
    more = digest.cut(names, _NAMES_SHOWN)
    return ", ".join(names[:_NAMES_SHOWN]) + (f" and {more:,} more" if more else "")


def _columns(dataset: DatasetDelta, notable: Mapping[str, ColumnDelta]) -> Iterator[RenderableType]:
    headers = ("COLUMN", "TYPE", ">CHANGED", ">OF ROWS", ">NULLS", ">MEAN", ">LARGEST SHIFT")
    cells = [_column_row(dataset, name, column) for name, column in list(notable.items())[:_COLUMNS_SHOWN]]
    yield Padding(_Table(headers, cells, ("TYPE", ">LARGEST SHIFT")), (0, 0, 0, 2))
    if more := digest.cut(list(notable), _COLUMNS_SHOWN):
        yield _line(Text(f"and {wording.plural(more, 'more column')}", style="dim"))
    for name, column in list(notable.items())[:_COLUMNS_SHOWN]:
        if what := wording.came_and_went(*digest.new_values(column)):
            yield _line(Text(f"{wording.visible(name, _NAME_CHARACTERS)}: {what}"))


def _column_row(dataset: DatasetDelta, name: str, column: ColumnDelta) -> tuple[Text, ...]:
    changed = column.changed
    paired = (dataset.rows.changed or 0) + dataset.rows.unchanged
    return (
        Text(wording.visible(name, _NAME_CHARACTERS)),
        Text(wording.visible(column.head_type or column.base_type or "", 20), style="dim"),
        Text("-" if changed is None else wording.short_number(changed), style="yellow" if changed else "dim"),
        Text(wording.ratio(changed, paired) if changed else ""),
        Text(_both(column, "nulls")),
        Text(_both(column, "mean")),
        Text(wording.signed(column.largest_shift)),
    )


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
            one, other = wording.change(row.before.get(name), row.after[name], 24)
            text.append(one, style="red").append(" → ").append(other, style="green")
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
    if dataset.expectations is None:
        return
    if error := dataset.expectations.error:
        yield _line(Text(f"Expectations did not run: {wording.visible(error, _TEXT_CHARACTERS)}", style="red"))
    results = digest.expectations(dataset)
    failing = [result for result in results if result.outcome not in {"passed", "fixed"}]
    for result in failing[:_LINES_SHOWN]:
        column = f" of {wording.visible(result.column, _TITLE_CHARACTERS)}" if result.column else ""
        seen = f": {wording.visible(result.head_observed, _TITLE_CHARACTERS)}" if result.head_observed else ""
        text = f"{wording.visible(result.expectation, _TITLE_CHARACTERS)}{column}{seen}"
        style = "red" if result.outcome == "regression" else "yellow"
        yield _line(Text.assemble((f"{wording.expectation_outcome(result.outcome)}  ", style), text))
    if more := digest.cut(failing, _LINES_SHOWN):
        yield _line(Text(f"and {wording.plural(more, 'more expectation')} that fail"))
    if results:
        holding = len(results) - len(failing)
        yield _line(Text(f"{holding:,} of {wording.plural(len(results), 'expectation')} hold"))


def _count(value: int) -> str:
    return wording.short_number(value) if value else "-"


@dataclass(frozen=True, slots=True)
class _Table:
    """A table that leaves out its less important columns where there is no room for all.

    A header that starts with ``>`` aligns right.
    """

    headers: tuple[str, ...]
    rows: Sequence[tuple[Text, ...]]
    dispensable: tuple[str, ...]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        chosen = [
            i for i, name in enumerate(self.headers) if options.max_width >= _ROOMY or name not in self.dispensable
        ]
        table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
        for position, name in enumerate(self.headers[i] for i in chosen):
            right = name.startswith(">")
            # What may not wrap keeps its width longest: texts give way before numbers do.
            table.add_column(
                name.removeprefix(">"),
                justify="right" if right else "left",
                overflow="ellipsis",
                no_wrap=right,
                min_width=None if position else _LEAST_NAME,
            )
        for row in self.rows:
            table.add_row(*(row[i] for i in chosen))
        yield table


def _limited(items: list[tuple[str, str, str]], limit: int, what: str) -> Iterator[tuple[str, str, str] | str]:
    yield from items[:limit]
    if more := digest.cut(items, limit):
        yield f"and {more} {what}"

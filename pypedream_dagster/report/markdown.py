"""A delta as GitHub-flavoured markdown: for a pull request's comment, and for Dagster's metadata.

What would go over the limit is shortened, the less important datasets first, and a sentence at the end says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pypedream_dagster.delta.model import BranchDelta, Cell, ColumnDelta, DatasetDelta
from pypedream_dagster.report import digest, wording

MAX_BYTES = 60_000
"""GitHub takes 65,536 characters in a comment; Dagster's page grows slow from about 100 kB."""

_FOR_THE_END = 300
_OVERVIEW_SHARE = 0.4
_OVERVIEW = ("", "Dataset", "Node", ">Main", ">Branch", ">Added", ">Removed", ">Changed", "What")
_UNFOLDED = 5
_NOTES_SHARE, _NOTE_CHARACTERS = 0.35, 1_000
_SIGNS = ("🔴", "🟡", "🟢")


@dataclass(frozen=True, slots=True)
class _Depth:
    """How much of a dataset is shown: rows of each table, sampled rows, their cells, and characters of a text."""

    lines: int
    rows: int
    cells: int
    characters: int


_HEADLINE = _Depth(0, 0, 0, 60)
_SHORT = _Depth(5, 1, 4, 60)
_FULL = _Depth(15, 5, 8, 300)


def render_markdown(delta: BranchDelta | DatasetDelta, *, fold: bool = False, limit: int = MAX_BYTES) -> str:
    """Return the report of a branch, or of one dataset.

    Args:
        delta: a branch's or one dataset's.
        fold: whether each dataset is folded into ``<details>``, which GitHub shows and Dagster does not.
        limit: the most bytes, 2,000 or more.
    """
    if isinstance(delta, DatasetDelta):
        return _within("", [delta], limit, fold=False)
    worth = [dataset for _, dataset in digest.by_weight(delta) if digest.weight(dataset) < 2 or dataset.main_moved]
    return _within(_overview(delta, limit, fold=fold), worth, limit, fold=fold)


def _within(head: str, datasets: Sequence[DatasetDelta], limit: int, *, fold: bool) -> str:
    """Return as much of each dataset as there is room for; each gets a little before any gets all."""
    room = limit - _size(head) - _FOR_THE_END
    chosen: list[tuple[_Depth, str]] = []
    for dataset in datasets:
        section = _section(dataset, _HEADLINE, fold=fold)
        room -= _size(section)
        if room < 0:
            break
        chosen.append((_HEADLINE, section))
    for depth in (_SHORT, _FULL):
        for place, (_, before) in enumerate(chosen):
            section = _section(datasets[place], depth, fold=fold)
            if _size(section) - _size(before) <= room:
                room -= _size(section) - _size(before)
                chosen[place] = (depth, section)
    text = "\n".join((head, *(section for _, section in chosen)))
    shortened = sum(depth is not _FULL for depth, _ in chosen)
    missing = len(datasets) - len(chosen)
    parts = [f"{wording.plural(shortened, 'dataset')} shortened"] if shortened else []
    parts += [f"{wording.plural(missing, 'dataset')} left out"] if missing else []
    if parts:
        text += f"\n_To keep within {limit // 1000:,} kB: {' and '.join(parts)}. The HTML report has all of it._\n"
    return text.strip("\n") + "\n"


def _size(text: str) -> int:
    return len(text.encode()) + 1  # with the line's end


def _overview(delta: BranchDelta, limit: int, *, fold: bool) -> str:
    sums = digest.totals(delta)
    sign = _SIGNS[min((digest.weight(dataset) for dataset in delta.datasets), default=2)]
    counts = [f"**{sums.changed}** changed", f"**{sums.unchanged}** unchanged"]
    counts += [f"**{sums.not_compared}** not compared"] if sums.not_compared else []
    counts += [f"**{wording.plural(sums.regressions, 'expectation')} newly failing**"] if sums.regressions else []
    title = f"### {sign} Data deltas of branch {code(delta.branch, 200)}\n"
    title += f"\n{wording.plural(sums.datasets, 'dataset')}: {', '.join(counts)}.\n\n"
    for note in delta.notes:
        line = f"> **Note:** {plain(note, _NOTE_CHARACTERS)}\n\n"
        title += line if _size(title + line) < limit * _NOTES_SHARE else ""
    room = int(limit * _OVERVIEW_SHARE)
    rows: list[tuple[str, ...]] = []
    datasets = [dataset for _, dataset in digest.by_weight(delta)]
    for dataset in datasets:
        row = _overview_row(dataset)
        room -= _size(table((), [row]))
        if room < 0:
            break
        rows.append(row)
    quiet = sum(digest.weight(dataset) == 2 for dataset in datasets[: len(rows)])
    # A few unchanged datasets are read faster than unfolded.
    shown = len(rows) - quiet if fold and quiet > _UNFOLDED else len(rows)
    text = title + (table(_OVERVIEW, rows[:shown]) if shown else "")
    if shown < len(rows):
        rest = table(_OVERVIEW, rows[shown:])
        text += f"\n<details><summary>{quiet} unchanged datasets</summary>\n\n{rest}\n</details>\n"
    more = digest.cut(datasets, len(rows))
    return text + (f"\n_and {wording.plural(more, 'more dataset')}_\n" if more else "")


def _overview_row(dataset: DatasetDelta) -> tuple[str, ...]:
    rows = dataset.rows
    node = code(dataset.node, 30) if dataset.node and dataset.node != dataset.dataset else ""
    head = (_sign(dataset), code(dataset.dataset, 40), node)
    if not digest.has_rows(dataset):
        return (*head, "", "", "", "", "", wording.status(dataset))
    columns = digest.named_columns(dataset)
    what = [f"**{_failing(dataset)}**"] if digest.regressions(dataset) else []
    what += ["other columns"] if dataset.schema.is_changed else []
    what += [code(name, 40) for name in columns[:3]]
    what += [f"{len(columns) - 3} more"] if len(columns) > 3 else []
    return (
        *head,
        wording.number(rows.base),
        wording.number(rows.head),
        _count(rows.added),
        _count(rows.removed),
        _count(rows.changed or 0),
        ", ".join(what),
    )


def _sign(dataset: DatasetDelta) -> str:
    return _SIGNS[digest.weight(dataset)]


def _failing(dataset: DatasetDelta) -> str:
    count = digest.regressions(dataset)
    return f"{wording.plural(count, 'expectation')} newly {'fails' if count == 1 else 'fail'}"


def _section(dataset: DatasetDelta, depth: _Depth, *, fold: bool) -> str:
    body = "\n".join(_dataset(dataset, depth))
    if not fold:
        return f"#### {_sign(dataset)} {code(dataset.dataset, 100)}\n\n{body}"
    # Inside <summary> GitHub reads HTML, no markdown.
    summary = f"{_sign(dataset)} <code>{plain(dataset.dataset, 100)}</code>: {_headline(dataset)}"
    return f"<details><summary>{summary}</summary>\n\n{body}\n</details>\n"


def _headline(dataset: DatasetDelta) -> str:
    if not digest.has_rows(dataset):
        return wording.status(dataset)
    rows = dataset.rows
    parts = [f"{rows.added:,} added", f"{rows.removed:,} removed"]
    parts += [] if rows.changed is None else [f"{rows.changed:,} changed"]
    text = f"{', '.join(parts)} of {wording.plural(rows.base, 'row')}"
    return f"{text}; {_failing(dataset)}" if digest.regressions(dataset) else text


def _dataset(dataset: DatasetDelta, depth: _Depth) -> Iterator[str]:
    headline, sides = _headline(dataset), wording.sides(dataset)
    places = f"{sides.base.title()} {code(dataset.base_uri, 200)}, {sides.head} {code(dataset.head_uri, 200)}"
    yield f"{wording.sentence(headline)} {places}.\n"
    if dataset.error:
        yield f"**Error**: {code(dataset.error, 500)}\n"
    for item in dataset.main_moved[: 1 if depth is _HEADLINE else depth.lines]:
        yield f"**Main has moved**: {plain(wording.moved(item), 600)}.\n"
    if depth is _HEADLINE:
        return
    yield from _facts(dataset, depth)
    yield from _expectations(dataset, depth)
    yield from _schema(dataset, depth)
    yield from _columns(dataset, depth)
    yield from _samples(dataset, depth)
    for note in dataset.notes[: depth.lines]:
        yield f"_Note:_ {plain(note, depth.characters)}\n"


def _facts(dataset: DatasetDelta, depth: _Depth) -> Iterator[str]:
    if not digest.has_rows(dataset):
        return
    key, sides = dataset.key, wording.sides(dataset)
    inferred = " (inferred)" if key.source == "inferred" else ""
    facts = [f"Key: {_codes(key.columns, depth)}{inferred}" if key.columns else wording.key(dataset).capitalize()]
    if key.base_duplicates or key.head_duplicates:
        repeated = f"{key.base_duplicates:,} on {sides.base}, {key.head_duplicates:,} on {sides.head}"
        facts.append(f"repeated key values: {repeated}")
    for name, columns in (
        ("ignored", dataset.ignored_columns),
        ("volatile", dataset.volatile_columns),
        ("tolerated", dataset.tolerated_columns),
    ):
        facts += [f"{name}: {_codes(columns, depth)}"] if columns else []
    facts += [f"partitions: {wording.partition_counts(dataset)}"] if dataset.partitions else []
    if dataset.status == "compared":
        facts.append(wording.effort(dataset))
    yield f"{'; '.join(facts)}.\n"


def _codes(names: Sequence[str], depth: _Depth) -> str:
    more = digest.cut(names, depth.lines)
    return ", ".join(code(name, 60) for name in names[: depth.lines]) + (f" and {more} more" if more else "")


def _schema(dataset: DatasetDelta, depth: _Depth) -> Iterator[str]:
    lines = digest.schema_lines(dataset)
    if not lines:
        return
    rows = [(sign, code(name, 60), plain(what, 120)) for sign, name, what in lines[: depth.lines]]
    yield table(("", "Schema", "Change"), rows)
    if more := digest.cut(lines, depth.lines):
        yield f"_and {wording.plural(more, 'more schema change')}_\n"


def _columns(dataset: DatasetDelta, depth: _Depth) -> Iterator[str]:
    notable = digest.notable_columns(dataset)
    if not notable:
        return
    shown = list(notable.items())[: depth.lines]
    rows = [_column_row(dataset, name, column) for name, column in shown]
    yield table(("Column", "Type", ">Changed", ">Of rows", ">Nulls", ">Mean", ">Largest shift"), rows)
    if more := digest.cut(list(notable), depth.lines):
        yield f"_and {wording.plural(more, 'more column')}_\n"
    for name, column in shown:
        if what := wording.came_and_went(*digest.new_values(column)):
            yield f"{code(name, 60)}: {plain(what, 200)}\n"


def _column_row(dataset: DatasetDelta, name: str, column: ColumnDelta) -> tuple[str, ...]:
    paired = (dataset.rows.changed or 0) + dataset.rows.unchanged
    base, head = column.base, column.head
    nulls = _arrow(wording.share(base.null_fraction), wording.share(head.null_fraction)) if base and head else ""
    mean = _arrow(wording.figure(base.mean), wording.figure(head.mean)) if base and head else ""
    return (
        code(name, 60),
        code(column.head_type or column.base_type or "", 60),
        "" if column.changed is None else wording.number(column.changed),
        wording.ratio(column.changed, paired) if column.changed else "",
        nulls,
        mean,
        wording.signed(column.largest_shift),
    )


def _samples(dataset: DatasetDelta, depth: _Depth) -> Iterator[str]:
    samples = dataset.samples
    changed = [
        (_row(row.key, depth), code(name, 40), *map(code, wording.change(row.before.get(name), after, 60)))
        for row in samples.changed[: depth.rows]
        for name, after in list(row.after.items())[: depth.cells]
    ]
    if changed:
        yield table(("Changed row", "Column", *map(str.title, wording.sides(dataset))), changed)
    lines = [("+", _row(row, depth)) for row in samples.added[: depth.rows]]
    lines += [("-", _row(row, depth)) for row in samples.removed[: depth.rows]]
    if lines:
        yield table(("", "Added and removed rows"), lines)


def _row(row: Mapping[str, Cell], depth: _Depth) -> str:
    shown = [
        f"{wording.visible(name, 40)}={wording.cell(value, 60)}" for name, value in list(row.items())[: depth.cells]
    ]
    more = digest.cut(list(row), depth.cells)
    return " ".join(code(text) for text in shown) + (f" and {more} more" if more else "")


def _expectations(dataset: DatasetDelta, depth: _Depth) -> Iterator[str]:
    found = dataset.expectations
    if found is None:
        return
    if found.error:
        yield f"**Expectations did not run**: {code(found.error, 300)}\n"
    failed = [result for result in digest.expectations(dataset) if result.outcome not in {"passed", "fixed"}]
    if failed:
        rows = [
            (
                f"{'🔴' if result.outcome == 'regression' else '🟡'} {wording.expectation_outcome(result.outcome)}",
                code(result.expectation, 80),
                code(result.column, 60) if result.column else "",
                code(result.base_observed, 60) if result.base_observed else "",
                code(result.head_observed, 60) if result.head_observed else "",
            )
            for result in failed[: depth.lines]
        ]
        yield table(("", "Expectation", "Column", *map(str.title, wording.sides(dataset))), rows)
        if more := digest.cut(failed, depth.lines):
            yield f"_and {wording.plural(more, 'more expectation')} that fail_\n"


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of cells that are markdown already; a header that starts with ``>`` aligns right."""
    names = [header.removeprefix(">") or " " for header in headers]
    rules = ["---:" if header.startswith(">") else "---" for header in headers]
    lines = [f"| {' | '.join(cells)} |" for cells in (names, rules, *rows)]
    return "\n".join(lines) + "\n"


def code(text: str, limit: int = 0) -> str:
    """Return a text of the data as code, in which nothing is a link, a mention, markup or the end of a table's cell."""
    shown = wording.visible(text, limit)
    if "|" in shown or "`" in shown:
        # A code span in a table can hold neither of both in every renderer: entities and escapes can.
        return plain(shown)
    padded = f" {shown} " if shown.startswith(" ") or shown.endswith(" ") else shown
    return f"`{padded}`" if shown.strip() else "` `"


def plain(text: str, limit: int = 0) -> str:
    """Return a text as it stands, in which nothing is a mention, a link, markup or the end of a table's cell."""
    shown = _entities(wording.visible(text, limit))
    for pattern, replacement in _ACTIVE:
        shown = pattern.sub(replacement, shown)
    return shown


def _entities(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


_ACTIVE: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    # Mentions and references to issues are found in the rendered text, so an entity alone would not stop them.
    (re.compile(r"[@#]"), lambda match: f"{match[0]}\u2060"),
    (re.compile(r"[\\`*_\[\]~|]"), lambda match: f"&#{ord(match[0])};"),
    (re.compile(r"://"), "&#58;//"),
    (re.compile(r"(?i)\bwww\."), "www&#46;"),
)


def _arrow(one: str, other: str) -> str:
    return one if one == other else f"{one} → {other}"


def _count(value: int) -> str:
    return wording.number(value) if value else ""

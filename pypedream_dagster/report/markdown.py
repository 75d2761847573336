"""A delta as GitHub-flavoured markdown: for a pull request's comment, and for Dagster's metadata."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from pypedream_dagster.delta.model import BranchDelta, Cell, ColumnDelta, DatasetDelta
from pypedream_dagster.report import digest, wording

MAX_CHARACTERS = 60_000
"""GitHub takes 65,536 characters in a comment; Dagster's page grows slow from about 100 kB."""

_COLUMNS_SHOWN = 15
_ROWS_SHOWN = 5
_CELLS_SHOWN = 8
_DATASETS_SHOWN = 100
_SIGNS = {"changed": "🟡", "unchanged": "🟢", "not_compared": "🔴"}


def render_markdown(delta: BranchDelta | DatasetDelta, *, fold: bool = False, limit: int = MAX_CHARACTERS) -> str:
    """Return the report of a branch, or of one dataset.

    Args:
        delta: a branch's or one dataset's.
        fold: whether each dataset is folded into ``<details>``, which GitHub shows and Dagster does not.
        limit: the most characters; datasets that would go over it are named and left out.
    """
    if isinstance(delta, DatasetDelta):
        return _within([], list(_sections([delta], fold=False)), limit)
    worth = [dataset for dataset in delta.datasets if dataset.verdict != "unchanged" or digest.regressions(dataset)]
    return _within(list(_overview(delta)), list(_sections(worth, fold=fold)), limit)


def _within(head: list[str], sections: list[tuple[str, str]], limit: int) -> str:
    text = "\n".join(head)
    left_out = []
    room = limit - 500 - 150 * len(sections) if len(sections) < 20 else limit - 4000
    for name, section in sections:
        if len(text) + len(section) > room:
            left_out.append(name)
        else:
            text += f"\n{section}"
    if left_out:
        named = ", ".join(code(name, 60) for name in left_out[:10])
        more = f" and {len(left_out) - 10} more" if len(left_out) > 10 else ""
        text += f"\n_Left out for length: {named}{more}; the HTML report has them._\n"
    return text.strip("\n") + "\n"


def _overview(delta: BranchDelta) -> Iterator[str]:
    sums = digest.totals(delta)
    yield f"### {_SIGNS[delta.verdict]} Data deltas of branch {code(delta.branch)}\n"
    counts = [f"**{sums.changed}** changed", f"**{sums.unchanged}** unchanged"]
    counts += [f"**{sums.not_compared}** not compared"] if sums.not_compared else []
    counts += [f"**{wording.plural(sums.regressions, 'failed expectation')}**"] if sums.regressions else []
    yield f"{wording.plural(sums.datasets, 'dataset')}: {', '.join(counts)}.\n"
    rows = [_overview_row(dataset) for dataset in delta.datasets[:_DATASETS_SHOWN]]
    yield table(("", "Dataset", "Node", ">Main", ">Branch", ">Added", ">Removed", ">Changed", "Most changed"), rows)
    if more := digest.cut(delta.datasets, _DATASETS_SHOWN):
        yield f"_and {wording.plural(more, 'more dataset')}_\n"


def _overview_row(dataset: DatasetDelta) -> tuple[str, ...]:
    rows = dataset.rows
    head = (_SIGNS[dataset.verdict], code(dataset.dataset, 60), code(dataset.node, 60) if dataset.node else "")
    if not digest.has_rows(dataset):
        return (*head, "", "", "", "", "", wording.status(dataset.status))
    columns = list(dataset.changed_columns)
    most = ", ".join(code(name, 40) for name in columns[:3])
    more = f" and {len(columns) - 3} more" if len(columns) > 3 else ""
    changed = "" if rows.changed is None else _count(rows.changed)
    return (
        *head,
        wording.number(rows.base),
        wording.number(rows.head),
        _count(rows.added),
        _count(rows.removed),
        changed,
        most + more,
    )


def _sections(datasets: Sequence[DatasetDelta], *, fold: bool) -> Iterator[tuple[str, str]]:
    for dataset in datasets:
        body = "\n".join(_dataset(dataset))
        title = f"{_SIGNS[dataset.verdict]} {code(dataset.dataset, 100)}"
        if fold:
            # Inside <summary> GitHub reads HTML, no markdown.
            name = _entities(wording.visible(dataset.dataset, 100))
            summary = f"{_SIGNS[dataset.verdict]} <code>{name}</code>: {_headline(dataset)}"
            yield dataset.dataset, f"<details><summary>{summary}</summary>\n\n{body}\n</details>\n"
        else:
            yield dataset.dataset, f"#### {title}\n\n{body}"


def _headline(dataset: DatasetDelta) -> str:
    if not digest.has_rows(dataset):
        return wording.status(dataset.status)
    rows = dataset.rows
    parts = [f"{rows.added:,} added", f"{rows.removed:,} removed"]
    parts += [] if rows.changed is None else [f"{rows.changed:,} changed"]
    return f"{', '.join(parts)} of {wording.plural(rows.base, 'row')}"


def _dataset(dataset: DatasetDelta) -> Iterator[str]:
    headline, sides = _headline(dataset), wording.sides(dataset)
    places = f"{sides.base.title()} {code(dataset.base_uri)}, {sides.head} {code(dataset.head_uri)}"
    yield f"{headline[0].upper()}{headline[1:]}. {places}.\n"
    if dataset.error:
        yield f"**Error**: {code(dataset.error, 500)}\n"
    if digest.has_rows(dataset):
        yield f"Key: {', '.join(code(name) for name in dataset.key.columns) or 'none'} ({dataset.key.source}).\n"
    yield from _schema(dataset)
    yield from _columns(dataset)
    yield from _samples(dataset)
    yield from _expectations(dataset)
    for note in dataset.notes:
        yield f"_Note:_ {plain(note, 300)}\n"


def _schema(dataset: DatasetDelta) -> Iterator[str]:
    lines = digest.schema_lines(dataset)
    if not lines:
        return
    rows = [(sign, code(name, 60), plain(what, 120)) for sign, name, what in lines[:_COLUMNS_SHOWN]]
    yield table(("", "Schema", "Change"), rows)
    if more := digest.cut(lines, _COLUMNS_SHOWN):
        yield f"_and {wording.plural(more, 'more schema change')}_\n"


def _columns(dataset: DatasetDelta) -> Iterator[str]:
    notable = digest.notable_columns(dataset)
    if not notable:
        return
    rows = [_column_row(dataset, name, column) for name, column in list(notable.items())[:_COLUMNS_SHOWN]]
    yield table(("Column", "Type", ">Changed", ">Of rows", ">Nulls", ">Mean", ">Largest shift"), rows)
    if more := digest.cut(list(notable), _COLUMNS_SHOWN):
        yield f"_and {wording.plural(more, 'more column')}_\n"


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


def _samples(dataset: DatasetDelta) -> Iterator[str]:
    samples = dataset.samples
    changed = [
        (_row(row.key), code(name, 40), code(wording.cell(row.before.get(name), 60)), code(wording.cell(after, 60)))
        for row in samples.changed[:_ROWS_SHOWN]
        for name, after in list(row.after.items())[:_CELLS_SHOWN]
    ]
    if changed:
        yield table(("Changed row", "Column", *map(str.title, wording.sides(dataset))), changed)
    lines = [("+", _row(row)) for row in samples.added[:_ROWS_SHOWN]]
    lines += [("-", _row(row)) for row in samples.removed[:_ROWS_SHOWN]]
    if lines:
        yield table(("", "Added and removed rows"), lines)


def _row(row: Mapping[str, Cell]) -> str:
    shown = [
        f"{wording.visible(name, 40)}={wording.cell(value, 60)}" for name, value in list(row.items())[:_CELLS_SHOWN]
    ]
    more = digest.cut(list(row), _CELLS_SHOWN)
    return " ".join(code(text) for text in shown) + (f" and {more} more" if more else "")


def _expectations(dataset: DatasetDelta) -> Iterator[str]:
    found = dataset.expectations
    if found is None:
        return
    if found.error:
        yield f"**Expectations did not run**: {code(found.error, 300)}\n"
    failed = [result for result in found.results if result.outcome in {"regression", "failed_on_both"}]
    if failed:
        rows = [
            (
                "🔴 new" if result.outcome == "regression" else "🟡 old",
                code(result.expectation, 80),
                code(result.column, 60) if result.column else "",
                code(result.base_observed, 60) if result.base_observed else "",
                code(result.head_observed, 60) if result.head_observed else "",
            )
            for result in failed[:_COLUMNS_SHOWN]
        ]
        yield table(("", "Failed expectation", "Column", *map(str.title, wording.sides(dataset))), rows)
        if more := digest.cut(failed, _COLUMNS_SHOWN):
            yield f"_and {wording.plural(more, 'more failed expectation')}_\n"


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
    """Return a text as it stands, in which nothing is a mention, markup or the end of a table's cell."""
    return re.sub(r"([\\`*_\[\]~|@])", _entity, _entities(wording.visible(text, limit)))


def _entity(match: re.Match[str]) -> str:
    # A mention is found in the rendered text, so an entity alone would not stop it.
    return "@\u2060" if match[0] == "@" else f"&#{ord(match[0])};"


def _entities(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _arrow(one: str, other: str) -> str:
    return one if one == other else f"{one} → {other}"


def _count(value: int) -> str:
    return wording.number(value) if value else ""

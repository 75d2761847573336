"""A delta as one HTML file that needs nothing else: no network, everything escaped.

Its one script (find, sort, open for printing) is our own, and the page's policy admits it by its hash alone:
whatever the data says, nothing in it can run. Without scripts the report reads the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from pypedream_dagster.delta.model import SCHEMA_VERSION, BranchDelta, Cell, DatasetDelta, Samples
from pypedream_dagster.report import charts, digest, wording
from pypedream_dagster.report.page import own_file, page_environment, policy_hash

_OPEN_DATASETS = 6
_CELL_CHARACTERS = 120
_SAMPLE_COLUMNS = 40
_COLUMNS_SHOWN = 30
_PARTITIONS_SHOWN = 200

# What all the datasets of a report may have together: sixty of 200 columns stay below 10 MB.
_CHARTED_COLUMNS = 3_000  # beyond, only the columns shown from the start have charts
_LISTED_COLUMNS = 15_000
_SAMPLED_CELLS = 40_000
_LEAST_ROWS = 3
_LEAST_COLUMNS = 50


def render_html(delta: BranchDelta | DatasetDelta) -> str:
    """Return the report of a branch, or of one dataset, as an HTML document.

    Datasets that need a look come first, then those that changed, each in the order of the pipeline, after an
    overview that links to them. Up to six of them are open from the start; the others are folded, and open when
    printed.
    """
    environment = page_environment()
    environment.filters["cell"] = _cell
    limits = _limits(delta.datasets if isinstance(delta, BranchDelta) else (delta,))
    items = digest.by_weight(delta) if isinstance(delta, BranchDelta) else [(1, delta)]
    style, script = (own_file(environment, name) for name in ("delta.css", "delta.js"))
    page: str = environment.get_template("delta.html.j2").render(
        branch=delta if isinstance(delta, BranchDelta) else None,
        items=items,
        totals=digest.totals(delta) if isinstance(delta, BranchDelta) else None,
        opened=_opened(items, is_branch=isinstance(delta, BranchDelta)),
        limits=limits,
        style=style,
        style_hash=policy_hash(style),
        script=script,
        script_hash=policy_hash(script),
        version=SCHEMA_VERSION,
        charts=charts,
        digest=digest,
        wording=wording,
        change=_change,
        changed_names=_changed_names,
        row_names=_row_names,
    )
    return page


@dataclass(frozen=True, slots=True)
class _Limits:
    """How much of each dataset a page shows.

    Attributes:
        columns: shown from the start.
        listed: columns listed at all, of those that differ and of the others.
        partitions: listed.
        rows: sampled rows of each outcome.
        all_charts: whether every listed column has a chart.
    """

    columns: int
    listed: int
    partitions: int
    rows: int
    all_charts: bool


def _limits(datasets: Sequence[DatasetDelta]) -> _Limits:
    columns = [len(dataset.columns) for dataset in datasets]
    outcomes = 3
    cells = outcomes * sum(min(max(1, count), _SAMPLE_COLUMNS) for count in columns)
    return _Limits(
        columns=_COLUMNS_SHOWN,
        listed=max(_LEAST_COLUMNS, _LISTED_COLUMNS // max(1, len(datasets))),
        partitions=_PARTITIONS_SHOWN,
        rows=max(_LEAST_ROWS, _SAMPLED_CELLS // max(1, cells)),
        all_charts=sum(columns) <= _CHARTED_COLUMNS,
    )


def _opened(items: Iterable[tuple[int, DatasetDelta]], *, is_branch: bool) -> frozenset[int]:
    worth = [place for place, dataset in items if digest.weight(dataset) < 2 or not is_branch]
    return frozenset(worth[:_OPEN_DATASETS])


def _cell(value: Cell) -> Markup | str:
    return _marked(value, wording.cell(value, _CELL_CHARACTERS))


def _change(before: Cell, after: Cell) -> tuple[Markup | str, Markup | str]:
    one, other = wording.change(before, after, _CELL_CHARACTERS)
    return _marked(before, one), _marked(after, other)


def _marked(value: Cell, text: str) -> Markup | str:
    """Return a value's text; what is missing is marked so that the text ``NULL`` is not taken for it."""
    return Markup('<span class="null">NULL</span>') if value is None else text


def _changed_names(dataset: DatasetDelta) -> tuple[list[str], int]:
    """Return the columns that differ in the sampled rows, the most changed of the dataset first, and how many more."""
    found = _names(row.after for row in dataset.samples.changed)
    order = {name: index for index, name in enumerate(dataset.changed_columns)}
    found.sort(key=lambda name: order.get(name, len(order)))
    return found[:_SAMPLE_COLUMNS], digest.cut(found, _SAMPLE_COLUMNS)


def _row_names(samples: Samples, outcome: str) -> tuple[list[str], int]:
    found = _names(samples.added if outcome == "added" else samples.removed)
    return found[:_SAMPLE_COLUMNS], digest.cut(found, _SAMPLE_COLUMNS)


def _names(rows: Iterable[Mapping[str, Cell]]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))

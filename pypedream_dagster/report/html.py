"""A delta as one HTML file that needs nothing else: no network, no script, everything escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pypedream_dagster.delta.model import BranchDelta, Cell, DatasetDelta, Samples
from pypedream_dagster.report import charts, digest, wording

_OPEN_DATASETS = 6
_CELL_CHARACTERS = 200
_SAMPLE_COLUMNS = 40


def render_html(delta: BranchDelta | DatasetDelta) -> str:
    """Return the report of a branch, or of one dataset, as an HTML document.

    Datasets come in the order of the pipeline, after an overview that links to them. Up to six of those that
    changed are open from the start; the others are folded, and open when printed.
    """
    environment = Environment(
        loader=PackageLoader("pypedream_dagster.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["shown"] = wording.visible
    environment.filters["cell"] = _cell
    datasets = delta.datasets if isinstance(delta, BranchDelta) else (delta,)
    # The style sheet is our own file; put into the page as it stands, for '>' is no '&gt;' there.
    style = Markup(environment.get_template("delta.css").render())  # noqa: S704
    page: str = environment.get_template("delta.html.j2").render(
        branch=delta if isinstance(delta, BranchDelta) else None,
        datasets=datasets,
        totals=digest.totals(delta) if isinstance(delta, BranchDelta) else None,
        opened=_opened(datasets),
        style=style,
        charts=charts,
        digest=digest,
        wording=wording,
        changed_names=_changed_names,
        row_names=_row_names,
    )
    return page


def _opened(datasets: Iterable[DatasetDelta]) -> frozenset[int]:
    worth = [index for index, dataset in enumerate(datasets) if dataset.verdict != "unchanged"]
    return frozenset(worth[:_OPEN_DATASETS])


def _cell(value: Cell) -> Markup | str:
    """Return a value; what is missing is marked so that the text ``NULL`` is not taken for it."""
    if value is None:
        return Markup('<span class="null">NULL</span>')
    return wording.cell(value, _CELL_CHARACTERS)


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

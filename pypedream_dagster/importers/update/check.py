"""Whether production and the graph file have drifted apart: what merging a fresh import would take up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from pypedream_dagster.graph.model import Json, PipelineGraph
from pypedream_dagster.importers.update.merge import Difference, merge_graphs
from pypedream_dagster.masking.mask import mask_document, mask_text

VERSION = 1
"""Of the JSON form."""

_NOUNS = {
    "node": "node",
    "trigger": "trigger of node",
    "arguments": "arguments of node",
    "dataset": "dataset",
    "output": "output argument of",
    "write_mode": "write mode of",
    "table": "catalog table of",
    "unexplained": "unexplained write:",
    "link": "link",
    "input": "data on link",
    "job": "job of node",
}
_SIGNS = {"added": "+", "removed": "-", "changed": "~"}


@dataclass(frozen=True, slots=True)
class Drift:
    """How production differs from the graph file; edits of the file are no drift.

    Attributes:
        differences: what has changed in production since the last import.
        missing: Glue nodes of the file that were not found in production, now or at the last import.
    """

    differences: tuple[Difference, ...]
    missing: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """1 if they have drifted apart, 0 if not."""
        return 1 if self.differences else 0


def drift_of(existing: PipelineGraph, imported: PipelineGraph) -> Drift:
    """Return how production, as imported now, differs from the graph file.

    Raises:
        GraphError: the two contradict each other, so that they could not be merged; all faults are listed.
    """
    merged = merge_graphs(existing, imported)
    return Drift(merged.differences, merged.missing)


def drift_text(drift: Drift) -> str:
    """Return it for a person: one line for each difference."""
    return "\n".join(_lines(drift)) + "\n"


def drift_document(drift: Drift) -> Json:
    """Return it for a program: ``version``, ``drifted``, ``differences`` and ``missing``."""
    return {
        "version": VERSION,
        "drifted": bool(drift.differences),
        "differences": [_entry(difference) for difference in drift.differences],
        "missing": list(drift.missing),
    }


def difference_text(difference: Difference) -> str:
    """Return one line on a difference, without secrets: ``+``, ``-`` or ``~``, and what."""
    text = f"{_SIGNS[difference.change]} {_NOUNS.get(difference.kind, difference.kind)} {difference.about}"
    values = [_short(value) for value in (difference.before, difference.after)]
    if difference.change == "changed":
        text += f": {values[0] or 'nothing'} → {values[1] or 'nothing'}"
    elif said := values[difference.change == "added"]:
        text += f" ({said})"
    if difference.kept:
        text += f"; the file is left as it is: {difference.kept}"
    return " ".join(mask_text(text).split())


def _lines(drift: Drift) -> Iterator[str]:
    if drift.differences:
        count = len(drift.differences)
        yield f"Production and the graph have drifted apart: {count} difference{'s' * (count != 1)}."
        for difference in drift.differences:
            yield f"  {difference_text(difference)}"
        yield "Take them up with 'pypedream import-dag … --merge'."
    else:
        yield "Production is as the graph has it."
    if drift.missing:
        yield f"In the graph, but not found in production: {', '.join(drift.missing)}."


def _entry(difference: Difference) -> Json:
    fields: Json = mask_document(asdict(difference))
    return fields


def _short(value: str) -> str:
    return value if len(value) <= 200 else f"{value[:199]}…"

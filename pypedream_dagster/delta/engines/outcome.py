"""What an engine finds out about the rows and cells of two sides."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from pypedream_dagster.delta.model import Cell, RowCounts, Samples

_LONGEST_TEXT = 500


@dataclass(frozen=True, slots=True)
class CellCounts:
    """A pair's cells, as `ColumnDelta` names them."""

    changed: int = 0
    within_tolerance: int = 0
    base_nulled: int = 0
    head_filled: int = 0
    mean_shift: float | None = None
    largest_shift: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """Rows, cells by pair name, samples, and how many key values repeat on each side."""

    rows: RowCounts
    cells: Mapping[str, CellCounts] = field(default_factory=dict)
    samples: Samples = field(default_factory=Samples)
    base_duplicates: int = 0
    head_duplicates: int = 0


def to_cell(value: Any) -> Cell:
    """A value in the form that reports and JSON can carry (see the model's docstring)."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return value if len(value) <= _LONGEST_TEXT else value[: _LONGEST_TEXT - 1] + "…"
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, list | tuple | dict):
        return to_cell(json.dumps(_plain(value), ensure_ascii=False, default=str))
    return _scalar_text(value)


def to_float(value: Any) -> float | None:
    """A finite float, or None."""
    if value is None:
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(to_cell(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return to_cell(value)


def _scalar_text(value: Any) -> Cell:
    if isinstance(value, bytes | bytearray | memoryview):
        return to_cell("0x" + bytes(value).hex())
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return to_cell(str(value))

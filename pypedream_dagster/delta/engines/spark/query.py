"""Runs SQL on Spark whose answer is small enough for the driver."""

from __future__ import annotations

import warnings
from typing import Any


def all_rows(frame: Any) -> list[tuple[Any, ...]]:
    """All rows of a data frame."""
    with warnings.catch_warnings():
        # pyspark leaves the socket, by which rows come from Java, to be closed by the garbage collector.
        warnings.simplefilter("ignore", ResourceWarning)
        return [tuple(row) for row in frame.collect()]


def one_row(frame: Any) -> tuple[Any, ...]:
    """The only row of a data frame."""
    (row,) = all_rows(frame)
    return row

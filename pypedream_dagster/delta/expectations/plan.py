"""What one expectation asks of one table, and what the answer means.

A `Question` hands out the expectation's arguments, checked; what is not as SQL needs it is an `UnsaidError`, and the
expectation goes to Great Expectations itself. The answer to a question is a `Plan`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pypedream_dagster.delta.engines.duckdb.sql import identifier
from pypedream_dagster.delta.reading import Table
from pypedream_dagster.delta.types import ColumnType

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Arguments = Mapping[str, Any]
Row = Sequence[Any]

COUNTABLE = ("integer", "float", "decimal", "text", "binary", "date", "timestamp", "nanoseconds", "boolean")
"""Kinds of columns whose values can be told apart and counted."""


@dataclass(frozen=True, slots=True)
class Observed:
    """Whether an expectation held, and what was seen.

    Attributes:
        success: whether it held.
        text: what was seen, in a few words.
        unexpected: how many values were not as expected, where values are looked at one by one.
        value: the figure that was looked at, where there is one.
        fault: `absent` if the table lacks a column that is named; `raised` if Great Expectations raised an error.
    """

    success: bool
    text: str
    unexpected: int | None = None
    value: Any = None
    fault: Literal["", "absent", "raised"] = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to ask, and what the answer means.

    Attributes:
        ask: expressions of aggregates.
        conclude: makes the outcome of their values.
        source: what to select from; None for the table itself, which many plans can share.
    """

    ask: tuple[str, ...]
    conclude: Callable[[Row], Observed]
    source: str | None = None


class UnsaidError(Exception):
    """SQL cannot say the expectation with these arguments on this column."""


@dataclass(frozen=True, slots=True)
class Question:
    """One expectation to be asked of one table."""

    connection: DuckDBPyConnection
    table: Table
    arguments: Arguments

    def column(self, argument: str = "column", *kinds: str) -> tuple[str, ColumnType]:
        """The column that an argument names, as SQL in which NaN is NULL and there is one zero; and its type.

        Raises:
            KeyError: the table has no such column.
            UnsaidError: it is not of the kinds given.
        """
        return self._column(self.text(argument), kinds)

    def columns(self) -> tuple[str, ...]:
        """The same of all columns in ``column_list``, which can be counted."""
        names = self.texts("column_list")
        if len(set(names)) < max(2, len(names)):
            raise UnsaidError
        return tuple(self._column(name, COUNTABLE)[0] for name in names)

    def _column(self, name: str, kinds: tuple[str, ...]) -> tuple[str, ColumnType]:
        type_ = dict(self.table.columns)[name]
        if kinds and type_.kind not in kinds:
            raise UnsaidError
        value = identifier(name)
        if type_.kind == "float":
            value = f"CASE WHEN isnan({value}) THEN NULL WHEN {value} = 0 THEN 0 ELSE CAST({value} AS DOUBLE) END"
        return value, type_

    def text(self, argument: str) -> str:
        """An argument that must be a text."""
        value = self.arguments.get(argument)
        if not isinstance(value, str) or not value:
            raise UnsaidError
        return value

    def texts(self, argument: str) -> list[str]:
        """An argument that must be a list of texts."""
        value = self.arguments.get(argument)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise UnsaidError
        return value

    def whole(self, argument: str) -> int | None:
        """An argument that must be a whole number, if it is given."""
        value = self.arguments.get(argument)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            raise UnsaidError
        return value

    def flag(self, argument: str, *, default: bool = False) -> bool:
        """An argument that must be true or false."""
        value = self.arguments.get(argument, default)
        if not isinstance(value, bool):
            raise UnsaidError
        return value

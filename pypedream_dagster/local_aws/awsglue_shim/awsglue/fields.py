# ruff: noqa: N812, TID253 this runs in a Spark job
"""Field paths as awsglue writes them: ``a.b`` is field b of struct a, and back-ticks keep a dot in a name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import DataType, StructType

from awsglue.errors import NotEmulatedError

Path = tuple[str, ...]

# A leading dot belongs to the name: a join marks the right side's clashing fields so.
_PART = re.compile(r"`([^`]+)`|(^\.?[^.`]+|[^.`]+)")
_BARE_NESTED = frozenset({"array", "struct", "map", "choice", "null"})


def parse_path(path: str, schema: StructType | None = None) -> Path:
    """The parts of a field path; a column that has exactly this name is taken as such."""
    if schema is not None and path in schema.names:
        return (path,)
    if "[]" in path:
        raise NotEmulatedError(f"a field path into an array ({path})")
    return tuple(quoted or plain for quoted, plain in _PART.findall(path))


def has_path(schema: StructType, path: Path) -> bool:
    """Whether the schema holds the field."""
    return field_type(schema, path) is not None


def field_type(schema: StructType, path: Path) -> DataType | None:
    """The type of a field, or None where there is no such field."""
    current: DataType = schema
    for part in path:
        if not isinstance(current, StructType) or part not in current.names:
            return None
        current = current[part].dataType
    return current


def column(path: Path) -> Column:
    """The column that a path leads to."""
    return F.col(".".join(map(_quoted, path)))


def cast(value: Column, current: DataType | None, glue_type: str) -> Column:
    """``value`` as a type in Glue's spelling; what cannot be converted becomes null, as on Glue."""
    name = glue_type.strip().lower()
    if name in _BARE_NESTED:  # says what the field is, not what it should become
        return value
    if current is not None and current.simpleString() == name:
        return value
    return value.cast(name)


def with_field(frame: DataFrame, path: Path, value: Column) -> DataFrame:
    """The frame with one field, of a struct at any depth, set or added."""
    head, *rest = path
    if not rest:
        return frame.withColumn(head, value)
    inner = ".".join(map(_quoted, rest))
    if head not in frame.schema.names:
        for part in reversed(rest):
            value = F.struct(value.alias(part))
        return frame.withColumn(head, value)
    return frame.withColumn(head, column((head,)).withField(inner, value))


def without_field(frame: DataFrame, path: Path) -> DataFrame:
    """The frame without one field; unchanged where it has none."""
    if not has_path(frame.schema, path):
        return frame
    head, *rest = path
    if not rest:
        return frame.drop(column(path)) if "." in head else frame.drop(head)
    return frame.withColumn(head, column((head,)).dropFields(".".join(map(_quoted, rest))))


def nested(targets: Sequence[tuple[Path, Column]]) -> list[Column]:
    """Columns out of fields and where they go: targets that share their first parts share a struct."""
    heads: dict[str, list[tuple[Path, Column]]] = {}
    for path, value in targets:
        heads.setdefault(path[0], []).append((path[1:], value))
    columns = []
    for head, group in heads.items():
        whole = [value for path, value in group if not path]
        parts = [(path, value) for path, value in group if path]
        columns.append((whole[-1] if whole else F.struct(*nested(parts))).alias(head))
    return columns


def flattened(schema: StructType, prefix: Path = ()) -> Iterable[Path]:
    """All fields that are no structs, depth first."""
    for field in schema.fields:
        path = (*prefix, field.name)
        if isinstance(field.dataType, StructType):
            yield from flattened(field.dataType, path)
        else:
            yield path


def _quoted(name: str) -> str:
    return f"`{name}`"

# ruff: noqa: N802, N803, TID253 the names are awsglue's, and this runs in a Spark job
"""``DynamicFrame`` over a Spark DataFrame.

A DynamicFrame on AWS gives every record a schema of its own, and a field whose type varies is a *choice*. A
DataFrame has one schema, so here no field is ever a choice: what resolves choices finds none, and casts cast.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql.types import StructType

from awsglue import records
from awsglue.errors import NotEmulatedError
from awsglue.fields import (
    cast,
    column,
    field_type,
    flattened,
    has_path,
    nested,
    parse_path,
    with_field,
    without_field,
)
from awsglue.readwrite import DynamicFrameReader, DynamicFrameWriter

__all__ = ["DynamicFrame", "DynamicFrameCollection", "DynamicFrameReader", "DynamicFrameWriter"]

Record = dict[str, Any]


class DynamicFrame:
    """A distributed table; see the developer guide for the methods.

    Arguments that only concern error thresholds, statistics or job bookmarks (``transformation_ctx``, ``info``,
    ``stageThreshold``, ``totalThreshold``) are accepted and have no effect.
    """

    def __init__(self, dataframe: DataFrame, glue_ctx: Any, name: str = "") -> None:
        self._df = dataframe
        self.glue_ctx = glue_ctx
        self.name = name

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise NotEmulatedError(f"DynamicFrame.{name}")

    # -- conversion ---------------------------------------------------------------------------------------------

    @classmethod
    def fromDF(cls, dataframe: DataFrame, glue_ctx: Any, name: str = "") -> DynamicFrame:
        """A DynamicFrame of a DataFrame's rows."""
        return cls(dataframe, glue_ctx, name)

    def toDF(self, options: Any = None) -> DataFrame:
        """The DataFrame; ``options`` resolve choices, of which there are none."""
        del options
        return self._df

    # -- looking ------------------------------------------------------------------------------------------------

    def count(self) -> int:
        """How many rows."""
        return self._df.count()

    def schema(self) -> StructType:
        """The schema, in Spark's types."""
        return self._df.schema

    def printSchema(self) -> None:
        """Print the schema as a tree."""
        self._df.printSchema()

    def show(self, num_rows: int = 20) -> None:
        """Print rows, each as one line of JSON."""
        for line in self._df.limit(num_rows).toJSON().collect():
            print(line)  # noqa: T201 that is what show is for

    def getNumPartitions(self) -> int:
        """How many Spark partitions."""
        return self._df.rdd.getNumPartitions()

    def errorsCount(self) -> int:
        """Always 0: what cannot be converted becomes null."""
        return 0

    def stageErrorsCount(self) -> int:
        """Always 0, see :meth:`errorsCount`."""
        return 0

    def assertErrorThreshold(self) -> None:
        """Passes, see :meth:`errorsCount`."""

    def errorsAsDynamicFrame(self) -> DynamicFrame:
        """No rows, see :meth:`errorsCount`."""
        return self._with(self._df.limit(0))

    # -- fields -------------------------------------------------------------------------------------------------

    def apply_mapping(
        self, mappings: Iterable[Sequence[str]], case_sensitive: bool = True, *_: Any, **__: Any
    ) -> DynamicFrame:
        """Choose, rename and cast fields by tuples of source, its type, target, its type.

        A source that does not exist is left out, as on AWS. Dots in a target build structs.
        """
        schema = self._df.schema
        targets: list[tuple[tuple[str, ...], Column]] = []
        for mapping in mappings:
            source, target, target_type = _mapping(mapping)
            path = parse_path(source, schema)
            if not case_sensitive:
                path = _actual_case(schema, path)
            if has_path(schema, path):
                value = column(path)
                if target_type:
                    value = cast(value, field_type(schema, path), target_type)
                targets.append((parse_path(target), value))
        return self._with(self._df.select(*nested(targets)))

    def select_fields(self, paths: Sequence[str] | str, *_: Any, **__: Any) -> DynamicFrame:
        """Keep these fields only; ones that do not exist are passed over."""
        schema = self._df.schema
        wanted = [parse_path(path, schema) for path in _as_list(paths)]
        return self._with(self._df.select(*nested([(path, column(path)) for path in wanted if has_path(schema, path)])))

    def drop_fields(self, paths: Sequence[str] | str, *_: Any, **__: Any) -> DynamicFrame:
        """Drop these fields."""
        frame = self._df
        for path in _as_list(paths):
            frame = without_field(frame, parse_path(path, frame.schema))
        return self._with(frame)

    def rename_field(self, oldName: str, newName: str, *_: Any, **__: Any) -> DynamicFrame:
        """Rename or move one field."""
        schema = self._df.schema
        old, new = parse_path(oldName, schema), parse_path(newName)
        if not has_path(schema, old):
            return self
        if len(old) == len(new) == 1:
            return self._with(self._df.withColumnRenamed(old[0], new[0]))
        return self._with(without_field(with_field(self._df, new, column(old)), old))

    def resolveChoice(
        self,
        specs: Iterable[tuple[str, str]] | None = None,
        choice: str = "",
        database: str | None = None,
        table_name: str | None = None,
        *_: Any,
        **__: Any,
    ) -> DynamicFrame:
        """Cast fields by ``cast:type`` and ``project:type``, or all to a catalog table's types."""
        if specs is not None and choice:
            raise ValueError("resolveChoice takes specs or choice, not both")
        frame = self._df
        if choice.lower() == "match_catalog":
            specs = self._catalog_casts(database, table_name)
        for name, action in specs or ():
            verb, _colon, target_type = action.partition(":")
            if verb.lower() not in ("cast", "project", "make_cols", "make_struct"):
                raise NotEmulatedError(f"resolveChoice's action {action!r}")
            path = parse_path(name, frame.schema)
            if target_type and has_path(frame.schema, path):
                value = cast(column(path), field_type(frame.schema, path), target_type)
                frame = with_field(frame, path, value)
        return self._with(frame)

    def unnest(self, *_: Any, **__: Any) -> DynamicFrame:
        """Every field of every struct as a column of its own, named by its path."""
        paths = flattened(self._df.schema)
        return self._with(self._df.select(*(column(path).alias(".".join(path)) for path in paths)))

    # -- rows ---------------------------------------------------------------------------------------------------

    def filter(self, f: Callable[[Record], bool], *_: Any, **__: Any) -> DynamicFrame:
        """The rows, as dicts, for which ``f`` says so."""
        return self._with(records.filtered(self._df, f))

    def map(
        self, f: Callable[[Record], Record], preservesPartitioning: bool = False, *_: Any, **__: Any
    ) -> DynamicFrame:
        """Every row, as a dict, replaced by what ``f`` makes of it."""
        del preservesPartitioning
        return self._with(records.mapped(self._df, f))

    def join(
        self, paths1: Sequence[str], paths2: Sequence[str], frame2: DynamicFrame, *_: Any, **__: Any
    ) -> DynamicFrame:
        """Inner join on equality; a field of ``frame2`` whose name is taken gets a leading dot."""
        right = frame2.toDF()
        left_names = set(self._df.columns)
        renamed = {name: f".{name}" for name in right.columns if name in left_names}
        right = right.select(*(column((name,)).alias(renamed.get(name, name)) for name in right.columns))
        conditions = []
        for first, second in zip(_as_list(paths1), _as_list(paths2), strict=True):
            head, *rest = parse_path(second, frame2.toDF().schema)
            conditions.append(column(parse_path(first, self._df.schema)) == column((renamed.get(head, head), *rest)))
        return self._with(self._df.join(right, conditions))

    def union(self, other_frame: DynamicFrame, *_: Any, **__: Any) -> DynamicFrame:
        """The rows of both; a field that one side lacks is null there."""
        return self._with(self._df.unionByName(other_frame.toDF(), allowMissingColumns=True))

    def mergeDynamicFrame(
        self, stage_dynamic_frame: DynamicFrame, primary_keys: Sequence[str], *_: Any, **__: Any
    ) -> DynamicFrame:
        """All rows of the stage, and those of this frame whose key the stage does not hold."""
        stage = stage_dynamic_frame.toDF()
        kept = self._df.join(stage.select(*primary_keys).distinct(), list(primary_keys), "left_anti")
        return self._with(stage.unionByName(kept.select(*self._df.columns), allowMissingColumns=True))

    def repartition(self, num_partitions: int, *_: Any, **__: Any) -> DynamicFrame:
        """The same rows in another number of Spark partitions."""
        return self._with(self._df.repartition(num_partitions))

    def coalesce(self, num_partitions: int, shuffle: bool = False, *_: Any, **__: Any) -> DynamicFrame:
        """The same rows in fewer Spark partitions."""
        frame = self._df.repartition(num_partitions) if shuffle else self._df.coalesce(num_partitions)
        return self._with(frame)

    # -- writing ------------------------------------------------------------------------------------------------

    def write(
        self,
        connection_type: str,
        connection_options: Mapping[str, Any] | None = None,
        format: str | None = None,  # noqa: A002 awsglue's name
        format_options: Mapping[str, Any] | None = None,
        accumulator_size: int = 0,
    ) -> DynamicFrame:
        """Append to a place in S3."""
        del accumulator_size
        writer: DynamicFrameWriter = self.glue_ctx.write_dynamic_frame
        writer.from_options(self, connection_type, connection_options, format, format_options)
        return self

    def _with(self, dataframe: DataFrame) -> DynamicFrame:
        return DynamicFrame(dataframe, self.glue_ctx, self.name)

    def _catalog_casts(self, database: str | None, table_name: str | None) -> list[tuple[str, str]]:
        from awsglue.catalog import get_table

        if not database or not table_name:
            raise ValueError("resolveChoice(choice='match_catalog') needs database and table_name")
        columns = get_table(database, table_name).columns
        return [(f"`{name}`", f"cast:{spark_type}") for name, spark_type in columns.items()]


class DynamicFrameCollection:
    """DynamicFrames by name."""

    def __init__(self, dynamic_frames: Mapping[str, DynamicFrame], glue_ctx: Any = None) -> None:
        self._frames = dict(dynamic_frames)
        self._glue_ctx = glue_ctx

    def __getitem__(self, key: str) -> DynamicFrame:
        return self._frames[key]

    def __len__(self) -> int:
        return len(self._frames)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise NotEmulatedError(f"DynamicFrameCollection.{name}")

    def keys(self) -> Iterable[str]:
        """The names."""
        return self._frames.keys()

    def values(self) -> Iterable[DynamicFrame]:
        """The frames."""
        return self._frames.values()

    def select(self, key: str, *_: Any, **__: Any) -> DynamicFrame:
        """One frame."""
        return self._frames[key]

    def map(self, callable: Callable[..., DynamicFrame], *_: Any, **__: Any) -> DynamicFrameCollection:  # noqa: A002
        """The collection of what ``callable`` makes of each frame."""
        return DynamicFrameCollection(
            {key: callable(frame, key) for key, frame in self._frames.items()}, self._glue_ctx
        )


def _mapping(mapping: Sequence[str]) -> tuple[str, str, str | None]:
    """Source, target and target type of a mapping in its long (4), middle (3) or short (2) form."""
    match list(mapping):
        case [source, _source_type, target, target_type]:
            return source, target, target_type
        case [source, target, target_type]:
            return source, target, target_type
        case [source, target]:
            return source, target, None
        case _:
            raise ValueError(f"a mapping has source, source type, target and target type, not {mapping!r}")


def _actual_case(schema: StructType, path: tuple[str, ...]) -> tuple[str, ...]:
    names = {name.lower(): name for name in schema.names}
    return (names.get(path[0].lower(), path[0]), *path[1:])


def _as_list(paths: Sequence[str] | str) -> list[str]:
    return [paths] if isinstance(paths, str) else list(paths)

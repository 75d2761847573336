# ruff: noqa: TID253 the names are awsglue's, and this runs in a Spark job
"""The transforms of ``from awsglue.transforms import *``: DynamicFrame's methods as classes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pyspark.sql.types import NullType

from awsglue.dynamicframe import DynamicFrame, DynamicFrameCollection
from awsglue.errors import NotEmulatedError

__all__ = [
    "ApplyMapping",
    "Coalesce",
    "DropDuplicates",
    "DropFields",
    "DropNullFields",
    "ErrorsAsDynamicFrame",
    "Filter",
    "FlatMap",
    "Join",
    "Map",
    "MapToCollection",
    "Relationalize",
    "RenameField",
    "Repartition",
    "ResolveChoice",
    "SelectFields",
    "SelectFromCollection",
    "Spigot",
    "SplitFields",
    "SplitRows",
    "Unbox",
    "Union",
    "UnnestFrame",
]


class GlueTransform:
    """A transform: ``Name.apply(frame=…)`` and ``Name()(frame=…)`` are the same."""

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Apply the transform."""
        return cls()(*args, **kwargs)

    @classmethod
    def name(cls) -> str:
        """The transform's name."""
        return cls.__name__

    def __call__(self, *_: Any, **__: Any) -> Any:
        """Apply the transform."""
        raise NotEmulatedError(f"the transform {type(self).__name__}")


class ApplyMapping(GlueTransform):
    """Choose, rename and cast fields."""

    def __call__(
        self, frame: DynamicFrame, mappings: Iterable[Sequence[str]], case_sensitive: bool = True, *_: Any, **__: Any
    ) -> DynamicFrame:
        """See :meth:`DynamicFrame.apply_mapping`."""
        return frame.apply_mapping(mappings, case_sensitive)


class ResolveChoice(GlueTransform):
    """Cast fields."""

    def __call__(
        self,
        frame: DynamicFrame,
        specs: Iterable[tuple[str, str]] | None = None,
        choice: str = "",
        *_: Any,
        database: str | None = None,
        table_name: str | None = None,
        **__: Any,
    ) -> DynamicFrame:
        """See :meth:`DynamicFrame.resolveChoice`."""
        return frame.resolveChoice(specs, choice, database, table_name)


class SelectFields(GlueTransform):
    """Keep fields."""

    def __call__(self, frame: DynamicFrame, paths: Sequence[str], *_: Any, **__: Any) -> DynamicFrame:
        """See :meth:`DynamicFrame.select_fields`."""
        return frame.select_fields(paths)


class DropFields(GlueTransform):
    """Drop fields."""

    def __call__(self, frame: DynamicFrame, paths: Sequence[str], *_: Any, **__: Any) -> DynamicFrame:
        """See :meth:`DynamicFrame.drop_fields`."""
        return frame.drop_fields(paths)


class RenameField(GlueTransform):
    """Rename a field."""

    def __call__(self, frame: DynamicFrame, old_name: str, new_name: str, *_: Any, **__: Any) -> DynamicFrame:
        """See :meth:`DynamicFrame.rename_field`."""
        return frame.rename_field(old_name, new_name)


class DropNullFields(GlueTransform):
    """Drop the columns of null type, which hold no value in any row."""

    def __call__(self, frame: DynamicFrame, *_: Any, **__: Any) -> DynamicFrame:
        """The frame without them."""
        return frame.drop_fields(
            [f"`{field.name}`" for field in frame.schema().fields if isinstance(field.dataType, NullType)]
        )


class DropDuplicates(GlueTransform):
    """Keep one row of each group of equal ones."""

    def __call__(self, frame: DynamicFrame, columns: Sequence[str] | None = None, *_: Any, **__: Any) -> DynamicFrame:
        """Equal in the ``columns`` given, or in all."""
        rows = frame.toDF().dropDuplicates(list(columns) if columns else None)
        return DynamicFrame.fromDF(rows, frame.glue_ctx, frame.name)


class Filter(GlueTransform):
    """Keep rows."""

    def __call__(self, frame: DynamicFrame, f: Callable[..., bool], *_: Any, **__: Any) -> DynamicFrame:
        """See :meth:`DynamicFrame.filter`."""
        return frame.filter(f)


class Map(GlueTransform):
    """Change rows."""

    def __call__(self, frame: DynamicFrame, f: Callable[..., Any], *_: Any, **__: Any) -> DynamicFrame:
        """See :meth:`DynamicFrame.map`."""
        return frame.map(f)


class Join(GlueTransform):
    """Join two frames."""

    def __call__(
        self,
        frame1: DynamicFrame,
        frame2: DynamicFrame,
        keys1: Sequence[str],
        keys2: Sequence[str],
        *_: Any,
        **__: Any,
    ) -> DynamicFrame:
        """See :meth:`DynamicFrame.join`."""
        return frame1.join(keys1, keys2, frame2)


class Union(GlueTransform):
    """Put the rows of two frames together."""

    def __call__(self, frame1: DynamicFrame, frame2: DynamicFrame, *_: Any, **__: Any) -> DynamicFrame:
        """See :meth:`DynamicFrame.union`."""
        return frame1.union(frame2)


class UnnestFrame(GlueTransform):
    """Flatten structs."""

    def __call__(self, frame: DynamicFrame, *_: Any, **__: Any) -> DynamicFrame:
        """See :meth:`DynamicFrame.unnest`."""
        return frame.unnest()


class Repartition(GlueTransform):
    """Change the number of Spark partitions."""

    def __call__(self, frame: DynamicFrame, num_partitions: int, *_: Any, **__: Any) -> DynamicFrame:
        """See :meth:`DynamicFrame.repartition`."""
        return frame.repartition(num_partitions)


class Coalesce(GlueTransform):
    """Lower the number of Spark partitions."""

    def __call__(
        self, frame: DynamicFrame, num_partitions: int, shuffle: bool = False, *_: Any, **__: Any
    ) -> DynamicFrame:
        """See :meth:`DynamicFrame.coalesce`."""
        return frame.coalesce(num_partitions, shuffle)


class SelectFromCollection(GlueTransform):
    """Take one frame out of a collection."""

    def __call__(
        self, dfc: DynamicFrameCollection | Mapping[str, DynamicFrame], key: str, *_: Any, **__: Any
    ) -> DynamicFrame:
        """The frame called ``key``."""
        return dfc[key]


class ErrorsAsDynamicFrame(GlueTransform):
    """The rows in error: none."""

    def __call__(self, frame: DynamicFrame, *_: Any, **__: Any) -> DynamicFrame:
        """See :meth:`DynamicFrame.errorsAsDynamicFrame`."""
        return frame.errorsAsDynamicFrame()


class FlatMap(GlueTransform):
    """Not emulated: raises when applied."""


class MapToCollection(GlueTransform):
    """Not emulated: raises when applied."""


class Relationalize(GlueTransform):
    """Not emulated: raises when applied."""


class Spigot(GlueTransform):
    """Not emulated: raises when applied."""


class SplitFields(GlueTransform):
    """Not emulated: raises when applied."""


class SplitRows(GlueTransform):
    """Not emulated: raises when applied."""


class Unbox(GlueTransform):
    """Not emulated: raises when applied."""


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(name)
    raise NotEmulatedError(f"the transform {name}")

"""Where catalog tables lie: as the catalog says, or as crawlers make them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Literal, get_args

from pypedream_dagster.graph.model import DataFormat
from pypedream_dagster.importers.inference.places import Place, is_open, s3_place, table_place
from pypedream_dagster.importers.parameters import filled
from pypedream_dagster.importers.survey import Survey

_FORMATS: tuple[DataFormat, ...] = get_args(DataFormat)
Told = Literal["table-location", "crawled-table", "table-name"]
_MOST_FOLDERS = 3
"""How many folders at the end of a path a table's name may be made of: ``customer_trusted`` of ``customer/trusted``."""
_LAYERS = re.compile(r"landing|raw|bronze|stag(?:e|ing)|silver|trusted|refined|gold|curated")


class Catalog:
    """Tables by name and by location.

    Args:
        survey: its tables, crawlers and databases.
        values: of parameters.
        told: the location that a person told of a ``database.table``.
    """

    def __init__(
        self, survey: Survey, values: Mapping[str, str], told: Callable[[str], str | None] = lambda _: None
    ) -> None:
        self._told = told
        self._places: dict[str, Place] = {}
        self._formats: dict[str, DataFormat] = {}
        self._names: defaultdict[str, list[str]] = defaultdict(list)
        for entry in survey.tables:
            table = table_place(filled(f"{entry.database}.{entry.name}", values))
            if table is not None:
                self.add(table.text, filled(entry.location, values))
                if entry.format in _FORMATS:
                    self._formats[table.text] = entry.format
        self._crawled: dict[str, list[tuple[Place, str]]] = defaultdict(list)
        for crawler in survey.crawlers:
            database = filled(crawler.database, values).lower()
            for target in crawler.targets:
                place = s3_place(filled(target, values))
                if place is not None:
                    self._crawled[database].append((place, filled(crawler.table_prefix, values).lower()))

        self._homes: dict[str, Place] = {}
        for name, location in survey.databases.items():
            if (place := s3_place(filled(location, values))) is not None:
                self._homes[filled(name, values).lower()] = place

    def location(self, table: Place) -> tuple[Place, Told] | None:
        """Return where a table lies, and how that is known; None if it is not."""
        if (said := self._told(table.text)) and (place := s3_place(said)):
            return place, "table-location"
        if known := self._places.get(table.text):
            return known, "table-location"
        database, _, name = table.text.partition(".")
        targets = self._crawled.get(database.lower(), ())
        # A crawler of the folder that is called so is surer than one in whose target such a folder may be.
        for crawled in (_target_called, _folder_called):
            found = [place for target, prefix in targets if (place := crawled(target, prefix, name)) is not None]
            if found:
                return (found[0], "crawled-table") if len({place.text for place in found}) == 1 else None
        home = None if is_open(name) else self._homes.get(database.lower())
        return (Place("s3", f"{home.text}/{name}"), "table-location") if home else None

    def table_at(self, place: Place) -> str | None:
        """Return the table that lies at a place, if it is exactly one."""
        names = self._names.get(place.text, [])
        return names[0] if len(names) == 1 else None

    def format_of(self, table: str) -> DataFormat | None:
        """Return the format of a table's files, where it is known."""
        return self._formats.get(table)

    def add(self, name: str, location: str) -> None:
        """Learn where a table lies, if that is not known yet."""
        place = s3_place(location)
        if place is not None and name not in self._places and not place.is_whole_bucket:
            self._places[name] = place
            self._names[place.text].append(name)


def named_like(table: Place, places: Iterable[Place]) -> Place | None:
    """Return the place whose last folders are called as a table is, if it is exactly one."""
    database, name = table.segments[0].lower(), _table_name(table.segments[-1])
    found = {place.text: place for place in places if name in _names_of(place) and _may_hold(place, database)}
    return next(iter(found.values())) if len(found) == 1 else None


def _names_of(place: Place) -> Iterator[str]:
    folders = place.segments[1:]
    for number in range(1, min(len(folders), _MOST_FOLDERS) + 1):
        yield _table_name("_".join(folders[-number:]))


def _may_hold(place: Place, database: str) -> bool:
    """Tell whether a place is of no other layer than a database: ``raw`` has no table in ``s3://lake/gold/``."""
    text = place.text.lower()
    return not _LAYERS.search(text) or all(layer in text for layer in _LAYERS.findall(database))


def _target_called(target: Place, prefix: str, table: str) -> Place | None:
    """Return a crawler's target, if the crawler makes this table of all that lies there.

    A crawler names a table after the folder that holds its files, other signs than letters and digits written ``_``:
    https://docs.aws.amazon.com/glue/latest/dg/crawler-table-grouping.html
    """
    bare = _table_name(_bare(prefix, table))
    return target if bare and bare == _table_name(target.segments[-1]) else None


def _folder_called(target: Place, prefix: str, table: str) -> Place | None:
    """Return the folder in a crawler's target that the crawler makes this table of."""
    bare = _bare(prefix, table)
    return Place("s3", f"{target.text}/{bare}") if bare else None


def _bare(prefix: str, table: str) -> str:
    return table.removeprefix(prefix) if table.startswith(prefix) else ""


def _table_name(segment: str) -> str:
    return re.sub(r"[^a-z0-9_]+", "_", segment.lower()).strip("_")

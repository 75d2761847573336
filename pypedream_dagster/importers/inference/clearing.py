"""Places that a script empties before it writes there: what it then appends makes the dataset anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from pypedream_dagster.importers.inference.catalog import Catalog
from pypedream_dagster.importers.inference.nodes import Step
from pypedream_dagster.importers.inference.places import Place, places_of_text
from pypedream_dagster.importers.inference.scripts import Script
from pypedream_dagster.importers.inference.uses import Use, arguments_of, places_in
from pypedream_dagster.script.model import Access


def made_anew(
    uses: Iterable[Use], step: Step, script: Script | None, values: Mapping[str, str], catalog: Catalog
) -> Iterator[Use]:
    """Give a node's uses, writes to what its script has emptied before as ones that overwrite."""
    cleared = tuple(_cleared(script, arguments_of(step, values), values, catalog)) if script else ()
    for use in uses:
        place = use.lies_at
        is_new = (
            use.direction == "write"
            and use.mode in {"append", "unknown"}
            and place is not None
            and any(order < use.order and _holds(empty, place) for order, empty in cleared)
        )
        yield replace(use, mode="overwrite") if is_new else use


def _cleared(
    script: Script, arguments: Mapping[str, str], values: Mapping[str, str], catalog: Catalog
) -> Iterator[tuple[int, Place]]:
    """Give the places that are emptied as a whole, with when they are."""
    for fact in script.reading.facts:
        if not isinstance(fact, Access) or fact.action != "delete" or fact.system not in {"s3", "catalog"}:
            continue
        if not all(condition.may_hold(arguments) for condition in fact.at.conditions):
            continue
        texts = places_of_text(fact.target, arguments, values)
        for _, place in (found for text in texts for found in places_in(text, fact.system)):
            known = catalog.location(place) if place.kind == "table" else None
            empty = known[0] if known else place
            if empty.kind == "s3" and not (empty.cut or empty.at_run_time or empty.is_whole_bucket):
                yield fact.at.order, empty


def _holds(outer: Place, inner: Place) -> bool:
    return inner.segments[: len(outer.segments)] == outer.segments

"""A script's texts as places: an argument's value, else what the script takes for it, else the argument by name."""

from __future__ import annotations

from pypedream_dagster.importers.places import place_of_text, places_of_text
from pypedream_dagster.script.values import Argument, Each, Gap, Text


def test_an_argument_that_the_job_is_not_given_is_what_the_script_takes_for_it() -> None:
    text = Text(("s3://b/", Argument("layer", "raw"), "/", Argument("day"), "/", Gap("table")))
    assert place_of_text(text, {}, {}) == "s3://b/raw/${argument.day}/*"
    assert place_of_text(text, {"layer": "silver", "day": "1"}, {}) == "s3://b/silver/1/*"


def test_what_an_argument_lists_is_a_place_each() -> None:
    names, pairs = Argument("tables", keys=(Each(","),)), Argument("pairs", keys=(Each(), "in"))
    text = Text(("s3://b/", names, "/", names, ".csv"))
    assert list(places_of_text(text, {"tables": "x, y,"}, {})) == ["s3://b/x/x.csv", "s3://b/y/y.csv"]
    assert list(places_of_text(text, {}, {})) == ["s3://b/${argument.tables}/${argument.tables}.csv"]
    given = {"pairs": '[{"in": "s3://b/1/"}, {"in": "s3://b/2/"}]', "tables": "x,y"}
    assert list(places_of_text(Text((pairs,)), given, {})) == ["s3://b/1/", "s3://b/2/"]
    both = list(places_of_text(Text((pairs, names)), given, {}))
    assert both == ["s3://b/1/x", "s3://b/1/y", "s3://b/2/x", "s3://b/2/y"]
    default = Argument("tables", keys=(Each(",", default="x,y"),))
    assert list(places_of_text(Text(("s3://b/", default)), {}, {})) == ["s3://b/x", "s3://b/y"]


def test_an_argument_in_which_nothing_is_listed_is_unknown() -> None:
    text = Text(("s3://b/", Argument("tables", keys=(Each(), "name"))))
    for odd in ("", "[]", "{", "7", '["x"]', "[[]]", '{"a": 1}'):
        assert list(places_of_text(text, {"tables": odd}, {})) == ["s3://b/${argument.tables.name}"]


def test_a_bucket_that_is_a_uri_is_that_uri() -> None:
    text = Text(("s3://", Argument("path"), "/x/"))
    assert place_of_text(text, {"path": "s3://b/y"}, {}) == "s3://b/y/x/"

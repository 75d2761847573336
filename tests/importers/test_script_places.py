"""A script's texts as places: an argument's value, else what the script takes for it, else the argument by name."""

from __future__ import annotations

from pypedream_dagster.importers.places import place_of_text
from pypedream_dagster.script.values import Argument, Gap, Text


def test_an_argument_that_the_job_is_not_given_is_what_the_script_takes_for_it() -> None:
    text = Text(("s3://b/", Argument("layer", "raw"), "/", Argument("day"), "/", Gap("table")))
    assert place_of_text(text, {}, {}) == "s3://b/raw/${argument.day}/*"
    assert place_of_text(text, {"layer": "silver", "day": "1"}, {}) == "s3://b/silver/1/*"

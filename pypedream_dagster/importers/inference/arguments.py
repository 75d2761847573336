"""What the names of a Glue job's arguments say of the data that they name."""

from __future__ import annotations

import re

from pypedream_dagster.importers.inference.directions import direction_of, words_of

_SOURCE = "_DATA_SOURCE"
_SINK = "_DATA_SINK"
_PLACE_WORDS = {"bucket", "data", "dir", "directory", "folder", "location", "path", "prefix", "s3", "uri", "url"}


def follows_convention(argument: str) -> bool:
    """Tell whether an argument is named as Pypedream names them: ``--BRONZE_DATA_SOURCE``."""
    return argument.upper().endswith((_SOURCE, _SINK))


def dataset_name(argument: str, uri: str) -> str:
    """Return a name for the dataset that an argument names: from the argument, else from the URI."""
    upper = argument.upper()
    for ending in (_SOURCE, _SINK):
        if upper.endswith(ending):
            return argument[: -len(ending)].lstrip("-").lower() or _last_segment(uri)
    said = [word for word in words_of(argument) if word not in _PLACE_WORDS and direction_of(word) == "unknown"]
    return "_".join(said) or _last_segment(uri)


def _last_segment(uri: str) -> str:
    segment = uri.rstrip("/").rpartition("/")[2].partition(".")[0]
    return re.sub(r"[^a-z0-9_]+", "_", segment.lower()).strip("_") or "data"

"""Names that one place writes otherwise than another: ``orders-dev``, ``orders_job.py``, ``${env}-orders``."""

from __future__ import annotations

import re
from functools import lru_cache

from pypedream_dagster.importers.parameters import PARAMETER

_ENVIRONMENTS = {"dev", "test", "stage", "staging", "prod", "production", "main", "job", "glue", "etl", "script"}
_FEWEST_KNOWN = 3


@lru_cache(maxsize=4096)
def words_of(name: str) -> tuple[str, ...]:
    """Return the words of a name that tell it from others: without unknown parts, ``dev``, ``job`` and the like."""
    known = re.sub(r"\.(?:py|scala)$", "", PARAMETER.sub("-", name))
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", known).lower()
    return tuple(word for word in re.split(r"[^a-z0-9]+", spaced) if word and word not in _ENVIRONMENTS)


def may_be_one(name: str, other: str) -> bool:
    """Tell whether two names, one with unknown parts at least, are one for some values of these."""
    return _fits(name, other) or _fits(other, name)


def _fits(open_name: str, name: str) -> bool:
    parts = PARAMETER.split(open_name)[::2]
    if len(parts) < 2 or len(re.sub(r"\W|_", "", "".join(parts))) < _FEWEST_KNOWN:
        return False
    return re.fullmatch(".*".join(map(re.escape, parts)), PARAMETER.sub("x", name)) is not None

"""Commands that a script starts: ``aws s3 cp`` and the like, with the places that they copy from and to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from pypedream_dagster.script.chain import Chain
from pypedream_dagster.script.model import Access, Action, Fact
from pypedream_dagster.script.pieces import Text
from pypedream_dagster.script.spark import embedded
from pypedream_dagster.script.values import Sequence, Value, as_text

_ENDS: tuple[Action, Action] = ("read", "write")
_COPIES = {"cp", "sync", "mv"}
_OPTIONS_WITH_VALUE = {"--exclude", "--include", "--acl", "--profile", "--region", "--endpoint-url", "--storage-class"}


def command_facts(chain: Chain) -> Iterator[Fact]:
    """Give what a command reads from S3 and writes to it."""
    words = list(_words(chain.call.argument(0, "args", "command")))
    shown = [str(word) for word in words]
    for start, (program, verb) in enumerate(pairwise(shown)):
        if program == "s3" and verb in _COPIES and start and shown[start - 1].rpartition("/")[2] == "aws":
            places = list(_places(words[start + 2 :]))[:2]
            for action, place in zip(_ENDS, places, strict=False):
                if not place.start or place.start.startswith("s3"):
                    yield Access(chain.place, action, "s3", place, "aws s3")
            return


def _words(given: Value | None) -> Iterator[Text]:
    match given:
        case Sequence(items) if len(items) == 1:
            yield from _words(items[0])
        case Sequence(items):
            yield from map(as_text, items)
        case Text():
            marked, unmarked = embedded(given)
            yield from (unmarked(word.strip("'\"")) for word in re.split(r"\s+", marked.strip()) if word)
        case _:
            return


def _places(words: list[Text]) -> Iterator[Text]:
    skips = False
    for word in words:
        if not skips and not word.start.startswith("-"):
            yield word
        skips = str(word) in _OPTIONS_WITH_VALUE

"""Whether a job reads or writes what an argument names, told by the name alone."""

from __future__ import annotations

import re
from typing import Literal

Direction = Literal["input", "output", "unknown"]

_INPUT_WORDS = {"from", "in", "input", "inputs", "read", "reads", "source", "sources", "src"}
_OUTPUT_WORDS = {
    "dest",
    "destination",
    "export",
    "out",
    "output",
    "outputs",
    "result",
    "results",
    "save",
    "sink",
    "target",
    "to",
    "write",
    "writes",
}


def direction_of(argument: str) -> Direction:
    """Tell from an argument's name whether the job reads or writes what it names."""
    if argument.upper().endswith("_DATA_SOURCE"):
        return "input"
    if argument.upper().endswith("_DATA_SINK"):
        return "output"
    words = set(words_of(argument))
    reads, writes = bool(words & _INPUT_WORDS), bool(words & _OUTPUT_WORDS)
    if reads == writes:
        return "unknown"
    return "input" if reads else "output"


def words_of(argument: str) -> list[str]:
    """Return the words of an argument's name, in lower case."""
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", argument)
    return [word for word in re.split(r"[^a-z0-9]+", spaced.lower()) if word]

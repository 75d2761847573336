"""From a script's bytes to all that is found in it; whatever the bytes are, the answer is a `Reading`."""

from __future__ import annotations

import ast
import json
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256

from pypedream_dagster.script.boto import boto_facts
from pypedream_dagster.script.chain import Chain, chains_of
from pypedream_dagster.script.clocks import clock_facts
from pypedream_dagster.script.drivers import database_facts
from pypedream_dagster.script.environment import TooLargeError
from pypedream_dagster.script.glue import glue_facts
from pypedream_dagster.script.interpreter import Interpreter, Sources
from pypedream_dagster.script.libraries import library_facts
from pypedream_dagster.script.locations import locations_of
from pypedream_dagster.script.model import Access, Fact, OtherIdentity, Place, Reading, Unreadable
from pypedream_dagster.script.operations import LOCATION_OF
from pypedream_dagster.script.pieces import Text, text_of
from pypedream_dagster.script.spark import SparkState, spark_facts, views_of
from pypedream_dagster.script.starts import starts_of
from pypedream_dagster.script.warehouse import moved_files

_LARGEST_BYTES = 2_000_000
_DEEPEST = 20_000  # Python frames; a chain of a hundred methods takes about a thousand
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html: prefixes of access key ids.
_ACCESS_KEY = re.compile(r"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b")
_PYTHON_2 = re.compile(r"^\s*(?:print\s+[^(=\s]|exec\s+['\"]|except\s+\w+\s*,\s*\w+\s*:|raise\s+\w+\s*,)", re.MULTILINE)
_OLD = (
    (re.compile(r"^([ \t]*)print[ \t]*>>[^\n,]*,", re.MULTILINE), r"\1_ ="),
    (re.compile(r"^([ \t]*)print(?=[ \t]+[^(=\s]|[\"'])", re.MULTILINE), r"\1_ ="),
    (re.compile(r"^([ \t]*)print[ \t]*$", re.MULTILINE), r"\1pass"),
    (re.compile(r"\bprint[ \t]+(?=[\"'\w])"), "_ = "),
    (re.compile(r"^([ \t]*except[ \t]+[^:,\n]+),[ \t]*(\w+)[ \t]*:", re.MULTILINE), r"\1 as \2:"),
    (re.compile(r"^([ \t]*raise[ \t]+\w+)[ \t]*,[ \t]*(.+)$", re.MULTILINE), r"\1(\2)"),
    (re.compile(r"^([ \t]*)[%!][^\n]*$", re.MULTILINE), r"\1pass"),
    (re.compile(r"\bur(?=['\"])"), "r"),
    (re.compile(r"(?<=[\s(\[=,*/+-])(0x[0-9a-fA-F]+|\d+)[lL]\b"), r"\1"),
)
"""What makes Python 3 of Python 2's statements and of a notebook's commands; lines stay where they are."""
_SCALA = re.compile(r"^\s*(?:object\s+\w+|import\s+com\.amazonaws\.services\.glue|package\s+[\w.]+\s*$)", re.MULTILINE)


def read_script(body: bytes, *, language: str = "python", sources: Sources | None = None) -> Reading:
    """Return what a script reads, writes and depends on.

    Args:
        body: its bytes, as deployed.
        language: of the job argument ``--job-language``.
        sources: gives the code of modules that come with the script, by dotted name: what they are called with is
            followed into them. The lines of what is found there are those of their files.

    Never raises: what cannot be read is `Reading.unreadable`, with the reason. What can still be told of a script in
    Python 2, of a notebook, or of one that is too large, is there all the same.
    """
    if language.lower() == "scala":
        return _unreadable("it is written in Scala")
    if len(body) > _LARGEST_BYTES:
        return _unreadable(f"it has {len(body):,} bytes")
    text = body.decode("utf-8-sig", errors="replace")
    if (cells := _code_of_notebook(text)) is not None:
        return _salvaged(cells, sources, Unreadable("it is a notebook, not the script that Glue runs"))
    with deep_recursion():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # an odd escape in a string is none of our business
                tree = ast.parse(body)  # bytes: it minds the coding that a script declares
            return _read(tree, text, sources)
        except SyntaxError as error:
            return _salvaged(text, sources, Unreadable(_syntax(text, error), error.lineno))
        except (RecursionError, MemoryError, ValueError) as error:
            return _unreadable(f"it is too large or too deep: {type(error).__name__}")


def _salvaged(text: str, sources: Sources | None, why: Unreadable) -> Reading:
    """Return what can be told of a script that Python 3 does not accept as it stands."""
    with deep_recursion():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(_as_python_3(text))
            return replace(_read(tree, text, sources), unreadable=why)
        except (SyntaxError, RecursionError, MemoryError, ValueError):
            return Reading(unreadable=why)


def _as_python_3(text: str) -> str:
    """Return a script of Python 2, or of a notebook, as far as Python 3 can take it, line by line."""
    for pattern, replacement in _OLD:
        text = pattern.sub(replacement, text)
    return text.expandtabs(8)


def _read(tree: ast.Module, text: str, sources: Sources | None) -> Reading:
    interpreter = Interpreter(sources)
    unreadable = None
    try:
        interpreter.run(tree)
    except TooLargeError:
        unreadable = Unreadable("it is too large to be followed to its end")
    chains = chains_of(interpreter.calls)
    facts: list[Fact] = []
    state = views_of(chains)
    for chain in chains:
        facts += _facts(chain, state)
    facts += database_facts(chains, set(interpreter.modules))
    facts += (access for chain in chains for access in moved_files(chain))
    facts += clock_facts(chains)
    facts += _keys(text, {fact.at.line for fact in facts if isinstance(fact, OtherIdentity)})
    return Reading(
        facts=tuple(_distinct(facts)),
        declared=tuple(dict.fromkeys(interpreter.declared)),
        modules=tuple(dict.fromkeys(interpreter.modules)),
        unreadable=unreadable,
        locations=tuple(dict.fromkeys(found for chain in chains for found in locations_of(chain))),
        starts=tuple(found for chain in chains for found in starts_of(chain)),
    )


def _facts(chain: Chain, state: SparkState) -> Iterator[Fact]:
    if chain.links:
        for family in (spark_facts(chain, state), glue_facts(chain), boto_facts(chain), library_facts(chain)):
            found = [_at_table(_without_conditions(fact)) for fact in family]
            yield from found
            if any(isinstance(fact, Access) for fact in found):
                return


def _without_conditions(fact: Fact) -> Fact:
    """Return a fact whose place says what must hold for it, and nothing else of it does."""
    is_asking = isinstance(fact, Access) and fact.target.conditions
    return replace(fact, target=Text(fact.target.pieces)) if isinstance(fact, Access) and is_asking else fact


def _at_table(fact: Fact) -> Fact:
    """Return an access to a place that is known as a table's location as one to the table."""
    if isinstance(fact, Access) and fact.target.start.startswith(LOCATION_OF):
        first, *rest = fact.target.pieces
        table = text_of((str(first).removeprefix(LOCATION_OF), *rest))
        return replace(fact, system="catalog", target=table)
    return fact


def _keys(text: str, known: set[int]) -> Iterator[Fact]:
    """Give the lines that hold an access key, whatever is done with it; never the key."""
    for number, content in enumerate(text.splitlines(), start=1):
        if number not in known and _ACCESS_KEY.search(content):
            yield OtherIdentity(
                Place(number, f"an access key in {sha256(content.encode()).hexdigest()}", 0),
                "an access key that stands in it",
            )


def _distinct(facts: list[Fact]) -> Iterator[Fact]:
    """Give each fact once: a function that is called twice with the same things says nothing new."""
    seen: set[object] = set()
    for fact in sorted(facts, key=lambda fact: fact.at.order):
        rest = tuple(getattr(fact, name) for name in fact.__slots__ if name != "at")
        key = (type(fact), fact.at.line, fact.at.code, fact.at.conditions, rest)
        if key not in seen:
            seen.add(key)
            yield fact


def _code_of_notebook(text: str) -> str | None:
    """Return the code of a notebook's cells; None if it is no notebook."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or "cells" not in document:
        return None
    cells = document["cells"] if isinstance(document["cells"], list) else []
    sources = [
        cell.get("source", "") for cell in cells if isinstance(cell, dict) and cell.get("cell_type", "code") == "code"
    ]
    return "\n".join("".join(map(str, source)) if isinstance(source, list) else str(source) for source in sources)


def _syntax(text: str, error: SyntaxError) -> str:
    if _SCALA.search(text):
        return "it is written in Scala"
    if _PYTHON_2.search(text):
        return "it is written in Python 2"
    if re.search(r"^\s*[%!]\w", text, re.MULTILINE):
        return "it holds a notebook's magic commands"
    return f"Python does not accept it: {error.msg}"


def _unreadable(reason: str, line: int | None = None) -> Reading:
    return Reading(unreadable=Unreadable(reason, line))


@contextmanager
def deep_recursion() -> Iterator[None]:
    """Let code nest as deep as Python's parser lets it."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, _DEEPEST))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)

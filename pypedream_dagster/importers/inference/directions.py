"""Which way data goes through an argument, told by its name alone: the last resort, where no script can be read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import SequenceMatcher
from typing import Literal

Direction = Literal["input", "output", "unknown"]

SOURCE_SUFFIX = "_DATA_SOURCE"
SINK_SUFFIX = "_DATA_SINK"

# Stage words (raw, landing, bronze, silver, gold) say nothing: one job's output is the next one's input.
_INPUT_WORDS = {
    "input", "inputs", "inp", "source", "sources", "src", "srcs", "read", "reads", "reader", "origin",
    "inbound", "incoming", "upstream",
}  # fmt: skip
_INPUT_WORDS |= {  # Spanish, Portuguese, Italian, German, French
    "origen", "origem", "orig", "entrada", "entradas", "fuente", "fonte", "lectura", "leitura", "sorgente",
    "quelle", "quellen", "eingang", "eingabe", "entree", "entrée",
}  # fmt: skip
_OUTPUT_WORDS = {
    "output", "outputs", "outp", "sink", "sinks", "target", "targets", "tgt", "tgts", "trg", "trgt", "destination",
    "destinations", "dest", "dests", "dst", "write", "writes", "writer", "result", "results", "save",
    "export", "exports", "publish", "published", "outbound", "outgoing", "unload",
}  # fmt: skip
_OUTPUT_WORDS |= {  # the same languages
    "destino", "destinos", "saida", "saidas", "saída", "salida", "salidas", "alvo", "uscita", "destinazione",
    "ziel", "ausgang", "ausgabe", "sortie", "sorties", "cible",
}  # fmt: skip
_OFTEN_MISSPELLED: dict[str, Direction] = {
    "input": "input",
    "inputs": "input",
    "source": "input",
    "sources": "input",
    "output": "output",
    "outputs": "output",
    "target": "output",
    "targets": "output",
    "destination": "output",
}
_LIKENESS = 0.8
_SHORTEST_MISSPELLED = 4
_PREPOSITIONS: dict[str, Direction] = {
    "from": "input",
    "in": "input",
    "to": "output",
    "into": "output",
    "out": "output",
}
# With these, "from" and "to" are the ends of a span of time, or of a letter's way.
_SPANS = {
    "addr", "address", "be", "count", "date", "dates", "datetime", "day", "days", "email", "emails", "hour",
    "hours", "id", "ids", "line", "lines", "live", "mail", "memory", "minute", "month", "months", "num",
    "number", "offset", "period", "process", "row", "rows", "time", "timestamp", "ts", "version", "week",
    "year", "years",
}  # fmt: skip
_PLACES = (
    "directory", "database", "location", "dataset", "bucket", "folder", "prefix", "paths", "tables", "files",
    "path", "table", "file", "data", "dir", "uri", "url", "key", "loc", "db", "s3",
)  # fmt: skip
# Weaker: they tell where nothing else in the name does.
_READ_ALONG = {"config", "configs", "configuration", "conf", "cfg", "settings", "lookup", "lookups", "reference"}
_LEFT_BEHIND = {
    "archive",
    "archived",
    "quarantine",
    "quarantined",
    "reject",
    "rejects",
    "rejected",
    "invalid",
    "errors",
}
# A job that has arguments for two stages takes its data from the one to the other.
_STAGES = {
    "landing": 0, "raw": 1, "bronze": 1, "sor": 1, "clean": 2, "cleaned": 2, "cleansed": 2, "silver": 2, "trusted": 2,
    "sot": 2, "processed": 2, "standardized": 2, "conformed": 2, "refined": 3, "gold": 4, "curated": 4, "analytics": 4,
    "consumption": 4, "mart": 4, "marts": 4, "serving": 4,
}  # fmt: skip
# What nearly every job has arguments for: two jobs that have it in common need not mean the same.
_SAYING_NOTHING = {
    "account", "app", "aws", "base", "buckets", "catalog", "client", "config", "current", "data", "databases", "datas",
    "datasets", "date", "default", "delta", "domain", "entity", "env", "environment", "etl", "execution", "filename",
    "files", "filepath", "folders", "format", "full", "glue", "hudi", "iceberg", "job", "json", "keys", "lake",
    "layer", "list", "main", "mode", "model", "name", "names", "object", "parquet", "partition", "prefixes", "process",
    "project", "region", "root", "run", "schema", "set", "spark", "stage", "sub", "subfolder", "system", "tablename",
    "temp", "tenant", "the", "time", "tmp", "type", "uris", "value", "version", "warehouse", "work", "workflow",
    "year", "month", "day", "hour", "zone",
}  # fmt: skip


def direction_of(argument: str) -> Direction:
    """Tell from an argument's name whether the job reads or writes what it names.

    A name that holds words of both directions says nothing.
    """
    upper = argument.upper()
    if upper.endswith(SOURCE_SUFFIX):
        return "input"
    if upper.endswith(SINK_SUFFIX):
        return "output"
    said = _said(words_of(argument)) - {"unknown"}
    return said.pop() if len(said) == 1 else "unknown"


def directions_of(arguments: Iterable[str]) -> dict[str, Direction]:
    """Tell from the names of a job's arguments, seen together, which way data goes through each.

    Where no name tells by itself, the stages that they name do: a job with ``--raw_path`` and ``--silver_path``.
    """
    found = {argument: direction_of(argument) for argument in arguments}
    unknown = [argument for argument, way in found.items() if way == "unknown"]
    stages = {argument: stage for argument in unknown if (stage := _stage_of(argument)) is not None}
    if len(unknown) == len(found) and len(set(stages.values())) > 1:
        first, last = min(stages.values()), max(stages.values())
        found |= {argument: "input" for argument, stage in stages.items() if stage == first}
        found |= {argument: "output" for argument, stage in stages.items() if stage == last}
    for argument in unknown:
        words = set(words_of(argument))
        if found[argument] == "unknown" and argument not in stages:
            found[argument] = "input" if words & _READ_ALONG else "output" if words & _LEFT_BEHIND else "unknown"
    return found


def _stage_of(argument: str) -> int | None:
    stages = {_STAGES[word] for word in words_of(argument) if word in _STAGES}
    return stages.pop() if len(stages) == 1 else None


def words_of(argument: str) -> list[str]:
    """Return the words of a name in camelCase, snake_case, kebab-case or a mixture, in lower case."""
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", argument)
    spaced = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", spaced)
    return [word for word in re.split(r"[^\w]+|_+", spaced.lower()) if word]


def says_direction(word: str) -> bool:
    """Tell whether a word of a name is about direction, so that it is no part of what the data is called."""
    return _direction_of_word(word) != "unknown" or word in _PREPOSITIONS


def says_which(argument: str) -> bool:
    """Tell whether an argument's name says which data it means, not only that it is a place, or which way they go."""
    words = [word.rstrip("0123456789") for word in words_of(argument)]
    return any(
        len(word) > 2 and word not in _SAYING_NOTHING and word not in _PLACES and not says_direction(word)
        for word in words
    )


def _said(words: list[str]) -> set[Direction]:
    said: set[Direction] = set()
    spans = not _SPANS.isdisjoint(words)
    strong = [_direction_of_word(word) for word in words]
    said.update(strong)
    for index, word in enumerate(words):
        way = _PREPOSITIONS.get(word)
        if way is None or spans or (word == "to" and index and words[index - 1] in _PLACES):
            continue
        is_at_an_end = index in {0, len(words) - 1}
        contradicts = bool(said - {way, "unknown"}) or bool({"from", "to"} <= set(words))
        if is_at_an_end or (contradicts and word in {"from", "to", "into"}):
            said.add(way)
    return said


def _direction_of_word(word: str) -> Direction:
    plain = word.rstrip("0123456789") or word
    for known, way in ((_INPUT_WORDS, "input"), (_OUTPUT_WORDS, "output")):
        if plain in known:
            return "input" if way == "input" else "output"
    if (way_of_part := _run_together(plain)) != "unknown":
        return way_of_part
    return _misspelled(plain)


def _run_together(word: str) -> Direction:
    """Return what ``inputpath`` or ``s3output`` says: a place's word, and one of direction before or after it."""
    for place in _PLACES:
        for rest in (word.removesuffix(place), word.removeprefix(place)):
            if rest == word:
                continue
            if rest in _INPUT_WORDS or rest in {"in", "from"}:
                return "input"
            if rest in _OUTPUT_WORDS or rest in {"out", "to"}:
                return "output"
    return "unknown"


def _misspelled(word: str) -> Direction:
    """Return what a word says that is nearly one of those that people most often misspell."""
    if len(word) < _SHORTEST_MISSPELLED:
        return "unknown"
    near: set[Direction] = {
        way
        for right, way in _OFTEN_MISSPELLED.items()
        if word[0] == right[0]
        and abs(len(word) - len(right)) <= 1
        and SequenceMatcher(None, word, right, autojunk=False).ratio() >= _LIKENESS
    }
    return near.pop() if len(near) == 1 else "unknown"

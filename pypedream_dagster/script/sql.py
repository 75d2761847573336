"""SQL statements, by their shape: which tables and places they read and write, and whether they ask the time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pypedream_dagster.script.model import Action, Mode

_NAME = r"(?P<name>(?:`[^`]+`|\"[^\"]+\"|[\w{}…*-]+)(?:\s*\.\s*(?:`[^`]+`|\"[^\"]+\"|[\w{}…*-]+)){0,3})"
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_STRING = re.compile(r"'(?:[^'\\]|\\.|'')*'")
_WRITES: tuple[tuple[str, Mode], ...] = (
    (r"insert\s+overwrite\s+(?:table\s+)?{n}\s*(?P<partition>\(?\s*partition\b)", "partitions"),
    (r"insert\s+overwrite\s+(?:table\s+)?(?!local\b|directory\b){n}", "overwrite"),
    (r"(?:insert\s+into|upsert\s+into)\s+(?:table\s+)?{n}", "append"),
    (r"replace\s+into\s+{n}", "merge"),
    (r"merge\s+into\s+{n}", "merge"),
    (r"update\s+(?!set\b){n}\s+(?:(?:as\s+)?\w+\s+)?set\b", "merge"),
    (r"delete\s+from\s+{n}(?=[^;]*\bwhere\b)", "merge"),
    (r"create\s+or\s+replace\s+(?:transient\s+|external\s+)?table\s+{n}", "overwrite"),
    (r"create\s+(?:external\s+)?table\s+(?:if\s+not\s+exists\s+)?{n}", "once"),
    (r"copy\s+(?:into\s+)?{n}\s+(?:\([^)]*\)\s*)?from\b", "append"),
    (r"alter\s+table\s+{n}", "upkeep"),
    (r"msck\s+repair\s+table\s+{n}", "upkeep"),
    (r"(?:optimize|vacuum)\s+(?!full\b|analyze\b|to\b){n}", "upkeep"),
    (r"call\s+{n}\s*\(", "merge"),
)
_DELETES = (
    r"delete\s+from\s+{n}(?![^;]*\bwhere\b)",
    r"truncate\s+(?:table\s+)?{n}",
    r"drop\s+(?:table|database|schema)\s+(?:if\s+exists\s+)?{n}",
)
_READ = re.compile(
    r"\b(?:from|join|using)\s+(?!select\b|values\b|lateral\b|unnest\b|(?:read|scan)_\w+\s*\(|\w+_scan\s*\()" + _NAME,
    re.IGNORECASE,
)
# DuckDB's functions, which name files: https://duckdb.org/docs/stable/data/overview
_FILE_FUNCTION = re.compile(
    r"\b(?:read_\w+|\w+_scan)\s*\(\s*\[?\s*'(?P<uri>(?:s3[an]?://|\{…\d+\})[^']*)'", re.IGNORECASE
)
_WITH = re.compile(r"(?:\bwith\b|,)\s*(?P<name>\w+)\s*(?:\([^)]*\)\s*)?\bas\s*\(", re.IGNORECASE)
_FILES = re.compile(
    r"^(?:parquet|delta|csv|json|orc|text|avro|iceberg)\.(?P<uri>(?:s3[an]?://|\{…\d+\}).*)$", re.IGNORECASE
)
_PLACE = re.compile(r"\b(?:location|directory|to|from)\s+['\"](?P<uri>s3[an]?://[^'\"]+)['\"]", re.IGNORECASE)
# UNLOAD, COPY and DIRECTORY name nothing but files: {…0} is an argument that holds the place, or begins it.
_FILES_MOVED = re.compile(
    r"(?:\bunload\s*\(.*\)\s*(?P<to>to)|\bcopy\s+[^;']+?\bfrom|\b(?P<directory>directory))\s+'(?P<uri>\{…\d+\}[^']*)'",
    re.IGNORECASE | re.DOTALL,
)
_LOCATION = re.compile(r"\b(?:external_location\s*=|location)\s*['\"](?P<uri>[^'\"]+)['\"]", re.IGNORECASE)
_CREATES = re.compile(
    r"\bcreate\s+(?:or\s+replace\s+)?(?:external\s+)?table\s+(?:if\s+not\s+exists\s+)?" + _NAME, re.IGNORECASE
)
_AS_SELECT = re.compile(r"\bas\s*\(?\s*(?:(?:select|with|table|values)\b|\{)|\blike\b|\bclone\b", re.IGNORECASE)
_FOLLOWING = re.compile(
    r"(?:\s+(?:as\s+)?(?!join\b|on\b|where\b)\w+)?\s*,\s*(?!\s*lateral\b)" + _NAME + r"(?![\w.])(?!\s*\()",
    re.IGNORECASE,
)
# EXTRACT(YEAR FROM day), TRIM(BOTH ' ' FROM name): no tables.
_FROM_IN_CALL = re.compile(
    r"\b(?:extract|trim|substring|overlay)\s*\([^()]*?\bfrom\b|\bdistinct\s+from\b", re.IGNORECASE
)
# https://iceberg.apache.org/docs/latest/spark-procedures/: those that leave a table's rows as they are.
_UPKEEP = re.compile(
    r"(?:rewrite_(?:data_files|manifests|position_delete_files)|expire_snapshots|remove_orphan_files|compute_\w+_stats"
    r"|ancestors_of)$",
    re.IGNORECASE,
)
_PROCEDURE = re.compile(r"call\s+[\w.`]*\bsystem\.\w+\s*\(\s*(?:table\s*=>\s*)?'(?P<table>[\w.{}…*-]+)'", re.IGNORECASE)
_CLOCKS = re.compile(
    r"\b(?P<what>current_timestamp|current_date|localtimestamp|now|getdate|sysdate|unix_timestamp|from_unixtime"
    r"|rand|randn|random|uuid|monotonically_increasing_id)\b\s*(?P<call>\(\s*\))?",
    re.IGNORECASE,
)
_WITHOUT_CALL = {"current_timestamp", "current_date", "localtimestamp", "sysdate"}
_RANDOM = {"rand", "randn", "random", "uuid", "monotonically_increasing_id"}
_ALIAS = re.compile(r"^(?:[^,()]*\))?\s*as\s+[`\"]?(?P<column>\w+)", re.IGNORECASE)
_KEYWORDS = {"select", "where", "on", "group", "order", "as", "set", "table", "values", "if", "exists", "only"}
_KEYWORDS |= {"iceberg", "delta", "hudi", "parquet", "csv", "json", "orc", "avro", "text"}  # after USING
_LONGEST = 200_000


@dataclass(frozen=True, slots=True)
class TableUse:
    """A statement's use of a table (``database.table``) or of a place on S3."""

    action: Action
    name: str
    mode: Mode = "unknown"
    is_place: bool = False


@dataclass(frozen=True, slots=True)
class SqlClock:
    """A function that asks the time or for randomness, and the column that gets it where it is named."""

    what: str
    column: str | None
    is_random: bool


_WRITE_PATTERNS = tuple((re.compile(r"\b" + p.replace("{n}", _NAME), re.IGNORECASE), mode) for p, mode in _WRITES)
_DELETE_PATTERNS = tuple(re.compile(r"\b" + p.replace("{n}", _NAME), re.IGNORECASE) for p in _DELETES)


def table_uses(text: str) -> Iterator[TableUse]:
    """Give what a text of one or more statements reads and writes; views of ``WITH`` are no tables."""
    plain = _COMMENT.sub(" ", text[:_LONGEST])
    blank = _FROM_IN_CALL.sub(" ", _STRING.sub("''", plain))
    written: list[tuple[int, int]] = []
    uses: list[TableUse] = []
    for pattern, mode in _WRITE_PATTERNS:
        for found in pattern.finditer(blank):
            if any(start <= found.start() < end for start, end in written):
                continue
            written.append(found.span())
            called = _PROCEDURE.match(plain, plain.lower().find("call")) if mode == "merge" else None
            name = called["table"] if called else _clean(found["name"])
            uses.append(_use("write", name, "upkeep" if _is_upkeep(found, blank, mode) else mode))
    for pattern in _DELETE_PATTERNS:
        for found in pattern.finditer(blank):
            written.append(found.span())
            uses.append(_use("delete", _clean(found["name"])))
    local = {found["name"].lower() for found in _WITH.finditer(blank)}
    reads = [
        _use("read", name)
        for found in _READ.finditer(blank)
        if not any(start <= found.start() < end for start, end in written)
        for name in _listed(found, blank)
        if name.lower() not in local | _KEYWORDS
    ]
    # A statement reads before it writes.
    yield from dict.fromkeys(reads)
    yield from dict.fromkeys(uses)
    for found in _FILE_FUNCTION.finditer(plain):
        yield TableUse("read", found["uri"], is_place=True)
    unload = re.search(r"\bunload\s*\(", plain, re.IGNORECASE)
    for found in _PLACE.finditer(plain):
        if found[0].lower().startswith("location") and not _AS_SELECT.search(plain):
            continue  # where a table lies, and nothing written to it
        is_write = unload is not None or found[0].lower().startswith(("directory", "to")) or bool(uses)
        action: Action = "write" if is_write and not found[0].lower().startswith("from") else "read"
        how: Mode = "overwrite" if found[0].lower().startswith("directory") else "unknown"
        yield TableUse(action, found["uri"], how, is_place=True)
    for found in _FILES_MOVED.finditer(plain):
        action = "write" if found["to"] or found["directory"] else "read"
        yield TableUse(action, found["uri"], "overwrite" if found["directory"] else "unknown", is_place=True)


def _is_upkeep(found: re.Match[str], text: str, mode: Mode) -> bool:
    """Tell whether a statement leaves a table's rows as they are: it tidies it, or makes it unless it is there."""
    if mode == "once" and re.search(r"\bexternal\b|\bexists\b", found[0], re.IGNORECASE):
        end = text.find(";", found.end())
        return _AS_SELECT.search(text, found.end(), end if end >= 0 else len(text)) is None
    return mode == "merge" and found[0].lower().startswith("call") and bool(_UPKEEP.search(_clean(found["name"])))


def locations(text: str) -> Iterator[tuple[str, str]]:
    """Give the tables that a text of SQL creates with a place of their own, and these places."""
    plain = _COMMENT.sub(" ", text[:_LONGEST])
    for statement in plain.split(";"):
        table, place = _CREATES.search(statement), _LOCATION.search(statement)
        if table is not None and place is not None:
            yield _clean(table["name"]), place["uri"]


def _use(action: Action, name: str, mode: Mode = "unknown") -> TableUse:
    place = place_in(name)
    return TableUse(action, place or name, mode, is_place=place is not None)


def _listed(found: re.Match[str], text: str) -> Iterator[str]:
    """Give a table that is read, and those that follow it after commas."""
    yield _clean(found["name"])
    end = found.end()
    while found[0][:4].lower() == "from" and (following := _FOLLOWING.match(text, end)) is not None:
        yield _clean(following["name"])
        end = following.end()


def is_read_only(text: str) -> bool:
    """Tell whether a known statement only reads."""
    plain = _COMMENT.sub(" ", text[:_LONGEST]).strip().lower()
    starts = plain.startswith(("select", "with", "show", "describe", "explain", "set ", "use "))
    return starts and not any(use.action != "read" for use in table_uses(plain))


def is_definition(statement: str) -> bool:
    """Tell whether a statement creates a table and puts nothing into it."""
    plain = _COMMENT.sub(" ", statement[:_LONGEST])
    return _CREATES.match(plain.strip()) is not None and _AS_SELECT.search(plain) is None


def is_statement(text: str) -> bool:
    """Tell whether a text looks like SQL at all."""
    return bool(
        re.match(
            r"\s*(?:--[^\n]*\n\s*)*(select|with|insert|merge|update|delete|create|drop|alter|truncate|copy|call"
            r"|unload|replace|upsert|grant|vacuum|msck|show|begin|exec)\b",
            text[:_LONGEST],
            re.IGNORECASE,
        )
    )


def clocks(text: str) -> Iterator[SqlClock]:
    """Give the functions in a text that give another value in each run."""
    plain = _STRING.sub("''", _COMMENT.sub(" ", text[:_LONGEST]))
    for found in _CLOCKS.finditer(plain):
        what = found["what"].lower()
        if found["call"] is None and what not in _WITHOUT_CALL:
            continue
        alias = _ALIAS.match(plain[found.end() : found.end() + 200])
        yield SqlClock(what, alias["column"] if alias else None, what in _RANDOM)


def table_name(name: str, database: str | None = None) -> str:
    """Return a table's name as ``database.table``: without its catalog, in the database that is used."""
    parts = name.split(".")
    if len(parts) == 1 and database:
        return f"{database}.{name}"
    return ".".join(parts[1:]) if len(parts) == 3 and not name.startswith("s3") else name


def place_in(name: str) -> str | None:
    """Return the place that a name such as ``delta.s3://bucket/key`` is; None if it names a table."""
    files = _FILES.match(name)
    return files["uri"] if files else None


def used_database(text: str) -> str | None:
    """Return the database that ``USE database`` makes the one of names without one."""
    found = re.match(r"\s*use\s+(?:database\s+|schema\s+|namespace\s+)?" + _NAME + r"\s*;?\s*$", text, re.IGNORECASE)
    return _clean(found["name"]).rpartition(".")[2] if found else None


def _clean(name: str) -> str:
    plain = re.sub(r"[`\"]|\s", "", name)
    return re.sub(r"^(?:glue_catalog|awsdatacatalog|spark_catalog)\.", "", plain, flags=re.IGNORECASE)

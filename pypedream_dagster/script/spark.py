"""Spark: readers and writers of data frames, SQL, Delta tables, settings."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from pypedream_dagster.script import sql
from pypedream_dagster.script.chain import Chain, options_of
from pypedream_dagster.script.choices import alternatives
from pypedream_dagster.script.model import Access, Action, Clock, Fact, Mode, OtherIdentity, Place, Streaming, System
from pypedream_dagster.script.operations import LOCATION_OF
from pypedream_dagster.script.pieces import Gap, Text, text_of
from pypedream_dagster.script.values import Constant, Sequence, Value, as_text, literal

_WRITER_SETTINGS = {"mode", "format", "option", "options", "partitionBy", "bucketBy", "sortBy", "clusterBy"}
_WRITER_ENDS = {"save", "saveAsTable", "insertInto", "parquet", "csv", "json", "orc", "text", "jdbc", "avro", "xml"}
_READER_SETTINGS = {"format", "option", "options", "schema"}
_READER_ENDS = {"load", "parquet", "csv", "json", "orc", "text", "textFile", "table", "jdbc", "avro", "xml"}
_DELTA_TABLES = frozenset({"forPath", "forName"})
_V2_ENDS: dict[str, Mode] = {
    "create": "once",
    "createOrReplace": "overwrite",
    "replace": "overwrite",
    "append": "append",
    "overwrite": "merge",
    "overwritePartitions": "partitions",
}
_MODES: dict[str, Mode] = {
    "overwrite": "overwrite",
    "append": "append",
    "ignore": "once",
    "error": "once",
    "errorifexists": "once",
    "default": "once",
}
_FORMATS: tuple[tuple[str, System], ...] = (
    ("redshift", "redshift"),
    ("snowflake", "snowflake"),
    ("elasticsearch", "opensearch"),
    ("opensearch", "opensearch"),
    ("mongo", "mongodb"),
    ("kafka", "kafka"),
    ("kinesis", "kinesis"),
    ("dynamodb", "dynamodb"),
    ("jdbc", "database"),
    ("bigquery", "database"),
    ("cassandra", "database"),
    ("sqlserver", "database"),
    ("sqldw", "database"),
    ("salesforce", "http"),
)
_OUTPUT_MODES: dict[str, Mode] = {"append": "append", "complete": "overwrite", "update": "merge"}
_NOWHERE = {"noop", "console", "memory"}
_KEY_SETTING = re.compile(
    r"fs\.s3[an]?\.(?:bucket\.[^.]+\.)?(?:access\.key|secret\.key|session\.token|awsAccessKeyId|awsSecretAccessKey"
    r"|assumed\.role.*|aws\.credentials\.provider|customAWSCredentialsProvider)"
    r"|customAWSCredentialsProvider|dynamodb\.sts\.roleArn|(?:client\.)?assume-?role\.arn",
    re.IGNORECASE,
)
_DYNAMIC = "partitionOverwriteMode"
_HUDI_DATABASE, _HUDI_TABLE = "hoodie.datasource.hive_sync.database", "hoodie.datasource.hive_sync.table"
_VIEW = re.compile(
    r"\s*(?:create\s+(?:or\s+replace\s+)?(?:global\s+)?temp(?:orary)?\s+view\s+(?:if\s+not\s+exists\s+)?"
    r"|cache\s+(?:lazy\s+)?table\s+)(?P<name>[`\w]+)",
    re.IGNORECASE,
)
VIEWS = {
    "createOrReplaceTempView",
    "createTempView",
    "createGlobalTempView",
    "createOrReplaceGlobalTempView",
    "registerTempTable",
    "registerDataFrameAsTable",
}


@dataclass(slots=True)
class SparkState:
    """What a script has set up that later calls depend on.

    Attributes:
        views: names of temporary views: no tables of the catalog.
        any_view: whether views have names that cannot be told: then a name without a database may be one.
        database: the one that names without a database are in, where the script says it.
        dynamic: whether overwriting replaces only the partitions that are written.
    """

    views: set[str] = field(default_factory=set)
    dynamic: bool = False
    database: str | None = None
    any_view: bool = False


def spark_facts(chain: Chain, state: SparkState) -> Iterator[Fact]:
    """Give what a call means to Spark."""
    name, call = chain.name, chain.call
    if name in {"setCurrentDatabase"} and call.positional:
        state.database = literal(call.positional[0])
    elif name in {"set", "config", "setIfMissing", "setConf"}:
        yield from _setting(chain, state)
    elif name in {"sql", "selectExpr", "expr"}:
        yield from _sql(chain, state)
    elif (write := _writer(chain)) is not None:
        yield from _written(chain, write, state)
    elif "writeTo" in chain.names and name in _V2_ENDS and (to := chain.find("writeTo")) is not None:
        target = as_text(to.argument(0, "table"))
        yield from _table("write", target, chain.place, _V2_ENDS[name], state)
    elif (read := _reader(chain)) is not None:
        yield from _was_read(chain, read, state)
    elif name in {"start", "toTable", "awaitTermination"} and "writeStream" in chain.names:
        yield Streaming(chain.place, "writeStream")
        if name != "awaitTermination" and "foreachBatch" not in chain.names:
            yield from _streamed(chain, state)
    elif name == "table" and len(call.positional) == 1 and _is_session(chain):
        yield from _table("read", as_text(call.positional[0]), chain.place, "unknown", state)
    elif name in {"saveAsTextFile", "saveAsHadoopFile", "saveAsNewAPIHadoopFile", "saveAsSequenceFile"}:
        yield Access(chain.place, "write", "s3", as_text(call.argument(0, "path")), "spark", "once")
    elif name in {"textFile", "wholeTextFiles", "binaryFiles"} and call.positional:
        yield Access(chain.place, "read", "s3", as_text(call.positional[0]), "spark")
    elif chain.module == "delta" or not _DELTA_TABLES.isdisjoint(chain.names):
        yield from _delta(chain)
    elif "getConnection" in chain.names and "DriverManager" in chain.names and name == "getConnection":
        target = without_credentials(as_text(call.argument(0)))
        yield Access(chain.place, "write", "database", target, "java.sql.DriverManager")


def views_of(chains: list[Chain]) -> SparkState:
    """Return what a script has set up with all its temporary views: functions are not read in the order of running."""
    state = SparkState()
    for chain in chains:
        if chain.name in VIEWS:
            position = 1 if chain.name == "registerDataFrameAsTable" else 0
            given = chain.call.argument(position, "name", "viewName", "tableName")
            for option in alternatives(given) if given is not None else ():
                text = as_text(option)
                state.views.add(str(text).lower())
                state.any_view = state.any_view or (text.literal is None and not text.arguments and not text.start)
        elif chain.name == "sql":
            for given in chain.call.positional[:1]:
                if found := _VIEW.match(str(as_text(given))):
                    state.views.add(found["name"].strip("`").lower())
    return state


def _is_session(chain: Chain) -> bool:
    if "catalog" in chain.names:
        return False
    return len(chain.links) > 1 or any(word in chain.module.lower() for word in ("spark", "sql"))


def _between(chain: Chain, opener: str, settings: set[str], ends: set[str]) -> int | None:
    if chain.name not in ends:
        return None
    at = chain.last(opener)
    if at is None or any(link.name not in settings for link in chain.links[at + 1 : -1]):
        return None
    return at


def _writer(chain: Chain) -> int | None:
    return _between(chain, "write", _WRITER_SETTINGS, _WRITER_ENDS)


def _reader(chain: Chain) -> int | None:
    at = _between(chain, "read", _READER_SETTINGS, _READER_ENDS)
    return at if at is not None else _between(chain, "readStream", _READER_SETTINGS, _READER_ENDS)


def _written(chain: Chain, at: int, state: SparkState) -> Iterator[Fact]:
    links, call, name = chain.links[at:], chain.call, chain.name
    options = {**options_of(links), **call.keywords}
    mode = _mode(chain, at)
    if literal(options.get(_DYNAMIC)) == "dynamic" or state.dynamic:
        mode = "partitions" if mode == "overwrite" else mode
    if "replaceWhere" in options:
        mode = "merge"
    if name == "insertInto":
        given = call.argument(1, "overwrite")
        if isinstance(given, Constant):
            mode = ("partitions" if state.dynamic else "overwrite") if given.value is True else "append"
        elif mode == "once":
            mode = "append"
    form = _format(chain, at)
    if name in {"saveAsTable", "insertInto"} and _system(form) in {"s3", "unknown"}:
        yield from _table("write", as_text(call.argument(0, "name", "tableName")), chain.place, mode, state)
        return
    if form in _NOWHERE:
        return
    if form.endswith("iceberg") and not (where := _target(chain, "s3", options)).start.startswith(("s3", LOCATION_OF)):
        yield from _table("write", where, chain.place, mode, state)
        return
    system: System = "database" if name == "jdbc" else _system(form)
    if "hudi" in form:
        operation = literal(options.get("hoodie.datasource.write.operation"))
        if mode == "append":
            mode = "append" if operation in {"bulk_insert", "insert"} else "merge"
        elif operation == "insert_overwrite":
            mode = "partitions"
    if (temporary := options.get("tempdir")) is not None:
        yield Access(chain.place, "write", "s3", as_text(temporary), "spark, for Redshift", "overwrite")
    yield Access(chain.place, "write", system, _target(chain, system, options), "spark", mode)
    if "hudi" in form and (table := synced_table(options)) is not None:
        yield Access(chain.place, "write", "catalog", table, "hudi", mode)


def _streamed(chain: Chain, state: SparkState) -> Iterator[Fact]:
    """Give where a stream is written; what ``foreachBatch`` calls writes by itself."""
    at = chain.last("writeStream") or 0
    options = {**options_of(chain.links[at:]), **chain.call.keywords}
    how = chain.find("outputMode")
    mode = _OUTPUT_MODES.get(literal(how.argument(0, "outputMode")) or "", "unknown") if how is not None else "append"
    form = _format(chain, at) if chain.find("format") is not None else ""
    if chain.name == "toTable" or (form.endswith("iceberg") and "path" not in options):
        given = chain.call.argument(0, "tableName", "path")
        if given is not None:
            yield from _table("write", as_text(given), chain.place, mode, state)
    elif form not in _NOWHERE:
        system = _system(form)
        yield Access(chain.place, "write", system, _target(chain, system, options), "spark", mode)


def _was_read(chain: Chain, at: int, state: SparkState) -> Iterator[Fact]:
    options = {**options_of(chain.links[at:]), **chain.call.keywords}
    if chain.links[at].name == "readStream":
        yield Streaming(chain.place, "readStream")
    if chain.name == "table":
        yield from _table("read", as_text(chain.call.argument(0, "tableName")), chain.place, "unknown", state)
        return
    system: System = "database" if chain.name == "jdbc" else _system(_format(chain, at))
    given = chain.call.argument(0, "path", "paths")
    several = (
        given.items if isinstance(given, Sequence) else chain.call.positional[1:] if chain.name == "parquet" else ()
    )
    target = _target(chain, system, options)
    if _format(chain, at).endswith("iceberg") and not target.start.startswith(("s3", LOCATION_OF)):
        yield from _table("read", target, chain.place, "unknown", state)
        return
    yield Access(chain.place, "read", system, target, "spark")
    for item in several[1:] if isinstance(given, Sequence) else several:
        yield Access(chain.place, "read", system, as_text(item), "spark")


def _target(chain: Chain, system: System, options: Mapping[str, Value]) -> Text:
    given = chain.call.argument(0, "path", "url", "paths")
    if isinstance(given, Sequence):
        given = given.items[0] if given.items else None
    if system == "s3":
        return as_text(given if given is not None else options.get("path"))
    names = ("url", "sfURL", "dbtable", "es.resource", "collection", "topic", "tableName", "dynamodb.output.tableName")
    found = next((options[name] for name in names if name in options), given)
    return without_credentials(as_text(found))


def _mode(chain: Chain, at: int) -> Mode:
    given = chain.call.keywords.get("mode")
    for link in chain.links[at:]:
        if link.name == "mode" and link.call is not None:
            given = link.call.argument(0, "saveMode")
    if given is None and chain.name in {"parquet", "csv", "json", "orc"} and len(chain.call.positional) > 1:
        given = chain.call.positional[1]
    if given is None and chain.name == "jdbc" and len(chain.call.positional) > 2:
        given = chain.call.positional[2]
    if given is None or (isinstance(given, Constant) and given.value is None):
        return "once"
    return _MODES.get((literal(given) or "").lower(), "unknown")


def _format(chain: Chain, at: int) -> str:
    given = chain.call.keywords.get("format")
    for link in chain.links[at:]:
        if link.name == "format" and link.call is not None:
            given = link.call.argument(0, "source")
    if given is None:
        return chain.name.lower()
    return str(as_text(given)).lower()


def _system(form: str) -> System:
    if form in {"es", "org.elasticsearch.spark.sql"}:
        return "opensearch"
    if "{" in form:
        return "unknown"
    return next((system for word, system in _FORMATS if word in form), "s3")


def _table(action: str, name: Text, at: Place, mode: Mode, state: SparkState) -> Iterator[Access]:
    if str(name).lower() in state.views:
        return
    way: Action = "write" if action == "write" else "read"
    if name.start.startswith(("s3", LOCATION_OF)):
        yield Access(at, way, "s3", name, "spark", mode)
        return
    plain = sql.table_name(re.sub(r"[`\"]", "", _plain(name)), state.database)
    files = sql.place_in(plain)
    yield Access(at, way, "s3" if files else "catalog", _named(files or plain, name), "spark", mode)


def _sql(chain: Chain, state: SparkState) -> Iterator[Fact]:
    for given in chain.call.positional or chain.call.keywords.values():
        text = as_text(given)
        shown = str(text)
        for clock in sql.clocks(shown):
            yield Clock(chain.place, clock.what, clock.column, "random" if clock.is_random else "clock")
        if chain.name != "sql":
            continue
        if _DYNAMIC.lower() in shown.lower() and "dynamic" in shown.lower():
            state.dynamic = True
        if (database := sql.used_database(shown)) is not None:
            state.database = database
        yield from sql_accesses(text, chain.place, "spark.sql", state)


def synced_table(options: Mapping[str, Value]) -> Text | None:
    """Return the table of the catalog that Hudi keeps of what it writes."""
    database, table = options.get(_HUDI_DATABASE), options.get(_HUDI_TABLE)
    if database is None or table is None:
        return None
    return text_of((*as_text(database).pieces, ".", *as_text(table).pieces))


def sql_accesses(
    text: Text, at: Place, through: str, state: SparkState, database: Text | None = None
) -> Iterator[Access]:
    """Give the accesses of a text of SQL; one that cannot be told at all may write.

    Args:
        database: of tables that are named without one.
    """
    if not text.start.strip() and text.literal is None:
        yield Access(at, "write", "catalog", Text((Gap(),)), through)
        return
    for use in sql.table_uses(_plain(text)):
        shown = str(_named(use.name, text))
        is_view = "." not in shown and (shown.lower() in state.views or (state.any_view and use.action == "read"))
        if is_view or shown.lower() in state.views or shown.startswith("global_temp."):
            continue
        system: System = "s3" if use.is_place or use.name.startswith("s3") else "catalog"
        name = use.name if system == "s3" else sql.table_name(use.name, state.database)
        target = _named(name, text)
        if system == "catalog" and database is not None and "." not in name:
            target = text_of((*database.pieces, ".", *target.pieces))
        yield Access(at, use.action, system, target, through, use.mode)


def _plain(text: Text) -> str:
    return "".join(piece if isinstance(piece, str) else f"{{…{index}}}" for index, piece in enumerate(text.pieces))


def _named(name: str, text: Text) -> Text:
    """Return a name that was found in a text, with the text's arguments where it holds them."""
    parts = re.split(r"\{…(\d{1,4})\}", name)
    count = len(text.pieces)
    pieces = [
        part if index % 2 == 0 else text.pieces[int(part)] if int(part) < count else Gap()
        for index, part in enumerate(parts)
    ]
    return text_of(tuple(piece for piece in pieces if piece != ""))


def embedded(text: Text) -> tuple[str, Callable[[str], Text]]:
    """Return a text with marks for what is not known of it, and what makes texts again of its parts."""
    return _plain(text), lambda part: _named(part, text)


def _delta(chain: Chain) -> Iterator[Fact]:
    opened = chain.find("forPath", "forName", "convertToDelta")
    if opened is None:
        return
    position = 1 if len(opened.positional) > 1 else 0
    target = as_text(opened.argument(position, "path", "tableOrViewName"))
    system: System = "s3" if chain.find("forPath") is not None else "catalog"
    if system == "catalog" and target.literal is not None:
        target = Text((sql.table_name(target.literal),))
    if chain.name == "execute" and "merge" in chain.names:
        yield Access(chain.place, "write", system, target, "delta", "merge")
    elif chain.name in {"delete", "update", "restoreToVersion", "restoreToTimestamp", "vacuum"}:
        if "merge" not in chain.names:
            yield Access(chain.place, "write", system, target, "delta", "merge")
    elif chain.name in {"toDF", "history", "detail"}:
        yield Access(chain.place, "read", system, target, "delta")


def _setting(chain: Chain, state: SparkState) -> Iterator[Fact]:
    key, value = literal(chain.call.argument(0, "key")) or "", chain.call.argument(1, "value")
    if _DYNAMIC.lower() in key.lower():
        state.dynamic = (literal(value) or "").lower() == "dynamic"
    elif _KEY_SETTING.search(key):
        yield OtherIdentity(chain.place, f"the setting {key}")


def without_credentials(text: Text) -> Text:
    """Return a connection's address without user, password and parameters."""
    kept: list[object] = []
    for piece in text.pieces:
        if not isinstance(piece, str):
            kept.append(piece)
            continue
        plain = re.sub(r"//[^/@\s]*@", "//", piece)
        cut = re.split(r"[?;]", plain, maxsplit=1)
        kept.append(re.sub(r":thin:[^@]*@", ":thin:@", cut[0]))
        if len(cut) > 1:
            break
    return Text(tuple(kept))  # type: ignore[arg-type]

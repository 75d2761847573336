"""awswrangler: what its functions read and write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pypedream_dagster.script.boto import LISTING
from pypedream_dagster.script.chain import Chain
from pypedream_dagster.script.model import Access, Action, Fact, Mode, System
from pypedream_dagster.script.operations import texts_in
from pypedream_dagster.script.pieces import Text
from pypedream_dagster.script.spark import SparkState, sql_accesses
from pypedream_dagster.script.values import Constant, Value, as_text, literal, table_of

WRANGLER = {"awswrangler", "wr"}
_DATABASES = {
    "redshift",
    "mysql",
    "postgresql",
    "sqlserver",
    "oracle",
    "data_api",
    "neptune",
    "timestream",
    "opensearch",
}
_SERVICES = {"sqs", "sns", "secretsmanager", "emr", "quicksight"}
_DATABASE_WRITES = ("to_sql", "copy", "write", "index", "execute", "create", "delete", "to_property", "bulk")
_CATALOG_READS = ("get", "does", "databases", "tables", "search", "table", "sanitize", "extract", "drop_dup")
_MODES: Mapping[str, Mode] = {"append": "append", "overwrite": "overwrite", "overwrite_partitions": "partitions"}


def wrangler_facts(chain: Chain) -> Iterator[Fact]:
    """Give what a call of awswrangler's does."""
    name, call = chain.name, chain.call
    area = chain.links[-2].name if len(chain.links) > 1 else ""
    if area == "s3":
        yield from _s3(chain)
    elif area == "athena":
        yield from _athena(chain)
    elif area == "catalog":
        if not name.startswith(_CATALOG_READS):
            target = table_of(call.argument(0, "database"), call.argument(1, "table"))
            action: Action = "delete" if name.startswith("delete") else "write"
            yield Access(chain.place, action, "catalog", target, "awswrangler")
    elif area in _DATABASES:
        yield from _database(chain, area)
    elif area == "dynamodb" and name.startswith(("put", "delete", "execute")):
        yield Access(chain.place, "write", "dynamodb", _named(chain), "awswrangler", service="dynamodb")
    elif area in _SERVICES and not name.startswith(("get", "list", "describe")):
        yield Access(chain.place, "write", "aws", Text((area,)), "awswrangler", service=area)


def _s3(chain: Chain) -> Iterator[Fact]:
    name, call, at = chain.name, chain.call, chain.place
    if name.startswith(("to_", "upload")):
        mode = _mode(call.keywords, "append" if _is_dataset(call.keywords) else "overwrite")
        if (target := call.argument(1, "path")) is not None:
            yield Access(at, "write", "s3", as_text(target), "awswrangler", mode)
        if _given(database := call.keywords.get("database")):
            table = table_of(database, call.keywords.get("table"))
            yield Access(at, "write", "catalog", table, "awswrangler", mode)
    elif name == "read_parquet_table":
        yield Access(
            at, "read", "catalog", table_of(call.argument(1, "database"), call.argument(0, "table")), "awswrangler"
        )
    elif name.startswith(("read_", "list_", "download", "select")):
        through = LISTING if name.startswith("list_") else "awswrangler"
        for target in texts_in(call.argument(1 if name.startswith("select") else 0, "path")):
            yield Access(at, "read", "s3", target, through)
    elif name.startswith("store"):
        yield Access(at, "write", "catalog", table_of(call.argument(1, "database"), call.argument(2, "table")), LISTING)
    elif name.startswith(("copy", "merge")):
        yield Access(
            at, "read", "s3", as_text(call.argument(int(name.startswith("copy")), "source_path")), "awswrangler"
        )
        target = call.argument(1 + int(name.startswith("copy")), "target_path")
        yield Access(at, "write", "s3", as_text(target), "awswrangler", _mode(call.keywords, "append"))
    elif name.startswith("delete"):
        for target in texts_in(call.argument(0, "path"))[:1]:
            yield Access(at, "delete", "s3", target, "awswrangler")


def _athena(chain: Chain) -> Iterator[Fact]:
    name, call, at = chain.name, chain.call, chain.place
    if name == "read_sql_table":
        table = table_of(call.argument(1, "database"), call.argument(0, "table"))
        yield Access(at, "read", "catalog", table, "awswrangler")
        return
    if not name.startswith(("read", "start", "create", "to_", "delete", "unload")):
        return
    if name.startswith(("to_", "delete")):
        table = table_of(call.argument(1, "database"), call.argument(2, "table"))
        merges = "merge_cols" in call.keywords or name.startswith("delete")
        yield Access(
            at, "write", "catalog", table, "awswrangler", "merge" if merges else _mode(call.keywords, "append")
        )
    else:
        position = 2 if name == "unload" else 1
        database = call.argument(position, "database")
        within = as_text(database) if _given(database) else None
        yield from sql_accesses(as_text(call.argument(0, "sql")), at, "athena", SparkState(), within)
    if name == "unload":
        yield Access(at, "write", "s3", as_text(call.argument(1, "path")), "awswrangler", "append")
    if (table_made := created_table(chain)) is not None:
        yield Access(at, "write", "catalog", table_made, "awswrangler", "once")
    yield Access(at, "write", "aws", Text(("a query of Athena",)), "awswrangler", service="athena")


def created_table(chain: Chain) -> Text | None:
    """Return the table that ``create_ctas_table`` makes, where it is named."""
    table = chain.call.argument(2, "ctas_table")
    if chain.name != "create_ctas_table" or not _given(table):
        return None
    database = chain.call.argument(3, "ctas_database")
    return table_of(database if _given(database) else chain.call.argument(1, "database"), table)


def _database(chain: Chain, area: str) -> Iterator[Fact]:
    name, call = chain.name, chain.call
    if name == "copy_from_files":
        yield Access(chain.place, "read", "s3", as_text(call.argument(0, "path")), "awswrangler")
    elif name == "unload_to_files":
        yield Access(chain.place, "write", "s3", as_text(call.argument(1, "path")), "awswrangler", "append")
    if name.startswith(_DATABASE_WRITES):
        system: System = "redshift" if area == "redshift" else "opensearch" if area == "opensearch" else "database"
        yield Access(chain.place, "write", system, _named(chain), "awswrangler", "append")


def _is_dataset(keywords: Mapping[str, Value]) -> bool:
    return any(word in keywords for word in ("dataset", "mode", "database"))


def _mode(keywords: Mapping[str, Value], default: Mode) -> Mode:
    return _MODES.get(literal(keywords["mode"]) or "", "unknown") if "mode" in keywords else default


def _given(value: Value | None) -> bool:
    return value is not None and value != Constant(None)


def _named(chain: Chain) -> Text:
    words = ("table", "table_name", "index", "name")
    found = next((chain.call.keywords[word] for word in words if word in chain.call.keywords), None)
    return as_text(found) if found is not None else Text((chain.name,))

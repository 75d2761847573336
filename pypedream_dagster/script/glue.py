"""The ``awsglue`` library: dynamic frames from and to places, purges and transitions, bookmarks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pypedream_dagster.script.chain import Chain
from pypedream_dagster.script.choices import alternatives
from pypedream_dagster.script.model import Access, Action, Bookmark, Fact, Mode, OtherIdentity, Streaming, System
from pypedream_dagster.script.pieces import Text, text_of
from pypedream_dagster.script.spark import synced_table, without_credentials
from pypedream_dagster.script.values import Constant, Sequence, Table, Unknown, Value, as_text, literal, table_of

_CONNECTIONS: Mapping[str, System] = {
    "s3": "s3",
    "parquet": "s3",
    "orc": "s3",
    "hudi": "s3",
    "delta": "s3",
    "iceberg": "s3",
    "marketplace.spark": "unknown",
    "custom.spark": "unknown",
    "redshift": "redshift",
    "snowflake": "snowflake",
    "opensearch": "opensearch",
    "mongodb": "mongodb",
    "documentdb": "mongodb",
    "kafka": "kafka",
    "kinesis": "kinesis",
    "dynamodb": "dynamodb",
}
_WRITERS = {"write_dynamic_frame", "write_data_frame", "write_from_options", "write_dynamic_frame_from_options"}
_READERS = {"create_dynamic_frame", "create_data_frame", "create_sample_dynamic_frame"}
_PREFIXES: Mapping[str, Action] = {"write_dynamic_frame": "write", "create_dynamic_frame": "read"}
_PREFIXES = {**_PREFIXES, "write_data_frame": "write", "create_data_frame": "read"}
_NAMING_OPTIONS = (
    "dynamodb.output.tableName", "dynamodb.input.tableName", "dbtable", "url", "connectionName", "topic", "topicName",
    "streamARN", "streamName", "opensearch.resource", "collection",
)  # fmt: skip
_KINDS = ("from_options", "from_catalog", "from_jdbc_conf")
_PURGES: Mapping[str, Action] = {"purge_s3_path": "delete", "transition_s3_path": "write"}
_TABLE_PURGES: Mapping[str, Action] = {"purge_table": "delete", "transition_table": "write"}


def glue_facts(chain: Chain) -> Iterator[Fact]:
    """Give what a call means to Glue."""
    name, call = chain.name, chain.call
    if name == "commit" and _is_job(chain):
        yield Bookmark(chain.place, "commit")
        return
    context = call.argument(None, "transformation_ctx", "transformationContext")
    if (found := _frame_call(chain)) is not None:
        action, kind = found
        if action == "read" and literal(context):
            yield Bookmark(chain.place, "transformation_ctx")
        yield from _frame(chain, action, kind)
    elif name == "getSink":
        yield from _sink(chain)
    elif name == "setCatalogInfo":
        target = table_of(call.argument(0, "catalogDatabase"), call.argument(1, "catalogTableName"))
        yield Access(chain.place, "write", "catalog", target, "glue", "append")
    elif name in {"getCatalogSource", "getCatalogSink"}:
        target = table_of(call.argument(0, "database"), call.argument(1, "tableName", "table_name"))
        yield Access(chain.place, "read" if name == "getCatalogSource" else "write", "catalog", target, "glue")
    elif "EvaluateDataQuality" in chain.names and name in {"apply", "process_rows"}:
        options = call.argument(2, "publishing_options")
        results = options.items.get("resultsS3Prefix") if isinstance(options, Table) else None
        if results is not None:
            yield Access(chain.place, "write", "s3", as_text(results), "glue, results of data quality", "append")
    elif name == "getSource":
        yield from _options(chain, "read", call.argument(0, "connection_type"), Table(call.keywords))
    elif name in _PURGES:
        target = as_text(call.argument(0, "s3_path"))
        yield Access(chain.place, _PURGES[name], "s3", target, "glue", _purged(call.argument(1, "options")))
    elif name in _TABLE_PURGES:
        target = table_of(call.argument(0, "database"), call.argument(1, "table_name"))
        yield Access(chain.place, _TABLE_PURGES[name], "catalog", target, "glue")
    elif name == "forEachBatch" and chain.links:
        yield Streaming(chain.place, "forEachBatch")
    elif name == "extract_jdbc_conf":
        yield Access(chain.place, "read", "database", as_text(call.argument(0, "connection_name")), "glue connection")


def _purged(options: Value | None) -> Mode:
    """Return ``overwrite`` where all goes: by default files of the last seven days stay."""
    hours = options.items.get("retentionPeriod") if isinstance(options, Table) else None
    return "overwrite" if isinstance(hours, Constant) and hours.value == 0 else "unknown"


def _is_job(chain: Chain) -> bool:
    # A database's connection commits, too: a job is awsglue's, or what a script calls so.
    return "Job" in chain.names or chain.module == "job" or (chain.module == "" and not chain.links[:-1])


def _frame_call(chain: Chain) -> tuple[Action, str] | None:
    name = chain.name
    before = chain.links[-2].name if len(chain.links) > 1 else chain.module
    if name in _KINDS and before in {*_WRITERS, *_READERS}:
        return ("write" if before in _WRITERS else "read"), name
    for prefix, action in _PREFIXES.items():
        if name.startswith(f"{prefix}_from_"):
            return action, name.removeprefix(f"{prefix}_")
    if name in _WRITERS and chain.call.argument(None, "connection_type") is not None:
        return "write", "from_options"
    return None


def _frame(chain: Chain, action: Action, kind: str) -> Iterator[Fact]:
    call = chain.call
    if kind == "from_catalog":
        shift = 0 if action == "read" else 1
        target = table_of(call.argument(shift, "database", "name_space"), call.argument(shift + 1, "table_name"))
        yield Access(chain.place, action, "catalog", target, "glue", "append" if action == "write" else "unknown")
        return
    yield from _temporary(chain, call.argument(None, "redshift_tmp_dir"))
    if kind == "from_jdbc_conf":
        options = call.argument(2, "connection_options")
        table = options.items.get("dbtable") if isinstance(options, Table) else None
        connection = as_text(call.argument(1, "catalog_connection"))
        target = text_of((*connection.pieces, *((": ", *as_text(table).pieces) if table is not None else ())))
        yield Access(chain.place, action, "database", target, "glue connection", "append")
        return
    shift = 0 if action == "read" else 1
    yield from _options(
        chain, action, call.argument(shift, "connection_type"), call.argument(shift + 1, "connection_options")
    )


def _options(chain: Chain, action: Action, connection: Value | None, options: Value | None) -> Iterator[Fact]:
    kind = literal(connection)
    system: System = "unknown" if kind is None else _CONNECTIONS.get(kind.lower(), "database")
    given = options.items if isinstance(options, Table) else {}
    yield from _temporary(chain, given.get("redshiftTmpDir"))
    if any("stsrolearn" in key.lower().replace(".", "").replace("_", "") for key in given) or "awsSTSRoleARN" in given:
        yield OtherIdentity(chain.place, "a role of its own for the connection")
    mode = "append" if action == "write" else "unknown"
    if system == "unknown" and _has_place(given):
        system = "s3"
    if action == "write" and (table := synced_table(given)) is not None:
        yield Access(chain.place, "write", "catalog", table, "hudi", "append")
    if system == "s3":
        for target in _paths(given):
            yield Access(chain.place, action, "s3", target, "glue", "append" if mode == "append" else "unknown")
        return
    found = next((given[name] for name in _NAMING_OPTIONS if name in given), None)
    parts = ((kind or "?") + " ", *without_credentials(as_text(found)).pieces) if found is not None else (kind or "?",)
    through = "glue connection" if "connectionName" in given else "glue"
    yield Access(chain.place, action, system, text_of(parts), through, "append" if mode == "append" else "unknown")


def _has_place(given: Mapping[str, Value]) -> bool:
    return any(target.start.startswith("s3") for name in ("path", "paths") if name in given for target in _paths(given))


def _temporary(chain: Chain, place: Value | None) -> Iterator[Fact]:
    if place is not None:
        yield Access(chain.place, "write", "s3", as_text(place), "glue, for Redshift", "overwrite")


def _paths(given: Mapping[str, Value]) -> Iterator[Text]:
    for paths in alternatives(given.get("paths", given.get("path", Unknown()))):
        items = paths.items if isinstance(paths, Sequence) else (paths,)
        yield from (as_text(option) for item in items for option in alternatives(item))


def _sink(chain: Chain) -> Iterator[Fact]:
    call = chain.call
    connection = call.argument(0, "connection_type")
    yield from _options(chain, "write", connection, Table(call.keywords))

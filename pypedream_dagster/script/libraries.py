"""Other libraries: pandas, awswrangler, database drivers, HTTP, mail, file transfer, queues, processes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pypedream_dagster.script import sql
from pypedream_dagster.script.boto import LISTING
from pypedream_dagster.script.chain import Chain
from pypedream_dagster.script.model import Access, Action, Fact, Mode, Process, System
from pypedream_dagster.script.spark import SparkState, sql_accesses, without_credentials
from pypedream_dagster.script.values import (
    Constant,
    Gap,
    Sequence,
    Text,
    Value,
    alternatives,
    as_text,
    literal,
    text_of,
)

DRIVERS = {
    "psycopg2", "psycopg", "pymysql", "MySQLdb", "mysql", "pg8000", "redshift_connector", "pyodbc", "cx_Oracle",
    "oracledb", "pymssql", "sqlalchemy", "teradatasql", "vertica_python", "ibm_db", "ibm_db_dbi", "clickhouse_driver",
    "clickhouse_connect", "trino", "databricks", "jaydebeapi", "pyhive", "pgdb", "pg", "aiomysql", "asyncpg",
    "psycopg2cffi", "snowflake",
}  # fmt: skip
_CONNECTS = {"connect", "create_engine", "Connection", "SnowflakeConnection", "ConnectionPool", "create_pool", "Client"}
_CONNECTS |= {"SimpleConnectionPool", "ThreadedConnectionPool", "get_client", "connect_to", "create_async_engine", "DB"}
_EXECUTES = {"execute", "executemany", "execute_values", "execute_batch", "copy_expert", "copy_from", "execute_string"}
_EXECUTES |= {"read_sql", "read_sql_query", "read_sql_table", "runQuery", "write_pandas", "write_dataframe"}
_ALWAYS_WRITES = {"executemany", "execute_values", "execute_batch", "copy_from", "write_pandas", "write_dataframe"}
_HTTP = {"requests", "httpx", "aiohttp", "urllib3", "urllib", "http", "pycurl", "treq", "httplib2"}
_HTTP_READS = {"get", "head", "options", "urlopen", "urlretrieve"}
_HTTP_WRITES = {"post", "put", "patch", "delete", "request", "send", "Request", "urlopen"}
_SYSTEMS: Mapping[str, System] = {
    "smtplib": "mail",
    "paramiko": "transfer",
    "ftplib": "transfer",
    "pysftp": "transfer",
    "fabric": "transfer",
    "scp": "transfer",
    "kafka": "kafka",
    "confluent_kafka": "kafka",
    "aiokafka": "kafka",
    "pika": "kafka",
    "pymongo": "mongodb",
    "motor": "mongodb",
    "opensearchpy": "opensearch",
    "elasticsearch": "opensearch",
    "redis": "database",
    "rediscluster": "database",
    "cassandra": "database",
    "neo4j": "database",
    "influxdb": "database",
    "influxdb_client": "database",
    "pymemcache": "database",
    "slack_sdk": "http",
    "slack": "http",
    "simple_salesforce": "http",
    "salesforce_bulk": "http",
    "gspread": "http",
    "zeep": "http",
    "google": "http",
    "azure": "http",
    "office365": "http",
    "hdfs": "transfer",
    "socket": "http",
    "grpc": "http",
    "websocket": "http",
    "websockets": "http",
    "datadog": "http",
    "sendgrid": "mail",
    "twilio": "http",
}
_HARMLESS = {"gethostname", "gaierror", "timeout", "getfqdn", "Message", "fromkeys", "Request", "Credentials"}
_PROCESSES = ("subprocess.", "os.system", "os.popen", "os.exec", "os.spawn", "pty.spawn", "commands.getoutput")
_FRAME_WRITES = {"to_parquet", "to_csv", "to_json", "to_excel", "to_orc", "to_pickle", "to_feather", "to_hdf", "to_xml"}
_FRAME_WRITES |= {"write_parquet", "write_csv", "write_json", "write_ndjson", "write_delta", "sink_parquet"}
_FRAME_READS = {"read_parquet", "read_csv", "read_json", "read_excel", "read_orc", "read_pickle", "read_feather"}
_FRAME_READS |= {"scan_parquet", "scan_csv", "read_fwf", "read_table", "read_xml", "read_hdf"}
_DATASETS = {"ParquetDataset", "dataset", "DeltaTable", "ParquetFile", "read_parquet", "read_metadata", "read_schema"}
_FILESYSTEM_LISTS = {"ls", "glob", "find", "exists", "walk"}
_FILESYSTEM_READS = {"get", "get_file", "cat", "cat_file", "read_text", "read_bytes", *_FILESYSTEM_LISTS}
_FILESYSTEM_WRITES = {"put", "put_file", "upload"}
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
_WRANGLER = {"awswrangler", "wr"}
_WRANGLER_MODES: Mapping[str, Mode] = {
    "append": "append",
    "overwrite": "overwrite",
    "overwrite_partitions": "partitions",
}


def library_facts(chain: Chain) -> Iterator[Fact]:
    """Give what a call means to a library other than Spark's, Glue's and boto3."""
    if chain.module in _WRANGLER:
        yield from _wrangler(chain)
        return
    dotted = chain.dotted
    if (
        dotted.startswith(_PROCESSES)
        or dotted in {"exec", "eval", "compile"}
        or (dotted in {"importlib.import_module", "__import__"} and literal(chain.call.argument(0, "name")) is None)
    ):
        yield Process(chain.place, dotted)
    elif chain.module in _HTTP:
        yield from _http(chain)
    elif chain.module in _SYSTEMS:
        if (
            dotted
            and chain.name not in _HARMLESS
            and (chain.name[:1].isupper() or chain.module not in {"google", "azure"})
        ):
            target = without_credentials(as_text(chain.call.argument(0, "host", "hosts", "bootstrap_servers")))
            shown = text_of((f"{dotted} ", *target.pieces)) if target.start else Text((dotted,))
            yield Access(chain.place, "write", _SYSTEMS[chain.module], shown, chain.module)
    else:
        yield from _frames(chain)


def _http(chain: Chain) -> Iterator[Fact]:
    name, call = chain.name, chain.call
    if chain.module == "urllib" and name not in {"urlopen", "urlretrieve", "Request", "request"}:
        return
    if chain.module == "http" and "client" not in chain.names:
        return
    position = 1 if name == "request" else 0
    method = (literal(call.argument(0, "method")) or "").upper() if name in {"request", "Request"} else ""
    target = without_credentials(as_text(call.argument(position, "url")))
    has_body = any(word in call.keywords for word in ("data", "json", "fields", "body", "files"))
    if name == "Request":
        method = (literal(call.argument(None, "method")) or "").upper()
    if (name == "urlopen" and not has_body and len(call.positional) < 2) or method in {"GET", "HEAD", "OPTIONS"}:
        yield Access(chain.place, "read", "http", target, chain.module)
    elif name in _HTTP_WRITES:
        if name != "Request" or has_body or len(call.positional) > 1 or method:
            yield Access(chain.place, "write", "http", target, chain.module)
    elif name in _HTTP_READS:
        yield Access(chain.place, "read", "http", target, chain.module)


def _frames(chain: Chain) -> Iterator[Fact]:
    name, call = chain.name, chain.call
    if name in _FRAME_WRITES:
        target = call.argument(0, "path", "path_or_buf", "excel_writer", "file", "target")
        if isinstance(target, Text) and (target := _on_s3(target)) is not None:
            mode: Mode = {"append": "append", "merge": "merge"}.get(
                literal(call.keywords.get("mode")) or "", "overwrite"
            )  # type: ignore[assignment]
            yield Access(chain.place, "write", "s3", target, "pandas", mode)
    elif name in _FRAME_READS and chain.module:
        given = call.argument(0, "path", "filepath_or_buffer", "path_or_buf", "io", "source")
        for target in _places(given) if isinstance(given, Text | Sequence) else ():
            if (place := _on_s3(target)) is not None:
                yield Access(chain.place, "read", "s3", place, chain.module)
    elif name in _DATASETS and chain.module in {"pyarrow", "deltalake", "fastparquet", "dask", "ray"}:
        given = call.argument(0, "path_or_paths", "source", "table_uri", "paths")
        for target in _places(given) if isinstance(given, Text | Sequence) else ():
            if (place := _on_s3(target)) is not None:
                yield Access(chain.place, "read", "s3", place, chain.module)
    elif "S3FileSystem" in chain.names and name in {*_FILESYSTEM_READS, *_FILESYSTEM_WRITES, "rm", "copy", "cp", "mv"}:
        yield from _filesystem(chain)
    elif name in {"to_sql", "to_gbq"}:
        table = as_text(call.argument(0, "name", "destination_table"))
        yield Access(chain.place, "write", "database", table, "pandas", "append")
    elif name in {"write_to_dataset", "write_table", "write_dataset", "write_deltalake", "write_feather"}:
        target = call.argument(
            1 if name in {"write_to_dataset", "write_table", "write_dataset"} else 0,
            "root_path",
            "where",
            "base_dir",
            "table_or_uri",
        )
        if isinstance(target, Text) and "filesystem" in call.keywords:
            target = _of_filesystem(target)
        if isinstance(target, Text) and (target := _on_s3(target)) is not None:
            how = literal(call.keywords.get("mode")) or ""
            appends = name == "write_to_dataset" or how == "append"
            once = name == "write_deltalake" and not how
            yield Access(
                chain.place,
                "write",
                "s3",
                target,
                chain.module or "pyarrow",
                "append" if appends else "once" if once else "overwrite",
            )
    elif name in {"open", "smart_open"}:
        target, how = call.argument(0, "uri", "path", "file"), literal(call.argument(1, "mode")) or "r"
        if "S3FileSystem" in chain.names and isinstance(target, Text):
            target = _of_filesystem(target)
        if isinstance(target, Text) and (target.start.startswith("s3") or chain.dotted not in {"open", "io.open"}):
            writes = any(letter in how for letter in "wax+")
            if "w" in how or "r" in how or "a" in how:
                yield Access(
                    chain.place,
                    "write" if writes else "read",
                    "s3",
                    target,
                    chain.module or "file",
                    "append" if "a" in how else "overwrite",
                )


def _on_s3(target: Text) -> Text | None:
    """Return a place unless it is known to lie elsewhere: on the worker's own disk, or on another service."""
    start = target.start
    is_elsewhere = start.startswith(("/", "./", "../")) or ("://" in start and not start.startswith("s3"))
    return None if is_elsewhere or (target.literal is not None and not start.startswith("s3")) else target


def _of_filesystem(target: Text) -> Text:
    """Return the URI of a path that a filesystem on S3 is given: with or without its scheme."""
    bare = isinstance(target.pieces[0], str) if target.pieces else False
    return text_of(("s3://", *target.pieces)) if bare and not target.start.startswith("s3") else target


def _filesystem(chain: Chain) -> Iterator[Fact]:
    name, call = chain.name, chain.call
    last = call.argument(1, "rpath", "path2") if name in {*_FILESYSTEM_WRITES, "copy", "cp", "mv"} else None
    first = call.argument(0, "path", "rpath", "path1")
    if name in _FILESYSTEM_READS or name in {"copy", "cp", "mv"}:
        through = LISTING if name in _FILESYSTEM_LISTS else "s3fs"
        yield Access(chain.place, "read", "s3", _of_filesystem(as_text(first)), through)
    if name in {*_FILESYSTEM_WRITES, "copy", "cp", "mv"}:
        yield Access(chain.place, "write", "s3", _of_filesystem(as_text(last)), "s3fs", "overwrite")
    elif name == "rm":
        yield Access(chain.place, "delete", "s3", _of_filesystem(as_text(first)), "s3fs")


def _wrangler(chain: Chain) -> Iterator[Fact]:
    name, call = chain.name, chain.call
    area = chain.links[-2].name if len(chain.links) > 1 else ""
    keywords = call.keywords
    if area == "s3":
        yield from _wrangler_s3(chain)
    elif area == "athena" and name == "read_sql_table":
        target = _table_of(call.argument(1, "database"), call.argument(0, "table"))
        yield Access(chain.place, "read", "catalog", target, "awswrangler")
    elif area == "catalog":
        if not name.startswith(
            ("get", "does", "databases", "tables", "search", "table", "sanitize", "extract", "drop_dup")
        ):
            target = text_of(
                (
                    *as_text(keywords.get("database", call.argument(0))).pieces,
                    ".",
                    *as_text(keywords.get("table", call.argument(1))).pieces,
                )
            )
            yield Access(
                chain.place, "delete" if name.startswith("delete") else "write", "catalog", target, "awswrangler"
            )
    elif area == "athena":
        if name.startswith(("read", "start", "create", "to_", "delete")):
            text = as_text(call.argument(0, "sql"))
            if name.startswith(("read", "start", "create")):
                state = SparkState(database=literal(call.argument(1 if name.startswith("read") else None, "database")))
                yield from sql_accesses(text, chain.place, "athena", state)
            else:
                target = text_of(
                    (*as_text(keywords.get("database")).pieces, ".", *as_text(keywords.get("table")).pieces)
                )
                merges = "merge_cols" in keywords or name.startswith("delete")
                how: Mode = (
                    "merge" if merges else _WRANGLER_MODES.get(literal(keywords.get("mode")) or "append", "unknown")
                )
                yield Access(chain.place, "write", "catalog", target, "awswrangler", how)
            yield Access(chain.place, "write", "aws", Text(("a query of Athena",)), "awswrangler", service="athena")
    elif area in _DATABASES:
        if name.startswith(("to_sql", "copy", "write", "index", "execute", "create", "delete", "to_property", "bulk")):
            system: System = "redshift" if area == "redshift" else "opensearch" if area == "opensearch" else "database"
            yield Access(chain.place, "write", system, _wrangled(chain), "awswrangler", "append")
    elif area == "dynamodb" and name.startswith(("put", "delete", "execute")):
        yield Access(chain.place, "write", "dynamodb", _wrangled(chain), "awswrangler", service="dynamodb")
    elif area in {"sqs", "sns", "secretsmanager", "emr", "quicksight"} and not name.startswith(
        ("get", "list", "describe")
    ):
        yield Access(chain.place, "write", "aws", Text((area,)), "awswrangler", service=area)


def _wrangler_s3(chain: Chain) -> Iterator[Fact]:
    name, call = chain.name, chain.call
    keywords = call.keywords
    if name.startswith(("to_", "upload")):
        is_dataset = "dataset" in keywords or "mode" in keywords or "database" in keywords
        mode: Mode = "overwrite"
        if is_dataset:
            mode = _WRANGLER_MODES.get(
                literal(keywords.get("mode")) or ("append" if "mode" not in keywords else ""), "unknown"
            )
        if (target := call.argument(1, "path")) is not None:
            yield Access(chain.place, "write", "s3", as_text(target), "awswrangler", mode)
        if (database := keywords.get("database", Constant(None))) != Constant(None):
            table = text_of((*as_text(database).pieces, ".", *as_text(keywords.get("table")).pieces))
            yield Access(chain.place, "write", "catalog", table, "awswrangler", mode)
    elif name == "read_parquet_table":
        target = _table_of(call.argument(1, "database"), call.argument(0, "table"))
        yield Access(chain.place, "read", "catalog", target, "awswrangler")
    elif name.startswith(("read_", "list_", "download", "select")):
        through = LISTING if name.startswith("list_") else "awswrangler"
        for target in _places(call.argument(1 if name.startswith("select") else 0, "path")):
            yield Access(chain.place, "read", "s3", target, through)
    elif name.startswith(("delete", "copy", "merge", "store")):
        action: Action = "delete" if name.startswith("delete") else "write"
        target = call.argument(2 if action == "write" else 0, "target_path", "path")
        if isinstance(target, Sequence) and target.items:
            target = target.items[0]
        mode = (
            _WRANGLER_MODES.get(literal(keywords.get("mode")) or "append", "unknown")
            if action == "write"
            else "unknown"
        )
        if (source := keywords.get("source_path")) is not None:
            yield Access(chain.place, "read", "s3", as_text(source), "awswrangler")
        yield Access(chain.place, action, "s3", as_text(target), "awswrangler", mode)


def _table_of(database: Value | None, table: Value | None) -> Text:
    return text_of((*as_text(database).pieces, ".", *as_text(table).pieces))


def _places(given: Value | None) -> list[Text]:
    """Return the places that a value names: one, or each of a list."""
    match given:
        case Sequence(items) if items:
            return [as_text(option) for item in items for option in alternatives(item)]
        case _:
            return [as_text(given)]


def _wrangled(chain: Chain) -> Text:
    words = ("table", "table_name", "index", "name")
    found = next((chain.call.keywords[word] for word in words if word in chain.call.keywords), None)
    return as_text(found) if found is not None else Text((chain.name,))


def database_facts(chains: list[Chain], modules: set[str]) -> Iterator[Fact]:
    """Give what a script does through database drivers.

    A connection counts as a write unless all that is seen to be executed on it only reads.
    """
    drivers = {module.partition(".")[0] for module in modules} & DRIVERS
    connects = [chain for chain in chains if chain.module in DRIVERS and chain.dotted and chain.name in _CONNECTS]
    executes = [chain for chain in chains if chain.name in _EXECUTES and _is_database(chain, drivers)]
    verdicts = [_executed(chain) for chain in executes]
    writes = [access for access in verdicts if access.action != "read"]
    yield from writes
    for chain in connects:
        target = without_credentials(as_text(chain.call.argument(0, "host", "dsn", "url", "account", "server")))
        shown = text_of((f"{chain.dotted} ", *target.pieces)) if target.start else Text((chain.dotted,))
        action: Action = "read" if verdicts else "write"
        system: System = "snowflake" if chain.module == "snowflake" else "database"
        yield Access(
            chain.place, action, "redshift" if chain.module == "redshift_connector" else system, shown, chain.module
        )


def _is_database(chain: Chain, drivers: set[str]) -> bool:
    if chain.module in DRIVERS:
        return True
    if chain.name.startswith("read_sql") or chain.name == "runQuery":
        return True
    text = as_text(chain.call.argument(0))
    # On something that cannot be seen: where a driver is imported, or what it is given is SQL.
    return (
        chain.module != "awswrangler"
        and (bool(drivers) or sql.is_statement(str(text)))
        and chain.module != "delta"
        and "merge" not in chain.names
    )


def _executed(chain: Chain) -> Access:
    text = as_text(chain.call.argument(0, "sql", "query", "statement"))
    if isinstance(given := chain.call.argument(0), object) and not isinstance(given, Text):
        text = next((as_text(v) for v in _texts(given)), text)
    shown = str(text)
    reads = chain.name.startswith("read_sql") or (chain.name not in _ALWAYS_WRITES and sql.is_read_only(shown))
    uses = [use.name for use in sql.table_uses(shown) if use.action != "read"]
    target = Text((uses[0],)) if uses else Text((Gap(),)) if not text.start else Text((" ".join(shown.split())[:60],))
    return Access(chain.place, "read" if reads else "write", "database", target, chain.module or "cursor")


def _texts(value: object) -> Iterator[Text]:
    from pypedream_dagster.script.values import Result, inner

    if isinstance(value, Result):  # sqlalchemy's text("…")
        for call in inner(value):
            for given in call.positional:
                if isinstance(given, Text):
                    yield given

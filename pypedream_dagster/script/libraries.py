"""Other libraries: pandas and its like, files on S3, HTTP, mail, file transfer, queues, processes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pypedream_dagster.script import texts
from pypedream_dagster.script.boto import LISTING
from pypedream_dagster.script.chain import Chain
from pypedream_dagster.script.commands import command_facts
from pypedream_dagster.script.model import Access, Action, Fact, Mode, Process, System
from pypedream_dagster.script.operations import is_on_s3, texts_in
from pypedream_dagster.script.pieces import Argument, Text, text_of
from pypedream_dagster.script.spark import without_credentials
from pypedream_dagster.script.values import Member, Parsed, Result, Sequence, Stored, Symbol, Value, as_text, literal
from pypedream_dagster.script.wrangler import WRANGLER, wrangler_facts

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
_FRAME_WRITES |= {"write_parquet", "write_csv", "write_json", "write_ndjson", "write_delta", "sink_parquet", "sink_csv"}
_FRAME_WRITES |= {"to_file", "ExcelWriter"}
_FRAME_READS = {"read_parquet", "read_csv", "read_json", "read_excel", "read_orc", "read_pickle", "read_feather"}
_FRAME_READS |= {"scan_parquet", "scan_csv", "read_fwf", "read_table", "read_xml", "read_hdf", "read_file", "ExcelFile"}
_DATASETS = {"ParquetDataset", "dataset", "DeltaTable", "ParquetFile", "read_parquet", "read_metadata", "read_schema"}
_ICEBERG_MODES: Mapping[str, Mode | None] = {
    "scan": None,
    "append": "append",
    "overwrite": "overwrite",
    "dynamic_partition_overwrite": "partitions",
    "upsert": "merge",
    "delete": "merge",
}
_DATASET_WRITES = {
    "write_to_dataset": 1,
    "write_table": 1,
    "write_dataset": 1,
    "write_feather": 1,
    "write_deltalake": 0,
}
"""By the place of the argument that says where to."""
_LOADS = [Symbol(f"{module}.{name}") for module in ("json", "yaml", "toml", "tomllib") for name in ("load", "loads")]
_LOADS += [Symbol("yaml.safe_load"), Symbol("yaml.full_load")]
_FILESYSTEM_LISTS = {"ls", "glob", "find", "exists", "walk"}
_FILESYSTEM_READS = {"get", "get_file", "cat", "cat_file", "read_text", "read_bytes", *_FILESYSTEM_LISTS}
_FILESYSTEM_WRITES = {"put", "put_file", "upload"}


def library_facts(chain: Chain) -> Iterator[Fact]:
    """Give what a call means to a library other than Spark's, Glue's and boto3."""
    if chain.module in WRANGLER:
        yield from wrangler_facts(chain)
        return
    dotted = chain.dotted
    if (
        dotted.startswith(_PROCESSES)
        or dotted in {"exec", "eval", "compile"}
        or (dotted in {"importlib.import_module", "__import__"} and literal(chain.call.argument(0, "name")) is None)
    ):
        yield Process(chain.place, dotted)
        yield from command_facts(chain)
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
    elif chain.module == "pyiceberg":
        yield from _iceberg(chain)
    else:
        yield from _frames(chain)


def _iceberg(chain: Chain) -> Iterator[Fact]:
    opened = chain.find("load_table", "create_table", "create_table_if_not_exists")
    if opened is None or chain.name not in _ICEBERG_MODES:
        return
    named = opened.argument(0, "identifier")
    target = texts.joined(Text((".",)), named.items) if isinstance(named, Sequence) else as_text(named)
    mode = _ICEBERG_MODES[chain.name]
    if mode is None:
        yield Access(chain.place, "read", "catalog", target, "pyiceberg")
    else:
        yield Access(chain.place, "write", "catalog", target, "pyiceberg", mode)


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
        yield from _frame_written(chain)
    elif name in _FRAME_READS and chain.module:
        given = call.argument(0, "path", "filepath_or_buffer", "path_or_buf", "io", "source", "filename")
        yield from _frame_read(chain, given)
    elif name in _DATASETS and chain.module in {"pyarrow", "deltalake", "fastparquet", "dask", "ray"}:
        yield from _frame_read(chain, call.argument(0, "path_or_paths", "source", "table_uri", "paths"))
    elif _is_filesystem(chain) and name in {*_FILESYSTEM_READS, *_FILESYSTEM_WRITES, "rm", "copy", "cp", "mv"}:
        yield from _filesystem(chain)
    elif name in {"to_sql", "to_gbq"}:
        table = as_text(call.argument(0, "name", "destination_table"))
        yield Access(chain.place, "write", "database", table, "pandas", "append")
    elif name in _DATASET_WRITES:
        yield from _dataset_written(chain)
    elif name in {"open", "smart_open"}:
        yield from _opened(chain)


def _frame_written(chain: Chain) -> Iterator[Fact]:
    call = chain.call
    given = call.argument(0, "path", "path_or_buf", "excel_writer", "file", "target", "filename")
    if (place := _given_place(given, call.keywords)) is not None:
        how = literal(call.keywords.get("mode")) or ""
        mode: Mode = "append" if how == "append" else "merge" if how == "merge" else "overwrite"
        yield Access(chain.place, "write", "s3", place, "pandas", mode)


def _frame_read(chain: Chain, given: Value | None) -> Iterator[Fact]:
    for target in texts_in(given) if isinstance(given, Sequence) else (given,):
        if (place := _given_place(target, chain.call.keywords)) is not None:
            yield Access(chain.place, "read", "s3", place, chain.module)


def _dataset_written(chain: Chain) -> Iterator[Fact]:
    call, name = chain.call, chain.name
    given = call.argument(_DATASET_WRITES[name], "root_path", "where", "base_dir", "table_or_uri", "dest")
    if (place := _given_place(given, call.keywords)) is not None:
        how = literal(call.keywords.get("mode")) or ""
        appends = name == "write_to_dataset" or how == "append"
        once = name == "write_deltalake" and not how
        mode: Mode = "append" if appends else "once" if once else "overwrite"
        yield Access(chain.place, "write", "s3", place, chain.module or "pyarrow", mode)


def _opened(chain: Chain) -> Iterator[Fact]:
    given, how = chain.call.argument(0, "uri", "path", "file"), literal(chain.call.argument(1, "mode")) or "r"
    if not isinstance(given, Text | Parsed) or not {"w", "r", "a"} & set(how):
        return
    target = _of_filesystem(as_text(given)) if _is_filesystem(chain) else as_text(given)
    if target.start.startswith("s3") or (chain.dotted not in {"open", "io.open"} and _on_s3(target) is not None):
        action: Action = "write" if set("wax+") & set(how) else "read"
        mode: Mode = "unknown" if action == "read" else "append" if "a" in how else "overwrite"
        yield Access(chain.place, action, "s3", target, chain.module or "file", mode)


def _on_s3(target: Text) -> Text | None:
    """Return a place unless it is known to lie elsewhere: on the worker's own disk, or on another service."""
    start = target.start
    is_elsewhere = start.startswith(("/", "./", "../")) or ("://" in start and not start.startswith("s3"))
    return None if is_elsewhere or (target.literal is not None and not start.startswith("s3")) else target


def _given_place(given: Value | None, keywords: Mapping[str, Value]) -> Text | None:
    """Return a place that something is given by name; None where it is a buffer, or lies elsewhere."""
    if isinstance(given, Text | Parsed):
        return _on_s3(_located(as_text(given), keywords))
    return as_text(given) if _is_configured(given) else None


def _is_configured(given: Value | None) -> bool:
    """Tell whether a value was taken from a configuration, so that it names something, and is no buffer."""
    if isinstance(given, Stored):
        return bool(given.keys)
    found: Value | None = given
    while isinstance(found, Member):
        found = found.owner
    return given is not found and isinstance(found, Result) and found.call.callee in _LOADS


def _located(target: Text, keywords: Mapping[str, Value]) -> Text:
    """Return a place as its URI, where what reads or writes it is given a filesystem on S3."""
    return _of_filesystem(target) if is_on_s3(keywords.get("filesystem")) else target


def _is_filesystem(chain: Chain) -> bool:
    opened = chain.find("filesystem")
    return "S3FileSystem" in chain.names or (opened is not None and is_on_s3(Result(opened)))


def _of_filesystem(target: Text) -> Text:
    """Return the URI of a path that a filesystem on S3 is given: with or without its scheme.

    An argument alone may be either; one with a key after it is a bucket.
    """
    match target.pieces:
        case (str() as start, *_) if not start.startswith("s3"):
            return text_of(("s3://", *target.pieces))
        case (Argument(), str() as rest, *_) if rest.startswith("/"):
            return text_of(("s3://", *target.pieces))
        case _:
            return target


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

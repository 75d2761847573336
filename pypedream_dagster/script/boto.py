"""boto3: clients and resources by service, and what their methods do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pypedream_dagster.script.chain import Chain, Link
from pypedream_dagster.script.choices import alternatives
from pypedream_dagster.script.model import Access, Action, Fact, OtherIdentity, System
from pypedream_dagster.script.operations import texts_in
from pypedream_dagster.script.pieces import Text, text_of
from pypedream_dagster.script.spark import SparkState, sql_accesses
from pypedream_dagster.script.values import Call, Constant, Table, Unknown, Value, as_text, literal

LISTING = "boto3, which lists it"
"""How an access is told apart that sees which objects there are, and not what is in them."""

_PACKAGES = {"boto3", "aioboto3", "botocore", "aiobotocore", "session"}
_MAKERS = frozenset({"client", "resource", "create_client"})
_KEYS = {"aws_access_key_id", "aws_secret_access_key", "aws_session_token"}
_ENVIRONMENT_SETTERS = {"__setitem__", "setdefault", "putenv"}
_ENVIRONMENT = ("AWS_ACCESS_KEY", "AWS_SECRET", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ROLE_ARN", "AWS_SHARED_CRED")
_FILESYSTEMS = {"S3FileSystem"}
_FILESYSTEM_KEYS = {"key", "secret", "token", "access_key", "secret_key", "session_token", "role_arn"}
_READS = (
    "get", "list", "describe", "head", "scan", "query", "batch_get", "select", "download", "search", "lookup", "can_",
    "generate_presigned", "check", "test_", "validate", "filter", "all", "pages", "load", "reload", "wait", "paginate",
    "close", "limit", "page_size", "decrypt", "simulate", "estimate", "exists", "meta", "preview", "receive_message",
)  # fmt: skip
# Methods whose first words of a name would mislead.
_WRITES_NEVERTHELESS = {"get_role_credentials"}
# Where the client cannot be seen, a method that only one service has, or that is given what only one takes.
_BY_METHOD: Mapping[str, str] = {
    "put_object": "s3",
    "upload_file": "s3",
    "upload_fileobj": "s3",
    "delete_object": "s3",
    "delete_objects": "s3",
    "copy_object": "s3",
    "create_multipart_upload": "s3",
    "put_item": "dynamodb",
    "batch_write_item": "dynamodb",
    "update_item": "dynamodb",
    "delete_item": "dynamodb",
    "batch_write": "dynamodb",
    "start_job_run": "glue",
    "start_crawler": "glue",
    "start_workflow_run": "glue",
    "start_query_execution": "athena",
    "assume_role": "sts",
    "batch_create_partition": "glue",
    "download_fileobj": "s3",
    "list_objects_v2": "s3",
}
_BY_KEYWORD: Mapping[tuple[str, str], str] = {
    ("get_object", "Bucket"): "s3",
    ("head_object", "Bucket"): "s3",
    ("list_objects", "Bucket"): "s3",
    ("paginate", "Bucket"): "s3",
    ("download_file", "Bucket"): "s3",
    ("copy", "CopySource"): "s3",
    ("get_table", "DatabaseName"): "glue",
    ("publish", "TopicArn"): "sns",
    ("publish", "TargetArn"): "sns",
    ("send_message", "QueueUrl"): "sqs",
    ("send_message_batch", "QueueUrl"): "sqs",
    ("send_email", "Source"): "ses",
    ("send_email", "FromEmailAddress"): "sesv2",
    ("send_raw_email", "RawMessage"): "ses",
    ("put_record", "StreamName"): "kinesis",
    ("put_records", "StreamName"): "kinesis",
    ("put_record", "DeliveryStreamName"): "firehose",
    ("put_record_batch", "DeliveryStreamName"): "firehose",
    ("invoke", "FunctionName"): "lambda",
    ("start_execution", "stateMachineArn"): "stepfunctions",
    ("put_events", "Entries"): "events",
    ("execute_statement", "Sql"): "redshift-data",
    ("execute_statement", "sql"): "rds-data",
}
_COLLECTIONS = {"all", "filter", "objects", "limit", "object_versions", "queues"}
_MAKING = {"Bucket", "Object", "ObjectSummary", "Table", "Queue", "Topic", "get_queue_by_name", "create_topic"}
_MAKING |= {"get_paginator", "get_waiter", "batch_writer", "Acl", "Version", *_COLLECTIONS}
_SYSTEMS: Mapping[str, System] = {
    "dynamodb": "dynamodb",
    "kinesis": "kinesis",
    "firehose": "kinesis",
    "opensearch": "aws",
}
_NAMES = (
    "TableName", "TopicArn", "QueueUrl", "StreamName", "DeliveryStreamName", "FunctionName", "stateMachineArn",
    "JobName", "Name", "WorkflowName", "EventBusName", "ClusterIdentifier", "WorkGroup", "SecretId", "RoleArn",
)  # fmt: skip
_CATALOG_READS = {"get_table", "get_partitions", "get_partition", "batch_get_partition"}


def boto_facts(chain: Chain) -> Iterator[Fact]:
    """Give what a call means to boto3."""
    yield from _identities(chain)
    service, rest = _service(chain)
    if service is None or not rest:
        return
    match service:
        case "s3":
            yield from _s3(chain, rest)
        case "glue":
            yield from _glue(chain)
        case "athena" if chain.name == "start_query_execution":
            yield from _athena(chain)
        case "redshift-data" | "rds-data" if chain.name.endswith("execute_statement"):
            yield from _unloaded(chain)
            yield Access(chain.place, "write", "aws", _named(chain), "boto3", service=service)
        case "sts":
            if chain.name.startswith("assume_role"):
                role = as_text(chain.call.argument(None, "RoleArn"))
                yield OtherIdentity(chain.place, f"the role {role}")
        case _:
            action = _action(chain.name)
            if chain.name in {"Table", "Queue", "Topic", "Bucket", "get_waiter", "get_paginator"}:
                return
            system = _SYSTEMS.get(service, "aws")
            yield Access(chain.place, action, system, _named(chain), "boto3", service=service)


def _athena(chain: Chain) -> Iterator[Fact]:
    """Give a query's tables, and where its result goes."""
    call = chain.call
    context = call.argument(None, "QueryExecutionContext")
    named = context.items.get("Database") if isinstance(context, Table) else None
    database = as_text(named) if named is not None else None
    for query in alternatives(call.argument(None, "QueryString") or Unknown()):
        if as_text(query).start.strip():
            yield from sql_accesses(as_text(query), chain.place, "athena", SparkState(), database)
    configuration = call.argument(None, "ResultConfiguration")
    if isinstance(configuration, Table) and (place := configuration.items.get("OutputLocation")) is not None:
        yield Access(chain.place, "write", "s3", as_text(place), "athena, results", "append")
    yield Access(chain.place, "write", "aws", _named(chain), "boto3", service="athena")


def _unloaded(chain: Chain) -> Iterator[Fact]:
    """Give the places on S3 that a statement of Redshift's copies from or unloads to."""
    for statement in texts_in(chain.call.argument(None, "Sql", "sql", "Sqls")):
        for access in sql_accesses(statement, chain.place, "redshift-data", SparkState()):
            if access.system == "s3":
                yield access


def _identities(chain: Chain) -> Iterator[Fact]:
    if chain.name in _ENVIRONMENT_SETTERS and {"environ", "putenv"} & set(chain.names):
        variable = literal(chain.call.argument(0)) or ""
        if variable.startswith(_ENVIRONMENT):
            yield OtherIdentity(chain.place, f"the environment variable {variable}")
        return
    makes = chain.name in {*_MAKERS, "Session", "get_session"}
    keys = _FILESYSTEM_KEYS if chain.name in _FILESYSTEMS else _KEYS if makes else set()
    given = {
        name: value
        for name, value in chain.call.keywords.items()
        if not (isinstance(value, Constant) and value.value is None)
    }
    if given.keys() & keys:
        yield OtherIdentity(chain.place, "access keys of its own")
    elif keys and (profile := given.get("profile_name", given.get("profile"))) is not None:
        yield OtherIdentity(chain.place, f"the profile {as_text(profile)}")


def _service(chain: Chain) -> tuple[str | None, tuple[Link, ...]]:
    """Return the service that a call goes to, and the links after its client; None where it is no call of boto3."""
    makers = () if _MAKERS.isdisjoint(chain.names) else range(len(chain.links) - 2, -1, -1)
    for index in makers:
        link = chain.links[index]
        if link.name in _MAKERS and link.call is not None:
            name = literal(link.call.argument(0, "service_name"))
            rest = chain.links[index + 1 :]
            if name is not None or chain.module in _PACKAGES:
                return (name or "?", rest) if _is_service_call(rest) else (None, ())
    if chain.module in _PACKAGES or (chain.dotted and len(chain.links) > 1):
        return None, ()  # a function of some module, no method of a client that cannot be seen
    known = _BY_METHOD.get(chain.name)
    if known is None:
        known = next(
            (_BY_KEYWORD[chain.name, word] for word in chain.call.keywords if (chain.name, word) in _BY_KEYWORD), None
        )
    return known, chain.links[-1:]


def _is_service_call(rest: tuple[Link, ...]) -> bool:
    """Tell whether the last link is a method of the service, not of what a method gave (``["Body"].read()``)."""
    for before, link in zip((None, *rest), rest[:-1], strict=False):
        if link.name == "[]":
            if before is None or before.name not in _COLLECTIONS:
                return False
        elif link.call is not None and link.name not in _MAKING:
            return False
    return True


def _action(method: str) -> Action:
    if method.startswith(_READS) and method not in _WRITES_NEVERTHELESS:
        return "read"
    return "delete" if method.startswith(("delete", "batch_delete", "remove", "terminate", "purge")) else "write"


def _named(chain: Chain) -> Text:
    keywords = dict(chain.call.keywords)
    for link in chain.links:
        if link.name in {"Table", "Queue", "Topic"} and link.call is not None and link.call.positional:
            keywords.setdefault("TableName", link.call.positional[0])
    found = next((keywords[name] for name in _NAMES if name in keywords), None)
    return as_text(found) if found is not None else Text((chain.name,))


def _uri(bucket: Value | None, key: Value | None) -> Text:
    path = as_text(key) if key is not None else Text(())
    return text_of(("s3://", *as_text(bucket).pieces, "/", *path.pieces))


_BUCKET_AND_KEY: Mapping[str, tuple[int | None, int | None]] = {
    "upload_file": (1, 2),
    "upload_fileobj": (1, 2),
    "download_file": (0, 1),
    "download_fileobj": (0, 1),
    "copy": (1, 2),
}


def _s3(chain: Chain, rest: tuple[Link, ...]) -> Iterator[Fact]:
    call, name = chain.call, chain.name
    made = {link.name: link.call for link in rest[:-1] if link.call is not None}
    if rest[-1].call is None or name in {
        "Bucket",
        "Object",
        "ObjectSummary",
        "get_paginator",
        "get_waiter",
        "BucketPolicy",
    }:
        return
    action = _action(name)
    if name in {"copy", "copy_object", "copy_from"}:
        yield from _copied_from(chain, call.argument(0 if name == "copy" else None, "CopySource"))
    positions = _BUCKET_AND_KEY.get(name, (None, None))
    bucket, key = call.argument(positions[0], "Bucket"), call.argument(positions[1], "Key", "Prefix")
    if (owner := made.get("Object") or made.get("ObjectSummary")) is not None:
        parent = made.get("Bucket")
        if parent is not None:
            bucket, key = parent.argument(0, "name"), owner.argument(0, "key")
        else:
            bucket, key = owner.argument(0, "bucket_name"), owner.argument(1, "key")
    elif (owner := made.get("Bucket")) is not None:
        bucket = owner.argument(0, "name")
        selected = made.get("filter")
        key = selected.argument(None, "Prefix") if selected else _bucket_key(call, name, key)
    elif name == "paginate" or (name == "list_objects_v2"):
        action = "read"
    if bucket is None and action == "read":
        return
    if key is None and action != "read":
        key = Unknown()  # of several objects, or of the bucket
    through = LISTING if name.startswith(("list", "head", "paginate", "filter", "all")) else "boto3"
    yield Access(chain.place, action, "s3", _uri(bucket, key), through, service="s3")


def _bucket_key(call: Call, name: str, key: Value | None) -> Value | None:
    """Return the key that a bucket's own method is given."""
    if name in {"upload_file", "upload_fileobj", "copy"}:
        return call.argument(1, "Key")
    if name in {"download_file", "download_fileobj", "put_object"}:
        return call.argument(0, "Key")
    return key


def _copied_from(chain: Chain, source: Value | None) -> Iterator[Fact]:
    if isinstance(source, Table):
        target = _uri(source.items.get("Bucket"), source.items.get("Key"))
        yield Access(chain.place, "read", "s3", target, "boto3", service="s3")
    elif source is not None:
        target = text_of(("s3://", *as_text(source).pieces))
        yield Access(chain.place, "read", "s3", target, "boto3", service="s3")


def _glue(chain: Chain) -> Iterator[Fact]:
    call, action = chain.call, _action(chain.name)
    database = call.argument(None, "DatabaseName")
    if database is not None:
        if action == "read" and chain.name not in _CATALOG_READS:
            return
        given = call.argument(None, "TableName", "Name", "TableInput", "TableNameToDelete")
        table = given.items.get("Name") if isinstance(given, Table) else given
        target = text_of((*as_text(database).pieces, ".", *as_text(table).pieces))
        through = LISTING if chain.name in _CATALOG_READS else "boto3"  # what it is, not what is in it
        yield Access(chain.place, action, "catalog", target, through, service="glue")
    elif action != "read":
        yield Access(chain.place, action, "aws", _named(chain), "boto3", service="glue")

"""From a request to the permissions it needs: (action, resource, condition keys), as IAM names them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pypedream_dagster.local_aws.endpoint import ACCOUNT_ID, REGION


@dataclass(frozen=True, slots=True)
class Permission:
    """One thing a request must be allowed to do."""

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)


# Sub-resources of a bucket, as they stand in the query, to the noun in the action's name.
_BUCKET_NOUNS = {
    "accelerate": "AccelerateConfiguration",
    "acl": "BucketAcl",
    "cors": "BucketCORS",
    "encryption": "EncryptionConfiguration",
    "inventory": "InventoryConfiguration",
    "lifecycle": "LifecycleConfiguration",
    "location": "BucketLocation",
    "logging": "BucketLogging",
    "notification": "BucketNotification",
    "object-lock": "BucketObjectLockConfiguration",
    "ownershipControls": "BucketOwnershipControls",
    "policy": "BucketPolicy",
    "policyStatus": "BucketPolicyStatus",
    "publicAccessBlock": "BucketPublicAccessBlock",
    "replication": "ReplicationConfiguration",
    "requestPayment": "BucketRequestPayment",
    "tagging": "BucketTagging",
    "versioning": "BucketVersioning",
    "website": "BucketWebsite",
}
_OBJECT_NOUNS = {
    "acl": "ObjectAcl",
    "tagging": "ObjectTagging",
    "retention": "ObjectRetention",
    "legal-hold": "ObjectLegalHold",
}
_LIST_KEYS = ("prefix", "delimiter", "max-keys")


def s3_permissions(
    method: str, bucket: str, key: str, query: Mapping[str, str], copy_source: tuple[str, str] | None
) -> list[Permission]:
    """The permissions of one S3 request, but for multi-delete, which is asked key by key.

    Args:
        method: GET, PUT, …
        bucket: empty for the service itself.
        key: empty for the bucket itself.
        query: the query parameters, the first value of each.
        copy_source: bucket and key that ``x-amz-copy-source`` names.
    """
    if not bucket:
        return [Permission("s3:ListAllMyBuckets", "*")]
    if not key:
        return [_bucket_permission(method, bucket, query)]
    needed = [Permission(f"s3:{_object_action(method, query)}", object_arn(bucket, key))]
    if copy_source is not None:
        needed.append(Permission("s3:GetObject", object_arn(*copy_source)))
    return needed


def object_arn(bucket: str, key: str) -> str:
    """The ARN of an object."""
    return f"arn:aws:s3:::{bucket}/{key}"


def _bucket_permission(method: str, bucket: str, query: Mapping[str, str]) -> Permission:
    arn = f"arn:aws:s3:::{bucket}"
    noun = next((noun for name, noun in _BUCKET_NOUNS.items() if name in query), None)
    if noun is not None:
        verb = "Get" if method in ("GET", "HEAD") else "Put"
        if noun == "BucketPolicy" and method == "DELETE":
            verb = "Delete"
        return Permission(f"s3:{verb}{noun}", arn)
    match method:
        case "PUT":
            return Permission("s3:CreateBucket", arn)
        case "DELETE":
            return Permission("s3:DeleteBucket", arn)
        case "POST":
            # A browser form upload: the key is in the body.
            return Permission("s3:PutObject", f"{arn}/*")
        case _ if "uploads" in query:
            return Permission("s3:ListBucketMultipartUploads", arn, _list_context(query))
        case _ if "versions" in query:
            return Permission("s3:ListBucketVersions", arn, _list_context(query))
        case _:
            return Permission("s3:ListBucket", arn, _list_context(query) if method == "GET" else {})


def _list_context(query: Mapping[str, str]) -> dict[str, str]:
    context = {f"s3:{name}": query[name] for name in _LIST_KEYS if name in query}
    # Listing a whole bucket is listing under the empty prefix.
    context.setdefault("s3:prefix", "")
    return context


def _object_action(method: str, query: Mapping[str, str]) -> str:
    noun = next((noun for name, noun in _OBJECT_NOUNS.items() if name in query), None)
    version = "versionId" in query
    match method:
        case "GET" | "HEAD" if "uploadId" in query and "partNumber" not in query:
            return "ListMultipartUploadParts"
        case "GET" | "HEAD" if noun is not None:
            return f"Get{noun}"
        case "GET" | "HEAD":
            return "GetObjectVersion" if version else "GetObject"
        case "DELETE" if "uploadId" in query:
            return "AbortMultipartUpload"
        case "DELETE" if noun is not None:
            return f"Delete{noun}"
        case "DELETE":
            return "DeleteObjectVersion" if version else "DeleteObject"
        case "POST" if "restore" in query:
            return "RestoreObject"
        case "POST" if "select" in query:
            return "GetObject"
        case _ if noun is not None:
            return f"Put{noun}"
        case _:
            return "PutObject"


def delete_permission(bucket: str, key: str, version: str | None) -> Permission:
    """The permission for one key of a multi-delete."""
    return Permission("s3:DeleteObjectVersion" if version else "s3:DeleteObject", object_arn(bucket, key))


def glue_permissions(operation: str, request: Mapping[str, Any]) -> list[Permission]:
    """The permissions of one Glue call: catalog calls need the catalog, the database and the table each."""
    action = f"glue:{operation}"
    return [Permission(action, arn) for arn in _glue_resources(operation, request)]


def _glue_resources(operation: str, request: Mapping[str, Any]) -> list[str]:
    arn = f"arn:aws:glue:{REGION}:{ACCOUNT_ID}:"
    if operation in ("TagResource", "UntagResource", "GetTags"):
        return [str(request.get("ResourceArn", "*"))]
    if operation in ("GetJobs", "ListJobs"):
        return ["*"] if operation == "ListJobs" else [f"{arn}job/*"]
    if operation == "BatchGetJobs":
        return [f"{arn}job/{name}" for name in request.get("JobNames", [])]
    if "Job" in operation:
        # CreateJob has no JobName, and reads none: whoever sends one may not choose what is looked at.
        name = request.get("Name") if operation == "CreateJob" else request.get("JobName")
        return [f"{arn}job/{name}" if name else "*"]
    if any(noun in operation for noun in ("Database", "Table", "Partition", "UserDefinedFunction", "ColumnStat")):
        return _catalog_resources(arn, operation, request)
    return ["*"]


def _catalog_resources(arn: str, operation: str, request: Mapping[str, Any]) -> list[str]:
    resources = [f"{arn}catalog"]
    database = request.get("DatabaseName")
    if "Database" in operation:
        is_new = operation == "CreateDatabase"
        database = (request.get("DatabaseInput") or {}).get("Name") if is_new else request.get("Name")
        return [*resources, f"{arn}database/{database or '*'}"]
    database = database or "*"
    resources.append(f"{arn}database/{database}")
    tables = request.get("TablesToDelete") or [
        request.get("TableName")
        or (request.get("TableInput") or {}).get("Name")
        or (request.get("Name") if "Tables" not in operation else None)
        or "*"
    ]
    return [*resources, *(f"{arn}table/{database}/{table}" for table in tables)]


def other_permissions(service: str, operation: str, request: Mapping[str, Any]) -> list[Permission]:
    """The permissions of a call to any other service."""
    action = f"{service}:{operation}"
    if action in ("sts:GetCallerIdentity", "sts:GetSessionToken"):
        return []
    if service == "sts":
        return [Permission(action, str(request.get("RoleArn", "*")))]
    if service == "iam":
        return [Permission(action, _iam_resource(request))]
    if service == "logs":
        group = request.get("logGroupName")
        return [Permission(action, f"arn:aws:logs:{REGION}:{ACCOUNT_ID}:log-group:{group}:*" if group else "*")]
    return [Permission(action, "*")]


def _iam_resource(request: Mapping[str, Any]) -> str:
    for name, kind in (("RoleName", "role"), ("UserName", "user"), ("GroupName", "group")):
        if name in request:
            return f"arn:aws:iam::{ACCOUNT_ID}:{kind}/{request[name]}"
    return str(request.get("PolicyArn", "*"))

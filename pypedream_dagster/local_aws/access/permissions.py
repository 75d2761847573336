"""From a request to the permissions it needs: (action, resource, condition keys), as IAM names them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pypedream_dagster.local_aws.access.conditions import Context
from pypedream_dagster.local_aws.endpoint import ACCOUNT_ID, REGION

Tags = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Permission:
    """One thing a request must be allowed to do."""

    action: str
    resource: str
    context: Context = field(default_factory=dict)


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
    method: str,
    bucket: str,
    key: str,
    query: Mapping[str, str],
    copy_source: tuple[str, str] | None,
    tags: Tags | None = None,
) -> list[Permission]:
    """The permissions of one S3 request, but for multi-delete, which is asked key by key.

    Args:
        method: GET, PUT, …
        bucket: empty for the service itself.
        key: empty for the bucket itself.
        query: the query parameters, the first value of each.
        copy_source: bucket and key that ``x-amz-copy-source`` names.
        tags: what ``x-amz-tagging`` gives the new object.
    """
    if not bucket:
        return [Permission("s3:ListAllMyBuckets", "*")]
    if not key:
        return [_bucket_permission(method, bucket, query)]
    if method == "DELETE" and "versionId" in query and "tagging" not in query:
        return delete_permissions(bucket, key, query["versionId"])
    arn = object_arn(bucket, key)
    context = {f"s3:requestobjecttag/{name}".lower(): value for name, value in (tags or {}).items()}
    needed = [Permission(f"s3:{_object_action(method, query)}", arn, context)]
    if tags:
        needed.append(Permission("s3:PutObjectTagging", arn, context))
    if copy_source is not None:
        needed.append(Permission("s3:GetObject", object_arn(*copy_source)))
    return needed


def list_permission(bucket: str) -> Permission:
    """What it takes to be told that an object is missing, and not only that it is denied.

    No prefix is named then: an Allow that is bound to ``s3:prefix`` does not hold.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
    """
    return Permission("s3:ListBucket", f"arn:aws:s3:::{bucket}")


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
        case _ if noun == "ObjectTagging" and version:
            verb = {"GET": "Get", "HEAD": "Get", "DELETE": "Delete"}.get(method, "Put")
            return f"{verb}ObjectVersionTagging"
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


def delete_permissions(bucket: str, key: str, version: str | None) -> list[Permission]:
    """The permissions to delete one key, or one version of it, which S3 documents to need both.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
    """
    actions = ["s3:DeleteObject", *(["s3:DeleteObjectVersion"] if version else [])]
    return [Permission(action, object_arn(bucket, key)) for action in actions]


def glue_permissions(
    operation: str, request: Mapping[str, Any], tags_of: Callable[[str], Tags] = lambda _: {}
) -> list[Permission]:
    """The permissions of one Glue call: catalog calls need the catalog, the database and the table each.

    Args:
        operation: of the API.
        request: its parameters.
        tags_of: gives the tags of an ARN; none where there is no such resource.
    """
    tags: Tags = request.get("Tags") or request.get("TagsToAdd") or {}
    if not operation.startswith(("Create", "Tag")):
        tags = {}  # ListJobs filters by tags, and gives none
    resources = _glue_resources(operation, request)
    needed = [Permission(f"glue:{operation}", arn, _tag_context(tags, tags_of(arn))) for arn in resources]
    if tags and operation.startswith("Create"):
        needed.append(Permission("glue:TagResource", resources[-1], _tag_context(tags, tags_of(resources[-1]))))
    return [*needed, *_dependent(operation, request, resources)]


def _tag_context(requested: Tags, present: Tags) -> Context:
    context: dict[str, str | tuple[str, ...]] = {
        f"aws:requesttag/{name}".lower(): value for name, value in requested.items()
    }
    if requested:
        context["aws:tagkeys"] = tuple(requested)
    return context | {f"aws:resourcetag/{name}".lower(): value for name, value in present.items()}


def _dependent(operation: str, request: Mapping[str, Any], resources: list[str]) -> Iterator[Permission]:
    """What a Glue call needs besides the permission of its own name."""
    if operation in ("CreateJob", "UpdateJob"):
        role = str((request.get("JobUpdate") or request).get("Role") or "")
        arn = role if role.startswith("arn:") else f"arn:aws:iam::{ACCOUNT_ID}:role/{role}"
        if role:
            yield Permission("iam:PassRole", arn, {"iam:passedtoservice": "glue.amazonaws.com"})
    if operation in ("TagResource", "UntagResource", "GetTags") and ":database/" in resources[0]:
        # https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-tags.html
        for arn in (f"arn:aws:glue:{REGION}:{ACCOUNT_ID}:catalog", resources[0]):
            yield Permission("glue:GetDatabase", arn)


def _glue_resources(operation: str, request: Mapping[str, Any]) -> list[str]:
    arn = f"arn:aws:glue:{REGION}:{ACCOUNT_ID}:"
    if operation in ("TagResource", "UntagResource", "GetTags"):
        return [str(request.get("ResourceArn", "*"))]
    if operation in ("GetJobs", "ListJobs", "GetJobBookmark", "GetJobBookmarks", "ResetJobBookmark"):
        return ["*"]  # these know no resources
    if operation == "BatchGetJobs":
        return [f"{arn}job/{name}" for name in request.get("JobNames", [])]
    if "Job" in operation:
        # CreateJob has no JobName, and reads none: whoever sends one may not choose what is looked at.
        name = request.get("Name") if operation == "CreateJob" else request.get("JobName")
        return [f"{arn}job/{name}" if name else "*"]
    if operation in ("GetConnection", "GetConnections", "CreateConnection", "DeleteConnection", "UpdateConnection"):
        name = request.get("Name") or (request.get("ConnectionInput") or {}).get("Name") or "*"
        return [f"{arn}catalog", f"{arn}connection/{name}"]
    if any(noun in operation for noun in ("Database", "Table", "Partition", "UserDefinedFunction", "ColumnStat")):
        return _catalog_resources(arn, operation, request)
    return ["*"]


def _catalog_resources(arn: str, operation: str, request: Mapping[str, Any]) -> list[str]:
    resources = [f"{arn}catalog"]
    database = request.get("DatabaseName")
    if "Database" in operation:
        is_new = operation == "CreateDatabase"
        database = (request.get("DatabaseInput") or {}).get("Name") if is_new else request.get("Name")
        resources.append(f"{arn}database/{database or '*'}")
        if operation == "DeleteDatabase":  # all that is in it goes with it
            resources += [f"{arn}table/{database}/*", f"{arn}userDefinedFunction/{database}/*"]
        return resources
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

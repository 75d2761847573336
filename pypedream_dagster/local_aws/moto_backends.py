"""What the other modules ask of moto's in-memory backends; moto is imported at first use."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pypedream_dagster.local_aws.endpoint import ACCOUNT_ID, REGION
from pypedream_dagster.local_aws.s3.listing import ListedObject
from pypedream_dagster.local_aws.s3.version_listing import ListedUpload, ListedVersion


def backend(service: str) -> Any:
    """moto's backend of a service, in the one account and region there are."""
    from moto.backends import get_backend

    regions = get_backend(service)[ACCOUNT_ID]
    return regions[REGION] if service in ("glue", "logs", "stepfunctions") else regions["aws"]


def glue_database_exists(name: str) -> bool:
    """Whether the catalog has this database."""
    return name in backend("glue").databases


def glue_workflow(name: str) -> dict[str, Any] | None:
    """The Glue workflow of this name as GetWorkflow answers it, but without its graph; None where there is none."""
    found = backend("glue").workflows.get(name)
    return None if found is None else dict(found.as_dict())


def bucket_exists(name: str) -> bool:
    """Whether S3 has this bucket."""
    return name in backend("s3").buckets


def role_named(name_or_arn: str) -> Any | None:
    """The IAM role with this name or ARN, or None."""
    wanted = name_or_arn.rsplit("/", 1)[-1]
    return next((role for role in backend("iam").roles.values() if role.name == wanted), None)


def trusts_service(role: Any, service: str) -> bool:
    """Whether the role's trust policy names the service."""
    document = role.assume_role_policy_document
    return service in (document if isinstance(document, str) else str(document))


def policy_documents(owner: Any) -> Iterator[str]:
    """The JSON documents of every policy, inline and attached, of a role, user or group."""
    yield from owner.policies.values()
    for managed in owner.managed_policies.values():
        yield default_document(managed)


def default_document(managed: Any) -> str:
    """The JSON document of a managed policy's version in force."""
    return next(str(version.document) for version in managed.versions if version.is_default)


def permissions_boundary(owner: Any) -> str | None:
    """The JSON document of a role's or user's permissions boundary, or None."""
    arn = getattr(owner, "permissions_boundary_arn", None)
    return None if arn is None else default_document(backend("iam").get_policy(arn))


def assumed_role(access_key_id: str) -> Any | None:
    """The STS session with this access key, or None."""
    return backend("sts").get_assumed_role_from_access_key(access_key_id)


def assume_role(role_arn: str, session_name: str, policy: str | None, seconds: int) -> Any:
    """A new STS session, as AssumeRole makes it."""
    return backend("sts").assume_role(
        region_name=REGION,
        role_session_name=session_name,
        role_arn=role_arn,
        policy=policy,
        duration=seconds,
        external_id=None,
    )


def end_session(session: Any) -> None:
    """Makes the credentials of a session worthless."""
    sessions = backend("sts").assumed_roles
    if session in sessions:
        sessions.remove(session)
    backend("iam").access_keys.pop(session.access_key_id, None)


def user_with_key(access_key_id: str) -> Any | None:
    """The IAM user who owns an access key, or None."""
    return backend("iam").get_user_from_access_key_id(access_key_id)


def groups_of(user_name: str) -> list[Any]:
    """The IAM groups of a user."""
    groups: list[Any] = backend("iam").get_groups_for_user(user_name)
    return groups


def read_object(bucket: str, key: str) -> bytes | None:
    """The body of an S3 object, or None."""
    from moto.s3.exceptions import MissingBucket

    try:
        found = backend("s3").get_object(bucket, key)
    except MissingBucket:
        return None
    return None if found is None else bytes(found.value)


def key_of_upload(bucket: str, upload_id: str) -> str | None:
    """The key that an unfinished multipart upload will be, or None; moto itself takes any key for any upload."""
    found = backend("s3").buckets.get(bucket)
    upload = None if found is None else found.multiparts.get(upload_id)
    return None if upload is None else str(upload.key_name)


def put_log_events(group: str, stream: str, events: list[dict[str, Any]]) -> None:
    """Appends to a CloudWatch log stream, which is made where it is missing."""
    logs = backend("logs")
    logs.ensure_log_group(group)
    logs.ensure_log_stream(group, stream)
    if events:
        logs.groups[group].put_log_events(stream, events)


def know_aws_policy(arn: str) -> None:
    """Makes one of AWS's own managed policies, such as AWSGlueServiceRole, known to IAM.

    moto 5.2.5 knows all of them or none, and all weigh 24 MB in each snapshot.
    """
    prefix = "arn:aws:iam::aws:policy/"
    iam = backend("iam")
    if not arn.startswith(prefix) or arn in iam.managed_policies:
        return
    from moto.iam.aws_managed_policies import aws_managed_policies_data
    from moto.iam.models import AWSManagedPolicy

    name = arn.rsplit("/", 1)[-1]
    described = json.loads(aws_managed_policies_data).get(name)
    if described is not None:
        policy = AWSManagedPolicy.from_data(name, iam.account_id, iam.region_name, described)
        iam.managed_policies[policy.arn] = policy


def objects_in(bucket: str) -> Iterator[ListedObject] | None:
    """The current objects of a bucket, in no order, or None where there is no such bucket."""
    from moto.s3.models import FakeKey

    found = backend("s3").buckets.get(bucket)
    if found is None:
        return None
    # The store is a dict of version lists behind dict-like methods that are not safe while others write.
    latest = [versions[-1] for versions in list(dict.values(found.keys)) if versions]
    return (
        ListedObject(key.name, key.etag, int(key.size), key.last_modified, key.storage_class or "STANDARD")
        for key in latest
        if isinstance(key, FakeKey)
    )


def bucket_named(name: str) -> Any | None:
    """moto's bucket of this name, or None."""
    return backend("s3").buckets.get(name)


def versions_in(bucket: str) -> Iterator[ListedVersion] | None:
    """All versions and delete markers of a bucket, those of a key newest first; None where there is no such bucket."""
    from moto.s3.models import FakeKey

    found = backend("s3").buckets.get(bucket)
    if found is None:
        return None
    return (
        ListedVersion(
            key=one.name,
            version_id=str(one.version_id or "null"),
            is_latest=age == 0,
            last_modified=one.last_modified,
            etag=one.etag if isinstance(one, FakeKey) else None,
            size_bytes=int(one.size) if isinstance(one, FakeKey) else 0,
            storage_class=(one.storage_class or "STANDARD") if isinstance(one, FakeKey) else "STANDARD",
        )
        for versions in list(dict.values(found.keys))
        for age, one in enumerate(reversed(list(versions)))
    )


def uploads_in(bucket: str) -> list[ListedUpload] | None:
    """The unfinished multipart uploads of a bucket, or None where there is no such bucket."""
    found = backend("s3").buckets.get(bucket)
    return None if found is None else [ListedUpload(one.key_name, one.id) for one in list(found.multiparts.values())]

"""What a job run may do: its role's session on STS, narrowed by the run's session policy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pypedream_dagster.local_aws import moto_backends
from pypedream_dagster.local_aws.access.identity import Principal, principal_of
from pypedream_dagster.local_aws.access.permissions import object_arn
from pypedream_dagster.local_aws.endpoint import RootKey
from pypedream_dagster.local_aws.glue.runs import JobRun
from pypedream_dagster.local_aws.snapshots import Snapshots

_SESSION_SECONDS = 7 * 24 * 3600


class LaunchError(Exception):
    """A run cannot be launched; the text is Glue's ErrorMessage."""


@dataclass(frozen=True, slots=True)
class RunSession:
    """The credentials of one run, and what they may do."""

    principal: Principal
    access_key_id: str
    secret_access_key: str
    session_token: str

    def environment(self) -> dict[str, str]:
        """The variables through which boto3 finds the credentials."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_SESSION_TOKEN": self.session_token,
        }

    def download(self, uri: str, folder: Path) -> Path:
        """Fetches an object that the run needs at launch.

        Raises:
            LaunchError: the role may not read it, or it does not exist.
        """
        parts = urlsplit(uri)
        bucket, key = parts.netloc, parts.path.removeprefix("/")
        start = f"LAUNCH ERROR | Error downloading from S3 for bucket: {bucket}, key: {key}."
        if self.principal.refusal("s3:GetObject", object_arn(bucket, key), {}) is not None:
            raise LaunchError(
                f"{start} Access Denied (Service: Amazon S3; Status Code: 403; Error Code: AccessDenied). "
                "Please refer logs for details."
            )
        body = moto_backends.read_object(bucket, key)
        if body is None:
            raise LaunchError(
                f"{start} The specified key does not exist. "
                "(Service: Amazon S3; Status Code: 404; Error Code: NoSuchKey). Please refer logs for details."
            )
        path = folder / (Path(key).name or "script")
        path.write_bytes(body)
        return path


@contextmanager
def run_session(run: JobRun, root: RootKey, snapshots: Snapshots) -> Iterator[RunSession]:
    """Assumes the job's role for the time of the run.

    Raises:
        LaunchError: there is no such role, or Glue may not assume it.
    """
    named = str(run.job_definition["Role"])
    role = moto_backends.role_named(named)
    if role is None or not moto_backends.trusts_service(role, "glue.amazonaws.com"):
        raise LaunchError(f"Role {named} should be given assume role permissions for Glue Service.")
    with snapshots.change("sts"):
        session = moto_backends.assume_role(
            role.arn, f"GlueJobRunnerSession-{run.id[3:19]}", run.session_policy, _SESSION_SECONDS
        )
    try:
        principal = principal_of(session.access_key_id, root, session.session_token)
        assert principal is not None
        yield RunSession(principal, session.access_key_id, session.secret_access_key, session.session_token)
    finally:
        with snapshots.change("sts"):
            moto_backends.end_session(session)

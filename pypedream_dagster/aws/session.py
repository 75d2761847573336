"""From settings to clients: which AWS is meant, and whether it can be talked to at all.

Explicit settings come first, then what boto3 resolves by itself (environment, profiles, SSO, container
roles), then the embedded AWS if it runs, and at last the role of the EC2 instance: asking for that one
costs a network wait on any other machine, and someone who started the embedded AWS there means that.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pypedream_dagster.aws.catalog import CatalogClient
from pypedream_dagster.aws.glue import GlueClient
from pypedream_dagster.aws.prices import EVERY_RATE, PriceList
from pypedream_dagster.aws.s3 import S3Client
from pypedream_dagster.aws.step_functions import StepFunctionsClient
from pypedream_dagster.aws.sts import StsClient
from pypedream_dagster.errors import NotConfiguredError
from pypedream_dagster.settings import Settings

if TYPE_CHECKING:
    import boto3
    from botocore.config import Config

_START_HINT = "configure AWS (aws configure, AWS_PROFILE), or start the embedded AWS with 'pypedream local up'"
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True, slots=True)
class Aws:
    """The clients of one account and region, and where they lead.

    Attributes:
        endpoint_url: the one endpoint of all calls, or None for AWS itself.
        source: where the credentials came from, for a reader: ``the embedded AWS``, ``profile dev``.
        prices: what Glue charges there, by the user's word or by the table.
    """

    s3: S3Client
    glue: GlueClient
    catalog: CatalogClient
    step_functions: StepFunctionsClient
    sts: StsClient
    region: str
    endpoint_url: str | None
    source: str
    prices: PriceList

    @property
    def is_local(self) -> bool:
        """Whether the calls stay on this machine."""
        return self.endpoint_url is not None and urlsplit(self.endpoint_url).hostname in _LOOPBACK


@dataclass(frozen=True, slots=True)
class LocalEndpoint:
    """The embedded AWS as its ``endpoint.json`` tells it."""

    url: str
    region: str
    access_key_id: str
    secret_access_key: str
    pid: int

    def answers(self) -> bool:
        """Tell whether its process lives and its port is open."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass  # it lives, under another user
        address = urlsplit(self.url)
        try:
            with socket.create_connection((address.hostname or "127.0.0.1", address.port or 80), timeout=2):
                return True
        except OSError:
            return False


def connect(settings: Settings) -> Aws:
    """Return the clients for the AWS that the settings, the environment or the embedded AWS name.

    Makes no AWS call, but for asking an EC2 instance for its role where nothing else is configured.

    Raises:
        NotConfiguredError: no credentials and no embedded AWS running, an unknown profile, or no region.
    """
    local = read_local_endpoint(settings.local_state_dir)
    session = _session(settings)
    meant = settings.endpoint_url and local and _same_endpoint(settings.endpoint_url, local.url)
    if local and meant and not _has_environment_keys():
        return _connect_local(local, settings)
    if _resolve_credentials(session, from_instance=False):
        return _connect_session(session, settings, embedded=local if meant else None)
    if settings.endpoint_url:
        raise NotConfiguredError(
            f"The endpoint {settings.endpoint_url} is set, but no credentials for it.",
            hint="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY too ('pypedream local env' prints those "
            "of the embedded AWS)",
        )
    if local is not None and local.answers():
        return _connect_local(local, settings)
    if _resolve_credentials(session, from_instance=True):
        return _connect_session(session, settings)
    if local is not None:
        raise NotConfiguredError(
            f"The embedded AWS at {local.url} is not running any more, and no AWS account is configured.",
            hint="start it again with 'pypedream local up'; its state is kept",
        )
    raise NotConfiguredError("No AWS is configured, and no embedded AWS is running.", hint=_START_HINT)


def read_local_endpoint(local_state_dir: Path) -> LocalEndpoint | None:
    """Return what the embedded AWS left in ``endpoint.json``, or None; it may have stopped since."""
    path = local_state_dir / "endpoint.json"
    try:
        values = json.loads(path.read_text())
        return LocalEndpoint(
            url=str(values["url"]),
            region=str(values["region"]),
            access_key_id=str(values["access_key_id"]),
            secret_access_key=str(values["secret_access_key"]),
            pid=int(values["pid"]),
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NotConfiguredError(
            f"{path} cannot be read: {error!r}.", hint="remove it and run 'pypedream local up' again"
        ) from error


def _session(settings: Settings) -> boto3.Session:
    import boto3
    from botocore.exceptions import BotoCoreError

    # A profile given by name would win over keys in the environment, which are the more explicit.
    profile = None if _has_environment_keys() else settings.profile
    try:
        session = boto3.Session(profile_name=profile, region_name=settings.region)
        _ = session.region_name  # reads the profile: raises if there is none of AWS_PROFILE's name
    except BotoCoreError as error:
        raise NotConfiguredError(f"AWS profile {settings.profile}: {error}", hint=_START_HINT) from error
    return session


def _has_environment_keys() -> bool:
    return bool(os.environ.get("AWS_ACCESS_KEY_ID"))


def _resolve_credentials(session: boto3.Session, *, from_instance: bool) -> bool:
    """Tell whether the session has credentials, asking the EC2 metadata service only if told to."""
    from botocore.exceptions import BotoCoreError

    resolver = session._session.get_component("credential_provider")
    if from_instance:
        # The one provider that _connect_session's clients would ask as well: it answers at once on EC2.
        from botocore.credentials import InstanceMetadataProvider
        from botocore.utils import InstanceMetadataFetcher

        fetcher = InstanceMetadataFetcher(timeout=1, num_attempts=1)
        resolver.providers.append(InstanceMetadataProvider(iam_role_fetcher=fetcher))
    elif any(provider.METHOD == "iam-role" for provider in resolver.providers):
        resolver.remove("iam-role")
    try:
        return session.get_credentials() is not None
    except BotoCoreError as error:
        raise NotConfiguredError(f"AWS credentials could not be resolved: {error}", hint=_START_HINT) from error


def _connect_session(session: boto3.Session, settings: Settings, *, embedded: LocalEndpoint | None = None) -> Aws:
    if session.region_name is None:
        raise NotConfiguredError(
            "AWS credentials were found, but no region.",
            hint="set AWS_REGION, or region in pypedream.toml, or in the AWS profile",
        )
    credentials = session.get_credentials()
    named = settings.profile and not _has_environment_keys()
    source = f"profile {settings.profile}" if named else "the AWS credentials"
    source += f" ({credentials.method})" if credentials is not None else ""
    source += f" at {settings.endpoint_url}" if settings.endpoint_url else ""
    if embedded is not None and credentials is not None:
        own = credentials.access_key == embedded.access_key_id
        source = "the embedded AWS" if own else f"the embedded AWS ({credentials.method})"
    return _build(session, settings, settings.endpoint_url, source)


def _connect_local(local: LocalEndpoint, settings: Settings) -> Aws:
    import boto3

    if not local.answers():
        raise NotConfiguredError(
            f"The embedded AWS at {local.url} is not running any more.",
            hint="start it again with 'pypedream local up'; its state is kept",
        )
    session = boto3.Session(
        aws_access_key_id=local.access_key_id,
        aws_secret_access_key=local.secret_access_key,
        region_name=settings.region or local.region,
    )
    return _build(session, settings, local.url, "the embedded AWS")


def _build(session: boto3.Session, settings: Settings, endpoint_url: str | None, source: str) -> Aws:
    patient = _config(endpoint_url, settings.timeout_seconds, attempts=8 if endpoint_url is None else 4)
    once = _config(endpoint_url, settings.timeout_seconds, attempts=1)
    client: Callable[..., Any] = partial(session.client, endpoint_url=endpoint_url)
    glue, s3, sts = client("glue", config=patient), client("s3", config=patient), client("sts", config=patient)
    region = str(session.region_name)
    custom = endpoint_url or _custom_endpoint(s3.meta.endpoint_url)
    identity = StsClient(sts)
    return Aws(
        s3=S3Client(
            s3, partial(_arrow_filesystem, session, region, custom), partial(_s3a_settings, session, region, custom)
        ),
        glue=GlueClient(boto=glue, starter=client("glue", config=once), sts=identity),
        catalog=CatalogClient(boto=glue, sts=identity),
        step_functions=StepFunctionsClient(client("stepfunctions", config=patient)),
        sts=identity,
        region=region,
        endpoint_url=custom,
        source=source,
        prices=_prices(region, settings),
    )


def _prices(region: str, settings: Settings) -> PriceList:
    if settings.usd_per_dpu_hour is not None:
        return PriceList(region, {EVERY_RATE: settings.usd_per_dpu_hour}, "--usd-per-dpu-hour or the environment")
    return PriceList(region, settings.prices)


def _config(endpoint_url: str | None, timeout_seconds: float, *, attempts: int) -> Config:
    from botocore.config import Config

    return Config(
        retries={"mode": "adaptive", "total_max_attempts": attempts},
        connect_timeout=5,
        read_timeout=timeout_seconds,
        max_pool_connections=64,  # a Dagster run waits on as many Glue runs as it has steps
        user_agent_extra="pypedream-dagster",
        # Bucket names as host names do not resolve below a custom endpoint.
        s3={"addressing_style": "path"} if endpoint_url else None,
    )


def _arrow_filesystem(session: boto3.Session, region: str, endpoint_url: str | None) -> Any:
    from pyarrow import fs

    credentials = session.get_credentials()
    if credentials is None:
        raise NotConfiguredError("The AWS credentials are gone.", hint=_START_HINT)
    frozen = credentials.get_frozen_credentials()
    address = urlsplit(endpoint_url) if endpoint_url else None
    return fs.S3FileSystem(
        access_key=frozen.access_key,
        secret_key=frozen.secret_key,
        session_token=frozen.token,
        region=region,
        endpoint_override=address.netloc if address else None,
        scheme=address.scheme if address else "https",
        # An answer too late must not hang a delta for ever.
        connect_timeout=5,
        request_timeout=60,
    )


def _s3a_settings(session: boto3.Session, region: str, endpoint_url: str | None) -> dict[str, str]:
    """Settings below ``fs.s3a.``: https://hadoop.apache.org/docs/r3.3.1/hadoop-aws/tools/hadoop-aws/index.html."""
    credentials = session.get_credentials()
    if credentials is None:
        raise NotConfiguredError("The AWS credentials are gone.", hint=_START_HINT)
    frozen = credentials.get_frozen_credentials()
    provider = "TemporaryAWSCredentialsProvider" if frozen.token else "SimpleAWSCredentialsProvider"
    settings = {
        "access.key": frozen.access_key or "",
        "secret.key": frozen.secret_key or "",
        "aws.credentials.provider": f"org.apache.hadoop.fs.s3a.{provider}",
        "endpoint": endpoint_url or f"s3.{region}.amazonaws.com",
        "path.style.access": str(endpoint_url is not None).lower(),
        "connection.ssl.enabled": str(not (endpoint_url or "").startswith("http:")).lower(),
        # With temporary credentials S3A 3.3.1 needs one request before threads share it: else the provider says to the
        # second thread that it has no credentials. Without them a missing bucket shows at the first request anyway.
        "bucket.probe": "1" if frozen.token else "0",
        "attempts.maximum": "4",
        "connection.establish.timeout": "5000",
    }
    return {**settings, **({"session.token": frozen.token} if frozen.token else {})}


def _custom_endpoint(url: str) -> str | None:
    host = urlsplit(url).hostname or ""
    return None if host.endswith((".amazonaws.com", ".amazonaws.com.cn", ".api.aws")) else url


def _same_endpoint(one: str, other: str) -> bool:
    return urlsplit(one).netloc == urlsplit(other).netloc

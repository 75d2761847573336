"""AWS as a Dagster resource: connected when a step first needs it, never while definitions load."""

from __future__ import annotations

import threading
from pathlib import Path

from dagster import ConfigurableResource
from pydantic import Field, PrivateAttr

from pypedream_dagster.aws.session import Aws, connect
from pypedream_dagster.settings import DEFAULT_TIMEOUT_SECONDS, Settings


class AwsResource(ConfigurableResource):  # type: ignore[type-arg]
    """The clients of the AWS that the project talks to; one connection per process, shared by all steps.

    Attributes:
        project_dir, region, profile, endpoint_url, owner, usd_per_dpu_hour, prices, timeout_seconds: as in `Settings`.
    """

    project_dir: str
    region: str | None = None
    profile: str | None = None
    endpoint_url: str | None = None
    owner: str = "unknown"
    usd_per_dpu_hour: float | None = None
    prices: dict[str, float] = Field(default_factory=dict)
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS

    _lock: threading.Lock = PrivateAttr(default_factory=threading.Lock)
    _aws: Aws | None = PrivateAttr(default=None)

    @classmethod
    def of(cls, settings: Settings) -> AwsResource:
        """Return the resource of these settings."""
        return cls(
            project_dir=str(settings.project_dir),
            region=settings.region,
            profile=settings.profile,
            endpoint_url=settings.endpoint_url,
            owner=settings.owner,
            usd_per_dpu_hour=settings.usd_per_dpu_hour,
            prices=dict(settings.prices),
            timeout_seconds=settings.timeout_seconds,
        )

    @property
    def settings(self) -> Settings:
        """The settings that it was made of."""
        return Settings(
            project_dir=Path(self.project_dir),
            region=self.region,
            profile=self.profile,
            endpoint_url=self.endpoint_url,
            owner=self.owner,
            usd_per_dpu_hour=self.usd_per_dpu_hour,
            prices=self.prices,
            timeout_seconds=self.timeout_seconds,
        )

    def connect(self) -> Aws:
        """Return the clients.

        Raises:
            NotConfiguredError: no AWS is configured and no embedded AWS runs.
        """
        with self._lock:
            if self._aws is None:
                self._aws = connect(self.settings)
            return self._aws

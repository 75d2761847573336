"""What one call of ``pypedream`` stands in: its project, environment and clock, handed to every command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pypedream_dagster.settings import GRAPH_FOLDER, Settings, load_settings

if TYPE_CHECKING:
    from pypedream_dagster.aws.session import Aws
    from pypedream_dagster.branch.store import BranchStore


@dataclass(frozen=True, slots=True)
class Invocation:
    """The surroundings of a command.

    Attributes:
        project: the ``--project`` flag.
        environment: the process's environment variables.
        cwd: the working directory.
    """

    project: Path | None
    environment: Mapping[str, str]
    cwd: Path

    def settings(self, usd_per_dpu_hour: float | None = None) -> Settings:
        """Read the project's settings.

        Args:
            usd_per_dpu_hour: the ``--usd-per-dpu-hour`` flag, before the environment's and the project's prices.

        Raises:
            PypedreamError: there is no project.
        """
        found = load_settings(self.environment, cwd=self.cwd, project=self.project)
        return found if usd_per_dpu_hour is None else replace(found, usd_per_dpu_hour=usd_per_dpu_hour)

    def settings_anywhere(self) -> Settings:
        """Return the project's settings, or those of the environment alone where there is no project.

        Raises:
            PypedreamError: a project was named and is none.
        """
        named = self.project or self.environment.get("PYPEDREAM_PROJECT")
        if named or any((folder / GRAPH_FOLDER).is_dir() for folder in (self.cwd, *self.cwd.parents)):
            return self.settings()
        return Settings(
            project_dir=self.cwd,
            region=self.environment.get("AWS_REGION") or self.environment.get("AWS_DEFAULT_REGION"),
            profile=self.environment.get("AWS_PROFILE") or None,
            endpoint_url=self.environment.get("AWS_ENDPOINT_URL") or None,
        )

    def store(self) -> BranchStore:
        """Return the project's branches."""
        from pypedream_dagster.branch.store import BranchStore

        return BranchStore(self.settings().branches_dir)

    def aws(self, usd_per_dpu_hour: float | None = None) -> Aws:
        """Connect to the AWS in use.

        Args:
            usd_per_dpu_hour: the ``--usd-per-dpu-hour`` flag.

        Raises:
            NotConfiguredError: none is configured and no embedded AWS runs.
        """
        from pypedream_dagster.aws.session import connect

        return connect(self.settings(usd_per_dpu_hour))

    def now(self) -> datetime:
        """Return the time, in UTC."""
        return datetime.now(UTC)

    def shown(self, path: Path) -> str:
        """Return a path as the user would type it: relative where it lies below the working directory."""
        return str(path.relative_to(self.cwd)) if path.is_relative_to(self.cwd) else str(path)


pass_invocation = click.make_pass_decorator(Invocation)
"""Gives a command the `Invocation` as its first argument."""

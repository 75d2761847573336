"""Where the project lies and which AWS it talks to: read once by the CLI and the definitions, then handed on.

Precedence: command-line flag > environment > ``pypedream.toml`` at the project's root > default.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pypedream_dagster.errors import PypedreamError

GRAPH_FOLDER = "pipeline_graph"
CONFIG_FILE = "pypedream.toml"
USD_PER_DPU_HOUR = "PYPEDREAM_USD_PER_DPU_HOUR"
DEFAULT_TIMEOUT_SECONDS = 60.0
_KEYS = {"region", "profile", "endpoint_url", "owner", "timeout_seconds"}
_PRICES = "prices"


@dataclass(frozen=True, slots=True)
class Settings:
    """What every layer may know of its surroundings.

    Attributes:
        project_dir: the folder that holds ``pipeline_graph/`` and ``branches/``.
        region: AWS region, or None for what boto3 resolves.
        profile: AWS profile, or None for what boto3 resolves.
        endpoint_url: one endpoint for all AWS calls, or None for AWS itself (or the embedded AWS).
        owner: who creates branches, for their tags.
        usd_per_dpu_hour: the user's price of every DPU-hour, from a flag or the environment.
        prices: the user's prices by rate, from the project's file.
        timeout_seconds: how long an answer of AWS is waited for before the call is made again.
    """

    project_dir: Path
    region: str | None = None
    profile: str | None = None
    endpoint_url: str | None = None
    owner: str = "unknown"
    usd_per_dpu_hour: float | None = None
    prices: Mapping[str, float] = field(default_factory=dict, hash=False)
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS

    @property
    def graph_path(self) -> Path:
        """The main graph's file."""
        return self.project_dir / GRAPH_FOLDER / "main.json"

    @property
    def expectations_dir(self) -> Path:
        """Great Expectations suites, one JSON file per dataset."""
        return self.project_dir / GRAPH_FOLDER / "expectations"

    @property
    def branches_dir(self) -> Path:
        """One folder per branch."""
        return self.project_dir / "branches"

    @property
    def state_dir(self) -> Path:
        """What this machine keeps and git ignores."""
        return self.project_dir / ".pypedream"

    @property
    def local_state_dir(self) -> Path:
        """The embedded AWS's state, with ``endpoint.json`` while it runs."""
        return self.state_dir / "local"

    @property
    def dagster_home(self) -> Path:
        """Dagster's instance folder when DAGSTER_HOME is not set."""
        return self.state_dir / "dagster"


def find_project(start: Path) -> Path:
    """Return the nearest folder from ``start`` upwards that has ``pipeline_graph/``.

    Raises:
        PypedreamError: no folder has it.
    """
    for folder in (start, *start.parents):
        if (folder / GRAPH_FOLDER).is_dir():
            return folder
    raise PypedreamError(
        f"No project here: neither {start} nor a folder above it has {GRAPH_FOLDER}/.",
        hint="go to your project, name it with --project, or make one with 'pypedream init'",
    )


def load_settings(environment: Mapping[str, str], *, cwd: Path, project: Path | None = None) -> Settings:
    """Read the settings of the project at ``project``, else of the one around ``cwd``.

    Args:
        environment: usually ``os.environ``; ``PYPEDREAM_PROJECT``, ``PYPEDREAM_OWNER``,
            ``PYPEDREAM_USD_PER_DPU_HOUR``, ``PYPEDREAM_TIMEOUT_SECONDS``, ``AWS_REGION``, ``AWS_PROFILE`` and
            ``AWS_ENDPOINT_URL`` are read here,
            credentials by boto3 alone.
        cwd: where the search for a project starts.
        project: the ``--project`` flag.

    Raises:
        PypedreamError: no project, a faulty ``pypedream.toml``, or a price that is no number.
    """
    named = project or (Path(environment["PYPEDREAM_PROJECT"]) if environment.get("PYPEDREAM_PROJECT") else None)
    named = cwd / named if named is not None else None
    if named is not None and not (named / GRAPH_FOLDER).is_dir():
        raise PypedreamError(
            f"No project at {named}: it has no {GRAPH_FOLDER}/.", hint="make one with 'pypedream init'"
        )
    root = named.resolve() if named is not None else find_project(cwd.resolve())
    config = _read_config(root / CONFIG_FILE)

    def first(*variables: str, key: str) -> str | None:
        return next((environment[name] for name in variables if environment.get(name)), config.get(key))

    return Settings(
        project_dir=root,
        region=first("AWS_REGION", "AWS_DEFAULT_REGION", key="region"),
        profile=first("AWS_PROFILE", key="profile"),
        endpoint_url=first("AWS_ENDPOINT_URL", key="endpoint_url"),
        owner=first("PYPEDREAM_OWNER", key="owner") or environment.get("USER") or "unknown",
        usd_per_dpu_hour=_own_price(environment),
        prices=config.get(_PRICES, {}),
        timeout_seconds=_seconds(first("PYPEDREAM_TIMEOUT_SECONDS", key="timeout_seconds")),
    )


def _own_price(environment: Mapping[str, str]) -> float | None:
    text = environment.get(USD_PER_DPU_HOUR)
    if not text:
        return None
    try:
        usd = float(text)
    except ValueError:
        usd = math.nan
    if not (math.isfinite(usd) and usd >= 0):
        raise PypedreamError(f"{USD_PER_DPU_HOUR}={text} is no price.", hint="give dollars, such as 0.44")
    return usd


def _seconds(text: str | None) -> float:
    try:
        seconds = float(text) if text is not None else DEFAULT_TIMEOUT_SECONDS
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise PypedreamError(
            f"timeout_seconds is {text!r}, which is no number of seconds.",
            hint=f'set it in PYPEDREAM_TIMEOUT_SECONDS or, quoted, in {CONFIG_FILE}: "{DEFAULT_TIMEOUT_SECONDS:.0f}"',
        )
    return seconds


def _read_config(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PypedreamError(f"{path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PypedreamError(f"{path} is not valid TOML: {error}.", hint="mend it or remove it") from error
    prices = values.pop(_PRICES, {})
    faults = sorted(key for key, value in values.items() if key not in _KEYS or not isinstance(value, str))
    if faults:
        raise PypedreamError(
            f"{path}: unknown or non-text settings {', '.join(faults)}.",
            hint=f"it may hold {', '.join(sorted(_KEYS))} and a table [{_PRICES}]",
        )
    if not isinstance(prices, dict) or any(
        isinstance(v, bool) or not isinstance(v, int | float) for v in prices.values()
    ):
        raise PypedreamError(f"{path}: [{_PRICES}] is no table of numbers.", hint="as in [prices] all = 0.44")
    return {**values, _PRICES: prices}

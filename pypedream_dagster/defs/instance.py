"""Dagster's instance of a project: the one that `dagster dev` and `dagster job execute` use in the project's folder.

Those take ``dagster.yaml`` from the folder that they run in, and it places the storage below it (unless DAGSTER_HOME
is set: then that folder has both). Commands of ours may run in another folder of the project: here the same storage
is named by its absolute path.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import yaml
from dagster import DagsterInstance
from dagster._core.instance.ref import InstanceRef

from pypedream_dagster.errors import PypedreamError
from pypedream_dagster.settings import Settings

# Capturing would take the terminal from the progress that the command prints there.
_NO_CAPTURE = {"module": "dagster._core.storage.noop_compute_log_manager", "class": "NoOpComputeLogManager"}


@contextmanager
def open_instance(settings: Settings, environment: Mapping[str, str] = os.environ) -> Iterator[DagsterInstance]:
    """Open the instance for a run in this process.

    Raises:
        PypedreamError: DAGSTER_HOME names no folder, or ``dagster.yaml`` is faulty.
    """
    reference = _reference(settings, environment.get("DAGSTER_HOME"))
    with ExitStack() as stack:
        with _alone(settings.state_dir):
            instance = stack.enter_context(DagsterInstance.from_ref(reference))
        yield instance


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let no other command of the project open the instance: two that make its SQLite tables at once both fail."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "dagster.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _reference(settings: Settings, home: str | None) -> InstanceRef:
    from dagster import DagsterError

    base = Path(home).expanduser() if home else settings.dagster_home
    if home and not base.is_dir():
        raise PypedreamError(f"DAGSTER_HOME names {base}, which is no folder.", hint="make it, or unset the variable")
    base.mkdir(parents=True, exist_ok=True)
    config_dir = base if home else settings.project_dir
    overrides: dict[str, Any] = {"compute_logs": _NO_CAPTURE}
    try:
        if not home and (storage := _relative_storage(config_dir / "dagster.yaml")):
            overrides["storage"] = {"sqlite": {"base_dir": str(config_dir / storage)}}
        return InstanceRef.from_dir(str(base), config_dir=str(config_dir), overrides=overrides)
    except (DagsterError, yaml.YAMLError) as error:
        raise PypedreamError(f"{config_dir / 'dagster.yaml'} is faulty: {error}") from error


def _relative_storage(config: Path) -> str | None:
    """Return the SQLite folder that the file names, if it is a relative path."""
    document = yaml.safe_load(config.read_text()) if config.is_file() else None
    storage = document.get("storage") if isinstance(document, dict) else None
    sqlite = storage.get("sqlite") if isinstance(storage, dict) else None
    folder = sqlite.get("base_dir") if isinstance(sqlite, dict) else None
    return folder if isinstance(folder, str) and not Path(folder).is_absolute() else None

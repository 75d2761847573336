"""Starts, finds and stops the embedded AWS: what ``pypedream local up|down|status|env`` call."""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pypedream_dagster.errors import LocalAwsError
from pypedream_dagster.local_aws.endpoint import Endpoint, read_endpoint
from pypedream_dagster.local_aws.processes import is_alive, kill_owned, wait_until_gone
from pypedream_dagster.local_aws.state_dir import StateDir

_START_SECONDS = 180.0
_STOP_SECONDS = 60.0
_POLL_SECONDS = 0.02
_HEALTH_PATH = "/_pypedream/health"


@dataclass(frozen=True, slots=True)
class Status:
    """What there is of the embedded AWS in one state directory."""

    state_dir: Path
    endpoint: Endpoint | None
    jobs: int
    active_runs: int

    @property
    def is_running(self) -> bool:
        """Whether a server answers."""
        return self.endpoint is not None


def up(state_dir: Path, port: int | None = None, *, warm: bool = False, options: Sequence[str] = ()) -> Endpoint:
    """Starts the embedded AWS where it does not run, and gives its endpoint.

    Args:
        state_dir: where its state lives, made if missing.
        port: the port to listen on; any free one by default.
        warm: start a JVM in the background, so that the first Spark run need not wait for it.
        options: further options of the server process.

    Raises:
        LocalAwsError: it did not start, or runs already on another port.
    """
    state = StateDir(state_dir.resolve())
    running = endpoint(state_dir)
    if running is not None:
        if port not in (None, 0, urlsplit(running.url).port):
            raise LocalAwsError(
                f"the embedded AWS already runs at {running.url}, not on port {port}",
                hint="stop it first with `pypedream local down`",
            )
        return running
    state.create()
    command = [sys.executable, "-m", "pypedream_dagster.local_aws.server", "--state-dir", str(state.root)]
    command += ["--port", str(port or 0), *(["--warm"] if warm else []), *options]
    log_start = state.log_file.stat().st_size if state.log_file.exists() else 0
    return _await_endpoint(state, _spawn_detached(command, state.log_file), log_start)


def down(state_dir: Path) -> None:
    """Stops the embedded AWS with its JVMs and jobs; its state stays. No error where it does not run.

    Raises:
        LocalAwsError: a process could not be ended.
    """
    state = StateDir(state_dir.resolve())
    pid = _server_pid(state)
    if pid is not None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        if not wait_until_gone(pid, _STOP_SECONDS):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            if not wait_until_gone(pid, _STOP_SECONDS):
                raise LocalAwsError(f"the embedded AWS (process {pid}) does not end", hint=f"kill -9 {pid}")
        _reap(pid)
    kill_owned(state.root)
    state.endpoint_file.unlink(missing_ok=True)


def endpoint(state_dir: Path) -> Endpoint | None:
    """The endpoint of the embedded AWS that runs with this state, or None."""
    found = read_endpoint(StateDir(state_dir.resolve()).endpoint_file)
    return found if found is not None and is_alive(found.pid) and _is_healthy(found) else None


def status(state_dir: Path) -> Status:
    """Whether it runs, and what it holds."""
    state = StateDir(state_dir.resolve())
    running = endpoint(state_dir)
    active = 0
    if running is not None:
        for path in state.runs.glob("*/run.json"):
            active += json.loads(path.read_text())["completed_on"] is None
    return Status(state.root, running, sum(1 for _ in state.jobs.glob("*.json")), active)


def _spawn_detached(command: list[str], log: Path) -> int:
    """Starts a process that outlives this one, in a session of its own; its process id."""
    append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    return os.posix_spawn(
        command[0],
        command,
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), append, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )


def _await_endpoint(state: StateDir, pid: int, log_start: int) -> Endpoint:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        found = endpoint(state.root)
        # Another `up` may have been quicker: then its server is the one.
        if found is not None:
            return found
        _reap(pid)
        if not is_alive(pid) and _server_pid(state) is None:
            with state.log_file.open("rb") as log:
                log.seek(log_start)
                lines = log.read().decode(errors="replace").strip().splitlines()
            raise LocalAwsError(
                f"the embedded AWS did not start: {lines[-1] if lines else 'it said nothing'}",
                hint=f"its log is {state.log_file}",
            )
        time.sleep(_POLL_SECONDS)
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    raise LocalAwsError(
        f"the embedded AWS did not answer within {_START_SECONDS:.0f} s", hint=f"its log is {state.log_file}"
    )


def _reap(pid: int) -> None:
    """Takes note of the end of a server that this process itself started."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _server_pid(state: StateDir) -> int | None:
    """The process that holds the state directory's lock, or None."""
    try:
        lock = state.lock_file.open("r")
    except OSError:
        return None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            text = lock.read().strip()
            return int(text) if text else None
    return None


def _is_healthy(found: Endpoint) -> bool:
    parts = urlsplit(found.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)
    try:
        connection.request("GET", _HEALTH_PATH)
        answer = json.loads(connection.getresponse().read())
        return bool(answer.get("pid") == found.pid)
    except (OSError, http.client.HTTPException, ValueError):
        return False
    finally:
        connection.close()

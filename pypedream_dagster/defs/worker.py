"""Which process executes a Dagster run, so that a later one can tell whether it still does."""

from __future__ import annotations

import os
import socket
from pathlib import Path

WORKER_TAG = "pypedream/worker"
"""On runs: host, process id and the process's start, which tells it from a later process of the same id."""


def current_worker() -> str:
    """Return the tag's value for this process."""
    return f"{socket.gethostname()}:{os.getpid()}:{_started(os.getpid())}"


def may_live(worker: str | None) -> bool:
    """Tell whether the process of a tag may still run: what is unknown, or on another host, may."""
    host, _, rest = (worker or "").partition(":")
    pid, _, started = rest.partition(":")
    if host != socket.gethostname() or not pid.isdigit():
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return _started(int(pid)) == started


def _started(pid: int) -> str:
    """Return the process's start in ticks since boot; empty where /proc does not tell, or it is a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    # The command's name, in parentheses, may itself hold spaces and parentheses.
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] == "Z" else fields[19]

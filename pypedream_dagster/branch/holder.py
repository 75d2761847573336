"""Which process does something to a branch, so that another one can tell whether it still may."""

from __future__ import annotations

import os
import socket
import uuid
from pathlib import Path


def current_worker() -> str:
    """Return host, process id and the process's start, which tells it from a later process of the same id."""
    return f"{socket.gethostname()}:{os.getpid()}:{_started(os.getpid())}"


def may_live(worker: str | None) -> bool:
    """Tell whether the process that :func:`current_worker` named may still run: on another host, it may."""
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


def current_machine() -> str:
    """Return what tells this machine from another of the same host name: its boot and its process ids' namespace.

    Two containers may share a name, and each has its own processes.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{os.readlink('/proc/self/ns/pid')}"
    except OSError:  # no Linux
        return f"{uuid.getnode():x}"


def is_dead(worker: str, machine: str) -> bool:
    """Tell whether a process is known to have ended: only this very machine's own can be known to."""
    return machine == current_machine() and not may_live(worker)


def _started(pid: int) -> str:
    """Return the process's start in ticks since boot; empty where /proc does not tell, or it is a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    # The command's name, in parentheses, may itself hold spaces and parentheses.
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] == "Z" else fields[19]

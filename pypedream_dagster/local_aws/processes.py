"""Job processes: started so that they die with the server, killed as a whole, found again after a crash."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

# In the environment of every process of a run, so that none can hide by leaving its process group.
OWNER_VARIABLE = "PYPEDREAM_LOCAL_AWS_STATE"

_LAUNCHER = Path(__file__).with_name("job_launcher.py")


def start_job_process(
    command: Sequence[str], *, environment: Mapping[str, str], cwd: Path, stdout: Path, stderr: Path, owner: Path
) -> subprocess.Popen[bytes]:
    """Starts a Python command in a session of its own.

    Call it from a thread that lives as long as the process may: on Linux the process is killed when the thread
    that started it ends, which is how it dies with a server that is killed.

    Args:
        command: the script and its arguments.
        environment: all of the process's environment.
        cwd: where it runs.
        stdout: the file that takes its output.
        stderr: the file that takes its errors.
        owner: the state directory of the server.
    """
    with stdout.open("ab") as out, stderr.open("ab") as err:
        return subprocess.Popen(  # noqa: S603  (running the user's own jobs is what this is for)
            [*launched(os.getpid(), owner, cwd), sys.executable, "-u", *command],
            cwd=cwd,
            env={**environment, OWNER_VARIABLE: str(owner)},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )


def launched(server_pid: int, state: Path, *opened: Path) -> list[str]:
    """The beginning of a command line whose program may not see the server's state, but for what is opened.

    Args:
        server_pid: with whose death the program is to die; 0 for none.
        state: the state directory.
        opened: folders in it that are the program's own.
    """
    return [sys.executable, "-S", "-E", str(_LAUNCHER), str(server_pid), *map(str, (state, *opened)), "--"]


def end_job_process(process: subprocess.Popen[bytes], *, grace_seconds: float) -> None:
    """Asks the process to end, then kills what is left of its group."""
    if process.poll() is None:
        _signal_group(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(grace_seconds)
    _signal_group(process.pid, signal.SIGKILL)
    process.wait()


def kill_owned(owner: Path) -> None:
    """Kills every process of the runs of a state directory; none of them outlives its server."""
    for pid in _owned(owner):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def wait_until_gone(pid: int, seconds: float) -> bool:
    """Whether the process ends within the time."""
    deadline = time.monotonic() + seconds
    while is_alive(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that ended and was not yet reaped does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return not Path("/proc/self").exists()
    return state != "Z"


def _owned(owner: Path) -> list[int]:
    wanted = f"{OWNER_VARIABLE}={owner}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return found


def _signal_group(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)

"""Becomes a job's Python process: ``job_launcher.py SERVER_PID SCRIPT ARGUMENT…``.

Run as a file. On Linux it first asks the kernel to be killed when the server dies; the request survives exec.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Binds this process to the server's life, then runs the script in its place."""
    server_pid, *command = sys.argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != int(server_pid):  # it died before the request was made
            os._exit(1)
    os.execv(sys.executable, [sys.executable, "-u", *command])  # noqa: S606


if __name__ == "__main__":
    main()

"""Becomes a process of a job run: ``job_launcher.py SERVER_PID STATE_DIR OPEN_DIR… -- PROGRAM ARGUMENT…``.

Run as a file, and of the standard library alone. On Linux it first asks the kernel

- to be killed when the server dies (Landlock and this survive exec), where SERVER_PID is not 0;
- to close the server's state to it (Landlock, Linux 5.13): the root key, other runs' files, the bodies of objects,
  and the memory and the environment of other processes. A job on AWS has no such neighbours.

Where the kernel has no Landlock the job runs as any program of the user does.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
# https://docs.kernel.org/userspace-api/landlock.html: numbers of calls, rights by version of the interface.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG, _PATH_BENEATH = 1, 1
_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1}
_OF_FILES = 1 | 1 << 1 | 1 << 2 | 1 << 14  # execute, write, read, truncate


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


def main() -> None:
    """Binds this process to the server's life, closes the server's state to it, then becomes the program."""
    split = sys.argv.index("--")
    server_pid, state, *opened = sys.argv[1:split]
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if int(server_pid):
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != int(server_pid):  # it died before the request was made
                os._exit(1)
        _close(libc, Path(state).resolve(), [Path(path).resolve() for path in opened])
    program = sys.argv[split + 1 :]
    os.execv(program[0], program)  # noqa: S606


def _close(libc: ctypes.CDLL, state: Path, opened: list[Path]) -> None:
    """Leave everything open but the state directory, and in it the folders that are the job's."""
    version = libc.syscall(_CREATE_RULESET, None, 0, _VERSION_FLAG)
    if version < 1:
        return
    rights = _RIGHTS[min(version, 3)]
    ruleset = libc.syscall(_CREATE_RULESET, ctypes.byref(ctypes.c_uint64(rights)), 8, 0)
    for path, allowed in _open_paths(state, opened, rights):
        with suppress(OSError):  # it went away meanwhile
            _allow(libc, ruleset, path, allowed)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if libc.syscall(_RESTRICT_SELF, ruleset, 0):
        raise OSError(ctypes.get_errno(), "Landlock does not restrict this process")
    os.close(ruleset)


def _open_paths(state: Path, opened: list[Path], rights: int) -> Iterator[tuple[Path, int]]:
    """Give what is not the state directory: rules only ever open, so it is left out by naming all around it."""
    for folder, inner in zip(state.parents, (state, *state.parents), strict=False):
        left_out = (inner, Path("/proc"))
        with suppress(OSError):
            # What a link names has a place of its own; by a link into the state all of it would be open.
            yield from ((path, rights) for path in folder.iterdir() if path not in left_out and not path.is_symlink())
    # Of the processes only this one: the developer's shell has keys in its environment.
    proc = Path("/proc")
    others = (path for path in proc.iterdir() if not path.name.isdecimal() and not path.is_symlink())
    yield from ((path, rights) for path in (*opened, *others, proc / str(os.getpid())))


def _allow(libc: ctypes.CDLL, ruleset: int, path: Path, rights: int) -> None:
    handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        allowed = rights if path.is_dir() else rights & _OF_FILES
        libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(_PathBeneath(allowed, handle)), 0)
    finally:
        os.close(handle)


if __name__ == "__main__":
    main()

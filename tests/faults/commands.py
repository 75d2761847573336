"""Running one command behind the proxy, with a fault or without."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .proxy import Call, Fault, FaultProxy

ROOT = Path(__file__).parents[2]
KILLED = -signal.SIGKILL


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Attributes:
        code: its exit code, or minus the signal that killed it.
        output: what it printed, on both streams.
        calls: that it made, in the order in which they came.
        struck: whether the fault was met.
    """

    code: int
    output: str
    calls: tuple[Call, ...]
    struck: bool


@dataclass
class Commands:
    """Runs commands, each in a process of its own."""

    zygote: subprocess.Popen[str]
    proxy: FaultProxy
    output: Path

    def run(self, folder: Path, *arguments: str, fault: Fault | None = None, **environment: str) -> Ended:
        """Run ``pypedream`` in a project's folder."""
        pids: queue.Queue[int] = queue.Queue()

        def kill() -> None:
            pid = pids.get(timeout=30)
            pids.put(pid)
            os.kill(pid, signal.SIGKILL)
            _await_death(pid)

        self.proxy.arm(fault, kill)
        own = {"AWS_ENDPOINT_URL": self.proxy.url, "PYPEDREAM_OWNER": "ann", **environment}
        asked = {"arguments": arguments, "folder": str(folder), "environment": own, "output": str(self.output)}
        assert self.zygote.stdin is not None
        self.zygote.stdin.write(json.dumps(asked) + "\n")
        self.zygote.stdin.flush()
        pids.put(self._hear()["pid"])
        code = self._hear()["code"]
        ended = Ended(code, self.output.read_text(errors="replace"), tuple(self.proxy.calls), self.proxy.struck)
        assert "Traceback" not in ended.output, ended.output
        return ended

    def well(self, folder: Path, *arguments: str, **environment: str) -> Ended:
        """Run a command that must succeed."""
        ended = self.run(folder, *arguments, **environment)
        assert ended.code == 0, ended.output
        return ended

    def _hear(self) -> dict[str, Any]:
        assert self.zygote.stdout is not None
        line = self.zygote.stdout.readline()
        assert line, "the zygote has died"
        heard: dict[str, Any] = json.loads(line)
        return heard


def _await_death(pid: int) -> None:
    """Wait until a process is gone or a zombie: from then on it does nothing."""
    while True:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return
        if state in "ZX":
            return


@contextmanager
def commands(target: str, folder: Path) -> Iterator[Commands]:
    """Open a proxy before ``target``, and a zygote."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.zygote"],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    proxy = FaultProxy(target)
    try:
        made = Commands(process, proxy, folder / "output.txt")
        made._hear()
        yield made
    finally:
        proxy.close()
        process.kill()
        process.communicate()

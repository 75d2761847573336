"""Output of job runs in CloudWatch Logs, while the run goes on: one stream per run, as Glue has it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from pypedream_dagster.local_aws import moto_backends
from pypedream_dagster.local_aws.glue.runs import JobRun, log_group_prefix
from pypedream_dagster.local_aws.snapshots import Snapshots

# CloudWatch takes 256 KiB per event; what a run prints beyond the line limit stays in its file only.
_EVENT_CHARACTERS = 250_000
_MAX_EVENTS = 20_000


class RunLog:
    """Forwards what one file of a run gains, line by line.

    Args:
        run: the run.
        kind: ``output`` or ``error``.
        path: the file that the process writes.
        snapshots: is told of the change.
    """

    def __init__(self, run: JobRun, kind: str, path: Path, snapshots: Snapshots) -> None:
        self.path = path
        self._group = f"{log_group_prefix(run.command_name)}/{kind}"
        self._stream = run.id
        self._snapshots = snapshots
        self._offset = 0
        self._sent = 0
        path.touch()

    def forward(self, *, last: bool = False) -> None:
        """Sends the complete lines that are new; with ``last`` also one that is not complete."""
        with self.path.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        if not last:
            data = data[: data.rfind(b"\n") + 1]
        if not data and not last:
            return
        self._offset += len(data)
        self._send(data.decode("utf-8", "replace").splitlines())

    def append(self, text: str) -> None:
        """Adds text that the process did not write itself, such as the JVM's."""
        if text:
            with self.path.open("a") as file:
                file.write(text if text.endswith("\n") else text + "\n")

    def _send(self, lines: list[str]) -> None:
        room = _MAX_EVENTS - self._sent
        if room <= 0 < len(lines):
            return
        if len(lines) > room:
            lines = [*lines[: room - 1], f"(the rest of the output is in {self.path})"]
        self._sent += len(lines)
        now = int(time.time() * 1000)
        # CloudWatch refuses empty messages.
        events: list[dict[str, Any]] = [
            {"timestamp": now, "message": line[:_EVENT_CHARACTERS] or " "} for line in lines
        ]
        with self._snapshots.change("logs"):
            moto_backends.put_log_events(self._group, self._stream, events)

"""Where the embedded AWS keeps its state: the only composer of paths under the state directory.

::

    endpoint.json        the running server: url, region, credentials, pid (mode 0600)
    credentials.json     the root key, kept so that a restart needs no new environment
    server.log           what the server printed
    lock                 held by the running server
    moto/<service>.pickle  snapshots of moto's backends
    objects/             bodies of S3 objects
    glue/jobs/           one JSON file per Glue job
    glue/tags.json       tags of Glue resources other than jobs
    glue/triggers.json   Glue triggers
    glue/connections.json  Glue connections
    runs/<run id>/       run.json, stdout, stderr and the files of one job run
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class StateDir:
    """The paths under one state directory."""

    root: Path

    @property
    def endpoint_file(self) -> Path:
        """The running server."""
        return self.root / "endpoint.json"

    @property
    def credentials_file(self) -> Path:
        """The root key."""
        return self.root / "credentials.json"

    @property
    def log_file(self) -> Path:
        """What the server printed."""
        return self.root / "server.log"

    @property
    def lock_file(self) -> Path:
        """Held by the running server."""
        return self.root / "lock"

    @property
    def snapshots(self) -> Path:
        """moto's state."""
        return self.root / "moto"

    @property
    def objects(self) -> Path:
        """Bodies of S3 objects."""
        return self.root / "objects"

    @property
    def jobs(self) -> Path:
        """Glue jobs."""
        return self.root / "glue" / "jobs"

    @property
    def tags_file(self) -> Path:
        """Tags of Glue resources other than jobs."""
        return self.root / "glue" / "tags.json"

    @property
    def triggers_file(self) -> Path:
        """Glue triggers."""
        return self.root / "glue" / "triggers.json"

    @property
    def connections_file(self) -> Path:
        """Glue connections."""
        return self.root / "glue" / "connections.json"

    @property
    def runs(self) -> Path:
        """Job runs."""
        return self.root / "runs"

    def create(self) -> None:
        """Makes every directory, readable by this user only."""
        for directory in (self.root, self.snapshots, self.objects, self.jobs, self.runs):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)


def write_atomically(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Replaces ``path`` so that a reader, or a crash, sees the old or the new content and nothing between."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    temporary.replace(path)

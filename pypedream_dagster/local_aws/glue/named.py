"""Things with a name, kept as the raw structures that were sent: one JSON file for all of a kind."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

from pypedream_dagster.local_aws.glue.errors import AlreadyExistsException, EntityNotFoundException
from pypedream_dagster.local_aws.state_dir import write_atomically

Thing = dict[str, Any]


class NamedStore:
    """All things of one kind, in memory and on disk.

    Args:
        path: of the file.
        kind: for messages: ``Trigger``.
    """

    def __init__(self, path: Path, kind: str) -> None:
        self._path = path
        self._kind = kind
        self._lock = threading.RLock()
        self._things: dict[str, Thing] = json.loads(path.read_text()) if path.exists() else {}

    def all(self) -> list[Thing]:
        """Every thing, in the order in which they were made."""
        with self._lock:
            return list(self._things.values())

    def find(self, name: str) -> Thing | None:
        """The thing of this name, or None."""
        with self._lock:
            return self._things.get(name)

    def get(self, name: str) -> Thing:
        """The thing of this name.

        Raises:
            EntityNotFoundException: there is none.
        """
        found = self.find(name)
        if found is None:
            raise EntityNotFoundException(f"{self._kind} {name} not found.")
        return found

    def create(self, thing: Thing) -> Thing:
        """Keeps a new thing.

        Raises:
            AlreadyExistsException: its name is taken.
        """
        with self._lock:
            if thing["Name"] in self._things:
                raise AlreadyExistsException(f"{self._kind} with name {thing['Name']} already exists")
            return self._put(thing)

    def change(self, name: str, changes: Thing) -> Thing:
        """Replaces some fields of a thing; the thing as it then is."""
        with self._lock:
            return self._put({**self.get(name), **changes})

    def delete(self, name: str) -> None:
        """Forgets a thing; one that is not there is no error."""
        with self._lock:
            if self._things.pop(name, None) is not None:
                self._save()

    def _put(self, thing: Thing) -> Thing:
        self._things[thing["Name"]] = thing
        self._save()
        return thing

    def _save(self) -> None:
        write_atomically(self._path, json.dumps(self._things, indent=1).encode())


def now() -> float:
    """The time as the JSON protocol writes it."""
    return time.time()

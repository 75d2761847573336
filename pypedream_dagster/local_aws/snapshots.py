"""moto's state on disk: one atomic snapshot per service, written soon after each change.

Changing requests share a lock; a snapshot takes it alone, so that it never sees half a change. Writing waits
a quarter of a second for more changes, and longer where the last snapshot took long.
"""

from __future__ import annotations

import io
import logging
import pickle
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pypedream_dagster.errors import LocalAwsError
from pypedream_dagster.local_aws.s3.bodies import BodyFolder, loaded_names
from pypedream_dagster.local_aws.state_dir import write_atomically

_log = logging.getLogger(__name__)

# Signing names that are not the names of moto's backends.
_BACKEND_NAMES = {"states": "stepfunctions"}
_PAUSE_SECONDS = 0.25
# A snapshot may take a fifth of the time at most.
_PAUSE_PER_COST = 4
_LOCK_TYPE = type(threading.Lock())
_RLOCK_TYPE = type(threading.RLock())


class _Pickler(pickle.Pickler):
    """Pickles moto's backends, in which locks and events stand among the state."""

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, _LOCK_TYPE):
            return threading.Lock, ()
        if isinstance(value, _RLOCK_TYPE):
            return threading.RLock, ()
        if isinstance(value, threading.Event):
            return threading.Event, ()
        return NotImplemented


class Snapshots:
    """Loads and saves moto's backends.

    Args:
        folder: where the snapshots lie.
        bodies: the object bodies that S3's snapshot refers to.
    """

    def __init__(self, folder: Path, bodies: BodyFolder) -> None:
        self._folder = folder
        self._bodies = bodies
        self._condition = threading.Condition()
        self._changing = 0
        self._writing = False
        self._dirty: set[str] = set()
        self._closing = False
        self._thread = threading.Thread(target=self._write_on_change, name="snapshots", daemon=True)

    def load(self) -> None:
        """Puts the saved state into moto, and starts saving."""
        from moto.backends import get_backend

        for path in self._folder.glob("*.pickle"):
            accounts = _read(path)
            for account, regions in accounts.items():
                for region, state in regions.items():
                    get_backend(path.stem)[account][region].__dict__.update(state)
        self._bodies.drop_unreferenced(loaded_names())
        self._thread.start()

    @contextmanager
    def change(self, service: str) -> Iterator[None]:
        """Surrounds a change to a service's state."""
        with self._condition:
            self._condition.wait_for(lambda: not self._writing)
            self._changing += 1
        try:
            yield
        finally:
            with self._condition:
                self._changing -= 1
                self._dirty.add(_BACKEND_NAMES.get(service, service))
                self._condition.notify_all()

    def close(self) -> None:
        """Saves what is not yet saved, and ends."""
        with self._condition:
            self._closing = True
            self._condition.notify_all()
        self._thread.join()

    def _write_on_change(self) -> None:
        cost = 0.0
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._dirty or self._closing)
                if self._closing and not self._dirty:
                    return
                if not self._closing:
                    self._condition.wait_for(lambda: self._closing, timeout=max(_PAUSE_SECONDS, _PAUSE_PER_COST * cost))
                self._writing = True
                self._condition.wait_for(lambda: self._changing == 0)
                services, self._dirty = self._dirty, set()
            started = time.monotonic()
            try:
                for service in services:
                    self._write(service)
            finally:
                with self._condition:
                    self._writing = False
                    self._condition.notify_all()
            cost = time.monotonic() - started

    def _write(self, service: str) -> None:
        if service == "s3":
            self._bodies.begin_snapshot()
        try:
            data = _pickled(service)
        except Exception:  # one service that cannot be saved must not cost the others
            _log.exception("the state of %s cannot be saved", service)
            return
        write_atomically(self._folder / f"{service}.pickle", data)
        if service == "s3":
            self._bodies.snapshot_written()


def _read(path: Path) -> Any:
    try:
        return pickle.loads(path.read_bytes())  # noqa: S301  (written by this class, in a private folder)
    except Exception as error:
        raise LocalAwsError(
            f"the state in {path} cannot be read, was it written with another version of moto? ({error})",
            hint=f"delete {path.parent.parent} to start with an empty account",
        ) from error


def _pickled(service: str) -> bytes:
    from moto.backends import get_backend

    accounts = {
        account: {region: backend.__dict__ for region, backend in regions.items()}
        for account, regions in get_backend(service).items()
    }
    buffer = io.BytesIO()
    _Pickler(buffer, protocol=pickle.HIGHEST_PROTOCOL).dump(accounts)
    return buffer.getvalue()

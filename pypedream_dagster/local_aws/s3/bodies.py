"""Bodies of S3 objects as files under the state directory.

moto 5.2.5 keeps them in memory or in unnamed temporary files, which do not outlive the process. A body here is
written once under a name of its own and never changed. It is unlinked only after a snapshot that no longer
refers to it is on disk, so that a crash at any point leaves a snapshot and every body it names.
"""

from __future__ import annotations

import threading
import uuid
from pathlib import Path
from types import SimpleNamespace
from typing import Any

# Bodies up to this size live in the snapshot itself: markers such as _SUCCESS are many and empty.
_INLINE_BYTES = 1024


class BodyFolder:
    """The folder of bodies; knows which were let go and which the snapshot being written refers to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._released: set[str] = set()
        self._referenced: set[str] = set()

    def release(self, name: str) -> None:
        """Notes that an object no longer has this body."""
        self._released.add(name)

    def refer(self, name: str) -> None:
        """Notes that the snapshot being written has this body."""
        self._referenced.add(name)

    def begin_snapshot(self) -> None:
        """Called before a snapshot of S3 is written."""
        self._referenced = set()

    def snapshot_written(self) -> None:
        """Called once the snapshot is on disk: unlinks the bodies that nothing refers to any more."""
        for name in self._released - self._referenced:
            (self.folder / name).unlink(missing_ok=True)
        self._released &= self._referenced

    def drop_unreferenced(self, referenced: set[str]) -> None:
        """At start: unlinks what was written after the last snapshot before a crash."""
        for path in self.folder.iterdir():
            if path.name not in referenced:
                path.unlink()


_bodies: BodyFolder | None = None
_loaded_names: set[str] = set()


def _folder() -> BodyFolder:
    assert _bodies is not None, "install() comes first"
    return _bodies


class ObjectBody:
    """Stands where moto has a SpooledTemporaryFile: the few file methods that it calls."""

    def __init__(self, max_size: int = 0) -> None:
        del max_size  # moto's limit for bodies in memory; ours is fixed
        self._name: str | None = None
        self._inline = b""
        self._position = 0

    def seek(self, position: int) -> None:
        """Moves to an absolute position."""
        self._position = position

    def truncate(self) -> None:
        """Empties the body, letting go of its file."""
        self.close()
        self._name, self._inline = None, b""

    def write(self, data: bytes) -> None:
        """Sets the whole body; moto writes each once."""
        if len(data) <= _INLINE_BYTES:
            self._inline = bytes(data)
            return
        self._name = uuid.uuid4().hex
        (_folder().folder / self._name).write_bytes(data)

    def read(self, size: int = -1) -> bytes:
        """Up to ``size`` bytes from the position; all of them by default."""
        data = self.read_range(self._position, None if size < 0 else self._position + size)
        self._position += len(data)
        return data

    def read_range(self, begin: int, end: int | None) -> bytes:
        """The bytes from ``begin`` up to ``end``, without reading the others."""
        if self._name is None:
            return self._inline[begin:end]
        with (_folder().folder / self._name).open("rb") as file:
            file.seek(begin)
            return file.read(-1 if end is None else max(end - begin, 0))

    def close(self) -> None:
        """Lets go of the file."""
        if self._name is not None:
            _folder().release(self._name)

    def __getstate__(self) -> tuple[str | None, bytes]:
        if self._name is not None:
            _folder().refer(self._name)
        return self._name, self._inline

    def __setstate__(self, state: tuple[str | None, bytes]) -> None:
        self._name, self._inline = state
        self._position = 0
        if self._name is not None:
            _loaded_names.add(self._name)


def _key_state(key: Any) -> dict[str, Any]:
    state = dict(key.__dict__)
    del state["lock"]
    return state


def _set_key_state(key: Any, state: dict[str, Any]) -> None:
    key.__dict__.update(state)
    key.lock = threading.Lock()


def install(folder: Path) -> BodyFolder:
    """Makes moto keep object bodies in ``folder``; before the first object exists."""
    import moto.s3.models as s3_models

    global _bodies
    _bodies = BodyFolder(folder)
    s3_models.tempfile = SimpleNamespace(SpooledTemporaryFile=ObjectBody)
    # moto's own pickling copies the body into the pickle.
    s3_models.FakeKey.__getstate__ = _key_state
    s3_models.FakeKey.__setstate__ = _set_key_state
    # moto warns where an object is dropped without dispose(); letting go of the body is all that is needed.
    s3_models.FakeKey.__del__ = lambda key: key.dispose()
    return _bodies


def loaded_names() -> set[str]:
    """The bodies that the loaded snapshot refers to."""
    return set(_loaded_names)

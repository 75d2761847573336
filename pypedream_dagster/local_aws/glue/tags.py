"""Tags of Glue resources: a job's live with the job, a database's and any other's in one file."""

from __future__ import annotations

import json
import threading
from pathlib import Path

from pypedream_dagster.local_aws.endpoint import ACCOUNT_ID, REGION
from pypedream_dagster.local_aws.glue.errors import EntityNotFoundException, InvalidInputException
from pypedream_dagster.local_aws.glue.jobs import JobStore
from pypedream_dagster.local_aws.moto_backends import glue_database_exists
from pypedream_dagster.local_aws.state_dir import write_atomically

MAX_TAGS = 50


def glue_arn(kind: str, name: str) -> str:
    """The ARN of a Glue resource, such as ``job`` or ``database``."""
    return f"arn:aws:glue:{REGION}:{ACCOUNT_ID}:{kind}/{name}"


class TagStore:
    """TagResource, UntagResource and GetTags."""

    def __init__(self, path: Path, jobs: JobStore) -> None:
        self._path = path
        self._jobs = jobs
        self._lock = threading.RLock()
        self._tags: dict[str, dict[str, str]] = json.loads(path.read_text()) if path.exists() else {}

    def get(self, arn: str) -> dict[str, str]:
        """The tags of one resource.

        Raises:
            EntityNotFoundException: the resource does not exist.
        """
        kind, name = self._resource(arn)
        if kind == "job":
            return dict(self._jobs.get(name).tags)
        return dict(self._tags.get(arn, {}))

    def of_any(self, arn: str) -> dict[str, str]:
        """The tags of what may be no resource at all: none then."""
        try:
            return self.get(arn)
        except (EntityNotFoundException, InvalidInputException):
            return {}

    def add(self, arn: str, tags: dict[str, str]) -> None:
        """Adds tags, overwriting those of the same key."""
        with self._lock:
            merged = {**self.get(arn), **tags}
            if len(merged) > MAX_TAGS:
                raise InvalidInputException(f"Too many tags: a resource takes at most {MAX_TAGS}.")
            self._put(arn, merged)

    def remove(self, arn: str, keys: list[str]) -> None:
        """Removes tags; a key that is not there is no error."""
        with self._lock:
            self._put(arn, {key: value for key, value in self.get(arn).items() if key not in keys})

    def forget(self, arn: str) -> None:
        """Drops the tags of a deleted resource."""
        with self._lock:
            if self._tags.pop(arn, None) is not None:
                self._save()

    def _put(self, arn: str, tags: dict[str, str]) -> None:
        kind, name = self._resource(arn)
        if kind == "job":
            self._jobs.set_tags(name, tags)
            return
        self._tags[arn] = tags
        self._save()

    def _save(self) -> None:
        write_atomically(self._path, json.dumps(self._tags, indent=1).encode())

    def _resource(self, arn: str) -> tuple[str, str]:
        parts = arn.split(":", 5)
        kind, _, name = parts[5].partition("/") if len(parts) == 6 else ("", "", "")
        if not name or parts[4] != ACCOUNT_ID:
            raise InvalidInputException(f"Invalid resource ARN: {arn}")
        if kind == "database" and not glue_database_exists(name):
            raise EntityNotFoundException(f"Database {name} not found.")
        return kind, name

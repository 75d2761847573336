# ruff: noqa: N802 the names are awsglue's
"""The ``Job`` that scripts initialise and commit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Job:
    """Marks the start and the end of a script.

    On AWS a commit saves job bookmarks. Branches run with bookmarks disabled, and so do all jobs here: a run
    always reads the whole of its inputs.
    """

    _name: str | None = None
    _arguments: Mapping[str, Any] = {}

    def __init__(self, glue_context: Any) -> None:
        self.glue_context = glue_context

    @classmethod
    def init(cls, job_name: str, args: Mapping[str, Any] | None = None) -> None:
        """Begin the job."""
        cls._name = job_name
        cls._arguments = dict(args or {})

    @classmethod
    def isInitialized(cls) -> bool:
        """Whether :meth:`init` was called."""
        return cls._name is not None

    @classmethod
    def commit(cls) -> None:
        """End the job."""
        if cls._name is None:
            raise RuntimeError("Job is not initialized: call init before commit")

"""The errors that Glue's API answers with; the code is the class's name."""

from __future__ import annotations


class GlueError(Exception):
    """An error answer of the Glue API, sent with status 400."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    @property
    def code(self) -> str:
        """The error's code on the wire."""
        return type(self).__name__


class ValidationException(GlueError):  # noqa: N818  (Glue's own name)
    """The request breaks a constraint of the service model."""


class InvalidInputException(GlueError):  # noqa: N818
    """The request is well formed, but Glue does not take it."""


class EntityNotFoundException(GlueError):  # noqa: N818
    """The named thing does not exist."""


class AlreadyExistsException(GlueError):  # noqa: N818
    """A job with this name and definition exists."""


class IdempotentParameterMismatchException(GlueError):  # noqa: N818
    """A job with this name and another definition exists."""


class ConcurrentRunsExceededException(GlueError):  # noqa: N818
    """MaxConcurrentRuns of the job are active."""

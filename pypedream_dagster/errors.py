"""The one error tree; every message says what, which, and what to do next.

::

    PypedreamError            expected; the CLI prints one clear line and exits 2
    ├── GraphError            the graph file is missing or faulty (lists every fault)
    ├── BranchError           a branch or node that is unknown, exists already, or has a forbidden name
    ├── StateError            the right thing at the wrong time (trigger before deploy, …)
    ├── AwsError              AWS refused or could not be reached
    │   ├── NotConfiguredError    no account is configured and no embedded AWS runs
    │   ├── AccessDeniedError     the credentials in use may not do this
    │   ├── NotFoundError         the thing asked for does not exist
    │   ├── ConflictError         somebody else has written the thing first
    │   └── BusyError             AWS asks to come back later (throttled, failing for the moment)
    │       └── ConcurrencyError  the Glue job runs as often at once as it may
    ├── ProtectedError        the step would touch what belongs to main, or what is not provably ours
    ├── RunError              a job run ended otherwise than SUCCEEDED
    ├── DeltaError            a dataset could not be compared
    └── LocalAwsError         the embedded AWS could not be started, stopped or found

Anything else that escapes is a bug and shows its traceback.
"""

from __future__ import annotations

from collections.abc import Sequence

from pypedream_dagster.masking.mask import mask_text


class PypedreamError(Exception):
    """An expected failure; secrets in what it says are masked.

    Args:
        message: what went wrong and with which thing, in one line.
        hint: what to do next, in one line.
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        # Whatever AWS, a job or a file said that became part of it.
        self.message = mask_text(message)
        self.hint = None if hint is None else mask_text(hint)
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class GraphError(PypedreamError):
    """The graph is missing or faulty; ``faults`` holds every fault with its place in the file."""

    def __init__(self, message: str, *, faults: Sequence[str] = (), hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.faults = tuple(mask_text(fault) for fault in faults)


class BranchError(PypedreamError):
    """A branch or node that is unknown, exists already, or has a forbidden name."""


class StateError(PypedreamError):
    """The right thing at the wrong time."""


class AwsError(PypedreamError):
    """AWS refused a call or could not be reached."""


class NotConfiguredError(AwsError):
    """No AWS account is configured and no embedded AWS is running."""


class AccessDeniedError(AwsError):
    """The credentials in use may not do what was asked."""


class NotFoundError(AwsError):
    """What was asked for does not exist."""


class ConflictError(AwsError):
    """What was to be written under a condition was written by somebody else first."""


class BusyError(AwsError):
    """AWS asks to come back later: throttled, or failing for the moment."""


class ConcurrencyError(BusyError):
    """The Glue job runs as often at once as it, or the account, may."""


class ProtectedError(PypedreamError):
    """The step would touch what belongs to main, or what is not provably the branch's."""


class RunError(PypedreamError):
    """A job run ended in a state other than SUCCEEDED."""


class DeltaError(PypedreamError):
    """A dataset could not be compared."""


class LocalAwsError(PypedreamError):
    """The embedded AWS could not be started, stopped or found."""

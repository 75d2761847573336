"""What happens in a Dagster run, told to whoever started it in this process as it happens.

Dagster's own event log says it all, but late and in Dagster's words. The executor runs every step in a copy of
the starter's context, so a listener set there is heard from all of its steps and from no one else's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Literal

from pypedream_dagster.masking.mask import mask_text
from pypedream_dagster.run.costs import Cost

Moment = Literal["started", "state", "note", "succeeded", "failed", "stopped", "skipped", "checked", "report"]


@dataclass(frozen=True, slots=True)
class Progress:
    """One thing that happened.

    Attributes:
        node: where; empty if it is about the whole run.
        moment: ``state`` is a change of the Glue run's state, ``checked`` the end of a dataset's checks.
        text: Glue's state, the reason of a failure, a note: one line.
        seconds: how long the node took, once it has ended.
        job_run_id: the Glue run, where there is one.
        cost: what that took, once it has ended.
    """

    node: str
    moment: Moment
    text: str = ""
    seconds: float | None = None
    job_run_id: str | None = None
    cost: Cost | None = None


Listener = Callable[[Progress], None]

_listener: ContextVar[Listener | None] = ContextVar("pypedream_progress", default=None)


def tell(progress: Progress) -> None:
    """Tell the listener of this Dagster run, if there is one; called from the steps' threads."""
    listener = _listener.get()
    if listener is not None:
        listener(replace(progress, text=mask_text(progress.text)))


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Have all that runs within told to ``listener``, which must bear being called from several threads."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)

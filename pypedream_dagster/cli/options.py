"""Options and checks that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from pypedream_dagster.errors import ProtectedError

_F = TypeVar("_F", bound=Callable[..., Any])


def json_option(function: _F) -> _F:
    """Add ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout, nothing else.")(
        function
    )


def refuse_main(branch: str, verb: str) -> None:
    """Refuse a command that may never be given production.

    Raises:
        ProtectedError: ``branch`` is main.
    """
    if branch == "main":
        raise ProtectedError(
            f"main is production: it cannot be {verb}.", hint="name a branch; 'pypedream branches' lists them"
        )

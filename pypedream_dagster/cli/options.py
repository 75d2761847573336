"""Options and checks that several commands share."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

import click

from pypedream_dagster.errors import ProtectedError

_F = TypeVar("_F", bound=Callable[..., Any])
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(I?)B?", re.IGNORECASE)
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_LONGEST = timedelta(days=366)
_POWERS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}


class Size(click.ParamType[int]):
    """A number of bytes such as 500MB, 2GiB or 1.5TB."""

    name = "SIZE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """See `click.ParamType.convert`."""
        match = _SIZE.fullmatch(str(value).strip())
        if match is None:
            self.fail(f"{value!r} is no size such as 500MB, 2GiB or 1.5TB", param, ctx)
        return int(float(match[1]) * (1024 if match[3] else 1000) ** _POWERS[match[2].upper()])


class Duration(click.ParamType[timedelta]):
    """``12h``, ``7d`` or ``2w`` as a timedelta."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Read a duration, more than none and at most a year."""
        match = re.fullmatch(r"(\d{1,5})([hdw])", str(value))
        length = int(match[1]) * _UNITS[match[2]] if match else timedelta(0)
        if not timedelta(0) < length <= _LONGEST:
            self.fail(f"{value!r} is no duration such as 12h, 7d or 2w, of at most a year", param, ctx)
        return length


def json_option(function: _F) -> _F:
    """Add ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout, nothing else.")(
        function
    )


def price_option(function: _F) -> _F:
    """Add ``--usd-per-dpu-hour``."""
    return click.option(
        "--usd-per-dpu-hour",
        type=click.FloatRange(min=0),
        metavar="USD",
        help="Your price of a DPU-hour, before that of the environment, of pypedream.toml and of the built-in table.",
    )(function)


def refuse_main(branch: str, verb: str) -> None:
    """Refuse a command that may never be given production.

    Raises:
        ProtectedError: ``branch`` is main.
    """
    if branch == "main":
        raise ProtectedError(
            f"main is production: it cannot be {verb}.", hint="name a branch; 'pypedream branches' lists them"
        )

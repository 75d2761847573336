"""Masking of texts, arguments, documents and exceptions, by what shows itself and by what this process has learnt.

The values of secret-looking arguments are learnt where they come in, from Glue's answers (`learn`): exactly these are
masked in whatever is printed or recorded later, in their escaped spellings too. This is the one state that a process
shares: a secret once seen is never to be shown, whoever prints.
"""

from __future__ import annotations

import html
import json
import re
import threading
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote, quote_plus

from pypedream_dagster.masking.names import names_a_secret
from pypedream_dagster.masking.patterns import MASK, is_plain, mask_patterns

_E = TypeVar("_E", bound=BaseException)

_S3_URI = re.compile(r"s3[an]?://\S*\Z")
_SHORTEST, _SHORTEST_WORD = 4, 6
_SHORT = 8  # below, a value must stand alone, or every text would be full of masks
_MOST_ROUNDS = 5


class KnownSecrets:
    """Values that are known to be secrets; safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spellings: frozenset[str] = frozenset()

    def add(self, values: Iterable[str]) -> None:
        """Remember some values, with every spelling in which they may come back."""
        found = {spelling for value in values for spelling in _spellings(value) if _is_tellable(spelling)}
        with self._lock:
            if not found <= self._spellings:
                self._spellings |= found

    def mask(self, text: str) -> str:
        """Return the text without them."""
        # Looking for each alone is faster than one expression of them all: an account may have thousands.
        hits = [spelling for spelling in self._spellings if spelling in text]
        if not hits:
            return text
        longest_first = sorted(hits, key=lambda hit: (-len(hit), hit))
        return re.sub("|".join(map(_expression, longest_first)), MASK, text)


_KNOWN = KnownSecrets()


def learn(arguments: Mapping[str, Any]) -> None:
    """Remember the secrets among arguments, so that no later text of this process shows them."""
    found: list[str] = []
    for name, value in arguments.items():
        text = str(value)
        if is_secret(str(name), text):
            found.append(text)
        mask_patterns(text, found.append)  # a password within a URL, or within a secret that holds more
    if found:
        _KNOWN.add(found)


def mask_known(text: str) -> str:
    """Return a text without the secrets that this process has learnt; nothing else in it is judged."""
    return _KNOWN.mask(text)


def is_secret(name: str, value: str) -> bool:
    """Tell whether an argument is a secret by its name; a switch or a reference to the secret is none."""
    return names_a_secret(name) and not is_plain(value)


def mask_text(text: str, known: KnownSecrets = _KNOWN) -> str:
    """Return a text without secrets; one without secrets stays as it is."""
    for _ in range(_MOST_ROUNDS):  # what is masked may lay bare another pair
        masked = mask_patterns(known.mask(text))
        if masked == text:
            break
        text = masked
    return text


def mask_arguments(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments with the secrets among them masked."""
    return {name: _mask_named(str(name), value) for name, value in arguments.items()}


def mask_document(value: Any) -> Any:
    """Return a JSON value with all secrets in it masked, at whatever depth."""
    match value:
        case str():
            return value if _S3_URI.match(value) else mask_text(value)
        case Mapping():
            return mask_arguments(value)
        case list() | tuple():
            return [mask_document(item) for item in value]
        case _:
            return value


def mask_exception(error: _E) -> _E:
    """Mask what an exception and those that led to it say, in place: Dagster and tracebacks show them all."""
    pending: list[BaseException | None] = [error]
    seen: set[int] = set()
    while pending:
        one = pending.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        one.args = tuple(mask_document(item) if isinstance(item, str | dict | list) else item for item in one.args)
        if notes := getattr(one, "__notes__", None):
            one.__notes__ = [mask_text(str(note)) for note in notes]
        pending += [one.__cause__, one.__context__, *(one.exceptions if isinstance(one, BaseExceptionGroup) else ())]
    return error


def _mask_named(name: str, value: Any) -> Any:
    if isinstance(value, str | int | float) and not isinstance(value, bool) and is_secret(name, str(value)):
        return MASK
    return mask_document(value)


def _spellings(value: str) -> Iterable[str]:
    yield from (value, value.strip(), " ".join(value.split()))
    yield from (json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], repr(value)[1:-1])
    yield from (quote(value, safe=""), quote(value), quote_plus(value), html.escape(value))
    lines = [line.strip() for line in value.splitlines()]
    if len(lines) > 1:  # a key that a message shows in part
        yield from (line for line in lines if len(line) >= 2 * _SHORT)


def _is_tellable(value: str) -> bool:
    return len(value) >= (_SHORTEST_WORD if value.isalpha() else _SHORTEST)


def _expression(value: str) -> str:
    escaped = re.escape(value)
    return escaped if len(value) >= _SHORT else rf"(?<!\w){escaped}(?!\w)"

"""What a run may write as few patterns of bucket and key, for a session policy that must stay small.

Exact where that fits. Else what is alike is put together: ``lake/sales/*/test/*`` holds every
``s3://lake/sales/<dataset>/test/``. In IAM ``*`` crosses slashes, so the pattern alone would also let through
``lake/sales/orders/main/test/…``, which is main's. Hence a second list, to be denied: patterns that together hold
every URI of main that the first could reach. Deny wins, so nothing of main can be written; that is checked here for
each candidate, not assumed, and a candidate that fails is not taken.

What widening gives up: the branch could write below a folder of its own name elsewhere under the same parents, and
could not write below its own prefixes what looks like main's (``sales/orders/test/main/…``).
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from pypedream_dagster.graph.uri import S3Uri

MARKER = "_$folder$"
"""Ends the name of the object beside a folder by which the file systems of EMR and Glue mark it."""

Group = Callable[[S3Uri], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Widened:
    """Patterns of bucket and key, in which ``*`` stands for anything and nothing else is special.

    Attributes:
        allowed: they hold all that the run may write.
        denied: they hold all that is not the run's and that ``allowed`` could reach.
    """

    allowed: tuple[str, ...]
    denied: tuple[str, ...] = ()


def narrowest(
    own: Sequence[S3Uri],
    fits: Callable[[Widened], bool],
    *,
    protected: Sequence[S3Uri] = (),
    objects: Sequence[S3Uri] = (),
    markers: Sequence[str] = (),
    sign: str = "",
) -> Widened | None:
    """Return the patterns that hold a run's prefixes and keep all else out, the narrowest that fit.

    Args:
        own: the prefixes, none of which overlaps one of ``protected``.
        fits: whether a policy of these patterns is short enough.
        protected: prefixes or single objects that must stay out of reach.
        objects: single objects that must, too, even below a prefix of ``own``.
        markers: further patterns to allow, left out where they do not fit.
        sign: what each pattern must hold as it stands, the branch's name: ``lake/*`` would be too much.

    Returns:
        None where no candidate both fits and is sound.
    """
    for candidate in _candidates(own, protected, objects, markers):
        signed = all(sign in pattern for pattern in candidate.allowed)
        if signed and fits(candidate) and _is_sound(candidate, own, protected, objects):
            return candidate
    return None


def _candidates(
    own: Sequence[S3Uri], protected: Sequence[S3Uri], objects: Sequence[S3Uri], markers: Sequence[str]
) -> Iterator[Widened]:
    """Give candidates, narrow ones first."""
    yield _candidate([*_with_markers(_patterns(own, _alone)), *markers], protected, objects, _alone, None)
    for kept, group, group_denied in product((None, 96, 66, 34), _GROUPINGS, _GROUPINGS):
        patterns = [_shortened(pattern, kept) for pattern in _patterns(own, group)]
        yield _candidate(_with_markers(patterns), protected, objects, group_denied, kept)


def _candidate(
    allowed: Sequence[str], protected: Sequence[S3Uri], objects: Sequence[S3Uri], group: Group, kept: int | None
) -> Widened:
    """Return patterns together with those to deny: all that they could reach and may not."""
    near = [uri for uri in protected if any(_reaches(pattern, uri) for pattern in allowed)]
    denied = [_shortened(pattern, kept) for pattern in _patterns(near, group)]
    for uri in (*near, *objects):
        if _is_matched(allowed, _object(uri)) and not _is_matched(denied, _object(uri)):
            denied.append(_object(uri))
    return Widened(tuple(dict.fromkeys(allowed)), tuple(dict.fromkeys(denied)))


def _is_sound(candidate: Widened, own: Sequence[S3Uri], protected: Sequence[S3Uri], objects: Sequence[S3Uri]) -> bool:
    """Tell whether all that is the run's is allowed and not denied, and all else that is allowed is denied."""
    allowed, denied = candidate.allowed, candidate.denied
    if not all(_holds(allowed, uri) and not _holds(denied, uri) for uri in own):
        return False
    if any(_reaches(pattern, uri) for uri in protected if not _holds(denied, uri) for pattern in allowed):
        return False
    single = [_object(uri) for uri in (*protected, *objects)]
    return all(_is_matched(denied, text) for text in single if _is_matched(allowed, text))


def _with_markers(patterns: Sequence[str]) -> list[str]:
    """Return patterns of folders with the objects that stand beside the folders to mark them."""
    return [*patterns, *(f"{pattern[:-2]}{MARKER}" for pattern in patterns if pattern.count("/") > 1)]


def _holds(patterns: Iterable[str], uri: S3Uri) -> bool:
    """Tell whether one of the patterns holds a folder and all below it."""
    return any(pattern.endswith("*") and _matches(pattern, uri.folder) for pattern in patterns)


def _reaches(pattern: str, uri: S3Uri) -> bool:
    """Tell whether a pattern could hold something below a URI; in doubt it could."""
    head, star, _ = pattern.partition("*")
    return head.startswith(uri.folder) or bool(star and uri.folder.startswith(head))


def _object(uri: S3Uri) -> str:
    return uri.folder.rstrip("/")


@lru_cache(maxsize=4096)
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)


def _matches(pattern: str, text: str) -> bool:
    return _expression(pattern).fullmatch(text) is not None


def _is_matched(patterns: Iterable[str], text: str) -> bool:
    return any(_matches(pattern, text) for pattern in patterns)


def _alone(uri: S3Uri) -> tuple[str, ...]:
    return (uri.folder,)


def _last(uri: S3Uri) -> tuple[str, ...]:
    return (_object(uri).rpartition("/")[2],)


def _bucket(uri: S3Uri) -> tuple[str, ...]:
    return (uri.bucket,)


_GROUPINGS: tuple[Group, ...] = (_alone, lambda uri: (*_bucket(uri), *_last(uri)), _bucket, _last, lambda _: ())


def _patterns(uris: Iterable[S3Uri], group: Group) -> list[str]:
    """Return one pattern for each group: what its folders begin and end with, and anything between and below."""
    alike: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for uri in uris:
        alike[group(uri)].append(uri.folder)
    return [_pattern(folders) for _, folders in sorted(alike.items())]


def _pattern(folders: Sequence[str]) -> str:
    if len(folders) == 1:
        return f"{folders[0]}*"
    head = os.path.commonprefix(folders)  # noqa: RUF071 character by character is what is wanted
    backwards = [folder[len(head) :][::-1] for folder in folders]
    tail = os.path.commonprefix(backwards)[::-1]  # noqa: RUF071
    return f"{head}*{tail}*" if tail else f"{head}*"


def _shortened(pattern: str, kept: int | None) -> str:
    """Return a pattern with no more than ``kept`` characters of its beginning and of its end."""
    head, _, rest = pattern.removesuffix("*").partition("*")
    tail = rest or head
    if kept is None or len(head) + len(rest) <= 2 * kept:
        return pattern
    return f"{head[:kept]}*{tail[-kept:]}*"

"""Which of the given files a template means: by a path beside it, or by the end of an S3 URI or URL."""

from __future__ import annotations

import json
import posixpath
from collections import defaultdict
from collections.abc import Iterator, Sequence

from pypedream_dagster.importers.files import SourceFile
from pypedream_dagster.importers.parameters import PARAMETER


class Paths:
    """The paths of the given files.

    Args:
        files: the given files.
    """

    def __init__(self, files: Sequence[SourceFile]) -> None:
        self._paths = frozenset(file.path for file in files)
        self._assets = {(posixpath.dirname(file.path), key): path for file in files for key, path in _assets(file)}
        self._by_name: dict[str, list[str]] = defaultdict(list)
        for path in sorted(self._paths):
            self._by_name[path.rpartition("/")[2]].append(path)

    def meant(self, text: str, beside: str, *, shared: int = 1) -> str | None:
        """Return the file that a text in another file means; None where none does, or several might.

        Args:
            text: a local path, an S3 URI or a URL.
            beside: the path of the file that says so.
            shared: how many last segments a file has to share with a URI to be meant by it.
        """
        local = "://" not in text and not text.startswith("s3:")
        if local and not text.startswith("/"):
            near = posixpath.normpath(posixpath.join(posixpath.dirname(beside), text))
            for path in (near, posixpath.normpath(text)):
                if path in self._paths:
                    return path
        place = text.partition("://")[2] or text
        segments = [part for part in place.split("/") if part not in {".", ""}]
        known = _known_end(segments if local else segments[1:])
        if local:
            return self._by_end(known, beside, min(2, len(known)))
        if len(known) < shared and len(known) < len(segments) - 1:
            return None
        return self._by_end(known, beside, min(shared, len(known)))

    def asset(self, text: str, beside: str) -> str | None:
        """Return the file of a CDK asset.

        ``s3://…/<hash>.py`` lies beside the template as ``asset.<hash>.py``, or as what is there says of its assets.
        """
        folder, name = posixpath.dirname(beside), text.rpartition("/")[2]
        known = self._assets.get((folder, name.partition(".")[0]), f"asset.{name}")
        path = posixpath.join(folder, known)
        return path if path in self._paths else None

    def _by_end(self, known: list[str], beside: str, shared: int) -> str | None:
        if not known:
            return None
        candidates = [path.split("/") for path in self._by_name.get(known[-1], ())]
        scores = [(_common_end(path, known), _common_start(path, beside.split("/"))) for path in candidates]
        best = max(scores, default=(0, 0))
        if best[0] < shared or scores.count(best) > 1 or (best[0] == 1 and len(candidates) > 1):
            return None  # a name such as main.py alone means none of many
        return "/".join(candidates[scores.index(best)])


def _assets(file: SourceFile) -> Iterator[tuple[str, str]]:
    """Give the hashes of assets and their files, from what the CDK notes beside a template."""
    if not file.path.endswith(".assets.json"):
        return
    try:
        noted = json.loads(file.text)["files"].items()
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return
    for key, asset in noted:
        source = asset.get("source") if isinstance(asset, dict) else None
        if isinstance(source, dict) and isinstance(source.get("path"), str):
            yield key, source["path"]


def _known_end(segments: list[str]) -> list[str]:
    """Return the last segments of a path, back to where something of it is not known."""
    known: list[str] = []
    for segment in reversed(segments):
        tail = segment.rpartition("}")[2] if PARAMETER.search(segment) else segment
        if tail and tail != "..":
            known.insert(0, tail)
        if tail != segment or tail == "..":
            break
    return known


def _common_end(path: list[str], known: list[str]) -> int:
    return _common_start(path[::-1], known[::-1])


def _common_start(path: list[str], other: list[str]) -> int:
    count = 0
    for one, two in zip(path, other, strict=False):
        if one != two:
            break
        count += 1
    return count

"""Places of data as texts with known and unknown parts, and how two of them relate.

An S3 place is cut into its bucket and the segments of its key. ``*`` stands for what cannot be told, ``${name}`` for
an unknown value that has a name. Partitions, file patterns and wildcards at the end are cut off: what is left is
where the dataset lies.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import islice, product
from typing import Literal

from pypedream_dagster.importers.inference.directions import says_which
from pypedream_dagster.importers.parameters import PARAMETER, filled
from pypedream_dagster.script.pieces import Argument, Gap, Text
from pypedream_dagster.script.values import Stored

UNKNOWN = "*"
STORED = "stored:"
"""Before the name of a value in a file, ``PATH#KEY#KEY``, among those of parameters."""
_ARGUMENT = "argument."
"""Before the name of a job argument whose value is nowhere to be found."""

_MOST_ITEMS = 64
_TWO_SCHEMES = re.compile(r"^s3[an]?:/+s3[an]?://")
_RUN_TIME = re.compile(
    r"^(?:input|argument|states|context|item|xcom|execution|datetime|pendulum|macros)\."
    r"|^(?:(?:prev|next|yesterday|tomorrow)_)?[dt]s(?:_nodash)?(?:_with_tz)?(?:\.|$)"
    r"|^(?:prev_|next_)?(?:execution|logical)_date|^(?:prev_)?data_interval_(?:start|end)|^run_id$",
    re.IGNORECASE,
)
"""Names of what is different in each run: parts of its input, and its clock."""
_URI = re.compile(r"^s3[an]?://(?P<bucket>[^/]+)/*(?P<key>.*)$", re.DOTALL)
_TABLE = re.compile(r"^[^\s./:]+\.[^\s./:]+$")
_NAME_ENDS = re.compile(r"\.(?![^${}]*\})")
# A partition's value is a date, a number, or not known; `domain=sales/dataset=orders` is what some call their folders.
_PARTITION = re.compile(r"^[A-Za-z_]\w*=(?:\W|\d|$|.*(?:\*|\$\{)|__)")
_FILE = re.compile(r"\.\w{1,8}$")
_FILE_PATTERN = re.compile(r"^\W*\*|[*?\[{].*\.\w{1,8}$|[?\[{]")
_OF_A_RUN = re.compile(r"(?:^|[._-])(?:run|date|time|timestamp|execution|day|dt|ts|batch)(?:$|[._-]|id)", re.IGNORECASE)
_PART_FILE = re.compile(r"^part[-_.]|^run-|^_|^\*|^\$\{(?:argument\.)?(?:file_?name|key)\}$", re.IGNORECASE)


@dataclass(frozen=True)
class Place:
    """Where data lies, as far as it is known.

    Attributes:
        kind: S3, a table of the Glue catalog, or a table of another system (``redshift``).
        text: ``s3://bucket/key`` without a slash at the end, ``database.table``, or any name (``${SilverPath}``).
        cut: whether something was cut off at its end: a partition, a file pattern, an unknown part.
    """

    kind: Literal["s3", "table", "other"]
    text: str
    cut: bool = False

    @cached_property
    def segments(self) -> tuple[str, ...]:
        """The bucket and the key's segments; for a table its two names."""
        if self.kind == "s3":
            return tuple(part for part in self.text.removeprefix("s3://").split("/") if part)
        return tuple(_NAME_ENDS.split(self.text))

    @property
    def is_known(self) -> bool:
        """Tell whether all of it is known by value."""
        return UNKNOWN not in self.text and not PARAMETER.search(self.text)

    @property
    def is_whole_bucket(self) -> bool:
        """Tell whether it is a bucket without any key: too wide to say anything."""
        return self.kind == "s3" and len(self.segments) < 2

    @property
    def is_somewhere(self) -> bool:
        """Tell whether it is some place in a bucket, or some table of a database, that a run makes up."""
        return (self.is_whole_bucket and (self.cut or self.at_run_time)) or (
            self.kind == "table" and UNKNOWN in self.segments[-1]
        )

    @property
    def at_run_time(self) -> bool:
        """Tell whether a part of it is known at run time only."""
        return UNKNOWN in self.text or any(_RUN_TIME.match(name) for name in PARAMETER.findall(self.text))

    @property
    def says_which(self) -> bool:
        """Tell whether all that is unknown of it has names, and one of a job's argument says which data is meant."""
        names = PARAMETER.findall(self.text)
        return UNKNOWN not in self.text and any(
            name.startswith(_ARGUMENT) and says_which(name.removeprefix(_ARGUMENT)) for name in names
        )


@dataclass(frozen=True, slots=True)
class Relation:
    """How what is written relates to what is read.

    Attributes:
        same: whether they name one place; else one lies within the other.
        wild: segments that match only because one side does not know them.
        literal: segments of the key that are known and equal.
        bucket_known: whether the buckets are equal, and not just unknown.
    """

    same: bool
    wild: int
    literal: int
    bucket_known: bool


def s3_place(text: str) -> Place | None:
    """Return the place of an S3 URI that may have unknown parts; None if it is none."""
    match = _URI.match(text.strip())
    if match is None:
        return None
    segments = [part for part in match["key"].split("/") if part and part != "."]
    whole = len(segments)
    while segments and (_is_end(segments[-1]) or _is_file_of_partition(segments)):
        segments.pop()
    return Place("s3", "/".join(["s3:/", match["bucket"], *segments]), len(segments) < whole)


def table_place(text: str) -> Place | None:
    """Return the place of a catalog table, ``database.table``; None if it is none."""
    bare = text.strip().strip("`\"'").lower() if not PARAMETER.search(text) else text.strip()
    flat = PARAMETER.sub("p", bare)
    parts = flat.split(".")
    if len(parts) == 3:  # catalog.database.table
        bare = bare.split(".", 1)[1]
        flat = flat.split(".", 1)[1]
    return Place("table", bare) if _TABLE.match(flat) else None


def places_of_text(text: Text, arguments: Mapping[str, str], values: Mapping[str, str], job: str = "") -> Iterator[str]:
    """Give a script's text for each of the things that the job's arguments list."""
    lists = {
        piece.listed: piece.count(arguments) for piece in text.pieces if isinstance(piece, Argument) and piece.listed
    }
    known = {listed: range(min(count, _MOST_ITEMS)) for listed, count in lists.items() if count}
    for numbers in islice(product(*known.values()), _MOST_ITEMS):
        chosen = dict(zip(known, numbers, strict=True))
        pieces = (
            piece.numbered(chosen[piece.listed]) if isinstance(piece, Argument) and piece.listed in chosen else piece
            for piece in text.pieces
        )
        yield place_of_text(Text(tuple(pieces)), arguments, values, job)


def place_of_text(text: Text, arguments: Mapping[str, str], values: Mapping[str, str], job: str = "") -> str:
    """Return a script's text with the arguments' values put in; ``*`` and ``${argument.X}`` where there is none.

    An argument that is the whole place, and whose name says nothing of it, is another for each job:
    ``${argument.JOB.output_path}``.
    """
    text = text.settled(arguments)
    whole = [piece for piece in text.pieces if piece != "/"]
    own = f"{job}." if job and len(whole) == 1 else ""
    pieces: list[str] = []
    for piece in text.pieces:
        known = piece.given(arguments) if isinstance(piece, Argument) else piece
        match known:
            case str():
                # An argument's slash at its end, and the script's own: Hadoop's paths have one.
                doubled = known.startswith("/") and pieces[-1:] and re.search(r"[^:/]/$", pieces[-1])
                pieces.append(known.removeprefix("/") if doubled else known)
            case _ if isinstance(piece, Argument) and piece.name != UNKNOWN:
                name = re.sub(r"[^\w.-]+", "_", piece.label).lower()
                of = "" if says_which(name) else re.sub(r"[^\w.-]+", "_", own)
                pieces.append("${" + _ARGUMENT + of + name + "}")
            case Gap(name, of_environment=True) if name in arguments:
                pieces.append(arguments[name])  # what a deployment calls alike is meant to be it
            case Gap(stored=Stored() as stored):
                pieces.append(_stored(stored, arguments, values) or UNKNOWN)
            case _:
                pieces.append(UNKNOWN)
    # A bucket that a script takes from an argument is the argument's whole URI, as far as can be told.
    return _TWO_SCHEMES.sub("s3://", filled("".join(pieces), values))


def _stored(stored: Stored, arguments: Mapping[str, str], values: Mapping[str, str]) -> str | None:
    """Return what stands in a file that a script loads; None if the file is not known."""
    place, *keys = (place_of_text(text, arguments, values) for text in (stored.place, *stored.keys))
    return values.get(f"{STORED}{place}#{'#'.join(keys)}")


def relate(written: Place, read: Place) -> Relation | None:
    """Return how two places relate; None if they have nothing to do with each other, as far as is known."""
    if written.kind != read.kind:
        return None
    if written.kind == "other":
        return Relation(True, 0, int(not written.at_run_time), True) if written.text == read.text else None
    if written.kind == "table":
        return _relate_names(written, read)
    one, two = written.segments, read.segments
    if len(one) < 2 or len(two) < 2:
        # A bucket says nothing of what lies in it; two that name one and the same mean the same.
        same = one == two and (not written.at_run_time or written.says_which)
        return Relation(True, int(written.cut or read.cut), 0, True) if same else None
    bucket = _match(one[0], two[0])
    if bucket is None:
        return None
    wild = literal = 0
    for left, right in zip(one[1:], two[1:], strict=False):
        found = _match(left, right)
        if found is None:
            return None
        wild += found == "wild"
        literal += found == "equal" and _is_told(left)
    if not literal:  # unknown values of the same names: what runs after what has to speak for it, too
        return Relation(True, 0, 0, True) if one == two and UNKNOWN not in written.text else None
    return Relation(len(one) == len(two), wild, literal, bucket == "equal")


def _relate_names(written: Place, read: Place) -> Relation | None:
    if len(written.segments) != len(read.segments):
        return None
    found = [_match(left, right) for left, right in zip(written.segments, read.segments, strict=True)]
    if None in found or (found[-1] != "equal" and found[0] != "equal"):
        return None
    return Relation(True, found.count("wild"), int(found[-1] == "equal"), found[0] == "equal")


def _match(one: str, two: str) -> Literal["equal", "wild"] | None:
    if one == two:
        return "equal" if UNKNOWN not in one else "wild"  # two unknowns need not be one
    if not is_open(one) and not is_open(two):
        return None
    return "wild" if _pattern(one).fullmatch(_sample(two)) or _pattern(two).fullmatch(_sample(one)) else None


def _is_told(segment: str) -> bool:
    """Tell whether something of a segment is known before a run."""
    if not is_open(segment):
        return True
    before = PARAMETER.sub(lambda found: "" if _RUN_TIME.match(found[1]) else found[0], segment)
    return bool(before.strip("*-_. "))


def is_of_run(parameter: str) -> bool:
    """Tell whether an unknown part is different in each run: a part of its input, or its clock."""
    return _RUN_TIME.match(parameter) is not None


def is_open(segment: str) -> bool:
    """Tell whether a part of a segment is unknown."""
    return UNKNOWN in segment or PARAMETER.search(segment) is not None


@lru_cache(maxsize=4096)
def _pattern(segment: str) -> re.Pattern[str]:
    parts = re.split(r"\$\{[^}]*\}|\*", segment)
    return re.compile(".*".join(re.escape(part) for part in parts))


def _sample(segment: str) -> str:
    return re.sub(r"\$\{[^}]*\}|\*", "x", segment)


def _is_file_of_partition(segments: Sequence[str]) -> bool:
    """Tell whether a file lies in a partition of a dataset; right in a bucket it is what there is to name."""
    return len(segments) > 2 and _FILE.search(segments[-1]) is not None and _PARTITION.match(segments[-2]) is not None


def _is_end(segment: str) -> bool:
    """Tell whether a last segment says which files of a dataset are meant, and not which dataset."""
    known = PARAMETER.sub("", segment)
    names = PARAMETER.findall(segment)
    if _FILE.search(segment) and any(_RUN_TIME.match(name) and _OF_A_RUN.search(name) for name in names):
        return True  # each run writes a file of its own
    return bool(_PARTITION.match(segment) or _FILE_PATTERN.search(known) or _PART_FILE.match(segment))

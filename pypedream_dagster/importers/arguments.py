"""Which arguments of a Glue job name the data that it reads and writes, told by their names alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pypedream_dagster.aws.glue import GlueJob
from pypedream_dagster.graph.uri import S3Uri, find_uris, parse_uri

Direction = Literal["input", "output", "unknown"]

_SOURCE = "_DATA_SOURCE"
_SINK = "_DATA_SINK"
_INPUT_WORDS = {"from", "in", "input", "inputs", "read", "reads", "source", "sources", "src"}
_OUTPUT_WORDS = {
    "dest",
    "destination",
    "export",
    "out",
    "output",
    "outputs",
    "result",
    "results",
    "save",
    "sink",
    "target",
    "to",
    "write",
    "writes",
}
_PLACE_WORDS = {"bucket", "data", "dir", "directory", "folder", "location", "path", "prefix", "s3", "uri", "url"}
# Glue's own: https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-glue-arguments.html
_GLUES_OWN = {
    "--additional-python-modules",
    "--conf",
    "--extra-files",
    "--extra-jars",
    "--extra-py-files",
    "--python-modules-installer-option",
    "--scriptlocation",
    "--spark-event-logs-path",
    "--tempdir",
}


@dataclass(frozen=True, slots=True)
class DataArgument:
    """An argument that holds an S3 URI.

    Attributes:
        name: such as ``--BRONZE_DATA_SOURCE``.
        uri: what it names.
        direction: what its name says of it.
        whole: whether the URI is all that it holds: only then can a branch put another in its place.
        convention: whether its name follows Pypedream's own convention.
    """

    name: str
    uri: S3Uri
    direction: Direction
    whole: bool
    convention: bool

    @property
    def text(self) -> str:
        """The URI as production has it."""
        return str(self.uri)


def data_arguments(job: GlueJob) -> Iterator[DataArgument]:
    """Give the arguments of a job that hold S3 URIs, but for those that are Glue's own business."""
    values = {**job.default_arguments, **job.non_overridable_arguments}
    for name, value in sorted(values.items()):
        if name.lower() in _GLUES_OWN:
            continue
        for text in find_uris(str(value)):
            try:
                uri = parse_uri(text)
            except ValueError:
                continue  # a wildcard or a template: no one place
            if uri.key.strip("/"):
                convention = name.upper().endswith((_SOURCE, _SINK))
                yield DataArgument(name, uri, direction_of(name), text == str(value).strip(), convention)


def direction_of(argument: str) -> Direction:
    """Tell from an argument's name whether the job reads or writes what it names."""
    if argument.upper().endswith(_SOURCE):
        return "input"
    if argument.upper().endswith(_SINK):
        return "output"
    words = set(_words(argument))
    reads, writes = bool(words & _INPUT_WORDS), bool(words & _OUTPUT_WORDS)
    if reads == writes:
        return "unknown"
    return "input" if reads else "output"


def dataset_name(argument: DataArgument) -> str:
    """Return a name for the dataset that an argument names: from the argument, else from the URI."""
    upper = argument.name.upper()
    for ending in (_SOURCE, _SINK):
        if upper.endswith(ending):
            return argument.name[: -len(ending)].lstrip("-").lower() or _last_segment(argument.uri)
    said = [word for word in _words(argument.name) if word not in _INPUT_WORDS | _OUTPUT_WORDS | _PLACE_WORDS]
    return "_".join(said) or _last_segment(argument.uri)


def _words(argument: str) -> list[str]:
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", argument)
    return [word for word in re.split(r"[^a-z0-9]+", spaced.lower()) if word]


def _last_segment(uri: S3Uri) -> str:
    segment = uri.key.strip("/").rpartition("/")[2].partition(".")[0]
    return re.sub(r"[^a-z0-9_]+", "_", segment.lower()).strip("_") or "data"

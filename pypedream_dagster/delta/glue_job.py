"""The comparison as a Glue job: its code as files to upload, what a run is asked, and what runs there.

The code is a zip of the modules that the engine needs, pure Python all of them; pyspark, boto3 and pyarrow are
Glue's own. One run compares one dataset: the request comes as an argument, the result goes to S3 as JSON.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from pypedream_dagster.delta.model import Tolerance
from pypedream_dagster.delta.rules import CompareRules, Format

REQUEST_ARGUMENT = "--pypedream_delta_request"
SCRIPT = b"""# Pypedream compares a branch's data with main's: made by `pypedream deltas`, removed with the branch.
import sys

from pypedream_dagster.delta.glue_job import main

main(sys.argv)
"""

_PACKAGE = Path(__file__).parents[1]
_FILES = (
    "__init__.py",
    "errors.py",
    "settings.py",
    "masking/*.py",
    "graph/__init__.py",
    "graph/uri.py",
    "aws/*.py",
    "delta/**/*.py",
)
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class DeltaRequest:
    """One comparison on Glue.

    Attributes:
        base_uri: main's side, ``s3://``.
        head_uri: the branch's side.
        format: of both sides.
        rules: how to compare.
        name: of the dataset.
        node: the node that writes it.
        region: of both sides' buckets.
        result_uri: where the delta is written as JSON.
    """

    base_uri: str
    head_uri: str
    format: Format
    rules: CompareRules
    name: str
    node: str
    region: str
    result_uri: str

    def to_json(self) -> str:
        """The request as an argument of a job run."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> DeltaRequest:
        """The request that `to_json` wrote."""
        values: dict[str, Any] = json.loads(text)
        rules: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in values["rules"].items()
        }
        rules["tolerance"] = {name: Tolerance(**bounds) for name, bounds in rules["tolerance"].items()}
        return cls(**{**values, "rules": CompareRules(**rules)})


@cache
def archive() -> bytes:
    """The code as a zip; the same bytes for the same code."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as zipped:
        for path in sorted({path for pattern in _FILES for path in _PACKAGE.glob(pattern)}):
            name = f"{_PACKAGE.name}/{path.relative_to(_PACKAGE).as_posix()}"
            zipped.writestr(zipfile.ZipInfo(name, _EPOCH), path.read_bytes(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def code_sha256() -> str:
    """A digest of the code that compares."""
    return hashlib.sha256(SCRIPT + archive()).hexdigest()


def main(arguments: Sequence[str]) -> None:
    """Run in a Glue job: compare as the request says, and write the result; why there is none is a result, too."""
    from pyspark.sql import SparkSession

    from pypedream_dagster.aws.session import connect
    from pypedream_dagster.delta.compare import compare
    from pypedream_dagster.delta.json_form import to_plain_json
    from pypedream_dagster.delta.model import DatasetDelta
    from pypedream_dagster.delta.source import Side
    from pypedream_dagster.errors import DeltaError
    from pypedream_dagster.settings import Settings

    request = DeltaRequest.from_json(arguments[arguments.index(REQUEST_ARGUMENT) + 1])
    aws = connect(Settings(Path.cwd(), region=request.region, endpoint_url=os.environ.get("AWS_ENDPOINT_URL")))
    base, head = (Side(uri, request.format, aws.s3.arrow_filesystem()) for uri in (request.base_uri, request.head_uri))
    session = SparkSession.builder.getOrCreate()
    try:
        delta = compare(base, head, request.rules, engine="spark", name=request.name, node=request.node, spark=session)
    except DeltaError as error:
        empty = DatasetDelta(request.name, request.node, base.uri, head.uri, "unreadable", "not_compared")
        delta = replace(empty, error=str(error))
    aws.s3.write(request.result_uri, to_plain_json(delta))

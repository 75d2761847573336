"""The JSON form of deltas: strict (no NaN), versioned, with a published JSON Schema.

The schema lies beside this module as ``delta.schema.json`` and is generated from the model:
``python -m pypedream_dagster.delta.json_form > pypedream_dagster/delta/delta.schema.json``.
"""

from __future__ import annotations

import json
import math
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

from pypedream_dagster.delta.model import SCHEMA_VERSION, BranchDelta, DatasetDelta
from pypedream_dagster.errors import DeltaError

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_Delta = TypeVar("_Delta", DatasetDelta, BranchDelta)


def to_json(delta: DatasetDelta | BranchDelta, *, indent: int | None = 2) -> str:
    """One JSON document; every key of the model is present, and floats are finite."""
    document = _adapter(type(delta)).dump_python(delta, mode="json")
    if isinstance(delta, BranchDelta):
        document["verdict"] = delta.verdict
    text = json.dumps(_finite(document), indent=indent, ensure_ascii=False, allow_nan=False)
    # Names of local files need not be UTF-8; Python holds such bytes as surrogates, which no JSON may hold.
    return text.encode(errors="replace").decode()


def to_plain_json(delta: DatasetDelta) -> str:
    """The same as `to_json` of a dataset, on one line, where there is no pydantic: on Glue."""
    return json.dumps(_finite(asdict(delta)), ensure_ascii=False, allow_nan=False)


def dataset_from_json(text: str) -> DatasetDelta:
    """The dataset's delta that `to_json` wrote.

    Raises:
        DeltaError: it is no such document, or of another version.
    """
    return _parse(text, DatasetDelta)


def branch_from_json(text: str) -> BranchDelta:
    """The branch's delta that `to_json` wrote.

    Raises:
        DeltaError: it is no such document, or of another version.
    """
    return _parse(text, BranchDelta)


def json_schema() -> dict[str, Any]:
    """The JSON Schema of both documents; a dataset's is ``#/$defs/DatasetDelta``."""
    schema = _adapter(BranchDelta).json_schema(mode="serialization")
    schema["properties"]["verdict"] = {"$ref": "#/$defs/Verdict"}
    schema["required"] = sorted({*schema["required"], "verdict"})
    schema["$defs"]["Verdict"] = {"enum": ["unchanged", "changed", "not_compared"], "type": "string"}
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = f"Pypedream branch delta, version {SCHEMA_VERSION}"
    return schema


def _parse(text: str, kind: type[_Delta]) -> _Delta:
    from pydantic import ValidationError

    try:
        delta: _Delta = _adapter(kind).validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the document"
        raise DeltaError(
            f"not a {kind.__name__} of version {SCHEMA_VERSION}: {place}: {first['msg']}",
            hint="write it again with this version's `deltas` or `compare`",
        ) from error
    return delta


def _adapter(kind: type[DatasetDelta] | type[BranchDelta]) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


if __name__ == "__main__":
    sys.stdout.write(json.dumps(json_schema(), indent=2) + "\n")

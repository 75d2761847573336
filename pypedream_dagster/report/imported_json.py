"""The JSON form of an import's report: versioned, with a published JSON Schema.

The schema lies beside this module as ``imported.schema.json`` and is generated from the model:
``python -m pypedream_dagster.report.imported_json > pypedream_dagster/report/imported.schema.json``.
"""

from __future__ import annotations

import json
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

from pypedream_dagster.errors import PypedreamError
from pypedream_dagster.report.imported import VERSION, ImportReport

SCHEMA_PATH = Path(str(files("pypedream_dagster.report") / "imported.schema.json"))
"""Where the package keeps the schema."""


def import_to_json(report: ImportReport, *, indent: int | None = 2) -> str:
    """Return one JSON document; every key of the model is present."""
    text = json.dumps(_adapter().dump_python(report, mode="json"), indent=indent, ensure_ascii=False, allow_nan=False)
    # A name in a file may be no text; Python holds such bytes as surrogates, which no JSON may hold.
    return text.encode(errors="replace").decode()


def import_from_json(text: str) -> ImportReport:
    """Return the report that `import_to_json` wrote.

    Raises:
        PypedreamError: it is no such document, or of another version.
    """
    from pydantic import ValidationError

    try:
        report: ImportReport = _adapter().validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the document"
        raise PypedreamError(f"not an import's report of version {VERSION}: {place}: {first['msg']}") from error
    return report


def import_json_schema() -> dict[str, Any]:
    """Return the JSON Schema of the document."""
    schema: dict[str, Any] = _adapter().json_schema(mode="serialization")
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = f"Pypedream import report, version {VERSION}"
    return schema


def _adapter() -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(ImportReport)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(import_json_schema(), indent=2) + "\n")

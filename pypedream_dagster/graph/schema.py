"""The JSON Schema of graph files, for editors and other programs: generated from the models, published beside them.

Regenerate ``main.schema.json`` after a change of the models with ``python -m pypedream_dagster.graph.schema``.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from pydantic.json_schema import models_json_schema

from pypedream_dagster.graph.files import write_json
from pypedream_dagster.graph.model import Json, Link, Node

SCHEMA_FILE = "main.schema.json"


def graph_schema() -> Json:
    """Return the schema, in JSON Schema's draft 2020-12, as the models demand it now.

    It knows shapes only: what the parts mean together is for ``graph.validate``.
    """
    _, document = models_json_schema([(Node, "validation"), (Link, "validation")], ref_template="#/$defs/{model}")
    parts = {name: _tolerant(model) for name, model in document["$defs"].items()}
    parts["Dataset"] = _or_short("A URI template alone, or an object.", {"type": "string"}, parts["Dataset"])
    parts["Tolerance"] = _or_short(
        "An absolute bound alone, or an object.", {"type": "number", "minimum": 0}, parts["Tolerance"]
    )
    links = {"type": ["array", "null"], "items": {"$ref": "#/$defs/Link"}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Pypedream's main graph",
        "description": "Node-link JSON as networkx writes it. {branch-name} stands for main, or for a branch; "
        "${name} for a part that is not known.",
        "type": "object",
        "required": ["nodes"],
        "properties": {
            "directed": {"const": True},
            "multigraph": {"type": "boolean"},
            "graph": {"type": ["object", "null"]},
            "nodes": {"type": "array", "items": {"$ref": "#/$defs/Node"}},
            "links": links,
            "edges": {**links, "description": "What networkx 3.4 and later call links."},
        },
        "$defs": dict(sorted(parts.items())),
    }


def published_schema_path() -> Path:
    """Return where the package keeps the schema."""
    return Path(str(files("pypedream_dagster.graph") / SCHEMA_FILE))


def _or_short(description: str, short: Json, whole: Json) -> Json:
    return {"description": description, "anyOf": [short, whole]}


def _tolerant(model: Json) -> Json:
    """Return a model's schema as the reader takes it: what may be absent may be null."""
    required = model.get("required", [])
    properties = {
        name: _plain(field) if name in required else _or_null(_plain(field))
        for name, field in model["properties"].items()
    }
    return {**_plain(model), "properties": properties}


def _plain(part: Json) -> Json:
    """Return a part without made-up titles; of a docstring, what it says first."""
    kept = {key: value for key, value in part.items() if key != "title"}
    if "description" in kept:
        kept["description"] = kept["description"].partition("\n\n")[0].replace("``", "")
    return kept


def _or_null(field: Json) -> Json:
    null = {"type": "null"}
    return field if null in field.get("anyOf", []) else {"anyOf": [field, null]}


if __name__ == "__main__":
    write_json(published_schema_path(), graph_schema())

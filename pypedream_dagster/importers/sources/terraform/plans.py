"""What ``terraform show -json`` and state files tell: resources with all values resolved."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pypedream_dagster.importers.files import SourceFile


def resolved_resources(file: SourceFile) -> list[tuple[str, str, dict[str, Any]]] | None:
    """Return the type, address and contents of each managed resource; None if the file is no plan or state."""
    head = file.text[:2_000_000] if file.text.lstrip().startswith("{") else ""
    if '"terraform_version"' not in head and not file.path.endswith(".tfstate"):
        return None
    try:
        document = json.loads(file.text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    for part in ("planned_values", "values"):
        if isinstance(values := document.get(part), dict):
            return list(_of_module(values.get("root_module"), 0))
    resources = document.get("resources")
    if not isinstance(resources, list):
        return None
    return [found for resource in resources if isinstance(resource, dict) for found in _of_state(resource)]


def _of_module(module: Any, depth: int) -> Iterator[tuple[str, str, dict[str, Any]]]:
    if not isinstance(module, dict) or depth > 50:
        return
    for resource in _list(module.get("resources")):
        if (
            isinstance(resource, dict)
            and resource.get("mode") == "managed"
            and isinstance(resource.get("values"), dict)
        ):
            yield str(resource.get("type")), str(resource.get("address")), resource["values"]
    for child in _list(module.get("child_modules")):
        yield from _of_module(child, depth + 1)


def _of_state(resource: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    if resource.get("mode", "managed") != "managed":
        return
    address = f"{resource.get('type')}.{resource.get('name')}"
    if isinstance(module := resource.get("module"), str):
        address = f"{module}.{address}"
    for instance in _list(resource.get("instances")):
        if isinstance(instance, dict) and isinstance(instance.get("attributes"), dict):
            key = instance.get("index_key")
            yield str(resource.get("type")), address if key is None else f"{address}[{key}]", instance["attributes"]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []

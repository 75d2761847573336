"""The fields of a Glue job in a graph file: production's own, whole, but for the templates that people wrote."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pypedream_dagster.graph.model import MAIN, Json, Node, render
from pypedream_dagster.graph.uri import find_uris
from pypedream_dagster.importers.inference.nodes import GLUES_OWN

_TELLING = ("Role", "GlueVersion", "ExecutionClass", "MaxConcurrentRuns")
"""Fields other than arguments and script whose change a branch would notice."""


def refreshed(old: Json, new: Json) -> Json:
    """Return a job's fields as imported now, templates as the file has them.

    Where the sources do not define the job, what the file knew of it stays.
    """
    fields = new if "Command" in new else {**old, **new}
    return {name: _templates_kept(old.get(name), value) for name, value in fields.items()}


def changed_fields(old: Node, new: Node) -> Iterator[tuple[str, str, str]]:
    """Yield the fields whose change matters to the graph: name, as the file has it, as production has it."""
    before, after = old.metadata.properties, new.metadata.properties
    if "Command" in after:
        if "Command" in before and _on_main(old.script_template) != _on_main(new.script_template):
            yield "ScriptLocation", old.script_template or "", new.script_template or ""
        for name in _TELLING:
            if name in before and name in after and before[name] != after[name]:
                yield name, str(before[name]), str(after[name])
    mapped = {*old.metadata.output_arguments.values(), *old.metadata.input_arguments.values()}
    for kind in ("DefaultArguments", "NonOverridableArguments"):
        if "Command" not in after and kind not in after:
            continue
        here, there = _arguments(before, kind), _arguments(after, kind)
        for name in sorted({*here, *there}):
            one, other = here.get(name, ""), there.get(name, "")
            is_data = name in mapped or bool(find_uris(one) or find_uris(other))
            if is_data and name.lower() not in GLUES_OWN and _on_main(one) != _on_main(other):
                yield f"{kind} {name}", one, other


def _arguments(properties: Json, kind: str) -> dict[str, str]:
    found = properties.get(kind)
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}


def _templates_kept(old: Any, new: Any) -> Any:
    if isinstance(old, str) and isinstance(new, str):
        return old if _on_main(old) == _on_main(new) else new
    if isinstance(old, dict) and isinstance(new, dict):
        return {name: _templates_kept(old.get(name), value) for name, value in new.items()}
    return new


def _on_main(template: str | None) -> str:
    return render(template or "", MAIN)

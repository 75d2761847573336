"""Parts of a branch that an import could not tell (``${LakeBucket}``): AWS is never asked with one. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from pypedream_dagster.branch.model import BranchGraph, BranchNode
from pypedream_dagster.errors import BranchError
from pypedream_dagster.graph.uri import unknown_parts

_MOST_PLACES = 3


def unknown_places(graph: BranchGraph) -> dict[str, tuple[str, ...]]:
    """Return the unknown parts of what a branch runs, reads and writes: name → where each stands."""
    found: dict[str, dict[str, None]] = {}
    for node in graph.nodes:
        for where, text in _texts(node):
            for name in unknown_parts(text):
                found.setdefault(name, {})[f"{where} of {node.id}: {text}"] = None
    return {name: tuple(places) for name, places in found.items()}


def check_known(graph: BranchGraph, verb: str) -> None:
    """Refuse a branch of which something is not known that AWS would be asked for.

    Args:
        graph: the branch's.
        verb: what cannot be done: ``deployed``.

    Raises:
        BranchError: names each unknown part, where it stands, and what to do.
    """
    unknown = unknown_places(graph)
    if not unknown:
        return
    told = "; ".join(f"${{{name}}} ({_some(places)})" for name, places in unknown.items())
    raise BranchError(
        f"Branch {graph.branch!r} cannot be {verb}: it is not known what {told} stands for.",
        hint="answer the import's question for it with 'pypedream import-dag --merge --answers FILE', or write the "
        f"value into the graph file; then delete and create the branch, or 'pypedream rebase {graph.branch}'",
    )


def _some(places: tuple[str, ...]) -> str:
    more = len(places) - _MOST_PLACES
    return ", ".join(places[:_MOST_PLACES]) + (f", and {more} more" if more > 0 else "")


def _texts(node: BranchNode) -> Iterator[tuple[str, str]]:
    yield "Glue job", node.production_job
    yield "Glue job", node.job
    for item in node.inputs:
        yield f"input {item.dataset}", item.uri
    for output in node.outputs:
        yield f"output {output.name}", output.head_uri
        yield f"output {output.name}", output.base_uri
        yield f"table of {output.name}", output.base_table or ""
    yield "script", node.script_uri or ""
    for argument, value in node.arguments.items():
        if not any(value == item.uri for item in node.inputs) and not any(value == o.head_uri for o in node.outputs):
            yield f"argument {argument}", value

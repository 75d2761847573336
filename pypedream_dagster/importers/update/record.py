"""What a graph file says of its imports, ``graph.metadata.import``, and how it is brought up to date."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pypedream_dagster.graph.model import Json, Node, PipelineGraph
from pypedream_dagster.importers.update.facts import Fact, ImportNames, facts_of, identity, import_record, told_nodes


def were_apart(record: Json) -> Callable[[Node, Node], bool]:
    """Return what tells whether a node of the file and an imported one of the same job were two at the last import."""
    told = set(told_nodes(record.get("told") or {}).values())
    missing = set(record.get("missing") or ())

    def apart(old: Node, node: Node) -> bool:
        one, other = identity(old), identity(node)
        return one[0] == other[0] and one != other and other in told and (one in told or old.id in missing)

    return apart


def header(
    existing: PipelineGraph,
    imported: PipelineGraph,
    names: ImportNames,
    facts: Iterable[Fact],
    missing: Iterable[str],
    *,
    is_whole: bool,
) -> Json:
    """Return what the file says of the whole, with the record of its imports brought up to date.

    Args:
        existing: the file's graph.
        imported: what is imported now.
        names: what the last import called things.
        facts: what is told now, in the merged graph's names.
        missing: Glue nodes of the file that were not found; those that an import told once are remembered.
        is_whole: whether this import read all that the last ones read.
    """
    record, news = import_record(existing), import_record(imported)
    last = record.get("told") or {}
    told = {str(fact): value for fact, value in facts_of(imported).items()}
    answers = {**(record.get("answers") or {}), **(news.get("answers") or {})}
    asked = list(news.get("questions") or [])
    sources = list(news.get("sources") or [])
    requests = list(news.get("requests") or [])
    missed = record.get("missing") or []
    gone = [name for name in missing if name in missed or names.of(Fact("node", (name,))) in last]
    if not is_whole:
        gone = missed
        before = record.get("requests") or []
        requests = [*before, *(request for request in requests if request not in before)]
        renamed = set(map(names.of, facts))
        told = {**{name: value for name, value in last.items() if name not in renamed}, **told}
        old = record.get("sources") or []
        sources = [*old, *(source for source in sources if source not in old)]
        settled = {*answers, *(question.get("id") for question in asked)}
        asked = [*(one for one in record.get("questions") or [] if not settled & _keys(one)), *asked]
    whole = {
        **record,
        **news,
        "sources": sources,
        "answers": dict(sorted(answers.items())),
        "questions": sorted(asked, key=lambda question: (question.get("kind", ""), question.get("about", ""))),
        **({"requests": requests} if requests else {}),
        "missing": gone,
        "told": dict(sorted(told.items())),
    }
    if not gone:
        del whole["missing"]
    whole_inner = {**_inner(imported), **_inner(existing), "import": whole}
    return {**imported.metadata, **existing.metadata, "metadata": whole_inner}


def _keys(question: Json) -> set[str]:
    return {str(question.get("id")), f"{question.get('kind')}: {question.get('about')}"}


def _inner(graph: PipelineGraph) -> Json:
    inner = graph.metadata.get("metadata")
    return inner if isinstance(inner, dict) else {}

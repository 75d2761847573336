"""YAML with lines, CloudFormation's short tags, and templates' placeholders."""

from __future__ import annotations

import re
from typing import Any

import yaml

from pypedream_dagster.importers.sources.step_functions.lenient import Lined

_STATEMENT = re.compile(r"^\s*(?:\{%.*?%\}|\{\{[^{}]*\}\}|%\{.*?\}|<%[^=].*?%>)\s*$", re.MULTILINE)
_BARE = re.compile(r"(?P<before>:\s+|-\s+)(?P<value>(?:\{\{[^{}\n]*\}\}|@@\w+@@|%\w+%)[^\n#\"']*)$", re.MULTILINE)
_TAGS_AS_THEY_ARE = {"Ref", "Condition"}
_MOST_NODES = 300_000
_DEEPEST = 100


def read_yaml(text: str) -> Any:
    """Return a document, objects with their lines; None where it is no YAML, rendered or not."""
    for attempt in (text, _without_statements(text)):
        try:
            loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(attempt.replace("\t", "  "))
            try:
                documents = []
                while loader.check_node():
                    documents.append(_Builder(loader).built(loader.get_node(), 0))
            finally:
                loader.dispose()
            return documents[0] if len(documents) == 1 else documents
        except (yaml.YAMLError, ValueError, RecursionError, OverflowError):
            continue
    return None


def _without_statements(text: str) -> str:
    """Take out a template's statements, each leaving its line, and quote values that begin with a placeholder."""
    kept = _STATEMENT.sub(lambda found: "\n" * found[0].count("\n"), text)
    return _BARE.sub(lambda found: f'{found["before"]}"{found["value"].rstrip()}"', kept)


class _Builder:
    def __init__(self, loader: Any) -> None:
        self._loader = loader
        self._nodes = 0

    def built(self, node: Any, depth: int) -> Any:
        self._nodes += 1
        if depth > _DEEPEST or self._nodes > _MOST_NODES:
            raise ValueError("too much")
        tag = str(node.tag)
        if tag.startswith("!"):
            return self._tagged(tag[1:], node, depth)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, depth)
        if isinstance(node, yaml.SequenceNode):
            return [self.built(item, depth + 1) for item in node.value]
        if tag.endswith((":int", ":bool", ":null", ":float")):
            return self._loader.construct_object(node)
        return str(node.value)

    def _mapping(self, node: Any, depth: int) -> Lined:
        found = Lined()
        found.line = node.start_mark.line + 1
        for key, value in node.value:
            built = self.built(value, depth + 1)
            if str(key.tag).endswith(":merge"):
                for part in built if isinstance(built, list) else [built]:
                    for name, inner in part.items() if isinstance(part, dict) else ():
                        found.setdefault(name, inner)
            else:
                found[str(key.value)] = built
        return found

    def _tagged(self, tag: str, node: Any, depth: int) -> dict[str, Any]:
        inner: Any
        if isinstance(node, yaml.ScalarNode):
            inner = str(node.value)
            if tag == "GetAtt":
                inner = inner.split(".", 1)
        elif isinstance(node, yaml.SequenceNode):
            inner = [self.built(item, depth + 1) for item in node.value]
        else:
            inner = self._mapping(node, depth)
        return {tag if tag in _TAGS_AS_THEY_ARE else f"Fn::{tag}": inner}

"""A service of the Serverless Framework: its variables, the files that it includes.

``${self:custom.x}``, ``${opt:stage, 'dev'}``, ``${file(x.yml):key}`` are put in as far as the files tell; the others
become named unknown parts. https://www.serverless.com/framework/docs/guides/variables
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pypedream_dagster.importers.files import SourceFile
from pypedream_dagster.importers.parameters import parameter
from pypedream_dagster.importers.sources.cloudformation.documents import Lines, UnreadableError, read_document
from pypedream_dagster.importers.sources.cloudformation.placeholders import readable

_VARIABLE = re.compile(r"\$\{((?:self|opt|env|file|param|ssm|cf|sls|aws|s3)[:(][^${}]*)\}")
_FILE = re.compile(r"^file\(\s*([^()]+?)\s*\)(?::([\w.-]+))?$")
_QUOTED = re.compile(r"""^(?:'([^']*)'|"([^"]*)")$""")
_COMMA = re.compile(r",(?![^()]*\))")
_KIND = re.compile(r"^[a-z]+[:(]")
_ROUNDS = 20
_DEEPEST = 40
_LONGEST = 100_000
_UNKNOWN = object()


@dataclass(frozen=True, slots=True)
class Service:
    """A serverless.yml.

    Attributes:
        document: what it says.
        variables: what the user's file says.
        include: gives the content of a file that it names: data, or text.
    """

    document: Mapping[str, Any] = field(repr=False)
    variables: Mapping[str, str] = field(repr=False)
    include: Callable[[str], Any] = field(repr=False)

    def rendered(self, value: Any, depth: int = 0) -> Any:
        """Return a part of the service with its variables put in."""
        if depth > _DEEPEST:
            return value  # files that include each other
        match value:
            case str():
                found = self._text(value)
                return found if isinstance(found, str) else self.rendered(found, depth + 1)
            case list():
                return [self.rendered(item, depth + 1) for item in value]
            case dict():
                return {_as_text(self._text(key)): self.rendered(item, depth + 1) for key, item in value.items()}
        return value

    def _text(self, text: str) -> Any:
        for _ in range(_ROUNDS):
            match = _VARIABLE.search(text)
            if match is None or len(text) > _LONGEST:
                return text
            found = self._value(match[1])
            if match[0] == text and not isinstance(found, str):
                return found
            text = text[: match.start()] + _as_text(found) + text[match.end() :]
        return _VARIABLE.sub(lambda match: parameter(_bare(match[1])), text)

    def _value(self, expression: str) -> Any:
        """Return the first of an expression's sources that is known."""
        sources = [part.strip() for part in _COMMA.split(expression)]
        for source in sources:
            found = self._of_source(source, alone=len(sources) == 1)
            if found is not _UNKNOWN and found is not None and f"${{{expression}}}" not in str(found):
                return found
        return parameter(_bare(sources[0]))

    def _of_source(self, source: str, *, alone: bool) -> Any:
        if quoted := _QUOTED.match(source):
            return quoted[1] if quoted[1] is not None else quoted[2]
        if (named := self.variables.get(source, self.variables.get(_bare(source)))) is not None:
            return named
        if file := _FILE.match(source):
            content = self.include(file[1])
            return self._within(content, file[2]) if file[2] else content
        if source == "sls:stage":
            return self._within(self.document, "provider.stage") or "dev"
        if source.startswith("self:"):
            return self._within(self.document, source.removeprefix("self:"))
        return source if not alone and not _KIND.match(source) else _UNKNOWN

    def _within(self, found: Any, path: str) -> Any:
        for step in path.split("."):
            found = found.get(step) if isinstance(found, Mapping) else None
            whole = _VARIABLE.fullmatch(found) if isinstance(found, str) else None
            if whole is not None and (file := _FILE.match(whole[1])) and not file[2]:
                found = self.include(file[1])
        return found


class Includes:
    """The files that services include.

    Attributes:
        lines: of those that were, by path: what is in them is part of the service and no template by itself.
    """

    def __init__(self, files: Sequence[SourceFile]) -> None:
        self._files = {file.path: file for file in files}
        self._read: dict[str, Any] = {}
        self.lines: dict[str, Lines] = {}

    def of(self, service: SourceFile, name: str) -> Any:
        """Return the content of a file by its path from a service's folder: data, else text; None for none."""
        path = posixpath.normpath(posixpath.join(posixpath.dirname(service.path), name))
        file = self._files.get(path)
        if file is None:
            return None
        if path not in self._read:
            try:
                self._read[path], self.lines[path] = read_document(readable(file.text))
            except UnreadableError:
                self._read[path] = file.text
        return self._read[path]


def is_service(document: Mapping[str, Any]) -> bool:
    """Tell whether a document is a serverless.yml."""
    return "service" in document and "provider" in document


def _bare(expression: str) -> str:
    """Name an unknown part so that it is not taken for an expression again: ``self:custom.x`` → ``custom.x``."""
    source = expression.partition(",")[0].strip()
    return re.sub(r"^(self|opt|env|param|sls|aws):", "", source).replace(":", ".").replace("(", ".").replace(")", "")


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)

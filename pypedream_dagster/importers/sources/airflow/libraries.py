"""What calls of the standard library, of PyYAML and of Airflow's stores of variables give, as far as files tell."""

from __future__ import annotations

import json
import posixpath
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field

from pypedream_dagster.importers.sources.airflow import natives
from pypedream_dagster.importers.sources.airflow.settings import PARSERS, Settings
from pypedream_dagster.importers.sources.airflow.text_template import TextTemplate
from pypedream_dagster.importers.sources.airflow.values import (
    MISSING,
    FilePath,
    Getter,
    OpenFile,
    Partial,
    Unknown,
    Value,
    is_open,
    is_small,
    named,
)
from pypedream_dagster.importers.sources.airflow.workspace import Workspace

_JOINS = {"os.path.join", "posixpath.join"}
_SAME_PATH = {"os.path.abspath", "os.path.realpath", "os.path.normpath", "os.path.expanduser", "os.fspath"}
_GETTERS = {"operator.itemgetter", "operator.attrgetter"}


@dataclass(slots=True)
class Libraries:
    """What lies outside of the code.

    Attributes:
        workspace: the given files.
        variables: values of unknown parts that are known from elsewhere: they win over defaults.
        values: defaults that the code declares, gathered.
    """

    workspace: Workspace
    variables: Mapping[str, str]
    values: dict[str, str] = field(default_factory=dict)
    _contested: set[str] = field(default_factory=set)

    def outside(self, name: str, default: Value = MISSING, *, parsed: bool = False) -> Value:
        """Return a value of the environment's or of Airflow's: as given, else unknown with its default."""
        given = self.variables.get(name)
        if given is not None:
            return self._parsed(given, name) if parsed else given
        self.declare(name, default)
        return Unknown(name, default)

    def declare(self, name: str, default: Value) -> None:
        """Note the defaults of an unknown value and its parts; one that differs from place to place is none."""
        if isinstance(default, str | int | float):
            text = natives.text_of(default)
            if self.values.get(name, text) != text:
                self._contested.add(name)
                del self.values[name]
            elif name not in self._contested:
                self.values[name] = text
        elif isinstance(default, dict) and is_small(default):
            for key, value in default.items():
                self.declare(f"{name}.{key}", value)

    def _parsed(self, text: str, name: str) -> Value:
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return Unknown(name)

    def call(self, name: str, given: list[Value], keywords: dict[str, Value], path: str) -> Value:
        """Return what a library's function gives; MISSING if it is not known here."""
        first = given[0] if given else None
        parts = name.split(".")
        if name in {"os.getenv", "os.environ.get"}:
            key = first if first is not None else keywords.get("key")
            default = given[1] if len(given) > 1 else keywords.get("default", MISSING)
            return self.outside(f"env.{named(key)}", MISSING if default is None else default)
        if parts[-2:] in (["Variable", "get"], ["Variable", "setdefault"]):
            return self._variable(first if first is not None else keywords.get("key"), given, keywords)
        if parts[-1] == "get_connection":
            return Unknown(f"conn.{named(first if first is not None else keywords.get('conn_id'))}")
        if name == "functools.partial" and given:
            return Partial(first, tuple(given[1:]), keywords)
        if name in {"copy.copy", "copy.deepcopy"} and given:
            return copied(first)
        if name in {"collections.OrderedDict", "collections.defaultdict"}:
            return natives.function("dict", given[:1] if name.endswith("OrderedDict") else given[1:2], keywords)
        if name.endswith(("NamedTuple", "namedtuple")):
            return MISSING
        if name in {"textwrap.dedent", "inspect.cleandoc", "typing.cast"} and given:
            return given[-1]
        if name == "json.dumps" and given:
            return dumped(first)
        is_text = parts[0] in {"yaml", "ruamel", "toml", "tomli", "tomllib"} and "load" in parts[-1]
        if name in {"json.loads", "json.load"} or is_text:
            return self._loaded(name, first)
        if name in PARSERS:
            return Settings()
        if name in {"io.open", "codecs.open"}:
            return self._opened(first if first is not None else keywords.get("file"), path)
        if parts[0] == "os" or parts[0] == "posixpath":
            return self._os(name, given, path)
        if parts[0] == "glob" and parts[-1] in {"glob", "iglob"}:
            return self.workspace.listed(natives.text_of(first), path)
        if parts[0] == "pathlib" and parts[-1] in {"Path", "PurePath", "PosixPath"}:
            return FilePath(natives.joined_path(*map(natives.text_of, given)) if given else ".")
        if name == "string.Template" and given:
            return TextTemplate(natives.text_of(first))
        if name in _GETTERS and given:
            return Getter(tuple(given), of_attributes=name == "operator.attrgetter")
        return MISSING

    def _variable(self, key: Value, given: list[Value], keywords: dict[str, Value]) -> Value:
        default: Value = MISSING
        for name in ("default_var", "default"):
            default = keywords.get(name, default)
        default = given[1] if len(given) > 1 else default
        parsed = given[2] if len(given) > 2 else keywords.get("deserialize_json")
        return self.outside(f"var.{named(key)}", MISSING if default is None else default, parsed=parsed is True)

    def _loaded(self, name: str, given: Value) -> Value:
        text = given.text if isinstance(given, OpenFile) else given
        if isinstance(given, Unknown) and isinstance(given.default, str):
            inner = self._loaded(name, given.default)
            return Unknown(given.name, MISSING if isinstance(inner, Unknown) else inner)
        if not isinstance(text, str):
            return Unknown(f"{named(given)}.content")
        if isinstance(given, str) and is_open(text) and text.startswith("${") and text.endswith("}"):
            return Unknown(text[2:-1])
        try:
            if name.startswith("json"):
                return json.loads(text)
            if name.startswith("toml"):
                return tomllib.loads(text)
            return _safe_yaml(text, every=name.endswith("_all"))
        except (ValueError, RecursionError):
            return Unknown(f"{given.path if isinstance(given, OpenFile) else 'text'}.content")

    def _opened(self, given: Value, path: str) -> Value:
        wanted = natives.text_of(given)
        found = self.workspace.config(wanted, path)
        return OpenFile(found.path, found.text) if found is not None else Unknown(f"file.{named(wanted)}")

    def _os(self, name: str, given: list[Value], path: str) -> Value:
        texts = [natives.text_of(value) for value in given]
        if not texts:
            return "." if name == "os.getcwd" else MISSING
        if name in _JOINS:
            return natives.joined_path(*texts)
        if name in _SAME_PATH:
            return texts[0]
        if name in {"os.path.dirname", "os.path.basename"}:
            return getattr(posixpath, name.rpartition(".")[2])(texts[0])
        if name in {"os.path.split", "os.path.splitext"}:
            return getattr(posixpath, name.rpartition(".")[2])(texts[0])
        if name in {"os.path.exists", "os.path.isfile"}:
            return True if self.workspace.config(texts[0], path) is not None else MISSING
        if name in {"os.listdir", "os.scandir"}:
            return [posixpath.basename(p) for p in self.workspace.listed(f"{texts[0]}/*", path) if "/" in p]
        return MISSING

    def path_attribute(self, owner: FilePath, name: str) -> Value:
        """Return an attribute of a ``pathlib.Path``; MISSING if it is not known here."""
        text = owner.text
        match name:
            case "parent":
                return FilePath(posixpath.dirname(text) or ".")
            case "parents":
                found: list[FilePath] = []
                while text and text not in {"/", "."} and len(found) < 20:
                    text = posixpath.dirname(text)
                    found.append(FilePath(text or "."))
                return found
            case "name":
                return posixpath.basename(text)
            case "stem":
                return posixpath.splitext(posixpath.basename(text))[0]
            case "suffix":
                return posixpath.splitext(text)[1]
            case _:
                return MISSING

    def path_method(self, owner: FilePath, name: str, given: list[Value], path: str) -> Value:
        """Return what a method of a ``pathlib.Path`` gives; MISSING if it is not known here."""
        match name:
            case "resolve" | "absolute" | "expanduser" | "as_posix" | "__str__":
                return owner.text if name in {"as_posix", "__str__"} else owner
            case "joinpath":
                return FilePath(natives.joined_path(owner.text, *map(natives.text_of, given)))
            case "open":
                return self._opened(owner.text, path)
            case "read_text" | "read_bytes":
                found = self._opened(owner.text, path)
                return found.text if isinstance(found, OpenFile) else found
            case "glob" | "rglob" | "iterdir":
                pattern = natives.text_of(given[0]) if given else "*"
                return [FilePath(p) for p in self.workspace.listed(f"{owner.text}/{pattern}", path)]
            case "exists" | "is_file":
                return True if self.workspace.config(owner.text, path) is not None else MISSING
            case _:
                return MISSING

    def file_method(self, owner: OpenFile, name: str) -> Value:
        """Return what a method of an opened file gives; MISSING if it is not known here."""
        if name == "read":
            return owner.text
        return owner.text.splitlines(keepends=True) if name in {"readlines", "__iter__"} else MISSING


def _safe_yaml(text: str, *, every: bool) -> Value:
    import yaml

    try:
        found = list(yaml.safe_load_all(text)) if every else yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError from error
    return found if is_small(found) else Unknown("content")


def copied(value: Value, depth: int = 20) -> Value:
    """Return a copy of containers; what is not one stays the same."""
    if not depth or not is_small(value):
        return value
    if isinstance(value, dict):
        return {key: copied(item, depth - 1) for key, item in value.items()}
    if isinstance(value, list):
        return [copied(item, depth - 1) for item in value]
    return value


def dumped(value: Value) -> Value:
    """Return ``json.dumps(value)``, unknown values as ``${name}``."""
    if not is_small(value):
        return Unknown("json")
    try:
        return json.dumps(value, default=natives.text_of, skipkeys=True)
    except (TypeError, ValueError, RecursionError):
        return Unknown("json")

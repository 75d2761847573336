"""Which text is a job's script: told by the source, by where the job says that it lies, or by the file's name."""

from __future__ import annotations

import posixpath
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pypedream_dagster.importers.files import SourceFile
from pypedream_dagster.importers.inference.likeness import is_likely, likely_scripts
from pypedream_dagster.importers.inference.naming import words_of
from pypedream_dagster.importers.inference.nodes import Step
from pypedream_dagster.importers.parameters import PARAMETER, filled
from pypedream_dagster.script.documents import FILE
from pypedream_dagster.script.model import Reading
from pypedream_dagster.script.reading import read_script

ENDINGS = (".py", ".scala", ".ipynb")
_BESIDE = (".py", ".json", ".yaml", ".yml", ".sql", ".ddl", ".hql")
"""What a script may import, or read as it runs: modules, settings, statements."""
_FOREIGN = sys.stdlib_module_names | {
    "awsglue",
    "awswrangler",
    "boto3",
    "botocore",
    "delta",
    "numpy",
    "pandas",
    "pyarrow",
    "pyspark",
    "requests",
}
_BUILT = re.compile(r"(^|/)(cdk\.out|\.aws-sam|\.serverless|build|dist)/")
_TELLS_NOTHING = {"arn", "aws", "input", "local", "module", "name", "names", "run", "start", "task", "var"}


@dataclass(frozen=True, slots=True)
class Script:
    """A job's script.

    Attributes:
        path: where it was found, for a reader.
        reading: what is in it.
        guessed: whether only words of its name tell that it is the job's.
    """

    path: str
    reading: Reading = field(repr=False)
    guessed: bool = False


class Scripts:
    """The scripts of an import, each read once.

    Args:
        files: among which they are.
        fetched: those that are known by their S3 URIs.
        values: of parameters.
        said: what a person answered for a job that is defined nowhere: a script's path, perhaps.
    """

    def __init__(
        self,
        files: Sequence[SourceFile],
        fetched: Mapping[str, bytes],
        values: Mapping[str, str],
        said: Callable[[str], str | None] = lambda _: None,
    ) -> None:
        self._values = values
        self._said = said
        self._likely = [file.path for file in files if is_likely(file)]
        self._bodies = {file.path: file.body for file in files if file.path.lower().endswith(ENDINGS)}
        self._fetched = {_plain(uri): body for uri, body in fetched.items()}
        self._by_name: defaultdict[str, list[str]] = defaultdict(list)
        for path in sorted(self._bodies):
            self._by_name[posixpath.basename(path).lower()].append(path)
        self._beside = {file.path: file.body for file in files if file.path.lower().endswith(_BESIDE)}
        self._beside_by_name: defaultdict[str, list[str]] = defaultdict(list)
        for path in sorted(self._beside):
            self._beside_by_name[posixpath.basename(path)].append(path)
        self._read: dict[str, Reading] = {}
        self._sources = {body: path for path, body in sorted(self._bodies.items()) if not _BUILT.search(path)}

    def of_all(self, steps: Iterable[Step]) -> dict[str, Script | None]:
        """Return the scripts of nodes' jobs, by node; None if there is none to be found."""
        jobs = [step for step in steps if step.is_job]
        found = {step.id: self.of(step) for step in jobs}
        taken = {script.path for script in found.values() if script is not None}
        called = {step.id: posixpath.basename(self.location(step)) or step.name for step in jobs if not found[step.id]}
        likely = likely_scripts(sorted(set(called.values())), [path for path in self._likely if path not in taken])
        for step in jobs:
            if step.id in called and (path := likely.get(called[step.id])) is not None:
                language = step.effective.get("--job-language", "python")
                found[step.id] = replace(self._script(path, self._bodies[path], language), guessed=True)
        return found

    def of(self, step: Step) -> Script | None:
        """Return the script of a node's job, where a name or a location tells it; None if there is none."""
        language = step.effective.get("--job-language", "python")
        location = self.location(step)
        if location and (body := self._fetched.get(_plain(location))) is not None:
            return self._script(location, body, language)
        path = self._told(step) or (self._named(location) if location else None)
        path = path or self._answered(step) or self._alike(step)
        if path is None:
            return None
        if _BUILT.search(path):  # what people edit is the file that the build copied
            path = self._sources.get(self._bodies[path], path)
        return self._script(path, self._bodies[path], language)

    def location(self, step: Step) -> str:
        """Return where a job says that its script lies; empty if it does not."""
        command = step.job.properties.get("Command") if step.job else None
        location = command.get("ScriptLocation") if isinstance(command, Mapping) else None
        return filled(location, self._values) if isinstance(location, str) else ""

    def _told(self, step: Step) -> str | None:
        told = step.job.script if step.job else None
        if told is None or told in self._bodies:
            return told
        return told if _plain(told) in self._fetched else self._named(told)

    def _answered(self, step: Step) -> str | None:
        said = self._said(step.name) if step.job is None else None
        return (said if said in self._bodies else self._named(said)) if said else None

    def _named(self, location: str) -> str | None:
        """Return the file of that name; of several, the one whose folders are most like the location's."""
        name = posixpath.basename(location.replace("\\", "/")).lower()
        known = PARAMETER.sub("", name)
        if not known.endswith(ENDINGS) or known.startswith("."):
            return None
        if known != name:  # part of its name is unknown: what is known of it tells one file, or none
            pattern = re.compile(".*".join(re.escape(part) for part in PARAMETER.split(name)[::2]))
            found = [path for other, paths in self._by_name.items() if pattern.fullmatch(other) for path in paths]
            return found[0] if len(found) == 1 else None
        candidates = self._by_name.get(name, [])
        if len(candidates) < 2:
            return candidates[0] if candidates else None
        scored = sorted(((_common_end(path, location), path) for path in candidates), reverse=True)
        if scored[0][0] == scored[1][0] and len({self._bodies[path] for _, path in scored[:2]}) > 1:
            return None  # two that are as likely: none is told
        return scored[0][1]

    def _alike(self, step: Step) -> str | None:
        """Return the one file whose name is the job's, but for words such as ``dev`` and ``job``."""
        if self.location(step):
            return None
        wanted = words_of(step.name)
        if not wanted:
            return self._called_like(step)
        named = [(words_of(posixpath.basename(path).rpartition(".")[0]), path) for path in self._bodies]
        found = [path for words, path in named if words == wanted]
        if not found:  # a job may have its team's or product's name before: acme-sales-clean-orders, clean_orders.py
            within = [(len(words), path) for words, path in named if len(words) > 1 and _holds(wanted, words)]
            longest = max(within, default=(0, ""))[0]
            found = [path for length, path in within if length == longest]
        return found[0] if len(found) == 1 else None

    def _called_like(self, step: Step) -> str | None:
        """Return the one file that is called as the unknown part that is a job's name, or else as its task is."""
        unknown = "_".join(PARAMETER.findall(step.name))
        for called in (_bare(unknown), _bare(step.task.rpartition("/")[2])):
            found = [path for path in self._bodies if _bare(posixpath.basename(path).rpartition(".")[0]) == called]
            if called and len(found) == 1:
                return found[0]
        return None

    def _script(self, path: str, body: bytes, language: str) -> Script:
        language = "scala" if path.lower().endswith(".scala") else language
        if path not in self._read:
            self._read[path] = _reading(body, language, self.modules_of(path))
        return Script(path, self._read[path])

    def modules_of(self, path: str) -> Callable[[str], bytes | None]:
        """Return what gives the code of modules, and the settings and statements, that come with a file."""

        def code(name: str) -> bytes | None:
            if name.startswith(FILE):
                plain = posixpath.normpath(name.removeprefix(FILE)).replace("../", "").lstrip("/")
                return self._nearest(path, (plain,)) or self._nearest(path, (posixpath.basename(plain),))
            if name.partition(".")[0] in _FOREIGN:
                return None
            inner = name.replace(".", "/")
            return self._nearest(path, (f"{inner}.py", f"{inner}/__init__.py"))

        return code

    def _nearest(self, path: str, names: Sequence[str]) -> bytes | None:
        """Return the file of one of several names in the folder of another, or in one above, else the only one."""
        folder = posixpath.dirname(path)
        while True:
            for name in names:
                if (body := self._beside.get(posixpath.join(folder, name))) is not None:
                    return body
            if not folder:
                break
            folder = posixpath.dirname(folder)
        found = [
            other
            for other in self._beside_by_name[posixpath.basename(names[0])]
            if f"/{other}".endswith(f"/{names[0]}")
        ]
        return self._beside[found[0]] if len(found) == 1 else None


_readings: dict[tuple[bytes, str], list[tuple[dict[str, bytes | None], Reading]]] = {}
_MOST_READINGS = 4096


def _reading(body: bytes, language: str, modules: Callable[[str], bytes | None]) -> Reading:
    """Read a script once, however often an import looks at it: most of an import's time goes here."""
    known = _readings.setdefault((body, language), [])
    for asked, reading in known:
        if all(modules(name) == code for name, code in asked.items()):
            return reading
    used: dict[str, bytes | None] = {}

    def noted(name: str) -> bytes | None:
        used[name] = modules(name)
        return used[name]

    reading = read_script(body, language=language, sources=noted)
    if len(_readings) > _MOST_READINGS:
        _readings.clear()
    _readings.setdefault((body, language), []).append((used, reading))
    return reading


def _holds(words: tuple[str, ...], part: tuple[str, ...]) -> bool:
    return any(words[start : start + len(part)] == part for start in range(len(words) - len(part) + 1))


def _plain(uri: str) -> str:
    return re.sub(r"^s3[an]?://", "s3://", uri)


def _common_end(path: str, location: str) -> int:
    one, two = path.lower().split("/")[::-1], location.lower().split("/")[::-1]
    number = 0
    for left, right in zip(one, two, strict=False):
        if left != right:
            break
        number += 1
    return number


def _bare(name: str) -> str:
    """Return what is left of a name without its signs, and without words that say only what it is the name of."""
    return "".join(word for word in words_of(name) if word not in _TELLS_NOTHING)

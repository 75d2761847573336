"""Glue jobs that Lambda functions start: part of the state machine that calls the function, or a flow of their own."""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pypedream_dagster.importers.files import SourceFile
from pypedream_dagster.importers.parameters import PARAMETER, filled, parameter
from pypedream_dagster.importers.survey import Flow, FunctionDefinition, Problem, Survey, Task, Where
from pypedream_dagster.script.model import Start
from pypedream_dagster.script.pieces import Argument, Gap, Text
from pypedream_dagster.script.reading import read_script

_STARTS = re.compile(r"\bstart_job_run\s*\(")
_HANDLER = re.compile(r"^(?:async\s+)?def\s+\w+\s*\(\s*\w+[^,()]*,\s*\w+[^,()]*\)", re.MULTILINE)
_NOT_A_FUNCTION = re.compile(r"^\s*(?:from|import)\s+(?:airflow|awsglue|aws_cdk)\b", re.MULTILINE)
_VARIABLE = re.compile(
    r"(?:\bos\.)?(?:\benviron\s*\[\s*|\benviron\.get\(\s*|\bgetenv\(\s*)(['\"])(?P<name>\w+)\1\s*"
    r"(?:,[^()\[\]]*)?[\])]"
)
_SIGNS = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class _Code:
    """A function's code that starts jobs."""

    at: Where
    starts: tuple[Start, ...]
    environment: Mapping[str, str]
    called: str


def with_started_jobs(survey: Survey, files: Sequence[SourceFile]) -> Survey:
    """Return a survey in which the jobs that functions start are tasks, of the machine that calls the function.

    What a function starts that no machine calls is a flow of its own, as far as the names of jobs are told.
    """
    found = {file.path: file for file in files if _is_function(file)}
    inline = [one for one in survey.functions if _STARTS.search(one.inline)]
    if not found and not inline:
        return survey
    codes = _Codes(survey, found)
    flows = tuple(_with_jobs(flow, codes, survey.values) for flow in survey.flows)
    alone = [_alone(code, survey.values) for code in codes.uncalled()]
    return replace(
        survey,
        flows=(*flows, *(flow for flow, _ in alone if flow.tasks)),
        problems=(*survey.problems, *(problem for _, problems in alone for problem in problems)),
    )


def _is_function(file: SourceFile) -> bool:
    text = file.text
    return (
        file.path.endswith(".py")
        and _STARTS.search(text) is not None
        and _HANDLER.search(text) is not None
        and _NOT_A_FUNCTION.search(text) is None
    )


class _Codes:
    """The code of functions, by what a task calls them."""

    def __init__(self, survey: Survey, files: Mapping[str, SourceFile]) -> None:
        self._files = files
        self._values = survey.values
        self._functions: dict[str, FunctionDefinition] = {}
        self._called: set[str] = set()
        self._read: dict[str, _Code] = {}
        for one in survey.functions:
            named = replace(one, name=filled(one.name, survey.values))
            for name in (one.name, named.name, *one.aliases):
                self._functions.setdefault(_plain(name), named)

    def of(self, resource: str) -> _Code | None:
        """Return the code of the function that a task calls, where it starts jobs."""
        name = _plain(filled(resource, self._values))
        function = self._functions.get(_plain(resource)) or self._functions.get(name)
        if function is not None and _STARTS.search(function.inline):
            self._called.add(f"{function.at}")
            return _read(function.inline, function.at, function)
        path = self._path(function) if function is not None else self._like(name)
        if path is None:
            return None
        self._called.add(path)
        return self._code(path, function)

    def uncalled(self) -> Iterator[_Code]:
        """Give what no task calls."""
        of_path = {path: one for one in self._functions.values() if (path := self._path(one)) is not None}
        for path in sorted(self._files):
            if path not in self._called:
                yield self._code(path, of_path.get(path))
        for one in dict.fromkeys(map(id, self._functions.values())):
            function = next(other for other in self._functions.values() if id(other) == one)
            if _STARTS.search(function.inline) and f"{function.at}" not in self._called:
                yield _read(function.inline, function.at, function)

    def _code(self, path: str, function: FunctionDefinition | None) -> _Code:
        if path not in self._read:
            self._read[path] = _read(self._files[path].text, Where(path), function)
        return self._read[path]

    def _path(self, function: FunctionDefinition) -> str | None:
        """Return the file of a function: in the folder of its code, else the only one that its handler can mean."""
        module = function.handler.rpartition(".")[0].replace(".", "/")
        if function.code in self._files:
            return function.code
        near = posixpath.normpath(posixpath.join(function.code, f"{module}.py")) if module else ""
        if near in self._files:
            return near
        below = [path for path in self._files if function.code and path.startswith(f"{function.code}/")]
        if len(below) == 1:
            return below[0]
        alike = [path for path in self._files if module and f"/{path}".endswith(f"/{module}.py")]
        return alike[0] if len(alike) == 1 and not _is_common(module) else self._like(_plain(function.name))

    def _like(self, name: str) -> str | None:
        """Return the only file that is called like a function, or lies in a folder that is."""
        found = [
            path
            for path in self._files
            if name and name in {_plain(part) for part in path.removesuffix(".py").split("/")[-3:]}
        ]
        return found[0] if len(found) == 1 else None


def _read(text: str, at: Where, function: FunctionDefinition | None) -> _Code:
    environment = function.environment if function is not None else {}
    known = _VARIABLE.sub(
        lambda match: repr(environment[match["name"]]) if match["name"] in environment else match[0], text
    )
    reading = read_script(known.encode())
    called = function.name if function is not None else _called(at.source)
    return _Code(at, reading.starts, environment, called)


def _called(path: str) -> str:
    stem = posixpath.basename(path).removesuffix(".py")
    folder = posixpath.basename(posixpath.dirname(path))
    return folder if _is_common(stem) and folder else stem


def _is_common(stem: str) -> bool:
    return _plain(stem) in {"lambdafunction", "index", "handler", "main", "app", "lambdahandler", "lambda", "function"}


def _with_jobs(flow: Flow, codes: _Codes, values: Mapping[str, str]) -> Flow:
    """Return a flow with the jobs that its functions start; what waits for a function waits for its jobs."""
    started: defaultdict[str, list[Task]] = defaultdict(list)
    for task in flow.tasks:
        code = codes.of(task.resource or task.key) if task.operation == "lambda" else None
        for number, made in enumerate(_tasks(code, values) if code is not None else ()):
            key = f"{task.key}/{made.key}" if not number else f"{task.key}/{made.key}#{number + 1}"
            started[task.key].append(replace(made, key=key))
    if not started:
        return flow
    tasks = tuple(one for task in flow.tasks for one in (task, *started[task.key]))
    order = set(flow.order)
    for before, jobs in started.items():
        later = [after for first, after in flow.order if first == before]
        order |= {(before, job.key) for job in jobs} | {(job.key, after) for job in jobs for after in later}
    return replace(flow, tasks=tasks, order=frozenset(order))


def _alone(code: _Code, values: Mapping[str, str]) -> tuple[Flow, list[Problem]]:
    tasks, problems = [], []
    for number, task in enumerate(_tasks(code, values)):
        if PARAMETER.search(filled(task.job or "", values)):
            problems.append(Problem(task.at, "starts a Glue job whose name only a run tells"))
        else:
            tasks.append(replace(task, key=f"{task.key}#{number}"))
    return Flow(code.called, "lambda", code.at, tuple(tasks)), problems


def _tasks(code: _Code, values: Mapping[str, str]) -> Iterator[Task]:
    seen: set[str] = set()
    for start in code.starts:
        job = _text(start.job, code, "job")
        arguments = {name: _text(text, code, name.lstrip("-")) for name, text in start.arguments.items()}
        if PARAMETER.search(filled(job, values)):  # of a job that only a run tells, only a run tells these too
            arguments = {name: value for name, value in arguments.items() if not PARAMETER.fullmatch(value)}
        told = f"{job} {sorted(arguments.items())}"
        if told in seen:
            continue
        seen.add(told)
        at = replace(code.at, line=start.at.line) if code.at.line is None else code.at
        yield Task(filled(job, values), "glue", at, job=job, arguments=arguments)


def _text(text: Text, code: _Code, what: str) -> str:
    """Return a text as surveys hold it; what the function does not say is called as what it is for."""
    return "".join(_piece(piece, code, what) for piece in text.pieces)


def _piece(piece: str | Argument | Gap, code: _Code, what: str) -> str:
    if isinstance(piece, str):
        return piece
    return code.environment.get(piece.name) or parameter(f"{code.called}.{piece.name or what}")


def _plain(name: str) -> str:
    """Return a name without signs, and without what templates put around it."""
    bare = re.sub(r"^\$\{(?:aws_lambda_function\.|module\.|var\.|local\.)?|(?:\.(?:arn|Arn|invoke_arn))?\}$", "", name)
    return _SIGNS.sub("", re.sub(r"(?i)(?<=.)(?:_?arn|lambdafunction)$", "", bare).lower())

"""CDK programs among the given files → templates, by walking their code; nothing of it is run."""

from __future__ import annotations

import json
import posixpath
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pypedream_dagster.importers.files import SourceFile
from pypedream_dagster.importers.parameters import PARAMETER
from pypedream_dagster.importers.sources.airflow.expressions import GivenUpError
from pypedream_dagster.importers.sources.airflow.libraries import Libraries
from pypedream_dagster.importers.sources.airflow.modules import Gathered
from pypedream_dagster.importers.sources.airflow.values import ClassValue, Frame, Function, Symbol
from pypedream_dagster.importers.sources.airflow.workspace import Workspace
from pypedream_dagster.importers.sources.cdk.constructs import Construct
from pypedream_dagster.importers.sources.cdk.program import TYPESCRIPT, Made, Program
from pypedream_dagster.importers.sources.cdk.resources import resource
from pypedream_dagster.importers.sources.cloudformation.templates import Template
from pypedream_dagster.importers.survey import Problem, Where

_USES = re.compile(
    r"^\s*(?:from|import)\s+aws_cdk\b|['\"](?:aws-cdk-lib|@aws-cdk/[\w-]+)(?:/[\w-]+)?['\"]", re.MULTILINE
)
_OURS = re.compile(r"glue|step_?functions", re.IGNORECASE)
_STATE = re.compile(r'"([^"\\]+)"\s*:\s*\{\s*"(?:Type|Comment)"')
_TESTS = re.compile(r"(^|/)tests?/|\.(test|spec)\.[jt]s$|(^|/)test_[^/]*\.py$|\.d\.ts$|(^|/)cdk\.out/")
_SYNTHESIZED = re.compile(r'"aws:cdk:path"|"CDKMetadata"|/cdk-bootstrap/')
_OUTERMOST = ("Stage", "Stack", "NestedStack", "Construct")


def is_program(file: SourceFile) -> bool:
    """Tell by its content whether a file is a part of a CDK program."""
    ours = file.path.lower().endswith((".py", *TYPESCRIPT)) and not _TESTS.search(file.path)
    return ours and _USES.search(file.text) is not None


@dataclass(frozen=True, slots=True)
class Programs:
    """What CDK programs tell.

    Attributes:
        templates: that they make.
        values: defaults that their code declares.
    """

    templates: tuple[Template, ...] = ()
    problems: tuple[Problem, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)


def programs_of(files: Sequence[SourceFile], variables: Mapping[str, str]) -> Programs:
    """Return the templates that CDK programs make; none where the files hold what ``cdk synth`` made of them.

    Args:
        files: all files of the import.
        variables: values of unknown parts, by name: they win over defaults that the code declares.
    """
    programs = [file for file in files if is_program(file)]
    if any(map(_is_synthesized, files)):
        return Programs()
    if not any(_OURS.search(file.text) for file in programs):
        return Programs(problems=() if programs else tuple(_in_other_languages(files)))
    gathered = Gathered(Libraries(Workspace(files), variables))
    made = Made(context={**_context(files), **variables})
    walked = [(file, Program(gathered, made)) for file in programs]
    for file, program in walked:
        _attempt(gathered, file, lambda program=program, path=file.path: program.loaded(path))  # type: ignore[misc]
    for file, program in walked:
        for of in _never_made(gathered, file.path):
            program.frame, program.line = Frame(of.module, of.module.names), 0
            program.steps = 0
            _attempt(gathered, file, lambda program=program, of=of: program.stands_alone(of))  # type: ignore[misc]
    made.constructs, untold = _told(made.constructs)
    problems = (*(problem for problem in gathered.problems if _is_of(problem, programs)), *untold)
    return Programs(tuple(_templates(made, files)), problems, gathered.libraries.values)


def _is_synthesized(file: SourceFile) -> bool:
    return file.path.endswith(".json") and '"Resources"' in file.text and _SYNTHESIZED.search(file.text) is not None


def _in_other_languages(files: Sequence[SourceFile]) -> Iterator[Problem]:
    for file in files:
        if file.name == "cdk.json" and '"app"' in file.text:
            what = "is of a CDK program in a language that is not read: run 'cdk synth', and import cdk.out too"
            yield Problem(Where(file.path), what)


def _is_of(problem: Problem, programs: Sequence[SourceFile]) -> bool:
    return any(problem.at.source == file.path for file in programs)


def _context(files: Sequence[SourceFile]) -> dict[str, object]:
    """Return the context that ``cdk.json`` gives."""
    found: dict[str, object] = {}
    for file in files:
        if file.name == "cdk.json":
            try:
                context = json.loads(file.text).get("context")
            except (ValueError, AttributeError, RecursionError):
                continue
            found |= context if isinstance(context, dict) else {}
    return found


def _attempt(gathered: Gathered, file: SourceFile, step: Callable[[], object]) -> None:
    """Take a step of the reading; one that goes wrong is a problem and ends only itself."""
    try:
        step()
    except (GivenUpError, RecursionError):
        gathered.problems.append(Problem(Where(file.path), "takes too many steps: read in part"))
    except Exception as error:  # a fault of ours in one file must not hide all others
        what = f"cannot be read: a fault of the importer's own ({type(error).__name__})"
        gathered.problems.append(Problem(Where(file.path), what))


def _never_made(gathered: Gathered, path: str) -> Iterator[ClassValue]:
    """Give a file's classes of constructs that nothing made one of, those first that hold others."""
    module = gathered.modules.get(path)
    found = [value for value in module.names.values() if isinstance(value, ClassValue)] if module else []
    own = [value for value in found if value.module is module and isinstance(value.root, Symbol)]
    for kind in _OUTERMOST:
        for value in own:
            constructor = value.members.get("__init__")
            if (
                value.root is not None
                and value.root.last == kind
                and isinstance(constructor, Function)
                and constructor.node not in gathered.entered
            ):
                yield value


def _told(constructs: Sequence[Construct]) -> tuple[list[Construct], tuple[Problem, ...]]:
    """Return the constructs without jobs of which the code tells neither name nor script; these are problems."""
    told: list[Construct] = []
    untold: dict[str, Problem] = {}
    what = "makes jobs of values that its code does not tell: run 'cdk synth', and import cdk.out too"
    for construct in constructs:
        properties = resource(construct)["Properties"] if construct.type == "AWS::Glue::Job" else {}
        command = properties.get("Command")
        script = posixpath.basename(str(command.get("ScriptLocation") or "")) if isinstance(command, dict) else "-"
        if PARAMETER.search(str(properties.get("Name"))) and PARAMETER.sub("", script) in {"", ".py"}:
            untold.setdefault(construct.at.source, Problem(construct.at, what))
        else:
            told.append(construct)
    return told, tuple(untold.values())


def _templates(made: Made, files: Sequence[SourceFile]) -> Iterator[Template]:
    machines = {file.path: _states(file.text) for file in files if '"StartAt"' in file.text}
    by_file: defaultdict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    places: dict[str, Where] = {}
    for construct in made.constructs:
        made_of = by_file[construct.at.source][construct.id] = resource(construct)
        part = f"{construct.kind} {construct.id}"
        read_in = _read_in(made_of, machines) if construct.type.endswith("StateMachine") else None
        places[construct.id] = Where(read_in, None, part) if read_in else replace(construct.at, part=part)
    for path, resources in by_file.items():
        yield Template(path, {}, {}, {}, resources, {}, places)


def _read_in(machine: Mapping[str, Any], machines: Mapping[str, frozenset[str]]) -> str | None:
    """Return the file that holds a state machine's definition, where the program read it and put values in."""
    told = machine["Properties"].get("DefinitionString")
    states = _states(told if isinstance(told, str) else json.dumps(told))
    found = [path for path, others in machines.items() if states and others == states]
    return found[0] if len(found) == 1 else None


def _states(text: str) -> frozenset[str]:
    return frozenset(_STATE.findall(text))

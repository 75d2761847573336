"""Airflow's DAG files → a survey of what their DAGs run, by walking their code; nothing of it is executed."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import PurePosixPath

from pypedream_dagster.importers.files import SourceFile
from pypedream_dagster.importers.sources.airflow.declared import declared_dags
from pypedream_dagster.importers.sources.airflow.expressions import GivenUpError
from pypedream_dagster.importers.sources.airflow.flows import Flows
from pypedream_dagster.importers.sources.airflow.libraries import Libraries
from pypedream_dagster.importers.sources.airflow.modules import Gathered
from pypedream_dagster.importers.sources.airflow.reader import Reader
from pypedream_dagster.importers.sources.airflow.values import ClassValue, Decorated, Frame, Function, Module, Value
from pypedream_dagster.importers.sources.airflow.workspace import Workspace
from pypedream_dagster.importers.survey import Problem, Survey, Where

FAULT = "a fault of the importer's own"
_AIRFLOW = re.compile(r"^\s*(from|import)\s+airflow\b", re.MULTILINE)
_TESTS = re.compile(r"^\s*(from|import)\s+(pytest|unittest)\b", re.MULTILINE)
_BUILDS = re.compile(r"DAG\b|@dag\b|Operator\(|\bdag\b", re.IGNORECASE)
_IMPORTS = re.compile(r"^[ \t]*(?:from|import)[ \t].*", re.MULTILINE)
_OPERATOR_CALL = re.compile(r"(Operator|Sensor|DAG|TaskGroup)$")


def survey(files: Sequence[SourceFile], variables: Mapping[str, str]) -> Survey:
    """Return what DAG files tell. Other files serve as modules and configuration that these import and open.

    Args:
        files: all files of the import.
        variables: values of unknown parts, by name: they win over the defaults that the code declares.
    """
    libraries = Libraries(Workspace(files), variables)
    gathered = Gathered(libraries)
    roots = dag_files(files)
    readers: list[tuple[SourceFile, Reader]] = []
    for file in roots:
        reader = Reader(gathered)
        readers.append((file, reader))
        _walk(reader, file, gathered)
    for file, reader in readers:
        _walk_the_rest(reader, file, gathered)
    for file in files:
        _attempt(gathered, Where(file.path), "what it declares", partial(_add_declared, gathered, file))
    flows = Flows(libraries)
    for dag in gathered.dags:
        if not dag.nested:
            _attempt(gathered, dag.at, f"the DAG {dag.dag_id}", partial(flows.add, dag))
    return flows.survey + Survey(problems=tuple(gathered.problems))


def _add_declared(gathered: Gathered, file: SourceFile) -> None:
    built = {dag.dag_id for dag in gathered.dags}  # code of the files' own may build what a file declares
    gathered.dags += [dag for dag in declared_dags(file) if dag.dag_id not in built]


def dag_files(files: Sequence[SourceFile]) -> list[SourceFile]:
    """Return the files that may define DAGs, also by calling what another of them defines.

    Of files that do not import Airflow themselves, Airflow loads those alone that hold both words.
    """
    code = [file for file in files if file.path.endswith(".py")]
    builders = {PurePosixPath(file.path).stem for file in code if is_dag_file(file)} - {"__init__"}
    return [file for file in code if is_dag_file(file) or _calls(file, builders)]


def _calls(file: SourceFile, builders: set[str]) -> bool:
    text = file.text.lower()
    if "airflow" not in text or "dag" not in text or _TESTS.search(file.text):
        return False
    return any(builders.intersection(re.findall(r"\w+", line)) for line in _IMPORTS.findall(file.text))


def is_dag_file(file: SourceFile) -> bool:
    """Tell by its content whether a file may define DAGs; tests, which build some to look at, do not."""
    text = file.text
    return bool(_AIRFLOW.search(text) and _BUILDS.search(text)) and not _TESTS.search(text)


def _attempt(gathered: Gathered, at: Where, what: str, step: Callable[[], object]) -> None:
    """Take a step of the reading; one that goes wrong is a problem and ends only itself."""
    try:
        step()
    except (GivenUpError, RecursionError):
        gathered.problems.append(Problem(at, f"{what} takes too many steps: read in part"))
    except Exception as error:  # a fault of ours in one file must not hide all others
        gathered.problems.append(Problem(at, f"{what} cannot be read: {FAULT} ({type(error).__name__})"))


def _walk(reader: Reader, file: SourceFile, gathered: Gathered) -> None:
    _attempt(gathered, Where(file.path), "the file", lambda: reader.loaded(file.path))
    _run_callables(reader, file, gathered)


def _run_callables(reader: Reader, file: SourceFile, gathered: Gathered) -> None:
    _attempt(gathered, Where(file.path), "what its tasks run", reader.run_callables)
    reader.made.clear()


def _walk_the_rest(reader: Reader, file: SourceFile, gathered: Gathered) -> None:
    """Enter functions that nothing called but that build DAGs or tasks: with unknown parameters."""
    module = gathered.modules.get(file.path)
    if module is None or module.tree is None:
        return
    for name, value, function in list(_functions(module)):
        if function.node in gathered.entered or not _builds(function.node):
            continue
        reader.frame, reader.line = Frame(module, module.names), 0
        reader.steps = 0
        known = {id(operator) for dag in gathered.dags for operator in dag.operators}
        _attempt(gathered, Where(file.path), name, partial(reader.call, value, [], {}))
        _run_callables(reader, file, gathered)
        _keep_what_is_named(gathered, known)


def _functions(module: Module) -> Iterator[tuple[str, Value, Function]]:
    for name, value in module.names.items():
        if isinstance(value, Decorated) and value.kind == "dag" and isinstance(value.function, Function):
            yield name, value, value.function
        elif isinstance(value, Function) and value.frame.module is module:
            yield name, value, value
        elif isinstance(value, ClassValue) and value.module is module:
            yield from ((f"{name}.{n}", m, m) for n, m in value.members.items() if isinstance(m, Function))


def _builds(node: ast.AST) -> bool:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call):
            called = inner.func
            name = (
                called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
            )
            if _OPERATOR_CALL.search(name):
                return True
        elif isinstance(inner, ast.FunctionDef) and any("dag" in ast.unparse(d) for d in inner.decorator_list):
            return True
    return node.__class__ is ast.FunctionDef and any(
        re.match(r"(\w+\.)*dag\b", ast.unparse(d)) for d in getattr(node, "decorator_list", ())
    )


def _keep_what_is_named(gathered: Gathered, known: Collection[int]) -> None:
    """Drop new tasks of no DAG whose very job depends on a parameter: nothing among the files calls the function."""
    for dag in gathered.dags:
        if dag.implied:
            dag.operators = [
                o for o in dag.operators if id(o) in known or "${" not in str(o.arguments.get("job_name", "${"))
            ]

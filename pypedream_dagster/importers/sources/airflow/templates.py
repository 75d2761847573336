"""Jinja templates in what tasks are given: rendered where the code tells, else named unknown parts."""

from __future__ import annotations

import ast
import re

from pypedream_dagster.importers.parameters import filled, parameter
from pypedream_dagster.importers.sources.airflow.libraries import Libraries
from pypedream_dagster.importers.sources.airflow.natives import text_of
from pypedream_dagster.importers.sources.airflow.pipeline import Operator
from pypedream_dagster.importers.sources.airflow.values import Unknown, Value

_TEMPLATE = re.compile(r"\{\{-?(.*?)-?\}\}|\{#.*?#\}", re.DOTALL)
_DEFAULT = re.compile(r"^default\((.+?)(?:,\s*(?:True|true))?\)$", re.DOTALL)
_QUOTED = re.compile(r"""\[\s*['"]([^'"]*)['"]\s*\]""")
_GET = re.compile(r"""\.get\(\s*['"]([^'"]*)['"]\s*(?:,\s*(.*?))?\s*\)""")
_PULL = re.compile(r"^(?:ti|task_instance|context\.ti)\.xcom_pull\((.*)\)(.*)$", re.DOTALL)
_DATED = re.compile(r"""^([\w.]+)\.strftime\(\s*['"](.*)['"]\s*\)$""", re.DOTALL)
_CODES = re.compile(r"%[a-zA-Z](?:[-_:. ]?%[a-zA-Z])*")
_JOINED = re.compile(r"""\s*[~+]\s*(?=(?:[^'"]|'[^']*'|"[^"]*")*$)""")
_PATH = re.compile(r"^[\w.\-]+$")


def rendered(value: Value, operator: Operator, libraries: Libraries) -> str:
    """Return a value as the task is given it, as text."""
    text = text_of(value)
    if "{%" in text:
        text = re.sub(r"\{%-?\s*raw.*?%\}(.*?)\{%-?\s*endraw.*?%\}", r"\1", text, flags=re.DOTALL)
        if "{%" in text:
            return parameter(f"{operator.dag.dag_id}.{operator.task_id}.template")
    text = _TEMPLATE.sub(lambda found: _expression(found[1] or "", operator, libraries), text)
    return filled(text, libraries.variables)


def _expression(code: str, operator: Operator, libraries: Libraries) -> str:
    body, *filters = _split_filters(code.strip())
    default = next((found[1].strip() for f in filters if (found := _DEFAULT.match(f.strip()))), None)
    telling = [f.strip() for f in filters if not _DEFAULT.match(f.strip()) and not f.strip().startswith("tojson")]
    parts = _JOINED.split(body.strip()) if len(body) < 500 else [body]
    text = "".join(_known(part, default, operator, libraries) for part in parts)
    if not telling or (default is not None and text == _constant(default)):
        return text
    return parameter(".".join([text.removeprefix("${").removesuffix("}"), *telling]))


def _split_filters(code: str) -> list[str]:
    return re.split(r"(?<!\|)\|(?!\|)", code) if "'" not in code or "|" in code else [code]


def _known(body: str, default: str | None, operator: Operator, libraries: Libraries) -> str:
    dag = operator.dag
    if (quoted := _constant(body)) is not None:
        return quoted
    if (pulled := _PULL.match(body)) is not None:
        return _pulled(pulled[1], pulled[2], operator)
    if (got := _GET.search(body)) is not None and got[2]:
        default = got[2]
    path = _QUOTED.sub(r".\1", _GET.sub(r".\1", body))
    if path in {"dag.dag_id", "task.task_id", "ti.task_id", "task_instance.task_id", "ti.dag_id"}:
        return dag.dag_id if path.endswith("dag_id") else operator.task_id
    first, _, rest = path.partition(".")
    macros = dag.arguments.get("user_defined_macros")
    if isinstance(macros, dict) and isinstance(macros.get(path), str | int):
        return text_of(macros[path])
    if first == "params" and rest:
        return _param(rest, operator, libraries)
    if path.startswith(("var.value.", "var.json.")):
        name = f"var.{path.split('.', 2)[2]}"
    elif first == "dag_run" or first in {"ti", "task_instance", "task", "dag", "inlets", "outlets"}:
        name = f"{dag.dag_id}.{path.removeprefix('dag_run.')}"
    else:
        name = path
    if (dated := _DATED.match(body)) is not None:
        return _CODES.sub(lambda found: parameter(f"{dated[1]}.{found[0].replace('%', '')}"), dated[2])
    if not _PATH.match(name):
        name = re.sub(r"[^\w.\-]+", "_", name).strip("_")
    if default is not None and (declared := _constant(default)) is not None:
        libraries.declare(name, declared)
    return parameter(name[:120])


def _constant(code: str) -> str | None:
    try:
        found = ast.literal_eval(code.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return None
    return str(found) if isinstance(found, str | int | float) else None


def _param(path: str, operator: Operator, libraries: Libraries) -> str:
    """Return a parameter of a DAG or a task: known where the task says it, a default where the DAG does."""
    keys = path.split(".")
    own, declared = operator.arguments.get("params"), operator.dag.arguments.get("params")
    for level, params in ((operator, own), (operator.dag, declared)):
        value: Value = params
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        if value is None:
            continue
        if level is operator and own is not declared and isinstance(value, str | int | float):
            return rendered(value, operator, libraries) if "params" not in text_of(value) else text_of(value)
        name = f"{operator.dag.dag_id}.params.{path}"
        libraries.declare(name, value)
        return parameter(name)
    return parameter(f"{operator.dag.dag_id}.params.{path}")


def _pulled(code: str, rest: str, operator: Operator) -> str:
    task = re.search(r"task_ids?\s*=\s*\[?\s*['\"]([^'\"]+)", code) or re.match(r"\s*\[?\s*['\"]([^'\"]+)", code)
    key = re.search(r"key\s*=\s*['\"]([^'\"]+)", code)
    parts = [task[1] if task else "xcom", key[1] if key else "return_value"]
    source = operator.dag.find(parts[0])
    tail = _QUOTED.sub(r".\1", rest).strip(" .")
    if source is not None and not key:
        value = source.result
        for part in filter(None, tail.split(".")):
            value = value.get(part) if isinstance(value, dict) else None
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            return text_of(value)
    return str(Unknown(".".join([operator.dag.dag_id, *parts, *([tail] if tail else [])])))

"""Surveys for tests, written in a few words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import dedent
from typing import Any

from pypedream_dagster.importers.answers import Answers
from pypedream_dagster.importers.files import SourceFile
from pypedream_dagster.importers.finding import Imported
from pypedream_dagster.importers.inference.build import Given, import_graph
from pypedream_dagster.importers.inference.nodes import Selection
from pypedream_dagster.importers.survey import Flow, JobDefinition, Survey, Task, Where

HERE = Where("pipeline.json")


def job(name: str, arguments: Mapping[str, str] | None = None, **fields: Any) -> JobDefinition:
    """Return a job with default arguments, given without dashes, whose script lies at ``s3://code/main/NAME.py``."""
    locked = {f"--{key}": value for key, value in fields.pop("locked", {}).items()}
    properties = {
        "Name": name,
        "Role": "arn:aws:iam::1:role/jobs",
        "Command": {"Name": "glueetl", "ScriptLocation": f"s3://code/main/{name}.py"},
        "DefaultArguments": {f"--{key}": value for key, value in (arguments or {}).items()},
        "SomethingNew": {"kept": True},
        **({"NonOverridableArguments": locked} if locked else {}),
        **fields,
    }
    return JobDefinition(name, properties, Where(f"glue:job/{name}"))


def flow(*tasks: Task, order: Sequence[tuple[str, str]] = (), name: str = "nightly") -> Flow:
    """Return a flow of tasks."""
    return Flow(name, "step-functions", Where(f"{name}.asl.json"), tuple(tasks), frozenset(order))


def run(key: str, name: str, /, **arguments: str) -> Task:
    """Return a task that runs a Glue job."""
    return Task(key, "glue", HERE, job=name, arguments={f"--{k}": v for k, v in arguments.items()})


def script(name: str, code: str) -> SourceFile:
    """Return a job's script."""
    body = dedent(code).encode()
    return SourceFile(f"scripts/{name}.py", body.decode(), body)


def imported(
    *parts: JobDefinition | Flow | SourceFile,
    answers: Answers | None = None,
    variables: Mapping[str, str] | None = None,
    survey: Survey | None = None,
) -> Imported:
    """Import jobs, flows and scripts; jobs that no flow runs are nodes too."""
    told = Survey(
        jobs=tuple(part for part in parts if isinstance(part, JobDefinition)),
        flows=tuple(part for part in parts if isinstance(part, Flow)),
    )
    return import_graph(
        Given(
            told + (survey or Survey()),
            Selection(all_jobs=True),
            answers or Answers(),
            tuple(part for part in parts if isinstance(part, SourceFile)),
            variables or {},
        )
    )


def links(found: Imported) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return the datasets of each link."""
    return {(link.source, link.target): link.data for link in found.graph.links}


def asked(found: Imported) -> list[str]:
    """Return what is asked, as ``kind: about``."""
    return [f"{question.kind}: {question.about}" for question in found.questions]

"""What a DAG file tells, in short forms for tests."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

from pypedream_dagster.importers.files import SourceFile
from pypedream_dagster.importers.sources.airflow.source import FAULT, survey
from pypedream_dagster.importers.survey import Flow, Survey, Task

HEAD = """
from airflow import DAG
from airflow.models import Variable
from airflow.models.baseoperator import chain, chain_linear, cross_downstream
from airflow.decorators import dag, task, task_group
from airflow.operators.empty import EmptyOperator
from airflow.operators.python import PythonOperator, BranchPythonOperator
from airflow.operators.bash import BashOperator
from airflow.providers.amazon.aws.operators.glue import GlueJobOperator
from airflow.providers.amazon.aws.operators.glue_crawler import GlueCrawlerOperator
from airflow.utils.task_group import TaskGroup
import boto3, json, os, yaml
def glue(name, **more):
    return GlueJobOperator(task_id=name, job_name=f"job-{name}", **more)
"""


def told(code: str, *, variables: Mapping[str, str] | None = None, head: str = HEAD, **others: str) -> Survey:
    """Return the survey of a DAG file ``dags/etl.py``; ``others``: files beside it, ``__`` for a dot."""
    texts = {"dags/etl.py": head + textwrap.dedent(code)}
    texts |= {f"dags/{name.replace('__', '.')}": textwrap.dedent(text) for name, text in others.items()}
    files = [SourceFile(path, text, text.encode()) for path, text in texts.items()]
    found = survey(files, variables or {})
    assert not [problem for problem in found.problems if FAULT in problem.what]
    return found


def flow(code: str, **others: str) -> Flow:
    """Return the one flow of a DAG file."""
    (found,) = told(code, **others).flows
    return found


def within(code: str, **others: str) -> Flow:
    """Return the flow of code within ``with DAG``."""
    return flow("with DAG('etl') as dag:\n" + textwrap.indent(textwrap.dedent(code), "    "), **others)


def order(found: Flow) -> set[str]:
    """Return a flow's order as ``a>b``."""
    return {f"{before}>{after}" for before, after in found.order}


def by_key(found: Flow) -> dict[str, Task]:
    """Return a flow's tasks by their keys."""
    return {task.key: task for task in found.tasks}

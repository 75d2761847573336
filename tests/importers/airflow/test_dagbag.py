"""DAGs as Airflow itself loads them; where it is installed, reading the code must tell the same."""

from __future__ import annotations

import importlib.util
import textwrap
from pathlib import Path

import pytest

from pypedream_dagster.errors import PypedreamError
from pypedream_dagster.importers.files import read_files
from pypedream_dagster.importers.sources.airflow.dagbag import dagbag_survey
from pypedream_dagster.importers.sources.airflow.source import survey
from pypedream_dagster.importers.survey import Flow

_AIRFLOW = importlib.util.find_spec("airflow") is not None
_CODE = """
    from datetime import datetime
    from airflow import DAG
    from airflow.models.baseoperator import chain
    from airflow.operators.empty import EmptyOperator
    from airflow.operators.python import PythonOperator
    from airflow.utils.task_group import TaskGroup
    from airflow.providers.amazon.aws.operators.glue import GlueJobOperator

    def run():
        import boto3
        boto3.client("glue").start_job_run(JobName="by-code")

    class Load(GlueJobOperator):
        def __init__(self, table, **kwargs):
            super().__init__(job_name=f"load-{table}", script_args={"--table": table, "--day": "{{ ds }}"}, **kwargs)

    with DAG("etl", start_date=datetime(2024, 1, 1), schedule=None, params={"size": "5"}) as dag:
        start = EmptyOperator(task_id="start")
        with TaskGroup("loads") as loads:
            for table in ("a", "b"):
                Load(table=table, task_id=table)
        join = EmptyOperator(task_id="join", trigger_rule="one_success")
        last = GlueJobOperator(task_id="last", job_name="last", script_args={"--size": "{{ params.size }}"})
        rows = [{"--x": "1"}, {"--x": "2"}]
        mapped = GlueJobOperator.partial(task_id="mapped", job_name="m").expand(script_args=rows)
        chain(start, loads, join, last, PythonOperator(task_id="end", python_callable=run))
        last >> mapped
"""


@pytest.mark.skipif(_AIRFLOW, reason="Airflow is installed here")
def test_without_airflow_it_says_how_to_go_on(tmp_path: Path) -> None:
    with pytest.raises(PypedreamError, match="Airflow is not installed here"):
        dagbag_survey(tmp_path, tmp_path)


@pytest.mark.skipif(not _AIRFLOW, reason="Airflow is not installed: pip install apache-airflow-providers-amazon")
@pytest.mark.filterwarnings("ignore")
def test_airflow_and_reading_tell_the_same(tmp_path: Path) -> None:
    (tmp_path / "etl.py").write_text(textwrap.dedent(_CODE))
    (tmp_path / "broken.py").write_text("from airflow import DAG\nraise ValueError('no')\n")
    loaded = dagbag_survey(tmp_path, tmp_path)
    files, _ = read_files([tmp_path / "etl.py"], tmp_path)
    read = survey(files, {})
    (one,), (other,) = loaded.flows, read.flows
    assert _plain(one) == _plain(other)
    assert {str(task.at).partition(":")[0] for task in one.tasks} == {one.at.source} == {"etl.py"}
    assert {task.job for task in one.tasks} == {"load-a", "load-b", "last", "m", "by-code"}
    assert loaded.values == read.values == {"etl.params.size": "5"}
    assert [problem.what for problem in loaded.problems] == ["ValueError: no"]


def _plain(flow: Flow) -> object:
    tasks = sorted((t.key, t.operation, t.job, tuple(sorted(t.arguments.items())), t.trigger) for t in flow.tasks)
    return flow.name, tasks, sorted(flow.order)

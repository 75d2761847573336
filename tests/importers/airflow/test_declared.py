"""DAGs that YAML files declare."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from pypedream_dagster.importers.files import SourceFile
from pypedream_dagster.importers.sources.airflow.source import FAULT, survey
from tests.importers.airflow.told import order, told

_DAGS = """
default:
  default_args: {owner: me, aws_conn_id: aws}
nightly:
  schedule: "@daily"
  task_groups:
    marts: {dependencies: [check]}
  tasks:
    load:
      operator: airflow.providers.amazon.aws.operators.glue.GlueJobOperator
      job_name: load
      script_args: {"--target": "s3://lake/x/{{ ds }}/"}
    check:
      operator: airflow.operators.empty.EmptyOperator
      dependencies: [load]
    sales:
      operator: airflow.providers.amazon.aws.operators.glue.GlueJobOperator
      job_name: sales
      task_group_name: marts
    stock:
      operator: airflow.providers.amazon.aws.operators.glue.GlueJobOperator
      partial: {job_name: stock}
      expand: {script_args: [{"--a": 1}, {"--a": 2}]}
      task_group_name: marts
    publish:
      operator: airflow.providers.amazon.aws.operators.lambda_function.LambdaInvokeFunctionOperator
      function_name: publish
      dependencies: [marts]
listed:
  tasks:
    - {task_id: a, operator: GlueJobOperator, job_name: a}
    - {task_id: b, operator: GlueJobOperator, job_name: b, dependencies: [a, elsewhere]}
"""


def _file(text: str, path: str = "dags/etl.yml") -> SourceFile:
    return SourceFile(path, text, text.encode())


def test_declared_tasks_and_their_dependencies() -> None:
    nightly, listed = survey([_file(_DAGS)], {}).flows
    assert [(task.key, task.job or task.resource, dict(task.arguments)) for task in nightly.tasks] == [
        ("load", "load", {"--target": "s3://lake/x/${ds}/"}),
        ("sales", "sales", {}),
        ("stock[0]", "stock", {"--a": "1"}),
        ("stock[1]", "stock", {"--a": "2"}),
        ("publish", "publish", {}),
    ]
    assert order(nightly) == {
        *("load>sales", "load>stock[0]", "load>stock[1]"),
        *("sales>publish", "stock[0]>publish", "stock[1]>publish"),
    }
    assert order(listed) == {"a>b"}


def test_other_files_declare_none() -> None:
    for text in (
        "tasks:\n  - operator: plus",
        "a: {b",
        "- operator: GlueJobOperator",
        "a:\n  operator: GlueJobOperator",
    ):
        assert survey([_file(text)], {}).flows == ()
    assert survey([_file(_DAGS, "etl.txt")], {}).flows == ()


def test_what_code_builds_of_a_declaration_is_not_read_twice() -> None:
    code = """
        for name, given in yaml.safe_load(open("etl.yml")).items():
            with DAG(name):
                for task_id, task in given["tasks"].items():
                    GlueJobOperator(task_id=task_id, job_name=task["job"])
    """
    declared = (
        "nightly:\n  tasks:\n    a: {operator: GlueJobOperator, job: load}\n    b:\n      operator: GlueJobOperator"
    )
    found = told(code, etl__yml=declared + "\n      job: sales")
    assert [[task.job for task in flow.tasks] for flow in found.flows] == [["load", "sales"]]


_ANY = st.recursive(
    st.none() | st.integers() | st.sampled_from(["a", "operator", "GlueJobOperator"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["tasks", "a", "operator", "dependencies", "task_groups", "expand", "default_args"]), inner
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["tasks", "task_groups", "default_args"]), _ANY))
@example({"tasks": 3})
def test_any_content_is_read(content: dict[str, object]) -> None:
    text = f"x:\n  operator: GlueJobOperator\ny: {content!r}".replace("None", "null")
    found = survey([_file(text)], {})
    assert not [problem for problem in found.problems if FAULT in problem.what]

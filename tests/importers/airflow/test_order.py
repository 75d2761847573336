"""All the ways to order tasks, each with what Airflow makes of it."""

from __future__ import annotations

import textwrap

import pytest

from tests.importers.airflow.told import by_key, flow, order, told, within

_THREE = "a, b, c, d = [glue(n) for n in 'abcd']\n"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("a >> b >> c", {"a>b", "b>c"}),
        ("c << b << a", {"a>b", "b>c"}),
        ("a >> [b, c] >> d", {"a>b", "a>c", "b>d", "c>d"}),
        ("[a, b] >> c", {"a>c", "b>c"}),
        ("[a, b] << c", {"c>a", "c>b"}),
        ("(a, b) >> c", {"a>c", "b>c"}),
        ("chain(a, [b, c], d)", {"a>b", "a>c", "b>d", "c>d"}),
        ("chain([a, b], [c, d])", {"a>c", "b>d"}),
        ("chain_linear([a, b], [c, d])", {"a>c", "a>d", "b>c", "b>d"}),
        ("chain(*[a, b, c])", {"a>b", "b>c"}),
        ("cross_downstream([a, b], [c, d])", {"a>c", "a>d", "b>c", "b>d"}),
        ("a.set_downstream(b)\nb.set_downstream([c, d])", {"a>b", "b>c", "b>d"}),
        ("b.set_upstream(a)\nd.set_upstream([b, c])", {"a>b", "b>d", "c>d"}),
        ("a >> EmptyOperator(task_id='x') >> [b, c]", {"a>b", "a>c"}),
        ("a >> BranchPythonOperator(task_id='x', python_callable=print) >> [b, c]", {"a>b", "a>c"}),
        ("a >> b.as_teardown(setups=c)", {"a>b", "c>b"}),
        ("from airflow.utils.edgemodifier import Label\na >> Label('then') >> b", {"a>b"}),
        ("prev = None\nfor t in [a, b, c]:\n    if prev:\n        prev >> t\n    prev = t", {"a>b", "b>c"}),
        ("ts = [a, b, c]\nfor i in range(len(ts) - 1):\n    ts[i] >> ts[i + 1]", {"a>b", "b>c"}),
        ("for x, y in zip([a, b], [c, d]):\n    x >> y", {"a>c", "b>d"}),
        ("from elsewhere import make\na >> make('x') >> b", {"a>b"}),
        ("dag.get_task('a') >> dag.task_dict['b']", {"a>b"}),
        ("x = a if Variable.get('y') else b\nx >> c", {"a>c", "b>c"}),
        ("a >> b if True else b >> a", {"a>b"}),
    ],
)
def test_orders(code: str, expected: set[str]) -> None:
    assert order(within(_THREE + code)) == expected


def test_groups_are_ordered_by_their_first_and_last_tasks() -> None:
    found = within("""
        start = glue("start")
        with TaskGroup("outer") as outer:
            first = glue("first")
            with TaskGroup("inner", prefix_group_id=False) as inner:
                glue("x") >> glue("y")
            first >> inner
        with TaskGroup("plain", prefix_group_id=False) as plain:
            glue("z")
        start >> outer >> plain
    """)
    assert [task.key for task in found.tasks] == ["start", "outer.first", "x", "y", "z"]
    assert order(found) == {"start>outer.first", "outer.first>x", "x>y", "y>z"}


def test_decorated_groups_and_tasks_depend_by_what_they_are_given() -> None:
    found = flow("""
        @task
        def read(x): ...
        @task_group(group_id="g")
        def both(x):
            return read.override(task_id="again")(x) >> glue("load")
        @dag()
        def etl():
            both(read(1))
            read(2)
        etl()
    """)
    assert [task.key for task in found.tasks] == ["read", "g.again", "g.load", "read__1"]
    assert order(found) == {"read>g.again", "g.again>g.load"}


def test_a_result_within_arguments_orders() -> None:
    found = within("""
        @task
        def path(): return {"in": "s3://b/x/"}
        p = path()
        glue("a", script_args={"--in": p["in"], "--out": [p]})
        glue("b", script_args={"--x": by_id["a"].output} if False else {"--x": dag.get_task("a").output})
    """)
    assert order(found) == {"path>a", "a>b"}
    assert by_key(found)["a"].arguments["--in"] == "s3://b/x/"
    assert by_key(found)["b"].arguments == {"--x": "${etl.a.return_value}"}


def test_tasks_of_a_table_are_found_again() -> None:
    found = within("""
        tasks, needs = {}, {"b": ["a"], "c": ["a", "b"]}
        for name in ("a", "b", "c"):
            tasks[name] = glue(name)
        for name, before in needs.items():
            for one in before:
                tasks[one] >> tasks[name]
    """)
    assert order(found) == {"a>b", "a>c", "b>c"}


@pytest.mark.parametrize(
    ("rule", "trigger"),
    [
        ("'one_success'", "ANY"),
        ("TriggerRule.ONE_DONE", "ANY"),
        ("'all_done'", "ALL"),
        ("TriggerRule.ALL_SUCCESS", "ALL"),
    ],
)
def test_trigger_rules(rule: str, trigger: str) -> None:
    found = within(f"""
        from airflow.utils.trigger_rule import TriggerRule
        [glue("a"), glue("b")] >> glue("c", trigger_rule={rule})
        [glue("d"), glue("e")] >> EmptyOperator(task_id="join", trigger_rule={rule}) >> glue("f")
    """)
    assert {task.key: task.trigger for task in found.tasks} == {
        "a": "ALL", "b": "ALL", "c": trigger, "d": "ALL", "e": "ALL", "f": trigger
    }  # fmt: skip


def test_a_dag_within_a_dag_stands_in_its_tasks_place() -> None:
    found = flow("""
        from airflow.operators.subdag_operator import SubDagOperator
        def sub(parent, child):
            dag = DAG(f"{parent}.{child}")
            glue("x", dag=dag) >> glue("y", dag=dag)
            return dag
        dag = DAG("etl")
        s = SubDagOperator(task_id="s", subdag=sub("etl", "s"), dag=dag)
        glue("a", dag=dag) >> s >> glue("b", dag=dag)
    """)
    assert {task.key for task in found.tasks} == {"a", "b", "s.x", "s.y"}
    assert order(found) >= {"a>s.x", "s.x>s.y", "s.y>b"}


def test_a_mapped_group_is_one_for_each_item() -> None:
    found = within("""
        @task_group(group_id="g")
        def both(project, size="1"):
            first = glue("first", script_args={"--p": project, "--s": size})
            first >> glue("second")
        start, end = glue("start"), glue("end")
        start >> both.partial(size="2").expand(project=["x", "y"]) >> end
        both.expand(project=Variable.get("projects"))
    """)
    assert order(found) == {
        "start>g.first[0]",
        "start>g.first[1]",
        "g.first[0]>g.second[0]",
        "g.first[1]>g.second[1]",
        "g.second[0]>end",
        "g.second[1]>end",
        "g__1.first>g__1.second",
    }
    tasks = by_key(found)
    assert tasks["g.first[1]"].arguments == {"--p": "y", "--s": "2"}
    assert tasks["g__1.first"].arguments == {"--p": "${etl.both.project}", "--s": "1"}


_TWO = """
    from airflow.sensors.external_task import ExternalTaskSensor
    from airflow.operators.trigger_dagrun import TriggerDagRunOperator
    from airflow.datasets import Dataset
    from airflow.sdk import Asset
    lake, raw = Dataset("s3://lake/x/"), Asset("raw")
    with DAG("one"):
        glue("a") >> glue("b", outlets=[lake]) >> EmptyOperator(task_id="end")
        glue("c", outlets=raw)
"""


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("with DAG('two'):\n ExternalTaskSensor(task_id='w', external_dag_id='one') >> glue('x')", {("one", "", "x")}),
        (
            "with DAG('two'):\n ExternalTaskSensor(task_id='w', external_dag_id='one', external_task_id='a')"
            " >> glue('x')",
            {("one", "a", "x")},
        ),
        (
            "with DAG('two'):\n ExternalTaskSensor(task_id='w', external_dag_id='one', external_task_ids=['a', 'b'])"
            " >> EmptyOperator(task_id='e') >> [glue('x'), glue('y')]",
            {("one", "a", "x"), ("one", "b", "x"), ("one", "a", "y"), ("one", "b", "y")},
        ),
        (
            "with DAG('two'):\n TriggerDagRunOperator(task_id='t', trigger_dag_id='one', wait_for_completion=True)"
            " >> glue('x')",
            {("one", "", "x")},
        ),
        ("with DAG('two'):\n TriggerDagRunOperator(task_id='t', trigger_dag_id='one') >> glue('x')", set()),
        ("with DAG('two', schedule=[lake]):\n glue('x')", {("one", "b", "")}),
        ("with DAG('two', schedule=(lake & raw)):\n glue('x')", {("one", "b", ""), ("one", "c", "")}),
        ("with DAG('two', schedule='@daily'):\n glue('x')", set()),
    ],
)
def test_dags_follow_each_other(code: str, expected: set[tuple[str, str, str]]) -> None:
    found = told(textwrap.dedent(_TWO) + code)
    assert {flow.name: set(flow.follows) for flow in found.flows} == {"one": set(), "two": expected}


@pytest.mark.parametrize(
    "ordered",
    [
        "ts = sorted(table, key=lambda row: row['at'])",
        "ts = sorted(table, key=operator.itemgetter('at'))",
        "table.sort(key=lambda row: row['at'])\nts = table",
        "ts = [min(table, key=lambda row: row['at']), *sorted(table, key=itemgetter('at'))[1:]]",
        "ts = sorted(table, key=lambda row: -row['at'], reverse=True)",
        "ts = list(itertools.islice(itertools.chain(sorted(table, key=itemgetter('at')), table), 3))",
    ],
)
def test_a_table_that_is_sorted_by_a_key_gives_its_order(ordered: str) -> None:
    rows = "table = [{'job': n, 'at': i} for n, i in [('b', 2), ('c', 3), ('a', 1)]]\n"
    head = "import itertools, operator\nfrom operator import itemgetter\n"
    found = within(f"{head}{rows}{ordered}\nchain(*[glue(row['job']) for row in ts])")
    assert order(found) == {"a>b", "b>c"}


@pytest.mark.parametrize(
    "code",
    [
        "from functools import reduce\nreduce(lambda x, y: x >> y, [a, b, c])",
        "from functools import reduce\nreduce(lambda x, y: x >> y, [b, c], a)",
        "import itertools\nfor x, y in itertools.pairwise([a, b, c]):\n    x >> y",
        "from itertools import zip_longest\nfor x, y in zip_longest([a, b, c], [b, c]):\n    if y:\n        x >> y",
        "import itertools\nfor x in itertools.batched([a, b, b, c], 2):\n    x[0] >> x[1]",
        "import operator\noperator.rshift(a, b) >> c",
    ],
)
def test_what_goes_through_a_list_orders_its_tasks(code: str) -> None:
    assert order(within(_THREE + code)) == {"a>b", "b>c"}

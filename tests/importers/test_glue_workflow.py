"""Flows from triggers: which tasks there are, and which comes before which."""

from __future__ import annotations

from itertools import product
from textwrap import dedent
from typing import Any

import networkx as nx
from hypothesis import given
from hypothesis import strategies as st

from pypedream_dagster.importers.sources.glue_workflow import trigger_flows, workflow_flow
from pypedream_dagster.importers.survey import Flow, Survey, Where

from .surveys import imported, job, links, script

AT = Where("glue:workflow/etl")


def _starts(name: str, *jobs: str, kind: str = "ON_DEMAND", **fields: Any) -> dict[str, Any]:
    return {"Name": name, "Type": kind, "Actions": [_action(job) for job in jobs], **fields}


def _after(name: str, waits: dict[str, str], *jobs: Any, logical: str = "AND", **fields: Any) -> dict[str, Any]:
    conditions = [
        {"LogicalOperator": "EQUALS", "CrawlerName": job[1:], "CrawlState": state}
        if job.startswith("~")
        else {"LogicalOperator": "EQUALS", "JobName": job, "State": state}
        for job, state in waits.items()
    ]
    predicate = {"Logical": logical, "Conditions": conditions}
    actions = [_action(job) if isinstance(job, str) else job for job in jobs]
    return {"Name": name, "Type": "CONDITIONAL", "Predicate": predicate, "Actions": actions, **fields}


def _action(name: str) -> dict[str, Any]:
    return {"CrawlerName": name[1:]} if name.startswith("~") else {"JobName": name}


def _with(job: str, **arguments: str) -> dict[str, Any]:
    return {"JobName": job, "Arguments": {f"--{name}": value for name, value in arguments.items()}}


def _survey(*triggers: Any) -> Survey:
    return workflow_flow("etl", triggers, at=AT, run_properties={})


def _flow(*triggers: Any) -> Flow:
    survey = _survey(*triggers)
    assert survey.problems == ()
    return survey.flows[0]


DONE = "SUCCEEDED"


def test_jobs_and_crawlers_follow_what_they_wait_for() -> None:
    flow = _flow(
        _starts("begin", "extract_a", "extract_b", kind="SCHEDULED", Schedule="cron(0 3 * * ? *)"),
        _after("both", {"extract_a": DONE, "extract_b": DONE}, "join"),
        _after("crawl", {"join": DONE}, "~lake"),
        _after("publish", {"~lake": DONE}, "publish"),
    )
    assert [(task.key, task.operation, task.job or task.resource) for task in flow.tasks] == [
        ("extract_a", "glue", "extract_a"),
        ("extract_b", "glue", "extract_b"),
        ("join", "glue", "join"),
        ("lake", "crawler", "lake"),
        ("publish", "glue", "publish"),
    ]
    assert flow.order == {("extract_a", "join"), ("extract_b", "join"), ("join", "lake"), ("lake", "publish")}
    assert {task.trigger for task in flow.tasks} == {"ALL"}
    assert (flow.name, flow.kind, flow.at) == ("etl", "glue-workflow", AT)
    assert flow.tasks[2].at == Where("glue:workflow/etl", part="trigger both")


def test_any_waits_for_any_and_so_does_a_job_that_several_triggers_start() -> None:
    begin = _starts("begin", "a", "b", kind="EVENT")
    any_of = _flow(begin, _after("t", {"a": DONE, "b": DONE}, "c", logical="ANY"))
    of_two = _flow(begin, _after("t", {"a": DONE}, "c"), _after("u", {"b": DONE}, "c"))
    for flow in (any_of, of_two):
        assert {task.key: task.trigger for task in flow.tasks} == {"a": "ALL", "b": "ALL", "c": "ANY"}
        assert flow.order == {("a", "c"), ("b", "c")}


def test_waiting_for_the_end_of_one_job_is_not_waiting_for_any_of_several() -> None:
    after = {"Name": "t", "Type": "CONDITIONAL", "Actions": [{"JobName": "b"}]}
    ends = [{"JobName": "a", "State": state} for state in ("SUCCEEDED", "FAILED", "TIMEOUT")]
    flow = _flow(_starts("begin", "a"), {**after, "Predicate": {"Logical": "ANY", "Conditions": ends}})
    assert flow.order == {("a", "b")}
    assert {task.trigger for task in flow.tasks} == {"ALL"}


def test_a_job_started_with_other_arguments_is_another_task() -> None:
    flow = _flow(
        {**_starts("begin"), "Actions": [_with("load", table="a"), _with("load", table="b"), _with("check")]},
        _after("then", {"load": DONE}, "report"),
        _after("again", {"check": DONE}, _with("load", table="a")),
    )
    tasks = {task.key: (task.job, dict(task.arguments)) for task in flow.tasks}
    assert tasks == {
        "load (begin)": ("load", {"--table": "a"}),
        "load (begin) 2": ("load", {"--table": "b"}),
        "check": ("check", {}),
        "report": ("report", {}),
    }
    assert flow.order == {("load (begin)", "report"), ("load (begin) 2", "report"), ("check", "load (begin)")}


def test_secrets_among_arguments_are_masked() -> None:
    flow = _flow({**_starts("begin"), "Actions": [_with("load", db_password="hunter2hunter2", day="${Day}")]})
    assert "hunter2" not in str(flow.tasks[0])
    assert flow.tasks[0].arguments["--day"] == "${Day}"


def test_a_job_may_follow_itself_with_other_arguments() -> None:
    flow = _flow(
        {**_starts("begin"), "Actions": [_with("load", stage="1")]},
        _after("second", {"load": DONE}, _with("load", stage="2")),
    )
    assert flow.order == {("load (begin)", "load (second)")}


def test_a_handler_of_failures_follows_but_turns_no_order_around() -> None:
    flow = _flow(
        _starts("begin", "prepare"),
        _after("work", {"prepare": DONE}, "work"),
        _after("retry", {"work": "FAILED"}, "prepare", "alert"),
        _after("itself", {"alert": "TIMEOUT"}, "alert"),
    )
    assert flow.order == {("prepare", "work"), ("work", "alert")}


def test_a_circle_is_cut_where_a_run_would_come_round_and_told() -> None:
    survey = _survey(
        _after("round", {"c": DONE}, "a"),
        _after("to_c", {"b": DONE}, "c"),
        _after("to_b", {"a": DONE}, "b"),
        _starts("begin", "a"),
    )
    assert survey.flows[0].order == {("a", "b"), ("b", "c")}
    assert [problem.at.part for problem in survey.problems] == ["trigger round"]
    assert "job c" in survey.problems[0].what


def test_a_job_that_is_only_waited_for_is_a_task_too() -> None:
    flow = _flow(_after("then", {"elsewhere": DONE}, "b"))
    assert [task.key for task in flow.tasks] == ["elsewhere", "b"]
    assert flow.order == {("elsewhere", "b")}


def test_a_crawler_of_a_jobs_name_is_no_job() -> None:
    flow = _flow(
        _starts("begin", "sales"), _after("crawl", {"sales": DONE}, "~sales"), _after("x", {"~sales": DONE}, "x")
    )
    assert {(task.key, task.operation) for task in flow.tasks} == {
        ("sales (begin)", "glue"),
        ("sales (crawl)", "crawler"),
        ("x", "glue"),
    }
    assert flow.order == {("sales (begin)", "sales (crawl)"), ("sales (crawl)", "x")}


def test_run_properties_are_values_by_workflow_and_secrets_are_not() -> None:
    properties = {"target": "s3://lake/out/", "db_password": "hunter2hunter2"}
    survey = workflow_flow("etl", [_starts("begin", "a")], at=AT, run_properties=properties)
    assert survey.values == {"etl.target": "s3://lake/out/"}
    assert survey.flows[0].tasks[0].arguments == {}


def test_triggers_outside_of_workflows_form_a_flow_where_they_hang_together() -> None:
    survey = trigger_flows(
        [
            _starts("z_begin", "a"),
            _after("chain", {"a": DONE}, "b"),
            _starts("other", "x", kind="SCHEDULED"),
            _starts("within", "a", WorkflowName="etl"),
            {"Name": "idle", "Type": "ON_DEMAND", "Actions": []},
        ],
        at=Where("glue:triggers"),
        run_properties={"etl": {"k": "v"}, "empty": {"m": "n"}},
    )
    assert {flow.name: [task.key for task in flow.tasks] for flow in survey.flows} == {
        "etl": ["a"],
        "chain": ["a", "b"],
        "other": ["x"],
    }
    assert survey.values == {"etl.k": "v", "empty.m": "n"}


_NAMES = st.sampled_from(["a", "b", "c", "d", "e"])
_STATES = st.sampled_from(["SUCCEEDED", "FAILED"])


@st.composite
def _triggers(draw: st.DrawFn) -> list[dict[str, Any]]:
    found = []
    for number in range(draw(st.integers(1, 7))):
        jobs = draw(st.lists(_NAMES, min_size=1, max_size=3, unique=True))
        actions = [_with(job, **draw(st.sampled_from([{}, {"n": "1"}, {"n": "2"}]))) for job in jobs]
        waits = draw(st.dictionaries(_NAMES, _STATES, max_size=3))
        found.append(_after(f"t{number}", waits, *actions, logical=draw(st.sampled_from(["AND", "ANY"]))))
    return found


def _pairs(triggers: list[dict[str, Any]], flow: Flow) -> set[tuple[str, str]]:
    """Return which task waits for which by the plainest definition, circles and all."""
    started = [
        (condition["JobName"], action)
        for trigger in triggers
        for condition, action in product(trigger["Predicate"]["Conditions"], trigger["Actions"])
    ]
    return {
        (before.key, after.key)
        for job, action in started
        for before, after in product(flow.tasks, flow.tasks)
        if before.job == job and (after.job, after.arguments) == (action["JobName"], action["Arguments"])
        if before is not after
    }


@given(_triggers())
def test_order_is_what_the_triggers_say_as_far_as_it_goes_in_no_circle(triggers: list[dict[str, Any]]) -> None:
    (flow,) = _survey(*triggers).flows
    started = {(a["JobName"], tuple(a["Arguments"].items())) for t in triggers for a in t["Actions"]}
    tasks = {(task.job, tuple(task.arguments.items())) for task in flow.tasks}
    assert started <= tasks
    assert len(tasks) == len(flow.tasks) == len({task.key for task in flow.tasks})
    assert {job for job, _ in tasks - started} == {
        condition["JobName"] for t in triggers for condition in t["Predicate"]["Conditions"]
    } - {job for job, _ in started}
    wanted = _pairs(triggers, flow)
    assert flow.order <= wanted
    graph: nx.DiGraph[str] = nx.DiGraph(list(flow.order))
    graph.add_nodes_from(task.key for task in flow.tasks)
    assert nx.is_directed_acyclic_graph(graph)
    assert all(nx.has_path(graph, after, before) for before, after in wanted - flow.order)


_OF_TRIGGERS = ("Name", "Type", "WorkflowName", "Predicate", "Actions")
_WITHIN = ("Logical", "Conditions", "JobName", "CrawlerName", "State", "Arguments")
_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["a", "CONDITIONAL", "ANY"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*_OF_TRIGGERS, *_WITHIN]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.lists(_ANYTHING, max_size=4))
def test_no_content_stops_it(triggers: list[Any]) -> None:
    survey = trigger_flows(triggers, at=AT)
    assert all(flow.tasks for flow in survey.flows)
    workflow_flow("etl", triggers, at=AT, run_properties={})


def test_what_scripts_ask_of_the_workflow_is_known_to_the_whole_import() -> None:
    code = """
        glue = boto3.client("glue")
        run = glue.get_workflow_run_properties(Name=args["WORKFLOW_NAME"], RunId=args["WORKFLOW_RUN_ID"])
        lake = run["RunProperties"]["lake"]
        {}
    """
    told = workflow_flow(
        "${Project} ETL",
        [_starts("begin", "make"), _after("then", {"make": DONE}, "use")],
        at=AT,
        run_properties={"lake": "s3://lake/x/"},
    )
    found = imported(
        job("make"),
        job("use"),
        script("make", "import boto3\n" + dedent(code).format('df.write.parquet(f"{lake}orders/")')),
        script("use", "import boto3\n" + dedent(code).format('spark.read.parquet(f"{lake}orders/")')),
        survey=told,
    )
    assert links(found) == {("make", "use"): ("orders",)}

"""Jobs' names and arguments: constants followed through a machine's data, unknowns named."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.importers.step_functions.flows import GLUE, SNS, glue, machine, order, read, tasks


def test_the_executions_input_is_unknown_by_its_path() -> None:
    definition = machine(
        {"A": glue("a", {"--in.$": "States.Format('s3://{}/raw/{}', $.bucket, $['day'])", "--n": 3, "--on": True})}
    )
    assert dict(tasks(definition)["A"].arguments) == {
        "--in": "s3://${input.bucket}/raw/${input.day}",
        "--n": "3",
        "--on": "true",
    }


def test_constants_are_followed_through_passes_and_results() -> None:
    settings = {"lake": "s3://lake", "jobs": ["x", "y"]}
    payload = {"--table.$": "$.asked.table", "--name.$": "$$.Execution.Name", "--all.$": "States.JsonToString($)"}
    definition = machine(
        {
            "Set": {"Type": "Pass", "Result": settings, "ResultPath": "$.cfg", "Next": "A"},
            "A": glue("a", {"--out.$": "$.cfg.lake"}, ResultPath="$.a", Next="Pick"),
            "Pick": {
                "Type": "Pass",
                "InputPath": "$.cfg",
                "Parameters": {"job.$": "$.jobs[1]"},
                "OutputPath": "$.job",
                "Next": "Ask",
            },
            "Ask": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke",
                "Parameters": {"FunctionName": "arn:aws:lambda:eu-west-1:1:function:ask:live"},
                "ResultSelector": {"table.$": "$.Payload.table"},
                "ResultPath": "$.asked",
                "Next": "B",
            },
            "B": glue("b", payload),
        }
    )
    found = tasks(definition)
    assert found["A"].arguments == {"--out": "s3://lake"}
    assert (found["Ask"].operation, found["Ask"].resource) == ("lambda", "ask")
    assert found["B"].arguments["--table"] == "${Ask.Payload.table}"
    assert found["B"].arguments["--name"] == "${Execution.Name}"
    assert json.loads(found["B"].arguments["--all"]) == {"asked": {"table": "${Ask.Payload.table}"}}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("States.MathAdd(2, 3)", "5"),
        ("States.ArrayGetItem(States.StringSplit('a,b', ','), 1)", "b"),
        ("States.Array('a', 1, $.x)", '["a", 1, "${input.x}"]'),
        ("States.Base64Encode('ab')", "YWI="),
        ("States.Format('it\\'s {}', 'so')", "it's so"),
        ("States.JsonMerge($.a, $.b, false)", "${JsonMerge(input.a_input.b_false)}"),
        ("States.Format('{}/', States.Format('{}-x', $.b[0].c))", "${input.b_0_.c}-x/"),
        ("States.Nonsense(", "${States.Nonsense(}"),
    ],
)
def test_intrinsic_functions_are_computed(expression: str, value: str) -> None:
    assert tasks(machine({"A": glue("a", {"--x.$": expression})}))["A"].arguments["--x"] == value


def test_ways_that_join_keep_what_both_know() -> None:
    def setting(job_type: Any) -> dict[str, Any]:
        arguments = {"--bucket": "lake", **job_type}
        return {"Type": "Pass", "Parameters": {"job": "load", "args": arguments}, "ResultPath": "$.run", "Next": "Run"}

    rule = {"Variable": "$.kind", "IsPresent": True, "Next": "Given"}
    run = {"Type": "Task", "Resource": GLUE, "Parameters": {"JobName.$": "$.run.job", "Arguments.$": "$.run.args"}}
    found = tasks(
        machine(
            {
                "Which": {"Type": "Choice", "Choices": [rule], "Default": "Else"},
                "Given": setting({"--kind.$": "$.kind"}),
                "Else": setting({"--kind": "BOTH"}),
                "Run": {**run, "End": True},
            }
        )
    )
    assert found["Run"].job == "load"
    assert dict(found["Run"].arguments) == {"--bucket": "lake", "--kind": "${input.kind}"}


def test_a_default_for_what_the_input_may_hold_is_no_constant() -> None:
    rule = {"Variable": "$.bucket", "IsPresent": True, "Next": "Run"}
    definition = machine(
        {
            "Which": {"Type": "Choice", "Choices": [rule], "Default": "Else"},
            "Else": {"Type": "Pass", "Result": "lake", "ResultPath": "$.bucket", "Next": "Run"},
            "Run": glue("a", {"--bucket.$": "$.bucket"}),
        }
    )
    assert tasks(definition)["Run"].arguments == {"--bucket": "${input.bucket}"}


def test_ways_that_name_different_jobs_are_a_task_each() -> None:
    def setting(job: str, out: str) -> dict[str, Any]:
        return {
            "Type": "Pass",
            "Result": {"job": job, "out": out, "lake": "s3://lake"},
            "ResultPath": "$.run",
            "Next": "Run",
        }

    rules = [{"Variable": "$.kind", "StringEquals": kind, "Next": kind} for kind in ("Orders", "Clients")]
    run = glue("", {"--out.$": "$.run.out", "--lake.$": "$.run.lake"}, Next="Last")
    run["Parameters"] = {"JobName.$": "$.run.job", "Arguments": run["Parameters"]["Arguments"]}
    definition = machine(
        {
            "First": glue("first", ResultPath=None, Next="Which"),
            "Which": {"Type": "Choice", "Choices": rules, "Default": "Else"},
            "Orders": setting("orders-job", "o/"),
            "Clients": setting("clients-job", "c/"),
            "Else": setting("else-job", "e/"),
            "Run": run,
            "Last": glue("last"),
        }
    )
    found = tasks(definition)
    assert {task.job: dict(task.arguments) for task in found.values() if task.arguments} == {
        "orders-job": {"--out": "o/", "--lake": "s3://lake"},
        "clients-job": {"--out": "c/", "--lake": "s3://lake"},
        "else-job": {"--out": "e/", "--lake": "s3://lake"},
    }
    jobs = {f"Run[{job}-job]" for job in ("orders", "clients", "else")}
    assert order(definition) == {("First", job) for job in jobs} | {(job, "Last") for job in jobs}
    assert found["Last"].trigger == "ANY"


def test_a_choice_tells_which_jobs_an_input_may_name() -> None:
    rules = [{"Variable": "$.mode", "StringEquals": job, "Next": "Run"} for job in ("query", "report")]
    run = {"Type": "Task", "Resource": GLUE, "Parameters": {"JobName.$": "$.mode", "Arguments": {"--m.$": "$.mode"}}}
    states = {
        "Which": {"Type": "Choice", "Choices": rules, "Default": "Stop"},
        "Run": {**run, "End": True},
        "Stop": {"Type": "Fail"},
    }
    found = tasks(machine(states))
    assert {task.job for task in found.values()} == {"query", "report"}
    states["Which"]["Default"] = "Run"
    assert [task.job for task in tasks(machine(states)).values()] == ["${input.mode}"]


def test_what_a_loop_changes_is_not_constant() -> None:
    definition = machine(
        {
            "Zero": {"Type": "Pass", "Result": {"n": 0, "out": "s3://lake"}, "Next": "Run"},
            "Run": glue("a", {"--n.$": "$.n", "--out.$": "$.out"}, ResultPath=None, Next="More"),
            "More": {
                "Type": "Pass",
                "Parameters": {"n.$": "States.MathAdd($.n, 1)", "out.$": "$.out"},
                "Next": "Which",
            },
            "Which": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.n", "NumericLessThan": 3, "Next": "Run"}],
                "Default": "End",
            },
            "End": {"Type": "Succeed"},
        }
    )
    assert dict(tasks(definition)["Run"].arguments) == {"--n": "${Run.n}", "--out": "s3://lake"}


def _map(**rest: Any) -> dict[str, Any]:
    inner = machine(
        {
            "Which": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.kind", "StringEquals": "full", "Next": "Full"}],
                "Default": "Part",
            },
            "Full": glue("full", {"--table.$": "$.table"}),
            "Part": glue("part", {"--table.$": "$.table"}),
        }
    )
    return {"Type": "Map", "Iterator": inner, "End": True, **rest}


def test_a_map_over_known_items_is_a_task_for_each_and_each_decides() -> None:
    items = [{"table": "a", "kind": "full"}, {"table": "b", "kind": "part"}]
    definition = machine({"Set": {"Type": "Pass", "Result": {"all": items}, "Next": "M"}, "M": _map(ItemsPath="$.all")})
    found = tasks(definition)
    assert {key: (task.job, dict(task.arguments)) for key, task in found.items()} == {
        "Full[0]": ("full", {"--table": "a"}),
        "Part[1]": ("part", {"--table": "b"}),
    }


def test_a_map_over_unknown_items_is_one_task_with_a_named_item() -> None:
    selector = {"table.$": "$$.Map.Item.Value.name", "kind.$": "$.kind"}
    found = tasks(machine({"M": _map(ItemsPath="$.all", ItemSelector=selector)}))
    assert set(found) == {"Full", "Part"}
    assert found["Full"].arguments == {"--table": "${M.item.name}"}
    reader = {"Resource": "arn:aws:states:::s3:listObjectsV2", "Parameters": {"Bucket": "b"}}
    assert set(tasks(machine({"M": _map(ItemReader=reader)}))) == {"Full", "Part"}


def test_a_map_over_an_empty_list_tells_what_it_would_do() -> None:
    """An empty list stands for what is filled in later, more often than for nothing to do."""
    definition = machine({"Set": {"Type": "Pass", "Result": [], "Next": "M"}, "M": _map()})
    assert set(tasks(definition)) == {"Full", "Part"}


def test_jsonata_is_computed_with_its_variables() -> None:
    definition = machine(
        {
            "Set": {"Type": "Pass", "Assign": {"lake": "s3://lake", "day": "{% $states.input.day %}"}, "Next": "A"},
            "A": {
                "Type": "Task",
                "Resource": GLUE,
                "Arguments": {
                    "JobName": "{% 'load-' & $lowercase('ORDERS') %}",
                    "Arguments": {
                        "--out": "{% $lake & '/' & $day & '/' %}",
                        "--json": "{% $string({'n': 1 + 2}) %}",
                        "--odd": "{% $map($states.input.xs, function($x) { $x }) %}",
                    },
                },
                "Assign": {"run": "{% $states.result.JobRunId %}"},
                "Output": "{% $merge([$states.input, {'seen': true}]) %}",
                "Next": "M",
            },
            "M": {
                "Type": "Map",
                "Items": [{"t": "x"}, {"t": "y"}],
                "ItemSelector": {"table": "{% $states.context.Map.Item.Value.t %}"},
                "ItemProcessor": machine(
                    {
                        "W": {
                            "Type": "Task",
                            "Resource": GLUE,
                            "Arguments": {"JobName": "w", "Arguments": {"--t": "{% $states.input.table %}"}},
                            "End": True,
                        }
                    }
                ),
                "End": True,
            },
        },
        QueryLanguage="JSONata",
    )
    found = tasks(definition)
    assert found["A"].job == "load-orders"
    assert found["A"].arguments["--out"] == "s3://lake/${input.day}/"
    assert found["A"].arguments["--json"] == '{"n": 3}'
    assert found["A"].arguments["--odd"].startswith("${map(input.xs")
    assert [found[key].arguments["--t"] for key in ("W[0]", "W[1]")] == ["x", "y"]


def test_one_state_may_speak_jsonata_alone() -> None:
    state = {"QueryLanguage": "JSONata", "Type": "Task", "Resource": GLUE, "End": True}
    default = "{% $exists($states.input.y) ? $states.input.y : 'z' %}"
    arguments = {"JobName": "a", "Arguments": {"--x": "{% $states.input.x %}", "--y": default}}
    assert tasks(machine({"A": {**state, "Arguments": arguments}}))["A"].arguments == {
        "--x": "${input.x}",
        "--y": "${input.y}",
    }


def test_arguments_that_only_a_run_tells_are_said_so() -> None:
    state = {"Type": "Task", "Resource": GLUE, "Parameters": {"JobName": "a", "Arguments.$": "$.args"}, "End": True}
    told = read(machine({"A": state}))
    assert told.flows[0].tasks[0].job == "a"
    assert "${input.args}" in told.problems[0].what


_NESTED = machine({"B": glue("load", {"--bucket.$": "$.bucket", "--who.$": "$$.Execution.Input.who"})})
_START = "arn:aws:states:::states:startExecution"


def test_an_unknown_object_over_a_known_one_may_change_it() -> None:
    merge = {"Type": "Task", "Resource": GLUE, "Parameters": {"JobName": "a"}, "End": True}
    defaults = {"--mode": "full", "--out": "s3://lake"}
    definition = machine(
        {
            "Set": {"Type": "Pass", "Result": defaults, "ResultPath": "$.defaults", "Next": "A"},
            "A": merge | {"Parameters": {"JobName": "a", "Arguments.$": "States.JsonMerge($.defaults, $.args, false)"}},
        }
    )
    told = read(definition).flows[0].tasks[0].arguments
    assert told == {"--mode": "${input.args.--mode}", "--out": "${input.args.--out}"}
    fixed = read(json.loads(json.dumps(definition).replace("$.defaults, $.args", "$.args, $.defaults")))
    assert fixed.flows[0].tasks[0].arguments == defaults


@pytest.mark.parametrize("how", [".sync", ".sync:2", ""])
def test_a_nested_machine_is_part_of_the_flow_with_the_callers_input(how: str) -> None:
    call = {
        "Type": "Task",
        "Resource": f"{_START}{how}",
        "Parameters": {
            "StateMachineArn": "arn:aws:states:eu-west-1:1:stateMachine:loader",
            "Input": {"bucket.$": "$.lake", "who": "me"},
        },
        "Next": "C",
    }
    definition = machine({"Call": call, "C": glue("c")})
    found = tasks(definition, others={"loader": _NESTED})
    assert found["Call/B"].arguments == {"--bucket": "${input.lake}", "--who": "me"}
    (only,) = read(definition, others={"loader": _NESTED}).flows
    assert set(only.order) == ({("Call/B", "C")} if how else set())
    alone = tasks(definition)["Call"]
    assert (alone.operation, alone.resource) == ("state-machine", call["Parameters"]["StateMachineArn"])  # type: ignore[index]


def test_what_a_services_answer_has_not_is_the_inputs() -> None:
    states = {
        "A": glue("a", {"--env.$": "$.env"}, Next="Tell"),
        "Tell": {"Type": "Task", "Resource": SNS, "Parameters": {"TopicArn": "t", "Message": "m"}, "Next": "B"},
        "B": glue("b", {"--env.$": "$.env", "--id.$": "$.MessageId"}, Next="Own"),
        "Own": {"Type": "Task", "Resource": "arn:aws:lambda:eu-west-1:1:function:own", "Next": "C"},
        "C": glue("c", {"--env.$": "$.env"}),
    }
    found = tasks(machine(states))
    assert found["B"].arguments == {"--env": "${input.env}", "--id": "${Tell.MessageId}"}
    assert found["C"].arguments == {"--env": "${Own.env}"}


def test_a_machine_that_starts_itself_is_followed_once() -> None:
    arn = {"StateMachineArn": "etl", "Input": {}}
    call = {"Type": "Task", "Resource": f"{_START}.sync", "Parameters": arn, "End": True}
    definition = machine({"A": glue("a", Next="Again"), "Again": call})
    assert {key: task.operation for key, task in tasks(definition, others={"etl": definition}).items()} == {
        "A": "glue",
        "Again": "state-machine",
    }


_WORDS = [
    "StartAt", "States", "Type", "Task", "Map", "Parallel", "Choice", "Pass", "Branches", "Iterator", "ItemProcessor",
    "Next", "End", "Catch", "Choices", "Default", "Variable", "And", "Not", "Parameters", "Arguments", "Arguments.$",
    "JobName.$", "Result", "ResultPath", "InputPath", "OutputPath", "ResultSelector", "Assign", "Output", "Items",
    "ItemsPath", "ItemSelector", "ItemBatcher", "QueryLanguage", "JSONata", "Resource", GLUE, _START, "Input", "A", "B",
    "$", "$.a", "$$.Map", "$.a[0]", "$[*].b", "States.Format('{}', $.a)", "States.Array(", "{% $states.input.a %}",
    "{% ( %}", "{% $x := 1 %}", "Fn::Sub", "Ref", "StringEquals", "Condition",
]  # fmt: skip
_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(_WORDS),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(_WORDS) | st.text(max_size=4), inner, max_size=6)
    ),
    max_leaves=30,
)
_STATE = st.dictionaries(st.sampled_from(_WORDS), _ANY, max_size=8).flatmap(
    lambda rest: st.sampled_from(["Task", "Map", "Parallel", "Choice", "Pass", "Succeed", "Fail", "Wait"]).map(
        lambda kind: {**rest, "Type": kind}
    )
)


@given(st.dictionaries(st.sampled_from(["A", "B", "C"]), _STATE | _ANY, min_size=1), st.sampled_from(["A", "B", "x"]))
def test_no_definition_breaks_the_walk(states: dict[str, Any], start: str) -> None:
    told = read({"StartAt": start, "States": states}, others={"B": {"StartAt": start, "States": states}})
    for flow in told.flows:
        keys = [task.key for task in flow.tasks]
        assert len(keys) == len(set(keys))
        assert {key for pair in flow.order for key in pair} <= set(keys)


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_expression_breaks_the_walk(path: str, jsonata: str) -> None:
    state = {"QueryLanguage": "JSONata", "Type": "Task", "Resource": GLUE, "End": True}
    arguments = {"JobName": "b", "Arguments": {"--x": f"{{% {jsonata} %}}"}}
    first = glue("a", {"--x.$": path, "--y.$": f"States.{path}"}, Next="B")
    assert len(tasks(machine({"A": first, "B": {**state, "Arguments": arguments}}))) == 2

"""What runs after what: joins, choices, loops and error handlers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.importers.step_functions.flows import SNS, flow, glue, machine, order, tasks

Tree = Any


def _parallel(*branches: dict[str, Any], **rest: Any) -> dict[str, Any]:
    return {"Type": "Parallel", "Branches": list(branches), **({} if "Next" in rest else {"End": True}), **rest}


def _choice(*targets: str) -> dict[str, Any]:
    *rules, default = targets
    return {
        "Type": "Choice",
        "Choices": [{"Variable": "$.x", "StringEquals": str(n), "Next": one} for n, one in enumerate(rules)],
        "Default": default,
    }


def test_order_goes_through_what_only_steers() -> None:
    definition = machine(
        {
            "A": glue("a", Next="Wait"),
            "Wait": {"Type": "Wait", "Seconds": 1, "Next": "Note"},
            "Note": {"Type": "Pass", "Next": "Look"},
            "Look": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:glue:getTables", "Next": "B"},
            "B": glue("b", Next="Done"),
            "Done": {"Type": "Succeed"},
        }
    )
    assert order(definition) == {("A", "B")}


def test_all_branches_are_waited_for_and_one_choice_is() -> None:
    definition = machine(
        {
            "Both": _parallel(machine({"A": glue("a")}), machine({"B": glue("b")}), Next="C"),
            "C": glue("c", Next="Which"),
            "Which": _choice("D", "E"),
            "D": glue("d", Next="F"),
            "E": glue("e", Next="F"),
            "F": glue("f"),
        }
    )
    found = tasks(definition)
    assert order(definition) == {("A", "C"), ("B", "C"), ("C", "D"), ("C", "E"), ("D", "F"), ("E", "F")}
    assert {key: task.trigger for key, task in found.items() if task.trigger == "ANY"} == {"F": "ANY"}


def test_what_a_choice_may_skip_is_waited_for_when_it_runs() -> None:
    definition = machine(
        {"A": glue("a", Next="Which"), "Which": _choice("B", "C"), "B": glue("b", Next="C"), "C": glue("c")}
    )
    assert order(definition) == {("A", "B"), ("B", "C"), ("A", "C")}
    assert tasks(definition)["C"].trigger == "ALL"


def test_a_state_that_ends_and_goes_on_goes_on() -> None:
    assert order(machine({"A": glue("a", End=True, Next="B"), "B": glue("b")})) == {("A", "B")}


def test_a_loop_that_polls_makes_no_circle() -> None:
    definition = machine(
        {
            "Start": glue("a", Next="Wait") | {"Resource": "arn:aws:states:::glue:startJobRun"},
            "Wait": {"Type": "Wait", "Seconds": 30, "Next": "Ask"},
            "Ask": {"Type": "Task", "Resource": "arn:aws:lambda:eu-west-1:1:function:ask", "Next": "Which"},
            "Which": _choice("B", "Fail", "Wait"),
            "Fail": {"Type": "Fail"},
            "B": glue("b"),
        }
    )
    assert order(definition) == {("Start", "Ask"), ("Ask", "B")}


@pytest.mark.parametrize("end", [{"Next": "Stop"}, {"End": True}])
def test_an_error_handler_orders_nothing(end: dict[str, Any]) -> None:
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "Tell"}]
    definition = machine(
        {
            "A": glue("a", Next="B", Catch=catch),
            "B": glue("b", Catch=catch),
            "Tell": {"Type": "Task", "Resource": SNS, "Parameters": {"TopicArn": "t"}, **end},
            "Stop": {"Type": "Fail"},
        }
    )
    assert set(tasks(definition)) == {"A", "B", "Tell"}
    assert order(definition) == {("A", "B")}


def test_a_message_on_the_way_on_orders_nothing() -> None:
    definition = machine(
        {
            "A": glue("a", Next="B", Catch=[{"ErrorEquals": ["States.ALL"], "Next": "Tell"}]),
            "Tell": {"Type": "Task", "Resource": SNS, "Parameters": {"TopicArn": "t"}, "Next": "B"},
            "B": glue("b"),
        }
    )
    assert order(definition) == {("A", "B")}


def test_a_catcher_that_steers_orders() -> None:
    """Where what is not there is made, and the run goes on."""
    definition = machine(
        {
            "Look": glue("look", Next="Load", Catch=[{"ErrorEquals": ["States.ALL"], "Next": "Make"}]),
            "Make": glue("make", Next="Load"),
            "Load": glue("load"),
        }
    )
    assert order(definition) == {("Look", "Make"), ("Make", "Load"), ("Look", "Load")}


def test_a_branch_that_fails_does_not_go_on() -> None:
    branch = machine(
        {"A": glue("a", Next="Which"), "Which": _choice("Bad", "Good"), "Bad": glue("bad", Next="Stop")}
        | {"Stop": {"Type": "Fail"}, "Good": {"Type": "Succeed"}}
    )
    definition = machine({"P": _parallel(branch, Next="B"), "B": glue("b")})
    assert order(definition) == {("A", "B"), ("A", "Bad")}


def test_a_map_runs_its_items_beside_each_other_or_one_by_one() -> None:
    def items(**rest: Any) -> dict[str, Any]:
        work = {"Type": "Map", "ItemProcessor": machine({"W": glue("w")}), "Items": [1, 2], **rest, "Next": "B"}
        return machine({"A": glue("a", Next="M"), "M": work, "B": glue("b")})

    beside = {("A", "W[0]"), ("A", "W[1]"), ("W[0]", "B"), ("W[1]", "B")}
    assert order(items()) == beside
    assert order(items(MaxConcurrency=1)) == {("A", "W[0]"), ("W[0]", "W[1]"), ("W[1]", "B")}


def test_two_parallel_states_after_each_other_are_ordered_all_with_all() -> None:
    def branches(letter: str) -> list[dict[str, Any]]:
        return [machine({f"{letter}{number}": glue("j")}) for number in range(20)]

    definition = machine({"P": _parallel(*branches("a"), Next="Q"), "Q": _parallel(*branches("b"))})
    assert len(order(definition)) == 400


# A random pipeline as a tree, its state machine, and its order worked out on the tree.
_STEPS: st.SearchStrategy[Tree] = st.recursive(
    st.sampled_from(["task", "pass", "wait", "poll", "caught"]),
    lambda inner: st.tuples(
        st.sampled_from(["parallel", "choice", "map"]), st.lists(st.lists(inner, max_size=3), min_size=1, max_size=3)
    ),
    max_leaves=15,
)


class _Writer:
    """Writes the states of a tree, with its order."""

    def __init__(self) -> None:
        self.count = 0
        self.order: set[tuple[str, str]] = set()

    def name(self, kind: str) -> str:
        self.count += 1
        return f"{kind}{self.count}"

    def level(self, steps: list[Tree], before: frozenset[str]) -> tuple[dict[str, Any], frozenset[str]]:
        """Write a sequence as a level of its own."""
        states: dict[str, Any] = {}
        last = self.name("end")
        start, after = self.sequence(steps, before, states, last)
        states[last] = {"Type": "Succeed"}
        return {"StartAt": start, "States": states}, after

    def sequence(
        self, steps: list[Tree], before: frozenset[str], states: dict[str, Any], then: str
    ) -> tuple[str, frozenset[str]]:
        names = [self.name("s") for _ in steps]
        for number, step in enumerate(steps):
            follower = names[number + 1] if number + 1 < len(names) else then
            before = self.step(step, names[number], before, states, follower)
        return (names[0] if names else then), before

    def step(self, step: Tree, name: str, before: frozenset[str], states: dict[str, Any], then: str) -> frozenset[str]:
        match step:
            case "pass":
                states[name] = {"Type": "Pass", "Next": then}
            case "wait":
                states[name] = {"Type": "Wait", "Seconds": 1, "Next": then}
            case "task" | "caught" | "poll":
                self.order |= {(one, name) for one in before}
                before = frozenset({name})
                states[name] = glue(f"job-{name}", Next=then)
                if step == "caught":
                    states[name]["Catch"] = [{"ErrorEquals": ["States.ALL"], "Next": f"{name}x"}]
                    states[f"{name}x"] = {"Type": "Task", "Resource": SNS, "Parameters": {}, "Next": f"{name}f"}
                    states[f"{name}f"] = {"Type": "Fail"}
                if step == "poll":
                    states[name]["Next"] = f"{name}w"
                    states[f"{name}w"] = {"Type": "Wait", "Seconds": 1, "Next": f"{name}c"}
                    states[f"{name}c"] = _choice(then, f"{name}w")
            case "parallel", branches:
                levels = [self.level(branch, before) for branch in branches]
                states[name] = _parallel(*(one for one, _ in levels), Next=then)
                before = frozenset().union(*(after for _, after in levels))
            case "map", [branch, *_]:
                inner, before = self.level(branch, before)
                states[name] = {"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": inner, "Next": then}
            case "choice", branches:
                ways = [self.sequence(branch, before, states, then) for branch in branches]
                states[name] = (
                    _choice(*(start for start, _ in ways), then)
                    if len(ways) == 1
                    else _choice(*(start for start, _ in ways))
                )
                after = [after for _, after in ways] + ([before] if len(ways) == 1 else [])
                before = frozenset().union(*after)
        return before


@given(st.lists(_STEPS, min_size=1, max_size=4))
def test_any_nesting_has_the_order_of_its_tree(steps: list[Tree]) -> None:
    writer = _Writer()
    definition, _ = writer.level(steps, frozenset())
    names = {name for pair in writer.order for name in pair}
    if not names:
        return
    found = flow(definition)
    assert set(found.order) == writer.order
    assert names <= {task.key for task in found.tasks}

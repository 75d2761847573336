"""Answers that AWS may give in the middle of a command: throttled, broken, denied, expired, late, lost."""

from __future__ import annotations

import random

import pytest

from .commands import Ended
from .proxy import Call, Fault
from .world import BRANCH, World

pytestmark = pytest.mark.slow

_SEED = 4

# What passes by itself: botocore asks again.
PASSING = {
    "throttled": lambda call: Fault("answer", call, code="ThrottlingException", status=400),
    "slow down": lambda call: Fault("answer", call, code="SlowDown", status=503),
    "unavailable": lambda call: Fault("answer", call, code="ServiceUnavailable", status=503),
    "broken after it took effect": lambda call: Fault(
        "answer", call, code="InternalServiceException", status=500, forwarded=True
    ),
    "too late": lambda call: Fault("hang", call),
    "lost": lambda call: Fault("lose answer", call),
}
# What does not: the command must end, and say so.
LASTING = {
    "denied": Fault("answer", None, code="AccessDeniedException"),
    "expired": Fault("answer", None, code="ExpiredTokenException"),
    "down": Fault("answer", None, code="InternalFailure", status=500),
}
WORDS = {"denied": "Access denied", "expired": "log in again", "down": "AWS is busy"}


RARELY = pytest.mark.every_call
OFTEN = ("throttled", "broken after it took effect", "too late", "lost")


def chosen(calls: tuple[Call, ...], salt: str, *, every_call: bool) -> list[Call]:
    """All calls, or one of those that change something."""
    if every_call:
        return list(calls)
    chance = random.Random(f"{_SEED}{salt}")
    return [chance.choice([call for call in calls if call.changes])]


def error(ended: Ended) -> str:
    """The one clear line that a command ends with."""
    (line,) = [line for line in ended.output.splitlines() if line.startswith("Error: ")]
    assert ended.code == 2, ended
    return line


@pytest.mark.parametrize("how", [*OFTEN, *(pytest.param(how, marks=RARELY) for how in PASSING if how not in OFTEN)])
def test_what_passes_is_waited_for(world: World, how: str, every_call: bool) -> None:
    main = world.main_state()
    deploying = world.commands.well(world.folder, "deploy-branch", BRANCH).calls
    whole, record = world.branch_state(), world.record()
    destroying = world.commands.well(world.folder, "destroy-branch", BRANCH).calls
    for one, other in zip(
        chosen(deploying, how, every_call=every_call), chosen(destroying, how, every_call=every_call), strict=False
    ):
        deployed = world.commands.run(
            world.folder, "deploy-branch", BRANCH, fault=PASSING[how](one), PYPEDREAM_TIMEOUT_SECONDS="1"
        )
        assert (deployed.struck, deployed.code) == (True, 0), (str(one), deployed)
        assert (world.branch_state(), world.record()) == (whole, record), str(one)
        destroyed = world.commands.run(
            world.folder, "destroy-branch", BRANCH, fault=PASSING[how](other), PYPEDREAM_TIMEOUT_SECONDS="1"
        )
        assert (destroyed.struck, destroyed.code) == (True, 0), (str(other), destroyed)
        assert world.leftovers() == {}, str(other)
    assert world.main_state() == main


@pytest.mark.parametrize("how", list(LASTING))
def test_what_lasts_is_said_and_the_next_attempt_completes_it(world: World, how: str, every_call: bool) -> None:
    main = world.main_state()
    deploying = world.commands.well(world.folder, "deploy-branch", BRANCH).calls
    whole, record = world.branch_state(), world.record()
    destroying = world.commands.well(world.folder, "destroy-branch", BRANCH).calls
    for call in chosen(deploying, how, every_call=every_call):
        fault = Fault("answer", call, onwards=True, code=LASTING[how].code, status=LASTING[how].status)
        assert WORDS[how] in error(world.commands.run(world.folder, "deploy-branch", BRANCH, fault=fault)), str(call)
        world.deploy()
        assert (world.branch_state(), world.record()) == (whole, record), str(call)
        world.destroy()
    for call in chosen(destroying, how, every_call=every_call):
        world.deploy()
        fault = Fault("answer", call, onwards=True, code=LASTING[how].code, status=LASTING[how].status)
        assert WORDS[how] in error(world.commands.run(world.folder, "destroy-branch", BRANCH, fault=fault)), str(call)
        world.destroy()
        assert world.leftovers() == {}, str(call)
    assert world.main_state() == main


def test_a_denial_in_the_middle_of_a_deployment_leaves_nothing(world: World, every_call: bool) -> None:
    calls = world.commands.well(world.folder, "deploy-branch", BRANCH).calls
    world.destroy()
    for call in [call for call in calls if every_call or call.changes]:
        if call.what.startswith("s3 DeleteObject ") and "lease" in call.what:
            continue  # all is done by then: a lease that cannot be given up runs out, and that is said
        ended = world.commands.run(
            world.folder, "deploy-branch", BRANCH, fault=Fault("answer", call, code="AccessDeniedException")
        )
        assert "Access denied" in error(ended), str(call)
        assert world.leftovers() == {}, str(call)


@pytest.mark.parametrize("how", ["expired", *(pytest.param(how, marks=RARELY) for how in ("denied", "down"))])
def test_credentials_that_expire_while_a_trigger_waits(world: World, how: str) -> None:
    """The Glue run is left alone, and the next trigger joins it."""
    main = world.main_state()
    world.deploy()
    before = world.runs()
    poll = Call(f"glue GetJobRun transform-{world.suffix}-{BRANCH}", 0)
    fault = Fault("answer", poll, onwards=True, code=LASTING[how].code, status=400)
    ended = world.commands.run(world.folder, "trigger-branch", BRANCH, fault=fault)
    assert "injected" in error(ended)
    again = world.commands.well(world.folder, "trigger-branch", BRANCH)
    assert "Joined run" in again.output
    new = {name: states[len(before.get(name, [])) :] for name, states in world.runs().items()}
    assert new == {"transform": ["SUCCEEDED"], "load": ["SUCCEEDED"]}
    assert all(record["isolation"] for record in world.run_records().values())
    world.destroy()
    assert world.leftovers() == {}
    assert world.main_state() == main


@pytest.mark.parametrize(
    "how",
    ["lost", *(pytest.param(how, marks=RARELY) for how in ("broken after it took effect", "throttled", "too late"))],
)
def test_a_start_whose_answer_is_lost_starts_one_run(world: World, how: str) -> None:
    world.deploy()
    before = world.runs()
    start = Call(f"glue StartJobRun transform-{world.suffix}-{BRANCH}", 0)
    ended = world.commands.run(
        world.folder, "trigger-branch", BRANCH, fault=PASSING[how](start), PYPEDREAM_TIMEOUT_SECONDS="1"
    )
    assert (ended.struck, ended.code) == (True, 0), ended
    new = {name: states[len(before.get(name, [])) :] for name, states in world.runs().items()}
    assert new == {"transform": ["SUCCEEDED"], "load": ["SUCCEEDED"]}
    world.destroy()

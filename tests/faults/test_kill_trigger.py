"""A trigger, killed before and after its AWS calls: the next one goes on with it, and no job runs twice."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from .commands import KILLED
from .proxy import Call, Fault, Kind
from .world import BRANCH, State, World

pytestmark = pytest.mark.slow

_SEED = 4
_SAMPLE = 2
_SIDES: tuple[Kind, ...] = ("kill before", "kill after")


def cases(calls: tuple[Call, ...], *, every_call: bool) -> Iterator[tuple[Kind, Call]]:
    """Give what to try: all, or a sample; the two starts have a test of their own.

    Polling asks as often as there is time for: the first two polls of a run stand for all.
    """
    once = sorted({call for call in calls if (call.nth < 2 or "GetJobRun " not in call.what) and not is_end(call)})
    if every_call:
        yield from ((side, call) for call in once for side in _SIDES)
        return
    chance = random.Random(_SEED)
    yield from ((chance.choice(_SIDES), call) for call in chance.sample(once, _SAMPLE))


def is_end(call: Call) -> bool:
    """Tell whether it gives the lease back: all is done by then, and who triggers again means that."""
    return call.what.startswith("s3 DeleteObject ") and call.what.endswith("lease$")


def new_runs(world: World, before: dict[str, list[str]]) -> dict[str, list[str]]:
    return {name: states[len(before.get(name, [])) :] for name, states in world.runs().items()}


def outcome(world: World) -> State:
    """What a trigger leaves: data, catalog, records."""
    return {**world.branch_state(), "records": world.run_records()}


def test_triggering(world: World, every_call: bool) -> None:
    main = world.main_state()
    world.deploy()
    calls = world.commands.well(world.folder, "trigger-branch", BRANCH).calls
    whole = outcome(world)
    assert {name: record["state"] for name, record in whole["records"].items()} == dict.fromkeys(
        ["transform", "load"], "SUCCEEDED"
    )
    assert all(record["isolation"]["policy_confirmed"] for record in whole["records"].values())

    for side, call in cases(calls, every_call=every_call):
        before = world.runs()
        killed = world.commands.run(world.folder, "trigger-branch", BRANCH, fault=Fault(side, call))
        if not killed.struck:  # threads came in another order, and the call did not come at all
            continue
        assert killed.code == KILLED, (side, call, killed)
        again = world.commands.run(world.folder, "trigger-branch", BRANCH)
        assert again.code == 0, (side, str(call), again)
        once = {"transform": ["SUCCEEDED"], "load": ["SUCCEEDED"]}
        assert new_runs(world, before) == once, (side, str(call), again.output)
        assert outcome(world) == whole, (side, str(call))
        assert world.main_state() == main, (side, str(call))

    world.destroy()
    assert world.leftovers() == {}


def test_destroying_a_branch_whose_trigger_was_killed(world: World, every_call: bool) -> None:
    """Also what comes then: a new deployment does not go on with the run of the old one."""
    main = world.main_state()
    world.deploy()
    calls = world.commands.well(world.folder, "trigger-branch", BRANCH).calls
    changing = sorted({call for call in calls if call.changes or ("GetJobRun " in call.what and call.nth == 0)})
    for side, call in [(side, call) for call in changing for side in _SIDES][:: 1 if every_call else 6]:
        world.deploy()
        killed = world.commands.run(world.folder, "trigger-branch", BRANCH, fault=Fault(side, call))
        if killed.struck:  # else it did not come: there is no table to replace the first time
            assert killed.code == KILLED, (side, call, killed)
        world.destroy()
        assert world.leftovers() == {}, (side, str(call))
        assert world.main_state() == main, (side, str(call))
    before = world.runs()
    world.deploy()
    world.commands.well(world.folder, "trigger-branch", BRANCH)
    assert new_runs(world, before) == {"transform": ["SUCCEEDED"], "load": ["SUCCEEDED"]}
    world.destroy()


def test_killed_twice_and_its_record_lost(world: World) -> None:
    """The third trigger goes on with the second, which went on with the first, on a record that is rebuilt."""
    world.deploy()
    before = world.runs()
    for job in (f"transform-{world.suffix}-{BRANCH}", f"load-{world.suffix}-main"):
        start = Call(f"glue StartJobRun {job}", 0)
        killed = world.commands.run(world.folder, "trigger-branch", BRANCH, fault=Fault("kill after", start))
        assert killed.code == KILLED, killed
    world.record_path.write_text("{")
    again = world.commands.well(world.folder, "trigger-branch", BRANCH)
    assert "rebuilt from the branch's tags" in again.output
    assert new_runs(world, before) == {"transform": ["SUCCEEDED"], "load": ["SUCCEEDED"]}
    world.destroy()
    (world.branch_folder / "deployment.json.broken-1").unlink()


def test_an_edit_is_not_gone_past(world: World) -> None:
    """Killed once transform was done: after an edit and a deployment transform runs anew, and load on its data."""
    script = world.branch_folder / "scripts" / "transform.py"
    world.deploy()
    start = Call(f"glue StartJobRun load-{world.suffix}-main", 0)
    killed = world.commands.run(world.folder, "trigger-branch", BRANCH, fault=Fault("kill after", start))
    assert killed.code == KILLED, killed
    script.write_text(script.read_text() + "# edited\n")
    before = world.runs()
    world.deploy()
    world.commands.well(world.folder, "trigger-branch", BRANCH)
    assert {name: len(states) for name, states in new_runs(world, before).items()} == {"transform": 1, "load": 1}
    world.destroy()


@pytest.mark.every_call
def test_an_edit_that_is_not_deployed_changes_nothing(world: World) -> None:
    script = world.branch_folder / "scripts" / "transform.py"
    world.deploy()
    before = world.runs()
    start = Call(f"glue StartJobRun transform-{world.suffix}-{BRANCH}", 0)
    killed = world.commands.run(world.folder, "trigger-branch", BRANCH, fault=Fault("kill after", start))
    assert killed.code == KILLED, killed
    script.write_text(script.read_text() + "# edited again\n")
    world.commands.well(world.folder, "trigger-branch", BRANCH)
    assert new_runs(world, before) == {"transform": ["SUCCEEDED"], "load": ["SUCCEEDED"]}
    world.destroy()

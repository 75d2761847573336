"""Deploying and destroying, killed before and after each AWS call: the next command finishes what was begun."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from .commands import KILLED
from .proxy import Call, Fault, Kind
from .world import BRANCH, World

pytestmark = pytest.mark.slow

_SEED = 4
_SIDES: tuple[Kind, ...] = ("kill before", "kill after")
_THEN = ("the same again", "destroy")


@dataclass(frozen=True)
class Case:
    """A kill, and the command that comes after it."""

    call: Call
    side: Kind
    then: str

    def __str__(self) -> str:
        return f"{self.side} {self.call}, then {self.then}"


def cases(calls: tuple[Call, ...], *, every_call: bool) -> Iterator[Case]:
    """Give what to try: all, or what changes something on both sides and some of the calls that only read."""
    chance = random.Random(_SEED)
    # How often a run that is being stopped is asked for depends on the machine: the first time stands for all.
    for call in (call for call in calls if call.nth == 0 or "GetJobRun " not in call.what):
        four = [Case(call, side, then) for side in _SIDES for then in _THEN]
        if every_call:
            yield from four
        elif call.changes:
            yield from chance.choice(((four[0], four[3]), (four[1], four[2])))
        elif chance.random() < 1 / 6:
            yield chance.choice(four)


def strike(world: World, command: str, case: Case) -> None:
    ended = world.commands.run(world.folder, command, BRANCH, fault=Fault(case.side, case.call))
    assert (ended.struck, ended.code) == (True, KILLED), (str(case), ended)


def survey(world: World, command: str) -> tuple[Call, ...]:
    ended = world.commands.well(world.folder, command, BRANCH)
    assert any(call.changes for call in ended.calls)
    return ended.calls


def edit(world: World, text: str) -> None:
    (world.branch_folder / "scripts" / "transform.py").write_text(text)


def test_deploying(world: World, every_call: bool) -> None:
    main = world.main_state()
    calls = survey(world, "deploy-branch")
    whole, record = world.branch_state(), world.record()
    world.destroy()

    for case in cases(calls, every_call=every_call):
        strike(world, "deploy-branch", case)
        if case.then == "the same again":
            world.deploy()
            assert (world.branch_state(), world.record()) == (whole, record), str(case)
        world.destroy()
        assert world.leftovers() == {}, str(case)
        assert world.main_state() == main, str(case)


@pytest.mark.parametrize("lost", ["record", "folder"])
def test_destroying_a_half_made_branch_that_was_lost_as_well(
    world: World, lost: str, every_call: bool, tmp_path: Path
) -> None:
    """Killed in the middle of a deployment; then the record is lost, or the whole of the branch's folder."""
    main = world.main_state()
    # Of the lease alone, nothing that has a claim or tags to be found by is left.
    calls = [call for call in survey(world, "deploy-branch") if call.changes and "lease" not in call.what]
    world.destroy()
    for call in calls if every_call else calls[1:3]:
        strike(world, "deploy-branch", Case(call, "kill after", "destroy"))
        if lost == "record":
            world.record_path.unlink(missing_ok=True)
        else:
            world.branch_folder.rename(tmp_path / "kept")
        world.destroy()
        if lost == "folder":
            assert not world.branch_folder.exists()
            (tmp_path / "kept").rename(world.branch_folder)
            world.record_path.unlink(missing_ok=True)
        assert world.leftovers() == {}, str(call)
        assert world.main_state() == main, str(call)


def test_deploying_again_after_an_edit(world: World, every_call: bool) -> None:
    main = world.main_state()
    script = (world.branch_folder / "scripts" / "transform.py").read_text()
    world.deploy()
    before = world.branch_state()
    edit(world, f"{script}# edited\n")
    calls = survey(world, "deploy-branch")
    after, record = world.branch_state(), world.record()
    assert before["objects"] != after["objects"]

    for case in cases(calls, every_call=every_call):
        edit(world, script)
        world.deploy()
        edit(world, f"{script}# edited\n")
        strike(world, "deploy-branch", case)
        if case.then == "the same again":
            world.deploy()
            assert (world.branch_state(), world.record()) == (after, record), str(case)
        else:
            world.destroy()
            assert world.leftovers() == {}, str(case)
        assert world.main_state() == main, str(case)
    world.destroy()


def test_destroying(world: World, every_call: bool) -> None:
    main = world.main_state()
    world.deploy()
    whole, record = world.code_state(), world.record()

    world.use(running=True)
    calls = survey(world, "destroy-branch")
    assert world.leftovers() == {}

    for case in cases(calls, every_call=every_call):
        world.deploy()
        world.use(running=every_call or "JobRun " in case.call.what)
        strike(world, "destroy-branch", case)
        if case.then == "destroy":  # or a deployment after half a destruction
            world.deploy()
            assert (world.code_state(), world.record()) == (whole, record), str(case)
        world.destroy()
        assert world.leftovers() == {}, str(case)
        assert world.main_state() == main, str(case)


@pytest.mark.parametrize("command", ["create-branch", "delete-branch"])
def test_making_and_removing_the_folder(world: World, command: str, every_call: bool) -> None:
    """Killed around each AWS call; what it does to the disk alone is tested by `tests/branch/test_store.py`."""
    arguments = {"create-branch": ("create-branch", "transform", "other"), "delete-branch": ("delete-branch", "other")}
    other: Callable[[str], tuple[str, ...]] = lambda name: arguments[name]  # noqa: E731
    main = world.main_state()
    if command == "delete-branch":
        world.commands.well(world.folder, *other("create-branch"))
    calls = world.commands.well(world.folder, *other(command)).calls
    assert calls
    for call in calls if every_call else calls[::4]:
        if command == "delete-branch":
            world.commands.well(world.folder, *other("create-branch"))
        else:
            world.commands.run(world.folder, *other("delete-branch"))
        ended = world.commands.run(world.folder, *other(command), fault=Fault("kill after", call))
        assert ended.code == KILLED
        world.commands.well(world.folder, *other(command))
    if command == "create-branch":
        world.commands.well(world.folder, *other("delete-branch"))
    assert not [path.name for path in (world.folder / "branches").iterdir() if "other" in path.name]
    assert world.main_state() == main

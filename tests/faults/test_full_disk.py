"""A disk that fills up: a command makes nothing that it could not note, says so, and completes once there is room."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pypedream_dagster.local_aws.endpoint import Endpoint

from .commands import Commands, Ended
from .world import BRANCH, World, make_world

pytestmark = pytest.mark.slow

RARELY = pytest.mark.every_call
_DISK = "size=24m"
_PAGE = 4096


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A small disk of its own."""
    folder = tmp_path_factory.mktemp("disk")
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", _DISK, "tmpfs", str(folder)], capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"no disk can be mounted here: {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(scope="module")
def small(behind_proxy: Commands, module_env: Endpoint, disk: Path) -> World:
    return make_world(disk / "project", Path(f"/proc/{module_env.pid}/cwd").resolve(), behind_proxy)


@contextmanager
def full(world: World, free_pages: int = 0) -> Iterator[None]:
    """Fill the disk but for some pages of 4 kB."""
    filler = world.folder.parent / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * _PAGE)
        except OSError:
            pass
        size = file.tell() // _PAGE * _PAGE
        file.truncate(max(size - free_pages * _PAGE, 0))
    try:
        yield
    finally:
        filler.unlink()


def refusal(ended: Ended) -> str:
    (line,) = [line for line in ended.output.splitlines() if line.startswith("Error: ")]
    assert ended.code == 2, ended
    return line


def made_and_unnoted(world: World) -> set[str]:
    """What of the branch is on AWS and not on the record."""
    path = world.record_path
    noted = {item["identity"] for item in json.loads(path.read_text())["resources"]} if path.exists() else set()
    state = world.branch_state()
    claims = {
        f"s3://{world.bucket}/{key.removesuffix('_$pypedream$')}/" for key in state["objects"] if key.endswith("$")
    }
    scripts = {f"s3://{world.bucket}/{key}" for key in state["objects"] if "/scripts/" in key}
    made: set[str] = {*claims, *scripts, *state["jobs"], *state["databases"]}
    return made - noted


def test_deploying(small: World, every_call: bool) -> None:
    main = small.main_state()
    with full(small):
        assert "No space left on device" in refusal(small.commands.run(small.folder, "deploy-branch", BRANCH))
        assert small.leftovers() == {}
    for pages in range(1, 6, 1 if every_call else 3):
        with full(small, pages):
            ended = small.commands.run(small.folder, "deploy-branch", BRANCH)
            assert ended.code == 0 or "No space left" in refusal(ended)
            assert made_and_unnoted(small) == set()
        small.deploy()
        assert small.record()["finished_at"]
        small.destroy()
        assert small.leftovers() == {}
    assert small.main_state() == main


def test_destroying(small: World) -> None:
    small.deploy()
    whole = small.branch_state()
    with full(small):
        assert "No space left on device" in refusal(small.commands.run(small.folder, "destroy-branch", BRANCH))
        assert small.branch_state() == whole
    small.destroy()
    assert small.leftovers() == {}


@pytest.mark.parametrize("pages", [0, *(pytest.param(pages, marks=RARELY) for pages in (8, 40, 120))])
def test_triggering(small: World, pages: int) -> None:
    """Dagster's storage is on the same disk, and filled before or while the jobs run."""
    small.deploy()
    small.commands.well(small.folder, "trigger-branch", BRANCH)
    before = small.runs()
    with full(small, pages):
        ended = small.commands.run(small.folder, "trigger-branch", BRANCH)
        assert ended.code == 0 or refusal(ended), ended
        assert pages or small.runs() == before  # without any room, nothing is started
    small.commands.well(small.folder, "trigger-branch", BRANCH)
    small.settle()
    for name, states in small.runs().items():
        new = states[len(before[name]) :]
        assert new == ["SUCCEEDED"] * (2 if ended.code == 0 else 1), (name, ended.output)
    small.destroy()
    assert small.leftovers() == {}


def test_creating_a_branch(small: World) -> None:
    with full(small):
        ended = small.commands.run(small.folder, "create-branch", "transform", "other")
        assert "No space left on device" in refusal(ended)
    assert [path.name for path in (small.folder / "branches").iterdir()] == [BRANCH]
    small.commands.well(small.folder, "create-branch", "transform", "other")
    small.commands.well(small.folder, "delete-branch", "other")

"""A world whose every AWS call can be broken."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pypedream_dagster.local_aws.endpoint import Endpoint

from .commands import Commands, commands
from .world import World, make_world


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--every-call", action="store_true", help="Kill before and after every single call, of all commands."
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what takes long and tells little more than its neighbours."""
    if not config.getoption("--every-call", default=False):
        items[:] = [item for item in items if item.get_closest_marker("every_call") is None]


@pytest.fixture(scope="session")
def every_call(request: pytest.FixtureRequest) -> bool:
    """Whether no call may be left out; the option is known only where pytest is pointed at this folder."""
    return bool(request.config.getoption("--every-call", default=False))


@pytest.fixture(scope="module")
def module_env(local_aws: Endpoint) -> Iterator[Endpoint]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "DAGSTER_HOME", "PYPEDREAM_PROJECT"):
            patch.delenv(name, raising=False)
        patch.setenv("AWS_CONFIG_FILE", "/dev/null")
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        for name, value in local_aws.environment().items():
            patch.setenv(name, value)
        yield local_aws


@pytest.fixture(scope="module")
def behind_proxy(module_env: Endpoint, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    with commands(module_env.url, tmp_path_factory.mktemp("commands")) as made:
        yield made


@pytest.fixture(scope="module")
def world(behind_proxy: Commands, module_env: Endpoint, tmp_path_factory: pytest.TempPathFactory) -> World:
    state_dir = Path(f"/proc/{module_env.pid}/cwd").resolve()  # the server runs in its state's folder
    return make_world(tmp_path_factory.mktemp("project"), state_dir, behind_proxy)

"""One production for all walks, and the command line in its folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pypedream_dagster.cli.main import run
from pypedream_dagster.local_aws.endpoint import Endpoint

from .production import Production, make_production


@dataclass(frozen=True)
class Outcome:
    """What one command line came to."""

    code: int
    out: str
    err: str


Pypedream = Callable[..., Outcome]


@pytest.fixture(scope="module")
def production(local_aws: Endpoint, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "PYPEDREAM_PROJECT"):
            patch.delenv(name, raising=False)
        patch.setenv("AWS_CONFIG_FILE", "/dev/null")
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        patch.setenv("PYPEDREAM_OWNER", "ann")
        for name, value in local_aws.environment().items():
            patch.setenv(name, value)
        folder: Path = tmp_path_factory.mktemp("walk")
        patch.chdir(folder)
        yield make_production(local_aws, folder)


@pytest.fixture
def pypedream(production: Production, capsys: pytest.CaptureFixture[str]) -> Pypedream:
    """Run ``pypedream`` in production's project folder."""

    def call(*arguments: str) -> Outcome:
        capsys.readouterr()
        code = run(arguments)
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return call

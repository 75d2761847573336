"""Fixtures for every suite: one embedded AWS for the whole session, and an eye on the AWS calls that ours is."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import pypedream_dagster
from pypedream_dagster.aws.permissions import undeclared
from pypedream_dagster.local_aws import control
from pypedream_dagster.local_aws.endpoint import Endpoint

PACKAGE = Path(str(pypedream_dagster.__file__)).parent


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a browser test that is skipped is a failure: there is a browser, or CI is broken."""
    report = yield
    if report.skipped and os.environ.get("CI") and item.get_closest_marker("browser"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """An embedded AWS that all tests share: name buckets, roles and jobs after the test."""
    state_dir: Path = tmp_path_factory.mktemp("local-aws")
    endpoint = control.up(state_dir)
    yield endpoint
    control.down(state_dir)


@pytest.fixture
def aws_env(local_aws: Endpoint, monkeypatch: pytest.MonkeyPatch) -> Endpoint:
    """The environment variables that send boto3 to the embedded AWS, and nothing of the machine's own."""
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    for name, value in local_aws.environment().items():
        monkeypatch.setenv(name, value)
    return local_aws


@pytest.fixture(scope="session")
def calls_made() -> Iterator[set[str]]:
    """Every AWS call that the package's own clients have made in this process since the session's start."""
    from botocore.handlers import BUILTIN_HANDLERS

    made: set[str] = set()

    def note(model: Any, **_: Any) -> None:
        # Tests make calls as well, some through our clients' own boto3 client; so does the embedded AWS's awsglue.
        caller = Path(_caller())
        if caller.is_relative_to(PACKAGE) and not caller.is_relative_to(PACKAGE / "local_aws"):
            made.add(f"{model.service_model.service_name}:{model.name}")

    handler = ("before-call", note)
    BUILTIN_HANDLERS.append(handler)  # of every session that is made from now on
    yield made
    BUILTIN_HANDLERS.remove(handler)


def _caller() -> str:
    """Return the file of the nearest code on the stack that is neither botocore's nor this one."""
    frame: FrameType | None = sys._getframe()
    while frame and ("/botocore/" in frame.f_code.co_filename or frame.f_code.co_filename == __file__):
        frame = frame.f_back
    return frame.f_code.co_filename if frame else ""


@pytest.fixture(autouse=True)
def every_call_is_declared(calls_made: set[str]) -> Iterator[None]:
    """Fail the first test in which the package makes an AWS call whose permissions nobody has declared."""
    yield
    unknown = undeclared(calls_made)
    calls_made -= unknown
    assert not unknown, f"add a line for {', '.join(sorted(unknown))} to CALLS in aws/permissions.py"

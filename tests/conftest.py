"""Fixtures for every suite: one embedded AWS for the whole session."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from pypedream_dagster.local_aws import control
from pypedream_dagster.local_aws.endpoint import Endpoint


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

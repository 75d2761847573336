"""Fixtures of the embedded AWS's own tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pypedream_dagster.local_aws import control
from pypedream_dagster.local_aws.endpoint import Endpoint

from .aws import Aws
from .spark import spark  # noqa: F401 a fixture


@pytest.fixture(scope="session")
def aws(local_aws: Endpoint) -> Aws:
    return Aws(local_aws)


@pytest.fixture(scope="module")
def hasty_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    """An embedded AWS whose minutes last half a second, with one slot for job runs."""
    state_dir = tmp_path_factory.mktemp("hasty")
    yield Aws(control.up(state_dir, options=("--minute-seconds", "0.5", "--slots", "1")))
    control.down(state_dir)

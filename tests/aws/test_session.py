from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pypedream_dagster.aws.session import connect
from pypedream_dagster.errors import NotConfiguredError
from pypedream_dagster.settings import Settings


@pytest.fixture(autouse=True)
def _no_aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


@pytest.fixture
def open_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def _write_endpoint(settings: Settings, port: int, pid: int) -> None:
    settings.local_state_dir.mkdir(parents=True)
    values = {
        "url": f"http://127.0.0.1:{port}",
        "region": "us-east-1",
        "access_key_id": "LOCAL",
        "secret_access_key": "secret",
        "pid": pid,
    }
    (settings.local_state_dir / "endpoint.json").write_text(json.dumps(values))


def _dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_nothing_configured_says_how_to_start_the_embedded_aws(tmp_path: Path) -> None:
    with pytest.raises(NotConfiguredError, match="pypedream local up"):
        connect(Settings(tmp_path))


def test_a_running_embedded_aws_is_used(tmp_path: Path, open_port: int) -> None:
    settings = Settings(tmp_path)
    _write_endpoint(settings, open_port, os.getpid())
    aws = connect(settings)
    assert (aws.source, aws.region, aws.is_local) == ("the embedded AWS", "us-east-1", True)
    assert aws.s3.boto.meta.endpoint_url == f"http://127.0.0.1:{open_port}"


def test_an_embedded_aws_that_died_is_told_apart(tmp_path: Path) -> None:
    settings = Settings(tmp_path)
    _write_endpoint(settings, 9, _dead_pid())
    with pytest.raises(NotConfiguredError, match="not running any more"):
        connect(settings)


def test_the_environment_wins_over_the_embedded_aws(
    tmp_path: Path, open_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(tmp_path, region="eu-west-1")
    _write_endpoint(settings, open_port, os.getpid())
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    aws = connect(settings)
    assert (aws.endpoint_url, aws.region, aws.is_local) == (None, "eu-west-1", False)


def test_the_embedded_endpoint_named_explicitly_needs_no_credentials(tmp_path: Path, open_port: int) -> None:
    settings = Settings(tmp_path, endpoint_url=f"http://127.0.0.1:{open_port}/")
    _write_endpoint(settings, open_port, os.getpid())
    assert connect(settings).source == "the embedded AWS"


def test_another_endpoint_without_credentials_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotConfiguredError, match="no credentials for it"):
        connect(Settings(tmp_path, endpoint_url="http://127.0.0.1:1"))


def test_credentials_without_a_region_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    with pytest.raises(NotConfiguredError, match="no region"):
        connect(Settings(tmp_path))


def test_keys_in_the_environment_win_over_a_profile_and_the_embedded_aws_own(
    tmp_path: Path, open_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "credentials").write_text("[prod]\naws_access_key_id = PROD\naws_secret_access_key = x\n")
    settings = Settings(tmp_path, endpoint_url=f"http://127.0.0.1:{open_port}", profile="prod", region="us-east-1")
    _write_endpoint(settings, open_port, os.getpid())
    assert connect(settings).source == "the embedded AWS"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "restricted")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    assert connect(settings).source == "the embedded AWS (env)"


def test_a_profile_of_the_environment_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(NotConfiguredError, match="nobody"):
        connect(Settings(tmp_path, profile="nobody"))


def test_an_unknown_profile_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotConfiguredError, match="nobody"):
        connect(Settings(tmp_path, profile="nobody"))


def test_a_broken_endpoint_file_is_named(tmp_path: Path) -> None:
    settings = Settings(tmp_path)
    settings.local_state_dir.mkdir(parents=True)
    (settings.local_state_dir / "endpoint.json").write_text("{}")
    with pytest.raises(NotConfiguredError, match=r"endpoint\.json"):
        connect(settings)

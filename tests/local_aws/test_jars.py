"""The S3A jars: chosen, verified, made once."""

from __future__ import annotations

import fcntl
import json
import threading
import zipfile
from pathlib import Path

import pytest

from pypedream_dagster.errors import LocalAwsError
from pypedream_dagster.local_aws import jars
from pypedream_dagster.local_aws.jars import JARS_VARIABLE, ensure_jars


def test_jars_of_ones_own_are_used_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for name in ("folder/b.jar", "folder/a.jar", "folder/readme.txt", "single.jar"):
        (tmp_path / name).touch()
    environ = {JARS_VARIABLE: f"{tmp_path / 'single.jar'}:{tmp_path / 'folder'}"}
    assert [jar.name for jar in ensure_jars(environ=environ)] == ["single.jar", "a.jar", "b.jar"]


@pytest.mark.parametrize("name", ["missing.jar", "empty"])
def test_jars_of_ones_own_that_are_not_there_are_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(LocalAwsError, match=name):
        ensure_jars(environ={JARS_VARIABLE: str(tmp_path / name)})


def test_a_failed_download_leaves_nothing_and_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    cache = tmp_path / "cache"
    with pytest.raises(LocalAwsError, match="No matching distribution") as raised:
        ensure_jars(cache, environ={})
    assert JARS_VARIABLE in str(raised.value.hint)
    assert [path.suffix for path in cache.iterdir()] == [".lock"]


def test_a_distribution_with_another_hash_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sagemaker_pyspark-1.4.5.tar.gz").write_bytes(b"not the one")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(LocalAwsError, match="could not be downloaded"):
        ensure_jars(tmp_path / "cache", environ={})


@pytest.mark.slow
def test_the_jars_are_small_whole_and_noticed_when_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hadoop, sdk = ensure_jars()
    assert sdk.stat().st_size < 30_000_000
    with zipfile.ZipFile(sdk) as archive:
        names = set(archive.namelist())
        assert archive.testzip() is None
    assert {"com/amazonaws/services/s3/AmazonS3Client.class", "mime.types"} <= names
    assert not any(name.startswith("com/amazonaws/services/ec2/") for name in names)
    # Enough of a cache to look intact, then not.
    home = tmp_path / hadoop.parent.name
    home.mkdir()
    for path in (hadoop, sdk, hadoop.parent / "manifest.json"):
        (home / path.name).hardlink_to(path) if path.suffix != ".json" else (home / path.name).write_text(
            path.read_text()
        )
    assert ensure_jars(tmp_path, environ={}) == (home / hadoop.name, home / sdk.name)
    manifest = home / "manifest.json"
    manifest.write_text(json.dumps(dict.fromkeys(json.loads(manifest.read_text()), "0" * 64)))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(LocalAwsError, match="could not be downloaded"):
        ensure_jars(tmp_path, environ={})


def test_the_second_of_two_processes_waits_and_finds_them_made(tmp_path: Path) -> None:
    """The lock is held as another process would; when it is let go the jars are there."""
    home = tmp_path / "s3a-3.3.1"
    contents = {"hadoop-aws-3.3.1.jar": b"one", "aws-java-sdk-s3a-1.11.901.jar": b"two"}
    found: list[tuple[Path, ...]] = []
    waiting = threading.Thread(target=lambda: found.append(ensure_jars(tmp_path, environ={})))
    with (tmp_path / "s3a-3.3.1.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting.start()
        waiting.join(0.2)
        assert waiting.is_alive()
        home.mkdir()
        for name, content in contents.items():
            (home / name).write_bytes(content)
        digests = {name: jars._sha256(home / name) for name in contents}
        (home / "manifest.json").write_text(json.dumps(digests))
    waiting.join(10)
    assert found == [(home / "hadoop-aws-3.3.1.jar", home / "aws-java-sdk-s3a-1.11.901.jar")]

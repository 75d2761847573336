"""Commands that only read files start quickly: what is heavy to import is not imported for them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = {
    "boto3",
    "dagster",
    "duckdb",
    "great_expectations",
    "matplotlib",
    "moto",
    "numpy",
    "pandas",
    "pyarrow",
    "pyspark",
}
_LOADED = "import json, sys; print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"


def _loaded_after(code: str) -> set[str]:
    """Run code in a fresh interpreter and return the packages that it loaded."""
    command = [sys.executable, "-c", f"{code}\n{_LOADED}"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, env=_plain_environment())
    found: list[str] = json.loads(result.stdout.splitlines()[-1])
    return set(found)


def _plain_environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "PYTHONPATH") if name in os.environ}
    return {**kept, "COLUMNS": "100"}


def _command(*arguments: str) -> str:
    return (
        "from pypedream_dagster.cli.main import main\n"
        f"import sys; sys.argv = ['pypedream', *{list(arguments)!r}]\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["nodes"],
        ["nodes", "--json"],
        ["branches"],
        ["plot", "--format", "svg"],
        ["create-branch", "--help"],
    ],
    ids=" ".join,
)
def test_reading_commands_load_nothing_heavy(arguments: list[str]) -> None:
    assert not _loaded_after(_command(*arguments)) & HEAVY


@pytest.mark.parametrize(
    "module",
    [
        "pypedream_dagster.settings",
        "pypedream_dagster.branch.store",
        "pypedream_dagster.branch.derive",
        "pypedream_dagster.graph.plot",
        "pypedream_dagster.cli.main",
    ],
)
def test_pure_parts_load_nothing_heavy(module: str) -> None:
    assert not _loaded_after(f"import {module}") & HEAVY


@pytest.mark.parametrize(
    ("module", "allowed"),
    [
        ("pypedream_dagster.delta.model", set()),
        ("pypedream_dagster.report.html", set()),
        ("pypedream_dagster.importers.sources.live", {"boto3"}),
        ("pypedream_dagster.definitions", {"dagster", "boto3"}),
        ("pypedream_dagster.branch_definitions", {"dagster", "boto3"}),
    ],
)
def test_other_parts_load_what_they_must_only(module: str, allowed: set[str]) -> None:
    assert _loaded_after(f"import {module}") & HEAVY <= allowed

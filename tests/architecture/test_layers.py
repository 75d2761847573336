"""The layers hold, exhaustively, and no contract is softened."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def contracts() -> list[dict[str, Any]]:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = config["tool"]["importlinter"]["contracts"]
    return found


def test_every_contract_is_kept() -> None:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    result = subprocess.run([*command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert " 0 broken" in result.stdout


def test_no_contract_has_an_exception(contracts: list[dict[str, Any]]) -> None:
    assert all("ignore_imports" not in contract for contract in contracts)


@pytest.mark.parametrize("package", ["pypedream_dagster", "pypedream_dagster.importers"])
def test_every_part_of_a_package_is_in_a_layer(contracts: list[dict[str, Any]], package: str) -> None:
    (layers,) = (contract for contract in contracts if contract.get("containers") == [package])
    assert layers["exhaustive"] is True
    named = {name.strip() for layer in layers["layers"] for name in layer.split("|")}
    folder = ROOT.joinpath(*package.split("."))
    parts = {path.stem for path in folder.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert parts - {"__init__"} == named


def test_packages_are_called_by_what_they_are_about() -> None:
    forbidden = {"utils", "util", "helpers", "helper", "common", "misc", "manager"}
    # awsglue has AWS's names, not ours.
    files = (path for path in (ROOT / "pypedream_dagster").rglob("*.py") if "awsglue_shim" not in path.parts)
    names = {path.stem for path in files}
    assert not {name for name in names if forbidden & set(name.split("_"))}


def test_packages_hold_no_logic_in_their_front_page() -> None:
    for path in (ROOT / "pypedream_dagster").rglob("__init__.py"):
        if "awsglue_shim" not in path.parts:
            code = compile(path.read_text(encoding="utf-8"), str(path), "exec")
            assert not any(hasattr(constant, "co_code") for constant in code.co_consts), path

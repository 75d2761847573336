"""docs/hazards.md lists every kind of hazard as the code has it."""

from __future__ import annotations

from pathlib import Path

from pypedream_dagster.deploy.hazards.model import KINDS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "hazards.md"


def rows() -> list[str]:
    return [
        f"| `{name}` | {', '.join(kind.severities)} | {kind.about} | {kind.why} | {kind.remedy} |"
        for name, kind in KINDS.items()
    ]


def test_the_table_is_the_codes() -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    assert [text for text in lines if text.startswith("| `")] == rows()

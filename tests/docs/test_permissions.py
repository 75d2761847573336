"""docs/permissions.md tells what the code does: its table and its example are what the code makes."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "permissions.md").read_text(encoding="utf-8")


def test_the_generated_part_is_what_the_code_makes() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "permissions_page.py"))
    assert script["updated"](PAGE) == PAGE, "run 'python scripts/permissions_page.py'"


def test_what_the_text_names_is_in_the_policy() -> None:
    text = re.sub(r"```.*?```|<!-- generated.*?end of what is generated -->", "", PAGE, flags=re.DOTALL)
    from pypedream_dagster.aws import iam_policy

    source = Path(str(iam_policy.__file__)).read_text(encoding="utf-8")
    for name in re.findall(r"`(Keep\w+)`", text):
        assert f'"{name}"' in source

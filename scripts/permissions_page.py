"""The generated part of docs/permissions.md: ``python scripts/permissions_page.py`` writes it anew.

A test compares the page with what this makes: the page cannot fall behind the code.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from pypedream_dagster.aws.iam_policy import Account, policies, resources_in_words
from pypedream_dagster.aws.permissions import AUDIENCES, CALLS, Audience, Call, calls_of, commands_of
from pypedream_dagster.branch.reach import reach_of
from pypedream_dagster.graph.files import parse_graph

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "permissions.md"
START, END = "<!-- generated: scripts/permissions_page.py -->\n", "<!-- end of what is generated -->\n"


def section() -> str:
    """Return the generated part: who gives which commands, each permission and why, and an example."""
    return "\n".join([*_audiences(), "", *_permissions(), "", *_example(), ""])


def updated(page: str) -> str:
    """Return a page with its generated part made anew."""
    head, rest = page.split(START)
    return f"{head}{START}\n{section()}\n{END}{rest.split(END)[1]}"


def _audiences() -> Iterator[str]:
    yield "| `--for` | gives these commands |"
    yield "|---|---|"
    for audience in AUDIENCES:
        yield f"| `{audience}` | {', '.join(f'`{command}`' for command in commands_of(audience))} |"


def _permissions() -> Iterator[str]:
    yield f"| permission | on | for | {' | '.join(AUDIENCES)} |"
    yield f"|---|---|---|{'---|' * len(AUDIENCES)}"
    needed = {audience: set(calls_of(audience)) for audience in AUDIENCES}
    rows: dict[tuple[str, str], list[Call]] = {}
    for call in CALLS:
        if call.action and call.commands:
            where = "; ".join(resources_in_words(target) for target in call.targets)
            rows.setdefault((call.action, where), []).append(call)
    for (action, where), calls in rows.items():
        why = "; ".join(dict.fromkeys(call.why for call in calls))
        yield f"| `{action}` | {where} | {why} | {' | '.join(_mark(calls, needed[a]) for a in AUDIENCES)} |"


def _mark(calls: list[Call], needed: set[Call]) -> str:
    return "✓" if needed & set(calls) else ""


def _example(audience: Audience = "developer") -> Iterator[str]:
    block = re.search(r"```json\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL)
    assert block is not None
    [document] = policies(audience, reach_of(parse_graph(json.loads(block[1])), "dev-*"), Account("123456789012"))
    yield "Of the two jobs in README's example, for branches called `dev-…`:"
    yield ""
    yield "```json"
    yield json.dumps(document, indent=2)
    yield "```"


def main() -> int:
    """Write the page."""
    PAGE.write_text(updated(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

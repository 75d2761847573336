"""The README's commands exist, take the options shown, and its tour is what the demo runs."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from pypedream_dagster.cli.main import cli
from pypedream_dagster.graph.files import parse_graph

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [README, *(path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").rglob("*.md")))]


def commands() -> Iterator[str]:
    """Yield every ``pypedream …`` command line in code, inline or in blocks."""
    for text in DOCUMENTS:
        inline = re.findall(r"`(pypedream [^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
        blocks = re.findall(r"```(?:bash|console|text)?\n(.*?)```", text, flags=re.DOTALL)
        yield from inline
        yield from (
            line.removeprefix("$ ") for block in blocks for line in block.splitlines() if "pypedream" in line[:13]
        )


def plain(command: str) -> list[str]:
    words = shlex.split(command.replace("\\|", "|"), comments=True)[1:]
    return [word.split("|")[0] for word in words]


@pytest.mark.parametrize("command", sorted({c for c in commands() if c.startswith("pypedream ")}))
def test_a_documented_command_parses(command: str) -> None:
    words = plain(command)
    context = click.Context(cli, info_name="pypedream")
    current: click.Command = cli
    while words and isinstance(current, click.Group):
        found = current.get_command(context, words[0])
        assert found is not None, f"{command}: there is no {words[0]}"
        current, words = found, words[1:]
    if words:  # a command named alone is spoken of, not typed
        current.make_context(current.name, words, parent=context)


def test_the_graph_in_the_readme_is_sound() -> None:
    block = re.search(r"```json\n(.*?)```", README, flags=re.DOTALL)
    assert block is not None
    graph = parse_graph(json.loads(block[1]))
    assert [node.id for node in graph.nodes] == ["extract", "transform"]


def test_every_command_stands_in_the_readme() -> None:
    for name in cli.list_commands(click.Context(cli)):
        assert f"`pypedream {name}" in README


def test_every_make_target_that_is_documented_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    named = {
        name
        for text in [*DOCUMENTS, (ROOT / "CONTRIBUTING.md").read_text()]
        for name in re.findall(r"(?:`|^)make ([a-z-]+)", text, flags=re.MULTILINE)
    }
    assert named <= targets


@pytest.mark.parametrize("text", DOCUMENTS, ids=range(len(DOCUMENTS)))
def test_links_lead_somewhere(text: str) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert (ROOT / target).exists() or (ROOT / "docs" / target).exists(), target

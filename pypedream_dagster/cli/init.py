"""``pypedream init``."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import click

from pypedream_dagster.cli.invocation import Invocation, pass_invocation
from pypedream_dagster.cli.output import note
from pypedream_dagster.errors import StateError

# Template → where it goes in the project. A template may not be called .gitignore, or git would obey it here.
_FILES = {
    "main.json": "pipeline_graph/main.json",
    "branches_readme.md": "branches/README.md",
    "workspace.yaml": "workspace.yaml",
    "dagster.yaml": "dagster.yaml",
    "gitignore.txt": ".gitignore",
}


@click.command("init")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=".")
@pass_invocation
def command(invocation: Invocation, folder: Path) -> None:
    """Start a project for a pipeline of your own.

    Writes, here or in FOLDER, a graph of two example jobs, Dagster's two files and a .gitignore. Overwrites
    nothing: a .gitignore that is there already is kept, anything else in the way stops it.
    """
    root = invocation.project or folder
    targets = {template: root / place for template, place in _FILES.items()}
    if (root / ".gitignore").exists():
        note(f"{root / '.gitignore'} is kept; see that it has .pypedream/ and branches/*/deltas/ in it.")
        del targets["gitignore.txt"]
    if taken := [str(path) for path in targets.values() if path.exists()]:
        raise StateError(
            f"Nothing was written: {', '.join(taken)} {'exists' if len(taken) == 1 else 'exist'} already.",
            hint="go to another folder, or move these away",
        )
    templates = files("pypedream_dagster.cli") / "templates"
    for template, target in targets.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((templates / template).read_bytes())
        click.echo(f"wrote {invocation.shown(target)}")
    note("Next: 'pypedream import-dag QUERY' reads your pipeline from AWS or from code into pipeline_graph/main.json,")
    note("in place of the example; or edit that file by hand.")
    note("Then 'pypedream nodes' and 'pypedream create-branch NODE BRANCH'.")


def is_example(path: Path) -> bool:
    """Tell whether a graph file is still the example that ``init`` writes: nobody's work."""
    template = next(name for name, place in _FILES.items() if place.endswith("main.json"))
    return path.exists() and path.read_bytes() == (files("pypedream_dagster.cli") / "templates" / template).read_bytes()

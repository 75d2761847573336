"""What commands print: results on stdout, everything else on stderr, and secrets nowhere."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TextIO

import click

from pypedream_dagster.errors import GraphError, PypedreamError
from pypedream_dagster.masking.mask import mask_document, mask_known, mask_text

PIPED_WIDTH = 200
"""Columns where stdout is no terminal: tables take what they need and are not cut at 80."""


class WithoutSecrets:
    """A text stream that shows no secret which this process has learnt, whatever writes to it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text, masked."""
        self._stream.write(mask_known(text))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def note(text: str) -> None:
    """Print a note or progress."""
    click.echo(mask_text(text), err=True)


def print_json(document: Any) -> None:
    """Print a command's one JSON document."""
    click.echo(json.dumps(mask_document(document), indent=2, ensure_ascii=False, allow_nan=False))


def print_error(error: PypedreamError) -> None:
    """Print an expected error: one line, and for a graph one more for each fault."""
    note(f"Error: {' '.join(str(error).split())}")
    if isinstance(error, GraphError):
        for fault in error.faults:
            note(f"  - {' '.join(fault.split())}")


def print_table(
    headers: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[str] = (), err: bool = False
) -> None:
    """Print a table, as wide as the terminal allows.

    Args:
        headers: of the columns.
        rows: their cells, as plain text.
        right: headers of the columns to align right.
        err: whether it goes to stderr: it is no result then, but a note.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for header in headers:
        table.add_column(header, justify="right" if header in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(mask_text(cell)) for cell in row))
    console = Console(width=None if sys.stdout.isatty() else PIPED_WIDTH, highlight=False)
    # Rich pads every line to the table's width; nobody wants those spaces in a file or a diff.
    with console.capture() as captured:
        console.print(table)
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()), err=err)


def count(number: int, noun: str) -> str:
    """Return ``1 job``, ``2 jobs``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def write_output(content: str | bytes, path: Path | None) -> None:
    """Write a command's result to a file, or to stdout if there is none.

    Raises:
        PypedreamError: the file cannot be written.
    """
    body = content.encode() if isinstance(content, str) else content
    if path is None:
        click.echo(content if isinstance(content, bytes) else content.rstrip("\n"))
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    except OSError as error:
        raise PypedreamError(
            f"{path} cannot be written: {error.strerror}.", hint="name another file with -o"
        ) from error

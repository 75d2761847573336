"""How hazards are shown: sorted by severity, each with its place, why it matters, and what to do."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import click

from pypedream_dagster.branch.model import BranchGraph
from pypedream_dagster.branch.store import BranchStore
from pypedream_dagster.cli.invocation import Invocation
from pypedream_dagster.cli.output import note
from pypedream_dagster.deploy.hazards.model import SEVERITIES, Finding
from pypedream_dagster.deploy.hazards.scan import scan
from pypedream_dagster.errors import AwsError


def scan_where_possible(invocation: Invocation, store: BranchStore, graph: BranchGraph) -> tuple[Finding, ...]:
    """Return a branch's hazards; where AWS cannot be asked, those that this machine alone can tell."""
    try:
        return scan(invocation.aws(), store, graph)
    except AwsError as error:
        note(f"Production's jobs are not scanned: {error}")
        return scan(None, store, graph)


def hazard_document(finding: Finding, acknowledged: Collection[str] = ()) -> dict[str, Any]:
    """Return a finding for ``--json``."""
    return {
        "id": finding.id,
        "kind": finding.kind,
        "severity": finding.severity,
        "node": finding.node or None,
        "file": finding.file,
        "line": finding.line,
        "what": finding.what,
        "why": finding.why,
        "do": finding.advice,
        "acknowledged": finding.id in acknowledged,
    }


def print_hazards(findings: Sequence[Finding], acknowledged: Collection[str] = ()) -> None:
    """Print findings, the severe with all that is known of them, the mere notes in a line each."""
    for severity in SEVERITIES:
        for finding in (item for item in findings if item.severity == severity):
            done = " (acknowledged)" if finding.id in acknowledged else ""
            who = f"{finding.node}: " if finding.node else ""
            click.echo(f"  {severity:7}  {who}{finding.what}{done}")
            if severity == "info":
                continue
            click.echo(f"           at   {finding.place}  [{finding.id}]")
            click.echo(f"           why  {finding.why}")
            click.echo(f"           do   {finding.advice}")


def acknowledged_ids(acknowledgements: Iterable[Any]) -> frozenset[str]:
    """Return the ids that a branch's record holds."""
    return frozenset(item.id for item in acknowledgements)

"""``pypedream policy``."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from pypedream_dagster.aws.iam_policy import MAX_MANAGED_CHARACTERS, Account, length, policies, resources_in_words
from pypedream_dagster.aws.permissions import AUDIENCES, Audience, calls_of, commands_of
from pypedream_dagster.branch.reach import Reach, reach_of
from pypedream_dagster.cli.invocation import Invocation, pass_invocation
from pypedream_dagster.cli.options import json_option
from pypedream_dagster.cli.output import note, print_json, write_output
from pypedream_dagster.graph.files import read_graph

_PARTITIONS = ("aws", "aws-cn", "aws-us-gov")


@click.command("policy")
@click.option("--for", "audience", type=click.Choice(AUDIENCES), default="developer", show_default=True, help="Who.")
@click.option("--branches", default="*", metavar="PATTERN", help="Only branches of this name, such as 'dev-*'.")
@click.option("--account", default="*", metavar="ID", help="The account that the pipeline runs in; any by default.")
@click.option("--region", default="*", help="The region that it runs in; any by default.")
@click.option("--partition", type=click.Choice(_PARTITIONS), default="aws", show_default=True)
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="The file; several are numbered.")
@json_option
@pass_invocation
def command(
    invocation: Invocation,
    audience: Audience,
    branches: str,
    account: str,
    region: str,
    partition: str,
    output: Path | None,
    as_json: bool,
) -> None:
    """Print the IAM policy that a person or CI needs, and no more.

    It is made from the calls that the commands make and from the main graph: its buckets, jobs and roles. Asks
    nobody, so it can be made before there are any credentials.
    """
    if account != "*" and not re.fullmatch(r"\d{12}", account):
        raise click.BadParameter(f"{account!r} is no account: twelve digits", param_hint="--account")
    reach = reach_of(read_graph(invocation.settings().graph_path), branches)
    documents = policies(audience, reach, Account(account, region, partition))
    if as_json:
        print_json(_document(audience, reach, documents))
    else:
        _write(documents, output)
    _say(invocation, audience, reach, documents, output)


def _write(documents: Sequence[dict[str, Any]], output: Path | None) -> None:
    for path, document in zip(_paths(output, len(documents)), documents, strict=True):
        write_output(json.dumps(document, indent=2) + "\n", path)


def _paths(output: Path | None, number: int) -> list[Path | None]:
    if output is None or number == 1:
        return [output] * number
    return [output.with_stem(f"{output.stem}-{index}") for index in range(1, number + 1)]


def _document(audience: Audience, reach: Reach, documents: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        "for": audience,
        "commands": list(commands_of(audience)),
        "branches": reach.branches,
        "policies": [{"characters": length(document), "document": document} for document in documents],
        "permissions": [
            {
                "action": call.action,
                "on": [resources_in_words(target) for target in call.targets],
                "call": call.operation,
                "why": call.why,
            }
            for call in calls_of(audience)
        ],
    }


def _say(
    invocation: Invocation,
    audience: Audience,
    reach: Reach,
    documents: Sequence[dict[str, Any]],
    output: Path | None,
) -> None:
    sizes = " and ".join(f"{length(document):,}" for document in documents)
    number = "" if len(documents) == 1 else f"{len(documents)} policies, to attach together, "
    note(f"For {audience}: {number}of {sizes} characters; a managed policy may have {MAX_MANAGED_CHARACTERS:,}.")
    for path in _paths(output, len(documents)):
        if path is not None:
            note(f"Wrote {invocation.shown(path.absolute())}")
    if reach.roleless and audience in {"developer", "ci"}:
        note(f"The graph does not say the role of {', '.join(reach.roleless)}: the policy lets any be passed to Glue.")
    if reach.kept_objects and audience != "reader":
        note("Branches may have any name, and IAM cannot tell theirs from others': '--branches dev-*' narrows it.")

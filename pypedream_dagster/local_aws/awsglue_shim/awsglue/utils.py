# ruff: noqa: N802 the names are awsglue's
"""Job arguments: ``getResolvedOptions``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

__all__ = ["GlueArgumentError", "getResolvedOptions"]

# Glue's own arguments, which every result holds whether or not they were asked for.
_RESERVED = {
    "--job-bookmark-option": ("job_bookmark_option", "job-bookmark-disable"),
    "--job-bookmark-from": ("job_bookmark_from", None),
    "--job-bookmark-to": ("job_bookmark_to", None),
    "--JOB_ID": ("JOB_ID", None),
    "--JOB_RUN_ID": ("JOB_RUN_ID", None),
    "--SECURITY_CONFIGURATION": ("SECURITY_CONFIGURATION", None),
    "--encryption-type": ("encryption_type", None),
    "--enable-data-lineage": ("enable_data_lineage", None),
    "--RedshiftTempDir": ("RedshiftTempDir", None),
    "--TempDir": ("TempDir", None),
}


class GlueArgumentError(Exception):
    """A job argument is missing, or has no value."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise GlueArgumentError(message)


def getResolvedOptions(args: Sequence[str], options: Sequence[str]) -> dict[str, Any]:
    """The values of a job's arguments.

    Args:
        args: ``sys.argv``; ``--NAME value`` and ``--NAME=value`` are both understood, what is not asked for is
            passed over.
        options: the names wanted, without the dashes; each must be there.

    Raises:
        GlueArgumentError: one is missing or has no value.
    """
    parser = _Parser(allow_abbrev=False, add_help=False, prog=args[0] if args else None)
    for name in dict.fromkeys(options):
        parser.add_argument(f"--{name}", dest=name.replace("-", "_"), required=True)
    for flag, (destination, default) in _RESERVED.items():
        if flag.removeprefix("--") not in options:
            parser.add_argument(flag, dest=destination, default=default)
    found, _ = parser.parse_known_args(list(args[1:]))
    return vars(found)

"""Code location ``branches``: every branch's assets, checks and job, of the project around the working directory."""

from __future__ import annotations

import os
from pathlib import Path

import dagster as dg

from pypedream_dagster.defs.locations import branch_definitions
from pypedream_dagster.settings import load_settings


@dg.definitions
def defs() -> dg.Definitions:
    """All branches that have a folder."""
    return branch_definitions(load_settings(os.environ, cwd=Path.cwd()))

"""Code location ``main``: production's assets. One of the two places, beside the CLI, that read the environment."""

from __future__ import annotations

import os
from pathlib import Path

import dagster as dg

from pypedream_dagster.defs.locations import main_definitions
from pypedream_dagster.settings import load_settings


@dg.definitions
def defs() -> dg.Definitions:
    """Production, of the project around the working directory."""
    return main_definitions(load_settings(os.environ, cwd=Path.cwd()))

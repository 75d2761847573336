"""The demo's own modules are scripts beside each other, so their folder goes on the path."""

from __future__ import annotations

import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT / "demo"))

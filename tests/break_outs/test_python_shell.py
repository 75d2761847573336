"""A Python shell job on a branch tries to reach main in every way that it can think of, through the real path."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pypedream_dagster.defs.launch import trigger
from tests.defs.conftest import make_project, project  # noqa: F401 fixtures
from tests.defs.production import Project

from .main_state import make_targets, state_of_main

pytestmark = pytest.mark.slow

ATTEMPTS = Path(__file__).with_name("attempts.py")
REFUSED = re.compile(
    r"refused|(AccessDenied(Exception)?|403|InvalidAccessKeyId|InvalidClientTokenId|UnrecognizedClientException"
    r"|SignatureDoesNotMatch|NoSuchUpload|PermissionError|HTTPError|InvalidToken)\b"
)


def test_nothing_of_mains_can_be_reached(project: Project) -> None:  # noqa: F811
    project.fill_main()
    targets = make_targets(project)
    project.create_branch(change=f"TARGETS = {targets!r}\n{ATTEMPTS.read_text()}")
    project.deploy()
    before = state_of_main(project, targets)

    heard: list[object] = []

    result = trigger(project.settings, "test", select=("transform",), on_event=heard.append)

    assert result.success, "\n".join(map(str, heard))
    outcomes = json.loads(project.aws.s3.read_bytes(f"s3://{project.bucket}/{targets['own']}outcomes.json"))
    assert len(outcomes) > 100
    through = [f"{name} → {outcome}" for name, outcome in outcomes.items() if not REFUSED.match(outcome)]
    assert not through, "\n".join(through)
    assert state_of_main(project, targets) == before

"""Settings: found from anywhere in the project, and the flag beats the environment beats the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from pypedream_dagster.errors import PypedreamError
from pypedream_dagster.settings import find_project, load_settings


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "pipeline_graph").mkdir(parents=True)
    (root / "branches" / "test" / "scripts").mkdir(parents=True)
    return root


def test_a_project_is_found_from_any_folder_in_it(project: Path) -> None:
    assert find_project(project / "branches" / "test" / "scripts") == project
    settings = load_settings({}, cwd=project / "branches")
    assert settings.project_dir == project
    assert settings.graph_path == project / "pipeline_graph" / "main.json"
    assert settings.branches_dir == project / "branches"
    assert settings.local_state_dir == project / ".pypedream" / "local"


def test_no_project(tmp_path: Path) -> None:
    with pytest.raises(PypedreamError, match=r"No project here.*--project"):
        load_settings({}, cwd=tmp_path)
    with pytest.raises(PypedreamError, match=r"No project at .*nowhere"):
        load_settings({}, cwd=tmp_path, project=tmp_path / "nowhere")


def test_the_flag_beats_the_environment(project: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    (other / "pipeline_graph").mkdir(parents=True)
    environment = {"PYPEDREAM_PROJECT": str(other)}
    assert load_settings(environment, cwd=project).project_dir == other
    assert load_settings(environment, cwd=project, project=project).project_dir == project


def test_a_relative_project_is_meant_from_where_the_user_stands(project: Path, tmp_path: Path) -> None:
    assert load_settings({}, cwd=tmp_path, project=Path("project")).project_dir == project
    assert load_settings({"PYPEDREAM_PROJECT": "project"}, cwd=tmp_path).project_dir == project


def test_the_environment_beats_the_file(project: Path) -> None:
    (project / "pypedream.toml").write_text('region = "eu-west-1"\nowner = "Jörg"\n', encoding="utf-8")
    from_file = load_settings({}, cwd=project)
    assert (from_file.region, from_file.owner, from_file.profile) == ("eu-west-1", "Jörg", None)
    environment = {"AWS_DEFAULT_REGION": "us-east-1", "PYPEDREAM_OWNER": "ann", "USER": "x", "AWS_PROFILE": ""}
    from_both = load_settings(environment, cwd=project)
    assert (from_both.region, from_both.owner, from_both.profile) == ("us-east-1", "ann", None)
    assert load_settings({**environment, "AWS_REGION": "us-west-2"}, cwd=project).region == "us-west-2"


def test_the_owner_is_the_user_if_nothing_else_is_said(project: Path) -> None:
    assert load_settings({"USER": "ann"}, cwd=project).owner == "ann"
    assert load_settings({}, cwd=project).owner == "unknown"


def test_how_long_an_answer_is_waited_for(project: Path) -> None:
    assert load_settings({}, cwd=project).timeout_seconds == 60
    (project / "pypedream.toml").write_text('timeout_seconds = "5"\n')
    assert load_settings({}, cwd=project).timeout_seconds == 5
    assert load_settings({"PYPEDREAM_TIMEOUT_SECONDS": "2.5"}, cwd=project).timeout_seconds == 2.5
    for text in ("soon", "0", "-1", "inf", "nan"):
        with pytest.raises(PypedreamError, match=f"'{text}', which is no number of seconds"):
            load_settings({"PYPEDREAM_TIMEOUT_SECONDS": text}, cwd=project)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"region = ", "is not valid TOML"),
        (b"\xff", "is not valid TOML"),
        (b"regoin = 'x'\nowner = 1", "owner, regoin"),
        (b"[region]\nname = 'x'", "non-text settings region"),
    ],
)
def test_faulty_files(project: Path, content: bytes, message: str) -> None:
    (project / "pypedream.toml").write_bytes(content)
    with pytest.raises(PypedreamError, match=message):
        load_settings({}, cwd=project)


def test_a_folder_for_a_file(project: Path) -> None:
    (project / "pypedream.toml").mkdir()
    with pytest.raises(PypedreamError, match="cannot be read"):
        load_settings({}, cwd=project)

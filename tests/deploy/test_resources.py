"""What a clone is made of, from production's job as Glue tells it."""

from __future__ import annotations

from typing import Any

import pytest

from pypedream_dagster.aws.glue import GlueJob
from pypedream_dagster.branch.derive import derive_branch
from pypedream_dagster.branch.model import BranchGraph
from pypedream_dagster.deploy.locked import locked_nodes, with_clones, with_live_arguments
from pypedream_dagster.deploy.resources import Job, clone_properties, desired_resources, fingerprint
from pypedream_dagster.errors import StateError
from pypedream_dagster.graph.files import parse_graph


def _graph(write_mode: str = "overwrite") -> BranchGraph:
    def node(name: str, output: str) -> dict[str, Any]:
        location = f"s3://lake/{{branch-name}}/scripts/{name}.py"
        properties = {"Name": f"{name}-{{branch-name}}", "Command": {"Name": "glueetl", "ScriptLocation": location}}
        data = {"uri": f"s3://lake/{{branch-name}}/{output}/", "write_mode": write_mode}
        return {"id": name, "metadata": {"operation": "glue", "properties": properties, "output_data": {output: data}}}

    links = [{"source": "a", "target": "b", "metadata": {"data": ["x"]}}]
    return derive_branch(parse_graph({"nodes": [node("a", "x"), node("b", "y")], "links": links}), "test", ["a"])


def _production(**fields: Any) -> GlueJob:
    properties = {
        "Name": "a-main",
        "Role": "arn:aws:iam::1:role/jobs",
        "CreatedOn": "2026-01-01",
        "Command": {"Name": "glueetl", "ScriptLocation": "s3://lake/main/scripts/a.py", "PythonVersion": "3"},
        "DefaultArguments": {"--X_DATA_SINK": "s3://lake/main/x/", "--day": "1"},
        "GlueVersion": "4.0",
        "WorkerType": "G.2X",
        "NumberOfWorkers": 7,
        "MaxCapacity": 14.0,
        "MaxRetries": 2,
        "Timeout": 60,
        "ExecutionProperty": {"MaxConcurrentRuns": 3},
        "Connections": {"Connections": ["warehouse"]},
        "SecurityConfiguration": "kms",
        "ExecutionClass": "FLEX",
        "SomethingNew": {"kept": True},
    }
    return GlueJob("a-main", {**properties, **fields})


def _clone(**fields: Any) -> dict[str, Any]:
    production = _production(**fields)
    graph = with_live_arguments(_graph(), {"a": production, "b": _production()})
    return clone_properties(graph, graph.by_id["a"], production)


def test_a_clone_is_production_but_for_what_makes_it_the_branchs() -> None:
    assert _clone() == {
        "Name": "a-test",
        "Description": "Pypedream branch test of a-main",
        "Role": "arn:aws:iam::1:role/jobs",
        "Command": {"Name": "glueetl", "ScriptLocation": "s3://lake/test/scripts/a.py", "PythonVersion": "3"},
        "DefaultArguments": {
            "--X_DATA_SINK": "s3://lake/test/x/",
            "--day": "1",
            "--job-bookmark-option": "job-bookmark-disable",
        },
        "GlueVersion": "4.0",
        "WorkerType": "G.2X",
        "NumberOfWorkers": 7,
        "MaxRetries": 0,
        "Timeout": 60,
        "ExecutionProperty": {"MaxConcurrentRuns": 3},
        "Connections": {"Connections": ["warehouse"]},
        "SecurityConfiguration": "kms",
        "ExecutionClass": "FLEX",
        "SomethingNew": {"kept": True},
    }


def test_what_glue_writes_for_a_job_goes_to_the_branch() -> None:
    arguments = {"--TempDir": "s3://lake/main/tmp/", "--spark-event-logs-path": "s3://logs/spark/"}
    assert _clone(DefaultArguments=arguments)["DefaultArguments"] == {
        "--TempDir": "s3://lake/test/temporary/a/",
        "--spark-event-logs-path": "s3://lake/test/temporary/a/spark-event-logs/",
        "--X_DATA_SINK": "s3://lake/test/x/",
        "--job-bookmark-option": "job-bookmark-disable",
    }


@pytest.mark.parametrize(("command", "version"), [("glueetl", "5.0"), ("pythonshell", "3.0")])
def test_a_version_and_a_timeout_are_always_set(command: str, version: str) -> None:
    clone = _clone(GlueVersion=None, Timeout=None, Command={"Name": command})
    assert (clone["GlueVersion"], clone["Timeout"]) == (version, 480)


def test_a_visual_job_becomes_the_script_that_was_edited() -> None:
    clone = _clone(JobMode="VISUAL", CodeGenConfigurationNodes={"node": {}})
    assert clone["JobMode"] == "SCRIPT"
    assert "CodeGenConfigurationNodes" not in clone


def test_bookmarks_stay_off_where_production_locks_them_on() -> None:
    locked = {"--job-bookmark-option": "job-bookmark-enable", "--X_DATA_SINK": "s3://lake/main/x/", "--other": "1"}
    assert _clone(NonOverridableArguments=locked)["NonOverridableArguments"] == {
        "--job-bookmark-option": "job-bookmark-disable",
        "--X_DATA_SINK": "s3://lake/test/x/",
        "--other": "1",
    }


def test_a_streaming_job_is_refused() -> None:
    with pytest.raises(StateError, match="streaming"):
        _clone(Command={"Name": "gluestreaming"})


def test_a_job_that_locks_an_argument_is_cloned_with_productions_script() -> None:
    graph = _graph()
    production = {"a": _production(), "b": _production(NonOverridableArguments={"--Y_DATA_SINK": "s3://lake/main/y/"})}
    reasons = locked_nodes(graph, production)
    assert reasons == {"b": "production's job does not let --Y_DATA_SINK be overridden"}
    widened = with_clones(graph, reasons)
    assert [(node.id, node.action, node.job) for node in widened.nodes] == [
        ("a", "clone", "a-test"),
        ("b", "clone", "b-main-test"),
    ]
    jobs = [item for item in desired_resources(widened, production, {"a": b"x"}) if isinstance(item, Job)]
    assert jobs[1].properties["Command"]["ScriptLocation"] == "s3://lake/main/scripts/a.py"
    assert with_clones(widened, reasons) == widened


def test_a_reused_job_is_started_with_the_branchs_own_places_and_without_bookmarks() -> None:
    live = {"--TempDir": "s3://lake/tmp/", "--job-bookmark-option": "job-bookmark-enable"}
    production = {"a": _production(), "b": _production(DefaultArguments=live)}
    reused = with_live_arguments(_graph(), production).by_id["b"]
    assert reused.action == "reuse"
    assert reused.arguments == {
        **_graph().by_id["b"].arguments,
        "--TempDir": "s3://lake/test/temporary/b/",
        "--job-bookmark-option": "job-bookmark-disable",
    }


def test_a_fingerprint_changes_with_the_resource_alone() -> None:
    one, two = Job("j", "a", "p", {"Timeout": 1, "Role": "r"}), Job("j", "a", "p", {"Role": "r", "Timeout": 1})
    assert fingerprint(one) == fingerprint(two)
    assert fingerprint(one) != fingerprint(Job("j", "a", "p", {"Timeout": 2, "Role": "r"}))

"""The Glue job that compares a branch's data on Spark: what it consists of, computed without reading AWS.

Two files (the package's code as a zip, and a script that calls it) below the branch's first write prefix, and a job
in the role of the origin's. Made when first needed, removed with the branch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pypedream_dagster.aws.glue import GlueJob
from pypedream_dagster.branch import naming
from pypedream_dagster.branch.isolation import BOOKMARKS, BOOKMARKS_OFF
from pypedream_dagster.branch.model import BranchGraph, BranchNode
from pypedream_dagster.deploy.resources import Job, Resource, Script

_SCRIPT, _ARCHIVE = "delta.py", "delta.zip"
_GLUE_VERSION = "5.0"
_WORKER_TYPE, _WORKERS = "G.1X", 10
_TIMEOUT_MINUTES = 480
_RUNS_AT_ONCE = 5
_KEPT = ("Role", "Connections", "SecurityConfiguration")
_SPARK_COMMAND = "glueetl"


@dataclass(frozen=True, slots=True)
class DeltaCode:
    """What runs there: a script, and the archive that it imports."""

    script: bytes = field(repr=False)
    archive: bytes = field(repr=False)


def delta_origin(graph: BranchGraph) -> BranchNode:
    """Return the node from whose job the comparison takes role, network and capacity: the branch's first origin."""
    return graph.by_id[graph.origins[0]]


def delta_code_uris(graph: BranchGraph) -> tuple[str, str]:
    """Return where the script and the archive lie."""
    root = graph.write_prefixes[0]
    return naming.delta_code_uri(root, _SCRIPT), naming.delta_code_uri(root, _ARCHIVE)


def delta_resources(graph: BranchGraph, origin: GlueJob, code: DeltaCode) -> tuple[Resource, ...]:
    """Return what the comparison needs, in the order in which it is made."""
    node = delta_origin(graph)
    script, archive = delta_code_uris(graph)
    job = Job(naming.delta_job(node.job), None, node.production_job, _properties(graph, origin))
    return (Script(script, None, code.script), Script(archive, None, code.archive), job)


def _properties(graph: BranchGraph, origin: GlueJob) -> dict[str, Any]:
    script, archive = delta_code_uris(graph)
    properties = {key: value for key, value in origin.creatable.items() if key in _KEPT}
    is_spark = dict(origin.properties.get("Command") or {}).get("Name") == _SPARK_COMMAND
    workers = origin.properties if is_spark else {}
    return {
        **properties,
        "Name": naming.delta_job(delta_origin(graph).job),
        "Description": f"Pypedream compares the data of branch {graph.branch} with main's",
        "Command": {"Name": _SPARK_COMMAND, "PythonVersion": "3", "ScriptLocation": script},
        "GlueVersion": _GLUE_VERSION,
        "WorkerType": workers.get("WorkerType") or _WORKER_TYPE,
        "NumberOfWorkers": max(int(workers.get("NumberOfWorkers") or 0), _WORKERS),
        "Timeout": _TIMEOUT_MINUTES,
        "MaxRetries": 0,
        "ExecutionProperty": {"MaxConcurrentRuns": _RUNS_AT_ONCE},
        "DefaultArguments": {
            "--extra-py-files": archive,
            "--enable-auto-scaling": "true",  # the number of workers is the most that it takes
            BOOKMARKS: BOOKMARKS_OFF,
        },
    }

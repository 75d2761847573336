"""Calls of modules whose code is not given: read by the names that such modules give to their inputs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_JOB_PREFIXES = ("", "glue_job_", "job_", "glue_")
_JOB = (
    "role_arn",
    "default_arguments",
    "non_overridable_arguments",
    "connections",
    "description",
    "execution_property",
    "glue_version",
    "max_capacity",
    "max_retries",
    "number_of_workers",
    "security_configuration",
    "timeout",
    "worker_type",
    "execution_class",
    "tags",
)
_SCRIPTS = ("script_location", "glue_job_script_location", "job_script_location", "script_path", "script_s3_path")
_LIKE = (
    ("aws_glue_trigger", re.compile(r"glue[-_./]*trigger"), "trigger_name"),
    ("aws_glue_workflow", re.compile(r"glue[-_./]*workflow"), "workflow_name"),
    ("aws_glue_crawler", re.compile(r"glue[-_./]*crawler|crawler$"), "crawler_name"),
    ("aws_glue_catalog_table", re.compile(r"catalog[-_]table"), "catalog_table_name"),
    ("aws_glue_connection", re.compile(r"glue[-_./]*connection"), "connection_name"),
    ("aws_sfn_state_machine", re.compile(r"step[-_]?function|state[-_]?machine|\bsfn\b"), "state_machine_name"),
    ("aws_lambda_function", re.compile(r"lambda"), "function_name"),
    ("aws_glue_job", re.compile(r"glue[-_./]*(etl)?[-_./]*(job|shell)|\bglue\b"), "job_name"),
)


def meant_by(source: str, inputs: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """Return the type of resource that a call stands for, and its contents; None if that cannot be told."""
    text = source.lower()
    if inputs.get("key") is not None and (file := inputs.get("file_source", inputs.get("source_file"))) is not None:
        return "aws_s3_object", {"bucket": inputs.get("bucket"), "key": inputs["key"], "source": file}
    for kind, pattern, naming in _LIKE:
        if not pattern.search(text) and naming not in inputs:
            continue
        if kind == "aws_glue_job":
            return _job(inputs, naming)
        if kind == "aws_sfn_state_machine" and not inputs.get("definition"):
            continue
        found = dict(inputs)
        if inputs.get(naming) is not None:
            found["name"] = inputs[naming]
        return kind, found
    if inputs.get("definition") and "StartAt" in str(inputs["definition"]):
        return "aws_sfn_state_machine", dict(inputs)
    return _job(inputs, "job_name") if any(one in inputs for one in _SCRIPTS) else None


def _job(inputs: Mapping[str, Any], naming: str) -> tuple[str, dict[str, Any]] | None:
    command = inputs.get("command")
    command = command[0] if isinstance(command, list) and command else command
    location = next((inputs[one] for one in _SCRIPTS if inputs.get(one) is not None), None)
    if location is None and not isinstance(command, dict) and inputs.get(naming) is None:
        return None
    found: dict[str, Any] = {
        name: next(
            (inputs[f"{prefix}{name}"] for prefix in _JOB_PREFIXES if inputs.get(f"{prefix}{name}") is not None), None
        )
        for name in _JOB
    }
    if found["default_arguments"] is None:
        found["default_arguments"] = inputs.get("arguments", inputs.get("job_arguments"))
    found["name"] = next(
        (inputs[one] for one in (naming, "glue_job_name", "name") if inputs.get(one) is not None), None
    )
    found["command"] = [command if isinstance(command, dict) else {"script_location": location}]
    return "aws_glue_job", {name: value for name, value in found.items() if value is not None}

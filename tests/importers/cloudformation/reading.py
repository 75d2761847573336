"""Texts to a survey, and what of it the tests look at."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import dedent

from pypedream_dagster.importers.files import SourceFile
from pypedream_dagster.importers.sources.cloudformation import survey
from pypedream_dagster.importers.survey import JobDefinition, Survey


def read(texts: Mapping[str, str] | str, variables: Mapping[str, str] | None = None) -> Survey:
    """Return the survey of some files; a text alone is ``template.yaml``."""
    files = {"template.yaml": texts} if isinstance(texts, str) else texts
    return survey(
        [SourceFile(path, dedent(text).lstrip("\n"), dedent(text).encode()) for path, text in files.items()],
        variables or {},
    )


def only_job(found: Survey) -> JobDefinition:
    """Return the one job of a survey that has no problems."""
    assert found.problems == ()
    (job,) = found.jobs
    return job


def arguments(found: Survey) -> dict[str, str]:
    """Return the default arguments of the one job."""
    return dict(only_job(found).properties["DefaultArguments"])


def job_with(value: str, extra: str = "") -> str:
    """Return a template with one job whose argument ``--x`` has a value, as YAML writes it."""
    return (
        "Resources:\n"
        "  Load:\n"
        "    Type: AWS::Glue::Job\n"
        "    Properties:\n"
        "      Name: load\n"
        "      Role: r\n"
        "      Command: {Name: glueetl, ScriptLocation: s3://code/load.py}\n"
        "      DefaultArguments:\n"
        f"        --x: {value}\n"
    ) + dedent(extra)

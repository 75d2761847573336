"""A branch with a job whose role cannot be narrowed is refused, unless enforced isolation is given up by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import boto3
import pytest

from pypedream_dagster.aws.glue import GlueJob
from pypedream_dagster.deploy.narrowing import policy_refused, unnarrowable
from pypedream_dagster.errors import AwsError
from tests.branch.pipelines import chain
from tests.cli.conftest import Deployed, Pypedream, deployed, no_aws, pypedream  # noqa: F401 fixtures

FINE_GRAINED = "--enable-lakeformation-fine-grained-access"
FULL_TABLE = (
    "spark.a=b --conf spark.hadoop.fs.s3.credentialsResolverClass="
    "com.amazonaws.glue.accesscontrol.AWSLakeFormationCredentialResolver"
)
CATALOG = "spark.sql.catalog.glue_catalog.glue.lakeformation-enabled=true"


@pytest.mark.parametrize(
    ("properties", "feature"),
    [
        ({"DefaultArguments": {FINE_GRAINED: "true"}}, "fine-grained"),
        ({"NonOverridableArguments": {FINE_GRAINED: "true"}}, "fine-grained"),
        (
            {"DefaultArguments": {"--conf": FULL_TABLE}},
            "full table",
        ),
        (
            {"DefaultArguments": {"--conf": CATALOG}},
            "full table",
        ),
        ({"DefaultArguments": {FINE_GRAINED: "false", "--conf": "spark.a=b"}}, None),
        ({}, None),
    ],
)
def test_it_is_seen_on_the_job(properties: dict[str, Any], feature: str | None) -> None:
    found = unnarrowable(GlueJob("job", properties))
    assert found is None if feature is None else feature in (found or "")


def test_what_only_glue_knows_names_the_way_out() -> None:
    from pypedream_dagster.branch.derive import derive_branch

    node = derive_branch(chain(), "test", ["load"]).by_id["load"]
    refused = policy_refused(AwsError("ExecutionRoleSessionPolicy is not supported here."), "test", node)
    assert refused is not None
    assert "deploy-branch test --give-up-enforced-isolation load" in str(refused)
    assert policy_refused(AwsError("Something else."), "test", node) is None


@pytest.fixture
def governed(deployed: Deployed, pypedream: Pypedream) -> Deployed:  # noqa: F811
    """A branch at ``transform``, whose production job uses Lake Formation."""
    glue = boto3.client("glue")
    name = f"transform-{deployed.suffix}-main"
    job: Any = glue.get_job(JobName=name)["Job"]
    kept = {key: job[key] for key in ("Role", "Command", "MaxCapacity") if key in job}
    arguments = {**job.get("DefaultArguments", {}), FINE_GRAINED: "true"}
    glue.update_job(JobName=name, JobUpdate={**kept, "DefaultArguments": arguments})
    assert pypedream("create-branch", "transform", "test").code == 0
    return deployed


def test_the_branch_is_refused_until_it_is_given_up(governed: Deployed, pypedream: Pypedream) -> None:  # noqa: F811
    planned = pypedream("plan", "test", "--json")
    assert any(FINE_GRAINED in text for text in planned.document["notes"])

    refused = pypedream("deploy-branch", "test")
    assert refused.code == 2
    for part in ("'transform'", f"transform-{governed.suffix}-main", FINE_GRAINED, "IAM would not stop", "--give-up"):
        assert part in refused.error
    assert not (governed.folder / "branches" / "test" / "deployment.json").exists()

    dry = pypedream("deploy-branch", "test", "--give-up-enforced-isolation", "transform", "--dry-run")
    assert dry.code == 0
    assert _record(governed.folder)["given_up"] == []

    given = pypedream("deploy-branch", "test", "--give-up-enforced-isolation", "transform")
    assert given.code == 0, given.err
    (noted,) = _record(governed.folder)["given_up"]
    assert (noted["node"], noted["by"]) == ("transform", "ann")
    assert pypedream("deploy-branch", "test").code == 0  # once is enough
    assert "transform runs without a session policy, by the will of ann" in pypedream("plan", "test").out
    assert pypedream("branches", "--json").document["branches"][0]["given_up"] == ["transform"]


def test_an_unknown_node_changes_nothing(governed: Deployed, pypedream: Pypedream) -> None:  # noqa: F811
    before = (governed.folder / "branches" / "test" / "branch.json").read_bytes()
    assert "does not run 'nope'" in pypedream("deploy-branch", "test", "--give-up-enforced-isolation", "nope").error
    assert (governed.folder / "branches" / "test" / "branch.json").read_bytes() == before


def _record(folder: Path) -> Any:
    return json.loads((folder / "branches" / "test" / "branch.json").read_text())

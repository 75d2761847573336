"""Every command passes under the policy that ``pypedream policy`` prints, and fails where one action is missing."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest

from pypedream_dagster.aws.iam_policy import Account, policies
from pypedream_dagster.aws.permissions import Audience, Target, calls_of, commands_of
from pypedream_dagster.branch.reach import reach_of
from pypedream_dagster.cli.main import run
from pypedream_dagster.graph.files import read_graph

from .conftest import Outcome, Pypedream
from .production import SCRIPT, Production

pytestmark = pytest.mark.slow

Documents = tuple[dict[str, Any], ...]


def printed(production: Production, audience: Audience = "developer", branches: str = "*") -> Documents:
    graph = read_graph(production.folder / "pipeline_graph" / "main.json")
    return policies(audience, reach_of(graph, branches), Account("123456789012", "us-east-1"))


def test_others_can_clean_up_and_read(production: Production, pypedream: Pypedream) -> None:
    before = production.holdings()
    walk = Walk(production, pypedream, "others")
    words = walk.command("destroy-branch", "glue:BatchStopJobRun", on_branch=True)
    walk.fill("silver")
    with production.acting_as(printed(production, "reader")):
        for reading in (("plan", "others"), ("branches",), ("expectations", "silver", "--dry-run")):
            assert pypedream(*reading).code == 0
        refused = pypedream(*words)
    assert refused.code == 2
    assert "s3:ListBucketVersions" in refused.err or "not authorized" in refused.err
    with production.acting_as(printed(production, "gc")):
        outcome = pypedream(*words)
        assert "nothing is left" in outcome.out, outcome
        assert pypedream("create-branch", "transform", "more").code == 2
    assert production.holdings() == before


def test_a_developer_can_give_every_command(production: Production, pypedream: Pypedream) -> None:
    before = production.holdings()
    with production.acting_as(printed(production)):

        def done(*arguments: str) -> str:
            outcome = pypedream(*arguments)
            assert outcome.code == 0, (arguments, outcome)
            return outcome.out

        done("create-branch", "transform", "walk")
        done("plan", "walk")
        done("deploy-branch", "walk")
        script = production.folder / "branches" / "walk" / "scripts" / "transform.py"
        script.write_text(SCRIPT + "\n")
        assert "1 change" in done("deploy-branch", "walk")
        assert "2 nodes" in done("trigger-branch", "walk")
        assert "2 datasets" in done("deltas", "walk")
        done("branches")
        done("expectations", "silver", "--dry-run")
        done("import-dag", f"*{production.suffix}*", "-o", "-")
        assert "nothing is left" in done("destroy-branch", "walk")
        done("delete-branch", "walk")
    assert production.holdings() == before


@pytest.fixture(scope="module")
def triggered(production: Production) -> str:
    """A branch whose data lies where its runs would have put it, and whose records say that it has run."""
    walk = Walk(production, _quietly, "whole")
    walk.deployed()
    walk.fill("silver")
    walk.fill("gold")
    runs = production.folder / "branches" / "whole" / "runs"
    runs.mkdir()
    (runs / "transform.json").write_text("{}")
    return "whole"


def _quietly(*arguments: str) -> Outcome:
    return Outcome(run(arguments), "", "")


# ── each permission taken away ───────────────────────────────────────────────────────────────────────────────────────


def pairs(audience: Audience) -> list[tuple[Audience, str, str]]:
    """Return every action of an audience's policy in every statement."""
    found = {(target.value, call.action) for call in calls_of(audience) for target in call.targets}
    # What is allowed on all tables is so on the branches'.
    found -= {(Target.CATALOG.value, action) for sid, action in found if sid == Target.TABLES.value}
    return [(audience, *pair) for pair in sorted(found)]


PAIRS = [*pairs("developer"), *pairs("reader")]
"""CI's policy is the developer's but for what only a reader's commands need; gc's is part of it as well."""


def without(documents: Documents, sid: str, action: str) -> Documents:
    """Return the policies with one action taken out of one statement."""
    left = json.loads(json.dumps(documents))
    for document in left:
        for statement in document["Statement"]:
            if statement["Sid"] == sid and statement["Effect"] == "Allow":
                statement["Action"].remove(action)
        document["Statement"] = [one for one in document["Statement"] if one["Action"]]
    return tuple(left)


class Walk:
    """Brings a branch, as root, to where a command can be given, and gives it."""

    def __init__(self, production: Production, pypedream: Pypedream, branch: str) -> None:
        self.production, self.pypedream, self.branch = production, pypedream, branch

    def command(self, name: str, action: str, *, on_branch: bool) -> tuple[str, ...]:
        """Prepare for a command; return its words."""
        match name:
            case "create-branch":
                return (name, "transform", self.branch)
            case "plan":
                self.created()
                return (name, self.branch)
            case "deploy-branch":
                self.created()
                return (name, self.branch)
            case "deploy-branch again":
                self.deployed()
                glue, job = boto3.client("glue"), self.production.job("transform", self.branch)
                found = glue.get_job(JobName=job)["Job"]
                update = {key: found[key] for key in ("Role", "Command", "DefaultArguments")}
                glue.update_job(JobName=job, JobUpdate={**update, "Timeout": 3})
                return ("deploy-branch", self.branch)
            case "trigger-branch":
                self.deployed()
                if on_branch and action.startswith("glue:") and "Job" in action:
                    return (name, self.branch, "--select", "transform")
                self.fill("silver")  # as transform would; load is main's job, and registers a table
                return (name, self.branch, "--select", "load")
            case "destroy-branch":
                self.deployed()
                if action in {"glue:ListJobs", "glue:GetDatabases"}:  # what is deployed is searched for only then
                    (self.production.folder / "branches" / self.branch / "deployment.json").unlink()
                self.half_done(with_runs=action in {"glue:BatchStopJobRun", "glue:GetJobRun", "glue:GetJobRuns"})
                return (name, self.branch)
            case "expectations":
                self.created()
                self.fill("silver")
                return (name, "silver", "--dry-run", *(("--branch", self.branch) if on_branch else ()))
            case "branches --remote":
                return ("branches", "--remote")
            case "import-dag" if "Workflow" in action:
                self.production.deploy_workflow()
                return (name, f"*{self.production.suffix}*", "--from", "glue-workflow", "-o", "found.json", "--json")
            case "import-dag" if action.startswith("states:"):
                self.production.deploy_machine()
                words = (name, f"*{self.production.suffix}*", "--from", "step-functions", "--history")
                return (*words, "-o", "found.json", "--json")
            case "import-dag" if action == "glue:ListJobs":
                glue = boto3.client("glue")
                arn = f"arn:aws:glue:us-east-1:123456789012:job/{self.production.job('transform')}"
                glue.tag_resource(ResourceArn=arn, TagsToAdd={"walk": "import"})
                return (name, "--tag", "walk=import", "-o", "found.json", "--json")
            case "import-dag":
                if on_branch and action == "glue:GetTags":
                    self.deployed()  # whether a job is a clone is asked of those alone that look like one
                if action in {"glue:GetTable", "glue:GetCrawlers"}:
                    self.production.deploy_reader("gold" if action == "glue:GetTable" else "crawled")
                return (name, f"*{self.production.suffix}*", "-o", "found.json", "--json")
            case _:
                raise AssertionError(name)

    def created(self) -> None:
        assert self.pypedream("create-branch", "transform", self.branch).code == 0

    def deployed(self) -> None:
        self.created()
        assert self.pypedream("deploy-branch", self.branch).code == 0

    def fill(self, dataset: str) -> None:
        bucket, key = self.production.bucket, f"data/{dataset}/day=1/part.parquet"
        boto3.client("s3").copy_object(
            Bucket=bucket, Key=f"{self.branch}/{key}", CopySource={"Bucket": bucket, "Key": f"main/{key}"}
        )

    def half_done(self, *, with_runs: bool) -> None:
        """Leave what a trigger that broke off would: a table, an unfinished upload, runs under way."""
        s3, glue, made = boto3.client("s3"), boto3.client("glue"), self.production
        database = f"pypedream_{self.branch}_shop_{made.suffix}"
        glue.create_table(DatabaseName=database, TableInput={"Name": "gold"})
        s3.create_multipart_upload(Bucket=made.bucket, Key=f"{self.branch}/data/gold/part.parquet")
        if with_runs:
            slow = {"--SLEEP": "60"}
            sink = {"--GOLD_DATA_SINK": f"s3://{made.bucket}/{self.branch}/data/gold/"}
            glue.start_job_run(JobName=made.job("transform", self.branch), Arguments=slow)
            glue.start_job_run(JobName=made.job("load"), Arguments={**slow, **sink})


ORDER = (
    "create-branch",
    "plan",
    "branches --remote",
    "import-dag",
    "expectations",
    "deploy-branch",
    "deploy-branch again",
    "destroy-branch",
    "trigger-branch",
)
"""Quick ones first."""


def candidates(audience: Audience, sid: str, action: str) -> list[str]:
    """Return the commands that are said to need an action there, in the walk's words."""
    calls = [call for call in calls_of(audience) if call.action == action and Target(sid) in call.targets]
    said = {command for call in calls for command in call.commands} & set(commands_of(audience))
    found = [name for name in ORDER if name.removesuffix(" again") in said]
    # Deploying deletes as well, but only what a failure leaves.
    deletes = any(word in action for word in ("Delete", "Abort", "Stop"))
    return sorted(found, key=lambda name: deletes and name != "destroy-branch")


@pytest.mark.parametrize(("audience", "sid", "action"), PAIRS)
def test_no_action_can_be_taken_away(
    audience: Audience, sid: str, action: str, production: Production, pypedream: Pypedream
) -> None:
    # With any name for a branch the patterns for branches hold main's, too: this one keeps each statement to itself.
    whole = printed(production, audience, "w*")
    reduced = without(whole, sid, action)
    assert reduced != whole
    tried = []
    for index, name in enumerate(candidates(audience, sid, action)):
        walk = Walk(production, pypedream, f"w{PAIRS.index((audience, sid, action))}_{index}")
        words = walk.command(name, action, on_branch=sid.startswith("Branch"))
        with production.acting_as(reduced):
            outcome = pypedream(*words)
        said = outcome.out + outcome.err
        if action in said:
            # A plan goes without what past runs would tell, an import without what only one of its sources tells.
            assert outcome.code in ((0, 2) if name == "import-dag" else (0,) if name == "plan" else (2,))
            assert "pypedream policy" in said
            return
        tried.append((name, outcome))
    raise AssertionError(f"{action} on {sid} is needed by nothing that was tried: {tried}")


@pytest.mark.parametrize(
    ("sid", "action"),
    [("MainObjects", "s3:GetObject"), ("BranchObjects", "s3:GetObject"), ("Buckets", "s3:ListBucket")],
)
def test_a_delta_without_a_permission_names_it(
    sid: str, action: str, triggered: str, production: Production, pypedream: Pypedream
) -> None:
    with production.acting_as(without(printed(production, branches="w*"), sid, action)):
        outcome = pypedream("deltas", triggered, "--json")
        drafted = pypedream("expectations", "silver", "--branch", triggered, "--dry-run")
    for dataset in json.loads(outcome.out)["datasets"]:
        assert dataset["verdict"] == "not_compared"
        assert action in dataset["error"], dataset["error"]
    if sid != "MainObjects":
        assert drafted.code == 2
        assert action in drafted.err

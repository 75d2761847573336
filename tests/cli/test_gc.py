"""`pypedream gc` and `extend` on the embedded AWS: what has expired goes, and nothing else does."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import boto3
import pytest

from pypedream_dagster.branch import naming
from pypedream_dagster.branch.store import BranchStore

from .conftest import Deployed, Pypedream, files_below
from .expired import aws_of, expire, forget_folder, jobs, objects, project_of, rename_project

pytestmark = pytest.mark.slow


@pytest.fixture
def made(pypedream: Pypedream, deployed: Deployed) -> Deployed:
    """Branches one, two and three at transform, deployed, each with data; in a project of the test's own."""
    rename_project(deployed)
    for branch in ("one", "two", "three"):
        assert pypedream("create-branch", "transform", branch).code == 0
        assert pypedream("deploy-branch", branch).code == 0
        aws_of(deployed).s3.write(f"s3://{deployed.bucket}/{branch}/data/silver/part.txt", branch)
    return deployed


def outcomes(pypedream: Pypedream, *arguments: str) -> dict[str, str]:
    document = pypedream("gc", "--json", *arguments).document
    return {branch["branch"]: branch["outcome"] for branch in document["branches"]}


def test_what_is_expired_goes_with_and_without_its_folder(pypedream: Pypedream, made: Deployed) -> None:
    expire(made, "one", "two")
    forget_folder(made.folder / "branches" / "two")
    before, files = objects(made), files_below(made.folder)
    [elsewhere] = pypedream("branches", "--remote", "--json").document["elsewhere"]
    assert (elsewhere["branch"], elsewhere["owner"], elsewhere["expired"]) == ("two", "ann", True)
    assert elsewhere["prefixes"] == [f"s3://{made.bucket}/two/"]
    assert "Deployed, without a folder here" in pypedream("branches", "--remote").out
    assert "elsewhere" not in pypedream("branches", "--json").document
    assert outcomes(pypedream, "--dry-run") == {"one": "to remove", "two": "to remove"}
    assert "delete all data below" in pypedream("gc", "--dry-run").out
    assert objects(made) == before
    assert files_below(made.folder) == files
    done = pypedream("gc")
    assert done.code == 0, done
    assert "removed    one of ann" in done.out
    assert "removed    two of ann" in done.out
    kept = {key: etag for key, etag in before.items() if not key.startswith(("one", "two"))}
    assert objects(made) == kept
    assert jobs(made) == {f"{node}-{made.suffix}-main" for node in ("extract", "transform", "load")} | {
        f"transform-{made.suffix}-three"
    }
    assert (made.folder / "branches" / "one" / "scripts" / "transform.py").exists()
    assert not (made.folder / ".pypedream" / "gc" / "two").exists()
    assert outcomes(pypedream) == {"one": "nothing"}
    assert "its folder is deleted" in pypedream("gc", "--delete-folders").out
    assert outcomes(pypedream) == {}


def test_what_fails_stops_nothing_else(pypedream: Pypedream, made: Deployed) -> None:
    expire(made, "one", "two", "three")
    claim = naming.claim_uri(f"s3://{made.bucket}/one/")
    aws_of(made).s3.set_tags(claim, {naming.TAG_OWNER: "bob"})
    done = pypedream("gc")
    assert done.code == 2
    assert "removed    two" in done.out
    assert "removed    three" in done.out
    assert "Error: Branch 'one' of ann could not be removed: " in done.err
    assert "Branch 'one' of bob could not be removed: branch 'one' here has" in done.err
    assert "one/data/silver/part.txt" in objects(made)
    aws_of(made).s3.set_tags(claim, {naming.TAG_OWNER: "ann"})
    assert outcomes(pypedream) == {"one": "removed", "two": "nothing", "three": "nothing"}


def test_what_runs_is_left(pypedream: Pypedream, made: Deployed) -> None:
    expire(made, "one", "two")
    forget_folder(made.folder / "branches" / "two")
    aws = aws_of(made)
    for dataset in ("bronze", "silver"):
        aws.s3.write(f"s3://{made.bucket}/main/data/{dataset}/part.txt", "raw")
    sink = {"--GOLD_DATA_SINK": f"s3://{made.bucket}/two/data/gold/", "--SLEEP": "600"}
    source = {"--SILVER_DATA_SOURCE": f"s3://{made.bucket}/main/data/silver/"}
    of_two = aws.glue.start_job_run(f"load-{made.suffix}-main", {**sink, **source})
    of_one = aws.glue.start_job_run(f"transform-{made.suffix}-one", {"--SLEEP": "600"})
    try:
        assert outcomes(pypedream) == {"one": "running", "two": "running"}
        assert "one/data/silver/part.txt" in objects(made)
    finally:
        aws.glue.stop_job_run(f"load-{made.suffix}-main", of_two)
        aws.glue.stop_job_run(f"transform-{made.suffix}-one", of_one)


def test_other_projects_and_main_are_never_touched(pypedream: Pypedream, made: Deployed) -> None:
    """Tags alone do not suffice: another project's, main's own prefix, a copied claim."""
    aws = aws_of(made)
    expired = naming.tags("one", owner="ann", expires="2026-01-02", project="other")
    main = f"s3://{made.bucket}/main/"
    raw = f"s3://{made.bucket}/raw/"
    aws.s3.write(f"{main}data/silver/part.txt", "production")
    aws.s3.write(f"{raw}one.csv", "raw")
    aws.s3.write(f"s3://{made.bucket}/theirs/data/silver/x", "theirs")
    aws.s3.write(naming.claim_uri(f"s3://{made.bucket}/theirs/"), "{}", expired)
    before = objects(made)
    assert outcomes(pypedream) == {}
    assert objects(made) == before
    forged = naming.tags("main", owner="eve", expires="2026-01-02", project=project_of(made))
    aws.s3.write(naming.claim_uri(main), json.dumps({"branch": "main", "prefix": main}), forged)
    copied = {**forged, naming.TAG_BRANCH: "mai"}
    aws.s3.write(naming.claim_uri(f"{main}data/"), json.dumps({"branch": "mai", "prefix": f"{main}data/"}), copied)
    aws.glue.set_tags(f"load-{made.suffix}-main", copied)
    aws.s3.write(
        naming.claim_uri(raw), json.dumps({"branch": "one", "prefix": raw}), {**copied, naming.TAG_BRANCH: "x"}
    )
    before = objects(made)
    done = pypedream("gc", "--json")
    assert done.code == 2
    found = {one["branch"]: one["outcome"] for one in done.document["branches"]}
    assert found == {"main": "failed", "mai": "failed", "x": "failed"}
    assert objects(made) == before
    assert f"load-{made.suffix}-main" in jobs(made)


def test_prolonging(pypedream: Pypedream, made: Deployed) -> None:
    record = made.folder / "branches" / "one" / "branch.json"
    before = datetime.fromisoformat(json.loads(record.read_text())["expires_at"])
    assert pypedream("extend", "one", "--by", "3d").code == 0
    after = datetime.fromisoformat(json.loads(record.read_text())["expires_at"])
    assert after == before + timedelta(days=3)
    glue = boto3.client("glue")
    aws = aws_of(made)
    arn = aws.glue.arn(f"transform-{made.suffix}-one")
    assert glue.get_tags(ResourceArn=arn)["Tags"][naming.TAG_EXPIRES] == f"{after:%Y-%m-%d}"
    assert aws.s3.tags(naming.claim_uri(f"s3://{made.bucket}/one/"))[naming.TAG_EXPIRES] == f"{after:%Y-%m-%d}"
    assert "nothing had changed" in pypedream("deploy-branch", "one").out
    expire(made, "one")
    aws.glue.set_tags(f"transform-{made.suffix}-one", {naming.TAG_EXPIRES: "2099-01-01"})
    assert outcomes(pypedream) == {}  # prolonged elsewhere
    assert pypedream("extend", "main", "--by", "3d").code == 2
    assert "either --by" in pypedream("extend", "one").err
    assert BranchStore(made.folder / "branches").names() == ("one", "three", "two")

"""`pypedream doctor` on the embedded AWS: what was forgotten is found, and only what is provably ours goes."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from pypedream_dagster.branch import naming
from pypedream_dagster.branch.store import BranchStore

from .conftest import Deployed, Outcome, Pypedream, files_below
from .expired import LONG_AGO, aws_of, expire, forget_folder, jobs, objects, project_of, rename_project

pytestmark = pytest.mark.slow


def found(outcome: Outcome) -> set[tuple[str, str]]:
    return {(finding["kind"], finding["where"]) for finding in outcome.document["findings"]}


def test_nothing_is_found_where_nothing_was_forgotten(pypedream: Pypedream, deployed: Deployed) -> None:
    rename_project(deployed)
    aws = aws_of(deployed)
    for key in ("main/data/silver/x", "raw/x", "athena/results/x", "readme.txt"):
        aws.s3.write(f"s3://{deployed.bucket}/{key}", "1")
    pypedream("create-branch", "transform", "one")
    pypedream("deploy-branch", "one")
    aws.s3.write(f"s3://{deployed.bucket}/one/data/silver/x", "1")
    done = pypedream("doctor", "--fail")
    assert (done.code, done.out) == (0, "Nothing was forgotten.\n")
    assert pypedream("doctor", "one").code == 2


def test_everything_forgotten_is_found_and_ours_removed(pypedream: Pypedream, deployed: Deployed) -> None:
    rename_project(deployed)
    aws, lake = aws_of(deployed), f"s3://{deployed.bucket}"
    for branch in ("old", "young", "kept"):
        assert pypedream("create-branch", "transform", branch).code == 0
        assert pypedream("deploy-branch", branch).code == 0
        aws.s3.write(f"{lake}/{branch}/data/silver/part.txt", branch)
    expire(deployed, "old")
    for branch in ("old", "young"):
        forget_folder(deployed.folder / "branches" / branch)
    aws.s3.write(f"{lake}/stray/data/gold/part.txt", "whose?")
    aws.s3.write(f"{lake}/gone_$folder$", "")
    aws.glue.delete_job(f"transform-{deployed.suffix}-kept")
    aws.s3.write(f"{lake}/kept/scripts/transform.py", "changed", aws.s3.tags(f"{lake}/kept/scripts/transform.py"))
    raw: Any = boto3.client("s3")
    raw.create_multipart_upload(Bucket=deployed.bucket, Key="kept/data/silver/half")
    partial = deployed.folder / "branches" / ".x.partial"
    (partial / "scripts").mkdir(parents=True)
    os.utime(partial, (LONG_AGO.timestamp(), LONG_AGO.timestamp()))
    load = aws.glue.get_job(f"load-{deployed.suffix}-main")
    assert load is not None
    stray = f"stray-{deployed.suffix}"
    tags = aws.s3.tags(naming.claim_uri(f"{lake}/kept/"))
    aws.glue.create_job(stray, {key: value for key, value in load.creatable.items() if key != "Name"}, tags)
    before, files = objects(deployed), files_below(deployed.folder)
    jobs_before = jobs(deployed)
    looked = pypedream("doctor", "--json", "--fail")
    assert looked.code == 1
    assert found(looked) == {
        ("orphan", f"transform-{deployed.suffix}-old"),
        ("orphan", f"{lake}/old/"),
        ("orphan", f"transform-{deployed.suffix}-young"),
        ("orphan", f"{lake}/young/"),
        ("stray", stray),
        ("gone", f"transform-{deployed.suffix}-kept"),
        ("differs", f"{lake}/kept/scripts/transform.py"),
        ("upload", f"{lake}/kept/"),
        ("unclaimed", f"{lake}/stray/"),
        ("marker", f"{lake}/gone_$folder$"),
        ("local", str(partial)),
    }
    by_place = {finding["where"]: finding for finding in looked.document["findings"]}
    assert by_place[f"{lake}/young/"]["remedy"] == "pypedream doctor --remove young"
    assert by_place[f"{lake}/young/"]["owner"] == "ann"
    assert by_place[f"{lake}/young/"]["size_bytes"] > len("young")
    assert by_place[f"{lake}/young/"]["since"]
    assert by_place[f"{lake}/old/"]["remedy"] == "pypedream gc"
    assert "transform-" in pypedream("doctor").out
    assert (objects(deployed), files_below(deployed.folder), jobs(deployed)) == (before, files, jobs_before)

    def left() -> set[str]:
        return {key.partition("/")[0] for key in objects(deployed)}

    assert pypedream("doctor", "--remove").code == 0
    assert not partial.exists()
    assert left() == {"main", "young", "young_$pypedream$", "kept", "kept_$pypedream$", "stray", "gone_$folder$"}
    assert pypedream("doctor", "--remove", "kept").code == 2
    assert pypedream("doctor", "--remove", "young").code == 0
    assert left() == {"main", "kept", "kept_$pypedream$", "stray", "gone_$folder$"}
    assert {key: etag for key, etag in objects(deployed).items() if key.startswith("main/")} == {
        key: etag for key, etag in before.items() if key.startswith("main/")
    }
    assert pypedream("deploy-branch", "kept").code == 0
    kinds = {kind for kind, _ in found(pypedream("doctor", "--json"))}
    assert kinds == {"stray", "upload", "unclaimed", "marker"}


def test_runs_and_leases_of_branches_that_are_gone(pypedream: Pypedream, deployed: Deployed) -> None:
    rename_project(deployed)
    aws, lake = aws_of(deployed), f"s3://{deployed.bucket}"
    aws.s3.write(f"{lake}/main/data/silver/part.txt", "raw")
    ours = naming.tags("lost", owner="ann", expires="2026-01-02", project=project_of(deployed))
    aws.s3.write(f"{lake}/lost_$pypedream_lease$", "{}", ours)
    arguments = {"--GOLD_DATA_SINK": f"{lake}/lost/data/gold/", "--SLEEP": "600"}
    run = aws.glue.start_job_run(f"load-{deployed.suffix}-main", arguments)
    try:
        # A lease as young as this one may be held.
        assert found(pypedream("doctor", "--json")) == {("run", run)}
    finally:
        aws.glue.stop_job_run(f"load-{deployed.suffix}-main", run)
    assert BranchStore(deployed.folder / "branches").names() == ()


def test_what_names_no_day_never_expires_and_goes_by_name_only(pypedream: Pypedream, deployed: Deployed) -> None:
    rename_project(deployed)
    aws = aws_of(deployed)
    load = aws.glue.get_job(f"load-{deployed.suffix}-main")
    assert load is not None
    properties = {key: value for key, value in load.creatable.items() if key != "Name"}
    today, yesterday = datetime.now(UTC).date(), datetime.now(UTC).date() - timedelta(days=1)
    for branch, day in {
        "ghost": "some day",
        "today": str(today),
        "yesterday": str(yesterday),
        "../x": "2026-01-01",
    }.items():
        tags = naming.tags(branch, owner="bob", expires=day, project=project_of(deployed))
        aws.glue.create_job(f"{branch.strip('./')}-{deployed.suffix}", properties, tags)
    done = pypedream("gc", "--json")
    assert done.code == 2
    assert {one["branch"]: one["outcome"] for one in done.document["branches"]} == {
        "yesterday": "removed",
        "../x": "failed",
    }
    remedies = {one["branch"]: one["remedy"] for one in pypedream("doctor", "--json").document["findings"]}
    assert remedies["ghost"] == "pypedream doctor --remove ghost"
    assert pypedream("doctor", "--remove", "ghost").code == 2  # for ../x has expired, and is no branch's name
    assert f"ghost-{deployed.suffix}" not in jobs(deployed)
    assert f"today-{deployed.suffix}" in jobs(deployed)

"""``pypedream policy``: offline, from the graph alone, in pieces that IAM takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.iam_lint import iam_faults

from .conftest import Pypedream, graph_document, write_graph


def statements(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["Sid"]: one for one in document["Statement"]}


def test_the_policy_is_printed_without_any_aws(pypedream: Pypedream, project: Path) -> None:
    outcome = pypedream("policy")
    assert outcome.code == 0
    assert iam_faults(outcome.document) == []
    said = statements(outcome.document)
    assert said["JobRoles"]["Resource"] == ["arn:aws:iam::123456789012:role/none"]
    assert said["JobRoles"]["Condition"] == {"StringEquals": {"iam:PassedToService": "glue.amazonaws.com"}}
    assert said["Buckets"]["Resource"] == ["arn:aws:s3:::shop-lake"]
    assert "arn:aws:s3:::shop-lake/main/*" in said["KeepMainObjects"]["Resource"]
    assert "arn:aws:glue:*:*:job/load-x-main" in said["KeepMainJobs"]["Resource"]
    assert "of 3," in outcome.err
    assert "'--branches dev-*' narrows it" in outcome.err


def test_the_policy_can_be_for_one_account_and_some_branches(pypedream: Pypedream, project: Path) -> None:
    place = ("--account", "210987654321", "--region", "cn-north-1", "--partition", "aws-cn")
    outcome = pypedream("policy", "--branches", "dev-*", *place)
    said = statements(outcome.document)
    job = "arn:aws-cn:glue:cn-north-1:210987654321:job/"
    assert said["TaggedOnCreation"]["Condition"] == {"StringLike": {"aws:RequestTag/pypedream:branch": "dev-*"}}
    assert f"{job}load-x-dev-*" in said["TaggedAlready"]["Resource"]
    assert said["MainJobs"]["Resource"] == [f"{job}{node}-x-main" for node in ("extract", "load", "transform")]
    assert said["MainObjects"]["Resource"] == ["arn:aws-cn:s3:::shop-lake/main/*"]
    assert not any(sid.startswith("Keep") for sid in said)  # no pattern of these holds anything of main's
    assert "narrows it" not in outcome.err


def test_it_says_why(pypedream: Pypedream, project: Path) -> None:
    document = pypedream("policy", "--for", "gc", "--json").document
    assert document["for"] == "gc"
    assert document["commands"] == ["destroy-branch", "gc", "doctor"]
    [policy] = document["policies"]
    assert policy["characters"] == len(json.dumps(policy["document"], separators=(",", ":")))
    deleted = next(one for one in document["permissions"] if one["action"] == "glue:DeleteJob")
    assert deleted["on"] == ["the branches' jobs that carry a branch's tag"]
    assert deleted["call"] == "glue:DeleteJob"


@pytest.mark.parametrize("audience", ["developer", "reader"])
def test_a_long_policy_is_split_and_each_part_is_sound(
    audience: str, pypedream: Pypedream, project: Path, tmp_path: Path
) -> None:
    document = graph_document("x", "shop-lake")
    node = next(one for one in document["nodes"] if one["id"] == "load")
    for index in range(150):
        text = json.dumps(node).replace("load", f"load-of-a-rather-long-name-{index}").replace("gold", f"gold{index}")
        document["nodes"].append(json.loads(text))
    write_graph(project, document)
    whole = pypedream("policy", "--for", audience, "--json").document["policies"]
    assert pypedream("policy", "--for", audience, "-o", "out/p.json").code == 0
    parts = [json.loads(path.read_text()) for path in (tmp_path / "out").iterdir()]
    assert sorted(map(str, parts)) == sorted(str(one["document"]) for one in whole)
    assert len(parts) > 1
    sids = [one["Sid"] for part in parts for one in part["Statement"]]
    assert len(sids) == len(set(sids))
    for part in whole:
        assert part["characters"] <= 6144
        assert iam_faults(part["document"]) == []
    jobs = {
        resource
        for part in parts
        for one in part["Statement"]
        if one["Effect"] == "Deny"
        for resource in one["Resource"]
    }
    if audience != "reader":
        assert "arn:aws:glue:*:*:job/load-of-a-rather-long-name-149-x-main" in jobs


def test_a_role_that_the_graph_does_not_say_is_pointed_out(pypedream: Pypedream, project: Path) -> None:
    document = graph_document("x", "shop-lake")
    del document["nodes"][1]["metadata"]["properties"]["Role"]
    write_graph(project, document)
    outcome = pypedream("policy")
    assert "does not say the role of extract" in outcome.err
    assert "arn:aws:iam::*:role/*" in statements(outcome.document)["JobRoles"]["Resource"]


def test_names_are_rendered_for_main_and_hold_no_policy_variables(pypedream: Pypedream, project: Path) -> None:
    document = graph_document("x", "shop-lake", "glue-{branch-name}")
    document["nodes"][1]["metadata"]["properties"]["Name"] = "odd-${aws:username}-{branch-name}"
    write_graph(project, document)
    said = statements(pypedream("policy").document)
    assert said["JobRoles"]["Resource"] == ["arn:aws:iam::*:role/glue-main"]
    # A part of a name that is not known is in no policy, nor is what IAM would take for a variable.
    assert "${" not in json.dumps(pypedream("policy").document)


def test_a_graph_without_a_place_to_write_allows_nothing(pypedream: Pypedream, project: Path) -> None:
    job = {"operation": "glue", "properties": {"Name": "a", "Command": {"ScriptLocation": "s3://lake/a.py"}}}
    write_graph(project, {"directed": True, "nodes": [{"id": "a", "metadata": job}], "links": []})
    assert "there is nothing to allow" in pypedream("policy").error


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--account", "12"), "twelve digits"),
        (("--branches", "m*"), "would include main"),
        (("--branches", "Ann?"), "is no branch name"),
        (("--for", "everybody"), "is not one of"),
    ],
)
def test_bad_options_are_refused(options: tuple[str, ...], said: str, pypedream: Pypedream, project: Path) -> None:
    outcome = pypedream("policy", *options)
    assert outcome.code == 2
    assert said in outcome.err
    assert not outcome.out

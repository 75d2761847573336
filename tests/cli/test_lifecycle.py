"""`pypedream lifecycle` on the embedded AWS: merged into what is there, never in place of it."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import boto3
import pytest

from pypedream_dagster.aws.session import connect
from pypedream_dagster.branch.lifecycle import Offer
from pypedream_dagster.deploy.lifecycle import apply_change, plan_rules
from pypedream_dagster.errors import StateError
from pypedream_dagster.local_aws.endpoint import Endpoint
from pypedream_dagster.settings import Settings

from .conftest import Pypedream, graph_document, write_graph

THEIRS = [
    {
        "ID": "logs to glacier",
        "Status": "Enabled",
        "Filter": {"And": {"Prefix": "logs/", "Tags": [{"Key": "a", "Value": "b"}], "ObjectSizeGreaterThan": 1000}},
        "Transitions": [{"Days": 30, "StorageClass": "GLACIER"}],
        "NoncurrentVersionExpiration": {"NoncurrentDays": 5, "NewerNoncurrentVersions": 3},
    },
    {"ID": "off", "Status": "Disabled", "Filter": {"Prefix": ""}, "Expiration": {"ExpiredObjectDeleteMarker": True}},
]


@pytest.fixture
def bucket(aws_env: Endpoint, tmp_path: Path) -> str:
    """A lake in which branches lie below dev/, and main does not; the project's graph says so."""
    name = f"cycle-{uuid.uuid4().hex[:8]}"
    boto3.client("s3").create_bucket(Bucket=name)
    document = graph_document("x", name)
    for node in document["nodes"][1:-1]:
        metadata = node["metadata"]
        metadata["properties"]["Command"]["ScriptLocation"] = f"s3://{name}/scripts/{node['id']}.py"
        metadata["output_data"] = {
            dataset: {
                "uri": uri.replace("/{branch-name}/", "/dev/{branch-name}/"),
                "main_uri": uri.replace("{branch-name}", "main"),
            }
            for dataset, uri in metadata["output_data"].items()
        }
    write_graph(tmp_path, document)
    return name


def rules(bucket: str) -> Any:
    return boto3.client("s3").get_bucket_lifecycle_configuration(Bucket=bucket)


def test_a_rule_is_merged_shown_first_and_taken_out_again(pypedream: Pypedream, bucket: str) -> None:
    s3: Any = boto3.client("s3")
    s3.put_bucket_lifecycle_configuration(
        Bucket=bucket,
        LifecycleConfiguration={"Rules": THEIRS},
        TransitionDefaultMinimumObjectSize="varies_by_storage_class",
    )
    before = rules(bucket)
    assert before["Rules"] == THEIRS
    shown = pypedream("lifecycle", "--days", "20")
    assert f"s3://{bucket}/dev/  a rule may expire" in shown.out
    assert '+ {"AbortIncompleteMultipartUpload"' in shown.out
    assert "3 kept as they are" in shown.out  # two rules, and the smallest object that is moved
    assert rules(bucket)["Rules"] == THEIRS
    assert pypedream("lifecycle", "--days", "20", "--apply").code == 0
    after = rules(bucket)
    assert after["Rules"][:2] == THEIRS
    assert after["TransitionDefaultMinimumObjectSize"] == "varies_by_storage_class"
    [ours] = after["Rules"][2:]
    assert (ours["ID"], ours["Filter"]) == ("pypedream-branches:shop:dev/", {"Prefix": "dev/"})
    assert (ours["Expiration"], ours["AbortIncompleteMultipartUpload"]) == ({"Days": 20}, {"DaysAfterInitiation": 7})
    assert "no change" in pypedream("lifecycle", "--days", "20", "--apply").out
    assert pypedream("lifecycle", "--days", "9", "--apply").code == 0
    assert [rule.get("Expiration") for rule in rules(bucket)["Rules"]][2] == {"Days": 9}
    assert pypedream("lifecycle", "--remove").code == 0
    assert rules(bucket)["Rules"] == THEIRS


def test_rules_in_the_old_form_stay_in_it(pypedream: Pypedream, bucket: str) -> None:
    old: Any = [{"ID": "old", "Status": "Enabled", "Prefix": "tmp/", "Expiration": {"Days": 2}}]
    boto3.client("s3").put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": old})
    assert pypedream("lifecycle", "--apply").code == 0
    found = rules(bucket)["Rules"]
    assert found[0] == old[0]
    assert (found[1]["Prefix"], "Filter" in found[1]) == ("dev/", False)


def test_no_rule_where_main_or_a_stranger_lies(pypedream: Pypedream, bucket: str, tmp_path: Path) -> None:
    s3 = boto3.client("s3")
    s3.put_object(Bucket=bucket, Key="dev/colleagues/notes.csv", Body=b"1")
    refused = pypedream("lifecycle", "--apply")
    assert refused.code == 2
    assert "dev/colleagues/ lies there, and is no branch's" in refused.err
    write_graph(tmp_path, graph_document("x", bucket))
    refused = pypedream("lifecycle", "--apply")
    assert refused.code == 2
    assert f"main's s3://{bucket}/main/" in refused.err
    assert "main_uri" in refused.err
    document = pypedream("lifecycle", "--json").document
    assert [offer["offered"] for offer in document["offers"]] == [False]
    with pytest.raises(s3.exceptions.ClientError, match="NoSuchLifecycleConfiguration"):
        rules(bucket)


def test_a_rule_that_is_sound_no_more_is_found_and_goes(pypedream: Pypedream, bucket: str, tmp_path: Path) -> None:
    s3: Any = boto3.client("s3")
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": THEIRS})
    assert pypedream("lifecycle", "--apply").code == 0
    graph = tmp_path / "pipeline_graph" / "main.json"
    graph.write_text(graph.read_text().replace(f'"main_uri": "s3://{bucket}/', f'"main_uri": "s3://{bucket}/dev/'))
    [finding] = rules_found(pypedream)
    assert finding["where"] == "pypedream-branches:shop:dev/"
    done = pypedream("lifecycle", "--apply")
    assert (done.code, rules(bucket)["Rules"]) == (2, THEIRS)
    assert rules_found(pypedream) == []


def rules_found(pypedream: Pypedream) -> list[Any]:
    """Return what doctor finds of rules; branches of other tests' projects may be about."""
    return [one for one in pypedream("doctor", "--json").document["findings"] if one["kind"] == "rule"]


def test_what_another_changes_meanwhile_is_noticed(bucket: str, tmp_path: Path, aws_env: Endpoint) -> None:
    aws = connect(Settings(tmp_path))
    change = plan_rules(aws, bucket, (Offer(bucket, "dev/", ()),), "shop", 30)
    s3: Any = boto3.client("s3")
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": THEIRS})
    with pytest.raises(StateError, match="somebody else meanwhile: nothing was written"):
        apply_change(aws, change)
    assert rules(bucket)["Rules"] == THEIRS


def test_a_thousand_rules_are_the_most(bucket: str, tmp_path: Path, aws_env: Endpoint) -> None:
    many: Any = [
        {"ID": str(number), "Status": "Enabled", "Filter": {"Prefix": f"x{number}/"}, "Expiration": {"Days": 1}}
        for number in range(1000)
    ]
    boto3.client("s3").put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": many})
    with pytest.raises(StateError, match="1,000 lifecycle rules"):
        plan_rules(connect(Settings(tmp_path)), bucket, (Offer(bucket, "dev/", ()),), "shop", 30)

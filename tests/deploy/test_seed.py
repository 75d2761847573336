"""Seeding: the branch's dataset starts as main's, copied by S3, again and again, and main is never touched."""

from __future__ import annotations

import dataclasses
import json
import time
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from pypedream_dagster.aws.s3 import S3Client
from pypedream_dagster.branch.model import Output
from pypedream_dagster.deploy.execute import execute
from pypedream_dagster.deploy.plan import Plan, plan_deployment, plan_destruction
from pypedream_dagster.deploy.record import read_deployment
from pypedream_dagster.deploy.seed import Size, dataset_size, seed, with_seeds
from pypedream_dagster.deploy.steps import Seed, describe
from pypedream_dagster.errors import AccessDeniedError, ProtectedError, StateError
from pypedream_dagster.graph.files import graph_document, parse_graph

from .production import Project


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def appending(project: Project) -> Project:
    """The project with a load that appends to gold, of which main holds two objects, and a branch at transform."""
    document = graph_document(project.graph)
    gold = document["nodes"][2]["metadata"]["output_data"]
    gold["gold"] = {"uri": gold["gold"], "write_mode": "append"}
    changed = dataclasses.replace(project, graph=parse_graph(document))
    changed.create_branch()
    for name in ("day=1/part.txt", "day=2/part.txt"):
        project.aws.s3.write(f"s3://{project.bucket}/main/data/gold/{name}", name * 10)
    project.aws.s3.write(f"s3://{project.bucket}/main/data/gold2/part.txt", "a neighbour's")
    return changed


def _listing(project: Project, branch: str) -> dict[str, str]:
    root = f"s3://{project.bucket}/{branch}/data/"
    return {item.uri.removeprefix(root): item.etag for item in project.aws.s3.list_objects(root)}


def _deploy(project: Project, *seeds: str) -> Plan:
    plan = plan_deployment(project.aws, project.store, "test", seeds=seeds)
    execute(plan, project.aws, project.store, now=now, wait=time.sleep)
    return plan


def _gold(project: Project) -> Output:
    graph = project.store.graph("test")
    return next(output for _, output in graph.datasets() if output.name == "gold")


@pytest.mark.parametrize("wanted", ["*", "load.gold"])
def test_deploying_copies_mains_data_once(appending: Project, wanted: str) -> None:
    before = _listing(appending, "main")
    plan = _deploy(appending, wanted)
    (step,) = (step for step in plan.steps if isinstance(step, Seed))
    assert describe(step).endswith("gold/: 2 objects, 280 bytes")
    assert _listing(appending, "test") == {name: etag for name, etag in before.items() if name.startswith("gold/")}
    assert _listing(appending, "main") == before
    record = read_deployment(appending.store.folder("test"))
    assert record is not None
    assert [(item.node, item.dataset, item.state) for item in record.seeds] == [("load", "gold", "made")]
    # Deployed again, what a run has left there stays until the next run.
    appending.aws.s3.write(f"s3://{appending.bucket}/test/data/gold/day=3/part.txt", "of a run")
    assert not _deploy(appending).changes
    assert "gold/day=3/part.txt" in _listing(appending, "test")


def test_without_it_the_error_names_the_flag_and_the_size(appending: Project) -> None:
    with pytest.raises(StateError, match=r"load\.gold \(append; 2 objects, 280 bytes on main\).*--seed"):
        plan_deployment(appending.aws, appending.store, "test")


@pytest.mark.slow
def test_an_unknown_output_is_named(appending: Project) -> None:
    with pytest.raises(StateError, match=r"no output load\.silver"):
        plan_deployment(appending.aws, appending.store, "test", seeds=["load.silver"])


@pytest.mark.slow
def test_seeding_sets_a_dataset_back(appending: Project) -> None:
    _deploy(appending, "*")
    s3, graph = appending.aws.s3, appending.store.graph("test")
    root = f"s3://{appending.bucket}/test/data/gold/"
    s3.write(f"{root}day=3/part.txt", "more")
    s3.write(f"{root}day=1/part.txt", "other")
    main = _listing(appending, "main")
    assert seed(s3, graph, _gold(appending)) == Size(1, 140)
    assert _listing(appending, "test") == {name: etag for name, etag in main.items() if name.startswith("gold/")}
    assert seed(s3, graph, _gold(appending)) == Size(0, 0)
    assert _listing(appending, "main") == main


class _Killed(BaseException):
    """The process ends here."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Dying(S3Client):
    """Dies at a copy, before or after it."""

    at: list[str] = dataclasses.field(default_factory=list)

    def copy_object(self, source: Any, bucket: str, key: str) -> None:
        if self.at == ["before"]:
            raise _Killed
        # Zero-argument super() does not work in a slotted dataclass.
        S3Client.copy_object(self, source, bucket, key)
        raise _Killed


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_copy_that_was_killed_is_completed(appending: Project, moment: str) -> None:
    main = _listing(appending, "main")
    alive = appending.aws.s3
    dying = dataclasses.replace(appending.aws, s3=_Dying(alive.boto, alive.filesystem, alive.s3a, at=[moment]))
    plan = plan_deployment(dying, appending.store, "test", seeds=["*"])
    with pytest.raises(_Killed):
        execute(plan, dying, appending.store, now=now, wait=time.sleep)
    record = read_deployment(appending.store.folder("test"))
    assert record is not None
    assert not record.is_complete
    again = _deploy(appending)
    assert [type(step) for step in again.changes] == [Seed]
    assert _listing(appending, "test") == {name: etag for name, etag in main.items() if name.startswith("gold/")}
    assert _listing(appending, "main") == main


@pytest.mark.slow
def test_an_interruption_leaves_the_rest_uncopied(appending: Project) -> None:
    _deploy(appending, "*")
    s3, graph, gold = appending.aws.s3, appending.store.graph("test"), _gold(appending)
    for number in range(60):
        s3.write(f"{gold.base_uri}day=3/{number}.txt", "rows")

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        seed(s3, graph, gold, pause=interrupt)
    copied = dataset_size(s3, gold.head_uri).objects
    assert copied < 62
    assert seed(s3, graph, gold).objects == 62 - copied


@pytest.mark.slow
def test_destroying_a_half_made_copy_leaves_nothing(appending: Project) -> None:
    alive = appending.aws.s3
    dying = dataclasses.replace(appending.aws, s3=_Dying(alive.boto, alive.filesystem, alive.s3a, at=["after"]))
    with pytest.raises(_Killed):
        execute(
            plan_deployment(dying, appending.store, "test", seeds=["*"]),
            dying,
            appending.store,
            now=now,
            wait=time.sleep,
        )
    main = _listing(appending, "main")
    plan = plan_destruction(appending.aws, appending.store, "test")
    execute(plan, appending.aws, appending.store, now=now, wait=time.sleep)
    assert appending.aws.s3.is_empty(f"s3://{appending.bucket}/test/")
    assert read_deployment(appending.store.folder("test")) is None
    assert _listing(appending, "main") == main


@pytest.mark.slow
def test_a_denied_copy_says_what_is_missing(appending: Project) -> None:
    denied = appending.connect_denied("s3:PutObject")
    _deploy(appending, "*")
    appending.aws.s3.write(f"s3://{appending.bucket}/main/data/gold/day=4/part.txt", "new")
    with pytest.raises(AccessDeniedError, match="PutObject"):
        seed(denied.s3, appending.store.graph("test"), _gold(appending))


@pytest.mark.slow
def test_large_objects_are_copied_part_by_part(appending: Project) -> None:
    _deploy(appending, "*")
    body = bytes(range(256)) * 41_000  # 10.5 MB: parts of at least 5 MB but the last
    source = f"s3://{appending.bucket}/main/data/gold/large.bin"
    boto3.client("s3").put_object(
        Bucket=appending.bucket, Key="main/data/gold/large.bin", Body=body, ContentEncoding="gzip", Metadata={"a": "b"}
    )
    s3 = dataclasses.replace(appending.aws.s3, largest_copy_bytes=6_000_000, copy_part_bytes=5 * 1024**2)
    copied = seed(s3, appending.store.graph("test"), _gold(appending))
    assert copied == Size(1, len(body))
    assert s3.read_bytes(source.replace("/main/", "/test/")) == body
    described = boto3.client("s3").head_object(Bucket=appending.bucket, Key="test/data/gold/large.bin")
    assert (described["ContentEncoding"], described["Metadata"]) == ("gzip", {"a": "b"})


@pytest.mark.slow
def test_what_is_mains_is_never_seeded(appending: Project) -> None:
    _deploy(appending, "*")
    graph, gold, s3 = appending.store.graph("test"), _gold(appending), appending.aws.s3
    main = _listing(appending, "main")
    for head in (gold.base_uri, f"s3://{appending.bucket}/main/data/", f"s3://{appending.bucket}/elsewhere/"):
        with pytest.raises(ProtectedError):
            seed(s3, graph, gold.model_copy(update={"head_uri": head}))
    assert _listing(appending, "main") == main


@pytest.mark.slow
def test_iceberg_is_refused(appending: Project) -> None:
    graph = appending.store.graph("test")
    nodes = [
        node.model_copy(
            update={
                "outputs": tuple(
                    o.model_copy(update={"settings": o.settings.model_copy(update={"format": "iceberg"})})
                    for o in node.outputs
                )
            }
        )
        for node in graph.nodes
    ]
    with pytest.raises(StateError, match="Iceberg"):
        with_seeds(graph.model_copy(update={"nodes": tuple(nodes)}), ["load.gold"])


@pytest.mark.slow
def test_a_dataset_that_is_nowhere_is_empty(appending: Project) -> None:
    assert dataset_size(appending.aws.s3, "s3://no-such-bucket-at-all/x/") == Size(0, 0)
    assert dataset_size(appending.aws.s3, f"s3://{appending.bucket}/main/data/gold") == Size(2, 280)


@pytest.mark.slow
def test_files_from_before_seeding_still_load(appending: Project) -> None:
    path = appending.store.folder("test") / "graph.json"
    document = json.loads(path.read_text())
    for node in document["nodes"]:
        for output in node["metadata"]["outputs"].values():
            del output["seeded"]
    path.write_text(json.dumps(document))
    assert not _gold(appending).seeded

"""A deployment record that was lost or broken, rebuilt from what AWS holds under the branch's tags: reading only.

Found are what the branch graph names, and what a search by tags finds beside it. Taken is what carries the tags of
this very branch: its name, project and owner.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pypedream_dagster.aws.session import Aws
from pypedream_dagster.branch import naming
from pypedream_dagster.branch.model import Branch, BranchGraph
from pypedream_dagster.branch.store import BranchStore, sha256
from pypedream_dagster.deploy.delta_job import delta_code_uris, delta_origin
from pypedream_dagster.deploy.live import Tags, is_ours, live_tags
from pypedream_dagster.deploy.record import (
    FILE_NAME,
    BrokenRecordError,
    DeploymentRecord,
    ResourceRecord,
    read_deployment,
    set_aside_broken,
    write_deployment,
)
from pypedream_dagster.deploy.resources import Database, Kind, Prefix, fingerprint
from pypedream_dagster.deploy.search import find_tagged
from pypedream_dagster.errors import NotFoundError, StateError
from pypedream_dagster.graph.uri import S3Uri, parse_uri, plain_prefix, unknown_parts

Item = tuple[Kind, str]


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a branch's deployment.

    Attributes:
        record: as read, or as rebuilt; None if nothing is deployed.
        rebuilt: for the reader, why it was rebuilt; None if it was read.
    """

    record: DeploymentRecord | None
    rebuilt: str | None = None


def known_deployment(aws: Aws, store: BranchStore, name: str, tags: Tags, *, search: bool = True) -> Known:
    """Return a branch's deployment record, rebuilt from AWS where there is none that can be read.

    Args:
        aws: the clients.
        store: the project's branches.
        name: the branch.
        tags: that everything of the branch carries.
        search: whether to look for what is deployed also where nothing says that the branch ever was.

    Raises:
        BranchError: no such branch.
        StateError: the record cannot be used, and the branch was deployed to another account or region.
    """
    branch, graph = store.branch(name), store.graph(name)
    broken: str | None = None
    try:
        if (record := read_deployment(store.folder(name))) is not None:
            return Known(record)
    except BrokenRecordError as error:
        broken = error.message
    if (there := branch.deployed_to) is not None:
        check_place(aws, name, there.account, there.region, is_local=there.is_local)
    elif broken is None and not search:
        return Known(None)
    problem = broken or f"{store.folder(name) / FILE_NAME} was missing."
    rebuilt = _rebuild(aws, branch, graph, tags)
    return Known(rebuilt, f"{problem} It was rebuilt from the branch's tags on AWS." if rebuilt else None)


def restore_deployment(aws: Aws, store: BranchStore, name: str, tags: Tags) -> Known:
    """Do as `known_deployment`, and write the record that was rebuilt.

    Raises:
        BranchError: no such branch.
        StateError: the record cannot be used, and the branch was deployed to another account or region.
    """
    known = known_deployment(aws, store, name, tags)
    if known.record is not None and known.rebuilt is not None:
        set_aside_broken(store.folder(name))
        write_deployment(store.folder(name), known.record)
    return known


def check_place(aws: Aws, branch: str, account: str, region: str, *, is_local: bool) -> None:
    """Refuse to go on where the AWS in use is not the one that a branch is deployed to: names are the same there.

    Raises:
        StateError: it is another account or region.
    """
    there, here = (account, region, is_local), (aws.sts.caller().account, aws.region, aws.is_local)
    if here != there:
        raise StateError(
            f"Branch {branch!r} is deployed to {_place(*there)}, and what is in use is {_place(*here)}.",
            hint="use the profile and region that it was deployed with",
        )


def _place(account: str, region: str, is_local: bool) -> str:
    return f"{'the embedded AWS' if is_local else f'account {account}'}, {region}"


def named_by(graph: BranchGraph) -> Iterator[Item]:
    """Give what a branch may have on AWS, by the names that its graph gives."""
    for kind, identity in (*_deployed_by(graph), *_delta_items(graph)):
        if not unknown_parts(identity):
            yield kind, identity


def _deployed_by(graph: BranchGraph) -> Iterator[Item]:
    for node in graph.clones:
        yield "job", node.job
        if node.script_uri is not None:
            yield "script", node.script_uri
    for database in graph.databases:
        yield "database", database
    for prefix in graph.write_prefixes:
        yield "prefix", prefix


def _delta_items(graph: BranchGraph) -> Iterator[Item]:
    yield "job", naming.delta_job(delta_origin(graph).job)
    for uri in delta_code_uris(graph):
        yield "script", uri


def _rebuild(aws: Aws, branch: Branch, graph: BranchGraph, tags: Tags) -> DeploymentRecord | None:
    items = dict.fromkeys([*named_by(graph), *_tagged(aws, graph, tags)])
    live = [item for item in items if (found := live_tags(aws, *item)) is not None and is_ours(found, tags)]
    if not live:
        return None
    of_deltas = set(_delta_items(graph))
    nodes = {item: node.id for node in graph.clones for item in (("job", node.job), ("script", node.script_uri))}
    # When each was made is not known any more: not before the branch was.
    at = branch.deployed_to.since if branch.deployed_to else branch.created_at
    resources = tuple(
        ResourceRecord(
            kind=kind,
            identity=name,
            node=nodes.get((kind, name)),
            purpose="deltas" if (kind, name) in of_deltas else "branch",
            state="made",
            fingerprint=_live_fingerprint(aws, kind, name),
            at=at,
        )
        for kind, name in live
    )
    is_whole = set(_deployed_by(graph)) <= set(live)
    return DeploymentRecord(
        branch=branch.name,
        account=aws.sts.caller().account,
        region=aws.region,
        is_local=aws.is_local,
        resources=resources,
        finished_at=at if is_whole else None,
    )


def _tagged(aws: Aws, graph: BranchGraph, tags: Tags) -> Iterator[Item]:
    """Give what carries the branch's tags and is not named by its graph, which may have been another once.

    Another project may have the same name, and a branch of the same name and owner. So a job is taken only if it says
    that it is a clone of one that the branch runs, a prefix if such a job or a claim of the branch leads to it, and
    a database if it has no table elsewhere.
    """
    wanted = {key: tags[key] for key in (naming.TAG_BRANCH, naming.TAG_PROJECT, naming.TAG_OWNER)}
    clones = {naming.clone_description(graph.branch, node.production_job) for node in graph.nodes}
    found = find_tagged(
        aws, wanted, places=graph.write_prefixes, takes_job=lambda job: job.properties.get("Description") in clones
    )
    prefixes = [parse_uri(item.identity) for item in found if item.kind == "prefix"]
    for item in found:
        if item.kind != "database" or lies_below(aws, item.identity, prefixes):
            yield item.kind, item.identity


def lies_below(aws: Aws, database: str, prefixes: Sequence[S3Uri]) -> bool:
    """Tell whether all of a database's tables lie below some prefixes."""
    try:
        names = list(aws.catalog.table_names(database))
    except NotFoundError:
        return True
    for name in names:
        table = aws.catalog.get_table(database, name)
        uri = plain_prefix(table.location_uri) if table is not None else None
        if table is not None and not (uri is not None and any(prefix.contains(uri) for prefix in prefixes)):
            return False
    return True


def _live_fingerprint(aws: Aws, kind: Kind, name: str) -> str | None:
    """Return the fingerprint of what is there, as far as AWS tells it: not of a job, which so is updated."""
    match kind:
        case "prefix":
            return fingerprint(Prefix(name))
        case "database":
            return fingerprint(Database(name))
        case "script":
            try:
                return sha256(aws.s3.read_bytes(name))
            except NotFoundError:
                return None
        case "job":
            return None

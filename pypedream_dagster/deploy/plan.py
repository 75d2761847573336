"""From what a branch needs and what is there to the steps between: planning only reads.

Destroying is the plan towards nothing. Both refuse, before anything is changed, to touch what is there and
does not carry the branch's tags.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NoReturn

from pypedream_dagster.aws.session import Aws
from pypedream_dagster.branch import naming
from pypedream_dagster.branch.merge import has_markers
from pypedream_dagster.branch.model import Branch, BranchGraph
from pypedream_dagster.branch.staging import check_settled
from pypedream_dagster.branch.store import BranchStore, sha256
from pypedream_dagster.branch.unknown import check_known
from pypedream_dagster.deploy.delta_job import DeltaCode, delta_origin, delta_resources
from pypedream_dagster.deploy.live import Tags, active_runs, is_empty, is_ours, live_tags, production_jobs
from pypedream_dagster.deploy.locked import locked_nodes, with_clones, with_live_arguments
from pypedream_dagster.deploy.narrowing import check_narrowing
from pypedream_dagster.deploy.rebuild import check_place, known_deployment, named_by
from pypedream_dagster.deploy.record import DeploymentRecord, ResourceRecord
from pypedream_dagster.deploy.resources import (
    Database,
    Job,
    Kind,
    Prefix,
    Resource,
    Script,
    desired_resources,
    fingerprint,
    identity,
    kind_of,
)
from pypedream_dagster.deploy.seed import dataset_size, seed_name, with_seeds
from pypedream_dagster.deploy.steps import Create, Delete, Forget, Keep, Seed, Step, Update
from pypedream_dagster.errors import NotFoundError, ProtectedError, StateError
from pypedream_dagster.graph.uri import parse_uri

_DELETION_ORDER: tuple[Kind, ...] = ("job", "database", "script", "prefix")


@dataclass(frozen=True, slots=True)
class Plan:
    """What has to be done, in order.

    Attributes:
        graph: the branch's, with the clones that only AWS could tell are needed.
        goal: ``deltas`` adds what compares on Spark to what is deployed.
        tags: what everything that is made will carry.
        record: of the deployment as it was found; None if there is none.
        steps: in the order of execution.
        rebuilt: for the reader, why the record was rebuilt from AWS; None if it was read.
    """

    branch: str
    goal: Literal["deploy", "destroy", "deltas"]
    graph: BranchGraph
    tags: Tags
    record: DeploymentRecord | None
    steps: tuple[Step, ...]
    rebuilt: str | None = None

    @property
    def changes(self) -> tuple[Step, ...]:
        """The steps that change something on AWS."""
        return tuple(step for step in self.steps if not isinstance(step, Keep | Forget))


def plan_deployment(
    aws: Aws, store: BranchStore, name: str, *, seeds: Iterable[str] = (), also_given_up: Iterable[str] = ()
) -> Plan:
    """Return the steps that make a branch's resources on AWS what its folder says.

    Args:
        seeds: further outputs that start as a copy of main's, as `seed.with_seeds` takes them.
        also_given_up: nodes that are to run without a session policy, beside those that the branch's record names.

    Raises:
        BranchError: no such branch, or parts of what it runs, reads or writes are not known.
        StateError: a script is missing or has conflict markers, the branch is half rebased or deployed elsewhere, or a
            job cannot run on a branch.
        NotFoundError: a production job is not deployed.
        ProtectedError: something is in the way that is not this branch's, or a job's role cannot be narrowed.
    """
    branch, graph = store.branch(name), store.graph(name)
    check_known(graph, "deployed")
    tags = branch_tags(branch)
    known = known_deployment(aws, store, name, tags, search=False)
    record = known.record
    check_same_aws(aws, record)
    check_settled(store, name)
    graph = with_seeds(graph, seeds)
    _check_write_modes(aws, graph)
    scripts = {node.id: store.script(name, node) for node in graph.clones if node.script_uri is not None}
    _check_merged(store, name, graph, scripts)
    production = production_jobs(aws, graph)
    check_narrowing(branch, graph, production, also_given_up)
    graph = with_live_arguments(graph, production)
    graph = with_clones(graph, locked_nodes(graph, production))
    desired = desired_resources(graph, production, scripts)
    wanted = {(kind_of(resource), identity(resource)) for resource in desired}
    recorded = [r for r in record.resources if r.purpose == "branch"] if record else []
    surplus = [(r.kind, r.identity) for r in recorded if (r.kind, r.identity) not in wanted]
    steps = [_step_towards(aws, resource, tags, record) for resource in desired]
    steps += deletions(aws, graph, surplus, tags, record, graph.protected_uris)
    steps += _seeds(aws, graph, record)
    return Plan(name, "deploy", graph, tags, record, tuple(steps), known.rebuilt)


def plan_delta_job(aws: Aws, store: BranchStore, name: str, code: DeltaCode) -> Plan:
    """Return the steps that add the Glue job that compares a branch's data on Spark, or bring it up to date.

    Raises:
        BranchError: no such branch.
        StateError: the branch is not deployed, or elsewhere.
        NotFoundError: the origin's job is gone.
        ProtectedError: something is in the way that is not this branch's.
    """
    branch, graph = store.branch(name), store.graph(name)
    tags = branch_tags(branch)
    known = known_deployment(aws, store, name, tags)
    record = known.record
    if record is None:
        raise StateError(f"Branch {name!r} is not deployed.", hint=f"run 'pypedream deploy-branch {name}' first")
    check_same_aws(aws, record)
    origin = delta_origin(graph)
    role_giver = aws.glue.get_job(origin.job)
    if role_giver is None:
        raise NotFoundError(
            f"Glue job {origin.job} is gone, whose role the comparison on Spark takes.",
            hint=f"run 'pypedream deploy-branch {name}' again",
        )
    desired = delta_resources(graph, role_giver, code)
    steps = [_step_towards(aws, resource, tags, record) for resource in desired]
    return Plan(name, "deltas", graph, tags, record, tuple(steps), known.rebuilt)


def plan_destruction(aws: Aws, store: BranchStore, name: str, *, also_protected: Iterable[str] = ()) -> Plan:
    """Return the steps that remove all that was made of a branch, data included.

    What the record does not list is found by the branch graph's names, and taken if its tags say so. A lost or
    broken record is rebuilt first (`deploy.rebuild`).

    Args:
        also_protected: URIs of main beside those that the branch graph knows.

    Raises:
        BranchError: no such branch.
        StateError: the branch is deployed elsewhere.
        ProtectedError: something that the record lists does not carry the branch's tags, or is main's.
    """
    branch, graph = store.branch(name), store.graph(name)
    tags = branch_tags(branch)
    known = known_deployment(aws, store, name, tags)
    record = known.record
    check_same_aws(aws, record)
    recorded = [(item.kind, item.identity) for item in record.resources] if record else []
    named = [item for item in named_by(graph) if item not in recorded]
    main = (*graph.protected_uris, *also_protected)
    doomed = deletions(aws, graph, [*recorded, *named], tags, record, main)
    stops = list(active_runs(aws, graph)) if doomed else []
    return Plan(name, "destroy", graph, tags, record, (*stops, *doomed), known.rebuilt)


def branch_tags(branch: Branch) -> dict[str, str]:
    """Return the tags that everything made for a branch carries."""
    return naming.tags(branch.name, owner=branch.owner, expires=f"{branch.expires_at:%Y-%m-%d}", project=branch.project)


def undeployed_edits(store: BranchStore, name: str, record: DeploymentRecord) -> tuple[str, ...]:
    """Return the origins whose script was edited since it was deployed."""
    edited = []
    for node in store.graph(name).clones:
        if node.script_uri is not None:
            deployed = record.find("script", node.script_uri)
            if deployed is None or deployed.fingerprint != sha256(store.script(name, node)):
                edited.append(node.id)
    return tuple(edited)


def _step_towards(aws: Aws, resource: Resource, tags: Tags, record: DeploymentRecord | None) -> Step:
    kind, name = kind_of(resource), identity(resource)
    found = live_tags(aws, kind, name)
    if found is None:
        if isinstance(resource, Prefix) and not aws.s3.is_empty(resource.uri):
            raise ProtectedError(
                f"{resource.uri} holds objects that are not this branch's.",
                hint="choose another branch name, or empty the prefix yourself if it may go",
            )
        return Create(resource)
    if not is_ours(found, tags):
        refuse_foreign(kind, name, found)
    changes = list(_changes(aws, resource, record.find(kind, name) if record else None))
    if any(found.get(key) != value for key, value in tags.items()):
        changes.append("tags")
    return Update(resource, tuple(changes)) if changes else Keep(resource)


def _changes(aws: Aws, resource: Resource, recorded: ResourceRecord | None) -> Iterator[str]:
    match resource:
        case Script():
            if aws.s3.read_bytes(resource.uri) != resource.body:
                yield "content"
        case Job():
            yield from _changed_fields(aws, resource, recorded)
        case Prefix() | Database():
            return


def _changed_fields(aws: Aws, job: Job, recorded: ResourceRecord | None) -> Iterator[str]:
    live = aws.glue.get_job(job.name)
    found = live.creatable if live else {}
    differing = [key for key, value in job.properties.items() if found.get(key) != value]
    # A field that production has lost cannot be told from Glue's defaults in the answer: the record tells.
    same = recorded is not None and recorded.fingerprint == fingerprint(job)
    yield from differing or ([] if same else ["fields"])


def deletions(
    aws: Aws,
    graph: BranchGraph,
    items: Iterable[tuple[Kind, str]],
    tags: Tags,
    record: DeploymentRecord | None,
    main: tuple[str, ...],
) -> list[Step]:
    """Return the steps that delete what carries a branch's tags, and strike off what is gone.

    Raises:
        ProtectedError: something that the record lists does not carry the branch's tags, or is main's.
    """
    steps: list[Step] = []
    for kind, name in sorted(items, key=lambda item: _DELETION_ORDER.index(item[0])):
        recorded = record.find(kind, name) if record else None
        found = live_tags(aws, kind, name)
        if found is not None and is_ours(found, tags):
            doomed = Delete(kind, name)
            _check_not_main(doomed, graph, main)
            steps.append(doomed)
        elif recorded is None:
            continue  # ours by name only: not ours
        elif found is not None:
            refuse_foreign(kind, name, found)
        elif kind == "prefix" and recorded.state != "making" and not is_empty(aws, name):
            raise ProtectedError(
                f"{name} holds objects, but {naming.claim_uri(name)}, which said that they are the branch's, is gone.",
                hint="look at the objects and delete them yourself, then run the command again",
            )
        else:
            steps.append(Forget(kind, name))
    return steps


def _check_merged(store: BranchStore, name: str, graph: BranchGraph, scripts: Mapping[str, bytes]) -> None:
    for node, body in scripts.items():
        if has_markers(body):
            raise StateError(
                f"{store.script_path(name, graph.by_id[node])} has conflict markers (<<<<<<<, >>>>>>>).",
                hint="resolve them, then deploy",
            )


def refuse_foreign(kind: Kind, name: str, found: Tags) -> NoReturn:
    """Refuse to touch a resource that is there and does not carry the branch's tags.

    Raises:
        ProtectedError: always; says whose it is.
    """
    whose = found.get(naming.TAG_BRANCH)
    owner = found.get(naming.TAG_OWNER)
    said = f"carries the tags of branch {whose!r} of {owner}" if whose else "carries no tags of Pypedream"
    raise ProtectedError(
        f"The {kind} {name} exists already and {said}: it is left as it is.",
        hint="choose another branch name, or remove it yourself if it may go",
    )


def _check_not_main(step: Delete, graph: BranchGraph, main: tuple[str, ...]) -> None:
    fault = None
    match step.kind:
        case "prefix" | "script":
            doomed = parse_uri(step.identity)
            if not doomed.key.strip("/"):
                fault = "it is a whole bucket"
            fault = next((f"main uses {uri}" for uri in main if doomed.overlaps(parse_uri(uri))), fault)
        case "job":
            if any(step.identity == node.production_job for node in graph.nodes):
                fault = "it is one of main's jobs"
        case "database":
            bases = {output.base_table.partition(".")[0] for _, output in graph.datasets() if output.base_table}
            if step.identity in bases:
                fault = "it is one of main's databases"
    if fault is not None:
        raise ProtectedError(
            f"The {step.kind} {step.identity} is not deleted: {fault}.",
            hint="nothing was changed; look at branches/*/deployment.json and at the graph",
        )


def check_same_aws(aws: Aws, record: DeploymentRecord | None) -> None:
    """Refuse to go on where the AWS in use is not the one that a branch is deployed to: names are the same there.

    Raises:
        StateError: it is another account or region.
    """
    if record is not None:
        check_place(aws, record.branch, record.account, record.region, is_local=record.is_local)


def _seeds(aws: Aws, graph: BranchGraph, record: DeploymentRecord | None) -> Iterator[Step]:
    """Give the copies that were not made, or not to their end; before each run they are set back anyway."""
    for node, output in graph.datasets():
        if output.seeded and not (record and record.is_seeded(output.head_uri)):
            size = dataset_size(aws.s3, output.base_uri)
            yield Seed(node.id, output, size.objects, size.size_bytes)


def _check_write_modes(aws: Aws, graph: BranchGraph) -> None:
    unable = []
    for node, output in graph.datasets():
        if output.settings.write_mode != "overwrite" and not output.seeded:
            size = dataset_size(aws.s3, output.base_uri)
            held = f"{size.objects:,} objects, {size.size_bytes:,} bytes on main"
            unable.append(f"{seed_name(node, output)} ({output.settings.write_mode}; {held})")
    if unable:
        raise StateError(
            f"Branch {graph.branch!r} cannot be deployed: {', '.join(unable)} builds on the rows that main's dataset "
            "holds already, and a branch starts with none.",
            hint=f"'pypedream deploy-branch {graph.branch} --seed' copies main's to the branch first; or branch a node "
            "whose data does not reach it",
        )

"""Looking for what was forgotten, on AWS and on this machine: reading only.

What carries our tags is ours, and can be removed where it belongs to no branch. What only lies where a branch would
write is told, and never touched: nothing proves whose it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Literal

from pypedream_dagster.aws.s3 import S3Object
from pypedream_dagster.aws.session import Aws
from pypedream_dagster.branch import naming
from pypedream_dagster.branch.derive import derive_main
from pypedream_dagster.branch.lifecycle import by_bucket, offers, rule_id_start, rule_of
from pypedream_dagster.branch.model import BranchGraph
from pypedream_dagster.branch.places import branch_of_folder, branch_parents, branch_templates
from pypedream_dagster.branch.store import BranchStore
from pypedream_dagster.deploy.known import OnAws, branches_on_aws
from pypedream_dagster.deploy.live import active_runs, recent_active_runs
from pypedream_dagster.deploy.plan import check_same_aws, plan_deployment, undeployed_edits
from pypedream_dagster.deploy.rebuild import named_by
from pypedream_dagster.deploy.record import DeploymentRecord, read_deployment
from pypedream_dagster.deploy.resources import Script, identity, kind_of
from pypedream_dagster.deploy.search import Found
from pypedream_dagster.deploy.steps import Create, Update
from pypedream_dagster.errors import AwsError, NotFoundError, PypedreamError, StateError
from pypedream_dagster.graph.model import PipelineGraph, render
from pypedream_dagster.graph.uri import is_uri, parse_uri

Kind = Literal[
    "orphan",
    "stray",
    "lease",
    "unfinished",
    "gone",
    "differs",
    "broken",
    "unclaimed",
    "marker",
    "upload",
    "rule",
    "run",
    "local",
]

_COUNTED = 10_000  # objects: sizes of more are not worth the listing
_FRESH = timedelta(hours=1)  # what is younger may be under way
_WORDS = {"job": "Glue job", "database": "catalog database", "prefix": "prefix", "script": "script"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was forgotten, or is not as it should be.

    Attributes:
        what: in a reader's words.
        where: a name, URI or path.
        branch, owner: whose it is, as far as that is known.
        since: UTC.
        size_bytes: of a prefix's objects, of the first ten thousand.
        remedy: the command that mends it, or what to look at.
        removable: whether it is provably ours and belongs to no branch.
    """

    kind: Kind
    what: str
    where: str
    branch: str | None = None
    owner: str | None = None
    since: datetime | None = None
    size_bytes: int | None = None
    remedy: str = ""
    removable: bool = False


@dataclass(frozen=True, slots=True)
class Examination:
    """All that was found.

    Attributes:
        findings: in the order of the design: tags, records, the lake, runs, this machine.
        orphans: the branches behind the findings of kind ``orphan``: of colleagues, or forgotten.
    """

    findings: tuple[Finding, ...]
    orphans: tuple[OnAws, ...]

    def of_kind(self, kind: Kind) -> tuple[Finding, ...]:
        """Return the findings of one kind."""
        return tuple(finding for finding in self.findings if finding.kind == kind)


def examine(aws: Aws, store: BranchStore, graph: PipelineGraph, project: str, now: datetime) -> Examination:
    """Look at everything of a project.

    Args:
        aws: the clients.
        store: the project's branches.
        graph: of main.
        project: its name.
        now: UTC.

    Raises:
        AwsError: AWS cannot be looked at.
    """
    return _Doctor(aws, store, graph, project, now).examine()


class _Doctor:
    """One examination; what it asks for once, it keeps."""

    def __init__(self, aws: Aws, store: BranchStore, graph: PipelineGraph, project: str, now: datetime) -> None:
        self._aws, self._store, self._graph, self._now = aws, store, graph, now
        self._main = derive_main(graph)
        self._parents = branch_parents(graph)
        self._on_aws = branches_on_aws(aws, project, self._parents)
        self._project = naming.tag_value(project)
        self._local: dict[str, BranchGraph] = {}
        for name in store.names():
            with suppress(PypedreamError):
                self._local[name] = store.graph(name)

    def examine(self) -> Examination:
        orphans = tuple(found for found in self._on_aws if not self._has_folder(found))
        findings = [finding for branch in orphans for item in branch.found for finding in self._orphan(branch, item)]
        for name in self._store.names():
            findings += self._record(name)
        places = {uri for graph in self._local.values() for uri in graph.write_prefixes}
        places |= {uri for branch in self._on_aws for uri in branch.identities("prefix")}
        for parent in self._parents:
            findings += self._lake(parent, places)
        findings += self._rules()
        findings += self._runs(places)
        findings += self._files()
        return Examination(tuple(dict.fromkeys(findings)), orphans)

    def _has_folder(self, found: OnAws) -> bool:
        try:
            return self._store.exists(found.name) and found.is_of(self._store.branch(found.name))
        except PypedreamError:
            return True  # its folder is broken, which is another finding

    def _orphan(self, branch: OnAws, item: Found) -> Iterator[Finding]:
        expired = branch.expires_at is not None and branch.expires_at <= self._now
        since, size = None, None
        if item.kind == "job" and (job := self._aws.glue.get_job(item.identity)) is not None:
            since = job.properties.get("CreatedOn")
        if item.kind == "prefix":
            since, size = self._claimed_at(item.identity), self._size(item.identity)
        until = f"{'expired' if expired else 'expires'} {branch.expires_on or 'on no day that its tags tell'}"
        yield Finding(
            "orphan",
            f"{_WORDS[item.kind]} of a branch that has no folder here; it {until}",
            item.identity,
            branch.name,
            branch.owner,
            since,
            size,
            "pypedream gc" if expired else f"pypedream doctor --remove {branch.name}",
            removable=True,
        )

    def _record(self, name: str) -> Iterator[Finding]:
        try:
            branch, record = self._store.branch(name), read_deployment(self._store.folder(name))
            self._store.graph(name)
        except PypedreamError as error:
            yield Finding("broken", error.message, str(self._store.root / name), name, remedy=error.hint or "")
            return
        if record is None:
            yield from self._strays(name, branch.owner, None)
            return
        try:
            check_same_aws(self._aws, record)
        except StateError:
            return  # it cannot be looked at from here
        yield from self._strays(name, branch.owner, record)
        if not record.is_complete:
            yield Finding(
                "unfinished",
                "a deployment or destruction that broke off",
                str(self._store.folder(name)),
                name,
                branch.owner,
                max(item.at for item in record.resources) if record.resources else None,
                remedy=f"pypedream deploy-branch {name}, or pypedream destroy-branch {name}",
            )
        yield from self._differences(name, branch.owner, record)
        yield from self._uploads(name, branch.owner, record)

    def _strays(self, name: str, owner: str, record: DeploymentRecord | None) -> Iterator[Finding]:
        """Give what carries a branch's tags, and neither its record nor its graph names."""
        named = {(item.kind, item.identity) for item in record.resources} if record else set()
        named |= set(named_by(self._local[name])) if record else set()
        for found in self._on_aws:
            if found.name == name and self._has_folder(found):
                for item in found.found:
                    if (item.kind, item.identity) not in named:
                        what = f"{_WORDS[item.kind]} that carries the branch's tags and is not on its record"
                        remedy = f"pypedream destroy-branch {name}; what is left then, look at and delete yourself"
                        yield Finding("stray", what, item.identity, name, owner, remedy=remedy)

    def _differences(self, name: str, owner: str, record: DeploymentRecord) -> Iterator[Finding]:
        remedy = f"pypedream deploy-branch {name}"
        try:
            plan = plan_deployment(self._aws, self._store, name)
            edited = undeployed_edits(self._store, name, record)
        except PypedreamError as error:
            yield Finding("differs", error.message, str(self._store.folder(name)), name, owner, remedy=error.hint or "")
            return
        for step in plan.changes:
            match step:
                case Create(resource) if record.find(kind_of(resource), identity(resource)) is not None:
                    yield Finding("gone", "on the record, and gone", identity(resource), name, owner, remedy=remedy)
                case Update(Script(_, node), ("content",)) if node in edited:
                    continue  # the developer's own edit, which is not deployed yet
                case Update(resource, changes):
                    what = f"changed since it was deployed: {', '.join(changes)}"
                    yield Finding("differs", what, identity(resource), name, owner, remedy=remedy)
                case _:
                    continue

    def _uploads(self, name: str, owner: str, record: DeploymentRecord) -> Iterator[Finding]:
        if any(True for _ in islice(active_runs(self._aws, self._local[name]), 1)):
            return  # they may end yet
        for item in record.resources:
            if item.kind == "prefix":
                with suppress(NotFoundError):
                    if number := self._aws.s3.unfinished_uploads(item.identity):
                        yield Finding(
                            "upload",
                            f"{number:,} multipart uploads that were begun and not ended, and are paid for",
                            item.identity,
                            name,
                            owner,
                            remedy=f"pypedream destroy-branch {name}, or pypedream lifecycle --apply",
                        )

    def _lake(self, parent: str, places: set[str]) -> Iterator[Finding]:
        try:
            folders, objects = self._aws.s3.list_level(parent)
        except NotFoundError:
            return
        claims = {item.uri for item in objects if naming.root_beside(item.uri)}
        for folder in folders:
            yield from self._folder(folder, places)
        for item in objects:
            root = naming.root_beside(item.uri)
            if root is not None and item.uri != naming.claim_uri(root):
                yield from self._left_beside(item, root, places, claims)
            elif item.uri.endswith("_$folder$"):
                root = item.uri.removesuffix("_$folder$") + "/"
                branch = self._branch_at(root)
                if branch and not self._is_known(root, places) and root not in folders and not self._is_claimed(root):
                    yield Finding(
                        "marker",
                        "a folder's marker, as Hadoop writes them, of a branch that is gone",
                        item.uri,
                        branch,
                        since=item.last_modified,
                        size_bytes=item.size_bytes,
                        remedy=f"look at it, then: aws s3 rm '{item.uri}'",
                    )

    def _folder(self, folder: str, places: set[str]) -> Iterator[Finding]:
        branch = self._branch_at(folder)
        if branch is None or self._is_known(folder, places) or self._is_claimed(folder):
            return
        written = [render(one, branch) for one in branch_templates(self._graph)]
        found = [uri for uri in written if uri.startswith(folder) and not self._aws.s3.is_empty(uri)]
        if found:
            newest = next(iter(self._aws.s3.list_objects(found[0])), None)
            yield Finding(
                "unclaimed",
                "data where a branch of that name would write, claimed by none: it may be anybody's",
                folder,
                branch,
                since=newest.last_modified if newest else None,
                size_bytes=self._size(folder),
                remedy=f"look at it, then: aws s3 rm --recursive '{folder}'",
            )

    def _left_beside(self, item: S3Object, root: str, places: set[str], claims: set[str]) -> Iterator[Finding]:
        """Give what commands left beside a prefix that no branch has any more."""
        if naming.claim_uri(root) in claims or self._is_known(root, places) or self._now - item.last_modified < _FRESH:
            return
        try:
            tags = self._aws.s3.tags(item.uri)
        except NotFoundError:
            return
        ours = tags.get(naming.TAG_PROJECT) == self._project
        yield Finding(
            "lease",
            "what a command left beside a prefix that is no branch's any more",
            item.uri,
            tags.get(naming.TAG_BRANCH),
            tags.get(naming.TAG_OWNER),
            item.last_modified,
            item.size_bytes,
            "pypedream doctor --remove" if ours else f"look at it, then: aws s3 rm '{item.uri}'",
            removable=ours,
        )

    def _rules(self) -> Iterator[Finding]:
        """Give our lifecycle rules that would expire what is main's by now: the graph has changed since."""
        found = offers(self._graph, self._main.protected_uris)
        for bucket, of_bucket in by_bucket(found).items():
            sound = {rule_of(self._project, offer, 1)["ID"] for offer in of_bucket if offer.refusal is None}
            with suppress(AwsError):  # not everybody may read a bucket's configuration
                for rule in (self._aws.s3.lifecycle(bucket) or {"Rules": []})["Rules"]:
                    rule_id = str(rule.get("ID"))
                    if rule_id.startswith(rule_id_start(self._project)) and rule_id not in sound:
                        what = (
                            f"our lifecycle rule of bucket {bucket}, at a prefix that is not branches' alone any more"
                        )
                        yield Finding("rule", what, rule_id, remedy="pypedream lifecycle --remove")

    def _runs(self, places: set[str]) -> Iterator[Finding]:
        for node in self._main.nodes:
            for run in recent_active_runs(self._aws, node.job):
                for value in run.arguments.values():
                    strange = next((one for one in self._folders_in(value) if not self._is_known(one, places)), None)
                    if strange is not None:
                        yield Finding(
                            "run",
                            f"a run of main's job {node.job} at {strange}, where no branch is any more",
                            run.job_run_id,
                            self._branch_at(strange),
                            since=run.started_on,
                            remedy=f"aws glue batch-stop-job-run --job-name {node.job} --job-run-ids {run.job_run_id}",
                        )
                        break

    def _files(self) -> Iterator[Finding]:
        if not self._store.root.is_dir():
            return
        for path in sorted(self._store.root.iterdir()):
            if path.name.startswith(".") and path.suffix in (".partial", ".deleted") and path.is_dir():
                since = datetime.fromtimestamp(path.stat().st_mtime, UTC)
                if self._now - since > _FRESH:
                    yield Finding(
                        "local",
                        "remains of a create-branch or delete-branch that was cut short",
                        str(path),
                        path.stem.lstrip("."),
                        since=since,
                        size_bytes=_bytes_below(path),
                        remedy="pypedream doctor --remove",
                        removable=True,
                    )

    def _branch_at(self, folder: str) -> str | None:
        """Return the branch whose folder this is by the graph's templates; None of main's and of anything else."""
        if not is_uri(folder) or any(parse_uri(folder).overlaps(parse_uri(uri)) for uri in self._main.protected_uris):
            return None
        found = (branch_of_folder(template, folder) for template in branch_templates(self._graph))
        return next((branch for branch in found if branch is not None), None)

    def _folders_in(self, text: str) -> Iterator[str]:
        """Give the folders of branches that a run's argument lies in."""
        for parent in self._parents:
            if text.startswith(parent):
                folder = f"{parent}{text[len(parent) :].partition('/')[0]}/"
                if self._branch_at(folder) is not None:
                    yield folder

    def _is_known(self, folder: str, places: set[str]) -> bool:
        return any(parse_uri(folder).overlaps(parse_uri(place)) for place in places)

    def _is_claimed(self, folder: str) -> bool:
        return self._aws.s3.exists(naming.claim_uri(folder))  # by another project

    def _claimed_at(self, root: str) -> datetime | None:
        claim = naming.claim_uri(root)
        return next((item.last_modified for item in self._aws.s3.list_objects(claim) if item.uri == claim), None)

    def _size(self, prefix: str) -> int:
        return sum(item.size_bytes for item in islice(self._aws.s3.list_objects(prefix), _COUNTED))


def _bytes_below(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())

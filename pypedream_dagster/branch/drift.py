"""What has changed on main since a branch was made: pure, from main as it was and as it is.

Main's graph, production's job of each affected node, and the scripts that those run. What of the graph's changes
matters to the branch is found by deriving the branch from both graphs and comparing the two: whatever else changed
is somebody else's.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pypedream_dagster.branch.baseline import Baseline, parse_main
from pypedream_dagster.branch.derive import derive_branch
from pypedream_dagster.branch.model import Branch, BranchGraph, BranchNode, Input, Output
from pypedream_dagster.branch.store import sha256
from pypedream_dagster.errors import PypedreamError
from pypedream_dagster.graph.files import graph_document
from pypedream_dagster.graph.model import PipelineGraph
from pypedream_dagster.masking.mask import mask_document

_ABSENT = "(none)"
_DETAILS = 3  # in a note; the plan has them all


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field: its path, and its value before and after as JSON text, or ``(none)``."""

    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class GraphDrift:
    """Main's graph is not what it was.

    Attributes:
        changes: of nodes and links, by the path of each field; empty where it is not known what it was.
        effects: in sentences, what of them matters to the branch, or why it can no longer be derived.
        is_known: whether the two graphs could be compared; else only that they differ is known.
    """

    changes: tuple[FieldChange, ...] = ()
    effects: tuple[str, ...] = ()
    is_known: bool = True

    @property
    def matters(self) -> bool:
        """Whether the branch would be another one today; taken for yes where it is not known."""
        return bool(self.effects) or not self.is_known


@dataclass(frozen=True, slots=True)
class JobDrift:
    """Production's job of an affected node is not what it was; without changes it is gone."""

    node: str
    job: str
    changes: tuple[FieldChange, ...] = ()

    @property
    def is_gone(self) -> bool:
        """Whether the job is not deployed any more."""
        return not self.changes

    @property
    def label(self) -> str:
        """The node, and the fields that differ."""
        fields = [change.field for change in self.changes]
        return f"{self.node}{' (it is not deployed)' if self.is_gone else _told(fields)}"


@dataclass(frozen=True, slots=True)
class ScriptDrift:
    """The script that production runs for a node is not the one that it was.

    Attributes:
        is_origin: the branch has its own, made from the old one; else the branch runs the new one.
        diff: unified; empty where the old one is not kept.
    """

    node: str
    is_origin: bool
    diff: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The node, and how many lines came and went."""
        body = self.diff[2:]  # without the names of the two files
        added, removed = (sum(line.startswith(sign) for line in body) for sign in "+-")
        return f"{self.node} (+{added} -{removed} lines)" if body else self.node


@dataclass(frozen=True, slots=True)
class Drift:
    """All that has changed on main since a branch was made, as far as it concerns the branch.

    Attributes:
        was_asked: whether production's jobs and scripts were looked at; else only the graph was.
    """

    graph: GraphDrift | None = None
    jobs: tuple[JobDrift, ...] = ()
    scripts: tuple[ScriptDrift, ...] = ()
    was_asked: bool = False

    def __bool__(self) -> bool:
        """Whether anything has changed."""
        return bool(self.graph or self.jobs or self.scripts)

    @property
    def kinds(self) -> tuple[str, ...]:
        """What has changed, in a word each."""
        found = (("graph", self.graph), ("job", self.jobs), ("script", self.scripts))
        return tuple(name for name, changed in found if changed)

    @property
    def summary(self) -> str:
        """In a few words: ``main's graph and production's script of clean (+2 -1 lines)``; empty if nothing matters."""
        parts = [f"main's graph{_told(self.graph.effects)}"] if self.graph and self.graph.matters else []
        jobs, scripts = [item.label for item in self.jobs], [item.label for item in self.scripts]
        parts += [f"production's job of {_listed(jobs)}"] if jobs else []
        parts += [f"production's script of {_listed(scripts)}"] if scripts else []
        return _listed(parts)

    def notes(self, branch: str) -> tuple[str, ...]:
        """Return what a reader of the branch's deltas should know of this: a note, or none."""
        if not self.summary:
            return ()
        return (
            f"What production is has changed since this branch was made: {self.summary}. Main's data may come from "
            "the new one and the branch's from the old: part of these deltas may be main's own change, not the "
            f"branch's. 'pypedream plan {branch}' shows what has changed, 'pypedream rebase {branch}' takes it up.",
        )


def find_drift(record: Branch, graph: BranchGraph, then: Baseline | None, now: Baseline) -> Drift:
    """Compare main as it was with main as it is.

    Args:
        record, graph: the branch's.
        then: what was kept of main; None for a branch made before it was.
        now: main now; without jobs where production was not asked.
    """
    return Drift(
        graph=_graph_drift(record, then, now),
        jobs=tuple(_job_drifts(graph, then, now)),
        scripts=tuple(_script_drifts(record, graph, then, now)),
        was_asked=bool(now.jobs),
    )


def changed_fields(before: Any, after: Any, path: str = "") -> Iterator[FieldChange]:
    """Give the fields that differ between two JSON documents; what objects hold is compared field by field."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys([*before, *after]):
            here = f"{path}.{key}" if path else str(key)
            if key not in after:
                yield FieldChange(here, _shown(before[key]), _ABSENT)
            elif key not in before:
                yield FieldChange(here, _ABSENT, _shown(after[key]))
            else:
                yield from changed_fields(before[key], after[key], here)
    elif before != after:
        yield FieldChange(path, _shown(before), _shown(after))


def script_diff(before: bytes, after: bytes, name: str) -> tuple[str, ...]:
    """Return a unified diff of two scripts, without line ends; what is not UTF-8 is shown as escapes."""
    old, new = (body.decode("utf-8", "backslashreplace").splitlines() for body in (before, after))
    names = f"{name} (as of the branch)", f"{name} (production now)"
    found = tuple(difflib.unified_diff(old, new, *names, lineterm=""))
    return found or ("(only the ends of lines differ)",)


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)


def _told(details: Sequence[str]) -> str:
    more = len(details) - _DETAILS
    rest = f" and {more} more" if more > 0 else ""
    return f" ({'; '.join(details[:_DETAILS])}{rest})" if details else ""


def _listed(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _graph_drift(record: Branch, then: Baseline | None, now: Baseline) -> GraphDrift | None:
    if now.main_json is None:
        return GraphDrift(effects=("the main graph is gone",))
    if sha256(now.main_json) == record.graph_sha256:
        return None
    try:
        after = parse_main(now.main_json)
    except PypedreamError as error:
        return GraphDrift(effects=(f"today's main graph cannot be read: {error.message}",))
    if then is None or then.main_json is None:
        return GraphDrift(is_known=False)
    try:
        before = parse_main(then.main_json)
    except PypedreamError:
        return GraphDrift(is_known=False)
    changes = tuple(changed_fields(_keyed(before), _keyed(after)))
    return GraphDrift(changes, tuple(_effects(record, before, after))) if changes else None


def _keyed(graph: PipelineGraph) -> dict[str, Any]:
    """Return a graph as one document in which each node and link has a name, without secrets."""
    document = graph_document(graph)
    keyed = {f"node {node['id']}": {k: v for k, v in node.items() if k != "id"} for node in document["nodes"]}
    for link in document["links"]:
        name = f"link {link['source']} → {link['target']}"
        keyed[name] = {key: value for key, value in link.items() if key not in {"source", "target"}}
    rest: dict[str, Any] = mask_document({**keyed, "graph": document["graph"]})
    return rest


def _effects(record: Branch, before: PipelineGraph, after: PipelineGraph) -> Iterator[str]:
    """Say in which ways the branch would be another one, were it made today."""
    try:
        old = derive_branch(before, record.name, record.origins, follow_order=record.follow_order)
    except PypedreamError:
        return  # the branch is from another version of the rules: nothing can be said
    try:
        new = derive_branch(after, record.name, record.origins, follow_order=record.follow_order)
    except PypedreamError as error:
        yield f"the branch can no longer be made from it: {error.message}"
        return
    yield from compare_graphs(old, new)


def compare_graphs(old: BranchGraph, new: BranchGraph) -> Iterator[str]:
    """Say in which ways two derivations of one branch differ."""
    for node in new.nodes:
        if node.id not in old.by_id:
            yield f"{node.id} is affected now, and was not"
    for node in old.nodes:
        if node.id in new.by_id:
            yield from _node_effects(node, new.by_id[node.id])
        else:
            yield f"{node.id} is not affected any more"
    for prefix in sorted(set(new.write_prefixes) - set(old.write_prefixes)):
        yield f"the branch may write {prefix}, and might not"
    for prefix in sorted(set(old.write_prefixes) - set(new.write_prefixes)):
        yield f"the branch may not write {prefix} any more"


def _node_effects(old: BranchNode, new: BranchNode) -> Iterator[str]:
    if old.production_job != new.production_job:
        yield f"{new.id} is the Glue job {new.production_job}, and was {old.production_job}"
    elif old.job != new.job:
        yield f"{new.id} runs the Glue job {new.job}, and ran {old.job}"
    if old.script_uri != new.script_uri:
        yield f"{new.id}'s script lies at {new.script_uri}, and lay at {old.script_uri}"
    yield from _input_effects(old, new)
    yield from _output_effects(old, new)
    told = {item.argument for node in (old, new) for item in node.inputs}
    told |= {item.argument for node in (old, new) for item in node.outputs}
    plain = ({key: value for key, value in node.arguments.items() if key not in told} for node in (old, new))
    for change in changed_fields(*(mask_document(arguments) for arguments in plain)):
        yield f"{new.id} is given {change.field} {change.after}, and was given {change.before}"
    if set(old.upstream) != set(new.upstream):
        yield f"{new.id} runs after {_named(new.upstream)}, and ran after {_named(old.upstream)}"
    for change in changed_fields(*(mask_document(_own_properties(node)) for node in (old, new))):
        yield f"{new.id}'s {change.field} is {change.after} in the graph, and was {change.before}"


def _own_properties(node: BranchNode) -> dict[str, Any]:
    """Return the properties that are not told otherwise: names, scripts and arguments that the branch sets."""
    kept = {key: value for key, value in node.properties.items() if key not in {"Name", "Command"}}
    defaults = kept.get("DefaultArguments")
    if isinstance(defaults, dict):
        kept["DefaultArguments"] = {key: value for key, value in defaults.items() if key not in node.arguments}
    return kept


def _input_effects(old: BranchNode, new: BranchNode) -> Iterator[str]:
    def keyed(node: BranchNode) -> Mapping[str, Input]:
        return {f"{item.producer}.{item.dataset}": item for item in node.inputs}

    before, after = keyed(old), keyed(new)
    for name in sorted(before.keys() | after.keys()):
        was, now = before.get(name), after.get(name)
        if was is None:
            yield f"{new.id} reads {name} now"
        elif now is None:
            yield f"{new.id} does not read {name} any more"
        elif (was.uri, was.argument) != (now.uri, now.argument):
            before_text, now_text = (f"{item.uri} ({item.argument})" for item in (was, now))
            yield f"{new.id} reads {name} from {now_text}, and read it from {before_text}"


def _output_effects(old: BranchNode, new: BranchNode) -> Iterator[str]:
    def keyed(node: BranchNode) -> Mapping[str, Output]:
        return {item.name: item for item in node.outputs}

    before, after = keyed(old), keyed(new)
    for name in [*before, *(name for name in after if name not in before)]:
        was, now = before.get(name), after.get(name)
        if was is None:
            yield f"{new.id} writes {name} now"
        elif now is None:
            yield f"{new.id} does not write {name} any more"
        elif changes := list(changed_fields(_output_fields(was), _output_fields(now))):
            told = [f"{change.field} {change.before} → {change.after}" for change in changes]
            yield f"{new.id}'s output {name} has changed: {', '.join(told)}"


def _output_fields(output: Output) -> dict[str, Any]:
    """Return an output's fields as a user knows them."""
    settings = output.settings.model_dump(mode="json")
    places = {"place on main": output.base_uri, "place on the branch": output.head_uri, "argument": output.argument}
    tables = {"table on main": output.base_table, "table on the branch": output.head_table}
    given = settings if isinstance(settings, dict) else {}
    rest = {key: value for key, value in given.items() if key not in {"uri", "main_uri", "table"}}
    return places | {key: value for key, value in tables.items() if value is not None} | rest


def _named(nodes: tuple[str, ...]) -> str:
    return ", ".join(nodes) or "nothing"


def _job_drifts(graph: BranchGraph, then: Baseline | None, now: Baseline) -> Iterator[JobDrift]:
    for node in graph.nodes:
        after = now.jobs.get(node.id)
        before = then.jobs.get(node.id) if then else None
        if after is None:
            continue
        if after.fields is None:
            yield JobDrift(node.id, after.job)
        elif before is not None and before.fields is not None:
            # As JSON holds them: what was kept went through a file.
            sides = (json.loads(json.dumps(fields, default=str)) for fields in (before.fields, after.fields))
            if changes := tuple(changed_fields(*sides)):
                yield JobDrift(node.id, after.job, changes)


def _script_drifts(record: Branch, graph: BranchGraph, then: Baseline | None, now: Baseline) -> Iterator[ScriptDrift]:
    for node in graph.nodes:
        seen = now.jobs.get(node.id)
        digest = seen.script_sha256 if seen else None
        if node.is_origin:
            known = record.script_sha256.get(node.id)
        else:
            before = then.jobs.get(node.id) if then else None
            known = before.script_sha256 if before else None
        if digest is None or known is None or digest == known:
            continue
        old, new = (then.scripts.get(node.id) if then else None), now.scripts.get(node.id)
        diff = script_diff(old, new, node.id) if node.is_origin and old is not None and new is not None else ()
        yield ScriptDrift(node.id, node.is_origin, diff)

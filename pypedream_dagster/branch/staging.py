"""``branches/<name>/rebase/``: a rebase on its way into the branch's folder.

All that the branch will be is written there first, and the folder gets its name only when it is whole. With
conflicts it stays until they are resolved in its ``scripts/``, and the branch is what it was. Then each file is put
into its place: interrupted, that is done again from the start and comes to the same.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pypedream_dagster.branch.merge import has_markers
from pypedream_dagster.branch.model import Branch, Frozen
from pypedream_dagster.branch.rebase import Rebase
from pypedream_dagster.branch.store import (
    BranchStore,
    graph_document,
    read_json_as,
    script_name,
    sha256,
    write_baseline,
    write_bytes,
)
from pypedream_dagster.errors import StateError
from pypedream_dagster.graph.files import write_json

FOLDER = "rebase"


class StagedRebase(Frozen):
    """``state.json`` of a rebase under way.

    Attributes:
        ours: per origin, the digest of the developer's script that was merged.
        conflicts: origins whose merged script has to be resolved by hand.
        changes_graph: as in `Rebase`.
        is_ready: whether the branch's files are being replaced: from here there is only forwards.
    """

    version: Literal[1] = 1
    ours: Mapping[str, str]
    conflicts: tuple[str, ...] = ()
    changes_graph: bool = False
    is_ready: bool = False


def stage(store: BranchStore, name: str, rebase: Rebase) -> StagedRebase:
    """Write a rebase beside the branch, whole or not at all.

    Raises:
        StateError: another one is under way.
    """
    folder = store.folder(name)
    partial = folder / f".{FOLDER}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    for node, merged in rebase.merges.items():
        write_bytes(partial / "scripts" / script_name(rebase.graph.by_id[node]), merged.body)
    write_baseline(partial, rebase.base, rebase.graph)
    write_json(partial / "graph.json", graph_document(rebase.graph))
    write_json(partial / "branch.json", rebase.record.model_dump(mode="json"))
    state = StagedRebase(
        ours={node: sha256(body) for node, body in rebase.ours.items()},
        conflicts=rebase.conflicts,
        changes_graph=rebase.changes_graph,
        is_ready=not rebase.conflicts,
    )
    write_json(partial / "state.json", state.model_dump(mode="json"))
    try:
        os.rename(partial, folder / FOLDER)
    except OSError as error:  # somebody else was faster
        shutil.rmtree(partial, ignore_errors=True)
        raise StateError(f"{folder / FOLDER} is in the way: {error}.", hint="look whose rebase it is") from error
    return state


def staged(store: BranchStore, name: str) -> StagedRebase | None:
    """Return a branch's rebase under way, if there is one.

    Raises:
        BranchError: there is no such branch, or the file is broken.
    """
    store.branch(name)
    path = store.folder(name) / FOLDER / "state.json"
    return read_json_as(path, StagedRebase) if path.is_file() else None


def resolve(store: BranchStore, name: str, state: StagedRebase) -> StagedRebase:
    """Take the merged scripts as they have been resolved.

    Raises:
        StateError: one still has conflict markers or is empty, or the branch's own was edited meanwhile.
    """
    graph = store.graph(name)
    for node in state.conflicts:
        path = store.folder(name) / FOLDER / "scripts" / script_name(graph.by_id[node])
        body = path.read_bytes() if path.is_file() else b""
        if not body.strip() or has_markers(body):
            raise StateError(
                f"{path} {'still has conflict markers' if body.strip() else 'is empty or missing'}.",
                hint=f"resolve it, then 'pypedream rebase {name} --continue'; or 'pypedream rebase {name} --abort'",
            )
    for node, digest in state.ours.items():
        if sha256(store.script(name, graph.by_id[node])) != digest:
            raise StateError(
                f"{store.script_path(name, graph.by_id[node])} was edited while the rebase was under way.",
                hint=f"'pypedream rebase {name} --abort', then rebase again: it merges the edit, too",
            )
    ready = state.model_copy(update={"is_ready": True})
    write_json(store.folder(name) / FOLDER / "state.json", ready.model_dump(mode="json"))
    return ready


def finish(store: BranchStore, name: str, state: StagedRebase) -> None:
    """Put a ready rebase into the branch's folder, and forget it.

    Raises:
        StateError: a script is neither what was merged nor the merge: it was edited after an interruption.
    """
    folder, graph = store.folder(name), store.graph(name)
    origins = [node for node in graph.nodes if node.id in state.ours]
    bodies = {node.id: (folder / FOLDER / "scripts" / script_name(node)).read_bytes() for node in origins}
    for node in origins:  # all of them, before the first is replaced
        if sha256(store.script(name, node)) not in {state.ours[node.id], sha256(bodies[node.id])}:
            raise StateError(
                f"{store.script_path(name, node)} was edited after a rebase had broken off.",
                hint=f"carry your edit into {folder / FOLDER / 'scripts' / script_name(node)}, copy that over the "
                f"script, then run 'pypedream rebase {name}' again",
            )
    for node in origins:
        write_bytes(store.script_path(name, node), bodies[node.id])
    for part in ("base/main.json", "base/scripts", "base/jobs.json", "graph.json"):
        source = folder / FOLDER / part
        files = sorted(source.iterdir()) if source.is_dir() else [source]
        for path in files:
            write_bytes(folder / path.relative_to(folder / FOLDER), path.read_bytes())
    # Last: its digests say that all the rest is there. Only they: other commands may have noted something meanwhile.
    rebased = read_json_as(folder / FOLDER / "branch.json", Branch)
    changes = {field: getattr(rebased, field) for field in ("graph_sha256", "script_sha256", "rebased_at")}
    write_json(folder / "branch.json", store.branch(name).model_copy(update=changes).model_dump(mode="json"))
    forget(store, name)


def forget(store: BranchStore, name: str) -> None:
    """Remove what is staged; a crash in the middle leaves nothing that looks like a rebase."""
    folder = store.folder(name)
    grave = folder / f".{FOLDER}.deleted"
    shutil.rmtree(grave, ignore_errors=True)
    os.rename(folder / FOLDER, grave)
    shutil.rmtree(grave)


def staged_script(store: BranchStore, name: str, node: str) -> Path:
    """Return where an origin's conflicts are resolved."""
    return store.folder(name) / FOLDER / "scripts" / script_name(store.graph(name).by_id[node])


def check_settled(store: BranchStore, name: str) -> None:
    """Refuse to go on with a branch that is half rebased.

    Raises:
        StateError: says how to go on.
    """
    state = staged(store, name)
    if state is None:
        return
    ahead = f"'pypedream rebase {name}'" if state.is_ready else f"'pypedream rebase {name} --continue' or '--abort'"
    raise StateError(f"Branch {name!r} is in the middle of a rebase.", hint=f"run {ahead} first")

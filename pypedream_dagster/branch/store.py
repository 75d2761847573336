"""``branches/<name>/``: the branch's folder on this machine, and nothing outside it.

::

    branch.json          what was branched, by whom, from which main (Branch)
    graph.json           the derived graph (BranchGraph)
    scripts/<node>.py    the developer's scripts, one per origin
    base/                what main was then (branch.baseline)
    rebase/              a rebase that is under way (branch.rebase)
    deployment.json      what was made on AWS (written by deploy/)
    runs/<node>.json     the last job run of each node (written by run/)
    deltas/              reports (ignored by git)
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from pypedream_dagster.branch.baseline import Baseline, JobsFile, masked_main
from pypedream_dagster.branch.isolation import check_apart
from pypedream_dagster.branch.model import Branch, BranchGraph, BranchNode, GivenUp
from pypedream_dagster.branch.naming import check_branch_name, slug
from pypedream_dagster.errors import BranchError, StateError
from pypedream_dagster.graph.files import write_json
from pypedream_dagster.graph.model import Json

_M = TypeVar("_M", bound=BaseModel)


class BranchStore:
    """The branches of one project.

    Args:
        root: the project's ``branches/``.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, name: str) -> Path:
        """Return a branch's folder, which need not exist.

        Raises:
            BranchError: the name is forbidden, so that no name can lead out of ``branches/``.
        """
        check_branch_name(name)
        return self.root / name

    def names(self) -> tuple[str, ...]:
        """Return the branches that have a folder, broken ones included."""
        if not self.root.is_dir():
            return ()
        # Remains of a create or delete that was cut short begin with a dot: they are no branches.
        found = (path.name for path in self.root.iterdir() if (path / "branch.json").is_file())
        return tuple(sorted(name for name in found if not name.startswith(".")))

    def exists(self, name: str) -> bool:
        """Tell whether a branch has a folder."""
        return name in self.names()

    def create(
        self, branch: Branch, graph: BranchGraph, scripts: Mapping[str, bytes], base: Baseline | None = None
    ) -> Path:
        """Write a new branch's folder, whole or not at all.

        Args:
            branch: its record.
            graph: as derived.
            scripts: per origin, what the developer starts from.
            base: main as it is now.

        Raises:
            BranchError: it exists, its name collides with another once '-' is written '_', or the two would share
                a prefix, a job or a database.
        """
        self.check_free(branch.name)
        self.check_apart_from_others(graph)
        folder = self.folder(branch.name)
        partial = self.root / f".{branch.name}.partial"
        for remains in (partial, self._grave(branch.name)):
            shutil.rmtree(remains, ignore_errors=True)
        try:
            (partial / "scripts").mkdir(parents=True)
            for node, body in scripts.items():
                (partial / "scripts" / script_name(graph.by_id[node])).write_bytes(body)
            if base is not None:
                write_baseline(partial, base, graph)
            write_json(partial / "graph.json", graph_document(graph))
            write_json(partial / "branch.json", branch.model_dump(mode="json"))
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        try:
            os.rename(partial, folder)
        except OSError as error:
            shutil.rmtree(partial, ignore_errors=True)
            raise BranchError(
                f"{folder} is in the way: {error}.", hint="move it away or choose another name"
            ) from error
        return folder

    def check_free(self, name: str) -> None:
        """Refuse a name that is forbidden or taken.

        Raises:
            BranchError: says by which branch.
        """
        check_branch_name(name)
        if self.exists(name):
            raise BranchError(
                f"Branch {name!r} exists already.", hint=f"choose another name, or 'pypedream delete-branch {name}'"
            )
        for other in self.names():
            if slug(other) == slug(name):
                raise BranchError(
                    f"Branch {name!r} would collide with branch {other!r}: "
                    "in Dagster's and the catalog's names '-' is written '_'.",
                    hint="choose another name",
                )

    def check_apart_from_others(self, graph: BranchGraph) -> None:
        """Refuse a branch that would share a prefix, a job or a database with another one.

        Raises:
            BranchError: says with which, and what.
        """
        others: list[BranchGraph] = []
        for other in self.names():
            with suppress(BranchError):  # A broken branch must not keep others from being made.
                others += [self.graph(other)] if other != graph.branch else []
        for other_graph in others:
            check_apart(graph, other_graph)

    def branch(self, name: str) -> Branch:
        """Read a branch's record.

        Raises:
            BranchError: unknown, or its file is broken.
        """
        return read_json_as(self._existing(name) / "branch.json", Branch)

    def graph(self, name: str) -> BranchGraph:
        """Read a branch's derived graph.

        Raises:
            BranchError: unknown, or its file is broken.
        """
        path = self._existing(name) / "graph.json"
        return _read_document(path, _load_json(path))

    def baseline(self, name: str) -> Baseline | None:
        """Read what main was when the branch was made or last rebased; None where that was not kept.

        Raises:
            BranchError: unknown, or one of the files is broken.
        """
        folder = self._existing(name) / "base"
        if not (folder / "jobs.json").is_file():
            return None
        kept, main = read_json_as(folder / "jobs.json", JobsFile), folder / "main.json"
        graph = self.graph(name)
        paths = {node.id: folder / "scripts" / script_name(node) for node in graph.nodes if node.is_origin}
        return Baseline(
            main_json=main.read_bytes() if main.is_file() else None,
            jobs=kept.jobs,
            scripts={node: path.read_bytes() for node, path in paths.items() if path.is_file()},
            brought=kept.brought,
        )

    def update_branch(self, branch: Branch) -> None:
        """Replace a branch's record."""
        write_json(self._existing(branch.name) / "branch.json", branch.model_dump(mode="json"))

    def update_graph(self, name: str, graph: BranchGraph) -> None:
        """Replace a branch's derived graph."""
        write_json(self._existing(name) / "graph.json", graph_document(graph))

    def give_up(self, name: str, given_up: Iterable[GivenUp]) -> None:
        """Note the nodes that are to run without a session policy, beside those noted before."""
        branch = self.branch(name)
        new = [item for item in given_up if not branch.has_given_up(item.node)]
        changed = branch.model_copy(update={"given_up": (*branch.given_up, *new)})
        if new:
            self.update_branch(changed)

    def script_path(self, name: str, node: BranchNode) -> Path:
        """Return where the developer edits an origin's script."""
        return self._existing(name) / "scripts" / script_name(node)

    def script(self, name: str, node: BranchNode) -> bytes:
        """Read an origin's script.

        Raises:
            StateError: it is gone or empty.
        """
        path = self.script_path(name, node)
        body = path.read_bytes() if path.is_file() else b""
        if not body.strip():
            raise StateError(
                f"Branch {name!r} has no script for {node.id!r}: {path} is {'empty' if path.exists() else 'missing'}.",
                hint="restore it from version control, or delete and create the branch again",
            )
        return body

    def delete(self, name: str) -> None:
        """Remove a branch's folder; the caller has made sure that nothing of it is deployed."""
        folder = self._existing(name)
        # Renamed first: a crash in the middle leaves no half-branch that looks like one.
        grave = self._grave(name)
        shutil.rmtree(grave, ignore_errors=True)
        os.rename(folder, grave)
        shutil.rmtree(grave)

    def _grave(self, name: str) -> Path:
        return self.root / f".{name}.deleted"

    def _existing(self, name: str) -> Path:
        folder = self.folder(name)
        if not (folder / "branch.json").is_file():
            known = ", ".join(self.names()) or "none yet"
            raise BranchError(f"There is no branch {name!r}.", hint=f"branches: {known}")
        return folder


def main_on_disk(graph_path: Path) -> Baseline:
    """Return what the project's files tell of main: its graph."""
    return Baseline(main_json=graph_path.read_bytes() if graph_path.is_file() else None)


def write_baseline(folder: Path, base: Baseline, graph: BranchGraph) -> None:
    """Write ``base/`` into a branch's folder, its ``jobs.json`` last: without that there is none."""
    (folder / "base" / "scripts").mkdir(parents=True, exist_ok=True)
    if base.main_json is not None:
        write_bytes(folder / "base" / "main.json", masked_main(base.main_json))
    for node, body in base.scripts.items():
        write_bytes(folder / "base" / "scripts" / script_name(graph.by_id[node]), body)
    kept = JobsFile(jobs=base.jobs, brought=base.brought)
    write_json(folder / "base" / "jobs.json", kept.model_dump(mode="json"))


def write_bytes(path: Path, body: bytes) -> None:
    """Write a file so that a reader sees the old one or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(body)
    partial.replace(path)


def script_name(node: BranchNode) -> str:
    """Return the file name of an origin's script in the branch's folder."""
    suffix = Path(node.script_uri or "").suffix or ".py"
    return f"{node.id}{suffix}"


def sha256(body: bytes) -> str:
    """Return the hex digest that records compare."""
    return hashlib.sha256(body).hexdigest()


def graph_document(graph: BranchGraph) -> Json:
    """Return a branch graph as node-link JSON, the format of the main graph and of the original tool."""
    header = graph.model_dump(mode="json", exclude={"nodes", "links"})
    return {
        "directed": True,
        "multigraph": False,
        "graph": header,
        "nodes": [_node_document(node) for node in graph.nodes],
        "links": [
            {"source": link.source, "target": link.target, "metadata": {"data": list(link.data)}}
            for link in graph.links
        ],
    }


def _node_document(node: BranchNode) -> Json:
    metadata = node.model_dump(mode="json", exclude={"id", "outputs"})
    outputs = {output.name: output.model_dump(mode="json", exclude={"name"}) for output in node.outputs}
    plain = {name: output["head_uri"] for name, output in outputs.items()}
    return {"id": node.id, "metadata": {**metadata, "output_data": plain, "outputs": outputs}}


def _read_document(path: Path, document: Json) -> BranchGraph:
    try:
        return BranchGraph.model_validate(
            {
                **document["graph"],
                "nodes": list(_node_fields(document)),
                "links": [
                    {"source": link["source"], "target": link["target"], "data": link["metadata"]["data"]}
                    for link in document["links"]
                ],
            }
        )
    except (KeyError, TypeError, AttributeError, ValidationError) as error:
        raise _broken(path, error) from error


def _node_fields(document: Json) -> Iterator[Json]:
    for node in document["nodes"]:
        fields = {key: value for key, value in node["metadata"].items() if key not in {"output_data", "outputs"}}
        outputs = [{"name": name, **output} for name, output in node["metadata"]["outputs"].items()]
        yield {"id": node["id"], **fields, "outputs": outputs}


def _load_json(path: Path) -> Json:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _broken(path, error) from error
    if not isinstance(document, dict):
        raise _broken(path, TypeError("it is no JSON object"))
    return document


def read_json_as(path: Path, model: type[_M]) -> _M:
    """Read one of a branch's files.

    Raises:
        BranchError: it is broken.
    """
    try:
        return model.model_validate(_load_json(path))
    except ValidationError as error:
        raise _broken(path, error) from error


def _broken(path: Path, error: Exception) -> BranchError:
    return BranchError(
        f"{path} is broken: {' '.join(str(error).split())[:300]}.",
        hint="restore it from version control, or delete the branch's folder and create it again",
    )

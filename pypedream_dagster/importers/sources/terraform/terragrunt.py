"""Terragrunt's folders: each calls one module, with inputs of its own and of the folders above it."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

from pypedream_dagster.importers.files import SourceFile
from pypedream_dagster.importers.sources.terraform.documents import Block, Body, read_document
from pypedream_dagster.importers.sources.terraform.expressions import (
    Access,
    Call,
    Constant,
    Expression,
    ObjectOf,
    Step,
)

NAME = "terragrunt.hcl"


def calls(files: Mapping[str, SourceFile], variables: Mapping[str, Mapping[str, Block]]) -> dict[str, list[Block]]:
    """Return by folder the blocks of a module that does what Terragrunt does there.

    Args:
        files: Terragrunt's, by folder.
        variables: that modules declare, by folder.
    """
    bodies = {folder: read_document(file) for folder, file in files.items()}
    found: dict[str, list[Block]] = {}
    for folder, body in bodies.items():
        source = _source(body)
        if source is None:
            continue  # a folder whose settings others include
        chain = [bodies[above] for above in _above(folder) if above in bodies]
        module = posixpath.normpath(posixpath.join(folder, source))
        inputs: dict[str, Expression] = {}
        for one in chain:
            inputs |= _inputs(one.attributes.get("inputs"), variables.get(module, {}), inputs)
        path = files[folder].path
        name = posixpath.basename(module)
        call = Block("module", (name,), path, 1, Body({"source": Constant(_local(source)), **inputs}))
        found[folder] = [call, *(block for one in reversed(chain) for block in one.blocks if block.kind == "locals")]
    return found


def _source(body: Body) -> str | None:
    for block in body.blocks:
        source = block.body.attributes.get("source") if block.kind == "terraform" else None
        if isinstance(source, Constant) and isinstance(source.value, str):
            return source.value
    return None


def _local(source: str) -> str:
    """Return a source as Terraform takes it: where a module lies in a folder of such, two slashes say which."""
    return source.replace("//", "/") if source.startswith(".") else source


def _above(folder: str) -> list[str]:
    """Return a folder and those above it, the topmost first."""
    found = [folder]
    while found[0]:
        found.insert(0, posixpath.dirname(found[0]))
    return found


def _inputs(
    given: Expression | None, variables: Mapping[str, Block], above: Mapping[str, Expression]
) -> dict[str, Expression]:
    """Return what inputs bind: each key; of an expression that makes them, what is there for each variable."""
    if given is None:
        return {}
    if isinstance(given, ObjectOf):
        return {str(key.value): value for key, value in given.items if isinstance(key, Constant)}
    found: dict[str, Expression] = {}
    for name, block in variables.items():
        default = above.get(name, block.body.attributes.get("default"))
        part = Access(given, (Step(Constant(name)),))
        found[name] = Call("try", (part, default)) if default is not None else part
    return found

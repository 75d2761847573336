"""Calls that name a table of the catalog.

One that is read is named by an argument of its own: on a branch an output's table is registered after the run that made
it, before whatever reads it runs. One that is written is kept where the place is production's, and the place takes its
part elsewhere: Spark's ``save`` for ``saveAsTable``, Glue's S3 sink for its catalog sink.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from pypedream_dagster.script.rewrite.editing import Editing
from pypedream_dagster.script.rewrite.model import LiteralPlace
from pypedream_dagster.script.rewrite.names import quoted

_SPARK_FORMATS = {"parquet", "orc", "json", "delta"}
_GLUE_FORMATS = {"parquet", "orc", "json"}
_ALIASES: Mapping[str, str] = {"name_space": "database", "name": "tableName"}
_BUCKETED = {"bucketBy", "sortBy", "clusterBy"}
_CATALOG_OPTIONS = {"partitionKeys", "enableUpdateCatalog", "updateBehavior"}


def rewrite_table(editing: Editing, node: ast.Call) -> bool:
    """Rewrite a call that names a table which is one of the places; tell whether it was."""
    name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    if name not in _CALLS or any(isinstance(one, ast.Starred) for one in node.args):
        return False
    if any(one.arg is None for one in node.keywords):
        return False
    return _CALLS[name](editing, node)


@dataclass(frozen=True, slots=True)
class _Given:
    """What a call is given, by parameter."""

    by_name: Mapping[str, ast.expr]

    def text(self, editing: Editing, name: str) -> str | None:
        node = self.by_name.get(name)
        return editing.text(node).literal if node is not None else None

    def place(self, editing: Editing) -> LiteralPlace | None:
        """Return the place of the table whose database and name are given."""
        database, table = self.text(editing, "database"), self.text(editing, "table_name")
        return editing.place_of_table(f"{database}.{table}") if database and table else None


def _given(node: ast.Call, *parameters: str, known: Collection[str] = ()) -> _Given | None:
    """Return what a call is given; None where it is given something else."""
    found = dict(zip(parameters, node.args, strict=False))
    found |= {_ALIASES.get(one.arg, one.arg): one.value for one in node.keywords if one.arg is not None}
    return _Given(found) if len(node.args) <= len(parameters) and found.keys() <= {*parameters, *known} else None


def _owner(node: ast.Call) -> ast.expr:
    assert isinstance(node.func, ast.Attribute)
    return node.func.value


# Spark


def _save_as_table(editing: Editing, node: ast.Call) -> bool:
    table = node.args[0] if node.args else next((one.value for one in node.keywords if one.arg == "name"), None)
    place = editing.place_of_table(editing.text(table).literal) if table is not None else None
    links = dict(_links(_owner(node)))
    form = _format(editing, node, links)
    if place is None or form not in _SPARK_FORMATS or links.keys() & _BUCKETED:
        return False
    given = [editing.code(one) for one in node.args[1:]]
    given += [f"{one.arg}={editing.code(one.value)}" for one in node.keywords if one.arg not in {"name", "path"}]
    path = _path(editing, links)
    if path is not None and editing.place(editing.text(path).start, is_whole=True) is not place:
        return False
    where = [] if path is not None else [editing.names.of(place)]
    editing.choose(node, f"{editing.code(_owner(node))}.save({', '.join([*where, *given])})", place)
    return True


def _format(editing: Editing, node: ast.Call, links: Mapping[str, ast.Call | None]) -> str | None:
    given = next((one.value for one in node.keywords if one.arg == "format"), None)
    if given is None and len(node.args) > 1:
        given = node.args[1]
    if given is None and (call := links.get("format")) is not None and call.args:
        given = call.args[0]
    return (editing.text(given).literal or "").lower() if given is not None else "parquet"


def _path(editing: Editing, links: Mapping[str, ast.Call | None]) -> ast.expr | None:
    """Return the path that a writer's option gives the table."""
    call = links.get("option")
    is_path = call is not None and len(call.args) == 2 and (editing.text(call.args[0]).literal or "").lower() == "path"
    return call.args[1] if call is not None and is_path else None


def _links(node: ast.expr) -> list[tuple[str, ast.Call | None]]:
    """Return the names of a chain of calls, the innermost last."""
    found: list[tuple[str, ast.Call | None]] = []
    while True:
        match node:
            case ast.Call(ast.Attribute(owner, name)):
                found.append((name, node))
                node = owner
            case ast.Attribute(owner, name):
                found.append((name, None))
                node = owner
            case _:
                return found


def _read_table(editing: Editing, node: ast.Call) -> bool:
    given = _given(node, "tableName")
    table = given.by_name.get("tableName") if given is not None else None
    place = editing.place_of_table(editing.text(table).literal) if table is not None else None
    if table is None or place is None or place.table_argument is None:
        return False
    editing.replace_table(table, editing.names.table(place), place)
    editing.visit(editing, node.func)
    return True


# Glue


def _from_catalog(editing: Editing, node: ast.Call) -> bool:
    """Rewrite ``context.create_dynamic_frame.from_catalog(…)`` and its like, whatever they are called with."""
    assert isinstance(node.func, ast.Attribute)
    interface, context = node.func.attr.removesuffix("_from_catalog"), node.func.value
    if node.func.attr == "from_catalog":
        if not isinstance(context, ast.Attribute):
            return False
        interface, context = context.attr, context.value
    match interface:
        case "create_dynamic_frame" | "create_data_frame":
            return _read_by_parts(editing, node, "database", "table_name")
        case "write_dynamic_frame":
            return _write_catalog(editing, node, context)
        case _:
            return False


def _read_by_parts(editing: Editing, node: ast.Call, *parameters: str) -> bool:
    """Let an argument name the table of a call that is given database and table apart."""
    found = dict(zip(parameters, node.args, strict=False))
    found |= {_ALIASES.get(one.arg, one.arg): one.value for one in node.keywords if one.arg is not None}
    database, table = found.get("database"), found.get("table_name", found.get("table"))
    if database is None or table is None:
        return False
    place = editing.place_of_table(f"{editing.text(database).literal}.{editing.text(table).literal}")
    if place is None or place.table_argument is None:
        return False
    for number, part in enumerate((database, table)):
        editing.replace_table(part, f'{editing.names.table(place)}.split(".")[{number}]', place)
    _visit_others(editing, node, database, table)
    return True


def _write_catalog(editing: Editing, node: ast.Call, context: ast.expr) -> bool:
    known = {"redshift_tmp_dir", "transformation_ctx", "additional_options"}
    given = _given(node, "frame", "database", "table_name", known=known)
    place = given.place(editing) if given is not None else None
    if given is None or place is None or place.format not in _GLUE_FORMATS or "frame" not in given.by_name:
        return False
    keys = _list(place.partition_columns) if place.partition_columns else None
    match given.by_name.get("additional_options"):
        case None:
            pass
        case ast.Dict(names, values):
            options = {editing.text(one).literal: value for one, value in zip(names, values, strict=True) if one}
            if len(options) < len(names) or not options.keys() <= _CATALOG_OPTIONS:
                return False
            if (chosen := options.get("partitionKeys")) is not None:
                keys = editing.code(chosen)
        case _:
            return False
    where = [f'"path": {editing.names.of(place)}', *([f'"partitionKeys": {keys}'] if keys else [])]
    parts = [
        f"frame={editing.code(given.by_name['frame'])}",
        'connection_type="s3"',
        f"connection_options={{{', '.join(where)}}}",
        f"format={quoted(place.format)}",
    ]
    if (context_name := given.by_name.get("transformation_ctx")) is not None:
        parts.append(f"transformation_ctx={editing.code(context_name)}")
    editing.choose(node, f"{editing.code(context)}.write_dynamic_frame.from_options({', '.join(parts)})", place)
    return True


def _catalog_info(editing: Editing, node: ast.Call) -> bool:
    """Rewrite ``sink.setCatalogInfo(…)``, and what makes the sink, which else would miss it."""
    given = _given(node, "catalogDatabase", "catalogTableName", known={"catalogId"})
    if given is None or not isinstance(sink := _owner(node), ast.Name):
        return False
    database, table = given.text(editing, "catalogDatabase"), given.text(editing, "catalogTableName")
    place = editing.place_of_table(f"{database}.{table}")
    made = editing.constants.bound(sink.id)
    if place is None or not isinstance(made, ast.Call):
        return False
    options = {one.arg: one.value for one in made.keywords}
    path, update = options.get("path"), options.get("enableUpdateCatalog")
    if path is None or editing.place(editing.text(path).start, is_whole=True) is not place:
        return False
    match update:
        case None | ast.Constant(False):
            pass
        case ast.Constant(True):
            editing.replace(update, f"({editing.names.is_mains(place)})", place)
        case _:
            return False
    editing.choose(node, "None", place)
    return True


# awswrangler


def _to_dataset(editing: Editing, node: ast.Call) -> bool:
    """Take the database and the table from ``wr.s3.to_parquet`` where the place, which it is given too, is another."""
    options = {one.arg: one.value for one in node.keywords}
    database, table, path = options.get("database"), options.get("table"), options.get("path")
    if database is None or table is None or path is None:
        return False
    place = editing.place_of_table(f"{editing.text(database).literal}.{editing.text(table).literal}")
    if place is None or editing.place(editing.text(path).start, is_whole=True) is not place:
        return False
    for part in (database, table):
        editing.choose(part, "None", place)
    _visit_others(editing, node, database, table)
    return True


def _read_whole_table(editing: Editing, node: ast.Call) -> bool:
    """Rewrite ``wr.athena.read_sql_table`` and ``wr.s3.read_parquet_table``."""
    return _read_by_parts(editing, node, "table", "database")


def _visit_others(editing: Editing, node: ast.Call, *done: ast.expr) -> None:
    for child in [*node.args, *(one.value for one in node.keywords), node.func]:
        if child not in done:
            editing.visit(editing, child)


def _list(texts: Collection[str]) -> str:

    return f"[{', '.join(quoted(text) for text in texts)}]"


_CALLS: Mapping[str, Callable[[Editing, ast.Call], bool]] = {
    "saveAsTable": _save_as_table,
    "table": _read_table,
    "from_catalog": _from_catalog,
    "create_dynamic_frame_from_catalog": _from_catalog,
    "create_data_frame_from_catalog": _from_catalog,
    "write_dynamic_frame_from_catalog": _from_catalog,
    "setCatalogInfo": _catalog_info,
    "to_parquet": _to_dataset,
    "to_orc": _to_dataset,
    "to_json": _to_dataset,
    "to_csv": _to_dataset,
    "read_sql_table": _read_whole_table,
    "read_parquet_table": _read_whole_table,
}

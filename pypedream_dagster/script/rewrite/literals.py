"""Texts that are places, and boto3's buckets and keys."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from pypedream_dagster.script.pieces import Text
from pypedream_dagster.script.rewrite.editing import Editing, folder
from pypedream_dagster.script.rewrite.fstrings import halves, leading_edit
from pypedream_dagster.script.rewrite.model import LiteralPlace
from pypedream_dagster.script.rewrite.names import quoted

_BUCKET_WORDS = ("Bucket",)
_KEY_WORDS = ("Key", "Prefix")
_POSITIONS: Mapping[str, tuple[int, int]] = {
    "upload_file": (1, 2),
    "upload_fileobj": (1, 2),
    "download_file": (0, 1),
    "download_fileobj": (0, 1),
    "Object": (0, 1),
}


def rewrite_text(editing: Editing, node: ast.expr) -> bool:
    """Let a text that lies in a place begin with the place's name; tell whether it does now."""
    if not _is_composed(node):
        return False
    text = editing.text(node)
    place = editing.place(text.start, is_whole=text.literal is not None)
    if place is None or _follows(editing, node) or _own_text(node, text).count("://") > 1:
        return False
    default = editing.names.default(place, text.start.partition("://")[0])
    if default is None:
        return False
    if _left_is_in(editing, node, place):
        return False
    name = editing.names.of(place)
    prefix = default if default.endswith("/") else f"{default}/"
    begins = name if prefix == default else f"{name}}}/"
    if isinstance(node, ast.JoinedStr) and _lead(
        editing, node, prefix, begins, place, is_whole=text.literal is not None
    ):
        return True
    if text.literal is None or text.literal.count("://") > 1:
        return False
    editing.replace(node, _expression(name, default, text.literal), place)
    return True


def rewrite_composed(editing: Editing, node: ast.expr) -> bool:
    """Let a place that is put together from other arguments of the job come from its own, where that is given."""
    text = editing.text(node)
    if not _is_composed(node) or not text.arguments or _follows(editing, node):
        return False
    known = text.resolved(editing.arguments)
    place = editing.place(known.start, is_whole=known.literal is not None)
    if place is None or _is_given(place, text) or not known.start.startswith(place.uri.rstrip("/")):
        return False
    if _left_is_in(editing, node, place):
        return False
    given = editing.names.given(place)
    if known.literal is not None:
        editing.prefer(node, _expression(given, place.uri, known.literal), place)
        return True
    if not isinstance(node, ast.JoinedStr):
        return False
    fields = [_field(editing, part).resolved(editing.arguments) for part in node.values]
    parts = halves(editing.source, node, place.uri, fields)
    if parts is None:
        return False
    editing.prefer(node, given, place, otherwise=parts[0], rest=parts[1])
    return True


def rewrite_pair(editing: Editing, node: ast.Call) -> bool:
    """Replace the bucket and the key of one of boto3's calls, where together they are in a place."""
    found = _bucket_and_key(node)
    if found is None:
        return False
    bucket, key = found
    bucket_text, key_text = editing.text(bucket), editing.text(key)
    if bucket_text.arguments or key_text.arguments:
        return _composed_pair(editing, node, bucket, key)
    if bucket_text.literal is None or not key_text.start:
        return False
    uri = f"s3://{bucket_text.literal}/{key_text.start}"
    place = editing.place(uri, is_whole=key_text.literal is not None)
    if place is None or (folder(uri) == folder(place.uri) and not key_text.start.endswith("/")):
        return False
    default = editing.names.default(place)
    prefix = default.split("/", 3)[3].rstrip("/") + "/" if default else ""
    if default is None or not key_text.start.startswith(prefix):
        return False
    name_of_bucket, name = (f"{editing.names.of(place)}_{part}" for part in ("bucket", "key"))
    rest = key_text.start.removeprefix(prefix)
    slash = "" if default.endswith("/") else "/"
    if key_text.literal is not None:
        editing.replace(key, f"{name} + {quoted(slash + rest)}" if slash + rest else name, place)
    elif not isinstance(key, ast.JoinedStr) or not _lead(
        editing, key, prefix, name if not slash else f"{name}}}/", place
    ):
        return False
    editing.replace(bucket, name_of_bucket, place)
    editing.names.pair(place)
    _visit_others(editing, node, bucket, key)
    return True


def _composed_pair(editing: Editing, node: ast.Call, bucket: ast.expr, key: ast.expr) -> bool:
    bucket_text, key_text = editing.text(bucket), editing.text(key)
    bucket_name, object_key = (text.resolved(editing.arguments).literal for text in (bucket_text, key_text))
    if not bucket_name or not object_key:
        return False
    uri = f"s3://{bucket_name}/{object_key}"
    place = editing.place(uri, is_whole=True)
    if place is None or _is_given(place, bucket_text, key_text) or not uri.startswith(place.uri):
        return False
    given, rest = editing.names.given(place), uri.removeprefix(place.uri)
    end = f'.split("/", 3)[3]{f" + {quoted(rest)}" if rest else ""}'
    editing.prefer(bucket, f'{given}.split("/", 3)[2]', place)
    editing.prefer(key, f"{given}{end}", place)
    _visit_others(editing, node, bucket, key)
    return True


def _is_given(place: LiteralPlace, *texts: Text) -> bool:
    """Tell whether a text comes from the place's own argument already."""
    return any(place.argument.lstrip("-") in text.arguments for text in texts)


def _visit_others(editing: Editing, node: ast.Call, *done: ast.expr) -> None:
    for child in [*node.args, *(one.value for one in node.keywords), node.func]:
        if child not in done:
            editing.visit(editing, child)


def _own_text(node: ast.expr, text: Text) -> str:
    """Return the text itself, without what is put into it: that is rewritten where it is made."""
    if not isinstance(node, ast.JoinedStr):
        return text.start
    return "".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))


def _follows(editing: Editing, node: ast.expr) -> bool:
    """Tell whether a text begins with something that is replaced where it is made."""
    first = _first(node)
    if first is None or first is node:
        return False
    text = editing.text(first).resolved(editing.arguments)
    return _is_reference(first) and editing.place(text.start, is_whole=text.literal is not None) is not None


def _left_is_in(editing: Editing, node: ast.expr, place: LiteralPlace) -> bool:
    """Tell whether what a sum begins with lies in the place by itself: then that is all to be rewritten."""
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Add):
        return False
    known = editing.text(node.left).resolved(editing.arguments)
    return editing.place(known.start, is_whole=known.literal is not None) is place


def _lead(
    editing: Editing, node: ast.JoinedStr, prefix: str, name: str, place: LiteralPlace, *, is_whole: bool = False
) -> bool:
    """Let an f-string begin with a name; one that is wholly known only where fields follow that are to stay."""
    fields = [_field(editing, part) for part in node.values]
    edit = leading_edit(editing.source, node, prefix, fields, name)
    if edit is None or (is_whole and "{" not in editing.source.text[edit.end : editing.source.span(node)[1]]):
        return False
    editing.names.use(place)
    editing.edit(edit, node, place)
    return True


def _field(editing: Editing, part: ast.expr) -> Text:
    return editing.text(part.value) if isinstance(part, ast.FormattedValue) else editing.text(part)


def _is_composed(node: ast.expr) -> bool:
    """Tell whether an expression makes a text of its parts; a name only repeats one."""
    match node:
        case ast.Constant(str()) | ast.JoinedStr() | ast.BinOp(op=ast.Add() | ast.Mod()):
            return True
        case ast.Call(ast.Attribute(attr="format" | "join")):
            return True
        case _:
            return False


def _is_reference(node: ast.expr) -> bool:
    return isinstance(node, ast.Name | ast.Attribute | ast.Subscript)


def _first(node: ast.expr) -> ast.expr | None:
    """Return the innermost expression that a text begins with."""
    while True:
        match node:
            case ast.BinOp(left):
                node = left
            case ast.JoinedStr([ast.FormattedValue(value), *_]):
                node = value
            case ast.Call(ast.Attribute(ast.Constant("{}" | "%s"), "format"), [first, *_]):
                node = first
            case ast.Call(ast.Attribute(_, "join"), [ast.List([first, *_]) | ast.Tuple([first, *_])]):
                node = first
            case ast.Call(ast.Attribute(_, "join"), [first, *_]):
                node = first
            case _:
                return node


def _bucket_and_key(node: ast.Call) -> tuple[ast.expr, ast.expr] | None:
    """Return what a call of boto3's is given as bucket and as key."""
    keywords = {one.arg: one.value for one in node.keywords if one.arg is not None}
    bucket = next((keywords[word] for word in _BUCKET_WORDS if word in keywords), None)
    key = next((keywords[word] for word in _KEY_WORDS if word in keywords), None)
    called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    if called in _POSITIONS and not any(isinstance(one, ast.Starred) for one in node.args):
        first, second = _POSITIONS[called]
        bucket = bucket or (node.args[first] if len(node.args) > first else None)
        key = key or (node.args[second] if len(node.args) > second else None)
    return (bucket, key) if bucket is not None and key is not None else None


def _expression(name: str, default: str, text: str) -> str:
    """Return the code of a text that lies in a place, by the place's name."""
    if text.startswith(default):
        rest = text.removeprefix(default)
        return f"{name} + {quoted(rest)}" if rest else name
    return f'{name}.rstrip("/")'  # the place itself, without the slash that the argument has

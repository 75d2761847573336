"""Constant folding of strings: what Python's own operations on them give, as far as the pieces are known."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from urllib.parse import urljoin

from pypedream_dagster.script.pieces import Argument, Each, Gap, Piece, Text, text_of
from pypedream_dagster.script.selection import together, with_conditions
from pypedream_dagster.script.values import Constant, Sequence, Table, Value, as_text, literal, number

_LISTING = {",", ";", "|", " ", "\n", ", "}
_LONGEST = 100_000
_MOST_PIECES = 1_000
_KEEPING = frozenset(
    [
        "strip",
        "lstrip",
        "rstrip",
        "removeprefix",
        "removesuffix",
        "lower",
        "upper",
        "encode",
        "decode",
        "casefold",
        "expanduser",
        "resolve",
    ]
)
_EXACT = _KEEPING - {"encode", "decode", "expanduser", "resolve"} | {"split", "rsplit", "partition", "rpartition"}
_FIELD = re.compile(r"\{\{|\}\}|\{(?P<name>[^{}!:]*)(?:![rsa])?(?::[^{}]*(?:\{[^{}]*\}[^{}]*)*)?\}")
_TEMPLATES = {
    "string.Template": re.compile(r"\$(?:\$|(\w+)|\{(\w+)\})"),
    "jinja2.Template": re.compile(r"\{\{\s*(\w+)\s*\}\}"),
}
_PERCENT = re.compile(r"%(?:\((?P<name>[^)]*)\))?[-+ #0]*\d*(?:\.\d+)?(?P<kind>[a-zA-Z%])")


def concatenated(*parts: Value | None) -> Text:
    """Return strings one after another."""
    known = [as_text(part) for part in parts]
    text = text_of(piece for part in known for piece in part.pieces)
    asked = together(*(part.conditions for part in known))
    text = Text(text.pieces, asked) if asked else text
    if len(text.pieces) > _MOST_PIECES:
        return Text((Gap(),))
    return text if sum(len(piece) for piece in text.pieces if isinstance(piece, str)) <= _LONGEST else Text((Gap(),))


def joined(separator: Value, items: tuple[Value, ...]) -> Text:
    """Return ``separator.join(items)``."""
    parts: list[Value] = []
    for item in items:
        parts += [separator, item] if parts else [item]
    return concatenated(*parts)


def path_joined(*parts: Value | None) -> Text:
    """Return parts as ``os.path.join`` joins them, but for absolute ones, which no S3 URI's parts are."""
    text = Text(())
    for part in parts:
        ends = text.pieces[-1] if text.pieces else None
        slash = "" if ends is None or (isinstance(ends, str) and ends.endswith("/")) else "/"
        text = concatenated(text, Text((slash,)) if slash else Text(()), part)
    return text


def url_joined(base: Value | None, other: Value | None) -> Text:
    """Return ``urljoin(base, other)``; S3's scheme is one that it joins for no caller's surprise."""
    one, two = literal(base), literal(other)
    if one is not None and two is not None:
        scheme, separator, rest = one.partition("://")
        return Text((urljoin(f"http://{rest}", two).replace("http://", f"{scheme}{separator}", 1),))
    return path_joined(base, other)


def substituted(pattern: Value, replacement: Value, text: Value) -> Text:
    """Return ``re.sub(pattern, replacement, text)``, for patterns that no text makes slow."""
    known = as_text(text)
    found, new = literal(pattern), literal(replacement)
    if found is None or new is None or len(re.findall(r"[+*{(]", found)) > 1:
        return derived(known)
    try:
        compiled = re.compile(found)
        return text_of(tuple(compiled.sub(new, part) if isinstance(part, str) else part for part in known.pieces))
    except (re.error, IndexError, OverflowError):
        return derived(known)


def derived(text: Text) -> Text:
    """Return what is known of a string that was made from another: the arguments that went into it."""
    arguments = tuple(dict.fromkeys(piece for piece in text.pieces if isinstance(piece, Argument)))
    return text_of(arguments or (Gap(),))


def formatted(template: Text, positional: tuple[Value, ...], keywords: Mapping[str, Value]) -> Text:
    """Return ``template.format(…)``."""
    counter = iter(range(len(template.pieces) + 1_000_000))

    def field(found: re.Match[str]) -> Value:
        if found[0] in {"{{", "}}"}:
            return Text((found[0][0],))
        name = found["name"]
        if name == "" or name.isdigit():
            index = int(name) if name and len(name) < 6 else next(counter) if not name else -1
            return positional[index] if 0 <= index < len(positional) else Text((Gap(),))
        return keywords.get(name, Text((Gap(),)))

    return _substituted(template, _FIELD, field)


def percent_formatted(template: Text, given: Value) -> Text:
    """Return ``template % given``."""
    items = list(given.items) if isinstance(given, Sequence) else [given]
    named = given.items if isinstance(given, Table) else {}

    def field(found: re.Match[str]) -> Value:
        if found["kind"] == "%":
            return Text(("%",))
        if found["name"] is not None:
            return as_text(named.get(found["name"]))
        return items.pop(0) if items else Text((Gap(),))

    return _substituted(template, _PERCENT, field)


def template_filled(template: Text, kind: str, given: Mapping[str, Value]) -> Text:
    """Return what ``Template(text).substitute(…)`` or Jinja's ``render`` gives."""

    def field(found: re.Match[str]) -> Value:
        name = next((group for group in found.groups() if group), None)
        return given.get(name, Text((Gap(),))) if name else Text((found[0][:1],))

    return _substituted(template, _TEMPLATES[kind], field)


def _substituted(template: Text, pattern: re.Pattern[str], field: Callable[[re.Match[str]], Value]) -> Text:
    parts: list[Value] = []
    for piece in template.pieces:
        if not isinstance(piece, str):
            parts.append(Text((piece,)))
            continue
        end = 0
        for found in pattern.finditer(piece):
            parts += [Text((piece[end : found.start()],)), as_text(field(found))]
            end = found.end()
        parts.append(Text((piece[end:],)))
    return concatenated(*parts)


def method(text: Text, name: str, positional: tuple[Value, ...], keywords: Mapping[str, Value]) -> Value:
    """Return what a method of a string gives."""
    return with_conditions(_method(text, name, positional, keywords), text)


def _method(text: Text, name: str, positional: tuple[Value, ...], keywords: Mapping[str, Value]) -> Value:
    if name == "format":
        return formatted(text, positional, keywords)
    if name == "join":
        match positional:
            case (Sequence(items),):
                return joined(text, items)
            case (Text() as part,):
                return derived(part)
            case _:
                return Text((Gap(),))
    if name == "replace" and len(positional) >= 2:
        return _replaced(text, as_text(positional[0]), as_text(positional[1]))
    plain = [_plain(item) for item in (*positional, *keywords.values())]
    if name in _EXACT and text.literal is not None and len(plain) <= 2 and None not in plain:
        try:
            answer = getattr(text.literal, name)(*plain)
        except (TypeError, ValueError):
            return derived(text)
        if isinstance(answer, str):
            return Text((answer,))
        return Sequence(tuple(Text((item,)) for item in answer))
    if name in {"split", "partition"} and plain[:1] == ["/"] and (taken := _bucket_and_key(text, name, plain[1:])):
        return taken
    if name == "split" and len(text.pieces) == 1 and isinstance(piece := text.pieces[0], Argument):
        return _listed(piece, plain[0] if plain else " ")
    if name == "split" and plain and isinstance(plain[0], str) and plain[0] and len(text.pieces) > 1:
        return _split(text, plain[0], plain[1] if len(plain) > 1 and isinstance(plain[1], int) else -1)
    if name in {"removeprefix", "removesuffix", "lstrip", "rstrip", "strip"} and text.start and positional:
        return _stripped(text, name, plain[0])
    if name in _KEEPING:
        return text
    if name in {"startswith", "endswith", "isdigit", "count", "find", "index"}:
        return Constant(True)
    return derived(text)


def _listed(argument: Argument, separator: str | int | None) -> Text:
    """Return one of what an argument lists; of a path, which is split to take it apart, all of it."""
    if argument.name == "*" or not isinstance(separator, str) or separator not in _LISTING:
        return Text((argument.taken("parts") if separator == "/" and argument.is_whole else argument,))
    return Text((replace(argument, default=None, keys=(*argument.keys, Each(separator, argument.default))),))


def _bucket_and_key(text: Text, name: str, most: list[str | int | None]) -> Sequence | None:
    """Return what a URI falls into that begins with an argument: its bucket, and its key.

    Where they meet again as one place they are the URI (`text_of`).
    """
    match text.pieces:
        case (Argument(called) as first, *rest) if called != "*" and first.part in {"", "parts"}:
            if "bucket" in called.lower() and rest:
                return None
            bucket, slash = Text((first.taken("bucket"),)), Text(("/",))
            key = Text((first.taken("key"), *rest))
        case _:
            return None
    if name == "partition":
        return Sequence((bucket, slash, key))
    if most == [1]:  # without its scheme
        return Sequence((bucket, key))
    return Sequence((Text(("s3:",)), Text(("",)), bucket, key)) if most == [3] else None


def between_slashes(argument: Argument, index: int) -> Text:
    """Return what stands between the slashes of an argument that is split there: its bucket, or something of its key.

    With its scheme the bucket is the third, and else the first.
    """
    return Text((argument.taken("bucket" if index in {0, 2} else ""),))


def _plain(value: Value) -> str | int | None:
    known = literal(value)
    return known if known is not None else number(value)


def _replaced(text: Text, old: Text, new: Text) -> Text:
    """Return ``text.replace(old, new)``; an argument in a text is replaced where it stands there as it is."""
    found = old.literal
    if found is not None:
        replacing = new.literal
        if not found or len(new.pieces) > 1 or (replacing is not None and len(replacing) > 1000):
            return derived(text)
        parts: list[Value] = []
        for piece in text.pieces:
            if isinstance(piece, Argument) and replacing is not None and "://" not in found:
                piece = replace(piece, replaced=(*piece.replaced, (found, replacing)))
            if not isinstance(piece, str) or found not in piece:
                parts.append(Text((piece,)))
                continue
            if replacing is not None:
                parts.append(Text((piece.replace(found, replacing),)))
                continue
            for index, part in enumerate(piece.split(found)[:_MOST_PIECES]):
                parts += [new, Text((part,))] if index else [Text((part,))]
        return concatenated(*parts)
    width = len(old.pieces)
    for start in range(len(text.pieces) - width + 1):
        if text.pieces[start : start + width] == old.pieces and not any(isinstance(p, Gap) for p in old.pieces):
            return concatenated(Text(text.pieces[:start]), new, Text(text.pieces[start + width :]))
    return derived(text)


def _split(text: Text, separator: str, most: int) -> Sequence:
    """Return ``text.split(separator, most)``, arguments and gaps taken for things without the separator."""
    parts: list[list[Piece]] = [[]]
    for piece in text.pieces:
        if not isinstance(piece, str):
            parts[-1].append(piece)
            continue
        left = most if most < 0 else most - len(parts) + 1
        first, *rest = piece.split(separator, left) if left else [piece]
        parts[-1].append(first)
        parts += [[part] for part in rest]
    if most < 0 and (unknown := [i for i, piece in enumerate(parts[-1]) if not isinstance(piece, str)]):
        parts[-1] = parts[-1][unknown[-1] :]  # what cannot be told may hold the separator, too
    return Sequence(tuple(text_of(tuple(part)) for part in parts[:_MOST_PIECES]))


def _stripped(text: Text, name: str, given: str | int | None) -> Text:
    """Return a text whose known ends are stripped."""
    if not isinstance(given, str):
        return text
    pieces = list(text.pieces)
    if name in {"lstrip", "strip", "removeprefix"} and isinstance(pieces[0], str):
        pieces[0] = pieces[0].removeprefix(given) if name == "removeprefix" else pieces[0].lstrip(given)
    if name in {"rstrip", "strip", "removesuffix"} and isinstance(last := pieces[-1], str):
        pieces[-1] = last.removesuffix(given) if name == "removesuffix" else last.rstrip(given)
    return text_of(tuple(pieces))

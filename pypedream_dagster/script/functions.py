"""What the standard library's functions give on values that are known in part: paths, containers, JSON, environment."""

from __future__ import annotations

from collections.abc import Mapping

from pypedream_dagster.script import texts
from pypedream_dagster.script.choices import alternatives, defaulted, either
from pypedream_dagster.script.operations import item, located_at, mentions_argv, part, stored_in
from pypedream_dagster.script.pieces import Argument, Condition, Each, Gap, Text
from pypedream_dagster.script.selection import selected, under
from pypedream_dagster.script.values import (
    Constant,
    Member,
    Parameters,
    Parsed,
    Result,
    Sequence,
    Stored,
    Table,
    Value,
    as_text,
    literal,
)

ENVIRONMENT_READS = {"os.getenv", "os.environ.get"}
_PATH_JOINS = {"os.path.join", "posixpath.join", "ntpath.join"}
_TEXTS = {"str", "pathlib.Path", "pathlib.PurePosixPath", "pathlib.PurePath", "os.fspath", "os.path.normpath"}
_TEXTS |= {"urllib.parse.unquote_plus", "urllib.parse.unquote", "cloudpathlib.S3Path", "cloudpathlib.CloudPath"}
_MATCHES = {"re.match", "re.search", "re.fullmatch", "re.findall", "re.split"}
_LOADERS = {"json.load", "yaml.safe_load", "yaml.full_load", "yaml.load", "tomllib.load", "tomllib.loads", "toml.loads"}
_LISTS = {"list", "tuple", "set", "frozenset", "sorted", "reversed", "iter"}
_ONE_OF = {"max", "min", "next"}
_TABLES = {"dict", "vars", "types.SimpleNamespace", "collections.OrderedDict"}


def of_symbol(name: str, positional: tuple[Value, ...], keywords: Mapping[str, Value]) -> Value | None:
    """Return what a function gives that is imported or built in; None where nothing is known of it."""
    if name in _PATH_JOINS:
        return texts.path_joined(*positional)
    if name.endswith(".urljoin"):
        return texts.url_joined(*(*positional, None, None)[:2])
    if name in {"os.path.basename", "ntpath.basename", "posixpath.basename"} and positional:
        parts = texts.method(as_text(positional[0]), "split", (Text(("/",)),), {})
        return item(parts, Constant(-1)) if isinstance(parts, Sequence) else Text((Gap(),))
    if name in ENVIRONMENT_READS and positional:
        return _of_environment(*positional[:2])
    if name in {"awswrangler.catalog.get_table_location", "wr.catalog.get_table_location"}:
        named = {**dict(zip(("database", "table"), positional, strict=False)), **keywords}
        return located_at(named.get("database"), named.get("table"))
    if name in {"json.loads", "ast.literal_eval"} and positional:
        return _of_json(positional[0])
    if name in _MATCHES and len(positional) > 1 and as_text(positional[1]).arguments:
        return texts.derived(as_text(positional[1]))
    if name in _LOADERS and positional:
        return _loaded(positional[0])
    if name == "re.sub" and len(positional) == 3:
        return texts.substituted(*positional)
    if name in _TEXTS and positional:
        # What cannot be told stays what it is: a clock that goes into a column is still that clock.
        is_kept = isinstance(positional[0], Result | Member)
        return positional[0] if is_kept else texts.path_joined(*positional)
    if name in _TABLES:
        return _of_table(positional, keywords)
    if name in _LISTS and positional:
        kept = Sequence | Table | Parameters | Result | Member
        return positional[0] if isinstance(positional[0], kept) else None
    if name in _ONE_OF and positional and isinstance(positional[0], Sequence | Result | Member):
        return part(positional[0]) if len(positional) == 1 or name == "next" else None
    if name == "filter" and len(positional) == 2 and isinstance(positional[1], Sequence):
        return positional[1]
    if name == "zip" and positional and all(isinstance(given, Sequence) for given in positional):
        columns = [given.items for given in positional if isinstance(given, Sequence)]
        return Sequence(tuple(Sequence(row) for row in zip(*columns, strict=False)))
    return None


def _of_environment(name: Value, default: Value | None = None) -> Value:
    """Return a variable of the environment: a Glue job's has none of the script's own, so that a default holds."""
    if literal(default) and default is not None:
        return default
    return Text((Gap(literal(name) or "", of_environment=True),))


def _of_json(text: Value) -> Value | None:
    match text:
        case Text((Argument(name, _, keys),)) if name != "*":
            return Parsed(name, keys)
        case Parsed():
            return text
        case _:
            return _loaded(text)


def _loaded(file: Value) -> Value | None:
    place = stored_in(file)
    return Stored(place) if place is not None and any(isinstance(one, str | Argument) for one in place.pieces) else None


def _of_table(positional: tuple[Value, ...], keywords: Mapping[str, Value]) -> Value | None:
    if not positional:
        return Parameters() if "**" in keywords else Table(dict(keywords))
    first = positional[0]
    if isinstance(first, Parameters):
        return first
    if mentions_argv(first):
        return Parameters()
    return Table({**first.items, **keywords}) if isinstance(first, Table) else None


def of_container(
    owner: Table | Parameters | Parsed | Stored | Sequence, name: str, given: tuple[Value, ...]
) -> Value | None:
    """Return what a method of a dict or list gives that changes nothing but the dict; None where nothing is known."""
    match owner, name:
        case Parameters(), "items":
            return Sequence((Sequence((Text((Argument("*"),)), Text((Argument("*"),)))),))
        case ((Parameters() | Parsed()), ("get" | "pop" | "setdefault")) if given:
            return defaulted(item(owner, given[0]), given[1]) if len(given) > 1 else item(owner, given[0])
        case Stored(), "get" if given:
            return item(owner, given[0])
        case ((Table() | Parameters() | Parsed() | Stored() | Sequence()), "copy"):
            return owner
        case Parsed(argument, keys), "items":
            return Sequence((Sequence((Text((Gap(),)), Parsed(argument, (*keys, Each())))),))
        case Parsed(argument, keys), "values":
            return Sequence((Parsed(argument, (*keys, Each())),))
        case Table(items), "items":
            return Sequence(tuple(Sequence((Text((key,)), found)) for key, found in items.items()))
        case Table(items), "values":
            return Sequence(tuple(items.values()))
        case Table(items), "keys":
            return Sequence(tuple(Text((key,)) for key in items))
        case Table(items), ("get" | "pop" | "setdefault") if given:
            return _got(owner, items, given)
        case Table(items), "update" if given and isinstance(items, dict):
            if isinstance(given[0], Table):
                items.update(given[0].items)
            return Constant(None)
        case _:
            return None


def _got(owner: Table, items: Mapping[str, Value], given: tuple[Value, ...]) -> Value:
    """Return ``owner.get(key, default)``: the default says nothing where the key is known to be there."""
    key = literal(given[0])
    if key is not None and key in items:
        return items[key]
    found = item(owner, given[0])
    if len(given) > 1 and isinstance(found, Text) and found.arguments:
        return defaulted(found, given[1])
    others = tuple(_where_no_key(default, owner, given[0]) for default in given[1:2])
    return either(*(others if key is not None and len(given) > 1 else (found, *others)))


def _where_no_key(default: Value, owner: Table, key: Value) -> Value:
    """Return what ``owner.get(key, default)`` gives where an argument is none of the dict's keys."""
    match key:
        case Text((Argument(name) as argument,)) if name != "*" and selected(owner.items, key) is not None:
            return under(default, Condition(argument, tuple(owner.items), False))
        case _:
            return default


def merged(tables: list[Value]) -> Value:
    """Return ``{**one, **other}``: the job's arguments over defaults are the arguments with these.

    What comes after the arguments goes before them.
    """
    items: dict[str, Value] = {}
    later: dict[str, Value] = {}
    arguments: Parameters | None = None
    for table in tables:
        for option in alternatives(table):
            if isinstance(option, Parameters):
                arguments = option
            elif isinstance(option, Table) and arguments is None:
                items |= option.items
            elif isinstance(option, Table):
                later |= option.items
    if arguments is None:
        return Table(items)
    known = {name: text for name, value in items.items() if (text := literal(value)) is not None}
    return Parameters({**known, **arguments.defaults}, {**arguments.put, **later})

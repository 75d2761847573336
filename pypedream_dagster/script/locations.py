"""Where a script says that tables of the catalog lie: it writes to both, or creates the one at the other."""

from __future__ import annotations

from collections.abc import Iterator

from pypedream_dagster.script import sql
from pypedream_dagster.script.chain import Chain, options_of, properties_of
from pypedream_dagster.script.choices import alternatives
from pypedream_dagster.script.model import Location
from pypedream_dagster.script.pieces import Text, text_of
from pypedream_dagster.script.spark import embedded, synced_table
from pypedream_dagster.script.values import Call, Member, Result, Table, Value, as_text
from pypedream_dagster.script.wrangler import created_table

_STATEMENTS = {"sql", "start_query_execution", "start_query", "read_sql_query", "execute", "run_query"}


def locations_of(chain: Chain) -> Iterator[Location]:
    """Give the tables that a call puts at a place, with the place."""
    name, call = chain.name, chain.call
    if name in _STATEMENTS:
        yield from _created(call)
    elif name == "setCatalogInfo":
        opened = chain.find("getSink") or _sink_of(call)
        place = opened.argument(None, "path") if opened is not None else None
        yield from _location(call.argument(0, "catalogDatabase"), call.argument(1, "catalogTableName"), place)
    elif name == "saveAsTable":
        options = {**options_of(chain.links), **call.keywords}
        if (place := options.get("path")) is not None:
            yield Location(as_text(call.argument(0, "name")), as_text(place))
    elif "writeTo" in chain.names and (to := chain.find("writeTo")) is not None and chain.call is not to:
        place = next((value for key, value in properties_of(chain.links).items() if key in {"location", "path"}), None)
        if place is not None and as_text(place).start.startswith("s3"):
            yield Location(_plain(as_text(to.argument(0, "table"))), as_text(place))
    elif name == "save" and (table := synced_table(options_of(chain.links))) is not None:
        place = call.argument(0, "path") or options_of(chain.links).get("path")
        if place is not None:
            yield Location(table, as_text(place))
    elif chain.module in {"awswrangler", "wr"} and "database" in call.keywords and "table" in call.keywords:
        place = call.argument(1 if name.startswith("to_") else None, "path", "table_location")
        yield from _location(call.keywords["database"], call.keywords["table"], place)
    elif (made := created_table(chain)) is not None and (place := call.argument(None, "s3_output")) is not None:
        yield Location(made, as_text(place))
    elif name == "create_table" and isinstance(given := call.argument(None, "TableInput"), Table):
        storage = given.items.get("StorageDescriptor")
        place = storage.items.get("Location") if isinstance(storage, Table) else None
        yield from _location(call.argument(None, "DatabaseName"), given.items.get("Name"), place)


def _plain(name: Text) -> Text:
    """Return a table's name without its catalog."""
    marked, unmarked = embedded(name)
    return unmarked(sql.table_name(marked.replace("`", "")))


def _location(database: Value | None, table: Value | None, place: Value | None) -> Iterator[Location]:
    if database is not None and table is not None and place is not None:
        yield Location(text_of((*as_text(database).pieces, ".", *as_text(table).pieces)), as_text(place))


def _created(call: Call) -> Iterator[Location]:
    given = call.argument(0, "sqlQuery", "QueryString", "sql", "query")
    for option in alternatives(given) if given is not None else ():
        text = as_text(option)
        marked, unmarked = embedded(text)
        for table, place in sql.locations(marked):
            yield Location(unmarked(sql.table_name(table)), unmarked(place))


def _sink_of(call: Call) -> Call | None:
    match call.callee:
        case Member(Result(opened)):
            return opened
        case _:
            return None

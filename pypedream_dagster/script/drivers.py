"""What a script does through database drivers: connections and what is executed on them."""

from __future__ import annotations

from collections.abc import Iterator

from pypedream_dagster.script import sql
from pypedream_dagster.script.chain import Chain
from pypedream_dagster.script.model import Access, Action, Fact, System
from pypedream_dagster.script.pieces import Gap, Text, text_of
from pypedream_dagster.script.spark import without_credentials
from pypedream_dagster.script.values import Result, as_text, inner

DRIVERS = {
    "psycopg2", "psycopg", "pymysql", "MySQLdb", "mysql", "pg8000", "redshift_connector", "pyodbc", "cx_Oracle",
    "oracledb", "pymssql", "sqlalchemy", "teradatasql", "vertica_python", "ibm_db", "ibm_db_dbi", "clickhouse_driver",
    "clickhouse_connect", "trino", "databricks", "jaydebeapi", "pyhive", "pgdb", "pg", "aiomysql", "asyncpg",
    "psycopg2cffi", "snowflake",
}  # fmt: skip
_CONNECTS = {"connect", "create_engine", "Connection", "SnowflakeConnection", "ConnectionPool", "create_pool", "Client"}
_CONNECTS |= {"SimpleConnectionPool", "ThreadedConnectionPool", "get_client", "connect_to", "create_async_engine", "DB"}
_EXECUTES = {"execute", "executemany", "execute_values", "execute_batch", "copy_expert", "copy_from", "execute_string"}
_EXECUTES |= {"read_sql", "read_sql_query", "read_sql_table", "runQuery", "write_pandas", "write_dataframe"}
_ALWAYS_WRITES = {"executemany", "execute_values", "execute_batch", "copy_from", "write_pandas", "write_dataframe"}


def database_facts(chains: list[Chain], modules: set[str]) -> Iterator[Fact]:
    """Give what a script does through database drivers.

    A connection counts as a write unless all that is seen to be executed on it only reads.
    """
    drivers = {module.partition(".")[0] for module in modules} & DRIVERS
    connects = [chain for chain in chains if chain.module in DRIVERS and chain.dotted and chain.name in _CONNECTS]
    executes = [chain for chain in chains if chain.name in _EXECUTES and _is_database(chain, drivers)]
    verdicts = [_executed(chain) for chain in executes]
    writes = [access for access in verdicts if access.action != "read"]
    yield from writes
    for chain in connects:
        target = without_credentials(as_text(chain.call.argument(0, "host", "dsn", "url", "account", "server")))
        shown = text_of((f"{chain.dotted} ", *target.pieces)) if target.start else Text((chain.dotted,))
        action: Action = "read" if verdicts else "write"
        system: System = "snowflake" if chain.module == "snowflake" else "database"
        yield Access(
            chain.place, action, "redshift" if chain.module == "redshift_connector" else system, shown, chain.module
        )


def _is_database(chain: Chain, drivers: set[str]) -> bool:
    if chain.module in DRIVERS:
        return True
    if chain.name.startswith("read_sql") or chain.name == "runQuery":
        return True
    text = as_text(chain.call.argument(0))
    # On something that cannot be seen: where a driver is imported, or what it is given is SQL.
    return (
        chain.module != "awswrangler"
        and (bool(drivers) or sql.is_statement(str(text)))
        and chain.module != "delta"
        and "merge" not in chain.names
    )


def _executed(chain: Chain) -> Access:
    text = _statement(chain)
    shown = str(text)
    reads = chain.name.startswith("read_sql") or (chain.name not in _ALWAYS_WRITES and sql.is_read_only(shown))
    uses = [use.name for use in sql.table_uses(shown) if use.action != "read" and not use.is_place]
    target = Text((uses[0],)) if uses else Text((Gap(),)) if not text.start else Text((" ".join(shown.split())[:60],))
    return Access(chain.place, "read" if reads else "write", "database", target, chain.module or "cursor")


def _statement(chain: Chain) -> Text:
    """Return what is executed; of sqlalchemy's ``text("…")`` what it is given."""
    given = chain.call.argument(0, "sql", "query", "statement")
    if isinstance(given, Result):
        within = (text for call in inner(given) for text in call.positional if isinstance(text, Text))
        return next(within, as_text(given))
    return as_text(given)

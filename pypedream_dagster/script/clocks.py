"""Values that differ in each run: the time, randomness, ids that depend on how Spark split its work."""

from __future__ import annotations

from collections.abc import Iterator

from pypedream_dagster.script.chain import Chain, chain_of
from pypedream_dagster.script.model import Clock, Fact
from pypedream_dagster.script.values import Call, Symbol, Table, Value, inner, literal

_TIMES = {
    "datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today", "datetime.date.today", "time.time",
    "time.time_ns", "time.localtime", "time.gmtime", "time.ctime", "time.asctime", "pandas.Timestamp.now",
    "pandas.Timestamp.utcnow", "pandas.Timestamp.today", "pendulum.now", "pendulum.today", "arrow.now", "arrow.utcnow",
}  # fmt: skip
_SPARK_TIMES = {"current_timestamp", "current_date", "localtimestamp", "now", "curdate"}
_SPARK_RANDOM = {
    "rand",
    "randn",
    "uuid",
    "monotonically_increasing_id",
    "spark_partition_id",
    "shuffle",
    "input_file_name",
}
_RANDOM_MODULES = {"random", "secrets", "uuid"}
_RANDOM_FREE = {"seed", "UUID", "uuid3", "uuid5", "Random", "default_rng", "RandomState", "setstate", "getstate"}
_NAMERS = {"alias", "name"}
_COLUMNS = {"withColumn", "withColumns", "__setitem__", "insert", "assign"}


def clock_of(chain: Chain) -> Clock | None:
    """Return what a call asks of the clock or of chance; None if nothing."""
    name, dotted = chain.name, chain.dotted
    short = dotted.removeprefix("datetime.") if dotted.startswith("datetime.datetime.") else dotted
    if dotted in _TIMES or short in _TIMES:
        return Clock(chain.place, name)
    if chain.module in _RANDOM_MODULES and dotted and name not in _RANDOM_FREE:
        return Clock(chain.place, name, kind="random")
    if chain.module == "numpy" and "random" in chain.names and name not in _RANDOM_FREE:
        return Clock(chain.place, name, kind="random")
    if not _is_function(chain):
        return None
    if name in _SPARK_TIMES or (name == "unix_timestamp" and not chain.call.positional):
        return Clock(chain.place, name)
    if name in _SPARK_RANDOM:
        seeded = name in {"rand", "randn"} and (chain.call.positional or chain.call.keywords)
        return None if seeded else Clock(chain.place, name, kind="random")
    return None


def _is_function(chain: Chain) -> bool:
    if chain.dotted.startswith(("pyspark.sql.functions.", "pyspark.sql.connect.functions.")):
        return True
    return (
        isinstance(chain.root, Symbol)
        and chain.root.name in {"F", "f", "functions", "fn", "sf", "SF"}
        and len(chain.links) == 1
    )


def clock_facts(chains: list[Chain]) -> Iterator[Fact]:
    """Give a script's clocks, each once: with the columns that it goes into where those can be told."""
    asked: dict[int, Clock] = {}
    for chain in chains:
        if (clock := clock_of(chain)) is not None:
            asked[chain.call.order] = clock
    if not asked:
        return
    placed: set[int] = set()
    for chain in chains:
        for column, value in _columns(chain):
            for call in inner(value):
                if call.order in asked and call.order not in placed | {chain.call.order}:
                    found = asked[call.order]
                    placed.add(call.order)
                    yield Clock(chain.place, found.what, column, found.kind)
                    break
                if call.order in asked:
                    found = asked[call.order]
                    yield Clock(chain.place, found.what, column, found.kind)
                    break
    yield from (clock for order, clock in asked.items() if order not in placed)


def _columns(chain: Chain) -> Iterator[tuple[str, Value]]:
    call, name = chain.call, chain.name
    if name in {"withColumn", "__setitem__"} and len(call.positional) + len(call.keywords) >= 2:
        column, value = literal(call.argument(0, "colName")), call.argument(1, "col")
        if column is not None and value is not None:
            yield column, value
    elif name == "withColumns" and isinstance(given := call.argument(0, "colsMap"), Table):
        yield from given.items.items()
    elif name == "assign":
        yield from call.keywords.items()
    elif name in _NAMERS and len(call.positional) == 1 and (column := literal(call.positional[0])) is not None:
        owner = _owner(call)
        if owner is not None and clock_of(chain_of(owner)) is not None:
            from pypedream_dagster.script.values import Result

            yield column, Result(owner)


def _owner(call: Call) -> Call | None:
    """Return the call whose result a method is called on."""
    from pypedream_dagster.script.values import Member, Result

    match call.callee:
        case Member(Result(owner)):
            return owner
        case _:
            return None

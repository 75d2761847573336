"""One measurement of the delta benchmark, in a process of its own: prints seconds, CPU seconds, peak MiB, findings.

    python benchmarks/delta_methods.py METHOD BASE HEAD MEMORY_MIB

The peers (pandas, datacompy, sqlmesh) run in an environment of their own, without Pypedream; see peers.in.
What they import is imported before the clock starts.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Found = dict[str, Any]
Method = Callable[[], Found]
KEY = "id"


def floor(base: Path, head: Path, memory_mib: int) -> Method:
    """DuckDB scans and hashes all columns of both sides."""
    import duckdb

    duckdb.connect().close()

    def run() -> Found:
        connection = duckdb.connect()
        connection.execute(f"SET memory_limit = '{memory_mib}MiB'; SET preserve_insertion_order = false")
        for side in (base, head):
            source = f"read_parquet('{side}/*.parquet')"
            names = ", ".join(connection.sql(f"SELECT * FROM {source}").columns)
            connection.execute(f"SELECT count(*), bit_xor(hash({names})) FROM {source}").fetchall()
        return {}

    return run


def _delta(base: Path, head: Path, memory_mib: int, **chosen: Any) -> Method:
    import duckdb
    import pyarrow  # noqa: F401 - imported before the clock starts, like duckdb

    from pypedream_dagster.delta.compare import compare
    from pypedream_dagster.delta.engines.duckdb import engine  # noqa: F401 - likewise
    from pypedream_dagster.delta.rules import CompareRules
    from pypedream_dagster.delta.source import Side

    duckdb.connect().close()
    rules = CompareRules(**{"statistics": "none", "infer_key": False, **chosen}, memory_limit_bytes=memory_mib * 2**20)

    def run() -> Found:
        delta = compare(Side(str(base)), Side(str(head)), rules)
        rows = delta.rows
        if delta.error:
            raise SystemExit(delta.error)
        return {"added": rows.added, "removed": rows.removed, "changed": rows.changed}

    return run


def keyed(base: Path, head: Path, memory_mib: int) -> Method:
    """The delta by key."""
    return _delta(base, head, memory_mib, key=(KEY,))


def keyless(base: Path, head: Path, memory_mib: int) -> Method:
    """The delta of whole rows."""
    return _delta(base, head, memory_mib)


def exact(base: Path, head: Path, memory_mib: int) -> Method:
    """The delta by key, values compared instead of hashes."""
    return _delta(base, head, memory_mib, key=(KEY,), exact=True)


def inferred(base: Path, head: Path, memory_mib: int) -> Method:
    """The delta by a key that has to be found first."""
    return _delta(base, head, memory_mib, infer_key=True)


def statistics(base: Path, head: Path, memory_mib: int) -> Method:
    """The delta by key, with statistics of all columns on both sides."""
    return _delta(base, head, memory_mib, key=(KEY,), statistics="all")


def pandas_merge(base: Path, head: Path, memory_mib: int) -> Method:
    """Both sides in memory, an outer merge on the key, columns compared: what the original tool did."""
    import pandas as pd

    del memory_mib

    def run() -> Found:
        ours, theirs = pd.read_parquet(base), pd.read_parquet(head)
        common = [name for name in ours if name in theirs]
        merged = ours[common].merge(theirs[common], how="outer", on=KEY, indicator=True, suffixes=("_a", "_b"))
        both = merged[merged["_merge"] == "both"]
        differs = pd.Series(False, index=both.index)
        for name in common:
            if name != KEY:
                a, b = both[f"{name}_a"], both[f"{name}_b"]
                differs |= (a != b) & ~(a.isna() & b.isna())
        sides = merged["_merge"].value_counts()
        return {
            "added": int(sides["right_only"]),
            "removed": int(sides["left_only"]),
            "changed": int(differs.sum()),
        }

    return run


def datacompy_pandas(base: Path, head: Path, memory_mib: int) -> Method:
    """Capital One's datacompy on pandas."""
    import datacompy
    import pandas as pd

    del memory_mib
    return lambda: _datacompy(datacompy.PandasCompare, pd.read_parquet(base), pd.read_parquet(head))


def datacompy_polars(base: Path, head: Path, memory_mib: int) -> Method:
    """Capital One's datacompy on Polars."""
    import datacompy
    import polars as pl

    del memory_mib
    return lambda: _datacompy(datacompy.PolarsCompare, pl.read_parquet(base / "*"), pl.read_parquet(head / "*"))


def _datacompy(kind: Any, base: Any, head: Any) -> Found:
    compared = kind(base, head, join_columns=[KEY])
    changed = int(len(compared.intersect_rows) - compared.count_matching_rows())
    return {"added": len(compared.df2_unq_rows), "removed": len(compared.df1_unq_rows), "changed": changed}


def sqlmesh(base: Path, head: Path, memory_mib: int) -> Method:
    """SQLMesh's table_diff on DuckDB, reading the same files."""
    from sqlmesh.core.config.connection import DuckDBConnectionConfig
    from sqlmesh.core.table_diff import TableDiff

    def run() -> Found:
        adapter = DuckDBConnectionConfig().create_engine_adapter()
        adapter.execute(f"SET memory_limit = '{memory_mib}MiB'")
        for name, side in (("base", base), ("head", head)):
            adapter.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{side}/*.parquet')")
        found = TableDiff(adapter=adapter, source="base", target="head", on=[KEY]).row_diff()
        changed = found.join_count - found.full_match_count
        return {"added": found.t_only_count, "removed": found.s_only_count, "changed": int(changed)}

    return run


METHODS: dict[str, Callable[[Path, Path, int], Method]] = {
    method.__name__: method
    for method in (
        floor,
        keyed,
        keyless,
        exact,
        inferred,
        statistics,
        pandas_merge,
        datacompy_pandas,
        datacompy_polars,
        sqlmesh,
    )
}


def _peak_mib() -> float:
    """The most memory this process held; unlike ru_maxrss it does not start at the parent's."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Measure, print."""
    name, base, head, memory_mib = sys.argv[1:]
    method = METHODS[name](Path(base), Path(head), int(memory_mib))
    cpu, started = _cpu_seconds(), time.perf_counter()
    found = method()
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "cpu": _cpu_seconds() - cpu, "peak_mib": _peak_mib(), "found": found}))


if __name__ == "__main__":
    main()

"""How long and how large a delta is, as ratios to the floor of scanning and hashing both sides with DuckDB.

    python benchmarks/bench_delta.py [--rows 10000000] [--memory-mib 4096] [--repeat 3] [--statistics]

Twelve columns of several kinds; 0.5 % of the rows changed, 0.1 % added, 0.1 % removed; in three variants: most files
identical, the same layout with two of 16 files changed and a column more, and fully rewritten in another order,
layout and codec with a column more. Each measurement runs in a process of its own; floor and delta alternate.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

_FILES = 16
_ROW = """
SELECT i::BIGINT AS id, (hash(i * 7 + 1) % 500000)::INT AS customer_id,
  TIMESTAMP '2024-01-01' + to_microseconds((i * (31536000000000 // {rows}))::BIGINT) AS order_ts,
  round((hash(i * 11 + 3) % 100000000) / 10000.0, 4)::DOUBLE AS amount, (1 + hash(i * 13 + 5) % 20)::INT AS qty,
  ((hash(i * 17 + 7) % 1000000) / 100.0)::DECIMAL(12, 2) AS price,
  ['NEW', 'PAID', 'SHIPPED', 'RETURNED', 'CANCELLED'][1 + (hash(i * 19) % 5)::INT] AS status,
  ['US', 'DE', 'FR', 'GB', 'IN', 'BR', 'JP', 'CN', 'ES', 'IT'][1 + (hash(i * 23) % 10)::INT] AS country,
  'user' || (hash(i * 7 + 1) % 500000) || '@example.com' AS email,
  CASE WHEN hash(i * 29) % 10 >= 3 THEN 'note ' || to_hex(hash(i * 31)) || ' for order' END AS note,
  CASE WHEN hash(i * 37) % 10 > 0 THEN ((hash(i * 41) % 1000000) / 1e6)::DOUBLE END AS score,
  hash(i * 43) % 2 = 0 AS is_active
FROM range({start}, {stop}) t(i)
"""
_CHANGED = """
SELECT * EXCLUDE (k) REPLACE (
  CASE WHEN k < 2 THEN amount * 1.1 ELSE amount END AS amount, CASE WHEN k = 1 THEN qty + 1 ELSE qty END AS qty,
  CASE WHEN k = 2 THEN 'REFUNDED' ELSE status END AS status,
  CASE WHEN k = 3 THEN (CASE WHEN note IS NULL THEN 'filled' END) ELSE note END AS note,
  CASE WHEN k = 4 THEN coalesce(score, 0) + 0.001 ELSE score END AS score) {extra}
FROM (SELECT *, CASE WHEN hash(id * 97 + 1) % 1000 < {changed} THEN (hash(id * 101) % 5)::INT ELSE 9 END AS k
      FROM ({rows_sql})) WHERE hash(id * 89 + 2) % 1000 >= {removed}
"""
_TIER = ", CASE WHEN amount > 5000 THEN 'high' ELSE 'low' END AS tier"
VARIANTS = ("ident", "samelayout", "rewrite")


def generate(folder: Path, rows: int) -> None:
    """Write main and the three variants, once."""
    import duckdb

    if (folder / "done").exists():
        return
    connection = duckdb.connect()
    connection.execute("SET preserve_insertion_order = false")
    for name in ("main", *VARIANTS):
        shutil.rmtree(folder / name, ignore_errors=True)
        (folder / name).mkdir(parents=True)
    per = rows // _FILES

    def write(sql: str, path: Path, options: str = "compression snappy, row_group_size 262144") -> None:
        connection.execute(f"COPY ({sql}) TO '{path}' (FORMAT parquet, {options})")

    def rows_sql(start: int, stop: int) -> str:
        return _ROW.format(rows=rows, start=start, stop=stop)

    def changed(start: int, stop: int, share: int, removed: int, extra: str) -> str:
        return _CHANGED.format(rows_sql=rows_sql(start, stop), changed=share, removed=removed, extra=extra)

    for number in range(_FILES):
        start, stop = number * per, (number + 1) * per
        write(rows_sql(start, stop), folder / "main" / f"part-{number:05d}.parquet")
        is_touched = number in (3, _FILES - 2)
        target = folder / "ident" / f"part-{number:05d}-x.parquet"
        if is_touched:
            added = changed(rows + number * rows // 2000, rows + (number + 1) * rows // 2000, 0, 0, "")
            write(f"{changed(start, stop, 40, 8, '')} UNION ALL {added}", target)
        else:
            shutil.copy(folder / "main" / f"part-{number:05d}.parquet", target)
        path = folder / "samelayout" / f"part-{number:05d}-y.parquet"
        write(changed(start, stop, 40 if is_touched else 0, 8 if is_touched else 0, _TIER), path)
    every = f"{changed(0, per * _FILES, 5, 1, _TIER)} UNION ALL {changed(rows, rows + rows // 1000, 0, 0, _TIER)}"
    connection.execute(f"CREATE TEMP TABLE everything AS {every}")
    for bucket in range(24):
        chosen = f"SELECT * FROM everything WHERE hash(id * 1009) % 24 = {bucket} ORDER BY hash(id * 2003)"
        path = folder / "rewrite" / f"part-{bucket:05d}-z.parquet"
        write(chosen, path, "compression zstd, row_group_size 500000")
    (folder / "done").touch()


def measure_floor(base: Path, head: Path, memory_mib: int) -> None:
    """Scan and hash all columns of both sides."""
    import duckdb

    connection = duckdb.connect()
    connection.execute(f"SET memory_limit = '{memory_mib}MiB'; SET preserve_insertion_order = false")
    for side in (base, head):
        source = f"read_parquet('{side}/*.parquet')"
        names = ", ".join(connection.sql(f"SELECT * FROM {source}").columns)
        connection.execute(f"SELECT count(*), bit_xor(hash({names})) FROM {source}").fetchall()


def measure_delta(base: Path, head: Path, memory_mib: int, key: str, statistics_of: str) -> dict[str, Any]:
    """Compare both sides."""
    from pypedream_dagster.delta.compare import compare
    from pypedream_dagster.delta.rules import CompareRules
    from pypedream_dagster.delta.source import Side

    rules = CompareRules(
        key=(key,) if key else (),
        infer_key=False,
        memory_limit_bytes=memory_mib * 1024**2,
        statistics="all" if statistics_of == "all" else "none",
    )
    delta = compare(Side(str(base)), Side(str(head)), rules)
    rows = delta.rows
    return {
        "status": delta.status,
        "added": rows.added,
        "removed": rows.removed,
        "changed": rows.changed,
        "skipped": delta.reading.identical_files,
    }


def peak_mib() -> float:
    """The most memory this process held; unlike ru_maxrss it does not start at the parent's."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def child(arguments: list[str]) -> dict[str, Any]:
    """Run one measurement in a process of its own."""
    done = subprocess.run([sys.executable, __file__, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def main() -> None:
    """Generate, measure, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--memory-mib", type=int, default=4096)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--statistics", action="store_true", help="with the statistics of all columns")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "pypedream-bench-delta")
    parser.add_argument("--measure", nargs=3, metavar=("WHAT", "BASE", "HEAD"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        what, base, head = options.measure[0], Path(options.measure[1]), Path(options.measure[2])
        import duckdb
        import pyarrow  # noqa: F401 - imported before the clock starts, like duckdb

        duckdb.connect().close()
        before = resource.getrusage(resource.RUSAGE_SELF)
        cpu_before = before.ru_utime + before.ru_stime
        started = time.perf_counter()
        found: dict[str, Any] = {}
        if what == "floor":
            measure_floor(base, head, options.memory_mib)
        else:
            key = "id" if what == "keyed" else ""
            found = measure_delta(base, head, options.memory_mib, key, "all" if options.statistics else "none")
        seconds = time.perf_counter() - started
        usage = resource.getrusage(resource.RUSAGE_SELF)
        cpu = usage.ru_utime + usage.ru_stime - cpu_before
        print(json.dumps({"seconds": seconds, "cpu": cpu, "peak_mib": peak_mib(), **found}))
        return
    folder = options.folder / str(options.rows)
    folder.mkdir(parents=True, exist_ok=True)
    generate(folder, options.rows)
    shared = ["--memory-mib", str(options.memory_mib), *(["--statistics"] if options.statistics else [])]
    print(f"{options.rows:,} rows x 12 columns, memory limit {options.memory_mib} MiB, median of {options.repeat}")
    print(f"{'variant':12} {'what':8} {'seconds':>8} {'x floor':>8} {'cpu x':>6} {'peak MiB':>9}  found")
    for variant in VARIANTS:
        runs: dict[str, list[dict[str, Any]]] = {"floor": [], "keyed": [], "keyless": []}
        for _ in range(options.repeat):
            for what, results in runs.items():
                results.append(child([*shared, "--measure", what, str(folder / "main"), str(folder / variant)]))
        floor = statistics.median(run["seconds"] for run in runs["floor"])
        cpu_floor = statistics.median(run["cpu"] for run in runs["floor"])
        for what, results in runs.items():
            seconds = statistics.median(run["seconds"] for run in results)
            cpu = statistics.median(run["cpu"] for run in results) / cpu_floor
            peak = max(run["peak_mib"] for run in results)
            found = {name: value for name, value in results[0].items() if name not in ("seconds", "cpu", "peak_mib")}
            shown = ", ".join(f"{name} {value}" for name, value in found.items())
            print(
                f"{variant:12} {what:8} {seconds:8.2f} {seconds / floor:8.2f} {cpu:6.2f} {peak:9.0f}  {shown}",
                flush=True,
            )


if __name__ == "__main__":
    main()

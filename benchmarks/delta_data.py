"""The data of the delta benchmark: a main dataset of 12 columns and three branches of it, the same in every run.

0.5 % of the rows changed, 0.1 % added, 0.1 % removed, in three variants: most files identical; the same layout with
two of 16 files changed and a column more; and fully rewritten in another order, layout and codec with a column more.
"""

from __future__ import annotations

import shutil
from pathlib import Path

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

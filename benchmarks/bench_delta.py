"""How long and how large a delta is, as ratios to the floor: DuckDB scanning and hashing all columns of both sides.

    python benchmarks/bench_delta.py [--rows N …] [--peers PYTHON] [--memory-mib 4096] [--repeat 3]

Every measurement runs in a process of its own, and the methods take turns. A peer runs once, where it can fit; see
delta_data.py for the data and delta_methods.py for what is measured.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from delta_data import VARIANTS, generate

_METHODS = Path(__file__).with_name("delta_methods.py")
_OURS = ("floor", "keyed", "keyless")
_ONCE_REWRITTEN = ("exact", "inferred", "statistics")
_PEERS = ("sqlmesh", "pandas_merge", "datacompy_polars", "datacompy_pandas")
_PEER_VARIANT = "rewrite"
_MOST_PEER_MIB = 16 * 1024
_MOST_SECONDS = 1800

Result = dict[str, Any]


def measure(python: str, method: str, base: Path, head: Path, memory_mib: int) -> Result | str:
    """One measurement, or why there is none."""
    command = [python, str(_METHODS), method, str(base), str(head), str(memory_mib)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        started = time.monotonic()
        while child.poll() is None:
            time.sleep(0.05)
            if method in _PEERS and _resident_mib(child.pid) > _MOST_PEER_MIB:
                child.kill()
                return f"stopped: more than {_MOST_PEER_MIB // 1024} GiB"
            if time.monotonic() - started > _MOST_SECONDS:
                child.kill()
                return f"stopped after {_MOST_SECONDS} s"
        out, err = child.communicate()
    if child.returncode:
        return (err.strip().splitlines() or [f"exit code {child.returncode}"])[-1][:80]
    result: Result = json.loads(out.splitlines()[-1])
    return result


def _resident_mib(pid: int) -> float:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / 2**20
    except (FileNotFoundError, ProcessLookupError, IndexError):
        return 0.0


def small(memory_mib: int) -> None:
    """Time a dataset of 1,000 rows, beyond imports, and print it."""
    folder = Path(tempfile.mkdtemp(prefix="pypedream-bench-small-"))
    generate(folder, 1_000)
    runs = [measure(sys.executable, "statistics", folder / "main", folder / "rewrite", memory_mib) for _ in range(5)]
    seconds = statistics.median(run["seconds"] for run in runs if isinstance(run, dict))
    print(f"1,000 rows in 16 and 24 files, with statistics: {seconds:.2f} s beyond imports\n")


class Table:
    """Prints a row per method as soon as it is known."""

    def __init__(self, rows: int, options: argparse.Namespace) -> None:
        print(f"{rows:,} rows x 12 columns, memory limit {options.memory_mib} MiB, median of {options.repeat}\n")
        print("| variant | method | seconds | x floor | CPU x floor | peak MiB | added | removed | changed |")
        print("|---|---|--:|--:|--:|--:|--:|--:|--:|", flush=True)
        self._floor = (1.0, 1.0)

    def row(self, variant: str, method: str, runs: list[Result | str]) -> None:
        """Print the median of the runs; the floor's row comes first."""
        done = [run for run in runs if isinstance(run, dict)]
        if not done:
            print(f"| {variant} | {method} | {runs[0]} | | | | | | |", flush=True)
            return
        seconds, cpu = (statistics.median(run[name] for run in done) for name in ("seconds", "cpu"))
        if method == "floor":
            self._floor = (seconds, cpu)
        found = done[0]["found"]
        cells = [
            variant,
            method,
            f"{seconds:.2f}",
            f"{seconds / self._floor[0]:.2f}",
            f"{cpu / self._floor[1]:.2f}",
            f"{max(run['peak_mib'] for run in done):.0f}",
            *("" if found.get(name) is None else f"{found[name]:,}" for name in ("added", "removed", "changed")),
        ]
        print(f"| {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Generate, measure, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000_000, 50_000_000])
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--memory-mib", type=int, default=4096)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--peers", help="the interpreter of an environment with the peers (peers.lock)")
    parser.add_argument("--most-peer-rows", type=int, default=10_000_000, help="peers run on no more rows than these")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "pypedream-bench-delta")
    options = parser.parse_args()
    small(options.memory_mib)
    for rows in options.rows:
        folder = options.folder / str(rows)
        folder.mkdir(parents=True, exist_ok=True)
        generate(folder, rows)
        table = Table(rows, options)
        for variant in options.variants:
            sides = (folder / "main", folder / variant, options.memory_mib)
            ours = [*_OURS, *(_ONCE_REWRITTEN if variant == _PEER_VARIANT else ())]
            runs: dict[str, list[Result | str]] = {method: [] for method in ours}
            for _ in range(options.repeat):
                for method, results in runs.items():
                    results.append(measure(sys.executable, method, *sides))
            for method, results in runs.items():
                table.row(variant, method, results)
            if options.peers and variant == _PEER_VARIANT and rows <= options.most_peer_rows:
                for method in _PEERS:
                    table.row(variant, method, [measure(options.peers, method, *sides)])
        print()


if __name__ == "__main__":
    main()

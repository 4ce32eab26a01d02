"""How fast the ledger and the rule are: `make bench`.

Starts a PostgreSQL of its own, with the durability of a normal one, and measures each piece of work beside a yardstick
in the same run. What counts are the ratios: seconds differ from machine to machine. Prints a table and writes it to
benchmarks/RESULTS.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import quantiles
from typing import Any

import psycopg

from benchmarks import api_load
from campaigns.tests.on_postgres import server

RESULTS = Path(__file__).parent / "RESULTS.md"
HEADER = ("campaigns", "work", "beside", "ratio", "to reach", "figures")
# As servers in production have it, a fair part of the memory; the default is 128 MB.
SHARED_BUFFERS = "2GB"
SIZES = (10_000, 100_000, 1_000_000)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="CAMPAIGNS")
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    lines = [
        f"{_machine()}.",
        "",
        "| campaigns | work | beside | ratio | to reach | figures |",
        "|---|---|---|---|---|---|",
    ]
    print(*lines, sep="\n", flush=True)
    for line in _measured(options.sizes):
        print(line, flush=True)
        lines.append(line)
    options.output.write_text("\n".join(lines) + "\n")


def _measured(sizes: Sequence[int]) -> Iterator[str]:
    with server(shared_buffers=SHARED_BUFFERS) as address:
        for size in sizes:
            yield from _rows("ledger", size, _database(address, f"ledger_{size}"))
            yield from _rows("rule", size, _database(address, f"rule_{size}"))
        yield from _rows("memory", 100_000, _database(address, "memory"))
        yield from _rows("imports", 10_000, _database(address, "imports"))
        yield from _rows("desk", 100_000, _database(address, "desk"))
        yield _api_row(_database(address, "api"))
    with tempfile.TemporaryDirectory() as folder:
        yield from _rows("sqlite", 10_000, f"sqlite:///{folder}/bench.sqlite3")


def _database(address: str, name: str) -> str:
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    before, _, after = address.partition("?")
    return f"{before.rpartition('/')[0]}/{name}?{after}"


def _rows(part: str, size: int, database_url: str) -> Iterator[str]:
    """Run one part in a process of its own, so that none leaves memory or caches to the next, and give its rows."""
    environment = {**os.environ, "DATABASE_URL": database_url, "DEBUG": "false", "SECRET_KEY": "benchmark"}
    command = [sys.executable, "-m", f"benchmarks.{part}", str(size)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            yield _row(size, json.loads(line))
    if process.returncode:
        sys.exit(f"benchmarks.{part} with {size:,} campaigns failed.")


def _api_row(database_url: str) -> str:
    plan = api_load.Plan()
    outcome = api_load.measure(plan, database_url)
    cuts = quantiles(outcome.latencies, n=100)
    return _row(
        plan.campaigns,
        {
            "work": f"POST /spend: {plan.entries:,} entries, {plan.connections} connections, every request twice",
            "beside": "what was sent",
            "ratio": "; ".join(outcome.faults) or "nothing lost, nothing doubled",
            "to_reach": "nothing lost, nothing doubled",
            "figures": f"{sum(outcome.verdicts.values()) / outcome.seconds:,.0f} entries/s; {plan.batch:,} a request: "
            f"p50 {cuts[49] * 1000:.0f} ms, p99 {cuts[98] * 1000:.0f} ms",
        },
    )


def _row(size: int, measured: dict[str, Any]) -> str:
    cells = [f"{size:,}", *(measured[name] for name in ("work", "beside", "ratio", "to_reach", "figures"))]
    return f"| {' | '.join(cells)} |"


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB, Python {platform.python_version()}, PostgreSQL from the wheel with "
        f"shared_buffers {SHARED_BUFFERS} and all else as it comes"
    )


if __name__ == "__main__":
    main()

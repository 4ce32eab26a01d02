"""How fast the system is: `make bench`, or `python -m benchmarks --parts desk` for one part of it.

Starts a PostgreSQL of its own, with the durability of a normal one, and measures each piece of work beside a yardstick
in the same run. What counts are the ratios: seconds differ from machine to machine. Prints a table a part and writes
them to benchmarks/RESULTS.md, where parts that were not measured now keep what they had; each names the commit that it
was measured on.
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
# The sizes at which each part is measured, in campaigns; the API's are those of its own plan.
PARTS: dict[str, Sequence[int]] = {
    "ledger": SIZES,
    "rule": SIZES,
    "memory": (100_000,),
    "imports": (10_000,),
    "desk": (100_000,),
    "api": (api_load.Plan.campaigns,),
    "sqlite": (10_000,),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS), metavar="PART")
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    tables = _tables(options.output)
    with server(shared_buffers=SHARED_BUFFERS) as address:
        for part in options.parts:
            lines = [f"{_machine()}; commit {_commit()}.", "", _line(HEADER), _line(["---"] * len(HEADER))]
            print(f"## {part}", "", *lines, sep="\n", flush=True)
            for size in PARTS[part]:
                for line in _rows(part, size, address):
                    print(line, flush=True)
                    lines.append(line)
            tables[part] = "\n".join(lines)
            # After each part: an hour's work is not lost with the last of them.
            told = (f"## {part}\n\n{tables[part]}\n" for part in PARTS if part in tables)
            options.output.write_text("\n".join(["# What was measured\n", *told]))


def _tables(results: Path) -> dict[str, str]:
    """What was measured before, by part."""
    sections = results.read_text().split("\n## ")[1:] if results.exists() else []
    return {part: table.strip() for part, _, table in (section.partition("\n") for section in sections)}


def _rows(part: str, size: int, address: str) -> Iterator[str]:
    match part:
        case "api":
            yield _api_row(_database(address, part))
        case "sqlite":
            with tempfile.TemporaryDirectory() as folder:
                yield from _rows_of_program(part, size, f"sqlite:///{folder}/bench.sqlite3")
        case _:
            yield from _rows_of_program(part, size, _database(address, f"{part}_{size}"))


def _database(address: str, name: str) -> str:
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    before, _, after = address.partition("?")
    return f"{before.rpartition('/')[0]}/{name}?{after}"


def _rows_of_program(part: str, size: int, database_url: str) -> Iterator[str]:
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
    return _line(cells)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _commit() -> str:
    """Of the code as it lies here; marked where it was changed since."""
    command = ["git", "describe", "--always", "--dirty=, changed since", "--exclude=*"]
    return subprocess.run(
        command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    ).stdout.strip()


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB, Python {platform.python_version()}, PostgreSQL from the wheel with "
        f"shared_buffers {SHARED_BUFFERS} and all else as it comes"
    )


if __name__ == "__main__":
    main()

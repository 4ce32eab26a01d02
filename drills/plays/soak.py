"""An hour of ordinary load: memory and connections stay level. Its control leaks a little with each task."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from statistics import median

import psutil
import psycopg

from drills.drill import Drill, Play
from drills.site import Site
from drills.traffic import Plan

SAMPLED_EVERY = 10  # seconds
# The first quarter of the time: imports, caches, pools and Python's own free lists fill up.
WARM_UP = 0.25
# What counts as level: the last quarter's median against the second quarter's. Python gives freed memory back in
# blocks, so the size of an innocent process wanders by a few megabytes.
GROWTH_ALLOWED = 0.05
MEGABYTES_ALLOWED = 6.0
CONNECTIONS_ALLOWED = 2
MEGABYTE = 2**20


def play(play: Play) -> None:
    samples: dict[str, list[float]] = defaultdict(list)
    began = time.monotonic()
    every = min(SAMPLED_EVERY, play.seconds / 40)
    while (elapsed := time.monotonic() - began) < play.seconds:
        if elapsed > play.seconds * WARM_UP:
            for name, value in _sample(play.site):
                samples[name].append(value)
        time.sleep(every)
    for name, values in samples.items():
        third = len(values) // 3
        early, late = median(values[:third]), median(values[-third:])
        unit = "" if name == "connections" else " MB"
        told = f"{name} {early:.0f} to {late:.0f}{unit}"
        play.figures.append(told)
        allowed = CONNECTIONS_ALLOWED if name == "connections" else max(early * GROWTH_ALLOWED, MEGABYTES_ALLOWED)
        if late > early + allowed:
            play.wrong.append(f"Not level: {told}")


def _sample(site: Site) -> Iterator[tuple[str, float]]:
    """Memory that each process has for itself (PSS) in MB, by its role, and the database's connections."""
    for program in (*site.workers, site.beat, site.web):
        yield program.name, _megabytes(psutil.Process(program.pid))
        for number, child in enumerate(program.children(), 1):
            yield f"{program.name} child {number}", _megabytes(child)
    with psycopg.connect(site.postgres.address()) as connection:
        row = connection.execute(
            "select count(*) from pg_stat_activity where datname = %s",
            (site.database_name,),
        ).fetchone()
    assert row is not None
    yield "connections", float(row[0])


def _megabytes(process: psutil.Process) -> float:
    return float(process.memory_full_info().pss) / MEGABYTE


DRILLS = (
    Drill(
        "soak",
        "nothing: ordinary load for long",
        play,
        without="thrift",
        harm="wrong",
        plan=Plan(largest_batch=100, pause=1.0, task_pause=0.2, import_pause=20),
        seconds=3600,
        short_seconds=40,
        control_seconds=240,
    ),
)

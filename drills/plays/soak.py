"""An hour of ordinary load: memory stays level, and connections within bounds. Its control leaks with each task."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from statistics import median
from typing import NamedTuple

import psutil
import psycopg

from drills.drill import Drill, Play
from drills.faults import Harm
from drills.site import CHILDREN, WEB_THREADS, WEB_WORKERS, WORKERS, Site
from drills.traffic import Plan

SAMPLED_EVERY = 10  # seconds
# The first quarter of the time, and so many seconds at least: each process meets each kind of work, caches, pools and
# Python's own free lists fill up, and what a child shares with its parent becomes its own.
WARM_UP = 0.25
WARM_UP_SECONDS = 120
# What counts as level: the median of the last third of what is left against that of its first third. Python gives freed
# memory back in blocks, so the size of an innocent process wanders by a few megabytes.
GROWTH_ALLOWED = 0.05
MEGABYTES_ALLOWED = 6.0
# A pool opens a connection when all that it has are in use, and closes what was idle for ten minutes: so their number
# comes and goes, up to one for each that works at the same time. These are a web worker's threads, the children of
# workers, beat, an import at the shell, and the three streams of the traffic that look something up.
CONNECTIONS_ALLOWED = WEB_WORKERS * WEB_THREADS + WORKERS * CHILDREN + 1 + 1 + 3
MEGABYTE = 2**20


def play(play: Play) -> None:
    samples: dict[Sampled, list[float]] = defaultdict(list)
    began = time.monotonic()
    every = min(SAMPLED_EVERY, play.seconds / 40)
    taken = 0
    while (elapsed := time.monotonic() - began) < play.seconds:
        if elapsed > max(play.seconds * WARM_UP, WARM_UP_SECONDS):
            taken += 1
            for sampled, value in _sample(play.site):
                samples[sampled].append(value)
        time.sleep(every)
    for sampled, values in samples.items():
        if len(values) < taken / 2:  # a process that was replaced has not lived for long enough to be judged
            continue
        third = len(values) // 3
        early, late = median(values[:third]), median(values[-third:])
        told = f"{sampled.name} {early:.0f} to {late:.0f}{sampled.unit}"
        play.figures.append(told)
        allowed = early + max(early * GROWTH_ALLOWED, MEGABYTES_ALLOWED) if sampled.pid else CONNECTIONS_ALLOWED
        if late > allowed:
            play.faults.add(Harm.GROWTH, told)


class Sampled(NamedTuple):
    """What is measured: a process's memory, or, without a pid, the database's connections."""

    name: str
    pid: int = 0

    @property
    def unit(self) -> str:
        return " MB" if self.pid else ""


def _sample(site: Site) -> Iterator[tuple[Sampled, float]]:
    """Memory that each process has for itself (PSS) in MB, and the database's connections."""
    for program in (*site.workers, site.beat, site.web):
        named = [(program.name, psutil.Process(program.pid))]
        named += [(f"{program.name} child {number}", child) for number, child in enumerate(program.children(), 1)]
        for name, process in named:
            with suppress(psutil.NoSuchProcess):
                yield Sampled(name, process.pid), _megabytes(process)
    with psycopg.connect(site.postgres.address()) as connection:
        row = connection.execute(
            "select count(*) from pg_stat_activity where datname = %s and pid <> pg_backend_pid()",
            (site.database_name,),
        ).fetchone()
    assert row is not None
    yield Sampled("connections"), float(row[0])


def _megabytes(process: psutil.Process) -> float:
    return float(process.memory_full_info().pss) / MEGABYTE


DRILLS = (
    Drill(
        "soak",
        "nothing: ordinary load for long",
        play,
        without="thrift",
        harm=Harm.GROWTH,
        plan=Plan(largest_batch=100, pause=1.0, task_pause=0.2, import_pause=20),
        seconds=3600,
        short_seconds=240,
    ),
)

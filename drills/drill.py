"""A drill: something is broken while the traffic goes on, and the promises hold; in its control they do not."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

import psycopg

from drills.agency import Agency, make_agency
from drills.faults import Faults, Harm
from drills.judge import judge
from drills.own_list import Fate
from drills.postgres import Postgres
from drills.programs import Stalled, families, lost_children, wait_until
from drills.site import Site
from drills.traffic import Plan, Traffic

# Seconds from when a server is back until everything works again. The short form, whose machine is busy with other
# tests, does not measure that.
RECOVERS_WITHIN = 60
# Seconds for whatever is no promise, and takes as long as the machine is slow.
PATIENCE = 300
BATCH_WITHIN = 30


@dataclass
class Play:
    """What a drill has at hand while it breaks things."""

    site: Site
    agency: Agency
    traffic: Traffic
    random: Random
    seconds: float  # for which it is to go on breaking
    recovers_within: float = PATIENCE  # seconds, once a server is back
    injected: int = 0  # faults
    acknowledged: int = 0  # entries of another site than the traffic's
    faults: Faults = field(default_factory=Faults)  # what the drill itself saw, beside what the judge will
    figures: list[str] = field(default_factory=list)  # what it measured, for the table
    recoveries: list[float] = field(default_factory=list)  # seconds until all worked again, after each fault

    def breaks(self, count: int = 1) -> None:
        """Note that something is broken now: what is under way may be there or not."""
        self.injected += count
        self.traffic.note_fault()

    def wait(self, shortest: float, longest: float) -> None:
        """Let the traffic go on for a moment that chance chooses."""
        time.sleep(self.random.uniform(shortest, longest))

    def wait_for_progress(self) -> None:
        """Let the traffic get something through: a machine that is slow has little to break otherwise."""
        before = self.traffic.list.count(Fate.ACKNOWLEDGED)
        wait_until(lambda: self.traffic.list.count(Fate.ACKNOWLEDGED) > before, "Spend goes on", PATIENCE)

    def wait_for_the_middle_of_a_batch(self) -> None:
        """Wait, though not for ever, for a moment when a batch has written its entries, and is at their days."""
        deadline = time.monotonic() + BATCH_WITHIN
        with psycopg.connect(self.site.postgres.address(), autocommit=True) as connection:
            while time.monotonic() < deadline:
                found = connection.execute(
                    "select from pg_stat_activity where datname = %s and state = 'active' and query like %s",
                    (self.site.database_name, "%MERGE INTO campaigns_dailyspend%"),
                )
                if found.rowcount:
                    return
                time.sleep(0.001)


@dataclass(frozen=True)
class Drill:
    """What is broken, and the mechanism that keeps that from doing harm."""

    name: str
    breaks: str  # in words
    play: Callable[[Play], None]
    without: str  # the mechanism that its control lacks: one of those in `weakened`
    harm: Harm  # what that mechanism prevents, and the control must find; being late is none
    plan: Plan = field(default_factory=Plan)
    seconds: float = 60  # of its long form
    short_seconds: float = 12
    control_seconds: float | None = None  # where it takes another time than the short form's until its control shows
    # What the control sends, where the mechanism is the sender's. In no control anything is sent twice on purpose:
    # what is there twice, is so because of the fault.
    control_plan: Plan | None = None
    kills_children: bool = False  # of the site's programs; else each that dies is a fault
    settings: str = ""  # of a site that is to know more than the system does; they take `without` into account


@dataclass(frozen=True)
class Outcome:
    """What a drill, or its control, came to."""

    drill: Drill
    seed: int
    seconds: float
    acknowledged: int
    injected: int
    faults: Faults
    figures: list[str]

    @property
    def harmed(self) -> bool:
        """Whether it has the harm that its mechanism is there to prevent."""
        return self.faults.count(self.drill.harm) > 0


def play(drill: Drill, postgres: Postgres, template: str, seed: int, *, short: bool) -> Outcome:
    """Play a drill on a new site."""
    if short:
        return _play(drill, postgres, template, seed, drill.short_seconds, drill.plan)
    return _play(drill, postgres, template, seed, drill.seconds, drill.plan, recovers_within=RECOVERS_WITHIN)


def play_control(drill: Drill, postgres: Postgres, template: str, seed: int) -> Outcome:
    """Play it on a new site that lacks its mechanism."""
    seconds = drill.short_seconds if drill.control_seconds is None else drill.control_seconds
    plan = replace(drill.control_plan or drill.plan, repeats=False)
    return _play(drill, postgres, template, seed, seconds, plan, without=drill.without)


def _play(
    drill: Drill,
    postgres: Postgres,
    template: str,
    seed: int,
    seconds: float,
    plan: Plan,
    *,
    without: str = "",
    recovers_within: float = PATIENCE,
) -> Outcome:
    with (
        tempfile.TemporaryDirectory(prefix="drill-") as folder,
        Site(postgres, postgres.copy_of(template), Path(folder), without, drill.settings) as site,
    ):
        agency = make_agency(site.installation, minutes=int(seconds / 60) + 10)
        site.start()
        before = families(site.programs)
        traffic = Traffic(site, agency, seed, plan)
        scene = Play(site, agency, traffic, Random(f"{seed} {drill.name}"), seconds, recovers_within)
        began = time.monotonic()
        with traffic:
            try:
                drill.play(scene)
            except Stalled as stalled:
                scene.faults.add(Harm.LATE, str(stalled))
        took = time.monotonic() - began
        if not drill.kills_children:
            scene.faults.add(Harm.DEATHS, *lost_children(before, families(site.programs)))
        judge(site, agency, traffic.list, scene.faults)
    if scene.recoveries:
        scene.figures.append(f"all worked again after at most {max(scene.recoveries):.0f} s")
    scene.figures.append(f"load {os.getloadavg()[0]:.0f}")  # of the machine, which others may use, too
    figures = [*scene.figures, f"answers {dict(sorted(traffic.list.answers.items()))}"]
    acknowledged = traffic.list.count(Fate.ACKNOWLEDGED) + scene.acknowledged
    return Outcome(drill, seed, took, acknowledged, scene.injected, scene.faults, figures)

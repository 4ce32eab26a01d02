"""A drill: something is broken while the traffic goes on, and the promises hold; in its control they do not."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

from drills.agency import Agency, make_agency
from drills.judge import Faults, judge
from drills.own_list import Fate
from drills.postgres import Postgres
from drills.programs import Stalled, wait_until
from drills.site import Site
from drills.traffic import Plan, Traffic

# Seconds from when a server is back until everything works again.
RECOVERS_WITHIN = 60
# In the short form, whose machine is busy with other tests, that is not measured.
RECOVERS_IN_SHORT_FORM = 240


@dataclass
class Play:
    """What a drill has at hand while it breaks things."""

    site: Site
    agency: Agency
    traffic: Traffic
    random: Random
    seconds: float  # for which it is to go on breaking
    patience: float  # seconds until all must work again
    injected: int = 0  # faults
    wrong: list[str] = field(default_factory=list)  # what the drill itself saw, beside what the judge will
    figures: list[str] = field(default_factory=list)  # what it measured, for the table
    recoveries: list[float] = field(default_factory=list)  # seconds until all worked again, after each fault

    def wait(self, shortest: float, longest: float) -> None:
        """Let the traffic go on for a moment that chance chooses."""
        time.sleep(self.random.uniform(shortest, longest))

    def wait_for_progress(self) -> None:
        """Let the traffic get something through: a machine that is slow has little to break otherwise."""
        before = self.traffic.list.count(Fate.ACKNOWLEDGED)
        wait_until(lambda: self.traffic.list.count(Fate.ACKNOWLEDGED) > before, "Spend goes on", self.patience)


@dataclass(frozen=True)
class Drill:
    """What is broken, and the mechanism without which that does harm."""

    name: str
    breaks: str  # in words
    play: Callable[[Play], None]
    without: str  # what its control lacks: one of those in `weakened`
    harm: str = ""  # what the control must find: lost, doubled or wrong; empty: any fault
    plan: Plan = field(default_factory=Plan)
    seconds: float = 60  # of its long form
    short_seconds: float = 12
    control_seconds: float | None = None  # where it takes another time until its control shows


@dataclass(frozen=True)
class Outcome:
    """What a drill came to. It passed where it found no fault, and its control found the harm that it must."""

    drill: Drill
    seed: int
    seconds: float
    acknowledged: int
    injected: int
    faults: Faults
    figures: list[str]
    control: Faults | None = None  # None: it was not played

    @property
    def passed(self) -> bool:
        return not len(self.faults) and (self.control is None or self.control_fails)

    @property
    def control_fails(self) -> bool:
        return self.control is not None and len(getattr(self.control, self.drill.harm, self.control)) > 0


def run(drill: Drill, postgres: Postgres, template: str, seed: int, *, short: bool, control: bool = True) -> Outcome:
    """Play a drill, and its control with the same seed."""
    seconds, patience = (drill.short_seconds, RECOVERS_IN_SHORT_FORM) if short else (drill.seconds, RECOVERS_WITHIN)
    outcome = play(drill, postgres, template, seed, seconds, patience=patience)
    if not control:
        return outcome
    seconds = drill.short_seconds if drill.control_seconds is None else drill.control_seconds
    return replace(outcome, control=play(drill, postgres, template, seed, seconds, without=drill.without).faults)


def play(
    drill: Drill,
    postgres: Postgres,
    template: str,
    seed: int,
    seconds: float,
    without: str = "",
    patience: float = RECOVERS_WITHIN,
) -> Outcome:
    """Play it once, on a new site, without the mechanism that is named."""
    with (
        tempfile.TemporaryDirectory(prefix="drill-") as folder,
        Site(postgres, postgres.copy_of(template), Path(folder), without) as site,
    ):
        agency = make_agency(site.installation, minutes=int(seconds / 60) + 10)
        site.start()
        traffic = Traffic(site, agency, seed, drill.plan)
        scene = Play(site, agency, traffic, Random(f"{seed} {drill.name}"), seconds, patience)
        began = time.monotonic()
        with traffic:
            try:
                drill.play(scene)
            except Stalled as stalled:
                scene.wrong.append(str(stalled))
        took = time.monotonic() - began
        faults = judge(site, agency, traffic.list)
    faults.wrong += scene.wrong
    if scene.recoveries:
        scene.figures.append(f"all worked again after at most {max(scene.recoveries):.0f} s")
    figures = [*scene.figures, f"answers {dict(sorted(traffic.list.answers.items()))}"]
    return Outcome(drill, seed, took, traffic.list.count(Fate.ACKNOWLEDGED), scene.injected, faults, figures)

"""Eight writers with the same campaigns in shuffled order, and sweeps, resets and edits beside them."""

from __future__ import annotations

import time
from contextlib import closing

from celery import Celery

from drills.drill import Drill, Play
from drills.faults import Harm
from drills.traffic import Plan

WRITERS = 8
# 207: some of the entries are made to be refused.
GOOD_ANSWERS = ("200", "207", "import: exit 0")
SWEEPS: tuple[tuple[str, dict[str, bool]], ...] = (
    ("reset_daily_spends", {"force": True}),
    ("reset_monthly_spends", {"force": True}),
    ("check_campaign_budgets", {}),
    ("activate_eligible_campaigns", {}),
)


def play(play: Play) -> None:
    """Sweep and reset all the time, and look whether a deadlock came about, or anything at all reached a client."""
    deadline = time.monotonic() + play.seconds
    while time.monotonic() < deadline:
        sweep_and_reset(play)
    deadlocks = _deadlocks(play)
    play.figures.append(f"{deadlocks} deadlocks")
    if deadlocks:
        play.faults.add(Harm.DEADLOCKS, f"The database broke {deadlocks} deadlocks.")
    for answer, count in list(play.traffic.list.answers.items()):
        if answer not in GOOD_ANSWERS:
            play.faults.add(Harm.ANSWERS, f"Clients were answered with {answer}, {count} times.")


def sweep_and_reset(play: Play) -> None:
    """Sweeps, and resets that begin every period anew, in any order."""
    with closing(Celery(broker=play.site.broker_url, set_as_current=False)) as app:
        for name, options in play.random.sample(SWEEPS, len(SWEEPS)):
            app.send_task(f"campaigns.tasks.{name}", kwargs=options, expires=30)
            play.breaks()
            play.wait(0, 0.5)


def _deadlocks(play: Play) -> int:
    """How many the database has broken by ending a transaction."""
    with play.site.connect() as connection:
        row = connection.execute("select deadlocks from pg_stat_database where datname = current_database()").fetchone()
    assert row is not None
    return int(str(row[0]))


DRILLS = (
    Drill(
        "eight-writers",
        "batches with the same campaigns in shuffled order from 8 writers, and resets, sweeps and edits beside them",
        play,
        without="order of locks",
        harm=Harm.DEADLOCKS,
        plan=Plan(writers=WRITERS, largest_batch=1_000, pause=0, task_pause=0.1, import_pause=2),
        short_seconds=20,
    ),
)

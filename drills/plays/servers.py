"""PostgreSQL and Valkey go away, in the middle of everything, and come back."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

import psycopg

from drills.drill import PATIENCE, Drill, Play
from drills.faults import Harm
from drills.judge import database_time, swept_since
from drills.programs import Stalled, wait_until
from drills.traffic import Plan, Promise


def stop_postgres(play: Play) -> None:
    """Stopped in immediate mode, in the middle of a batch, and started again."""
    play.wait_for_the_middle_of_a_batch()
    play.site.postgres.stop_immediately()
    play.breaks()
    play.wait(1, 8)
    play.site.postgres.start()
    _recovers(play, "PostgreSQL")


def kill_valkey(play: Play) -> None:
    """Killed, and started again with nothing in it."""
    valkey = play.site.valkey
    valkey.wanted = False  # the supervisor is to leave it to this drill
    if valkey.kill():
        play.breaks()
    play.wait(0, 5)
    play.site.start_broker()
    _recovers(play, "Valkey")


def freeze_valkey(play: Play) -> None:
    """Stopped for a while, until somebody did not learn whether a message was taken: connections stand."""
    _freeze(play, 0.4 * play.seconds)


def freeze_valkey_briefly(play: Play) -> None:
    _freeze(play, play.random.uniform(1, 8))


def _freeze(play: Play, seconds: float) -> None:
    cut_off = _cut_off(play)
    play.site.valkey.freeze()
    play.breaks()
    try:
        time.sleep(seconds)
        wait_until(lambda: _cut_off(play) > cut_off, "A message is cut off", PATIENCE)
    finally:
        play.site.valkey.thaw()
    play.traffic.note_fault()  # what was sent meanwhile is in doubt, too
    _recovers(play, "Valkey")


def _cut_off(play: Play) -> int:
    """How many messages have been sent to the broker without an answer."""
    return sum(count for answer, count in list(play.traffic.list.answers.items()) if answer.startswith("broker"))


def until_time_is_over(fault: Callable[[Play], None]) -> Callable[[Play], None]:
    """The fault, again each time when all has recovered and worked for a while."""

    def play(play: Play) -> None:
        deadline = time.monotonic() + play.seconds
        while time.monotonic() < deadline:
            play.wait(3, 6)
            fault(play)

    return play


def _recovers(play: Play, server: str) -> None:
    """Wait until everything works again: spend by the API and by tasks is recorded, and sweeps are done."""
    back_at = time.monotonic()
    since = database_time(play.site)
    try:
        wait_until(lambda: _works_since(play, since), f"All works again after {server}", play.recovers_within)
    except Stalled as stalled:
        play.faults.add(Harm.LATE, str(stalled))
    play.recoveries.append(time.monotonic() - back_at)


def _works_since(play: Play, since: datetime) -> bool:
    with suppress(psycopg.Error), play.site.connect() as connection:
        row = connection.execute(
            "select count(*) filter (where description like 'api%%'), count(*) filter (where description like 'task%%')"
            " from campaigns_spendlog where recorded_at > %s",
            (since,),
        ).fetchone()
        return row is not None and all(row) and swept_since(play.site, since)
    return False


PLAN = Plan(promise=Promise.DONE, task_pause=0.05, import_pause=2)

DRILLS = (
    Drill(
        "stop-postgres",
        "PostgreSQL stopped in immediate mode, in the middle of commits, and started again",
        until_time_is_over(stop_postgres),
        without="transaction",
        harm=Harm.COUNTERS,
        plan=replace(PLAN, largest_batch=2_000),
        control_seconds=60,
        seconds=120,
        short_seconds=20,
    ),
    Drill(
        "kill-valkey",
        "Valkey killed, and started again empty",
        until_time_is_over(kill_valkey),
        without="sending again until it is done",
        harm=Harm.LOST,
        plan=PLAN,
        control_plan=replace(PLAN, promise=Promise.TAKEN, task_pause=0.001),
        seconds=120,
        short_seconds=20,
    ),
    Drill(
        "freeze-valkey",
        "Valkey stopped (SIGSTOP) for a minute",
        until_time_is_over(freeze_valkey),
        without="reference",
        harm=Harm.DOUBLED,
        plan=PLAN,
        seconds=150,
        short_seconds=20,
    ),
)

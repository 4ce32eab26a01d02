"""PostgreSQL and Valkey go away, in the middle of everything, and come back."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

import psycopg

from drills.drill import Drill, Play
from drills.judge import database_time, swept_since
from drills.programs import Stalled, wait_until
from drills.traffic import Plan, Promise


def stop_postgres(play: Play) -> None:
    """Stopped in immediate mode, in the middle of commits, and started again."""
    play.site.postgres.stop_immediately()
    play.injected += 1
    play.wait(1, 8)
    play.site.postgres.start()
    _recovers(play, "PostgreSQL")


def kill_valkey(play: Play) -> None:
    """Killed, and started again with nothing in it."""
    valkey = play.site.valkey
    valkey.wanted = False  # the supervisor is to leave it to this drill
    play.injected += valkey.kill()
    play.wait(0, 5)
    play.site.start_broker()
    _recovers(play, "Valkey")


def freeze_valkey(play: Play) -> None:
    """Stopped for a while: connections stand, and nobody answers."""
    _freeze(play, 0.4 * play.seconds)


def freeze_valkey_briefly(play: Play) -> None:
    _freeze(play, play.random.uniform(1, 8))


def _freeze(play: Play, seconds: float) -> None:
    play.site.valkey.freeze()
    play.injected += 1
    time.sleep(seconds)
    play.site.valkey.thaw()
    _recovers(play, "Valkey")


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
        wait_until(lambda: _works_since(play, since), f"All works again after {server}", play.patience)
    except Stalled as stalled:
        play.wrong.append(str(stalled))
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
        harm="wrong",
        plan=PLAN,
        seconds=120,
        short_seconds=20,
    ),
    Drill(
        "kill-valkey",
        "Valkey killed, and started again empty",
        until_time_is_over(kill_valkey),
        without="reference",
        harm="doubled",
        plan=PLAN,
        seconds=120,
        short_seconds=20,
    ),
    Drill(
        "freeze-valkey",
        "Valkey stopped (SIGSTOP) for a minute",
        until_time_is_over(freeze_valkey),
        without="reference",
        harm="doubled",
        plan=PLAN,
        seconds=150,
        short_seconds=20,
    ),
)

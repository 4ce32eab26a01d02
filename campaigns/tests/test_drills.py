"""The short form of `make drill`: each fault that a running site can meet, once; and without references there is harm.

Only `make drill` has a disk that is really full, SQLite that another locks, a clock that jumps, an hour's load and the
controls of the other mechanisms. Some of that other tests cover: test_full_disk what a database says without room,
test_resets ticks that come late or not at all, and test_races writers without the lock.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection

from drills.drill import play, play_control
from drills.faults import Harm
from drills.plays import all_drills
from drills.plays.medley import FAULTS
from drills.postgres import Postgres, postgres
from drills.site import migrated

pytestmark = [
    pytest.mark.drills,
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="Once is enough; they start a PostgreSQL of their own"
    ),
]

SEED = 1
MEDLEY, DELIVER_AGAIN = (all_drills()[name] for name in ("medley", "deliver-again"))


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Postgres, str]]:
    with postgres() as started:
        yield started, migrated(started, "site")


def test_whatever_breaks_nothing_is_lost_or_doubled_and_every_counter_and_status_is_right(
    server: tuple[Postgres, str],
) -> None:
    outcome = play(MEDLEY, *server, SEED, short=True)

    assert outcome.faults.in_words() == ""
    assert outcome.acknowledged > 0
    assert outcome.injected >= len(FAULTS)


def test_without_references_what_is_delivered_twice_is_there_twice(server: tuple[Postgres, str]) -> None:
    outcome = play_control(DELIVER_AGAIN, *server, SEED)

    assert outcome.faults.count(Harm.DOUBLED) > 0

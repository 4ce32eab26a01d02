"""Every fault that can be thrown at a running site amid its traffic, in an order and at moments that chance chooses.

What needs an installation of its own is not among them, and is played alone. A full disk: it takes a small one, which
is root's to make, with a table on it. SQLite: there are no workers beside it. A clock that jumps: traffic and judge go
by the machine's, and would take what is right by another for wrong. Ticks that say they are of other days are thrown.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

from drills.drill import Drill, Play
from drills.faults import Harm
from drills.plays import clocks, deliveries, kills, poison, servers, writers


def send_poison(play: Play) -> None:
    """One task of each kind that can never be done. How often each is tried is not counted where others kill, too."""
    poison.send_each(play)


FAULTS: list[Callable[[Play], None]] = [
    kills.kill_worker_child,
    kills.kill_worker_parent,
    kills.kill_beat,
    kills.kill_web_worker,
    servers.stop_postgres,
    servers.kill_valkey,
    servers.freeze_valkey_briefly,
    clocks.a_second_beat,
    clocks.stop_beat,
    clocks.ticks_out_of_order,
    deliveries.deliver_again_for_a_while,
    writers.sweep_and_reset,
    send_poison,
]


def play(play: Play) -> None:
    """Each of them once, and then any, until the time is over."""
    deadline = time.monotonic() + play.seconds
    faults = play.random.sample(FAULTS, len(FAULTS))
    thrown: Counter[str] = Counter()
    while faults or time.monotonic() < deadline:
        play.wait(0, 2)
        fault = faults.pop() if faults else play.random.choice(FAULTS)
        fault(play)
        thrown[fault.__name__.replace("_", " ")] += 1
    play.figures.append(", ".join(f"{count} {name}" for name, count in sorted(thrown.items())))


DRILLS = (
    Drill(
        "medley",
        "each fault that a running site can meet, at random: not full disks, SQLite or a clock that jumps",
        play,
        without="reference",
        harm=Harm.DOUBLED,
        plan=servers.PLAN,
        seconds=600,
        short_seconds=10,
        kills_children=True,
        settings=poison.SETTINGS,
    ),
)

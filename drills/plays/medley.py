"""All faults, in an order and at moments that chance chooses."""

from __future__ import annotations

import time
from collections.abc import Callable

from drills.drill import Drill, Play
from drills.faults import Harm
from drills.plays import kills, servers

FAULTS: list[Callable[[Play], None]] = [
    kills.kill_worker_child,
    kills.kill_worker_parent,
    kills.kill_beat,
    kills.kill_web_worker,
    servers.stop_postgres,
    servers.kill_valkey,
    servers.freeze_valkey_briefly,
]


def play(play: Play) -> None:
    """Each of them once, and then any, until the time is over."""
    deadline = time.monotonic() + play.seconds
    faults = play.random.sample(FAULTS, len(FAULTS))
    while faults or time.monotonic() < deadline:
        play.wait(0.5, 4)
        fault = faults.pop() if faults else play.random.choice(FAULTS)
        fault(play)


DRILLS = (
    Drill(
        "medley",
        "all of them, at random",
        play,
        without="reference",
        harm=Harm.DOUBLED,
        plan=servers.PLAN,
        seconds=600,
        short_seconds=10,
        control_seconds=120,  # not each fault comes upon a message whose sender then sends it again
    ),
)

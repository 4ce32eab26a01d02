"""`kill -9`, at any moment: of a worker's child, of its parent, of beat, and of a web worker amid batches."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

import psutil

from drills.drill import Drill, Play
from drills.faults import Harm
from drills.traffic import Plan


def kill_worker_child(play: Play) -> None:
    """What it was doing goes back to the queue."""
    _kill_one_of(play, play.site.worker_children())


def kill_worker_parent(play: Play) -> None:
    """What it and its children were doing is given to others once it has been invisible for long enough."""
    if play.random.choice(play.site.workers).kill():
        play.breaks()


def kill_beat(play: Play) -> None:
    """Ticks stop until it is started again."""
    if play.site.beat.kill():
        play.breaks()


def kill_web_worker(play: Play) -> None:
    """Clients see a broken connection, and send again what they do not know the fate of."""
    play.wait_for_the_middle_of_a_batch()
    _kill_one_of(play, play.site.web.children())


def again_and_again(fault: Callable[[Play], None], shortest: float, longest: float) -> Callable[[Play], None]:
    """The fault, at moments that chance chooses, until the play's time is over."""

    def play(play: Play) -> None:
        deadline = time.monotonic() + play.seconds
        while time.monotonic() < deadline:
            play.wait(shortest, longest)
            play.wait_for_progress()
            fault(play)

    return play


def _kill_one_of(play: Play, processes: list[psutil.Process]) -> None:
    if processes:
        with suppress(psutil.NoSuchProcess):
            play.random.choice(processes).kill()
            play.breaks()


TASKS = Plan(writers=1, pause=1, task_pause=0.001, imports=False)
BATCHES = Plan(writers=4, largest_batch=2_000, pause=0, tasks=False, imports=False, uploads=False)

DRILLS = (
    Drill(
        "kill-worker-child",
        "kill -9 of a worker's child",
        again_and_again(kill_worker_child, 0, 0.5),
        without="acks_late",
        harm=Harm.LOST,
        plan=TASKS,
        kills_children=True,
        control_seconds=60,  # most deaths find a child between two tasks, in a sweep, or after its commit
    ),
    Drill(
        "kill-worker-parent",
        "kill -9 of a worker's parent",
        again_and_again(kill_worker_parent, 3, 8),
        without="acks_late",
        harm=Harm.LOST,
        plan=TASKS,
        short_seconds=15,
        control_seconds=60,
    ),
    Drill(
        "kill-beat",
        "kill -9 of beat",
        again_and_again(kill_beat, 2, 6),
        without="supervisor",
        harm=Harm.STATUSES,
        control_seconds=60,  # what is edited once beat is dead is for ticks alone to notice
    ),
    Drill(
        "kill-web-worker",
        "kill -9 of a web worker, in the middle of batches",
        again_and_again(kill_web_worker, 0.2, 2),
        without="transaction",
        harm=Harm.COUNTERS,
        plan=BATCHES,
        kills_children=True,
        control_seconds=30,
    ),
)

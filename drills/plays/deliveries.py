"""Every task delivered twice or three times, and in another order: what a broker may do after any fault."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from contextlib import closing
from random import Random
from typing import Any

import redis
from celery import Celery

from benchmarks.api_load import HOST
from drills.drill import PATIENCE, Drill, Play
from drills.faults import Harm
from drills.programs import wait_until
from drills.site import Site
from drills.traffic import Plan

SENT_TO = "celery"
TAKEN_FROM = "delivered"  # where the workers take them from meanwhile
KEPT_BACK = 10  # messages that are at hand, of which chance delivers one
MOST_WAITING = 20  # however slow the machine is, what waits is done soon after the end


def play(play: Play) -> None:
    postman = _deliver_again(play, play.seconds)
    play.figures.append(f"{postman.messages} messages delivered {postman.messages + postman.copies} times")


def deliver_again_for_a_while(play: Play) -> None:
    """Two or three times, and in another order, all that is sent in some seconds."""
    _deliver_again(play, play.random.uniform(2, 5))


def _deliver_again(play: Play, seconds: float) -> Postman:
    """Stand between the queue and the workers for so long, and until all is delivered."""
    with closing(redis.Redis(host=HOST, port=play.site.broker_port)) as broker:
        _take_from(play.site, TAKEN_FROM, instead_of=SENT_TO)
        postman = Postman(broker, play.random)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            postman.walk()
        postman.deliver_all()
        wait_until(lambda: not broker.llen(TAKEN_FROM), "All that was delivered is taken", PATIENCE)
        _take_from(play.site, SENT_TO, instead_of=TAKEN_FROM)
    play.breaks(postman.copies)
    return postman


class Postman:
    """Takes what was sent, and delivers each message two or three times, in an order that chance chooses."""

    def __init__(self, broker: redis.Redis, random: Random) -> None:
        self._broker = broker
        self._random = random
        self._at_hand: list[bytes] = []
        self.messages = 0
        self.copies = 0

    def walk(self) -> None:
        """Take one message, where there is one, and deliver one, where enough are at hand."""
        if self._broker.llen(TAKEN_FROM) > MOST_WAITING:
            time.sleep(0.05)
            return
        message: Any = self._broker.rpop(SENT_TO)
        if message is None:
            time.sleep(0.01)
        else:
            times = self._random.choice([2, 3])
            self._at_hand += [message] * times
            self.messages += 1
            self.copies += times - 1
        if len(self._at_hand) > KEPT_BACK:
            self._deliver()

    def deliver_all(self) -> None:
        while self._at_hand:
            self._deliver()

    def _deliver(self) -> None:
        """The same message with the same task's id; only the broker's own tag of this delivery is another."""
        message = json.loads(self._at_hand.pop(self._random.randrange(len(self._at_hand))))
        message["properties"]["delivery_tag"] = str(uuid.UUID(int=self._random.getrandbits(128)))
        self._broker.lpush(TAKEN_FROM, json.dumps(message))


def _take_from(site: Site, queue: str, *, instead_of: str) -> None:
    """Have all workers, also one that is about to start, take tasks from one queue and no longer from another."""
    with closing(Celery(broker=site.broker_url, set_as_current=False)) as app:
        broken_off = app.connection().recoverable_connection_errors
        for tell, named in ((app.control.add_consumer, queue), (app.control.cancel_consumer, instead_of)):

            def all_answered(tell: Callable[..., Any] = tell, named: str = named) -> bool:
                try:
                    answers = tell(named, reply=True, timeout=5, limit=len(site.workers))
                except broken_off:  # of a connection from before the broker was killed
                    return False
                return len(answers or ()) == len(site.workers)

            wait_until(all_answered, f"All workers take from {queue}", PATIENCE)


DRILLS = (
    Drill(
        "deliver-again",
        "every task delivered two or three times, and out of order",
        play,
        without="reference",
        harm=Harm.DOUBLED,
        plan=Plan(writers=1, pause=0.5, task_pause=0.02, imports=False),
    ),
)

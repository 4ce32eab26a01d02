"""Nothing is broken: whoever fails here need not look at the others."""

from __future__ import annotations

import time

from drills.drill import Drill, Play
from drills.faults import Harm


def play(play: Play) -> None:
    time.sleep(play.seconds)


DRILLS = (Drill("calm", "nothing: the traffic alone, from several sides", play, without="lock", harm=Harm.COUNTERS),)

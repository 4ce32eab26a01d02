"""Settings of a site whose workers know two tasks that are poison, each in its own way."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from unittest.mock import patch

from drills.weakened import *  # noqa: F403
from drills.weakened import INSTALLED_APPS, Weakened

INSTALLED_APPS = [*INSTALLED_APPS[:-1], "drills.poisoned.Poisoned"]  # instead of Weakened


class Poisoned(Weakened):
    def ready(self) -> None:
        super().ready()  # first: what it takes away is to hold for poison, too
        from celery import shared_task

        from campaigns.tasks import PatientTask

        shared_task(base=PatientTask, name="drills.breaks_in_the_middle")(breaks_in_the_middle)
        shared_task(base=PatientTask, name="drills.kills_its_process")(kills_its_process)


def breaks_in_the_middle(diary: str, campaign_id: int, name: str) -> None:
    """Break when the entry is written and its counters are not."""
    from django.utils import timezone

    from campaigns import ledger
    from campaigns.storage import storage

    _note_attempt(diary)
    with patch.object(type(storage()), "set_counters", side_effect=ArithmeticError("Poison")):
        ledger.record_arrival(campaign_id, "1", at=timezone.now(), description=name)


def kills_its_process(diary: str) -> None:
    _note_attempt(diary)
    os.kill(os.getpid(), signal.SIGKILL)


def _note_attempt(diary: str) -> None:
    with Path(diary).open("a") as out:
        out.write("tried\n")

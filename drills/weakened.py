"""Settings of a site in which one mechanism is switched off, for a drill's control: `WITHOUT` names it.

A drill that finds nothing here finds nothing at all. The system itself has no such switch: what is missing is taken
away in the running processes.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.apps import AppConfig

from ad_agency.settings import *  # noqa: F403
from ad_agency.settings import INSTALLED_APPS

WITHOUT = os.environ.get("WITHOUT", "")
INSTALLED_APPS = [*INSTALLED_APPS, "drills.weakened.Weakened"]

if WITHOUT == "acks_late":
    CELERY_TASK_ACKS_LATE = False
    CELERY_TASK_REJECT_ON_WORKER_LOST = False
    CELERY_TASK_RETRY_ON_WORKER_LOST = False


class Weakened(AppConfig):
    name = "drills"

    def ready(self) -> None:
        TAKEN_AWAY[WITHOUT]()


def _nothing_here() -> None:
    """What is switched off is a setting, or the drill's own doing."""


def _take_away_the_reference() -> None:
    """Entries are recorded without the reference that they came with (R8)."""
    from campaigns import entries, ledger
    from campaigns.entries import SpendEntry

    sound_entry = entries.sound_entry

    def without_reference(entry: SpendEntry, at: datetime) -> SpendEntry:
        return replace(sound_entry(entry, at), reference="")

    ledger.sound_entry = without_reference  # type: ignore[attr-defined]


def _take_away_the_lock() -> None:
    """Writers of a brand no longer wait for each other."""
    from campaigns.models import Brand, BrandQuerySet

    def unlocked(self: BrandQuerySet, brand_ids: Collection[int]) -> list[Brand]:
        return list(self.filter(pk__in=brand_ids).order_by("pk"))

    BrandQuerySet.lock = unlocked  # type: ignore[method-assign]


def _take_away_the_order_of_locks() -> None:
    """Each writer locks its brands in an order of its own."""
    from campaigns.models import Brand, BrandQuerySet

    def in_any_order(self: BrandQuerySet, brand_ids: Collection[int]) -> list[Brand]:
        return list(self.filter(pk__among=brand_ids).order_by("?").select_for_update(no_key=True))

    BrandQuerySet.lock = in_any_order  # type: ignore[method-assign]


def _take_away_the_comparison() -> None:
    """A tick begins the period of its own moment in every counter, whatever period that is in."""
    from django.db.models import Q

    from campaigns import enforcement

    def always(*_: object, path: str = "", **__: object) -> Q:
        return ~Q(**{f"{path}pk": 0})

    enforcement._to_begin = always


def _take_away_the_bound() -> None:
    """What is tried again at all is tried for ever: a task that kills its process comes back each time."""
    from campaigns.tasks import PatientTask

    task: Any = PatientTask
    task.max_retries = None


def _take_away_the_transaction() -> None:
    """Each statement of a batch is committed on its own. Batches still take turns: what breaks one off does harm."""
    from django.db import connection

    from campaigns import ledger
    from campaigns.models import Brand, BrandQuerySet

    lock = BrandQuerySet.lock

    def locked(self: BrandQuerySet, brand_ids: Collection[int]) -> list[Brand]:
        if connection.in_atomic_block:
            return lock(self, brand_ids)
        return list(self.filter(pk__in=brand_ids).order_by("pk"))

    class Transaction:
        @staticmethod
        @contextmanager
        def atomic() -> Iterator[None]:
            with _taking_turns("batches"):
                yield

    BrandQuerySet.lock = locked  # type: ignore[method-assign]
    ledger.transaction = Transaction  # type: ignore[attr-defined, assignment]


def _take_away_the_lock_between_beats() -> None:
    """Sweeps of one beat take turns, as if there could be no other: those of a second one know nothing of them."""
    from celery import current_task

    from campaigns import tasks

    _take_away_the_lock()
    sweep = tasks._sweep

    def in_turn(*arguments: Any) -> Any:
        with _taking_turns(f"sweeps of {current_task.request.origin}"):
            return sweep(*arguments)

    tasks._sweep = in_turn  # type: ignore[assignment]


@contextmanager
def _taking_turns(who: str) -> Iterator[None]:
    """One at a time, without a transaction; where there are several at all."""
    from django.db import DatabaseError, connection

    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(hashtext(%s))", [who])
    try:
        yield
    finally:
        with suppress(DatabaseError), connection.cursor() as cursor:  # the lock ends with its session
            cursor.execute("SELECT pg_advisory_unlock(hashtext(%s))", [who])


def _leak() -> None:
    """Each task leaves a little behind."""
    from celery.signals import task_prerun

    left: list[bytearray] = []

    def leave_something(**_: Any) -> None:
        left.append(bytearray(os.urandom(500_000)))

    task_prerun.connect(leave_something, weak=False)


TAKEN_AWAY = {
    "": _nothing_here,
    "acks_late": _nothing_here,
    "supervisor": _nothing_here,
    "reference": _take_away_the_reference,
    "sending again until it is done": _nothing_here,
    "lock": _take_away_the_lock,
    "lock between beats": _take_away_the_lock_between_beats,
    "order of locks": _take_away_the_order_of_locks,
    "comparison": _take_away_the_comparison,
    "bound": _take_away_the_bound,
    "transaction": _take_away_the_transaction,
    "thrift": _leak,
}

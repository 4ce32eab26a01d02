"""The beat schedule: settings give its first state, the admin owns it from then on."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from django.db import connection
from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import DatabaseScheduler

from campaigns.outages import is_outage

TRIED_EVERY = 2  # seconds
Result = TypeVar("Result")

logger = logging.getLogger(__name__)


class AdminOwnedScheduler(DatabaseScheduler):
    """A DatabaseScheduler that adds the entries of settings which the database lacks, and leaves the others alone.

    The stock one writes every entry of `CELERY_BEAT_SCHEDULE` again at each start of beat, and so takes back
    what a person changed in the admin. It also ends where the database is away while it reads the schedule: this one
    waits, since no tick could do anything before it is back.
    """

    beginning: ClassVar = False

    def setup_schedule(self) -> None:
        # Beat that is told to end before it has a scheduler makes one, to save what that has: it has nothing.
        if AdminOwnedScheduler.beginning:
            raise SystemExit
        AdminOwnedScheduler.beginning = True
        try:
            _patiently(super().setup_schedule)
        finally:
            AdminOwnedScheduler.beginning = False

    def all_as_schedule(self) -> dict[str, Any]:
        return _patiently(super().all_as_schedule)

    def update_from_dict(self, mapping: dict[str, Any]) -> None:
        known = set(PeriodicTask.objects.filter(name__in=mapping).values_list("name", flat=True))
        DatabaseScheduler.update_from_dict(self, {name: entry for name, entry in mapping.items() if name not in known})


def _patiently(work: Callable[[], Result]) -> Result:
    """What `work` gives, once the database is there."""
    while True:
        try:
            return work()
        except Exception as error:
            if not is_outage(error):
                raise
            logger.warning("Beat waits for the database: %s", error)
            connection.close()
            time.sleep(TRIED_EVERY)

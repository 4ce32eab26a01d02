"""The beat schedule: settings give its first state, the admin owns it from then on."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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

    Beat that is told to end saves its schedule in the very handler of the signal, whatever the signal broke off, and
    counts on SystemExit to reach the end of its loop. But saving begins by closing old connections: in the middle of a
    query its connection is gone, and the error of that takes the place of SystemExit, so that beat would go on. This
    one saves when what it does is done, and ends before its next tick at the latest.
    """

    beginning: ClassVar = False
    busy = ended = False

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

    def tick(self, *arguments: Any, **options: Any) -> Any:
        if self.ended:
            raise SystemExit
        with self._busy():
            return super().tick(*arguments, **options)

    def sync(self) -> None:
        with self._busy():
            super().sync()  # type: ignore[no-untyped-call]

    def close(self) -> None:
        self.ended = True
        if not self.busy:
            super().close()

    @contextmanager
    def _busy(self) -> Iterator[None]:
        was, self.busy = self.busy, True
        try:
            yield
        finally:
            self.busy = was

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

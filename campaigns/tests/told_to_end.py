"""An app whose beat is told to end in the middle of a query: `celery -A campaigns.tests.told_to_end beat`."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.dispatch import receiver

from ad_agency.celery import app

__all__ = ["app"]

SAVES_AN_ENTRY = 'UPDATE "django_celery_beat_periodictask"'


@receiver(connection_created)
def _listen(connection: BaseDatabaseWrapper, **_told: Any) -> None:
    connection.execute_wrappers.append(_ended_by_its_first_save)


def _ended_by_its_first_save(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
    done = execute(sql, *rest)
    if sql.startswith(SAVES_AN_ENTRY):
        # Once: beat saves again as it ends.
        connection_created.disconnect(_listen)
        rest[-1]["connection"].execute_wrappers.clear()
        os.kill(os.getpid(), signal.SIGTERM)
    return done

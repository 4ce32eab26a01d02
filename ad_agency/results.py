"""Where what came of tasks is kept: the database, also when it was away for a moment."""

from __future__ import annotations

from django.db import connection
from django_celery_results.backends import DatabaseBackend

from campaigns.outages import is_outage


class PatientDatabaseBackend(DatabaseBackend):
    """A DatabaseBackend that tries again while the database is away; how often is a setting.

    The stock one raises at once: a task that was done then is told as failed, one that was only to be marked as started
    is dropped, and where that befalls the worker's main process, the worker ends.
    """

    def exception_safe_to_retry(self, exc: Exception) -> bool:
        # It writes one row, put there or changed: twice is once.
        if is_outage(exc):
            connection.close()
            return True
        return False

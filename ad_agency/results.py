"""Where what came of tasks is kept: the database, also when it was away for a moment."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django_celery_results.backends import DatabaseBackend

from ad_agency.logs import redact
from campaigns.outages import is_outage


class PatientDatabaseBackend(DatabaseBackend):
    """A DatabaseBackend that tries again while the database is away; how often is a setting.

    The stock one raises at once: a task that was done then is told as failed, one that was only to be marked as started
    is dropped, and where that befalls the worker's main process, the worker ends. What failed tasks say stands in the
    admin, and so has no secrets, as the log has none.
    """

    def prepare_exception(self, exc: Exception, serializer: str | None = None) -> dict[str, Any]:
        told: dict[str, Any] = super().prepare_exception(exc, serializer)
        words = [redact(word) if isinstance(word, str) else word for word in told["exc_message"]]
        return {**told, "exc_message": words}

    def store_result(self, task_id: str, result: Any, state: str, traceback: Any = None, **rest: Any) -> Any:
        return super().store_result(task_id, result, state, traceback and redact(str(traceback)), **rest)

    def exception_safe_to_retry(self, exc: Exception) -> bool:
        # It writes one row, put there or changed: twice is once.
        if is_outage(exc):
            connection.close()
            return True
        return False

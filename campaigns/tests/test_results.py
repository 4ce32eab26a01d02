"""What came of tasks is kept, also where the database was away for a moment."""

from __future__ import annotations

from typing import Any

import pytest
from celery import current_app
from django.db import DatabaseError, DataError, OperationalError
from django_celery_results.backends import DatabaseBackend
from django_celery_results.models import TaskResult

pytestmark = pytest.mark.django_db(transaction=True)


def away(monkeypatch: pytest.MonkeyPatch, error: Exception, times: int) -> list[Exception]:
    """Let the database break off so many times while a result is stored; gives what it raised so far."""
    raised: list[Exception] = []
    store: Any = DatabaseBackend._store_result

    def broken(self: DatabaseBackend, *args: Any, **kwargs: Any) -> Any:
        if len(raised) < times:
            raised.append(error)
            raise error
        return store(self, *args, **kwargs)

    monkeypatch.setattr(DatabaseBackend, "_store_result", broken)
    monkeypatch.setattr(current_app.backend, "_sleep", lambda _seconds: None)
    return raised


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("the database system is starting up"),
        DatabaseError("server closed the connection unexpectedly"),
    ],
)
def test_what_came_of_a_task_is_stored_once_the_database_is_back(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    raised = away(monkeypatch, error, times=3)

    current_app.backend.store_result("a-task", {"recorded": 1}, "SUCCESS")

    assert len(raised) == 3
    assert list(TaskResult.objects.values_list("task_id", "status", "result")) == [
        ("a-task", "SUCCESS", '{"recorded": 1}')
    ]


def test_a_result_that_no_waiting_mends_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    raised = away(monkeypatch, DataError("no such character"), times=3)

    with pytest.raises(DataError):
        current_app.backend.store_result("a-task", {"recorded": 1}, "SUCCESS")

    assert len(raised) == 1

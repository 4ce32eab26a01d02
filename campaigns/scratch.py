"""A database in memory in which this thread tries things out, with the same models and the same code on them.

Whatever is written there is gone with it. Nobody waits for it, and the database in use is not touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.utils import ConnectionHandler

from campaigns.models import (
    Brand,
    BrandDailySpend,
    Campaign,
    DailySpend,
    DaypartingSchedule,
    SpendLog,
    StatusChange,
)

TABLES: tuple[type[models.Model], ...] = (
    Brand,
    Campaign,
    DaypartingSchedule,
    SpendLog,
    DailySpend,
    BrandDailySpend,
    StatusChange,
)


class Scratch:
    """An empty database, with the tables that rule, ledger and enforcement use. `close` it."""

    def __init__(self) -> None:
        settings = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
        self.connection = ConnectionHandler({DEFAULT_DB_ALIAS: settings})[DEFAULT_DB_ALIAS]
        with self.in_use(), self.connection.schema_editor() as editor:
            for table in TABLES:
                editor.create_model(table)

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Every query of this thread goes here meanwhile: connections are each thread's own."""
        live = connections[DEFAULT_DB_ALIAS]
        connections[DEFAULT_DB_ALIAS] = self.connection
        try:
            yield
        finally:
            connections[DEFAULT_DB_ALIAS] = live

    def close(self) -> None:
        # Django keeps databases in memory open: a test's would be lost with its connection. This one is to be.
        if self.connection.connection is not None:
            self.connection.connection.close()
            self.connection.connection = None

"""How the database says that it is away, busy, full, or breaks off in the middle: what waiting mends.

And where a broker should be that is away.
"""

from __future__ import annotations

import logging
import sqlite3

from celery import current_app
from django.db import (
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    ProgrammingError,
)

# A server that breaks off in the middle of an answer is told as a plain DatabaseError: the kinds below it go by the
# server's own code, and that never came.
OUTAGES = (DatabaseError, InterfaceError)
# Their kinds that a second attempt meets again.
MISTAKES = (DataError, IntegrityError, InternalError, NotSupportedError, ProgrammingError)
# Seconds after which a request that met a locked or absent database is worth another try.
RETRY_AFTER = 5

logger = logging.getLogger(__name__)


def is_outage(error: BaseException) -> bool:
    """Whether the same work may well succeed a moment later."""
    return isinstance(error, OUTAGES) and not isinstance(error, MISTAKES)


def is_full(error: BaseException) -> bool:
    """Whether an outage is of a disk without room: it lasts until a person makes some."""
    cause = error.__cause__  # the driver's own error
    sqlite_full = getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    return sqlite_full or getattr(cause, "sqlstate", None) == "53100"


def write_down(error: BaseException, undone: str) -> None:
    """Log an outage, and the request that it left undone, in one line: where it was met tells nobody anything."""
    words = " ".join(str(error).split())
    if is_full(error):
        logger.error("The database's disk is full, and %s was not done: %s", undone, words)
    else:
        logger.warning("The database did not answer %s: %s", undone, words)


def broker_address() -> str:
    """Where the broker is, for people: host and port, and no password."""
    connection = current_app.connection()
    return f"{connection.hostname}:{connection.port}"

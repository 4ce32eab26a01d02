"""Whether this installation is alive and ready, for load balancers and people; without a token and without secrets."""

from __future__ import annotations

import logging
from collections.abc import Callable

from celery import current_app
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

BROKER_WAIT = 2  # seconds; who asks gives up soon after

logger = logging.getLogger(__name__)


@never_cache
@require_safe
def healthz(_request: HttpRequest) -> JsonResponse:
    """This process answers; nothing else is looked at, so that a database that is away restarts no web server."""
    return JsonResponse({"status": "alive"})


@never_cache
@require_safe
def readyz(_request: HttpRequest) -> JsonResponse:
    """Database, migrations and broker: 200 where all of them are well, else 503 that says which is not."""
    parts = {"database": _state("database", _database)}
    # Without a database there is nothing to ask of migrations, and nobody waits for that twice.
    parts["migrations"] = _state("migrations", _migrations) if parts["database"] == "ok" else "unknown"
    parts["broker"] = _state("broker", _broker)
    ready = all(state == "ok" for state in parts.values())
    return JsonResponse({"status": "ready" if ready else "not ready", **parts}, status=200 if ready else 503)


def _state(name: str, check: Callable[[], str]) -> str:
    """What `check` says; where it raises, `away`. What it raised may name hosts and accounts: it goes to the log."""
    try:
        return check()
    except Exception as error:
        logger.warning("The %s is away: %s", name, error)
        return "away"


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return "ok"


def _migrations() -> str:
    executor = MigrationExecutor(connection)
    return "missing" if executor.migration_plan(executor.loader.graph.leaf_nodes()) else "ok"


def _broker() -> str:
    with current_app.connection_for_write(transport_options={"socket_connect_timeout": BROKER_WAIT}) as broker:
        broker.ensure_connection(max_retries=1, interval_start=0)
    return "ok"

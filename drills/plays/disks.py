"""The disk is full, or SQLite is locked by another process: a clear error, no half batch, and on when there is room."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from psycopg import IsolationLevel

from benchmarks.api_load import BASE_DIR, HOST, Installation, free_port, wait_for
from drills.drill import PATIENCE, Drill, Play
from drills.faults import Harm
from drills.judge import verify_spend
from drills.own_list import Fate
from drills.programs import Program, wait_until
from drills.site import STARTS_WITHIN
from drills.traffic import Plan, Promise

MEGABYTES = 16
# Left of the disk when it is full: enough for the beginning of a batch.
LEFT = 64 * 1024
BATCH = 2_000
MAKE = """
from django.utils import timezone
from campaigns.tokens import create_token
brand = Brand.objects.create(name="Small")
campaigns = [Campaign.objects.create(brand=brand, name=f"Small {n}", status="ACTIVE").pk for n in range(5)]
token = create_token("Drill", [Scope.SPEND_WRITE], at=timezone.now(), actor="drill")[1]
result = {"campaigns": campaigns, "token": token, "at": timezone.now().isoformat()}
"""


class NoRoot(Exception):
    """A small disk is made by root alone."""


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A disk of a few megabytes, for as long as the block lasts. Raises NoRoot where it cannot be made."""
    disk = folder / "small"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode:
        raise NoRoot
    try:
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """Nothing more than `LEFT` fits on the disk, for as long as the block lasts."""
    filling = disk / "filling"
    filling.write_bytes(bytes(max(shutil.disk_usage(disk).free - LEFT, 0)))
    try:
        yield
    finally:
        filling.unlink()


def sqlite(play: Play) -> None:
    """A site of its own on SQLite: batches sent while its disk is full, while it is locked, and again after each."""
    with _disk_of(play) as disk:
        if disk is None:
            return
        database = disk / "db.sqlite3"
        environment = play.site.installation.environment | {"DATABASE_URL": f"sqlite:///{database}"}
        installation = Installation(environment)
        installation.manage("migrate", "-v0")
        made: dict[str, Any] = installation.python(MAKE)
        with _served(installation, play.site.folder) as port:
            client = Client(play, made, port, database)
            client.is_recorded("before")
            with full(disk):
                client.is_refused("full", saying="disk is full")
            client.is_recorded("full")
            with closing(sqlite3.connect(database)) as other:
                other.execute("begin immediate")
                client.is_refused("locked", saying="busy")
                other.rollback()
            client.is_recorded("locked")
        verify_spend(installation, play.faults)


@contextmanager
def _served(installation: Installation, folder: Path) -> Iterator[int]:
    port = free_port()
    options = ["--workers", "2", "--threads", "4", "--timeout", "120", "--no-control-socket"]
    command = [sys.executable, "-m", "gunicorn", "ad_agency.wsgi", "--bind", f"{HOST}:{port}", *options]
    web = Program("small-web", command, installation.environment, folder, BASE_DIR)
    web.start()
    try:
        wait_for(port, within=STARTS_WITHIN)
        yield port
    finally:
        web.end()


class Client:
    """Batches of one site on SQLite, each known by its name, and what its file has of them."""

    def __init__(self, play: Play, made: dict[str, Any], port: int, database: Path) -> None:
        self._play = play
        self._made = made
        self._port = port
        self._database = database

    def is_refused(self, name: str, *, saying: str) -> None:
        """Send a batch that cannot be recorded now: a clear error, and nothing of it is there."""
        self._play.breaks()
        status, retry_after, text = self._send(name)
        if status != 503 or not retry_after or saying not in text:
            self._play.faults.add(Harm.ANSWERS, f"SQLite {name}: {status}, Retry-After {retry_after}: {text}")
        there = self._there()
        if half := [reference for reference in there if reference.startswith(f"{name}-")]:
            self._play.faults.add(Harm.HALVES, f"SQLite {name}: {len(half)} entries of a batch that was refused")

    def is_recorded(self, name: str) -> None:
        """Send a batch, perhaps again: each entry of it is there once."""
        status, _, text = self._send(name)
        if status != 200:
            self._play.faults.add(Harm.ANSWERS, f"SQLite {name}: {status} though there is room: {text}")
            return
        there = self._there()
        for reference in (f"{name}-{n}" for n in range(BATCH)):
            if there[reference] != 1:
                harm = Harm.DOUBLED if there[reference] else Harm.LOST
                self._play.faults.add(harm, f"SQLite: {reference} is there {there[reference]} times")
        self._play.acknowledged += BATCH

    def _send(self, name: str) -> tuple[int, str | None, str]:
        entries = [
            {
                "campaign_id": self._made["campaigns"][n % 5],
                "amount": "0.5",
                "timestamp": self._made["at"],
                "reference": f"{name}-{n}",
                "description": "x" * 200,
            }
            for n in range(BATCH)
        ]
        headers = {"Authorization": f"Bearer {self._made['token']}", "Content-Type": "application/json"}
        with closing(http.client.HTTPConnection(HOST, self._port, timeout=120)) as connection:
            connection.request("POST", "/api/v1/spend", json.dumps({"entries": entries}).encode(), headers)
            response = connection.getresponse()
            text = response.read().decode()
            return response.status, response.headers.get("Retry-After"), text[:500]

    def _there(self) -> Counter[str]:
        with closing(sqlite3.connect(f"file:{self._database}?mode=ro", uri=True)) as connection:
            return Counter(reference for (reference,) in connection.execute("select reference from campaigns_spendlog"))


def _refuses_more(play: Play, before: int) -> bool:
    return _told_full(play) > before


def postgresql(play: Play) -> None:
    """The disk with the days is full again and again: batches meet that in their middle, after their entries."""
    with _disk_of(play) as disk:
        if disk is None:
            return
        if user := play.site.postgres.user:
            shutil.chown(disk, user=user)
        disk.parent.chmod(0o711)  # the server's user must reach it
        space = f"small_{play.site.database_name}"
        _manage(play, f"create tablespace {space} location '{disk}'")
        try:
            _manage(play, f"alter table campaigns_dailyspend set tablespace {space}")
            deadline = time.monotonic() + play.seconds
            while time.monotonic() < deadline:
                play.wait_for_progress()
                before = _told_full(play)
                with full(disk), _a_long_look(play):
                    play.breaks()
                    wait_until(partial(_refuses_more, play, before), "Clients are told that it is full", PATIENCE)
                    play.wait(1, 3)
                play.wait_for_progress()
        finally:
            _manage(play, "alter table campaigns_dailyspend set tablespace pg_default")
            _manage(play, f"drop tablespace {space}")
    acknowledged = play.traffic.list.count(Fate.ACKNOWLEDGED)
    play.figures.append(f"told {_told_full(play)} times that it is full, beside {acknowledged:,} entries")


@contextmanager
def _a_long_look(play: Play) -> Iterator[None]:
    """While somebody looks at what was, each change of a day needs new room: the old version's is not free yet."""
    with play.site.connect() as connection:
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        connection.execute("select count(*) from campaigns_dailyspend")
        yield


def _told_full(play: Play) -> int:
    return play.traffic.list.answers["503 full"]


def _manage(play: Play, statement: str) -> None:
    with play.site.connect() as connection:
        connection.autocommit = True
        connection.execute(statement.encode())


@contextmanager
def _disk_of(play: Play) -> Iterator[Path | None]:
    """A small disk, or None and a word in the table where there can be none."""
    try:
        with small_disk(play.site.folder) as disk:
            yield disk
    except NoRoot:
        play.figures.append("NOT PLAYED: a small disk is made by root alone")
        yield None


DRILLS = (
    Drill(
        "disk-full-sqlite",
        "the disk full under SQLite, and SQLite locked by another process",
        sqlite,
        without="transaction",
        harm=Harm.HALVES,
        plan=Plan(writers=0, tasks=False, imports=False, uploads=False, people=False, edits=False),
    ),
    Drill(
        "disk-full-postgres",
        "PostgreSQL's disk full in the middle of batches",
        postgresql,
        without="transaction",
        harm=Harm.COUNTERS,
        plan=Plan(promise=Promise.DONE, pause=0, task_pause=0.05, imports=False, uploads=False),
    ),
)

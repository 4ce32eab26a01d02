"""Reading settings from the environment and `.env`, so that a wrong value stops the start and names its variable."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import environ
from django.core.exceptions import ImproperlyConfigured

from campaigns.currencies import CURRENCIES

BASE_DIR = Path(__file__).resolve().parent.parent

T = TypeVar("T")

_env = environ.Env()
environ.Env.read_env(os.environ.get("ENV_FILE") or BASE_DIR / ".env")


def read(name: str, default: T, parse: Callable[[str], T]) -> T:
    """The variable `name` through `parse`, or `default` where it is unset or empty.

    Raises ImproperlyConfigured, naming the variable, where `parse` raises ValueError.
    """
    raw = _env.str(name, default="").strip()
    if not raw:
        return default
    try:
        return parse(raw)
    except ValueError as error:
        shown = re.sub(r"^(\w[\w+.-]*://)?.*@", r"\1***@", raw)  # no password reaches a log
        raise ImproperlyConfigured(f"{name}={shown!r} is not usable: {error}") from None


def text(name: str, default: str = "") -> str:
    return read(name, default, str)


def flag(name: str, *, default: bool) -> bool:
    """A yes-or-no variable. Anything but the words below is refused: `DEBUG=flase` must not mean a choice."""
    words = {"true": True, "on": True, "yes": True, "1": True, "false": False, "off": False, "no": False, "0": False}

    def parse(raw: str) -> bool:
        if raw.lower() not in words:
            raise ValueError(f"use one of {', '.join(words)}")
        return words[raw.lower()]

    return read(name, default, parse)


def whole_number(name: str, default: int, *, at_least: int = 0) -> int:
    def parse(raw: str) -> int:
        if not (raw.isascii() and raw.isdigit()) or int(raw) < at_least:
            raise ValueError(f"use a whole number of at least {at_least}")
        return int(raw)

    return read(name, default, parse)


def words(name: str) -> list[str]:
    """A list separated by commas."""
    return read(name, [], lambda raw: [word.strip() for word in raw.split(",") if word.strip()])


def time_zone(name: str, default: str) -> str:
    def parse(raw: str) -> str:
        try:
            return ZoneInfo(raw).key
        except Exception as error:  # ZoneInfo raises KeyError, ValueError or OSError, by the kind of nonsense
            raise ValueError("use an IANA name such as Europe/Berlin") from error

    return read(name, default, parse)


def currency(name: str, default: str) -> str:
    def parse(raw: str) -> str:
        if raw not in CURRENCIES:
            raise ValueError("use an ISO 4217 code in use today, such as EUR")
        return raw

    return read(name, default, parse)


def url(name: str, default: str, *, schemes: tuple[str, ...]) -> str:
    def parse(raw: str) -> str:
        if not raw.startswith(tuple(f"{scheme}://" for scheme in schemes)):
            raise ValueError(
                f"use an address that begins with one of {', '.join(f'{scheme}://' for scheme in schemes)}"
            )
        return raw

    return read(name, default, parse)


def _database(raw: str) -> dict[str, Any]:
    try:
        return dict(_env.db_url_config(raw))
    except ValueError:  # which may say what it took for the port, and that may be half a password
        raise ValueError(
            "use postgres://user:password@host:5432/name, where other signs than letters and digits are written as %2F"
        ) from None


def database() -> dict[str, Any]:
    """Django's settings of the one database: `DATABASE_URL`, else `DB_NAME` and its kin (PostgreSQL), else SQLite here.

    SQLite takes its write lock when a transaction begins (IMMEDIATE), so that a read inside it is never stale, and
    waits for another writer; WAL lets readers go on meanwhile. PostgreSQL connections come from psycopg's pool.
    """
    address = url("DATABASE_URL", "", schemes=("postgres", "postgresql", "sqlite"))
    if address:
        config: dict[str, Any] = read("DATABASE_URL", {}, _database)
    elif text("DB_NAME"):
        config = {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": text("DB_NAME"),
            "USER": text("DB_USER"),
            "PASSWORD": text("DB_PASSWORD"),
            "HOST": text("DB_HOST", "localhost"),
            "PORT": whole_number("DB_PORT", 5432, at_least=1),
        }
    else:
        parts = [name for name in ("DB_USER", "DB_PASSWORD", "DB_HOST", "DB_PORT") if text(name)]
        if parts:
            raise ImproperlyConfigured(f"{', '.join(parts)} without DB_NAME: name the database, or leave them all out.")
        config = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(BASE_DIR / "db.sqlite3")}

    options = dict(config.get("OPTIONS", {}))
    if config["ENGINE"] == "django.db.backends.sqlite3":
        options |= {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        }
    else:
        options["pool"] = {
            "min_size": 0,
            "max_size": whole_number("DB_POOL_SIZE", 10, at_least=1),
            "timeout": 5,
            # One attempt at a new connection waits twice as long each time, and all others wait for it: after so many
            # seconds it gives up, and whoever asks next begins anew.
            "reconnect_timeout": 5,
        }
        # A connection that the server has closed is noticed when it is taken out of the pool, not in somebody's work.
        config["CONN_HEALTH_CHECKS"] = True
    return config | {"OPTIONS": options}

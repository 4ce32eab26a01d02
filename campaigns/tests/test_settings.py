"""Settings come from the environment, and a wrong one stops the start and names its variable."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command

BASE_DIR = Path(settings.BASE_DIR)


def started(code: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Start the project in a process of its own, with these variables, and run `code`."""
    return subprocess.run(
        [sys.executable, "-c", f"from django.conf import settings; settings.INSTALLED_APPS\n{code}"],
        env={
            "PATH": os.environ["PATH"],
            "ENV_FILE": os.devnull,
            "DJANGO_SETTINGS_MODULE": "ad_agency.settings",
            **environment,
        },
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DEBUG", "flase"),
        ("SECURE_SSL_REDIRECT", "maybe"),
        ("TIME_ZONE", "Mars/Olympus"),
        ("DEFAULT_CURRENCY", "EURO"),
        ("DEFAULT_CURRENCY", "DEM"),
        ("DATABASE_URL", "mysql://localhost/x"),
        ("DATABASE_URL", "nonsense"),
        ("CELERY_BROKER_URL", "localhost:6379"),
        ("SECURE_HSTS_SECONDS", "-1"),
        ("RESULT_DAYS", "0"),
        ("DB_POOL_SIZE", "many"),
        ("DB_PORT", "5432x"),
    ],
)
def test_a_wrong_value_stops_the_start_and_names_its_variable(variable: str, value: str) -> None:
    base = {"DB_NAME": "x"} if variable.startswith("DB_") else {}

    done = started(**base, **{variable: value})

    assert done.returncode == 1
    assert f"ImproperlyConfigured: {variable}={value!r} is not usable: " in done.stderr


@pytest.mark.parametrize(
    ("variable", "value", "shown"),
    [
        ("DATABASE_URL", "postgres://bob:s3cret@db:99x/x", "postgres://***@db:99x/x"),
        ("DATABASE_URL", "postgres://bob:s3cret/more@db:5432/x", "postgres://***@db:5432/x"),
        ("DATABASE_URL", "bob:s3cret@db/x", "***@db/x"),
        ("CELERY_BROKER_URL", "amqp://bob:s3cret@db", "amqp://***@db"),
    ],
)
def test_a_password_in_a_wrong_address_is_not_shown(variable: str, value: str, shown: str) -> None:
    told = started(**{variable: value}).stderr

    assert f"{variable}={shown!r} is not usable" in told
    assert "s3cret" not in told


def test_parts_of_a_database_without_its_name_are_not_passed_over() -> None:
    assert "DB_USER, DB_HOST without DB_NAME" in started(DB_HOST="db", DB_USER="bob").stderr


def test_a_secret_key_is_required_where_debug_is_off() -> None:
    assert "SECRET_KEY is required when DEBUG is off" in started(DEBUG="false").stderr
    assert started(DEBUG="false", SECRET_KEY="x" * 50).returncode == 0


def test_without_a_word_the_embedded_defaults_are_used() -> None:
    done = started("d = settings.DATABASES['default']; print(d['ENGINE'], settings.TIME_ZONE, settings.DEBUG)")

    assert done.stdout == "django.db.backends.sqlite3 UTC True\n"


@pytest.mark.parametrize(
    "environment",
    [
        {"DATABASE_URL": "postgres://u:p%40ss@db.example:5433/agency"},
        {"DB_NAME": "agency", "DB_USER": "u", "DB_PASSWORD": "p@ss", "DB_HOST": "db.example", "DB_PORT": "5433"},
    ],
)
def test_a_database_is_named_by_its_address_or_by_its_parts(environment: dict[str, str]) -> None:
    parts = ("ENGINE", "NAME", "USER", "PASSWORD", "HOST", "PORT")
    code = f"d = settings.DATABASES['default']; print(*(d[part] for part in {parts}))"

    done = started(code, **environment)

    assert done.stdout == "django.db.backends.postgresql agency u p@ss db.example 5433\n"


def managed(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own, with these variables and no other."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        env={"PATH": os.environ["PATH"], "ENV_FILE": os.devnull, **environment},
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
    )


def checked(**environment: str) -> subprocess.CompletedProcess[str]:
    """What Django's deployment check says of production with these variables."""
    production = {
        "DEBUG": "false",
        "SECRET_KEY": "".join(map(chr, range(40, 126))),
        "ALLOWED_HOSTS": "budget.example",
    }
    return managed("check", "--deploy", "--fail-level", "WARNING", **production, **environment)


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("postgres://nobody@127.0.0.1:1/none", "couldn't get a connection after 5.00 sec"),
        ("sqlite:///:memory:", "no such table: campaigns_brand"),
    ],
)
def test_a_command_whose_database_is_away_or_not_migrated_says_so_in_a_sentence(address: str, why: str) -> None:
    done = managed("check_budgets", DATABASE_URL=address)

    assert done.returncode == 1
    assert f"The database is away or busy, or it is not migrated: {why}. Run the command again" in done.stderr
    assert "Traceback" not in done.stderr


def test_production_settings_pass_django_s_own_deployment_check() -> None:
    done = checked(SECURE_HSTS_SECONDS="31536000", SECURE_HSTS_SUBDOMAINS="true", SECURE_HSTS_PRELOAD="true")

    assert done.returncode == 0, done.stderr


def test_all_that_the_deployment_check_asks_without_them_is_up_to_who_owns_the_domain() -> None:
    told = checked().stderr

    assert re.findall(r"\((\w+\.\w+)\)", told) == ["security.W005", "security.W021"]
    assert ["SECURE_HSTS_INCLUDE_SUBDOMAINS" in told, "SECURE_HSTS_PRELOAD" in told] == [True, True]


def test_every_variable_that_is_read_is_documented_in_env_example() -> None:
    sources = [BASE_DIR / "ad_agency" / name for name in ("settings.py", "environment.py")]
    calls = r"(?:flag|text|words|time_zone|currency|url|whole_number|read)\(\s*\"([A-Z_]+)\""
    read = {name for source in sources for name in re.findall(calls, source.read_text())}
    documented = set(re.findall(r"^#? ?([A-Z_]+)=", (BASE_DIR / "env.example").read_text(), re.MULTILINE))

    assert len(read) > 15
    assert read == documented


@pytest.mark.django_db
def test_the_migrations_are_all_that_the_models_need() -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)

"""The database away or locked while people use the pages: said as that, nothing halfway, and one line in the log."""

from __future__ import annotations

import re

import pytest

from campaigns.tests.conftest import Installation, free_port

PRODUCTION = {"DEBUG": "false", "SECRET_KEY": "k" * 50, "SECURE_SSL_REDIRECT": "false", "ALLOWED_HOSTS": "localhost"}

# Where a view meets it, where a middleware does (which asks who sends a large file), and where somebody logs in.
KNOCKS = """
import logging, io
log = io.StringIO()
logging.getLogger().handlers[0].setStream(log)
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
client = Client(HTTP_HOST="localhost", raise_request_exception=False)
client.cookies["sessionid"] = "s3ssion-s3ssion"
large = SimpleUploadedFile("spend.csv", b"x" * 3_000_000)
login = {"username": "alice", "password": "s3cret-typed"}
answers = [
    client.get("/admin/"),
    client.get("/admin/login/"),
    client.post("/admin/login/", login),
    client.post("/admin/campaigns/spendimport/add/", {"file": large}),
]
result = {
    "answers": [[each.status_code, each.headers.get("Retry-After"), each.content.decode()] for each in answers],
    "log": log.getvalue(),
}
"""


@pytest.mark.processes
def test_while_the_database_is_away_every_page_says_so_and_the_log_in_a_line(installation: Installation) -> None:
    away = f"postgres://user:s3cret@127.0.0.1:{free_port()}/nowhere"
    installation.environment |= {**PRODUCTION, "DATABASE_URL": away}

    done = installation.python(KNOCKS)

    for status, later, page in done["answers"]:
        assert (status, later) == (503, "5")
        assert "The database is away or busy" in page
        assert "Try again in some seconds" in page
    told = re.findall(r" campaigns\.outages: (The database did not answer \S+): .+\n", done["log"])
    assert told == [
        "The database did not answer /admin/",
        "The database did not answer /admin/login/",
        "The database did not answer /admin/login/",
        "The database did not answer /admin/campaigns/spendimport/add/",
    ]
    assert "Traceback" not in done["log"]
    assert "django.request" not in done["log"]
    assert "s3cret" not in str(done)
    assert "s3ssion" not in str(done)


PAUSE_WHILE_LOCKED = """
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from campaigns.tests.factories import CampaignFactory
campaign = CampaignFactory.create(status="ACTIVE")
client = Client(HTTP_HOST="localhost", raise_request_exception=False)
client.force_login(User.objects.create_superuser("alice"))

def pause():
    form = {"action": "pause", "_selected_action": [campaign.pk]}
    answer = client.post("/admin/campaigns/campaign/", form)
    campaign.refresh_from_db()
    return [answer.status_code, answer.headers.get("Retry-After"), "away or busy" in answer.content.decode()]

if connection.vendor == "sqlite":
    import sqlite3
    connection.close()
    connection.settings_dict["OPTIONS"]["timeout"] = 0.1
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
else:
    import psycopg
    connection.cursor().execute("SET lock_timeout = '100ms'")
    other = psycopg.connect(os.environ["DATABASE_URL"])
    other.execute("SELECT 1 FROM campaigns_brand FOR UPDATE")
result = [pause(), campaign.status]
other.rollback()
result += [pause()[0], campaign.status]
"""


def test_an_action_that_finds_the_database_locked_says_so_and_is_done_when_it_is_free(
    installation: Installation,
) -> None:
    installation.environment |= PRODUCTION

    done = installation.python(f"import os\n{PAUSE_WHILE_LOCKED}")

    assert done == [[503, "5", True], "ACTIVE", 302, "PAUSED"]

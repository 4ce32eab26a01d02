"""No room left on the database's disk: said as that, nothing halfway, and on as soon as there is room."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.test import Client
from django.utils import timezone

from campaigns import uploads
from campaigns.ledger import SpendEntry, record_spend
from campaigns.models import Brand, Campaign, SpendLog
from campaigns.outages import is_outage
from campaigns.tests.api import caller
from campaigns.tests.factories import CampaignFactory

# SQLite ends the whole transaction when its disk is full: there can be none around the test.
pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def full_disk(table: str = "campaigns_spendlog") -> Iterator[None]:
    """The database itself says that there is no room for another row, for as long as the block lasts."""
    begin, end = ["PRAGMA max_page_count = 1"], ["PRAGMA max_page_count = 4294967294"]  # at least what it has already
    if connection.vendor == "postgresql":
        says = "'could not extend file \"base/1\": No space left on device' USING ERRCODE = '53100'"
        begin = [
            f"CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE {says}; END $$",
            f"CREATE TRIGGER no_room BEFORE INSERT ON {table} EXECUTE FUNCTION no_room()",
        ]
        end = [f"DROP TRIGGER no_room ON {table}", "DROP FUNCTION no_room"]
    with connection.cursor() as cursor:
        for statement in begin:
            cursor.execute(statement)
        try:
            yield
        finally:
            for statement in end:
                cursor.execute(statement)


def batch(campaign: Campaign) -> list[dict[str, Any]]:
    """More than fits into what the database's file has room for already."""
    now = timezone.now().isoformat()
    return [
        {
            "campaign_id": campaign.pk,
            "amount": "0.5",
            "timestamp": now,
            "reference": f"r-{number}",
            "description": "x" * 500,
        }
        for number in range(2_000)
    ]


def test_a_batch_that_finds_the_disk_full_is_told_so_and_counts_once_when_there_is_room() -> None:
    program, entries = caller(), batch(CampaignFactory.create(status="ACTIVE"))

    with full_disk():
        refused = program.spend(*entries)

    assert refused.status == 503
    assert "disk is full" in refused.body["detail"]
    assert "Make room" in refused.body["detail"]
    assert int(refused.headers["Retry-After"]) > 0
    assert "base/1" not in refused.body["detail"]
    assert not SpendLog.objects.exists()
    assert program.spend(*entries).body["recorded"] == 2_000
    assert SpendLog.objects.count() == 2_000


def test_a_full_disk_is_logged_as_what_a_person_must_mend(caplog: pytest.LogCaptureFixture) -> None:
    program, entries = caller(), batch(CampaignFactory.create(status="ACTIVE"))

    with full_disk():
        program.spend(*entries)

    (record,) = [record for record in caplog.records if "disk is full" in record.message]
    assert record.levelname == "ERROR"


def test_what_breaks_off_while_entries_are_written_is_known_as_an_outage() -> None:
    campaign = CampaignFactory.create(status="ACTIVE")
    now = timezone.now()
    entries = [SpendEntry(campaign.pk, Decimal(1), now, f"r-{number}", "x" * 500) for number in range(2_000)]

    with full_disk(), pytest.raises(Exception, match=r"full|No space") as broken:
        record_spend(entries, at=now)

    assert is_outage(broken.value)


def test_an_import_that_finds_the_disk_full_says_so() -> None:
    campaign = CampaignFactory.create(status="ACTIVE")
    now = timezone.now()
    entries = [SpendEntry(campaign.pk, Decimal(1), now, f"r-{number}", "x" * 500) for number in range(2_000)]

    with full_disk(), pytest.raises(DatabaseError) as broken:
        record_spend(entries, at=now)

    assert uploads.in_words(broken.value) == (
        "It broke off: the database's disk is full. Make room there, then start it again: nothing counts twice."
    )


def test_a_page_that_finds_the_disk_full_says_so_and_saves_when_there_is_room(admin_page: Client) -> None:
    admin_page.raise_request_exception = False
    form = {"name": "Acme", "description": "x" * 2_000_000, "timezone": "UTC", "currency": "EUR", "is_active": "on"}

    with full_disk("campaigns_brand"):
        refused = admin_page.post("/admin/campaigns/brand/add/", form)

    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) > 0
    assert "Somebody must make room" in refused.content.decode()
    assert not Brand.objects.exists()
    assert admin_page.post("/admin/campaigns/brand/add/", form).status_code == 302
    assert Brand.objects.get().name == "Acme"

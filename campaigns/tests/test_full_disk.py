"""No room left on the database's disk: said as that, nothing halfway, and on as soon as there is room."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

import pytest
from django.db import connection
from django.utils import timezone

from campaigns.ledger import SpendEntry, record_spend
from campaigns.outages import is_outage
from campaigns.tests.factories import CampaignFactory

# SQLite ends the whole transaction when its disk is full: there can be none around the test.
pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def full_disk() -> Iterator[None]:
    """The database itself says that there is no room for another entry, for as long as the block lasts."""
    begin, end = ["PRAGMA max_page_count = 1"], ["PRAGMA max_page_count = 4294967294"]  # at least what it has already
    if connection.vendor == "postgresql":
        says = "'could not extend file \"base/1\": No space left on device' USING ERRCODE = '53100'"
        begin = [
            f"CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE {says}; END $$",
            "CREATE TRIGGER no_room BEFORE INSERT ON campaigns_spendlog EXECUTE FUNCTION no_room()",
        ]
        end = ["DROP TRIGGER no_room ON campaigns_spendlog", "DROP FUNCTION no_room"]
    with connection.cursor() as cursor:
        for statement in begin:
            cursor.execute(statement)
        try:
            yield
        finally:
            for statement in end:
                cursor.execute(statement)


def test_what_breaks_off_while_entries_are_written_is_known_as_an_outage() -> None:
    campaign = CampaignFactory.create(status="ACTIVE")
    now = timezone.now()
    entries = [SpendEntry(campaign.pk, Decimal(1), now, f"r-{number}", "x" * 500) for number in range(2_000)]

    with full_disk(), pytest.raises(Exception, match=r"full|No space") as broken:
        record_spend(entries, at=now)

    assert is_outage(broken.value)

"""Statements with places in them: compiled once, and the same as if they were compiled for each instant."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from campaigns import enforcement
from campaigns.bulk import as_one
from campaigns.enforcement import reconcile
from campaigns.holds import Hold
from campaigns.ledger import SpendEntry, record_spend
from campaigns.models import Campaign
from campaigns.periods import local_clock
from campaigns.rules import changing
from campaigns.statements import Place, clock_to_come, readings, statement
from campaigns.tests.factories import BrandFactory, CampaignFactory, ScheduleFactory, utc

pytestmark = pytest.mark.django_db

FRIDAY = utc("2026-11-20 12:00")


@pytest.mark.parametrize("owned", [Hold.ENGINE, Hold.BUDGETS, Hold.DAYPARTING])
def test_one_statement_says_at_every_instant_what_the_rule_says_then(owned: Hold) -> None:
    brands = [BrandFactory.create(timezone=zone) for zone in ("Asia/Tokyo", "America/New_York")]
    campaigns = [CampaignFactory.create(brand=brand, daily_budget=Decimal(5)) for brand in brands for _ in range(2)]
    for campaign in campaigns[::2]:
        ScheduleFactory.create(campaign=campaign, day_of_week=5, start_time="20:00", end_time="03:00")
    record_spend([SpendEntry(campaigns[1].pk, Decimal(5), FRIDAY)], at=FRIDAY)
    CampaignFactory.create(brand=brands[0], status="DRAFT", start_date=FRIDAY.date() + timedelta(days=1))
    ids = list(Campaign.objects.values_list("pk", flat=True))
    zones = [brand.timezone for brand in brands]
    to_come = changing(
        Campaign.objects.filter(pk__among=Place("ids", written=as_one)), [clock_to_come(zone) for zone in zones], owned
    )
    compiled = statement(to_come.order_by("pk").values_list("pk", "due_status", "due_holds"))

    answers = []
    for hours in range(0, 60, 3):
        clocks = [local_clock(zone, FRIDAY + timedelta(hours=hours)) for zone in zones]
        with connection.cursor() as cursor:
            cursor.execute(compiled.sql, compiled.filled({"ids": ids, **readings(clocks)}))
            answers.append(cursor.fetchall())
        afresh = changing(Campaign.objects.filter(pk__among=ids), clocks, owned)
        assert answers[-1] == list(afresh.order_by("pk").values_list("pk", "due_status", "due_holds"))

    assert len({tuple(answer) for answer in answers}) > 1


def test_the_rule_is_put_into_sql_once_for_a_zone_however_often_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = CampaignFactory.create()
    ScheduleFactory.create(campaign=campaign, day_of_week=5, start_time="09:00", end_time="10:00")
    said = []

    def counted(*arguments: Any) -> Any:
        said.append(arguments)
        return changing(*arguments)

    monkeypatch.setattr(enforcement, "changing", counted)
    enforcement._correction.cache_clear()

    changes = [reconcile(at=utc(f"2026-11-20 {hour}:00")) for hour in ("08", "09", "10")]

    assert [(change.paused, change.resumed) for change in changes] == [(1, 0), (0, 1), (1, 0)]
    assert len(said) == 1


def test_a_place_that_nothing_fills_is_an_error() -> None:
    compiled = statement(Campaign.objects.filter(pk__among=Place("ids", written=as_one)))

    with pytest.raises(KeyError, match="ids"):
        compiled.filled({})

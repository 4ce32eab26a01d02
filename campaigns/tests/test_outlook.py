"""Where months stand and end: what is read of the ledger's days for it, and the commands that tell it."""

from __future__ import annotations

import csv
import io
import json
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from campaigns import outlook
from campaigns.enforcement import pause
from campaigns.ledger import DayTotal, SpendEntry, record_spend, set_daily_totals
from campaigns.models import Brand, Campaign
from campaigns.tests.factories import BrandFactory, CampaignFactory, ScheduleFactory, utc

pytestmark = pytest.mark.django_db

NOON = utc("2026-11-21 12:00")


def spend_a_day(campaign: Campaign, amount: str, days: int) -> None:
    """The same amount on each of the last `days` whole days."""
    totals = [DayTotal(campaign.pk, NOON.date() - timedelta(days=n), Decimal(amount)) for n in range(1, days + 1)]
    assert not set_daily_totals(totals, at=NOON).rejected


def of(campaign: Campaign) -> outlook.Outlook:
    campaign = Campaign.objects.select_related("brand").get(pk=campaign.pk)
    return outlook.of_campaigns([campaign], at=NOON)[campaign.pk]


def test_a_campaign_that_spends_the_same_every_day_is_projected_to_go_on() -> None:
    campaign = CampaignFactory.create(monthly_budget=Decimal(3000))
    spend_a_day(campaign, "100", 60)

    seen = of(campaign)

    assert seen.pace is not None
    assert (seen.pace.spent, seen.expected) == (Decimal(2000), Decimal("2050.00"))
    assert seen.projected is not None
    assert seen.interval is not None
    assert abs(seen.projected - 2950) < 60  # half of today is over, and nothing was spent in it
    assert seen.interval[0] <= seen.projected <= seen.interval[1]


def test_what_is_expected_of_hours_counts_open_ones_only() -> None:
    campaign = CampaignFactory.create(monthly_budget=Decimal(3000))
    for weekday in range(1, 6):
        ScheduleFactory.create(campaign=campaign, day_of_week=weekday, start_time="09:00", end_time="17:00")

    seen = of(campaign)

    # November 2026 has 21 working days, and the 21st is a Saturday behind 15 of them.
    assert seen.expected == (Decimal(3000) * 15 / 21).quantize(Decimal("0.01"))


def test_a_window_past_midnight_counts_on_both_of_its_days() -> None:
    campaign = CampaignFactory.create()
    ScheduleFactory.create(campaign=campaign, day_of_week=7, start_time="22:00", end_time="02:30")
    ScheduleFactory.create(campaign=campaign, day_of_week=1, start_time="01:00", end_time="03:00")

    hours = outlook.hours_of_month(list(campaign.schedules.all()), date(2026, 11, 1))

    assert hours[:3] == [Fraction(2), Fraction(3), Fraction(0)]  # a Sunday, a Monday, a Tuesday


@pytest.mark.parametrize("status", ["DRAFT", "COMPLETED"])
def test_what_does_not_run_this_month_has_no_pace(status: str) -> None:
    seen = of(CampaignFactory.create(status=status, monthly_budget=Decimal(10)))
    assert (seen.pace, seen.forecast, seen.expected, seen.days_early) == (None, None, None, 0)


def test_what_a_person_paused_is_not_forecast() -> None:
    campaign = CampaignFactory.create(monthly_budget=Decimal(3000))
    spend_a_day(campaign, "100", 30)
    pause([campaign.pk], at=NOON, actor="test")

    seen = of(campaign)

    assert seen.pace is not None
    assert seen.forecast is None


def test_a_brand_is_seen_by_the_sums_of_its_days_on_its_own_clock() -> None:
    brand = BrandFactory.create(timezone="Pacific/Apia", monthly_budget=Decimal(100), currency="JPY")
    for amount in ("7", "5"):
        campaign = CampaignFactory.create(brand=brand)
        record_spend([SpendEntry(campaign.pk, Decimal(amount), NOON)], at=NOON)

    seen = outlook.of_brands([Brand.objects.get(pk=brand.pk)], at=NOON)[brand.pk]

    assert (seen.today, seen.series.today_spend, seen.currency) == (date(2026, 11, 22), Decimal(12), "JPY")


def test_an_inactive_brand_is_not_forecast() -> None:
    campaign = CampaignFactory.create(brand=BrandFactory.create(is_active=False))
    spend_a_day(campaign, "10", 20)
    assert outlook.of_brands([campaign.brand], at=NOON)[campaign.brand_id].forecast is None


def test_r2_the_agency_is_seen_one_currency_at_a_time() -> None:
    for currency, amount, budget in (("EUR", "10", 100), ("EUR", "20", None), ("USD", "40", 100)):
        campaign = CampaignFactory.create(brand=BrandFactory.create(currency=currency, monthly_budget=budget))
        record_spend([SpendEntry(campaign.pk, Decimal(amount), NOON)], at=NOON)

    seen = outlook.of_agency(Brand.objects.all(), "EUR", ZoneInfo("UTC"), at=NOON)

    assert seen.pace is not None
    assert (seen.pace.spent, seen.pace.budget) == (Decimal(30), Decimal(100))


def test_a_past_day_is_seen_as_it_ended() -> None:
    campaign = CampaignFactory.create(brand=BrandFactory.create(monthly_budget=Decimal(900)))
    spend_a_day(campaign, "10", 20)

    seen = outlook.of_brands([campaign.brand], at=NOON, on=date(2026, 11, 10))[campaign.brand_id]

    assert seen.pace is not None
    assert (seen.today, seen.pace.spent, seen.expected) == (date(2026, 11, 10), Decimal(100), Decimal("300.00"))


def told(name: str, *options: str) -> list[dict[str, Any]]:
    out = io.StringIO()
    call_command(name, "--at", NOON.isoformat(), "--format", "json", *options, stdout=out)
    lines: list[dict[str, Any]] = json.loads(out.getvalue())
    return lines


def test_pacing_tells_brands_and_the_campaigns_of_one_that_is_named() -> None:
    campaign = CampaignFactory.create(monthly_budget=Decimal(3000))
    spend_a_day(campaign, "100", 20)

    assert [line["campaign"] for line in told("pacing")] == [None]
    brand, line = told("pacing", "--brand", campaign.brand.name)
    assert (brand["brand"], brand["budget"], brand["spent"]) == (campaign.brand.name, None, "2000.00")
    assert line == {
        "brand": campaign.brand.name,
        "campaign": campaign.name,
        "currency": "USD",
        "day": "2026-11-21",
        "spent": "2000.00",
        "budget": "3000.00",
        "expected": "2050.00",
        "pace_percent": 98,
        "status": "On track",
        "daily_to_land": "100.00",
    }


def test_forecast_tells_what_the_screens_show() -> None:
    campaign = CampaignFactory.create(monthly_budget=Decimal(2500))
    spend_a_day(campaign, "100", 40)
    seen = of(campaign)

    line = told("forecast", "--brand", campaign.brand.name)[1]

    assert (line["projected"], line["budget_reached_on"]) == (str(seen.projected), "2026-11-26")
    assert [line["low"], line["high"]] == [str(amount) for amount in seen.interval or ()]


def test_a_csv_has_a_line_each_and_exact_amounts() -> None:
    campaign = CampaignFactory.create(brand=BrandFactory.create(currency="KWD"))
    record_spend([SpendEntry(campaign.pk, Decimal("1.234"), NOON)], at=NOON)
    out = io.StringIO()

    call_command("forecast", "--at", NOON.isoformat(), "--format", "csv", stdout=out)

    assert [row["spent"] for row in csv.DictReader(io.StringIO(out.getvalue()))] == ["1.234"]


def test_a_table_has_every_brand() -> None:
    names = [BrandFactory.create().name for _ in range(3)]
    out = io.StringIO()
    call_command("pacing", stdout=out)
    assert all(name in out.getvalue() for name in names)


def test_a_brand_that_is_not_there_is_an_error() -> None:
    with pytest.raises(CommandError, match="There is no brand 'Nobody'"):
        call_command("pacing", "--brand", "Nobody")


def test_many_campaigns_take_as_many_queries_as_one(django_assert_max_num_queries: Any) -> None:
    brand = BrandFactory.create()
    for campaign in CampaignFactory.create_batch(12, brand=brand):
        record_spend([SpendEntry(campaign.pk, Decimal(1), NOON)], at=NOON)
    campaigns = list(Campaign.objects.select_related("brand"))
    assert connection.connection is not None
    with django_assert_max_num_queries(2):
        outlook.of_campaigns(campaigns, at=NOON)

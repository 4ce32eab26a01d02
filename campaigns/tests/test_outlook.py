"""Where months stand and end: what is read of the ledger's days for it, and the commands that tell it."""

from __future__ import annotations

import csv
import io
import json
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from campaigns import outlook
from campaigns.enforcement import complete, pause, reconcile
from campaigns.forecasting import MANY, PORTFOLIO, SMALL_PORTFOLIO, forecast
from campaigns.ledger import DayTotal, SpendEntry, record_spend, set_daily_totals
from campaigns.models import Brand, Campaign
from campaigns.open_days import seconds_of_month
from campaigns.pacing import Month
from campaigns.pacing import Status as PaceStatus
from campaigns.tests.factories import BrandFactory, CampaignFactory, ScheduleFactory, utc

pytestmark = pytest.mark.django_db

NOON = utc("2026-11-21 12:00")
JUST_NOVEMBER = Month(date(2026, 11, 1), date(2026, 11, 30))


def spend_a_day(campaign: Campaign, amount: str, days: int) -> None:
    """The same amount on each of the last `days` whole days."""
    totals = [DayTotal(campaign.pk, NOON.date() - timedelta(days=n), Decimal(amount)) for n in range(1, days + 1)]
    assert not set_daily_totals(totals, at=NOON).rejected


def of(campaign: Campaign, at: datetime = NOON) -> outlook.Outlook:
    campaign = Campaign.objects.select_related("brand").get(pk=campaign.pk)
    return outlook.of_campaigns([campaign], at=at)[campaign.pk]


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

    seconds = seconds_of_month(list(campaign.schedules.all()), date(2026, 11, 1))

    assert seconds[:3] == [2 * 3600, 3 * 3600, 0]  # a Sunday, a Monday, a Tuesday


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


def test_what_is_over_still_tells_what_it_spent_this_month() -> None:
    campaign = CampaignFactory.create(end_date=date(2026, 11, 19), monthly_budget=Decimal(1000))
    spend_a_day(campaign, "10", 5)
    reconcile(at=NOON)
    campaign.refresh_from_db()

    assert campaign.status == "COMPLETED"
    assert of(campaign).spent == Decimal(50)


def test_r12_what_its_total_budget_paused_ends_the_month_where_it_stands() -> None:
    campaign = CampaignFactory.create(total_budget=Decimal(200), monthly_budget=Decimal(900))
    spend_a_day(campaign, "10", 20)
    campaign.refresh_from_db()

    seen = of(campaign)

    assert (campaign.status, seen.spent) == ("PAUSED", Decimal(200))
    assert (seen.projected, seen.interval) == (Decimal(200), (Decimal(200), Decimal(200)))


def test_r12_a_day_that_passed_its_daily_budget_adds_nothing_more_to_the_forecast() -> None:
    campaign = CampaignFactory.create(daily_budget=Decimal(10), end_date=NOON.date())
    spend_a_day(campaign, "10", 20)
    record_spend([SpendEntry(campaign.pk, Decimal(25), NOON)], at=NOON)

    assert of(campaign).projected == Decimal(225)


def test_r12_no_later_day_is_expected_to_pass_the_daily_budget() -> None:
    campaign = CampaignFactory.create(daily_budget=Decimal(4))
    spend_a_day(campaign, "10", 20)
    assert of(campaign).projected == 200 + 10 * 4


def test_a_campaign_of_part_of_the_month_is_expected_on_its_days_only() -> None:
    campaign = CampaignFactory.create(
        start_date=date(2026, 11, 12), end_date=date(2026, 11, 23), monthly_budget=Decimal(1200)
    )
    spend_a_day(campaign, "100", 9)

    seen = of(campaign)

    assert seen.expected == Decimal("950.00")  # nine and a half of its twelve days are over
    assert seen.pace is not None
    assert seen.pace.daily_to_land == Decimal("100.00")


def test_on_its_last_day_a_campaign_may_spend_what_is_left() -> None:
    campaign = CampaignFactory.create(end_date=NOON.date(), monthly_budget=Decimal(2500))
    spend_a_day(campaign, "100", 20)
    record_spend([SpendEntry(campaign.pk, Decimal(50), NOON)], at=NOON)

    seen = of(campaign)

    assert seen.pace is not None
    assert (seen.pace.daily_to_land, seen.days_early) == (Decimal("500.00"), 0)
    assert seen.projected is not None
    assert abs(seen.projected - 2100) < 5


def test_of_a_budget_that_is_spent_to_the_cent_nothing_is_left() -> None:
    campaign = CampaignFactory.create(monthly_budget=Decimal(200))
    spend_a_day(campaign, "10", 20)

    seen = of(campaign)

    assert seen.pace is not None
    assert (seen.pace.status, seen.pace.daily_to_land) == (PaceStatus.AHEAD, Decimal(0))
    assert seen.projected == Decimal(200)
    assert seen.forecast is not None
    assert seen.forecast.budget_day == date(2026, 11, 20)


def test_r9_a_refund_lowers_what_was_spent_and_what_is_projected() -> None:
    campaign = CampaignFactory.create(monthly_budget=Decimal(3000))
    spend_a_day(campaign, "100", 40)
    before = of(campaign)
    record_spend([SpendEntry(campaign.pk, Decimal(-60), NOON - timedelta(days=1), "refund")], at=NOON)

    after = of(campaign)

    assert after.spent == before.spent - 60
    assert after.projected is not None
    assert before.projected is not None
    assert after.projected < before.projected


@pytest.mark.parametrize(("currency", "decimals"), [("JPY", 0), ("KWD", 3)])
def test_r2_projections_have_the_decimals_of_the_currency(currency: str, decimals: int) -> None:
    campaign = CampaignFactory.create(brand=BrandFactory.create(currency=currency), monthly_budget=Decimal(1000))
    spend_a_day(campaign, "7", 33)

    seen = of(campaign)

    shown = [seen.projected, *(seen.interval or ()), seen.expected, seen.pace and seen.pace.daily_to_land]
    assert [-amount.as_tuple().exponent for amount in shown if amount is not None] == [decimals] * 5


def test_r3_a_month_begins_and_ends_with_its_first_and_last_minute_on_the_brands_clock() -> None:
    brand = BrandFactory.create(timezone="America/St_Johns")  # three and a half hours behind UTC in November
    campaign = CampaignFactory.create(brand=brand, monthly_budget=Decimal(3000))

    before, first, last = (
        of(campaign, at=utc(at)) for at in ("2026-11-01 02:29", "2026-11-01 02:31", "2026-12-01 03:29")
    )

    assert (before.today, first.today, last.today) == (date(2026, 10, 31), date(2026, 11, 1), date(2026, 11, 30))
    assert first.expected == Decimal("0.07")  # a minute of the 43,260 of a month whose first day has 25 hours
    assert first.pace is not None
    assert first.pace.status == PaceStatus.ON_TRACK
    assert last.expected == Decimal("2999.93")


def test_february_has_28_days_to_spend_its_budget_on() -> None:
    campaign = CampaignFactory.create(start_date=date(2026, 1, 1), monthly_budget=Decimal(2800))
    seen = of(campaign, at=utc("2026-02-08 00:00"))
    assert seen.expected == Decimal("700.00")
    assert seen.pace is not None
    assert seen.pace.daily_to_land == Decimal("133.33")


@pytest.mark.parametrize(("at", "expected"), [("2026-03-29 00:30", "412.50"), ("2026-03-29 01:30", "462.50")])
def test_r20_on_the_day_on_which_an_hour_is_missing_windows_go_by_the_wall_clock(at: str, expected: str) -> None:
    campaign = CampaignFactory.create(
        brand=BrandFactory.create(timezone="Europe/Berlin"), start_date=date(2026, 3, 1), monthly_budget=Decimal(500)
    )
    ScheduleFactory.create(campaign=campaign, day_of_week=7, start_time="01:00", end_time="05:00")

    # The last of five Sundays: at half past one, and an hour later at half past three.
    assert of(campaign, at=utc(at)).expected == Decimal(expected)


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
    for currency, amount, budget in (("EUR", "10", 100), ("EUR", "20", 60), ("USD", "40", 100)):
        campaign = CampaignFactory.create(brand=BrandFactory.create(currency=currency, monthly_budget=budget))
        record_spend([SpendEntry(campaign.pk, Decimal(amount), NOON)], at=NOON)

    seen = outlook.of_agency(Brand.objects.all(), "EUR", ZoneInfo("UTC"), at=NOON)

    assert seen.pace is not None
    assert (seen.pace.spent, seen.pace.budget) == (Decimal(30), Decimal(160))


def test_an_agency_of_which_a_brand_spends_without_a_budget_has_none_and_is_not_stopped_by_the_others() -> None:
    for budget, amount in ((600, "20"), (None, "100")):
        spend_a_day(CampaignFactory.create(brand=BrandFactory.create(monthly_budget=budget)), amount, 45)
    BrandFactory.create(monthly_budget=None)  # spends nothing

    together = outlook.together(Brand.objects.all(), "USD", NOON.date())
    seen = outlook.of_together(together, "USD", ZoneInfo("UTC"), at=NOON)

    assert together.unplanned == 1
    assert seen.pace is not None
    assert (seen.pace.spent, seen.pace.budget, seen.pace.status) == (Decimal(2400), None, None)
    assert seen.projected is not None
    assert seen.projected > 3000

    Brand.objects.filter(monthly_budget=None).update(monthly_budget=Decimal(9000))
    seen = outlook.of_agency(Brand.objects.all(), "USD", ZoneInfo("UTC"), at=NOON)
    assert seen.pace is not None
    assert seen.pace.budget == Decimal(18_600)


def test_a_campaign_spends_no_more_than_its_brands_month_leaves() -> None:
    brand = BrandFactory.create(monthly_budget=Decimal(900))
    campaign, other = CampaignFactory.create_batch(2, brand=brand)
    spend_a_day(campaign, "20", 45)
    spend_a_day(other, "20", 45)
    assert of(campaign).projected == Decimal(500)  # 400 and all of the 100 that are left

    Brand.objects.update(monthly_budget=Decimal(800))
    reconcile(at=NOON)
    seen = of(campaign)
    assert (seen.spent, seen.projected, seen.interval) == (Decimal(400), Decimal(400), (Decimal(400), Decimal(400)))


def test_a_campaign_spends_no_more_a_day_than_its_brand_may() -> None:
    campaign = CampaignFactory.create(brand=BrandFactory.create(), daily_budget=Decimal(60))
    spend_a_day(campaign, "50", 45)
    Brand.objects.update(daily_budget=Decimal(10))

    seen = of(campaign)

    assert seen.projected is not None
    assert Decimal(1000) < seen.projected <= Decimal(1100)


@pytest.mark.parametrize("ends", ["completed", "paused by a person", "at its total budget"])
def test_a_brand_of_which_nothing_will_run_again_is_not_projected(ends: str) -> None:
    campaign = CampaignFactory.create(brand=BrandFactory.create(monthly_budget=Decimal(3000)))
    spend_a_day(campaign, "10", 45)
    assert outlook.of_brands([campaign.brand], at=NOON)[campaign.brand_id].projected is not None

    if ends == "completed":
        complete([campaign.pk], at=NOON, actor="user:alice")
    elif ends == "paused by a person":
        pause([campaign.pk], at=NOON, actor="user:alice")
    else:
        Campaign.objects.update(total_budget=Decimal(450))
        reconcile(at=NOON)

    seen = outlook.of_brands([campaign.brand], at=NOON)[campaign.brand_id]
    agency = outlook.of_agency(Brand.objects.all(), "USD", ZoneInfo("UTC"), at=NOON)
    assert seen.projected is None
    assert seen.still == (outlook.NOTHING_RUNS if ends == "completed" else "")
    if ends == "completed":
        assert (agency.projected, agency.status) == (None, "Behind")


@pytest.mark.parametrize(("is_active", "status"), [(True, "Nothing runs"), (False, "Switched off")])
def test_pacing_expects_nothing_of_a_brand_that_does_not_run(is_active: bool, status: str) -> None:
    brand = BrandFactory.create(monthly_budget=Decimal(3000), is_active=is_active)
    campaign = CampaignFactory.create(brand=brand)
    spend_a_day(campaign, "10", 20)
    complete([campaign.pk], at=NOON, actor="user:alice")

    line = told("pacing")[0]

    assert (line["status"], line["spent"], line["budget"]) == (status, "200.00", "3000.00")
    assert {line[name] for name in ("expected", "pace_percent", "daily_to_land", "projected")} == {None}


def test_a_brand_that_is_done_has_no_part_in_the_agency() -> None:
    for is_active in (True, False):
        brand = BrandFactory.create(monthly_budget=Decimal(600), is_active=is_active)
        spend_a_day(CampaignFactory.create(brand=brand), "10", 20)

    seen = outlook.of_agency(Brand.objects.all(), "USD", ZoneInfo("UTC"), at=NOON)

    assert seen.pace is not None
    assert (seen.pace.spent, seen.pace.budget) == (Decimal(200), Decimal(600))


def test_an_agency_without_an_active_brand_has_spent_nothing() -> None:
    spend_a_day(CampaignFactory.create(brand=BrandFactory.create(is_active=False)), "10", 20)

    seen = outlook.of_agency(Brand.objects.all(), "USD", ZoneInfo("UTC"), at=NOON)

    assert seen.pace is not None
    assert (seen.pace.spent, seen.pace.budget, seen.forecast) == (Decimal(0), None, None)


def brands_in(*zones: str, currency: str = "USD", is_active: bool = True) -> list[Brand]:
    return [BrandFactory.create(currency=currency, timezone=zone, is_active=is_active) for zone in zones]


def test_r3_the_agencys_month_is_read_on_the_clock_of_most_of_its_brands_by_currency() -> None:
    euros = brands_in("Europe/Rome", "Europe/Berlin", "Europe/Berlin", currency="EUR")
    dollars = brands_in("America/New_York", "UTC", "UTC")
    done = brands_in("Asia/Tokyo", "Asia/Tokyo", "Asia/Tokyo", is_active=False)

    zones = outlook.zones_of([*dollars, *euros, *done])

    assert zones == {"EUR": ZoneInfo("Europe/Berlin"), "USD": ZoneInfo("UTC")}
    assert list(zones) == ["EUR", "USD"]


def test_of_clocks_of_as_many_brands_the_first_by_name_is_the_agencys() -> None:
    assert outlook.zones_of(brands_in("Europe/Rome", "Europe/Berlin")) == {"USD": ZoneInfo("Europe/Berlin")}


def test_a_currency_whose_brands_are_all_done_has_no_clock() -> None:
    assert outlook.zones_of(brands_in("Asia/Tokyo", is_active=False)) == {}


def test_a_brand_of_many_campaigns_is_forecast_otherwise_than_one_of_few() -> None:
    many, few = BrandFactory.create(), BrandFactory.create()
    lumps = [Decimal(90) if n % 9 == 0 else Decimal(40) for n in range(40)]
    for brand, count in ((many, MANY), (few, MANY - 1)):
        first, *others = CampaignFactory.create_batch(count, brand=brand)
        totals = [DayTotal(first.pk, NOON.date() - timedelta(days=n + 1), spend) for n, spend in enumerate(lumps)]
        totals += [DayTotal(other.pk, NOON.date() - timedelta(days=50), Decimal(1)) for other in others]
        assert not set_daily_totals(totals, at=NOON).rejected

    seen = outlook.of_brands([many, few], at=NOON)
    agency = outlook.of_agency(Brand.objects.filter(pk=many.pk), "USD", ZoneInfo("UTC"), at=NOON)

    assert seen[many.pk].forecast == forecast(seen[many.pk].series, JUST_NOVEMBER, habits=PORTFOLIO)
    assert seen[few.pk].forecast == forecast(seen[few.pk].series, JUST_NOVEMBER, habits=SMALL_PORTFOLIO)
    assert seen[many.pk].forecast != seen[few.pk].forecast
    assert agency.forecast == seen[many.pk].forecast


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

    assert [(line["brand"], line["campaign"]) for line in told("pacing")] == [(campaign.brand.name, None), (None, None)]
    brand, line = told("pacing", "--brand", campaign.brand.name)
    assert (brand["brand"], brand["budget"], brand["spent"]) == (campaign.brand.name, None, "2000.00")
    seen = of(campaign)
    low, high = seen.interval or (None, None)
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
        "band_percent": 11,
        "projected": str(seen.projected),
        "low": str(low),
        "high": str(high),
        "budget_reached_on": None,
    }


def test_forecast_tells_what_the_screens_show() -> None:
    campaign = CampaignFactory.create(monthly_budget=Decimal(2500))
    spend_a_day(campaign, "100", 40)
    seen = of(campaign)

    line = told("forecast", "--brand", campaign.brand.name)[1]

    assert (line["projected"], line["budget_reached_on"]) == (str(seen.projected), "2026-11-26")
    assert [line["low"], line["high"]] == [str(amount) for amount in seen.interval or ()]


def test_a_csv_has_a_line_each_for_brands_and_the_agency_with_exact_amounts() -> None:
    campaign = CampaignFactory.create(brand=BrandFactory.create(currency="KWD"))
    record_spend([SpendEntry(campaign.pk, Decimal("1.234"), NOON)], at=NOON)
    out = io.StringIO()

    call_command("forecast", "--at", NOON.isoformat(), "--format", "csv", stdout=out)

    assert [row["spent"] for row in csv.DictReader(io.StringIO(out.getvalue()))] == ["1.234", "1.234"]


def test_without_a_brand_the_commands_end_with_the_agency_by_currency() -> None:
    for currency, zone in (("EUR", "Europe/Berlin"), ("USD", "Pacific/Apia"), ("USD", "Pacific/Apia")):
        brand = BrandFactory.create(currency=currency, timezone=zone, monthly_budget=Decimal(900))
        spend_a_day(CampaignFactory.create(brand=brand), "10", 20)

    lines = told("pacing")[3:]

    assert [(line["brand"], line["currency"], line["day"]) for line in lines] == [
        (None, "EUR", "2026-11-21"),
        (None, "USD", "2026-11-22"),
    ]
    seen = outlook.of_agency(Brand.objects.all(), "USD", ZoneInfo("Pacific/Apia"), at=NOON)
    assert (lines[1]["spent"], lines[1]["budget"]) == ("400.00", "1800.00")
    assert lines[1]["projected"] == told("forecast")[-1]["projected"] == str(seen.projected)


def test_with_a_brand_the_agency_is_not_told() -> None:
    brands = [CampaignFactory.create().brand, CampaignFactory.create().brand]
    assert [line["brand"] for line in told("forecast", "--brand", brands[0].name)] == [brands[0].name] * 2


def test_a_table_says_which_line_is_the_agencys() -> None:
    BrandFactory.create()
    out = io.StringIO()
    call_command("forecast", stdout=out)
    assert "All active brands" in out.getvalue()


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

"""Explanations: why a campaign runs or is held, and what the clock changes next (R21)."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns.enforcement import activate, pause, reconcile
from campaigns.explain import Explanation, explain
from campaigns.ledger import SpendEntry, record_spend
from campaigns.models import Brand, Campaign, DaypartingSchedule
from campaigns.tests.factories import BrandFactory, CampaignFactory, ScheduleFactory, utc
from campaigns.tests.oracle import Counters, Entry, Oracle, OracleBrand, OracleCampaign, Window, first_instant

pytestmark = pytest.mark.django_db

NOON = utc("2026-11-21 12:00")  # a Saturday


def told(campaign: Campaign, at: datetime = NOON) -> Explanation:
    return explain(campaign.pk, at=at)


def spend(campaign: Campaign, amount: str, at: datetime = NOON) -> None:
    record_spend([SpendEntry(campaign.pk, Decimal(amount), at)], at=at)


def test_r21_a_running_campaign_without_hours_or_end_changes_by_no_clock() -> None:
    told_of = told(CampaignFactory.create())

    assert told_of.running
    assert (told_of.holds, told_of.next_change_at, told_of.then) == ([], None, None)
    assert told_of.sentence == "Running."


def test_r21_a_reached_daily_budget_is_told_with_its_numbers_and_ends_at_the_brand_s_midnight() -> None:
    brand = BrandFactory.create(timezone="Europe/Berlin", currency="EUR")
    campaign = CampaignFactory.create(brand=brand, daily_budget=Decimal(120))
    spend(campaign, "121.40")

    told_of = told(campaign)

    assert not told_of.running
    assert [(hold.code, hold.sentence) for hold in told_of.holds] == [
        ("DAILY_BUDGET", "Today's budget of EUR 120.00 is reached (EUR 121.40).")
    ]
    assert (told_of.next_change_at, told_of.then) == (utc("2026-11-21T23:00Z"), "ACTIVE")
    assert told_of.sentence == (
        "Paused: today's budget of EUR 120.00 is reached (EUR 121.40). Resumes tomorrow 00:00 Europe/Berlin."
    )


@pytest.mark.parametrize(
    ("day", "outlook"),
    [
        (6, "Resumes today 15:30 UTC."),
        (7, "Resumes tomorrow 15:30 UTC."),
        (1, "Resumes on Monday 2026-11-23 at 15:30 UTC."),
    ],
)
def test_r21_the_next_change_is_told_as_people_say_it(day: int, outlook: str) -> None:
    campaign = CampaignFactory.create()
    ScheduleFactory.create(campaign=campaign, day_of_week=day, start_time=time(15, 30), end_time=time(17))

    told_of = told(campaign)

    assert (told_of.headline, told_of.outlook) == ("Paused.", outlook)
    assert told_of.sentence == f"Paused: it is 12:00 on Saturday in UTC, outside its hours. {outlook}"


def test_r21_a_draft_starts_and_several_holds_follow_one_another() -> None:
    draft = CampaignFactory.create(status="DRAFT", start_date=date(2026, 11, 22))
    held = CampaignFactory.create(brand=BrandFactory.create(name="Kita", is_active=False))
    pause([held.pk], at=NOON, actor="user:alice")

    assert told(draft).sentence == "Draft. Starts tomorrow 00:00 UTC."
    assert told(held).sentence == "Paused: a person paused it; only a person resumes it. The brand Kita is inactive."


def test_r21_every_hold_has_its_sentence() -> None:
    brand = BrandFactory.create(name="Kita", daily_budget=Decimal(5), monthly_budget=Decimal(6), is_active=False)
    campaign = CampaignFactory.create(
        brand=brand, daily_budget=Decimal(1), monthly_budget=Decimal(2), total_budget=Decimal(3)
    )
    ScheduleFactory.create(campaign=campaign, day_of_week=1)
    spend(campaign, "7")
    pause([campaign.pk], at=NOON, actor="user:alice")

    assert {hold.code: hold.sentence for hold in told(campaign).holds} == {
        "MANUAL": "A person paused it; only a person resumes it.",
        "BRAND_INACTIVE": "The brand Kita is inactive.",
        "DAILY_BUDGET": "Today's budget of USD 1.00 is reached (USD 7.00).",
        "MONTHLY_BUDGET": "This month's budget of USD 2.00 is reached (USD 7.00).",
        "TOTAL_BUDGET": "The total budget of USD 3.00 is reached (USD 7.00).",
        "BRAND_DAILY_BUDGET": "The brand Kita's budget for today of USD 5.00 is reached (USD 7.00).",
        "BRAND_MONTHLY_BUDGET": "The brand Kita's budget for this month of USD 6.00 is reached (USD 7.00).",
        "DAYPARTING": "It is 12:00 on Saturday in UTC, outside its hours.",
    }
    assert told(campaign).next_change_at is None


def test_r21_a_monthly_budget_and_hours_end_at_the_first_window_of_the_next_month() -> None:
    campaign = CampaignFactory.create(monthly_budget=Decimal(10))
    ScheduleFactory.create(campaign=campaign, day_of_week=3, start_time=time(9), end_time=time(17))
    spend(campaign, "10")

    told_of = told(campaign)

    assert (told_of.next_change_at, told_of.then) == (utc("2026-12-02T09:00Z"), "ACTIVE")


def test_r21_a_window_that_the_clock_jumps_over_opens_a_week_later() -> None:
    campaign = CampaignFactory.create(brand=BrandFactory.create(timezone="America/New_York"))
    ScheduleFactory.create(campaign=campaign, day_of_week=7, start_time=time(2, 15), end_time=time(2, 45))

    told_of = told(campaign, utc("2026-03-01T17:00Z"))  # on the 8th there is no 02:15

    assert (told_of.next_change_at, told_of.then) == (utc("2026-03-15T06:15Z"), "ACTIVE")


def test_r21_hours_next_to_each_other_are_one() -> None:
    campaign = CampaignFactory.create()
    for start, end in ((time(9), time(12)), (time(12), time(0))):
        ScheduleFactory.create(campaign=campaign, day_of_week=6, start_time=start, end_time=end)
    ScheduleFactory.create(campaign=campaign, day_of_week=7, start_time=time(0), end_time=time(3))

    told_of = told(campaign, utc("2026-11-21 10:00"))

    assert (told_of.next_change_at, told_of.then) == (utc("2026-11-22T03:00Z"), "PAUSED")


@pytest.mark.parametrize(
    ("fields", "at", "then"),
    [
        ({"status": "DRAFT", "start_date": date(2026, 12, 1)}, "2026-11-30T15:00Z", "ACTIVE"),
        ({"status": "DRAFT", "start_date": None}, None, None),
        ({"end_date": date(2026, 11, 30)}, "2026-11-30T15:00Z", "COMPLETED"),
        ({"status": "PAUSED", "holds": 1, "end_date": date(2026, 11, 30)}, "2026-11-30T15:00Z", "COMPLETED"),
        ({"status": "COMPLETED", "end_date": date(2026, 11, 1)}, None, None),
        ({"end_date": date.max}, None, None),
    ],
)
def test_r21_starts_and_ends_are_told_on_the_brand_s_clock(
    fields: dict[str, Any], at: str | None, then: str | None
) -> None:
    told_of = told(CampaignFactory.create(brand=BrandFactory.create(timezone="Asia/Tokyo"), **fields))

    assert (told_of.next_change_at, told_of.then) == (at and utc(at), then)


def test_r21_a_draft_that_does_not_start_is_told_why() -> None:
    brand = BrandFactory.create(is_active=False)
    waiting = CampaignFactory.create(brand=brand, status="DRAFT", start_date=date(2026, 11, 1))
    undated = CampaignFactory.create(brand=brand, status="DRAFT")

    assert told(waiting).sentence == "Draft. It does not start yet: Brand inactive."
    assert told(undated).sentence == "Draft. It has no start date: a person activates it."


@pytest.mark.parametrize("owner", ["campaign", "brand"])
def test_r21_money_of_a_day_that_had_not_begun_holds_that_day_from_its_first_instant(owner: str) -> None:
    budget = {"daily_budget": Decimal(10)}
    brand = BrandFactory.create(**budget if owner == "brand" else {})
    campaign = CampaignFactory.create(brand=brand, **budget if owner == "campaign" else {})
    ahead = SpendEntry(campaign.pk, Decimal(10), utc("2026-11-22 00:01"))  # by a platform whose clock is
    record_spend([ahead], at=utc("2026-11-21 23:58"))

    before, after = told(campaign, utc("2026-11-21 23:59")), told(campaign, utc("2026-11-22 00:02"))
    reconcile(at=utc("2026-11-22 00:15"))
    ticked = told(campaign, utc("2026-11-22 00:15"))

    assert (before.next_change_at, before.then) == (utc("2026-11-23 00:00"), "ACTIVE")
    assert (after.status, after.holds, after.next_change_at) == (ticked.status, ticked.holds, ticked.next_change_at)
    assert "budget" in after.holds[0].sentence
    assert after.holds[0].sentence.endswith("of USD 10.00 is reached (USD 10.00).")


def test_r21_a_draft_does_not_start_on_a_day_that_is_spent_beforehand() -> None:
    brand = BrandFactory.create(daily_budget=Decimal(10))
    spender = CampaignFactory.create(brand=brand)
    draft = CampaignFactory.create(brand=brand, status="DRAFT", start_date=date(2026, 11, 22))
    ahead = SpendEntry(spender.pk, Decimal(10), utc("2026-11-22 00:01"))
    record_spend([ahead], at=utc("2026-11-21 23:58"))

    told_of = told(draft, utc("2026-11-21 23:59"))

    assert (told_of.status, told_of.next_change_at, told_of.then) == ("DRAFT", utc("2026-11-23 00:00"), "ACTIVE")


def test_r21_what_is_due_and_what_is_recorded_are_told_apart() -> None:
    campaign = CampaignFactory.create()
    ScheduleFactory.create(campaign=campaign, day_of_week=1)

    told_of = told(campaign)

    assert (told_of.status, told_of.recorded_status) == ("PAUSED", "ACTIVE")


def test_a_campaign_that_is_not_there_cannot_be_explained() -> None:
    with pytest.raises(Campaign.DoesNotExist):
        explain(10**9, at=NOON)


ZONES = ["UTC", "America/New_York", "America/Santiago", "Asia/Beirut", "Australia/Lord_Howe", "Asia/Karachi"]
INSTANTS = [
    datetime(2026, 3, 7, 20, tzinfo=UTC),
    datetime(2026, 3, 27, 9, tzinfo=UTC),
    datetime(2026, 9, 4, 3, tzinfo=UTC),
    datetime(2026, 10, 30, 20, tzinfo=UTC),
    datetime(2026, 11, 21, 12, tzinfo=UTC),
]
half_hours = st.integers(0, 47).map(lambda half: time(half // 2, half % 2 * 30))
weekly = st.tuples(st.integers(1, 7), half_hours, half_hours).filter(lambda window: window[1] != window[2])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    zone=st.sampled_from(ZONES),
    at=st.sampled_from(INSTANTS),
    windows=st.lists(weekly, max_size=4, unique=True),
    holds=st.sets(st.sampled_from(["daily", "brand daily", "total", "manual", "inactive"]), max_size=2),
    end_in=st.none() | st.integers(0, 3),
)
def test_r21_the_next_change_is_the_first_that_the_oracle_meets_going_through_the_week(
    zone: str, at: datetime, windows: list[tuple[int, time, time]], holds: set[str], end_in: int | None
) -> None:
    with transaction.atomic():
        brand = BrandFactory.create(timezone=zone)
        brand.refresh_from_db()
        today = at.astimezone(brand.timezone).date()
        end = None if end_in is None else today + timedelta(days=end_in)
        campaign = CampaignFactory.create(brand=brand, status="DRAFT", end_date=end)
        activate([campaign.pk], at=at, actor="test")
        oracle = Oracle()
        oracle.brands[brand.pk] = model_brand = OracleBrand(zone=zone)
        oracle.campaigns[campaign.pk] = model = OracleCampaign(brand=brand.pk, status="ACTIVE", end_date=end)
        spend(campaign, "10", at)
        oracle.record(Entry(campaign.pk, Decimal(10), at), at)
        for weekday, start, stop in windows:
            DaypartingSchedule.objects.create(campaign=campaign, day_of_week=weekday, start_time=start, end_time=stop)
        model.windows = [Window(*window) for window in windows]
        _apply(holds, campaign, model, model_brand)
        if "manual" in holds:
            pause([campaign.pk], at=at, actor="test")
        reconcile(at=at)
        oracle.tick_brand(brand.pk, at, {"BRAND_INACTIVE", "DAYPARTING"} | _all_budgets())

        told_of = told(campaign, at)

        expected = _first_change(oracle, campaign.pk, at)
        assert (told_of.next_change_at, told_of.then) == expected
        transaction.set_rollback(True)


def _all_budgets() -> set[str]:
    return {"DAILY_BUDGET", "MONTHLY_BUDGET", "TOTAL_BUDGET", "BRAND_DAILY_BUDGET", "BRAND_MONTHLY_BUDGET"}


def _apply(holds: set[str], campaign: Campaign, model: OracleCampaign, model_brand: Counters) -> None:
    if "daily" in holds:
        Campaign.objects.filter(pk=campaign.pk).update(daily_budget=Decimal(10))
        model.daily_budget = Decimal(10)
    if "total" in holds:
        Campaign.objects.filter(pk=campaign.pk).update(total_budget=Decimal(10))
        model.total_budget = Decimal(10)
    if "brand daily" in holds:
        Brand.objects.filter(pk=campaign.brand_id).update(daily_budget=Decimal(10))
        model_brand.daily_budget = Decimal(10)
    if "inactive" in holds:
        Brand.objects.filter(pk=campaign.brand_id).update(is_active=False)
        assert isinstance(model_brand, OracleBrand)
        model_brand.active = False
    if "manual" in holds:
        model.status, model.holds = "PAUSED", {"MANUAL"}


def _first_change(oracle: Oracle, campaign_id: int, at: datetime) -> tuple[datetime | None, str | None]:
    """Go through nine days, a quarter of an hour at a time, until the oracle says something else."""
    model = oracle.campaigns[campaign_id]
    zone = oracle.brands[model.brand].zone
    status = model.status
    over = first_instant(zone, model.end_date + timedelta(days=1)) if model.end_date else None
    instant = at
    while instant < at + timedelta(days=9):
        instant += timedelta(minutes=15)
        if over and instant >= over:
            return over, "COMPLETED"
        held = oracle.due(campaign_id, instant) | (model.holds & {"MANUAL"})
        if ("PAUSED" if held else "ACTIVE") != status:
            return instant, "PAUSED" if held else "ACTIVE"
    return None, None

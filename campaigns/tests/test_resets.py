"""Rollovers: each brand's own midnight and month start, late, twice, and over days when clocks change (R14)."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.db import connection

from campaigns import ledger
from campaigns.audit import find_differences
from campaigns.enforcement import pause, reconcile
from campaigns.holds import Hold
from campaigns.ledger import DayTotal, SpendEntry, record_spend
from campaigns.models import Brand, Campaign
from campaigns.periods import day_start, local_date
from campaigns.tests.factories import BrandFactory, CampaignFactory, utc

pytestmark = pytest.mark.django_db

MICROSECOND = timedelta(microseconds=1)


def state(campaign: Campaign) -> tuple[str, list[str]]:
    campaign.refresh_from_db()
    return campaign.status, campaign.hold_set.codes


def spent_up(at: str, zone: str = "UTC", budget: str = "daily_budget") -> Campaign:
    campaign = CampaignFactory.create(brand=BrandFactory.create(timezone=zone), **{budget: Decimal(10)})
    record_spend([SpendEntry(campaign.pk, Decimal(10), utc(at))], at=utc(at))
    assert state(campaign)[0] == "PAUSED"
    return campaign


MIDNIGHTS = [
    # zone, spent at, the instant at which the next local day begins
    ("UTC", "2026-11-21T12:00Z", "2026-11-22T00:00Z"),
    ("Europe/Berlin", "2026-11-21T12:00Z", "2026-11-21T23:00Z"),
    ("America/New_York", "2026-03-07T12:00Z", "2026-03-08T05:00Z"),
    ("America/New_York", "2026-03-08T12:00Z", "2026-03-09T04:00Z"),  # after 23 hours
    ("America/New_York", "2026-11-01T12:00Z", "2026-11-02T05:00Z"),  # after 25 hours
    ("Europe/London", "2026-03-29T12:00Z", "2026-03-29T23:00Z"),
    ("Europe/London", "2026-10-25T12:00Z", "2026-10-26T00:00Z"),
    ("Asia/Karachi", "2008-05-31T12:00Z", "2008-05-31T19:00Z"),  # midnight is skipped
    ("Asia/Karachi", "2008-10-31T12:00Z", "2008-10-31T19:00Z"),  # after 25 hours
    ("America/Santiago", "2026-09-05T12:00Z", "2026-09-06T04:00Z"),  # midnight is skipped
    ("America/Santiago", "2026-04-04T12:00Z", "2026-04-05T04:00Z"),
    ("Asia/Beirut", "2026-03-28T12:00Z", "2026-03-28T22:00Z"),  # midnight is skipped
    ("Asia/Beirut", "2026-10-24T12:00Z", "2026-10-24T22:00Z"),
    ("Australia/Lord_Howe", "2026-10-03T12:00Z", "2026-10-03T13:30Z"),  # half an hour
    ("Australia/Lord_Howe", "2026-04-05T00:00Z", "2026-04-05T13:30Z"),
    ("Pacific/Apia", "2011-12-30T09:00Z", "2011-12-30T10:00Z"),  # a whole date is skipped
    ("UTC", "2024-02-28T12:00Z", "2024-02-29T00:00Z"),
    ("UTC", "2024-02-29T12:00Z", "2024-03-01T00:00Z"),
    ("UTC", "2025-02-28T12:00Z", "2025-03-01T00:00Z"),
]


@pytest.mark.parametrize(("zone", "spent", "midnight"), MIDNIGHTS)
def test_r14_the_daily_counter_restarts_at_the_brand_s_own_midnight_and_not_before(
    zone: str, spent: str, midnight: str
) -> None:
    campaign = spent_up(spent, zone)

    early = reconcile(at=utc(midnight) - MICROSECOND, owned=Hold.DAILY_BUDGETS)
    assert (early.reset, early.resumed) == (0, 0)
    assert state(campaign) == ("PAUSED", ["DAILY_BUDGET"])

    due = reconcile(at=utc(midnight), owned=Hold.DAILY_BUDGETS)
    assert (due.reset, due.resumed) == (2, 1)  # the brand's counter and the campaign's
    assert state(campaign) == ("ACTIVE", [])
    assert (campaign.daily_spend, campaign.total_spend) == (Decimal(0), Decimal(10))
    assert campaign.daily_since == utc(midnight)


@pytest.mark.parametrize(
    ("zone", "spent", "start"),
    [
        ("Europe/Berlin", "2026-01-31T12:00Z", "2026-01-31T23:00Z"),
        ("America/New_York", "2024-02-28T12:00Z", "2024-03-01T05:00Z"),
        ("America/New_York", "2025-02-28T12:00Z", "2025-03-01T05:00Z"),
        ("Asia/Tokyo", "2025-12-31T12:00Z", "2025-12-31T15:00Z"),
        ("Pacific/Apia", "2011-12-29T12:00Z", "2011-12-31T10:00Z"),
        ("Asia/Karachi", "2008-05-31T12:00Z", "2008-05-31T19:00Z"),  # 1 June begins at 01:00
        ("America/New_York", "2026-11-15T12:00Z", "2026-12-01T05:00Z"),
    ],
)
def test_r14_the_monthly_counter_restarts_at_the_brand_s_own_month_start(zone: str, spent: str, start: str) -> None:
    campaign = spent_up(spent, zone, "monthly_budget")

    reconcile(at=utc(start) - MICROSECOND, owned=Hold.MONTHLY_BUDGETS)
    assert state(campaign) == ("PAUSED", ["MONTHLY_BUDGET"])

    reconcile(at=utc(start), owned=Hold.MONTHLY_BUDGETS)
    assert state(campaign) == ("ACTIVE", [])
    assert campaign.monthly_spend == 0
    assert campaign.monthly_since == utc(start)


def test_r14_brands_in_different_zones_reset_at_different_instants() -> None:
    berlin, new_york = spent_up("2026-11-21T12:00Z", "Europe/Berlin"), spent_up("2026-11-21T12:00Z", "America/New_York")

    reconcile(at=utc("2026-11-21T23:00Z"))
    assert (state(berlin)[0], state(new_york)[0]) == ("ACTIVE", "PAUSED")

    reconcile(at=utc("2026-11-22T05:00Z"))
    assert state(new_york)[0] == "ACTIVE"


def test_r14_a_second_tick_changes_nothing_and_an_older_one_never_goes_back() -> None:
    campaign = spent_up("2026-11-21T12:00Z")
    reconcile(at=utc("2026-11-22T00:00Z"))

    assert reconcile(at=utc("2026-11-22T00:00Z")).reset == 0
    reconcile(at=utc("2026-11-20T00:00Z"))
    campaign.refresh_from_db()
    assert campaign.daily_since == utc("2026-11-22T00:00Z")


def test_r14_spend_after_midnight_and_before_the_reset_is_not_lost() -> None:
    campaign = spent_up("2026-11-21T12:00Z")
    # Stamped just after midnight by a platform whose clock runs ahead, and recorded before it.
    record_spend([SpendEntry(campaign.pk, Decimal(3), utc("2026-11-22T00:01Z"))], at=utc("2026-11-21T23:58Z"))

    reconcile(at=utc("2026-11-22T00:15Z"))

    campaign.refresh_from_db()
    assert campaign.daily_spend == 3
    assert Brand.objects.get().daily_spend == 3
    assert list(find_differences()) == []


def test_r14_what_the_ledger_has_of_the_new_day_stays_counted_for_the_brand_too() -> None:
    CampaignFactory.create()  # so that no brand has a campaign's number
    brand = BrandFactory.create()
    CampaignFactory.create()
    campaigns = CampaignFactory.create_batch(2, brand=brand)
    late = utc("2026-11-22T00:10Z")
    record_spend([SpendEntry(each.pk, Decimal(3), late) for each in campaigns], at=late)
    Brand.objects.filter(pk=brand.pk).update(daily_since=utc("2026-11-21T00:00Z"), daily_spend=Decimal(70))

    reconcile(at=late)

    brand.refresh_from_db()
    assert brand.daily_spend == 6
    assert list(find_differences()) == []


def test_r14_spend_of_midnight_itself_counts_in_the_day_that_begins() -> None:
    campaign = spent_up("2026-11-21T12:00Z")
    record_spend([SpendEntry(campaign.pk, Decimal(3), utc("2026-11-22T00:00Z"))], at=utc("2026-11-21T23:58Z"))

    reconcile(at=utc("2026-11-22T00:00Z"))

    campaign.refresh_from_db()
    assert campaign.daily_spend == 3


def test_r14_the_first_spend_of_a_new_day_counts_in_it_though_no_tick_came() -> None:
    campaign = spent_up("2026-11-21T12:00Z")

    receipt = record_spend([SpendEntry(campaign.pk, Decimal(4), utc("2026-11-24T09:00Z"))], at=utc("2026-11-24T09:00Z"))

    assert receipt.paused == []
    assert state(campaign) == ("ACTIVE", [])
    assert campaign.daily_spend == 4


def test_r14_after_days_without_a_worker_one_tick_makes_everything_right() -> None:
    campaign = spent_up("2026-10-29T12:00Z", "America/New_York")
    held = spent_up("2026-10-29T12:00Z", "America/New_York", "total_budget")

    changes = reconcile(at=utc("2026-11-02T12:00Z"))

    assert state(campaign) == ("ACTIVE", [])
    assert state(held) == ("PAUSED", ["TOTAL_BUDGET"])
    assert [campaign.daily_spend, campaign.monthly_spend, campaign.total_spend] == [Decimal(0), Decimal(0), Decimal(10)]
    assert changes.reset == 8
    assert reconcile(at=utc("2026-11-02T12:00Z")).reset == 0


def test_r14_a_late_reset_holds_nobody_back() -> None:
    campaign = spent_up("2026-11-21T12:00Z")

    # The window check owns neither the counter nor the hold; a budget check without its own rollover would hold.
    reconcile(at=utc("2026-11-22T00:00Z"), owned=Hold.DAYPARTING)
    assert state(campaign) == ("PAUSED", ["DAILY_BUDGET"])
    reconcile(at=utc("2026-11-22T00:00Z"), owned=Hold.SPENDING)
    assert state(campaign) == ("ACTIVE", [])


def test_r14_force_restarts_the_period_now() -> None:
    campaign = spent_up("2026-11-21T12:00Z")
    now = utc("2026-11-21T15:00Z")

    forced = reconcile(at=now, owned=Hold.DAILY_BUDGETS, force=True)

    assert (forced.reset, forced.resumed) == (2, 1)
    assert state(campaign) == ("ACTIVE", [])
    assert (campaign.daily_spend, campaign.monthly_spend) == (Decimal(0), Decimal(10))
    assert campaign.daily_since == now
    before = SpendEntry(campaign.pk, Decimal(2), utc("2026-11-21T14:00Z"))
    record_spend([SpendEntry(campaign.pk, Decimal(1), now), before], at=now)
    campaign.refresh_from_db()
    assert campaign.daily_spend == 1
    assert list(find_differences()) == []


def test_r14_r17_a_reset_does_not_resume_what_a_person_paused() -> None:
    campaign = spent_up("2026-11-21T12:00Z", "Europe/Berlin")
    pause([campaign.pk], at=utc("2026-11-21T13:00Z"), actor="user:alice")

    reconcile(at=utc("2026-11-22T12:00Z"))

    assert state(campaign) == ("PAUSED", ["MANUAL"])


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Asia/Kathmandu", "Australia/Eucla", "Pacific/Marquesas"])
def test_r14_a_tick_every_quarter_of_an_hour_in_utc_meets_every_zone_s_midnight(zone: str) -> None:
    start = day_start(ZoneInfo(zone), local_date(ZoneInfo(zone), utc("2026-11-21T12:00Z")))

    assert start.minute % 15 == 0
    assert start.second == 0


def test_r14_yesterday_s_hold_is_lifted_by_the_next_spend_also_behind_what_changed_nothing() -> None:
    campaign = CampaignFactory.create(daily_budget=Decimal(10))
    yesterday = utc("2026-11-20 12:00")
    today = yesterday + timedelta(days=1)
    record_spend([SpendEntry(campaign.pk, Decimal(12), yesterday)], at=yesterday)

    ledger.set_daily_totals([DayTotal(campaign.pk, yesterday.date(), Decimal(12))], at=today)
    record_spend([SpendEntry(campaign.pk, Decimal(-1), today)], at=today)
    record_spend([SpendEntry(campaign.pk, Decimal(1), today)], at=today)

    campaign.refresh_from_db()
    assert (campaign.status, campaign.daily_spend) == ("ACTIVE", Decimal(1))


def test_r14_a_brands_new_day_that_begins_over_its_budget_holds_campaigns_that_are_in_that_day_already() -> None:
    brand = BrandFactory.create(daily_budget=Decimal(10))
    spender = CampaignFactory.create(brand=brand)
    before, after = utc("2026-11-21 23:58"), utc("2026-11-22 00:02")
    # The platform's clock runs three minutes ahead: this is tomorrow's money.
    record_spend([SpendEntry(spender.pk, Decimal(10), utc("2026-11-22 00:01"))], at=before)
    today, month = day_start(brand.timezone, after.date()), day_start(brand.timezone, after.date().replace(day=1))
    already = CampaignFactory.create(brand=brand, daily_since=today, monthly_since=month)

    reconcile(at=after)

    assert state(already) == ("PAUSED", ["BRAND_DAILY_BUDGET"])


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has no such limit")
def test_r14_a_sweep_of_many_zones_is_no_deeper_an_expression_than_one_of_few() -> None:
    zones = ["UTC", *(f"Etc/GMT{shift:+d}" for shift in range(-14, 13) if shift)]
    for zone in zones:
        CampaignFactory.create(brand=BrandFactory.create(timezone=zone))
    kept = connection.connection.getlimit(sqlite3.SQLITE_LIMIT_EXPR_DEPTH)
    connection.connection.setlimit(sqlite3.SQLITE_LIMIT_EXPR_DEPTH, 2 * len(zones))

    try:
        changes = reconcile(at=utc("2026-11-21 12:00"))
    finally:
        connection.connection.setlimit(sqlite3.SQLITE_LIMIT_EXPR_DEPTH, kept)

    assert changes.checked == len(zones)

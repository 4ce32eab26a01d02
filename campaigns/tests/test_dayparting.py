"""Hours: when a campaign may run, on its brand's clock (R20)."""

from __future__ import annotations

from datetime import time, timedelta
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from campaigns.enforcement import reconcile
from campaigns.holds import Hold
from campaigns.ledger import SpendEntry, record_spend
from campaigns.models import Campaign, DaypartingSchedule
from campaigns.tests.factories import BrandFactory, CampaignFactory, utc

pytestmark = pytest.mark.django_db

Window = tuple[int, str, str]


def runs(windows: list[Window], at: str, zone: str = "UTC") -> bool:
    """Whether a campaign with these windows runs at `at` after a check of its hours."""
    campaign = CampaignFactory.create(brand=BrandFactory.create(timezone=zone))
    for day, start, end in windows:
        DaypartingSchedule.objects.create(
            campaign=campaign, day_of_week=day, start_time=time.fromisoformat(start), end_time=time.fromisoformat(end)
        )
    reconcile(at=utc(at), owned=Hold.DAYPARTING)
    campaign.refresh_from_db()
    return campaign.status == "ACTIVE"


# 2026-11-16 is a Monday.
@pytest.mark.parametrize(
    ("windows", "at", "running"),
    [
        ([], "2026-11-16 03:00", True),
        ([(1, "09:00", "17:00")], "2026-11-16 08:59:59.999999", False),
        ([(1, "09:00", "17:00")], "2026-11-16 09:00", True),
        ([(1, "09:00", "17:00")], "2026-11-16 16:59:59.999999", True),
        ([(1, "09:00", "17:00")], "2026-11-16 17:00", False),
        ([(1, "09:00", "17:00")], "2026-11-17 12:00", False),
        ([(1, "22:00", "06:00")], "2026-11-16 21:59", False),
        ([(1, "22:00", "06:00")], "2026-11-16 22:00", True),
        ([(1, "22:00", "06:00")], "2026-11-17 05:59:59", True),
        ([(1, "22:00", "06:00")], "2026-11-17 06:00", False),
        ([(1, "22:00", "06:00")], "2026-11-16 03:00", False),  # that would be Sunday's night
        ([(7, "22:00", "06:00")], "2026-11-16 03:00", True),  # from Sunday into Monday
        ([(7, "22:00", "06:00")], "2026-11-22 23:00", True),
        ([(1, "18:00", "00:00")], "2026-11-16 23:59:59.999999", True),
        ([(1, "18:00", "00:00")], "2026-11-17 00:00", False),
        ([(1, "00:00", "06:00")], "2026-11-16 00:00", True),
        ([(1, "07:00", "10:00"), (1, "17:00", "21:00")], "2026-11-16 09:00", True),
        ([(1, "07:00", "10:00"), (1, "17:00", "21:00")], "2026-11-16 12:00", False),
        ([(1, "07:00", "10:00"), (1, "17:00", "21:00")], "2026-11-16 20:00", True),
        ([(1, "09:00", "12:00"), (1, "12:00", "15:00")], "2026-11-16 12:00", True),
        ([(1, "00:00", "12:00"), (1, "12:00", "00:00")], "2026-11-16 23:30", True),
    ],
)
def test_r20_a_campaign_runs_inside_its_windows_and_only_there(windows: list[Window], at: str, running: bool) -> None:
    assert runs(windows, at) is running


@pytest.mark.parametrize(
    ("zone", "window", "at", "running"),
    [
        # New York springs forward at 02:00: 02:00 to 03:00 does not exist on 2026-03-08, a Sunday.
        ("America/New_York", (7, "02:00", "03:00"), "2026-03-08T06:59:59Z", False),
        ("America/New_York", (7, "02:00", "03:00"), "2026-03-08T07:00:00Z", False),
        ("America/New_York", (7, "02:30", "04:00"), "2026-03-08T07:00:00Z", True),
        # It falls back at 02:00 on 2026-11-01: 01:00 to 02:00 comes twice.
        ("America/New_York", (7, "01:15", "01:45"), "2026-11-01T05:30:00Z", True),
        ("America/New_York", (7, "01:15", "01:45"), "2026-11-01T06:00:00Z", False),
        ("America/New_York", (7, "01:15", "01:45"), "2026-11-01T06:30:00Z", True),
        ("America/New_York", (7, "01:15", "01:45"), "2026-11-01T06:45:00Z", False),
        # London, at 01:00 UTC both ways.
        ("Europe/London", (7, "01:00", "02:00"), "2026-03-29T01:00:00Z", False),
        ("Europe/London", (7, "01:00", "02:00"), "2026-10-25T00:30:00Z", True),
        ("Europe/London", (7, "01:00", "02:00"), "2026-10-25T01:30:00Z", True),
        # Santiago's Sunday begins at 01:00 on 2026-09-06.
        ("America/Santiago", (7, "00:00", "01:00"), "2026-09-06T04:00:00Z", False),
        ("America/Santiago", (6, "23:00", "01:00"), "2026-09-06T03:59:59Z", True),
        ("America/Santiago", (6, "23:00", "01:00"), "2026-09-06T04:00:00Z", False),
        # On 2026-04-04 its 23:00 to 24:00 comes twice.
        ("America/Santiago", (6, "23:00", "00:00"), "2026-04-05T02:30:00Z", True),
        ("America/Santiago", (6, "23:00", "00:00"), "2026-04-05T03:30:00Z", True),
        ("America/Santiago", (6, "23:00", "00:00"), "2026-04-05T04:00:00Z", False),
        # Beirut's Sunday begins at 01:00 on 2026-03-29.
        ("Asia/Beirut", (7, "00:30", "01:30"), "2026-03-28T22:00:00Z", True),
        # Lord Howe moves by half an hour: 02:00 to 02:30 is skipped on 2026-10-04.
        ("Australia/Lord_Howe", (7, "02:00", "02:30"), "2026-10-03T15:30:00Z", False),
        ("Australia/Lord_Howe", (7, "01:30", "02:00"), "2026-04-04T14:45:00Z", True),
        ("Australia/Lord_Howe", (7, "01:30", "02:00"), "2026-04-04T15:15:00Z", True),
        # Apia had no Friday, 2011-12-30.
        ("Pacific/Apia", (5, "00:00", "23:00"), "2011-12-30T12:00:00Z", False),
        ("Pacific/Apia", (6, "00:00", "03:00"), "2011-12-30T10:00:00Z", True),
        # Karachi skipped midnight on 2008-06-01, a Sunday.
        ("Asia/Karachi", (7, "00:30", "02:00"), "2008-05-31T19:00:00Z", True),
    ],
)
def test_r20_on_days_when_clocks_change_the_wall_clock_decides(
    zone: str, window: Window, at: str, running: bool
) -> None:
    assert runs([window], at, zone) is running


def test_r20_a_window_that_is_switched_off_does_not_count() -> None:
    campaign = CampaignFactory.create()
    DaypartingSchedule.objects.create(
        campaign=campaign, day_of_week=1, start_time=time(9), end_time=time(17), is_active=False
    )

    reconcile(at=utc("2026-11-17 12:00"))

    campaign.refresh_from_db()
    assert campaign.status == "ACTIVE"


@pytest.mark.parametrize("moment", ["00:00", "09:00"])
def test_r20_a_window_that_starts_when_it_ends_is_refused_by_form_and_database(moment: str) -> None:
    window = DaypartingSchedule(
        campaign=CampaignFactory.create(),
        day_of_week=1,
        start_time=time.fromisoformat(moment),
        end_time=time.fromisoformat(moment),
    )

    with pytest.raises(ValidationError, match="The window is empty"):
        window.full_clean()
    with pytest.raises(IntegrityError), transaction.atomic():
        window.save()


@pytest.mark.parametrize("owned", [Hold.DAILY_BUDGETS, Hold.SPENDING])
def test_r20_a_reset_at_midnight_starts_nothing_outside_its_hours(owned: Hold) -> None:
    brand = BrandFactory.create(timezone="Europe/Berlin")
    campaign = CampaignFactory.create(brand=brand, daily_budget=Decimal(10))
    for day in range(1, 8):
        DaypartingSchedule.objects.create(campaign=campaign, day_of_week=day, start_time=time(9), end_time=time(0))
    evening = utc("2026-11-20T20:00Z")
    record_spend([SpendEntry(campaign.pk, Decimal(10), evening)], at=evening)

    reconcile(at=utc("2026-11-20T23:00Z"), owned=owned)

    campaign.refresh_from_db()
    assert (campaign.status, campaign.hold_set.codes) == ("PAUSED", ["DAYPARTING"])


def test_r20_a_correction_starts_nothing_outside_its_hours() -> None:
    campaign = CampaignFactory.create(daily_budget=Decimal(10))
    DaypartingSchedule.objects.create(campaign=campaign, day_of_week=1, start_time=time(9), end_time=time(17))
    before, after = utc("2026-11-16 16:58"), utc("2026-11-16 17:01")
    record_spend([SpendEntry(campaign.pk, Decimal(10), before)], at=before)

    record_spend([SpendEntry(campaign.pk, Decimal(-5), before)], at=after)

    campaign.refresh_from_db()
    assert (campaign.status, campaign.hold_set.codes) == ("PAUSED", ["DAYPARTING"])


@pytest.mark.parametrize("day", [0, 8])
def test_days_are_monday_1_to_sunday_7(day: int) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        DaypartingSchedule.objects.create(
            campaign=CampaignFactory.create(), day_of_week=day, start_time=time(9), end_time=time(10)
        )


def test_a_week_of_checks_follows_the_hours_through() -> None:
    campaign = CampaignFactory.create(brand=BrandFactory.create(timezone="Europe/Berlin"))
    for day in range(1, 6):
        DaypartingSchedule.objects.create(campaign=campaign, day_of_week=day, start_time=time(8), end_time=time(18))
    hours = 0
    for step in range(7 * 24):
        reconcile(at=utc("2026-11-16T00:00:00Z") + timedelta(hours=step), owned=Hold.DAYPARTING)
        hours += Campaign.objects.filter(status="ACTIVE").count()

    assert hours == 50

"""Weekly hours as people write them, and the spans of time that they cover."""

from __future__ import annotations

from datetime import time, timedelta
from zoneinfo import ZoneInfo

import pytest

from campaigns.hours import InvalidHours, Window, format_windows, open_spans, parse_windows
from campaigns.models import Campaign
from campaigns.periods import local_clock
from campaigns.rules import judge
from campaigns.tests.factories import BrandFactory, CampaignFactory, ScheduleFactory, utc


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Mon-Fri 08:00-18:00", "Mon-Fri 08:00-18:00"),
        ("monday \N{EN DASH} Wed 8:00 - 18:30; SUN 10:00-14:00", "Mon-Wed 08:00-18:30, Sun 10:00-14:00"),
        ("Sat-Mon 22:00-06:00", "Mon 22:00-06:00, Sat-Sun 22:00-06:00"),
        ("Tue 18:00-24:00", "Tue 18:00-00:00"),
        ("Tue 00:00-24:00", "Tue 00:00-12:00, Tue 12:00-00:00"),
        ("Mon 09:00-10:00, Mon 09:00-10:00,", "Mon 09:00-10:00"),
        ("Mon 09:00-10:00\nTue 09:00:30-10:00", "Mon 09:00-10:00, Tue 09:00:30-10:00"),
        ("always", "always"),
    ],
)
def test_hours_are_read_and_shown_as_people_write_them(text: str, shown: str) -> None:
    windows = parse_windows(text)

    assert format_windows(windows) == shown
    assert parse_windows(shown) == windows


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "No hours are named"),
        (" , ", "No hours are named"),
        ("Mon", "'Mon' names no hours"),
        ("08:00-18:00", "names no hours"),
        ("Mon 25:00-26:00", "25:00 is no time of day"),
        ("Mon 08:60-09:00", "08:60 is no time of day"),
        ("Mon 24:30-09:00", "24:30 is no time of day"),
        ("Foo 08:00-09:00", "'Foo' is no day of the week"),
        ("T 08:00-09:00", "'T' is no day of the week"),
        ("Mon 08:00-08:00", "from and until are the same"),
        ("Mon-Fri 8-18", "names no hours"),
    ],
)
def test_what_names_no_hours_is_refused_with_the_reason(text: str, message: str) -> None:
    with pytest.raises(InvalidHours, match=message):
        parse_windows(text)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("zone", "start"),
    [
        ("Europe/Berlin", "2026-10-24 20:00"),
        ("Europe/Berlin", "2026-03-28 20:00"),
        ("America/Santiago", "2026-09-05 12:00"),
    ],
)
def test_r20_the_spans_that_windows_cover_are_those_in_which_the_rule_lets_run(zone: str, start: str) -> None:
    campaign = CampaignFactory.create(brand=BrandFactory.create(timezone=zone))
    windows = parse_windows("Sat-Sun 22:00-02:30, Sun 03:00-09:15, Mon 00:00-24:00, Sun 23:00-24:00")
    for window in windows:
        ScheduleFactory.create(campaign=campaign, day_of_week=window.day, start_time=window.start, end_time=window.end)
    begin = utc(start)
    end = begin + timedelta(hours=48)

    spans = open_spans(windows, ZoneInfo(zone), begin, end)

    for quarter in range(48 * 4):
        at = begin + quarter * timedelta(minutes=15)
        clock = local_clock(ZoneInfo(zone), at)
        runs = judge(Campaign.objects.filter(pk=campaign.pk), [clock]).get().due_status == "ACTIVE"
        assert runs == any(first <= at < last for first, last in spans), at


def test_without_windows_all_of_the_time_is_covered() -> None:
    begin, end = utc("2026-10-05 00:00"), utc("2026-10-06 00:00")

    assert open_spans((), ZoneInfo("UTC"), begin, end) == [(begin, end)]
    assert open_spans([Window(3, time(8), time(9))], ZoneInfo("UTC"), begin, end) == []

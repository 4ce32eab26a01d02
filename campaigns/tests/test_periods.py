"""Days, months and wall clocks on the days when clocks change (R3, R20)."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.periods import (
    day_start,
    last_second,
    local_clock,
    local_date,
    next_day_start,
    next_month_start,
    wall_changes,
)
from campaigns.tests.factories import utc

MICROSECOND = timedelta(microseconds=1)
CHANGING_ZONES = [
    "America/New_York",
    "Europe/London",
    "Asia/Karachi",
    "America/Santiago",
    "Asia/Beirut",
    "Africa/Cairo",
    "America/Havana",
    "Atlantic/Azores",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "America/St_Johns",
    "Africa/Casablanca",
]


@pytest.mark.parametrize(
    ("zone", "day", "start", "hours"),
    [
        ("America/New_York", "2026-03-08", "2026-03-08T05:00Z", 23),
        ("America/New_York", "2026-11-01", "2026-11-01T04:00Z", 25),
        ("Europe/London", "2026-03-29", "2026-03-29T00:00Z", 23),
        ("Europe/London", "2026-10-25", "2026-10-24T23:00Z", 25),
        ("Asia/Karachi", "2008-06-01", "2008-05-31T19:00Z", 23),  # 00:00 is skipped
        ("Asia/Karachi", "2026-11-21", "2026-11-20T19:00Z", 24),
        ("America/Santiago", "2026-09-06", "2026-09-06T04:00Z", 23),  # 00:00 is skipped
        ("America/Santiago", "2026-04-04", "2026-04-04T03:00Z", 25),
        ("Asia/Beirut", "2026-03-29", "2026-03-28T22:00Z", 23),  # 00:00 is skipped
        ("Asia/Beirut", "2026-10-24", "2026-10-23T21:00Z", 25),
        ("Africa/Cairo", "2026-04-24", "2026-04-23T22:00Z", 23),  # 00:00 is skipped
        ("America/Havana", "2026-03-08", "2026-03-08T05:00Z", 23),  # 00:00 is skipped
        ("America/Havana", "2026-11-01", "2026-11-01T04:00Z", 25),  # 00:00 comes twice: the first one
        ("Atlantic/Azores", "2026-03-29", "2026-03-29T01:00Z", 23),  # 00:00 is skipped
        ("Atlantic/Azores", "2026-10-25", "2026-10-25T00:00Z", 25),  # 00:00 comes twice
        ("Australia/Lord_Howe", "2026-10-04", "2026-10-03T13:30Z", 23.5),
        ("Australia/Lord_Howe", "2026-04-05", "2026-04-04T13:00Z", 24.5),
        ("Pacific/Apia", "2011-12-29", "2011-12-29T10:00Z", 24),
        ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00Z", 0),  # the day that never was
        ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00Z", 24),
        ("America/Toronto", "1919-03-31", "1919-03-31T04:30Z", 23.5),  # a jump from 23:30 over midnight to 00:30
        ("America/St_Johns", "2010-11-07", "2010-11-07T02:30Z", 25),  # back from 00:01 to 23:01
    ],
)
def test_r3_a_day_lasts_from_its_first_instant_to_the_next_day_s(zone: str, day: str, start: str, hours: float) -> None:
    begins = day_start(ZoneInfo(zone), date.fromisoformat(day))
    ends = day_start(ZoneInfo(zone), date.fromisoformat(day) + timedelta(days=1))

    assert begins == utc(start)
    assert ends - begins == timedelta(hours=hours)


@given(
    st.sampled_from(CHANGING_ZONES).map(ZoneInfo),
    st.datetimes(datetime(2000, 1, 2), datetime(2036, 1, 1)).map(lambda naive: naive.replace(tzinfo=UTC)),
)
def test_r3_every_instant_belongs_to_just_the_day_it_lies_in(zone: ZoneInfo, at: datetime) -> None:
    day = local_date(zone, at)

    assert day_start(zone, day) <= at < day_start(zone, day + timedelta(days=1))


@given(st.sampled_from(CHANGING_ZONES).map(ZoneInfo), st.dates(date(2000, 1, 2), date(2035, 12, 31)))
def test_r3_nothing_before_a_day_s_first_instant_shows_its_date(zone: ZoneInfo, day: date) -> None:
    start = day_start(zone, day)

    assert start.astimezone(zone).date() >= day
    assert (start - MICROSECOND).astimezone(zone).date() < day


@pytest.mark.parametrize(
    ("zone", "at", "month", "following"),
    [
        ("Europe/Berlin", "2026-03-31T21:59Z", "2026-02-28T23:00Z", "2026-03-31T22:00Z"),
        ("Europe/Berlin", "2026-03-31T22:00Z", "2026-03-31T22:00Z", "2026-04-30T22:00Z"),
        ("Asia/Tokyo", "2026-12-31T15:00Z", "2026-12-31T15:00Z", "2027-01-31T15:00Z"),
        ("UTC", "2024-02-29T23:59:59Z", "2024-02-01T00:00Z", "2024-03-01T00:00Z"),
        ("UTC", "2025-02-28T23:59:59Z", "2025-02-01T00:00Z", "2025-03-01T00:00Z"),
        ("Pacific/Apia", "2011-12-30T10:00Z", "2011-12-01T10:00Z", "2011-12-31T10:00Z"),
    ],
)
def test_r3_a_month_begins_with_the_first_instant_of_its_first_day(
    zone: str, at: str, month: str, following: str
) -> None:
    assert local_clock(ZoneInfo(zone), utc(at)).month_start == utc(month)
    assert next_month_start(ZoneInfo(zone), utc(at)) == utc(following)


def test_the_29th_of_february_is_a_day_like_any_other() -> None:
    zone = ZoneInfo("America/New_York")

    assert local_date(zone, utc("2024-02-29T05:00Z")) == date(2024, 2, 29)
    assert next_day_start(zone, utc("2024-02-29T12:00Z")) == utc("2024-03-01T05:00Z")
    assert next_day_start(zone, utc("2025-02-28T12:00Z")) == utc("2025-03-01T05:00Z")


def test_the_last_second_of_a_day_is_inside_it_and_a_skipped_date_has_none() -> None:
    assert last_second(ZoneInfo("America/Santiago"), date(2026, 9, 5)) == utc("2026-09-06T03:59:59Z")
    with pytest.raises(ValueError, match="did not exist in Pacific/Apia"):
        last_second(ZoneInfo("Pacific/Apia"), date(2011, 12, 30))


def test_minutes_that_a_clock_repeats_over_midnight_belong_to_the_day_that_had_begun() -> None:
    newfoundland = ZoneInfo("America/St_Johns")  # at 00:01 on 2010-11-07 it went back to 23:01

    assert local_date(newfoundland, utc("2010-11-07T02:30:30Z")) == date(2010, 11, 7)
    assert utc("2010-11-07T02:45Z").astimezone(newfoundland).date() == date(2010, 11, 6)
    assert local_date(newfoundland, utc("2010-11-07T02:45Z")) == date(2010, 11, 7)


def test_a_naive_time_names_no_instant() -> None:
    naive = datetime(2026, 11, 21, 12)  # that is what is tested

    with pytest.raises(ValueError, match="no time zone"):
        local_date(ZoneInfo("UTC"), naive)
    with pytest.raises(ValueError, match="no time zone"):
        local_clock(ZoneInfo("UTC"), naive)


def test_r20_a_time_in_a_repeated_hour_comes_twice_and_the_clock_s_jump_is_a_change_too() -> None:
    changes = wall_changes(
        ZoneInfo("America/New_York"), [time(1, 15)], utc("2026-11-01T04:30Z"), utc("2026-11-01T12:00Z")
    )

    assert list(changes) == [utc("2026-11-01T05:15Z"), utc("2026-11-01T06:00Z"), utc("2026-11-01T06:15Z")]


def test_r20_a_jump_late_in_a_day_of_the_west_is_a_change_of_that_day() -> None:
    # On Saturday at 22:00 in Nuuk, when it is Sunday in UTC already.
    changes = wall_changes(ZoneInfo("America/Nuuk"), [], utc("2022-03-26T12:00Z"), utc("2022-03-27T01:30Z"))
    assert list(changes) == [utc("2022-03-27T01:00Z")]


def test_r20_on_an_ordinary_day_nothing_changes_but_at_midnight_and_the_given_times() -> None:
    changes = wall_changes(ZoneInfo("Europe/Berlin"), [time(9)], utc("2026-11-20T12:00Z"), utc("2026-11-21T12:00Z"))
    assert list(changes) == [utc("2026-11-20T23:00Z"), utc("2026-11-21T08:00Z")]


@given(
    st.sampled_from(CHANGING_ZONES),
    st.sampled_from(["2026-03-07", "2026-03-28", "2026-04-04", "2026-09-05", "2026-10-03", "2026-10-24", "2026-10-31"]),
    st.lists(st.integers(0, 47).map(lambda half: time(half // 2, half % 2 * 30)), min_size=1, max_size=3),
)
def test_r20_between_two_wall_changes_no_window_can_open_or_close(zone: str, day: str, walls: list[time]) -> None:
    after = utc(f"{day} 00:00")
    until = after + timedelta(days=2)
    changes = {after, *wall_changes(ZoneInfo(zone), walls, after, until)}

    def passed(instant: datetime) -> tuple[date, list[bool]]:
        wall = instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        return wall.date(), [wall.time() >= mark for mark in walls]

    instant = after
    while instant < until:
        following = instant + timedelta(minutes=10)
        if following not in changes:
            assert passed(following) == passed(instant)
        instant = following

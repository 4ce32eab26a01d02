"""When something runs: which days of a month, and which hours of a day and of a week, windows leave open (R20).

Of the wall's clock: that a day may be an hour longer or shorter is left to `periods.py` and `hours.py`.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, time, timedelta
from fractions import Fraction

from campaigns.models import Campaign, DaypartingSchedule
from campaigns.pacing import Month, month_of
from campaigns.periods import ONE_DAY, ONE_SECOND, LocalClock


def share_over(windows: Collection[DaypartingSchedule], clock: LocalClock) -> Fraction:
    """Which part of today's open hours, or of today where there are no windows, is over at `clock`."""
    if not windows:
        return Fraction((clock.at - clock.day_start) // ONE_SECOND, (clock.day_end - clock.day_start) // ONE_SECOND)
    stretches = open_stretches(windows)[clock.today.isoweekday()]
    now = _seconds(clock.wall_time)
    whole = sum(end - start for start, end in stretches)
    return Fraction(sum(max(min(end, now) - start, 0) for start, end in stretches), whole) if whole else Fraction(0)


def month_of_campaign(campaign: Campaign, windows: Collection[DaypartingSchedule], day: date) -> Month | None:
    """The days of the calendar month of `day` from its start date to its end date, with their open hours."""
    seconds = seconds_of_month(windows, day) if windows else None
    return month_of(day, starts=campaign.start_date, ends=campaign.end_date, open_seconds=seconds)


def seconds_of_month(windows: Collection[DaypartingSchedule], day: date) -> list[int]:
    """For how long each day of the calendar month of `day` is open, in seconds, on the wall's clock."""
    open_days = {
        weekday: sum(end - start for start, end in stretches) for weekday, stretches in open_stretches(windows).items()
    }
    first = day.replace(day=1)
    length = ((first + timedelta(days=31)).replace(day=1) - first).days
    return [open_days[(first + n * ONE_DAY).isoweekday()] for n in range(length)]


# Seconds of a day, from and until.
Stretch = tuple[int, int]


def open_stretches(windows: Collection[DaypartingSchedule]) -> dict[int, list[Stretch]]:
    """When each day of the week, 1 Monday to 7 Sunday, is inside a window: joined, in order (R20)."""
    days: dict[int, list[Stretch]] = {day: [] for day in range(1, 8)}
    for window in windows:
        start, end = _seconds(window.start_time), _seconds(window.end_time)
        if end > start:
            days[window.day_of_week].append((start, end))
        else:
            days[window.day_of_week].append((start, 24 * 3600))
            if end:
                days[window.day_of_week % 7 + 1].append((0, end))
    return {day: _joined(stretches) for day, stretches in days.items()}


def _joined(stretches: list[Stretch]) -> list[Stretch]:
    joined: list[Stretch] = []
    for start, end in sorted(stretches):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def _seconds(wall_time: time) -> int:
    return wall_time.hour * 3600 + wall_time.minute * 60 + wall_time.second

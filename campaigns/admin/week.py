"""A campaign's week as a grid of 7 x 24 hours: its windows, now, and what today's hours cost. Pure functions.

What a campaign may do is decided by the rule alone; this only shows it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from fractions import Fraction

from campaigns.models import DaypartingSchedule
from campaigns.money import ZERO, format_money
from campaigns.periods import ONE_SECOND, LocalClock

HOUR = 3600
DAY = 24 * HOUR

Stretch = tuple[int, int]  # seconds of a day, from and until


@dataclass(frozen=True, slots=True)
class Cell:
    """An hour of a day of the week."""

    hour: int
    state: str  # open, closed, part
    words: str
    stretches: list[tuple[str, str]]  # of an hour open in part: place and width in minutes
    is_now: bool


@dataclass(frozen=True, slots=True)
class Row:
    number: int  # 1 Monday to 7 Sunday
    name: str
    is_today: bool
    cells: list[Cell]


@dataclass(frozen=True, slots=True)
class SpentHour:
    """What an hour of today cost, in words, and as a bar from the bottom of 20 units."""

    hour: int
    spent: Decimal
    words: str
    top: str
    height: str


@dataclass(frozen=True, slots=True)
class Week:
    rows: list[Row]
    always: bool  # no window restricts it
    now: str
    spent: list[SpentHour] | None  # None: not for this person


def open_stretches(windows: Collection[DaypartingSchedule]) -> dict[int, list[Stretch]]:
    """When each day of the week, 1 Monday to 7 Sunday, is inside a window: joined, in order (R20)."""
    days: dict[int, list[Stretch]] = {day: [] for day in range(1, 8)}
    for window in windows:
        start, end = _seconds(window.start_time), _seconds(window.end_time)
        if end > start:
            days[window.day_of_week].append((start, end))
        else:
            days[window.day_of_week].append((start, DAY))
            if end:
                days[window.day_of_week % 7 + 1].append((0, end))
    return {day: _joined(stretches) for day, stretches in days.items()}


def open_hours(windows: Collection[DaypartingSchedule], day: date) -> Fraction:
    """How many hours of a date the windows are open, on a day without a jump of the clock."""
    stretches = open_stretches(windows)[day.isoweekday()]
    return Fraction(sum(end - start for start, end in stretches), HOUR)


def share_over(windows: Collection[DaypartingSchedule], clock: LocalClock) -> Fraction:
    """Which part of today's open hours, or of today where there are no windows, is over at `clock`."""
    if not windows:
        return Fraction((clock.at - clock.day_start).seconds, (clock.day_end - clock.day_start) // ONE_SECOND)
    stretches = open_stretches(windows)[clock.today.isoweekday()]
    now = _seconds(clock.wall_time)
    whole = sum(end - start for start, end in stretches)
    return Fraction(sum(max(min(end, now) - start, 0) for start, end in stretches), whole) if whole else Fraction(0)


def week_of(
    windows: Collection[DaypartingSchedule],
    clock: LocalClock,
    currency: str,
    spent: Mapping[int, Decimal] | None,
) -> Week:
    """The grid at an instant. `windows` are the active ones; `spent` is today's spend by hour of the wall clock."""
    open_days = open_stretches(windows)
    return Week(
        rows=[
            Row(
                number=day.value,
                name=str(day.label),
                is_today=day.value == clock.today.isoweekday(),
                cells=[_cell(day, hour, open_days[day.value], clock, always=not windows) for hour in range(24)],
            )
            for day in DaypartingSchedule.Day
        ],
        always=not windows,
        now=f"{clock.at.astimezone(clock.zone):%A %H:%M} {clock.zone.key}",
        spent=None if spent is None else _spent_hours(spent, currency),
    )


def _cell(day: DaypartingSchedule.Day, hour: int, stretches: list[Stretch], clock: LocalClock, *, always: bool) -> Cell:
    start = hour * HOUR
    parts = [
        (max(begin, start), min(end, start + HOUR)) for begin, end in stretches if begin < start + HOUR and end > start
    ]
    state = "closed" if not parts else "open" if parts == [(start, start + HOUR)] else "part"
    words = "open" if always else state
    if state == "part":
        words = "open " + ", ".join(f"{_wall(begin)} to {_wall(end)}" for begin, end in parts)
    is_now = (day.value, hour) == (clock.wall_weekday, clock.wall_time.hour)
    return Cell(
        hour=hour,
        state="always" if always else state,
        words=f"{day.label} {_wall(start)} to {_wall(start + HOUR)}: {words}{', now' if is_now else ''}",
        stretches=[(f"{(begin - start) / 60:g}", f"{(end - begin) / 60:g}") for begin, end in parts],
        is_now=is_now,
    )


def _spent_hours(spent: Mapping[int, Decimal], currency: str) -> list[SpentHour]:
    highest = max([*spent.values(), ZERO]) or Decimal(1)
    hours = []
    for hour in range(24):
        amount = spent.get(hour, ZERO)
        height = float(max(amount, ZERO) / highest * 20)
        words = f"{_wall(hour * HOUR)} to {_wall(hour * HOUR + HOUR)}: {format_money(amount, currency)}"
        hours.append(SpentHour(hour, amount, words, f"{20 - height:.1f}", f"{height:.1f}"))
    return hours


def _joined(stretches: list[Stretch]) -> list[Stretch]:
    joined: list[Stretch] = []
    for start, end in sorted(stretches):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def _seconds(wall_time: time) -> int:
    return wall_time.hour * HOUR + wall_time.minute * 60 + wall_time.second


def _wall(seconds: int) -> str:
    return f"{seconds // HOUR % 24:02}:{seconds // 60 % 60:02}"

"""A campaign's week as a grid of 7 x 24 hours: its windows, now, and what today's hours cost. Pure functions.

What a campaign may do is decided by the rule alone; this only shows it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal

from campaigns.models import DaypartingSchedule
from campaigns.money import ZERO, format_money
from campaigns.open_days import Stretch, open_stretches
from campaigns.periods import LocalClock

HOUR = 3600


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


def _wall(seconds: int) -> str:
    return f"{seconds // HOUR % 24:02}:{seconds // 60 % 60:02}"

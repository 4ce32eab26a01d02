"""How a month's spend stands against its budget: pure functions over daily amounts, exact and without a clock.

Everything here is of one currency (R2), in currency units, and on one local calendar (R3). A campaign, a brand and the
agency differ in nothing but the series that is handed in: `added_up` makes one of many.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from fractions import Fraction

from campaigns.currencies import decimals
from campaigns.periods import ONE_DAY

ZERO = Decimal(0)
MICRO = Decimal("0.000001")

A_DAY = 24 * 3600  # seconds

# How far from what is expected spend may be and count as on track: at the start of the month, and at its end.
WIDEST_BAND = Fraction(25, 100)
NARROWEST_BAND = Fraction(5, 100)

# Without spend for this many days on which it should have run, and for longer than it paused before: stopped.
STOPPED_AFTER_DAYS = 3
PAUSES_REMEMBERED_DAYS = 60


@dataclass(frozen=True, slots=True)
class Series:
    """What was spent on each complete local day from `first` on, without gaps; and on the day after them so far.

    A day is complete where its spend is known: one that was not reported yet would look like silence. The day after is
    *today*: `today_spend` was spent on it, and the part `today_over` of it (0 to 1; of its open hours where there are
    windows) is over. Refunds make an amount negative.
    """

    first: date
    amounts: Sequence[Decimal]
    today_spend: Decimal = ZERO
    today_over: Fraction = Fraction(0)

    def __post_init__(self) -> None:
        if not 0 <= self.today_over <= 1:
            raise ValueError(f"{self.today_over} of today cannot be over: give a fraction from 0 to 1.")

    @property
    def today(self) -> date:
        return self.first + timedelta(days=len(self.amounts))

    def spent(self, month: Month) -> Decimal:
        """What all days of the calendar month of `month` have cost so far."""
        return sum((amount for _day, amount in self.spends(month)), ZERO)

    def spends(self, month: Month) -> Iterator[tuple[date, Decimal]]:
        """The days of the calendar month of `month` up to today, and what each has cost."""
        start = month.first.replace(day=1)
        index = max((start - self.first).days, 0)
        day = self.first + timedelta(days=index)
        for amount in (*self.amounts[index : index + 31], self.today_spend):
            if day.month != start.month or day.year != start.year or day > self.today:
                return
            yield day, amount
            day += ONE_DAY


@dataclass(frozen=True, slots=True)
class Month:
    """The days of a month on which something should run: from `first` to `last`, both included.

    `open_seconds` is how long each of them is open where windows restrict them; None is around the clock, all alike.
    """

    first: date
    last: date
    open_seconds: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if (self.first.year, self.first.month) != (self.last.year, self.last.month) or self.first > self.last:
            raise ValueError(f"{self.first} to {self.last} are no days of one month.")
        if self.open_seconds is not None and (len(self.open_seconds) != self.length or min(self.open_seconds) < 0):
            raise ValueError(f"{self.length} days need as many numbers of open seconds, none below zero.")

    @property
    def length(self) -> int:
        return (self.last - self.first).days + 1

    def open_on(self, day: date) -> int:
        """For how many seconds it should run on `day`; 0 outside the month."""
        if not self.first <= day <= self.last:
            return 0
        return A_DAY if self.open_seconds is None else self.open_seconds[(day - self.first).days]

    def elapsed(self, today: date, today_over: Fraction) -> Fraction:
        """The part of the month's open hours that is over, from 0 to 1. A month without any is over from its start."""
        if self.open_seconds is None:
            days_over = min(max((today - self.first).days, 0), self.length)
            return (days_over + (today_over if self.first <= today <= self.last else 0)) / Fraction(self.length)
        total = sum(self.open_seconds)
        if not total:
            return Fraction(1)
        over = sum(self.open_seconds[: max((today - self.first).days, 0)]) + self.open_on(today) * today_over
        return Fraction(over) / total

    def days_left(self, today: date) -> int:
        """The days from `today` on, which counts, on which it should run."""
        start = max((today - self.first).days, 0)
        if self.open_seconds is None:
            return max(self.length - start, 0)
        return sum(seconds > 0 for seconds in self.open_seconds[start:])


def month_of(
    day: date, *, starts: date | None = None, ends: date | None = None, open_seconds: Sequence[int] | None = None
) -> Month | None:
    """The month of `day`, cut to what runs from `starts` to `ends`; None where that is no day of it.

    `open_seconds` are those of all days of the calendar month.
    """
    first = day.replace(day=1)
    last = (first + timedelta(days=31)).replace(day=1) - ONE_DAY
    run_first, run_last = max(first, starts or first), min(last, ends or last)
    if run_first > run_last:
        return None
    if open_seconds is None:
        return Month(run_first, run_last)
    if len(open_seconds) != last.day:
        raise ValueError(f"{first:%B %Y} has {last.day} days, and open seconds are given of {len(open_seconds)}.")
    return Month(run_first, run_last, tuple(open_seconds[run_first.day - 1 : run_last.day]))


def added_up(many: Iterable[Series]) -> Series:
    """The daily sums of series of one currency (R2). Raises ValueError for none, or where their todays differ."""
    series = list(many)
    if not series:
        raise ValueError("No series to add up.")
    if len({(one.today, one.today_over) for one in series}) > 1:
        raise ValueError("Series that end on different days cannot be added up: give each up to the same today.")
    first = min(one.first for one in series)
    amounts = [ZERO] * max(len(one.amounts) for one in series)
    for one in series:
        behind = (one.first - first).days
        for index, amount in enumerate(one.amounts):
            amounts[behind + index] += amount
    return Series(first, amounts, sum((one.today_spend for one in series), ZERO), series[0].today_over)


class Status(enum.StrEnum):
    ON_TRACK = "On track"
    AHEAD = "Ahead"
    BEHIND = "Behind"
    STOPPED = "Stopped"


@dataclass(frozen=True, slots=True)
class Pace:
    """How a month's spend stands at an instant. What needs a budget is None without one."""

    spent: Decimal
    budget: Decimal | None
    expected: Decimal | None  # by now, of the budget; rounded to micros
    ratio: Fraction | None  # spent / expected; None too as long as nothing is expected
    band: Fraction  # on track from 1 - band to 1 + band
    status: Status | None  # None without a budget, unless it stopped
    daily_to_land: Decimal | None  # the daily budget, from today on, that lands on the monthly one; 0: nothing is left


def pace(series: Series, month: Month, *, budget: Decimal | None, currency: str, running: bool = True) -> Pace:
    """The pace of `series` in `month` towards `budget`.

    Expected is the budget spread evenly over the month's days, or over its open hours. Ahead and behind begin a band
    away from it that narrows evenly over the month, from 25% to 5% of what is expected, or of one day's share as long
    as that is more: nobody is behind at one in the morning of the first. Stopped goes before both, and is said of what
    is `running` (nothing holds it) with budget left: see `has_stopped`.
    """
    spent = series.spent(month)
    elapsed = month.elapsed(series.today, series.today_over)
    band = WIDEST_BAND - (WIDEST_BAND - NARROWEST_BAND) * elapsed
    unspent = budget is None or spent < budget
    stopped = running and unspent and month.open_on(series.today) > 0 and has_stopped(series, month)
    if budget is None:
        return Pace(spent, None, None, None, band, Status.STOPPED if stopped else None, None)
    expected = Fraction(budget) * elapsed
    a_day = Fraction(budget) / month.days_left(month.first) if month.days_left(month.first) else Fraction(0)
    ratio = Fraction(spent) / expected if expected else None
    return Pace(
        spent=spent,
        budget=budget,
        expected=_decimal(expected),
        ratio=ratio,
        band=band,
        status=Status.STOPPED if stopped else _status(Fraction(spent), expected, band * max(expected, a_day)),
        daily_to_land=daily_to_land(series, month, budget=budget, currency=currency),
    )


def has_stopped(series: Series, month: Month) -> bool:
    """Whether what should run today has spent nothing for 3 days or more, and for longer than it paused before.

    Today counts where it has spend. Days without open hours do not. Its pauses are those of the 60 days before the
    last spend: what buys once a week has not stopped after five days. What never spent has stopped after 3 days.
    """
    if series.today_spend > 0:
        return False
    quiet, day, index = 0, series.today, len(series.amounts)
    while index and series.amounts[index - 1] <= 0:
        day, index = day - ONE_DAY, index - 1
        # Of months before this one the hours are not known, and every day counts.
        quiet += month.open_on(day) > 0 or (month.first.day == 1 and day < month.first)
    if quiet < STOPPED_AFTER_DAYS:
        return False
    longest = pause = 0
    for amount in series.amounts[max(index - PAUSES_REMEMBERED_DAYS, 0) : index]:
        pause = 0 if amount > 0 else pause + 1
        longest = max(longest, pause)
    return quiet > longest


def daily_to_land(series: Series, month: Month, *, budget: Decimal, currency: str) -> Decimal | None:
    """The daily budget that lands on `budget` if every day from today on spends it; None where no day is left.

    What today has spent already is part of today's; where that is more than its share, the later days share what is
    left. Rounded down to the currency's decimals, so that the budget is never passed; 0 where nothing is left.
    """
    days = month.days_left(series.today)
    if not days:
        return None
    left = budget - series.spent(month)
    today_spend = series.today_spend if month.open_on(series.today) else ZERO
    share = (left + today_spend) / days
    if share < today_spend and days > 1:
        share = left / (days - 1)
    return max(share, ZERO).quantize(Decimal(1).scaleb(-decimals(currency)), ROUND_DOWN)


def _status(spent: Fraction, expected: Fraction, tolerance: Fraction) -> Status:
    if spent > expected + tolerance:
        return Status.AHEAD
    return Status.BEHIND if spent < expected - tolerance else Status.ON_TRACK


def _decimal(exact: Fraction) -> Decimal:
    return (Decimal(exact.numerator) / Decimal(exact.denominator)).quantize(MICRO, ROUND_HALF_EVEN)

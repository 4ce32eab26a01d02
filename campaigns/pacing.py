"""Where a month's spend stands against its budget, and where it will end: pure functions over daily amounts.

Pace is exact: Decimals and fractions of what was spent, budgeted and elapsed. A forecast is an estimate, and floats are
its numbers; `docs/forecast.md` tells how it works, what it was measured on and what did not help.

Everything here is of one currency (R2), in currency units, and on one local calendar (R3). A campaign, a brand and the
agency differ in nothing but the series that are handed in (`added_up` makes one of many) and in the `Habits`.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from statistics import median

from campaigns.currencies import decimals
from campaigns.periods import ONE_DAY

ZERO = Decimal(0)
MICRO = Decimal("0.000001")

# How far from what is expected spend may be and count as on track: at the start of the month, and at its end.
WIDEST_BAND = Fraction(25, 100)
NARROWEST_BAND = Fraction(5, 100)

# Without spend for this many days on which it should have run, and for longer than it paused before: stopped.
STOPPED_AFTER_DAYS = 3
PAUSES_REMEMBERED_DAYS = 60


@dataclass(frozen=True, slots=True)
class Series:
    """What was spent on each complete local day from `first` on, without gaps; and on the day after them so far.

    That day is *today*: `today_spend` was spent on it, and the part `today_over` of it (0 to 1; of its open hours where
    there are windows) is over. Refunds make an amount negative.
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
        """What the days of `month` have cost so far."""
        first = max((month.first - self.first).days, 0)
        behind = max((month.last - self.first).days + 1, 0)
        spent = sum(self.amounts[first:behind], ZERO)
        return spent + self.today_spend if month.first <= self.today <= month.last else spent


@dataclass(frozen=True, slots=True)
class Month:
    """The days of a month on which something should run: from `first` to `last`, both included.

    `hours` are the open hours of each of them where windows restrict them; None is around the clock, every day alike.
    """

    first: date
    last: date
    hours: tuple[Fraction, ...] | None = None

    def __post_init__(self) -> None:
        if (self.first.year, self.first.month) != (self.last.year, self.last.month) or self.first > self.last:
            raise ValueError(f"{self.first} to {self.last} are no days of one month.")
        if self.hours is not None and (len(self.hours) != self.length or min(self.hours) < 0):
            raise ValueError(f"{self.length} days need as many numbers of open hours, none below zero.")

    @property
    def length(self) -> int:
        return (self.last - self.first).days + 1

    def open_hours(self, day: date) -> Fraction:
        """How long it should run on `day`; 0 outside the month."""
        if not self.first <= day <= self.last:
            return Fraction(0)
        return Fraction(24) if self.hours is None else self.hours[(day - self.first).days]

    def elapsed(self, today: date, today_over: Fraction) -> Fraction:
        """The part of the month's open hours that is over, from 0 to 1. A month without any is over from its start."""
        if self.hours is None:
            days_over = min(max((today - self.first).days, 0), self.length)
            return (days_over + (today_over if self.first <= today <= self.last else 0)) / Fraction(self.length)
        total = sum(self.hours)
        if not total:
            return Fraction(1)
        over = sum(self.hours[: max((today - self.first).days, 0)]) + self.open_hours(today) * today_over
        return Fraction(over) / total

    def days_left(self, today: date) -> int:
        """The days from `today` on, which counts, on which it should run."""
        start = max((today - self.first).days, 0)
        return max(self.length - start, 0) if self.hours is None else sum(hours > 0 for hours in self.hours[start:])


def month_of(
    day: date, *, starts: date | None = None, ends: date | None = None, hours: Sequence[Fraction] | None = None
) -> Month | None:
    """The month of `day`, cut to what runs from `starts` to `ends`; None where that is no day of it.

    `hours` are the open hours of all days of the calendar month.
    """
    first = day.replace(day=1)
    last = (first + timedelta(days=31)).replace(day=1) - ONE_DAY
    run_first, run_last = max(first, starts or first), min(last, ends or last)
    if run_first > run_last:
        return None
    if hours is None:
        return Month(run_first, run_last)
    if len(hours) != last.day:
        raise ValueError(f"{first:%B %Y} has {last.day} days, and open hours are given of {len(hours)}.")
    return Month(run_first, run_last, tuple(hours[run_first.day - 1 : run_last.day]))


def added_up(many: Iterable[Series]) -> Series:
    """The daily sums of series of one currency (R2) and one today. Raises ValueError where todays differ, or for none."""
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

    Expected is the budget spread evenly over the month's days, or over its open hours; ahead and behind begin a band away from it
    that narrows evenly over the month, from 25% to 5%. Stopped, which goes before both, is said of what should be
    running (`running`: active, or held by nobody on purpose) with budget left: see `has_stopped`.
    """
    spent = series.spent(month)
    elapsed = month.elapsed(series.today, series.today_over)
    band = WIDEST_BAND - (WIDEST_BAND - NARROWEST_BAND) * elapsed
    unspent = budget is None or spent < budget
    stopped = running and unspent and month.open_hours(series.today) > 0 and has_stopped(series, month)
    if budget is None:
        return Pace(spent, None, None, None, band, Status.STOPPED if stopped else None, None)
    expected = Fraction(budget) * elapsed
    ratio = Fraction(spent) / expected if expected else None
    return Pace(
        spent=spent,
        budget=budget,
        expected=_decimal(expected),
        ratio=ratio,
        band=band,
        status=Status.STOPPED if stopped else _status(Fraction(spent), expected, band),
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
        quiet += month.open_hours(day) > 0 or (month.first.day == 1 and day < month.first)
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
    runs_today = month.open_hours(series.today) > 0
    today_spend = series.today_spend if runs_today else ZERO
    if (left + today_spend) / days < today_spend and days > 1:
        share = left / (days - 1)
    else:
        share = (left + today_spend) / days
    return max(share, ZERO).quantize(Decimal(1).scaleb(-decimals(currency)), ROUND_DOWN)


def _status(spent: Fraction, expected: Fraction, band: Fraction) -> Status:
    if spent > expected * (1 + band):
        return Status.AHEAD
    return Status.BEHIND if spent < expected * (1 - band) else Status.ON_TRACK


def _decimal(exact: Fraction) -> Decimal:
    return (Decimal(exact.numerator) / Decimal(exact.denominator)).quantize(MICRO, ROUND_HALF_EVEN)


@dataclass(frozen=True, slots=True)
class Habits:
    """What is taken for granted of a series before it is looked at. Chosen on backtests: see `docs/forecast.md`."""

    drift: float  # by what share the level moves in a day: the smaller beside the noise, the longer the memory
    lump: float  # a day above this many times the usual one is that, and a lump on top
    lumps: float  # which share of the lumps' average is expected again
    long_run: float  # which share of the level is that of the last two months
    width: float  # so many spreads an interval reaches to either side, until past forecasts teach otherwise
    coverage: float  # the share of months that a learned width covers


# Of ten campaigns with spend in a month, one starts after the forecast, which none can cover: those that can be are
# covered a little more often, so that 80% stands in the middle of both readings.
CAMPAIGN = Habits(drift=0.04, lump=3.0, lumps=0.3, long_run=0.0, width=1.6, coverage=0.84)
# A brand or an agency: many campaigns together drift less than each, and some of them always have a lump.
PORTFOLIO = Habits(drift=0.03, lump=1.3, lumps=1.0, long_run=0.15, width=1.2, coverage=0.80)

PRIOR_FORECASTS = 30  # how many past forecasts weigh as much as the width of the habits
WIDEST = 6.0

PARTS = 0.3  # how much the forecasts of its parts weigh in that of a portfolio
PRIOR_PARTS = 10  # how many past forecasts weigh as much as no bias at all
LEAST_BIAS, MOST_BIAS = 0.7, 1.4

# Nothing older counts, and of days with spend nothing beyond these.
HISTORY_DAYS = 400
REMEMBERED = 90
USUAL_DAYS = 15  # whose median is the usual day
LUMP_HALF_LIFE = 40
LONG_HALF_LIFE = 60
NOISE_HALF_LIFE = 30
NOISE_PRIOR, NOISE_PRIOR_DAYS = 0.2, 4
GAP_HALF_LIFE = 8
SHORTEST_HALF_LIFE, LONGEST_HALF_LIFE = 1.5, 40.0

PROFILE_WEEKS = 10
PROFILE_DOUBT = 1.0
PROFILE_CAP = 3.0
REST_WEEKS = 4  # a weekday is a rest day after so many weeks

WANDERS = 0.04  # how far the mean of the days to come may wander, for each of them
UNSURE = 0.05  # and how far it may be from the level at once

STOP_RATE = 0.02  # how likely a campaign stops for good on any day
ALMOST_CERTAIN = 0.97  # no series spends with more certainty
GONE = 0.15  # a lower probability that it still runs counts as none
SURELY_RUNNING = 0.85  # below it the interval reaches down to no further spend


@dataclass(frozen=True, slots=True)
class Limits:
    """What the system itself keeps spend under; None is no limit."""

    daily_budget: Decimal | None = None
    monthly_budget: Decimal | None = None
    total_left: Decimal | None = None  # of a total budget


@dataclass(frozen=True, slots=True)
class Forecast:
    """Where the month will end, in currency units: `low` to `high` holds it four times out of five."""

    spent: float
    projected: float
    low: float
    high: float
    budget_day: date | None  # on which the monthly budget is, or will be, reached; None: not this month, or no budget
    spread: float  # the standard deviation of what is still to come, as a share of it; infinite where none is expected
    surely_running: bool  # else `low` is what was spent already

    @property
    def rest(self) -> float:
        """What is still to come."""
        return self.projected - self.spent

    def widths_off(self, actual: float) -> float:
        """How many spreads from the projection the month ended: what `learned_width` learns from."""
        rest, came = self.rest, actual - self.spent
        if rest <= 0:
            return 0.0 if math.isclose(came, rest, abs_tol=0.005) else math.inf
        if not self.surely_running and came <= rest:
            return 0.0
        return abs(came - rest) / rest / self.spread


def forecast(
    series: Series,
    month: Month,
    *,
    limits: Limits = Limits(),  # noqa: B008 (it is frozen)
    habits: Habits = CAMPAIGN,
    width: float | None = None,
    parts_rest: float | None = None,
) -> Forecast:
    """Where `month`, this one or a later one, will end for `series`; a past one ended where it ended.

    Of the days still to come only those of `month` count, each up to its open hours; `limits` cap them as the system does.
    `parts_rest` is what the parts of a portfolio are expected to spend in the rest of the month: the sum of their
    `rest`, times the `learned_bias`.
    Nothing but the series is asked whether it still runs: end a campaign's month on its last day. Its last 400 days are
    enough.
    """
    spent = float(series.spent(month))
    days = _days_to_come(series, month)
    outlook = _outlook(series, habits)
    if outlook is None or not days:
        return Forecast(spent, spent, spent, spent, _day_reached(series, month, limits, []), math.inf, False)
    parts = [(day, part * outlook.profile[day.weekday()]) for day, part in days]
    ahead = sum(part for _day, part in parts)
    expected = outlook.running * outlook.rate
    if parts_rest is not None:
        expected += PARTS * (parts_rest / ahead - expected)
    width = habits.width if width is None else width
    surely_running = outlook.running >= SURELY_RUNNING
    spread = outlook.spread(ahead)
    rests = [
        _capped(parts, rate, series, limits, spent)
        for rate in (
            expected * max(0.0, 1 - width * spread) if surely_running else 0.0,
            expected,
            expected * (1 + width * spread),
        )
    ]
    low, projected, high = (spent + rest for rest in rests)
    path = [(day, expected * part) for day, part in parts]
    reached = _day_reached(series, month, limits, path)
    return Forecast(spent, projected, low, high, reached, spread if rests[1] > 0 else math.inf, surely_running)


def learned_width(widths_off: Iterable[float], habits: Habits) -> float:
    """How wide intervals must be for these series, by what earlier forecasts of theirs were off (conformal).

    Give `Forecast.widths_off` of months that have ended and had spend, of this day of the month or of all, of campaigns
    or of portfolios. With few of them it stays near that of the habits.
    """
    off = sorted(widths_off)
    if not off:
        return habits.width
    quantile = off[min(math.ceil(habits.coverage * (len(off) + 1)), len(off)) - 1]
    # Where that is beyond all measure, the misses are no matter of width: what was stopped has started again.
    return (PRIOR_FORECASTS * habits.width + len(off) * min(quantile, WIDEST)) / (PRIOR_FORECASTS + len(off))


def learned_bias(earlier: Iterable[tuple[float, float]]) -> float:
    """What to multiply the parts' rest by, from pairs of it and of what came, of earlier forecasts of a portfolio.

    Campaigns that nobody knows of yet belong to no part: an agency that starts many has a bias above 1.
    """
    pairs = list(earlier)
    expected, came = sum(pair[0] for pair in pairs), sum(pair[1] for pair in pairs)
    if expected <= 0:
        return 1.0
    prior = PRIOR_PARTS / len(pairs) * expected
    return min(max((came + prior) / (expected + prior), LEAST_BIAS), MOST_BIAS)


@dataclass(frozen=True, slots=True)
class _Outlook:
    """What a series promises for a day to come."""

    rate: float  # of a usual day, if it still runs
    running: float  # the probability that it does
    profile: list[float]  # by weekday from Monday, 1 on average; 0 on rest days
    noise: float  # of a day with spend, as a share of the level
    lumpiness: float  # the mean square of what is above the usual, as a share of the level's
    activity: float  # the share of days with spend
    half_life: float
    days_seen: int

    def spread(self, days: float) -> float:
        """The standard deviation, as a share, of what `days` usual ones will spend."""
        a_day = self.noise**2 + self.lumpiness + 1 - self.activity
        level = self.noise**2 / (2 * self.half_life) + 0.5 / self.days_seen + UNSURE**2
        return math.sqrt(a_day / (days * self.activity) + WANDERS**2 * days + level)


def _outlook(series: Series, habits: Habits) -> _Outlook | None:
    """None where nothing was ever spent: nothing can be said then."""
    amounts = [max(float(amount), 0.0) for amount in series.amounts[-HISTORY_DAYS:]]
    start = next((index for index, amount in enumerate(amounts) if amount), len(amounts))
    amounts = amounts[start:]
    today_spend, today_over = float(series.today_spend), float(series.today_over)
    if not amounts:
        if today_spend <= 0 or not today_over:
            return None
        amounts = [today_spend / today_over]  # the best guess of its first day
        today_spend = 0.0
    weekday = series.today.weekday()  # of the day after the last
    profile = _profile(amounts, weekday)
    weekdays = [(weekday - back) % 7 for back in range(1, len(amounts) + 1)]  # newest first, as all that follows
    worked = [(amount, profile[day]) for amount, day in zip(reversed(amounts), weekdays, strict=True) if profile[day]]
    spends, gaps, quiet = _spends_and_gaps(worked)
    if not spends:
        return None
    usual = habits.lump * median(spends[:USUAL_DAYS]) if len(spends) > 2 else math.inf
    smooth = [min(spend, usual) for spend in spends]
    noise = _noise(smooth)
    half_life = min(max(math.log(2) * noise / habits.drift, SHORTEST_HALF_LIFE), LONGEST_HALF_LIFE)
    level = _recent_mean(smooth, half_life)
    lumps = [spend - kept for spend, kept in zip(spends, smooth, strict=True)]
    lumpiness = _recent_mean([lump * lump for lump in lumps], LUMP_HALF_LIFE)
    level += habits.lumps * _recent_mean(lumps, LUMP_HALF_LIFE)
    if habits.long_run:
        level += habits.long_run * (_recent_mean(spends, LONG_HALF_LIFE) - level)
    activity, certainty = _activity(gaps)
    return _Outlook(
        rate=level * activity,
        running=1.0 if today_spend > 0 else _still_running(certainty, quiet),
        profile=profile,
        noise=noise,
        lumpiness=lumpiness / level**2,
        activity=certainty,
        half_life=half_life,
        days_seen=len(spends),
    )


def _profile(amounts: list[float], weekday: int) -> list[float]:
    """How each weekday compares to the average one, drawn towards 1; 0 for those on which it never runs.

    Learned from whole weeks with spend on all days but rest days; `weekday` is that of the day after the last.
    """
    weeks = [
        amounts[end - 7 : end] for end in range(len(amounts), max(len(amounts) - 7 * PROFILE_WEEKS, 0), -7) if end >= 7
    ]
    seen = [sum(week[day] > 0 for week in weeks) for day in range(7)]
    work = [day for day in range(7) if seen[day]]
    if len(weeks) < REST_WEEKS or not work or sum(seen) < 0.8 * len(weeks) * len(work):
        work = list(range(7))
    whole = [week for week in weeks if all(week[day] > 0 for day in work)]
    flat = [float(day in work) for day in range(7)]
    shares = flat if len(whole) < 2 else _drawn_to_flat([[week[day] for day in work] for week in whole], work, flat)
    return [shares[(day - weekday) % 7] for day in range(7)]


def _drawn_to_flat(weeks: list[list[float]], work: list[int], flat: list[float]) -> list[float]:
    """The mean week, drawn towards a flat one as far as the weeks differ among themselves (James and Stein)."""
    shares = [[min(spend * len(week) / sum(week), PROFILE_CAP) for spend in week] for week in weeks]
    means = [sum(days) / len(weeks) for days in zip(*shares, strict=True)]
    scale = len(means) / sum(means)
    within = sum((share - mean) ** 2 for week in shares for share, mean in zip(week, means, strict=True))
    between = sum((mean * scale - 1) ** 2 for mean in means)
    if not between:
        return flat
    chance = within / (len(weeks) * (len(weeks) - 1))  # how much of `between` chance alone would give
    trust = max(0.0, 1 - PROFILE_DOUBT * chance / between)
    profile = flat.copy()
    for day, mean in zip(work, means, strict=True):
        profile[day] = 1 + trust * (mean * scale - 1)
    return profile


def _spends_and_gaps(worked: Iterable[tuple[float, float]]) -> tuple[list[float], list[int], int]:
    """Spend of the days that have some, as of an average weekday; the days from each to the next; and since the last."""
    spends: list[float] = []
    gaps: list[int] = []
    quiet = gap = 0
    for amount, share in worked:
        if not amount:
            gap += 1
            continue
        if spends:
            gaps.append(gap + 1)
        else:
            quiet = gap
        spends.append(amount / share)
        gap = 0
        if len(spends) == REMEMBERED:
            break
    return spends, gaps, quiet


def _noise(spends: list[float]) -> float:
    """How much a day differs from the next, as a standard deviation and a share of the level."""
    scale = sum(spends[:NOISE_HALF_LIFE]) / len(spends[:NOISE_HALF_LIFE])
    base = NOISE_PRIOR_DAYS * scale
    moved = NOISE_PRIOR * base
    fade, weight = 0.5 ** (1 / NOISE_HALF_LIFE), 1.0
    for newer, older in zip(spends, spends[1:], strict=False):
        # sqrt(pi) / 2: the mean absolute difference of two normal days, as their standard deviation
        moved += weight * abs(newer - older) * 0.886
        base += weight * newer
        weight *= fade
    return moved / base


def _recent_mean(values: list[float], half_life: float) -> float:
    """The mean of `values`, newest first, each weighing half as much as one `half_life` newer."""
    fade, weight, total, weights = 0.5 ** (1 / half_life), 1.0, 0.0, 0.0
    for value in values:
        total += weight * value
        weights += weight
        weight *= fade
    return total / weights


def _activity(gaps: list[int]) -> tuple[float, float]:
    """The share of days with spend, and how surely a day has some as long as the series runs.

    A pause that is long beside the usual ones says little of what comes after it, and is cut short. A series is young
    as long as one day without spend, before its first, weighs on the share.
    """
    longest = 2 + 3 * median(gaps[:USUAL_DAYS]) if gaps else 0.0
    fade, weight, spends, days = 0.5 ** (1 / GAP_HALF_LIFE), 1.0, 0.0, 0.0
    for gap in gaps:
        spends += weight
        days += weight * min(gap, longest)
        weight *= fade
    return (spends + weight) / (days + 2 * weight), min((spends + weight) / (days + weight), ALMOST_CERTAIN)


def _still_running(certainty: float, quiet: int) -> float:
    """The probability that a series still runs after `quiet` days without spend.

    It stopped before the first of them, or the second, ...; or it runs and each was quiet by chance (BG/NBD).
    """
    surprise = -quiet * math.log1p(-certainty)
    if surprise > 50:
        return 0.0
    running = 1 / (1 + STOP_RATE * math.expm1(surprise) / certainty)
    return running if running >= GONE else 0.0


def _days_to_come(series: Series, month: Month) -> list[tuple[date, float]]:
    """The days of `month` from today on, and which part of each is to come; closed ones left out."""
    day = max(series.today, month.first)
    days = []
    while day <= month.last:
        # That some open days are shorter than others is in the profile already.
        if month.open_hours(day):
            days.append((day, 1 - float(series.today_over) if day == series.today else 1.0))
        day += ONE_DAY
    return days


def _capped(parts: list[tuple[date, float]], rate: float, series: Series, limits: Limits, spent: float) -> float:
    """What the days to come spend at `rate`, as far as the system lets them."""
    if limits.daily_budget is None:
        rest = rate * sum(part for _day, part in parts)
    else:
        daily = float(limits.daily_budget)
        today_left = max(daily - float(series.today_spend), 0.0)
        rest = sum(min(rate * part, today_left if day == series.today else daily) for day, part in parts)
    if limits.monthly_budget is not None:
        rest = min(rest, max(float(limits.monthly_budget) - spent, 0.0))
    if limits.total_left is not None:
        rest = min(rest, max(float(limits.total_left), 0.0))
    return rest


def _day_reached(series: Series, month: Month, limits: Limits, path: list[tuple[date, float]]) -> date | None:
    """The first day by whose end the month's spend is its budget or more; `path` is what is expected of days to come."""
    if limits.monthly_budget is None:
        return None
    spent = ZERO
    for index in range(max((month.first - series.first).days, 0), len(series.amounts)):
        day = series.first + timedelta(days=index)
        if day > month.last:
            return None
        spent += series.amounts[index]
        if spent >= limits.monthly_budget:
            return day
    if month.first <= series.today <= month.last:
        spent += series.today_spend
        if spent >= limits.monthly_budget:
            return series.today
    reached, budget = float(spent), float(limits.monthly_budget)
    for day, expected in path:
        if limits.daily_budget is not None:
            today_spend = float(series.today_spend) if day == series.today else 0.0
            expected = min(expected, max(float(limits.daily_budget) - today_spend, 0.0))
        reached += expected
        if reached >= budget:
            return day
    return None

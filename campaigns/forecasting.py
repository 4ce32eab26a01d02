"""Where a month will end: pure functions over daily amounts, without a clock.

A forecast is an estimate, and floats are its numbers. `docs/forecast.md` tells how it works, what it was measured on
(`python -m benchmarks.forecast`) and what did not help. A campaign differs from a brand and the agency in its `Habits`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import cycle, pairwise
from statistics import median

from campaigns.pacing import ZERO, Month, Series
from campaigns.periods import ONE_DAY


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


NO_LIMITS = Limits()


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
    limits: Limits = NO_LIMITS,
    habits: Habits = CAMPAIGN,
    width: float | None = None,
    parts_rest: float | None = None,
) -> Forecast:
    """Where `month`, this one or a later one, will end for `series`; a past one ended where it ended.

    Of the days to come, those of `month` with open hours count; `limits` cap them as the system does. Nothing but the
    series is asked whether it still runs: end a campaign's month on its last day. Its last 400 days are enough.

    `parts_rest` is what the parts of a portfolio are expected to spend in the rest of the month: the sum of their
    `rest`, times the `learned_bias`.
    """
    spent = float(series.spent(month))
    days = _days_to_come(series, month)
    outlook = _outlook(series, habits)
    parts = [(day, part * outlook.profile[day.weekday()]) for day, part in days] if outlook else []
    ahead = sum(part for _day, part in parts)
    if outlook is None or not ahead:
        return Forecast(spent, spent, spent, spent, _day_reached(series, month, limits, []), math.inf, False)
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
    or of portfolios, forecast without limits. With few of them it stays near that of the habits.
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
    amounts = [amount if amount > 0 else 0.0 for amount in map(float, series.amounts[-HISTORY_DAYS:])]
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
    spends, gaps, quiet = _spends_and_gaps(amounts, [profile[(weekday - back) % 7] for back in range(1, 8)])
    if not spends:
        return None
    usual = habits.lump * median(spends[:USUAL_DAYS]) if len(spends) > 2 else math.inf
    smooth = [min(spend, usual) for spend in spends]
    noise = _noise(smooth)
    half_life = min(max(math.log(2) * noise / habits.drift, SHORTEST_HALF_LIFE), LONGEST_HALF_LIFE)
    level = _recent_mean(smooth, half_life)
    lumpiness = 0.0
    if max(spends) > usual:
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
    trust = max(0.0, 1 - chance / between)
    profile = flat.copy()
    for day, mean in zip(work, means, strict=True):
        profile[day] = 1 + trust * (mean * scale - 1)
    return profile


def _spends_and_gaps(amounts: list[float], shares: list[float]) -> tuple[list[float], list[int], int]:
    """Newest first: spend of the days with some, as of an average weekday; the days from each to the next; and how
    many came after the last. `shares` is the profile from the last day backwards; rest days do not exist.
    """
    spends: list[float] = []
    gaps: list[int] = []
    quiet = gap = 0
    for amount, share in zip(reversed(amounts), cycle(shares), strict=False):
        if amount and share:
            if spends:
                gaps.append(gap + 1)
            else:
                quiet = gap
            spends.append(amount / share)
            gap = 0
            if len(spends) == REMEMBERED:
                break
        elif share:
            gap += 1
    return spends, gaps, quiet


def _noise(spends: list[float]) -> float:
    """How much a day differs from the next, as a standard deviation and a share of the level."""
    scale = sum(spends[:NOISE_HALF_LIFE]) / len(spends[:NOISE_HALF_LIFE])
    base = NOISE_PRIOR_DAYS * scale
    moved = NOISE_PRIOR * base
    fade, weight = 0.5 ** (1 / NOISE_HALF_LIFE), 1.0
    for newer, older in pairwise(spends):
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
    today, day = series.today, max(series.today, month.first)
    days = []
    while day <= month.last:
        # That some open days are shorter than others is in the profile already.
        if month.open_hours(day):
            days.append((day, 1 - float(series.today_over) if day == today else 1.0))
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
    """The first day by whose end the month's spend is its budget or more, if days to come spend as `path` expects."""
    if limits.monthly_budget is None:
        return None
    spent = ZERO
    for day, amount in series.spends(month):
        spent += amount
        if spent >= limits.monthly_budget:
            return day
    reached, budget = float(spent), float(limits.monthly_budget)
    daily_only = Limits(limits.daily_budget)
    for day, expected in path:
        reached += _capped([(day, 1.0)], expected, series, daily_only, 0.0)
        if reached >= budget:
            return day
    return None

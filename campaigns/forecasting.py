"""Where a month will end: pure functions over daily amounts, without a clock.

A forecast is an estimate, and floats are its numbers. `docs/forecast.md` tells how it works, what it was measured on
(`python -m benchmarks.forecast`) and what did not help. A campaign differs from a brand and the agency in its `Habits`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import accumulate, cycle
from statistics import median

from campaigns.pacing import ZERO, Month, Series
from campaigns.periods import ONE_DAY


@dataclass(frozen=True, slots=True)
class Habits:
    """What is taken for granted of a series before it is looked at. Chosen on backtests: see `docs/forecast.md`."""

    history: int  # nothing older than so many days counts
    half_lives: tuple[int, ...]  # of its memories, in days with spend: each is a mean that weighs newer ones more
    trust: int  # how much more a memory counts that was off by less
    lump: float  # a day above this many times the usual one is that, and a lump on top
    lumps: float  # which share of the lumps' average is expected again
    run_rate: float  # how much the month's own mean weighs in the end
    width: float  # so many spreads an interval reaches to either side
    by_share: bool  # whether days weigh by their weekday's share: the noise of a sum does not shrink with it


CAMPAIGN = Habits(
    history=400, half_lives=(1, 4, 16), trust=4, lump=3.0, lumps=0.3, run_rate=0.0, width=1.9, by_share=False
)
# Many campaigns together: some of them always have a lump.
PORTFOLIO = Habits(
    history=120, half_lives=(2, 8, 32), trust=2, lump=1.3, lumps=1.0, run_rate=0.0, width=1.4, by_share=True
)
# A few: what starts or ends is as much as a lump there, and little is sure.
SMALL_PORTFOLIO = Habits(
    history=120, half_lives=(2, 8, 32), trust=2, lump=3.0, lumps=1.0, run_rate=0.35, width=1.4, by_share=True
)
MANY = 10


def habits_of(campaigns: int) -> Habits:
    """Those of a portfolio, a brand or the agency, by the number of its campaigns that have begun and are not over."""
    return PORTFOLIO if campaigns >= MANY else SMALL_PORTFOLIO


REMEMBERED = 90  # days with spend
USUAL_DAYS = 15  # whose median is the usual day
LUMP_HALF_LIFE = 40
GAP_HALF_LIFE = 8

MONTH_FROM = 5  # one more memory is the mean of this month, from so many days on
# Memories are judged by how far off each was of the mean of the next days, of at least so many.
JUDGED_ON, JUDGED_ON_LEAST = 7, 3
OFF_PRIOR, OFF_PRIOR_DAYS = 0.2, 4  # of the level; and weighs as much as so many days

PROFILE_WEEKS = 10
PROFILE_CAP = 3.0
REST_WEEKS = 4  # a weekday is a rest day after so many weeks

UNSURE = 0.03  # how far the days to come may be from the level at once

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

    @property
    def rest(self) -> float:
        """What is still to come."""
        return self.projected - self.spent


def forecast(series: Series, month: Month, *, limits: Limits = NO_LIMITS, habits: Habits = CAMPAIGN) -> Forecast:
    """Where `month`, this one or a later one, will end for `series`; a past one ended where it ended.

    Of the days to come, those of `month` with open hours count; `limits` cap them as the system does. Nothing but the
    series is asked whether it still runs: end a campaign's month on its last day. The days of `habits.history` are
    enough.
    """
    spent = float(series.spent(month))
    days = _days_to_come(series, month)
    outlook = _outlook(series, habits)
    parts = [(day, part * outlook.profile[day.weekday()]) for day, part in days] if outlook else []
    ahead = sum(part for _day, part in parts)
    if outlook is None or not ahead:
        return Forecast(spent, spent, spent, spent, _day_reached(series, month, limits, []))
    rate = outlook.rate
    if habits.run_rate and (series.today - month.first).days >= MONTH_FROM:
        rate += habits.run_rate * (_run_rate(series, month) * sum(part for _day, part in days) / ahead - rate)
    expected = outlook.running * rate
    reach = habits.width * outlook.spread(ahead)
    low, projected, high = (
        spent + _capped(parts, a_day, series, limits, spent)
        for a_day in (
            expected * max(0.0, 1 - reach) if outlook.running >= SURELY_RUNNING else 0.0,
            expected,
            expected * (1 + reach),
        )
    )
    path = [(day, expected * part) for day, part in parts]
    return Forecast(spent, projected, low, high, _day_reached(series, month, limits, path))


@dataclass(frozen=True, slots=True)
class _Outlook:
    """What a series promises for a day to come."""

    rate: float  # of a usual day, if it still runs
    running: float  # the probability that it does
    profile: list[float]  # by weekday from Monday, 1 on average; 0 on rest days
    off: float  # how far the level was off of the mean of seven days: the mean square, as a share of the level's
    lumpiness: float  # the mean square of what is above the usual, as a share of the level's
    activity: float  # the share of days with spend
    days_seen: int

    def spread(self, days: float) -> float:
        """The standard deviation, as a share, of what `days` usual ones will spend.

        The more days, the more their noise evens out, and the further the level may go.
        """
        a_day = (self.lumpiness + 1 - self.activity) / self.activity
        level = self.off * (JUDGED_ON / days + days / JUDGED_ON / 2)
        return math.sqrt(a_day / days + level + 2 / (self.days_seen + 1) ** 2 + UNSURE**2)


def _outlook(series: Series, habits: Habits) -> _Outlook | None:
    """None where nothing was ever spent: nothing can be said then."""
    amounts = [amount if amount > 0 else 0.0 for amount in map(float, series.amounts[-habits.history :])]
    start = next((index for index, amount in enumerate(amounts) if amount), len(amounts))
    amounts = amounts[start:]
    today, today_spend, today_over = series.today, float(series.today_spend), float(series.today_over)
    if not amounts:
        if today_spend <= 0 or not today_over:
            return None
        amounts = [today_spend / today_over]  # the best guess of its first day
        today_spend = 0.0
    profile = _profile(amounts, today.weekday())
    seen = _days_with_spend(amounts, profile, today)
    if not seen.spends:
        return None
    usual = habits.lump * median(seen.spends[:USUAL_DAYS]) if len(seen.spends) > 2 else math.inf
    smooth = [min(spend, usual) for spend in seen.spends]
    weights = seen.shares if habits.by_share else [1.0] * len(smooth)
    level, off = _level(smooth, weights, seen.months, habits)
    lumpiness = 0.0
    if max(seen.spends) > usual:
        lumps = [spend - kept for spend, kept in zip(seen.spends, smooth, strict=True)]
        lumpiness = _recent_mean([lump * lump for lump in lumps], weights, LUMP_HALF_LIFE)
        level += habits.lumps * _recent_mean(lumps, weights, LUMP_HALF_LIFE)
    activity, certainty = _activity(seen.gaps)
    return _Outlook(
        rate=level * activity,
        running=1.0 if today_spend > 0 else _still_running(certainty, seen.quiet),
        profile=profile,
        off=off / level**2,
        lumpiness=lumpiness / level**2,
        activity=certainty,
        days_seen=len(seen.spends),
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


@dataclass(frozen=True, slots=True)
class _DaysWithSpend:
    """Newest first; rest days do not exist."""

    spends: list[float]  # as of an average weekday
    shares: list[float]  # of their weekdays
    months: list[int]  # of each
    gaps: list[int]  # the days from each to the next
    quiet: int  # how many came after the last


def _days_with_spend(amounts: list[float], profile: list[float], today: date) -> _DaysWithSpend:
    """Those of `amounts`, of the days up to yesterday."""
    spends: list[float] = []
    shares: list[float] = []
    months: list[int] = []
    gaps: list[int] = []
    quiet = gap = 0
    of_weekdays = cycle(profile[(today.weekday() - back) % 7] for back in range(1, 8))
    for back, (amount, share) in enumerate(zip(reversed(amounts), of_weekdays, strict=False), 1):
        if amount and share:
            if spends:
                gaps.append(gap + 1)
            else:
                quiet = gap
            spends.append(amount / share)
            shares.append(share)
            months.append((today - back * ONE_DAY).month)
            gap = 0
            if len(spends) == REMEMBERED:
                break
        elif share:
            gap += 1
    return _DaysWithSpend(spends, shares, months, gaps, quiet)


def _level(spends: list[float], weights: list[float], months: list[int], habits: Habits) -> tuple[float, float]:
    """What a day with spend will be, and the mean square of how far off that used to be of the mean of the next ones.

    Every memory has its say, the more the less it was off: a level that moves is followed by the short ones, and one
    that does not is measured by the long. `spends`, and the weights and months of their days, come newest first.
    """
    spends, weights, months = spends[::-1], weights[::-1], months[::-1]
    until = [0.0, *accumulate(spend * weight for spend, weight in zip(spends, weights, strict=True))]
    weighed = [0.0, *accumulate(weights)]

    def mean(start: int, end: int) -> float:
        return (until[end] - until[start]) / (weighed[end] - weighed[start])

    month_days = list(accumulate(months, _days_of_month, initial=(0, 0)))[1:]
    judged = []
    for index, (_month, days) in enumerate(month_days):
        ahead = min(JUDGED_ON, len(spends) - 1 - index)
        if days >= MONTH_FROM and ahead >= JUDGED_ON_LEAST:
            judged.append((index, mean(index + 1, index + 1 + ahead)))
    memories = [_faded_means(spends, weights, half_life) for half_life in habits.half_lives]
    if month_days[-1][1] >= MONTH_FROM:
        memories.append([mean(index + 1 - days, index + 1) for index, (_month, days) in enumerate(month_days)])
    scale = mean(0, len(spends)) ** 2
    off = [sum((memory[index] - came) ** 2 for index, came in judged) / scale for memory in memories]
    says = [(one + 1e-3) ** -habits.trust for one in off]
    level = sum(say * memory[-1] for say, memory in zip(says, memories, strict=True)) / sum(says)
    mean_off = sum(say * one for say, one in zip(says, off, strict=True)) / sum(says)
    return level, scale * (mean_off + OFF_PRIOR_DAYS * OFF_PRIOR**2) / (len(judged) + OFF_PRIOR_DAYS)


def _days_of_month(before: tuple[int, int], month: int) -> tuple[int, int]:
    """The month, and how many days with spend of it there have been."""
    return month, before[1] + 1 if month == before[0] else 1


def _faded_means(spends: list[float], weights: list[float], half_life: int) -> list[float]:
    """After each day, the mean of it and those before, each weighing half as much as one `half_life` newer."""
    fade = 0.5 ** (1 / half_life)
    means, total, weighed = [], 0.0, 0.0
    for spend, weight in zip(spends, weights, strict=True):
        total = total * fade + spend * weight
        weighed = weighed * fade + weight
        means.append(total / weighed)
    return means


def _run_rate(series: Series, month: Month) -> float:
    """What a complete day of the month has cost so far on average."""
    return max(float(series.spent(month) - series.today_spend), 0.0) / (series.today - month.first).days


def _recent_mean(values: list[float], weights: list[float], half_life: float) -> float:
    """The weighted mean of `values`, newest first, each counting half as much as one `half_life` newer."""
    fade, counts, total, weighed = 0.5 ** (1 / half_life), 1.0, 0.0, 0.0
    for value, weight in zip(values, weights, strict=True):
        total += counts * weight * value
        weighed += counts * weight
        counts *= fade
    return total / weighed


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
        if month.open_on(day):
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

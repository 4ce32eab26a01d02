"""A month's spend by day, as pages show it beside a form: drawings, the same in words, and the same in a table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import accumulate

from django.db.models import QuerySet
from django.utils.safestring import SafeString

from campaigns.admin.charts import Band, Bullet, Day, band_in_words, band_of, bullet, day_bars, month_line
from campaigns.models import Brand, BrandDailySpend, Campaign, DailySpend
from campaigns.money import ZERO, format_money, rounded
from campaigns.outlook import Outlook
from campaigns.pacing import Month, month_of
from campaigns.periods import ONE_DAY


@dataclass(frozen=True, slots=True)
class DayLine:
    """A day in the table beside the chart."""

    day: date
    spent: str
    budget: str
    note: str


@dataclass(frozen=True, slots=True)
class MonthBlock:
    name: str
    earlier: str  # the months beside it, as the address bar names them; empty where there is none to show
    later: str
    spent: str
    sentences: list[str]
    bars: SafeString
    line: SafeString
    bullet: SafeString | None
    lines: list[DayLine]
    has_spend: bool


def asked_month(asked: str, today: date) -> date:
    """The first of the month that the address bar names; of the current one where it names none or one to come."""
    current = today.replace(day=1)
    return min(named_month(asked) or current, current)


def named_month(text: str) -> date | None:
    """The first day of `2026-11`; None for what is no month of this millennium: before it there is no spend (R7)."""
    if not re.fullmatch(r"2[0-9]{3}-(0[1-9]|1[0-2])", text, re.ASCII):
        return None
    return date.fromisoformat(f"{text}-01")


def whole_month(first: date) -> Month:
    month = month_of(first)
    assert month is not None, "cut by no dates"
    return month


def month_block(
    of: Campaign | Brand,
    kept: QuerySet[DailySpend] | QuerySet[BrandDailySpend],
    first: date,
    *,
    currency: str,
    today: date,
    running: Month | None,
    seen: Outlook | None,
) -> MonthBlock:
    """The calendar month from `first` on, of its `kept` days.

    `running`, the days that its monthly budget is spread over, and `seen` are of the current month: the budgets of one
    that is over are not kept.
    """
    whole = whole_month(first)
    days = _days(of, whole, running, kept.filter(day__range=(first, whole.last)), currency, today)
    stands, band = (None, None) if seen is None else (seen.pace, band_of(seen))
    reached = _budget_day(days, seen, today) if seen else ""
    is_current = first <= today <= whole.last
    marked = today if is_current else None
    name = f"{first:%B %Y}"
    return MonthBlock(
        name=name,
        earlier=f"{first - ONE_DAY:%Y-%m}" if kept.filter(day__lt=first).exists() else "",
        later="" if is_current else f"{whole.last + ONE_DAY:%Y-%m}",
        spent=format_money(sum((day.spend for day in days if day.spend), ZERO), currency),
        sentences=_sentences(days, seen, reached, band, currency),
        bars=day_bars(days, currency=currency, title=f"Spend by day, {name}", today=marked),
        line=month_line(days, currency=currency, title=f"Month to date, {name}", today=marked, band=band),
        bullet=bullet(Bullet(stands.spent, stands.budget, stands.expected, band), currency=currency)
        if stands and stands.budget is not None
        else None,
        lines=_lines(days, currency, today),
        has_spend=any(day.spend for day in days),
    )


def _days(
    of: Campaign | Brand,
    month: Month,
    running: Month | None,
    kept: Iterable[DailySpend | BrandDailySpend],
    currency: str,
    today: date,
) -> list[Day]:
    """The month's days, with the budget in force on each, and what the month should have cost by each it runs on."""
    known = {row.day: row for row in kept}
    days = []
    for n in range(month.length):
        day = month.first + n * ONE_DAY
        row = known.get(day)
        spend = (row.amount if row else ZERO) if day <= today else None
        budget = of.daily_budget if day >= today else row.daily_budget if row else None
        plan = None
        if running and of.monthly_budget is not None and day >= running.first:
            share = running.elapsed(day + ONE_DAY, Fraction(0))
            plan = rounded(Fraction(of.monthly_budget) * share, currency)
        days.append(Day(day, spend, budget, plan))
    return days


def _budget_day(days: Sequence[Day], seen: Outlook, today: date) -> str:
    """`At this pace the budget is reached on Tue 24 Nov, 6 days early.` Empty where it will not be, or none knows."""
    if seen.month is None or seen.pace is None or seen.pace.budget is None:
        return ""
    day: date | None
    if seen.pace.spent >= seen.pace.budget:
        by_day = zip(days, accumulate(each.spend or ZERO for each in days), strict=True)
        day = next(each.day for each, spent in by_day if spent >= seen.pace.budget)
        words = "The month's budget was reached"
    else:
        day = seen.forecast.budget_day if seen.forecast else None
        words = "At this pace the budget is reached"
    if day is None or (day < today and seen.pace.spent < seen.pace.budget):  # reached once, and refunded since
        return ""
    early = (seen.month.last - day).days
    rest = "its last day" if not early else f"{early} {'day' if early == 1 else 'days'} early"
    return f"{words} {'today' if day == today else f'on {day:%a} {day.day} {day:%b}'}, {rest}."


def _sentences(
    days: Sequence[Day], seen: Outlook | None, budget_day: str, band: Band | None, currency: str
) -> list[str]:
    """What the drawings show, in words."""
    said = []
    stands = seen.pace if seen else None
    if stands and seen and seen.still:
        of_budget = "" if stands.budget is None else f" of {format_money(stands.budget, currency)}"
        said.append(f"{format_money(stands.spent, currency)}{of_budget} spent.")
        said.append(f"{seen.still}: nothing is expected of it.")
    elif stands and stands.budget is not None and stands.expected is not None:
        words = f"{format_money(stands.spent, currency)} of {format_money(stands.budget, currency)} spent"
        words += f", {format_money(stands.expected, currency)} expected by now"
        said.append(f"{words}: {stands.status.value.lower()}." if stands.status else f"{words}.")
        if stands.daily_to_land and stands.spent < stands.budget:
            landing = format_money(stands.daily_to_land, currency)
            said.append(f"A daily budget of {landing} from today on would land on the month's budget.")
    elif stands and stands.status:
        said.append(f"{stands.status.value}: it runs, and has spent nothing for days.")
    if budget_day:
        said.append(budget_day)
    if band is not None:
        said.append(band_in_words(band, currency))
    reached = sum(_is_reached(day) for day in days)
    if reached:
        said.append(f"The daily budget was reached on {reached} {'day' if reached == 1 else 'days'}.")
    return said


def _lines(days: Sequence[Day], currency: str, today: date) -> list[DayLine]:
    return [
        DayLine(
            day.day,
            format_money(day.spend, currency),
            "" if day.budget is None else format_money(day.budget, currency),
            ", ".join(
                filter(None, ["Today" if day.day == today else "", "Budget reached" if _is_reached(day) else ""])
            ),
        )
        for day in reversed(days)
        if day.spend is not None
    ]


def _is_reached(day: Day) -> bool:
    return day.spend is not None and day.budget is not None and day.spend >= day.budget

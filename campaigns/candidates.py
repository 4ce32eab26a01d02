"""Which campaigns may need attention: of each kind the worst, by what their rows say alone. Read-only.

A query a kind, each one look at all campaigns without their brands, hours and days: what those say is asked of the few
that are found. So a counter of yesterday counts, as long as no reset has told it apart.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import date, datetime
from typing import Any

from django.db.models import Case, ExpressionWrapper, F, FloatField, Q, QuerySet, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Coalesce, ExtractDay, Greatest, Least, NullIf
from django.db.models.lookups import GreaterThan, LessThan

from campaigns import outlook
from campaigns.desk import calendar_month, ending
from campaigns.holds import Hold
from campaigns.models import Campaign
from campaigns.money import ZERO
from campaigns.periods import LocalClock
from campaigns.rules import DAILY, MONTHLY, Period

Status = Campaign.Status

OWN_BUDGETS = Hold.DAILY_BUDGET | Hold.MONTHLY_BUDGET | Hold.TOTAL_BUDGET
BRAND_BUDGETS = Hold.BRAND_DAILY_BUDGET | Hold.BRAND_MONTHLY_BUDGET
# What would still hold a campaign were its own budgets raised.
NOT_BY_OWN_BUDGET = BRAND_BUDGETS | Hold.MANUAL | Hold.BRAND_INACTIVE


class Candidates:
    """Of `campaigns`, whose brands' zones are those of `clocks`."""

    def __init__(self, campaigns: QuerySet[Campaign], clocks: Collection[LocalClock]) -> None:
        self.campaigns = campaigns.order_by()
        self.clocks = clocks
        self.day_start = min(clock.day_start for clock in clocks)
        self.month_start = min(clock.month_start for clock in clocks)

    def worst_first(self) -> dict[str, QuerySet[Campaign]]:
        """By kind of concern; to be cut to as many as are looked at."""
        off = self._off_plan()
        running = Q(status=Status.ACTIVE) | Q(status=Status.PAUSED, holds=Hold.DAYPARTING.value)
        return {
            "overspent": self._may_be_overspent(),
            "ahead": self._may_be_ahead().filter(status=Status.ACTIVE).order_by(off.desc(), "pk"),
            "behind": self._may_be_behind().filter(running).order_by(off.asc(), "pk"),
            "silent": self._may_be_silent(),
            "paused": self._held_by_own_budget(),
            "ending": self.campaigns.filter(ending(self.clocks)).order_by("end_date", "pk"),
        }

    def _may_be_ahead(self) -> QuerySet[Campaign]:
        """Those that spent less than any plan has by now are left out at once, unless their own begins later."""
        least, month = min(self._calendar()), min(clock.today.replace(day=1) for clock in self.clocks)
        ahead = Q(start_date__gt=month) | Q(GreaterThan(_share("monthly_spend", "monthly_budget"), least))
        return self.campaigns.filter(ahead, monthly_budget__isnull=False)

    def _may_be_behind(self) -> QuerySet[Campaign]:
        """Those that spent more than any plan has by now are left out at once, unless their own ends earlier."""
        most = max(self._calendar())
        last = max(calendar_month(clock.today).last for clock in self.clocks)
        behind = Q(end_date__lt=last) | Q(LessThan(_share("monthly_spend", "monthly_budget"), most))
        return self.campaigns.filter(behind | Q(monthly_since__lt=self.month_start), monthly_budget__isnull=False)

    def _calendar(self) -> list[float]:
        """Which part of the calendar month is over on each clock."""
        return [
            float(calendar_month(clock.today).elapsed(clock.today, outlook.share_over((), clock)))
            for clock in self.clocks
        ]

    def _off_plan(self) -> ExpressionWrapper[Any]:
        """Which part of its monthly budget a campaign has spent beyond its plan, or less.

        The plan is even over the days of the month on which it runs; hours are looked at of those that are found.
        """
        off = self._used(MONTHLY, self.month_start) - self._share_over()
        return ExpressionWrapper(off, FloatField())

    def _share_over(self) -> Combinable:
        """Which part of its month is over for a campaign, from 0 to 1, by its start and end dates."""
        days_over = self._on_its_clock(
            lambda clock: clock.today.day - 1 + float(outlook.share_over((), clock)),
            lambda days: Value(days, FloatField()),
        )
        before = self._on_its_clock(lambda clock: clock.today.replace(day=1), _days_before)
        length = self._on_its_clock(lambda clock: clock.today.replace(day=1), _last_day) - before
        return Cast(Greatest(Least(days_over - before, length), Value(0.0)) / length, FloatField())

    def _on_its_clock(self, read: Callable[[LocalClock], Any], expression: Callable[[Any], Combinable]) -> Combinable:
        """An expression with what is `read` from the clock of the campaign's zone.

        A counter that has begun its month says by its beginning whose month that is, and no brand need be joined.
        """
        begun: dict[Any, datetime] = {}
        for clock in sorted(self.clocks, key=lambda clock: clock.month_start):
            begun.setdefault(read(clock), clock.month_start)
        (first, _), *later = begun.items()
        whens = [When(monthly_since__gte=start, then=expression(value)) for value, start in reversed(later)]
        return Case(*whens, default=expression(first), output_field=FloatField()) if whens else expression(first)

    def _used(self, period: Period, start: datetime) -> Case:
        """Which part of the period's budget is spent; null without a budget.

        `start` is the earliest of all zones: what was reset at a later midnight is told apart when it is read.
        """
        return Case(
            When(**{f"{period.since}__gte": start}, then=_share(period.spend, f"{period.name}_budget")),
            default=Value(0.0),
        )

    def _may_be_overspent(self) -> QuerySet[Campaign]:
        beyond = (
            Q(daily_spend__gt=F("daily_budget"), daily_since__gte=self.day_start)
            | Q(monthly_spend__gt=F("monthly_budget"), monthly_since__gte=self.month_start)
            | Q(total_spend__gt=F("total_budget"))
        )
        parts = (
            self._used(DAILY, self.day_start),
            self._used(MONTHLY, self.month_start),
            _share("total_spend", "total_budget"),
        )
        over = Greatest(*(Coalesce(part, 0.0) for part in parts))
        return self.campaigns.filter(beyond, ~Q(status=Status.COMPLETED)).order_by(over.desc(), "pk")

    def _may_be_silent(self) -> QuerySet[Campaign]:
        """Running, those first that spent least of what is usual for them today; of equals, the greater ones."""
        today = Case(
            When(daily_since__gte=self.day_start, then=Cast(F("daily_spend"), FloatField())), default=Value(0.0)
        )
        part = today / NullIf(Cast(F("monthly_spend"), FloatField()), Value(0.0))
        found = self.campaigns.filter(status=Status.ACTIVE, total_spend__gt=ZERO)
        return found.order_by(part.asc(nulls_last=True), "-monthly_spend", "pk")

    def _held_by_own_budget(self) -> QuerySet[Campaign]:
        """Those first that are held longest. What its brand's budget holds, is told of the brand."""
        held = self.campaigns.filter(status=Status.PAUSED).alias(
            own=F("holds").bitand(OWN_BUDGETS.value), other=F("holds").bitand(NOT_BY_OWN_BUDGET.value)
        )
        longest = F("holds").bitand(Hold.TOTAL_BUDGET.value), F("holds").bitand(Hold.MONTHLY_BUDGET.value)
        return held.filter(own__gt=0, other=0).order_by(*(each.desc() for each in longest), "pk")


def _days_before(first: date) -> Combinable:
    """The days of the month from `first` on that are over before the campaign starts."""
    starts_later = When(start_date__gt=first, then=Cast(ExtractDay("start_date") - 1, FloatField()))
    return Case(starts_later, default=Value(0.0), output_field=FloatField())


def _last_day(first: date) -> Combinable:
    """The number of the day of the month from `first` on that is the campaign's last."""
    last = calendar_month(first).last
    ends_before = When(end_date__range=(first, last), then=Cast(ExtractDay("end_date"), FloatField()))
    return Case(ends_before, default=Value(float(last.day)), output_field=FloatField())


def _share(spend: str, budget: str) -> Combinable:
    return Cast(F(spend), FloatField()) / Cast(F(budget), FloatField())

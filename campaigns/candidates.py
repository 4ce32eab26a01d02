"""Which campaigns may need attention: of each kind the worst, by what their rows say alone. Read-only.

One look at all campaigns counts them, and says of each brand how bad its worst of each kind is; the campaigns
themselves are then looked for in the worst brands: the worst twenty campaigns are in the worst twenty brands. Hours,
days and entries are asked of those that are found; so a counter of yesterday counts, as long as no reset has told it
apart.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median_low
from typing import Any, NamedTuple

from django.db.models import Case, ExpressionWrapper, F, FloatField, IntegerField, Max, Min, Q, QuerySet, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Coalesce, ExtractDay, Greatest, Least
from django.db.models.lookups import Exact, GreaterThan, LessThan

from campaigns.desk import Counts, calendar_month, counting, ending
from campaigns.holds import Hold
from campaigns.models import Campaign
from campaigns.money import ZERO
from campaigns.open_days import share_over
from campaigns.periods import LocalClock
from campaigns.rules import DAILY, MONTHLY, Period

Status = Campaign.Status

OWN_BUDGETS = Hold.DAILY_BUDGET | Hold.MONTHLY_BUDGET | Hold.TOTAL_BUDGET
BRAND_BUDGETS = Hold.BRAND_DAILY_BUDGET | Hold.BRAND_MONTHLY_BUDGET
# What would still hold a campaign were its own budgets raised.
NOT_BY_OWN_BUDGET = BRAND_BUDGETS | Hold.MANUAL | Hold.BRAND_INACTIVE
# Of a running campaign nothing is seen for so long, in its open hours, before that is told.
SILENCE = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of concern: which campaigns may be one, and by what the worst of them is known."""

    may_be: Q
    key: Combinable
    worst: type[Max] | type[Min]

    @property
    def order(self) -> Any:
        return self.key.desc() if self.worst is Max else self.key.asc()  # type: ignore[attr-defined]


class _Brand(NamedTuple):
    """What one look at a brand's campaigns says."""

    brand_id: int
    most_spent: Any  # this month, by one of them
    counts: Counts
    worst: tuple[Any, ...]  # the key of its worst campaign, kind by kind; None where there is none


class Candidates:
    """Of `campaigns`, whose brands' zones are those of `clocks`."""

    def __init__(self, campaigns: QuerySet[Campaign], clocks: Collection[LocalClock]) -> None:
        self.campaigns = campaigns.order_by()
        self.clocks = clocks
        self.at = max(clock.at for clock in clocks)
        self.day_start = min(clock.day_start for clock in clocks)
        self.month_start = min(clock.month_start for clock in clocks)
        self.kinds = self._kinds()
        self.brands = self._look()

    @property
    def counts(self) -> dict[int, Counts]:
        """By brand, of those that have campaigns."""
        return {brand.brand_id: brand.counts for brand in self.brands}

    def worst(self, most: int) -> dict[str, list[int]]:
        """By kind, the ids of so many campaigns, the worst first; of equally bad ones, those that spent most."""
        return {
            name: list(
                self.campaigns.filter(kind.may_be, brand__among=self._worst_brands(number, kind, most))
                .order_by(kind.order, "-monthly_spend", "pk")
                .values_list("pk", flat=True)[:most]
            )
            for number, (name, kind) in enumerate(self.kinds.items())
        }

    def _look(self) -> list[_Brand]:
        counts = counting(self.clocks)
        worst = {f"worst_{name}": kind.worst(kind.key, filter=kind.may_be) for name, kind in self.kinds.items()}
        asked = {"most_spent": Max("monthly_spend"), **counts, **worst}
        rows = self.campaigns.values("brand_id").annotate(**asked).values_list("brand_id", *asked)
        first = 2 + len(counts)
        return [_Brand(row[0], row[1], Counts(*row[2:first]), row[first:]) for row in rows]

    def _worst_brands(self, number: int, kind: Kind, most: int) -> list[int]:
        found = [brand for brand in self.brands if brand.worst[number] is not None]
        found.sort(key=lambda brand: brand.most_spent, reverse=True)
        found.sort(key=lambda brand: brand.worst[number], reverse=kind.worst is Max)
        return [brand.brand_id for brand in found[:most]]

    def _kinds(self) -> dict[str, Kind]:
        off = self._off_plan()
        running = Q(status=Status.ACTIVE) | Q(status=Status.PAUSED, holds=Hold.DAYPARTING.value)
        return {
            "overspent": self._overspent(),
            "ahead": Kind(self._may_be_ahead() & Q(status=Status.ACTIVE), off, Max),
            "behind": Kind(self._may_be_behind() & running, off, Min),
            "silent": self._silent(),
            "paused": self._held_by_own_budget(),
            "ending": Kind(ending(self.clocks), F("end_date"), Min),
        }

    def _may_be_ahead(self) -> Q:
        """Those that spent less than any plan has by now are left out at once, unless their own begins later."""
        least, month = min(self._calendar()), min(clock.today.replace(day=1) for clock in self.clocks)
        ahead = Q(start_date__gt=month) | Q(GreaterThan(_share("monthly_spend", "monthly_budget"), least))
        return Q(monthly_budget__isnull=False) & ahead

    def _may_be_behind(self) -> Q:
        """Those that spent more than any plan has by now are left out at once, unless their own ends earlier."""
        most = max(self._calendar())
        last = max(calendar_month(clock.today).last for clock in self.clocks)
        behind = Q(end_date__lt=last) | Q(LessThan(_share("monthly_spend", "monthly_budget"), most))
        return Q(monthly_budget__isnull=False) & (behind | Q(monthly_since__lt=self.month_start))

    def _calendar(self) -> list[float]:
        """Which part of the calendar month is over on each clock."""
        return [float(calendar_month(clock.today).elapsed(clock.today, share_over((), clock))) for clock in self.clocks]

    def _off_plan(self) -> ExpressionWrapper[Any]:
        """Which part of its monthly budget a campaign has spent beyond its plan, or less.

        The plan is even over the days of the month on which it runs; hours are looked at of those that are found.
        """
        off = self._used(MONTHLY, self.month_start) - self._share_over()
        return ExpressionWrapper(off, FloatField())

    def _share_over(self) -> Combinable:
        """Which part of its month is over for a campaign, from 0 to 1, by its start and end dates.

        All that are in one month are put on one clock, the one in the middle: the hours between them are nothing
        beside what makes a concern, and cost a comparison each.
        """
        days_over = self._in_its_month(
            lambda clocks: Value(
                median_low(clock.today.day - 1 + float(share_over((), clock)) for clock in clocks),
                FloatField(),
            )
        )
        before = self._in_its_month(lambda clocks: _days_before(clocks[0].today.replace(day=1)))
        length = self._in_its_month(lambda clocks: _last_day(clocks[0].today.replace(day=1))) - before
        return Cast(Greatest(Least(days_over - before, length), Value(0.0)) / length, FloatField())

    def _in_its_month(self, expression: Callable[[list[LocalClock]], Combinable]) -> Combinable:
        """An expression of the clocks that are in the campaign's month: on few days of a month there are two.

        A counter that has begun its month says by its beginning whose month that is, and no brand need be joined.
        """
        months: dict[date, list[LocalClock]] = {}
        for clock in sorted(self.clocks, key=lambda clock: clock.month_start):
            months.setdefault(clock.today.replace(day=1), []).append(clock)
        (_, first), *later = sorted(months.items())
        whens = [When(monthly_since__gte=some[0].month_start, then=expression(some)) for _, some in reversed(later)]
        return Case(*whens, default=expression(first), output_field=FloatField()) if whens else expression(first)

    def _used(self, period: Period, start: datetime) -> Case:
        """Which part of the period's budget is spent; null without a budget.

        `start` is the earliest of all zones: what was reset at a later midnight is told apart when it is read.
        """
        return Case(
            When(**{f"{period.since}__gte": start}, then=_share(period.spend, f"{period.name}_budget")),
            default=Value(0.0),
        )

    def _overspent(self) -> Kind:
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
        over = Greatest(*(Coalesce(part, 0.0) for part in parts), output_field=FloatField())
        return Kind(beyond & ~Q(status=Status.COMPLETED), over, Max)

    def _silent(self) -> Kind:
        """Running, those first that never spent, then those that spent least of what is usual for them today.

        What has spent nothing this month comes before what has: right after the first that is many, and their hours
        tell them apart. What is younger than a silence is left out, so many new ones at once hide no other.
        """
        today = Case(
            When(daily_since__gte=self.day_start, then=Cast(F("daily_spend"), FloatField())), default=Value(0.0)
        )
        part = Case(
            When(total_spend=ZERO, then=Value(-2.0)),
            When(monthly_spend__lte=ZERO, then=Value(-1.0)),
            default=today / Cast(F("monthly_spend"), FloatField()),
            output_field=FloatField(),
        )
        may_be = Q(total_spend__gt=ZERO) | Q(created_at__lte=self.at - SILENCE)
        return Kind(Q(status=Status.ACTIVE) & may_be, part, Min)

    def _held_by_own_budget(self) -> Kind:
        """Those first that are held longest. What its brand's budget holds, is told of the brand."""
        own = Q(Exact(F("holds").bitand(NOT_BY_OWN_BUDGET.value), 0)) & Q(
            GreaterThan(F("holds").bitand(OWN_BUDGETS.value), 0)
        )
        longest = F("holds").bitand((Hold.TOTAL_BUDGET | Hold.MONTHLY_BUDGET).value)
        return Kind(Q(status=Status.PAUSED) & own, ExpressionWrapper(longest, IntegerField()), Max)


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

"""The agency in one look: its figures, its campaigns counted, and how brands stand and pace. Read-only.

Everything here is of an instant, for all brands or for one. Nothing adds up the ledger's entries: it reads counters
and days, a number of queries that does not grow with the agency. What needs attention stands in `concerns.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

from django.db.models import BigIntegerField, Count, Q, QuerySet, Sum
from django.db.models.functions import Cast, Coalesce

from campaigns import outlook
from campaigns.models import Brand, BrandDailySpend, Campaign
from campaigns.money import ZERO, from_micros
from campaigns.open_days import share_over
from campaigns.outlook import Outlook
from campaigns.pacing import Month, Series, month_of
from campaigns.pacing import pace as pace_of
from campaigns.periods import ONE_DAY, LocalClock
from campaigns.rules import DAILY, MONTHLY

Status = Campaign.Status

ENDING_DAYS = 3


@dataclass(frozen=True, slots=True)
class Counts:
    """Campaigns, by what they do."""

    running: int = 0
    paused: int = 0
    finishing: int = 0  # of these two, those whose last day comes within ENDING_DAYS

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.running + other.running, self.paused + other.paused, self.finishing + other.finishing)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a brand stands: what it spent, and what it should have by its plan, the monthly budget spread evenly."""

    brand: Brand
    clock: LocalClock
    spent_today: Decimal
    spent_this_month: Decimal
    runs: bool  # else nothing of it will spend, and nothing is expected of it
    expected: Decimal | None = None  # by now; None without a plan
    tolerance: Decimal = ZERO  # how far from that still counts as on track, as `pacing.pace` has it

    @property
    def off_plan(self) -> Decimal:
        """What is spent beyond the plan; negative where it is less; zero on track."""
        if self.expected is None:
            return ZERO
        off = self.spent_this_month - self.expected
        return off if abs(off) > self.tolerance else ZERO


@dataclass(slots=True)
class Figures:
    """What brands of one currency (R2) have spent, and how far they are from their plans."""

    currency: str
    spent_today: Decimal = ZERO
    spent_this_month: Decimal = ZERO
    spent_of_budgets: Decimal = ZERO  # of the brands that have a plan
    budgets: Decimal = ZERO
    ahead: Decimal = ZERO  # spent beyond what is expected by now, of brands that are ahead of their plan
    brands_ahead: int = 0
    behind: Decimal = ZERO  # expected by now and not spent, of brands that are behind
    brands_behind: int = 0

    @property
    def at_risk(self) -> Decimal:
        """Money that is not where it was promised to be: too much of it spent by now, or too little."""
        return self.ahead + self.behind


@dataclass(frozen=True, slots=True)
class BrandLine:
    standing: Standing
    outlook: Outlook


def counts(campaigns: QuerySet[Campaign], clocks: Collection[LocalClock]) -> dict[int, Counts]:
    """By brand, of those that have campaigns: one look at all of them."""
    asked = counting(clocks)
    rows = campaigns.order_by().values("brand_id").annotate(**asked).values_list("brand_id", *asked)
    return {brand_id: Counts(*counted) for brand_id, *counted in rows}


def counting(clocks: Collection[LocalClock]) -> dict[str, Count]:
    """What counts campaigns into `Counts`."""
    return {
        "running": Count("pk", filter=Q(status=Status.ACTIVE)),
        "paused": Count("pk", filter=Q(status=Status.PAUSED)),
        "finishing": Count("pk", filter=ending(clocks)),
    }


def ending(clocks: Collection[LocalClock]) -> Q:
    """By the earliest and the latest of the brands' todays: a day early or late is no harm here."""
    todays = [clock.today for clock in clocks] or [date.max - ENDING_DAYS * ONE_DAY]
    return Q(
        status__in=[Status.ACTIVE, Status.PAUSED], end_date__range=(min(todays), max(todays) + ENDING_DAYS * ONE_DAY)
    )


def standings(
    brands: Collection[Brand], counted: Mapping[int, Counts], *, at: datetime, on: date | None = None
) -> list[Standing]:
    """In the order of `brands`; `counted` are the counts of their campaigns.

    `on`: as it stood at the end of that local day, by the days' sums instead of the counters, and against the budgets
    of now.
    """
    clocks = outlook.clocks_of(brands, at, on)
    then = _spent_on(brands, on) if on is not None else {}
    shares = {zone: _share_of_month(clock) for zone, clock in clocks.items()}
    found = []
    for brand in brands:
        clock, share, count = clocks[brand.timezone], shares[brand.timezone], counted.get(brand.pk, Counts())
        today, month = then.get(brand.pk, (ZERO, ZERO)) if on is not None else _spent_now(brand, clock)
        runs = outlook.runs(brand, count.running + count.paused, None if on is None else month)
        plan = share.of(brand.monthly_budget) if runs and brand.monthly_budget is not None else (None, ZERO)
        found.append(Standing(brand, clock, today, month, runs, *plan))
    return found


def figures(standings: Iterable[Standing]) -> list[Figures]:
    """By currency. What is expected and at risk is of the brands that run: nothing else is behind anything."""
    sums: dict[str, Figures] = {}
    for standing in standings:
        line = sums.setdefault(standing.brand.currency, Figures(standing.brand.currency))
        line.spent_today += standing.spent_today
        line.spent_this_month += standing.spent_this_month
        if standing.expected is None or standing.brand.monthly_budget is None:
            continue
        line.spent_of_budgets += standing.spent_this_month
        line.budgets += standing.brand.monthly_budget
        off = standing.off_plan
        if off > 0:
            line.ahead += off
            line.brands_ahead += 1
        elif off < 0:
            line.behind -= off
            line.brands_behind += 1
    return [sums[currency] for currency in sorted(sums)]


def by_use_of_budget(standings: Iterable[Standing]) -> list[Standing]:
    """Those first that have spent most of their monthly budgets; without one, then what does not run, at the end."""

    def use(standing: Standing) -> tuple[bool, float, str]:
        brand, budget = standing.brand, standing.brand.monthly_budget
        return not standing.runs, 1.0 if budget is None else -float(standing.spent_this_month / budget), brand.name

    return sorted(standings, key=use)


def brand_lines(standings: Sequence[Standing], *, at: datetime, on: date | None = None) -> list[BrandLine]:
    """The month of each of these brands: as many as a page shows."""
    outlooks = outlook.of_brands([standing.brand for standing in standings], at=at, on=on)
    return [BrandLine(standing, outlooks[standing.brand.pk]) for standing in standings]


def _spent_now(brand: Brand, clock: LocalClock) -> tuple[Decimal, Decimal]:
    return DAILY.current_spend(brand, clock), MONTHLY.current_spend(brand, clock)


def _spent_on(brands: Collection[Brand], on: date) -> dict[int, tuple[Decimal, Decimal]]:
    rows = BrandDailySpend.objects.filter(brand__among=[brand.pk for brand in brands], day__lte=on)
    micros = Cast("amount", BigIntegerField())
    sums = (
        rows.filter(day__gte=on.replace(day=1))
        .order_by()
        .values("brand_id")
        .annotate(month=Sum(micros), today=Coalesce(Sum(micros, filter=Q(day=on)), 0))
    )
    return {row["brand_id"]: (from_micros(int(row["today"])), from_micros(int(row["month"]))) for row in sums}


@dataclass(frozen=True, slots=True)
class _Share:
    """Which part of a zone's month is over, and the band around it: those of `pacing.pace`, once a zone."""

    expected: Fraction
    tolerance: Fraction

    def of(self, budget: Decimal) -> tuple[Decimal, Decimal]:
        expected, tolerance = (budget * part.numerator / part.denominator for part in (self.expected, self.tolerance))
        return expected, tolerance


def _share_of_month(clock: LocalClock) -> _Share:
    over = share_over((), clock)
    month = calendar_month(clock.today)
    one = pace_of(Series(clock.today, (), today_over=over), month, budget=Decimal(1), currency="USD", running=False)
    elapsed = month.elapsed(clock.today, over)
    return _Share(elapsed, one.band * max(elapsed, Fraction(1, month.length)))


def calendar_month(day: date) -> Month:
    month = month_of(day)
    assert month is not None, "cut by no dates"
    return month

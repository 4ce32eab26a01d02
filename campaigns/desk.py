"""The agency in one look: its figures, what needs attention and why, how brands pace, and what changed. Read-only.

Everything here is of an instant, for all brands or for one. Nothing adds up the ledger's entries: it reads counters
and days, a number of queries that does not grow with the agency.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import BigIntegerField, Count, F, FloatField, Q, QuerySet, Sum
from django.db.models.functions import Cast, Coalesce

from campaigns import outlook
from campaigns.holds import Hold
from campaigns.models import Brand, BrandDailySpend, Campaign, StatusChange
from campaigns.money import ZERO, format_money, from_micros
from campaigns.outlook import Outlook
from campaigns.pacing import NARROWEST_BAND, Month, Series, month_of
from campaigns.pacing import Status as PaceStatus
from campaigns.pacing import pace as pace_of
from campaigns.periods import ONE_DAY, LocalClock, next_day_start, next_month_start
from campaigns.rules import DAILY, MONTHLY

Status = Campaign.Status

# Of each kind of concern, so many are shown, the worst first; and so many looked at, since some prove to be none.
SHOWN, LOOKED_AT = 5, 15
ENDING_DAYS = 3
SILENT_HOURS = 6
BRANDS_ON_A_PAGE = 25
CHANGES_SHOWN = 12


@dataclass(slots=True)
class Figures:
    """What brands of one currency (R2) have spent, and how far they are from their plans."""

    currency: str
    spent_today: Decimal = ZERO
    spent_this_month: Decimal = ZERO
    spent_of_budgets: Decimal = ZERO  # of the brands that have a monthly budget
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
class Counts:
    """Campaigns, by what they do."""

    running: int
    paused: int
    finishing: int  # of these two, those whose last day comes within ENDING_DAYS


@dataclass(frozen=True, slots=True)
class Concern:
    """Something that needs attention, and why."""

    brand_id: int
    brand_name: str
    campaign_id: int | None  # None: the brand itself
    campaign_name: str | None
    sentence: str
    act: str  # what a person may do about it, in a word or two
    field: str = ""  # of the form in which that is done


@dataclass(frozen=True, slots=True)
class Concerns:
    """Those of one kind, the worst first; `more` says that not all are shown."""

    kind: str
    title: str
    shown: list[Concern] = field(default_factory=list)
    more: bool = False


@dataclass(frozen=True, slots=True)
class BrandLine:
    brand: Brand
    outlook: Outlook
    spent_today: Decimal


def figures(brands: Collection[Brand], *, at: datetime, on: date | None = None) -> list[Figures]:
    """By currency. `on`: as it stood at the end of that local day, by the days' sums instead of the counters."""
    clocks = outlook.clocks_of(brands, at, on)
    then = _spent_on(brands, on) if on is not None else {}
    shares = {zone: _share_of_month(clock) for zone, clock in clocks.items()}
    sums: dict[str, Figures] = {}
    for brand in brands:
        clock = clocks[brand.timezone]
        today, month = then.get(brand.pk, (ZERO, ZERO)) if on is not None else _spent_now(brand, clock)
        line = sums.setdefault(brand.currency, Figures(brand.currency))
        line.spent_today += today
        line.spent_this_month += month
        if brand.monthly_budget is not None:
            line.spent_of_budgets += month
            line.budgets += brand.monthly_budget
            _count_pace(line, brand, month, shares[brand.timezone])
    return [sums[currency] for currency in sorted(sums)]


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
    band: Fraction
    day: Fraction


def _share_of_month(clock: LocalClock) -> _Share:
    second = timedelta(seconds=1)
    over = Fraction((clock.at - clock.day_start) // second, (clock.day_end - clock.day_start) // second)
    month = _calendar_month(clock.today)
    one = pace_of(Series(clock.today, (), today_over=over), month, budget=Decimal(1), currency="USD", running=False)
    return _Share(month.elapsed(clock.today, over), one.band, Fraction(1, month.length))


def _count_pace(line: Figures, brand: Brand, month: Decimal, share: _Share) -> None:
    assert brand.monthly_budget is not None
    budget = Fraction(brand.monthly_budget)
    expected = budget * share.expected
    off, tolerance = Fraction(month) - expected, share.band * max(expected, budget * share.day)
    if abs(off) <= tolerance:
        return
    amount = Decimal(off.numerator) / Decimal(off.denominator)
    if off > 0:
        line.ahead += amount
        line.brands_ahead += 1
    else:
        line.behind -= amount
        line.brands_behind += 1


def counts(campaigns: QuerySet[Campaign], clocks: Collection[LocalClock]) -> Counts:
    finishing = _ending(clocks)
    found = campaigns.aggregate(
        running=Count("pk", filter=Q(status=Status.ACTIVE)),
        paused=Count("pk", filter=Q(status=Status.PAUSED)),
        finishing=Count("pk", filter=finishing),
    )
    return Counts(**found)


def _ending(clocks: Collection[LocalClock]) -> Q:
    """By the earliest and the latest of the brands' todays: a day early or late is no harm here."""
    todays = [clock.today for clock in clocks] or [date.max - ENDING_DAYS * ONE_DAY]
    return Q(
        status__in=[Status.ACTIVE, Status.PAUSED], end_date__range=(min(todays), max(todays) + ENDING_DAYS * ONE_DAY)
    )


def brand_lines(brands: Sequence[Brand], *, at: datetime, on: date | None = None) -> list[BrandLine]:
    """The month of each of these brands: as many as a page shows."""
    outlooks = outlook.of_brands(brands, at=at, on=on)
    return [BrandLine(brand, outlooks[brand.pk], outlooks[brand.pk].series.today_spend) for brand in brands]


def by_use_of_budget(brands: Collection[Brand], *, at: datetime) -> list[Brand]:
    """The brands, those first that have spent most of their monthly budgets; without one, by name at the end."""
    clocks = outlook.clocks_of(brands, at)

    def use(brand: Brand) -> tuple[float, str]:
        if brand.monthly_budget is None:
            return 1.0, brand.name
        spent = MONTHLY.current_spend(brand, clocks[brand.timezone])
        return -float(spent / brand.monthly_budget), brand.name

    return sorted(brands, key=use)


def changes(campaigns: QuerySet[Campaign] | None, first: datetime, end: datetime) -> list[StatusChange]:
    """The latest changes of status in [first, end), of all campaigns or of these; the newest first."""
    found = StatusChange.objects.filter(at__lt=end).select_related("campaign__brand").order_by("-pk")
    if campaigns is not None:
        found = found.filter(campaign__in=campaigns)
    # The history is in the order in which it was written, so the last of the day are found without an index on time.
    return [change for change in found[:CHANGES_SHOWN] if change.at >= first]


def concerns(campaigns: QuerySet[Campaign], brands: Collection[Brand], *, at: datetime) -> list[Concerns]:
    """What needs attention now, the most urgent kinds first; kinds of which there is nothing are left out."""
    clocks = outlook.clocks_of(brands, at)
    if not clocks:
        return []
    look = _Look(campaigns.select_related("brand"), clocks, at)
    return [kind for kind in look.kinds() if kind.shown]


class _Look:
    """A query a kind of concern, and two more for the days of those whose pace is looked at.

    Queries only find who may be concerned, by the counters and what is true on the earliest and the latest of the
    brands' clocks: what is true on each brand's own is asked of the few that they find.
    """

    def __init__(self, campaigns: QuerySet[Campaign], clocks: dict[ZoneInfo, LocalClock], at: datetime) -> None:
        self.campaigns = campaigns
        self.at = at
        self.clocks = clocks
        self.day_start = min(clock.day_start for clock in clocks.values())
        self.month_start = min(clock.month_start for clock in clocks.values())
        self.outlooks: dict[int, Outlook] = {}

    def kinds(self) -> list[Concerns]:
        ahead, behind = self._may_be_ahead(), self._may_be_behind()
        paced = {campaign.pk: campaign for campaign in (*ahead, *behind)}
        self.outlooks = outlook.of_campaigns(list(paced.values()), at=self.at)
        early = "Will reach the monthly budget early"
        return [
            self._kind("overspent", "Over budget", self._may_be_overspent(), self._overspent, "Look"),
            self._kind("ahead", early, ahead, self._ahead, "Change the budget", "monthly_budget"),
            self._kind("behind", "Behind pace", behind, self._behind, "Look"),
            self._kind("silent", "No spend today", self._may_be_silent(), self._silent, "Look"),
            self._kind("paused", "Paused by a budget", self._held_by_budget(), self._paused, "Raise the budget", None),
            self._kind("ending", "Ends soon", self._ending(), self._ends, "Change the end", "end_date"),
        ]

    def _kind(
        self,
        kind: str,
        title: str,
        candidates: Iterable[Campaign],
        tell: Callable[[Campaign], str],
        act: str,
        field: str | None = "",
    ) -> Concerns:
        """Those of the candidates of which there is something to tell. Without a field, it is the budget reached."""
        told = [(campaign, sentence) for campaign in candidates if (sentence := tell(campaign))]
        shown = [
            Concern(
                campaign.brand_id,
                campaign.brand.name,
                campaign.pk,
                campaign.name,
                sentence,
                act,
                _budget_reached(campaign) if field is None else field,
            )
            for campaign, sentence in told[:SHOWN]
        ]
        return Concerns(kind, title, shown, more=len(told) > SHOWN)

    def _may_be_overspent(self) -> QuerySet[Campaign]:
        beyond = (
            Q(daily_spend__gt=F("daily_budget"), daily_since__gte=self.day_start)
            | Q(monthly_spend__gt=F("monthly_budget"), monthly_since__gte=self.month_start)
            | Q(total_spend__gt=F("total_budget"))
        )
        return self.campaigns.filter(beyond, ~Q(status=Status.COMPLETED)).order_by("-total_spend", "pk")[:LOOKED_AT]

    def _overspent(self, campaign: Campaign) -> str:
        clock = self._clock(campaign)
        pairs = (
            ("today", DAILY.current_spend(campaign, clock), campaign.daily_budget),
            ("this month", MONTHLY.current_spend(campaign, clock), campaign.monthly_budget),
            ("in all", campaign.total_spend, campaign.total_budget),
        )
        said = [
            f"{self._money(spent, campaign)} of {self._money(budget, campaign)} {when}"
            for when, spent, budget in pairs
            if budget is not None and spent > budget
        ]
        return f"Spent {', and '.join(said)}." if said else ""

    def _may_be_ahead(self) -> list[Campaign]:
        least = min(self._shares()) * (1 + float(NARROWEST_BAND))
        found = self._with_use_of_budget().filter(
            status=Status.ACTIVE, monthly_since__gte=self.month_start, used__gt=least
        )
        return list(found.order_by("-used", "pk")[:LOOKED_AT])

    def _ahead(self, campaign: Campaign) -> str:
        seen = self.outlooks[campaign.pk]
        if not (self._paces(seen, PaceStatus.AHEAD) and seen.days_early and seen.forecast):
            return ""
        budget, reached = self._money(campaign.monthly_budget, campaign), seen.forecast.budget_day
        return f"{budget} will be spent by {reached:%a %-d %b}, {_days(seen.days_early)} early."

    def _may_be_behind(self) -> list[Campaign]:
        most = max(self._shares()) * (1 - float(NARROWEST_BAND))
        behind = Q(used__lt=most) | Q(monthly_since__lt=self.month_start)
        running = Q(status=Status.ACTIVE) | Q(status=Status.PAUSED, holds=Hold.DAYPARTING.value)
        return list(self._with_use_of_budget().filter(running, behind).order_by("used", "pk")[:LOOKED_AT])

    def _behind(self, campaign: Campaign) -> str:
        seen = self.outlooks[campaign.pk]
        if seen.pace is None or not self._paces(seen, PaceStatus.BEHIND, PaceStatus.STOPPED):
            return ""
        spent, expected = self._money(seen.pace.spent, campaign), self._money(seen.expected, campaign)
        said = f"Spent {spent} of the {expected} due by now."
        if seen.pace.daily_to_land:
            daily, budget = (self._money(x, campaign) for x in (seen.pace.daily_to_land, campaign.monthly_budget))
            said += f" {daily} a day would land on {budget}."
        return said

    def _with_use_of_budget(self) -> QuerySet[Any]:
        used = Cast(F("monthly_spend"), FloatField()) / Cast(F("monthly_budget"), FloatField())
        return self.campaigns.filter(monthly_budget__isnull=False).annotate(used=used)

    def _shares(self) -> list[float]:
        return [float(_share_of_month(clock).expected) for clock in self.clocks.values()]

    def _paces(self, seen: Outlook, *statuses: PaceStatus) -> bool:
        return seen.pace is not None and seen.pace.status in statuses

    def _may_be_silent(self) -> QuerySet[Campaign]:
        late = [zone for zone, clock in self.clocks.items() if self._hours_of_today(clock) >= SILENT_HOURS]
        found = self.campaigns.filter(
            Q(daily_spend=ZERO) | Q(daily_since__lt=self.day_start),
            status=Status.ACTIVE,
            brand__timezone__in=late,
            monthly_spend__gt=ZERO,
            monthly_since__gte=self.month_start,
        )
        return found.order_by("-monthly_spend", "pk")[:LOOKED_AT]

    def _silent(self, campaign: Campaign) -> str:
        """Running, it spent this month, and today not yet, though hours have passed."""
        clock = self._clock(campaign)
        this_month = MONTHLY.current_spend(campaign, clock)
        if DAILY.current_spend(campaign, clock) or not this_month:
            return ""
        hours, spent = self._hours_of_today(clock), self._money(this_month, campaign)
        return f"Nothing seen for {hours} hours, after {spent} this month. Is the feed of its platform in order?"

    def _hours_of_today(self, clock: LocalClock) -> int:
        return (clock.at - clock.day_start) // timedelta(hours=1)

    def _held_by_budget(self) -> QuerySet[Campaign]:
        by_budget = self.campaigns.annotate(by_budget=F("holds").bitand(Hold.BUDGETS.value))
        return by_budget.filter(status=Status.PAUSED, by_budget__gt=0).order_by("-monthly_spend", "pk")[:LOOKED_AT]

    def _paused(self, campaign: Campaign) -> str:
        zone, holds = campaign.brand.timezone, campaign.hold_set
        if holds & (Hold.TOTAL_BUDGET | Hold.MANUAL | Hold.BRAND_INACTIVE):
            return f"{holds.label}. It does not come back by itself."
        back = next_month_start(zone, self.at) if holds & Hold.MONTHLY_BUDGETS else next_day_start(zone, self.at)
        return f"{holds.label}. Back on {back.astimezone(zone):%a %-d %b at %H:%M} {zone.key} at the earliest."

    def _ending(self) -> QuerySet[Campaign]:
        return self.campaigns.filter(_ending(self.clocks.values())).order_by("end_date", "pk")[:LOOKED_AT]

    def _ends(self, campaign: Campaign) -> str:
        said = f"Its last day is {campaign.end_date:%a %-d %b}."
        if campaign.total_budget is None:
            return said
        spent, budget = self._money(campaign.total_spend, campaign), self._money(campaign.total_budget, campaign)
        return f"{said} {spent} of {budget} spent."

    def _clock(self, campaign: Campaign) -> LocalClock:
        return self.clocks[campaign.brand.timezone]

    def _money(self, amount: Decimal | None, campaign: Campaign) -> str:
        assert amount is not None, "what is told of a budget is told where there is one"
        return format_money(amount, campaign.brand.currency)


def _budget_reached(campaign: Campaign) -> str:
    """The campaign's own budget that holds it; none of the form where it is the brand's."""
    for hold, name in (
        (Hold.TOTAL_BUDGET, "total_budget"),
        (Hold.MONTHLY_BUDGET, "monthly_budget"),
        (Hold.DAILY_BUDGET, "daily_budget"),
    ):
        if hold in campaign.hold_set:
            return name
    return ""


def _calendar_month(day: date) -> Month:
    month = month_of(day)
    assert month is not None
    return month


def _days(count: int) -> str:
    return "a day" if count == 1 else f"{count} days"

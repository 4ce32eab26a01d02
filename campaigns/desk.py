"""The agency in one look: its figures, what needs attention and why, how brands pace, and what changed. Read-only.

Everything here is of an instant, for all brands or for one. Nothing adds up the ledger's entries: it reads counters
and days, a number of queries that does not grow with the agency.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
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
from campaigns.rules import DAILY, MONTHLY, by_zone

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
    found = _Look(campaigns.select_related("brand"), clocks, at)
    kinds = [
        found.overspent(),
        found.ahead(),
        found.behind(),
        found.silent(),
        found.paused_by_budget(),
        found.ending(),
    ]
    return [kind for kind in kinds if kind.shown]


class _Look:
    """One query a kind of concern, and one more for the days of those that are looked at closely."""

    def __init__(self, campaigns: QuerySet[Campaign], clocks: dict[ZoneInfo, LocalClock], at: datetime) -> None:
        self.at = at
        self.clocks = clocks
        in_order = sorted(clocks.values(), key=lambda clock: clock.zone.key)
        self.campaigns = campaigns.annotate(
            today=by_zone(in_order, DAILY.current), this_month=by_zone(in_order, MONTHLY.current)
        )
        self.in_order = in_order

    def overspent(self) -> Concerns:
        beyond = (
            Q(today__gt=F("daily_budget"))
            | Q(this_month__gt=F("monthly_budget"))
            | Q(total_spend__gt=F("total_budget"))
        )
        found = self.campaigns.filter(beyond, ~Q(status=Status.COMPLETED)).order_by("-total_spend", "pk")
        return self._concerns("overspent", "Over budget", found[: SHOWN + 1], self._overspent, "Look", "")

    def _overspent(self, campaign: Campaign) -> str:
        pairs = (
            ("today", campaign.today, campaign.daily_budget),  # type: ignore[attr-defined]
            ("this month", campaign.this_month, campaign.monthly_budget),  # type: ignore[attr-defined]
            ("in all", campaign.total_spend, campaign.total_budget),
        )
        said = [
            f"{self._money(spent, campaign)} of {self._money(budget, campaign)} {when}"
            for when, spent, budget in pairs
            if budget is not None and spent > budget
        ]
        return f"Spent {', and '.join(said)}."

    def ahead(self) -> Concerns:
        found = self._pacing(PaceStatus.AHEAD, Q(status=Status.ACTIVE), "-used")
        early = [(campaign, seen) for campaign, seen in found if seen.days_early]
        return self._concerns_of(
            "ahead", "Will reach the monthly budget early", early, self._ahead, "Change the budget", "monthly_budget"
        )

    def _ahead(self, campaign: Campaign, seen: Outlook) -> str:
        budget, reached = self._money(campaign.monthly_budget, campaign), seen.forecast and seen.forecast.budget_day
        return f"{budget} will be spent by {reached:%a %-d %b}, {_days(seen.days_early)} early."

    def behind(self) -> Concerns:
        running = Q(status=Status.ACTIVE) | Q(status=Status.PAUSED, holds=Hold.DAYPARTING.value)
        found = self._pacing(PaceStatus.BEHIND, running, "used") + self._pacing(PaceStatus.STOPPED, running, "used")
        return self._concerns_of("behind", "Behind pace", found, self._behind, "Look", "")

    def _behind(self, campaign: Campaign, seen: Outlook) -> str:
        assert seen.pace is not None
        spent, expected = self._money(seen.pace.spent, campaign), self._money(seen.expected, campaign)
        said = f"Spent {spent} of the {expected} due by now."
        if seen.pace.daily_to_land:
            daily, budget = (self._money(x, campaign) for x in (seen.pace.daily_to_land, campaign.monthly_budget))
            said += f" {daily} a day would land on {budget}."
        return said

    def _pacing(self, status: PaceStatus, which: Q, order: str) -> list[tuple[Campaign, Outlook]]:
        """Those that pace so, of the campaigns with a monthly budget whose counters say that they might."""
        ahead = status is PaceStatus.AHEAD

        def off(clock: LocalClock) -> Q:
            share = float(_share_of_month(clock).expected)
            nearest = share * (1 + float(NARROWEST_BAND) * (1 if ahead else -1))
            return Q(used__gt=nearest) if ahead else Q(used__lt=nearest)

        used = Cast(F("this_month"), FloatField()) / Cast(F("monthly_budget"), FloatField())
        there = Q(pk__in=[])
        for clock in self.in_order:
            there |= Q(brand__timezone=clock.zone) & off(clock)
        found = self.campaigns.filter(which, monthly_budget__isnull=False).annotate(used=used).filter(there)
        looked_at = list(found.order_by(order, "pk")[:LOOKED_AT])
        outlooks = outlook.of_campaigns(looked_at, at=self.at)
        return [
            (campaign, seen)
            for campaign in looked_at
            if (seen := outlooks[campaign.pk]).pace is not None and seen.pace.status is status
        ]

    def silent(self) -> Concerns:
        """Running, it spent this month, and today not yet, though hours have passed."""
        late = [clock for clock in self.in_order if clock.at - clock.day_start >= timedelta(hours=SILENT_HOURS)]
        there = Q(brand__timezone__in=[clock.zone for clock in late])
        found = self.campaigns.filter(there, status=Status.ACTIVE, today=ZERO, this_month__gt=ZERO)
        return self._concerns(
            "silent", "No spend today", found.order_by("-this_month", "pk")[: SHOWN + 1], self._silent, "Look", ""
        )

    def _silent(self, campaign: Campaign) -> str:
        clock = self.clocks[campaign.brand.timezone]
        hours = (clock.at - clock.day_start) // timedelta(hours=1)
        spent = self._money(campaign.this_month, campaign)  # type: ignore[attr-defined]
        return f"Nothing seen for {hours} hours, after {spent} this month. Is the feed of its platform in order?"

    def paused_by_budget(self) -> Concerns:
        found = self.campaigns.annotate(by_budget=F("holds").bitand(Hold.BUDGETS.value)).filter(
            status=Status.PAUSED, by_budget__gt=0
        )
        return self._concerns(
            "paused",
            "Paused by a budget",
            found.order_by("-this_month", "pk")[: SHOWN + 1],
            self._paused,
            "Raise the budget",
        )

    def _paused(self, campaign: Campaign) -> str:
        zone, holds = campaign.brand.timezone, campaign.hold_set
        if holds & (Hold.TOTAL_BUDGET | Hold.MANUAL | Hold.BRAND_INACTIVE):
            return f"{holds.label}. It does not come back by itself."
        back = next_month_start(zone, self.at) if holds & Hold.MONTHLY_BUDGETS else next_day_start(zone, self.at)
        return f"{holds.label}. Back on {back.astimezone(zone):%a %-d %b at %H:%M} {zone.key} at the earliest."

    def ending(self) -> Concerns:
        found = self.campaigns.filter(_ending(self.in_order)).order_by("end_date", "pk")
        return self._concerns("ending", "Ends soon", found[: SHOWN + 1], self._ends, "Change the end", "end_date")

    def _ends(self, campaign: Campaign) -> str:
        said = f"Its last day is {campaign.end_date:%a %-d %b}."
        if campaign.total_budget is None:
            return said
        spent, budget = self._money(campaign.total_spend, campaign), self._money(campaign.total_budget, campaign)
        return f"{said} {spent} of {budget} spent."

    def _concerns(
        self,
        kind: str,
        title: str,
        found: QuerySet[Campaign],
        sentence: Callable[[Campaign], str],
        act: str,
        field: str | None = None,
    ) -> Concerns:
        campaigns = list(found)
        shown = [
            self._concern(campaign, sentence(campaign), act, _budget_reached(campaign) if field is None else field)
            for campaign in campaigns[:SHOWN]
        ]
        return Concerns(kind, title, shown, more=len(campaigns) > SHOWN)

    def _concerns_of(
        self,
        kind: str,
        title: str,
        found: list[tuple[Campaign, Outlook]],
        sentence: Callable[[Campaign, Outlook], str],
        act: str,
        field: str,
    ) -> Concerns:
        shown = [self._concern(campaign, sentence(campaign, seen), act, field) for campaign, seen in found[:SHOWN]]
        return Concerns(kind, title, shown, more=len(found) > SHOWN)

    def _concern(self, campaign: Campaign, sentence: str, act: str, field: str) -> Concern:
        return Concern(campaign.brand_id, campaign.brand.name, campaign.pk, campaign.name, sentence, act, field)

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

"""How months stand and where they will end: the pace and forecast of campaigns, brands and the agency. Read-only.

Reads what `pacing.py` and `forecasting.py` reckon with: days, budgets, dates and hours. A brand's month is all of its
calendar month; a campaign's the days of it on which it runs.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db.models import BigIntegerField, Count, Exists, F, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Cast
from django.db.models.lookups import Exact

from campaigns.forecasting import CAMPAIGN, MANY, PORTFOLIO, Forecast, Habits, Limits, forecast, habits_of
from campaigns.holds import Hold
from campaigns.models import Brand, BrandDailySpend, Campaign, DailySpend, DaypartingSchedule
from campaigns.money import ZERO, from_micros, rounded
from campaigns.open_days import month_of_campaign, share_over
from campaigns.pacing import STOPPED_AFTER_DAYS, Month, Pace, Series, month_of, pace
from campaigns.pacing import Status as PaceStatus
from campaigns.periods import ONE_DAY, ONE_SECOND, LocalClock, day_start, local_clock
from campaigns.rules import DAILY, MONTHLY

Status = Campaign.Status

# Long enough to know how a silent series used to pause; forecasts look back no further.
HISTORY_DAYS = CAMPAIGN.history
# Nobody knows when these end, so nobody can say what is spent until then.
OPEN_ENDED = Hold.MANUAL | Hold.BRAND_INACTIVE

# Why nothing is expected of a brand.
SWITCHED_OFF, NOTHING_RUNS = "Switched off", "Nothing runs"

# Campaigns that run or are held, and those of them that have spent.
THERE = Q(status__in=[Status.ACTIVE, Status.PAUSED])
BEGUN = THERE & Q(total_spend__gt=ZERO)

# Micros by local day.
Days = dict[date, int]


@dataclass(frozen=True, slots=True)
class Outlook:
    """The month of a campaign, a brand or the agency at an instant, in one currency (R2)."""

    currency: str
    today: date
    series: Series
    month: Month | None  # None: it runs on no day of this month
    pace: Pace | None  # None where month is
    forecast: Forecast | None  # None too where nothing is known, or it will not run again by itself
    still: str = ""  # SWITCHED_OFF or NOTHING_RUNS: then nothing is expected of it by now

    @property
    def status(self) -> str:
        """In a word or two; empty where there is nothing to say, as without a budget."""
        return self.still or (self.pace.status.value if self.pace and self.pace.status else "")

    @property
    def spent(self) -> Decimal:
        """In this calendar month so far, whether it runs in it or not."""
        month = month_of(self.today)
        assert month is not None, "a day is of a month"
        return self.series.spent(month)

    @property
    def projected(self) -> Decimal | None:
        return None if self.forecast is None else rounded(Decimal(self.forecast.projected), self.currency)

    @property
    def interval(self) -> tuple[Decimal, Decimal] | None:
        """Within which the month ends four times out of five."""
        if self.forecast is None:
            return None
        return rounded(Decimal(self.forecast.low), self.currency), rounded(Decimal(self.forecast.high), self.currency)

    @property
    def days_early(self) -> int:
        """How many days before the month's last one its budget will be reached; 0 where it will not."""
        if self.month is None or self.forecast is None or self.forecast.budget_day is None:
            return 0
        return (self.month.last - self.forecast.budget_day).days

    @property
    def expected(self) -> Decimal | None:
        """By now, in the currency's decimals."""
        return None if self.pace is None or self.pace.expected is None else rounded(self.pace.expected, self.currency)

    @property
    def pace_in_percent(self) -> int | None:
        """Spent, of what is expected by now."""
        return None if self.pace is None or self.pace.ratio is None else round(self.pace.ratio * 100)


def of_campaigns(
    campaigns: Collection[Campaign],
    *,
    at: datetime,
    windows: Mapping[int, Sequence[DaypartingSchedule]] | None = None,
) -> dict[int, Outlook]:
    """By campaign; `campaigns` come with their brands. Reads 400 days of each: not for all of an agency at once.

    Budgets are those of the objects that are given; so are `windows`, by campaign, where they are given.
    """
    clocks = clocks_of([campaign.brand for campaign in campaigns], at)
    ids = [campaign.pk for campaign in campaigns]
    since = min((clock.today for clock in clocks.values()), default=date.max) - timedelta(days=HISTORY_DAYS)
    days = _days_of(DailySpend.objects.filter(campaign__among=ids, day__gte=since), "campaign_id")
    if windows is None:
        windows = _windows_of(ids)
    return {
        campaign.pk: _of_campaign(
            campaign, days[campaign.pk], windows.get(campaign.pk, ()), clocks[campaign.brand.timezone]
        )
        for campaign in campaigns
    }


def pace_statuses(campaigns: Collection[Campaign], *, at: datetime) -> dict[int, PaceStatus | None]:
    """The status of each one's pace, as `of_campaigns` has it, for thousands; `campaigns` come with their brands.

    Reads counters, and days only of those that may have stopped.
    """
    clocks = clocks_of([campaign.brand for campaign in campaigns], at)
    windows = _windows_of([campaign.pk for campaign in campaigns])
    days = _days_of_silent(campaigns, clocks)
    statuses: dict[int, PaceStatus | None] = {}
    for campaign in campaigns:
        clock, hours = clocks[campaign.brand.timezone], windows.get(campaign.pk, ())
        month = _running_month(campaign, hours, clock)
        if month is None:
            statuses[campaign.pk] = None
            continue
        if campaign.pk in days:
            series = _series(days[campaign.pk], clock, hours)
        else:
            # The pace goes by the month's sum: when in the month it was spent, tells only what has stopped.
            series = Series(clock.today, (), MONTHLY.current_spend(campaign, clock), share_over(hours, clock))
        budget, currency, running = campaign.monthly_budget, campaign.brand.currency, campaign.status == Status.ACTIVE
        statuses[campaign.pk] = pace(series, month, budget=budget, currency=currency, running=running).status
    return statuses


def _days_of_silent(campaigns: Collection[Campaign], clocks: Mapping[ZoneInfo, LocalClock]) -> dict[int, Days]:
    """Those of the campaigns that run, and have spent nothing for so long that they may have stopped."""
    today = {campaign.pk: DAILY.current_spend(campaign, clocks[campaign.brand.timezone]) for campaign in campaigns}
    ids = {campaign.pk for campaign in campaigns if campaign.status == Status.ACTIVE and today[campaign.pk] <= 0}
    if not ids:
        return {}
    todays = [clock.today for clock in clocks.values()]
    lately = (max(todays) - timedelta(days=STOPPED_AFTER_DAYS), min(todays))
    recent = DailySpend.objects.filter(campaign__among=sorted(ids), day__range=lately, amount__gt=ZERO)
    ids -= set(recent.order_by().values_list("campaign_id", flat=True))
    since = min(todays) - timedelta(days=HISTORY_DAYS)
    days = _days_of(DailySpend.objects.filter(campaign__among=sorted(ids), day__gte=since), "campaign_id")
    return {campaign_id: days[campaign_id] for campaign_id in ids}


def of_brands(brands: Collection[Brand], *, at: datetime, on: date | None = None) -> dict[int, Outlook]:
    """By brand; against the brand's own monthly budget, as it is now. `on`: as spend stood at that local day's end."""
    clocks = clocks_of(brands, at, on)
    since = min((clock.today for clock in clocks.values()), default=date.max) - timedelta(days=HISTORY_DAYS)
    ids = [brand.pk for brand in brands]
    rows = BrandDailySpend.objects.filter(brand__among=ids, day__gte=since)
    days = _days_of(rows, "brand_id")
    counts = _counts_of(ids)
    outlooks = {}
    for brand in brands:
        clock, count = clocks[brand.timezone], counts.get(brand.pk, _Counts())
        month = month_of(clock.today)
        spent_then = None if on is None else _spent_in(days[brand.pk], clock.today)
        outlooks[brand.pk] = _outlook(
            brand.currency,
            days[brand.pk],
            clock,
            (),
            month,
            Limits(brand.daily_budget, brand.monthly_budget),
            habits_of(count.begun),
            running=brand.is_active,
            comes_back=bool(count.come_back) if on is None else True,
            still="" if runs(brand, count.there, spent_then) else NOTHING_RUNS if brand.is_active else SWITCHED_OFF,
        )
    return outlooks


def runs(brand: Brand, campaigns: int, spent_then: Decimal | None = None) -> bool:
    """Whether anything is expected of a brand with so many campaigns that run or are held.

    It must be active; on a past day, what had `spent_then`, in its month until then, ran.
    """
    return (brand.is_active and campaigns > 0) or (spent_then is not None and spent_then > 0)


@dataclass(frozen=True, slots=True)
class _Counts:
    """A brand's campaigns."""

    there: int = 0  # that run or are held
    begun: int = 0  # of these, those that have spent: their number says whether a portfolio is of few or of many
    come_back: int = 0  # that run, or will by themselves


def _counts_of(brand_ids: Collection[int]) -> dict[int, _Counts]:
    gone = OPEN_ENDED | Hold.TOTAL_BUDGET
    by_itself = Q(Exact(F("holds").bitand(gone.value), 0)) & THERE
    rows = Campaign.objects.filter(brand__among=brand_ids).order_by().values("brand_id")
    counted = rows.annotate(
        there=Count("pk", filter=THERE), begun=Count("pk", filter=BEGUN), back=Count("pk", filter=by_itself)
    )
    return {
        brand_id: _Counts(*counts) for brand_id, *counts in counted.values_list("brand_id", "there", "begun", "back")
    }


@dataclass(frozen=True, slots=True)
class Together:
    """What brands of one currency have spent together, and what they stand against."""

    days: Days
    budget: Decimal | None  # the sum of their monthly ones; None where any that spends has none
    campaigns: int  # that have begun and are not over, counted up to MANY
    unplanned: int = 0  # brands that spend, and have no monthly budget


def of_agency(
    brands: QuerySet[Brand], currency: str, zone: ZoneInfo, *, at: datetime, on: date | None = None
) -> Outlook:
    """Of those of `brands` together that are active and of one currency, on the clock of `zone`: see `zones_of`."""
    return of_together(together(brands, currency, _clock(zone, at, on).today), currency, zone, at=at, on=on)


def together(brands: QuerySet[Brand], currency: str, today: date) -> Together:
    """Of those of `brands` that are active and of one currency, as far back from `today` as a forecast looks."""
    theirs = brands.filter(currency=currency, is_active=True)
    rows = BrandDailySpend.objects.filter(brand__in=theirs, day__gte=today - timedelta(days=PORTFOLIO.history))
    begun = Campaign.objects.filter(BEGUN)
    this_month = BrandDailySpend.objects.filter(brand=OuterRef("pk"), day__range=(today.replace(day=1), today))
    spending = Exists(begun.filter(brand=OuterRef("pk"))) | Exists(this_month)
    unplanned = theirs.filter(spending, monthly_budget=None).order_by().count()
    return Together(
        dict(rows.order_by("day").values_list("day").annotate(micros=Sum(Cast("amount", BigIntegerField())))),
        None if unplanned else theirs.aggregate(sum=Sum("monthly_budget"))["sum"],
        begun.filter(brand__in=theirs).order_by()[:MANY].count(),
        unplanned,
    )


def of_together(spent: Together, currency: str, zone: ZoneInfo, *, at: datetime, on: date | None = None) -> Outlook:
    """The month of what was `spent` together, on the clock of `zone`; `on`: as it stood at that local day's end."""
    clock = _clock(zone, at, on)
    limits, habits = Limits(None, spent.budget), habits_of(spent.campaigns)
    comes_back = on is not None or spent.campaigns > 0
    month = month_of(clock.today)
    return _outlook(currency, spent.days, clock, (), month, limits, habits, running=comes_back, comes_back=comes_back)


def zones_of(brands: Iterable[Brand]) -> dict[str, ZoneInfo]:
    """The clock on which the agency's month is read, by currency: that of most of its active brands, the first by name
    where several have as many. Currencies without an active brand have none.
    """
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for brand in brands:
        if brand.is_active:
            counted[brand.currency][brand.timezone.key] += 1
    return {
        currency: ZoneInfo(min(counted[currency].items(), key=lambda one: (-one[1], one[0]))[0])
        for currency in sorted(counted)
    }


def _of_campaign(campaign: Campaign, days: Days, windows: Sequence[DaypartingSchedule], clock: LocalClock) -> Outlook:
    return _outlook(
        campaign.brand.currency,
        days,
        clock,
        windows,
        _running_month(campaign, windows, clock),
        _limits_of(campaign, clock),
        CAMPAIGN,
        running=campaign.status == Status.ACTIVE,
        comes_back=not campaign.hold_set & OPEN_ENDED,
    )


def _limits_of(campaign: Campaign, clock: LocalClock) -> Limits:
    """Its own, and at most all that its brand's leave, of which the others may take their part."""
    brand = campaign.brand
    left = [
        budget - spent
        for budget, spent in (
            (campaign.total_budget, campaign.total_spend),
            (brand.monthly_budget, MONTHLY.current_spend(brand, clock)),
        )
        if budget is not None
    ]
    daily = [budget for budget in (campaign.daily_budget, brand.daily_budget) if budget is not None]
    return Limits(min(daily, default=None), campaign.monthly_budget, min(left, default=None))


def _running_month(campaign: Campaign, windows: Collection[DaypartingSchedule], clock: LocalClock) -> Month | None:
    if campaign.status in {Status.DRAFT, Status.COMPLETED}:
        return None
    return month_of_campaign(campaign, windows, clock.today)


def _outlook(
    currency: str,
    days: Mapping[date, int],
    clock: LocalClock,
    windows: Sequence[DaypartingSchedule],
    month: Month | None,
    limits: Limits,
    habits: Habits,
    *,
    running: bool,
    comes_back: bool,
    still: str = "",
) -> Outlook:
    series = _series(days, clock, windows)
    if month is None:
        return Outlook(currency, clock.today, series, None, None, None)
    stands = pace(series, month, budget=limits.monthly_budget, currency=currency, running=running and not still)
    if still:
        stands = replace(stands, expected=None, ratio=None, status=None, daily_to_land=None)
    ends = forecast(series, month, limits=limits, habits=habits) if days and comes_back and not still else None
    return Outlook(currency, clock.today, series, month, stands, ends, still)


def _spent_in(days: Mapping[date, int], today: date) -> Decimal:
    """In the calendar month of `today`, until the end of that day."""
    return from_micros(sum(micros for day, micros in days.items() if today.replace(day=1) <= day <= today))


def _series(days: Mapping[date, int], clock: LocalClock, windows: Sequence[DaypartingSchedule]) -> Series:
    known = [day for day in days if day <= clock.today]
    first = min(known, default=clock.today)
    complete = [ZERO] * (clock.today - first).days
    for day in known:
        if day < clock.today:
            complete[(day - first).days] = from_micros(days[day])
    return Series(first, complete, from_micros(days.get(clock.today, 0)), share_over(windows, clock))


def clocks_of(brands: Collection[Brand], at: datetime, on: date | None = None) -> dict[ZoneInfo, LocalClock]:
    """The clocks of the brands' zones at `at`, or at the last second of the local day `on`."""
    return {zone: _clock(zone, at, on) for zone in {brand.timezone for brand in brands}}


def _clock(zone: ZoneInfo, at: datetime, on: date | None) -> LocalClock:
    return local_clock(zone, at if on is None else day_start(zone, on + ONE_DAY) - ONE_SECOND)


def _windows_of(ids: Collection[int]) -> dict[int, list[DaypartingSchedule]]:
    windows: dict[int, list[DaypartingSchedule]] = defaultdict(list)
    for window in DaypartingSchedule.objects.filter(campaign__among=ids, is_active=True).order_by("pk"):
        windows[window.campaign_id].append(window)
    return windows


def _days_of(rows: QuerySet[DailySpend] | QuerySet[BrandDailySpend], owner: str) -> dict[int, Days]:
    """Micros by day, by whose day it is. Not through the ORM's converters: these are many."""
    days: dict[int, Days] = defaultdict(dict)
    for owner_id, day, micros in rows.order_by().values_list(owner, "day", Cast("amount", BigIntegerField())):
        days[owner_id][day] = micros
    return days

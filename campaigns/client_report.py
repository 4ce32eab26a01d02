"""A brand's local month for its client: what was spent, on what, and when budgets paused campaigns. Read-only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db.models import F

from campaigns.holds import LABELS, Hold
from campaigns.models import Brand, StatusChange
from campaigns.money import ZERO
from campaigns.periods import ONE_DAY, day_start, local_date
from campaigns.reports import RangeReport

# Campaigns that a budget paused on a day are named up to this many, and up to one where the whole month has more than
# MANY_PAUSES of them: it is one page. Of others it is told how many they are.
NAMED_CAMPAIGNS = 3
MANY_PAUSES = 30


@dataclass(frozen=True, slots=True)
class CampaignShare:
    """What a campaign cost in the month, and which part of the brand's spend that is."""

    name: str
    spend: Decimal
    share: Decimal  # 0 to 1


@dataclass(slots=True)
class BudgetPause:
    """A budget that held a campaign on a local day, from and until a local time."""

    day: date
    campaign_id: int
    campaign: str
    hold: Hold
    since: datetime
    until: datetime | None = None  # None: for the rest of the day, at least


@dataclass(frozen=True, slots=True)
class BrandMonth:
    """Amounts are in the brand's currency."""

    brand: Brand
    first: date
    last: date
    today: date
    spend: Decimal
    days: list[tuple[date, Decimal | None]]  # every day of the month; None: still to come
    campaigns: list[CampaignShare]  # those with spend, the largest first
    pauses: list[BudgetPause]

    @property
    def is_over(self) -> bool:
        return self.last < self.today

    @property
    def left(self) -> Decimal | None:
        """What the monthly budget, as it is today, leaves; negative where it is overspent; None without a budget."""
        return None if self.brand.monthly_budget is None else self.brand.monthly_budget - self.spend


def brand_month(brand: Brand, month: date, *, at: datetime) -> BrandMonth:
    """The local month of `brand` that the day `month` belongs to, as it stands at `at` (aware)."""
    first = month.replace(day=1)
    last = (first + timedelta(days=31)).replace(day=1) - ONE_DAY
    today = local_date(brand.timezone, at)
    only = Brand.objects.filter(pk=brand.pk)
    spent = {line.day: line.amount for line in RangeReport("day", first, last, only).lines()}
    spend = sum(spent.values(), ZERO)
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return BrandMonth(
        brand=brand,
        first=first,
        last=last,
        today=today,
        spend=spend,
        days=[(day, spent.get(day, None if day > today else ZERO)) for day in days],
        campaigns=[
            CampaignShare(str(line.campaign_name), line.amount, line.amount / spend if spend else ZERO)
            for line in RangeReport("campaign", first, last, only).lines()
        ],
        pauses=_budget_pauses(brand, first, last),
    )


def pauses_in_words(pauses: list[BudgetPause]) -> Iterator[tuple[date, list[str]]]:
    """Each day with what its budgets paused: `Daily budget: Spring (from 14:05), Autumn (09:10 to 11:00)`."""
    days: dict[date, dict[Hold, list[BudgetPause]]] = defaultdict(lambda: defaultdict(list))
    for pause in pauses:
        days[pause.day][pause.hold].append(pause)
    named = NAMED_CAMPAIGNS if len(pauses) <= MANY_PAUSES else 1
    for day, holds in sorted(days.items()):
        yield (
            day,
            [
                f"{label.removesuffix(' reached')}: {_campaigns_in_words(holds[hold], named)}"
                for hold, label in LABELS.items()
                if hold in holds
            ],
        )


def _campaigns_in_words(pauses: list[BudgetPause], named: int) -> str:
    times: dict[int, list[str]] = defaultdict(list)
    names = {pause.campaign_id: pause.campaign for pause in pauses}
    if len(names) > named:
        return f"{len(names):,} campaigns (from {min(pause.since for pause in pauses):%H:%M})"
    for pause in pauses:
        since = f"{pause.since:%H:%M}"
        times[pause.campaign_id].append(f"from {since}" if pause.until is None else f"{since} to {pause.until:%H:%M}")
    return ", ".join(f"{name} ({', '.join(times[campaign_id])})" for campaign_id, name in names.items())


def _budget_pauses(brand: Brand, first: date, last: date) -> list[BudgetPause]:
    zone = brand.timezone
    budgets = Hold.BUDGETS.value
    changes = (
        StatusChange.objects.filter(
            campaign__brand=brand, at__gte=day_start(zone, first), at__lt=day_start(zone, last + ONE_DAY)
        )
        .annotate(before=F("from_holds").bitand(budgets), after=F("to_holds").bitand(budgets))
        .exclude(before=F("after"))
        .order_by("at", "pk")
    )
    pauses = []
    lasting: dict[tuple[int, Hold], BudgetPause] = {}
    for campaign_id, name, at, before, after in changes.values_list(
        "campaign_id", "campaign__name", "at", "before", "after"
    ):
        day, local = local_date(zone, at), at.astimezone(zone)
        for hold in Hold(before & ~after):
            pause = lasting.pop((campaign_id, hold), None)
            if pause is not None and pause.day == day:
                pause.until = local
        for hold in Hold(after & ~before):
            lasting[campaign_id, hold] = pause = BudgetPause(day, campaign_id, name, hold, local)
            pauses.append(pause)
    return pauses

"""The rulebook once more, in plain Python: what the system must say, worked out the slow and obvious way.

It shares no code with the rule, the ledger or the periods. Instants are found by looking at a zone's wall clock minute
by minute, counters by adding up entries, and holds are a set of words.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from zoneinfo import ZoneInfo

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
BUDGET_HOLDS = {"DAILY_BUDGET", "MONTHLY_BUDGET", "TOTAL_BUDGET", "BRAND_DAILY_BUDGET", "BRAND_MONTHLY_BUDGET"}
DAILY_HOLDS = {"DAILY_BUDGET", "BRAND_DAILY_BUDGET"}
MONTHLY_HOLDS = {"MONTHLY_BUDGET", "BRAND_MONTHLY_BUDGET"}
ENGINE_HOLDS = BUDGET_HOLDS | {"BRAND_INACTIVE", "DAYPARTING"}


@cache
def first_instant(zone: str, day: date) -> datetime:
    """The first whole minute at which the wall in `zone` shows `day` or a later date."""
    instant = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=16)
    while instant.astimezone(ZoneInfo(zone)).date() < day:
        instant += timedelta(minutes=1)
    return instant


def local_day(zone: str, at: datetime) -> date:
    return at.astimezone(ZoneInfo(zone)).date()


@dataclass
class Window:
    weekday: int
    start: time
    end: time

    def open_at(self, wall: datetime) -> bool:
        today, now = wall.isoweekday(), wall.time()
        yesterday = 7 if today == 1 else today - 1
        if self.start < self.end:
            return today == self.weekday and self.start <= now < self.end
        return (today == self.weekday and now >= self.start) or (yesterday == self.weekday and now < self.end)


@dataclass
class Counters:
    daily_since: datetime = LONG_AGO
    monthly_since: datetime = LONG_AGO
    daily_budget: Decimal | None = None
    monthly_budget: Decimal | None = None


@dataclass
class OracleBrand(Counters):
    zone: str = "UTC"
    active: bool = True


@dataclass
class OracleCampaign(Counters):
    brand: int = 0
    status: str = "DRAFT"
    holds: set[str] = field(default_factory=set)
    total_budget: Decimal | None = None
    start_date: date | None = None
    end_date: date | None = None
    windows: list[Window] = field(default_factory=list)


@dataclass
class Entry:
    campaign: int
    amount: Decimal
    timestamp: datetime
    reference: str = ""
    description: str = ""


class Oracle:
    def __init__(self) -> None:
        self.brands: dict[int, OracleBrand] = {}
        self.campaigns: dict[int, OracleCampaign] = {}
        self.entries: list[Entry] = []

    # Sums

    def of_campaign(self, campaign: int) -> list[Entry]:
        return [entry for entry in self.entries if entry.campaign == campaign]

    def of_brand(self, brand: int) -> list[Entry]:
        return [entry for entry in self.entries if self.campaigns[entry.campaign].brand == brand]

    def day_total(self, campaign: int, day: date) -> Decimal:
        zone = self.brands[self.campaigns[campaign].brand].zone
        return sum((e.amount for e in self.of_campaign(campaign) if local_day(zone, e.timestamp) == day), Decimal(0))

    # The rule

    def budget_holds(self, campaign_id: int, at: datetime) -> set[str]:
        campaign = self.campaigns[campaign_id]
        brand = self.brands[campaign.brand]
        today = local_day(brand.zone, at)
        day, month = first_instant(brand.zone, today), first_instant(brand.zone, today.replace(day=1))
        mine, ours = self.of_campaign(campaign_id), self.of_brand(campaign.brand)
        held = set()
        if reached(mine, campaign.daily_since, day, campaign.daily_budget):
            held.add("DAILY_BUDGET")
        if reached(mine, campaign.monthly_since, month, campaign.monthly_budget):
            held.add("MONTHLY_BUDGET")
        if reached(mine, LONG_AGO, LONG_AGO, campaign.total_budget):
            held.add("TOTAL_BUDGET")
        if reached(ours, brand.daily_since, day, brand.daily_budget):
            held.add("BRAND_DAILY_BUDGET")
        if reached(ours, brand.monthly_since, month, brand.monthly_budget):
            held.add("BRAND_MONTHLY_BUDGET")
        return held

    def due(self, campaign_id: int, at: datetime) -> set[str]:
        campaign = self.campaigns[campaign_id]
        brand = self.brands[campaign.brand]
        held = self.budget_holds(campaign_id, at)
        if not brand.active:
            held.add("BRAND_INACTIVE")
        wall = at.astimezone(ZoneInfo(brand.zone)).replace(tzinfo=None)
        if campaign.windows and not any(window.open_at(wall) for window in campaign.windows):
            held.add("DAYPARTING")
        return held

    def over(self, campaign_id: int, at: datetime) -> bool:
        campaign = self.campaigns[campaign_id]
        today = local_day(self.brands[campaign.brand].zone, at)
        return campaign.end_date is not None and today > campaign.end_date

    # What happens

    def record(self, entry: Entry, at: datetime) -> str:
        campaign = self.campaigns[entry.campaign]
        zone = self.brands[campaign.brand].zone
        if entry.timestamp > at + timedelta(minutes=5):
            return "in_future"
        brand_before = self.brand_holds_after_rollover(campaign.brand, at, roll=entry.campaign)
        for known in self.of_campaign(entry.campaign):
            if entry.reference and known.reference == entry.reference:
                return "duplicate" if known == entry else "conflict"
        if self.day_total(entry.campaign, local_day(zone, entry.timestamp)) + entry.amount < 0:
            return "below_zero"
        self.entries.append(entry)
        concerned = {entry.campaign}
        if self.brand_budgets_reached(campaign.brand) != brand_before:
            concerned |= {pk for pk, other in self.campaigns.items() if other.brand == campaign.brand}
        for pk in concerned:
            self.refresh(pk, at, BUDGET_HOLDS)
        return "recorded"

    def restate(self, campaign_id: int, day: date, total: Decimal, at: datetime) -> str | Decimal:
        zone = self.brands[self.campaigns[campaign_id].brand].zone
        today = local_day(zone, at)
        self.brand_holds_after_rollover(self.campaigns[campaign_id].brand, at, roll=campaign_id)
        if day > today:
            return "in_future"
        next_day = first_instant(zone, day + timedelta(days=1))
        if day < today and first_instant(zone, day) == next_day:
            return "invalid_day"
        difference = total - self.day_total(campaign_id, day)
        if difference:
            timestamp = at if day == today else next_day - timedelta(seconds=1)
            assert self.record(Entry(campaign_id, difference, timestamp), at) == "recorded"
        return difference

    def tick(self, at: datetime, owned: set[str], force: bool = False) -> None:
        for brand in self.brands:
            self.tick_brand(brand, at, owned, force)

    def tick_brand(self, brand_id: int, at: datetime, owned: set[str], force: bool = False) -> None:
        brand = self.brands[brand_id]
        mine = {pk: campaign for pk, campaign in self.campaigns.items() if campaign.brand == brand_id}
        for counters in [brand, *mine.values()]:
            roll_over(counters, brand.zone, at, daily=bool(owned & DAILY_HOLDS), monthly=False, force=force)
            roll_over(counters, brand.zone, at, daily=False, monthly=bool(owned & MONTHLY_HOLDS), force=force)
        today = local_day(brand.zone, at)
        for pk, campaign in mine.items():
            if owned == ENGINE_HOLDS:
                if campaign.end_date and today > campaign.end_date:
                    campaign.status, campaign.holds = "COMPLETED", set()
                elif (
                    campaign.status == "DRAFT"
                    and campaign.start_date
                    and campaign.start_date <= today
                    and self.due(pk, at) <= {"DAYPARTING"}
                ):
                    campaign.status = "ACTIVE"
            self.refresh(pk, at, owned)

    def pause(self, campaign_id: int) -> None:
        campaign = self.campaigns[campaign_id]
        if campaign.status in ("ACTIVE", "PAUSED"):
            campaign.status = "PAUSED"
            campaign.holds.add("MANUAL")

    def resume(self, campaign_id: int, at: datetime) -> None:
        campaign = self.campaigns[campaign_id]
        today = local_day(self.brands[campaign.brand].zone, at)
        if campaign.status == "PAUSED":
            campaign.holds.discard("MANUAL")
            if campaign.end_date and today > campaign.end_date:
                campaign.status, campaign.holds = "COMPLETED", set()
            self.refresh(campaign_id, at, ENGINE_HOLDS)

    def activate(self, campaign_id: int, at: datetime) -> None:
        campaign = self.campaigns[campaign_id]
        today = local_day(self.brands[campaign.brand].zone, at)
        if campaign.status not in ("DRAFT", "COMPLETED"):
            return
        if (campaign.start_date and campaign.start_date > today) or (campaign.end_date and campaign.end_date < today):
            return
        campaign.status = "ACTIVE"
        self.refresh(campaign_id, at, ENGINE_HOLDS)

    def complete(self, campaign_id: int) -> None:
        campaign = self.campaigns[campaign_id]
        campaign.status, campaign.holds = "COMPLETED", set()

    # Steps of those

    def refresh(self, campaign_id: int, at: datetime, owned: set[str]) -> None:
        campaign = self.campaigns[campaign_id]
        if campaign.status in ("ACTIVE", "PAUSED"):
            campaign.holds = (campaign.holds - owned) | (self.due(campaign_id, at) & owned)
            if campaign.status == "PAUSED" and not campaign.holds:
                campaign.holds = self.due(campaign_id, at)  # nothing starts to run that anything holds
                if not campaign.holds and self.over(campaign_id, at):
                    campaign.status = "COMPLETED"
                    return
            campaign.status = "PAUSED" if campaign.holds else "ACTIVE"

    def brand_holds_after_rollover(self, brand_id: int, at: datetime, roll: int) -> set[str]:
        """The ledger begins new periods in what it touches before it posts; which brand budgets are reached then."""
        brand = self.brands[brand_id]
        for counters in (brand, self.campaigns[roll]):
            roll_over(counters, brand.zone, at, daily=True, monthly=True, force=False)
        return self.brand_budgets_reached(brand_id)

    def brand_budgets_reached(self, brand_id: int) -> set[str]:
        brand, ours = self.brands[brand_id], self.of_brand(brand_id)
        return {
            name
            for name, since, budget in (
                ("daily", brand.daily_since, brand.daily_budget),
                ("monthly", brand.monthly_since, brand.monthly_budget),
            )
            if reached(ours, since, since, budget)
        }


def reached(entries: list[Entry], since: datetime, period_start: datetime, budget: Decimal | None) -> bool:
    if budget is None or since < period_start:
        return False
    return counted(entries, since) >= budget


def counted(entries: list[Entry], since: datetime) -> Decimal:
    return sum((entry.amount for entry in entries if entry.timestamp >= since), Decimal(0))


def roll_over(counters: Counters, zone: str, at: datetime, *, daily: bool, monthly: bool, force: bool) -> None:
    today = local_day(zone, at)
    if daily:
        counters.daily_since = at if force else max(counters.daily_since, first_instant(zone, today))
    if monthly:
        month = first_instant(zone, today.replace(day=1))
        counters.monthly_since = at if force else max(counters.monthly_since, month)

"""The rulebook once more, in plain Python: what the system must say, worked out the slow and obvious way.

It shares no code with the rule, the ledger or the periods. Instants are found by looking at a zone's wall clock minute
by minute, counters by adding up entries, and holds are a set of words. It judges what the rulebook judges of entries
that are well-formed; what is no amount or no time at all is not its business.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from zoneinfo import ZoneInfo

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
YEAR_2000 = datetime(2000, 1, 1, tzinfo=UTC)
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
    """What the wall shows, unless the next day had begun before the clock went back over midnight."""
    shown = at.astimezone(ZoneInfo(zone)).date()
    next_day = shown + timedelta(days=1)
    return next_day if at >= first_instant(zone, next_day) else shown


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

    def budget_holds(self, campaign_id: int, at: datetime, *, ticked: bool = False) -> set[str]:
        """The budgets that are reached by the counters as they stand, or as a tick at `at` makes them first."""
        campaign = self.campaigns[campaign_id]
        brand = self.brands[campaign.brand]
        today = local_day(brand.zone, at)
        day, month = first_instant(brand.zone, today), first_instant(brand.zone, today.replace(day=1))
        mine, ours = self.of_campaign(campaign_id), self.of_brand(campaign.brand)

        def reached_since(entries: list[Entry], since: datetime, start: datetime, budget: Decimal | None) -> bool:
            return reached(entries, max(since, start) if ticked else since, start, budget)

        held = set()
        if reached_since(mine, campaign.daily_since, day, campaign.daily_budget):
            held.add("DAILY_BUDGET")
        if reached_since(mine, campaign.monthly_since, month, campaign.monthly_budget):
            held.add("MONTHLY_BUDGET")
        if reached(mine, LONG_AGO, LONG_AGO, campaign.total_budget):
            held.add("TOTAL_BUDGET")
        if reached_since(ours, brand.daily_since, day, brand.daily_budget):
            held.add("BRAND_DAILY_BUDGET")
        if reached_since(ours, brand.monthly_since, month, brand.monthly_budget):
            held.add("BRAND_MONTHLY_BUDGET")
        return held

    def due(self, campaign_id: int, at: datetime, *, ticked: bool = False) -> set[str]:
        """The holds that apply, but for a person's."""
        campaign = self.campaigns[campaign_id]
        brand = self.brands[campaign.brand]
        held = self.budget_holds(campaign_id, at, ticked=ticked)
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

    def decided(self, campaign_id: int, at: datetime) -> tuple[str, set[str]]:
        """The status and holds that a tick of everything gives it at `at`."""
        campaign = self.campaigns[campaign_id]
        if campaign.status == "COMPLETED" or self.over(campaign_id, at):
            return "COMPLETED", set()
        held = self.due(campaign_id, at, ticked=True) | (campaign.holds & {"MANUAL"})
        if campaign.status == "DRAFT":
            today = local_day(self.brands[campaign.brand].zone, at)
            if campaign.start_date is None or campaign.start_date > today or held - {"DAYPARTING"}:
                return "DRAFT", set()
        return ("PAUSED" if held else "ACTIVE"), held

    def next_change(self, campaign_id: int, at: datetime) -> tuple[datetime, str] | None:
        """When the clock alone next changes the status, and to what: 45 days, a quarter of an hour at a time (R21)."""
        now, _ = self.decided(campaign_id, at)
        instant = at.replace(minute=at.minute // 15 * 15, second=0, microsecond=0)
        while instant < at + timedelta(days=45):
            instant += timedelta(minutes=15)
            then, _ = self.decided(campaign_id, instant)
            if then != now:
                return instant, then
        return None

    # What happens

    def record(self, entry: Entry, at: datetime) -> str:
        return self.record_all([entry], at)[0]

    def record_all(self, entries: list[Entry], at: datetime) -> list[str]:
        """Judge entries one after another; then put the budgets' holds right of what they touched (R10, R13)."""
        new = [entry for entry in entries if not self.refused_by_time(entry, at) and not self.known(entry)]
        brands = {self.campaigns[entry.campaign].brand for entry in new}
        for entry in new:
            self.begin_periods(entry.campaign, at)
        before = {pk: self.brand_budgets_reached(pk) for pk in brands}
        verdicts, touched = [], set()
        for entry in entries:
            verdict = self.refused_by_time(entry, at) or self.judge(entry)
            if verdict == "recorded":
                self.entries.append(entry)
                touched.add(entry.campaign)
            verdicts.append(verdict)
        crossed = {pk for pk in brands if self.brand_budgets_reached(pk) != before[pk]}
        for pk, campaign in self.campaigns.items():
            if pk in touched or campaign.brand in crossed:
                self.refresh(pk, at, BUDGET_HOLDS)
        return verdicts

    def refused_by_time(self, entry: Entry, at: datetime) -> str | None:
        if entry.timestamp > at + timedelta(minutes=5):
            return "in_future"
        return "too_old" if entry.timestamp < YEAR_2000 else None

    def known(self, entry: Entry) -> Entry | None:
        """The entry of the campaign that has this one's reference."""
        if not entry.reference:
            return None
        same = [known for known in self.of_campaign(entry.campaign) if known.reference == entry.reference]
        return same[0] if same else None

    def judge(self, entry: Entry) -> str:
        if known := self.known(entry):
            return "duplicate" if known == entry else "conflict"
        zone = self.brands[self.campaigns[entry.campaign].brand].zone
        if self.day_total(entry.campaign, local_day(zone, entry.timestamp)) + entry.amount < 0:
            return "below_zero"
        return "recorded"

    def restate(self, campaign_id: int, day: date, total: Decimal, at: datetime) -> str | Decimal:
        if total < 0:
            return "below_zero"
        brand = self.brands[self.campaigns[campaign_id].brand]
        today = local_day(brand.zone, at)
        self.begin_periods(campaign_id, at)
        if day > today:
            return "in_future"
        if day < YEAR_2000.date():
            return "too_old"
        next_day = first_instant(brand.zone, day + timedelta(days=1))
        if day < today and first_instant(brand.zone, day) == next_day:
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
        for pk, campaign in mine.items():
            if owned == ENGINE_HOLDS:
                campaign.status, campaign.holds = self.decided(pk, at)
            else:
                self.refresh(pk, at, owned)

    def move(self, brand_id: int, zone: str) -> bool:
        """Give the brand another zone, on which its periods begin anew; not once it has spend (R4)."""
        if self.of_brand(brand_id):
            return False
        brand = self.brands[brand_id]
        brand.zone = zone
        for counters in [brand, *(campaign for campaign in self.campaigns.values() if campaign.brand == brand_id)]:
            counters.daily_since = counters.monthly_since = LONG_AGO
        return True

    def pause(self, campaign_id: int) -> None:
        campaign = self.campaigns[campaign_id]
        if campaign.status in ("ACTIVE", "PAUSED"):
            campaign.status = "PAUSED"
            campaign.holds.add("MANUAL")

    def resume(self, campaign_id: int, at: datetime) -> None:
        campaign = self.campaigns[campaign_id]
        if campaign.status == "PAUSED":
            campaign.holds.discard("MANUAL")
            if self.over(campaign_id, at):
                campaign.status, campaign.holds = "COMPLETED", set()
            self.refresh(campaign_id, at, ENGINE_HOLDS)

    def activate(self, campaign_id: int, at: datetime) -> None:
        campaign = self.campaigns[campaign_id]
        today = local_day(self.brands[campaign.brand].zone, at)
        if campaign.status not in ("DRAFT", "COMPLETED") or self.over(campaign_id, at):
            return
        if campaign.start_date and campaign.start_date > today:
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

    def begin_periods(self, campaign_id: int, at: datetime) -> None:
        """The ledger begins new periods in what it posts to, before it does."""
        campaign = self.campaigns[campaign_id]
        brand = self.brands[campaign.brand]
        for counters in (brand, campaign):
            roll_over(counters, brand.zone, at, daily=True, monthly=True, force=False)

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

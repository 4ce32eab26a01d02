"""The books: what the ledger knows of some campaigns while one batch is posted to it.

Entries are judged here one after another, each on what those before it left, whatever the database. What was posted
is in memory until the books are closed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import UTC, date, datetime
from decimal import Decimal

from campaigns import enforcement
from campaigns.entries import DayTotal, Rejected, SpendEntry, refuse_conflict, refuse_day
from campaigns.holds import Hold
from campaigns.models import Brand, Campaign
from campaigns.money import MAX_TOTAL, format_amount, from_micros, to_micros
from campaigns.periods import LocalClock, last_second, local_clock, local_date
from campaigns.rules import PERIODS, Period
from campaigns.storage import (
    BRAND_DAYS,
    CAMPAIGN_DAYS,
    Account,
    DayChange,
    DayKey,
    Posting,
    ReferenceKey,
    brand_accounts,
    brand_ids_of,
    campaign_accounts,
    storage,
)

_MAX_TOTAL_MICROS = to_micros(MAX_TOTAL)
_NEVER = datetime.max.replace(tzinfo=UTC)


class Books:
    """Some campaigns' counters, days and references, under their brands' locks.

    Opened and closed in one transaction. Posting changes what is in memory; `close` writes it down.
    """

    def __init__(self, campaign_ids: Collection[int], at: datetime) -> None:
        self.at = at.astimezone(UTC)
        self.store = storage()
        brands = Brand.objects.only("timezone", "currency").lock(brand_ids_of(campaign_ids))
        zones = {brand.pk: brand.timezone for brand in brands}
        by_zone = {zone: local_clock(zone, at) for zone in set(zones.values())}
        self.clocks: dict[int, LocalClock] = {pk: by_zone[zone] for pk, zone in zones.items()}
        self.currencies = {brand.pk: brand.currency for brand in brands}
        self.brands: dict[int, Account] = {}
        self.campaigns: dict[int, Account] = {}
        self.begun: set[int] = set()  # campaigns of which a counter, or their brand's, began a new period here
        self.campaigns_before: dict[int, tuple[bool, ...]] = {}  # which budgets were reached, of what is posted to
        self.brands_before: dict[int, tuple[bool, ...]] = {}
        self.references: dict[ReferenceKey, SpendEntry] = {}
        self.days: dict[DayKey, int] = {}  # what is recorded of the days that were recalled
        self.brand_days: dict[DayKey, int] = {}  # what days cost, with what is posted, that no counter bounds
        self.day_changes: dict[DayKey, DayChange] = {}
        self.posted: list[Posting] = []

    def recall(self, entries: Iterable[SpendEntry]) -> None:
        """Look up what is recorded under the references of `entries`, and on the days that some take from."""
        entries = list(entries)
        keys = [(entry.campaign_id, entry.reference) for entry in entries if entry.reference]
        known = self.store.known_entries(keys) if keys else ()
        for campaign_id, reference, micros, timestamp, description in known:
            self.references[campaign_id, reference] = SpendEntry(
                campaign_id, from_micros(micros), timestamp, reference, description
            )
        new = [entry for entry in entries if (entry.campaign_id, entry.reference) not in self.references]
        self._open({entry.campaign_id for entry in new})
        # Only what takes money from a day can make it cost less than nothing.
        self._recall_days(
            {
                (entry.campaign_id, self._day_of(entry))
                for entry in new
                if entry.amount < 0 and entry.campaign_id in self.campaigns
            }
        )
        bounded_from = self._bounded_from()
        late = [entry for entry in new if entry.timestamp < bounded_from]
        self._recall_brand_days(
            (entry.campaign_id, self._day_of(entry)) for entry in late if entry.campaign_id in self.campaigns
        )

    def recall_days(self, keys: Iterable[DayKey]) -> None:
        """Look up the recorded totals of campaigns' local days."""
        wanted = set(keys)
        self._open({campaign_id for campaign_id, _ in wanted})
        self._recall_days(wanted)
        self._recall_brand_days(wanted)

    def post_entry(self, entry: SpendEntry) -> bool:
        """Post an entry; False where it is there already. Raises Rejected."""
        key = (entry.campaign_id, entry.reference)
        known = self.references.get(key)
        if known is not None:
            refuse_conflict(entry, known)
            return False
        campaign = self._campaign(entry.campaign_id)
        self._post(
            campaign,
            Posting(
                entry.campaign_id,
                to_micros(entry.amount),
                entry.timestamp,
                self._day_of(entry),
                entry.reference,
                entry.description,
            ),
        )
        if entry.reference:
            self.references[key] = entry
        return True

    def post_total(self, total: DayTotal) -> Decimal:
        """Post the difference between a day's recorded total and what it is to be, and give it. Raises Rejected."""
        campaign = self._campaign(total.campaign_id)
        clock = self.clocks[campaign.brand_id]
        refuse_day(total.day, clock)
        difference = to_micros(total.total) - self._day_so_far((campaign.pk, total.day))
        if difference:
            timestamp = self.at if total.day == clock.today else last_second(clock.zone, total.day)
            self._post(campaign, Posting(campaign.pk, difference, timestamp, total.day, "", total.description))
        return from_micros(difference)

    def close(self, actor: str) -> list[int]:
        """Write down what was posted, put the budget holds right, and give the campaigns that this paused."""
        if not self.posted:
            return []
        touched = {posting.campaign_id for posting in self.posted}
        brands = {self.campaigns[pk].brand_id for pk in touched}
        self.store.add_entries(self.posted, self.at)
        self.store.add_to_days(self.day_changes, self._brand_day_changes())
        self.store.set_counters([self.campaigns[pk] for pk in touched], [self.brands[pk] for pk in brands])
        changes = enforcement.enforce(*self._concerned(touched), owned=Hold.BUDGETS, actor=actor)
        return [change.campaign_id for change in changes if change.pauses]

    def _brand_day_changes(self) -> dict[DayKey, DayChange]:
        """What the changes of campaigns' days add up to for their brands."""
        changes: dict[DayKey, DayChange] = {}
        for (campaign_id, day), added in self.day_changes.items():
            brand = self.brands[self.campaigns[campaign_id].brand_id]
            change = changes.get((brand.pk, day))
            if change is None:
                daily_budget = brand.daily_budget if added.is_today else None
                change = changes[brand.pk, day] = DayChange(0, added.is_today, daily_budget)
            change.micros += added.micros
        return changes

    def _concerned(self, touched: set[int]) -> tuple[set[int], set[int], list[LocalClock]]:
        """Campaigns and brands of which the rule may say something else of budgets now, and the clocks of their zones.

        Those whose budgets were reached or left by what was posted, that began a period here over a budget, or that
        one holds: perhaps one whose period has ended. A brand concerns campaigns that the batch did not touch.
        """
        held = {pk for pk in touched if self.campaigns[pk].holds & Hold.BUDGETS}
        begun_over = {pk for pk in self.begun & touched if self._is_over(self.campaigns[pk])}
        campaigns = _crossed(self.campaigns_before, self.campaigns) | begun_over | held
        brands = _crossed(self.brands_before, self.brands)
        clocks = {self.clocks[pk] for pk in brands | {self.campaigns[pk].brand_id for pk in campaigns}}
        return campaigns, brands, list(clocks)

    def _is_over(self, campaign: Account) -> bool:
        return any(campaign.reached) or any(self.brands[campaign.brand_id].reached)

    def _open(self, campaign_ids: Collection[int]) -> None:
        """Read the accounts of these campaigns, as far as their brands are locked, with their periods begun."""
        self.campaigns = campaign_accounts(campaign_ids, self.clocks)
        self.brands = brand_accounts({campaign.brand_id for campaign in self.campaigns.values()})
        self._begin_periods()

    def _recall_days(self, keys: Collection[DayKey]) -> None:
        if keys:
            self.days = self.store.day_amounts(CAMPAIGN_DAYS, keys)

    def _recall_brand_days(self, keys: Iterable[DayKey]) -> None:
        """Look up what the brands' days cost to which these campaigns' days belong, where no counter bounds it.

        All else is bounded: a campaign's day by what it cost in all, and a brand's day by the month that it is in.
        """
        owners = ((self.campaigns[pk].brand_id, day) for pk, day in keys if pk in self.campaigns)
        days = {(pk, day) for pk, day in owners if self._is_cut(pk) or day < self.clocks[pk].today.replace(day=1)}
        if days:
            self.brand_days = dict.fromkeys(days, 0) | self.store.day_amounts(BRAND_DAYS, days)

    def _bounded_from(self) -> datetime:
        """From when on the counters of their months bound the days of all brands here."""
        if any(self._is_cut(pk) for pk in self.brands):
            return _NEVER
        return max((self.clocks[pk].month_start for pk in self.brands), default=_NEVER)

    def _is_cut(self, brand_id: int) -> bool:
        """Whether the brand's month was restarted within it: its counter may miss part of any day."""
        return self.brands[brand_id].monthly_since != self.clocks[brand_id].month_start

    def _begin_periods(self) -> None:
        """Roll over the counters whose day or month has ended, so that what is posted counts in the current one."""
        for period in PERIODS:
            for start, brands in self._old(self.brands, period).items():
                enforcement.roll_over(Brand.objects.filter(pk__among=brands), period, start)
                self.brands.update(brand_accounts(brands))
                begun = set(brands)
                self.begun |= {pk for pk, campaign in self.campaigns.items() if campaign.brand_id in begun}
            for start, campaigns in self._old(self.campaigns, period).items():
                enforcement.roll_over(Campaign.objects.filter(pk__among=campaigns), period, start)
                self.campaigns.update(campaign_accounts(campaigns, self.brands))
                self.begun.update(campaigns)

    def _old(self, accounts: dict[int, Account], period: Period) -> dict[datetime, list[int]]:
        """The accounts whose counter is of an earlier period, by the start of their current one."""
        starts = {pk: period.start(clock) for pk, clock in self.clocks.items()}
        old: dict[datetime, list[int]] = defaultdict(list)
        for pk, account in accounts.items():
            start = starts[account.brand_id]
            if getattr(account, period.since) < start:
                old[start].append(pk)
        return old

    def _campaign(self, campaign_id: int) -> Account:
        campaign = self.campaigns.get(campaign_id)
        if campaign is None:
            raise Rejected("unknown_campaign", f"There is no campaign {campaign_id}.")
        return campaign

    def _day_of(self, entry: SpendEntry) -> date:
        clock = self.clocks[self.campaigns[entry.campaign_id].brand_id]
        if clock.day_start <= entry.timestamp < clock.day_end:
            return clock.today
        return local_date(clock.zone, entry.timestamp)

    def _day_so_far(self, key: DayKey) -> int:
        """What a recalled day costs with what was posted to it here."""
        change = self.day_changes.get(key)
        return self.days.get(key, 0) + (change.micros if change else 0)

    def _post(self, campaign: Account, posting: Posting) -> None:
        _, micros, timestamp, day, *_ = posting
        brand = self.brands[campaign.brand_id]
        key = (campaign.pk, day)
        if micros < 0 and self._day_so_far(key) + micros < 0:
            raise Rejected(
                "below_zero",
                f"{self._shown(micros, brand)} would make {day} of this campaign cost less than nothing: "
                f"it has {self._shown(self._day_so_far(key), brand)}.",
            )
        if campaign.passes(_MAX_TOTAL_MICROS, micros, timestamp) or brand.passes(_MAX_TOTAL_MICROS, micros, timestamp):
            raise Rejected("too_large", f"A counter would pass {MAX_TOTAL:,}, the most that it can hold.")
        of_brand = self.brand_days.get((brand.pk, day)) if self.brand_days else None
        if of_brand is not None:
            if micros > 0 and of_brand + micros > _MAX_TOTAL_MICROS:
                raise Rejected(
                    "too_large",
                    f"{day} of this brand would cost more than {MAX_TOTAL:,}, the most that a day can hold.",
                )
            self.brand_days[brand.pk, day] = of_brand + micros
        if campaign.pk not in self.campaigns_before:
            self.campaigns_before[campaign.pk] = campaign.reached
        if brand.pk not in self.brands_before:
            self.brands_before[brand.pk] = brand.reached
        campaign.count(micros, timestamp)
        brand.count(micros, timestamp)
        change = self.day_changes.get(key)
        if change is None:
            is_today = day == self.clocks[campaign.brand_id].today
            change = self.day_changes[key] = DayChange(0, is_today, campaign.daily_budget if is_today else None)
        change.micros += micros
        self.posted.append(posting)

    def _shown(self, micros: int, brand: Account) -> str:
        return format_amount(from_micros(micros), self.currencies[brand.pk])


def _crossed(before: dict[int, tuple[bool, ...]], accounts: dict[int, Account]) -> set[int]:
    """The accounts of which what was posted reached a budget, or left one."""
    return {pk for pk, reached in before.items() if accounts[pk].reached != reached}

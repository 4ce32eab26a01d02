"""The ledger: the only writer of spend and of the counters that sum it up.

Entries are judged one by one and written a batch at a time, each batch in one transaction: entries, days, counters
and the pauses that they cause are there together or not at all. Amounts are in the campaign's brand's currency.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from typing import TypeVar

from django.db import transaction

from campaigns import enforcement
from campaigns.audit import Difference, find_differences
from campaigns.entries import (
    DayTotal,
    Rejected,
    Rejection,
    SpendEntry,
    refuse_conflict,
    refuse_day,
    sound_amount,
    sound_entry,
    sound_total,
)
from campaigns.models import Brand, Campaign, DailySpend, SpendLog
from campaigns.money import MAX_TOTAL, ZERO, format_amount
from campaigns.periods import last_second, local_clock, local_date, require_aware
from campaigns.rules import PERIODS, Period

__all__ = [
    "DayTotal",
    "Rejected",
    "Rejection",
    "SpendEntry",
    "SpendReceipt",
    "TotalsReceipt",
    "record_arrival",
    "record_spend",
    "repair",
    "set_daily_total",
    "set_daily_totals",
]

# Entries judged and written in one transaction.
BATCH_SIZE = 10_000
# Rows whose counters one UPDATE sets: its CASE grows with them.
COUNTERS_PER_UPDATE = 500

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(slots=True)
class SpendReceipt:
    """What became of the entries sent, said after the commit."""

    recorded: int = 0
    duplicate_indexes: array[int] = field(default_factory=lambda: array("q"))  # the places of entries known already
    rejected: list[Rejection] = field(default_factory=list)
    paused: list[int] = field(default_factory=list)  # campaigns that this spend paused

    @property
    def duplicates(self) -> int:
        return len(self.duplicate_indexes)


@dataclass(slots=True)
class TotalsReceipt:
    """What became of the days' totals sent, said after the commit."""

    differences: dict[int, Decimal] = field(default_factory=dict)  # by index of those taken; 0: nothing to change
    rejected: list[Rejection] = field(default_factory=list)
    paused: list[int] = field(default_factory=list)


def record_spend(entries: Iterable[SpendEntry], *, at: datetime, actor: str = "") -> SpendReceipt:
    """Record entries, each judged on its own (R10), and pause what reaches a budget, in the same transaction (R13).

    `at` (aware) is now. Refused, with a code: `invalid_amount`, `unknown_campaign`, `invalid_timestamp` (naive),
    `in_future` (by more than 5 minutes), `too_old` (before 2000), `invalid_text`, `conflict` (a known reference with
    other content, R8), `below_zero` (the campaign's day would be, R9), `too_large` (a counter would overflow).
    Takes an iterator of any length, in batches of BATCH_SIZE that are committed one after another. Raises ValueError
    for a naive `at`.
    """
    require_aware(at)
    receipt = SpendReceipt()
    for batch in _batches(entries):
        sound = _sift(batch, lambda entry: sound_entry(entry, at), receipt.rejected)
        with transaction.atomic():
            books = _Books({entry.campaign_id for _, entry in sound}, at)
            books.recall(entry for _, entry in sound)
            posted = _sift(sound, books.post_entry, receipt.rejected)
            receipt.paused += books.close(actor)
        receipt.recorded += sum(new for _, new in posted)
        receipt.duplicate_indexes.extend(index for index, new in posted if not new)
    receipt.rejected.sort(key=lambda rejection: rejection.index)
    return receipt


def record_arrival(
    campaign_id: int,
    amount: Decimal | str,
    *,
    at: datetime,
    reference: str = "",
    description: str = "",
    actor: str = "",
) -> SpendReceipt:
    """Record spend that carries no time of its own: it counts as spent when it first arrives.

    So the same message delivered later is the same content, and a duplicate (R8), though its time is another.
    `amount` may be the text that came over the wire; it is judged like all else.
    """
    try:
        exact = sound_amount(amount)
    except Rejected as reason:
        return SpendReceipt(rejected=[Rejection(0, reason.code, reason.message)])
    receipt = record_spend([SpendEntry(campaign_id, exact, at, reference, description)], at=at, actor=actor)
    if [rejection.code for rejection in receipt.rejected] == ["conflict"]:
        first = SpendLog.objects.get(campaign=campaign_id, reference=reference)
        if (first.amount, first.description) == (exact, description):
            return SpendReceipt(duplicate_indexes=array("q", [0]))
    return receipt


def set_daily_total(
    campaign_id: int, day: date, total: Decimal, *, at: datetime, actor: str = "", description: str = ""
) -> Decimal:
    """Make the campaign's local `day` cost `total`, by an entry of the difference, and give that difference (R9).

    0 where nothing changed. Raises Rejected with the codes of `set_daily_totals`.
    """
    receipt = set_daily_totals([DayTotal(campaign_id, day, total, description)], at=at, actor=actor)
    for rejection in receipt.rejected:
        raise Rejected(rejection.code, rejection.message)
    return receipt.differences[0]


def set_daily_totals(totals: Iterable[DayTotal], *, at: datetime, actor: str = "") -> TotalsReceipt:
    """Make days cost what their platforms say now: each by an entry of the difference to what is recorded (R9).

    The entry is stamped inside its day: `at` on the current day, the last second of an earlier one. Judged one by one
    and batched as `record_spend` does. Refused: `invalid_amount`, `unknown_campaign`, `below_zero`, `in_future` (a day
    that has not begun), `too_old`, `invalid_day` (the zone skipped that date), `invalid_text`, `too_large`.
    """
    require_aware(at)
    receipt = TotalsReceipt()
    for batch in _batches(totals):
        sound = _sift(batch, sound_total, receipt.rejected)
        with transaction.atomic():
            books = _Books({total.campaign_id for _, total in sound}, at)
            books.recall_days((total.campaign_id, total.day) for _, total in sound)
            differences = _sift(sound, books.post_total, receipt.rejected)
            receipt.paused += books.close(actor)
        receipt.differences.update(differences)
    receipt.rejected.sort(key=lambda rejection: rejection.index)
    return receipt


def repair(brand_ids: Collection[int] | None, *, at: datetime, actor: str) -> list[Difference]:
    """Set every counter and day to the sum of its entries, brand by brand (R11), and put the budget holds right.

    Gives what was wrong. The entries themselves stay as they are.
    """
    require_aware(at)
    repaired: list[Difference] = []
    brands = Brand.objects.all() if brand_ids is None else Brand.objects.filter(pk__in=brand_ids)
    for brand_id in list(brands.order_by("pk").values_list("pk", flat=True)):
        with transaction.atomic():
            Brand.objects.lock([brand_id])
            differences = list(find_differences([brand_id]))
            for difference in differences:
                _restore(difference)
            if differences:
                enforcement.enforce_budgets([], [brand_id], at=at, actor=actor)
        repaired += differences
    return repaired


def _restore(difference: Difference) -> None:
    if difference.day is not None:
        DailySpend.objects.update_or_create(
            campaign_id=difference.id, day=difference.day, defaults={"amount": difference.actual}
        )
    elif difference.kind == "brand":
        Brand.objects.filter(pk=difference.id).update(**{difference.counter: difference.actual})
    else:
        Campaign.objects.filter(pk=difference.id).update(**{difference.counter: difference.actual})


class _Books:
    """What the ledger knows of some campaigns, under their brands' locks, while one batch is posted to it.

    Opened and closed in one transaction. Posting changes what is in memory; `close` writes it down.
    """

    def __init__(self, campaign_ids: Collection[int], at: datetime) -> None:
        self.at = at
        brand_ids = Campaign.objects.filter(pk__in=campaign_ids).order_by().values_list("brand_id", flat=True)
        self.brands = {brand.pk: brand for brand in Brand.objects.lock(set(brand_ids))}
        self.campaigns = Campaign.objects.filter(brand__in=self.brands).in_bulk(campaign_ids)
        self.clocks = {brand.pk: local_clock(brand.timezone, at) for brand in self.brands.values()}
        self._begin_periods()
        self.brands_before = self._brands_over_budget()
        self.references: dict[tuple[int, str], SpendLog] = {}
        self.days: dict[tuple[int, date], DailySpend] = {}
        self.posted: list[SpendLog] = []

    def recall(self, entries: Iterable[SpendEntry]) -> None:
        """Look up what is recorded under the references and on the days of `entries`, a query each."""
        entries = [entry for entry in entries if entry.campaign_id in self.campaigns]
        known = SpendLog.objects.filter(
            campaign__in={entry.campaign_id for entry in entries if entry.reference},
            reference__in={entry.reference for entry in entries if entry.reference},
        )
        self.references = {(entry.campaign_id, entry.reference): entry for entry in known}
        self.recall_days((entry.campaign_id, self._day_of(entry)) for entry in entries)

    def recall_days(self, keys: Iterable[tuple[int, date]]) -> None:
        """Look up the recorded totals of campaigns' local days."""
        keys = set(keys)
        known = DailySpend.objects.filter(campaign__in={key[0] for key in keys}, day__in={key[1] for key in keys})
        self.days = {(day.campaign_id, day.day): day for day in known}

    def post_entry(self, entry: SpendEntry) -> bool:
        """Post an entry; False where it is there already. Raises Rejected."""
        campaign = self._campaign(entry.campaign_id)
        known = self.references.get((entry.campaign_id, entry.reference))
        if known is not None:
            refuse_conflict(entry, known)
            return False
        self._post(campaign, self._day_of(entry), entry.amount, entry.timestamp, entry.reference, entry.description)
        return True

    def post_total(self, total: DayTotal) -> Decimal:
        """Post the difference between a day's recorded total and what it is to be, and give it. Raises Rejected."""
        campaign = self._campaign(total.campaign_id)
        clock = self.clocks[campaign.brand_id]
        refuse_day(total.day, clock)
        known = self.days.get((campaign.pk, total.day))
        difference = total.total - (known.amount if known else ZERO)
        if difference:
            timestamp = self.at if total.day == clock.today else last_second(clock.zone, total.day)
            self._post(campaign, total.day, difference, timestamp, "", total.description)
        return difference

    def close(self, actor: str) -> list[int]:
        """Write down what was posted, put the budget holds right, and give the campaigns that this paused."""
        if not self.posted:
            return []
        touched = {entry.campaign_id: self.campaigns[entry.campaign_id] for entry in self.posted}
        touched_days = [self.days[key] for key in {(entry.campaign_id, entry.day) for entry in self.posted}]
        SpendLog.objects.bulk_create(self.posted, batch_size=BATCH_SIZE)
        DailySpend.objects.bulk_create(
            touched_days,
            update_conflicts=True,
            unique_fields=["campaign", "day"],
            update_fields=["amount", "daily_budget"],
        )
        counters = [period.spend for period in PERIODS]
        Campaign.objects.bulk_update(touched.values(), [*counters, "total_spend"], batch_size=COUNTERS_PER_UPDATE)
        brands = {campaign.brand_id for campaign in touched.values()}
        Brand.objects.bulk_update([self.brands[pk] for pk in brands], counters, batch_size=COUNTERS_PER_UPDATE)
        # Only a brand that crossed a budget concerns campaigns that this batch did not touch.
        crossed = {pk for pk, _period in self.brands_before ^ self._brands_over_budget()}
        changes = enforcement.enforce_budgets(touched, crossed, at=self.at, actor=actor)
        return [
            change.campaign_id
            for change in changes
            if change.from_status == Campaign.Status.ACTIVE and change.to_status == Campaign.Status.PAUSED
        ]

    def _begin_periods(self) -> None:
        """Roll over the counters whose day or month has ended, so that what is posted counts in the current one."""
        for period in PERIODS:
            for start in {period.start(clock) for clock in self.clocks.values()}:
                brands = [pk for pk in self.brands if self._is_old(self.brands[pk], period, pk, start)]
                if brands:
                    enforcement.roll_over(Brand.objects.filter(pk__in=brands), period, start)
                    self.brands.update(Brand.objects.in_bulk(brands))
                campaigns = [
                    pk for pk, each in self.campaigns.items() if self._is_old(each, period, each.brand_id, start)
                ]
                if campaigns:
                    enforcement.roll_over(Campaign.objects.filter(pk__in=campaigns), period, start)
                    self.campaigns.update(Campaign.objects.in_bulk(campaigns))

    def _is_old(self, counted: Brand | Campaign, period: Period, brand_id: int, start: datetime) -> bool:
        """Whether the current period of this counter begins at `start`, and the counter is of an earlier one."""
        return period.start(self.clocks[brand_id]) == start and getattr(counted, period.since) < start

    def _brands_over_budget(self) -> set[tuple[int, str]]:
        return {
            (pk, period.name)
            for pk, brand in self.brands.items()
            for period in PERIODS
            if (budget := getattr(brand, f"{period.name}_budget")) is not None
            and getattr(brand, period.spend) >= budget
        }

    def _campaign(self, campaign_id: int) -> Campaign:
        if campaign_id not in self.campaigns:
            raise Rejected("unknown_campaign", f"There is no campaign {campaign_id}.")
        return self.campaigns[campaign_id]

    def _day_of(self, entry: SpendEntry) -> date:
        return local_date(self.brands[self.campaigns[entry.campaign_id].brand_id].timezone, entry.timestamp)

    def _post(
        self, campaign: Campaign, day: date, amount: Decimal, timestamp: datetime, reference: str, description: str
    ) -> None:
        brand = self.brands[campaign.brand_id]
        clock = self.clocks[campaign.brand_id]
        row = self.days.get((campaign.pk, day)) or DailySpend(campaign=campaign, day=day, amount=ZERO)
        if row.amount + amount < ZERO:
            raise Rejected(
                "below_zero",
                f"{format_amount(amount, brand.currency)} would make {day} of this campaign cost less than nothing: "
                f"it has {format_amount(row.amount, brand.currency)}.",
            )
        counters = _counted(campaign, timestamp) + _counted(brand, timestamp)
        if any(abs(getattr(counted, name) + amount) > MAX_TOTAL for counted, name in counters):
            raise Rejected("too_large", f"A counter would pass {MAX_TOTAL:,}, the most that it can hold.")

        for counted, name in counters:
            setattr(counted, name, getattr(counted, name) + amount)
        row.amount += amount
        if day == clock.today:
            row.daily_budget = campaign.daily_budget
        self.days[campaign.pk, day] = row
        entry = SpendLog(
            campaign=campaign,
            amount=amount,
            timestamp=timestamp,
            day=day,
            recorded_at=self.at,
            reference=reference,
            description=description,
        )
        self.posted.append(entry)
        if reference:
            self.references[campaign.pk, reference] = entry


def _counted(counted: Brand | Campaign, timestamp: datetime) -> list[tuple[Brand | Campaign, str]]:
    """The counters of a brand or campaign in which spend of `timestamp` counts (R11)."""
    names = [period.spend for period in PERIODS if timestamp >= getattr(counted, period.since)]
    if isinstance(counted, Campaign):
        names.append("total_spend")
    return [(counted, name) for name in names]


def _batches(items: Iterable[Item]) -> Iterator[list[tuple[int, Item]]]:
    """The items with their index, BATCH_SIZE at a time."""
    numbered = enumerate(items)
    while batch := list(islice(numbered, BATCH_SIZE)):
        yield batch


def _sift(
    items: Iterable[tuple[int, Item]], judge: Callable[[Item], Result], rejected: list[Rejection]
) -> list[tuple[int, Result]]:
    """What `judge` makes of each item; the ones that it raises Rejected for go to `rejected`."""
    passed = []
    for index, item in items:
        try:
            passed.append((index, judge(item)))
        except Rejected as reason:
            rejected.append(Rejection(index, reason.code, str(reason)))
    return passed

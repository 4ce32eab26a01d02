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
from campaigns.books import Books
from campaigns.bulk import no_search_for_cycles
from campaigns.entries import (
    DayTotal,
    Rejected,
    Rejection,
    SpendEntry,
    sound_amount,
    sound_entry,
    sound_total,
)
from campaigns.holds import Hold
from campaigns.models import Brand, BrandDailySpend, Campaign, DailySpend, SpendLog
from campaigns.periods import local_clock, require_aware

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
    other content, R8), `below_zero` (the campaign's day would be, R9), `too_large` (a counter or a day would overflow).
    Takes an iterator of any length, in batches of BATCH_SIZE that are committed one after another. Raises ValueError
    for a naive `at`.
    """
    require_aware(at)
    receipt = SpendReceipt()
    for batch in _batches(entries):
        sound = _sift(batch, lambda entry: sound_entry(entry, at), receipt.rejected)
        with transaction.atomic(), no_search_for_cycles():
            books = Books({entry.campaign_id for _, entry in sound}, at)
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
        with transaction.atomic(), no_search_for_cycles():
            books = Books({total.campaign_id for _, total in sound}, at)
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
            (brand,) = Brand.objects.lock([brand_id])
            differences = list(find_differences([brand_id]))
            for difference in differences:
                _restore(difference)
            if differences:
                clock = local_clock(brand.timezone, at)
                enforcement.enforce([], [brand.pk], [clock], owned=Hold.BUDGETS, actor=actor)
        repaired += differences
    return repaired


def _restore(difference: Difference) -> None:
    sum_of_day = {"amount": difference.actual}
    if difference.day is not None and difference.kind == "brand":
        BrandDailySpend.objects.update_or_create(brand_id=difference.id, day=difference.day, defaults=sum_of_day)
    elif difference.day is not None:
        DailySpend.objects.update_or_create(campaign_id=difference.id, day=difference.day, defaults=sum_of_day)
    elif difference.kind == "brand":
        Brand.objects.filter(pk=difference.id).update(**{difference.counter: difference.actual})
    else:
        Campaign.objects.filter(pk=difference.id).update(**{difference.counter: difference.actual})


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

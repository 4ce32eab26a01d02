"""Rows of spend files into the ledger: names become campaigns, rows become days or entries, each with a verdict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db import transaction

from campaigns import enforcement
from campaigns.entries import refuse_day
from campaigns.importing import BadRow, SpendRow
from campaigns.ledger import (
    BATCH_SIZE,
    DayTotal,
    Rejected,
    SpendEntry,
    record_spend,
    set_daily_totals,
)
from campaigns.models import Brand, Campaign
from campaigns.money import ZERO
from campaigns.periods import day_start, local_clock


@dataclass(frozen=True, slots=True)
class NewBrands:
    """What a brand that the import makes gets, beside its name and the currency that the file may state."""

    timezone: ZoneInfo
    currency: str


@dataclass(slots=True)
class ImportReceipt:
    """What became of the rows of a file."""

    rows: int = 0
    bad: list[BadRow] = field(default_factory=list)
    brands_created: list[str] = field(default_factory=list)
    campaigns_created: list[str] = field(default_factory=list)
    days: int = 0  # campaign-days that the good rows speak of
    recorded: int = 0  # entries written to the ledger
    duplicates: int = 0
    paused: list[int] = field(default_factory=list)
    totals: dict[str, Decimal] = field(default_factory=dict)  # by currency: the sum of the rows that could be read

    @property
    def refused(self) -> int:
        """How many rows do not count."""
        return sum(bad.rows for bad in self.bad)


def import_daily_totals(
    rows: Iterable[SpendRow | BadRow], *, at: datetime, actor: str, create: NewBrands | None = None
) -> ImportReceipt:
    """Sum the rows of each campaign and day and make that sum the day's total, so that importing again changes nothing.

    Memory grows with campaign-days, not with rows. `create` makes brands and campaigns that are missing; without it
    their rows are bad.
    """
    receipt = ImportReceipt()
    directory = _Directory(receipt, at, actor, create)
    totals: dict[tuple[int, date], Decimal] = {}
    lines: dict[tuple[int, date], tuple[int, int]] = {}  # where a day's first row begins, and how many it has
    for row, campaign in directory.resolve(rows):
        key = (campaign.pk, row.day)
        totals[key] = totals.get(key, ZERO) + row.amount
        first, count = lines.get(key, (row.line, 0))
        lines[key] = (first, count + 1)

    keys = sorted(totals)
    result = set_daily_totals(
        (DayTotal(campaign_id, day, totals[campaign_id, day]) for campaign_id, day in keys), at=at, actor=actor
    )
    for rejection in result.rejected:
        campaign_id, day = keys[rejection.index]
        message = f"{directory.names[campaign_id]} on {day}: {rejection.message}"
        first, count = lines[campaign_id, day]
        receipt.bad.append(BadRow(first, rejection.code, message, count))
    receipt.days = len(result.differences)
    receipt.recorded = sum(difference != ZERO for difference in result.differences.values())
    receipt.paused = result.paused
    return receipt


def import_entries(
    rows: Iterable[SpendRow | BadRow], *, digest: str, at: datetime, actor: str, create: NewBrands | None = None
) -> ImportReceipt:
    """Record each row as an entry of its own, stamped at the first instant of its day.

    A row without a reference gets one from `digest`, which identifies the file, and its line: the same file imported
    twice counts once (R8).
    """
    receipt = ImportReceipt()
    directory = _Directory(receipt, at, actor, create)
    days: set[tuple[int, date]] = set()
    batch: list[tuple[SpendRow, SpendEntry]] = []

    def flush() -> None:
        result = record_spend([entry for _, entry in batch], at=at, actor=actor)
        refused = {rejection.index for rejection in result.rejected}
        for rejection in result.rejected:
            receipt.bad.append(BadRow(batch[rejection.index][0].line, rejection.code, rejection.message))
        days.update((entry.campaign_id, row.day) for index, (row, entry) in enumerate(batch) if index not in refused)
        receipt.recorded += result.recorded
        receipt.duplicates += result.duplicates
        receipt.paused += result.paused
        batch.clear()

    for row, campaign in directory.resolve(rows):
        reference = row.reference or f"file:{digest}:{row.line}"
        timestamp = day_start(campaign.brand.timezone, row.day)
        entry = SpendEntry(campaign.pk, row.amount, timestamp, reference, row.description)
        batch.append((row, entry))
        if len(batch) == BATCH_SIZE:
            flush()
    flush()
    receipt.days = len(days)
    return receipt


class _BadName(Exception):
    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column = column


class _Directory:
    """Brands and campaigns by the names that a file uses; makes the missing ones where that is wanted."""

    def __init__(self, receipt: ImportReceipt, at: datetime, actor: str, create: NewBrands | None) -> None:
        self.receipt = receipt
        self.at = at
        self.actor = actor
        self.create = create
        self.brands: dict[str, Brand] = {}
        self.campaigns: dict[tuple[str, str], Campaign] = {}
        self.names: dict[int, str] = {}

    def resolve(self, rows: Iterable[SpendRow | BadRow]) -> Iterator[tuple[SpendRow, Campaign]]:
        """The good rows with their campaigns; the bad ones go to the receipt."""
        for row in rows:
            self.receipt.rows += 1
            if isinstance(row, BadRow):
                self.receipt.bad.append(row)
                continue
            try:
                campaign = self._campaign(row)
            except _BadName as error:
                self.receipt.bad.append(BadRow(row.line, error.column, str(error)))
                continue
            except Rejected as refused:
                self.receipt.bad.append(BadRow(row.line, "date", refused.message))
                continue
            currency = campaign.brand.currency
            self.receipt.totals[currency] = self.receipt.totals.get(currency, ZERO) + row.amount
            yield row, campaign

    def _campaign(self, row: SpendRow) -> Campaign:
        """The row's campaign, made where that is wanted, unless its day cannot be. Raises _BadName, Rejected."""
        brand = self._brand(row)
        if row.currency and row.currency != brand.currency:
            raise _BadName("currency", f"{row.currency!r} is not the currency of {brand.name}, {brand.currency}.")
        refuse_day(row.day, local_clock(brand.timezone, self.at))
        key = (row.brand, row.campaign)
        if key not in self.campaigns:
            found = Campaign.objects.filter(brand=brand, name=row.campaign).first()
            campaign = found or self._new_campaign(brand, row.campaign)
            campaign.brand = brand
            self.campaigns[key] = campaign
            self.names[campaign.pk] = f"{brand.name}, {campaign.name}"
        return self.campaigns[key]

    def _brand(self, row: SpendRow) -> Brand:
        if row.brand not in self.brands:
            self.brands[row.brand] = Brand.objects.filter(name=row.brand).first() or self._new_brand(row)
        return self.brands[row.brand]

    def _new_brand(self, row: SpendRow) -> Brand:
        if self.create is None:
            raise _BadName("brand", f"there is no brand {row.brand!r}.")
        refuse_day(row.day, local_clock(self.create.timezone, self.at))
        _refuse_invalid(Campaign(name=row.campaign), "campaign", exclude={"brand"})  # no brand for its sake
        currency = row.currency or self.create.currency
        brand = Brand(name=row.brand, timezone=self.create.timezone, currency=currency)
        _refuse_invalid(brand, "brand")
        brand.save()
        self.receipt.brands_created.append(brand.name)
        return brand

    def _new_campaign(self, brand: Brand, name: str) -> Campaign:
        if self.create is None:
            raise _BadName("campaign", f"{brand.name} has no campaign {name!r}.")
        campaign = Campaign(brand=brand, name=name)
        _refuse_invalid(campaign, "campaign")
        with transaction.atomic():
            campaign.save()
            # What already costs money is running.
            enforcement.activate([campaign.pk], at=self.at, actor=self.actor)
        self.receipt.campaigns_created.append(f"{brand.name}, {name}")
        return campaign


def _refuse_invalid(new: Brand | Campaign, column: str, exclude: set[str] | None = None) -> None:
    try:
        new.full_clean(exclude=exclude)
    except ValidationError as error:
        raise _BadName(column, " ".join(error.messages)) from error

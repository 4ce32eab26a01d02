"""Files of spend into the ledger: names become campaigns, rows become days or entries, each with a verdict.

A file is read to its end onto a staging sheet before anything counts, so one that breaks off leaves nothing behind.
A dry run goes the same way and stops short of the ledger.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction
from django.db.models import BigIntegerField, CharField
from django.db.models.functions import Cast

from campaigns import enforcement
from campaigns.bulk import no_search_for_cycles
from campaigns.entries import DayTotal, Rejected, Rejection, SpendEntry, refuse_day, sound_total
from campaigns.importing import SpendFile
from campaigns.ledger import BATCH_SIZE, record_spend, set_daily_totals
from campaigns.matching import Missing, NewBrands, match_names
from campaigns.models import Brand, Campaign, DailySpend
from campaigns.money import MAX_AMOUNT, MICROS, ZERO
from campaigns.periods import day_start, local_clock
from campaigns.receipts import FileSum, ImportReceipt
from campaigns.staging import EXACT, Sheet, StagedRow, Watch, to_amount, to_date, to_micros

__all__ = [
    "ImportReceipt",
    "Missing",
    "NewBrands",
    "Overtaken",
    "Sheet",
    "import_daily_totals",
    "import_entries",
]

NOTHING_MISSING = Missing()
# Days on the sheet: their id there, campaign, day, and total.
DAYS_TO_SET = """
    select day.id, campaign_id, day, units, micros from day join campaign on campaign.id = day.campaign
    where day.id > :after and code is null order by day.id limit :size
"""
DAYS_REFUSED = DAYS_TO_SET.replace("code is null", "code is not null")
# Campaigns made, or given their IDs, by one statement.
CAMPAIGNS_AT_ONCE = 1_000


class Overtaken(Exception):
    """Somebody made or changed brands or campaigns of the file while it was imported. Nothing of it counts."""

    def __str__(self) -> str:
        return "Somebody made or changed campaigns of this file meanwhile. Import it again."


def unwatched(_step: str, _done: int, _total: int) -> None:
    """Nobody looks."""


@no_search_for_cycles()
def import_daily_totals(
    file: SpendFile,
    sheet: Sheet,
    *,
    at: datetime,
    actor: str,
    missing: Missing = NOTHING_MISSING,
    dry_run: bool = False,
    watch: Watch = unwatched,
) -> ImportReceipt:
    """Sum the rows of each campaign and day and make that sum the day's total, so that importing again changes nothing.

    `sheet` is a new one; the receipt's lists are read from it. `missing` says what is made where the file names
    something that is not there. `dry_run` changes nothing and says what would change; only the pauses that spend
    would cause it does not know. Raises UnreadableFile, and then nothing was imported.
    """
    receipt = _stage(file, sheet, missing, dry_run, watch)
    _judge_days(sheet, at)
    _judge_totals(sheet)
    _mark_what_counts(sheet)
    if dry_run:
        _foresee_totals(receipt, watch)
    else:
        _make_missing(sheet, at, actor)
        _set_totals(receipt, at, actor, watch)
    _recall_refused_days(sheet)
    _refuse_days(sheet)
    _complete(receipt)
    receipt.recorded = sheet.value("select coalesce(sum(changes), 0) from month")
    return receipt


@no_search_for_cycles()
def import_entries(
    file: SpendFile,
    sheet: Sheet,
    *,
    digest: str,
    at: datetime,
    actor: str,
    missing: Missing = NOTHING_MISSING,
    dry_run: bool = False,
    watch: Watch = unwatched,
) -> ImportReceipt:
    """Record each row as an entry of its own, stamped at the first instant of its day.

    A row without a reference gets one from `digest`, which identifies the file, and its line: the same file imported
    twice counts once (R8). What becomes of an entry depends on those before it, so `dry_run` records them all and
    takes them back: meanwhile other spend of the brands waits. For the rest see `import_daily_totals`.
    """
    receipt = _stage(file, sheet, missing, dry_run, watch)
    _judge_days(sheet, at)
    _refuse_days(sheet)
    _mark_what_counts(sheet)
    with _taken_back() if dry_run else nullcontext():
        _make_missing(sheet, at, actor)
        _record_rows(receipt, digest, at, actor, watch)
    sheet.run("""
        update day set
            recorded = kept.recorded,
            difference = kept.difference,
            code = iif(kept.refused = kept.rows, 'refused', null),
            reason = iif(kept.refused, 'Rows of it were refused.', null)
        from (
            select campaign, day, count(*) as rows, sum(fate is 'refused') as refused,
                sum(iif(fate is not 'refused', micros / 1000000, 0)) * 1000000
                + sum(iif(fate is not 'refused', micros % 1000000, 0)) as recorded,
                sum(iif(fate is null, micros / 1000000, 0)) * 1000000
                + sum(iif(fate is null, micros % 1000000, 0)) as difference
            from row join label on label.id = row.label where campaign is not null group by campaign, day
        ) as kept
        where kept.campaign = day.campaign and kept.day = day.day and code is null
    """)
    _complete(receipt)
    return receipt


def _stage(file: SpendFile, sheet: Sheet, missing: Missing, dry_run: bool, watch: Watch) -> ImportReceipt:
    """Read the file to its end, and sum its days."""
    rows = sheet.fill(file.rows, watch)
    match_names(sheet, missing)
    sheet.sum_days()
    return ImportReceipt(sheet, file.format, dry_run, rows=rows, stated_total=file.stated_total)


def _judge_days(sheet: Sheet, at: datetime) -> None:
    """Refuse the days that spend cannot belong to, zone by zone (R7)."""
    sheet.run("create table bad_day (zone text, day text, code text, reason text, primary key (zone, day))")
    days = [date.fromisoformat(day) for (day,) in sheet.select("select distinct day from day")]
    for (zone,) in list(sheet.select("select distinct zone from brand")):
        clock = local_clock(ZoneInfo(zone), at)
        for day in days:
            try:
                refuse_day(day, clock)
            except Rejected as refused:
                values = (zone, day.isoformat(), refused.code, refused.message)
                sheet.run("insert into bad_day values (?, ?, ?, ?)", *values)
    sheet.run("""
        update day set field = 'date', code = bad_day.code, reason = bad_day.reason
        from bad_day, brand, campaign
        where bad_day.day = day.day and bad_day.zone = brand.zone
        and brand.name = campaign.brand and campaign.id = day.campaign
    """)


def _judge_totals(sheet: Sheet) -> None:
    """Refuse the totals that no day can have; the ledger's own judge says why."""
    doubtful = """
        select id, campaign, day, units, micros from day
        where id > :after and code is null and (units + micros / 1e6 < 0 or units + micros / 1e6 >= :most)
        order by id limit :size
    """
    for batch in sheet.batches(doubtful, BATCH_SIZE, most=int(MAX_AMOUNT)):
        for id, campaign, day, *total in batch:
            try:
                sound_total(DayTotal(campaign, date.fromisoformat(day), to_amount(*total)))
            except Rejected as refused:
                _refuse_total(sheet, id, refused)


def _refuse_total(sheet: Sheet, id: int, refused: Rejected | Rejection) -> None:
    sheet.run("update day set field = 'amount', code = ?, reason = ? where id = ?", refused.code, refused.message, id)


def _mark_what_counts(sheet: Sheet) -> None:
    sheet.run("update campaign set counts = 1 where id in (select campaign from day where code is null)")


def _make_missing(sheet: Sheet, at: datetime, actor: str) -> None:
    """Make the brands and campaigns that are new, and give external IDs, where any of their days counts."""
    try:
        with transaction.atomic():
            _make_brands(sheet)
            brands = sheet.select("""
                select brand_id from brand
                where name in (select brand from campaign where counts and (is_new or linked))
            """)
            Brand.objects.lock([brand_id for (brand_id,) in brands])
            _make_campaigns(sheet, at, actor)
            _give_ids(sheet, at)
    except IntegrityError as error:
        raise Overtaken from error


def _make_brands(sheet: Sheet) -> None:
    new = "select name, zone, currency from brand where is_new and name in (select brand from campaign where counts)"
    for name, zone, currency in list(sheet.select(new)):
        brand = Brand.objects.create(name=name, timezone=zone, currency=currency)
        sheet.run("update brand set brand_id = ? where name = ?", brand.pk, name)


def _make_campaigns(sheet: Sheet, at: datetime, actor: str) -> None:
    new = """
        select campaign.id, brand_id, campaign.name, external_id
        from campaign join brand on brand.name = campaign.brand
        where campaign.id > :after and campaign.is_new and counts order by campaign.id limit :size
    """
    for batch in sheet.batches(new, CAMPAIGNS_AT_ONCE):
        made = Campaign.objects.bulk_create(
            Campaign(brand_id=brand_id, name=name, external_id=external_id) for _, brand_id, name, external_id in batch
        )
        ids = [(campaign.pk, row[0]) for campaign, row in zip(made, batch, strict=True)]
        sheet.run_many("update campaign set campaign_id = ? where id = ?", ids)
        # What already costs money is running.
        enforcement.activate([campaign.pk for campaign in made], at=at, actor=actor)


def _give_ids(sheet: Sheet, at: datetime) -> None:
    linked = """
        select id, campaign_id, external_id from campaign
        where id > :after and linked and counts order by id limit :size
    """
    for batch in sheet.batches(linked, CAMPAIGNS_AT_ONCE):
        campaigns = Campaign.objects.filter(external_id="").in_bulk([campaign_id for _, campaign_id, _ in batch])
        if len(campaigns) < len(batch):
            raise Overtaken
        for _, campaign_id, external_id in batch:
            campaigns[campaign_id].external_id = external_id
            campaigns[campaign_id].updated_at = at
        Campaign.objects.bulk_update(campaigns.values(), ["external_id", "updated_at"])


def _foresee_totals(receipt: ImportReceipt, watch: Watch) -> None:
    """Note what the ledger has for the days, and what the import would change that by."""
    sheet = receipt.sheet
    done, count = 0, sheet.value("select count(*) from day where code is null")
    for batch in sheet.batches(DAYS_TO_SET, BATCH_SIZE):
        recorded = _recorded(batch)
        noted = [
            (known := recorded.get((campaign_id, day), 0), units * MICROS + micros - known, id)
            for id, campaign_id, day, units, micros in batch
        ]
        sheet.run_many("update day set recorded = ?, difference = ? where id = ?", noted)
        done += len(batch)
        watch("Checking", done, count)


def _set_totals(receipt: ImportReceipt, at: datetime, actor: str, watch: Watch) -> None:
    """Make the days cost what the file says, and note what that changed and what the ledger has for them now."""
    sheet = receipt.sheet
    done, count = 0, sheet.value("select count(*) from day where code is null")
    for batch in sheet.batches(DAYS_TO_SET, BATCH_SIZE):
        totals = [DayTotal(campaign_id, to_date(day), to_amount(*total)) for _, campaign_id, day, *total in batch]
        result = set_daily_totals(totals, at=at, actor=actor)
        receipt.paused += result.paused
        recorded = _recorded(batch)
        noted = [
            (recorded.get((row[1], row[2]), 0), to_micros(result.differences.get(index, ZERO)), row[0])
            for index, row in enumerate(batch)
        ]
        sheet.run_many("update day set recorded = ?, difference = ? where id = ?", noted)
        for rejection in result.rejected:
            _refuse_total(sheet, batch[rejection.index][0], rejection)
        done += len(batch)
        watch("Recording", done, count)


def _recorded(batch: list[tuple[Any, ...]]) -> dict[tuple[int, str], int]:
    """What the ledger has, in micros, for days (id on the sheet, campaign, day, ...); some more may be among them."""
    campaign_ids = {row[1] for row in batch if row[1] is not None}
    known = DailySpend.objects.filter(campaign__in=campaign_ids, day__in={row[2] for row in batch}).order_by()
    # As they are kept: made into dates and decimals, a million of them would take longer than all else.
    kept = known.values_list("campaign_id", Cast("day", CharField()), Cast("amount", BigIntegerField()))
    return {(campaign_id, day): micros for campaign_id, day, micros in kept}


def _record_rows(receipt: ImportReceipt, digest: str, at: datetime, actor: str, watch: Watch) -> None:
    """Record the rows as entries, and note on the sheet which were known and which are refused."""
    sheet = receipt.sheet
    done = 0
    for rows in sheet.rows(BATCH_SIZE):
        result = record_spend((_entry(row, digest) for row in rows), at=at, actor=actor)
        known = [("duplicate", rows[index].id) for index in result.duplicate_indexes]
        refused = [("refused", rows[rejection.index].id) for rejection in result.rejected]
        sheet.run_many("update row set fate = ? where id = ?", known + refused)
        for rejection in result.rejected:
            row = rows[rejection.index]
            values = (row.line, rejection.code, rejection.message, to_micros(row.amount))
            sheet.run("insert into refusal values (?, 'amount', ?, ?, 1, 0, ?)", *values)
        receipt.recorded += result.recorded
        receipt.duplicates += result.duplicates
        receipt.paused += result.paused
        done += len(rows)
        watch("Recording", done, receipt.rows)


def _entry(row: StagedRow, digest: str) -> SpendEntry:
    return SpendEntry(
        row.campaign_id,
        row.amount,
        day_start(ZoneInfo(row.zone), row.day),
        row.reference or f"file:{digest}:{row.line}",
        row.description,
    )


def _recall_refused_days(sheet: Sheet) -> None:
    """Note what the ledger has for the days that are refused, and keeps."""
    for batch in sheet.batches(DAYS_REFUSED, BATCH_SIZE):
        recorded = _recorded(batch)
        noted = [(recorded.get((row[1], row[2]), 0), row[0]) for row in batch]
        sheet.run_many("update day set recorded = ? where id = ?", noted)


def _refuse_days(sheet: Sheet) -> None:
    sheet.run("""
        insert into refusal
        select line, field, code, iif(field = 'amount', brand || ', ' || name || ' on ' || day || ': ', '') || reason,
            rows, units, micros
        from day join campaign on campaign.id = day.campaign where code is not null
    """)


def _complete(receipt: ImportReceipt) -> None:
    """Fill in the figures that are read from the sheet at the end."""
    sheet = receipt.sheet
    receipt.refused = sheet.value("select coalesce(sum(rows), 0) from refusal")
    receipt.days = sheet.value("select count(*) from day where code is null")
    sheet.run("""
        insert into rounding select campaign, exact_sum(rounding)
        from detail join row on row.id = detail.row join label on label.id = row.label
        where rounding is not null and campaign is not null group by campaign
    """)
    sheet.run("""
        insert into month
        select campaign, substr(day, 1, 7) as month, sum(rows), count(*), sum(units), sum(micros),
            sum(recorded / 1000000), sum(recorded % 1000000),
            sum(difference / 1000000), sum(difference % 1000000), sum(difference <> 0)
        from day group by campaign, month
    """)
    sums = sheet.select("""
        select coalesce(nullif(label.currency, ''), brand.currency, '') as shown,
            coalesce(exact_sum(rounding) filter (where rounding is not null), '0'),
            sum(micros / 1000000), sum(micros % 1000000)
        from row
        join label on label.id = row.label
        left join brand on brand.name = label.brand
        left join detail on detail.row = row.id
        group by shown order by shown
    """)
    for currency, rounding, *total in sums:
        rounded = Decimal(rounding)
        receipt.sums.append(FileSum(currency, EXACT.subtract(to_amount(*total), rounded), rounded))


@contextmanager
def _taken_back() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)

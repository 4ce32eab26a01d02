"""`record_spend` beside COPY into an identical table, and beside what a plain Django application would do."""

from __future__ import annotations

import random
import sys
from datetime import date, datetime
from statistics import quantiles

from django.db import connection, transaction

from benchmarks.agency import AT, entries, found, seconds, tell
from campaigns.ledger import BATCH_SIZE, SpendEntry, record_spend
from campaigns.models import Brand, Campaign, DailySpend, SpendLog

BATCHES = 10
SINGLES = 300


def main(campaigns: int) -> None:
    found(campaigns)
    draw = random.Random(campaigns)
    ids = list(Campaign.objects.order_by("pk").values_list("pk", flat=True))
    make_yardstick()
    # Once around first, so that each campaign has its row of the day, as it has all day but for its first minutes.
    record_spend(entries(ids, "first"), at=AT)

    copied = recorded = again = 0.0
    for number in range(BATCHES):
        batch = list(entries(draw.choices(ids, k=BATCH_SIZE), f"batch-{number}"))
        copied += seconds(copy, batch)
        recorded += seconds(record_spend, batch, at=AT)
        again += seconds(record_spend, batch, at=AT)
    count = BATCHES * BATCH_SIZE
    tell(
        "record_spend, batches of 10,000, references on",
        beside="COPY into an identical table, committed batch by batch",
        ratio=f"{copied / recorded:.2f} of its speed",
        to_reach=">= 0.25 at 100,000",
        figures=f"{count / recorded:,.0f} entries/s; COPY {count / copied:,.0f}",
    )
    tell(
        "the same batches again, all duplicates",
        beside="the first time",
        ratio=f"{recorded / again:.1f}x faster",
        to_reach=">= 2x",
        figures=f"{count / again:,.0f} entries/s",
    )
    compare_with_plain(draw.choices(ids, k=SINGLES), recorded / count)
    single_entries(draw.choices(ids, k=SINGLES))


def compare_with_plain(ids: list[int], seconds_an_entry: float, *, prefix: str = "") -> None:
    plain = sum(seconds(record_plainly, entry) for entry in entries(ids, "plain")) / len(ids)
    tell(
        f"{prefix}record_spend, batches of 10,000",
        beside="read, modify, save: one event at a time through the ORM",
        ratio=f"{plain / seconds_an_entry:.0f}x faster",
        to_reach=">= 30x",
        figures=f"plain: {1 / plain:,.0f} entries/s",
    )


def single_entries(ids: list[int], *, prefix: str = "") -> None:
    each = [seconds(record_spend, [entry], at=AT) * 1000 for entry in entries(ids, "single")]
    percentiles = quantiles(each, n=100)
    tell(f"{prefix}record_spend, one entry", figures=f"p50 {percentiles[49]:.1f} ms, p99 {percentiles[98]:.1f} ms")


def make_yardstick() -> None:
    """A table with all that the ledger's has: columns, defaults, checks, indexes and the foreign key."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE yardstick (LIKE campaigns_spendlog INCLUDING ALL)")
        cursor.execute(
            "ALTER TABLE yardstick ADD FOREIGN KEY (campaign_id) REFERENCES campaigns_campaign"
            " DEFERRABLE INITIALLY DEFERRED"
        )


def copy(batch: list[SpendEntry]) -> None:
    columns = "campaign_id, amount, timestamp, day, recorded_at, reference, description"
    day = AT.date()
    with (
        transaction.atomic(),
        connection.cursor() as cursor,
        cursor.copy(f"COPY yardstick ({columns}) FROM STDIN") as copying,
    ):
        for entry in batch:
            copying.write_row((entry.campaign_id, 1250000, AT, day, AT, entry.reference, ""))


@transaction.atomic
def record_plainly(entry: SpendEntry) -> None:
    """One event as a simple application would record it. Not safe: two at once would lose one."""
    campaign = Campaign.objects.select_related("brand").get(pk=entry.campaign_id)
    if SpendLog.objects.filter(campaign=campaign, reference=entry.reference).exists():
        return
    day: date = entry.timestamp.astimezone(campaign.brand.timezone).date()
    now: datetime = entry.timestamp
    SpendLog.objects.create(
        campaign=campaign, amount=entry.amount, timestamp=now, day=day, recorded_at=now, reference=entry.reference
    )
    daily, _ = DailySpend.objects.get_or_create(campaign=campaign, day=day, defaults={"amount": 0})
    daily.amount += entry.amount
    daily.save()
    brand: Brand = campaign.brand
    for counted in (campaign, brand):
        counted.daily_spend += entry.amount
        counted.monthly_spend += entry.amount
    campaign.total_spend += entry.amount
    if campaign.daily_budget is not None and campaign.daily_spend >= campaign.daily_budget:
        campaign.status, campaign.holds = "PAUSED", 4
    campaign.save()
    brand.save()


if __name__ == "__main__":
    main(int(sys.argv[1]))

"""The ledger on SQLite: batches beside its own plain baseline, and one entry alone."""

from __future__ import annotations

import random
import sys

from django.core.management import call_command

from benchmarks.agency import AT, CAMPAIGNS_PER_BRAND, ZONES, entries, seconds, tell
from benchmarks.ledger import SINGLES, compare_with_plain, single_entries
from campaigns.ledger import BATCH_SIZE, record_spend
from campaigns.models import Brand, Campaign

BATCHES = 5


def main(campaigns: int) -> None:
    call_command("migrate", verbosity=0)
    brands = Brand.objects.bulk_create(
        Brand(name=f"Brand {number}", timezone=ZONES[number % 12], currency="EUR")
        for number in range(campaigns // CAMPAIGNS_PER_BRAND)
    )
    Campaign.objects.bulk_create(
        Campaign(brand=brands[number % len(brands)], name=f"Campaign {number}", status="ACTIVE")
        for number in range(campaigns)
    )
    ids = list(Campaign.objects.order_by("pk").values_list("pk", flat=True))
    record_spend(entries(ids, "first"), at=AT)
    draw = random.Random(campaigns)
    batches = [list(entries(draw.choices(ids, k=BATCH_SIZE), f"batch-{number}")) for number in range(BATCHES)]
    recorded = sum(seconds(record_spend, batch, at=AT) for batch in batches)
    again = sum(seconds(record_spend, batch, at=AT) for batch in batches)
    count = BATCHES * BATCH_SIZE
    tell(
        "SQLite: the same batches again, all duplicates",
        beside="the first time",
        ratio=f"{recorded / again:.1f}x faster",
        figures=f"{count / recorded:,.0f} entries/s; again {count / again:,.0f}",
    )
    compare_with_plain(draw.choices(ids, k=SINGLES), recorded / count, prefix="SQLite: ")
    single_entries(draw.choices(ids, k=SINGLES), prefix="SQLite: ")


if __name__ == "__main__":
    main(int(sys.argv[1]))

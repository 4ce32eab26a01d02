"""The memory of a process that records a million entries from an iterator."""

from __future__ import annotations

import random
import sys

from benchmarks.agency import AT, entries, found, peak, tell
from campaigns.ledger import record_spend
from campaigns.models import Campaign

ENTRIES = 1_000_000


def main(campaigns: int) -> None:
    found(campaigns)
    ids = list(Campaign.objects.order_by("pk").values_list("pk", flat=True))
    draw = random.Random(campaigns)
    record_spend(entries(draw.choices(ids, k=ENTRIES // 10), "warm-up"), at=AT)
    before = peak()
    chosen = draw.choices(ids, k=ENTRIES // 10)
    record_spend((entry for tag in range(10) for entry in entries(chosen, f"tag-{tag}")), at=AT)
    after = peak()
    tell(
        f"memory while recording {ENTRIES:,} entries from an iterator",
        ratio=f"{after:.0f} MB",
        to_reach="<= 200 MB, flat",
        figures=f"{before:.0f} MB after the first {ENTRIES // 10:,}",
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))

"""A file of a million rows, each a campaign's day of its own, through the command `import_spend`, and again."""

from __future__ import annotations

import io
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

from django.core.management import call_command

from benchmarks.agency import AT, found, peak, seconds, tell

ROWS = 1_000_000


def main(campaigns: int) -> None:
    found(campaigns)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "spend.csv"
        write(file, campaigns)
        first = seconds(call_command, "import_spend", str(file), stdout=io.StringIO())
        again = seconds(call_command, "import_spend", str(file), stdout=io.StringIO())
    tell(
        f"import_spend, {ROWS:,} rows, each a day of a campaign",
        ratio=f"{ROWS / first:,.0f} rows/s, {peak():.0f} MB",
        to_reach=">= 20,000 rows/s, < 200 MB",
        figures=f"again, nothing changed: {ROWS / again:,.0f} rows/s",
    )


def write(file: Path, campaigns: int) -> None:
    brands = campaigns // 100
    with file.open("w") as out:
        out.write("date,brand,campaign,amount\n")
        for row in range(ROWS):
            back, campaign = divmod(row, campaigns)
            day = AT.date() - timedelta(days=back + 1)
            # As `found` has given them to their brands.
            out.write(f"{day},Brand {(campaign + 1) % brands + 1},Campaign {campaign + 1},{row % 977}.{row % 100:02}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))

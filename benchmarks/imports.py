"""Files of a million rows through the command `import_spend`: with several rows a campaign's day, and with one."""

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
        usual, worst = Path(folder) / "usual.csv", Path(folder) / "worst.csv"
        write(usual, campaigns, rows_a_day=4, days_before=0)
        write(worst, campaigns, rows_a_day=1, days_before=ROWS // 4 // campaigns)
        first = seconds(call_command, "import_spend", str(usual), stdout=io.StringIO())
        again = seconds(call_command, "import_spend", str(usual), stdout=io.StringIO())
        tell(
            f"import_spend, {ROWS:,} rows, four a day of a campaign",
            ratio=f"{ROWS / first:,.0f} rows/s, {peak():.0f} MB",
            to_reach=">= 20,000 rows/s, < 200 MB",
            figures=f"again, nothing changed: {ROWS / again:,.0f} rows/s",
        )
        first = seconds(call_command, "import_spend", str(worst), stdout=io.StringIO())
        tell(
            f"import_spend, {ROWS:,} rows, each a day of its own",
            ratio=f"{ROWS / first:,.0f} rows/s, {peak():.0f} MB",
            figures=f"{ROWS:,} entries and days written",
        )


def write(file: Path, campaigns: int, *, rows_a_day: int, days_before: int) -> None:
    """A plain CSV of ROWS rows: campaigns as `found` gives them to their brands, on days before the days before AT."""
    brands = campaigns // 100
    with file.open("w") as out:
        out.write("date,brand,campaign,amount\n")
        for row in range(ROWS):
            back, campaign = divmod(row // rows_a_day, campaigns)
            day = AT.date() - timedelta(days=days_before + back + 1)
            out.write(f"{day},Brand {(campaign + 1) % brands + 1},Campaign {campaign + 1},{row % 977}.{row % 100:02}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))

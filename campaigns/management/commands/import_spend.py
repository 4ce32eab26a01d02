from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from campaigns.importing import Columns, Reading, UnreadableFile, open_spend
from campaigns.intake import ImportReceipt, NewBrands, import_daily_totals, import_entries
from campaigns.management.base import with_progress
from campaigns.money import format_money

ACTOR = "command:import_spend"


class Command(BaseCommand):
    help = (
        "Import a CSV of spend (- for standard input). Rows of one campaign and day are summed and set as that day's "
        "total, so importing again changes nothing. Exits with 1 where a row was refused; the good ones count."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE")
        parser.add_argument("--date-column", default="date", metavar="NAME")
        parser.add_argument("--brand-column", default="brand", metavar="NAME")
        parser.add_argument(
            "--campaign-column",
            action="append",
            metavar="NAME",
            help="Given again: the campaign is named by these columns together, joined by ' / '; an empty one is "
            "written (blank).",
        )
        parser.add_argument("--amount-column", default="amount", metavar="NAME")
        parser.add_argument("--brand", default="", metavar="NAME", help="The brand of the whole file.")
        parser.add_argument("--create-missing", action="store_true", help="Make brands and campaigns that are missing.")
        parser.add_argument("--timezone", default=settings.TIME_ZONE, metavar="ZONE", help="Of brands made here.")
        parser.add_argument(
            "--currency",
            default=settings.DEFAULT_CURRENCY,
            metavar="CODE",
            help="Of brands made here, unless a row says.",
        )
        parser.add_argument("--add", action="store_true", help="Record each row as an entry of its own.")

    def handle(self, *_: Any, **options: Any) -> None:
        columns = Columns(
            date=options["date_column"],
            brand=options["brand_column"],
            campaign=tuple(options["campaign_column"] or ["campaign"]),
            amount=options["amount_column"],
        )
        reading = Reading(brand=options["brand"].strip(), columns=columns)
        create = NewBrands(_zone(options["timezone"]), options["currency"]) if options["create_missing"] else None
        at = timezone.now()
        with _opened(options["file"]) as file:
            try:
                # Read once through first, so that a file that breaks off halfway leaves nothing behind.
                count = sum(1 for _ in open_spend(file, reading).rows)
                digest = _digest(file)
                rows = with_progress(open_spend(file, reading).rows, "Rows", count)
                if options["add"]:
                    receipt = import_entries(rows, digest=digest, at=at, actor=ACTOR, create=create)
                else:
                    receipt = import_daily_totals(rows, at=at, actor=ACTOR, create=create)
            except UnreadableFile as error:
                raise CommandError(f"{options['file']}: {error} Nothing was imported.") from error
        self.report(receipt)

    def report(self, receipt: ImportReceipt) -> None:
        for name in receipt.brands_created:
            self.stdout.write(f"New brand: {name}")
        for name in receipt.campaigns_created:
            self.stdout.write(f"New campaign: {name}")
        for currency, total in sorted(receipt.totals.items()):
            self.stdout.write(f"Rows that could be read add up to {format_money(total, currency)}")
        self.stdout.write(
            f"{receipt.rows} rows, {receipt.refused} refused; {receipt.days} days of campaigns; "
            f"{receipt.recorded} entries recorded, {receipt.duplicates} duplicates."
        )
        if receipt.paused:
            self.stdout.write(f"Campaigns paused by it: {', '.join(map(str, receipt.paused))}")
        if receipt.bad:
            for bad in sorted(receipt.bad, key=lambda row: row.line):
                self.stderr.write(str(bad))
            raise CommandError(f"{receipt.refused} rows were refused, see above. The others count.")


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except Exception as error:  # KeyError, ValueError or OSError, by the kind of nonsense
        raise CommandError(f"{name!r} is no time zone, such as Europe/Berlin.", returncode=2) from error


@contextmanager
def _opened(name: str) -> Iterator[BinaryIO]:
    """The file, or a copy of standard input or a pipe, that can be read more than once."""
    try:
        file = sys.stdin.buffer if name == "-" else Path(name).open("rb")  # noqa: SIM115  # closed below
    except OSError as error:
        raise CommandError(f"{name} cannot be read: {error.strerror}.") from error
    with file:
        if name != "-" and file.seekable():
            yield file
            return
        with tempfile.TemporaryFile() as copy:
            shutil.copyfileobj(file, copy)
            copy.seek(0)
            yield copy


def _digest(file: BinaryIO) -> str:
    """A name for the file's content, short enough for a reference; leaves the file at its beginning."""
    file.seek(0)
    digest = hashlib.sha256()
    while block := file.read(1_000_000):
        digest.update(block)
    file.seek(0)
    return digest.hexdigest()[:24]

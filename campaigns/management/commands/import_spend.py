from __future__ import annotations

import hashlib
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, TypeVar
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser, OutputWrapper
from django.utils import timezone
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from campaigns.currencies import CURRENCIES
from campaigns.importing import Columns, Reading, UnreadableFile, open_spend
from campaigns.intake import (
    ImportReceipt,
    Missing,
    NewBrands,
    Overtaken,
    Sheet,
    import_daily_totals,
    import_entries,
)
from campaigns.management.base import progress_watch, while_somebody_reads
from campaigns.matching import beside
from campaigns.money import ZERO, format_amount
from campaigns.receipts import CampaignLine, Listing, MonthLine, line_as_json

ACTOR = "command:import_spend"
# Lines of a list on a terminal, and of a table elsewhere.
MOST_SHOWN = 20
MOST_IN_A_TABLE = 1_000

Line = TypeVar("Line")
Figures = TypeVar("Figures", CampaignLine, MonthLine)


class Command(BaseCommand):
    help = (
        "Import spend from an ad platform's export, or any CSV or XLSX (- for standard input). Rows of one campaign "
        "and day are summed and set as that day's total, so importing again changes nothing. Exits with 1 where a row "
        "was refused, or the rows miss the file's own total; the good ones count."
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
        parser.add_argument("--external-id-column", default="external_id", metavar="NAME")
        parser.add_argument(
            "--date-format",
            choices=["DMY", "MDY", "YMD"],
            default="",
            help="The order of day, month and year, where the dates of the file do not show it.",
        )
        parser.add_argument(
            "--decimal",
            choices=[".", ","],
            default="",
            help="The decimal mark, where the amounts of the file do not show it.",
        )
        parser.add_argument(
            "--round", action="store_true", help="Round amounts of more than six decimals, instead of refusing them."
        )
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
        parser.add_argument("--dry-run", action="store_true", help="Say what would change, and change nothing.")
        parser.add_argument("--format", choices=["text", "json"], default="text")

    def handle(self, *_: Any, **options: Any) -> None:
        reading, missing = _reading(options), _missing(options)
        settled: dict[str, Any] = {
            "missing": missing,
            "dry_run": options["dry_run"],
            "at": timezone.now(),
            "actor": ACTOR,
        }
        with _opened(options["file"]) as file, Sheet() as sheet:
            try:
                with progress_watch() as watch:
                    if options["add"]:
                        digest = _digest(file)
                        spend = open_spend(file, reading)
                        receipt = import_entries(spend, sheet, digest=digest, watch=watch, **settled)
                    else:
                        spend = open_spend(file, reading)
                        receipt = import_daily_totals(spend, sheet, watch=watch, **settled)
            except (UnreadableFile, Overtaken) as error:
                raise CommandError(_shown(f"{options['file']}: {error} Nothing was imported.")) from error
            with while_somebody_reads():
                if options["format"] == "json":
                    self.write_json(receipt)
                else:
                    self.write_text(receipt)
        if faults := list(_faults(receipt)):
            raise CommandError(_shown(" ".join(faults)))

    def write_text(self, receipt: ImportReceipt) -> None:
        """What happened on stdout, and on stderr what somebody should look at."""
        for brand in self.some(receipt.new_brands, self.stdout):
            self.say(
                self.stdout,
                f"New brand: {brand.brand} ({brand.timezone}, {brand.currency}){_not_the(brand.brand, brand.near)}",
            )
        for new in self.some(receipt.new_campaigns, self.stdout):
            with_id = f", external ID {new.external_id}" if new.external_id else ""
            self.say(
                self.stdout, f"New campaign: {new.brand}, {new.campaign}{with_id}{_not_the(new.campaign, new.near)}"
            )
        for linked in self.some(receipt.linked_campaigns, self.stdout):
            self.say(self.stdout, f"External ID {linked.external_id} for: {linked.brand}, {linked.campaign}")
        self.write_table(
            receipt.campaigns,
            ("Campaign", "Days", "In the file", "Recorded before", "Would change by")
            if receipt.dry_run
            else ("Campaign", "Days", "In the file", "Recorded", "Changed by"),
            lambda line: (f"{line.days:,}", *_exact(line.currency, line.stated, line.recorded, line.difference)),
            receipt.totals,
        )
        if receipt.dry_run:
            self.write_table(
                receipt.months,
                ("Campaign", "Month", "Would change by"),
                lambda line: (line.month, *_exact(line.currency, line.difference)),
            )
        for each in receipt.sums:
            rounded = f", and rounding adds {format_amount(each.rounding)}" if each.rounding else ""
            (stated,) = _exact(each.currency, each.stated)
            self.say(self.stdout, f"Rows that could be read add up to {stated}{rounded}.")
        recorded = "entries would be recorded" if receipt.dry_run else "entries recorded"
        self.say(
            self.stdout,
            f"{receipt.format}: {receipt.rows} rows, {receipt.refused} refused; {receipt.days} days of campaigns; "
            f"{receipt.recorded} {recorded}, {receipt.duplicates} duplicates.",
        )
        if receipt.paused:
            paused = self.some(receipt.paused, self.stdout)
            self.say(self.stdout, f"Campaigns paused by it: {', '.join(map(str, paused))}")
        self.write_warnings(receipt)

    def write_warnings(self, receipt: ImportReceipt) -> None:
        for warning in receipt.warnings:
            self.say(self.stderr, warning)
        for refusal in self.some(receipt.refusals, self.stderr):
            self.say(self.stderr, str(refusal))
        if not receipt.dry_run:
            for day in self.some(receipt.disagreements, self.stderr):
                in_file, recorded = _exact(day.currency, day.in_file, day.recorded)
                self.say(
                    self.stderr,
                    f"{day.brand}, {day.campaign} on {day.day}: {in_file} in the file (from line {day.line}), "
                    f"{recorded} recorded. {day.reason}",
                )

    def write_table(
        self,
        listing: Listing[Figures],
        headings: tuple[str, ...],
        cells: Callable[[Figures], tuple[str, ...]],
        totals: Iterable[Figures] = (),
    ) -> None:
        table = Table()
        for number, heading in enumerate(headings):
            table.add_column(heading, justify="right" if number else "left", overflow="fold")
        lines = listing.first(MOST_SHOWN if self.stdout.isatty() else MOST_IN_A_TABLE)
        if not lines:
            return
        for line in lines:
            table.add_row(escape(_shown(f"{line.brand}, {line.campaign}")), *cells(line))
        table.add_section()
        for line in totals:
            table.add_row("All", *cells(line), style="bold")
        # In a pipe nobody's screen is too narrow.
        console = Console() if self.stdout.isatty() else Console(width=200)
        with console.capture() as shown:
            console.print(table)
        self.stdout.write(shown.get(), ending="")
        self.say_rest(len(listing) - len(lines), self.stdout)

    def some(self, lines: Collection[Line] | Listing[Line], out: OutputWrapper) -> Iterator[Line]:
        """All of them, or on a terminal the first few and how many there are beside."""
        if not out.isatty():
            yield from lines
            return
        yield from islice(lines, MOST_SHOWN)
        self.say_rest(len(lines) - MOST_SHOWN, out)

    def say(self, out: OutputWrapper, line: str) -> None:
        out.write(_shown(line))

    def say_rest(self, count: int, out: OutputWrapper) -> None:
        if count > 0:
            self.say(out, f"... and {count:,} more: --format json has all of them.")

    def write_json(self, receipt: ImportReceipt) -> None:
        """One object, a list's lines as they are read: as many as there may be."""
        self.stdout.write(json.dumps(receipt.as_json())[:-1], ending="")
        for name, listing in receipt.lists().items():
            self.stdout.write(f', "{name}": [', ending="")
            for number, line in enumerate(listing):
                self.stdout.write(", " * bool(number) + json.dumps(line_as_json(line)), ending="")
            self.stdout.write("]", ending="")
        self.stdout.write("}")


def _reading(options: dict[str, Any]) -> Reading:
    columns = Columns(
        date=options["date_column"],
        brand=options["brand_column"],
        campaign=tuple(options["campaign_column"] or ["campaign"]),
        amount=options["amount_column"],
        external_id=options["external_id_column"],
    )
    return Reading(
        brand=options["brand"].strip(),
        columns=columns,
        date_format=options["date_format"],
        decimal=options["decimal"],
        round=options["round"],
    )


def _missing(options: dict[str, Any]) -> Missing:
    if options["currency"] not in CURRENCIES:
        raise CommandError(f"{options['currency']!r} is no ISO 4217 code in use today, such as EUR.", returncode=2)
    new_brands = NewBrands(_zone(options["timezone"]), options["currency"])
    return Missing(campaigns=True, brands=new_brands) if options["create_missing"] else Missing()


def _faults(receipt: ImportReceipt) -> Iterator[str]:
    """What keeps the import from being a full success, though the good rows count."""
    if receipt.refused:
        after = "would be refused" if receipt.dry_run else "were refused. The others count"
        yield f"{receipt.refused} rows {after}."
    if receipt.short_of_total:
        stated, short = _exact(receipt.sums[0].currency, receipt.stated_total or ZERO, receipt.short_of_total)
        yield f"The file's own total is {stated}: its rows miss that by {short}."


def _shown(text: str) -> str:
    """Without what a terminal would obey, not show: control characters and the like are written as escapes."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _not_the(name: str, near: str) -> str:
    return f" (not {beside(near, name)}, which is written differently)" if near else ""


def _exact(currency: str, *amounts: Decimal) -> list[str]:
    """Amounts to the last digit."""
    return [f"{currency} {format_amount(amount, currency)}".strip() for amount in amounts]


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

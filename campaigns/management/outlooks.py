"""What `pacing` and `forecast` share: a line for each brand and, by currency, one for the agency.

Where brands are named: a line for each of them and for each of its campaigns.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar, TypeAlias
from zoneinfo import ZoneInfo

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from campaigns import outlook
from campaigns.exports import Amount, Cell
from campaigns.management.base import brand_ids, instant, write_csv
from campaigns.models import Brand, Campaign
from campaigns.money import format_amount, format_money
from campaigns.outlook import Outlook

Value: TypeAlias = Decimal | date | int | str | None
Figures: TypeAlias = dict[str, Value]

# Brands whose days are in memory at once.
BRANDS_AT_ONCE = 100


def month_end(seen: Outlook) -> Figures:
    """Where the month will end, and on which day its budget is reached."""
    low, high = seen.interval or (None, None)
    reached = seen.forecast.budget_day if seen.forecast else None
    return {"projected": seen.projected, "low": low, "high": high, "budget_reached_on": reached}


class OutlookCommand(BaseCommand):
    """Figures of the current month, by name. Amounts are in the brand's currency; without a value: None."""

    figures: ClassVar[Callable[[Outlook], Figures]]

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--at", type=instant, metavar="ISO8601", help="The time to look from (default: now).")
        parser.add_argument(
            "--brand", action="append", metavar="NAME", help="This brand, and its campaigns; may be given again."
        )
        parser.add_argument("--format", choices=["table", "json", "csv"], default="table")

    def handle(self, *_: Any, **options: Any) -> None:
        at = options["at"] or timezone.now()
        lines = self.lines(brand_ids(options["brand"]), at)
        match options["format"]:
            case "json":
                self.stdout.write(json.dumps([_plain(line) for line in lines]))
            case "csv":
                write_csv(self.stdout, self.headings(at), map(_cells, lines))
            case _:
                self.write_table(lines)

    def lines(self, chosen: list[int] | None, at: datetime) -> Iterator[Figures]:
        brands = list(Brand.objects.all() if chosen is None else Brand.objects.filter(pk__in=chosen))
        for first in range(0, len(brands), BRANDS_AT_ONCE):
            some = brands[first : first + BRANDS_AT_ONCE]
            of_brands = outlook.of_brands(some, at=at)
            for brand in some:
                yield self.line(brand.name, None, of_brands[brand.pk])
                if chosen is not None:
                    campaigns = list(Campaign.objects.filter(brand=brand).select_related("brand"))
                    of_campaigns = outlook.of_campaigns(campaigns, at=at)
                    for campaign in campaigns:
                        yield self.line(brand.name, campaign.name, of_campaigns[campaign.pk])
        if chosen is None:
            for currency, zone in outlook.zones_of(brands).items():
                yield self.line(None, None, outlook.of_agency(Brand.objects.all(), currency, zone, at=at))

    def line(self, brand: str | None, campaign: str | None, seen: Outlook) -> Figures:
        """Of a brand, of its campaign, or, without a brand, of all active ones of a currency."""
        figures = type(self).figures(seen)
        return {"brand": brand, "campaign": campaign, "currency": seen.currency, "day": seen.today, **figures}

    def headings(self, at: datetime) -> list[str]:
        """The names of a line's figures, also of a table that has no line."""
        return list(self.line(None, None, outlook.of_agency(Brand.objects.none(), "", ZoneInfo("UTC"), at=at)))

    def write_table(self, lines: Iterator[Figures]) -> None:
        table: Table | None = None
        for line in lines:
            if table is None:
                table = Table()
                for heading in line:
                    in_words = heading in {"brand", "campaign", "currency", "status"}
                    table.add_column(
                        heading.replace("_", " ").capitalize(),
                        justify="left" if in_words else "right",
                        overflow="fold",
                    )
            if line["brand"] is None:
                line["brand"] = "All active brands"
            table.add_row(*(escape(_shown(value, line)) for value in line.values()))
        if table is None:
            self.stderr.write("There is no brand yet.")
            return
        # In a pipe nobody's screen is too narrow.
        console = Console(file=sys.stdout) if self.stdout.isatty() else Console(width=200)
        with console.capture() as shown:
            console.print(table)
        self.stdout.write(shown.get())


def _plain(line: Figures) -> dict[str, str | int | None]:
    """Amounts as exact decimals in text, days in ISO 8601."""

    def plain(value: Value) -> str | int | None:
        if isinstance(value, Decimal):
            return format_amount(value, str(line["currency"]))
        return value.isoformat() if isinstance(value, date) else value

    return {name: plain(value) for name, value in line.items()}


def _cells(line: Figures) -> list[Cell]:
    currency = str(line["currency"])
    return [Amount(value, currency) if isinstance(value, Decimal) else value for value in line.values()]


def _shown(value: Value, line: Figures) -> str:
    if isinstance(value, Decimal):
        return format_money(value, str(line["currency"]), with_code=False)
    return "" if value is None else str(value)

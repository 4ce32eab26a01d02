from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from campaigns.management.base import brand_ids, instant
from campaigns.money import format_money
from campaigns.reports import BrandReport, ReportLine, spend_report


class Command(BaseCommand):
    help = "Spend of today and this month against budgets, brand by brand."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--at", type=instant, metavar="ISO8601", help="The time to report as of (default: now).")
        parser.add_argument("--brand", action="append", metavar="NAME", help="Only this brand; may be given again.")
        parser.add_argument("--format", choices=["text", "json"], default="text")

    def handle(self, *_: Any, **options: Any) -> None:
        report = spend_report(at=options["at"] or timezone.now(), brand_ids=brand_ids(options["brand"]))
        if options["format"] == "json":
            self.stdout.write(json.dumps(report.as_json()))
            return
        # In a pipe nobody's screen is too narrow.
        console = Console() if self.stdout.isatty() else Console(width=200)
        with console.capture() as shown:
            for brand in report.brands:
                console.print(_table(brand))
            for currency, (today, month) in report.totals().items():
                amounts = f"{format_money(today, currency)} today, {format_money(month, currency)} this month"
                console.print(f"All brands in {currency}: {amounts}.")
        self.stdout.write(shown.get())


def _table(report: BrandReport) -> Table:
    where_and_when = f"{report.local_time:%Y-%m-%d %H:%M} {report.local_time.tzinfo}"
    table = Table(title=f"{escape(report.brand.name)}, {where_and_when}, in {report.currency}")
    for heading in ("Campaign", "Status"):
        table.add_column(heading)
    for heading in ("Today", "of", "This month", "of", "In all", "of"):
        table.add_column(heading, justify="right", no_wrap=True, overflow="fold")
    for line in report.campaigns:
        table.add_row(*_cells(line, report.currency))
    table.add_section()
    table.add_row(*_cells(report.brand, report.currency), style="bold")
    return table


def _cells(line: ReportLine, currency: str) -> list[str]:
    def shown(amount: Decimal | None) -> str:
        return "" if amount is None else format_money(amount, currency, with_code=False)

    amounts = (line.daily_spend, line.daily_budget, line.monthly_spend, line.monthly_budget)
    return [escape(line.name), line.status, *map(shown, (*amounts, line.total_spend, line.total_budget))]

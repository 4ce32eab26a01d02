from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from rich.console import Console, RenderableType
from rich.markup import escape
from rich.table import Table

from campaigns.exports import CURRENT_HEADINGS, current_rows, report_headings, report_rows
from campaigns.management.base import brand_ids, day, instant, while_somebody_reads, write_csv
from campaigns.models import Brand
from campaigns.money import format_money
from campaigns.reports import COLUMNS, BrandReport, RangeLine, RangeReport, ReportLine, SpendReport, spend_report


class Command(BaseCommand):
    help = "Spend of today and this month against budgets, brand by brand; or with --from and --to, of a range of days."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--at", type=instant, metavar="ISO8601", help="The time to report as of (default: now).")
        parser.add_argument("--brand", action="append", metavar="NAME", help="Only this brand; may be given again.")
        parser.add_argument(
            "--from", type=day, dest="first", metavar="DAY", help="The first day of a range, on the brands' own clocks."
        )
        parser.add_argument("--to", type=day, dest="last", metavar="DAY", help="Its last day, included.")
        parser.add_argument("--by", choices=list(COLUMNS), help="What a line of a range is for (default: campaign).")
        parser.add_argument(
            "--format",
            choices=["table", "text", "json", "csv"],
            default="table",
            help="text is another name of table. In the CSV of today, a brand's own line has no campaign.",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        of_range = _asks_for_range(options)
        chosen = brand_ids(options["brand"])
        with while_somebody_reads():
            if of_range:
                brands = Brand.objects.all() if chosen is None else Brand.objects.filter(pk__in=chosen)
                by = options["by"] or "campaign"
                self.show_range(RangeReport(by, options["first"], options["last"], brands), options["format"])
            else:
                report = spend_report(at=options["at"] or timezone.now(), brand_ids=chosen)
                self.show_current(report, options["format"])

    def show_current(self, report: SpendReport, form: str) -> None:
        if form == "json":
            self.stdout.write(json.dumps(report.as_json()))
        elif form == "csv":
            write_csv(self.stdout, CURRENT_HEADINGS, current_rows(report))
        else:
            totals = [
                f"All brands in {currency}: {format_money(today, currency)} today, "
                f"{format_money(month, currency)} this month."
                for currency, (today, month) in report.totals().items()
            ]
            self.print(*map(_table, report.brands), *totals)

    def show_range(self, report: RangeReport, form: str) -> None:
        if form == "json":
            self.stdout.write(json.dumps(report.as_json()))
        elif form == "csv":
            write_csv(self.stdout, report_headings(report.by), report_rows(report))
        else:
            totals = [f"In all: {format_money(amount, currency)}." for currency, amount in report.totals().items()]
            if totals:
                self.print(_range_table(report), *totals)
            else:
                self.stderr.write(f"No spend is recorded from {report.first} to {report.last}.")

    def print(self, *parts: RenderableType) -> None:
        # In a pipe nobody's screen is too narrow.
        console = Console() if self.stdout.isatty() else Console(width=200)
        with console.capture() as shown:
            for part in parts:
                console.print(part)
        self.stdout.write(shown.get())


def _asks_for_range(options: dict[str, Any]) -> bool:
    """Whether a range is asked for. Raises CommandError where the options do not say which."""
    first: date | None = options["first"]
    last: date | None = options["last"]
    if first is None and last is None:
        if options["by"]:
            raise CommandError("--by is for a range of days: give --from and --to.", returncode=2)
        return False
    if first is None or last is None:
        raise CommandError("Give both --from and --to.", returncode=2)
    if last < first:
        raise CommandError(f"--to {last} lies before --from {first}.", returncode=2)
    if options["at"]:
        raise CommandError("Give either --at or --from and --to: a range has whole days.", returncode=2)
    return True


def _range_table(report: RangeReport) -> Table:
    table = Table(title=f"Spend by {report.by}, {report.first} to {report.last}")
    for column in COLUMNS[report.by]:
        if column == "spend":
            table.add_column("Spend", justify="right", no_wrap=True, overflow="fold")
        else:
            table.add_column(column.capitalize(), overflow="fold")
    for line in report.lines():
        cells = _range_cells(line)
        table.add_row(*(escape(cells[column]) for column in COLUMNS[report.by]))
    return table


def _range_cells(line: RangeLine) -> dict[str, str]:
    return {
        "brand": line.brand_name or "",
        "campaign": line.campaign_name or "",
        "day": str(line.day),
        "month": f"{line.month:%Y-%m}" if line.month else "",
        "currency": line.currency,
        "spend": format_money(line.amount, line.currency, with_code=False),
    }


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

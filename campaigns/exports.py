"""Tables as files for spreadsheets: CSV and XLSX, written line by line, however long they are.

A name that a spreadsheet would take for a formula stays a name. Amounts are exact numbers, whatever their sign.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from itertools import islice
from typing import IO, Any, NamedTuple, TypeAlias

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font

from campaigns.currencies import decimals
from campaigns.money import DECIMALS, format_amount
from campaigns.reports import COLUMNS, RangeLine, RangeReport, SpendReport

CURRENT_HEADINGS = (
    *("Brand", "Campaign", "Status", "Currency", "Spend today", "Daily budget"),
    *("Spend this month", "Monthly budget", "Spend in all", "Total budget"),
)


class Amount(NamedTuple):
    value: Decimal
    currency: str


class Month(NamedTuple):
    first_day: date


Cell: TypeAlias = str | int | float | date | Amount | Month | None
Row: TypeAlias = Sequence[Cell]

# Excel reads UTF-8 as such only behind a byte order mark.
BOM = "\ufeff"
CSV_PIECE = 500
# A sheet of XLSX has no more lines; the next sheet goes on.
MOST_SHEET_ROWS = 1_048_576
# What a spreadsheet may take for the beginning of a formula; those of full width where Japanese is written.
_FORMULA_STARTS = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


def report_headings(by: str) -> tuple[str, ...]:
    return tuple(column.capitalize() for column in COLUMNS[by])


def report_rows(report: RangeReport) -> Iterator[Row]:
    """The lines of a report over a range of days, without its totals: whoever sums them up sums each but once."""
    columns = COLUMNS[report.by]
    for line in report.lines():
        cells = report_cells(line)
        yield [cells[column] for column in columns]


def report_cells(line: RangeLine) -> dict[str, Cell]:
    """What a line says, by column."""
    return {
        "brand": line.brand_name,
        "campaign": line.campaign_name,
        "day": line.day,
        "month": None if line.month is None else Month(line.month),
        "currency": line.currency,
        "spend": Amount(line.amount, line.currency),
    }


def current_rows(report: SpendReport) -> Iterator[Row]:
    """Spend against budgets as it stands: each campaign, and behind them their brand, as a line without a campaign."""
    for each in report.brands:
        for line in (*each.campaigns, each.brand):
            campaign = None if line is each.brand else line.name
            amounts = (line.daily_spend, line.daily_budget, line.monthly_spend, line.monthly_budget)
            yield [
                *(each.brand.name, campaign, line.status, each.currency),
                *(
                    None if amount is None else Amount(amount, each.currency)
                    for amount in (*amounts, line.total_spend, line.total_budget)
                ),
            ]


def csv_pieces(headings: Sequence[str], rows: Iterable[Row], *, bom: bool) -> Iterator[str]:
    """The table as CSV, some lines at a time: dates in ISO 8601, amounts as plain decimals such as -1234.50.

    `bom`: begin with a byte order mark, for files that people open in Excel.
    """
    lines = iter(rows)
    part: list[Row] = [headings]
    start = BOM if bom else ""
    while part:
        text = io.StringIO(newline="")
        csv.writer(text).writerows([_as_text(cell) for cell in row] for row in part)
        yield start + text.getvalue()
        start, part = "", list(islice(lines, CSV_PIECE))


def _as_text(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case str():
            # The apostrophe is how a spreadsheet itself marks what is typed as text.
            return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell
        case int() | float():
            return str(cell)
        case Amount(value, currency):
            return format_amount(value, currency)
        case Month(first_day):
            return f"{first_day:%Y-%m}"
        case date():
            return cell.isoformat()


def write_xlsx(file: IO[bytes], title: str, headings: Sequence[str], rows: Iterable[Row]) -> None:
    """Write the table to `file` as a workbook: days as dates, amounts as numbers in their currency's decimals.

    Lines go to the disk as they come. A workbook of more than a million of them has several sheets.
    """
    book = Workbook(write_only=True)
    lines = iter(rows)
    line = next(lines, None)
    while line is not None or not book.worksheets:
        sheet = book.create_sheet(f"{title} {len(book.worksheets) + 1}" if book.worksheets else title)
        sheet.freeze_panes = "A2"
        for number in range(len(headings)):
            sheet.column_dimensions[chr(ord("A") + number)].width = 24
        sheet.append([_heading(sheet, heading) for heading in headings])
        for _ in range(MOST_SHEET_ROWS - 1):
            if line is None:
                break
            sheet.append([_as_cell(sheet, cell) for cell in line])
            line = next(lines, None)
    book.save(file)


def _heading(sheet: Any, heading: str) -> Any:
    cell = WriteOnlyCell(sheet, heading)
    cell.font = Font(bold=True)
    return cell


def _as_cell(sheet: Any, value: Cell) -> Any:
    match value:
        case None:
            return None
        case str():
            return _text_cell(sheet, value)
        case int() | float():
            return value
        case Amount(amount, currency):
            # A text that says it is a number: of a Decimal, openpyxl would write 16 digits.
            cell = WriteOnlyCell(sheet, format_amount(amount, currency))
            cell.data_type = "n"
            cell.number_format = _number_format(amount, currency)
            return cell
        case Month(first_day):
            return _date_cell(sheet, first_day, "yyyy-mm")
        case date():
            return _date_cell(sheet, value, "yyyy-mm-dd")


def _text_cell(sheet: Any, text: str) -> Any:
    """A text that stays one when a person edits its cell; characters that XML cannot hold become U+FFFD."""
    cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("\ufffd", text))
    cell.data_type = "s"
    cell.quotePrefix = text.startswith(_FORMULA_STARTS)
    return cell


def _date_cell(sheet: Any, day: date, shown_as: str) -> Any:
    cell = WriteOnlyCell(sheet)
    cell.value = day
    cell.number_format = shown_as
    return cell


def _number_format(amount: Decimal, currency: str) -> str:
    """The currency's own decimals, and those of the amount where it has more."""
    least = decimals(currency)
    shown = len(format_amount(amount, currency).partition(".")[2])
    places = "0" * least + "#" * (DECIMALS - least if shown > least else 0)
    return f"#,##0.{places}" if places else "#,##0"

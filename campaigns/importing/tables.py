"""Tables of spend: which column says what, and how its lines become rows. What all formats share."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Any

from campaigns.currencies import CURRENCIES
from campaigns.importing.amounts import BLANKS, MARKS, Amounts, may_mean
from campaigns.importing.days import Days
from campaigns.importing.rows import BadRow, Reading, SpendFile, SpendRow, UnreadableFile
from campaigns.importing.sheets import Cell, Line, NoCells, Sheet
from campaigns.money import InvalidMoney

# What stands for an empty cell where a campaign's name is put together from several columns.
BLANK = "(blank)"

# Total lines, in the languages of the reports: Total: Account, Gesamt: Konto, Total : compte, 合計: アカウント.
_TOTAL = re.compile(
    r"\W*(?:(?:(?:overall|grand) )?totals?|gesamt|insgesamt|summe|totaux|totales)\b|\W*(?:合計|総計)", re.I
)
_FOOTERS = ("©", "Â©")  # as it is, and as it is where its encoding was lost on the way
# Large platform IDs lose their last digits in a spreadsheet, which writes them as 1.2021E+17.
_ROUNDED_ID = re.compile(r"[0-9]+(?:[.,][0-9]+)?[eE]\+?[0-9]+")
# No export has more; looking through the names of a million takes minutes.
MOST_COLUMNS = 1_000
LARGEST_EXACT_ID = 10**15


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose format is known: where it begins, and in which column it says what (None: nowhere)."""

    format: str  # for people
    begins: int  # the header's line
    header: tuple[str, ...]
    day: int
    amount: int
    campaign: tuple[int, ...] = ()
    last_day: int | None = None  # of those that a row covers; must be its day
    brand: int | None = None
    external_id: int | None = None
    currency: int | None = None
    reference: int | None = None
    description: int | None = None
    file_currency: str = ""  # of all rows, as the header says
    micros: bool = False
    exported: bool = True  # by a platform: with total lines, and blanks where nothing was spent
    nameless_is_total: bool = False
    breakdowns: tuple[int, ...] = ()  # columns in which All marks a sum of other rows
    overall: tuple[str, ...] = ()  # which total line states the sum of the rows: patterns, the best first
    by_day: str = "export it by day"  # what to do about a file that is not by day


@dataclass(frozen=True, slots=True)
class Header:
    """A line that may name the columns: the names as the file writes them, and keys to find them by."""

    line: int
    names: tuple[str, ...]
    keys: tuple[str, ...]

    def has(self, *columns: Sequence[str]) -> bool:
        """Whether each of `columns`, given by the keys that it may have, is there."""
        return all(any(key in self.keys for key in keys) for keys in columns)

    def find(self, keys: Sequence[str]) -> int | None:
        """Where the first of `keys` stands that is there. Raises UnreadableFile where it stands twice."""
        found = next((key for key in keys if key in self.keys), None)
        if found is None:
            return None
        place = self.keys.index(found)
        if self.keys.count(found) > 1:
            raise UnreadableFile(f"There are two columns {self.names[place]!r}: rename the one that is not meant.")
        return place


def headers(head: Sequence[Line]) -> Iterator[Header]:
    """The lines that may be the header. Keys have no spaces, points or underscores: Campaign ID is campaign_id."""
    for line, cells in head:
        if isinstance(cells, NoCells):
            continue
        if len(cells) > MOST_COLUMNS:
            raise UnreadableFile(f"Line {line} has {len(cells):,} columns: this is no table of spend.")
        if sum(bool(text(cell)) for cell in cells) > 1:
            names = tuple(text(cell) for cell in cells)
            yield Header(line, names, tuple(re.sub(r"[\s._]+", "", name).casefold() for name in names))


# What the columns of other periods are called, in the languages of the reports.
_PERIODS = (
    *("hour", "hourofday", "dayofweek", "week", "byweek", "month", "bymonth", "quarter", "year"),
    *("woche", "monat", "semaine", "mois", "semana", "mes", "週", "月"),
)


def exported(
    header: Header,
    format: str,
    *,
    day: Sequence[str],
    campaign: Sequence[str],
    external_id: Sequence[str],
    amount: Sequence[str],
    currency: Sequence[str],
    by_day: str,
    last_day: Sequence[str] = (),
    **more: Any,
) -> Table:
    """A platform's table under `header`, each column given by the keys that it may have.

    Raises UnreadableFile where it has no days, names no campaigns, or says one thing twice; `by_day` tells how to get
    a report by day from the platform.
    """
    first_day, spent = header.find(day), header.find(amount)
    name, campaign_id = header.find(campaign), header.find(external_id)
    assert spent is not None  # it is what the format was recognised by
    if first_day is None:
        period = header.find(_PERIODS)
        of = f" but {header.names[period]!r}" if period is not None else ""
        raise UnreadableFile(
            f"The file is a {format} with no column for the day{of}: nobody can tell what was spent on which day. "
            f"{by_day}, and import that. If it is something else, name its columns of dates, "
            "campaigns and amounts."
        )
    if name is None and campaign_id is None:
        raise UnreadableFile(f"The file is a {format} with no column for the campaign: add it, and export it again.")
    return Table(
        format,
        header.line,
        header.names,
        day=first_day,
        amount=spent,
        campaign=() if name is None else (name,),
        last_day=header.find(last_day),
        external_id=campaign_id,
        currency=header.find(currency),
        by_day=by_day,
        **more,
    )


def open_table(sheet: Sheet, table: Table, reading: Reading) -> SpendFile:
    """The rows of a table. Reads it once through first, to learn how its columns write days and amounts.

    Raises UnreadableFile where they do not tell, or where its rows are not days.
    """
    if table.brand is None and not reading.brand:
        raise UnreadableFile(f"The file is a {table.format}, which names no brand: say which {reading.asking.brand}.")
    days = Days(reading.date_format, reading.asking)
    amounts = Amounts(
        decimal=reading.decimal,
        rounded=reading.round,
        micros=table.micros,
        blank_is_zero=table.exported,
        one_mark=table.currency is None and not table.file_currency,
        asking=reading.asking,
    )
    _learn(sheet, table, days, amounts)
    spend = SpendFile(table.format, iter(()))
    spend.rows = _read(sheet, table, reading, days, amounts, spend)
    return spend


@dataclass(slots=True)
class _Totals:
    """The total lines of a file, by their labels."""

    lines: list[tuple[str, int, Cell]] = field(default_factory=list)

    def overall(self, table: Table, amounts: Amounts) -> Decimal | None:
        """What the line states that sums all rows up; None where none does, or several disagree."""
        stated = []
        for label, _, cell in self.lines:
            with suppress(InvalidMoney):
                if cell not in BLANKS:
                    stated.append((label, amounts.read(cell)[0]))
        for pattern in (*table.overall, ""):
            of_all = {value for label, value in stated if re.search(pattern, label, re.IGNORECASE)}
            if of_all:
                return of_all.pop() if len(of_all) == 1 else None
        return None


def _learn(sheet: Sheet, table: Table, days: Days, amounts: Amounts) -> None:
    totals = _Totals()
    for line, cells in _records(sheet, table, totals):
        if isinstance(cells, NoCells) or len(cells) != len(table.header):
            continue
        days.learn(cells[table.day], line)
        currency = table.file_currency if table.currency is None else _currency(text(cells[table.currency]))
        amounts.learn(cells[table.amount], line, currency)
        if table.last_day is not None and cells[table.last_day] != cells[table.day]:
            raise UnreadableFile(
                f"Line {line} speaks of {text(cells[table.day])} to {text(cells[table.last_day])}: nobody can tell "
                f"what was spent on each of these days. {table.by_day}, and import that."
            )
    for _, line, cell in totals.lines:
        amounts.learn(cell, line, table.file_currency)
    days.settle(table.header[table.day])
    amounts.settle(table.header[table.amount])


def _read(
    sheet: Sheet, table: Table, reading: Reading, days: Days, amounts: Amounts, spend: SpendFile
) -> Iterator[SpendRow | BadRow]:
    totals = _Totals()
    header = table.header
    for line, cells in _records(sheet, table, totals):
        if isinstance(cells, NoCells):
            yield BadRow(line, header[0], cells)
        elif len(cells) != len(header):
            yield BadRow(line, header[-1], f"the row has {len(cells)} cells and the header {len(header)}.")
        else:
            try:
                yield _row(line, cells, table, reading, days, amounts)
            except _BadCell as bad:
                yield BadRow(line, header[bad.place], bad.reason)
    spend.stated_total = totals.overall(table, amounts)


def _records(sheet: Sheet, table: Table, totals: _Totals) -> Iterator[Line]:
    """The lines below the header that state spend; what total lines say goes to `totals`."""
    width, day, padded = len(table.header), table.day, sheet.ragged
    lines = sheet.lines()
    next(line for line, _ in lines if line == table.begins)
    begins = True  # a summary that bears a single day is the first line; elsewhere it is a row without its name
    for line, cells in lines:
        if isinstance(cells, NoCells):
            yield line, cells
            continue
        if padded and len(cells) != width:
            cells = _fitted(cells, width)  # noqa: PLW2901
        if table.breakdowns and len(cells) == width and any(text(cells[each]) == "All" for each in table.breakdowns):
            continue
        cell = cells[day] if len(cells) == width else ""
        dated = cell[:1].isdigit() if isinstance(cell, str) else True
        if dated and not (_may_be_summary(cells, table) and (begins or _is_range(cells, table))):
            begins = False
            yield line, cells  # as nearly all lines are: no need for a second look
            continue
        label = next((stated for each in cells if (stated := text(each)) not in BLANKS), "")
        if not label or (table.exported and label.startswith(_FOOTERS)):
            continue
        if table.exported and _is_total(label, cells, table, totals):
            totals.lines.append((label, line, cells[table.amount] if len(cells) > table.amount else ""))
            continue
        yield line, cells


def _fitted(cells: Sequence[Cell], width: int) -> Sequence[Cell]:
    """The cells with as many empty ones at their end as make `width`, where that is possible."""
    if len(cells) < width:
        return (*cells, *("",) * (width - len(cells)))
    return cells if any(cells[width:]) else cells[:width]


def _is_total(label: str, cells: Sequence[Cell], table: Table, totals: _Totals) -> bool:
    day = text(cells[table.day]) if len(cells) > table.day else ""
    labelled = _TOTAL.match(label) is not None and (day in BLANKS or day == label)
    # There is one summary row at most; another row without a name is one whose name is missing.
    return labelled or (table.nameless_is_total and not totals.lines and _nameless(cells, table))


def _may_be_summary(cells: Sequence[Cell], table: Table) -> bool:
    return table.nameless_is_total and _nameless(cells, table)


def _is_range(cells: Sequence[Cell], table: Table) -> bool:
    return table.last_day is not None and cells[table.last_day] != cells[table.day]


def _nameless(cells: Sequence[Cell], table: Table) -> bool:
    names = (*table.campaign, table.external_id)
    return len(cells) == len(table.header) and all(_at(cells, name) in BLANKS for name in names)


class _BadCell(Exception):
    def __init__(self, place: int, reason: str) -> None:
        self.place = place
        self.reason = reason


def _row(line: int, cells: Sequence[Cell], table: Table, reading: Reading, days: Days, amounts: Amounts) -> SpendRow:
    """The row that `cells` state. Raises _BadCell."""
    try:
        day = days.read(cells[table.day])
    except ValueError as error:
        raise _BadCell(table.day, str(error)) from None
    brand = reading.brand if table.brand is None else _brand(cells, table.brand, reading)
    external_id = "" if table.external_id is None else _external_id(cells, table.external_id)
    campaign = _campaign(cells, table)
    if not campaign and not external_id:
        raise _BadCell((*table.campaign, table.external_id or 0)[0], "the campaign is empty.")
    try:
        amount, rounding, mark = amounts.read(cells[table.amount])
    except InvalidMoney as error:
        raise _BadCell(table.amount, str(error)) from None
    currency = table.file_currency if table.currency is None else _currency(_named(cells[table.currency], table))
    if table.currency is not None and currency and table.file_currency not in ("", currency):
        raise _BadCell(table.currency, f"it is {currency!r} in a file whose header says {table.file_currency}.")
    if mark and currency and not may_mean(mark, currency):
        raise _BadCell(
            table.amount, f"{text(cells[table.amount])!r} is not in {currency}, which its row says it is in."
        )
    return SpendRow(
        line,
        day,
        brand,
        campaign,
        amount,
        external_id,
        currency or MARKS.get(mark, ""),
        "" if table.reference is None else text(cells[table.reference]),
        "" if table.description is None else text(cells[table.description]),
        rounding,
        "" if currency or MARKS.get(mark) else mark,
    )


def _brand(cells: Sequence[Cell], place: int, reading: Reading) -> str:
    brand = text(cells[place]) or reading.brand
    if not brand:
        raise _BadCell(place, "the brand is empty.")
    if reading.brand not in ("", brand):
        raise _BadCell(place, f"it is {brand!r} in a file of {reading.brand!r}.")
    return brand


def _external_id(cells: Sequence[Cell], place: int) -> str:
    cell = cells[place]
    external_id = text(cell)
    rounded = abs(cell) >= LARGEST_EXACT_ID if isinstance(cell, Decimal) else _ROUNDED_ID.fullmatch(external_id)
    if rounded:
        raise _BadCell(
            place,
            f"{external_id!r} was rounded by a spreadsheet: take the file as it was exported, or keep IDs as text.",
        )
    return "" if external_id in BLANKS else external_id


def _campaign(cells: Sequence[Cell], table: Table) -> str:
    if len(table.campaign) == 1:
        return _named(cells[table.campaign[0]], table)
    names = [text(cells[place]) for place in table.campaign]
    return " / ".join(name or BLANK for name in names) if any(names) else ""


def _named(cell: Cell, table: Table) -> str:
    """The name that the cell gives; where a platform wrote it, a dash is none."""
    name = text(cell)
    return "" if name in BLANKS and table.exported else name


@lru_cache(maxsize=1_000)
def _currency(name: str) -> str:
    """A code means the same in small letters."""
    return name.upper() if name.upper() in CURRENCIES else name


def _at(cells: Sequence[Cell], place: int | None) -> str:
    return "" if place is None else text(cells[place])


def text(cell: Cell) -> str:
    """The cell as a name or an ID."""
    if isinstance(cell, str):
        return cell.strip()
    return f"{cell.normalize():f}" if isinstance(cell, Decimal) else str(cell)

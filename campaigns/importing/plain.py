"""Plain CSV: a header line, then one row a campaign and day, or several. Comma, semicolon or tab."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from datetime import date
from itertools import chain

from campaigns.importing import BadRow, Reading, SpendRow, UnreadableFile
from campaigns.money import InvalidMoney, parse_money

DELIMITERS = (",", ";", "\t")
# What stands for an empty cell where a campaign's name is put together from several columns.
BLANK = "(blank)"

_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


def read(lines: Iterable[str], reading: Reading) -> Iterator[SpendRow | BadRow]:
    """The rows of a plain CSV. Raises UnreadableFile where the file as a whole makes no sense."""
    lines = iter(lines)
    blank, first = 0, next(lines, "")
    while first and not first.strip():
        blank, first = blank + 1, next(lines, "")
    if not first:
        raise UnreadableFile("The file is empty: it needs a header line with the names of its columns.")
    delimiter, header = _understand_header(first, reading)
    reader = csv.reader(chain([first], lines), delimiter=delimiter, strict=True, skipinitialspace=True)
    next(reader)
    while True:
        begins = blank + reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if blank + reader.line_num > begins:
                # Nobody can tell how many rows an open quote has swallowed.
                raise UnreadableFile(f"Line {begins} opens a quote that is not closed properly ({error}).") from error
            yield BadRow(begins, header[0], f"the row is no CSV ({error}): mind its quotes.")
            continue
        if any(cell.strip() for cell in cells):
            yield _parse(begins, cells, header, reading)


def _understand_header(first: str, reading: Reading) -> tuple[str, list[str]]:
    """The delimiter under which the needed columns are found, and the header's names in lower case."""
    columns = reading.columns
    needed = [columns.date, *columns.campaign, columns.amount]
    if not reading.brand:
        needed.append(columns.brand)
    headers = {delimiter: _split_header(first, delimiter) for delimiter in DELIMITERS}
    delimiter = max(DELIMITERS, key=lambda each: (_found(needed, headers[each]), len(headers[each])))
    header = headers[delimiter]
    if not header:
        raise UnreadableFile("The first line is no header of a CSV: save the file with a line break after each row.")
    missing = [name for name in needed if _plain(name) not in header]
    if missing:
        raise UnreadableFile(
            f"There is no column {' or '.join(repr(name) for name in missing)}. The file has: {', '.join(header)}. "
            "Name the right ones with --date-column, --brand-column or --brand, --campaign-column, --amount-column."
        )
    twice = [name for name in needed if header.count(_plain(name)) > 1]
    if twice:
        raise UnreadableFile(f"There are two columns {twice[0]!r}: rename the one that is not meant.")
    return delimiter, header


def _split_header(first: str, delimiter: str) -> list[str]:
    try:
        return [
            _plain(name) for name in next(csv.reader([first], delimiter=delimiter, strict=True, skipinitialspace=True))
        ]
    except csv.Error:
        return []


def _found(needed: list[str], header: list[str]) -> int:
    return sum(_plain(name) in header for name in needed)


def _plain(name: str) -> str:
    return name.strip().lower()


def _parse(line: int, cells: list[str], header: list[str], reading: Reading) -> SpendRow | BadRow:
    if len(cells) != len(header):
        return BadRow(line, header[-1], f"the row has {len(cells)} cells and the header {len(header)}.")
    columns = reading.columns
    row = dict(zip(header, (cell.strip() for cell in cells), strict=True))

    def cell(column: str) -> str:
        return row.get(_plain(column), "")

    day_text, amount_text = cell(columns.date), cell(columns.amount)
    try:
        if not _ISO_DATE.fullmatch(day_text):
            raise ValueError
        day = date.fromisoformat(day_text)
    except ValueError:
        return BadRow(line, columns.date, f"{day_text!r} is not a date: write 2026-11-21.")
    brand = cell(columns.brand) or reading.brand
    if not brand:
        return BadRow(line, columns.brand, "the brand is empty.")
    if reading.brand not in ("", brand):
        return BadRow(line, columns.brand, f"it is {brand!r} in a file of {reading.brand!r}.")
    names = [cell(column) for column in columns.campaign]
    if not any(names):
        return BadRow(line, columns.campaign[0], "the campaign is empty.")
    if not amount_text:
        return BadRow(line, columns.amount, "the amount is empty.")
    try:
        amount = parse_money(amount_text)
    except InvalidMoney as error:
        return BadRow(line, columns.amount, str(error))
    return SpendRow(
        line=line,
        day=day,
        brand=brand,
        campaign=" / ".join(name or BLANK for name in names),
        amount=amount,
        external_id=cell(columns.external_id),
        currency=cell(columns.currency),
        reference=cell(columns.reference),
        description=cell(columns.description),
    )

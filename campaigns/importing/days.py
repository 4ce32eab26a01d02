"""The days of a column. Which number is the day and which the month, all its cells together tell, or a person."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from functools import lru_cache

from babel.dates import get_month_names

from campaigns.importing.rows import Asking, UnreadableFile
from campaigns.importing.sheets import Cell

# The languages of the platforms' reports; some abbreviate by country.
LOCALES = ("en", "en_GB", "de", "fr", "fr_CA", "es", "es_MX")

_MIDNIGHT = r"(?:[ T]00:00(?::00(?:\.0+)?)?)?"
_YEAR_FIRST = re.compile(rf"([0-9]{{4}})([-/.])([0-9]{{1,2}})\2([0-9]{{1,2}}){_MIDNIGHT}")
_YEAR_LAST = re.compile(rf"([0-9]{{1,2}})([-/.])([0-9]{{1,2}})\2([0-9]{{4}}){_MIDNIGHT}")
_JAPANESE = re.compile(r"([0-9]{4})年([0-9]{1,2})月([0-9]{1,2})日")
_MONTH_DAY = re.compile(r"([^\W\d_]+)\.? ([0-9]{1,2}),? ([0-9]{4})")
_DAY_MONTH = re.compile(r"([0-9]{1,2})(?:\.|er)?[ -](?:de )?([^\W\d_]+)\.?[ -](?:de )?([0-9]{4})")
_WITH_TIME = re.compile(r".*[0-9][ T][0-9]{1,2}:[0-9]{2}.*")
_RANGE = re.compile(r".*[0-9]{4}.*\W(?:-|–|~|to|bis|au|al|a)\W.*[0-9]{4}.*")  # noqa: RUF001  # dashes as they are written

# What a text shows of its column: the order of its numbers, or that they might be read in two.
MOST_KNOWN = 10_000
UNDECIDED = "DMY or MDY"
RANGE = "range"


class Days:
    """Reads the cells of one column as days, once all of them have been shown to `learn`."""

    def __init__(self, order: str, asking: Asking) -> None:
        """`order` is DMY, MDY or YMD where a person says it; empty: as the column shows."""
        self.order = order
        self.asking = asking
        self.seen: dict[str, tuple[int, str]] = {}  # by what it shows: where it was first met, and the text
        self.known: dict[Cell, date] = {}  # a file has many rows a day

    def learn(self, cell: Cell, line: int) -> None:
        if isinstance(cell, str) and (shown := shown_by(cell)) not in self.seen:
            self.seen[shown] = (line, cell)

    def settle(self, column: str) -> None:
        """Decide how the column is read. Raises UnreadableFile where it does not tell, or tells two things."""
        if RANGE in self.seen:
            line, text = self.seen[RANGE]
            raise UnreadableFile(
                f"Line {line}, column {column}: {text!r} is a range of days, and nobody can tell what was spent on "
                "each of them. Export the report by day."
            )
        if self.order:
            return
        if "DMY" in self.seen and "MDY" in self.seen and "YMD" not in self.seen:
            (one, day_first), (other, month_first) = self.seen["DMY"], self.seen["MDY"]
            raise UnreadableFile(
                f"Column {column} contradicts itself: {day_first!r} in line {one} has the day first, {month_first!r} "
                f"in line {other} the month. Say which is right {self.asking.date_format}."
            )
        self.order = next((order for order in ("YMD", "DMY", "MDY") if order in self.seen), "")
        if not self.order and UNDECIDED in self.seen:
            line, text = self.seen[UNDECIDED]
            raise UnreadableFile(
                f"Line {line}, column {column}: {text!r} may have the day first or the month, and no line of the file "
                f"tells. Say it {self.asking.date_format}."
            )

    def read(self, cell: Cell) -> date:
        """The day that `cell` states. Raises ValueError, with the reason in words for the person who has the file."""
        day = self.known.get(cell)
        if day is None:
            day = self._read(cell)
            if len(self.known) < MOST_KNOWN:
                self.known[cell] = day
        return day

    def _read(self, cell: Cell) -> date:
        if isinstance(cell, date):
            return cell
        if isinstance(cell, Decimal):
            raise ValueError(f"{cell:f} is a number and not a date: write 2026-11-21, or format the cell as a date.")
        text = cell.strip()
        try:
            year, month, day = self._numbers(text)
            return date(year, month, day)
        except ValueError:
            if _WITH_TIME.fullmatch(text):
                raise ValueError(f"{text!r} has a time of day: a row must speak of a whole day.") from None
            contradicts = self.order and shown_by(text) not in ("", RANGE, self.order)
            order = f" with its numbers in the order {self.order}, as in this column" if contradicts else ""
            raise ValueError(f"{text!r} is not a date{order}: write 2026-11-21.") from None

    def _numbers(self, text: str) -> tuple[int, int, int]:
        if match := _YEAR_FIRST.fullmatch(text):
            return int(match[1]), int(match[3]), int(match[4])
        if match := _YEAR_LAST.fullmatch(text):
            first, second, year = int(match[1]), int(match[3]), int(match[4])
            if self.order == "DMY":
                return year, second, first
            if self.order == "MDY" or (not self.order and first == second):
                return year, first, second
            raise ValueError
        if match := _JAPANESE.fullmatch(text):
            return int(match[1]), int(match[2]), int(match[3])
        if match := _MONTH_DAY.fullmatch(text):
            return int(match[3]), _month(match[1]), int(match[2])
        if match := _DAY_MONTH.fullmatch(text):
            return int(match[3]), _month(match[2]), int(match[1])
        raise ValueError


@lru_cache(maxsize=10_000)
def shown_by(text: str) -> str:
    """YMD, DMY, MDY, UNDECIDED or RANGE; empty where the text shows nothing of its column."""
    text = text.strip()
    if _YEAR_FIRST.fullmatch(text):
        return "YMD"
    if match := _YEAR_LAST.fullmatch(text):
        first, second = int(match[1]), int(match[3])
        if first > 12 or second > 12:
            return "DMY" if second <= 12 else "MDY" if first <= 12 else ""
        return "" if first == second else UNDECIDED
    return RANGE if _RANGE.fullmatch(text) else ""


def _month(name: str) -> int:
    try:
        return _month_names()[name.casefold()]
    except KeyError:
        raise ValueError from None


@lru_cache(maxsize=1)
def _month_names() -> dict[str, int]:
    return {
        name.rstrip(".").casefold(): number
        for locale in LOCALES
        for width in ("wide", "abbreviated")
        for context in ("format", "stand-alone")
        for number, name in get_month_names(width, context, locale).items()
    }

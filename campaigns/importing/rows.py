"""What the readers give and take: the rows of a file, and what a person says of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from campaigns.money import ZERO

# A list in a message is read by a person.
MOST_LISTED = 20
LONGEST_LISTED = 60


@dataclass(frozen=True, slots=True)
class Columns:
    """Where to find what in a plain file; headers are matched without regard to case and outer spaces."""

    date: str = "date"
    brand: str = "brand"
    campaign: tuple[str, ...] = ("campaign",)  # several: joined by ` / `, with (blank) for an empty one
    amount: str = "amount"
    currency: str = "currency"  # this and the rest: only where the file has them
    external_id: str = "external_id"
    reference: str = "reference"
    description: str = "description"


@dataclass(frozen=True, slots=True)
class Asking:
    """How messages ask a person for what the file leaves open: in the words of the command, unless others are given."""

    brand: str = "with --brand NAME"
    columns: str = "with --date-column, --brand-column or --brand, --campaign-column, --amount-column"
    date_format: str = "with --date-format DMY or --date-format MDY"
    decimal: str = "with --decimal . or --decimal ,"
    round: str = "Give --round"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a person says of a file, where the file does not say it itself."""

    brand: str = ""  # the brand of every row; empty: each row names its own
    columns: Columns = Columns()
    date_format: str = ""  # DMY, MDY or YMD: the order of day, month and year; empty: as the whole column shows
    decimal: str = ""  # the decimal mark, a point or a comma; empty: as the whole column shows
    round: bool = False  # round amounts of more than six decimals, instead of refusing them
    asking: Asking = Asking()


class SpendRow(NamedTuple):
    """One row of a file: what a campaign cost on a day of its brand's."""

    line: int  # where the row begins, from 1
    day: date
    brand: str
    campaign: str  # its name; may be empty where there is an external_id
    amount: Decimal  # currency units
    external_id: str = ""  # the platform's own ID of the campaign
    currency: str = ""  # empty: the file does not say
    reference: str = ""
    description: str = ""
    rounding: Decimal = ZERO  # what rounding added to the amount that the file states
    mark: str = ""  # beside its amount, where the file does not say the currency and several share the mark


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that does not count, or several that were judged as one, and why."""

    line: int  # where it begins, or the first of them
    column: str
    reason: str
    rows: int = 1

    def __str__(self) -> str:
        others = f" (and {self.rows - 1} more rows of it)" if self.rows > 1 else ""
        return f"line {self.line}, column {self.column}: {self.reason}{others}"


class UnreadableFile(Exception):
    """The file as a whole cannot be read; the message says where and what to do. Nothing of it is used."""


def listed(names: Sequence[str]) -> str:
    """The names for a message, or the first of them and how many more there are."""
    shown = ", ".join(
        name if len(name) <= LONGEST_LISTED else f"{name[:LONGEST_LISTED]}..." for name in names[:MOST_LISTED]
    )
    more = len(names) - MOST_LISTED
    return f"{shown} and {more:,} more" if more > 0 else shown


@dataclass(slots=True)
class SpendFile:
    """A file whose format is known and whose columns are understood."""

    format: str  # for people, such as Google Ads report
    rows: Iterator[SpendRow | BadRow]  # lazily, once; may raise UnreadableFile on the way
    stated_total: Decimal | None = None  # what its own total line says, once `rows` has been read to the end

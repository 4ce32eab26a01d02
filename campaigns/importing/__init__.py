"""Readers of spend files, one a format. They only parse: each turns lines of text into rows, good and bad."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import BinaryIO

# No export has longer lines; a file that does is no text, or an attack on the memory.
LONGEST_LINE = 1_000_000


@dataclass(frozen=True, slots=True)
class SpendRow:
    """One row of a file: what a campaign cost on a day of its brand's."""

    line: int  # where the row begins, from 1
    day: date
    brand: str
    campaign: str
    amount: Decimal  # currency units
    currency: str = ""  # empty: the file does not say
    reference: str = ""
    description: str = ""


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


def decoded(file: BinaryIO) -> Iterator[str]:
    """The lines of a UTF-8 file, with or without a byte order mark. Raises UnreadableFile."""
    number = 0
    while raw := file.readline(LONGEST_LINE):
        number += 1
        if len(raw) == LONGEST_LINE and not raw.endswith(b"\n"):
            raise UnreadableFile(f"Line {number} is longer than {LONGEST_LINE:,} bytes: this is no table of spend.")
        try:
            line = raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise UnreadableFile(
                f"Line {number} is not UTF-8 (byte {error.object[error.start]:#04x} at {error.start + 1}). "
                "Save the file as UTF-8 and import it again."
            ) from error
        if "\x00" in line:
            raise UnreadableFile(f"Line {number} contains a NUL byte: this is no text file.")
        yield line

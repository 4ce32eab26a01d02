"""What a file is to the formats: lines of cells, whichever way it was saved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Protocol

# What a cell holds. Text has only texts; a workbook has numbers and dates, too.
Cell = str | Decimal | date


class NoCells(str):
    """Why a line is no row of cells."""

    __slots__ = ()


# Where it begins, from 1, and its cells.
Line = tuple[int, Sequence[Cell] | NoCells]


def says_something(line: Line) -> bool:
    """Whether the line is more than empty cells."""
    _, cells = line
    return isinstance(cells, NoCells) or any(str(cell).strip() for cell in cells)


class Sheet(Protocol):
    """One way to read a file as a table."""

    @property
    def ragged(self) -> bool:
        """Whether a row's last cells are left out where they are empty."""

    def lines(self) -> Iterator[Line]:
        """All lines, from the top of the file at each call. Raises UnreadableFile."""

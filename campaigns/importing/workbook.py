"""Workbooks (XLSX): the one sheet that holds something, as lines of cells. Read by openpyxl, through defusedxml.

A workbook is a ZIP of XML files that may unpack to far more than it seems. So nothing is unpacked that says beforehand
that it is too large, and what is unpacked may never grow by much without a row coming to its end.
"""

from __future__ import annotations

import math
import pickle
import re
import tempfile
import warnings
import weakref
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time
from decimal import Decimal
from functools import cache, cached_property
from itertools import islice
from typing import IO, Any, BinaryIO

from campaigns.importing.rows import UnreadableFile, listed
from campaigns.importing.sheets import Cell, Line

MEGABYTE = 1_000_000
# All rows that a sheet may have, with wide cells, come to less.
LARGEST_SHEETS = 1_000 * MEGABYTE
# Everything else is kept in memory, at many times its size: the texts that cells share; names, styles and so on.
LARGEST_TEXTS = 30 * MEGABYTE
LARGEST_REST = 3 * MEGABYTE
# Reports shrink to a tenth or a twentieth; what shrinks to less than this holds nothing but repetition.
LARGEST_RATIO = 150
LARGEST_ROW = 2 * MEGABYTE
MOST_ROWS = 1_048_576
MOST_COLUMNS = 1_000
# A row of so many columns has fewer tags, however its texts are set.
MOST_TAGS = 100_000
# As many rows as there may be, of twenty columns: some minutes of work.
MOST_CELLS = 20 * MOST_ROWS
# Workbooks of many sheets and pictures have some dozens.
MOST_PARTS = 1_000
LARGEST_DIRECTORY = MEGABYTE
# A sheet is opened for its size, for whether it holds something, and for its rows.
MOST_LOOKS = 3

_SHEET_PART = re.compile(r"xl/worksheets/[^/]+\.xml")
# Declarations, comments and columns of four letters: they would grow in the memory without a row.
_NEVER_WRITTEN = re.compile(rb"""<!|\br=["'][A-Za-z]{4}""")
_ROW_END = re.compile(rb"</(?:[^<>\s]+:)?row>|<(?:[^<>\s]+:)?row/>")


class Workbook:
    """The sheet of a workbook that holds something."""

    ragged = True

    def __init__(self, file: BinaryIO) -> None:
        self.file = file

    def lines(self) -> Iterator[Line]:
        self.copy.seek(0)
        while block := pickle.load(self.copy):  # noqa: S301  # we wrote it
            yield from block

    @cached_property
    def copy(self) -> IO[bytes]:
        """The lines in blocks, on disk: to take XML apart is slow, and a table is read more than once."""
        copy = tempfile.TemporaryFile()  # noqa: SIM115  # closed with this, which may be read again until then
        weakref.finalize(self, copy.close)
        with _reading():
            values = _rows(_only_sheet(_open(self.file)))
            lines = ((number, [_cell(value) for value in row]) for number, row in values)
            while block := list(islice(lines, 1_000)):
                pickle.dump(block, copy)
        pickle.dump([], copy)
        return copy


@contextmanager
def _reading() -> Iterator[None]:
    """Turns whatever a damaged or hostile workbook makes the libraries raise into UnreadableFile."""
    try:
        yield
    except UnreadableFile:
        raise
    except Exception as error:  # zipfile, zlib, expat, defusedxml and openpyxl each have their own kinds
        raise UnreadableFile(f"The workbook is damaged: {error or type(error).__name__}.") from error


def parts(file: BinaryIO) -> Sequence[zipfile.ZipInfo]:
    """What a ZIP archive has in it. Raises what zipfile does, and UnreadableFile for more than a workbook has."""
    # Before zipfile makes an object of each.
    directory = zipfile._EndRecData(file)  # type: ignore[attr-defined]
    if directory and directory[zipfile._ECD_SIZE] > LARGEST_DIRECTORY:  # type: ignore[attr-defined]
        raise _bomb("it has more parts than a workbook has")
    with zipfile.ZipFile(file) as archive:
        found = archive.infolist()
    if len(found) > MOST_PARTS:
        raise _bomb("it has more parts than a workbook has")
    return found


def _open(file: BinaryIO) -> Any:
    from openpyxl.reader.excel import ExcelReader  # noqa: PLC0415  # slow to load, and only workbooks need it

    file.seek(0)
    _refuse_bomb(parts(file))
    archive = _GuardedArchive(file)
    reader = ExcelReader(file, read_only=True, data_only=True, keep_links=False)
    reader.archive = archive
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it speaks of styles and extensions that it leaves out
        reader.read()
    return reader.wb


def _refuse_bomb(parts: Sequence[zipfile.ZipInfo]) -> None:
    sheets = texts = rest = 0
    for part in parts:
        if _SHEET_PART.fullmatch(part.filename):
            sheets += part.file_size
        elif part.filename == "xl/sharedStrings.xml":
            texts += part.file_size
        else:
            rest += part.file_size
    if sheets > LARGEST_SHEETS or texts > LARGEST_TEXTS or rest > LARGEST_REST:
        raise _bomb("it would unpack to more than a report can have")
    for part in parts:
        if part.file_size > MEGABYTE and part.file_size > LARGEST_RATIO * max(part.compress_size, 1):
            raise _bomb(
                f"{part.filename} would unpack to {part.file_size // max(part.compress_size, 1)} times its size"
            )


def _bomb(reason: str) -> UnreadableFile:
    return UnreadableFile(f"The workbook is no report: {reason}. Export it as CSV.")


class _GuardedArchive(zipfile.ZipFile):
    """A ZIP whose sheets can be read only row by row, and only as often and as far as a report needs."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)
        self.looks: Counter[str] = Counter()
        self.cells = 0

    def count(self, cells: int) -> None:
        """Note that so many cells were read, of whichever sheet, in a row."""
        self.cells += 1 + cells
        if self.cells > MOST_CELLS:
            raise _bomb(f"it has more than {MOST_CELLS:,} cells")

    def open(self, name: Any, mode: Any = "r", *args: Any, **kwargs: Any) -> Any:
        stream = super().open(name, mode, *args, **kwargs)
        filename = name.filename if isinstance(name, zipfile.ZipInfo) else name
        if not _SHEET_PART.fullmatch(filename):
            return stream
        self.looks[filename] += 1
        if self.looks[filename] > MOST_LOOKS:
            raise UnreadableFile("The workbook is damaged: several of its sheets are the same part of it.")
        return _GuardedSheet(stream)


class _GuardedSheet:
    """A sheet's XML, as long as its rows are no longer and no more than rows can be."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.rows = 0
        self.since_row = 0
        self.tags = 0
        self.overlap = b""

    def read(self, size: int) -> bytes:
        block: bytes = self.stream.read(size)
        seen = self.overlap + block
        if _NEVER_WRITTEN.search(seen):
            raise UnreadableFile("The workbook is damaged: its sheet contains what no sheet does.")
        ends = [match.end() for match in _ROW_END.finditer(seen)]
        self.rows += len(ends)
        self.since_row = len(seen) - ends[-1] if ends else self.since_row + len(block)
        self.tags = seen.count(b"<", ends[-1]) if ends else self.tags + block.count(b"<")
        self.overlap = seen[ends[-1] if ends else 0 :][-20:]
        if self.since_row > LARGEST_ROW or self.tags > MOST_TAGS:
            raise _bomb("a row of it has no end")
        if self.rows > MOST_ROWS:
            raise _bomb(f"it has more than {MOST_ROWS:,} rows")
        return block

    def close(self) -> None:
        self.stream.close()

    def __enter__(self) -> _GuardedSheet:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _only_sheet(workbook: Any) -> Any:
    full = [sheet for sheet in workbook.worksheets if _holds_something(sheet)]
    if not full:
        raise UnreadableFile("The file is empty: it needs a header line with the names of its columns.")
    if len(full) > 1:
        names = listed([repr(sheet.title) for sheet in full])
        raise UnreadableFile(f"The workbook has {len(full)} sheets ({names}): save the one with the spend by itself.")
    return full[0]


def _holds_something(sheet: Any) -> bool:
    return any(value not in (None, "") for _, row in _rows(sheet) for value in row)


def _rows(sheet: Any) -> Iterator[tuple[int, Sequence[Any]]]:
    """The rows that hold something, with their numbers, each as wide as what it holds.

    Not openpyxl's own: that leaves out rows that stand in the wrong order, and fills up what is missing beforehand.
    """
    book = sheet.parent
    last = 0
    with sheet._get_source() as source:
        parser = _parser()(
            source,
            sheet._shared_strings,
            data_only=True,
            epoch=book.epoch,
            date_formats=book._date_formats,
            timedelta_formats=book._timedelta_formats,
        )
        for number, cells in parser.parse():
            if number > MOST_ROWS:
                raise _bomb(f"it has more than {MOST_ROWS:,} rows")
            if number <= last:
                raise UnreadableFile(f"The workbook is damaged: row {number} stands below row {last}.")
            last = number
            book._archive.count(len(cells))
            if row := _row(number, cells):
                yield number, row


def _row(number: int, cells: Sequence[dict[str, Any]]) -> Sequence[Any]:
    values = {cell["column"]: cell["value"] for cell in cells if cell["value"] is not None}
    width = max(values, default=0)
    if width > MOST_COLUMNS:
        raise _bomb(f"row {number} has more than {MOST_COLUMNS:,} columns")
    return [values.get(column) for column in range(1, width + 1)]


@cache
def _parser() -> Any:
    from openpyxl.worksheet._reader import FORMULA_TAG, WorkSheetParser  # noqa: PLC0415  # as above

    class Parser(WorkSheetParser):
        def parse_cell(self, element: Any) -> Any:
            cell = super().parse_cell(element)
            # A formula for a text may have an empty one for its value.
            if cell["value"] is None and element.get("t") != "str" and element.find(FORMULA_TAG) is not None:
                raise UnreadableFile(
                    f"Row {cell['row']}, column {cell['column']} of the workbook has a formula without its value: "
                    "open and save it in Excel first, and import that."
                )
            return cell

    return Parser


def _cell(value: Any) -> Cell:
    """What the cell says, exactly: a number as its shortest text, a midnight as its date."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).upper()
        case int() | float() if math.isfinite(value):
            return Decimal(repr(value))
        case datetime() if value.time() == time.min:
            return value.date()
        case datetime():
            return value.isoformat(sep=" ")
        case date():
            return value
        case _:
            return str(value)

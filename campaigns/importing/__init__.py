"""Readers of spend files, one module a format. They only parse: each turns lines of cells into rows, good and bad.

A file is known by its content, never by its name. Adding a platform is adding a module with `recognise` and naming it
in PLATFORMS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import BinaryIO

from campaigns.importing import amazon, google_ads, google_ads_api, kinds, linkedin, meta, microsoft, plain, tiktok
from campaigns.importing.kinds import unpacked_size
from campaigns.importing.rows import Asking, BadRow, Columns, Reading, SpendFile, SpendRow, UnreadableFile
from campaigns.importing.sheets import Line, Sheet, says_something
from campaigns.importing.tables import Table, open_table

__all__ = [
    "Asking",
    "BadRow",
    "Columns",
    "Reading",
    "SpendFile",
    "SpendRow",
    "UnreadableFile",
    "open_spend",
    "unpacked_size",
]

PLATFORMS = (google_ads_api, google_ads, meta, linkedin, microsoft, amazon, tiktok)
# No export has more lines above its header.
LONGEST_HEAD = 40


def open_spend(file: BinaryIO, reading: Reading) -> SpendFile:
    """The spend that `file` states, read as `reading` says where the file does not say it itself.

    The file must be seekable; it is read twice, from its beginning, and must not be touched before the rows are read.
    Amounts are in currency units, days are as the file states them. Raises UnreadableFile.
    """
    sheets = kinds.sheets(file)
    heads = [_head(sheet) for sheet in sheets]
    for recognise in _recognisers(reading):
        for sheet, (lines, _) in zip(sheets, heads, strict=True):
            table = recognise(lines)
            if table:
                return open_table(sheet, table, reading)
    for _, error in heads:
        if error:
            raise error
    raise plain.refusal([lines for lines, _ in heads], reading)


def _recognisers(reading: Reading) -> Iterator[Callable[[Sequence[Line]], Table | None]]:
    yield lambda lines: plain.recognise(lines, reading)
    if reading.columns == Columns():  # else a person has said that it is plain
        yield from (platform.recognise for platform in PLATFORMS)


def _head(sheet: Sheet) -> tuple[Sequence[Line], UnreadableFile | None]:
    """The first lines that say something, as far as they can be read, and why no further.

    Under the wrong delimiter the reason means nothing.
    """
    lines: list[Line] = []
    try:
        lines.extend(islice(filter(says_something, sheet.lines()), LONGEST_HEAD))
    except UnreadableFile as error:
        return lines, error
    return lines, None

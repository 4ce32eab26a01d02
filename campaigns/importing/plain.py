"""Plain tables: a header line, then one row a campaign and day, or several. Its columns have the names in `Columns`."""

from __future__ import annotations

from collections.abc import Sequence

from campaigns.importing.rows import Reading, UnreadableFile, listed
from campaigns.importing.sheets import Line, NoCells
from campaigns.importing.tables import Header, Table, text


def recognise(head: Sequence[Line], reading: Reading) -> Table | None:
    """The table, where the first line that is not empty has all columns that are needed."""
    header = _header(head)
    if header is None or not header.has(*([name] for name in _needed(reading))):
        return None
    columns = reading.columns
    date, *campaign, amount = (
        header.find([_plain(name)]) or 0 for name in (columns.date, *columns.campaign, columns.amount)
    )
    return Table(
        "plain table",
        header.line,
        header.names,
        day=date,
        amount=amount,
        campaign=tuple(campaign),
        brand=header.find([_plain(columns.brand)]),
        external_id=header.find([_plain(columns.external_id)]),
        currency=header.find([_plain(columns.currency)]),
        reference=header.find([_plain(columns.reference)]),
        description=header.find([_plain(columns.description)]),
        exported=False,
    )


def refusal(heads: Sequence[Sequence[Line]], reading: Reading) -> UnreadableFile:
    """Why the file is no plain table, in whichever way its first lines are read."""
    if not any(heads):
        return UnreadableFile("The file is empty: it needs a header line with the names of its columns.")
    needed = _needed(reading)
    found = [header for header in map(_header, heads) if header is not None]
    if not found:
        return UnreadableFile("The first line is no header of a table: save the file with a line break after each row.")
    header = max(found, key=lambda each: (sum(name in each.keys for name in needed), len(each.keys)))
    missing = [name for name in needed if name not in header.keys]
    return UnreadableFile(
        f"There is no column {' or '.join(map(repr, missing))}. The file has: {listed(header.names)}. "
        f"Name the right ones {reading.asking.columns}."
    )


def _needed(reading: Reading) -> list[str]:
    columns = reading.columns
    names = [columns.date, *columns.campaign, columns.amount, *([] if reading.brand else [columns.brand])]
    return [_plain(name) for name in names]


def _header(head: Sequence[Line]) -> Header | None:
    if not head or isinstance(head[0][1], NoCells):
        return None
    line, cells = head[0]
    names = tuple(text(cell) for cell in cells)
    return Header(line, names, tuple(_plain(name) for name in names))


def _plain(name: str) -> str:
    return name.strip().lower()

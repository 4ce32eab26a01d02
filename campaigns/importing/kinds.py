"""Which kind of file it is, told by how it begins and never by its name."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from typing import BinaryIO

from campaigns.importing import text, workbook
from campaigns.importing.rows import UnreadableFile
from campaigns.importing.sheets import Sheet

# How files begin that people take for a table, and what to do about them.
_OTHER_KINDS = (
    (b"%PDF", "a PDF. Export the report as CSV or XLSX"),
    (b"\x89PNG", "a picture (PNG). Export the report as CSV or XLSX"),
    (b"\xff\xd8\xff", "a picture (JPEG). Export the report as CSV or XLSX"),
    (b"GIF8", "a picture (GIF). Export the report as CSV or XLSX"),
    (b"\x1f\x8b", "compressed (gzip). Unpack it first"),
    (b"BZh", "compressed (bzip2). Unpack it first"),
    (b"\xfd7zXZ\x00", "compressed (xz). Unpack it first"),
    (b"\x28\xb5\x2f\xfd", "compressed (zstd). Unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "an archive (7z). Unpack it first"),
    (b"Rar!", "an archive (RAR). Unpack it first"),
    (b"\xd0\xcf\x11\xe0", "an old Excel file (XLS), or one with a password. Save it as XLSX or CSV"),
    (b"SQLite format 3", "a database (SQLite). Export the table as CSV"),
    (b"PAR1", "a table in Parquet. Export it as CSV"),
)
_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_WEB_PAGES = (b"<!doctype", b"<html", b"<?xml")


def sheets(file: BinaryIO) -> Sequence[Sheet]:
    """The ways in which the file may be read as a table: one for a workbook, one a delimiter for text.

    Raises UnreadableFile where it is neither, and says what it is where that can be told.
    """
    file.seek(0)
    head = file.read(4096)
    file.seek(0)
    for beginning, what in _OTHER_KINDS:
        if head.startswith(beginning):
            raise UnreadableFile(f"The file is {what}, and import that.")
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_WEB_PAGES):
        raise UnreadableFile("The file is a web page or XML. Export the report as CSV or XLSX, and import that.")
    if head.startswith(_ZIP):
        if not _is_workbook(file):
            raise UnreadableFile("The file is a ZIP archive and no XLSX. Unpack it first, and import what is in it.")
        return (workbook.Workbook(file),)
    return text.tables(file, head)


def _is_workbook(file: BinaryIO) -> bool:
    names = [part.filename for part in _parts(file)]
    return "[Content_Types].xml" in names and any(name.startswith("xl/") for name in names)


def unpacked_size(file: BinaryIO) -> int:
    """How many bytes the file comes to when it is read: more than it has, where it is a workbook.

    Raises UnreadableFile where that cannot be told.
    """
    file.seek(0)
    if file.read(4) in _ZIP:
        return sum(part.file_size for part in _parts(file))
    return file.seek(0, 2)


def _parts(file: BinaryIO) -> Sequence[zipfile.ZipInfo]:
    try:
        return workbook.parts(file)
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise UnreadableFile(f"The file begins like a ZIP archive or an XLSX, but is damaged ({error}).") from error

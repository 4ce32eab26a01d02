"""Text files: UTF-8 or UTF-16, with or without a byte order mark, cells parted by commas, semicolons or tabs."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import AnyStr, BinaryIO

from campaigns.importing.rows import UnreadableFile
from campaigns.importing.sheets import Line, NoCells, Sheet

DELIMITERS = (",", ";", "\t")
# A first line with which Excel is told the delimiter.
_HINT = re.compile(r'("?)sep=([,;|\t])\1\r?(?:\n|$)', re.I)
# No export has longer lines; a file that does is no text, or an attack on the memory.
LONGEST_LINE = 1_000_000
BLOCK = 100_000


def tables(file: BinaryIO, head: bytes) -> Sequence[Sheet]:
    """The ways to read a text file that begins with `head`: one a delimiter, unless its first line tells which."""
    encoding = _encoding(head)
    hint = _HINT.match(head.decode(encoding, "ignore").lstrip("\ufeff"))
    if hint:
        return (_Table(file, encoding, hint[2], hinted=True),)
    return tuple(_Table(file, encoding, delimiter) for delimiter in DELIMITERS)


@dataclass(frozen=True, slots=True)
class _Table:
    file: BinaryIO
    encoding: str
    delimiter: str
    hinted: bool = False  # its first line only tells the delimiter
    ragged: bool = False

    def lines(self) -> Iterator[Line]:
        text = _decoded(self.file, self.encoding)
        reader = csv.reader(text, delimiter=self.delimiter, strict=True, skipinitialspace=True)
        if self.hinted:
            next(reader)
        begins = reader.line_num + 1
        while True:
            try:
                for cells in reader:
                    yield begins, cells
                    begins = reader.line_num + 1
            except csv.Error as error:
                if reader.line_num > begins:
                    # Nobody can tell how many rows an open quote has swallowed.
                    raise UnreadableFile(
                        f"Line {begins} opens a quote that is not closed properly ({error})."
                    ) from error
                yield begins, NoCells(f"the row is no CSV ({error}): mind its quotes.")
                begins = reader.line_num + 1
            else:
                return


def _encoding(head: bytes) -> str:
    """UTF-16 where a byte order mark says so, or where every other byte is mostly zero; else UTF-8."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    low, high = head[0::2].count(0), head[1::2].count(0)
    if low == 0 and high > len(head) / 8:
        return "utf-16-le"
    if high == 0 and low > len(head) / 8:
        return "utf-16-be"
    return "utf-8"


def _decoded(file: BinaryIO, encoding: str) -> Iterator[str]:
    """The file's lines from its beginning. Raises UnreadableFile for what is no text or has a line beyond measure."""
    file.seek(0)
    # A block is taken apart into lines without a step of ours for each: there may be millions.
    return chain.from_iterable(io.StringIO(block, newline="\n") for block in _blocks(file, encoding))


def _blocks(file: BinaryIO, encoding: str) -> Iterator[str]:
    """The file's text in blocks of whole lines."""
    number = 1
    for block in _utf8(file) if encoding == "utf-8" else _utf16(file, encoding):
        if "\x00" in block:
            line = number + block.count("\n", 0, block.index("\x00"))
            raise UnreadableFile(f"Line {line} contains a NUL byte: this is no text file.")
        yield block
        number += block.count("\n")


def _utf8(file: BinaryIO) -> Iterator[str]:
    number = 1
    while raw := file.read(BLOCK) + file.readline(LONGEST_LINE + 1):
        _refuse_long(raw, b"\n", number)
        try:
            yield raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raw = error.object  # without the byte order mark
            line, place = number + raw.count(b"\n", 0, error.start), error.start - raw.rfind(b"\n", 0, error.start)
            raise UnreadableFile(
                f"Line {line} is not UTF-8 (byte {raw[error.start]:#04x} at {place}). "
                "Save the file as UTF-8 and import it again."
            ) from error
        number += raw.count(b"\n")


def _utf16(file: BinaryIO, encoding: str) -> Iterator[str]:
    number = 1
    text = io.TextIOWrapper(file, encoding=encoding, newline="\n")
    try:
        while block := text.read(BLOCK) + text.readline(LONGEST_LINE + 1):
            _refuse_long(block, "\n", number)
            yield block
            number += block.count("\n")
    except UnicodeError as error:
        raise UnreadableFile(
            f"The file is not UTF-16, as its beginning says ({error}). Save it as UTF-8 and import it again."
        ) from error
    finally:
        text.detach()  # or the file would be closed with it


def _refuse_long(block: AnyStr, end: AnyStr, number: int) -> None:
    """Raise UnreadableFile where the block, which begins at line `number`, has a line beyond measure: its last one."""
    if len(block) - block.rfind(end, 0, -1) > LONGEST_LINE + 1:
        line = number + block.count(end, 0, -1)
        raise UnreadableFile(f"Line {line} is longer than {LONGEST_LINE:,} characters: this is no table of spend.")

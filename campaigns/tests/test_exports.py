"""Reports as files: what a spreadsheet reads, whatever the names are and however many lines there are."""

from __future__ import annotations

import csv
import io
import tracemalloc
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import openpyxl
import pytest

from campaigns import exports
from campaigns.exports import BOM, Amount, Month, Row, csv_pieces, write_xlsx

DANGEROUS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1+1", "\uff0b1", "\uff0d1", "\uff20A"]


def as_csv(rows: list[Row], *, bom: bool = False) -> list[list[str]]:
    text = "".join(csv_pieces(["A", "B"], rows, bom=bom))
    return list(csv.reader(io.StringIO(text, newline="")))


def as_xlsx(rows: Iterator[Row] | list[Row]) -> Any:
    file = io.BytesIO()
    write_xlsx(file, "Spend", ["A", "B"], rows)
    return openpyxl.load_workbook(file)


@pytest.mark.parametrize("name", DANGEROUS)
def test_a_name_that_looks_like_a_formula_is_marked_as_text_in_csv(name: str) -> None:
    assert as_csv([[name, "A - = B"]])[1] == [f"'{name}", "A - = B"]


@pytest.mark.parametrize("name", DANGEROUS)
def test_a_name_that_looks_like_a_formula_is_kept_as_text_in_xlsx(name: str) -> None:
    cell = as_xlsx([[name, "x"]]).active["A2"]

    assert (cell.value, cell.data_type, cell.quotePrefix) == (name.replace("\r", "\n"), "s", True)


def test_amounts_are_plain_numbers_in_csv_whatever_their_sign_and_size() -> None:
    amounts = [
        ("-12.5", "EUR"),
        ("1234567", "JPY"),
        ("0.1", "KWD"),
        ("-0.000001", "USD"),
        ("9000000000000.000001", "USD"),
    ]

    lines = as_csv([[Amount(Decimal(value), currency), currency] for value, currency in amounts])

    assert [line[0] for line in lines[1:]] == ["-12.50", "1234567", "0.100", "-0.000001", "9000000000000.000001"]


def test_amounts_are_numbers_in_xlsx_with_the_decimals_of_their_currency() -> None:
    sheet = as_xlsx(
        [
            [Amount(Decimal("-12.5"), "EUR"), Amount(Decimal(1234567), "JPY")],
            [Amount(Decimal("0.1"), "KWD"), Amount(Decimal("0.123456"), "JPY")],
        ]
    ).active

    cells = [cell for row in sheet["A2:B3"] for cell in row]
    assert [cell.value for cell in cells] == [-12.5, 1234567, 0.1, 0.123456]
    assert {cell.data_type for cell in cells} == {"n"}
    assert [cell.number_format for cell in cells] == ["#,##0.00", "#,##0", "#,##0.000", "#,##0.######"]


def test_a_workbook_has_every_digit_of_an_amount_also_where_a_float_has_not() -> None:
    file = io.BytesIO()

    write_xlsx(file, "Spend", ["A"], [[Amount(Decimal("-18000000000000.000001"), "USD")]])

    assert b"<v>-18000000000000.000001</v>" in zipfile.ZipFile(file).read("xl/worksheets/sheet1.xml")


def test_days_and_months_are_dates_in_xlsx_and_iso_8601_in_csv() -> None:
    rows: list[Row] = [[date(2026, 11, 21), Month(date(2026, 11, 1))]]

    sheet = as_xlsx(rows).active

    assert as_csv(rows)[1] == ["2026-11-21", "2026-11"]
    assert (sheet["A2"].value, sheet["A2"].number_format) == (datetime(2026, 11, 21), "yyyy-mm-dd")
    assert (sheet["B2"].value, sheet["B2"].number_format) == (datetime(2026, 11, 1), "yyyy-mm")


def test_csv_begins_with_a_byte_order_mark_where_it_is_for_excel() -> None:
    with_mark, without = (next(csv_pieces(["Größe"], [], bom=bom)) for bom in (True, False))

    assert with_mark.encode().startswith(b"\xef\xbb\xbf")
    assert with_mark == BOM + without


def test_names_with_separators_quotes_and_lines_come_back_as_they_were() -> None:
    names = ['a,"b"', "two\nlines", "Größe; 東京"]

    assert [line[0] for line in as_csv([[name, ""] for name in names])[1:]] == names
    assert [row[0].value for row in as_xlsx([[name, ""] for name in names]).active["A2:B4"]] == names


def test_a_character_that_no_workbook_can_hold_is_replaced() -> None:
    assert as_xlsx([["a\x01b", ""]]).active["A2"].value == "a\ufffdb"


def test_a_table_without_lines_has_its_headings() -> None:
    assert as_csv([]) == [["A", "B"]]
    assert [cell.value for cell in as_xlsx([]).active[1]] == ["A", "B"]


def test_what_one_sheet_cannot_hold_goes_on_in_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "MOST_SHEET_ROWS", 3)

    book = as_xlsx([[str(number), ""] for number in range(5)])

    assert book.sheetnames == ["Spend", "Spend 2", "Spend 3"]
    assert [[row[0].value for row in sheet] for sheet in book] == [["A", "0", "1"], ["A", "2", "3"], ["A", "4"]]


def test_a_long_table_is_not_kept_in_memory(tmp_path: Any) -> None:
    def rows(count: int) -> Iterator[Row]:
        return (["A campaign", Amount(Decimal(number), "EUR")] for number in range(count))

    def most_memory(count: int) -> int:
        tracemalloc.start()
        try:
            assert (
                sum(piece.count("\n") for piece in csv_pieces(["A", "B"], rows(10 * count), bom=True)) == 10 * count + 1
            )
            with (tmp_path / "long.xlsx").open("wb") as file:
                write_xlsx(file, "Spend", ["A", "B"], rows(count))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    most_memory(100)
    assert most_memory(1500) < most_memory(300) + 100_000

"""Importing CSVs of spend: what counts, what is refused, and that again changes nothing."""

from __future__ import annotations

import io
import json
import os
import subprocess
import threading
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from campaigns.importing import BadRow, Reading, SpendFile, SpendRow, open_spend
from campaigns.models import Brand, Campaign, DailySpend, SpendLog
from campaigns.tests.conftest import Installation
from campaigns.tests.factories import BrandFactory, CampaignFactory

pytestmark = pytest.mark.django_db

HEADER = "date,brand,campaign,amount\n"


@pytest.fixture
def spring() -> Campaign:
    return CampaignFactory.create(brand=BrandFactory.create(name="Acme", currency="EUR"), name="Spring")


def rows(text: str | bytes) -> list[SpendRow | BadRow]:
    file = io.BytesIO(text if isinstance(text, bytes) else text.encode())
    return list(open_spend(file, Reading()).rows)


def imported(tmp_path: Path, text: str | bytes, *options: str, fails: bool = False) -> str:
    """What the command says, on both of its streams, of a file with this content."""
    file = tmp_path / "spend.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    out = io.StringIO()
    if not fails:
        call_command("import_spend", str(file), *options, stdout=out, stderr=out)
        return out.getvalue()
    with pytest.raises(CommandError) as refused:
        call_command("import_spend", str(file), *options, stdout=out, stderr=out)
    return f"{out.getvalue()}{refused.value}"


def days(campaign: Campaign) -> dict[str, Decimal]:
    return {str(day.day): day.amount for day in DailySpend.objects.filter(campaign=campaign)}


def test_rows_of_one_campaign_and_day_are_summed_and_set_as_that_day_s_total(tmp_path: Path, spring: Campaign) -> None:
    text = HEADER + "2026-10-01,Acme,Spring,1.10\n2026-10-02,Acme,Spring,5\n2026-10-01,Acme,Spring,2.000001\n"

    said = imported(tmp_path, text)

    assert days(spring) == {"2026-10-01": Decimal("3.100001"), "2026-10-02": Decimal(5)}
    assert "3 rows, 0 refused; 2 days of campaigns; 2 entries recorded" in said


def test_importing_again_changes_nothing_and_a_restated_day_is_corrected_by_the_difference(
    tmp_path: Path, spring: Campaign
) -> None:
    text = HEADER + "2026-10-01,Acme,Spring,10\n2026-10-02,Acme,Spring,5\n"
    imported(tmp_path, text)

    assert "0 entries recorded" in imported(tmp_path, text)
    assert "1 entries recorded" in imported(tmp_path, text.replace("Spring,10", "Spring,8.5"))

    assert days(spring) == {"2026-10-01": Decimal("8.5"), "2026-10-02": Decimal(5)}
    assert sorted(SpendLog.objects.values_list("amount", flat=True)) == [Decimal("-1.5"), Decimal(5), Decimal(10)]


def test_with_add_each_row_is_an_entry_of_its_own_and_the_same_file_counts_once(
    tmp_path: Path, spring: Campaign
) -> None:
    text = (
        "date,brand,campaign,amount,reference,description\n"
        "2026-10-01,Acme,Spring,10,inv-1,first\n"
        "2026-10-01,Acme,Spring,10,,\n"
        "2026-10-01,Acme,Spring,10,,\n"
    )

    first, again = imported(tmp_path, text, "--add"), imported(tmp_path, text, "--add")

    assert "3 entries recorded, 0 duplicates" in first
    assert "0 entries recorded, 3 duplicates" in again
    assert days(spring) == {"2026-10-01": Decimal(30)}
    assert SpendLog.objects.get(reference="inv-1").description == "first"


def test_with_add_another_file_adds_to_what_is_there(tmp_path: Path, spring: Campaign) -> None:
    imported(tmp_path, HEADER + "2026-10-01,Acme,Spring,10\n", "--add")
    imported(tmp_path, HEADER + "2026-10-01,Acme,Spring,10\n\n", "--add")

    assert days(spring) == {"2026-10-01": Decimal(20)}


def test_bad_rows_are_listed_with_line_column_and_reason_and_the_good_ones_count(
    tmp_path: Path, spring: Campaign
) -> None:
    text = HEADER + (
        "2026-10-01,Acme,Spring,1\n"
        "01/10/2026,Acme,Spring,2\n"
        "2026-10-02,Acme,Spring,1e3\n"
        "2026-10-03,,Spring,2\n"
        "2026-10-04,Acme,,2\n"
        "2026-10-05,Acme,Spring,\n"
        "2026-10-06,Acme,Spring,1,5\n"
        "2026-10-07,Nobody,Spring,2\n"
        "2026-10-08,Acme,Autumn,2\n"
        "2026-02-30,Acme,Spring,2\n"
        "2199-10-10,Acme,Spring,2\n"
        "1999-10-11,Acme,Spring,2\n"
        "2026-10-12,Acme,Spring,-2\n"
        "2026-10-13,Acme,Spring,4\n"
    )

    said = imported(tmp_path, text, fails=True)

    assert days(spring) == {"2026-10-01": Decimal(1), "2026-10-13": Decimal(4)}
    for expected in (
        "line 3, column date: '01/10/2026' is not a date",
        "line 4, column amount: '1e3' is not an amount",
        "line 5, column brand: the brand is empty",
        "line 6, column campaign: the campaign is empty",
        "line 7, column amount: the amount is empty",
        "line 8, column amount: the row has 5 cells and the header 4",
        "line 9, column brand: there is no brand 'Nobody'",
        "line 10, column campaign: Acme has no campaign 'Autumn'",
        "line 11, column date: '2026-02-30' is not a date",
        "line 12, column date: 2199-10-10 has not begun",
        "line 13, column date: 1999-10-11 lies before 2000",
        "line 14, column amount: Acme, Spring on 2026-10-12",
        "12 rows were refused",
    ):
        assert expected in said


def test_a_quote_gone_wrong_in_one_row_takes_only_that_row_down(tmp_path: Path, spring: Campaign) -> None:
    text = HEADER + '2026-10-01,Acme,"Spring" x,1\n2026-10-02,Acme,Spring,2\n2026-10-03,Acme,"Spring,4'

    said = imported(tmp_path, text, fails=True)

    assert days(spring) == {"2026-10-02": Decimal(2)}
    assert "line 2, column date: the row is no CSV" in said
    assert "line 4, column date: the row is no CSV" in said


def test_rows_that_fall_with_their_day_are_all_counted_as_refused(tmp_path: Path, spring: Campaign) -> None:
    text = HEADER + "2026-10-01,Acme,Spring,-10\n2026-10-02,Acme,Spring,1\n2026-10-01,Acme,Spring,-5\n"

    said = imported(tmp_path, text, fails=True)

    assert "3 rows, 2 refused; 1 days of campaigns; 1 entries recorded" in said
    assert "line 2, column amount: Acme, Spring on 2026-10-01: -15 is less than nothing" in said
    assert "no day costs that. (2 rows)" in said


@pytest.mark.parametrize("mode", [(), ("--add",)], ids=["totals", "add"])
def test_a_day_that_cannot_be_makes_no_names_and_no_spend(tmp_path: Path, mode: tuple[str, ...]) -> None:
    text = HEADER + "2199-01-01,Acme,Spring,1\n2011-12-30,Acme,Spring,1\n"

    said = imported(tmp_path, text, "--create-missing", "--timezone", "Pacific/Apia", *mode, fails=True)

    assert "line 2, column date: 2199-01-01 has not begun" in said
    assert "line 3, column date: 2011-12-30 did not exist in Pacific/Apia" in said
    assert not Brand.objects.exists()


def test_a_row_of_another_brand_in_a_file_of_one_is_refused(tmp_path: Path, spring: Campaign) -> None:
    text = HEADER + "2026-10-01,Acme,Spring,1\n2026-10-02,Other,Spring,1\n2026-10-03,,Spring,1\n"

    said = imported(tmp_path, text, "--brand", "Acme", fails=True)

    assert "line 3, column brand: it is 'Other' in a file of 'Acme'" in said
    assert list(days(spring)) == ["2026-10-03", "2026-10-01"]


def test_a_row_in_another_currency_than_its_brand_s_is_refused(tmp_path: Path, spring: Campaign) -> None:
    text = "date,brand,campaign,amount,currency\n2026-10-01,Acme,Spring,1,EUR\n2026-10-02,Acme,Spring,1,USD\n"

    assert "line 3, column currency: 'USD' is not the currency of Acme, EUR" in imported(tmp_path, text, fails=True)
    assert days(spring) == {"2026-10-01": Decimal(1)}


def test_missing_brands_and_campaigns_are_made_on_request_and_run(tmp_path: Path) -> None:
    text = "date,brand,campaign,amount,currency\n2026-10-01,Acme,Spring,1,\n2026-10-01,Nippon,Haru,100,JPY\n"

    said = imported(tmp_path, text, "--create-missing", "--timezone", "Europe/Berlin", "--currency", "EUR")

    assert "New brand: Acme" in said
    assert "New campaign: Nippon, Haru" in said
    brands = Brand.objects.order_by("name").values_list("name", "currency")
    assert list(brands) == [("Acme", "EUR"), ("Nippon", "JPY")]
    assert {str(brand.timezone) for brand in Brand.objects.all()} == {"Europe/Berlin"}
    assert set(Campaign.objects.values_list("status", flat=True)) == {"ACTIVE"}


def test_names_that_could_never_be_are_refused_also_when_missing_ones_are_made(tmp_path: Path) -> None:
    text = (
        "date,brand,campaign,amount,currency\n"
        f"2026-10-01,{'x' * 201},Spring,1,EUR\n"
        "2026-10-01,Odd,Spring,1,XXX\n"
        f"2026-10-01,Acme,{'x' * 201},1,EUR\n"
    )

    said = imported(tmp_path, text, "--create-missing", fails=True)

    assert "line 2, column brand: Ensure this value has at most 200 characters" in said
    assert "line 3, column currency: 'XXX' is not an ISO 4217 code" in said
    assert "line 4, column campaign: Ensure this value has at most 200 characters" in said
    assert not Brand.objects.exists()


def test_other_headers_are_named_by_options_and_several_columns_name_a_campaign(tmp_path: Path) -> None:
    BrandFactory.create(name="Acme")
    text = "Day,Source,Name,Cost\n2026-10-01,Google,Spring,1\n2026-10-01,Google,,2\n2026-10-01,,,4\n"

    said = imported(
        tmp_path,
        text,
        *("--brand", "Acme", "--date-column", "day", "--amount-column", "COST"),
        *("--campaign-column", "Source", "--campaign-column", "Name", "--create-missing"),
        fails=True,
    )

    assert dict(Campaign.objects.values_list("name", "total_spend")) == {"Google / Spring": 1, "Google / (blank)": 2}
    assert "line 4, column Source: the campaign is empty" in said


def test_a_budget_reached_by_an_import_pauses_the_campaign(tmp_path: Path, spring: Campaign) -> None:
    Campaign.objects.update(total_budget=Decimal(10))

    said = imported(tmp_path, HEADER + "2026-10-01,Acme,Spring,10\n")

    spring.refresh_from_db()
    assert spring.hold_set.codes == ["TOTAL_BUDGET"]
    assert f"Campaigns paused by it: {spring.pk}" in said


def test_a_dry_run_says_what_would_change_and_changes_nothing(tmp_path: Path, spring: Campaign) -> None:
    text = HEADER + "2026-10-01,Acme,Spring,10\n2026-11-01,Acme,Spring,5\n2026-11-02,Acme,spring,1\n"

    said = imported(tmp_path, text, "--dry-run", "--create-missing")

    for expected in (
        "New campaign: Acme, spring (not 'Spring', which is written differently)",
        "2026-10",
        "EUR 10.00",
        "3 rows, 0 refused; 3 days of campaigns; 3 entries would be recorded",
    ):
        assert expected in said
    assert not SpendLog.objects.exists()
    assert list(Campaign.objects.all()) == [spring]
    assert "1 rows would be refused." in imported(tmp_path, text, "--dry-run", fails=True)


def test_days_a_month_apart_are_imported_with_a_warning(tmp_path: Path, spring: Campaign) -> None:
    said = imported(tmp_path, HEADER + "2026-08-01,Acme,Spring,1\n2026-09-01,Acme,Spring,1\n")

    assert "All days of the file lie whole months apart" in said
    assert len(days(spring)) == 2


def test_the_receipt_comes_as_one_json_object_with_all_its_lists(tmp_path: Path, spring: Campaign) -> None:
    rows = "".join(f"2026-10-01,Acme,Unknown {number},0.1\n" for number in range(30))
    file = tmp_path / "spend.csv"
    file.write_text(HEADER + "2026-10-01,Acme,Spring,10\n" + rows)
    out = io.StringIO()

    with pytest.raises(CommandError, match="30 rows were refused"):
        call_command("import_spend", str(file), "--format", "json", stdout=out, stderr=io.StringIO())

    told = json.loads(out.getvalue())
    assert (told["rows"], told["refused_rows"], told["entries"]) == (31, 30, 1)
    assert told["sums"] == [{"currency": "EUR", "stated": "13.00", "rounding": "0.00"}]
    assert told["months"] == [
        {"brand": "Acme", "campaign": "Spring", "month": "2026-10", "currency": "EUR", "difference": "10.00"}
    ]
    assert told["campaigns"][0]["recorded"] == told["campaigns"][0]["stated"] == "10.00"
    assert [refusal["line"] for refusal in told["refusals"]] == list(range(3, 33))
    assert (told["new_brands"], told["disagreements"]) == ([], [])


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_long_lists_are_cut_and_it_says_how_many_more_there_are(tmp_path: Path, spring: Campaign) -> None:
    file = tmp_path / "spend.csv"
    file.write_text(HEADER + "".join(f"2026-10-01,Acme,Campaign {number:03},1\n" for number in range(50)))
    out, errors = Terminal(), Terminal()

    call_command("import_spend", str(file), "--create-missing", "--dry-run", stdout=out)
    with pytest.raises(CommandError):
        call_command("import_spend", str(file), stdout=Terminal(), stderr=errors)

    assert "New campaign: Acme, Campaign 019" in out.getvalue()
    assert "Campaign 020" not in out.getvalue()
    assert out.getvalue().count("... and 30 more: --format json has all of them.") == 3
    assert errors.getvalue().count("has no campaign") == 20
    assert "... and 30 more" in errors.getvalue()


def test_the_platform_s_own_id_is_read_from_the_column_that_an_option_names(tmp_path: Path, spring: Campaign) -> None:
    text = "date,brand,campaign,amount,Campaign ID\n2026-10-01,Acme,Spring,1,77\n"

    said = imported(tmp_path, text, "--external-id-column", "campaign id")

    assert "External ID 77 for: Acme, Spring" in said
    assert Campaign.objects.get().external_id == "77"


def test_names_that_only_unicode_tells_apart_are_shown_by_their_code_points(tmp_path: Path, spring: Campaign) -> None:
    Campaign.objects.update(name="Caf\u00e9")
    text = HEADER + "2026-10-01,Acme,Cafe\u0301,1\n"

    refused = imported(tmp_path, text, fails=True)
    made = imported(tmp_path, text, "--create-missing", "--dry-run")

    expected = "'Caf\u00e9', that is 'Caf\\xe9', not 'Cafe\\u0301', which is written differently"
    assert f"It has {expected}" in refused
    assert f"(not {expected})" in made


@pytest.mark.processes
def test_a_reader_that_has_enough_ends_the_output_quietly(installation: Installation) -> None:
    lines = "".join(f"2026-10-01,Acme,Campaign {number},1\n" for number in range(3000))
    out, into = os.pipe()
    os.close(out)  # as `head` does once it has enough

    with os.fdopen(into, "wb") as pipe:
        done = subprocess.run(
            installation.command("import_spend", "-", "--create-missing", "--format", "json"),
            env={**installation.environment, "PYTHONUNBUFFERED": ""},
            cwd=settings.BASE_DIR,
            input=(HEADER + lines).encode(),
            stdout=pipe,
            stderr=subprocess.PIPE,
        )

    assert (done.returncode, done.stderr) == (0, b"")
    assert installation.python("result = Campaign.objects.count()") == 3000


def test_a_file_that_misses_its_own_total_is_recorded_and_fails_with_the_difference_last(
    tmp_path: Path, spring: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual: dict[str, Any] = {"day": date(2026, 10, 1), "brand": "Acme", "campaign": "Spring", "amount": Decimal("1.5")}
    rows: list[Any] = [SpendRow(line=2, **usual), SpendRow(line=3, rounding=Decimal("0.0000004"), **usual)]
    stating = SpendFile("Some report", iter(rows), Decimal("4"))
    monkeypatch.setattr("campaigns.management.commands.import_spend.open_spend", lambda *_: stating)

    said = imported(tmp_path, "", fails=True)

    assert said.endswith("The file's own total is EUR 4.00: its rows miss that by EUR 1.0000004.")
    assert days(spring) == {"2026-10-01": Decimal(3)}
    assert "Rows that could be read add up to EUR 2.9999996, and rounding adds 0.0000004." in said
    assert "Some report: 2 rows" in said


ONE = SpendRow(line=2, day=date(2026, 10, 1), brand="Acme", campaign="Spring", amount=Decimal("1.5"))


@pytest.mark.parametrize(
    "text",
    [
        HEADER + "2026-10-01,Acme,Spring,1.5",
        b"\xef\xbb\xbf" + (HEADER + "2026-10-01,Acme,Spring,1.5\n").encode(),
        (HEADER + "2026-10-01,Acme,Spring,1.5\n").replace("\n", "\r\n"),
        (HEADER + "2026-10-01,Acme,Spring,1.5\n").replace(",", ";"),
        (HEADER + "2026-10-01,Acme,Spring,1.5\n").replace(",", "\t"),
        ' Date , "BRAND",Campaign,Amount\n 2026-10-01 ," Acme ","Spring"," 1.5 "\n',
        "clicks,amount,campaign,brand,date\n7,1.5,Spring,Acme,2026-10-01\n",
        HEADER + "2026-10-01,Acme,Spring,1.5\n\n , , , \n",
    ],
    ids=["no newline", "BOM", "CRLF", "semicolons", "tabs", "quotes and spaces", "other columns", "blank lines"],
)
def test_a_plain_csv_is_read_however_it_was_saved(text: str | bytes) -> None:
    assert rows(text) == [ONE]


def test_blank_lines_before_the_header_are_passed_over_and_counted() -> None:
    (row,) = rows("\n \n" + HEADER + "x,Acme,Spring,1\n")

    assert isinstance(row, BadRow)
    assert row.line == 4


def test_quotes_may_hold_delimiters_and_newlines_and_lines_are_counted_all_the_same() -> None:
    read_rows = rows(HEADER + '2026-10-01,Acme,"Spring, ""new""\nsale",1\nno date,Acme,Spring,1\n')

    assert isinstance(read_rows[0], SpendRow)
    assert (read_rows[0].line, read_rows[0].campaign) == (2, 'Spring, "new"\nsale')
    assert isinstance(read_rows[1], BadRow)
    assert read_rows[1].line == 4


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "The file is empty"),
        (b"\n\n", "The file is empty"),
        (HEADER.encode().replace(b"\n", b"\r") + b"2026-10-01,Acme,Spring,1\r", "The first line is no header"),
        (b"date,brand,amount\n", "There is no column 'campaign'. The file has: date, brand, amount"),
        (b"just a text\n", "There is no column 'date' or 'campaign' or 'amount' or 'brand'"),
        (b"date,brand,campaign,amount,Amount\n", "There are two columns 'amount'"),
        (
            HEADER.encode() + b'2026-10-01,Acme,"Spring,1\n2026-10-02,Acme,Spring,1\n',
            "Line 2 opens a quote that is not closed properly",
        ),
        (HEADER.encode() + "2026-10-01,Acme,Frühling,1\n".encode("latin-1"), "Line 2 is not UTF-8"),
        (HEADER.encode() + b"2026-10-01,Acme,Spr\x00ing,1\n", "Line 2 contains a NUL byte"),
        (HEADER.encode() + b"x" * 1_000_001, "Line 2 is longer than"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "The file is a PDF"),
    ],
)
@pytest.mark.parametrize("mode", [(), ("--add",)], ids=["totals", "add"])
def test_a_file_that_makes_no_sense_is_refused_whole_with_the_reason(
    tmp_path: Path, spring: Campaign, text: bytes, reason: str, mode: tuple[str, ...]
) -> None:
    good = (HEADER + "2026-10-01,Acme,Spring,1\n").encode()
    text = text.replace(HEADER.encode(), good, 1) if text.startswith(HEADER.encode()) else text

    said = imported(tmp_path, text, "--create-missing", *mode, fails=True)

    assert reason.replace("Line 2", "Line 3") in said
    assert "Nothing was imported" in said
    assert not SpendLog.objects.exists()


NASTY = {"escape": "Spr\x1b[31ming", "line break": "Spring\nline 9: all is well", "override": "Spr\u202eing"}


@pytest.mark.parametrize("name", NASTY.values(), ids=NASTY)
def test_names_reach_the_terminal_without_what_it_would_obey(tmp_path: Path, spring: Campaign, name: str) -> None:
    Campaign.objects.update(name=name, external_id="7")
    known = f'date,brand,campaign,amount\n2026-10-01,Acme,"{name}",1\n'

    said = (
        imported(tmp_path, known, "--dry-run")
        + imported(tmp_path, known)
        + imported(tmp_path, known.replace("Acme", f'"{name}"').replace("amount", f'"{name}"'), fails=True)
        + imported(tmp_path, known.replace("Acme", f'"{name}"'), fails=True)
    )

    assert name not in said
    assert name.encode("unicode_escape").decode() in said


@pytest.mark.parametrize("name", NASTY.values(), ids=NASTY)
@pytest.mark.parametrize(
    "row", ['2026-10-01,Acme,"{}",1,', '2026-10-01,"{}",Spring,1,', '2026-10-01,Acme,Autumn,1,"{}"']
)
def test_new_names_and_ids_with_control_characters_are_refused(
    tmp_path: Path, spring: Campaign, name: str, row: str
) -> None:
    text = f"date,brand,campaign,amount,external_id\n{row.format(name)}\n"

    said = imported(tmp_path, text, "--create-missing", fails=True)

    code = next(f"U+{ord(char):04X}" for char in name if not char.isprintable())
    assert f"has the control character {code} in it: take it out." in said
    assert (Brand.objects.count(), Campaign.objects.count()) == (1, 1)


def test_joiners_that_scripts_need_are_part_of_a_name(tmp_path: Path, spring: Campaign) -> None:
    name = "می\u200cخواهم \u200eSale"

    imported(tmp_path, HEADER + f"2026-10-01,Acme,{name},1\n", "--create-missing")

    assert Campaign.objects.filter(name=name).exists()


@pytest.mark.parametrize("name", ["missing.csv", "."])
def test_a_file_that_cannot_be_opened_is_a_clear_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("import_spend", str(tmp_path / name))


def test_a_zone_that_is_none_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="is no time zone") as refused:
        call_command("import_spend", str(tmp_path), "--create-missing", "--timezone", "Mars/Olympus")

    assert refused.value.returncode == 2


def test_every_amount_is_judged_as_everywhere() -> None:
    for text in ("NaN", "1_000", "٣", "1e400", "0.0000001", "9000000001", "inf", "1 000"):
        (row,) = rows(f"{HEADER}2026-10-01,Acme,Spring,{text}\n")
        assert isinstance(row, BadRow)
        assert (row.line, row.column) == (2, "amount")


def test_a_pipe_is_imported_like_a_file(tmp_path: Path, spring: Campaign) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    text = HEADER + "2026-10-01,Acme,Spring,1\n"
    writer = threading.Thread(target=pipe.write_text, args=(text,))
    writer.start()

    call_command("import_spend", str(pipe), stdout=io.StringIO())
    writer.join()

    assert days(spring) == {"2026-10-01": Decimal(1)}


@pytest.mark.processes
def test_standard_input_is_imported_and_the_exit_code_tells_of_refused_rows(installation: Installation) -> None:
    good = b"date,brand,campaign,amount\n2026-10-01,Acme,Spring,1.25\n"

    done = installation.run("import_spend", "-", "--create-missing", stdin=good)
    assert (done.returncode, done.stderr) == (0, b"")
    refused = installation.run("import_spend", "-", "--create-missing", stdin=good + b"x,Acme,Spring,1\n")
    assert refused.returncode == 1
    assert b"line 3, column date" in refused.stderr
    for wrong in (("--decimal", "x"), ("--date-format", "DDMM"), ("--currency", "EURO")):
        assert installation.run("import_spend", "-", *wrong, stdin=good).returncode == 2
    sums: Any = installation.python("result = [str(c.total_spend) for c in Campaign.objects.all()]")
    assert sums == ["1.250000"]

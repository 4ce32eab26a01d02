"""The readers of spend files: each platform's export, written as the platform writes it, and what is not guessed."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import itertools
import random
import re
import tracemalloc
import zipfile
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.importing import BadRow, Columns, Reading, SpendFile, SpendRow, UnreadableFile, open_spend
from campaigns.importing.amounts import may_mean

HEADER = "date,brand,campaign,amount\n"
ACME = Reading(brand="Acme")


def opened(content: str | bytes, reading: Reading = ACME) -> SpendFile:
    return open_spend(io.BytesIO(content if isinstance(content, bytes) else content.encode()), reading)


def rows(content: str | bytes, reading: Reading = ACME) -> list[SpendRow | BadRow]:
    return list(opened(content, reading).rows)


def good(content: str | bytes, reading: Reading = ACME) -> list[SpendRow]:
    found = rows(content, reading)
    assert [row for row in found if isinstance(row, BadRow)] == []
    return [row for row in found if isinstance(row, SpendRow)]


def bad(content: str | bytes, reading: Reading = ACME) -> list[str]:
    return [str(row) for row in rows(content, reading) if isinstance(row, BadRow)]


def refusal(content: str | bytes, reading: Reading = ACME) -> str:
    with pytest.raises(UnreadableFile) as refused:
        rows(content, reading)
    return str(refused.value)


def spent(content: str | bytes, reading: Reading = ACME) -> dict[tuple[str, str], Decimal]:
    """What each campaign, by its ID where it has one, cost on each day."""
    sums: dict[tuple[str, str], Decimal] = {}
    for row in good(content, reading):
        key = (row.external_id or row.campaign, str(row.day))
        sums[key] = sums.get(key, Decimal(0)) + row.amount
    return sums


def dated(*days: str) -> str:
    return HEADER + "".join(f'"{day}",Acme,Spring,1\n' for day in days)


def priced(*amounts: str) -> str:
    return "date;brand;campaign;amount\n" + "".join(f"2024-03-01;Acme;Spring;{amount}\n" for amount in amounts)


def amounts_of(*amounts: str, reading: Reading = ACME) -> list[Decimal]:
    return [row.amount for row in good(priced(*amounts), reading)]


def workbook(lines: Sequence[Sequence[Any]]) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for line in lines:
        sheet.append(list(line))
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def with_sheet(xml: bytes) -> bytes:
    """A workbook whose sheet is this XML."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook([["date"]]))) as source, zipfile.ZipFile(file, "w", 8) as target:
        for name in source.namelist():
            target.writestr(name, xml if name == "xl/worksheets/sheet1.xml" else source.read(name))
    return file.getvalue()


# Google Ads

GOOGLE = {
    "English": """Campaign report
"September 1, 2024 - September 2, 2024"
Campaign status,Day,Campaign,Campaign ID,Currency code,Cost,Impr.
Enabled,2024-09-01,Roofs & Gutters,101,USD,"1,012.34","12,345"
Enabled,2024-09-02,Roofs & Gutters,101,USD,0.66,7
Paused,2024-09-02,Total Recall,102,USD, --,0
Total: Campaigns, --, --, --,USD,"1,013.00","12,352"
Total: Search, --, --, --,USD,"1,013.00","12,352"
Total: Account, --, --, --,USD,"2,000.00","99,999"
""",
    "German": """Kampagnenbericht
"1. September 2024 - 2. September 2024"
Tag,Kampagne,Kampagnen-ID,Währungscode,Kosten,Impr.
01.09.2024,Roofs & Gutters,101,USD,"1.012,34","12.345"
02.09.2024,Roofs & Gutters,101,USD,"0,66",7
13.09.2024,Total Recall,102,USD, --,0
Gesamt: Kampagnen, --, --,USD,"1.013,00","12.352"
Gesamt: Konto, --, --,USD,"2.000,00","99.999"
""",
    "French": """Rapport sur les campagnes
"1 sept. 2024 - 2 sept. 2024"
Jour;Campagne;ID de la campagne;Code de la devise;Coût;Impr.
1 sept. 2024;Roofs & Gutters;101;USD;1\u202f012,34;12\u202f345
2 sept. 2024;Roofs & Gutters;101;USD;0,66;7
2 sept. 2024;Total Recall;102;USD; --;0
Total : campagnes; --; --;USD;1\u00a0013,00;12\u202f352
Total : compte; --; --;USD;2\u00a0000,00;99\u202f999
""",
    "Spanish": """Informe de campañas
"1 de septiembre de 2024 - 2 de septiembre de 2024"
Día,Campaña,ID de la campaña,Código de moneda,Coste,Impr.
1 de septiembre de 2024,Roofs & Gutters,101,USD,"1.012,34","12.345"
2 sept 2024,Roofs & Gutters,101,USD,"0,66",7
2 sept 2024,Total Recall,102,USD, --,0
Total: Campañas, --, --,USD,"1.013,00","12.352"
Total: Cuenta, --, --,USD,"2.000,00","99.999"
""",
    "Japanese": """キャンペーン レポート
2024年9月1日 - 2024年9月2日
日,キャンペーン,キャンペーン ID,通貨コード,費用,表示回数
2024年9月1日,Roofs & Gutters,101,USD,"1,012.34","12,345"
2024年9月2日,Roofs & Gutters,101,USD,0.66,7
2024年9月2日,Total Recall,102,USD, --,0
合計: キャンペーン, --, --,USD,"1,013.00","12,352"
合計: アカウント, --, --,USD,"2,000.00","99,999"
""",
}


@pytest.mark.parametrize("language", GOOGLE)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_google_ads_report_is_read_in_each_language(language: str, encoding: str) -> None:
    file = opened(GOOGLE[language].replace("\n", "\r\n").encode(encoding))

    read = list(file.rows)

    assert file.format == "Google Ads report"
    assert all(isinstance(row, SpendRow) for row in read)
    assert [(row.campaign, row.external_id, row.amount, row.currency) for row in read if isinstance(row, SpendRow)] == [
        ("Roofs & Gutters", "101", Decimal("1012.34"), "USD"),
        ("Roofs & Gutters", "101", Decimal("0.66"), "USD"),
        ("Total Recall", "102", Decimal(0), "USD"),
    ]
    assert isinstance(read[0], SpendRow)
    assert (read[0].line, read[0].day, read[0].brand) == (4, date(2024, 9, 1), "Acme")
    assert file.stated_total == Decimal(1013)  # of the campaigns: the account has spent on others, too


def test_a_google_ads_report_saved_by_excel_in_tabs_and_utf_16_without_a_mark_is_read() -> None:
    text = GOOGLE["English"].replace('"1,012.34"', "1012.34").replace(",USD,", "\tUSD\t")
    tabbed = "\n".join("\t".join(line) for line in csv.reader(io.StringIO(text.replace("\t", ","))))

    for encoding in ("utf-16-le", "utf-16-be"):
        assert sum(row.amount for row in good(tabbed.encode(encoding))) == Decimal(1013)


def test_yen_with_separators_are_not_ambiguous_as_they_have_no_decimals() -> None:
    text = '日,キャンペーン,通貨コード,費用\n2024-09-01,春,JPY,"1,234"\n2024-09-02,春,JPY,567\n'

    assert [row.amount for row in good(text)] == [Decimal(1234), Decimal(567)]


def test_yen_in_small_letters_have_no_decimals_either() -> None:
    assert [row.amount for row in good('日,キャンペーン,通貨コード,費用\n2024-09-01,春,jpy,"1,234"\n')] == [
        Decimal(1234)
    ]


@pytest.mark.parametrize(
    "header",
    [
        "segments.date,campaign.id,campaign.name,metrics.cost_micros,customer.currency_code",
        "segments_date,campaign_id,campaign_name,metrics_cost_micros,customer_currency_code",
        "date,campaign_id,campaign_name,cost_micros,currency_code",
        "segments.date,campaign.id,campaign.name,metrics.costMicros,customer.currencyCode",
    ],
)
def test_google_ads_api_tables_state_micros(header: str) -> None:
    (row,) = good(f"{header}\n2024-09-01,101,Roofs,1234567,EUR\n")

    assert row == SpendRow(2, date(2024, 9, 1), "Acme", "Roofs", Decimal("1.234567"), "101", "EUR")


@pytest.mark.parametrize("micros", ["1.5", "1,234,567", "1e6", "", "NaN"])
def test_what_is_no_whole_number_of_micros_is_a_bad_row(micros: str) -> None:
    text = f'segments.date,campaign.id,metrics.cost_micros\n2024-09-01,101,"{micros}"\n2024-09-01,101,5\n'

    assert len(bad(text)) == (micros != "")  # empty: nothing was spent


# Meta

META = """Reporting starts,Reporting ends,Campaign name,Campaign ID,Amount spent (USD),Impressions
2024-09-01,2024-09-02,,,"1,022.50",6600
2024-09-01,2024-09-01,Winter Sale,120210000000000001,12.50,3400
2024-09-02,2024-09-02,Winter Sale,120210000000000001,"1,010.00",3100
2024-09-02,2024-09-02,Winter Sale,120210000000000001,,100
"""


def test_a_meta_report_by_day_takes_its_currency_from_the_header_and_its_total_from_the_nameless_row() -> None:
    file = opened("\ufeff" + META)

    first, *_ = read = list(file.rows)

    assert first == SpendRow(
        3, date(2024, 9, 1), "Acme", "Winter Sale", Decimal("12.50"), "120210000000000001", currency="USD"
    )
    assert [row.amount for row in read if isinstance(row, SpendRow)] == [Decimal("12.5"), Decimal(1010), Decimal(0)]
    assert (file.format, file.stated_total) == ("Meta Ads report", Decimal("1022.50"))


def test_a_meta_report_with_a_column_for_the_day_may_span_a_range() -> None:
    text = (
        "Reporting starts,Reporting ends,Campaign name,Day,Amount spent (EUR)\n"
        "2024-09-01,2024-09-30,Sale,2024-09-01,1.25\n2024-09-01,2024-09-30,Sale,2024-09-02,2.25\n,,Total,,3.50\n"
    )

    assert spent(text) == {("Sale", "2024-09-01"): Decimal("1.25"), ("Sale", "2024-09-02"): Decimal("2.25")}


def test_a_meta_report_of_one_total_for_a_range_is_refused_with_the_reason() -> None:
    said = refusal(META.replace("2024-09-01,2024-09-01", "2024-09-01,2024-09-30"))

    assert "Line 3 speaks of 2024-09-01 to 2024-09-30" in said
    assert "By time > Day" in said


@pytest.mark.parametrize("missing", ["Reporting starts,", "Reporting ends,"])
def test_a_meta_report_whose_rows_begin_or_end_nowhere_is_refused(missing: str) -> None:
    assert "no column for the day" in refusal(META.replace(missing, "").replace("2024-09-01,2024", "2024"))


def test_a_second_meta_row_without_a_name_is_a_bad_row_and_no_total() -> None:
    assert bad(META + "2024-09-02,2024-09-02,,,5.00,100\n") == ["line 6, column Campaign name: the campaign is empty."]


# Amazon

AMAZON: list[list[Any]] = [
    ["Date", "Portfolio name", "Currency", "Campaign Name", "Impressions", "Spend", "7 Day Total Sales "],
    ["Feb 1, 2020", "Not grouped", "INR", "Shoes", 100, "Rs.201.68", "Rs.1,000.00"],
    ["Feb 2, 2020", "Not grouped", "INR", "Shoes", 100, "Rs.1,23,456.50", "Rs.1,000.00"],
]


def amazon_csv() -> bytes:
    file = io.StringIO()
    csv.writer(file).writerows(AMAZON)
    return file.getvalue().encode("utf-8-sig")


@pytest.mark.parametrize("content", [amazon_csv(), workbook(AMAZON)], ids=["CSV", "XLSX"])
def test_an_amazon_report_is_read_with_its_textual_months_and_rupees(content: bytes) -> None:
    assert opened(content).format == "Amazon Ads report"
    assert good(content) == [
        SpendRow(2, date(2020, 2, 1), "Acme", "Shoes", Decimal("201.68"), currency="INR"),
        SpendRow(3, date(2020, 2, 2), "Acme", "Shoes", Decimal("123456.50"), currency="INR"),
    ]


def test_a_workbook_s_dates_are_dates_and_its_numbers_exact() -> None:
    content = workbook(
        [
            AMAZON[0],
            [datetime(2020, 2, 1), None, "USD", "Shoes", 1, 0.1, None],
            [date(2020, 2, 2), None, "USD", "Shoes", 1, 1234, None],
            [datetime(2020, 2, 3, 13, 30), None, "USD", "Shoes", 1, 1, None],
            [43864, None, "USD", "Shoes", 1, 1, None],
            ["Feb 5, 2020", None, "USD", "Shoes", 1, 4.679999828, None],
            ["Feb 6, 2020", None, "USD", "Shoes", 1, None],
            ["Feb 7, 2020", None, "USD", "Shoes", 1, 7, None, "", None],
        ]
    )

    assert [(str(row.day), row.amount) for row in rows(content) if isinstance(row, SpendRow)] == [
        ("2020-02-01", Decimal("0.1")),
        ("2020-02-02", Decimal(1234)),
        ("2020-02-06", Decimal(0)),
        ("2020-02-07", Decimal(7)),
    ]
    assert bad(content) == [
        "line 4, column Date: '2020-02-03 13:30:00' has a time of day: a row must speak of a whole day.",
        "line 5, column Date: 43864 is a number and not a date: write 2026-11-21, or format the cell as a date.",
        "line 6, column Spend: 4.679999828 has more than 6 decimals. Give --round to have such amounts rounded.",
    ]


def test_a_formula_that_was_never_calculated_is_not_counted_as_nothing() -> None:
    content = workbook([["Day", "Campaign", "Cost"], ["2024-09-01", "Roofs", 5], ["2024-09-02", "Roofs", "=C2*2"]])

    assert "Row 3, column 3 of the workbook has a formula without its value: open and save it in Excel" in refusal(
        content
    )


@pytest.mark.parametrize(
    ("cell", "amount"),
    [
        ("<c r='C2'><f>1+1</f><v>2</v></c>", "2"),
        ("<c r='C2' t='str'><f>A1</f><v></v></c>", "0"),
        ("<c r='C2'/>", "0"),
        ("", "0"),
    ],
)
def test_a_workbook_s_amount_is_what_its_formula_gave_and_zero_where_its_cell_is_empty(cell: str, amount: str) -> None:
    texts = "".join(f"<c t='str'><v>{name}</v></c>" for name in ("Day", "Campaign", "Cost"))
    row = f"<c t='str'><v>2024-09-01</v></c><c t='str'><v>Roofs</v></c>{cell}"
    content = with_sheet(SHEET % f"<row>{texts}</row><row>{row}</row>".encode())

    assert [row.amount for row in good(content)] == [Decimal(amount)]


def test_a_workbook_s_rows_keep_their_numbers_and_none_is_left_out() -> None:
    row = "<row r='{0}'><c t='str'><v>{1}</v></c><c t='str'><v>{2}</v></c><c t='str'><v>{3}</v></c></row>"
    header, first, second = (
        row.format(1, "Day", "Campaign", "Cost"),
        row.format(7, "2024-09-01", "Roofs", "1.5"),
        row.format(4, "2024-09-02", "Roofs", "2.5"),
    )

    assert [row.line for row in good(with_sheet(SHEET % (header + second + first).encode()))] == [4, 7]
    assert "row 4 stands below row 7" in refusal(with_sheet(SHEET % (header + first + second).encode()))


def test_an_amazon_summary_over_a_range_is_refused() -> None:
    assert "Feb 1, 2020 to Feb 29, 2020" in refusal(
        'Start Date,End Date,Currency,Campaign Name,Spend\n"Feb 1, 2020","Feb 29, 2020",USD,Shoes,5.50\n'
    )


@pytest.mark.parametrize(
    "header",
    [
        "Date,Portfolio name,Campaign name,Total cost",
        "Date,Budget currency,Campaign name,Total cost",
        "date,campaignId,campaignName,campaignBudgetCurrencyCode,cost",
    ],
)
def test_amazon_s_reports_that_call_the_spend_cost_are_known_too(header: str) -> None:
    assert opened(f"{header}\n").format == "Amazon Ads report"


# Microsoft

MICROSOFT = """"Report Name: Campaigns by day"
"Report Time: 4/1/2024,4/30/2024"
"Time Zone: (GMT+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna"
"Last Completed Available Day: 5/1/2024 10:15:00 PM (GMT)"
"Report Aggregation: Daily"
"Report Filter: "
"Potential Incomplete Data: true"
"Rows: 2"

"Gregorian date","Account name","Campaign","Campaign ID","Currency code","Spend"
"4/2/2024","Acme","Brand","77","EUR","1,234.50"
"4/13/2024","Acme","Brand","77","EUR","0.25"

"©2024 Microsoft Corporation. All rights reserved. "
"""


@pytest.mark.parametrize("footer", ["©", "Â©"])
def test_a_microsoft_report_is_read_between_its_preamble_and_its_footer(footer: str) -> None:
    text = MICROSOFT.replace("©", footer)

    assert opened(text).format == "Microsoft Advertising report"
    assert spent(text) == {("77", "2024-04-02"): Decimal("1234.50"), ("77", "2024-04-13"): Decimal("0.25")}
    assert [row.line for row in good(text)] == [11, 12]


@pytest.mark.parametrize(
    "header",
    ["TimePeriod,CampaignName,CampaignId,CurrencyCode,Spend", "date,campaign_name,campaign_id,currency_code,spend"],
)
def test_microsoft_s_api_and_its_flat_table_are_read(header: str) -> None:
    assert good(f"{header}\n2024-04-02,,77,EUR,0.0\n") == [
        SpendRow(2, date(2024, 4, 2), "Acme", "", Decimal(0), "77", "EUR")
    ]


@pytest.mark.parametrize(
    "unit", ["Hourly", "HourOfDay", "DayOfWeek", "Weekly", "WeeklyStartingMonday", "Monthly", "Yearly", "Summary"]
)
def test_a_microsoft_report_by_another_unit_of_time_is_refused(unit: str) -> None:
    assert f"is a Microsoft Advertising report by {unit}, not by day" in refusal(
        MICROSOFT.replace(": Daily", f": {unit}")
    )


# LinkedIn and TikTok

LINKEDIN = """Campaign Performance Report (in UTC)
Report Start: September 1, 2024
Report End: September 13, 2024
Date Generated: September 14, 2024

Start Date (in UTC)\tAccount Name\tCampaign Name\tCampaign ID\tTotal Spent\tImpressions\tCurrency
9/1/2024\tAcme\t"Leads, directors"\t11\t1,234.50\t10000\tUSD
9/13/2024\tAcme\tBrand\t12\t10.25\t500\tUSD
"""


def test_a_linkedin_report_is_read_in_utf_16_and_tabs_below_its_preamble() -> None:
    content = LINKEDIN.encode("utf-16")

    assert opened(content).format == "LinkedIn Ads report"
    assert good(content) == [
        SpendRow(7, date(2024, 9, 1), "Acme", "Leads, directors", Decimal("1234.50"), "11", "USD"),
        SpendRow(8, date(2024, 9, 13), "Acme", "Brand", Decimal("10.25"), "12", "USD"),
    ]


@pytest.mark.parametrize("day", ["By Day", "Date"])
def test_a_tiktok_report_is_read_and_its_total_line_is_not_counted(day: str) -> None:
    text = (
        f"{day},Campaign name,Campaign ID,Cost,Currency,Impressions\n"
        "2024-09-20 00:00:00,TT Winter,17,8.00,EUR,5000\n2024-09-21,TT Winter,17,0.5,EUR,10\n"
        "Total of 1 campaigns,-,-,8.50,EUR,5010\n"
    )
    file = opened(text)

    assert sum(row.amount for row in file.rows if isinstance(row, SpendRow)) == file.stated_total == Decimal("8.5")
    assert file.format == "TikTok Ads report"


# What every platform's file needs

BY_PLATFORM = {
    "Google Ads report": ("Day,Campaign,Cost", "Day"),
    "Google Ads API table": ("segments.date,campaign.id,metrics.cost_micros", "segments.date"),
    "Meta Ads report": ("Day,Reporting starts,Reporting ends,Campaign name,Amount spent (USD)", "Day"),
    "LinkedIn Ads report": ("Start Date (in UTC),Campaign Name,Total Spent", "Start Date (in UTC)"),
    "TikTok Ads report": ("By Day,Campaign name,Cost", "By Day"),
    "Microsoft Advertising report": ("Gregorian date,Campaign,Spend,Currency code", "Gregorian date"),
    "Amazon Ads report": ("Date,Currency,Campaign Name,Spend", "Date"),
}


@pytest.mark.parametrize("platform", BY_PLATFORM)
def test_each_platform_is_known_by_its_content_and_asks_for_the_brand(platform: str) -> None:
    header, _ = BY_PLATFORM[platform]

    assert opened(header + "\n").format == platform
    assert f"a {platform}, which names no brand: say which with --brand NAME" in refusal(header + "\n", Reading())


@pytest.mark.parametrize("platform", BY_PLATFORM)
@pytest.mark.parametrize("period", ["", "Week", "Month", "Hour of day"])
def test_a_file_without_days_is_refused_with_the_reason(platform: str, period: str) -> None:
    header, day = BY_PLATFORM[platform]
    header = header.replace("Reporting starts,Reporting ends,", "")

    said = refusal(f"{header.replace(day, period or 'Clicks')}\n")

    assert f"a {platform} with no column for the day" in said
    assert "what was spent on which day" in said
    assert (f"but '{period}'" in said) == bool(period)


@pytest.mark.parametrize("platform", BY_PLATFORM)
def test_a_column_that_is_there_twice_is_refused(platform: str) -> None:
    header, day = BY_PLATFORM[platform]

    assert f"There are two columns {day!r}" in refusal(f"{header},{day}\n")


def test_a_platform_s_file_without_campaigns_is_refused() -> None:
    assert "no column for the campaign" in refusal("Day,Ad set name,Amount spent (USD)\n2024-09-01,x,1\n")


def test_of_many_columns_a_message_names_some() -> None:
    said = refusal(",".join(f"c{number}" for number in range(1_000)) + "\n")

    assert "The file has: c0, c1" in said
    assert "c18, c19 and 980 more." in said


def test_a_name_of_a_column_beyond_measure_is_cut_in_a_message() -> None:
    assert len(refusal(f"{'x' * 100_000},y\n")) < 500


def test_an_id_that_a_spreadsheet_has_rounded_is_a_bad_row() -> None:
    text = "Day,Campaign ID,Amount spent (USD)\n2024-09-01,1.2021E+17,1\n2024-09-01,120210000000000001,1\n"
    sheet = workbook([["Day", "Campaign ID", "Amount spent (USD)"], ["2024-09-01", 120210000000000001, 1]])

    assert [said.split(" was")[0] for said in bad(text)] == ["line 2, column Campaign ID: '1.2021E+17'"]
    assert len(bad(sheet)) == 1


def test_a_row_of_the_wrong_length_is_a_bad_row() -> None:
    assert bad("Day,Campaign,Cost\n2024-09-01,Roofs,1,5\n") == [
        "line 2, column Cost: the row has 4 cells and the header 3."
    ]


def test_columns_that_a_person_names_are_taken_whatever_else_the_file_looks_like() -> None:
    reading = Reading(brand="Acme", columns=Columns(date="Day", campaign=("Campaign",), amount="Conv. value"))

    assert [row.amount for row in good("Day,Campaign,Cost,Conv. value\n2024-09-01,Roofs,1,2.5\n", reading)] == [
        Decimal("2.5")
    ]


# Days


@pytest.mark.parametrize(
    ("days", "order"),
    [
        (["03/04/2024", "13/04/2024"], "DMY"),
        (["04/03/2024", "04/13/2024"], "MDY"),
        (["3.4.2024", "31.12.2024"], "DMY"),
        (["05/05/2024", "06/06/2024"], ""),
    ],
)
def test_the_order_of_day_and_month_is_taken_from_the_whole_column(days: list[str], order: str) -> None:
    read = [row.day for row in good(dated(*days))]

    parts = [[int(part) for part in day.replace("/", ".").split(".")] for day in days]
    expected = [
        date(year, first, second) if order == "MDY" else date(year, second, first) for first, second, year in parts
    ]
    assert read == expected


def test_an_order_of_day_and_month_that_stays_ambiguous_is_asked_for() -> None:
    said = refusal(dated("05/05/2024", "03/04/2024"))

    assert "Line 3, column date: '03/04/2024' may have the day first or the month" in said
    assert "--date-format DMY or --date-format MDY" in said


@pytest.mark.parametrize(("order", "month"), [("DMY", 4), ("MDY", 3)])
def test_the_order_of_day_and_month_may_be_said(order: str, month: int) -> None:
    reading = Reading(brand="Acme", date_format=order)

    assert [row.day.month for row in good(dated("03/04/2024"), reading)] == [month]


def test_what_contradicts_the_order_that_was_said_is_a_bad_row() -> None:
    said = bad(dated("03/04/2024", "04/13/2024"), Reading(brand="Acme", date_format="DMY"))

    assert len(said) == 1
    assert "line 3, column date: '04/13/2024' is not a date with its numbers in the order DMY" in said[0]


def test_a_column_that_contradicts_itself_is_refused() -> None:
    said = refusal(dated("13/04/2024", "04/14/2024"))

    assert "column date contradicts itself" in said.lower()
    assert "'13/04/2024' in line 2" in said
    assert "'04/14/2024' in line 3" in said


def test_among_days_with_the_year_first_others_are_bad_rows() -> None:
    assert len(bad(dated("2024-04-03", "03/04/2024", "13/04/2024"))) == 2


@pytest.mark.parametrize(
    "day",
    [
        "2024-2-1",
        "2024/02/01",
        "2024-02-01T00:00:00",
        "Feb 1, 2024",
        "February 1, 2024",
        "1 Feb 2024",
        "01-Feb-2024",
        "1. Februar 2024",
        "1 févr. 2024",
        "1er février 2024",
        "1 de febrero de 2024",
        "1 feb 2024",
        "2024年2月1日",
    ],
)
def test_a_day_that_can_be_read_in_one_way_is(day: str) -> None:
    assert [row.day for row in good(dated(day))] == [date(2024, 2, 1)]


@pytest.mark.parametrize(
    "day", ["2024-02-30", "30/02/2024", "1/2/24", "Foo 1, 2024", "٢٠٢٤-٠٢-٠١", "20240201", "0000-01-01"]
)
def test_what_is_no_day_is_a_bad_row(day: str) -> None:
    assert "is not a date" in bad(dated(day))[0]


def test_a_time_of_day_other_than_midnight_is_a_bad_row() -> None:
    assert "has a time of day" in bad(dated("2024-02-01 13:00:00"))[0]


def test_a_range_of_days_is_refused() -> None:
    assert "'2024-02-01 - 2024-02-07' is a range of days" in refusal(dated("2024-02-01 - 2024-02-07"))


# Amounts


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["1.234,56", "1.234"], ["1234.56", "1234"]),
        (["1,234.56", "1,234"], ["1234.56", "1234"]),
        (["0,5", "1,234"], ["0.5", "1.234"]),
        (["0.5", "1.234"], ["0.5", "1.234"]),
        (["12,34"], ["12.34"]),
        (["1.234.567", "1,234"], ["1234567", "1.234"]),
        (["1234", "5"], ["1234", "5"]),
        (["1\u00a0234", "5\u202f678\u202f901"], ["1234", "5678901"]),
        (["1 234", "5 678 901,5", "€ 1 000"], ["1234", "5678901.5", "1000"]),
        (["1'234.50", "1’234.50"], ["1234.5", "1234.5"]),
        (["-1.50", "$-1.50", "-$1.50"], ["-1.5", "-1.5", "-1.5"]),
        (["Rs. 1.50", "2.50"], ["1.5", "2.5"]),
        (["1.50 kr"], ["1.5"]),
        (["USD 1.50", "US$1.50"], ["1.5", "1.5"]),
        (["1.50 €", "EUR 1.50"], ["1.5", "1.5"]),
    ],
)
def test_what_points_and_commas_mean_is_taken_from_the_whole_column(texts: list[str], expected: list[str]) -> None:
    assert amounts_of(*texts) == [Decimal(text) for text in expected]


@pytest.mark.parametrize("text", ["1.234", "1,234", "123,456", "-1.234"])
def test_a_decimal_mark_that_stays_ambiguous_is_asked_for(text: str) -> None:
    said = refusal(priced("1", text))

    assert f"Line 3, column amount: {text!r} may have thousands or decimals" in said
    assert "--decimal ." in said


@pytest.mark.parametrize(("mark", "expected"), [(".", "1234"), (",", "1.234")])
def test_the_decimal_mark_may_be_said(mark: str, expected: str) -> None:
    assert amounts_of("1,234", reading=Reading(brand="Acme", decimal=mark)) == [Decimal(expected)]


def test_what_contradicts_the_mark_that_was_said_is_a_bad_row() -> None:
    said = bad(priced("1,234.50", "1.234,50", "12,50", "1.50"), Reading(brand="Acme", decimal="."))

    assert [line[:6] for line in said] == ["line 3", "line 4"]


def test_amounts_that_contradict_each_other_are_refused() -> None:
    said = refusal(priced("1.234,50", "1,234.50"))

    assert "'1,234.50' in line 3 has a decimal point, '1.234,50' in line 2 a comma" in said


@pytest.mark.parametrize(
    "text",
    [
        "1e3",
        "NaN",
        "Infinity",
        "1_000",
        "٣",
        "(1.50)",
        "−1.50",
        "1 000",
        "1.50 xyz",
        "$1.50$",
        "--1",
        "5%",
        "9000000001",
        "--",
        "1.2.3",
        "0x10",
        "1.5.",
        "9" * 50,
    ],
)
def test_what_is_no_amount_is_a_bad_row(text: str) -> None:
    assert len(bad(priced("0.5", text))) == 1


@pytest.mark.parametrize(
    ("text", "rounded", "rounding"),
    [
        ("4.679999828", "4.68", "0.000000172"),
        ("0.0000005", "0", "-0.0000005"),
        ("-0.0000015", "-0.000002", "-0.0000005"),
    ],
)
def test_float_tails_are_refused_unless_rounding_is_wanted_and_is_then_reported(
    text: str, rounded: str, rounding: str
) -> None:
    assert "has more than 6 decimals. Give --round" in bad(priced(text))[0]
    (row,) = good(priced(text), Reading(brand="Acme", round=True))
    assert (row.amount, row.rounding) == (Decimal(rounded), Decimal(rounding))


@pytest.mark.parametrize(
    "text", ["1 00", "1 0000", "1 000 00", "1  000", "0 000", "1 000\u00a0000", "1 000.000", "1 00,5"]
)
def test_spaces_part_what_is_not_in_groups_of_three(text: str) -> None:
    assert len(bad(priced("0,5", text))) == 1


@pytest.mark.parametrize("number", [0.0000005, 4.2e-15])
def test_a_message_shows_an_amount_without_an_exponent(number: float) -> None:
    (said,) = bad(workbook([["Day", "Campaign", "Cost"], [date(2024, 9, 1), "Roofs", number]]))

    assert f"column Cost: {number:.20f}".rstrip("0") in said
    assert "has more than 6 decimals" in said


def test_a_message_shows_a_number_that_is_no_date_without_an_exponent() -> None:
    assert (
        "100000000000000000000 is a number and not a date"
        in bad(workbook([["Day", "Campaign", "Cost"], [1e20, "Roofs", 1]]))[0]
    )


def test_zeros_at_the_end_of_an_amount_need_no_rounding() -> None:
    (row,) = good(priced("1.50000000"))

    assert (row.amount, row.rounding) == (Decimal("1.5"), Decimal(0))


@pytest.mark.parametrize(
    ("text", "currency"), [("1.50 €", "EUR"), ("R$1.50", "BRL"), ("CHF 1.50", "CHF"), ("$1.50", "")]
)
def test_a_mark_tells_the_currency_only_where_it_means_just_one(text: str, currency: str) -> None:
    assert [row.currency for row in good(priced(text))] == [currency]


def test_a_mark_that_contradicts_the_currency_of_its_row_is_a_bad_row() -> None:
    text = "Day,Campaign,Currency code,Cost\n2024-09-01,Roofs,USD,€1.50\n2024-09-01,Roofs,USD,$1.50\n"

    assert bad(text) == ["line 2, column Cost: '€1.50' is not in USD, which its row says it is in."]


@pytest.mark.parametrize("code", ["usd", "Usd", " USD "])
def test_a_currency_code_means_the_same_in_small_letters(code: str) -> None:
    (row,) = good(f"Day,Campaign,Currency code,Cost\n2024-09-01,Roofs,{code},$1.50\n")

    assert row.currency == "USD"


@pytest.mark.parametrize(
    ("mark", "some", "others"),
    [
        ("$", "USD CAD AUD MXN ARS SGD HKD", "EUR PHP BRL GBP"),
        ("£", "GBP EGP LBP GIP", "EUR USD"),
        ("¥", "JPY CNY", "KRW USD"),
        ("円", "JPY", "CNY TWD"),
        ("元", "CNY TWD HKD", "JPY USD"),
        ("kr", "SEK NOK DKK ISK", "CZK EUR"),
        ("Rs.", "INR PKR LKR NPR MUR SCR", "IDR USD"),
        ("₩", "KRW", "JPY CNY"),
        ("Fr.", "CHF XOF XAF", "EUR SEK"),
        ("€", "EUR", "USD"),
        ("US$", "USD", "CAD"),
        ("CHF", "CHF", "XOF"),
    ],
)
def test_a_mark_may_mean_the_currencies_that_are_written_with_it_and_no_others(
    mark: str, some: str, others: str
) -> None:
    assert all(may_mean(mark, currency) for currency in some.split())
    assert not any(may_mean(mark, currency) for currency in others.split())


def test_a_shared_mark_that_cannot_be_the_currency_of_its_row_makes_a_bad_row() -> None:
    text = "Day,Campaign,Currency code,Cost\n2024-09-01,Roofs,EUR,$1.50\n2024-09-01,Roofs,CAD,$1.50\n"

    assert bad(text) == ["line 2, column Cost: '$1.50' is not in EUR, which its row says it is in."]


# How files are saved

NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufeff"), min_size=1)
TABLES = st.lists(
    st.tuples(st.dates(date(2000, 1, 1), date(2030, 1, 1)), NAMES, st.decimals(-(10**6), 10**6, places=2), NAMES),
    min_size=1,
    max_size=5,
)


@given(
    table=TABLES,
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    delimiter=st.sampled_from(",;\t"),
    end=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_any_table_is_read_back_however_it_was_saved(
    table: list[tuple[date, str, Decimal, str]], encoding: str, delimiter: str, end: str, quoting: Any
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting)
    writer.writerow(["date", "campaign", "amount", "description"])
    writer.writerows(table)

    read = rows(text.getvalue().encode(encoding))

    expected = [
        (day, name.strip(), amount, note.strip()) if name.strip() else "the campaign is empty."
        for day, name, amount, note in table
    ]
    assert [
        row.reason if isinstance(row, BadRow) else (row.day, row.campaign, row.amount, row.description) for row in read
    ] == expected


@pytest.mark.parametrize(("encoding", "end"), [("utf-8", "\n"), ("utf-8-sig", "\r\n"), ("utf-16", "\r\n")])
@pytest.mark.parametrize(
    ("hint", "delimiter"), [("sep=,", ","), ("sep=;", ";"), ("SEP=\t", "\t"), ("sep=|", "|"), ('"sep=;"', ";")]
)
def test_the_delimiter_may_be_told_in_the_first_line_as_excel_wants_it(
    hint: str, delimiter: str, encoding: str, end: str
) -> None:
    told = delimiter.join(("date", "campaign", "amount"))
    row = delimiter.join(("2024-03-01", '"a,b;c\td|e"', "1.50"))
    text = end.join((hint, told, row, ""))

    assert good(text.encode(encoding)) == [SpendRow(3, date(2024, 3, 1), "Acme", "a,b;c\td|e", Decimal("1.50"))]


def test_a_platform_s_report_is_known_below_a_told_delimiter() -> None:
    file = opened("sep=,\n" + GOOGLE["English"])

    assert file.format == "Google Ads report"
    assert [row.line for row in file.rows] == [5, 6, 7]


def test_a_file_that_has_nothing_but_a_delimiter_is_empty() -> None:
    assert "The file is empty" in refusal("sep=;\n")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"%PDF-1.7\n", "a PDF"),
        (b"\x89PNG\r\n\x1a\n", "a picture (PNG)"),
        (gzip.compress(HEADER.encode(), mtime=0), "compressed (gzip)"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel file (XLS)"),
        (b"\xef\xbb\xbf<!DOCTYPE html>\n<html>", "a web page"),
        (b"PK\x03\x04 and no more", "begins like a ZIP archive or an XLSX, but is damaged"),
        (b"", "The file is empty"),
        (b"\xef\xbb\xbf\n", "The file is empty"),
        ("date,campaign,amount\n".encode("utf-16")[:-1], "not UTF-16"),
        (HEADER.encode() + b"2024-01-01,Acme,Fr\xfchling,1\n", "Line 2 is not UTF-8 (byte 0xfc at 19)"),
        (HEADER.encode() + b"2024-01-01,Acme,A,1\n2024-01-01,A\x00cme,A,1\n", "Line 3 contains a NUL byte"),
        (HEADER.encode() + b'2024-01-01,Acme,"A,1\n2024-01-01,Acme,B,1\n', "Line 2 opens a quote"),
    ],
)
def test_what_is_no_table_is_refused_and_said_what_it_is(content: bytes, reason: str) -> None:
    assert reason in refusal(content)


def test_a_zip_that_is_no_workbook_is_refused() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("spend.csv", HEADER)

    assert "is a ZIP archive and no XLSX" in refusal(file.getvalue())


def test_a_workbook_with_two_sheets_that_hold_something_is_refused() -> None:
    book = openpyxl.Workbook()
    for sheet in (book.active, book.create_sheet("Other"), book.create_sheet("Empty")):
        if sheet is not None and sheet.title != "Empty":
            sheet["A1"] = "date"
    file = io.BytesIO()
    book.save(file)

    assert "The workbook has 2 sheets ('Sheet', 'Other')" in refusal(file.getvalue())


LOOKALIKES = [
    *(text.encode() for text in (*GOOGLE.values(), META, MICROSOFT, HEADER + "2024-03-01,Acme,Spring,1.50\n")),
    LINKEDIN.encode("utf-16"),
    workbook(AMAZON),
]


@given(content=st.sampled_from(LOOKALIKES), data=st.data(), rounded=st.booleans())
def test_whatever_a_file_holds_it_is_rows_or_an_unreadable_file(
    content: bytes, data: st.DataObject, rounded: bool
) -> None:
    for _ in range(data.draw(st.integers(0, 3))):
        begins = data.draw(st.integers(0, len(content)))
        ends = data.draw(st.integers(begins, min(len(content), begins + 100)))
        content = content[:begins] + data.draw(st.binary(max_size=20)) + content[ends:]

    with contextlib.suppress(UnreadableFile):
        for row in rows(content, Reading(brand="Acme", round=rounded)):
            assert isinstance(row, BadRow) or row.amount == round(row.amount, 6)


class Endless(io.RawIOBase):
    """A file of one line without an end, two thousand million bytes long."""

    def __init__(self) -> None:
        self.place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, place: int, _: int = 0) -> int:
        self.place = place
        return place

    def readinto(self, buffer: Any) -> int:
        size = min(len(buffer), 2_000_000_000 - self.place)
        buffer[:size] = b"x" * size
        self.place += size
        return size


@pytest.mark.parametrize(
    ("letter", "length", "encoding", "long"),
    [
        ("x", 999_000, "utf-8", False),
        ("x", 1_000_001, "utf-8", True),
        ("ß", 600_000, "utf-8", True),
        ("ß", 999_000, "utf-16", False),
        ("ß", 1_000_001, "utf-16", True),
    ],
)
def test_a_line_may_be_long_but_not_beyond_measure(letter: str, length: int, encoding: str, long: bool) -> None:
    content = f"{HEADER}2024-03-01,Acme,Spring,1\n{letter * length}".encode(encoding)

    if long:
        assert "Line 3 is longer than 1,000,000 characters" in refusal(content)
    else:
        assert len(bad(content)) == 1  # it is one cell, and too few


def test_a_line_of_two_thousand_million_bytes_is_refused_in_little_memory() -> None:
    tracemalloc.start()
    try:
        with pytest.raises(UnreadableFile, match="Line 1 is longer than 1,000,000 characters"):
            open_spend(io.BufferedReader(Endless()), ACME)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


SHEET = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>%b</sheetData></worksheet>'
LAUGHS = b'<!DOCTYPE x [<!ENTITY a "%b"><!ENTITY b "%b">]>' % (b"a" * 1000, b"&a;" * 1000)
NOISE = random.Random(0).randbytes(30_000).hex().encode()


@pytest.mark.parametrize(
    ("xml", "reason"),
    [
        (SHEET % (b"<row><c><v>" + b"0" * 50_000_000 + b"</v></c></row>"), "times its size"),
        (SHEET % (b"<row><c t='str'><v>" + NOISE * 100 + b"</v></c></row>"), "a row of it has no end"),
        (SHEET % (b"<x/>" + NOISE.replace(b"a", b"<x/>") * 35), "a row of it has no end"),
        (SHEET % (b"<row></row>" * 10_001), "more than 10,000 rows"),
        (SHEET % b'<row r="99999999"><c r="A99999999"><v>1</v></c></row>', "more than 10,000 rows"),
        (SHEET % b'<row r="1"><c r="ZZZZZZ1"><v>1</v></c></row>', "what no sheet does"),
        (SHEET % (b'<row><c r="AAAA1"><v>1</v></c></row>'), "what no sheet does"),
        (SHEET % (b'<row><c r="XFD1"><v>1</v></c></row>' * 5_000), "row 1 has more than 1,000 columns"),
        (LAUGHS + SHEET % b"<row><c t='str'><v>&b;</v></c></row>", "what no sheet does"),
    ],
    ids=[
        "shrunk",
        "long text",
        "no rows",
        "many rows",
        "far row",
        "far column",
        "farther column",
        "wide rows",
        "entities",
    ],
)
def test_a_workbook_that_would_grow_beyond_measure_is_refused_in_little_memory(
    xml: bytes, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("campaigns.importing.workbook.MOST_ROWS", 10_000)  # to be quicker
    content = with_sheet(xml)
    del xml
    tracemalloc.start()
    try:
        assert reason in refusal(content)
        assert tracemalloc.get_traced_memory()[1] < 30_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("part", "size"), [("xl/more.xml", 3_100_000), ("xl/sharedStrings.xml", 31_000_000)])
def test_a_workbook_whose_parts_are_kept_in_memory_may_not_be_large(part: str, size: int) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook(AMAZON))) as source, zipfile.ZipFile(file, "w", 8) as target:
        for name in set(source.namelist()) - {part}:
            target.writestr(name, source.read(name))
        target.writestr(part, b" " * size)

    assert "more than a report can have" in refusal(file.getvalue())


def with_parts(*names: str, content: bytes = b"", book: bytes | None = None) -> bytes:
    """A workbook with these parts beside its own, and with this list of sheets in place of its own."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook(AMAZON))) as source, zipfile.ZipFile(file, "w", 8) as target:
        for name in source.namelist():
            own = source.read(name)
            if book is not None and name == "xl/workbook.xml":
                own = re.sub(rb"<sheets>.*</sheets>", b"<sheets>%b</sheets>" % book, own)
            target.writestr(name, own)
        for name in names:
            target.writestr(name, content)
    return file.getvalue()


@pytest.mark.parametrize(
    "names", [[str(number) for number in range(1_001)], [f"{number:030000}" for number in range(40)]]
)
def test_a_workbook_may_not_have_more_parts_than_a_workbook_has(names: list[str]) -> None:
    assert "it has more parts than a workbook has" in refusal(with_parts(*names))


def test_a_workbook_s_sheets_may_not_be_large_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("campaigns.importing.workbook.LARGEST_SHEETS", 100_000)

    assert "more than a report can have" in refusal(
        with_parts("xl/worksheets/sheet2.xml", "xl/worksheets/sheet3.xml", content=b" " * 60_000)
    )


def test_a_part_of_a_workbook_is_not_read_as_many_sheets() -> None:
    sheets = "".join(f'<sheet name="S{number}" sheetId="{number}" r:id="rId1"/>' for number in range(1, 10))
    link = b'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" r:id'

    assert "several of its sheets are the same part" in refusal(with_parts(book=sheets.encode().replace(b"r:id", link)))


def test_a_workbook_of_more_cells_than_a_report_has_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("campaigns.importing.workbook.MOST_CELLS", 1_000)

    assert "it has more than 1,000 cells" in refusal(with_sheet(SHEET % (b"<row><c/><c/><c/></row>" * 300)))


def test_a_row_of_a_hundred_thousand_empty_cells_is_refused_before_it_is_made() -> None:
    cells = b"<c/>" * 50_000 + b"<c></c>" * 50_000

    assert "a row of it has no end" in refusal(with_sheet(SHEET % (b"<row>" + cells + b"</row>")))


def test_a_damaged_workbook_is_refused() -> None:
    whole = workbook(AMAZON)

    for cut, flipped in itertools.product((None, len(whole) // 2), (400, 900)):
        content = bytearray(whole[:cut])
        content[flipped : flipped + 50] = bytes(50)
        assert "damaged" in refusal(bytes(content))


def test_amounts_in_two_currencies_without_a_column_that_says_which_are_refused() -> None:
    assert "in £ and in ¥" in refusal("date,brand,campaign,amount\n2024-03-14,Acme,A,£1.50\n2024-03-14,Acme,B,¥7\n")


def test_of_meta_s_rows_by_ad_set_the_sums_marked_all_are_not_counted() -> None:
    rows = good(
        "Campaign name,Ad set name,Day,Amount spent (USD)\nA,All,2025-04-01,10\nA,x,2025-04-01,4\nA,y,2025-04-01,6\n"
    )

    assert [row.amount for row in rows] == [4, 6]


def test_a_currency_column_that_contradicts_the_header_s_makes_bad_rows() -> None:
    (row,) = opened("Day,Campaign name,Amount spent (USD),Currency\n2025-04-01,A,10,EUR\n").rows

    assert isinstance(row, BadRow)
    assert "it is 'EUR' in a file whose header says USD" in row.reason


def test_a_line_of_thousands_of_columns_is_no_header() -> None:
    said = refusal("a," * 20_000 + "\nDay,Campaign,Cost\n")

    assert "columns: this is no table of spend" in said
    assert len(said) < 200


def test_a_row_of_meta_s_that_has_a_day_and_lost_its_name_is_no_summary() -> None:
    text = "Day,Campaign name,Amount spent (USD)\n2025-03-01,A,10\n2025-03-01,,25\n2025-03-02,B,5\n"

    assert bad(text) == ["line 3, column Campaign name: the campaign is empty."]
    assert opened(text).stated_total is None

"""Every figure of a report is the sum of the ledger's entries, to the last digit, on both databases."""

from __future__ import annotations

import csv
import io
import os
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
from django.db import connection, transaction
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns.client_report import brand_month
from campaigns.exports import report_headings, report_rows, write_xlsx
from campaigns.ledger import SpendEntry, record_spend
from campaigns.models import Brand, Campaign
from campaigns.money import MAX_AMOUNT, ZERO, format_amount, format_money
from campaigns.reports import COLUMNS, RangeLine, RangeReport, spend_in_range
from campaigns.tests.factories import BrandFactory, CampaignFactory, utc

pytestmark = pytest.mark.django_db

BRANDS = [
    ("Pacific/Auckland", "JPY"),
    ("America/New_York", "KWD"),
    ("Asia/Kuwait", "EUR"),
    ("America/Santiago", "EUR"),
]
# Around the ends of months and days, on which clocks of these zones change.
BEGIN, END = datetime(2026, 8, 30, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC)
KEYS = {
    "campaign": ("c.id", "b.currency"),
    "brand": ("b.id", "b.currency"),
    "day": ("cast(l.day as varchar(10))", "b.currency"),
    "month": ("substr(cast(l.day as varchar(10)), 1, 7)", "b.currency"),
}

moments = st.integers(0, int((END - BEGIN).total_seconds())).map(lambda seconds: BEGIN + timedelta(seconds=seconds))
amounts = st.sampled_from(["0.000001", "0.999999", "12.345678", "-0.000001", "-7.5", "1000", "8999999999.999999"])
spend = st.lists(st.tuples(st.integers(0, 7), amounts.map(Decimal), moments), min_size=1, max_size=30)
days = st.dates(date(2026, 8, 29), date(2026, 11, 3))


def make_agency() -> list[Campaign]:
    brands = [BrandFactory.create(timezone=zone, currency=currency) for zone, currency in BRANDS]
    return [CampaignFactory.create(brand=brand) for brand in brands for _ in range(2)]


def by_hand(by: str, first: date, last: date, brand_id: int | None = None) -> dict[tuple[Any, ...], Decimal]:
    """What the ledger's entries of these days add up to, by SQL that shares nothing with the reports."""
    keys = ", ".join(KEYS[by])
    only = "" if brand_id is None else f"and b.id = {brand_id}"
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            select {keys}, sum(l.amount / 1000000), sum(l.amount %% 1000000)
            from campaigns_spendlog l join campaigns_campaign c on c.id = l.campaign_id
                join campaigns_brand b on b.id = c.brand_id
            where l.day between %s and %s {only} group by {keys}
            """,
            [first.isoformat(), last.isoformat()],
        )
        return {
            (key, currency): Decimal(int(units)) + Decimal(int(micros)) / 1_000_000
            for key, currency, units, micros in cursor.fetchall()
        }


def told(by: str, lines: list[RangeLine]) -> dict[tuple[Any, ...], Decimal]:
    found: dict[tuple[Any, ...], Decimal] = {}
    for line in lines:
        key = {
            "campaign": line.campaign_id,
            "brand": line.brand_id,
            "day": str(line.day),
            "month": str(line.month)[:7],
        }[by]
        found[key, line.currency] = line.amount
    assert len(found) == len(lines)
    return found


def by_currency(figures: dict[tuple[Any, ...], Decimal]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for (_, currency), amount in figures.items():
        sums[currency] = sums.get(currency, ZERO) + amount
    return sums


@settings(
    max_examples=int(os.environ.get("REPORT_EXAMPLES", "15")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(entries=spend, ends=st.tuples(days, days).map(sorted))
def test_r2_reports_add_up_to_the_ledger_to_the_last_digit(
    entries: list[tuple[int, Decimal, datetime]], ends: list[date]
) -> None:
    first, last = ends
    with transaction.atomic():
        campaigns = make_agency()
        # What would take a day below zero is refused by the ledger (R9); all others count.
        record_spend([SpendEntry(campaigns[index].pk, amount, at) for index, amount, at in entries], at=END)
        for by in COLUMNS:
            expected = by_hand(by, first, last)
            report = RangeReport(by, first, last, Brand.objects.all())
            assert told(by, list(report.lines())) == expected
            assert told(by, spend_in_range(by, first, last, brands=Brand.objects.all())) == expected
            assert report.count() == len(expected)
            assert report.totals() == by_currency(expected)
            assert in_order(RangeReport(by, first, last, Brand.objects.all(), "-spend"), descending=True)
            assert in_order(RangeReport(by, first, last, Brand.objects.all(), "spend"), descending=False)
        for brand in Brand.objects.all():
            month = brand_month(brand, first, at=END)
            of_brand = by_hand("campaign", month.first, month.last, brand.pk)
            assert month.spend == sum(of_brand.values(), ZERO)
            assert sorted(campaign.spend for campaign in month.campaigns) == sorted(of_brand.values())
            by_day = by_hand("day", month.first, month.last, brand.pk)
            assert {str(day): spent for day, spent in month.days if spent} == {
                day: amount for (day, _), amount in by_day.items() if amount
            }
        transaction.set_rollback(True)


def in_order(report: RangeReport, *, descending: bool) -> bool:
    lines = [(line.currency, -line.amount if descending else line.amount) for line in report.lines()]
    return lines == sorted(lines)


def test_sums_past_64_bits_are_exact_on_the_screen_and_in_the_files(admin_page: Client) -> None:
    at = utc("2026-11-21 12:00")
    campaigns = [CampaignFactory.create(brand=BrandFactory.create(currency="USD")) for _ in range(2)]
    for campaign in campaigns:
        record_spend([SpendEntry(campaign.pk, MAX_AMOUNT, at) for _ in range(999)], at=at)
        record_spend([SpendEntry(campaign.pk, Decimal("8999999999.999999"), at)], at=at)
    exact = 2 * (999 * MAX_AMOUNT + Decimal("8999999999.999999"))
    assert exact * 1_000_000 > 2**63
    first, last = date(2026, 11, 1), date(2026, 11, 30)

    for by in ("day", "month"):
        report = RangeReport(by, first, last, Brand.objects.all())
        assert list(by_hand(by, first, last).values()) == [line.amount for line in report.lines()] == [exact]
        assert report.totals() == {"USD": exact}
        query = {"by": by, "from": str(first), "to": str(last)}
        page = admin_page.get("/admin/campaigns/dailyspend/report/", query).content.decode()
        assert format_money(exact, "USD") in page
        file = admin_page.get("/admin/campaigns/dailyspend/report/csv/", query)
        lines = list(csv.reader(io.StringIO(b"".join(file.streaming_content).decode("utf-8-sig"))))  # type: ignore[attr-defined]
        assert lines[1][-1] == format_amount(exact, "USD") == "17999999999999.999998"
    assert RangeReport("brand", first, last, Brand.objects.all(), "-spend").count() == 2


def test_amounts_that_differ_in_their_micros_alone_sort_as_amounts_do() -> None:
    at = utc("2026-11-21 12:00")
    brand = BrandFactory.create(currency="USD")
    # As units and micros apart: 0 and 2,999,997; 2 and 999,998; 3 and 0. Only the carry puts them in order.
    for amounts_of_one in (["0.999999"] * 3, ["2.999998"], ["3"]):
        campaign = CampaignFactory.create(brand=brand)
        record_spend(
            [
                SpendEntry(campaign.pk, Decimal(amount), at - timedelta(days=day))
                for day, amount in enumerate(amounts_of_one)
            ],
            at=at,
        )

    report = RangeReport("campaign", date(2026, 11, 1), date(2026, 11, 30), Brand.objects.all(), "spend")

    assert [line.amount for line in report.lines()] == [Decimal("2.999997"), Decimal("2.999998"), Decimal(3)]


def test_the_same_figures_stand_on_the_screen_in_csv_and_in_xlsx(admin_page: Client) -> None:
    at = utc("2026-11-21 12:00")
    campaigns = make_agency()
    record_spend([SpendEntry(c.pk, Decimal("1234.5") + n, at) for n, c in enumerate(campaigns)], at=at)
    query = {"by": "campaign", "from": "2026-11-01", "to": "2026-11-30", "sort": "campaign"}

    page = admin_page.get("/admin/campaigns/dailyspend/report/", query)
    report = RangeReport("campaign", date(2026, 11, 1), date(2026, 11, 30), Brand.objects.all(), "campaign")
    file = io.BytesIO()
    write_xlsx(file, "Spend", report_headings("campaign"), report_rows(report))

    on_screen = [[cell.words for _heading, cell in row][:4] for row in page.context["rows"]]
    sheet = openpyxl.load_workbook(file).active
    assert sheet is not None
    in_file = [list(row) for row in sheet.iter_rows(min_row=2, values_only=True)]
    assert [row[:3] for row in on_screen] == [row[:3] for row in in_file]
    assert [format_money(Decimal(str(row[3])), str(row[2]), with_code=False) for row in in_file] == [
        row[3] for row in on_screen
    ]
    assert by_hand("campaign", report.first, report.last) == told("campaign", list(report.lines()))

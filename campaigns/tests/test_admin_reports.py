"""The Reports screen and the month for a client: what they show, to whom, and at which address."""

from __future__ import annotations

import csv
import io
import re
from datetime import date, timedelta
from decimal import Decimal
from html import unescape
from typing import Any

import openpyxl
import pytest
import time_machine
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.template.loader import get_template
from django.test import Client
from django.test.utils import CaptureQueriesContext

from campaigns.admin import reports
from campaigns.enforcement import reconcile
from campaigns.holds import Hold
from campaigns.ledger import SpendEntry, record_spend, set_daily_total
from campaigns.models import Brand, Campaign, StatusChange
from campaigns.tests.factories import BrandFactory, CampaignFactory, utc

pytestmark = pytest.mark.django_db

NOON = utc("2026-11-21 12:00")
REPORT = "/admin/campaigns/dailyspend/report/"
NOVEMBER = {"from": "2026-11-01", "to": "2026-11-30"}
DAY = date(2026, 11, 20)


@pytest.fixture(autouse=True)
def noon() -> Any:
    with time_machine.travel(NOON, tick=False):
        yield


def total(campaign: Campaign, amount: str, day: date = DAY) -> None:
    set_daily_total(campaign.pk, day, Decimal(amount), at=NOON)


def person(client: Client, *permissions: str) -> Client:
    user = User.objects.create_user("bob", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    return client


@pytest.fixture
def spring() -> Campaign:
    return CampaignFactory.create(brand=BrandFactory.create(name="Käse", currency="EUR"), name="Spring")


def words(response: Any) -> list[list[str]]:
    return [[cell.words for _heading, cell in row] for row in response.context["rows"]]


def client_page(brand: Brand, month: str = "") -> str:
    return f"/admin/campaigns/brand/{brand.pk}/client-report/" + (f"?month={month}" if month else "")


# The screen


@pytest.mark.parametrize(
    ("by", "rows"),
    [
        ("campaign", [["Käse", "Spring", "EUR", "10.50", "100.0%"], ["Zen", "Tea", "JPY", "700", "100.0%"]]),
        (
            "brand",
            [["Käse", "EUR", "10.50", "100.0%", "Client report"], ["Zen", "JPY", "700", "100.0%", "Client report"]],
        ),
        ("day", [["2026-11-20 Fri", "EUR", "10.50", "100.0%"], ["2026-11-20 Fri", "JPY", "700", "100.0%"]]),
        ("month", [["2026-11", "EUR", "10.50", "100.0%"], ["2026-11", "JPY", "700", "100.0%"]]),
    ],
)
def test_r2_spend_is_shown_by_each_grouping_a_currency_on_its_own(
    admin_page: Client, spring: Campaign, by: str, rows: list[list[str]]
) -> None:
    tea = CampaignFactory.create(brand=BrandFactory.create(name="Zen", currency="JPY"), name="Tea")
    total(spring, "10.5")
    total(tea, "700")
    total(spring, "99", date(2026, 10, 31))

    page = admin_page.get(REPORT, {"by": by, **NOVEMBER})

    assert words(page) == rows
    assert page.context["totals"] == ["EUR 10.50", "JPY 700"]


def test_an_address_that_says_nothing_leads_to_one_that_says_all(admin_page: Client, spring: Campaign) -> None:
    assert admin_page.get(REPORT)["Location"] == f"{REPORT}?by=campaign&from=2026-11-01&to=2026-11-30"
    assert admin_page.get(REPORT, {"brand": str(spring.brand_id), "to": "2026-10-09"})["Location"] == (
        f"{REPORT}?by=campaign&from=2026-10-01&to=2026-10-09&brand={spring.brand_id}"
    )


def test_the_ranges_asked_for_most_are_links_with_their_days(admin_page: Client) -> None:
    page = admin_page.get(REPORT, {"by": "day", **NOVEMBER})

    ranges = {name: url.partition("from=")[2] for name, url, _ in page.context["presets"]}
    assert ranges == {
        "This month": "2026-11-01&to=2026-11-30",
        "Last month": "2026-10-01&to=2026-10-31",
        "Last 7 days": "2026-11-15&to=2026-11-21",
        "This quarter": "2026-10-01&to=2026-12-31",
        "This year": "2026-01-01&to=2026-12-31",
    }
    assert [name for name, _, is_shown in page.context["presets"] if is_shown] == ["This month"]


def test_today_is_the_day_of_the_brand_that_is_chosen(admin_page: Client) -> None:
    ahead = BrandFactory.create(timezone="Pacific/Auckland")
    with time_machine.travel(utc("2026-11-30 20:00"), tick=False):
        assert "from=2026-12-01&to=2026-12-31" in admin_page.get(REPORT, {"brand": ahead.pk})["Location"]


def test_a_click_on_a_column_sorts_by_it_and_a_second_one_turns_it_round(admin_page: Client) -> None:
    brand = BrandFactory.create(name="A")
    for name, amount in (("b", "2"), ("a", "3"), ("c", "1")):
        total(CampaignFactory.create(brand=brand, name=name), amount)

    def shown(page: Any) -> str:
        return "".join(row[1] for row in words(page))

    page = admin_page.get(REPORT, {"by": "campaign", **NOVEMBER})
    assert shown(page) == "abc"
    assert {heading.words: heading.order for heading in page.context["headings"] if heading.order} == {
        "Spend": "descending"
    }
    links = {heading.words: heading.url for heading in page.context["headings"]}
    assert shown(admin_page.get(links["Spend"])) == "cba"
    by_name = admin_page.get(links["Campaign"])
    assert shown(by_name) == "abc"
    again = {heading.words: heading.url for heading in by_name.context["headings"]}["Campaign"]
    assert shown(admin_page.get(again)) == "cba"


def test_a_long_report_comes_in_pages_with_the_totals_of_all_of_it(
    admin_page: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "PAGE_LINES", 2)
    brand = BrandFactory.create(currency="EUR")
    for number in range(5):
        total(CampaignFactory.create(brand=brand), str(number + 1))

    seen, url = [], f"{REPORT}?by=campaign&from=2026-11-01&to=2026-11-30&sort=-spend"
    while url:
        page = admin_page.get(url)
        assert page.context["totals"] == ["EUR 15.00"]
        seen += [row[3] for row in words(page)]
        url = page.context["next"]

    assert seen == ["5.00", "4.00", "3.00", "2.00", "1.00"]
    assert str(page.context["page"]) == "Lines 5 to 5 of 5"
    assert "page=2" in page.context["previous"]
    for beyond, rows in (("99", 1), ("-1", 2), ("x", 2), ("0", 2)):
        assert len(words(admin_page.get(REPORT, {"by": "campaign", **NOVEMBER, "page": beyond}))) == rows


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"from": "2026-11-30", "to": "2026-11-01"}, "The last day lies before the first."),
        ({"from": "yesterday", "to": "2026-11-01"}, "Enter a valid date."),
        ({"from": "1999-12-31", "to": "2026-11-01"}, "Choose a day from 2000-01-01 to 2999-12-31."),
        ({**NOVEMBER, "by": "planet"}, "planet is not one of the available choices"),
        ({**NOVEMBER, "by": "day", "sort": "brand"}, "A report by day is sorted by day, currency, spend, not 'brand'."),
    ],
)
def test_an_address_that_makes_no_sense_says_so(admin_page: Client, query: dict[str, str], said: str) -> None:
    page = admin_page.get(REPORT, {"by": "campaign", **query})

    assert page.status_code == 200
    assert said in unescape(page.content.decode())
    assert admin_page.get(f"{REPORT}csv/", {"by": "campaign", **query})["Location"].startswith(REPORT)


def options(page: Any) -> list[str]:
    """The brands that the form carries."""
    box = re.search(r'<select name="brand".*?</select>', page.content.decode(), re.DOTALL)
    assert box is not None
    return re.findall(r"<option[^>]*>\s*(.*?)\s*</option>", box[0])


def test_the_form_carries_the_chosen_brand_alone_and_finds_others_as_one_types(
    admin_page: Client, spring: Campaign
) -> None:
    BrandFactory.create_batch(3)
    query: dict[str, Any] = {"by": "campaign", **NOVEMBER}

    chosen = admin_page.get(REPORT, {**query, "brand": spring.brand_id})
    url = re.search(r'data-ajax--url="([^"]*)"', chosen.content.decode())
    assert url is not None
    asked = {"app_label": "campaigns", "model_name": "campaign", "field_name": "brand", "term": "brand"}

    assert options(chosen) == ["", "Käse"]
    assert options(admin_page.get(REPORT, query)) == [""]
    assert len(admin_page.get(url[1], asked).json()["results"]) == 3
    assert "select2.full" in chosen.content.decode()


def test_a_brand_that_is_none_is_said_and_not_looked_up(admin_page: Client) -> None:
    for brand in ("abc", "0", "9" * 30):
        page = admin_page.get(REPORT, {"by": "campaign", **NOVEMBER, "brand": brand})

        assert options(page) == [""]
        assert "Select a valid choice." in page.content.decode()


def test_who_may_not_see_brands_is_offered_none_to_choose_and_keeps_that_of_the_address(
    client: Client, spring: Campaign
) -> None:
    total(spring, "10")
    query: dict[str, Any] = {"by": "campaign", **NOVEMBER, "brand": spring.brand_id}

    page = person(client, "view_dailyspend").get(REPORT, query)

    assert '<select name="brand"' not in page.content.decode()
    assert f'<input type="hidden" name="brand" value="{spring.brand_id}"' in page.content.decode()
    assert page.context["totals"] == ["EUR 10.00"]


def test_an_empty_report_says_what_to_do(admin_page: Client, spring: Campaign) -> None:
    page = admin_page.get(REPORT, {"by": "campaign", **NOVEMBER, "brand": str(spring.brand_id)}).content.decode()

    assert "No spend is recorded from 2026-11-01 to 2026-11-30 for Käse." in page
    assert "/admin/campaigns/spendimport/add/" in page


@pytest.mark.parametrize("by", ["campaign", "brand", "day", "month"])
def test_the_screen_takes_as_many_queries_for_many_lines_as_for_few(admin_page: Client, by: str) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert admin_page.get(REPORT, {"by": by, "from": "2026-09-01", "to": "2026-11-30"}).status_code == 200
        return len(captured)

    def more() -> None:
        campaign = CampaignFactory.create()
        for days in (0, 1, 40):
            total(campaign, "5", DAY - timedelta(days=days))

    more()
    queries()
    for_few = queries()
    for _ in range(6):
        more()
    assert queries() == for_few


# The files


def test_the_report_is_downloaded_as_csv_that_excel_reads(admin_page: Client, spring: Campaign) -> None:
    total(spring, "1234.5")
    total(CampaignFactory.create(brand=spring.brand, name="=HYPERLINK(1)"), "1")

    file = admin_page.get(f"{REPORT}csv/", {"by": "campaign", **NOVEMBER})
    content = b"".join(file.streaming_content)  # type: ignore[attr-defined]

    assert file["Content-Type"] == "text/csv; charset=utf-8"
    assert file["Content-Disposition"] == 'attachment; filename="spend_by_campaign_2026-11-01_to_2026-11-30.csv"'
    assert content.startswith(b"\xef\xbb\xbfBrand,")
    assert list(csv.reader(io.StringIO(content.decode("utf-8-sig")))) == [
        ["Brand", "Campaign", "Currency", "Spend"],
        ["Käse", "Spring", "EUR", "1234.50"],
        ["Käse", "'=HYPERLINK(1)", "EUR", "1.00"],
    ]


def test_the_report_is_downloaded_as_a_workbook(admin_page: Client, spring: Campaign) -> None:
    total(spring, "1234.5")

    file = admin_page.get(f"{REPORT}xlsx/", {"by": "month", **NOVEMBER})
    sheet = openpyxl.load_workbook(io.BytesIO(b"".join(file.streaming_content))).active  # type: ignore[attr-defined]

    assert 'filename="spend_by_month_2026-11-01_to_2026-11-30.xlsx"' in file["Content-Disposition"]
    assert sheet is not None
    rows = [[cell.value for cell in row] for row in sheet]
    assert rows[0] == ["Month", "Currency", "Spend"]
    assert rows[1][1:] == ["EUR", 1234.5]
    assert admin_page.get(f"{REPORT}pdf/", {"by": "month", **NOVEMBER}).status_code == 404


# Who sees what


def test_who_may_not_see_spend_by_day_gets_no_report(client: Client, spring: Campaign) -> None:
    total(spring, "5")
    page = person(client, "view_campaign", "view_brand")

    for address in (REPORT, f"{REPORT}csv/", f"{REPORT}xlsx/", client_page(spring.brand)):
        assert page.get(address, {"by": "campaign", **NOVEMBER}).status_code == 403
    assert REPORT not in page.get("/admin/").content.decode()
    assert "Client report" not in page.get(f"/admin/campaigns/brand/{spring.brand_id}/change/").content.decode()


def test_a_viewer_of_spend_gets_reports_without_links_to_what_they_may_not_see(
    client: Client, spring: Campaign
) -> None:
    total(spring, "5")
    page = person(client, "view_dailyspend")

    by_campaign = page.get(REPORT, {"by": "campaign", **NOVEMBER})
    by_brand = page.get(REPORT, {"by": "brand", **NOVEMBER})

    assert words(by_campaign) == [["Käse", "Spring", "EUR", "5.00", "100.0%"]]
    assert f"/campaign/{spring.pk}/" not in by_campaign.content.decode()
    assert words(by_brand) == [["Käse", "EUR", "5.00", "100.0%"]]
    assert page.get(client_page(spring.brand)).status_code == 403
    assert REPORT in page.get("/admin/").content.decode()


def test_who_may_not_see_status_changes_is_not_told_of_pauses(client: Client, spring: Campaign) -> None:
    Campaign.objects.filter(pk=spring.pk).update(daily_budget=Decimal(5))
    record_spend([SpendEntry(spring.pk, Decimal(5), NOON)], at=NOON)
    page = person(client, "view_dailyspend", "view_brand")

    assert StatusChange.objects.filter(to_holds=Hold.DAILY_BUDGET.value).exists()
    assert "paused" not in page.get(client_page(spring.brand)).content.decode()


# The month for a client


def test_a_clients_month_shows_budget_spend_days_and_shares(admin_page: Client) -> None:
    brand = BrandFactory.create(name="Käse", currency="EUR", timezone="Europe/Berlin", monthly_budget=Decimal(100))
    for name, amount in (("Small", "10"), ("Large", "70.01")):
        total(CampaignFactory.create(brand=brand, name=name), amount)
    total(brand.campaigns.get(name="Small"), "5", date(2026, 11, 2))
    total(brand.campaigns.get(name="Small"), "1000", date(2026, 10, 31))

    page = admin_page.get(client_page(brand))

    shown = page.context
    assert (shown["spend"], shown["budget"], shown["left"]) == ("EUR 85.01", "EUR 100.00", "EUR 14.99")
    assert (shown["used"], shown["is_over_budget"]) == ("85.0%", False)
    assert shown["campaigns"] == [("Large", "EUR 70.01", "82.4%"), ("Small", "EUR 15.00", "17.6%")]
    assert shown["highest"] == "The most on one day: EUR 80.01 on Friday 2026-11-20."
    text = page.content.decode()
    assert "Fri 20 Nov: EUR 80.01" in text
    assert "November 2026" in text
    assert "No budget paused a campaign in this month." in text


def test_a_month_of_the_past_is_chosen_in_the_address(admin_page: Client, spring: Campaign) -> None:
    total(spring, "7", date(2024, 2, 29))

    page = admin_page.get(client_page(spring.brand, "2024-02"))

    assert page.context["spend"] == "EUR 7.00"
    assert len(page.context["report"].days) == 29
    assert page.context["earlier"].endswith("month=2024-01")
    assert page.context["later"].endswith("month=2024-03")


@pytest.mark.parametrize("month", ["2024-13", "x", "1999-12", "2024-1", "９０２４-01"])
def test_a_month_that_is_none_is_said_and_the_current_one_shown(
    admin_page: Client, spring: Campaign, month: str
) -> None:
    page = admin_page.get(client_page(spring.brand, month))

    assert page.context["report"].first == date(2026, 11, 1)
    assert "is no month: write one such as 2026-11" in page.content.decode()


def test_many_campaigns_are_one_line_behind_the_largest_and_all_add_up(admin_page: Client) -> None:
    brand = BrandFactory.create(currency="JPY")
    for number in range(1, 16):
        total(CampaignFactory.create(brand=brand), str(number * 100))

    lines = admin_page.get(client_page(brand)).context["campaigns"]

    assert len(lines) == 13
    assert lines[0][1] == "JPY 1,500"
    assert lines[-1][:2] == ("3 other campaigns", "JPY 600")


def test_an_overspent_month_says_by_how_much(admin_page: Client) -> None:
    brand = BrandFactory.create(currency="KWD", monthly_budget=Decimal(10))
    total(CampaignFactory.create(brand=brand), "10.001")

    page = admin_page.get(client_page(brand))

    assert (page.context["left"], page.context["is_over_budget"]) == ("KWD 0.001", True)
    assert "Over budget by" in page.content.decode()


def test_pauses_by_budgets_are_told_by_day_on_the_brands_clock(admin_page: Client) -> None:
    brand = BrandFactory.create(timezone="America/New_York")
    campaign = CampaignFactory.create(brand=brand, name="Spring", daily_budget=Decimal(5))
    # 23:30 on the 19th in New York; the day's budget is reached, and lifted at midnight.
    late = utc("2026-11-20 04:30")
    record_spend([SpendEntry(campaign.pk, Decimal(5), late)], at=late)
    reconcile(at=utc("2026-11-20 05:10"))
    # Reached again at noon, raised an hour later.
    noon = utc("2026-11-20 17:00")
    record_spend([SpendEntry(campaign.pk, Decimal(6), noon)], at=noon)
    Campaign.objects.filter(pk=campaign.pk).update(daily_budget=Decimal(7))
    reconcile(at=utc("2026-11-20 18:00"))

    page = admin_page.get(client_page(brand))

    assert page.context["paused"] == [
        (date(2026, 11, 19), ["Daily budget: Spring (from 23:30)"]),
        (date(2026, 11, 20), ["Daily budget: Spring (12:00 to 13:00)"]),
    ]
    assert "On 2 of 21 days" in page.content.decode()


def test_a_hold_that_is_no_budget_is_no_pause_by_a_budget(admin_page: Client, spring: Campaign) -> None:
    StatusChange.objects.create(
        campaign=spring, at=NOON, from_status="ACTIVE", to_status="PAUSED", from_holds=0, to_holds=Hold.DAYPARTING.value
    )

    assert admin_page.get(client_page(spring.brand)).context["paused"] == []


def test_more_campaigns_than_can_be_named_are_counted(admin_page: Client) -> None:
    brand = BrandFactory.create(daily_budget=Decimal(5))
    campaigns = CampaignFactory.create_batch(4, brand=brand)
    record_spend([SpendEntry(campaigns[0].pk, Decimal(5), NOON)], at=NOON)

    assert admin_page.get(client_page(brand)).context["paused"] == [
        (date(2026, 11, 21), ["Brand's daily budget: 4 campaigns (from 12:00)"])
    ]


def test_a_clients_month_takes_as_many_queries_for_many_campaigns_as_for_few(admin_page: Client) -> None:
    brand = BrandFactory.create(daily_budget=Decimal(5))

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert admin_page.get(client_page(brand)).status_code == 200
        return len(captured)

    def more() -> None:
        campaign = CampaignFactory.create(brand=brand)
        record_spend([SpendEntry(campaign.pk, Decimal(5), NOON)], at=NOON)

    more()
    queries()
    for_few = queries()
    for _ in range(6):
        more()
    assert queries() == for_few


def test_the_page_of_a_brand_links_to_its_client_report(admin_page: Client, spring: Campaign) -> None:
    page = admin_page.get(f"/admin/campaigns/brand/{spring.brand_id}/change/").content.decode()

    assert client_page(spring.brand) in page
    assert admin_page.get("/admin/campaigns/brand/999999/client-report/").status_code == 404


@pytest.mark.parametrize("name", ["report", "client"])
def test_the_templates_of_reports_have_no_inline_scripts_and_styles(name: str) -> None:
    template = get_template(f"campaigns/reports/{name}.html").template.source  # type: ignore[attr-defined]

    assert re.findall(r"<script(?! src=)|<style|style=|\son\w+=", template) == []

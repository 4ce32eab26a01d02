"""The page of a brand: its month, and its campaigns in a pacing table."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from campaigns import outlook
from campaigns.admin.brand_page import PER_PAGE, BrandPage, Table
from campaigns.enforcement import pause
from campaigns.ledger import DayTotal, SpendEntry, record_spend, set_daily_totals
from campaigns.models import Brand, Campaign
from campaigns.pacing import Status as PaceStatus
from campaigns.tests.factories import BrandFactory, CampaignFactory, ScheduleFactory
from campaigns.tests.test_admin import BRANDS, NOON, brand_form
from campaigns.tests.test_campaign_page import a_viewer, spend_by_day

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def noon() -> Any:
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def kita() -> Brand:
    return BrandFactory.create(name="Kita", currency="EUR", timezone="Europe/Berlin", monthly_budget=Decimal(3000))


def named(brand: Brand, name: str, spent: Any = "", **fields: Any) -> Campaign:
    """A campaign that has spent so much, all of it today."""
    campaign = CampaignFactory.create(brand=brand, name=name, **fields)
    if spent:
        assert not record_spend([SpendEntry(campaign.pk, Decimal(spent), NOON)], at=NOON).rejected
    return campaign


def spend_a_day(campaign: Campaign, amount: str, days: range) -> None:
    """The same amount on the days that are so many days ago."""
    totals = [DayTotal(campaign.pk, date(2026, 11, 21) - timedelta(days=n), Decimal(amount)) for n in days]
    assert not set_daily_totals(totals, at=NOON).rejected


def url_of(brand: Brand) -> str:
    return f"{BRANDS}{brand.pk}/change/"


def page_of(client: Client, brand: Brand, **query: str) -> BrandPage:
    response = client.get(url_of(brand), query)
    assert response.status_code == 200
    page: BrandPage = response.context["page"]
    return page


def table_of(client: Client, brand: Brand, **query: str) -> Table:
    table = page_of(client, brand, **query).table
    assert table is not None
    return table


def names(table: Table) -> list[str]:
    return [row.name for row in table.rows]


def html_of(client: Client, brand: Brand, **query: str) -> str:
    return client.get(url_of(brand), query).content.decode()


# The month


def test_the_month_of_the_brand_stands_against_its_plan_and_is_projected(admin_page: Client, kita: Brand) -> None:
    for _ in range(2):
        campaign = CampaignFactory.create(brand=kita)
        spend_a_day(campaign, "50", range(1, 61))
        record_spend([SpendEntry(campaign.pk, Decimal(25), NOON)], at=NOON)

    month = page_of(admin_page, kita).month

    assert month is not None
    assert (month.name, month.spent, month.earlier, month.later) == ("November 2026", "EUR 2,050.00", "2026-10", "")
    # 13:00 in Berlin: 20 days and 13 hours of the 30 days are over.
    assert month.sentences[0] == "EUR 2,050.00 of EUR 3,000.00 spent, EUR 2,054.17 expected by now: on track."
    assert month.sentences[1] == "A daily budget of EUR 100.00 from today on would land on the month's budget."
    assert month.sentences[2].startswith("Projected for the month's end: EUR 2,9")
    assert month.bullet is not None
    assert (month.lines[0].spent, month.lines[0].note, len(month.lines)) == ("EUR 50.00", "Today", 21)


def test_the_day_on_which_the_brand_s_budget_is_reached_is_said(admin_page: Client, kita: Brand) -> None:
    for _ in range(2):
        spend_a_day(CampaignFactory.create(brand=kita), "64", range(1, 61))

    month = page_of(admin_page, kita).month

    assert month is not None
    assert "At this pace the budget is reached on Tue 24 Nov, 6 days early." in month.sentences


def test_an_earlier_month_is_in_the_address_bar_without_a_plan(admin_page: Client, kita: Brand) -> None:
    spend_by_day(CampaignFactory.create(brand=kita), {"2026-10-31": "99", "2026-09-01": "1", "2026-11-01": "5"})

    month = page_of(admin_page, kita, month="2026-10").month

    assert month is not None
    assert (month.name, month.spent, month.earlier, month.later) == ("October 2026", "EUR 99.00", "2026-09", "2026-11")
    assert (month.bullet, month.sentences) == (None, [])


def test_what_is_chosen_for_the_table_stays_from_month_to_month(admin_page: Client, kita: Brand) -> None:
    spend_by_day(CampaignFactory.create(brand=kita), {"2026-10-31": "99"})

    html = html_of(admin_page, kita, status="ACTIVE", sort="name", pace="BEHIND")

    assert "?month=2026-10&amp;status=ACTIVE&amp;sort=name#spend" in html


@pytest.mark.parametrize("asked", ["2027-01", "2026-13", "nonsense", "", "0000-00", "<script>"])
def test_a_month_that_is_none_or_is_still_to_come_is_the_current_one(
    admin_page: Client, kita: Brand, asked: str
) -> None:
    assert table_of(admin_page, kita, month=asked).view.month == date(2026, 11, 1)


def test_the_months_to_choose_from_go_back_to_the_first_with_spend(admin_page: Client, kita: Brand) -> None:
    assert "month" not in table_of(admin_page, kita).choice.fields
    spend_by_day(CampaignFactory.create(brand=kita), {"2026-09-30": "1"})

    month: Any = table_of(admin_page, kita).choice.fields["month"]

    assert [label for _, label in month.choices] == ["November 2026", "October 2026", "September 2026"]


def test_the_month_is_the_brand_s_own(admin_page: Client) -> None:
    brand = BrandFactory.create(timezone="Asia/Tokyo")
    with time_machine.travel("2026-11-30T15:00+00:00", tick=False):
        assert table_of(admin_page, brand).view.month == date(2026, 12, 1)


# The table


def test_a_campaign_s_line_says_how_it_stands_and_where_it_ends(admin_page: Client, kita: Brand) -> None:
    campaign = named(kita, "Spring", monthly_budget=Decimal(3000))
    spend_a_day(campaign, "50", range(1, 61))
    record_spend([SpendEntry(campaign.pk, Decimal(25), NOON)], at=NOON)

    row = table_of(admin_page, kita).rows[0]

    assert row.name == "Spring"
    assert row.url == f"/admin/campaigns/campaign/{campaign.pk}/change/"
    assert (row.status, row.spent, row.budget) == ("Active", "1,025.00", "3,000.00")
    assert (row.pace, row.percent) == ("Behind", 50)
    # 2,000.00 is left for ten days with today, of which 25.00 are spent.
    assert row.to_land == "200.00"
    seen = outlook.of_campaigns([Campaign.objects.select_related("brand").get()], at=NOON)[campaign.pk]
    assert seen.interval is not None
    assert row.projected == f"{seen.projected:,}"
    assert row.interval == f"{seen.interval[0]:,} to {seen.interval[1]:,}"
    assert "EUR 1,025.00 spent of EUR 3,000.00" in str(row.bullet)


def test_a_campaign_that_is_held_says_why_and_one_that_does_not_run_has_no_pace(
    admin_page: Client, kita: Brand
) -> None:
    held = named(kita, "Held", "12", daily_budget=Decimal(10))
    pause([held.pk], at=NOON, actor="user:alice")
    named(kita, "Draft", status="DRAFT", monthly_budget=Decimal(10))

    held_row, draft_row = table_of(admin_page, kita).rows

    assert held_row.status == "Paused: Paused by a person, Daily budget reached"
    assert held_row.projected == ""
    assert (draft_row.status, draft_row.budget, draft_row.pace, draft_row.to_land) == ("Draft", "10.00", "", "")


SORTED = {
    "name": ["Alpha", "Beta", "Gamma"],
    "-name": ["Gamma", "Beta", "Alpha"],
    "status": ["Gamma", "Beta", "Alpha"],  # active, draft, paused
    "spent": ["Beta", "Gamma", "Alpha"],
    "-spent": ["Alpha", "Gamma", "Beta"],
    "budget": ["Gamma", "Alpha", "Beta"],
    "-budget": ["Alpha", "Gamma", "Beta"],  # without a budget: last either way
    "": ["Alpha", "Gamma", "Beta"],
    "projected": ["Alpha", "Gamma", "Beta"],
    "-brand__name": ["Alpha", "Gamma", "Beta"],
}


@pytest.mark.parametrize("sort", SORTED)
def test_the_table_is_sorted_by_what_the_address_bar_says(admin_page: Client, kita: Brand, sort: str) -> None:
    alpha = named(kita, "Alpha", "30", monthly_budget=Decimal(90))
    named(kita, "Beta", status="DRAFT")
    named(kita, "Gamma", "9", monthly_budget=Decimal(80))
    pause([alpha.pk], at=NOON, actor="user:alice")

    assert names(table_of(admin_page, kita, sort=sort)) == SORTED[sort]


def test_a_heading_sorts_by_its_column_and_then_the_other_way_round(admin_page: Client, kita: Brand) -> None:
    named(kita, "Alpha", "1")

    def heading(words: str, **query: str) -> tuple[str, str]:
        found = {each.words: each for each in table_of(admin_page, kita, **query).headings}[words]
        return found.url, found.order

    assert heading("Spent") == ("?sort=spent#campaigns", "descending")
    assert heading("Budget") == ("?sort=-budget#campaigns", "")
    assert heading("Campaign", status="ACTIVE", sort="name") == (
        "?status=ACTIVE&sort=-name#campaigns",
        "ascending",
    )
    assert heading("Projected") == ("", "")


def test_the_table_shows_the_campaigns_of_a_status(admin_page: Client, kita: Brand) -> None:
    named(kita, "Runs")
    named(kita, "Draft", status="DRAFT")

    assert names(table_of(admin_page, kita, status="DRAFT")) == ["Draft"]
    assert len(table_of(admin_page, kita, status="NONE").rows) == 2
    html = html_of(admin_page, kita, status="COMPLETED")
    assert "No campaign is like that." in html
    assert 'href="?#campaigns"' in html


@pytest.fixture
def paces(kita: Brand) -> dict[str, PaceStatus | None]:
    """Campaigns of each pace at noon of the 21st, when some 2/3 of the month are over."""
    budget = {"monthly_budget": Decimal(300)}
    named(kita, "Ahead", "290", **budget)
    named(kita, "On track", "205", **budget)
    named(kita, "Behind", "100", **budget)
    named(kita, "No budget", "100")
    named(kita, "Draft", status="DRAFT", **budget)
    named(kita, "Over", status="COMPLETED", **budget)
    named(kita, "Ended", end_date=date(2026, 10, 1), **budget)
    spend_a_day(named(kita, "Stopped", **budget), "15", range(4, 20))
    spend_a_day(named(kita, "Stopped, no budget"), "20", range(4, 20))
    spend_a_day(named(kita, "Quiet since Thursday", **budget), "10", range(3, 20))
    weekly = named(kita, "Weekly", **budget)
    for week in (6, 13, 20, 27):
        spend_a_day(weekly, "80", range(week, week + 1))
    closed = named(kita, "Closed today", **budget)
    spend_a_day(closed, "15", range(4, 20))
    ScheduleFactory.create(campaign=closed, day_of_week=1)
    paused = named(kita, "Paused", **budget)
    spend_a_day(paused, "15", range(4, 20))
    pause([paused.pk], at=NOON, actor="user:alice")
    return {
        "Ahead": PaceStatus.AHEAD,
        "On track": PaceStatus.ON_TRACK,
        "Behind": PaceStatus.BEHIND,
        "No budget": None,
        "Draft": None,
        "Over": None,
        "Ended": None,
        "Stopped": PaceStatus.STOPPED,
        "Stopped, no budget": PaceStatus.STOPPED,
        "Quiet since Thursday": PaceStatus.BEHIND,
        "Weekly": PaceStatus.AHEAD,
    }


@pytest.mark.parametrize("pace", PaceStatus)
def test_the_table_shows_the_campaigns_of_a_pace(
    admin_page: Client, kita: Brand, paces: dict[str, PaceStatus | None], pace: PaceStatus
) -> None:
    shown = table_of(admin_page, kita, pace=pace.name).rows

    assert {row.pace for row in shown} == {pace.value}
    assert {row.name for row in shown if row.name in paces} == {name for name, its in paces.items() if its is pace}


@pytest.mark.usefixtures("paces")
def test_a_pace_found_by_counters_is_that_of_the_whole_outlook(kita: Brand) -> None:
    ScheduleFactory.create(campaign=Campaign.objects.get(name="Stopped"), day_of_week=6, end_time="23:00")
    for hours in range(0, 24 * 40, 31):
        at = NOON + timedelta(hours=hours)
        campaigns = list(Campaign.objects.select_related("brand"))
        whole = outlook.of_campaigns(campaigns, at=at)

        assert outlook.pace_statuses(campaigns, at=at) == {
            pk: seen.pace and seen.pace.status for pk, seen in whole.items()
        }


def test_a_month_that_is_over_shows_what_each_campaign_spent_in_it(admin_page: Client, kita: Brand) -> None:
    spend_by_day(named(kita, "Beta"), {"2026-10-01": "10.50", "2026-10-31": "5", "2026-11-01": "99"})
    spend_by_day(named(kita, "Alpha"), {"2026-09-30": "7", "2026-10-15": "40"})
    named(kita, "New", "5")
    spend_by_day(CampaignFactory.create(), {"2026-10-02": "3"})

    table = table_of(admin_page, kita, month="2026-10", pace="BEHIND")

    assert [(row.name, row.spent, row.pace, row.projected) for row in table.rows] == [
        ("Alpha", "40.00", "", ""),
        ("Beta", "15.50", "", ""),
    ]
    assert [heading.words for heading in table.headings] == ["Campaign", "Status now", "Spent"]
    assert "pace" not in table.choice.fields
    assert names(table_of(admin_page, kita, month="2026-10", sort="spent")) == ["Beta", "Alpha"]
    assert names(table_of(admin_page, kita, month="2026-10", sort="-budget")) == ["Alpha", "Beta"]


def test_a_long_table_is_paged(admin_page: Client, kita: Brand) -> None:
    for number in range(PER_PAGE + 2):
        named(kita, f"C{number:03}")

    first, second = (table_of(admin_page, kita, sort="name", page=page) for page in ("1", "2"))

    assert (names(first)[0], len(first.rows), names(second)) == (
        "C000",
        PER_PAGE,
        [f"C{PER_PAGE:03}", f"C{PER_PAGE + 1:03}"],
    )
    assert (first.previous, first.next) == ("", "?sort=name&page=2#campaigns")
    assert (second.previous, second.next) == ("?sort=name#campaigns", "")
    assert f"Campaigns {PER_PAGE + 1} to {PER_PAGE + 2} of {PER_PAGE + 2}" in html_of(
        admin_page, kita, sort="name", page="2"
    )


@pytest.mark.parametrize("month", ["", "2026-10"])
def test_the_file_has_the_figures_of_the_table(admin_page: Client, kita: Brand, month: str) -> None:
    for name, amount in (("Alpha", "10.25"), ("Beta", "1234.50")):
        spend_by_day(named(kita, name), {"2026-10-07": amount, "2026-11-03": f"1{amount}"})
    spend_by_day(CampaignFactory.create(), {"2026-10-02": "3", "2026-11-02": "3"})

    table = table_of(admin_page, kita, month=month, sort="name")
    files = dict(table.files)
    response: Any = admin_page.get(files["CSV"])
    lines = b"".join(response.streaming_content).decode("utf-8-sig").splitlines()[1:]

    assert [(line.split(",")[1], line.split(",")[3]) for line in lines] == [
        (row.name, row.spent.replace(",", "")) for row in table.rows
    ]
    workbook: Any = admin_page.get(files["XLSX"])
    assert b"".join(workbook.streaming_content).startswith(b"PK")
    assert admin_page.get(table.report).status_code == 200


def test_an_empty_brand_says_what_to_do_next(admin_page: Client, kita: Brand) -> None:
    html = html_of(admin_page, kita)

    assert "No spend is recorded in this month." in html
    assert f'href="/admin/campaigns/campaign/add/?brand={kita.pk}"' in html


def test_names_are_text(admin_page: Client, kita: Brand) -> None:
    named(kita, "<b>&", "1")

    assert "&lt;b&gt;&amp;</a>" in html_of(admin_page, kita)


# Who sees what, and at which cost


@pytest.mark.parametrize(
    ("models", "has_month", "has_table", "has_files"),
    [
        (["brand"], False, False, False),
        (["brand", "dailyspend"], True, False, False),
        (["brand", "campaign"], False, True, False),
        (["brand", "campaign", "dailyspend"], True, True, True),
    ],
)
def test_each_part_is_shown_to_who_may_see_its_rows(
    kita: Brand, models: list[str], has_month: bool, has_table: bool, has_files: bool
) -> None:
    spend_by_day(named(kita, "Spring"), {"2026-10-07": "1"})

    page = page_of(a_viewer(*models), kita, month="2026-10")

    assert (page.month is not None, page.table is not None) == (has_month, has_table)
    assert bool(page.table and page.table.files) is has_files
    if page.table:  # without the days, there are no earlier months
        assert page.table.view.is_current == (not has_files)


def test_the_page_of_a_new_brand_and_one_that_is_refused_open(admin_page: Client, kita: Brand) -> None:
    assert admin_page.get(f"{BRANDS}add/").status_code == 200
    refused = admin_page.post(url_of(kita), brand_form(kita, monthly_budget="-1"))

    assert refused.status_code == 200
    assert "of EUR 3,000.00 spent" in refused.context["page"].month.sentences[0]


@pytest.mark.parametrize("query", [{}, {"sort": "-budget"}, {"pace": "BEHIND"}, {"month": "2026-10"}])
def test_the_page_takes_as_many_queries_for_many_campaigns_as_for_few(
    admin_page: Client, kita: Brand, query: dict[str, str]
) -> None:
    def grow(campaigns: int) -> None:
        for _ in range(campaigns):
            campaign = CampaignFactory.create(brand=kita, monthly_budget=Decimal(10_000))
            spend_a_day(campaign, "9", range(5, 50))
            ScheduleFactory.create(campaign=campaign, day_of_week=6)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert len(table_of(admin_page, kita, **query).rows) == Campaign.objects.count()
        return len(captured)

    grow(2)
    queries()
    for_few = queries()
    grow(8)
    assert queries() == for_few


def test_only_the_campaigns_of_a_page_are_looked_at_closely(
    admin_page: Client, kita: Brand, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[int] = []
    of_campaigns = outlook.of_campaigns

    def counted(campaigns: Any, **options: Any) -> Any:
        looked_at.append(len(campaigns))
        return of_campaigns(campaigns, **options)

    monkeypatch.setattr(outlook, "of_campaigns", counted)
    Campaign.objects.bulk_create([Campaign(brand=kita, name=f"C{n}", status="ACTIVE") for n in range(PER_PAGE * 3)])

    assert len(table_of(admin_page, kita).rows) == PER_PAGE
    assert looked_at == [PER_PAGE]

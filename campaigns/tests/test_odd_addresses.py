"""Addresses that people mistype and strangers make up: each page answers something sensible, and never breaks."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.test import Client

from campaigns.admin.month import asked_month
from campaigns.enforcement import pause
from campaigns.ledger import DayTotal, set_daily_totals
from campaigns.models import Campaign
from campaigns.tests.factories import BrandFactory, CampaignFactory
from campaigns.tests.test_admin import NOON

pytestmark = pytest.mark.django_db

HUGE = "9" * 30
TEXTS = ["", "abc", "-1", "1.5", HUGE, "9" * 5000, "٣", "½", "\x00", "\ud83d", "' OR 1=1 --"]
MONTHS = [
    *("0001-01", "0000-00", "1970-01", "1999-12", "9999-12", "10000-01", "2026-13", "2026-1", "2026-W1", "２０２６-11"),
    *("2026-11-21", "-2026-11", "2026/11", "November"),
]
DAYS = [
    *("0001-01-01", "1999-12-31", "9999-12-31", "2026-02-30", "2026-11", "2026-W01-1", "20261121", "today"),
    *("2026-11-21T00:00", "２０２６-11-21"),
]
PAGES: dict[str, tuple[str, dict[str, list[str]]]] = {
    "campaign": ("/admin/campaigns/campaign/{campaign}/change/", {"month": MONTHS + TEXTS, "history": TEXTS}),
    "brand": (
        "/admin/campaigns/brand/{brand}/change/",
        {
            "month": MONTHS + TEXTS,
            "status": ["abc", "\x00"],
            "pace": ["abc", "\x00"],
            "sort": ["abc", "-", "--name", "pk", "\x00"],
            "page": TEXTS,
        },
    ),
    "client report": ("/admin/campaigns/brand/{brand}/client-report/", {"month": MONTHS + TEXTS}),
    "report": (
        "/admin/campaigns/dailyspend/report/?by=day&from=2026-11-01&to=2026-11-30",
        {
            "by": TEXTS,
            "from": DAYS + TEXTS,
            "to": DAYS + TEXTS,
            "brand": TEXTS,
            "sort": ["abc", "-", "--spend", "campaign", "\x00"],
            "page": TEXTS,
        },
    ),
    "file": (
        "/admin/campaigns/dailyspend/report/csv/?by=day&from=2026-11-01&to=2026-11-30",
        {"by": TEXTS, "from": DAYS, "to": DAYS, "brand": TEXTS, "sort": TEXTS},
    ),
}


@pytest.fixture(autouse=True)
def noon() -> Any:
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def busy() -> Campaign:
    """Spend on three months, a history of two pages, and a budget."""
    brand = BrandFactory.create(monthly_budget=Decimal(5000))
    campaign = CampaignFactory.create(brand=brand, monthly_budget=Decimal(900))
    days = [NOON.date() - timedelta(days=ago) for ago in range(80)]
    set_daily_totals([DayTotal(campaign.pk, day, Decimal(9)) for day in days], at=NOON)
    return campaign


def address_of(page: str, campaign: Campaign) -> str:
    return PAGES[page][0].format(campaign=campaign.pk, brand=campaign.brand_id)


@pytest.mark.parametrize("page", PAGES)
def test_no_address_breaks_a_page(admin_page: Client, busy: Campaign, page: str) -> None:
    admin_page.raise_request_exception = False
    path, _, said = address_of(page, busy).partition("?")
    kept = dict(pair.split("=") for pair in said.split("&") if pair)
    broken = []
    for name, values in PAGES[page][1].items():
        for value in values:
            query: dict[str, Any] = {**kept, name: value.encode("utf-8", "surrogatepass")}
            response = admin_page.get(path, query)
            if response.status_code not in {200, 302}:
                broken.append((name, value[:40], response.status_code))

    assert broken == []


@pytest.mark.parametrize("range_of", [("2000-01-01", "2999-12-31"), ("2026-11-30", "2026-11-01")])
@pytest.mark.parametrize("by", ["campaign", "brand", "day", "month"])
def test_a_range_of_centuries_and_one_that_ends_before_it_begins_are_answered(
    admin_page: Client, busy: Campaign, by: str, range_of: tuple[str, str]
) -> None:
    first, last = range_of

    page = admin_page.get("/admin/campaigns/dailyspend/report/", {"by": by, "from": first, "to": last})

    assert page.status_code == 200
    assert ("USD 720.00" in page.content.decode()) is (first < last)
    assert ("The last day lies before the first." in page.content.decode()) is (first > last)


@pytest.mark.parametrize("text", [*MONTHS, *TEXTS])
def test_what_is_no_month_of_spend_is_as_if_it_were_not_there(text: str) -> None:
    assert asked_month(text, NOON.date()) == date(2026, 11, 1)


@pytest.mark.parametrize("page", ["campaign", "brand", "client report"])
@pytest.mark.parametrize("pk", [0, 10**6, 2**63, 10**30])
def test_what_is_not_there_is_not_found(admin_page: Client, busy: Campaign, page: str, pk: int) -> None:
    response = admin_page.get(PAGES[page][0].format(campaign=pk, brand=pk))

    assert response.status_code in {302, 404}


def test_a_history_of_two_pages_shows_the_last_one_for_a_number_that_is_too_high(
    admin_page: Client, busy: Campaign
) -> None:
    for hours in range(40, 0, -1):
        pause([busy.pk], at=NOON - timedelta(hours=hours), actor="user:alice")
        Campaign.objects.filter(pk=busy.pk).update(status="ACTIVE", holds=0)

    numbers = {
        asked: admin_page.get(address_of("campaign", busy), {"history": asked}).context["page"].history.page.number
        for asked in ("abc", HUGE, "-1", "2")
    }

    assert numbers == {"abc": 1, HUGE: 2, "-1": 2, "2": 2}

"""A client's month on paper."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page

from campaigns import enforcement
from campaigns.ledger import SpendEntry, record_spend
from campaigns.models import Brand
from campaigns.tests.browser.agencies import LONG
from campaigns.tests.browser.conftest import NOON
from campaigns.tests.browser.looks import keep_file
from campaigns.tests.factories import BrandFactory, CampaignFactory, utc

DAYS = [utc(f"2026-10-{day:02} 12:00") for day in range(1, 32)]


def busy_month(name: str, campaign_name: str, *, paused: int) -> Brand:
    """Twenty campaigns that spend each day of October, so many of which reach their budget of each day."""
    brand = BrandFactory.create(name=name, currency="EUR", timezone="Europe/Berlin", monthly_budget=Decimal(900_000))
    for number in range(20):
        budget = Decimal(100) if number < paused else None
        CampaignFactory.create(brand=brand, name=f"{campaign_name} {number}", daily_budget=budget)
    campaigns = list(brand.campaigns.values_list("pk", flat=True))
    for day in DAYS:
        enforcement.reconcile(at=day - timedelta(hours=2), actor="task")
        record_spend([SpendEntry(pk, Decimal("123.45"), day) for pk in campaigns], at=day)
    return brand


def print_month(page: Page, brand: Brand, paper: str) -> bytes:
    page.goto(f"/admin/campaigns/brand/{brand.pk}/client-report/?month=2026-10")
    return page.pdf(format=paper, print_background=True)


def sheets(pdf: bytes) -> int:
    """How many pages a PDF of Chromium has: each is an object of this type."""
    return len(re.findall(rb"/Type\s*/Page\b", pdf))


@pytest.mark.parametrize("paper", ["A4", "Letter"])
@pytest.mark.parametrize(
    ("name", "campaign_name", "paused"),
    [("Acme", "Autumn sale", 10), (LONG, LONG[:190], 1)],
    ids=["with many campaigns paused", "with very long names"],
)
def test_a_busy_month_of_a_client_is_one_sheet(
    page: Page, alice: User, paper: str, name: str, campaign_name: str, paused: int
) -> None:
    brand = busy_month(name, campaign_name, paused=paused)

    pdf = print_month(page, brand, paper)

    keep_file(f"client-{brand.name[:4]}-{paper}.pdf", pdf)
    assert sheets(pdf) == 1


def test_a_long_report_takes_as_many_sheets_as_it_needs(page: Page, alice: User) -> None:
    brand = BrandFactory.create()
    campaigns = [CampaignFactory.create(brand=brand) for _ in range(150)]
    record_spend([SpendEntry(campaign.pk, Decimal(1), NOON) for campaign in campaigns], at=NOON)

    page.goto("/admin/campaigns/dailyspend/report/?by=campaign&from=2026-11-01&to=2026-11-30")

    assert sheets(page.pdf(format="A4")) > 1

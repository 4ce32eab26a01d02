"""What the README pictures: the demo, as somebody sees it who has just started it."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, ViewportSize, expect

from campaigns import demo
from campaigns.models import Brand, Campaign
from campaigns.tests.browser.conftest import NOON
from campaigns.tests.browser.looks import keep_file

WINDOW: ViewportSize = {"width": 1366, "height": 1060}
TALLER: ViewportSize = {"width": 1366, "height": 1310}  # down to where the month will end


@pytest.fixture
def agency(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "HISTORY_DAYS", 60)
    for number in range(len(demo.BRANDS)):
        demo.seed_brand(number, 8, at=NOON)


def test_the_demo_has_what_the_readme_shows(page: Page, agency: None) -> None:
    page.set_viewport_size(TALLER)
    page.goto(f"/admin/?brand={Brand.objects.get(name='Kita Bikes').pk}")
    expect(page.get_by_role("heading", name="Needs attention")).to_be_visible()
    keep_file("readme-dashboard.png", page.screenshot(animations="disabled"))

    page.set_viewport_size(WINDOW)
    campaign = Campaign.objects.get(brand__name="Andes Travel", name="Autumn sale Display")
    page.goto(f"/admin/campaigns/campaign/{campaign.pk}/change/")
    expect(page.get_by_text(re.compile(r"Paused: this month's budget of CLP [\d,]+ is reached"))).to_be_visible()
    keep_file("readme-campaign.png", page.screenshot(animations="disabled"))

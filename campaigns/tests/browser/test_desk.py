"""What an account manager decides at the desk: read the dashboard, draw hours, try a budget, take a report away."""

from __future__ import annotations

import csv
import re
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Locator, Page, expect

from campaigns import surveying
from campaigns.ledger import SpendEntry, record_spend
from campaigns.models import Campaign, DaypartingSchedule
from campaigns.tests.browser.conftest import NOON
from campaigns.tests.browser.looks import THEMES, WAIT, Theme, look, wear
from campaigns.tests.factories import BrandFactory, CampaignFactory, ScheduleFactory

# What has the focus: its words, whether it is an hour of the week, and whether it is the last thing on the page.
FOCUSED = """() => {
    const here = document.activeElement;
    const words = here.labels?.[0]?.innerText ?? here.innerText;
    return [words.trim().split("\\n").at(-1), here.matches("[data-hour]"), here.matches("[name=_save]")];
}"""


@pytest.fixture
def spring(alice: User) -> Campaign:
    """A campaign that spends 10 an hour, day and night, since October."""
    brand = BrandFactory.create(name="Acme", currency="EUR", timezone="Europe/Berlin", monthly_budget=Decimal(9000))
    campaign = CampaignFactory.create(brand=brand, name="Spring")
    hours = [NOON - timedelta(hours=hour) for hour in range(24 * 51)]
    record_spend((SpendEntry(campaign.pk, Decimal(10), hour) for hour in hours), at=NOON)
    Campaign.objects.filter(pk=campaign.pk).update(daily_budget=Decimal(500), monthly_budget=Decimal(5200))
    return campaign


def address(campaign: Campaign) -> str:
    return f"/admin/campaigns/campaign/{campaign.pk}/change/"


def windows(campaign: Campaign) -> list[tuple[int, str, str]]:
    kept = DaypartingSchedule.objects.filter(campaign=campaign, is_active=True).order_by("day_of_week", "start_time")
    return [(each.day_of_week, f"{each.start_time:%H:%M}", f"{each.end_time:%H:%M}") for each in kept]


def hour(page: Page, day: int, hour: int) -> Locator:
    return page.locator(f"[data-week] [data-day='{day}'][data-hour='{hour}']")


def tab_to(page: Page, selector: str) -> None:
    """Go on with the Tab key until what the selector names has the focus."""
    for _ in range(150):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"The Tab key does not lead to {selector}.")


def contrast(first: str, second: str) -> float:
    """The contrast ratio of two colours such as `rgb(1, 2, 3)`, as WCAG 2 defines it."""

    def luminance(colour: str) -> float:
        red, green, blue = (int(each) / 255 for each in re.findall(r"\d+", colour)[:3])
        linear = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in (red, green, blue))
        return sum(weight * each for weight, each in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    darker, lighter = sorted((luminance(first), luminance(second)))
    return (lighter + 0.05) / (darker + 0.05)


def save(page: Page) -> None:
    with page.expect_navigation():
        page.get_by_role("button", name="Save and continue editing").click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()


def test_the_dashboard_says_what_needs_attention_and_leads_there(page: Page, spring: Campaign) -> None:
    page.goto("/admin/")

    expect(page.get_by_role("heading", name="Will reach the monthly budget early")).to_be_visible()
    expect(page.get_by_text(re.compile(r"EUR 5,200\.00 will be spent by .* days early\."))).to_be_visible()
    page.get_by_role("link", name="Change the budget: Spring").click()

    expect(page).to_have_url(re.compile("#id_monthly_budget$"))
    expect(page.get_by_label("Monthly budget")).to_have_value("5200")


def test_the_dashboard_of_a_brand_and_a_day_can_be_sent_to_a_colleague(page: Page, spring: Campaign) -> None:
    page.goto("/admin/")
    page.get_by_label("Day (empty: now)").fill("2026-11-10")
    page.get_by_role("button", name="Show").click()

    expect(page).to_have_url(re.compile("day=2026-11-10"))
    expect(page.get_by_text("As spend stood at the end of Tuesday, 10 November 2026")).to_be_visible()
    expect(page.get_by_text("EUR 2,400.00").first).to_be_visible()
    look(page, "dashboard-day")


def test_a_window_is_drawn_with_the_mouse_and_counts_once_saved(page: Page, spring: Campaign) -> None:
    page.goto(address(spring))

    hour(page, 1, 9).hover()
    page.mouse.down()
    hour(page, 1, 16).hover()
    page.mouse.up()
    save(page)

    assert windows(spring) == [(1, "09:00", "17:00")]
    spring.refresh_from_db()
    assert spring.hold_set.codes == ["DAYPARTING"]  # it is Saturday
    look(page, "campaign-with-hours")


def test_a_window_is_drawn_and_an_hour_of_it_closed_with_the_keyboard(page: Page, spring: Campaign) -> None:
    page.goto(address(spring))
    tab_to(page, "[data-week] [data-hour]")
    expect(hour(page, 6, 13)).to_be_focused()  # now
    page.keyboard.press("Home")
    for _ in range(4):
        page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    save(page)
    assert windows(spring) == [(2, "01:00", "05:00")]

    hour(page, 2, 2).focus()
    page.keyboard.press("Delete")
    save(page)
    assert windows(spring) == [(2, "01:00", "02:00"), (2, "03:00", "05:00")]


@pytest.mark.parametrize("theme", THEMES)
def test_the_hour_that_has_the_focus_has_a_ring_that_is_seen_on_any_ground(
    theme: Theme, page: Page, spring: Campaign
) -> None:
    page.goto(address(spring))
    wear(page, theme)
    tab_to(page, "[data-week] [data-hour]")

    ring = "getComputedStyle(document.activeElement)"
    outer, inner = page.evaluate(f"[{ring}.outlineColor, {ring}.boxShadow]")

    assert page.evaluate(f"{ring}.outlineStyle") == "solid"
    assert contrast(outer, inner) >= 3


@pytest.mark.parametrize("theme", THEMES)
def test_open_hours_are_told_from_closed_ones_without_seeing_colours(
    theme: Theme, page: Page, spring: Campaign
) -> None:
    ScheduleFactory.create(campaign=spring, day_of_week=1, start_time="09:00", end_time="17:00")
    page.goto(address(spring))
    wear(page, theme)
    is_open, is_closed = hour(page, 1, 9), hour(page, 2, 9)

    grounds = [cell.evaluate("cell => getComputedStyle(cell).backgroundColor") for cell in (is_open, is_closed)]

    assert contrast(*grounds) >= 3
    expect(is_open).to_have_text("Monday 09:00 to 10:00: open")
    expect(is_closed).to_have_text("Tuesday 09:00 to 10:00: closed")


def test_the_tab_key_leads_through_all_of_a_campaigns_page_and_once_through_the_week(
    page: Page, spring: Campaign
) -> None:
    page.goto(address(spring))
    hours = 0
    seen = []
    for _ in range(150):
        page.keyboard.press("Tab")
        words, is_hour, is_over = page.evaluate(FOCUSED)
        hours += is_hour
        seen.append(words)
        if is_over:
            break

    assert hours == 1
    for words in ("What if", "Pause", "Month before", "Day by day", "Daily budget", "Add another Window", "Save"):
        assert words in seen, seen


def test_a_what_if_shows_what_a_budget_would_have_stopped_and_saves_nothing(page: Page, spring: Campaign) -> None:
    page.goto(address(spring))
    page.get_by_role("link", name="What if").click()
    page.get_by_label("Daily budget").fill("120")
    page.get_by_role("button", name="Play October 2026").click()

    expect(page).to_have_url(re.compile("daily_budget=120"))
    expect(page.get_by_role("region", name="Result")).to_be_visible(timeout=WAIT)
    spring.refresh_from_db()
    assert spring.daily_budget == Decimal(500)
    look(page, "what-if-played")

    page.get_by_role("link", name="Apply: fill these values into its form").click()
    expect(page.get_by_label("Daily budget")).to_have_value("120")


def test_a_report_is_taken_away_as_a_file(page: Page, spring: Campaign, tmp_path: Path) -> None:
    page.goto("/admin/campaigns/dailyspend/report/?by=day&from=2026-11-01&to=2026-11-20")
    expect(page.get_by_text("EUR 4,800.00").first).to_be_visible()

    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    file = tmp_path / "report.csv"
    download.value.save_as(file)

    rows = list(csv.DictReader(file.read_text("utf-8-sig").splitlines()))
    assert len(rows) == 20
    assert {Decimal(row["Spend"]) for row in rows} == {Decimal(240)}
    assert rows[0]["Day"] == date(2026, 11, 1).isoformat()


def test_very_long_names_do_not_widen_the_dashboard(page: Page, alice: User) -> None:
    brand = BrandFactory.create(name="B" * 200, daily_budget=Decimal(5), monthly_budget=Decimal(3000))
    campaign = CampaignFactory.create(brand=brand, name="C" * 200, daily_budget=Decimal(5))
    record_spend([SpendEntry(campaign.pk, Decimal(10), NOON)], at=NOON)
    page.goto(f"/admin/?brand={brand.pk}")
    expect(page.get_by_role("heading", name="Over budget")).to_be_visible()
    look(page, "dashboard-long-names")


def test_the_dashboard_of_a_large_agency_says_when_it_was_looked_over(
    page: Page, spring: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surveying, "LARGE", 1)
    assert surveying.keep(NOON)
    page.goto("/admin/")
    expect(page.get_by_text("once a minute: last at 12:00 UTC.")).to_be_visible()
    look(page, "dashboard-large")


def test_a_campaign_is_paused_on_the_dashboard(page: Page, spring: Campaign) -> None:
    page.goto("/admin/")
    page.get_by_role("button", name="Pause: Spring").press("Enter")

    expect(page.get_by_text("A person paused it; only a person resumes it.")).to_be_visible()
    expect(page).to_have_url(re.compile("/admin/$"))
    expect(page.get_by_role("button", name="Pause: Spring")).to_have_count(0)
    spring.refresh_from_db()
    assert spring.status == Campaign.Status.PAUSED


def test_a_brand_is_found_on_the_dashboard_by_typing_its_name(page: Page, spring: Campaign) -> None:
    BrandFactory.create(name="Other")
    page.goto("/admin/")
    page.get_by_role("combobox", name="Brand").click()
    page.locator(".select2-search__field").fill("Acm")
    page.get_by_role("option", name="Acme").click()
    page.get_by_role("button", name="Show").click()

    expect(page).to_have_url(re.compile(f"brand={spring.brand_id}"))
    expect(page.get_by_role("row", name=re.compile("Acme"))).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("Other"))).to_have_count(0)

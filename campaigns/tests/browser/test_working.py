"""What people do here all day, as they do it: by mouse and by keyboard."""

from __future__ import annotations

import re
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from campaigns.admin.campaigns import CampaignAdmin
from campaigns.ledger import SpendEntry, record_spend
from campaigns.models import Campaign, DailySpend
from campaigns.tests.browser.conftest import NOON, PASSWORD
from campaigns.tests.browser.looks import look
from campaigns.tests.factories import BrandFactory, CampaignFactory

CAMPAIGNS = "/admin/campaigns/campaign/"
IMPORT = "/admin/campaigns/spendimport/add/"


@pytest.fixture
def spring(alice: User) -> Campaign:
    """A campaign that has reached its budget of the day."""
    brand = BrandFactory.create(name="Acme", currency="EUR", timezone="Europe/Berlin")
    campaign = CampaignFactory.create(brand=brand, name="Spring", daily_budget=Decimal(120))
    record_spend([SpendEntry(campaign.pk, Decimal("121.40"), NOON)], at=NOON)
    return campaign


def address(campaign: Campaign) -> str:
    return f"{CAMPAIGNS}{campaign.pk}/change/"


def shown_whatever_its_status(page: Page) -> None:
    """Let the browser show what an error says without complaining of its status."""
    page.route("**/admin/**", lambda route: route.fulfill(response=route.fetch(), status=200))


def focused(page: Page, label: str) -> None:
    """Go on with the Tab key until the field of that label has the focus, as some have it from the start."""
    for _ in range(100):
        if label in page.evaluate("[...(document.activeElement?.labels ?? [])].map(label => label.innerText)"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"The Tab key does not lead to {label}.")


def test_a_person_logs_in_and_lands_on_the_first_page(visitor: Page, alice: User) -> None:
    visitor.goto("/")
    look(visitor, "login")

    visitor.get_by_label("Username").fill("alice")
    visitor.get_by_label("Password").fill(PASSWORD)
    visitor.get_by_role("button", name="Log in").click()

    expect(visitor).to_have_url(re.compile("/admin/$"))
    expect(visitor.get_by_role("link", name="Campaigns").first).to_be_visible()


def test_a_wrong_password_is_said_in_words_and_keeps_the_door_shut(visitor: Page, alice: User) -> None:
    visitor.goto(CAMPAIGNS)
    visitor.get_by_label("Username").fill("alice")
    visitor.get_by_label("Password").fill("a guess")
    visitor.get_by_role("button", name="Log in").click()

    expect(visitor.get_by_text("Please enter the correct username and password")).to_be_visible()
    look(visitor, "login-refused")


def test_the_list_of_campaigns_says_how_each_stands_and_why(page: Page, spring: Campaign) -> None:
    page.goto(CAMPAIGNS)

    row = page.get_by_role("row", name="Spring")
    for words in ("Acme", "Paused", "Daily budget reached", "EUR 121.40", "101%", "of EUR 120.00"):
        expect(row).to_contain_text(words)


def test_a_raised_budget_lets_the_campaign_run_again_as_soon_as_it_is_saved(page: Page, spring: Campaign) -> None:
    page.goto(address(spring))
    paused = page.get_by_text("Today's budget of EUR 120.00 is reached (EUR 121.40).")
    expect(paused).to_be_visible()

    page.get_by_label("Daily budget").fill("200")
    page.get_by_role("button", name="Save and continue editing").click()

    expect(page.get_by_text("of EUR 200.00", exact=True)).to_be_visible()
    expect(page.get_by_text("Running.").first).to_be_visible()
    expect(paused).to_have_count(0)
    spring.refresh_from_db()
    assert spring.status == Campaign.Status.ACTIVE
    look(page, "campaign-saved")


def test_a_budget_that_cannot_be_is_marked_where_it_stands(page: Page, spring: Campaign) -> None:
    page.goto(address(spring))
    page.get_by_label("Daily budget").fill("lots")
    page.get_by_role("button", name="Save", exact=True).click()

    expect(page.get_by_text("'lots' is not an amount")).to_be_visible()
    look(page, "campaign-refused")


def test_a_file_is_uploaded_looked_at_confirmed_and_then_counts(page: Page, spring: Campaign, tmp_path: Path) -> None:
    file = tmp_path / "spend.csv"
    file.write_text("date,brand,campaign,amount\n2026-11-20,Acme,Spring,10.50\n2026-11-19,Acme,Spring,x\n")
    page.goto(IMPORT)

    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Check the file").click()

    expect(page.get_by_role("heading", name="spend.csv")).to_be_visible()
    expect(page.get_by_text("Waits for you")).to_be_visible()
    expect(page.get_by_text("1 row is refused and would not count")).to_be_visible()
    assert DailySpend.objects.count() == 1

    page.get_by_role("button", name="Confirm and import").click()

    expect(page.get_by_text("Imported", exact=True)).to_be_visible()
    assert DailySpend.objects.get(day="2026-11-20").amount == Decimal("10.50")


def test_a_token_is_shown_once(page: Page) -> None:
    page.goto("/admin/campaigns/apitoken/add/")
    page.get_by_label("Name").fill("Collector")
    page.get_by_label("Write spend").check()
    page.get_by_role("button", name="Save").click()

    expect(page.locator(".token")).to_be_visible()
    look(page, "token-made")


def test_who_may_only_look_finds_nothing_to_save(viewer: Page, spring: Campaign) -> None:
    viewer.goto(address(spring))

    expect(viewer.get_by_text("Today's budget of EUR 120.00 is reached")).to_be_visible()
    expect(viewer.get_by_role("button", name="Save")).to_have_count(0)
    look(viewer, "campaign-viewed")


def test_a_person_logs_in_and_saves_a_budget_without_a_mouse(visitor: Page, spring: Campaign) -> None:
    visitor.goto(address(spring))
    focused(visitor, "Username*")
    visitor.keyboard.type("alice")
    focused(visitor, "Password*")
    visitor.keyboard.type(PASSWORD)
    visitor.keyboard.press("Enter")
    expect(visitor).to_have_url(re.compile(f"{address(spring)}$"))

    focused(visitor, "Daily budget")
    visitor.keyboard.press("Control+A")
    visitor.keyboard.type("200")
    visitor.keyboard.press("Enter")

    expect(visitor).to_have_url(re.compile(f"{CAMPAIGNS}$"))
    spring.refresh_from_db()
    assert (spring.daily_budget, spring.status) == (Decimal(200), Campaign.Status.ACTIVE)


def test_a_person_chooses_the_dark_theme_and_keeps_it(page: Page) -> None:
    page.goto("/admin/")
    expect(page.locator("html.dark")).to_have_count(0)

    page.get_by_text("alice").click()
    page.get_by_text("Dark", exact=True).click()
    expect(page.locator("html.dark")).to_have_count(1)

    page.goto(CAMPAIGNS)
    expect(page.locator("html.dark")).to_have_count(1)

    page.keyboard.press("Control+e")
    expect(page.locator("html.light")).to_have_count(1)


def test_a_person_logs_out(page: Page) -> None:
    page.goto("/admin/")
    page.get_by_text("alice").click()
    page.get_by_role("button", name="Log out").click()

    expect(page.get_by_role("link", name="Log in again")).to_be_visible()
    look(page, "logged-out")
    page.goto(CAMPAIGNS)
    expect(page.get_by_label("Password")).to_be_visible()


def test_the_pages_of_the_api_open_what_they_list(visitor: Page) -> None:
    visitor.goto("/api/docs")

    visitor.get_by_text("/api/v1/spend").first.click()

    expect(visitor.get_by_text("Each entry is judged on its own")).to_be_visible()


def test_a_script_that_is_smuggled_into_a_page_does_not_run_and_is_complained_of(
    browser: Browser, live_server: LiveServer
) -> None:
    """And so the other tests, which let no page complain, would see a page of ours that needs one."""
    with closing(browser.new_context(base_url=live_server.url)) as context:
        page = context.new_page()
        said: list[str] = []
        page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
        page.goto("/admin/login/")

        ran = page.evaluate(
            """() => {
                const script = document.createElement("script");
                script.textContent = "window.ran = true";
                document.body.append(script);
                return Boolean(window.ran);
            }"""
        )

    assert ran is False
    assert any(text.startswith("error: ") and "Content Security Policy" in text for text in said)


def test_an_address_where_nothing_is_says_so_and_leads_back(page: Page) -> None:
    shown_whatever_its_status(page)
    page.goto("/admin/campaigns/nowhere/")

    expect(page.get_by_role("heading", name="There is nothing at this address")).to_be_visible()
    look(page, "not-found")
    page.get_by_role("link", name="To the dashboard").click()
    expect(page).to_have_url(re.compile("/admin/$"))


def test_what_an_account_may_not_do_is_said_in_words(viewer: Page) -> None:
    shown_whatever_its_status(viewer)
    viewer.goto(IMPORT)

    expect(viewer.get_by_role("heading", name="Your account may not do this")).to_be_visible()
    look(viewer, "not-allowed")


def test_what_goes_wrong_on_the_server_is_said_in_words(
    page: Page, spring: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CampaignAdmin, "list_display", ("no such column",))
    shown_whatever_its_status(page)
    page.goto(CAMPAIGNS)

    expect(page.get_by_role("heading", name="This went wrong on the server")).to_be_visible()
    look(page, "failed")


def test_the_filters_of_a_list_open_without_a_mouse(page: Page, spring: Campaign) -> None:
    page.goto(CAMPAIGNS)
    page.get_by_role("button", name="Filters").focus()
    page.keyboard.press("Enter")

    expect(page.get_by_role("button", name="Apply filters")).to_be_visible()
    look(page, "campaigns-filters")

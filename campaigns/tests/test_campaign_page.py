"""The page of a campaign: its status in words, the month's spend, the week as a grid, and the history."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.html import escape

from campaigns.admin.campaign_page import CampaignPage
from campaigns.enforcement import activate, pause, reconcile, resume
from campaigns.ledger import DayTotal, SpendEntry, record_spend, set_daily_totals
from campaigns.models import Campaign, DaypartingSchedule, StatusChange
from campaigns.open_days import open_stretches, seconds_of_month, share_over
from campaigns.periods import local_clock
from campaigns.tests.factories import BrandFactory, CampaignFactory, ScheduleFactory, utc
from campaigns.tests.test_admin import BRANDS, CAMPAIGNS, NOON, brand_form, campaign_form, posted, state

pytestmark = pytest.mark.django_db

MONDAY = {"day_of_week": 1, "start_time": "09:00", "end_time": "17:00", "is_active": "on"}


@pytest.fixture(autouse=True)
def noon() -> Any:
    with time_machine.travel(NOON, tick=False):
        yield


def spend(campaign: Campaign, amount: str, at: datetime = NOON) -> None:
    assert not record_spend([SpendEntry(campaign.pk, Decimal(amount), at)], at=NOON).rejected


def spend_by_day(campaign: Campaign, amounts: dict[str, str]) -> None:
    totals = [DayTotal(campaign.pk, date.fromisoformat(day), Decimal(amount)) for day, amount in amounts.items()]
    assert not set_daily_totals(totals, at=NOON).rejected


def page_of(client: Client, campaign: Campaign, **query: str) -> CampaignPage:
    response = client.get(f"{CAMPAIGNS}{campaign.pk}/change/", query)
    assert response.status_code == 200
    page: CampaignPage = response.context["page"]
    return page


def html_of(client: Client, campaign: Campaign, **query: str) -> str:
    return client.get(f"{CAMPAIGNS}{campaign.pk}/change/", query).content.decode()


def told(page: CampaignPage) -> list[tuple[str, list[str]]]:
    """The history: who, and what."""
    return [(event.by, event.lines) for day in page.history.days for event in day.events]


def a_viewer(*models: str) -> Client:
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.set(Permission.objects.filter(codename__in=[f"view_{model}" for model in models]))
    client = Client()
    client.force_login(viewer)
    return client


# Status


def test_each_hold_has_a_line_of_its_own_with_what_to_do_about_it(admin_page: Client) -> None:
    brand = BrandFactory.create(name="Kita", currency="EUR", timezone="Europe/Berlin", daily_budget=Decimal(100))
    campaign = CampaignFactory.create(brand=brand, daily_budget=Decimal(120))
    ScheduleFactory.create(campaign=campaign)
    spend(campaign, "121.40")
    pause([campaign.pk], at=NOON, actor="user:alice")

    status = page_of(admin_page, campaign).status

    assert status.words == "Paused for 4 reasons. No clock ends this: it takes a person."
    assert [(hold.sentence, hold.step and hold.step.label) for hold in status.holds] == [
        ("A person paused it; only a person resumes it.", "Resume"),
        ("Today's budget of EUR 120.00 is reached (EUR 121.40).", "Raise the budget"),
        ("The brand Kita's budget for today of EUR 100.00 is reached (EUR 121.40).", "Raise the brand's budget"),
        ("It is 13:00 on Saturday in Europe/Berlin, outside its hours.", "Change the hours"),
    ]
    html = html_of(admin_page, campaign)
    assert all(escape(hold.sentence) in html for hold in status.holds)
    assert escape(status.words) in html


ONE_HOLD: dict[str, tuple[dict[str, Any], dict[str, Any], str, str, str]] = {
    "today's budget": (
        {},
        {"daily_budget": Decimal(120)},
        "Paused: today's budget of EUR 120.00 is reached (EUR 121.40). Resumes tomorrow 00:00 Europe/Berlin.",
        "Raise the budget",
        "#id_daily_budget",
    ),
    "this month's budget": (
        {},
        {"monthly_budget": Decimal(120)},
        (
            "Paused: this month's budget of EUR 120.00 is reached (EUR 121.40). "
            "Resumes on Tuesday 2026-12-01 at 00:00 Europe/Berlin."
        ),
        "Raise the budget",
        "#id_monthly_budget",
    ),
    "the total budget": (
        {},
        {"total_budget": Decimal(120)},
        "Paused: the total budget of EUR 120.00 is reached (EUR 121.40). No clock ends this: it takes a person.",
        "Raise the budget",
        "#id_total_budget",
    ),
    "the total budget of what ends": (
        {},
        {"total_budget": Decimal(120), "end_date": date(2026, 11, 22)},
        (
            "Paused: the total budget of EUR 120.00 is reached (EUR 121.40). "
            "Completes on Monday 2026-11-23 at 00:00 Europe/Berlin."
        ),
        "Raise the budget",
        "#id_total_budget",
    ),
    "the brand's budget for today": (
        {"daily_budget": Decimal(100)},
        {},
        (
            "Paused: the brand Kita's budget for today of EUR 100.00 is reached (EUR 121.40). "
            "Resumes tomorrow 00:00 Europe/Berlin."
        ),
        "Raise the brand's budget",
        "/admin/campaigns/brand/{brand}/change/#id_daily_budget",
    ),
    "the brand's budget for this month": (
        {"monthly_budget": Decimal(100)},
        {},
        (
            "Paused: the brand Kita's budget for this month of EUR 100.00 is reached (EUR 121.40). "
            "Resumes on Tuesday 2026-12-01 at 00:00 Europe/Berlin."
        ),
        "Raise the brand's budget",
        "/admin/campaigns/brand/{brand}/change/#id_monthly_budget",
    ),
    "an inactive brand": (
        {"is_active": False},
        {},
        "Paused: the brand Kita is inactive. No clock ends this: it takes a person.",
        "Open the brand",
        "/admin/campaigns/brand/{brand}/change/#id_is_active",
    ),
    "its hours": (
        {},
        {"window": (7, "09:00", "17:00")},
        "Paused: it is 13:00 on Saturday in Europe/Berlin, outside its hours. Resumes tomorrow 09:00 Europe/Berlin.",
        "Change the hours",
        "#week",
    ),
    "a person": (
        {},
        {"by_a_person": True},
        "Paused: a person paused it; only a person resumes it.",
        "Resume",
        "/admin/campaigns/campaign/{campaign}/act/resume/",
    ),
}


@pytest.mark.parametrize("reason", ONE_HOLD)
def test_what_is_held_by_one_thing_says_why_until_when_and_what_to_do_in_one_line(
    admin_page: Client, reason: str
) -> None:
    of_brand, of_campaign, words, label, url = ONE_HOLD[reason]
    fields = {name: value for name, value in of_campaign.items() if name not in {"window", "by_a_person"}}
    brand = BrandFactory.create(name="Kita", currency="EUR", timezone="Europe/Berlin", **of_brand)
    campaign = CampaignFactory.create(brand=brand, **fields)
    if window_of := of_campaign.get("window"):
        day, start, end = window_of
        ScheduleFactory.create(campaign=campaign, day_of_week=day, start_time=start, end_time=end)
    spend(campaign, "121.40")
    if of_campaign.get("by_a_person"):
        pause([campaign.pk], at=NOON, actor="user:alice")

    status = page_of(admin_page, campaign).status

    assert (status.label, status.words) == ("Paused", words)
    assert [(step.label, step.url) for step in status.steps if step.label != "Keep it paused"] == [
        (label, url.format(brand=brand.pk, campaign=campaign.pk))
    ]
    assert status.holds == []
    html = html_of(admin_page, campaign)
    assert escape(words) in html
    if url.startswith("#id"):
        assert f'id="{url[1:]}"' in html


def test_what_holds_it_is_said_with_the_time_of_the_next_change_also_of_several(admin_page: Client) -> None:
    brand = BrandFactory.create(currency="EUR", timezone="Europe/Berlin")
    campaign = CampaignFactory.create(brand=brand, daily_budget=Decimal(120))
    ScheduleFactory.create(campaign=campaign, day_of_week=7, start_time="09:00", end_time="17:00")
    spend(campaign, "121.40")

    status = page_of(admin_page, campaign).status

    assert status.words == "Paused for 2 reasons. Resumes tomorrow 09:00 Europe/Berlin."
    assert len(status.holds) == 2


def test_what_is_kept_until_the_next_check_is_told(admin_page: Client) -> None:
    campaign = CampaignFactory.create()
    ScheduleFactory.create(campaign=campaign)

    assert "Still recorded as Active: the next check puts it right." in html_of(admin_page, campaign)


@pytest.mark.parametrize(
    ("fields", "verb", "after"),
    [
        ({}, "pause", ("PAUSED", ["MANUAL"])),
        ({"status": "PAUSED", "holds": 1}, "resume", ("ACTIVE", [])),
        ({"status": "DRAFT"}, "activate", ("ACTIVE", [])),
        ({"status": "COMPLETED"}, "activate", ("ACTIVE", [])),
        ({}, "complete", ("COMPLETED", [])),
    ],
)
def test_one_click_does_what_it_says_and_goes_back(
    admin_page: Client, fields: dict[str, Any], verb: str, after: tuple[str, list[str]]
) -> None:
    campaign = CampaignFactory.create(**fields)

    response = admin_page.post(f"{CAMPAIGNS}{campaign.pk}/act/{verb}/")

    assert response.headers["Location"] == f"{CAMPAIGNS}{campaign.pk}/change/"
    assert state(campaign) == after
    assert StatusChange.objects.get().actor == "user:alice"


@pytest.mark.parametrize(
    ("fields", "offered"),
    [
        ({}, "Pause"),
        ({"status": "PAUSED", "holds": 1}, None),  # what holds it is a person: they resume it
        ({"status": "DRAFT"}, "Start now"),
        ({"status": "DRAFT", "start_date": date(2026, 11, 22)}, None),
        ({"status": "COMPLETED"}, "Reopen"),
        ({"status": "COMPLETED", "end_date": date(2026, 11, 20)}, None),
    ],
)
def test_nothing_is_offered_that_would_do_nothing(
    admin_page: Client, fields: dict[str, Any], offered: str | None
) -> None:
    status = page_of(admin_page, CampaignFactory.create(**fields)).status

    assert [step.label for step in status.steps if step.label != "Resume"] == ([offered] if offered else [])


@pytest.mark.parametrize(("back", "goes"), [("/admin/?brand=1", True), ("https://evil.example/", False)])
def test_one_click_goes_back_to_a_page_of_this_site_alone(admin_page: Client, back: str, goes: bool) -> None:
    campaign = CampaignFactory.create()

    response = admin_page.post(f"{CAMPAIGNS}{campaign.pk}/act/pause/", {"next": back})

    assert (response.headers["Location"] == back) is goes


def test_one_click_needs_a_post_a_known_verb_and_the_right_to_change(admin_page: Client) -> None:
    campaign = CampaignFactory.create()

    assert admin_page.get(f"{CAMPAIGNS}{campaign.pk}/act/pause/").status_code == 404
    assert admin_page.post(f"{CAMPAIGNS}{campaign.pk}/act/delete/").status_code == 404
    assert admin_page.post(f"{CAMPAIGNS}{campaign.pk + 1}/act/pause/").status_code == 404
    assert a_viewer("campaign").post(f"{CAMPAIGNS}{campaign.pk}/act/pause/").status_code == 403
    assert state(campaign) == ("ACTIVE", [])


# The month


def test_the_month_shows_each_day_with_the_budget_in_force_then(admin_page: Client) -> None:
    campaign = CampaignFactory.create(brand=BrandFactory.create(currency="EUR"), daily_budget=Decimal(10))
    with time_machine.travel(NOON - timedelta(days=1), tick=False):
        record_spend([SpendEntry(campaign.pk, Decimal(10), NOON - timedelta(days=1))], at=NOON - timedelta(days=1))
    spend_by_day(campaign, {"2026-11-02": "7.50", "2026-10-31": "99"})
    Campaign.objects.update(daily_budget=Decimal(20))
    spend(campaign, "3")

    month = page_of(admin_page, campaign).month

    assert month is not None
    assert (month.name, month.spent, month.earlier, month.later) == ("November 2026", "EUR 20.50", "2026-10", "")
    lines = {line.day.day: (line.spent, line.budget, line.note) for line in month.lines}
    assert lines[21] == ("EUR 3.00", "EUR 20.00", "Today")
    assert lines[20] == ("EUR 10.00", "EUR 10.00", "Budget reached")
    assert lines[2] == ("EUR 7.50", "", "")
    assert lines[1] == ("EUR 0.00", "", "")
    assert len(lines) == 21
    assert "The daily budget was reached on 1 day." in month.sentences


def test_another_month_is_in_the_address_bar(admin_page: Client) -> None:
    campaign = CampaignFactory.create(monthly_budget=Decimal(100))
    spend_by_day(campaign, {"2026-10-31": "99", "2026-09-01": "1", "2026-11-01": "5"})

    month = page_of(admin_page, campaign, month="2026-10").month

    assert month is not None
    assert (month.name, month.spent, month.earlier, month.later) == ("October 2026", "USD 99.00", "2026-09", "2026-11")
    assert len(month.lines) == 31
    assert month.bullet is None  # the budget of a month that is over is not kept


@pytest.mark.parametrize("asked", ["2027-01", "2026-13", "nonsense", "", "0000-00", "2026-1", "<script>"])
def test_a_month_that_is_none_or_is_still_to_come_is_the_current_one(admin_page: Client, asked: str) -> None:
    month = page_of(admin_page, CampaignFactory.create(), month=asked).month

    assert month is not None
    assert month.name == "November 2026"
    assert "<script>" not in month.earlier


def test_the_month_is_the_brand_s_own(admin_page: Client) -> None:
    campaign = CampaignFactory.create(brand=BrandFactory.create(timezone="Asia/Tokyo"))

    with time_machine.travel("2026-11-30T15:00+00:00", tick=False):
        month = page_of(admin_page, campaign).month

    assert month is not None
    assert month.name == "December 2026"


def test_the_month_stands_against_its_plan_and_is_projected_to_its_end(admin_page: Client) -> None:
    campaign = CampaignFactory.create(brand=BrandFactory.create(currency="EUR"), monthly_budget=Decimal(3000))
    days = [date(2026, 11, 21) - timedelta(days=ago) for ago in range(1, 61)]
    set_daily_totals([DayTotal(campaign.pk, day, Decimal(100)) for day in days], at=NOON)
    spend(campaign, "50")

    month = page_of(admin_page, campaign).month

    assert month is not None
    assert month.sentences[0] == "EUR 2,050.00 of EUR 3,000.00 spent, EUR 2,050.00 expected by now: on track."
    assert month.sentences[1] == "A daily budget of EUR 100.00 from today on would land on the month's budget."
    assert month.sentences[2].startswith("Projected for the month's end: EUR 2,9")
    assert month.bullet is not None


def test_what_a_person_holds_is_not_projected(admin_page: Client) -> None:
    campaign = CampaignFactory.create()
    spend_by_day(campaign, {"2026-11-10": "5", "2026-11-11": "5", "2026-11-12": "5", "2026-11-20": "5"})
    with_band = page_of(admin_page, campaign).month
    pause([campaign.pk], at=NOON, actor="user:alice")

    without = page_of(admin_page, campaign).month

    assert with_band is not None
    assert without is not None
    assert "Projected" in str(with_band.sentences)
    assert "Projected" not in str(without.sentences)


def test_a_month_without_spend_says_where_spend_comes_from(admin_page: Client) -> None:
    page = html_of(admin_page, CampaignFactory.create())

    assert "No spend is recorded in this month." in page


def reached_sentence(month: Any) -> list[str]:
    return [sentence for sentence in month.sentences if "is reached" in sentence or "was reached" in sentence]


@pytest.mark.parametrize(
    ("budget", "spent_today", "said"),
    [
        (2350, "50", "At this pace the budget is reached on Tue 24 Nov, 6 days early."),
        (2850, "50", "At this pace the budget is reached on Sun 29 Nov, 1 day early."),
        (2960, "100", "At this pace the budget is reached on Mon 30 Nov, its last day."),
        (2070, "50", "At this pace the budget is reached today, 9 days early."),
        (9000, "50", None),
        (1500, "50", "The month's budget was reached on Sun 15 Nov, 15 days early."),
        (2050, "50", "The month's budget was reached today, 9 days early."),
    ],
)
def test_the_day_on_which_the_month_s_budget_is_reached_is_said(
    admin_page: Client, budget: int, spent_today: str, said: str | None
) -> None:
    campaign = CampaignFactory.create(brand=BrandFactory.create(currency="EUR"), monthly_budget=Decimal(budget))
    days = [date(2026, 11, 21) - timedelta(days=ago) for ago in range(1, 61)]
    set_daily_totals([DayTotal(campaign.pk, day, Decimal(100)) for day in days], at=NOON)
    spend(campaign, spent_today)

    assert reached_sentence(page_of(admin_page, campaign).month) == ([said] if said else [])


def test_the_budget_of_what_ends_within_the_month_is_early_by_its_own_last_day(admin_page: Client) -> None:
    campaign = CampaignFactory.create(monthly_budget=Decimal(2350), end_date=date(2026, 11, 26))
    days = [date(2026, 11, 21) - timedelta(days=ago) for ago in range(1, 61)]
    set_daily_totals([DayTotal(campaign.pk, day, Decimal(100)) for day in days], at=NOON)
    spend(campaign, "50")

    assert reached_sentence(page_of(admin_page, campaign).month) == [
        "At this pace the budget is reached on Tue 24 Nov, 2 days early."
    ]


def test_the_day_on_which_a_budget_was_reached_is_said_also_of_what_a_person_holds(admin_page: Client) -> None:
    campaign = CampaignFactory.create(monthly_budget=Decimal(12))
    spend_by_day(campaign, {"2026-11-10": "10", "2026-11-12": "5"})
    pause([campaign.pk], at=NOON, actor="user:alice")

    assert reached_sentence(page_of(admin_page, campaign).month) == [
        "The month's budget was reached on Thu 12 Nov, 18 days early."
    ]


# The week


def window(day: int, start: str, end: str) -> DaypartingSchedule:
    return DaypartingSchedule(
        day_of_week=day, start_time=time.fromisoformat(start), end_time=time.fromisoformat(end), is_active=True
    )


def test_r20_windows_are_joined_and_run_past_midnight_into_the_next_day() -> None:
    stretches = open_stretches([window(1, "09:00", "12:00"), window(1, "11:30", "00:00"), window(7, "22:00", "06:00")])

    assert stretches[1] == [(0, 6 * 3600), (9 * 3600, 24 * 3600)]
    assert stretches[7] == [(22 * 3600, 24 * 3600)]
    assert seconds_of_month([window(7, "22:00", "06:30")], date(2026, 11, 1))[22] == 6 * 3600 + 1800


def test_today_is_over_by_its_open_hours() -> None:
    clock = local_clock(ZoneInfo("UTC"), NOON)

    assert share_over([], clock) == Fraction(1, 2)
    assert share_over([window(6, "09:00", "17:00")], clock) == Fraction(3, 8)
    assert share_over([window(1, "09:00", "17:00")], clock) == 0


def test_the_grid_shows_windows_with_their_minutes_and_now(admin_page: Client) -> None:
    campaign = CampaignFactory.create(brand=BrandFactory.create(timezone="Europe/Berlin"))
    ScheduleFactory.create(campaign=campaign, day_of_week=6, start_time="08:30", end_time="14:00")
    ScheduleFactory.create(campaign=campaign, day_of_week=2, start_time="00:00", end_time="12:00", is_active=False)

    week = page_of(admin_page, campaign).week

    saturday = week.rows[5]
    assert saturday.is_today
    assert [cell.state for cell in saturday.cells] == ["closed"] * 8 + ["part"] + ["open"] * 5 + ["closed"] * 10
    assert saturday.cells[8].words == "Saturday 08:00 to 09:00: open 08:30 to 09:00"
    assert saturday.cells[8].stretches == [("30", "30")]
    assert [cell.hour for row in week.rows for cell in row.cells if cell.is_now] == [13]
    assert {cell.state for cell in week.rows[1].cells} == {"closed"}


def test_without_windows_all_hours_are_open_and_the_page_says_so(admin_page: Client) -> None:
    campaign = CampaignFactory.create()

    week = page_of(admin_page, campaign).week

    assert {cell.state for row in week.rows for cell in row.cells} == {"always"}
    assert "No window restricts it: it may run around the clock." in html_of(admin_page, campaign)


def test_today_s_spend_is_shown_by_the_hour_on_the_brand_s_clock(admin_page: Client) -> None:
    campaign = CampaignFactory.create(brand=BrandFactory.create(timezone="Asia/Karachi", currency="PKR"))
    for at, amount in (("18:59", "1"), ("19:00", "2"), ("19:59", "3"), ("20:00", "4"), ("20:10", "-1")):
        spend(campaign, amount, utc(f"2026-11-20T{at}+00:00"))

    spent = page_of(admin_page, campaign).week.spent

    assert spent is not None  # Karachi is five hours ahead: its day began at 19:00 UTC
    assert [(hour.hour, hour.spent) for hour in spent if hour.spent] == [(0, Decimal(5)), (1, Decimal(3))]
    assert spent[0].words == "00:00 to 01:00: PKR 5.00"


def test_the_table_of_windows_is_there_for_who_has_no_script(admin_page: Client) -> None:
    campaign = CampaignFactory.create()
    ScheduleFactory.create(campaign=campaign)

    page = html_of(admin_page, campaign)

    assert 'name="schedules-0-start_time"' in page
    assert "data-week>" in page
    assert "campaigns/week.js" in page
    assert page.count('class="week__hour ') == 168


def test_the_times_of_windows_are_shown_as_people_write_them_and_seconds_where_there_are_some(
    admin_page: Client,
) -> None:
    campaign = CampaignFactory.create()
    ScheduleFactory.create(campaign=campaign, start_time="09:00", end_time="17:30:15")

    page = html_of(admin_page, campaign)

    shown = re.findall(r'value="([^"]*)"[^>]*name="schedules-0-(start|end)_time"', page) or [
        (value, name) for name, value in re.findall(r'name="schedules-0-(start|end)_time" value="([^"]*)"', page)
    ]
    assert shown == [("09:00", "start"), ("17:30:15", "end")]


def test_r13_windows_as_the_grid_sends_them_are_saved_at_once_and_together(admin_page: Client) -> None:
    campaign = CampaignFactory.create()
    kept = ScheduleFactory.create(campaign=campaign, start_time="09:00", end_time="17:00")
    gone = {**MONDAY, "id": kept.pk, "DELETE": "on"}
    saturday = {"day_of_week": 6, "is_active": "on"}
    morning = {**saturday, "start_time": "00:00", "end_time": "12:00"}
    rest = {**saturday, "start_time": "12:00", "end_time": "00:00"}
    url = f"{CAMPAIGNS}{campaign.pk}/change/"

    refused = admin_page.post(url, campaign_form(campaign, gone, morning, {**morning, "end_time": "00:00"}))
    assert refused.status_code == 200
    assert list(DaypartingSchedule.objects.all()) == [kept]
    posted(admin_page, url, campaign_form(campaign, gone, morning, rest))

    assert sorted(str(each) for each in DaypartingSchedule.objects.all()) == [
        "Saturday 00:00 to 12:00",
        "Saturday 12:00 to 00:00",
    ]
    assert state(campaign) == ("ACTIVE", [])


# The history


def test_the_history_tells_status_changes_and_edits_in_one_line_of_time(admin_page: Client) -> None:
    brand = BrandFactory.create(name="Kita", currency="EUR")
    campaign = CampaignFactory.create(brand=brand, status="DRAFT", name="Spring")
    activate([campaign.pk], at=NOON - timedelta(days=1), actor="command:seed_data")
    campaign.refresh_from_db()
    url = f"{CAMPAIGNS}{campaign.pk}/change/"
    with time_machine.travel(NOON - timedelta(hours=2), tick=False):
        posted(admin_page, url, campaign_form(campaign, MONDAY, name="Summer", daily_budget="12.5", end_date=""))
    with time_machine.travel(NOON - timedelta(hours=1), tick=False):
        posted(admin_page, f"{BRANDS}{brand.pk}/change/", brand_form(brand, monthly_budget="5"))

    page = page_of(admin_page, campaign)

    assert told(page) == [
        ("alice", ["Set the brand's monthly budget to EUR 5.00 (no limit before)."]),
        ("alice", ["Paused: Outside its hours."]),
        (
            "alice",
            [
                "Changed the name from Spring to Summer.",
                "Set the daily budget to EUR 12.50 (no limit before).",
                "Added the window Monday 09:00 to 17:00.",
            ],
        ),
        ("the command seed data", ["Started."]),
    ]
    assert [day.heading for day in page.history.days] == [
        "Today, Saturday 21 November 2026",
        "Yesterday, Friday 20 November 2026",
    ]


def test_a_status_change_shows_the_facts_that_it_was_decided_on(admin_page: Client) -> None:
    brand = BrandFactory.create(currency="EUR", timezone="Europe/Berlin", monthly_budget=Decimal(5000))
    campaign = CampaignFactory.create(brand=brand, daily_budget=Decimal(120))
    spend(campaign, "1121.40")

    event = page_of(admin_page, campaign).history.days[0].events[0]

    assert event.facts == [
        ("Clock", "Saturday 2026-11-21 13:00"),
        ("Today", "EUR 1,121.40 of EUR 120.00"),
        ("This month", "EUR 1,121.40, no limit"),
        ("In all", "EUR 1,121.40, no limit"),
        ("Brand today", "EUR 1,121.40, no limit"),
        ("Brand this month", "EUR 1,121.40 of EUR 5,000.00"),
    ]
    assert event.clock == "13:00"
    assert "EUR 1,121.40 of EUR 120.00" in html_of(admin_page, campaign)


def test_windows_that_change_are_told_from_what_to_what(admin_page: Client) -> None:
    campaign = CampaignFactory.create()
    kept = ScheduleFactory.create(campaign=campaign, start_time="09:00", end_time="17:00")
    url = f"{CAMPAIGNS}{campaign.pk}/change/"
    posted(admin_page, url, campaign_form(campaign, {**MONDAY, "id": kept.pk, "end_time": "18:00"}))
    with time_machine.travel(NOON + timedelta(minutes=1), tick=False):
        gone = {**MONDAY, "id": kept.pk, "end_time": "18:00", "DELETE": "on"}
        posted(admin_page, url, campaign_form(campaign, gone))
        page = page_of(admin_page, campaign)

    assert [lines for _, lines in told(page) if "window" in lines[0]] == [
        ["Removed the window Monday 09:00 to 18:00."],
        ["Changed the window Monday 09:00 to 17:00: it is Monday 09:00 to 18:00 now."],
    ]


def edits_of(client: Client, campaign: Campaign, *forms: tuple[dict[str, Any], ...]) -> list[list[str]]:
    """What the history tells of these edits, a minute apart: each is of windows, and of fields behind them."""
    for minute, (*windows, fields) in enumerate(forms):
        with time_machine.travel(NOON + timedelta(minutes=minute), tick=False):
            campaign.refresh_from_db()
            posted(client, f"{CAMPAIGNS}{campaign.pk}/change/", campaign_form(campaign, *windows, **fields))
    with time_machine.travel(NOON + timedelta(hours=1), tick=False):
        history = page_of(client, campaign).history
    return [event.lines for day in history.days for event in reversed(day.events) if event.is_edit]


def test_what_is_set_raised_lowered_and_taken_away_is_told_as_people_say_it(admin_page: Client) -> None:
    campaign = CampaignFactory.create(brand=BrandFactory.create(currency="EUR"))

    told_of = edits_of(
        admin_page,
        campaign,
        ({"daily_budget": "10", "end_date": "2026-12-24"},),
        ({"daily_budget": "12.5", "end_date": "2026-12-31"},),
        ({"daily_budget": "8", "external_id": "A-1"},),
        ({"daily_budget": "", "end_date": "", "external_id": ""},),
    )

    assert told_of == [
        ["Set the daily budget to EUR 10.00 (no limit before).", "Set the end date to 2026-12-24."],
        ["Raised the daily budget from EUR 10.00 to EUR 12.50.", "Changed the end date from 2026-12-24 to 2026-12-31."],
        ["Set the external ID to A-1.", "Lowered the daily budget from EUR 12.50 to EUR 8.00."],
        [
            "Removed the external ID A-1.",
            "Removed the daily budget of EUR 8.00 (no limit now).",
            "Removed the end date 2026-12-31.",
        ],
    ]


def test_a_window_that_is_switched_off_and_on_is_told(admin_page: Client) -> None:
    campaign = CampaignFactory.create()
    kept = {**MONDAY, "id": ScheduleFactory.create(campaign=campaign, start_time=time(9), end_time=time(17)).pk}

    told_of = edits_of(admin_page, campaign, ({**kept, "is_active": ""}, {}), (kept, {}))

    assert told_of == [
        ["Switched the window Monday 09:00 to 17:00 off."],
        ["Switched the window Monday 09:00 to 17:00 on."],
    ]


def test_a_window_that_is_removed_on_its_own_page_is_told_too(admin_page: Client) -> None:
    campaign = CampaignFactory.create()
    kept = ScheduleFactory.create(campaign=campaign, start_time=time(9), end_time=time(17))

    posted(admin_page, f"/admin/campaigns/daypartingschedule/{kept.pk}/delete/", {"post": "yes"})

    assert ("alice", ["Removed the window Monday 09:00 to 17:00."]) in told(page_of(admin_page, campaign))


def test_a_brand_that_is_switched_off_and_a_long_description_are_told_in_few_words(admin_page: Client) -> None:
    campaign = CampaignFactory.create(brand=BrandFactory.create(name="Kita"))
    url = f"{BRANDS}{campaign.brand_id}/change/"
    posted(admin_page, url, {**brand_form(campaign.brand, description="word " * 200), "is_active": ""})
    with time_machine.travel(NOON + timedelta(minutes=1), tick=False):
        posted(admin_page, url, brand_form(campaign.brand, description="short"))
        page = page_of(admin_page, campaign)

    _, on, _, off = (lines for _, lines in told(page))
    assert off[1] == "Switched the brand off."
    assert off[0].startswith("Set the brand's description to word word ")
    assert len(off[0]) < 150
    assert on[1] == "Switched the brand on."


@pytest.mark.parametrize(
    ("actor", "by"),
    [
        ("user:alice", "alice"),
        ("", "the system"),
        ("token:Collector 7", "the API token Collector 7"),
        ("task:check_campaign_budgets", "the task check campaign budgets"),
        ("command:check_budgets", "the command check budgets"),
        ("robot", "robot"),
    ],
)
def test_who_did_it_is_named_as_people_know_them(admin_page: Client, actor: str, by: str) -> None:
    campaign = CampaignFactory.create()
    pause([campaign.pk], at=NOON, actor=actor)

    assert told(page_of(admin_page, campaign)) == [(by, ["Paused: Paused by a person."])]


def test_times_of_the_history_are_those_of_the_brand_and_it_says_so(admin_page: Client) -> None:
    campaign = CampaignFactory.create(brand=BrandFactory.create(timezone="Asia/Tokyo"))
    pause([campaign.pk], at=NOON, actor="user:alice")

    html = html_of(admin_page, campaign)

    assert "Times are those of Asia/Tokyo." in html
    assert ">21:00</time>" in html


def test_a_long_history_is_paged(admin_page: Client) -> None:
    campaign = CampaignFactory.create()
    for hours in range(15, 0, -1):
        at = NOON - timedelta(hours=hours)
        pause([campaign.pk], at=at, actor="user:alice")
        resume([campaign.pk], at=at + timedelta(minutes=30), actor="user:bob")

    first, second = (page_of(admin_page, campaign, history=page) for page in ("1", "2"))

    assert (len(told(first)), len(told(second))) == (25, 5)
    assert told(first)[0] == ("bob", ["Resumed (was: Paused by a person)."])
    assert (first.history.page.has_next(), second.history.page.has_next()) == (True, False)
    assert "?history=2#history" in html_of(admin_page, campaign)


def test_an_empty_history_says_what_it_will_hold(admin_page: Client) -> None:
    html = html_of(admin_page, CampaignFactory.create())
    assert "Nothing happened yet." in html
    assert "left out here" not in html


def test_a_history_of_which_not_all_may_be_seen_says_so() -> None:
    campaign = CampaignFactory.create()
    pause([campaign.pk], at=NOON, actor="user:alice")

    html = html_of(a_viewer("campaign"), campaign)

    assert "Nothing happened yet." not in html
    assert "Nothing that you may see happened yet." in html
    left_out = "Your account may not see status changes, schedules or brands: these are left out here."
    assert f"{left_out} An administrator can let you see them." in html


# Who sees what, and at which cost


def test_who_may_only_see_the_campaign_sees_no_spend_by_day_nor_what_was_decided_nor_any_button() -> None:
    campaign = CampaignFactory.create(daily_budget=Decimal(5))
    spend(campaign, "5")
    client = a_viewer("campaign")

    page, html = page_of(client, campaign), html_of(client, campaign)

    assert (page.month, page.week.spent, page.draws) == (None, None, False)
    assert told(page) == []
    assert page.status.steps == []
    assert "week.js" not in html
    assert "/act/" not in html


def test_each_part_is_shown_to_who_may_see_its_rows(admin_page: Client) -> None:
    campaign = CampaignFactory.create(daily_budget=Decimal(5))
    spend(campaign, "5", NOON)
    with time_machine.travel(NOON + timedelta(minutes=1), tick=False):
        posted(admin_page, f"{CAMPAIGNS}{campaign.pk}/change/", campaign_form(campaign, daily_budget="4"))

    page = page_of(a_viewer("campaign", "dailyspend", "spendlog", "statuschange"), campaign)

    assert page.month is not None
    assert page.week.spent is not None
    assert [by for by, _ in told(page)] == ["alice", "the system"]


def test_the_page_of_a_new_campaign_and_one_that_is_refused_open(admin_page: Client) -> None:
    campaign = CampaignFactory.create()

    assert admin_page.get(f"{CAMPAIGNS}add/").status_code == 200
    refused = admin_page.post(f"{CAMPAIGNS}{campaign.pk}/change/", campaign_form(campaign, daily_budget="-1"))

    assert refused.status_code == 200
    assert refused.context["page"].status.label == "Active"


def test_the_page_takes_as_many_queries_for_much_history_as_for_little(admin_page: Client) -> None:
    def busy(days: int) -> Campaign:
        campaign = CampaignFactory.create(monthly_budget=Decimal(10_000))
        url = f"{CAMPAIGNS}{campaign.pk}/change/"
        totals = [DayTotal(campaign.pk, date(2026, 11, 21) - timedelta(days=ago), Decimal(9)) for ago in range(days)]
        set_daily_totals(totals, at=NOON)
        for step in range(days):
            with time_machine.travel(NOON - timedelta(days=days - step), tick=False):
                data = campaign_form(campaign, daily_budget=str(20 + step))
                posted(admin_page, url, data)
                pause([campaign.pk], at=NOON - timedelta(days=days - step), actor="user:bob")
                resume([campaign.pk], at=NOON - timedelta(days=days - step), actor="user:bob")
        brand = campaign.brand
        posted(admin_page, f"{BRANDS}{brand.pk}/change/", brand_form(brand, daily_budget="1000"))
        for day in (1, 2):
            ScheduleFactory.create(campaign=campaign, day_of_week=6, start_time=time(day), end_time="17:00")
        reconcile(at=NOON)
        return campaign

    def queries(campaign: Campaign) -> int:
        url = f"{CAMPAIGNS}{campaign.pk}/change/"
        admin_page.get(url)
        with CaptureQueriesContext(connection) as captured:
            assert admin_page.get(url).status_code == 200
        return len(captured)

    assert queries(busy(2)) == queries(busy(8))

"""The first page: its figures, what needs attention and why, and what it costs to show."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from campaigns import desk
from campaigns.enforcement import reconcile
from campaigns.ledger import DayTotal, SpendEntry, record_spend, set_daily_totals
from campaigns.models import Brand, Campaign
from campaigns.tests.factories import BrandFactory, CampaignFactory, utc

pytestmark = pytest.mark.django_db

NOON = utc("2026-11-21 12:00")
PAGE = "/admin/"


@pytest.fixture(autouse=True)
def noon() -> Any:
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def page(admin_client: Client) -> Client:
    return admin_client


def spend(campaign: Campaign, amount: str, days_ago: int = 0) -> None:
    timestamp = NOON - timedelta(days=days_ago)
    assert not record_spend([SpendEntry(campaign.pk, Decimal(amount), timestamp)], at=NOON).rejected


def kinds() -> dict[str, list[str]]:
    """What needs attention: the sentences, by kind."""
    found = desk.concerns(Campaign.objects.all(), list(Brand.objects.all()), at=NOON)
    return {kind.kind: [concern.sentence for concern in kind.shown] for kind in found}


def figures(on: date | None = None) -> list[desk.Figures]:
    return desk.figures(list(Brand.objects.all()), at=NOON, on=on)


def test_the_strip_is_what_the_ledger_says_in_each_currency_and_zone() -> None:
    amounts = ["10.25", "0.000001", "7", "12"]
    for number, (zone, currency) in enumerate(
        [("Europe/Berlin", "EUR"), ("Pacific/Apia", "EUR"), ("America/New_York", "USD"), ("Asia/Tokyo", "JPY")]
    ):
        campaign = CampaignFactory.create(brand=BrandFactory.create(timezone=zone, currency=currency))
        for days_ago in (0, 1, 8, 21, 40):
            spend(campaign, amounts[number], days_ago)
    with connection.cursor() as cursor:
        cursor.execute("""
            SELECT brand.currency,
                   SUM(CASE WHEN entry.timestamp >= brand.daily_since THEN entry.amount ELSE 0 END),
                   SUM(CASE WHEN entry.timestamp >= brand.monthly_since THEN entry.amount ELSE 0 END)
            FROM campaigns_spendlog entry
            JOIN campaigns_campaign campaign ON campaign.id = entry.campaign_id
            JOIN campaigns_brand brand ON brand.id = campaign.brand_id
            GROUP BY brand.currency ORDER BY brand.currency
        """)
        by_hand = [(currency, Decimal(today), Decimal(month)) for currency, today, month in cursor.fetchall()]

    shown = [(line.currency, line.spent_today * 10**6, line.spent_this_month * 10**6) for line in figures()]

    assert shown == by_hand
    assert len(shown) == 3


def test_a_past_day_is_as_it_ended() -> None:
    campaign = CampaignFactory.create()
    for days_ago in range(30):
        spend(campaign, "10", days_ago)
    (line,) = figures(on=date(2026, 11, 4))
    assert (line.spent_today, line.spent_this_month) == (Decimal(10), Decimal(40))


def test_what_is_at_risk_is_what_brands_are_off_their_plans() -> None:
    # Of 30 days 20.5 are over: 2050 of 3000 are due.
    for spent in ("2700", "1000", "2060"):
        spend(CampaignFactory.create(brand=BrandFactory.create(monthly_budget=Decimal(3000))), spent, 1)
    (line,) = figures()
    assert (line.ahead, line.brands_ahead) == (Decimal(650), 1)
    assert (line.behind, line.brands_behind) == (Decimal(1050), 1)
    assert line.at_risk == 1700


def test_spend_beyond_a_budget_is_told_with_its_figures() -> None:
    campaign = CampaignFactory.create(daily_budget=Decimal(120))
    spend(campaign, "121.40")
    assert kinds()["overspent"] == ["Spent USD 121.40 of USD 120.00 today."]
    assert "Daily budget reached. Back on Sun 22 Nov at 00:00 UTC at the earliest." in kinds()["paused"]


def test_a_budget_that_will_be_reached_early_is_told_with_the_day() -> None:
    campaign = CampaignFactory.create(monthly_budget=Decimal(2500))
    totals = [DayTotal(campaign.pk, NOON.date() - timedelta(days=n), Decimal(100)) for n in range(1, 50)]
    set_daily_totals(totals, at=NOON)
    spend(campaign, "350")
    assert kinds()["ahead"] == ["USD 2,500.00 will be spent by Mon 23 Nov, 7 days early."]


def test_what_falls_behind_is_told_with_what_would_land_it() -> None:
    campaign = CampaignFactory.create(monthly_budget=Decimal(3000))
    for days_ago in range(21):
        spend(campaign, "10", days_ago)
    assert kinds() == {
        "behind": ["Spent USD 210.00 of the USD 2,050.00 due by now. USD 280.00 a day would land on USD 3,000.00."]
    }


def test_a_running_campaign_without_spend_today_is_told_after_some_hours() -> None:
    campaign = CampaignFactory.create()
    spend(campaign, "10", 1)
    reconcile(at=NOON)
    assert kinds()["silent"] == [
        "Nothing seen for 12 hours, after USD 10.00 this month. Is the feed of its platform in order?"
    ]


def test_what_ends_within_days_is_told() -> None:
    CampaignFactory.create(end_date=date(2026, 11, 24), total_budget=Decimal(1000))
    CampaignFactory.create(end_date=date(2026, 11, 25))
    assert kinds() == {"ending": ["Its last day is Tue 24 Nov. USD 0.00 of USD 1,000.00 spent."]}


def test_what_does_what_was_agreed_needs_no_attention(page: Client) -> None:
    CampaignFactory.create()
    shown = page.get(PAGE)
    assert kinds() == {}
    assert "Nothing: every campaign does what was agreed." in shown.text


def test_an_agency_without_brands_is_told_what_to_do(page: Client) -> None:
    assert "Add the first brand" in page.get(PAGE).text


def test_the_address_names_a_brand_and_a_day(page: Client) -> None:
    one, other = CampaignFactory.create(), CampaignFactory.create()
    for campaign in (one, other):
        spend(campaign, "10", 3)
    shown = page.get(PAGE, {"brand": str(one.brand_id), "day": "2026-11-18"})
    assert [line["brand"] for line in shown.context["lines"]] == [one.brand]
    assert "As spend stood at the end of Wednesday, 18 November 2026" in shown.text
    assert ("Wed 18 Nov", "USD 10.00", "") in shown.context["strip"][0].rows


@pytest.mark.parametrize(
    "query", [{"brand": "x"}, {"brand": "999"}, {"day": "soon"}, {"day": "2099-01-01"}, {"page": "x"}]
)
def test_an_address_that_makes_no_sense_shows_all_brands_now(page: Client, query: dict[str, str]) -> None:
    CampaignFactory.create()
    shown = page.get(PAGE, query)
    assert shown.status_code == 200
    assert shown.context["on"] is None


def test_who_may_see_no_campaigns_sees_none_of_this(client: Client) -> None:
    campaign = CampaignFactory.create(brand=BrandFactory.create(name="Secret brand"))
    spend(campaign, "10")
    client.force_login(User.objects.create_user("staff", is_staff=True))
    assert "Secret brand" not in client.get(PAGE).text


def test_who_may_only_look_is_offered_no_change(client: Client) -> None:
    spend(CampaignFactory.create(daily_budget=Decimal(5)), "10")
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.set(Permission.objects.filter(codename__in=["view_brand", "view_campaign"]))
    client.force_login(viewer)
    shown = client.get(PAGE).text
    assert "Raise the budget" not in shown
    assert "What changed today" not in shown


def test_the_page_takes_as_many_queries_for_a_large_agency_as_for_a_small_one(page: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert page.get(PAGE).status_code == 200
        return len(captured)

    def found(brands: int) -> None:
        for brand in BrandFactory.create_batch(brands, monthly_budget=Decimal(1000)):
            for budget in (5, 5000):
                spend(CampaignFactory.create(brand=brand, daily_budget=budget, monthly_budget=Decimal(9000)), "10")

    found(2)
    few = queries()
    found(30)
    assert queries() == few

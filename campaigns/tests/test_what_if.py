"""What if, of a campaign and a brand: tried in the address bar, played on the last full month, saved by nobody."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.html import escape

from campaigns.ledger import SpendEntry, record_spend
from campaigns.models import Brand, Campaign
from campaigns.tests.factories import BrandFactory, CampaignFactory, ScheduleFactory, utc

pytestmark = pytest.mark.django_db

NOON = utc("2026-11-21 12:00")


@pytest.fixture(autouse=True)
def noon() -> Any:
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def campaign() -> Campaign:
    campaign = CampaignFactory.create(name="Search", daily_budget=Decimal(500))
    for day in ("05", "06"):
        for hour in ("08", "12", "18"):
            at = utc(f"2026-10-{day} {hour}:00")
            record_spend([SpendEntry(campaign.pk, Decimal(40), at)], at=at)
    record_spend([SpendEntry(campaign.pk, Decimal(40), NOON)], at=NOON)
    return campaign


def page_of(edited: Brand | Campaign) -> str:
    return f"/admin/campaigns/{type(edited).__name__.lower()}/{edited.pk}/what-if/"


def everything() -> dict[str, list[dict[str, Any]]]:
    """Every row that this app keeps: spend, counters, status and its history, edits and the versions of rows."""
    models = apps.get_app_config("campaigns").get_models()
    return {model.__name__: list(model._base_manager.order_by("pk").values()) for model in models}


def answered(client: Client, edited: Brand | Campaign, tried: dict[str, str]) -> Any:
    """The page with its answer, as whoever has opened it asks for it."""
    opened = client.get(page_of(edited), tried)
    assert "answer" not in opened.context
    return client.get(page_of(edited) + opened.context["play_url"])


def text(response: Any) -> str:
    return " ".join(response.content.decode().split())


def test_the_page_shows_the_limits_as_they_are_and_plays_nothing_by_itself(
    admin_page: Client, campaign: Campaign
) -> None:
    ScheduleFactory.create(campaign=campaign)
    response = admin_page.get(page_of(campaign))

    assert response.context["form"].initial == {
        "daily_budget": "500",
        "monthly_budget": "",
        "total_budget": "",
        "windows": "Mon 09:00-17:00",
    }
    assert "answer" not in response.context
    assert "Play October 2026" in text(response)


def test_a_smaller_budget_in_the_address_bar_is_answered_by_day(admin_page: Client, campaign: Campaign) -> None:
    response = answered(admin_page, campaign, {"daily_budget": "80"})

    answer = response.context["answer"]
    assert answer.headline == "It would have been paused on 2 days of October 2026, for 24.0 hours in all."
    assert [value for _, value in answer.figures] == ["USD 240.00", "USD 160.00", "-USD 80.00", "2", "24.0"]
    (day,) = [line for line in answer.days if line.day == date(2026, 10, 5)]
    assert (day.spent, day.would) == ("120.00", "80.00")
    assert day.paused == "12:00 to 24:00 (12.0 h): Daily budget reached"
    assert "USD 240.00 as it was, USD 160.00 as it would have been." in text(response)


def test_the_page_opens_before_it_plays_and_says_that_it_works(admin_page: Client, campaign: Campaign) -> None:
    response = admin_page.get(page_of(campaign), {"daily_budget": "80", "windows": "Mon 08:00-09:00"})

    assert "October 2026 is played again." in text(response)
    assert response.context["form"]["daily_budget"].value() == "80"
    play_url = "?daily_budget=80&amp;windows=Mon+08%3A00-09%3A00&amp;play=1"
    assert f'data-what-if-answer="{play_url}" aria-busy="true"' in text(response)
    # Where there is no script, the browser goes there by itself.
    assert f'<noscript><meta http-equiv="refresh" content="0; url={play_url}"></noscript>' in text(response)


def test_nothing_is_saved_by_trying(admin_page: Client, campaign: Campaign) -> None:
    before = everything()

    response = answered(admin_page, campaign, {"daily_budget": "80", "windows": "Mon 08:00-09:00"})

    assert response.context["answer"].figures[1] != response.context["answer"].figures[0]
    assert everything() == before


def test_other_hours_are_answered_by_how_long_it_would_have_been_outside_them(
    admin_page: Client, campaign: Campaign
) -> None:
    tried = {"daily_budget": "80", "windows": "Mon-Tue 06:00-20:00"}

    answer = answered(admin_page, campaign, tried).context["answer"]

    # 31 days, 8 of which are open for 14 hours.
    assert answer.headline == (
        "It would have been paused on 2 days of October 2026, for 16.0 hours in all. "
        "It would have been outside its hours for 632.0 hours."
    )
    assert answer.figures[-1] == ("Hours closed", "632.0")
    days = {line.day.day: line.paused for line in answer.days}
    assert days[5] == "12:00 to 20:00 (8.0 h): Daily budget reached; 10.0 h outside its hours"
    assert days[7] == "24.0 h outside its hours"


def test_the_month_s_end_is_projected_as_it_stands_and_with_what_is_tried(
    admin_page: Client, campaign: Campaign
) -> None:
    answer = answered(admin_page, campaign, {"monthly_budget": "60"}).context["answer"]

    stands, tried = answer.projection
    assert stands.startswith("As it stands: Projected for the month's end: USD ")
    assert tried.startswith("With what is tried: Projected for the month's end: USD 60.00")


def test_apply_opens_the_form_with_what_was_tried_and_saves_nothing_yet(admin_page: Client, campaign: Campaign) -> None:
    ScheduleFactory.create(campaign=campaign)
    tried = {"daily_budget": "80", "total_budget": "", "windows": "Tue 08:00-18:00"}
    url = admin_page.get(page_of(campaign), tried).context["apply_url"]
    assert url == f"/admin/campaigns/campaign/{campaign.pk}/change/?daily_budget=80&windows=Tue+08%3A00-18%3A00"

    response = admin_page.get(url)

    assert "not saved yet" in text(response)
    form = response.context["adminform"].form
    assert (form["daily_budget"].value(), form["name"].value()) == ("80", "Search")
    (windows,) = response.context["inline_admin_formsets"]
    kept, new = windows.formset.forms
    assert kept["DELETE"].value() is True
    assert [new[name].value() for name in ("day_of_week", "is_active")] == [2, True]
    campaign.refresh_from_db()
    assert campaign.daily_budget == 500


def test_what_is_not_as_it_must_be_is_marked_at_its_field(admin_page: Client, campaign: Campaign) -> None:
    response = admin_page.get(page_of(campaign), {"daily_budget": "0", "windows": "Mon 8-18"})

    assert list(response.context["form"].errors) == ["daily_budget", "windows"]
    assert "answer" not in response.context


@pytest.mark.parametrize(
    ("tried", "message"),
    [
        ({"daily_budget": "-5"}, "A budget must be more than zero."),
        ({"daily_budget": "9000000001"}, "is out of range: at most 9,000,000,000"),
        ({"daily_budget": "1e3"}, "is not an amount: write digits with a point"),
        ({"daily_budget": "\N{ARABIC-INDIC DIGIT THREE}"}, "is not an amount"),
        ({"monthly_budget": "0.0000001"}, "has more than 6 decimals"),
        ({"windows": "Mon 09:00-09:00"}, "is empty: from and until are the same"),
        ({"windows": "Foo 09:00-10:00"}, "is no day of the week"),
    ],
)
def test_what_is_odd_is_refused_in_words(
    admin_page: Client, campaign: Campaign, tried: dict[str, str], message: str
) -> None:
    response = admin_page.get(page_of(campaign), {**tried, "play": "1"})

    ((error,),) = response.context["form"].errors.values()
    assert message in error
    assert "answer" not in response.context


@pytest.mark.parametrize(("currency", "spent"), [("JPY", "JPY 120"), ("KWD", "KWD 120.375")])
def test_amounts_are_those_of_the_brand_s_currency_and_long_names_stay_names(
    admin_page: Client, currency: str, spent: str
) -> None:
    name = "<b>" + "y" * 197
    campaign = CampaignFactory.create(name=name, brand=BrandFactory.create(currency=currency, timezone="Asia/Tokyo"))
    amount = Decimal("40.125") if currency == "KWD" else Decimal(40)
    at = utc("2026-10-05 03:00")
    record_spend([SpendEntry(campaign.pk, amount, at)] * 3, at=at)

    response = answered(admin_page, campaign, {"daily_budget": "200", "windows": "Mon 08:00-13:00, Mon 12:00-14:00"})

    assert [value for _, value in response.context["answer"].figures[:2]] == [spent, spent]
    assert name not in text(response)
    assert escape(name) in text(response)


def test_the_last_full_month_with_spend_is_played_however_long_ago(admin_page: Client) -> None:
    campaign = CampaignFactory.create()
    at = utc("2026-08-05 12:00")
    record_spend([SpendEntry(campaign.pk, Decimal(40), at)], at=at)

    response = answered(admin_page, campaign, {"monthly_budget": "10"})

    answer = response.context["answer"]
    assert answer.headline == "It would have been paused on 27 days of August 2026, for 636.0 hours in all."
    assert answer.figures[0] == ("Spent", "USD 40.00")


def test_a_brand_s_budget_holds_its_campaigns(admin_page: Client, campaign: Campaign) -> None:
    response = answered(admin_page, campaign.brand, {"daily_budget": "100"})

    answer = response.context["answer"]
    assert answer.headline == "1 of 1 campaigns would have been paused by a budget in October 2026."
    (line,) = answer.campaigns
    assert (line.name, line.spent, line.would, line.days) == ("Search", "240.00", "240.00", 2)
    assert [day.paused for day in answer.days if day.paused] == ["1 campaign, 6.0 h in all"] * 2
    assert response.context["apply_url"].endswith("/change/?daily_budget=100")
    filled = admin_page.get(response.context["apply_url"])
    assert filled.context["adminform"].form["daily_budget"].value() == "100"


def test_without_a_full_month_of_spend_the_page_says_what_to_do(admin_page: Client) -> None:
    response = admin_page.get(page_of(CampaignFactory.create()))

    assert "There is no full month with spend to play yet." in text(response)


def test_the_page_is_linked_from_its_campaign_and_its_brand(admin_page: Client, campaign: Campaign) -> None:
    for edited in (campaign, campaign.brand):
        assert page_of(edited) in text(admin_page.get(page_of(edited).replace("what-if", "change")))


def test_the_page_is_offered_to_nobody_who_may_not_open_it(client: Client, campaign: Campaign) -> None:
    viewer = User.objects.create_user("vera", is_staff=True)
    viewer.user_permissions.set(Permission.objects.filter(codename__in=["view_brand", "view_campaign"]))
    client.force_login(viewer)

    def offered() -> list[bool]:
        shown = [(page_of(edited), client.get(page_of(edited).replace("what-if", "change"))) for edited in both]
        assert [response.status_code for _, response in shown] == [200, 200]
        return [address in text(response) for address, response in shown]

    both: tuple[Brand, Campaign] = (campaign.brand, campaign)
    assert offered() == [False, False]
    assert [client.get(page_of(edited)).status_code for edited in both] == [403, 403]
    viewer.user_permissions.add(Permission.objects.get(codename="view_dailyspend"))
    assert offered() == [True, True]
    assert [client.get(page_of(edited)).status_code for edited in both] == [200, 200]


def test_who_may_only_view_is_not_offered_to_apply_and_who_may_not_see_spend_sees_nothing(
    client: Client, campaign: Campaign
) -> None:
    viewer = User.objects.create_user("vera", is_staff=True)
    client.force_login(viewer)
    assert client.get(page_of(campaign)).status_code == 403
    viewer.user_permissions.add(Permission.objects.get(codename="view_campaign"))
    assert client.get(page_of(campaign)).status_code == 403
    viewer.user_permissions.add(Permission.objects.get(codename="view_dailyspend"))

    response = answered(client, campaign, {"daily_budget": "80"})

    assert response.context["answer"].days
    assert "apply_url" not in response.context


def test_the_page_takes_as_many_queries_for_many_campaigns_as_for_few(admin_page: Client, campaign: Campaign) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert answered(admin_page, campaign.brand, {"daily_budget": "100"}).context["answer"]
        return len(captured)

    queries()
    few = queries()
    for other in CampaignFactory.create_batch(4, brand=campaign.brand):
        at = utc("2026-10-07 12:00")
        record_spend([SpendEntry(other.pk, Decimal(40), at)], at=at)

    assert queries() == few

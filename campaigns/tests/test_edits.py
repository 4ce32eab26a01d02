"""The history of people's edits: who set what, from what to what, and nothing that the system itself writes."""

from __future__ import annotations

from datetime import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.test import Client

from campaigns.demo import seed_brand
from campaigns.enforcement import pause, reconcile
from campaigns.ledger import SpendEntry, record_spend
from campaigns.models import Brand, Campaign, DaypartingSchedule
from campaigns.tests.factories import BrandFactory, CampaignFactory, ScheduleFactory
from campaigns.tests.test_admin import BRANDS, CAMPAIGNS, NOON, brand_form, campaign_form, posted
from campaigns.tests.test_admin_import import act, upload

pytestmark = pytest.mark.django_db

MONDAY = {"day_of_week": 1, "start_time": "09:00", "end_time": "17:00", "is_active": "on"}


@pytest.fixture(autouse=True)
def noon() -> Any:
    with time_machine.travel(NOON, tick=False):
        yield


def records(model: Any) -> list[tuple[str, str]]:
    """Who did what, oldest first."""
    return list(model.history.order_by("history_id").values_list("history_type", "history_user_id"))


def test_a_campaign_s_edit_is_kept_with_who_did_it_and_with_what_stood_before(admin_page: Client) -> None:
    campaign = CampaignFactory.create(daily_budget=Decimal(10))

    posted(admin_page, f"{CAMPAIGNS}{campaign.pk}/change/", campaign_form(campaign, daily_budget="12.50"))

    before, after = Campaign.history.order_by("history_id")
    assert (before.history_user_id, before.daily_budget) == ("", Decimal(10))
    assert (after.history_user_id, after.history_type, after.daily_budget) == ("user:alice", "~", Decimal("12.50"))
    assert after.history_date == NOON


def test_a_second_edit_needs_no_second_word_about_what_stood_before(admin_page: Client) -> None:
    campaign = CampaignFactory.create()
    for budget in ("1", "2"):
        posted(admin_page, f"{CAMPAIGNS}{campaign.pk}/change/", campaign_form(campaign, daily_budget=budget))

    assert records(Campaign) == [("~", ""), ("~", "user:alice"), ("~", "user:alice")]


def test_what_a_program_changed_between_two_edits_is_not_told_as_the_person_s(admin_page: Client) -> None:
    campaign = CampaignFactory.create()
    posted(admin_page, f"{CAMPAIGNS}{campaign.pk}/change/", campaign_form(campaign, daily_budget="1"))
    Campaign.objects.update(daily_budget=Decimal(7))

    posted(admin_page, f"{CAMPAIGNS}{campaign.pk}/change/", campaign_form(campaign, daily_budget="2"))

    assert list(Campaign.history.order_by("history_id").values_list("history_user_id", "daily_budget")) == [
        ("", None),
        ("user:alice", Decimal(1)),
        ("", Decimal(7)),
        ("user:alice", Decimal(2)),
    ]


def test_windows_that_a_person_adds_changes_and_removes_are_kept(admin_page: Client) -> None:
    campaign = CampaignFactory.create()
    url = f"{CAMPAIGNS}{campaign.pk}/change/"
    posted(admin_page, url, campaign_form(campaign, MONDAY))
    window = DaypartingSchedule.objects.get()
    posted(admin_page, url, campaign_form(campaign, {**MONDAY, "id": window.pk, "end_time": "18:00"}))
    posted(admin_page, url, campaign_form(campaign, {**MONDAY, "id": window.pk, "end_time": "18:00", "DELETE": "on"}))

    assert records(DaypartingSchedule) == [("+", "user:alice"), ("~", "user:alice"), ("-", "user:alice")]
    assert records(Campaign) == []


def test_a_brand_is_made_and_edited_by_somebody(admin_page: Client) -> None:
    posted(admin_page, f"{BRANDS}add/", brand_form(Brand(name="Acme", currency="EUR", timezone="UTC")))
    brand = Brand.objects.get()
    posted(admin_page, f"{BRANDS}{brand.pk}/change/", brand_form(brand, daily_budget="5"))

    assert records(Brand) == [("+", "user:alice"), ("~", "user:alice")]


def test_saving_without_a_change_leaves_no_record(admin_page: Client) -> None:
    campaign = CampaignFactory.create()
    window = ScheduleFactory.create(campaign=campaign, start_time=time(9), end_time=time(17))

    posted(admin_page, f"{CAMPAIGNS}{campaign.pk}/change/", campaign_form(campaign, {**MONDAY, "id": window.pk}))
    posted(admin_page, f"{BRANDS}{campaign.brand_id}/change/", brand_form(campaign.brand))

    assert [records(model) for model in (Brand, Campaign, DaypartingSchedule)] == [[], [], []]


@pytest.mark.parametrize("model", ["campaign", "brand"])
def test_a_deletion_is_kept_with_who_did_it(admin_page: Client, model: str) -> None:
    campaign = CampaignFactory.create()
    ScheduleFactory.create(campaign=campaign)
    pk = campaign.pk if model == "campaign" else campaign.brand_id

    posted(admin_page, f"/admin/campaigns/{model}/{pk}/delete/", {"post": "yes"})

    assert not Campaign.objects.exists()
    assert records(Campaign) == records(DaypartingSchedule) == [("-", "user:alice")]
    assert records(Brand) == ([] if model == "campaign" else [("-", "user:alice")])


def test_deletions_from_a_list_are_kept(admin_page: Client) -> None:
    windows = [ScheduleFactory.create() for _ in range(2)]
    chosen = {"action": "delete_selected", "_selected_action": [each.pk for each in windows], "post": "yes"}

    admin_page.post("/admin/campaigns/daypartingschedule/", chosen)

    assert records(DaypartingSchedule) == [("-", "user:alice")] * 2


def test_what_the_system_writes_is_no_edit(admin_page: Client) -> None:
    campaign = CampaignFactory.create(brand=BrandFactory.create(), daily_budget=Decimal(5))
    record_spend([SpendEntry(campaign.pk, Decimal(5), NOON)], at=NOON)
    pause([campaign.pk], at=NOON, actor="user:alice")
    reconcile(at=NOON)
    seed_brand(0, 3, at=NOON)
    admin_page.post(CAMPAIGNS, {"action": "resume", "_selected_action": [campaign.pk]})

    assert [records(model) for model in (Brand, Campaign, DaypartingSchedule)] == [[], [], []]


def test_what_an_import_makes_is_no_edit_of_who_confirmed_it(admin_page: Client, settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path
    BrandFactory.create(name="Acme", currency="EUR")
    kept = upload(admin_page, create_missing="on")

    act(admin_page, kept, "confirm")

    assert Campaign.objects.get().total_spend == Decimal("12.5")
    assert [records(model) for model in (Brand, Campaign, DaypartingSchedule)] == [[], [], []]

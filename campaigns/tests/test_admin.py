"""The admin, as people use it: lists, edits that take effect at once, actions, and what nobody may touch."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Permission, User
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django_celery_results.models import TaskResult

from campaigns.enforcement import pause, reconcile
from campaigns.ledger import SpendEntry, record_spend
from campaigns.models import Brand, BrandQuerySet, Campaign, DaypartingSchedule, StatusChange
from campaigns.tests.factories import BrandFactory, CampaignFactory, ScheduleFactory, utc

pytestmark = pytest.mark.django_db

NOON = utc("2026-11-21 12:00")  # a Saturday
CAMPAIGNS = "/admin/campaigns/campaign/"
BRANDS = "/admin/campaigns/brand/"


@pytest.fixture(autouse=True)
def noon() -> Any:
    with time_machine.travel(NOON, tick=False):
        yield


def spend(campaign: Campaign, amount: str) -> None:
    record_spend([SpendEntry(campaign.pk, Decimal(amount), NOON)], at=NOON)


def state(campaign: Campaign) -> tuple[str, list[str]]:
    campaign.refresh_from_db()
    return campaign.status, campaign.hold_set.codes


def campaign_form(campaign: Campaign, *windows: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """What the browser sends when a person saves a campaign's page."""
    data: dict[str, Any] = {"name": campaign.name, "external_id": campaign.external_id}
    for name in ("daily_budget", "monthly_budget", "total_budget", "start_date", "end_date"):
        data[name] = getattr(campaign, name) or ""
    kept = sum("id" in window for window in windows)
    data |= {"schedules-TOTAL_FORMS": len(windows), "schedules-INITIAL_FORMS": kept}
    for number, window in enumerate(windows):
        data |= {f"schedules-{number}-{name}": value for name, value in window.items()}
        data[f"schedules-{number}-campaign"] = campaign.pk
    return data | fields


def brand_form(brand: Brand, **fields: Any) -> dict[str, Any]:
    data = {
        "name": brand.name,
        "description": "",
        "is_active": "on",
        "timezone": str(brand.timezone),
        "currency": brand.currency,
        "daily_budget": brand.daily_budget or "",
        "monthly_budget": brand.monthly_budget or "",
    } | fields
    return {name: value for name, value in data.items() if value is not None}


def posted(page: Client, url: str, data: dict[str, Any]) -> list[str]:
    """Save a page, which must succeed, and give the messages it shows."""
    response = page.post(url, data)
    assert response.status_code == 302, response.context["errors"]
    return [str(message) for message in get_messages(response.wsgi_request)]


def everything() -> None:
    """A row or two of all that can be listed."""
    for currency in ("EUR", "JPY"):
        brand = BrandFactory.create(currency=currency, daily_budget=Decimal(100), monthly_budget=Decimal(1))
        campaign = CampaignFactory.create(brand=brand, daily_budget=Decimal(5), total_budget=Decimal(50))
        ScheduleFactory.create(campaign=campaign)
        spend(campaign, "5")
    TaskResult.objects.create(task_id=f"t-{TaskResult.objects.count()}", status="SUCCESS")


LISTS = ["brand", "campaign", "daypartingschedule", "spendlog", "dailyspend", "statuschange"]


@pytest.mark.parametrize("model", LISTS)
def test_a_list_takes_as_many_queries_for_many_rows_as_for_few(admin_page: Client, model: str) -> None:
    url = reverse(f"admin:campaigns_{model}_changelist")

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert admin_page.get(url).status_code == 200
        return len(captured)

    everything()
    admin_page.get(url)
    for_few = queries()
    for _ in range(6):
        everything()
    assert queries() == for_few


@pytest.mark.parametrize("model", LISTS)
def test_every_list_can_be_searched_and_opened(admin_page: Client, model: str) -> None:
    everything()
    url = reverse(f"admin:campaigns_{model}_changelist")

    found = admin_page.get(url, {"q": "Campaign"})
    assert found.status_code == 200
    rows = admin_page.get(url).context["cl"].result_list
    assert len(rows) >= 2
    page = admin_page.get(reverse(f"admin:campaigns_{model}_change", args=[rows[0].pk]))
    assert page.status_code == 200


@pytest.mark.parametrize(
    "url",
    [
        "/admin/",
        "/admin/django_celery_beat/periodictask/",
        "/admin/django_celery_beat/periodictask/add/",
        "/admin/django_celery_beat/crontabschedule/",
        "/admin/django_celery_beat/intervalschedule/",
        "/admin/django_celery_results/taskresult/",
        "/admin/auth/user/",
        "/admin/auth/user/add/",
        "/admin/auth/group/",
        f"{CAMPAIGNS}add/",
        f"{BRANDS}add/",
    ],
)
def test_every_other_page_opens(admin_page: Client, url: str) -> None:
    everything()

    assert admin_page.get(url).status_code == 200


def test_the_list_of_campaigns_shows_status_holds_and_how_much_of_each_budget_is_gone(admin_page: Client) -> None:
    campaign = CampaignFactory.create(brand=BrandFactory.create(currency="EUR"), daily_budget=Decimal(120))
    spend(campaign, "121.40")

    page = admin_page.get(CAMPAIGNS).content.decode()

    for shown in ("Paused", "Daily budget reached", "EUR 121.40", "101%", "of EUR 120.00", "no limit"):
        assert shown in page


def test_a_counter_of_yesterday_is_shown_as_zero_before_its_reset_came(admin_page: Client) -> None:
    campaign = CampaignFactory.create(daily_budget=Decimal(10))
    spend(campaign, "10")

    with time_machine.travel("2026-11-22T00:00:01+00:00", tick=False):
        page = admin_page.get(CAMPAIGNS).content.decode()
        within = admin_page.get(CAMPAIGNS, {"over_budget": "yes"}).context["cl"].result_list

    assert "0%" in page
    assert list(within) == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"status__exact": "PAUSED"}, {"over", "by hand", "by brand"}),
        ({"hold": "MANUAL"}, {"by hand"}),
        ({"hold": "DAILY_BUDGET"}, {"over"}),
        ({"hold": "BRAND_DAILY_BUDGET"}, {"by brand"}),
        ({"hold": "NONSENSE"}, {"over", "by hand", "by brand", "runs"}),
        ({"over_budget": "yes"}, {"over", "by brand"}),
        ({"over_budget": "no"}, {"by hand", "runs"}),
        ({"q": "by"}, {"by hand", "by brand"}),
        ({"q": "x-77"}, {"runs"}),
    ],
)
def test_campaigns_are_found_by_status_hold_budget_and_name(
    admin_page: Client, query: dict[str, str], found: set[str]
) -> None:
    over = CampaignFactory.create(name="over", daily_budget=Decimal(5))
    by_hand = CampaignFactory.create(name="by hand")
    by_brand = CampaignFactory.create(name="by brand", brand=BrandFactory.create(daily_budget=Decimal(5)))
    CampaignFactory.create(name="runs", external_id="x-77")
    spend(over, "5")
    spend(by_brand, "5")
    pause([by_hand.pk], at=NOON, actor="user:alice")

    page = admin_page.get(CAMPAIGNS, query)

    assert {campaign.name for campaign in page.context["cl"].result_list} == found


def test_campaigns_are_found_by_brand(admin_page: Client) -> None:
    one, _other = CampaignFactory.create(), CampaignFactory.create()

    page = admin_page.get(CAMPAIGNS, {"brand__id__exact": one.brand_id})

    assert list(page.context["cl"].result_list) == [one]


def test_r13_a_budget_raised_in_the_admin_resumes_the_campaign_at_once_and_cut_it_pauses(admin_page: Client) -> None:
    campaign = CampaignFactory.create(daily_budget=Decimal(10))
    spend(campaign, "10")
    url = f"{CAMPAIGNS}{campaign.pk}/change/"

    messages = posted(admin_page, url, campaign_form(campaign, daily_budget="10.01"))
    assert state(campaign) == ("ACTIVE", [])
    assert "Running." in messages

    messages = posted(admin_page, url, campaign_form(campaign, daily_budget="9"))
    assert state(campaign) == ("PAUSED", ["DAILY_BUDGET"])
    assert any("today's budget of USD 9.00 is reached (USD 10.00)." in message for message in messages)
    assert set(StatusChange.objects.exclude(actor="").values_list("actor", flat=True)) == {"user:alice"}


def test_r13_a_brand_s_budget_and_switch_take_effect_on_all_its_campaigns_at_once(admin_page: Client) -> None:
    brand = BrandFactory.create()
    campaigns = CampaignFactory.create_batch(3, brand=brand)
    spend(campaigns[0], "10")
    url = f"{BRANDS}{brand.pk}/change/"

    posted(admin_page, url, brand_form(brand, daily_budget="10"))
    assert [state(each) for each in campaigns] == [("PAUSED", ["BRAND_DAILY_BUDGET"])] * 3
    posted(admin_page, url, brand_form(brand, daily_budget="11", is_active=None))
    assert [state(each) for each in campaigns] == [("PAUSED", ["BRAND_INACTIVE"])] * 3
    posted(admin_page, url, brand_form(brand))
    assert [state(each) for each in campaigns] == [("ACTIVE", [])] * 3


def test_r13_hours_drawn_on_a_campaign_s_page_hold_it_at_once_and_taken_away_release_it(admin_page: Client) -> None:
    campaign = CampaignFactory.create()
    url = f"{CAMPAIGNS}{campaign.pk}/change/"
    monday = {"day_of_week": 1, "start_time": "09:00", "end_time": "17:00", "is_active": "on"}

    posted(admin_page, url, campaign_form(campaign, monday))
    assert state(campaign) == ("PAUSED", ["DAYPARTING"])

    window = DaypartingSchedule.objects.get()
    posted(admin_page, url, campaign_form(campaign, {**monday, "id": window.pk, "DELETE": "on"}))
    assert state(campaign) == ("ACTIVE", [])


def test_r13_a_schedule_edited_or_deleted_on_its_own_page_takes_effect_at_once(admin_page: Client) -> None:
    campaign = CampaignFactory.create()
    window = {"day_of_week": 1, "start_time": "09:00", "end_time": "17:00", "is_active": "on"}

    posted(admin_page, "/admin/campaigns/daypartingschedule/add/", {"campaign": campaign.pk, **window})
    assert state(campaign) == ("PAUSED", ["DAYPARTING"])
    schedule = DaypartingSchedule.objects.get()
    posted(admin_page, f"/admin/campaigns/daypartingschedule/{schedule.pk}/change/", {**window, "day_of_week": 6})
    assert state(campaign) == ("ACTIVE", [])
    posted(admin_page, f"/admin/campaigns/daypartingschedule/{schedule.pk}/change/", {**window, "day_of_week": 2})
    assert state(campaign) == ("PAUSED", ["DAYPARTING"])
    posted(admin_page, f"/admin/campaigns/daypartingschedule/{schedule.pk}/delete/", {"post": "yes"})
    assert state(campaign) == ("ACTIVE", [])


def test_r13_schedules_deleted_from_their_list_release_their_campaigns_at_once(admin_page: Client) -> None:
    schedules = [ScheduleFactory.create() for _ in range(2)]
    reconcile(at=NOON)
    chosen = {"action": "delete_selected", "_selected_action": [each.pk for each in schedules], "post": "yes"}

    admin_page.post("/admin/campaigns/daypartingschedule/", chosen)

    assert not DaypartingSchedule.objects.exists()
    assert [state(each.campaign) for each in schedules] == [("ACTIVE", [])] * 2


def test_r20_a_window_that_is_empty_is_refused_with_the_reason(admin_page: Client) -> None:
    campaign = CampaignFactory.create()
    window = {"day_of_week": 1, "start_time": "09:00", "end_time": "09:00", "is_active": "on"}

    page = admin_page.post(f"{CAMPAIGNS}{campaign.pk}/change/", campaign_form(campaign, window))

    assert page.status_code == 200
    assert "The window is empty" in page.content.decode()
    assert not DaypartingSchedule.objects.exists()


def test_a_new_campaign_begins_as_a_draft_and_starts_at_once_when_its_day_has_come(admin_page: Client) -> None:
    brand = BrandFactory.create()
    new = Campaign(brand=brand, name="Spring")

    posted(admin_page, f"{CAMPAIGNS}add/", campaign_form(new, brand=brand.pk, start_date="2026-11-21"))
    posted(admin_page, f"{CAMPAIGNS}add/", campaign_form(new, brand=brand.pk, name="Later", start_date="2026-11-22"))

    assert dict(Campaign.objects.values_list("name", "status")) == {"Spring": "ACTIVE", "Later": "DRAFT"}


def test_a_new_brand_is_made_with_its_clock_and_currency(admin_page: Client) -> None:
    new = Brand(name="Acme", timezone="America/Santiago", currency="CLP")

    posted(admin_page, f"{BRANDS}add/", brand_form(new, daily_budget="1000"))

    brand = Brand.objects.get()
    assert (str(brand.timezone), brand.currency) == ("America/Santiago", "CLP")
    assert brand.daily_budget == 1000


def test_a_brand_s_form_offers_every_zone_and_currency_and_its_own_are_chosen(admin_page: Client) -> None:
    brand = BrandFactory.create(timezone="America/New_York", currency="JPY")

    page = admin_page.get(f"/admin/campaigns/brand/{brand.pk}/change/").content.decode()

    assert re.findall(r'<option value="([^"]*)" selected>', page)[:2] == ["America/New_York", "JPY"]
    assert '<option value="Asia/Kathmandu">Asia/Kathmandu</option>' in page
    assert '<option value="KWD">KWD: Kuwaiti Dinar</option>' in page


@pytest.mark.parametrize("change", [{"timezone": "Asia/Tokyo"}, {"currency": "EUR"}])
def test_r4_zone_and_currency_are_fixed_once_there_is_spend_and_free_before(
    admin_page: Client, change: dict[str, str]
) -> None:
    campaign = CampaignFactory.create()
    brand = Brand.objects.get()
    url = f"{BRANDS}{brand.pk}/change/"

    posted(admin_page, url, brand_form(brand, **change))
    posted(admin_page, url, brand_form(brand))
    spend(campaign, "1")
    page = admin_page.post(url, brand_form(brand, **change))

    assert "This brand has spend, so its" in page.content.decode()
    brand.refresh_from_db()
    assert (str(brand.timezone), brand.currency) == ("UTC", "USD")


def test_r4_a_brand_that_moves_before_its_first_spend_counts_on_its_new_clock(admin_page: Client) -> None:
    brand = BrandFactory.create(timezone="Asia/Tokyo", daily_budget=Decimal(10))
    brand.refresh_from_db()
    campaign = CampaignFactory.create(brand=brand, daily_budget=Decimal(10))
    reconcile(at=NOON)

    posted(admin_page, f"{BRANDS}{brand.pk}/change/", brand_form(brand, timezone="America/Los_Angeles"))
    spend_at = utc("2026-11-21T10:00Z")  # before Tokyo's midnight, after Los Angeles'
    record_spend([SpendEntry(campaign.pk, Decimal(10), spend_at)], at=NOON)

    assert state(campaign) == ("PAUSED", ["DAILY_BUDGET", "BRAND_DAILY_BUDGET"])


def test_a_brand_edited_on_its_own_clock_keeps_the_period_that_was_begun_by_hand(admin_page: Client) -> None:
    campaign = CampaignFactory.create(brand=BrandFactory.create(timezone="Europe/Berlin"))
    spend(campaign, "5")
    reconcile(at=NOON + timedelta(minutes=1), force=True)
    brand = Brand.objects.get()

    posted(admin_page, f"{BRANDS}{brand.pk}/change/", brand_form(brand, daily_budget="5"))

    assert Brand.objects.get().daily_spend == 0


@pytest.mark.parametrize("field", ["name", "external_id"])
def test_a_name_or_id_that_a_sibling_has_is_refused_with_the_reason(admin_page: Client, field: str) -> None:
    brand = BrandFactory.create()
    taken = CampaignFactory.create(brand=brand, name="Spring", external_id="x-1")
    campaign = CampaignFactory.create(brand=brand, name="Autumn", external_id="x-2")
    data = campaign_form(campaign, **{field: getattr(taken, field)})

    page = admin_page.post(f"{CAMPAIGNS}{campaign.pk}/change/", data)

    assert "This brand already has a campaign" in page.content.decode()
    campaign.refresh_from_db()
    assert (campaign.name, campaign.external_id) == ("Autumn", "x-2")


def test_a_window_that_its_campaign_has_already_is_refused_with_the_reason(admin_page: Client) -> None:
    campaign = CampaignFactory.create()
    ScheduleFactory.create(campaign=campaign, day_of_week=1)
    other = ScheduleFactory.create(campaign=campaign, day_of_week=2)
    window = {"day_of_week": 1, "start_time": "09:00", "end_time": "17:00", "is_active": "on"}

    own_page = admin_page.post(f"/admin/campaigns/daypartingschedule/{other.pk}/change/", window)
    inline = admin_page.post(f"{CAMPAIGNS}{campaign.pk}/change/", campaign_form(campaign, window))

    assert "This campaign already has this window." in own_page.content.decode()
    assert inline.status_code == 200
    assert DaypartingSchedule.objects.count() == 2


def test_a_page_that_only_shows_takes_a_post_without_a_lock(admin_page: Client) -> None:
    campaign = CampaignFactory.create()

    assert admin_page.post(f"{CAMPAIGNS}{campaign.pk}/history/").status_code == 200


def test_an_edit_does_not_write_back_counters_that_moved_meanwhile(
    admin_page: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = CampaignFactory.create(daily_budget=Decimal(100))
    lock = BrandQuerySet.lock
    arrived: list[bool] = []

    def spend_arrives_first(self: BrandQuerySet, brand_ids: Any) -> list[Brand]:
        if not arrived:
            arrived.append(True)
            spend(campaign, "40")
        return lock(self, brand_ids)

    monkeypatch.setattr(BrandQuerySet, "lock", spend_arrives_first)
    posted(admin_page, f"{CAMPAIGNS}{campaign.pk}/change/", campaign_form(campaign, daily_budget="30"))

    assert state(campaign) == ("PAUSED", ["DAILY_BUDGET"])
    assert campaign.total_spend == 40


ACTIONS: list[tuple[str, dict[str, Any], tuple[str, list[str]]]] = [
    ("pause", {}, ("PAUSED", ["MANUAL"])),
    ("resume", {"status": "PAUSED", "holds": 1}, ("ACTIVE", [])),
    ("activate", {"status": "DRAFT"}, ("ACTIVE", [])),
    ("activate", {"status": "COMPLETED"}, ("ACTIVE", [])),
    ("complete", {}, ("COMPLETED", [])),
]


@pytest.mark.parametrize(("action", "fields", "after"), ACTIONS)
def test_an_action_does_what_it_says_to_all_chosen_and_names_who_did_it(
    admin_page: Client, action: str, fields: dict[str, Any], after: tuple[str, list[str]]
) -> None:
    chosen = CampaignFactory.create_batch(2, **fields)
    other = CampaignFactory.create(status="DRAFT")

    response = admin_page.post(CAMPAIGNS, {"action": action, "_selected_action": [each.pk for each in chosen]})

    assert str(next(iter(get_messages(response.wsgi_request)))).startswith("2 of 2 campaigns ")
    assert [state(each) for each in chosen] == [after] * 2
    assert state(other) == ("DRAFT", [])
    assert {change.actor for change in StatusChange.objects.all()} == {"user:alice"}


def test_an_action_that_could_not_be_done_to_all_says_why(admin_page: Client) -> None:
    campaign = CampaignFactory.create(status="DRAFT", start_date="2026-12-01")

    response = admin_page.post(CAMPAIGNS, {"action": "activate", "_selected_action": [campaign.pk]})

    assert [str(message) for message in get_messages(response.wsgi_request)] == [
        "0 of 1 campaigns activated.",
        "The others run already, start on a later day, or have an end date that has passed.",
    ]


@pytest.mark.parametrize(
    ("button", "after"), [("save_and_pause", ("PAUSED", ["MANUAL"])), ("save_and_resume", ("ACTIVE", []))]
)
def test_a_campaign_s_page_saves_and_pauses_or_resumes_in_one_go(
    admin_page: Client, button: str, after: tuple[str, list[str]]
) -> None:
    campaign = CampaignFactory.create(status="PAUSED", holds=1) if "resume" in button else CampaignFactory.create()

    posted(
        admin_page,
        f"{CAMPAIGNS}{campaign.pk}/change/",
        campaign_form(campaign, name="Renamed", **{f"campaigns_campaign_{button}": "1"}),
    )

    assert state(campaign) == after
    assert campaign.name == "Renamed"


def test_a_draft_whose_day_has_come_by_the_same_edit_is_paused_and_not_let_run(admin_page: Client) -> None:
    campaign = CampaignFactory.create(status="DRAFT")
    data = campaign_form(campaign, start_date="2026-11-21", campaigns_campaign_save_and_pause="1")

    messages = posted(admin_page, f"{CAMPAIGNS}{campaign.pk}/change/", data)

    assert state(campaign) == ("PAUSED", ["MANUAL"])
    assert "Paused: a person paused it; only a person resumes it." in messages


@pytest.mark.parametrize("model", ["spendlog", "dailyspend", "statuschange"])
def test_r6_the_ledger_and_the_history_can_only_be_read(admin_page: Client, model: str) -> None:
    everything()
    row = admin_page.get(reverse(f"admin:campaigns_{model}_changelist")).context["cl"].result_list[0]

    assert admin_page.post(reverse(f"admin:campaigns_{model}_add"), {}).status_code == 403
    assert (
        admin_page.post(reverse(f"admin:campaigns_{model}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
    )
    assert (
        admin_page.post(reverse(f"admin:campaigns_{model}_change", args=[row.pk]), {"amount": "1"}).status_code == 403
    )


def test_counters_and_status_cannot_be_typed_over(admin_page: Client) -> None:
    campaign = CampaignFactory.create()
    spend(campaign, "7")
    forged = {"status": "COMPLETED", "holds": "1", "daily_spend": "0", "total_spend": "0", "brand": "1"}

    posted(admin_page, f"{CAMPAIGNS}{campaign.pk}/change/", campaign_form(campaign, **forged))

    assert state(campaign) == ("ACTIVE", [])
    assert campaign.total_spend == 7


@pytest.mark.parametrize("model", ["campaign", "brand"])
def test_r6_what_has_spend_cannot_be_deleted_and_the_page_says_so(admin_page: Client, model: str) -> None:
    campaign = CampaignFactory.create()
    spend(campaign, "7")
    pk = campaign.pk if model == "campaign" else campaign.brand_id

    page = admin_page.post(f"/admin/campaigns/{model}/{pk}/delete/", {"post": "yes"})
    listed = admin_page.post(
        f"/admin/campaigns/{model}/", {"action": "delete_selected", "_selected_action": [pk], "post": "yes"}
    )

    assert [page.status_code, listed.status_code] == [200, 200]
    assert "has spend: it can only be ended or made inactive." in page.content.decode()
    assert Campaign.objects.exists()


@pytest.mark.parametrize("model", ["campaign", "brand"])
def test_r6_what_has_no_spend_can_be_deleted_with_its_history(admin_page: Client, model: str) -> None:
    campaign = CampaignFactory.create()
    pause([campaign.pk], at=NOON, actor="user:alice")
    pk = campaign.pk if model == "campaign" else campaign.brand_id

    posted(admin_page, f"/admin/campaigns/{model}/{pk}/delete/", {"post": "yes"})

    assert not Campaign.objects.exists()


def test_who_may_only_look_can_neither_edit_nor_act(client: Client) -> None:
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_campaign"))
    client.force_login(viewer)
    campaign = CampaignFactory.create()

    assert client.get(CAMPAIGNS).status_code == 200
    client.post(CAMPAIGNS, {"action": "pause", "_selected_action": [campaign.pk]})
    assert client.post(f"{CAMPAIGNS}{campaign.pk}/change/", campaign_form(campaign)).status_code == 403
    assert client.get(BRANDS).status_code == 403
    assert state(campaign) == ("ACTIVE", [])


def test_who_may_only_look_sees_budgets_in_the_currency_of_the_brand(client: Client) -> None:
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.add(*Permission.objects.filter(codename__in=["view_campaign", "view_brand"]))
    client.force_login(viewer)
    brand = BrandFactory.create(currency="JPY", monthly_budget=Decimal(90_000))
    campaign = CampaignFactory.create(brand=brand, daily_budget=Decimal(1_200))

    for address, budget in (
        (f"{CAMPAIGNS}{campaign.pk}/change/", "JPY 1,200"),
        (f"{BRANDS}{brand.pk}/change/", "JPY 90,000"),
    ):
        page = client.get(address).content.decode()
        assert f"of {budget}<" in page
        assert "000000" not in page


def test_nobody_gets_in_without_an_account(client: Client) -> None:
    assert client.get(CAMPAIGNS).headers["Location"].startswith("/admin/login/")


def log_in(username: str, password: str) -> Client:
    """Fill in the login form, and give the client, let in or not."""
    client = Client()
    client.post("/admin/login/?next=/admin/", {"username": username, "password": password})
    return client


def test_the_demo_account_opens_nothing_where_debug_is_off(settings: Any) -> None:
    User.objects.create_superuser("demo", password="known")
    settings.DEBUG = True
    inside = log_in("demo", "known")
    assert inside.get(CAMPAIGNS).status_code == 200

    settings.DEBUG = settings.SECURE_SSL_REDIRECT = False
    assert log_in("demo", "known").get(CAMPAIGNS).status_code == 302
    assert inside.get(CAMPAIGNS).status_code == 302
    other: Callable[..., Any] = User.objects.create_superuser
    other("alice", password="secret")
    assert log_in("alice", "secret").get(CAMPAIGNS).status_code == 200

"""Brands and campaigns over HTTP: lists in pages, reasons, histories, days, and a person's pause by a program."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.enforcement import pause, reconcile
from campaigns.ledger import SpendEntry, record_spend, set_daily_total
from campaigns.models import Campaign
from campaigns.tests.api import Caller, caller
from campaigns.tests.factories import BrandFactory, CampaignFactory, ScheduleFactory, utc

pytestmark = pytest.mark.django_db

NOON = utc("2026-11-21 12:00")  # a Saturday


@pytest.fixture(autouse=True)
def noon() -> Any:
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


@pytest.fixture
def program() -> Caller:
    return caller(name="Looker")


def spend(campaign: Campaign, amount: str) -> None:
    record_spend([SpendEntry(campaign.pk, Decimal(amount), NOON)], at=NOON)


def test_r2_a_brand_is_shown_with_amounts_in_its_own_decimals(program: Caller) -> None:
    brand = BrandFactory.create(name="Sakura", timezone="Asia/Tokyo", currency="JPY", daily_budget=Decimal(1000))
    spend(CampaignFactory.create(brand=brand), "250.5")

    assert program.get("/brands").body == {
        "items": [
            {
                "id": brand.pk,
                "name": "Sakura",
                "is_active": True,
                "timezone": "Asia/Tokyo",
                "currency": "JPY",
                "daily_budget": "1000",
                "daily_spend": "250.5",
                "monthly_budget": None,
                "monthly_spend": "250.5",
            }
        ],
        "next_cursor": None,
    }


def test_a_campaign_is_shown_with_its_holds_and_budgets(program: Caller) -> None:
    campaign = CampaignFactory.create(
        name="Spring", external_id="x-7", daily_budget=Decimal(5), total_budget=Decimal(50), end_date=date(2026, 12, 31)
    )
    spend(campaign, "5")
    pause([campaign.pk], at=NOON, actor="user:alice")

    assert program.get(f"/campaigns/{campaign.pk}").body == {
        "id": campaign.pk,
        "brand_id": campaign.brand_id,
        "brand": campaign.brand.name,
        "name": "Spring",
        "external_id": "x-7",
        "status": "PAUSED",
        "holds": ["MANUAL", "DAILY_BUDGET"],
        "currency": "USD",
        "daily_budget": "5.00",
        "daily_spend": "5.00",
        "monthly_budget": None,
        "monthly_spend": "5.00",
        "total_budget": "50.00",
        "total_spend": "5.00",
        "start_date": None,
        "end_date": "2026-12-31",
    }


def test_r14_yesterday_s_counter_is_shown_as_zero_before_its_reset_came(program: Caller, noon: Any) -> None:
    campaign = CampaignFactory.create()
    spend(campaign, "5")

    noon.shift(12 * 3600)
    shown = program.get(f"/campaigns/{campaign.pk}").body
    brand = program.get("/brands").body["items"][0]

    assert (shown["daily_spend"], shown["monthly_spend"], shown["total_spend"]) == ("0.00", "5.00", "5.00")
    assert (brand["daily_spend"], brand["monthly_spend"]) == ("0.00", "5.00")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["over", "by hand", "runs", "draft"]),
        ({"status": "PAUSED"}, ["over", "by hand"]),
        ({"hold": "MANUAL"}, ["by hand"]),
        ({"hold": "DAILY_BUDGET"}, ["over", "by hand"]),
        ({"hold": "MANUAL", "status": "ACTIVE"}, []),
        ({"status": "DRAFT"}, ["draft"]),
        ({"brand": "999999"}, []),
    ],
)
def test_campaigns_are_found_by_status_and_hold(program: Caller, query: dict[str, Any], found: list[str]) -> None:
    over = CampaignFactory.create(name="over", daily_budget=Decimal(5))
    by_hand = CampaignFactory.create(name="by hand", daily_budget=Decimal(5))
    CampaignFactory.create(name="runs")
    CampaignFactory.create(name="draft", status="DRAFT")
    for campaign in (over, by_hand):
        spend(campaign, "5")
    pause([by_hand.pk], at=NOON, actor="user:alice")

    assert [campaign["name"] for campaign in program.get("/campaigns", **query).body["items"]] == found


def test_campaigns_are_found_by_brand(program: Caller) -> None:
    one, _other = CampaignFactory.create(), CampaignFactory.create()

    assert [each["id"] for each in program.get("/campaigns", brand=one.brand_id).body["items"]] == [one.pk]


def pages(program: Caller, path: str, between: Any = None, **query: Any) -> list[int]:
    """The ids on all pages, one after the other; `between` is called after each page."""
    seen: list[int] = []
    cursor: dict[str, Any] = {}
    while True:
        body = program.get(path, limit=2, **cursor, **query).body
        assert 0 < len(body["items"]) <= 2
        seen += [item["id"] for item in body["items"]]
        if body["next_cursor"] is None:
            return seen
        cursor = {"cursor": body["next_cursor"]}
        if between is not None:
            between()


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 5])
def test_pages_give_every_row_once(program: Caller, rows: int) -> None:
    brand = BrandFactory.create()
    campaigns = CampaignFactory.create_batch(rows, brand=brand)

    assert pages(program, "/campaigns") == [campaign.pk for campaign in campaigns]


def test_pages_stay_right_while_rows_are_added_and_names_change(program: Caller) -> None:
    campaigns = CampaignFactory.create_batch(5, brand=BrandFactory.create())
    added: list[int] = []

    def disturb() -> None:
        added.append(CampaignFactory.create(name=f"A{len(added)}").pk)
        Campaign.objects.filter(pk=campaigns[0].pk).update(name=f"Z{len(added)}")

    seen = pages(program, "/campaigns", lambda: disturb() if len(added) < 2 else None)

    assert seen == [*(campaign.pk for campaign in campaigns), *added]


def test_a_history_s_pages_stay_right_while_it_grows(program: Caller) -> None:
    campaign = CampaignFactory.create()

    def change() -> None:
        reconcile(at=NOON)
        program.post(f"/campaigns/{campaign.pk}/pause")
        program.post(f"/campaigns/{campaign.pk}/resume")

    for _ in range(3):
        change()
    before = list(campaign.status_changes.values_list("pk", flat=True))

    assert len(before) == 6
    assert pages(program, f"/campaigns/{campaign.pk}/status-changes", change) == before


def test_r21_the_explanation_says_why_and_until_when(program: Caller) -> None:
    campaign = CampaignFactory.create(daily_budget=Decimal(5))
    spend(campaign, "5")

    answer = program.get(f"/campaigns/{campaign.pk}/explanation")

    assert answer.body == {
        "campaign_id": campaign.pk,
        "running": False,
        "status": "PAUSED",
        "recorded_status": "PAUSED",
        "holds": [{"code": "DAILY_BUDGET", "sentence": "Today's budget of USD 5.00 is reached (USD 5.00)."}],
        "next_change_at": "2026-11-22T00:00:00Z",
        "then": "ACTIVE",
        "sentence": "Paused: today's budget of USD 5.00 is reached (USD 5.00). Resumes tomorrow 00:00 UTC.",
    }


def test_r19_the_history_says_when_why_and_by_whom(program: Caller, noon: Any) -> None:
    campaign = CampaignFactory.create(daily_budget=Decimal(5))
    spend(campaign, "5")
    noon.shift(0.123456)
    program.post(f"/campaigns/{campaign.pk}/pause")

    by_token, by_spend = program.get(f"/campaigns/{campaign.pk}/status-changes").body["items"]

    assert (by_token["actor"], by_token["from_holds"], by_token["to_holds"]) == (
        "token:Looker",
        ["DAILY_BUDGET"],
        ["MANUAL", "DAILY_BUDGET"],
    )
    assert by_token["at"] == "2026-11-21T12:00:00.123456Z"
    assert (by_spend["from_status"], by_spend["to_status"]) == ("ACTIVE", "PAUSED")
    assert by_spend["facts"]["daily_spend"] == "5.00"


def test_the_days_of_a_campaign_are_those_of_the_range(program: Caller) -> None:
    campaign = CampaignFactory.create(daily_budget=Decimal(100))
    for day, total in (("2026-11-18", "1"), ("2026-11-19", "2.5"), ("2026-11-21", "3")):
        set_daily_total(campaign.pk, date.fromisoformat(day), Decimal(total), at=NOON)

    answer = program.get(f"/campaigns/{campaign.pk}/days", **{"from": "2026-11-19", "to": "2026-11-21"})

    assert answer.body["items"] == [
        {"day": "2026-11-19", "spend": "2.50", "daily_budget": None, "currency": "USD"},
        {"day": "2026-11-21", "spend": "3.00", "daily_budget": "100.00", "currency": "USD"},
    ]


@pytest.mark.parametrize(
    ("query", "blamed"),
    [
        ({"from": "2026-11-19", "to": "2026-11-18"}, "to"),
        ({"from": "2026-11-19"}, "to"),
        ({"to": "2026-11-19"}, "from"),
        ({"from": "19.11.2026", "to": "2026-11-19"}, "from"),
        ({"from": "2026-11-31", "to": "2026-12-19"}, "from"),
        ({"from": "0", "to": "2026-12-19"}, "from"),
    ],
)
def test_a_range_of_days_that_is_none_is_named(program: Caller, query: dict[str, str], blamed: str) -> None:
    answer = program.get(f"/campaigns/{CampaignFactory.create().pk}/days", **query)

    assert (answer.status, answer.fields) == (422, [blamed])


def test_r17_a_pause_by_a_program_is_a_person_s_and_stays_until_it_is_taken_back(program: Caller) -> None:
    campaign = CampaignFactory.create()

    paused = program.post(f"/campaigns/{campaign.pk}/pause")
    again = program.post(f"/campaigns/{campaign.pk}/pause")
    reconcile(at=NOON)

    assert (paused.status, paused.body["status"], paused.body["holds"]) == (200, "PAUSED", ["MANUAL"])
    assert again.body == paused.body == program.get(f"/campaigns/{campaign.pk}").body
    assert campaign.status_changes.count() == 1

    resumed = program.post(f"/campaigns/{campaign.pk}/resume")
    assert (resumed.status, resumed.body["status"]) == (200, "ACTIVE")
    assert program.post(f"/campaigns/{campaign.pk}/resume").body == resumed.body


def test_what_something_else_holds_stays_paused_and_the_answer_says_by_what(program: Caller) -> None:
    campaign = ScheduleFactory.create(day_of_week=1).campaign
    reconcile(at=NOON)
    program.post(f"/campaigns/{campaign.pk}/pause")

    answer = program.post(f"/campaigns/{campaign.pk}/resume")

    assert (answer.status, answer.body["status"], answer.body["holds"]) == (200, "PAUSED", ["DAYPARTING"])


@pytest.mark.parametrize("status", ["DRAFT", "COMPLETED"])
@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_a_campaign_that_neither_runs_nor_is_held_is_a_conflict(program: Caller, status: str, verb: str) -> None:
    campaign = CampaignFactory.create(status=status)

    answer = program.post(f"/campaigns/{campaign.pk}/{verb}")

    assert answer.status == 409
    assert status in answer.body["detail"]
    campaign.refresh_from_db()
    assert campaign.status == status


@pytest.mark.parametrize("path", ["/brands", "/campaigns"])
def test_a_list_takes_as_many_queries_for_many_rows_as_for_few(program: Caller, path: str) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert program.get(path).status == 200
        return len(captured)

    CampaignFactory.create()
    queries()
    for_few = queries()
    CampaignFactory.create_batch(8)
    assert queries() == for_few


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_a_pause_takes_no_fields_and_an_empty_object_is_none(program: Caller, verb: str) -> None:
    campaign = CampaignFactory.create()

    assert program.post(f"/campaigns/{campaign.pk}/{verb}", {"until": "tomorrow"}).status == 422
    assert program.post(f"/campaigns/{campaign.pk}/{verb}", {}).status == 200

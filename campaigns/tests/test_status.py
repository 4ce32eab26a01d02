"""Status and holds: who sets what, and the history that says why (R16 to R19)."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from datetime import date, time
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from campaigns import enforcement
from campaigns.enforcement import Changes, _packed, activate, complete, pause, reconcile, resume
from campaigns.holds import LABELS, Hold
from campaigns.ledger import SpendEntry, record_spend
from campaigns.models import Brand, Campaign, DaypartingSchedule, StatusChange
from campaigns.tests.factories import BrandFactory, CampaignFactory, ScheduleFactory, utc

pytestmark = pytest.mark.django_db

NOON = utc("2026-11-21 12:00")  # a Saturday


def state(campaign: Campaign) -> tuple[str, list[str]]:
    campaign.refresh_from_db()
    return campaign.status, campaign.hold_set.codes


@pytest.mark.parametrize(
    ("status", "holds"),
    [("PAUSED", 0), ("ACTIVE", 1), ("DRAFT", 4), ("COMPLETED", 128), ("PAUSED", 256), ("RUNNING", 0)],
)
def test_r16_the_database_itself_refuses_a_status_that_does_not_fit_its_holds(status: str, holds: int) -> None:
    campaign = CampaignFactory.create()

    with pytest.raises(IntegrityError), transaction.atomic():
        Campaign.objects.filter(pk=campaign.pk).update(status=status, holds=holds)


def test_r16_every_hold_has_one_bit_one_owner_and_words_for_people() -> None:
    assert list(LABELS) == list(Hold.ALL)
    assert [hold.value for hold in LABELS] == [1, 2, 4, 8, 16, 32, 64, 128]
    assert Hold.SPENDING | Hold.DAYPARTING | Hold.MANUAL == Hold.ALL
    assert not Hold.SPENDING & Hold.DAYPARTING
    assert not Hold.ENGINE & Hold.MANUAL
    assert (Hold.MANUAL | Hold.DAYPARTING).label == "Paused by a person, Outside its hours"


def test_r16_a_sweep_neither_sets_nor_clears_what_it_does_not_own() -> None:
    campaign = CampaignFactory.create(daily_budget=Decimal(10))
    ScheduleFactory.create(campaign=campaign, day_of_week=1)
    record_spend([SpendEntry(campaign.pk, Decimal(10), NOON)], at=NOON)

    reconcile(at=NOON, owned=Hold.MONTHLY_BUDGETS)
    assert state(campaign) == ("PAUSED", ["DAILY_BUDGET"])
    reconcile(at=NOON, owned=Hold.DAYPARTING)
    assert state(campaign) == ("PAUSED", ["DAILY_BUDGET", "DAYPARTING"])
    Campaign.objects.update(daily_budget=None)
    reconcile(at=NOON, owned=Hold.DAYPARTING)
    assert state(campaign) == ("PAUSED", ["DAILY_BUDGET", "DAYPARTING"])
    reconcile(at=NOON, owned=Hold.SPENDING)
    assert state(campaign) == ("PAUSED", ["DAYPARTING"])


def test_r17_only_a_person_lifts_a_person_s_pause() -> None:
    campaign = CampaignFactory.create()
    assert pause([campaign.pk], at=NOON, actor="user:alice") == Changes(checked=1, paused=1)

    for owned in (Hold.ENGINE, Hold.ALL, Hold.MANUAL, Hold.SPENDING):
        reconcile(at=utc("2026-12-01 12:00"), owned=owned)
    assert state(campaign) == ("PAUSED", ["MANUAL"])

    assert resume([campaign.pk], at=NOON, actor="user:alice") == Changes(checked=1, resumed=1)
    assert state(campaign) == ("ACTIVE", [])


def test_r17_a_resumed_campaign_stays_held_by_what_else_holds_it() -> None:
    campaign = CampaignFactory.create(daily_budget=Decimal(10))
    record_spend([SpendEntry(campaign.pk, Decimal(10), NOON)], at=NOON)
    pause([campaign.pk], at=NOON, actor="user:alice")
    assert state(campaign) == ("PAUSED", ["MANUAL", "DAILY_BUDGET"])

    assert resume([campaign.pk], at=NOON, actor="user:alice").resumed == 0
    assert state(campaign) == ("PAUSED", ["DAILY_BUDGET"])


def test_r17_drafts_and_completed_campaigns_can_be_neither_paused_nor_resumed() -> None:
    draft, done = CampaignFactory.create(status="DRAFT"), CampaignFactory.create(status="COMPLETED")

    pause([draft.pk, done.pk], at=NOON, actor="user:alice")
    resume([draft.pk, done.pk], at=NOON, actor="user:alice")

    assert (state(draft), state(done)) == (("DRAFT", []), ("COMPLETED", []))
    assert not StatusChange.objects.exists()


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"start_date": date(2026, 11, 21)}, "ACTIVE"),
        ({"start_date": date(2026, 11, 1)}, "ACTIVE"),
        ({"start_date": date(2026, 11, 22)}, "DRAFT"),
        ({"start_date": None}, "DRAFT"),
        ({"start_date": date(2026, 11, 1), "end_date": date(2026, 11, 21)}, "ACTIVE"),
        ({"start_date": date(2026, 11, 1), "end_date": date(2026, 11, 20)}, "COMPLETED"),
    ],
)
def test_r18_a_draft_starts_on_its_start_date_and_within_its_end_date(fields: dict[str, Any], status: str) -> None:
    campaign = CampaignFactory.create(status="DRAFT", **fields)

    reconcile(at=NOON)

    assert state(campaign) == (status, [])


def test_r18_dates_are_read_on_the_brand_s_clock() -> None:
    campaign = CampaignFactory.create(
        brand=BrandFactory.create(timezone="Asia/Tokyo"), status="DRAFT", start_date=date(2026, 11, 22)
    )

    reconcile(at=utc("2026-11-21T14:59:59Z"))
    assert state(campaign) == ("DRAFT", [])
    assert reconcile(at=utc("2026-11-21T15:00:00Z")).activated == 1
    assert state(campaign) == ("ACTIVE", [])


@pytest.mark.parametrize("obstacle", ["inactive brand", "brand budget", "own budget"])
def test_r18_a_draft_waits_while_its_brand_or_a_budget_holds_it(obstacle: str) -> None:
    brand = BrandFactory.create()
    campaign = CampaignFactory.create(brand=brand, status="DRAFT", start_date=date(2026, 11, 1))
    record_spend([SpendEntry(campaign.pk, Decimal(10), NOON)], at=NOON)
    match obstacle:
        case "inactive brand":
            Brand.objects.update(is_active=False)
        case "brand budget":
            Brand.objects.update(daily_budget=Decimal(10))
        case _:
            Campaign.objects.update(total_budget=Decimal(10))

    assert reconcile(at=NOON).activated == 0
    assert state(campaign) == ("DRAFT", [])

    Brand.objects.update(is_active=True, daily_budget=None)
    Campaign.objects.update(total_budget=None)
    assert reconcile(at=NOON).activated == 1


def test_r18_hours_do_not_keep_a_draft_from_starting_it_then_waits_for_them() -> None:
    campaign = CampaignFactory.create(status="DRAFT", start_date=date(2026, 11, 21))
    ScheduleFactory.create(campaign=campaign, day_of_week=1)

    assert reconcile(at=NOON).activated == 1
    assert state(campaign) == ("PAUSED", ["DAYPARTING"])


def test_r18_only_the_full_sweep_starts_and_completes_campaigns() -> None:
    draft = CampaignFactory.create(status="DRAFT", start_date=date(2026, 11, 1))
    over = CampaignFactory.create(end_date=date(2026, 11, 1))

    for owned in (Hold.SPENDING, Hold.DAYPARTING, Hold.DAILY_BUDGETS, Hold.MONTHLY_BUDGETS):
        reconcile(at=NOON, owned=owned)

    assert (state(draft), state(over)) == (("DRAFT", []), ("ACTIVE", []))


@pytest.mark.parametrize("holds", [Hold.NONE, Hold.MANUAL, Hold.TOTAL_BUDGET])
def test_r18_the_day_after_its_end_date_a_campaign_is_completed_whatever_holds_it(holds: Hold) -> None:
    campaign = CampaignFactory.create(
        brand=BrandFactory.create(timezone="Europe/Berlin"),
        status="PAUSED" if holds else "ACTIVE",
        holds=holds.value,
        end_date=date(2026, 11, 21),
    )

    assert reconcile(at=utc("2026-11-21T22:59:59Z")).completed == 0
    assert reconcile(at=utc("2026-11-21T23:00:00Z")).completed == 1
    assert state(campaign) == ("COMPLETED", [])


@pytest.mark.parametrize("lifted_by", ["reset", "check", "late refund"])
def test_r18_what_its_budget_held_on_its_last_day_is_completed_and_not_resumed_after_it(lifted_by: str) -> None:
    campaign = CampaignFactory.create(daily_budget=Decimal(10), end_date=date(2026, 11, 20))
    last_day, after = utc("2026-11-20 12:00"), utc("2026-11-21 00:01")
    record_spend([SpendEntry(campaign.pk, Decimal(10), last_day)], at=last_day)

    match lifted_by:
        case "reset":
            reconcile(at=after, owned=Hold.DAILY_BUDGETS)
        case "check":
            reconcile(at=after, owned=Hold.SPENDING)
        case _:
            record_spend([SpendEntry(campaign.pk, Decimal(-1), last_day)], at=after)

    assert state(campaign) == ("COMPLETED", [])
    assert "ACTIVE" not in StatusChange.objects.values_list("to_status", flat=True)


def test_r18_a_completed_campaign_is_reopened_by_a_person_only() -> None:
    campaign = CampaignFactory.create(status="COMPLETED", start_date=date(2026, 11, 1), end_date=date(2026, 11, 20))

    assert activate([campaign.pk], at=NOON, actor="user:alice").activated == 0  # it would end again at once
    Campaign.objects.update(end_date=date(2026, 12, 31))
    reconcile(at=NOON)
    assert state(campaign) == ("COMPLETED", [])
    assert activate([campaign.pk], at=NOON, actor="user:alice").activated == 1
    assert state(campaign) == ("ACTIVE", [])


def test_a_person_starts_a_draft_without_a_start_date_but_not_one_of_a_later_day() -> None:
    undated = CampaignFactory.create(status="DRAFT", daily_budget=Decimal(1))
    later = CampaignFactory.create(status="DRAFT", start_date=date(2026, 12, 1))
    record_spend([SpendEntry(undated.pk, Decimal(1), NOON)], at=NOON)

    assert activate([undated.pk, later.pk], at=NOON, actor="user:alice").activated == 1
    assert (state(undated), state(later)) == (("PAUSED", ["DAILY_BUDGET"]), ("DRAFT", []))


def test_a_person_completes_a_campaign_before_its_end() -> None:
    campaign = CampaignFactory.create(status="PAUSED", holds=Hold.MANUAL.value)

    assert complete([campaign.pk], at=NOON, actor="user:alice").completed == 1
    assert complete([campaign.pk], at=NOON, actor="user:alice").completed == 0
    assert state(campaign) == ("COMPLETED", [])


def test_r19_a_change_says_when_from_what_to_what_by_whom_and_on_which_facts() -> None:
    brand = BrandFactory.create(timezone="Europe/Berlin", currency="EUR", monthly_budget=Decimal(500))
    campaign = CampaignFactory.create(brand=brand, daily_budget=Decimal(120))
    at = utc("2026-11-21T13:05:00Z")

    record_spend([SpendEntry(campaign.pk, Decimal("121.40"), at)], at=at, actor="task:add_campaign_spend")

    change = StatusChange.objects.get()
    assert (change.at, change.actor) == (at, "task:add_campaign_spend")
    assert (change.from_status, change.from_holds) == ("ACTIVE", 0)
    assert (change.to_status, change.to_holds) == ("PAUSED", Hold.DAILY_BUDGET.value)
    assert change.decided_on() == {
        "local_time": "2026-11-21T14:05:00+01:00",
        "currency": "EUR",
        "daily_spend": "121.40",
        "daily_budget": "120.00",
        "monthly_spend": "121.40",
        "total_spend": "121.40",
        "brand_daily_spend": "121.40",
        "brand_monthly_spend": "121.40",
        "brand_monthly_budget": "500.00",
    }


def test_r19_a_change_of_holds_alone_is_written_too() -> None:
    campaign = CampaignFactory.create()
    pause([campaign.pk], at=NOON, actor="user:alice")
    Brand.objects.update(is_active=False)
    reconcile(at=NOON, actor="task:check_campaign_budgets")

    changes = StatusChange.objects.order_by("pk").values_list("from_holds", "to_holds", "actor")
    assert list(changes) == [(0, 1, "user:alice"), (1, 3, "task:check_campaign_budgets")]


def test_r19_a_change_and_its_history_are_there_together_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = CampaignFactory.create()
    Brand.objects.update(is_active=False)

    log = enforcement._log

    def broken(*arguments: Any) -> None:
        assert log(*arguments)
        raise ConnectionError

    monkeypatch.setattr(enforcement, "_log", broken)
    with pytest.raises(ConnectionError), transaction.atomic():
        reconcile(at=NOON)

    assert state(campaign) == ("ACTIVE", [])
    assert not StatusChange.objects.exists()


def test_a_naive_now_is_refused_by_every_verb() -> None:
    naive = utc("2026-11-21 12:00").replace(tzinfo=None)
    verbs: list[Callable[..., Any]] = [pause, resume, activate, complete]

    with pytest.raises(ValueError, match="no time zone"):
        reconcile(at=naive)
    for verb in verbs:
        with pytest.raises(ValueError, match="no time zone"):
            verb([], at=naive, actor="test")


def test_a_brand_of_many_campaigns_is_changed_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("campaigns.enforcement.CAMPAIGNS_PER_SLICE", 3)
    monkeypatch.setattr("campaigns.enforcement.CAMPAIGNS_PER_TRANSACTION", 4)
    for _ in range(4):
        CampaignFactory.create_batch(7, brand=BrandFactory.create())
    Brand.objects.update(is_active=False)

    changes = reconcile(at=NOON)

    assert (changes.checked, changes.paused) == (28, 28)
    assert StatusChange.objects.count() == 28
    assert Campaign.objects.filter(status="PAUSED", holds=Hold.BRAND_INACTIVE.value).count() == 28


def test_brands_are_changed_so_many_rows_at_a_time_and_each_brand_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("campaigns.enforcement.CAMPAIGNS_PER_TRANSACTION", 6)
    of_two, of_nine = array("q", range(2)), array("q", range(9))

    chunks = list(_packed({5: of_two, 3: of_nine, 1: of_two, 2: of_two, 4: of_two, 6: of_two}))

    assert chunks == [[1, 2], [3], [4, 5], [6]]


def test_windows_without_a_campaign_s_brand_in_that_zone_are_left_alone() -> None:
    saturday = CampaignFactory.create(brand=BrandFactory.create(timezone="Asia/Tokyo"))
    DaypartingSchedule.objects.create(campaign=saturday, day_of_week=6, start_time=time(20), end_time=time(22))

    reconcile(at=NOON)  # 21:00 on Saturday in Tokyo

    assert state(saturday) == ("ACTIVE", [])

"""Budgets: when they hold, and when they let go (R12, R13)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.enforcement import reconcile
from campaigns.holds import Hold
from campaigns.ledger import SpendEntry, record_spend, set_daily_total
from campaigns.models import Brand, Campaign, StatusChange
from campaigns.tests.factories import BrandFactory, CampaignFactory, utc

pytestmark = pytest.mark.django_db

NOON = utc("2026-11-21 12:00")


def spend(campaign: Campaign, amount: str) -> list[int]:
    receipt = record_spend([SpendEntry(campaign.pk, Decimal(amount), NOON)], at=NOON, actor="test")
    assert receipt.recorded == 1
    return receipt.paused


def state(campaign: Campaign) -> tuple[str, list[str]]:
    campaign.refresh_from_db()
    return campaign.status, campaign.hold_set.codes


@pytest.mark.parametrize(
    ("budget", "hold"),
    [("daily_budget", "DAILY_BUDGET"), ("monthly_budget", "MONTHLY_BUDGET"), ("total_budget", "TOTAL_BUDGET")],
)
def test_r12_r13_the_spend_that_reaches_a_budget_pauses_the_campaign(budget: str, hold: str) -> None:
    campaign = CampaignFactory.create(**{budget: Decimal("100")})

    assert spend(campaign, "99.999999") == []
    assert state(campaign) == ("ACTIVE", [])
    assert spend(campaign, "0.000001") == [campaign.pk]
    assert state(campaign) == ("PAUSED", [hold])


@pytest.mark.parametrize(
    ("budget", "hold"), [("daily_budget", "BRAND_DAILY_BUDGET"), ("monthly_budget", "BRAND_MONTHLY_BUDGET")]
)
def test_r12_r13_a_brand_s_reached_budget_holds_all_its_campaigns_at_once(budget: str, hold: str) -> None:
    brand = BrandFactory.create(**{budget: Decimal(100)})
    spending, idle, elsewhere = (
        CampaignFactory.create(brand=brand),
        CampaignFactory.create(brand=brand),
        CampaignFactory.create(),
    )

    assert spend(spending, "60") == []
    assert sorted(spend(idle, "40")) == [spending.pk, idle.pk]
    assert [state(each) for each in (spending, idle, elsewhere)] == [("PAUSED", [hold])] * 2 + [("ACTIVE", [])]


def test_r12_an_empty_budget_is_no_limit() -> None:
    campaign = CampaignFactory.create()

    spend(campaign, "9000000000")

    assert state(campaign) == ("ACTIVE", [])


def test_r12_each_budget_holds_for_itself() -> None:
    campaign = CampaignFactory.create(daily_budget=Decimal(10), monthly_budget=Decimal(10), total_budget=Decimal(20))

    spend(campaign, "10")
    assert state(campaign) == ("PAUSED", ["DAILY_BUDGET", "MONTHLY_BUDGET"])
    spend(campaign, "10")
    assert state(campaign) == ("PAUSED", ["DAILY_BUDGET", "MONTHLY_BUDGET", "TOTAL_BUDGET"])


def test_r13_a_refund_below_the_budget_lets_the_campaign_run_again() -> None:
    campaign = CampaignFactory.create(daily_budget=Decimal(10))
    spend(campaign, "10")

    set_daily_total(campaign.pk, NOON.date(), Decimal("9.99"), at=NOON)

    assert state(campaign) == ("ACTIVE", [])


def test_r13_a_budget_counts_from_the_moment_it_is_changed() -> None:
    campaign = CampaignFactory.create(daily_budget=Decimal(10))
    spend(campaign, "10")

    Campaign.objects.update(daily_budget=Decimal(11))
    raised = reconcile(at=NOON, brand_ids=[campaign.brand_id])
    assert (raised.resumed, state(campaign)) == (1, ("ACTIVE", []))

    Campaign.objects.update(daily_budget=Decimal(9))
    cut = reconcile(at=NOON, brand_ids=[campaign.brand_id])
    assert (cut.paused, state(campaign)) == (1, ("PAUSED", ["DAILY_BUDGET"]))

    Campaign.objects.update(daily_budget=None)
    lifted = reconcile(at=NOON, brand_ids=[campaign.brand_id])
    assert (lifted.resumed, state(campaign)) == (1, ("ACTIVE", []))


def test_r13_a_raised_budget_resumes_only_if_nothing_else_holds() -> None:
    campaign = CampaignFactory.create(daily_budget=Decimal(10), monthly_budget=Decimal(10))
    spend(campaign, "10")

    Campaign.objects.update(daily_budget=Decimal(100))
    reconcile(at=NOON)

    assert state(campaign) == ("PAUSED", ["MONTHLY_BUDGET"])


def test_an_inactive_brand_holds_its_campaigns_until_it_is_active_again() -> None:
    campaign = CampaignFactory.create()

    Brand.objects.update(is_active=False)
    assert reconcile(at=NOON, owned=Hold.SPENDING).paused == 1
    assert state(campaign) == ("PAUSED", ["BRAND_INACTIVE"])

    Brand.objects.update(is_active=True)
    assert reconcile(at=NOON, owned=Hold.SPENDING).resumed == 1
    assert state(campaign) == ("ACTIVE", [])


def test_a_sweep_looks_only_at_the_brands_asked_for() -> None:
    one, other = CampaignFactory.create(), CampaignFactory.create()
    Brand.objects.update(is_active=False)

    changes = reconcile(at=NOON, brand_ids=[one.brand_id])

    assert (changes.checked, changes.paused) == (1, 1)
    assert state(other) == ("ACTIVE", [])


def test_a_dry_run_says_what_would_change_and_changes_nothing() -> None:
    campaign = CampaignFactory.create()
    Brand.objects.update(is_active=False)
    Campaign.objects.update(daily_since=NOON - timedelta(days=2))

    would = reconcile(at=NOON, dry_run=True)
    assert (would.paused, state(campaign), StatusChange.objects.count()) == (1, ("ACTIVE", []), 0)
    assert reconcile(at=NOON) == would


def test_a_sweep_with_nothing_to_change_takes_as_many_queries_for_many_as_for_one() -> None:
    def queries() -> int:
        reconcile(at=NOON)
        with CaptureQueriesContext(connection) as captured:
            reconcile(at=NOON)
        return len(captured)

    CampaignFactory.create()
    for_one = queries()
    for _ in range(5):
        CampaignFactory.create_batch(6, brand=BrandFactory.create())
    assert queries() == for_one

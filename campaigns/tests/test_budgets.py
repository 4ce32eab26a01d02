"""Budgets: when they hold, and when they let go (R12 to R15)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from campaigns.holds import Hold
from campaigns.ledger import SpendEntry, record_spend
from campaigns.models import Campaign
from campaigns.tests.factories import CampaignFactory, utc

pytestmark = pytest.mark.django_db

NOON = utc("2026-11-21 12:00")


def spend(campaign: Campaign, amount: str, at: str = "2026-11-21 12:00") -> list[int]:
    receipt = record_spend([SpendEntry(campaign.pk, Decimal(amount), utc(at))], at=utc(at), actor="test")
    assert receipt.recorded == 1
    campaign.refresh_from_db()
    return receipt.paused


@pytest.mark.parametrize(
    ("budget", "hold"),
    [
        ("daily_budget", Hold.DAILY_BUDGET),
        ("monthly_budget", Hold.MONTHLY_BUDGET),
        ("total_budget", Hold.TOTAL_BUDGET),
    ],
)
def test_r12_a_campaign_is_paused_by_the_spend_that_reaches_its_budget(budget: str, hold: Hold) -> None:
    campaign = CampaignFactory.create(**{budget: Decimal("100")})

    assert spend(campaign, "99.999999") == []
    assert campaign.status == "ACTIVE"
    assert spend(campaign, "0.000001") == [campaign.pk]
    assert (campaign.status, campaign.hold_set) == ("PAUSED", hold)

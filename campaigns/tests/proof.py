"""What tests look at to prove that nothing is out of order, whatever happened."""

from __future__ import annotations

from typing import Any

from campaigns.models import Campaign, StatusChange
from campaigns.scratch import TABLES


def broken_chains() -> list[int]:
    """Campaigns whose history does not lead, link by link, to what they are now (R19)."""
    broken = []
    for campaign in Campaign.objects.all():
        links = list(StatusChange.objects.filter(campaign=campaign).order_by("pk"))
        reached = [(link.to_status, link.to_holds) for link in links]
        left = [(link.from_status, link.from_holds) for link in links]
        if reached and (reached[:-1] != left[1:] or reached[-1] != (campaign.status, campaign.holds)):
            broken.append(campaign.pk)
    return broken


def all_rows() -> dict[str, list[tuple[Any, ...]]]:
    """Every row that rule, ledger and enforcement know of, to the last column."""
    return {table.__name__: list(table._base_manager.order_by("pk").values_list()) for table in TABLES}

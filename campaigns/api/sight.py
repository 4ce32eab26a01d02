"""What a token sees: another brand's campaign is answered like one that does not exist."""

from __future__ import annotations

from collections.abc import Collection, Container

from campaigns.api.problems import Problem
from campaigns.api.schemas import LARGEST_ID
from campaigns.models import ApiToken, Campaign
from campaigns.tokens import campaigns_of


def seen_campaign(token: ApiToken, campaign_id: int) -> Campaign:
    """The campaign, with its brand. Raises Problem (404) where the token sees none of that id."""
    campaign = campaigns_of(token).select_related("brand").filter(pk=campaign_id).first()
    if campaign is None:
        raise Problem(404, f"There is no campaign {campaign_id}.")
    return campaign


def seen_ids(token: ApiToken, campaign_ids: Collection[int]) -> Container[int]:
    """Those of `campaign_ids` that the token sees, as far as it is limited: the ledger knows which ones exist."""
    if token.every_brand:
        return campaign_ids
    possible = [campaign_id for campaign_id in campaign_ids if 0 < campaign_id <= LARGEST_ID]
    return campaigns_of(token).only("pk").in_bulk(possible)

"""TikTok Ads Manager reports: CSV or XLSX, a column `By Day` or `Date`, and a total line at the end.

Learnt from the dimensions of its reporting API (`stat_time_day`) and the tests of public readers of such exports.
"""

from __future__ import annotations

from collections.abc import Sequence

from campaigns.importing.sheets import Line
from campaigns.importing.tables import Table, exported, headers

CAMPAIGN = ("campaignname",)
CAMPAIGN_ID = ("campaignid",)
COST = ("cost", "totalcost")


def recognise(head: Sequence[Line]) -> Table | None:
    """The table, where a line names a campaign name and its cost."""
    for header in headers(head):
        if header.has((*CAMPAIGN, *CAMPAIGN_ID), COST):
            return exported(
                header,
                "TikTok Ads report",
                day=("byday", "date", "day", "stattimeday"),
                campaign=CAMPAIGN,
                external_id=CAMPAIGN_ID,
                amount=COST,
                currency=("currency", "currencycode"),
                by_day="Add the time dimension Day to the report",
            )
    return None

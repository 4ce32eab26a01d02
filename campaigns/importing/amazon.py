"""Amazon Ads reports on Sponsored Products: CSV or XLSX, days such as "Feb 1, 2020", amounts such as "Rs.201.68".

Learnt from Amazon's guide to campaign reports and its columns, and from public lists of the columns of the exports
(`Date`, `Portfolio name`, `Currency`, `Campaign Name`, `Spend`).
"""

from __future__ import annotations

from collections.abc import Sequence

from campaigns.importing.sheets import Line
from campaigns.importing.tables import Table, exported, headers

CAMPAIGN = ("campaignname",)
CAMPAIGN_ID = ("campaignid",)
SPEND = ("spend",)
COST = ("totalcost", "cost")
# Columns that only Amazon names so, also in tables of its API.
OWN = ("portfolioname", "portfolioid", "budgetcurrency", "campaignbudgetcurrencycode")


def recognise(head: Sequence[Line]) -> Table | None:
    """The table, where a line names a campaign name and its spend, beside a currency or a column of Amazon's own."""
    for header in headers(head):
        named = header.has((*CAMPAIGN, *CAMPAIGN_ID))
        if named and (header.has(SPEND, ("currency", *OWN)) or header.has(COST, OWN)):
            # Without its end, what a row's start covers may be a month.
            day, last_day = (["date"], []) if header.has(["date"]) else (["startdate"], ["enddate"])
            return exported(
                header,
                "Amazon Ads report",
                day=day if header.has(last_day or day) else (),
                last_day=last_day,
                campaign=CAMPAIGN,
                external_id=CAMPAIGN_ID,
                amount=(*SPEND, *COST),
                currency=("currency", "budgetcurrency", "campaignbudgetcurrencycode"),
                by_day="Choose the time unit Daily when you create the report",
            )
    return None

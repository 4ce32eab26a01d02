"""Google Ads reports as its pages export them: CSV, "Excel CSV" (UTF-16, tabs) and XLSX, in five languages.

A title and a range of dates stand above the header, `Total: ...` lines below the rows, and ` --` in empty cells. Learnt
from Google's help page on downloading reports (segments become columns) and the tests of public readers of them.
"""

from __future__ import annotations

from collections.abc import Sequence

from campaigns.importing.sheets import Line
from campaigns.importing.tables import Table, exported, headers

# English, German, French, Spanish, Japanese.
DAY = ("day", "tag", "jour", "día", "日")
CAMPAIGN = ("campaign", "kampagne", "campagne", "campaña", "キャンペーン")
CAMPAIGN_ID = (
    *("campaignid", "kampagnen-id", "kampagnenid", "iddelacampagne", "iddecampagne", "identifiantdelacampagne"),
    *("iddelacampaña", "iddecampaña", "identificadordelacampaña", "キャンペーンid"),
)
COST = ("cost", "kosten", "coût", "coste", "costo", "費用")
CURRENCY = (
    *("currencycode", "currency", "währungscode", "währung", "codedeladevise", "codedevise", "codededevise", "devise"),
    *("códigodemoneda", "códigodelamoneda", "códigodedivisa", "moneda", "divisa", "通貨コード", "通貨"),
)
# Of the total lines, the one for campaigns sums the rows; the one for the account may know of more campaigns.
OVERALL = ("campaign|kampagne|campagne|campaña|キャンペーン", "account|konto|compte|cuenta|アカウント")


def recognise(head: Sequence[Line]) -> Table | None:
    """The table, where a line names a campaign and its cost in one of the languages."""
    for header in headers(head):
        if header.has(CAMPAIGN, COST):
            return exported(
                header,
                "Google Ads report",
                day=DAY,
                campaign=CAMPAIGN,
                external_id=CAMPAIGN_ID,
                amount=COST,
                currency=CURRENCY,
                overall=OVERALL,
                by_day="Add the segment Time > Day in Google Ads",
            )
    return None

"""Microsoft Advertising reports: lines about the report above the header, a line with © below the rows.

The columns are those of its pages (`Gregorian date`, `Campaign`), of its API (`TimePeriod`, `CampaignName`) or of a
warehouse that collects them (`date, campaign_id, currency_code, spend`). Learnt from Microsoft's guide to reports and
their columns (the repository MicrosoftDocs/Advertising) and the test data of the repository fivetran/dbt_ad_reporting.
"""

from __future__ import annotations

from collections.abc import Sequence

from campaigns.importing.rows import UnreadableFile
from campaigns.importing.sheets import Line, NoCells
from campaigns.importing.tables import Table, exported, headers, text

SPEND = ("spend",)
CAMPAIGN = ("campaign", "campaignname")
CURRENCY = ("currencycode",)
BY_DAY = "Choose the unit of time Day when you run the report"


def recognise(head: Sequence[Line]) -> Table | None:
    """The table, where a line names the spend beside a column that only Microsoft names so, or below its preamble."""
    about = dict(_about(head))
    for header in headers(head):
        if header.has(SPEND) and (
            "report name" in about
            or header.has(("gregoriandate", "timeperiod", *CURRENCY))
            or header.has(["day"], ["campaign"])
        ):
            aggregation = about.get("report aggregation", "Daily")
            if aggregation not in ("Daily", "Day"):
                raise UnreadableFile(
                    f"The file is a Microsoft Advertising report by {aggregation}, not by day. {BY_DAY}, and import "
                    "that."
                )
            return exported(
                header,
                "Microsoft Advertising report",
                day=("gregoriandate", "timeperiod", "day", "date"),
                campaign=CAMPAIGN,
                external_id=("campaignid",),
                amount=SPEND,
                currency=(*CURRENCY, "currency"),
                by_day=BY_DAY,
            )
    return None


def _about(head: Sequence[Line]) -> list[tuple[str, str]]:
    """What the lines above the header say: each is one cell, such as `Report Aggregation: Daily`."""
    stated = [text(cells[0]).partition(":") for _, cells in head if not isinstance(cells, NoCells) and cells]
    return [(name.strip().casefold(), value.strip()) for name, mark, value in stated if mark]

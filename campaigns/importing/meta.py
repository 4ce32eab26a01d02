"""Meta Ads Manager reports: CSV or XLSX, the currency in the header of the amounts, `Amount spent (USD)`.

With the breakdown by day there is a column `Day`, or each row's `Reporting starts` is its `Reporting ends`. A summary
row names no campaign. Learnt from the tests of public readers of such exports.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from campaigns.importing.sheets import Line
from campaigns.importing.tables import Table, exported, headers

_AMOUNT = re.compile(r"amountspent(?:\(([a-z]{3})\))?")

# Below a campaign; where one of these says All, the row sums up rows that are there as well.
BREAKDOWNS = ("adsetname", "adname")


def recognise(head: Sequence[Line]) -> Table | None:
    """The table, where a line names the amount spent."""
    for header in headers(head):
        amount = next(filter(None, map(_AMOUNT.fullmatch, header.keys)), None)
        if amount:
            # Without its end, what a row's start covers may be a month.
            day, last_day = (["day"], []) if header.has(["day"]) else (["reportingstarts"], ["reportingends"])
            return exported(
                header,
                "Meta Ads report",
                day=day if header.has(last_day or day) else (),
                last_day=last_day,
                campaign=("campaignname",),
                external_id=("campaignid",),
                amount=(amount[0],),
                currency=("currency", "accountcurrency"),
                file_currency=(amount[1] or "").upper(),
                nameless_is_total=True,
                breakdowns=tuple(place for place, key in enumerate(header.keys) if key in BREAKDOWNS),
                by_day="Choose the breakdown By time > Day in Ads Manager",
            )
    return None

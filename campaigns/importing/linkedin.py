"""LinkedIn Campaign Manager reports: UTF-16 and tabs, some lines about the report above the header.

Days are those of UTC, `Start Date (in UTC)`, written month first. Learnt from public lists of its metrics and the
tests of public readers of such exports.
"""

from __future__ import annotations

from collections.abc import Sequence

from campaigns.importing.sheets import Line
from campaigns.importing.tables import Table, exported, headers

DAY = ("startdate(inutc)", "startdate", "date(inutc)", "date", "day")
AMOUNT = ("totalspent",)


def recognise(head: Sequence[Line]) -> Table | None:
    """The table, where a line names the total spent."""
    for header in headers(head):
        if header.has(AMOUNT):
            return exported(
                header,
                "LinkedIn Ads report",
                day=DAY,
                last_day=("enddate(inutc)", "enddate"),
                campaign=("campaignname",),
                external_id=("campaignid",),
                amount=AMOUNT,
                currency=("currency", "currencycode"),
                by_day="Choose the time breakdown Daily when you export",
            )
    return None

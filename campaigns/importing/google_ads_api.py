"""Google Ads as its API gives it: one column a field, the cost in micros (millionths of the currency).

The fields are those of the Google Ads Query Language (`segments.date`, `campaign.id`, `metrics.cost_micros`,
`customer.currency_code`), also with underscores for points or without their first part, as collectors save them. Learnt
from the names of that language's fields and from public code that reads such tables.
"""

from __future__ import annotations

from collections.abc import Sequence

from campaigns.importing.sheets import Line
from campaigns.importing.tables import Table, exported, headers

COST = ("metricscostmicros", "costmicros")


def recognise(head: Sequence[Line]) -> Table | None:
    """The table, where a line names the cost in micros."""
    for header in headers(head):
        if header.has(COST):
            return exported(
                header,
                "Google Ads API table",
                day=("segmentsdate", "date", "day", "dateday"),
                campaign=("campaignname", "campaign"),
                external_id=("campaignid",),
                amount=COST,
                currency=("customercurrencycode", "currencycode", "currency"),
                micros=True,
                by_day="Select segments.date",
            )
    return None

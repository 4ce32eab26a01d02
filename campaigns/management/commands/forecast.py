from __future__ import annotations

from campaigns.management.outlooks import Figures, OutlookCommand
from campaigns.outlook import Outlook


def figures(seen: Outlook) -> Figures:
    low, high = seen.interval or (None, None)
    return {
        "spent": seen.pace.spent if seen.pace else None,
        "projected": seen.projected,
        "low": low,
        "high": high,
        "budget": seen.pace.budget if seen.pace else None,
        "budget_reached_on": seen.forecast.budget_day if seen.forecast else None,
    }


class Command(OutlookCommand):
    help = (
        "Where this month will end: the projection, the interval that holds it four times out of five, and the day on "
        "which the monthly budget is reached."
    )
    figures = figures

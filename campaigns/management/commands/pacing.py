from __future__ import annotations

from campaigns.management.outlooks import Figures, OutlookCommand
from campaigns.outlook import Outlook


def figures(seen: Outlook) -> Figures:
    pace = seen.pace
    status = pace.status.value if pace and pace.status else None
    return {
        "spent": pace.spent if pace else None,
        "budget": pace.budget if pace else None,
        "expected": seen.expected,
        "pace_percent": seen.pace_in_percent,
        "status": status,
        "daily_to_land": pace.daily_to_land if pace else None,
    }


class Command(OutlookCommand):
    help = (
        "How this month's spend stands against the budget: what was spent, what is expected by now, and the daily "
        "budget that lands on the monthly one from here."
    )
    figures = figures

from __future__ import annotations

from campaigns.management.outlooks import Figures, OutlookCommand, month_end
from campaigns.outlook import Outlook


def figures(seen: Outlook) -> Figures:
    pace = seen.pace
    return {
        "spent": seen.spent,
        "budget": pace.budget if pace else None,
        "expected": seen.expected,
        "pace_percent": seen.pace_in_percent,
        "status": seen.status or None,
        "daily_to_land": pace.daily_to_land if pace else None,
        "band_percent": round(pace.band * 100) if pace and pace.budget is not None else None,
        **month_end(seen),
    }


class Command(OutlookCommand):
    help = (
        "How this month's spend stands against the budget: what was spent, what is expected by now, the pace and the "
        "band around 100% in which it is on track, the daily budget that lands on the monthly one from here, and where "
        "the month will end."
    )
    figures = figures

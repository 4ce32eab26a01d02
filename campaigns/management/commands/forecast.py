from __future__ import annotations

from campaigns.management.outlooks import Figures, OutlookCommand, month_end
from campaigns.outlook import Outlook


def figures(seen: Outlook) -> Figures:
    end = month_end(seen)
    reached = end.pop("budget_reached_on")
    budget = seen.pace.budget if seen.pace else None
    return {"spent": seen.spent, **end, "budget": budget, "budget_reached_on": reached}


class Command(OutlookCommand):
    help = (
        "Where this month will end: the projection, the interval that holds it four times out of five, and the day on "
        "which the monthly budget is reached."
    )
    figures = figures

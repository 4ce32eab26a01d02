from campaigns.holds import Hold
from campaigns.management.base import SweepCommand


class Command(SweepCommand):
    help = "Begin each brand's new day where one has come."
    owned = Hold.DAILY_BUDGETS
    task = "reset_daily_spends"
    may_force = True

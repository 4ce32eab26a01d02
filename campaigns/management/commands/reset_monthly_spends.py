from campaigns.holds import Hold
from campaigns.management.base import SweepCommand


class Command(SweepCommand):
    help = "Begin each brand's new month where one has come."
    owned = Hold.MONTHLY_BUDGETS
    task = "reset_monthly_spends"
    may_force = True

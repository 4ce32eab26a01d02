from campaigns.holds import Hold
from campaigns.management.base import SweepCommand


class Command(SweepCommand):
    help = "Start drafts whose day has come, complete campaigns that are over, and put every hold right."
    owned = Hold.ENGINE
    task = "activate_eligible_campaigns"

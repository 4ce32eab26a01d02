from campaigns.holds import Hold
from campaigns.management.base import SweepCommand


class Command(SweepCommand):
    help = "Hold campaigns whose budget is reached or whose brand is inactive, and release the others."
    owned = Hold.SPENDING
    task = "check_campaign_budgets"

from campaigns.holds import Hold
from campaigns.management.base import SweepCommand


class Command(SweepCommand):
    help = "Hold campaigns outside their hours, and release them inside."
    owned = Hold.DAYPARTING
    task = "enforce_dayparting"

from __future__ import annotations

import time
from random import Random
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError
from django.utils import timezone

from campaigns.demo import play_traffic
from campaigns.explain import explain
from campaigns.ledger import record_arrival
from campaigns.models import Campaign
from campaigns.money import format_money


class Command(BaseCommand):
    help = "Record one spend as of now, or play live traffic over the active campaigns."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("campaign_id", type=int, nargs="?", metavar="CAMPAIGN_ID")
        parser.add_argument("amount", nargs="?", metavar="AMOUNT", help="In the brand's currency, such as 12.50.")
        parser.add_argument("--rate", type=int, metavar="N", help="Play N entries a second until stopped.")

    def handle(self, *_: Any, **options: Any) -> None:
        one = options["campaign_id"] is not None and options["amount"] is not None
        if one == (options["rate"] is not None) or (options["rate"] is not None and options["rate"] < 1):
            raise CommandError("Give CAMPAIGN_ID and AMOUNT, or --rate N with N of at least 1.", returncode=2)
        if one:
            self.record(options["campaign_id"], options["amount"])
        else:
            self.play(options["rate"])

    def record(self, campaign_id: int, amount: str) -> None:
        at = timezone.now()
        receipt = record_arrival(campaign_id, amount, at=at, description="Simulated", actor="command:simulate_spend")
        for rejection in receipt.rejected:
            raise CommandError(rejection.message)
        campaign = Campaign.objects.select_related("brand").get(pk=campaign_id)
        spent = format_money(campaign.daily_spend, campaign.brand.currency)
        self.stdout.write(f"Recorded. {campaign.brand} / {campaign} has spent {spent} today.")
        self.stdout.write(explain(campaign_id, at=at).sentence)

    def play(self, rate: int) -> None:
        """Play until interrupted; a database that is away for a moment only costs that moment's traffic."""
        random = Random()
        recorded = 0
        self.stderr.write(f"Playing {rate} entries a second. Ctrl-C stops it.")
        while True:
            try:
                receipt = play_traffic(random, rate, at=timezone.now())
            except OperationalError as error:
                self.stderr.write(f"The database did not answer ({error}); going on.")
            else:
                recorded += receipt.recorded
                for campaign in Campaign.objects.filter(pk__in=receipt.paused).select_related("brand"):
                    self.stdout.write(f"{campaign.brand} / {campaign} is now {campaign.status_in_words}")
                if not receipt.recorded:
                    self.stdout.write("No campaign is running.")
                elif recorded % (rate * 60) < rate:
                    self.stdout.write(f"{recorded} entries recorded so far.")
            time.sleep(1)

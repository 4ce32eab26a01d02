from __future__ import annotations

import time
from random import Random
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError
from django.utils import timezone

from campaigns.demo import play_traffic
from campaigns.explain import explain
from campaigns.ledger import SpendReceipt, record_arrival
from campaigns.management.base import brand_ids, positive
from campaigns.models import Campaign
from campaigns.money import format_money


class Command(BaseCommand):
    help = "Record one spend as of now, or play live traffic over the active campaigns."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("campaign_id", type=int, nargs="?", metavar="CAMPAIGN_ID")
        parser.add_argument("amount", nargs="?", metavar="AMOUNT", help="In the brand's currency, such as 12.50.")
        parser.add_argument("--rate", type=positive, metavar="N", help="Play N entries a second until stopped.")
        parser.add_argument("--brand", action="append", metavar="NAME", help="Play on this brand only; repeatable.")

    def handle(self, *_: Any, **options: Any) -> None:
        one = (options["campaign_id"], options["amount"])
        if options["rate"] is not None and one == (None, None):
            self.play(options["rate"], brand_ids(options["brand"]))
        elif options["rate"] is None and None not in one:
            self.record(*one)
        else:
            raise CommandError("Give either CAMPAIGN_ID and AMOUNT, or --rate N.", returncode=2)

    def record(self, campaign_id: int, amount: str) -> None:
        at = timezone.now()
        receipt = record_arrival(campaign_id, amount, at=at, description="Simulated", actor="command:simulate_spend")
        for rejection in receipt.rejected:
            raise CommandError(rejection.message)
        campaign = Campaign.objects.select_related("brand").get(pk=campaign_id)
        spent = format_money(campaign.daily_spend, campaign.brand.currency)
        self.stdout.write(f"Recorded. {campaign.brand} / {campaign} has spent {spent} today.")
        self.stdout.write(explain(campaign_id, at=at).sentence)

    def play(self, rate: int, brands: list[int] | None) -> None:
        """Play until interrupted; a database that is away for a moment only costs that moment's traffic."""
        random = Random()
        recorded = 0
        self.stderr.write(f"Playing {rate} entries a second. Ctrl-C stops it.")
        while True:
            try:
                receipt = play_traffic(random, rate, at=timezone.now(), brand_ids=brands)
                recorded += receipt.recorded
                self.tell(receipt, recorded, every=rate * 60)
                time.sleep(1)
            except OperationalError as error:
                self.stderr.write(f"The database did not answer ({error}); going on.")
                time.sleep(1)
            except KeyboardInterrupt:
                self.stderr.write(f"Stopped after {recorded} entries.")
                return

    def tell(self, receipt: SpendReceipt, recorded: int, *, every: int) -> None:
        for campaign in Campaign.objects.filter(pk__in=receipt.paused).select_related("brand"):
            self.stdout.write(f"{campaign.brand} / {campaign} is now {campaign.status_in_words}")
        if not receipt.recorded:
            self.stdout.write("No campaign is running.")
        elif recorded % every < receipt.recorded:
            self.stdout.write(f"{recorded} entries recorded so far.")

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from campaigns.audit import Difference, find_differences
from campaigns.ledger import repair
from campaigns.management.base import brand_ids, with_progress
from campaigns.models import Brand
from campaigns.money import format_amount


class Command(BaseCommand):
    help = "Prove every counter from the ledger's entries; exits with 1 where one is wrong."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--brand", action="append", metavar="NAME", help="Only this brand; may be given again.")
        parser.add_argument("--repair", action="store_true", help="Set the wrong ones to what the ledger says.")

    def handle(self, *_: Any, **options: Any) -> None:
        chosen = brand_ids(options["brand"])
        if options["repair"]:
            repaired = repair(chosen, at=timezone.now(), actor="command:verify_spend")
            for difference in repaired:
                self.stdout.write(in_words(difference))
            self.stderr.write(f"Counters repaired: {len(repaired)}.")
            return
        ids = list(Brand.objects.order_by("pk").values_list("pk", flat=True)) if chosen is None else chosen
        wrong = 0
        for brand_id in with_progress(ids, "Brands", len(ids)):
            for difference in find_differences([brand_id]):
                self.stdout.write(in_words(difference))
                wrong += 1
        if wrong:
            raise CommandError(f"Wrong counters: {wrong}. verify_spend --repair restores them from the ledger.")
        self.stderr.write("Every counter is the sum of its entries.")


def in_words(difference: Difference) -> str:
    recorded, actual, off_by = (
        format_amount(amount, difference.currency)
        for amount in (difference.recorded, difference.actual, difference.off_by)
    )
    return (
        f"{difference.kind} {difference.id} ({difference.name}): {difference.counter} is {recorded} "
        f"{difference.currency}, the ledger says {actual}: off by {off_by}."
    )

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from campaigns.demo import seed_brand
from campaigns.management.base import positive, with_progress


class Command(BaseCommand):
    help = "Make a believable agency to try things on. What is there already stays as it is."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--brands", type=positive, default=8, metavar="N")
        parser.add_argument("--campaigns-per-brand", type=positive, default=10, metavar="N")

    def handle(self, *_: Any, **options: Any) -> None:
        at = timezone.now()
        numbers = with_progress(range(options["brands"]), "Brands", options["brands"])
        new = sum(seed_brand(number, options["campaigns_per_brand"], at=at) for number in numbers)
        self.stderr.write(f"{options['brands']} demo brands are there; {new} of their campaigns are new.")

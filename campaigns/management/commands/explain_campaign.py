from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from campaigns.explain import explain
from campaigns.management.base import instant
from campaigns.models import Campaign


class Command(BaseCommand):
    help = "Say why a campaign runs or is held, and what the clock changes next."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("campaign_id", type=int)
        parser.add_argument("--at", type=instant, metavar="ISO8601", help="The time to explain (default: now).")
        parser.add_argument("--format", choices=["text", "json"], default="text")

    def handle(self, *_: Any, **options: Any) -> None:
        at = options["at"] or timezone.now()
        try:
            explanation = explain(options["campaign_id"], at=at)
        except Campaign.DoesNotExist as error:
            raise CommandError(f"There is no campaign {options['campaign_id']}.") from error
        if options["format"] == "json":
            change = explanation.next_change_at
            self.stdout.write(json.dumps({**asdict(explanation), "next_change_at": change and change.isoformat()}))
            return
        self.stdout.write(explanation.sentence)
        if explanation.recorded_status != explanation.status:
            self.stdout.write(f"Still recorded as {explanation.recorded_status}: the next tick puts it right.")

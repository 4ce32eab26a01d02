from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from campaigns.models import ApiToken
from campaigns.tokens import revoke


class Command(BaseCommand):
    help = "Revoke a token of the HTTP API for good, at once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="NAME", help="The token's name.")

    def handle(self, *_: Any, **options: Any) -> None:
        token = ApiToken.objects.filter(name=options["name"]).first()
        if token is None:
            raise CommandError(f"There is no token {options['name']!r}.")
        revoked = revoke([token.pk], at=timezone.now())
        self.stderr.write(f"{token} opens nothing any more." if revoked else f"{token} was revoked before.")

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from campaigns.management.base import brand_ids, instant
from campaigns.models import Brand, Scope
from campaigns.tokens import create_token


class Command(BaseCommand):
    help = "Make a token for the HTTP API. The token goes to stdout, this once; the rest to stderr."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="NAME", help="The program that uses it; it stands in histories.")
        parser.add_argument(
            "--scope", action="append", required=True, choices=Scope.values, help="What it may do; may be given again."
        )
        parser.add_argument(
            "--brand", action="append", metavar="NAME", help="All that it sees (default: every brand); may be repeated."
        )
        parser.add_argument("--expires", type=instant, metavar="ISO8601", help="When it ends (default: never).")

    def handle(self, *_: Any, **options: Any) -> None:
        brands = list(Brand.objects.filter(pk__in=brand_ids(options["brand"]) or []))
        try:
            token, text = create_token(
                options["name"],
                options["scope"],
                brands,
                at=timezone.now(),
                actor="command:create_api_token",
                expires_at=options["expires"],
            )
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(text)
        seen = ", ".join(map(str, brands)) or "every brand"
        self.stderr.write(f"{token} may {', '.join(token.scopes)} for {seen}. The token is not kept: store it now.")

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from decimal import Decimal
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from campaigns.exports import Amount, Row
from campaigns.hours import InvalidHours, Window, parse_windows
from campaigns.management.base import day, progress_watch, while_somebody_reads, write_csv
from campaigns.models import Brand, Campaign
from campaigns.money import InvalidMoney, format_money, parse_money
from campaigns.replay import (
    BRAND_BUDGETS,
    CAMPAIGN_BUDGETS,
    CampaignReplay,
    Change,
    Replay,
    Stop,
    Total,
    in_hours,
    last_month_with_spend,
    replay,
)

WRONG_USAGE = 2
NO_LIMIT = "none"
WINDOWS = "windows"
# A part of the brand for which something is set, where it is not one campaign.
THE_BRAND, EACH_CAMPAIGN = "brand", "campaigns"

# Named as in the JSON.
CSV_HEADINGS = (
    *("brand", "campaign", "day", "currency", "spent", "would_have_spent", "difference"),
    *("hours_paused", "hours_held", "hours_held_then", "spread"),
)


class Command(BaseCommand):
    help = (
        "Play a brand's days again under other budgets or hours, by the same rule, and say on which days its campaigns "
        "would have paused and what would have been spent. Nothing is changed. What people paused by hand is not "
        "played again; limits are those of today, with what is set here, for the whole time."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--brand", required=True, metavar="NAME")
        parser.add_argument(
            "--campaign",
            action="append",
            default=[],
            metavar="NAME_OR_ID",
            help="Tell of this campaign, not of all; may be given again.",
        )
        parser.add_argument("--from", type=day, dest="first", metavar="DATE", help="(default: its last full month)")
        parser.add_argument("--to", type=day, dest="last", metavar="DATE", help="The last day, which is played too.")
        parser.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="[WHOSE]WHAT=VALUE",
            help="WHAT is daily_budget, monthly_budget, total_budget or windows; VALUE an amount, none for no limit, "
            "or hours such as 'Mon-Fri 08:00-18:00, Sat 10:00-14:00' or always. WHOSE is 'brand.', 'campaigns.' for "
            "each of them, or 'NAME_OR_ID:' of one. Without it: the campaigns given by --campaign; where none is, the "
            "brand as far as it has that, else each campaign. May be given again; what comes later goes first.",
        )
        parser.add_argument(
            "--windows", metavar="HOURS", help="The same as --set windows=HOURS: the hours of the campaigns."
        )
        parser.add_argument(
            "--format",
            choices=["table", "text", "json", "csv"],
            default="table",
            help="text is another name of table. The CSV has a line for each campaign and day.",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        now = timezone.now()
        brand = Brand.objects.filter(name=options["brand"]).first()
        if brand is None:
            raise CommandError(f"There is no brand {options['brand']!r}.")
        chosen = [_campaign(brand, name) for name in options["campaign"]]
        settings = list(options["set"])
        if options["windows"] is not None:
            settings.append(f"{WINDOWS}={options['windows']}")
        brand_change, changes = _changes(brand, chosen, settings)
        first, last = options["first"], options["last"]
        if (first is None) != (last is None):
            raise CommandError("Give both --from and --to, or none of them.", returncode=WRONG_USAGE)
        if first is None:
            campaigns = Campaign.objects.filter(brand=brand)
            month = last_month_with_spend(campaigns.filter(pk__in=chosen) if chosen else campaigns, brand.timezone, now)
            if month is None:
                raise CommandError("There is no full month with spend yet: give --from and --to.")
            first, last = month
        try:
            with progress_watch() as watch:
                told = replay(
                    brand.pk,
                    first,
                    last,
                    at=now,
                    brand_change=brand_change,
                    changes=changes,
                    only=chosen or None,
                    watch=watch,
                )
        except ValueError as error:
            raise CommandError(str(error)) from error
        with while_somebody_reads():
            match options["format"]:
                case "json":
                    self.stdout.write(json.dumps(told.as_json()))
                case "csv":
                    write_csv(self.stdout, CSV_HEADINGS, _day_rows(told))
                case _:
                    self.write_tables(told)

    def write_tables(self, told: Replay) -> None:
        # In a pipe nobody's screen is too narrow.
        console = Console() if self.stdout.isatty() else Console(width=200)
        with console.capture() as shown:
            console.print(_summary(told))
            for campaign in told.campaigns:
                if campaign.days_held:
                    console.print(_held_days(told, campaign))
        self.stdout.write(shown.get())
        for note in told.notes:
            self.stderr.write(note)


def _campaign(brand: Brand, name: str) -> int:
    """The campaign of that name, or else of that ID."""
    theirs = Campaign.objects.filter(brand=brand)
    found = theirs.filter(name=name).values_list("pk", flat=True).first()
    if found is None and name.isascii() and name.isdigit() and len(name) < 19:
        found = theirs.filter(pk=int(name)).values_list("pk", flat=True).first()
    if found is None:
        raise CommandError(f"{brand} has no campaign {name!r}.")
    return found


def _changes(brand: Brand, chosen: list[int], settings: Iterable[str]) -> tuple[Change, dict[int, Change]]:
    """What `--set` asks for, of the brand and of campaigns. Raises CommandError."""
    budgets: dict[int | None, dict[str, Decimal | None]] = defaultdict(dict)
    windows: dict[int, tuple[Window, ...]] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals:
            raise CommandError(f"{setting!r} sets nothing: write daily_budget=120.", returncode=WRONG_USAGE)
        whose, what = _whose(name.strip())
        if what not in (*CAMPAIGN_BUDGETS, WINDOWS):
            known = ", ".join((*CAMPAIGN_BUDGETS, WINDOWS))
            raise CommandError(f"{what!r} cannot be set: write one of {known}.", returncode=WRONG_USAGE)
        targets = _targets(brand, whose, what, chosen)
        if what == WINDOWS:
            read = _read_windows(value)
            windows |= {pk: read for pk in targets if pk is not None}
        else:
            budget = _read_budget(setting, value)
            for target in targets:
                budgets[target][what] = budget
    changed = {pk: Change(budgets.get(pk, {}), windows.get(pk)) for pk in {*budgets, *windows} if pk is not None}
    return Change(budgets.get(None, {})), changed


def _whose(name: str) -> tuple[str, str]:
    """Whose it is, as far as that is said, and what: `brand.`, `campaigns.` or `A campaign:` before it."""
    campaign, colon, what = name.rpartition(":")
    if colon:
        return campaign + colon, what
    whose, dot, what = name.rpartition(".")
    if dot and whose not in (THE_BRAND, EACH_CAMPAIGN):
        raise CommandError(
            f"{whose!r} is neither brand nor campaigns: write 'A campaign:' before what is one's.",
            returncode=WRONG_USAGE,
        )
    return whose, what


def _targets(brand: Brand, whose: str, what: str, chosen: list[int]) -> Collection[int | None]:
    """The campaigns concerned by id, or None for the brand."""
    if whose.endswith(":"):
        return [_campaign(brand, whose[:-1])]
    if whose == THE_BRAND and what not in BRAND_BUDGETS:
        raise CommandError(f"A brand has no {what}: only its campaigns do.", returncode=WRONG_USAGE)
    if whose == THE_BRAND or (not whose and not chosen and what in BRAND_BUDGETS):
        return [None]
    return chosen or list(Campaign.objects.filter(brand=brand).values_list("pk", flat=True))


def _read_budget(setting: str, value: str) -> Decimal | None:
    if value.strip().lower() == NO_LIMIT:
        return None
    try:
        budget = parse_money(value.strip())
        if budget <= 0:
            raise InvalidMoney("a budget must be more than zero; write none for no limit.")
    except InvalidMoney as error:
        raise CommandError(f"{setting}: {error}", returncode=WRONG_USAGE) from error
    return budget


def _read_windows(value: str) -> tuple[Window, ...]:
    try:
        return parse_windows(value)
    except InvalidHours as error:
        raise CommandError(str(error), returncode=WRONG_USAGE) from error


def _day_rows(told: Replay) -> Iterator[Row]:
    for campaign in told.campaigns:
        for each in campaign.days:
            amounts = (each.spent, each.would_have_spent, each.would_have_spent - each.spent)
            yield [
                *(told.brand, campaign.name, each.day, told.currency),
                *(Amount(amount, told.currency) for amount in amounts),
                *(in_hours(length) for length in (each.paused, each.held, each.held_then)),
                "yes" if each.spread else "no",
            ]


def _summary(told: Replay) -> Table:
    table = Table(title=f"{escape(told.brand)}, {told.first} to {told.last}, in {told.currency}")
    table.add_column("Campaign")
    for heading in ("Spent", "Would have spent", "Difference", "Days held", "Hours held"):
        table.add_column(heading, justify="right", no_wrap=True, overflow="fold")
    for campaign in told.campaigns:
        held = (f"{len(campaign.days_held)}", f"{in_hours(campaign.held):.1f}")
        table.add_row(escape(campaign.name), *_amounts(campaign.total, told.currency), *held)
    table.add_section()
    table.add_row("The brand, all its campaigns", *_amounts(told.total, told.currency), "", "", style="bold")
    return table


def _held_days(told: Replay, campaign: CampaignReplay) -> Table:
    table = Table(title=f"{escape(campaign.name)}: when something else than its hours would have paused it")
    table.add_column("Day", no_wrap=True)
    for heading in ("Spent", "Would have spent"):
        table.add_column(heading, justify="right", no_wrap=True, overflow="fold")
    for heading in ("From", "To"):
        table.add_column(heading, no_wrap=True)
    table.add_column("Why")
    for each in campaign.days_held:
        amounts = [
            format_money(amount, told.currency, with_code=False) for amount in (each.spent, each.would_have_spent)
        ]
        for stop in (stop for stop in each.stops if stop.beyond_hours):
            table.add_row(f"{each.day:%Y-%m-%d %a}", *amounts, *_from_to(stop, told), stop.holds.label)
            amounts = ["", ""]
    return table


def _from_to(stop: Stop, told: Replay) -> tuple[str, str]:
    start, end = (instant.astimezone(told.zone) for instant in (stop.start, stop.end))
    return f"{start:%H:%M:%S}", "24:00:00" if end.date() > start.date() else f"{end:%H:%M:%S}"


def _amounts(total: Total, currency: str) -> list[str]:
    amounts = (total.spent, total.would_have_spent, total.difference)
    return [format_money(amount, currency, with_code=False) for amount in amounts]

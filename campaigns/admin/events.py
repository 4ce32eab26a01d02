"""What happened to a campaign or its brand, in words: changes of status (R19), and people's edits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import OuterRef, Subquery
from django.utils.text import Truncator

from campaigns.holds import Hold
from campaigns.models import Brand, Campaign, DaypartingSchedule, StatusChange
from campaigns.money import MoneyField, format_money

Status = Campaign.Status

# A person's save writes the campaign and each window: what they wrote so close together is one edit.
ONE_SAVE = timedelta(seconds=2)
# Of a text that was edited, so many characters are told.
LONGEST = 100

# Of what happened at the same instant, the last that a save writes is told first.
STATUS, WINDOW, CAMPAIGN, BRAND = range(4)
EDITS: dict[int, Any] = {
    CAMPAIGN: Campaign.history.model,
    WINDOW: DaypartingSchedule.history.model,
    BRAND: Brand.history.model,
}

FACTS = (
    ("Today", "daily"),
    ("This month", "monthly"),
    ("In all", "total"),
    ("Brand today", "brand_daily"),
    ("Brand this month", "brand_monthly"),
)


@dataclass(slots=True)
class Event:
    """Something that happened, in words. `at` is on the brand's clock."""

    at: datetime
    by: str
    lines: list[str]
    facts: list[tuple[str, str]] = field(default_factory=list)  # what a change of status was decided on
    is_edit: bool = False

    @property
    def clock(self) -> str:
        return f"{self.at:%H:%M}"  # a template would move it to the server's zone


def told_change(change: StatusChange, zone: ZoneInfo) -> Event:
    """A change of status, with the facts it was decided on (R19)."""
    before, after = Hold(change.from_holds), Hold(change.to_holds)
    words = verb(change)
    if after:
        words += f": {after.label}"
    if before:
        words += f" (was: {before.label})"
    return Event(change.at.astimezone(zone), in_words(change.actor), [f"{words}."], _facts(change))


def verb(change: StatusChange) -> str:
    """What happened to the campaign, in a word or two."""
    match change.from_status, change.to_status:
        case _, Status.COMPLETED:
            return "Completed"
        case Status.COMPLETED, _:
            return "Reopened"
        case Status.DRAFT, Status.ACTIVE:
            return "Started"
        case Status.DRAFT, _:
            return "Started, and held"
        case Status.PAUSED, Status.PAUSED:
            return "Still paused"
        case _, Status.ACTIVE:
            return "Resumed"
        case _:
            return "Paused"


def _facts(change: StatusChange) -> list[tuple[str, str]]:
    facts = change.decided_on()
    currency = facts.get("currency", "")
    shown = []
    if local_time := facts.get("local_time"):
        shown.append(("Clock", f"{datetime.fromisoformat(local_time):%A %Y-%m-%d %H:%M}"))
    for label, name in FACTS:
        if (spend := facts.get(f"{name}_spend")) is not None:
            budget = facts.get(f"{name}_budget")
            of = ", no limit" if budget is None else f" of {format_money(Decimal(budget), currency)}"
            shown.append((label, f"{format_money(Decimal(spend), currency)}{of}"))
    return shown


ACTORS = {"user": "", "token": "the API token ", "task": "the task ", "command": "the command "}


def in_words(actor: str) -> str:
    """`user:alice` is alice, `command:seed_data` the command seed data; nobody is the system itself."""
    kind, _, name = actor.partition(":")
    if not name or kind not in ACTORS:
        return actor or "the system"
    return ACTORS[kind] + (name.replace("_", " ") if kind in {"task", "command"} else name)


def told_edits(kind: int, edits: Any, brand_of: Callable[[Any], Brand | None]) -> list[tuple[Any, Event]]:
    """Edits of a kind, each with what differs from the record before; those of no known brand are left out.

    `edits` are records of `EDITS[kind]`. Two queries, however many.
    """
    model = EDITS[kind]
    before = model.objects.filter(id=OuterRef("id"), history_id__lt=OuterRef("history_id")).order_by("-history_id")
    found = [(edit, brand_of(edit)) for edit in edits.annotate(before=Subquery(before.values("history_id")[:1]))]
    kept = model.objects.in_bulk([edit.before for edit, brand in found if brand and edit.before])
    return [
        (
            edit,
            Event(
                edit.history_date.astimezone(brand.timezone),
                in_words(edit.history_user_id),
                _edit_in_words(kind, edit, kept.get(edit.before), brand),
                is_edit=True,
            ),
        )
        for edit, brand in found
        if brand
    ]


def _edit_in_words(kind: int, edit: Any, before: Any, brand: Brand) -> list[str]:
    if kind == WINDOW:
        return [_window_in_words(edit, before)]
    if edit.history_type != "~" or before is None:
        done = {"+": "Made", "-": "Deleted"}.get(edit.history_type, "Edited")
        return [f"{done} the {'campaign' if kind == CAMPAIGN else 'brand'} {edit.name}."]
    return [
        _field_in_words(kind, tracked, getattr(before, tracked.attname), getattr(edit, tracked.attname), brand)
        for tracked in edit.tracked_fields
        if getattr(before, tracked.attname) != getattr(edit, tracked.attname)
    ]


def _window_in_words(edit: Any, before: Any) -> str:
    window = _window(edit)
    match edit.history_type:
        case "+":
            return f"Added the window {window}{'' if edit.is_active else ', switched off'}."
        case "-":
            return f"Removed the window {window}."
    if before is None:
        return f"Changed a window: it is {window} now."
    switched = {(True, False): "off", (False, True): "on"}.get((before.is_active, edit.is_active))
    if _window(before) == window and switched:
        return f"Switched the window {window} {switched}."
    changed = f"Changed the window {_window(before)}: it is {window} now"
    return f"{changed}, and switched it {switched}." if switched else f"{changed}."


def _window(row: Any) -> str:
    return str(DaypartingSchedule(day_of_week=row.day_of_week, start_time=row.start_time, end_time=row.end_time))


def _field_in_words(kind: int, tracked: Any, old: Any, new: Any, brand: Brand) -> str:
    if isinstance(new, bool):  # of a brand, whether it is active
        return f"Switched the brand {'on' if new else 'off'}."
    name = f"the brand's {tracked.verbose_name}" if kind == BRAND else f"the {tracked.verbose_name}"
    if isinstance(tracked, MoneyField):
        was, now = (None if amount is None else format_money(amount, brand.currency) for amount in (old, new))
        if was is None or now is None:
            return f"Removed {name} of {was} (no limit now)." if was else f"Set {name} to {now} (no limit before)."
        return f"{'Raised' if new > old else 'Lowered'} {name} from {was} to {now}."
    was, now = ("" if value is None else Truncator(value).chars(LONGEST) for value in (old, new))
    if not was or not now:
        return f"Removed {name} {was}." if was else f"Set {name} to {now}."
    return f"Changed {name} from {was} to {now}."

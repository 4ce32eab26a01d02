"""A campaign's history, newest first: what the rule and people made of its status, and what people edited."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.core.paginator import Page, Paginator
from django.db.models import F, IntegerField, Model, Value
from django.utils.text import get_text_list

from campaigns.admin.events import BRAND, CAMPAIGN, EDITS, ONE_SAVE, STATUS, WINDOW, Event, told_change, told_edits
from campaigns.models import Campaign, StatusChange
from campaigns.periods import ONE_DAY, local_clock

PER_PAGE = 25


@dataclass(frozen=True, slots=True)
class TimelineDay:
    heading: str
    events: list[Event]


@dataclass(frozen=True, slots=True)
class Timeline:
    zone: str
    days: list[TimelineDay]
    page: Page[Any]
    left_out: str  # in a sentence; empty where this is all


def may_see(user: User | AnonymousUser, model: type[Model]) -> bool:
    """Whether this person may see rows of the model: who may change what is there sees it."""
    name = model._meta.model_name
    return any(user.has_perm(f"campaigns.{right}_{name}") for right in ("view", "change"))


def left_out(user: User | AnonymousUser) -> str:
    """Which changes a history does not tell this person, and who can mend that; empty where it tells all."""
    models = (StatusChange, *(model.instance_type for model in EDITS.values()))
    unseen = [str(model._meta.verbose_name_plural) for model in models if not may_see(user, model)]
    if not unseen:
        return ""
    named = get_text_list(unseen, "or")
    return f"Your account may not see {named}: these are left out here. An administrator can let you see them."


def timeline(campaign: Campaign, user: User | AnonymousUser, *, page: str, at: datetime) -> Timeline:
    """A page of what this person may see of the campaign's history, on its brand's clock."""
    listed = Paginator(_listed(campaign, user), PER_PAGE).get_page(page)
    rows = list(listed.object_list)
    brand = campaign.brand
    told = {
        STATUS: {
            change.pk: told_change(change, brand.timezone)
            for change in StatusChange.objects.filter(pk__in=_keys(rows, STATUS))
        }
    }
    for kind, model in EDITS.items():
        if keys := _keys(rows, kind):
            edits = told_edits(kind, model.objects.filter(history_id__in=keys), lambda _: brand)
            told[kind] = {edit.history_id: event for edit, event in edits}
    events = _joined(told[kind][key] for kind, key, _at in rows)
    return Timeline(brand.timezone.key, _by_day(events, local_clock(brand.timezone, at).today), listed, left_out(user))


def _listed(campaign: Campaign, user: User | AnonymousUser) -> Any:
    """What happened, as kind, key and instant: one query over all tables, of which a page is read."""
    sources: list[tuple[int, str, str, Any]] = []
    if may_see(user, StatusChange):
        sources.append((STATUS, "pk", "at", StatusChange.objects.filter(campaign=campaign)))
    whose: dict[int, dict[str, Any]] = {
        CAMPAIGN: {"id": campaign.pk},
        WINDOW: {"campaign": campaign},
        BRAND: {"id": campaign.brand_id},
    }
    for kind, model in EDITS.items():
        if may_see(user, model.instance_type):
            # In nobody's name stands what only says how things were before a person's edit.
            edits = model.objects.filter(**whose[kind]).exclude(history_user_id="")
            sources.append((kind, "history_id", "history_date", edits))
    chosen = [
        rows.order_by()
        .annotate(kind=Value(kind, IntegerField()), key=F(key), instant=F(instant))
        .values_list("kind", "key", "instant")
        for kind, key, instant, rows in sources
    ]
    if not chosen:
        return StatusChange.objects.none()
    return chosen[0].union(*chosen[1:], all=True).order_by("-instant", "kind", "-key")


def _keys(rows: Iterable[tuple[int, int, datetime]], wanted: int) -> list[int]:
    return [key for kind, key, _at in rows if kind == wanted]


def _joined(events: Iterable[Event]) -> list[Event]:
    """Events, newest first, with the records of one save made one."""
    joined: list[Event] = []
    for event in events:
        last = joined[-1] if joined else None
        if last and last.is_edit and event.is_edit and last.by == event.by and last.at - event.at <= ONE_SAVE:
            last.lines = event.lines + last.lines
        else:
            joined.append(event)
    return joined


def _by_day(events: Iterable[Event], today: date) -> list[TimelineDay]:
    days: list[TimelineDay] = []
    for event in events:
        heading = _heading(event.at.date(), today)
        if not days or days[-1].heading != heading:
            days.append(TimelineDay(heading, []))
        days[-1].events.append(event)
    return days


def _heading(day: date, today: date) -> str:
    name = {today: "Today, ", today - ONE_DAY: "Yesterday, "}.get(day, "")
    return f"{name}{day:%A} {day.day} {day:%B %Y}"

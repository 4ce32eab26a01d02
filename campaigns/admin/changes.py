"""What changed on a day, newest first: statuses, by the rule and by people, and people's edits, in words."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import OuterRef, QuerySet, Subquery
from django.urls import reverse

from campaigns.admin.events import BRAND, CAMPAIGN, EDITS, ONE_SAVE, WINDOW, Event, in_words, told_edits, verb
from campaigns.admin.timeline import may_see
from campaigns.holds import Hold
from campaigns.models import Brand, Campaign, StatusChange
from campaigns.periods import ONE_DAY, LocalClock, day_start

SHOWN = 12
# The latest rows of each history that are looked at, before those that are of another day on their brands' clocks
# fall away.
LOOKED_AT = 200


@dataclass(frozen=True, slots=True)
class Changed:
    """What happened to a campaign or a brand, in words; `event.at` is on the brand's clock."""

    event: Event
    brand: Brand
    campaign_id: int | None  # None: the brand itself
    name: str = ""
    url: str = ""  # empty where it was deleted since

    @property
    def zone_name(self) -> str:
        """The place of the zone, without its continent."""
        return str(self.brand.timezone.key).rpartition("/")[2].replace("_", " ")


def may_see_changes(user: User | AnonymousUser) -> bool:
    return any(may_see(user, model) for model in (StatusChange, Campaign))


def changes(
    brands: Collection[Brand],
    campaigns: QuerySet[Campaign] | None,
    clocks: Collection[LocalClock],
    user: User | AnonymousUser,
    *,
    on: date | None = None,
) -> list[Changed]:
    """The latest changes of the day, of `campaigns` (None: of all) and of `brands`, as far as this person may see.

    A change is of the day on its brand's clock: of today there, up to now, or of the day `on`.
    """
    known = {brand.pk: brand for brand in brands}
    days = {clock.zone: _day(clock, on) for clock in clocks}
    first, end = min(start for start, _ in days.values()), max(end for _, end in days.values())
    found = [*_edits(known, campaigns, user, first, end)]
    if may_see(user, StatusChange):
        found += _status_changes(known, campaigns, first, end)
    ours = [each for each in found if _within(days[each.brand.timezone], each.event.at)]
    # What a save caused is told as coming after it.
    ours.sort(key=lambda each: (each.event.at, not each.event.is_edit), reverse=True)
    return _named(_joined(ours)[:SHOWN])


def _day(clock: LocalClock, on: date | None) -> tuple[datetime, datetime]:
    if on is None:
        return clock.day_start, clock.day_end
    return day_start(clock.zone, on), day_start(clock.zone, on + ONE_DAY)


def _within(day: tuple[datetime, datetime], at: datetime) -> bool:
    return day[0] <= at < day[1]


def _status_changes(
    brands: Mapping[int, Brand], campaigns: QuerySet[Campaign] | None, first: datetime, end: datetime
) -> Iterator[Changed]:
    found = StatusChange.objects.filter(at__lt=end).order_by("-pk").annotate(brand_id=_brand_of("campaign"))
    if campaigns is not None:
        found = found.filter(campaign__in=campaigns)
    # The history is in the order in which it was written, so the last of the day are found without an index on time.
    for change in found[:LOOKED_AT]:
        if change.at >= first and (brand := brands.get(change.brand_id)):
            held = Hold(change.to_holds)
            words = f"{verb(change)}: {held.label}." if held else f"{verb(change)}."
            event = Event(change.at.astimezone(brand.timezone), in_words(change.actor), [words])
            yield Changed(event, brand, change.campaign_id)


def _edits(
    brands: Mapping[int, Brand],
    campaigns: QuerySet[Campaign] | None,
    user: User | AnonymousUser,
    first: datetime,
    end: datetime,
) -> Iterator[Changed]:
    """What people edited. In nobody's name stands what only says how things were before."""
    for kind, model in EDITS.items():
        if not may_see(user, model.instance_type):
            continue
        found = model.objects.filter(history_date__gte=first, history_date__lt=end).exclude(history_user_id="")
        if campaigns is not None:
            ours: Any = list(brands) if kind == BRAND else campaigns
            found = found.filter(campaign__in=ours) if kind == WINDOW else found.filter(id__in=ours)
        if kind == WINDOW:
            found = found.annotate(brand_id=_brand_of("campaign"))
        latest = found.order_by("-history_date", "-history_id")[:LOOKED_AT]
        for edit, event in told_edits(kind, latest, partial(_brand_edited, kind, brands)):
            campaign_id = None if kind == BRAND else edit.id if kind == CAMPAIGN else edit.campaign_id
            yield Changed(event, brands[_brand_id(kind, edit)], campaign_id)


def _brand_edited(kind: int, brands: Mapping[int, Brand], edit: Any) -> Brand | None:
    return brands.get(_brand_id(kind, edit))


def _brand_id(kind: int, edit: Any) -> int:
    brand_id: int = edit.id if kind == BRAND else edit.brand_id
    return brand_id


def _brand_of(path: str) -> Subquery:
    return Subquery(Campaign.objects.filter(pk=OuterRef(path)).values("brand_id")[:1])


def _joined(found: list[Changed]) -> list[Changed]:
    """Newest first, with the records of one save, the campaign's and its windows', made one."""
    joined: list[Changed] = []
    for each in found:
        last = joined[-1] if joined else None
        if last and _is_one_save(last, each):
            last.event.lines = each.event.lines + last.event.lines
        else:
            joined.append(each)
    return joined


def _is_one_save(last: Changed, each: Changed) -> bool:
    one, other = last.event, each.event
    same = (last.brand.pk, last.campaign_id, one.by) == (each.brand.pk, each.campaign_id, other.by)
    return same and one.is_edit and other.is_edit and one.at - other.at <= ONE_SAVE


def _named(found: list[Changed]) -> list[Changed]:
    names = dict(
        Campaign.objects.filter(pk__among={each.campaign_id for each in found if each.campaign_id})
        .order_by()
        .values_list("pk", "name")
    )
    return [_with_name(each, names) for each in found]


def _with_name(each: Changed, names: Mapping[int, str]) -> Changed:
    if each.campaign_id is None:
        url = reverse("admin:campaigns_brand_change", args=[each.brand.pk])
        return replace(each, name=each.brand.name, url=url)
    if each.campaign_id not in names:
        return replace(each, name="A deleted campaign")
    url = reverse("admin:campaigns_campaign_change", args=[each.campaign_id])
    return replace(each, name=names[each.campaign_id], url=url)

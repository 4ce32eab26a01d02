"""What a What if answers: a replay of the last full month, and where this one would end, in words and drawings."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Q
from django.urls import reverse
from django.utils.safestring import SafeString

from campaigns import outlook
from campaigns.admin.charts import Band, ComparedDay, band_in_words, band_of, compared_bars
from campaigns.holds import Hold
from campaigns.hours import Window
from campaigns.models import Brand, Campaign, DaypartingSchedule
from campaigns.money import format_money
from campaigns.periods import LocalClock, local_clock
from campaigns.replay import CampaignReplay, Change, DayReplay, Replay, in_hours, last_month_with_spend, replay

Subject = Brand | Campaign

LIMITS_NOTE = (
    "Limits count for the whole month as they stand today, with what is tried here. What people paused by hand is not "
    "played again."
)


@dataclass(frozen=True, slots=True)
class Played:
    """The month that is played."""

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Tried:
    """What a person tries: what is otherwise, and all limits as they stand and as they would."""

    change: Change
    standing: Mapping[str, Any]
    wanted: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DayLine:
    day: date
    spent: str
    would: str
    paused: str


@dataclass(frozen=True, slots=True)
class CampaignLine:
    name: str
    url: str
    spent: str
    would: str
    days: int
    hours: str


@dataclass(frozen=True, slots=True)
class Answer:
    currency: str
    headline: str
    figures: list[tuple[str, str]]
    chart: SafeString
    notes: list[str]
    projection: list[str]
    campaigns: list[CampaignLine]
    days: list[DayLine]
    of_campaign: bool


def standing_windows(campaign: Campaign) -> tuple[Window, ...]:
    rows = DaypartingSchedule.objects.filter(campaign=campaign, is_active=True)
    return tuple(sorted(Window(row.day_of_week, row.start_time, row.end_time) for row in rows))


def month_to_play(subject: Subject, at: datetime) -> Played | None:
    """The last full month of its own ledger."""
    campaigns = Campaign.objects.filter(_campaigns_of(subject))
    found = last_month_with_spend(campaigns, _brand(subject).timezone, at)
    return Played(*found) if found else None


def answer(subject: Subject, tried: Tried, month: Played, *, at: datetime) -> Answer:
    """Play the month with what is tried. Raises ValueError for what cannot be played."""
    of_campaign = isinstance(subject, Campaign)
    if isinstance(subject, Campaign):
        changes: dict[str, Any] = {"changes": {subject.pk: tried.change}, "only": [subject.pk]}
    else:
        changes = {"brand_change": tried.change}
    told = replay(_brand(subject).pk, month.first, month.last, at=at, **changes)
    total = told.campaigns[0].total if of_campaign else told.total
    compared: Any = told.campaigns[0].days if of_campaign else told.brand_days
    currency = told.currency
    return Answer(
        currency=currency,
        headline=_headline(told, of_campaign=of_campaign),
        figures=[
            ("Spent", format_money(total.spent, currency)),
            ("Would have spent", format_money(total.would_have_spent, currency)),
            ("Difference", format_money(total.difference, currency)),
            *(_stopped(told.campaigns[0]) if of_campaign else []),
        ],
        chart=compared_bars(
            [ComparedDay(day.day, day.spent, day.would_have_spent) for day in compared],
            currency=currency,
            title=f"Spend by day, {month.first:%B %Y}",
        ),
        notes=[
            LIMITS_NOTE,
            *told.notes,
        ],
        projection=_projection(subject, tried, local_clock(told.zone, at)),
        campaigns=[] if of_campaign else _campaign_lines(told),
        days=[
            DayLine(
                day.day,
                format_money(day.spent, currency, with_code=False),
                format_money(day.would_have_spent, currency, with_code=False),
                _pauses(day, told) if isinstance(day, DayReplay) else _campaigns_held(day.day, told),
            )
            for day in compared
        ],
        of_campaign=of_campaign,
    )


def _brand(subject: Subject) -> Brand:
    return subject.brand if isinstance(subject, Campaign) else subject


def _campaigns_of(subject: Subject) -> Q:
    return Q(pk=subject.pk) if isinstance(subject, Campaign) else Q(brand=subject.pk)


def _headline(told: Replay, *, of_campaign: bool) -> str:
    month = f"{told.first:%B %Y}"
    if of_campaign:
        (campaign,) = told.campaigns
        held = len(campaign.days_held)
        days = "day" if held == 1 else "days"
        budgets = (
            f"It would have been paused on {held} {days} of {month}, for {_hours(campaign.held)} hours in all."
            if held
            else f"No budget would have paused it in {month}."
        )
        closed = (
            f" It would have been outside its hours for {_hours(campaign.closed)} hours." if campaign.closed else ""
        )
        return budgets + closed
    held = sum(bool(campaign.days_held) for campaign in told.campaigns)
    return f"{held} of {len(told.campaigns)} campaigns would have been paused by a budget in {month}."


def _stopped(campaign: CampaignReplay) -> list[tuple[str, str]]:
    held = [("Days held", str(len(campaign.days_held))), ("Hours held", _hours(campaign.held))]
    return [*held, ("Hours closed", _hours(campaign.closed))] if campaign.closed else held


def _hours(length: timedelta) -> str:
    return f"{in_hours(length):,.1f}"


def _pauses(day: DayReplay, told: Replay) -> str:
    """`14:05 to 20:00 (5.9 h): Daily budget reached; 12.0 h outside its hours`."""
    said = []
    for stop in day.stops:
        if stop.beyond_hours:
            start, end = (instant.astimezone(told.zone) for instant in (stop.start, stop.end))
            until = "24:00" if end.date() > start.date() else f"{end:%H:%M}"
            said.append(f"{start:%H:%M} to {until} ({_hours(stop.length)} h): {stop.holds.label}")
    if day.closed:
        said.append(f"{_hours(day.closed)} h outside its hours")
    return "; ".join(said)


def _campaigns_held(day: date, told: Replay) -> str:
    """`3 campaigns, 27.5 h in all`, for what is no matter of their hours."""
    held = [each.held for campaign in told.campaigns for each in campaign.days if each.day == day and each.held]
    campaigns = "campaign" if len(held) == 1 else "campaigns"
    return f"{len(held)} {campaigns}, {_hours(sum(held, timedelta()))} h in all" if held else ""


def _campaign_lines(told: Replay) -> list[CampaignLine]:
    return [
        CampaignLine(
            each.name,
            reverse("admin:campaigns_campaign_change", args=[each.id]),
            format_money(each.total.spent, told.currency, with_code=False),
            format_money(each.total.would_have_spent, told.currency, with_code=False),
            len(each.days_held),
            _hours(each.held),
        )
        for each in told.campaigns
    ]


def _projection(subject: Subject, tried: Tried, clock: LocalClock) -> list[str]:
    """Where the current month will end as things stand, and where with what is tried. Empty where nobody can say."""
    brand = _brand(subject)
    if not brand.is_active:
        return []
    if isinstance(subject, Campaign) and (
        subject.status not in {Campaign.Status.ACTIVE, Campaign.Status.PAUSED} or Hold.MANUAL in subject.hold_set
    ):
        return []
    stands, wanted = (_band(subject, limits, clock) for limits in (tried.standing, tried.wanted))
    if stands is None or wanted is None:
        return []
    sentences = [f"As it stands: {band_in_words(stands, brand.currency)}"]
    if tried.standing != tried.wanted:
        sentences.append(f"With what is tried: {band_in_words(wanted, brand.currency)}")
    return sentences


def _band(subject: Subject, limits: Mapping[str, Any], clock: LocalClock) -> Band | None:
    """Where this month would end under `limits`."""
    tried = copy(subject)
    for name in ("daily_budget", "monthly_budget", "total_budget"):
        if name in limits:
            setattr(tried, name, limits[name])
    if isinstance(tried, Brand):
        return band_of(outlook.of_brands([tried], at=clock.at)[tried.pk])
    windows = [
        DaypartingSchedule(day_of_week=window.day, start_time=window.start, end_time=window.end)
        for window in limits.get("windows", ())
    ]
    return band_of(outlook.of_campaigns([tried], at=clock.at, windows={tried.pk: windows})[tried.pk])

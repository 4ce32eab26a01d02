"""Why a campaign runs or is held, in sentences, and what the clock will change next (R21). Read-only."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import cast
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import BigIntegerField, Sum

from campaigns.entries import FUTURE_TOLERANCE
from campaigns.holds import Hold
from campaigns.models import Brand, Campaign, SpendLog
from campaigns.money import ZERO, format_money
from campaigns.periods import (
    ONE_DAY,
    LocalClock,
    day_start,
    local_clock,
    local_date,
    next_day_start,
    next_month_start,
    wall_changes,
)
from campaigns.rules import DAILY, MONTHLY, PERIODS, JudgedCampaign, Period, judge
from campaigns.statements import Place, Statement, clock_to_come, readings, statement

Status = Campaign.Status

# Windows repeat every week; two weeks and a day also cover one in which the clock jumped over the only window.
WINDOW_HORIZON = timedelta(days=15)


@dataclass(frozen=True, slots=True)
class HoldReason:
    """One reason for a pause: its code, and a sentence with the numbers it rests on."""

    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """What the rule says of a campaign at an instant."""

    running: bool
    status: str
    holds: list[HoldReason]
    next_change_at: datetime | None  # UTC; when the clock alone next changes the status
    then: str | None  # the status from then on, if nothing else is spent
    sentence: str
    headline: str  # of the sentence: what it does, without the holds
    outlook: str  # of the sentence: when the clock changes that; empty where it does not
    recorded_status: str  # as it is kept; differs from `status` until the next tick or edit puts it right


def explain(campaign_id: int, *, at: datetime) -> Explanation:
    """Explain the campaign at `at` (aware). Raises Campaign.DoesNotExist, and ValueError for a naive `at`."""
    zone = Campaign.objects.select_related("brand").get(pk=campaign_id).brand.timezone
    clock = local_clock(zone, at)
    recorded = judge(Campaign.objects.filter(pk=campaign_id).select_related("brand"), [clock]).get()
    campaign, _ = _judged(recorded, clock, clock.at)
    holds = Hold(campaign.holds_now) if campaign.due_status == Status.PAUSED else Hold.NONE
    reasons = [HoldReason(code, _sentence(Hold[code], campaign, clock)) for code in holds.codes]
    change = _next_change(recorded, campaign, clock)
    headline, outlook = _headline(campaign, clock), _outlook(campaign, change, clock) if change else ""
    return Explanation(
        running=campaign.due_status == Status.ACTIVE,
        status=campaign.due_status,
        holds=reasons,
        next_change_at=change.at if change else None,
        then=change.status if change else None,
        sentence=" ".join(filter(None, [_with_reasons(headline, reasons), outlook])),
        headline=headline,
        outlook=outlook,
        recorded_status=campaign.status,
    )


@dataclass(frozen=True, slots=True)
class _Change:
    at: datetime
    status: str


def _judged(recorded: JudgedCampaign, clock: LocalClock, seen_from: datetime) -> tuple[JudgedCampaign, bool]:
    """What a tick makes of the campaign, and whether spend that was there before a period began holds it then."""
    campaign = copy(recorded)
    campaign.brand = copy(recorded.brand)
    if clock.at > seen_from:  # of now the row says it
        campaign.holds_now, campaign.due_status = _verdict(recorded.pk, clock)
    early = _reached_early(campaign, clock, seen_from)
    if early:
        campaign.holds_now |= early.value
        if campaign.due_status == Status.ACTIVE:
            campaign.due_status = Status.DRAFT if campaign.status == Status.DRAFT else Status.PAUSED
    return campaign, bool(early)


def _verdict(campaign_id: int, clock: LocalClock) -> tuple[int, str]:
    """`holds_now` and `due_status` of the campaign at an instant to come."""
    ruling = _ruling(connection.vendor, clock.zone)
    with connection.cursor() as cursor:
        cursor.execute(ruling.sql, ruling.filled({"id": campaign_id, **readings([clock])}))
        return cast("tuple[int, str]", cursor.fetchone())


@lru_cache(maxsize=128)
def _ruling(_vendor: str, zone: ZoneInfo) -> Statement:
    campaigns = Campaign.objects.filter(pk=Place("id", BigIntegerField()))
    return statement(judge(campaigns, [clock_to_come(zone)]).values_list("holds_now", "due_status"))


def _reached_early(campaign: Campaign, clock: LocalClock, seen_from: datetime) -> Hold:
    """The budgets that are reached as soon as their period begins, by spend that is in the ledger before (R7).

    A rollover counts it (R14), while the rule reads a counter whose period has ended as zero. The counters of the row
    given become what they are then. Only a period that begins within the tolerance of `seen_from` can have such spend.
    """
    reached = Hold.NONE
    owners: list[tuple[Campaign | Brand, Hold, dict[str, int]]] = [
        (campaign, Hold.DAILY_BUDGET | Hold.MONTHLY_BUDGET, {"campaign": campaign.pk}),
        (campaign.brand, Hold.BRAND_DAILY_BUDGET | Hold.BRAND_MONTHLY_BUDGET, {"campaign__brand": campaign.brand_id}),
    ]
    for counted, theirs, whose in owners:
        for period in PERIODS:
            start, budget = period.start(clock), getattr(counted, f"{period.name}_budget")
            begun = getattr(counted, period.since) >= start
            if budget is None or begun or start > seen_from + FUTURE_TOLERANCE:
                continue
            spend = SpendLog.objects.filter(**whose, timestamp__gte=start).aggregate(sum=Sum("amount"))["sum"] or ZERO
            setattr(counted, period.since, start)
            setattr(counted, period.spend, spend)
            if spend >= budget:
                reached |= period.holds & theirs
    return reached


def _next_change(recorded: JudgedCampaign, campaign: JudgedCampaign, clock: LocalClock) -> _Change | None:
    """The next instant at which the rule gives another status, if nothing is spent, edited or decided meanwhile."""
    for instant in _instants(campaign, clock):
        clock_then = local_clock(clock.zone, instant)
        then, early = _judged(recorded, clock_then, clock.at)
        if then.due_status != campaign.due_status:
            return _Change(instant, then.due_status)
        if early:
            return _next_change(recorded, then, clock_then)  # the new period's budget holds it on, until that is over
    return None


def _instants(campaign: JudgedCampaign, clock: LocalClock) -> Iterator[datetime]:
    """The instants, ascending, at which the clock may change the campaign's status: few, and all that can."""
    zone, now = clock.zone, clock.at
    over = day_start(zone, campaign.end_date + ONE_DAY) if campaign.end_date and campaign.end_date < date.max else None
    if campaign.due_status == Status.COMPLETED:
        return
    holds = Hold(campaign.holds_now)
    # Before this instant nothing but the end date can change anything: budgets hold until their period is over.
    opening: datetime | None = now
    if campaign.due_status == Status.DRAFT:
        opening = day_start(zone, campaign.start_date) if campaign.start_date else None
    if holds & (Hold.MANUAL | Hold.BRAND_INACTIVE | Hold.TOTAL_BUDGET):
        opening = None
    elif opening is not None and holds & Hold.MONTHLY_BUDGETS:
        opening = max(opening, next_month_start(zone, now))
    elif opening is not None and holds & Hold.DAILY_BUDGETS:
        opening = max(opening, next_day_start(zone, now))

    if opening is not None:
        if opening > now and (over is None or opening < over):
            yield opening
        wall_times = {
            wall_time
            for schedule in campaign.schedules.filter(is_active=True)
            for wall_time in (schedule.start_time, schedule.end_time)
        }
        if wall_times:
            for instant in wall_changes(zone, wall_times, after=opening, until=opening + WINDOW_HORIZON):
                if over is not None and instant >= over:
                    break
                yield instant
    if over is not None and over > now:
        yield over


def _sentence(hold: Hold, campaign: Campaign, clock: LocalClock) -> str:
    brand = campaign.brand
    match hold:
        case Hold.MANUAL:
            return "A person paused it; only a person resumes it."
        case Hold.BRAND_INACTIVE:
            return f"The brand {brand.name} is inactive."
        case Hold.DAILY_BUDGET:
            return f"Today's budget of {_reached(DAILY, campaign, clock)}."
        case Hold.MONTHLY_BUDGET:
            return f"This month's budget of {_reached(MONTHLY, campaign, clock)}."
        case Hold.TOTAL_BUDGET:
            assert campaign.total_budget is not None
            budget, spend = (format_money(x, brand.currency) for x in (campaign.total_budget, campaign.total_spend))
            return f"The total budget of {budget} is reached ({spend})."
        case Hold.BRAND_DAILY_BUDGET:
            return f"The brand {brand.name}'s budget for today of {_reached(DAILY, brand, clock)}."
        case Hold.BRAND_MONTHLY_BUDGET:
            return f"The brand {brand.name}'s budget for this month of {_reached(MONTHLY, brand, clock)}."
        case _:
            return f"It is {clock.wall_time:%H:%M} on {_weekday(clock)} in {clock.zone.key}, outside its hours."


def _reached(period: Period, counted: Campaign | Brand, clock: LocalClock) -> str:
    currency = counted.currency if isinstance(counted, Brand) else counted.brand.currency
    budget = format_money(getattr(counted, f"{period.name}_budget"), currency)
    return f"{budget} is reached ({format_money(period.current_spend(counted, clock), currency)})"


def _weekday(clock: LocalClock) -> str:
    return f"{clock.at.astimezone(clock.zone):%A}"


def _headline(campaign: JudgedCampaign, clock: LocalClock) -> str:
    match campaign.due_status:
        case Status.DRAFT:
            if campaign.start_date is None:
                return "Draft. It has no start date: a person activates it."
            if campaign.start_date <= clock.today:
                return f"Draft. It does not start yet: {Hold(campaign.holds_now & ~Hold.DAYPARTING).label}."
            return "Draft."
        case Status.ACTIVE:
            return "Running."
        case Status.COMPLETED:
            return "Completed. A person reopens it."
        case _:
            return "Paused."


def _with_reasons(headline: str, reasons: list[HoldReason]) -> str:
    """`Paused: today's budget of EUR 120.00 is reached (EUR 121.40).`"""
    if not reasons:
        return headline
    said = " ".join(reason.sentence for reason in reasons)
    return f"{headline.removesuffix('.')}: {said[0].lower()}{said[1:]}"


def _outlook(campaign: JudgedCampaign, change: _Change, clock: LocalClock) -> str:
    starts = "Starts" if campaign.due_status == Status.DRAFT else "Resumes"
    verb = {Status.ACTIVE: starts, Status.PAUSED: "Pauses", Status.COMPLETED: "Completes"}[Status(change.status)]
    local = change.at.astimezone(clock.zone)
    day = local_date(clock.zone, change.at)
    when = {clock.today: "today", clock.today + ONE_DAY: "tomorrow"}.get(day, f"on {local:%A %Y-%m-%d} at")
    return f"{verb} {when} {local:%H:%M} {clock.zone.key}."

"""What the page of a campaign shows around its form: status, the month's spend, the week and the history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Sum
from django.db.models.functions import ExtractHour
from django.http import HttpRequest
from django.urls import reverse

from campaigns import outlook
from campaigns.admin.month import MonthBlock, asked_month, month_block
from campaigns.admin.timeline import Timeline, may_see, timeline
from campaigns.admin.week import Week, week_of
from campaigns.explain import Explanation, explain
from campaigns.holds import Hold
from campaigns.models import Campaign, DailySpend, DaypartingSchedule, SpendLog
from campaigns.open_days import month_of_campaign
from campaigns.periods import LocalClock, local_clock

Status = Campaign.Status

LEVELS = {Status.ACTIVE: "success", Status.PAUSED: "warning", Status.DRAFT: "info", Status.COMPLETED: "default"}


@dataclass(frozen=True, slots=True)
class Step:
    """One click that does something about it: a link, or a form that posts."""

    label: str
    url: str
    posts: bool = False


@dataclass(frozen=True, slots=True)
class HoldLine:
    sentence: str
    step: Step | None


@dataclass(frozen=True, slots=True)
class StatusBlock:
    label: str
    level: str
    words: str  # what it does, why, and when the clock changes that
    steps: list[Step]
    holds: list[HoldLine]  # where there are several: of one, all is said in the words
    recorded: str  # the status as it is kept, where the next check will change it


@dataclass(frozen=True, slots=True)
class CampaignPage:
    status: StatusBlock
    month: MonthBlock | None  # None: not for this person
    week: Week
    draws: bool  # whether this person may draw windows
    history: Timeline


def campaign_page(campaign_id: int, request: HttpRequest, *, at: datetime, draws: bool, changes: bool) -> CampaignPage:
    """The campaign as it is kept, at `at`. The address bar may name a month (`2026-11`) and a page of the history."""
    campaign = Campaign.objects.select_related("brand").get(pk=campaign_id)
    user = request.user
    clock = local_clock(campaign.brand.timezone, at)
    windows = [window for window in campaign.schedules.all() if window.is_active]
    said = explain(campaign.pk, at=at)
    return CampaignPage(
        status=_status(campaign, said, user, clock, changes=changes),
        month=_month(campaign, windows, clock, request.GET.get("month", "")) if may_see(user, DailySpend) else None,
        week=week_of(
            windows,
            clock,
            campaign.brand.currency,
            _spent_by_hour(campaign, clock) if may_see(user, SpendLog) else None,
        ),
        draws=draws,
        history=timeline(campaign, user, page=request.GET.get("history", ""), at=at),
    )


def _status(
    campaign: Campaign, said: Explanation, user: User | AnonymousUser, clock: LocalClock, *, changes: bool
) -> StatusBlock:
    status = Status(said.status)
    verb = _verb(campaign, said, clock) if changes else None
    holds = [HoldLine(hold.sentence, _step(Hold[hold.code], campaign, user, changes)) for hold in said.holds]
    is_one = len(holds) == 1
    steps = [holds[0].step if is_one else None, Step(verb[1], _act(campaign, verb[0]), posts=True) if verb else None]
    return StatusBlock(
        label=str(status.label),
        level=LEVELS[status],
        words=_in_words(said),
        steps=[step for step in steps if step],
        holds=[] if is_one else holds,
        recorded="" if said.recorded_status == said.status else str(Status(said.recorded_status).label),
    )


def _in_words(said: Explanation) -> str:
    """`Paused: today's budget of EUR 120.00 is reached (EUR 121.40). Resumes tomorrow 00:00 Europe/Berlin.`"""
    codes = [hold.code for hold in said.holds]
    words = said.sentence if len(codes) < 2 else f"Paused for {len(codes)} reasons. {said.outlook}"
    if codes and codes != [Hold.MANUAL.name] and not said.outlook:
        words = f"{words.rstrip()} No clock ends this: it takes a person."
    return words


def _verb(campaign: Campaign, said: Explanation, clock: LocalClock) -> tuple[str, str] | None:
    """What a person can do to it at once, and how that is called."""
    starts_later = campaign.start_date is not None and campaign.start_date > clock.today
    has_ended = campaign.end_date is not None and campaign.end_date < clock.today
    match said.status:
        case Status.ACTIVE:
            return "pause", "Pause"
        case Status.PAUSED if "MANUAL" not in [hold.code for hold in said.holds]:
            return "pause", "Keep it paused"
        case Status.DRAFT if not starts_later:
            return "activate", "Start now"
        case Status.COMPLETED if not starts_later and not has_ended:
            return "activate", "Reopen"
        case _:
            return None


def _step(hold: Hold, campaign: Campaign, user: User | AnonymousUser, changes: bool) -> Step | None:
    """What this person may do about a hold."""
    if hold & (Hold.BRAND_INACTIVE | Hold.BRAND_DAILY_BUDGET | Hold.BRAND_MONTHLY_BUDGET):
        if not user.has_perm("campaigns.change_brand"):
            return None
        target = {Hold.BRAND_DAILY_BUDGET: "#id_daily_budget", Hold.BRAND_MONTHLY_BUDGET: "#id_monthly_budget"}
        label = "Open the brand" if hold == Hold.BRAND_INACTIVE else "Raise the brand's budget"
        url = reverse("admin:campaigns_brand_change", args=[campaign.brand_id])
        return Step(label, f"{url}{target.get(hold, '#id_is_active')}")
    if not changes:
        return None
    match hold:
        case Hold.MANUAL:
            return Step("Resume", _act(campaign, "resume"), posts=True)
        case Hold.DAYPARTING:
            return Step("Change the hours", "#week")
        case _:
            return Step("Raise the budget", f"#id_{hold.name.lower() if hold.name else ''}")


def _act(campaign: Campaign, verb: str) -> str:
    return reverse("admin:campaigns_campaign_act", args=[campaign.pk, verb])


def _spent_by_hour(campaign: Campaign, clock: LocalClock) -> dict[int, Decimal]:
    """Today's spend by the hour that the wall clock showed; a repeated hour has both."""
    today = SpendLog.objects.filter(
        campaign=campaign, timestamp__gte=clock.day_start, timestamp__lt=clock.day_end
    ).order_by()
    hours = today.annotate(hour=ExtractHour("timestamp", tzinfo=clock.zone)).values_list("hour")
    return dict(hours.annotate(spent=Sum("amount")))


def _month(campaign: Campaign, windows: Sequence[DaypartingSchedule], clock: LocalClock, asked: str) -> MonthBlock:
    today = clock.today
    first = asked_month(asked, today)
    is_current = first == today.replace(day=1)
    seen = outlook.of_campaigns([campaign], at=clock.at, windows={campaign.pk: windows}) if is_current else {}
    return month_block(
        campaign,
        DailySpend.objects.filter(campaign=campaign),
        first,
        currency=campaign.brand.currency,
        today=today,
        running=month_of_campaign(campaign, windows, first) if is_current else None,
        seen=seen.get(campaign.pk),
    )

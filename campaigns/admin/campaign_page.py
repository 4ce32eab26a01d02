"""What the page of a campaign shows around its form: status, the month's spend, the week and the history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Sum
from django.db.models.functions import ExtractHour
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString

from campaigns import outlook
from campaigns.admin.charts import Band, Bullet, Day, band_in_words, band_of, bullet, day_bars, month_line
from campaigns.admin.timeline import Timeline, may_see, timeline
from campaigns.admin.week import Week, week_of
from campaigns.currencies import decimals
from campaigns.explain import Explanation, explain
from campaigns.holds import Hold
from campaigns.models import Campaign, DailySpend, DaypartingSchedule, SpendLog
from campaigns.money import ZERO, format_money
from campaigns.outlook import month_of_campaign
from campaigns.pacing import Month, Pace, month_of
from campaigns.periods import ONE_DAY, LocalClock, local_clock

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
    headline: str
    holds: list[HoldLine]
    outlook: str
    step: Step | None
    recorded: str  # the status as it is kept, where the next check will change it


@dataclass(frozen=True, slots=True)
class DayLine:
    """A day in the table beside the chart."""

    day: date
    spent: str
    budget: str
    note: str


@dataclass(frozen=True, slots=True)
class MonthBlock:
    name: str
    earlier: str  # the months beside it, as the address bar names them; empty where there is none to show
    later: str
    spent: str
    sentences: list[str]
    bars: SafeString
    line: SafeString
    bullet: SafeString | None
    lines: list[DayLine]
    has_spend: bool


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
    return StatusBlock(
        label=str(status.label),
        level=LEVELS[status],
        headline=said.headline,
        holds=[HoldLine(hold.sentence, _step(Hold[hold.code], campaign, user, changes)) for hold in said.holds],
        outlook=said.outlook,
        step=Step(verb[1], _act(campaign, verb[0]), posts=True) if verb else None,
        recorded="" if said.recorded_status == said.status else str(Status(said.recorded_status).label),
    )


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
    currency, today = campaign.brand.currency, clock.today
    first = _asked_month(asked, today)
    is_current = first == today.replace(day=1)
    whole = month_of(first)
    assert whole is not None
    known = _daily_spends(campaign, first, whole.last)
    running = month_of_campaign(campaign, windows, first) if is_current else None
    days = _days(campaign, whole, running, known, clock)
    spent = sum((day.spend for day in days if day.spend), ZERO)
    seen = outlook.of_campaigns([campaign], at=clock.at, windows={campaign.pk: windows})[campaign.pk]
    stands, band = (seen.pace, band_of(seen)) if is_current else (None, None)
    has_earlier = DailySpend.objects.filter(campaign=campaign, day__lt=first).exists()
    marked = today if is_current else None
    name = f"{first:%B %Y}"
    return MonthBlock(
        name=name,
        earlier=f"{first - ONE_DAY:%Y-%m}" if has_earlier else "",
        later="" if is_current else f"{whole.last + ONE_DAY:%Y-%m}",
        spent=format_money(spent, currency),
        sentences=_sentences(days, stands, band, currency),
        bars=day_bars(days, currency=currency, title=f"Spend by day, {name}", today=marked),
        line=month_line(days, currency=currency, title=f"Month to date, {name}", today=marked, band=band),
        bullet=bullet(Bullet(stands.spent, stands.budget, stands.expected, band), currency=currency)
        if stands and stands.budget is not None
        else None,
        lines=_lines(days, currency, today),
        has_spend=any(day.spend for day in days),
    )


def _asked_month(asked: str, today: date) -> date:
    """The first of the month that the address bar names; of the current one where it names none or one to come."""
    current = today.replace(day=1)
    try:
        first = date.fromisoformat(f"{asked}-01")
    except ValueError:
        return current
    return min(first, current)


def _daily_spends(campaign: Campaign, first: date, last: date) -> dict[date, DailySpend]:
    return {row.day: row for row in DailySpend.objects.filter(campaign=campaign, day__range=(first, last))}


def _days(
    campaign: Campaign, month: Month, running: Month | None, known: dict[date, DailySpend], clock: LocalClock
) -> list[Day]:
    """The month's days, with the budget in force on each, and what the month should have cost by each it runs on."""
    days = []
    for n in range(month.length):
        day = month.first + n * ONE_DAY
        row = known.get(day)
        spend = (row.amount if row else ZERO) if day <= clock.today else None
        budget = campaign.daily_budget if day >= clock.today else row.daily_budget if row else None
        plan = None
        if running and campaign.monthly_budget is not None and day >= running.first:
            share = running.elapsed(day + ONE_DAY, Fraction(0))
            plan = _rounded(Fraction(campaign.monthly_budget) * share, campaign.brand.currency)
        days.append(Day(day, spend, budget, plan))
    return days


def _rounded(amount: Fraction, currency: str) -> Decimal:
    step = Decimal(1).scaleb(-decimals(currency))
    return (Decimal(amount.numerator) / Decimal(amount.denominator)).quantize(step, ROUND_HALF_UP)


def _sentences(days: Sequence[Day], stands: Pace | None, band: Band | None, currency: str) -> list[str]:
    """What the drawings show, in words."""
    said = []
    if stands and stands.budget is not None and stands.expected is not None:
        words = f"{format_money(stands.spent, currency)} of {format_money(stands.budget, currency)} spent"
        words += f", {format_money(stands.expected, currency)} expected by now"
        said.append(f"{words}: {stands.status.value.lower()}." if stands.status else f"{words}.")
        if stands.daily_to_land and stands.spent < stands.budget:
            landing = format_money(stands.daily_to_land, currency)
            said.append(f"A daily budget of {landing} from today on would land on the month's budget.")
    elif stands and stands.status:
        said.append(f"{stands.status.value}: it runs, and has spent nothing for days.")
    if band is not None:
        said.append(band_in_words(band, currency))
    reached = sum(_is_reached(day) for day in days)
    if reached:
        said.append(f"The daily budget was reached on {reached} {'day' if reached == 1 else 'days'}.")
    return said


def _lines(days: Sequence[Day], currency: str, today: date) -> list[DayLine]:
    return [
        DayLine(
            day.day,
            format_money(day.spend, currency),
            "" if day.budget is None else format_money(day.budget, currency),
            ", ".join(
                filter(None, ["Today" if day.day == today else "", "Budget reached" if _is_reached(day) else ""])
            ),
        )
        for day in reversed(days)
        if day.spend is not None
    ]


def _is_reached(day: Day) -> bool:
    return day.spend is not None and day.budget is not None and day.spend >= day.budget

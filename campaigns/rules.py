"""The one rule: what status and holds every campaign should have at an instant, as ORM expressions.

It stands once, in SQL, for one campaign as for a million. Time enters as a `LocalClock`, so a query speaks of the
brands of one zone. A counter whose period has ended counts as zero (R14), so the rule is right however late a
rollover comes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, TypeAlias, TypedDict, cast

from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, SmallIntegerField, Value, When
from django.db.models.expressions import Combinable

from campaigns.holds import Hold
from campaigns.models import Brand, Campaign, DaypartingSchedule
from campaigns.money import ZERO
from campaigns.periods import LocalClock

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

Status = Campaign.Status


class Verdict(TypedDict):
    """What the rule adds to a campaign's row."""

    holds_now: int  # the holds that apply; they are to be kept where due_status is PAUSED
    due_status: str


if TYPE_CHECKING:
    JudgedCampaign: TypeAlias = WithAnnotations[Campaign, Verdict]
else:
    JudgedCampaign = Campaign

RUNNING_OR_HELD = Q(status__in=[Status.ACTIVE, Status.PAUSED])


def judge(campaigns: QuerySet[Campaign], clock: LocalClock, owned: Hold = Hold.ENGINE) -> QuerySet[JudgedCampaign]:
    """`campaigns`, which must all be of brands on `clock`'s zone, with `holds_now` and `due_status` at its instant.

    Only the holds in `owned` are decided anew; the others stay as they are (R16), except that a campaign starts to run
    only after a look at all of them and at its end date. MANUAL never applies by itself: who owns it, a person, lifts
    it (R17). A draft is started, and a campaign that still runs or is held completed, only where every engine hold is
    owned: what starts needs all its holds decided at once (R18).
    """
    runs = RUNNING_OR_HELD
    # What would run again after its last day is completed by whoever lifts its last hold.
    completes = _ended(clock) & Q(status=Status.PAUSED, holds_now=0)
    if _owns_lifecycle(owned):
        runs |= _starts(clock)
        completes = _ended(clock)
    judged = _with_holds_now(campaigns, clock, owned).annotate(
        due_status=Case(
            When(completes, then=Value(Status.COMPLETED)),
            When(~runs, then=F("status")),
            When(holds_now=0, then=Value(Status.ACTIVE)),
            default=Value(Status.PAUSED),
        )
    )
    return cast("QuerySet[JudgedCampaign]", judged)


def changing(campaigns: QuerySet[Campaign], clock: LocalClock, owned: Hold = Hold.ENGINE) -> QuerySet[JudgedCampaign]:
    """Those of `judge` whose status or holds are not what they should be.

    Says the same as a comparison with `due_status` would, but works the holds out once a row.
    """
    differs = RUNNING_OR_HELD & ~Q(holds=F("holds_now"))
    if _owns_lifecycle(owned):
        differs |= _ended(clock) | _starts(clock)
    return judge(campaigns, clock, owned).filter(differs)


def _owns_lifecycle(owned: Hold) -> bool:
    return owned & Hold.ENGINE == Hold.ENGINE


def _ended(clock: LocalClock) -> Q:
    """The end date, the last day on which it runs, has passed: also for a draft, which then never ran (R18)."""
    return Q(end_date__lt=clock.today) & ~Q(status=Status.COMPLETED)


def _starts(clock: LocalClock) -> Q:
    """A draft whose start date has come, unless its brand or a budget holds it (R18).

    Hours do not keep it: it starts, and waits for them.
    """
    return Q(status=Status.DRAFT, start_date__lte=clock.today, holds_now__in=[0, Hold.DAYPARTING.value])


def _with_holds_now(campaigns: QuerySet[Campaign], clock: LocalClock, owned: Hold) -> QuerySet[Campaign]:
    """`campaigns` with `holds_now`: the holds in `owned` that apply now, and the others as they are kept.

    A paused campaign runs again only when nothing at all holds it: where its kept holds would leave none, every engine
    hold is looked at. Else a reset at midnight would let it run until the next check of its hours.
    """
    mine = _holds_of(clock, owned)
    if _owns_lifecycle(owned):
        return campaigns.annotate(holds_now=mine)
    return campaigns.alias(holds_mine=mine).annotate(
        holds_now=Case(
            When(status=Status.PAUSED, holds_mine=0, then=_holds_of(clock, owned | Hold.ENGINE)),
            default=F("holds_mine"),
            output_field=SmallIntegerField(),
        )
    )


def _holds_of(clock: LocalClock, owned: Hold) -> Combinable:
    holds: Combinable = F("holds").bitand((Hold.ALL & ~owned).value)
    for hold, applies in _conditions(clock).items():
        if hold in owned:
            holds = holds + Case(When(applies, then=hold.value), default=0, output_field=SmallIntegerField())
    return holds


@dataclass(frozen=True, slots=True)
class Period:
    """A kind of counter: the day's or the month's, of campaigns and brands alike."""

    name: str  # daily or monthly
    holds: Hold  # what it decides

    @property
    def spend(self) -> str:
        return f"{self.name}_spend"

    @property
    def since(self) -> str:
        return f"{self.name}_since"

    def start(self, clock: LocalClock) -> datetime:
        """The first instant of the local day or month that `clock` is in."""
        return clock.day_start if self is DAILY else clock.month_start

    def current_spend(self, counted: Brand | Campaign, clock: LocalClock) -> Decimal:
        """What the counter says at `clock`, in the brand's currency: zero where its period has ended."""
        spend: Decimal = getattr(counted, self.spend)
        return ZERO if getattr(counted, self.since) < self.start(clock) else spend


DAILY = Period("daily", Hold.DAILY_BUDGETS)
MONTHLY = Period("monthly", Hold.MONTHLY_BUDGETS)
PERIODS = (DAILY, MONTHLY)


def over_budget(clock: LocalClock) -> Q:
    """Campaigns of which a budget, their own or their brand's, is reached (R12); of brands on `clock`'s zone."""
    return reduce(or_, (applies for hold, applies in _conditions(clock).items() if hold in Hold.BUDGETS))


def _conditions(clock: LocalClock) -> dict[Hold, Q]:
    """When each engine hold applies to a campaign."""
    return {
        Hold.BRAND_INACTIVE: Q(brand__is_active=False),
        Hold.DAILY_BUDGET: _reached(DAILY, clock),
        Hold.MONTHLY_BUDGET: _reached(MONTHLY, clock),
        Hold.TOTAL_BUDGET: Q(total_spend__gte=F("total_budget")),
        Hold.BRAND_DAILY_BUDGET: _reached(DAILY, clock, "brand__"),
        Hold.BRAND_MONTHLY_BUDGET: _reached(MONTHLY, clock, "brand__"),
        Hold.DAYPARTING: Q(Exists(_windows())) & ~Q(Exists(_windows().filter(_open(clock)))),
    }


def _reached(period: Period, clock: LocalClock, prefix: str = "") -> Q:
    """Spend of the current period >= budget (R12); budgets are positive, so an ended period's zero never is."""
    return Q(
        **{
            f"{prefix}{period.since}__gte": period.start(clock),
            f"{prefix}{period.spend}__gte": F(f"{prefix}{period.name}_budget"),
        }
    )


def _windows() -> QuerySet[DaypartingSchedule]:
    return DaypartingSchedule.objects.filter(campaign=OuterRef("pk"), is_active=True).order_by()


def _open(clock: LocalClock) -> Q:
    """Windows that the wall clock is inside (R20): `[start, end)`, with an end before the start on the next day."""
    past_midnight = Q(end_time__lt=F("start_time"))  # includes an end of 00:00
    began_today = Q(day_of_week=clock.wall_weekday, start_time__lte=clock.wall_time)
    began_yesterday = Q(day_of_week=clock.wall_day_before) & past_midnight
    return (began_today & (Q(end_time__gt=clock.wall_time) | past_midnight)) | (
        began_yesterday & Q(end_time__gt=clock.wall_time)
    )

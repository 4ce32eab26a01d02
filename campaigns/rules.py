"""The one rule: what status and holds every campaign should have at an instant, as ORM expressions.

It stands once, in SQL, for one campaign as for a million. Time enters as `LocalClock`s, one for each zone that the
brands concerned live in. A counter whose period has ended counts as zero (R14), so the rule is right however late a
rollover comes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, TypeAlias, TypedDict, TypeVar, cast

from django.db.models import (
    Case,
    DateField,
    F,
    Max,
    OuterRef,
    Q,
    QuerySet,
    SmallIntegerField,
    Subquery,
    Value,
    When,
)
from django.db.models.expressions import Combinable
from django.db.models.lookups import Exact, In

from campaigns.holds import Hold
from campaigns.models import Brand, Campaign, DaypartingSchedule
from campaigns.money import ZERO, MoneyField
from campaigns.periods import LocalClock
from campaigns.statements import value

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

Status = Campaign.Status


class Verdict(TypedDict):
    """What the rule adds to a campaign's row."""

    holds_now: int  # the holds that apply, whatever the status
    due_status: str
    due_holds: int  # those to be kept: holds_now where due_status is PAUSED, else none


if TYPE_CHECKING:
    JudgedCampaign: TypeAlias = WithAnnotations[Campaign, Verdict]
else:
    JudgedCampaign = Campaign

Clocks: TypeAlias = Collection[LocalClock]
Expression = TypeVar("Expression", Combinable, Q)

RUNNING_OR_HELD = Q(status__in=[Status.ACTIVE, Status.PAUSED])
DIFFERS = ~Q(status=F("due_status")) | ~Q(holds=F("due_holds"))


def judge(campaigns: QuerySet[Campaign], clocks: Clocks, owned: Hold = Hold.ENGINE) -> QuerySet[JudgedCampaign]:
    """`campaigns`, whose brands' zones must all be among those of `clocks`, with what the rule says of each.

    Only the holds in `owned` are decided anew; the others stay as they are (R16), except that a campaign starts to run
    only after a look at all of them and at its end date. MANUAL never applies by itself: who owns it, a person, lifts
    it (R17). A draft is started, and a campaign that still runs or is held completed, only where every engine hold is
    owned: what starts needs all its holds decided at once (R18).
    """
    runs = RUNNING_OR_HELD
    over = Q(pk__in=[])
    if _owns_lifecycle(owned):
        runs |= _starts(clocks, F("holds_now"))
        over = _ended(clocks)
    # What would run again after its last day is completed by whoever lifts its last hold.
    released = Case(
        When(_ended(clocks) & Q(status=Status.PAUSED), then=Value(Status.COMPLETED)), default=Value("ACTIVE")
    )
    # The database works holds_now out anew wherever it is named: so as seldom as can be.
    judged = campaigns.annotate(holds_now=_holds_now(clocks, owned)).annotate(
        due_status=Case(
            When(over, then=Value(Status.COMPLETED)),
            When(~runs, then=F("status")),
            When(holds_now=0, then=released),
            default=Value(Status.PAUSED),
        ),
        due_holds=Case(When(over | ~runs, then=0), default=F("holds_now"), output_field=SmallIntegerField()),
    )
    return cast("QuerySet[JudgedCampaign]", judged)


def changing(campaigns: QuerySet[Campaign], clocks: Clocks, owned: Hold = Hold.ENGINE) -> QuerySet[JudgedCampaign]:
    """Those of `judge` whose status or holds are not what they should be."""
    return judge(campaigns, clocks, owned).filter(_is_wrong(clocks, owned, F("holds_now")))


def is_wrong(clock: LocalClock, owned: Hold) -> Q:
    """The same as a condition on campaigns of this clock's zone: `by_zone` looks for those of many in one query."""
    return _is_wrong([clock], owned, _holds_now([clock], owned))


def by_zone(clocks: Clocks, expression: Callable[[LocalClock], Expression]) -> Expression | Case:
    """The expression, or condition, of the campaign's own zone."""
    if len(clocks) == 1:
        return expression(*clocks)
    return Case(*(When(brand__timezone=clock.zone, then=expression(clock)) for clock in clocks))


def _is_wrong(clocks: Clocks, owned: Hold, holds_now: Combinable) -> Q:
    """Says the same as DIFFERS would, but works the holds out once a row."""
    wrong = RUNNING_OR_HELD & ~Q(holds=holds_now)
    if _owns_lifecycle(owned):
        wrong |= _ended(clocks) | _starts(clocks, holds_now)
    return wrong


def _owns_lifecycle(owned: Hold) -> bool:
    return owned & Hold.ENGINE == Hold.ENGINE


def _today(clocks: Clocks) -> Combinable:
    return by_zone(clocks, lambda clock: value(clock.today, DateField()))


def _ended(clocks: Clocks) -> Q:
    """The end date, the last day on which it runs, has passed: also for a draft, which then never ran (R18)."""
    return Q(end_date__lt=_today(clocks)) & ~Q(status=Status.COMPLETED)


def _starts(clocks: Clocks, holds_now: Combinable) -> Q:
    """A draft whose start date has come, unless its brand or a budget holds it (R18).

    Hours do not keep it: it starts, and waits for them.
    """
    due = Q(status=Status.DRAFT, start_date__lte=_today(clocks))
    return due & Q(In(holds_now, [0, Hold.DAYPARTING.value]))


def _holds_now(clocks: Clocks, owned: Hold) -> Combinable:
    """The holds in `owned` that apply now, and the others as they are kept.

    A paused campaign runs again only when nothing at all holds it: where its kept holds would leave none, every engine
    hold is looked at. Else a reset at midnight would let it run until the next check of its hours.
    """
    mine = by_zone(clocks, lambda clock: _holds_of(clock, owned))
    if _owns_lifecycle(owned):
        return mine
    return Case(
        When(
            Q(status=Status.PAUSED) & Q(Exact(mine, 0)),
            then=by_zone(clocks, lambda clock: _holds_of(clock, owned | Hold.ENGINE)),
        ),
        default=mine,
        output_field=SmallIntegerField(),
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

    def current(self, clock: LocalClock, path: str = "") -> Case:
        """The same as `current_spend`, in SQL: of the campaign's row, or of its brand's where `path` is `brand__`."""
        return Case(
            When(**{f"{path}{self.since}__gte": self.start(clock)}, then=F(f"{path}{self.spend}")),
            default=Value(ZERO, MoneyField()),
        )


DAILY = Period("daily", Hold.DAILY_BUDGETS)
MONTHLY = Period("monthly", Hold.MONTHLY_BUDGETS)
PERIODS = (DAILY, MONTHLY)


def over_budget(clocks: Clocks) -> Q:
    """Campaigns of which a budget, their own or their brand's, is reached (R12); of brands on these clocks' zones."""
    return reduce(
        or_,
        (
            Q(brand__timezone=clock.zone) & applies
            for clock in clocks
            for hold, applies in _conditions(clock).items()
            if hold in Hold.BUDGETS
        ),
        Q(pk__in=[]),
    )


def _conditions(clock: LocalClock) -> dict[Hold, Q]:
    """When each engine hold applies to a campaign."""
    return {
        Hold.BRAND_INACTIVE: Q(brand__is_active=False),
        Hold.DAILY_BUDGET: _reached(DAILY, clock),
        Hold.MONTHLY_BUDGET: _reached(MONTHLY, clock),
        Hold.TOTAL_BUDGET: Q(total_spend__gte=F("total_budget")),
        Hold.BRAND_DAILY_BUDGET: _reached(DAILY, clock, "brand__"),
        Hold.BRAND_MONTHLY_BUDGET: _reached(MONTHLY, clock, "brand__"),
        Hold.DAYPARTING: Q(Exact(_open_windows(clock), 0)),  # none has windows at all: null
    }


def _reached(period: Period, clock: LocalClock, prefix: str = "") -> Q:
    """Spend of the current period >= budget (R12); budgets are positive, so an ended period's zero never is."""
    return Q(
        **{
            f"{prefix}{period.since}__gte": period.start(clock),
            f"{prefix}{period.spend}__gte": F(f"{prefix}{period.name}_budget"),
        }
    )


def _open_windows(clock: LocalClock) -> Subquery:
    """1 where the wall clock is inside one of the campaign's windows, 0 where in none, null where it has none (R20)."""
    windows = DaypartingSchedule.objects.filter(campaign=OuterRef("pk"), is_active=True).order_by()
    is_open = Max(Case(When(_open(clock), then=1), default=0))
    return Subquery(windows.values("campaign").annotate(is_open=is_open).values("is_open"))


def _open(clock: LocalClock) -> Q:
    """Windows that the wall clock is inside (R20): `[start, end)`, with an end before the start on the next day."""
    past_midnight = Q(end_time__lt=F("start_time"))  # includes an end of 00:00
    began_today = Q(day_of_week=clock.wall_weekday, start_time__lte=clock.wall_time)
    began_yesterday = Q(day_of_week=clock.wall_day_before) & past_midnight
    return (began_today & (Q(end_time__gt=clock.wall_time) | past_midnight)) | (
        began_yesterday & Q(end_time__gt=clock.wall_time)
    )

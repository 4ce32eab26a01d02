"""What if: a brand's days are played again under other budgets or hours, by the rule and the ledger as they stand.

The brand and its campaigns are copied into a database of their own (`scratch.py`), where the entries come in once
more, in the order in which the money was spent; so nobody waits for a replay, and nothing that counts is touched.
What comes in while its campaign does not run is not spent there: that is what a pause is for.

What is known of the past is what the ledger has. Spend that a pause held back then is in no ledger, so larger budgets
show fewer pauses and not more spend. Limits are those of today, with the changes, for the whole time. What people
paused, resumed or ended by hand is not played again. Spend counts when it was spent, however late it was heard of.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import BigIntegerField, Max, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Cast

from campaigns.enforcement import enforce, reconcile
from campaigns.holds import Hold
from campaigns.hours import Window, format_windows, open_spans
from campaigns.ledger import SpendEntry, record_spend
from campaigns.models import BEGINNING, Brand, Campaign, DailySpend, DaypartingSchedule, SpendLog, StatusChange
from campaigns.money import MAX_AMOUNT, ZERO, format_amount, from_micros, to_micros
from campaigns.periods import ONE_DAY, day_start, last_second, local_clock, wall_changes
from campaigns.scratch import Scratch
from campaigns.storage import Account, brand_accounts, campaign_accounts

Status = Campaign.Status

BRAND_BUDGETS = ("daily_budget", "monthly_budget")
CAMPAIGN_BUDGETS = (*BRAND_BUDGETS, "total_budget")

# A day's total says nothing of its hours: it is spread evenly over those in which the campaign was to run, in equal
# parts of at most this length, each spent in the middle of it.
SPREAD_STEP = timedelta(minutes=15)
# So many days take a minute or so, with thousands of entries each.
MOST_DAYS = 366

ACTOR = "replay"
_MAX_MICROS = to_micros(MAX_AMOUNT)

# Called with what is being done, how many days of it are, and of how many.
Watch: TypeAlias = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be otherwise than it stands: budgets by name, None for no limit; windows, none for around the clock.

    What is not named stays. Raises ValueError for a budget that is not more than zero (R12).
    """

    budgets: Mapping[str, Decimal | None] = field(default_factory=dict)
    windows: tuple[Window, ...] | None = None

    def __post_init__(self) -> None:
        for name, budget in self.budgets.items():
            if budget is not None and budget <= 0:
                raise ValueError(f"The {name.replace('_', ' ')} must be more than zero. Leave it out for no limit.")

    def as_json(self, currency: str) -> dict[str, Any]:
        shown: dict[str, Any] = {
            name: None if budget is None else format_amount(budget, currency) for name, budget in self.budgets.items()
        }
        return shown if self.windows is None else {**shown, "windows": format_windows(self.windows)}


UNCHANGED = Change()


@dataclass(frozen=True, slots=True)
class Stop:
    """A time in which a campaign does not run: `[start, end)`, in UTC; one for each set of reasons."""

    start: datetime
    end: datetime
    status: str
    holds: Hold  # none where it is a draft or completed

    @property
    def length(self) -> timedelta:
        return self.end - self.start

    @property
    def beyond_hours(self) -> bool:
        """Whether something else than its hours paused it, at a time when these would have let it run."""
        return self.status == Status.PAUSED and Hold.DAYPARTING not in self.holds

    def as_json(self, zone: ZoneInfo) -> dict[str, Any]:
        return {
            "from": self.start.astimezone(zone).isoformat(),
            "to": self.end.astimezone(zone).isoformat(),
            "status": self.status,
            "holds": self.holds.codes,
            "hours": in_hours(self.length),
        }


@dataclass(frozen=True, slots=True)
class DayReplay:
    """A campaign's local day, as it was and as it would have been; amounts in the brand's currency."""

    day: date
    spent: Decimal
    would_have_spent: Decimal
    stops: tuple[Stop, ...]  # as it would have been, cut to the day
    held_then: timedelta  # how long something else than its hours paused it in fact
    spread: bool  # it came, or was corrected, as a total of the day

    @property
    def paused(self) -> timedelta:
        """For whatever reason."""
        return _length(stop for stop in self.stops if stop.status == Status.PAUSED)

    @property
    def held(self) -> timedelta:
        """By something else than its hours, at a time when these would have let it run."""
        return _length(stop for stop in self.stops if stop.beyond_hours)

    @property
    def closed(self) -> timedelta:
        """By its hours, whatever else held it then."""
        return self.paused - self.held

    def as_json(self, currency: str, zone: ZoneInfo) -> dict[str, Any]:
        return {
            "day": self.day.isoformat(),
            "spent": format_amount(self.spent, currency),
            "would_have_spent": format_amount(self.would_have_spent, currency),
            "hours_paused": in_hours(self.paused),
            "hours_held": in_hours(self.held),
            "hours_held_then": in_hours(self.held_then),
            "spread": self.spread,
            "stops": [stop.as_json(zone) for stop in self.stops],
        }


@dataclass(frozen=True, slots=True)
class Total:
    """A month of the range, or all of it (None): what was and what would have been spent."""

    month: date | None
    spent: Decimal
    would_have_spent: Decimal

    @property
    def difference(self) -> Decimal:
        return self.would_have_spent - self.spent

    def as_json(self, currency: str) -> dict[str, Any]:
        return {
            "month": f"{self.month:%Y-%m}" if self.month else None,
            "spent": format_amount(self.spent, currency),
            "would_have_spent": format_amount(self.would_have_spent, currency),
            "difference": format_amount(self.difference, currency),
        }


@dataclass(frozen=True, slots=True)
class CampaignReplay:
    id: int
    name: str
    days: list[DayReplay]  # every day of the range

    @property
    def total(self) -> Total:
        return _total(None, self.days)

    @property
    def months(self) -> list[Total]:
        return _by_month(self.days)

    @property
    def days_held(self) -> list[DayReplay]:
        """Those on which a budget, or its inactive brand, would have paused it."""
        return [day for day in self.days if day.held]

    @property
    def held(self) -> timedelta:
        return sum((day.held for day in self.days), timedelta())

    @property
    def closed(self) -> timedelta:
        return sum((day.closed for day in self.days), timedelta())

    def as_json(self, currency: str, zone: ZoneInfo) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "total": self.total.as_json(currency),
            "months": [month.as_json(currency) for month in self.months],
            "days_held": len(self.days_held),
            "hours_held": in_hours(self.held),
            "days_spread": sum(day.spread for day in self.days),
            "days": [day.as_json(currency, zone) for day in self.days],
        }


@dataclass(frozen=True, slots=True)
class BrandDay:
    """A brand's local day, all its campaigns together."""

    day: date
    spent: Decimal
    would_have_spent: Decimal


@dataclass(frozen=True, slots=True)
class Replay:
    """A brand's days from `first` to `last`, both included, as they were and as they would have been."""

    brand_id: int
    brand: str
    currency: str
    zone: ZoneInfo
    first: date
    last: date
    brand_is_active: bool
    brand_change: Change
    changes: Mapping[int, Change]
    entries: int  # that were played
    campaigns: list[CampaignReplay]  # those asked for, by name
    brand_days: list[BrandDay]  # with the campaigns that were not asked for

    @property
    def total(self) -> Total:
        """The brand's."""
        return _total(None, self.brand_days)

    @property
    def months(self) -> list[Total]:
        """The brand's."""
        return _by_month(self.brand_days)

    @property
    def days_spread(self) -> int:
        return sum(day.spread for campaign in self.campaigns for day in campaign.days)

    @property
    def notes(self) -> list[str]:
        """What to know of these figures, in sentences."""
        notes = []
        if not self.brand_is_active:
            notes.append("The brand is inactive, which holds all its campaigns: so nothing would have been spent.")
        if self.days_spread:
            days = "day" if self.days_spread == 1 else "days"
            notes.append(
                f"{self.days_spread} campaign {days} came as totals of the day, which say nothing of its hours: they "
                f"are spread evenly over the hours in which the campaign was to run, in steps of "
                f"{SPREAD_STEP // timedelta(minutes=1)} minutes."
            )
        if held_then := sum(bool(day.held_then) for campaign in self.campaigns for day in campaign.days):
            days = "day" if held_then == 1 else "days"
            notes.append(
                f"On {held_then} campaign {days} a pause held spend back then. What would have been spent in that time "
                "is in no ledger: with larger budgets it would have been more than is shown here."
            )
        return notes

    def as_json(self) -> dict[str, Any]:
        """Plain JSON: amounts as exact strings, times in ISO 8601 on the brand's clock."""
        return {
            "brand": self.brand,
            "brand_id": self.brand_id,
            "currency": self.currency,
            "timezone": self.zone.key,
            "from": self.first.isoformat(),
            "to": self.last.isoformat(),
            "changes": {
                "brand": self.brand_change.as_json(self.currency),
                "campaigns": {str(pk): change.as_json(self.currency) for pk, change in self.changes.items()},
            },
            "entries": self.entries,
            "days_spread": self.days_spread,
            "total": self.total.as_json(self.currency),
            "months": [month.as_json(self.currency) for month in self.months],
            "campaigns": [campaign.as_json(self.currency, self.zone) for campaign in self.campaigns],
            "notes": self.notes,
        }


def in_hours(length: timedelta) -> float:
    return round(length / timedelta(hours=1), 2)


def last_full_month(zone: ZoneInfo, at: datetime, ends: date | None = None) -> tuple[date, date]:
    """The first and last day of the last local month that is over at `at`; no later one than that of `ends`."""
    month = local_clock(zone, at).today.replace(day=1)
    if ends is not None:
        month = min(month, (ends.replace(day=1) + timedelta(days=32)).replace(day=1))
    last = month - ONE_DAY
    return last.replace(day=1), last


def last_month_with_spend(campaigns: QuerySet[Campaign], zone: ZoneInfo, at: datetime) -> tuple[date, date] | None:
    """The last full month in which these campaigns have spend; None where there is none."""
    before = local_clock(zone, at).today.replace(day=1)
    spent = DailySpend.objects.filter(campaign__in=campaigns, day__lt=before).aggregate(last=Max("day"))["last"]
    return None if spent is None else last_full_month(zone, at, ends=spent)


def replay(
    brand_id: int,
    first: date,
    last: date,
    *,
    at: datetime,
    brand_change: Change = UNCHANGED,
    changes: Mapping[int, Change] = MappingProxyType({}),
    only: Collection[int] | None = None,
    watch: Watch = lambda *_: None,
) -> Replay:
    """Play the brand's local days from `first` to `last` again, with its campaigns' `changes` by id.

    `only` names the campaigns to tell of; the others spend what they did, also where a budget of the brand is shared.
    `at` (aware) is now: nothing after it is played. Raises Brand.DoesNotExist, and ValueError for days or changes that
    cannot be played.
    """
    plan = _planned(brand_id, first, last, at, brand_change, changes, only)
    scratch = Scratch()
    try:
        with scratch.in_use():
            stage = _Stage(plan)
        days = plan.days
        for number, day in enumerate(days):
            watch("Days played", number, len(days))
            entries = _entries(plan, day)
            with scratch.in_use():
                stage.play(day, entries)
        with scratch.in_use():
            played, stops = stage.spent(), stage.stops()
    finally:
        scratch.close()
    return _result(plan, played, stops)


class _Entry(NamedTuple):
    campaign_id: int
    micros: int
    timestamp: datetime


DayKey: TypeAlias = tuple[int, date]


@dataclass
class _Plan:
    """What is to be played: read once, and the copies already changed."""

    brand: Brand
    zone: ZoneInfo
    campaigns: dict[int, Campaign]  # those played
    names: dict[int, str]  # of those to tell of
    windows: dict[int, tuple[Window, ...]]  # those that stood
    played_windows: dict[int, tuple[Window, ...]]
    brand_change: Change
    changes: Mapping[int, Change]
    days: list[date]
    until: datetime  # nothing stops or goes on after it
    spent: dict[DayKey, Decimal]  # of all the brand's campaigns
    spread: set[DayKey] = field(default_factory=set)
    entries: int = 0


def _planned(
    brand_id: int,
    first: date,
    last: date,
    at: datetime,
    brand_change: Change,
    changes: Mapping[int, Change],
    only: Collection[int] | None,
) -> _Plan:
    brand = Brand.objects.get(pk=brand_id)
    clock = local_clock(brand.timezone, at)
    if first > last:
        raise ValueError(f"{first} lies after {last}.")
    if first > clock.today:
        raise ValueError(f"{first} has not begun: it is {clock.today} in {clock.zone.key}.")
    last = min(last, clock.today)
    if (last - first).days >= MOST_DAYS:
        raise ValueError(f"{first} to {last} are more than {MOST_DAYS} days.")
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    theirs = Campaign.objects.filter(brand=brand).order_by("name")
    spent = {
        (campaign_id, day): amount
        for campaign_id, day, amount in DailySpend.objects.filter(campaign__brand=brand, day__range=(first, last))
        .order_by()
        .values_list("campaign_id", "day", "amount")
    }
    for name, budget in brand_change.budgets.items():
        setattr(brand, name, budget)
    with_spend = {pk for pk, _ in spent}
    told = (with_spend if only is None else set(only)) | set(changes)
    # What one spends, the others may not where the brand has a budget.
    shared = brand.daily_budget is not None or brand.monthly_budget is not None
    campaigns = theirs.filter(pk__among=told | with_spend if shared else told).in_bulk()
    if strangers := told - set(campaigns):
        raise ValueError(f"{brand} has no campaign {min(strangers)}.")
    windows = _windows(campaigns)
    for pk in campaigns.keys() - told:
        _let_go(campaigns[pk])
    for campaign_id, change in changes.items():
        for name, budget in change.budgets.items():
            setattr(campaigns[campaign_id], name, budget)
    played_windows = {pk: each for pk, each in windows.items() if pk in told}
    played_windows |= {pk: change.windows for pk, change in changes.items() if change.windows is not None}
    _open(brand, campaigns, first)
    return _Plan(
        brand=brand,
        zone=clock.zone,
        campaigns=campaigns,
        names={pk: campaign.name for pk, campaign in campaigns.items() if pk in told},
        windows=windows,
        played_windows=played_windows,
        brand_change=brand_change,
        changes=changes,
        days=days,
        until=min(day_start(clock.zone, last + ONE_DAY), clock.at),
        spent=spent,
    )


def _let_go(campaign: Campaign) -> None:
    """Take its limits away: what it spent is given, and counts for its brand."""
    for name in (*CAMPAIGN_BUDGETS, "start_date", "end_date"):
        setattr(campaign, name, None)


def _windows(campaigns: Collection[int]) -> dict[int, tuple[Window, ...]]:
    windows: dict[int, list[Window]] = defaultdict(list)
    for schedule in DaypartingSchedule.objects.filter(campaign__among=campaigns, is_active=True).order_by():
        windows[schedule.campaign_id].append(Window(schedule.day_of_week, schedule.start_time, schedule.end_time))
    return {pk: tuple(sorted(each)) for pk, each in windows.items()}


def _open(brand: Brand, campaigns: Mapping[int, Campaign], first: date) -> None:
    """Set counters and status to what they are to be as `first` begins: all run, or wait for their start date."""
    month = first.replace(day=1)
    month_start = day_start(brand.timezone, month)
    earlier = DailySpend.objects.filter(campaign__brand=brand, day__lt=first).order_by()
    months = _sums(earlier.filter(day__gte=month))
    totals = _sums(earlier.filter(campaign__among=[pk for pk, each in campaigns.items() if each.total_budget]))
    everything: list[Brand | Campaign] = [brand, *campaigns.values()]
    for counted in everything:
        counted.daily_spend, counted.daily_since, counted.monthly_since = ZERO, BEGINNING, month_start
    brand.monthly_spend = sum(months.values(), ZERO)
    for pk, campaign in campaigns.items():
        campaign.monthly_spend = months.get(pk, ZERO)
        campaign.total_spend = totals.get(pk, campaign.monthly_spend)
        waits = campaign.start_date is not None and campaign.start_date > first
        campaign.status, campaign.holds = Status.DRAFT if waits else Status.ACTIVE, Hold.NONE.value


def _sums(days: QuerySet[DailySpend]) -> dict[int, Decimal]:
    return dict(days.values_list("campaign_id").annotate(amount=Sum("amount")))


def _entries(plan: _Plan, day: date) -> list[_Entry]:
    """The entries of a local day in order of time, with the totals of the day spread over it."""
    start, end = day_start(plan.zone, day), day_start(plan.zone, day + ONE_DAY)
    if start == end:
        return []
    rows = (
        SpendLog.objects.filter(campaign__among=plan.campaigns, timestamp__gte=start, timestamp__lt=end)
        .order_by("timestamp", "pk")
        .values_list("campaign_id", Cast("amount", BigIntegerField()), "timestamp")
    )
    closing = last_second(plan.zone, day)
    timed: dict[int, list[_Entry]] = defaultdict(list)
    totals: dict[int, int] = defaultdict(int)
    for campaign_id, micros, timestamp in rows:
        plan.entries += 1
        if timestamp == closing:
            totals[campaign_id] += micros
        else:
            timed[campaign_id].append(_Entry(campaign_id, micros, timestamp))
    for campaign_id, micros in totals.items():
        plan.spread.add((campaign_id, day))
        if micros > 0:
            spans = open_spans(plan.windows.get(campaign_id, ()), plan.zone, start, end) or [(start, end)]
            timed[campaign_id] += _spread(campaign_id, micros, spans)
        elif micros < 0:
            timed[campaign_id] = _cheaper(timed[campaign_id], -micros)
    return sorted((entry for entries in timed.values() for entry in entries), key=lambda entry: entry.timestamp)


def _spread(campaign_id: int, micros: int, spans: list[tuple[datetime, datetime]]) -> Iterator[_Entry]:
    """A total in equal parts over spans of time; they add up to it exactly."""
    length = sum((end - start for start, end in spans), timedelta())
    steps = -(-length // SPREAD_STEP)
    before, step = timedelta(), 0  # the time of earlier spans, and the parts that are spread already
    for start, end in spans:
        while step < steps and (2 * step + 1) * length / (2 * steps) < before + (end - start):
            part = micros * (step + 1) // steps - micros * step // steps
            if part:
                yield _Entry(campaign_id, part, start + (2 * step + 1) * length / (2 * steps) - before)
            step += 1
        before += end - start


def _cheaper(entries: list[_Entry], less: int) -> list[_Entry]:
    """Entries of a day that was restated lower, each by its part: nothing says which of them were too much."""
    gross = sum(entry.micros for entry in entries if entry.micros > 0)
    net = max(gross - less, 0)
    cheaper, before = [], 0
    for entry in entries:
        if entry.micros <= 0:
            cheaper.append(entry)
            continue
        after = before + entry.micros
        cheaper.append(entry._replace(micros=after * net // gross - before * net // gross))
        before = after
    return cheaper


class _Stage:
    """The copies while they are played on. Everything here runs with the scratch database in use."""

    def __init__(self, plan: _Plan) -> None:
        self.plan = plan
        self.brand_id = plan.brand.pk
        Brand.objects.bulk_create([plan.brand])
        Campaign.objects.bulk_create(plan.campaigns.values())
        DaypartingSchedule.objects.bulk_create(
            DaypartingSchedule(campaign_id=pk, day_of_week=window.day, start_time=window.start, end_time=window.end)
            for pk, windows in plan.played_windows.items()
            for window in windows
        )
        self.edges: dict[int, set[time]] = defaultdict(set)  # of a weekday's windows, by weekday
        for windows in plan.played_windows.values():
            for window in windows:
                for day in (window.day, window.day % 7 + 1):
                    self.edges[day] |= {window.start, window.end}
        self.opening = {pk: (campaign.status, campaign.holds) for pk, campaign in plan.campaigns.items()}
        self.pending: dict[int, _Entry] = {}
        self.day_micros: dict[int, int] = defaultdict(int)
        self.statuses: dict[int, str] = {}
        self.accounts: dict[int, Account] = {}
        self.brand: Account | None = None

    def play(self, day: date, entries: Iterable[_Entry]) -> None:
        """Play a day's entries, in order of time, and let the clock do its part in between."""
        zone = self.plan.zone
        start, end = day_start(zone, day), day_start(zone, day + ONE_DAY)
        if start == end:
            return
        changes = wall_changes(zone, self.edges[day.isoweekday()], start, end)
        instants = [start, *(instant for instant in changes if instant < end and instant <= self.plan.until)]
        self.day_micros.clear()
        waiting = iter(entries)
        entry = next(waiting, None)
        for instant, following in pairwise([*instants, end]):
            if instant == start:
                reconcile(at=instant, brand_ids=[self.brand_id], actor=ACTOR)
                # The counters of the day, and perhaps of the month, have begun.
                self.accounts = campaign_accounts(self.plan.campaigns, [self.brand_id])
                self.brand = brand_accounts([self.brand_id])[self.brand_id]
            else:
                with transaction.atomic():
                    enforce([], [self.brand_id], [local_clock(zone, instant)], owned=Hold.ENGINE, actor=ACTOR)
            self.read_statuses()
            while entry is not None and entry.timestamp < following:
                now, crossed = entry.timestamp, False
                while entry is not None and entry.timestamp == now:
                    crossed |= self.spend(entry)
                    entry = next(waiting, None)
                if crossed:
                    self.record()
                    self.read_statuses()
        self.record()

    def read_statuses(self) -> None:
        self.statuses = dict(Campaign.objects.order_by().values_list("pk", "status"))

    def spend(self, entry: _Entry) -> bool:
        """Let an entry come in, and say whether it reaches a budget or leaves one: then the ledger has to see it."""
        campaign_id, micros, timestamp = entry
        if micros < 0:
            # What is taken back counts also while it is paused, as far as it was spent here at all.
            micros = max(micros, -self.day_micros[campaign_id])
        elif self.statuses[campaign_id] != Status.ACTIVE and campaign_id in self.plan.names:
            return False
        if not micros:
            return False
        campaign, brand = self.accounts[campaign_id], self.brand
        assert brand is not None
        self.day_micros[campaign_id] += micros
        earlier = self.pending.get(campaign_id)
        self.pending[campaign_id] = _Entry(campaign_id, micros + (earlier.micros if earlier else 0), timestamp)
        before = campaign.reached, brand.reached
        campaign.count(micros, timestamp)
        brand.count(micros, timestamp)
        return (campaign.reached, brand.reached) != before

    def record(self) -> None:
        """Put what came in before the ledger: of each campaign as one sum, since no budget was reached meanwhile.

        Before that, the rule says the same with it as without it.
        """
        if not self.pending:
            return
        at = max(entry.timestamp for entry in self.pending.values())
        entries = [part for entry in self.pending.values() for part in _as_spend(entry)]
        self.pending.clear()
        receipt = record_spend(entries, at=at, actor=ACTOR)
        for rejection in receipt.rejected:
            raise RuntimeError(f"The ledger refused what it has recorded once: {rejection.message}")

    def spent(self) -> dict[DayKey, Decimal]:
        days = DailySpend.objects.order_by().values_list("campaign_id", "day", "amount")
        return {(campaign_id, day): amount for campaign_id, day, amount in days}

    def stops(self) -> dict[int, list[Stop]]:
        start = day_start(self.plan.zone, self.plan.days[0])
        return _stops(StatusChange.objects.all(), self.opening, start, self.plan.until)


def _as_spend(entry: _Entry) -> Iterator[SpendEntry]:
    """As entries that the ledger takes: none is more than a person or a program may give."""
    rest = entry.micros
    while rest:
        part = max(min(rest, _MAX_MICROS), -_MAX_MICROS)
        yield SpendEntry(entry.campaign_id, from_micros(part), entry.timestamp)
        rest -= part


def _stops(
    changes: QuerySet[StatusChange], opening: Mapping[int, tuple[str, int]], start: datetime, until: datetime
) -> dict[int, list[Stop]]:
    """When campaigns did not run from `start` to `until`, by their changes since then and by how they stood before.

    Of those that `opening` leaves out, the first change says it.
    """
    rows = changes.filter(at__gte=start, at__lt=until).order_by("campaign_id", "at", "pk")
    states: dict[int, list[tuple[datetime, str, int]]] = {
        pk: [(start, status, holds)] for pk, (status, holds) in opening.items()
    }
    fields = ("campaign_id", "at", "from_status", "from_holds", "to_status", "to_holds")
    for campaign_id, at, from_status, from_holds, to_status, to_holds in rows.values_list(*fields):
        before = states.setdefault(campaign_id, [(start, from_status, from_holds)])
        before.append((at, to_status, to_holds))
    stops: dict[int, list[Stop]] = defaultdict(list)
    for campaign_id, each in states.items():
        for (begins, status, holds), (ends, *_) in pairwise([*each, (until, "", 0)]):
            if begins < ends and status != Status.ACTIVE:
                stops[campaign_id].append(Stop(begins, ends, status, Hold(holds)))
    return stops


def _held_then(plan: _Plan) -> dict[DayKey, timedelta]:
    """How long campaigns were in fact paused by something else than their hours, by day."""
    start = day_start(plan.zone, plan.days[0])
    changes = StatusChange.objects.filter(campaign__among=plan.names)
    earlier = StatusChange.objects.filter(campaign=OuterRef("pk"), at__lt=start).order_by("-at", "-pk")
    stood = (
        Campaign.objects.filter(pk__among=plan.names)
        .order_by()
        .annotate(then=Subquery(earlier.values("to_status")[:1]), because=Subquery(earlier.values("to_holds")[:1]))
        .exclude(then=None)
        .values_list("pk", "then", "because")
    )
    opening = {pk: (status, holds) for pk, status, holds in stood}
    held: dict[DayKey, timedelta] = defaultdict(timedelta)
    for campaign_id, stops in _stops(changes, opening, start, plan.until).items():
        for day, cut in _by_day(stops, plan).items():
            held[campaign_id, day] = _length(stop for stop in cut if stop.beyond_hours)
    return held


def _by_day(stops: list[Stop], plan: _Plan) -> dict[date, list[Stop]]:
    """Stops cut at the brand's midnights."""
    cut: dict[date, list[Stop]] = defaultdict(list)
    for stop in stops:
        day = local_clock(plan.zone, stop.start).today
        start = stop.start
        while start < stop.end:
            end = min(stop.end, day_start(plan.zone, day + ONE_DAY))
            if start < end:
                cut[day].append(Stop(start, end, stop.status, stop.holds))
            start, day = end, day + ONE_DAY
    return cut


def _result(plan: _Plan, played: Mapping[DayKey, Decimal], stops: Mapping[int, list[Stop]]) -> Replay:
    held_then = _held_then(plan)
    campaigns = []
    for campaign_id, name in plan.names.items():
        cut = _by_day(stops.get(campaign_id, []), plan)
        days = [
            DayReplay(
                day=day,
                spent=plan.spent.get((campaign_id, day), ZERO),
                would_have_spent=played.get((campaign_id, day), ZERO),
                stops=tuple(cut.get(day, ())),
                held_then=held_then.get((campaign_id, day), timedelta()),
                spread=(campaign_id, day) in plan.spread,
            )
            for day in plan.days
        ]
        campaigns.append(CampaignReplay(campaign_id, name, days))
    before: dict[date, Decimal] = defaultdict(Decimal)
    after: dict[date, Decimal] = defaultdict(Decimal)
    for (campaign_id, day), amount in plan.spent.items():
        before[day] += amount
        after[day] += played.get((campaign_id, day), ZERO) if campaign_id in plan.names else amount
    return Replay(
        brand_id=plan.brand.pk,
        brand=plan.brand.name,
        currency=plan.brand.currency,
        zone=plan.zone,
        first=plan.days[0],
        last=plan.days[-1],
        brand_is_active=plan.brand.is_active,
        brand_change=plan.brand_change,
        changes=plan.changes,
        entries=plan.entries,
        campaigns=campaigns,
        brand_days=[BrandDay(day, before[day], after[day]) for day in plan.days],
    )


def _length(stops: Iterable[Stop]) -> timedelta:
    return sum((stop.length for stop in stops), timedelta())


def _total(month: date | None, days: Iterable[DayReplay | BrandDay]) -> Total:
    days = list(days)
    return Total(month, sum((day.spent for day in days), ZERO), sum((day.would_have_spent for day in days), ZERO))


def _by_month(days: Iterable[DayReplay] | Iterable[BrandDay]) -> list[Total]:
    months: dict[date, list[DayReplay | BrandDay]] = defaultdict(list)
    for day in days:
        months[day.day.replace(day=1)].append(day)
    return [_total(month, each) for month, each in months.items()]

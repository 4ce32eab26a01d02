"""The only writer of status, holds and rollovers: it makes campaigns what the rule says that they should be.

Level-driven: `reconcile` compares what is with what should be and writes the difference, whatever woke it. A tick may
come late, twice, at once with another, or never; after the next one the state is right. Every writer here holds the
locks of the brands that it touches (`BrandQuerySet.lock`), and takes them in one go.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache, partial, reduce
from operator import or_
from typing import Any, NamedTuple, cast
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.models import (
    BigIntegerField,
    BooleanField,
    Case,
    CharField,
    DateTimeField,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Cast, Coalesce, JSONObject

from campaigns.bulk import as_one
from campaigns.holds import Hold
from campaigns.models import BEGINNING, Brand, Campaign, SpendLog, StatusChange
from campaigns.money import ZERO, MoneyField
from campaigns.periods import LocalClock, local_clock, require_aware
from campaigns.rules import (
    DIFFERS,
    PERIODS,
    RUNNING_OR_HELD,
    Clocks,
    Period,
    by_zone,
    changing,
    is_wrong,
    judge,
)
from campaigns.statements import Place, Statement, Values, clock_to_come, readings, statement, value

Status = Campaign.Status
# Campaigns with what the rule, or a person, wants them to be: `due_status` and `due_holds`.
Due = QuerySet[Any]

# Brands share a transaction until this many of their campaigns need work, so that no lock is held for long.
CAMPAIGNS_PER_TRANSACTION = 10_000
# Rows logged and updated by one statement inside a transaction.
CAMPAIGNS_PER_SLICE = 10_000


class Change(NamedTuple):
    """A status or set of holds that was changed."""

    campaign_id: int
    from_status: str
    to_status: str

    @property
    def pauses(self) -> bool:
        return self.from_status == Status.ACTIVE and self.to_status == Status.PAUSED


@dataclass(slots=True)
class Changes:
    """What a sweep looked at and did."""

    checked: int = 0  # campaigns looked at
    reset: int = 0  # counters, of brands and campaigns, that began a new period
    activated: int = 0  # started, or reopened
    paused: int = 0
    resumed: int = 0
    completed: int = 0

    def count(self, changes: Iterable[Change]) -> None:
        for change in changes:
            match change.from_status, change.to_status:
                case _, Status.COMPLETED:
                    self.completed += 1
                case Status.DRAFT | Status.COMPLETED, _:
                    self.activated += 1
                case Status.ACTIVE, Status.PAUSED:
                    self.paused += 1
                case Status.PAUSED, Status.ACTIVE:
                    self.resumed += 1
                # PAUSED to PAUSED is held for other reasons now: in the history, not in these figures.


def reconcile(
    *,
    at: datetime,
    owned: Hold = Hold.ENGINE,
    brand_ids: Collection[int] | None = None,
    force: bool = False,
    dry_run: bool = False,
    actor: str = "",
) -> Changes:
    """Make counters, holds and status what they should be at `at` (aware), for all brands or for `brand_ids`.

    `owned` names the holds to put right (R16); MANUAL is never among them (R17). Counters that decide owned holds
    begin their new day or month first (R14). Drafts start and ended campaigns complete only where `owned` is the
    whole ENGINE (R18); what any other sweep would let run after its last day, it completes instead.
    `force` restarts the counters' periods at `at` itself, also where they lie ahead of it. `dry_run` does all of it
    and takes it back, brand by brand. Running twice changes nothing more.
    """
    require_aware(at)
    owned &= Hold.ENGINE
    periods = [period for period in PERIODS if period.holds & owned]
    brands, campaigns = Brand.objects.all(), Campaign.objects.all()
    if brand_ids is not None:
        brands, campaigns = brands.filter(pk__in=brand_ids), campaigns.filter(brand__in=brand_ids)
    clocks = clocks_at(at, brands.order_by().values_list("timezone", flat=True).distinct())
    starts = {clock: {period: at if force else period.start(clock) for period in periods} for clock in clocks}
    changes = Changes(checked=campaigns.count())
    for clock, work in _look(brands, campaigns, starts, owned, force=force).items():
        for chunk in _packed(work.rows):
            with _transaction(dry_run=dry_run):
                # A brand without spend may have moved to another zone since it was read; its own turn comes.
                locked = [brand.pk for brand in Brand.objects.lock(chunk) if brand.timezone == clock.zone]
                beginning = starts[clock].items() if work.beginning.intersection(chunk) else ()
                for period, start in beginning:
                    changes.reset += roll_over(Brand.objects.filter(pk__among=locked), period, start, force=force)
                for ids in _slices([pk for brand_id in locked for pk in work.rows[brand_id]]):
                    found = Campaign.objects.filter(pk__among=ids)
                    for period, start in beginning:
                        changes.reset += roll_over(found, period, start, force=force)
                    changes.count(_correct("pk", ids, [clock], owned, actor))
    return changes


def enforce(
    campaign_ids: Collection[int], brand_ids: Collection[int], clocks: Clocks, *, owned: Hold, actor: str
) -> list[Change]:
    """Put the `owned` holds right of these campaigns and of all campaigns of these brands (R12, R13).

    For whoever has a transaction and knows what may have changed, such as the ledger: the caller holds the locks of
    all brands concerned, whose counters are of the current day and month, and gives the clocks of their zones.
    """
    in_order = sorted(clocks, key=lambda clock: clock.zone.key)
    changes = []
    for path, ids in (("pk", campaign_ids), ("brand", brand_ids)):
        if ids:
            changes += _correct(path, ids, in_order, owned, actor)
    return changes


def clocks_at(at: datetime, zones: Iterable[ZoneInfo]) -> list[LocalClock]:
    """One clock for each of these zones, in the order of their names."""
    return [local_clock(zone, at) for zone in sorted(set(zones), key=str)]


def roll_over(
    counted: QuerySet[Brand] | QuerySet[Campaign], period: Period, start: datetime, *, force: bool = False
) -> int:
    """Begin `period` anew at `start` in the counters of an earlier one, and say how many those were (R14).

    What the ledger already has from `start` on stays counted (R11). Idempotent; goes backwards only by `force`. The
    caller holds the brands' locks.
    """
    path = "campaign__brand" if counted.model is Brand else "campaign"
    recorded = (
        SpendLog.objects.filter(**{path: OuterRef("pk")}, timestamp__gte=start)
        .order_by()
        .values(path)
        .annotate(recorded=Sum("amount"))
        .values("recorded")
    )
    return counted.filter(_to_begin(period, start, force=force)).update(
        **{
            period.since: start,
            period.spend: Coalesce(Subquery(recorded), Value(ZERO), output_field=MoneyField()),
        }
    )


def move_clock(brand_id: int) -> None:
    """Forget when the periods of a brand without spend began, for when it gets another zone (R4).

    They began on the old clock. The next sweep begins them on the new one. The caller holds the brand's lock.
    """
    begun = {period.since: BEGINNING for period in PERIODS}
    Brand.objects.filter(pk=brand_id).update(**begun)
    Campaign.objects.filter(brand=brand_id).update(**begun)


def pause(campaign_ids: Collection[int], *, at: datetime, actor: str) -> Changes:
    """A person pauses campaigns: they stay so until a person resumes them (R17). Drafts and completed ones are left."""

    def held(campaigns: Due, _clocks: Clocks) -> Due:
        due: Due = campaigns.annotate(due_status=Value(Status.PAUSED), due_holds=F("holds").bitor(Hold.MANUAL.value))
        return due

    return _by_hand(campaign_ids, RUNNING_OR_HELD, held, at=at, actor=actor)


def resume(campaign_ids: Collection[int], *, at: datetime, actor: str) -> Changes:
    """A person lifts MANUAL (R17); the campaigns run at once unless something else holds them."""

    def released(campaigns: Due, _clocks: Clocks) -> Due:
        return campaigns

    return _by_hand(campaign_ids, Q(status=Status.PAUSED), released, at=at, actor=actor)


def activate(campaign_ids: Collection[int], *, at: datetime, actor: str) -> Changes:
    """A person starts drafts and reopens completed campaigns (R18); what holds them then pauses them at once.

    Left as they are: those that start on a later day, and those whose end date has passed. Change the date first.
    """

    def started(campaigns: Due, clocks: Clocks) -> Due:
        today = by_zone(clocks, lambda clock: Value(clock.today))
        due: Due = (
            campaigns.exclude(start_date__gt=today)
            .exclude(end_date__lt=today)
            .annotate(
                due_status=Case(When(holds_now=0, then=Value(Status.ACTIVE)), default=Value(Status.PAUSED)),
                due_holds=F("holds_now"),
            )
        )
        return due

    return _by_hand(campaign_ids, Q(status__in=[Status.DRAFT, Status.COMPLETED]), started, at=at, actor=actor)


def complete(campaign_ids: Collection[int], *, at: datetime, actor: str) -> Changes:
    """A person ends campaigns, before their end date or without one."""

    def ended(campaigns: Due, _clocks: Clocks) -> Due:
        due: Due = campaigns.annotate(due_status=Value(Status.COMPLETED), due_holds=Value(Hold.NONE.value))
        return due

    return _by_hand(campaign_ids, Q(), ended, at=at, actor=actor)


def _by_hand(
    campaign_ids: Collection[int],
    fitting: Q,
    decide: Callable[[Due, Clocks], Due],
    *,
    at: datetime,
    actor: str,
) -> Changes:
    """Carry out what a person decided for those of `campaign_ids` that `fitting` lets through, a slice a transaction.

    `decide` gives campaigns their `due_status` and `due_holds`; it is handed what the rule says without MANUAL.
    """
    require_aware(at)
    changes = Changes()
    for ids in _slices(sorted(campaign_ids)):
        with transaction.atomic():
            chosen = Campaign.objects.filter(pk__among=ids)
            brands = Brand.objects.lock(set(chosen.order_by().values_list("brand_id", flat=True)))
            if brands:
                chosen = chosen.filter(fitting, brand__in=[brand.pk for brand in brands])
                clocks = clocks_at(at, [brand.timezone for brand in brands])
                changes.checked += chosen.count()
                decided = decide(judge(chosen, clocks, owned=Hold.ALL), clocks)
                logging = _logging(decided.filter(DIFFERS), clocks, CAMPAIGNS_PER_SLICE)
                changes.count(_write(logging, {}, clocks, actor))
    return changes


def _correct(path: str, ids: Collection[int], clocks: Clocks, owned: Hold, actor: str) -> list[Change]:
    """Give campaigns what the rule says that they should have, where they have not; `path` is what the ids are of."""
    zones = tuple(clock.zone for clock in clocks)
    logging = _correction(connection.vendor, path, owned, zones, CAMPAIGNS_PER_SLICE)
    return _write(logging, {"ids": ids, **readings(clocks)}, clocks, actor)


@lru_cache(maxsize=128)
def _correction(_vendor: str, path: str, owned: Hold, zones: tuple[ZoneInfo, ...], most: int) -> Statement:
    clocks = [clock_to_come(zone) for zone in zones]
    campaigns = Campaign.objects.filter(**{f"{path}__among": Place("ids", written=as_one)})
    return _logging(changing(campaigns, clocks, owned), clocks, most)


def _write(logging: Statement, values: Values, clocks: Clocks, actor: str) -> list[Change]:
    """Give campaigns their due status and holds, which they have not yet, and log that (R19)."""
    changes: list[Change] = []
    at = next(iter(clocks)).at
    last, more = 0, True
    while more:
        logged = _log(logging, {**values, "at": at, "actor": actor, "last": last})
        alike: dict[tuple[str, int], list[int]] = defaultdict(list)
        for campaign_id, from_status, to_status, to_holds in logged:
            alike[to_status, to_holds].append(campaign_id)
            changes.append(Change(campaign_id, from_status, to_status))
        for (status, holds), ids in alike.items():
            Campaign.objects.filter(pk__among=ids).update(status=status, holds=holds, updated_at=at)
        last = max((campaign_id for campaign_id, *_ in logged), default=last)
        more = len(logged) == CAMPAIGNS_PER_SLICE
    return changes


def _log(logging: Statement, values: Values) -> list[tuple[int, str, str, int]]:
    """Run a statement of `_logging`, and give what campaigns it is about."""
    with connection.cursor() as cursor:
        cursor.execute(logging.sql, logging.filled(values))
        return cast("list[tuple[int, str, str, int]]", cursor.fetchall())


def _logging(campaigns: Due, clocks: Clocks, most: int) -> Statement:
    """What writes a StatusChange for each of `campaigns` behind the `last`, for so many at most."""
    row = {
        "campaign_id": F("pk"),
        "at": Place("at", DateTimeField()),
        "from_status": F("status"),
        "to_status": F("due_status"),
        "from_holds": F("holds"),
        "to_holds": F("due_holds"),
        "actor": Place("actor", CharField()),
        "facts": _facts(clocks),
    }
    named = {f"log_{name}": expression for name, expression in row.items()}
    some = campaigns.filter(pk__gt=Place("last", BigIntegerField())).order_by("pk")[:most]
    select, parameters = statement(some.annotate(**named).values_list(*named))
    return Statement(
        f"INSERT INTO {StatusChange._meta.db_table} ({', '.join(row)}) {select} "
        "RETURNING campaign_id, from_status, to_status, to_holds",
        parameters,
    )


def _facts(clocks: Clocks) -> JSONObject:
    """What a decision about a campaign rests on, as `StatusChange.facts` keeps it."""
    facts: dict[str, object] = {
        "local_time": by_zone(clocks, lambda clock: Cast(value(clock.local_time, CharField()), CharField())),
        "currency": F("brand__currency"),
        "total_spend": F("total_spend"),
        "total_budget": F("total_budget"),
    }
    for prefix, path in (("", ""), ("brand_", "brand__")):
        for period in PERIODS:
            facts[f"{prefix}{period.spend}"] = by_zone(clocks, partial(period.current, path=path))
            facts[f"{prefix}{period.name}_budget"] = F(f"{path}{period.name}_budget")
    return JSONObject(**facts)


def _to_begin(period: Period, start: datetime, *, force: bool, path: str = "") -> Q:
    """The counters that are to begin `period` at `start`: those of an earlier one, or by force all that do not yet."""
    since = f"{path}{period.since}"
    return ~Q(**{since: start}) if force else Q(**{f"{since}__lt": start})


def _old(starts: dict[Period, datetime], *, force: bool, path: str = "") -> Q:
    """The rows with a counter that is to begin its period."""
    each = (_to_begin(period, start, force=force, path=path) for period, start in starts.items())
    return reduce(or_, each, Q(pk__in=[]))


@dataclass(slots=True)
class _Work:
    """What a sweep has found to do in a zone."""

    rows: dict[int, array[int]] = field(default_factory=dict)  # campaigns by brand; none where only the brand's is due
    beginning: set[int] = field(default_factory=set)  # brands with a counter, theirs or a campaign's, to begin anew


def _look(
    brands: QuerySet[Brand],
    campaigns: QuerySet[Campaign],
    starts: dict[LocalClock, dict[Period, datetime]],
    owned: Hold,
    *,
    force: bool,
) -> dict[LocalClock, _Work]:
    """Look at every row once, without locks, for what is not as it should be: under the lock it is looked at again."""
    work = {clock: _Work() for clock in starts}
    zones: dict[int, LocalClock] = {}
    for clock, starts_there in starts.items():
        its_brands = brands.filter(timezone=clock.zone).order_by()
        zones |= dict.fromkeys(its_brands.values_list("pk", flat=True), clock)
        old_brands = its_brands.filter(_old(starts_there, force=force))
        work[clock].beginning.update(old_brands.values_list("pk", flat=True))
        work[clock].rows |= {brand_id: array("q") for brand_id in work[clock].beginning}
    if not starts:
        return work

    def begins(clock: LocalClock) -> Q:
        # A brand's new period may hold campaigns that are in it already.
        return _old(starts[clock], force=force) | _old(starts[clock], force=force, path="brand__")

    to_do = by_zone(list(starts), lambda clock: is_wrong(clock, owned) | begins(clock))
    found = (
        campaigns.filter(ExpressionWrapper(to_do, BooleanField()))
        .annotate(begins=by_zone(list(starts), lambda clock: Case(When(begins(clock), then=True), default=False)))
        .order_by()
    )
    for brand_id, campaign_id, its_begin in found.values_list("brand_id", "pk", "begins").iterator():
        if clock_there := zones.get(brand_id):  # else made or moved since
            work[clock_there].rows.setdefault(brand_id, array("q")).append(campaign_id)
            if its_begin:
                work[clock_there].beginning.add(brand_id)
    return work


def _packed(rows: dict[int, array[int]]) -> Iterator[list[int]]:
    """The brands in order of id, in chunks of about CAMPAIGNS_PER_TRANSACTION rows; a brand is never split."""
    chunk: list[int] = []
    size = 0
    for brand_id in sorted(rows):
        rows_there = 1 + len(rows[brand_id])
        if chunk and size + rows_there > CAMPAIGNS_PER_TRANSACTION:
            yield chunk
            chunk, size = [], 0
        chunk.append(brand_id)
        size += rows_there
    if chunk:
        yield chunk


def _slices(ids: list[int]) -> Iterator[list[int]]:
    return (ids[first : first + CAMPAIGNS_PER_SLICE] for first in range(0, len(ids), CAMPAIGNS_PER_SLICE))


@contextmanager
def _transaction(*, dry_run: bool) -> Iterator[None]:
    with transaction.atomic():
        yield
        if dry_run:
            transaction.set_rollback(True)

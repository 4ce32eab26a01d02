"""The only writer of status, holds and rollovers: it makes campaigns what the rule says that they should be.

Level-driven: `reconcile` compares what is with what should be and writes the difference, whatever woke it. A tick may
come late, twice, at once with another, or never; after the next one the state is right. Every writer here holds the
locks of the brands that it touches (`BrandQuerySet.lock`), and takes them in one go.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import NamedTuple

from django.db import transaction
from django.db.models import OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from campaigns.holds import Hold
from campaigns.models import BEGINNING, Brand, Campaign, SpendLog, StatusChange
from campaigns.money import ZERO, MoneyField, format_amount
from campaigns.periods import LocalClock, local_clock, require_aware
from campaigns.rules import PERIODS, RUNNING_OR_HELD, JudgedCampaign, Period, changing, judge

Status = Campaign.Status

# Brands share a transaction until this many of their campaigns need work, so that no lock is held for long.
CAMPAIGNS_PER_TRANSACTION = 2_000
# Rows read, updated and logged at a time inside a transaction.
CAMPAIGNS_PER_SLICE = 2_000


@dataclass(slots=True)
class Changes:
    """What a sweep looked at and did."""

    checked: int = 0  # campaigns looked at
    reset: int = 0  # counters, of brands and campaigns, that began a new period
    activated: int = 0  # started, or reopened
    paused: int = 0
    resumed: int = 0
    completed: int = 0

    def count(self, changes: Iterable[StatusChange]) -> None:
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
    changes = Changes()
    for clock in _clocks(at, Brand.objects.all() if brand_ids is None else Brand.objects.filter(pk__in=brand_ids)):
        brands = Brand.objects.filter(timezone=clock.zone)
        campaigns = Campaign.objects.filter(brand__timezone=clock.zone)
        if brand_ids is not None:
            brands, campaigns = brands.filter(pk__in=brand_ids), campaigns.filter(brand__in=brand_ids)
        starts = {period: at if force else period.start(clock) for period in periods}
        changes.checked += campaigns.count()
        to_begin = reduce(or_, (_to_begin(*each, force=force) for each in starts.items()), Q(pk__in=[]))
        for chunk in _packed(_work(brands, campaigns, clock, owned, to_begin)):
            with _transaction(dry_run=dry_run):
                # A brand without spend may have moved to another zone since it was read; its own turn comes.
                locked = [brand.pk for brand in Brand.objects.lock(chunk) if brand.timezone == clock.zone]
                its_campaigns = Campaign.objects.filter(brand__in=locked)
                for period, start in starts.items():
                    changes.reset += roll_over(Brand.objects.filter(pk__in=locked), period, start, force=force)
                    changes.reset += roll_over(its_campaigns, period, start, force=force)
                changes.count(_put_right(its_campaigns, clock, owned, actor))
    return changes


def enforce_budgets(
    campaign_ids: Collection[int], brand_ids: Collection[int], *, at: datetime, actor: str
) -> list[StatusChange]:
    """Put the budget holds right of these campaigns and of all campaigns of these brands (R12, R13).

    For the ledger, inside its transaction: the caller holds the locks of all brands concerned.
    """
    campaigns = Campaign.objects.filter(Q(pk__in=campaign_ids) | Q(brand__in=brand_ids))
    changes = []
    for clock in _clocks(at, Brand.objects.filter(Q(campaigns__in=campaign_ids) | Q(pk__in=brand_ids))):
        changes += _put_right(campaigns.filter(brand__timezone=clock.zone), clock, Hold.BUDGETS, actor)
    return changes


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

    def held(campaign: JudgedCampaign, _clock: LocalClock) -> Target:
        return Target(campaign, Status.PAUSED, campaign.hold_set | Hold.MANUAL)

    return _by_hand(campaign_ids, RUNNING_OR_HELD, held, at=at, actor=actor)


def resume(campaign_ids: Collection[int], *, at: datetime, actor: str) -> Changes:
    """A person lifts MANUAL (R17); the campaigns run at once unless something else holds them."""

    def released(campaign: JudgedCampaign, _clock: LocalClock) -> Target:
        return Target.due(campaign)

    return _by_hand(campaign_ids, Q(status=Status.PAUSED), released, at=at, actor=actor)


def activate(campaign_ids: Collection[int], *, at: datetime, actor: str) -> Changes:
    """A person starts drafts and reopens completed campaigns (R18); what holds them then pauses them at once.

    Left as they are: those that start on a later day, and those whose end date has passed. Change the date first.
    """

    def started(campaign: JudgedCampaign, clock: LocalClock) -> Target | None:
        too_early = campaign.start_date is not None and campaign.start_date > clock.today
        too_late = campaign.end_date is not None and campaign.end_date < clock.today
        if too_early or too_late:
            return None
        return Target(campaign, Status.PAUSED if campaign.holds_now else Status.ACTIVE, Hold(campaign.holds_now))

    return _by_hand(campaign_ids, Q(status__in=[Status.DRAFT, Status.COMPLETED]), started, at=at, actor=actor)


def complete(campaign_ids: Collection[int], *, at: datetime, actor: str) -> Changes:
    """A person ends campaigns, before their end date or without one."""

    def ended(campaign: JudgedCampaign, _clock: LocalClock) -> Target:
        return Target(campaign, Status.COMPLETED, Hold.NONE)

    return _by_hand(campaign_ids, Q(), ended, at=at, actor=actor)


class Target(NamedTuple):
    """What a campaign is to become."""

    campaign: JudgedCampaign
    status: str
    holds: Hold

    @classmethod
    def due(cls, campaign: JudgedCampaign) -> Target:
        """What the rule says."""
        held = campaign.due_status == Status.PAUSED
        return cls(campaign, campaign.due_status, Hold(campaign.holds_now) if held else Hold.NONE)

    @property
    def differs(self) -> bool:
        return (self.campaign.status, self.campaign.holds) != (self.status, self.holds.value)


def _by_hand(
    campaign_ids: Collection[int],
    fitting: Q,
    decide: Callable[[JudgedCampaign, LocalClock], Target | None],
    *,
    at: datetime,
    actor: str,
) -> Changes:
    """Carry out what a person decided for those of `campaign_ids` that `fitting` lets through, a slice a transaction.

    `decide` sees what the rule says without MANUAL.
    """
    require_aware(at)
    changes = Changes()
    ids = sorted(campaign_ids)
    for slice_ids in (ids[first : first + CAMPAIGNS_PER_SLICE] for first in range(0, len(ids), CAMPAIGNS_PER_SLICE)):
        with transaction.atomic():
            chosen = Campaign.objects.filter(pk__in=slice_ids)
            brands = Brand.objects.lock(set(chosen.order_by().values_list("brand_id", flat=True)))
            for clock in _clocks(at, Brand.objects.filter(pk__in=[brand.pk for brand in brands])):
                judged = judge(chosen.filter(fitting, brand__timezone=clock.zone), clock, owned=Hold.ALL)
                rows = list(judged.select_related("brand").order_by("pk"))
                targets = [target for row in rows if (target := decide(row, clock)) is not None]
                changes.checked += len(rows)
                changes.count(_write(targets, clock, actor))
    return changes


def _put_right(campaigns: QuerySet[Campaign], clock: LocalClock, owned: Hold, actor: str) -> list[StatusChange]:
    """Make these campaigns, of locked brands on `clock`'s zone, what the rule says."""
    changes: list[StatusChange] = []
    changing_now = changing(campaigns, clock, owned).select_related("brand").order_by("pk")
    last = 0
    while rows := list(changing_now.filter(pk__gt=last)[:CAMPAIGNS_PER_SLICE]):
        changes += _write([Target.due(row) for row in rows], clock, actor)
        last = rows[-1].pk
    return changes


def _write(targets: Iterable[Target], clock: LocalClock, actor: str) -> list[StatusChange]:
    """Write status and holds, and a StatusChange for each campaign that this changes (R19)."""
    groups: dict[tuple[str, Hold], list[int]] = defaultdict(list)
    changes = []
    for target in targets:
        if target.differs:
            groups[target.status, target.holds].append(target.campaign.pk)
            changes.append(
                StatusChange(
                    campaign_id=target.campaign.pk,
                    at=clock.at,
                    from_status=target.campaign.status,
                    to_status=target.status,
                    from_holds=target.campaign.holds,
                    to_holds=target.holds.value,
                    actor=actor,
                    facts=_facts(target.campaign, clock),
                )
            )
    for (status, holds), ids in groups.items():
        Campaign.objects.filter(pk__in=ids).update(status=status, holds=holds.value, updated_at=clock.at)
    return StatusChange.objects.bulk_create(changes, batch_size=CAMPAIGNS_PER_SLICE)


def _facts(campaign: Campaign, clock: LocalClock) -> dict[str, str]:
    """What a decision about `campaign` rests on; amounts in the brand's currency, spends of the current periods."""
    brand = campaign.brand
    facts: dict[str, Decimal | None] = {"total_spend": campaign.total_spend, "total_budget": campaign.total_budget}
    for prefix, counted in (("", campaign), ("brand_", brand)):
        for period in PERIODS:
            facts[f"{prefix}{period.spend}"] = period.current_spend(counted, clock)
            facts[f"{prefix}{period.name}_budget"] = getattr(counted, f"{period.name}_budget")
    return {
        "local_time": clock.at.astimezone(clock.zone).isoformat(),
        "currency": brand.currency,
        **{name: format_amount(amount, brand.currency) for name, amount in facts.items() if amount is not None},
    }


def _clocks(at: datetime, brands: QuerySet[Brand]) -> Iterator[LocalClock]:
    """One clock for each zone of these brands, in the order of the zones' names."""
    zones = set(brands.order_by().values_list("timezone", flat=True).distinct())
    for zone in sorted(zones, key=str):
        yield local_clock(zone, at)


def _to_begin(period: Period, start: datetime, *, force: bool) -> Q:
    """The counters that are to begin `period` at `start`: those of an earlier one, or by force all that do not yet."""
    return ~Q(**{period.since: start}) if force else Q(**{f"{period.since}__lt": start})


def _work(
    brands: QuerySet[Brand], campaigns: QuerySet[Campaign], clock: LocalClock, owned: Hold, to_begin: Q
) -> Counter[int]:
    """How many rows need work in each brand that needs any. Reads without locks: what it finds is looked at again."""
    work = Counter(changing(campaigns, clock, owned).order_by().values_list("brand_id", flat=True))
    work.update(campaigns.filter(to_begin).order_by().values_list("brand_id", flat=True))
    work.update(brands.filter(to_begin).order_by().values_list("pk", flat=True))
    return work


def _packed(work: Counter[int]) -> Iterator[list[int]]:
    """The brands in order of id, in chunks of about CAMPAIGNS_PER_TRANSACTION rows; a brand is never split."""
    chunk: list[int] = []
    size = 0
    for brand_id in sorted(work):
        if chunk and size + work[brand_id] > CAMPAIGNS_PER_TRANSACTION:
            yield chunk
            chunk, size = [], 0
        chunk.append(brand_id)
        size += work[brand_id]
    if chunk:
        yield chunk


@contextmanager
def _transaction(*, dry_run: bool) -> Iterator[None]:
    with transaction.atomic():
        yield
        if dry_run:
            transaction.set_rollback(True)

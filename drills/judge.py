"""What a drill did to the promises: the drill's own list and the rulebook against the raw rows, once all is quiet.

The rulebook is the tests' oracle. Nothing here uses the system's own code, but for `verify_spend`, which is to agree.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from copy import deepcopy
from datetime import date, datetime
from decimal import Decimal

import redis

from benchmarks.api_load import HOST, Installation
from campaigns.tests.oracle import ENGINE_HOLDS, Entry, Oracle, OracleBrand, OracleCampaign, Window
from drills.agency import Agency
from drills.faults import Faults, Harm
from drills.own_list import Fate, OwnList
from drills.programs import Stalled, wait_until
from drills.rows import CampaignRow, Snapshot, take_snapshot
from drills.site import Site

# Seconds until every queue is empty, and until sweeps have made status and holds right. How long that takes is the
# machine's affair, which others use, too; where a control's statuses stay wrong, so long a look is enough.
QUIET_WITHIN = 300
SWEEPS_WITHIN = 300
SWEEPS_WITHIN_IN_CONTROL = 60
HOLDS = [
    "MANUAL",
    "BRAND_INACTIVE",
    "DAILY_BUDGET",
    "MONTHLY_BUDGET",
    "TOTAL_BUDGET",
    "BRAND_DAILY_BUDGET",
    "BRAND_MONTHLY_BUDGET",
    "DAYPARTING",
]


def judge(site: Site, agency: Agency, own: OwnList, faults: Faults) -> None:
    """Wait for quiet, and note in `faults` what is not as promised. The traffic has ended."""
    faults.add(Harm.ANSWERS, *own.complaints)
    try:
        wait_for_quiet(site)
    except Stalled as stalled:
        faults.add(Harm.LATE, str(stalled))
    faults.add(Harm.DEATHS, *site.deaths)
    _edit_behind_the_system(site, agency)
    # A window may open between a tick and a look: what counts is that ticks make it right.
    deadline = time.monotonic() + (SWEEPS_WITHIN_IN_CONTROL if site.without else SWEEPS_WITHIN)
    while True:
        with site.connect() as connection:
            snapshot = take_snapshot(connection)
        off = list(wrong_statuses(snapshot, own))
        if not off or time.monotonic() > deadline:
            break
        time.sleep(1)
    faults.add(Harm.STATUSES, *off)
    _count_entries(snapshot, own, agency, faults)
    faults.add(Harm.COUNTERS, *wrong_counters(snapshot))
    faults.add(Harm.CHAINS, *broken_chains(snapshot, agency))
    verify_spend(site.installation, faults)


def wait_for_quiet(site: Site) -> None:
    """Wait until the broker has nothing left to do. Raises Stalled."""
    broker = redis.Redis(host=HOST, port=site.broker_port, socket_timeout=5)

    def drained() -> bool:
        try:
            # Ticks come all the time; spend and imports are what must be through.
            return _spend_in(broker, "celery") == 0 and _spend_in_flight(broker) == 0
        except redis.RedisError:
            return False

    try:
        wait_until(drained, "All tasks are done", QUIET_WITHIN)
    finally:
        broker.close()


def verify_spend(installation: Installation, faults: Faults) -> None:
    """Note in `faults` what the system's own proof finds; on a busy machine it may have to ask more than once."""
    told: list[str] = []

    def answered() -> bool:
        try:
            installation.manage("verify_spend")
        except RuntimeError as error:
            told[:] = [str(error)]
            return "Wrong counters" in str(error)
        told.clear()
        return True

    try:
        wait_until(answered, "verify_spend answers", QUIET_WITHIN)
    except Stalled as stalled:
        faults.add(Harm.LATE, f"{stalled} {told}")
    else:
        faults.add(Harm.COUNTERS, *told)


def _edit_behind_the_system(site: Site, agency: Agency) -> None:
    """Give what only a tick from now on will notice: statuses that are right by then are so because ticks come."""
    with site.connect() as connection:
        connection.execute("update campaigns_brand set is_active = not is_active where id = any(%s)", (agency.edited,))


def _spend_in(broker: redis.Redis, queue: str) -> int:
    messages: list[bytes] = broker.lrange(queue, 0, -1)  # type: ignore[assignment]
    return sum(b"add_campaign_spend" in message or b"work_on_import" in message for message in messages)


def _spend_in_flight(broker: redis.Redis) -> int:
    messages: list[bytes] = broker.hvals("unacked")  # type: ignore[assignment]
    return sum(b"add_campaign_spend" in message or b"work_on_import" in message for message in messages)


def database_time(site: Site) -> datetime:
    with site.connect() as connection:
        row = connection.execute("select now()").fetchone()
    assert row is not None
    assert isinstance(row[0], datetime)
    return row[0]


def swept_since(site: Site, since: datetime) -> bool:
    with site.connect() as connection:
        row = connection.execute(
            "select count(distinct task_name) from django_celery_results_taskresult "
            "where status = 'SUCCESS' and date_started > %s and task_name = any(%s)",
            (since, ["campaigns.tasks.activate_eligible_campaigns", "campaigns.tasks.reset_daily_spends"]),
        ).fetchone()
    return row == (2,)


def _count_entries(snapshot: Snapshot, own: OwnList, agency: Agency, faults: Faults) -> None:
    """Every acknowledged entry once, none that was refused, and none that nobody sent."""
    there = Counter(entry.description for entry in snapshot.entries)
    rows = {entry.description: entry for entry in snapshot.entries}
    of_totals = {campaign.id for campaign in agency.totals} | {upload.campaign_id for upload in agency.uploads}
    for name, sent in own.entries.items():
        found = there.get(name, 0)
        if found > 1:
            faults.add(Harm.DOUBLED, f"{name} is there {found} times")
        elif not found and sent.fate is Fate.ACKNOWLEDGED:
            faults.add(Harm.LOST, f"{name} was acknowledged and is not there")
        elif found and (sent.bad or sent.fate is Fate.REFUSED):
            faults.add(Harm.ENTRIES, f"{name} was to be refused and is there")
        elif found and (rows[name].campaign_id, rows[name].amount) != (sent.campaign_id, _micros(sent.amount)):
            faults.add(Harm.ENTRIES, f"{name} is there with another content: {rows[name]}")
    for entry in snapshot.entries:
        if entry.description not in own.entries and entry.campaign_id not in of_totals:
            faults.add(Harm.ENTRIES, f"Nobody sent {entry}")
    days: dict[tuple[int, date], int] = defaultdict(int)
    for entry in snapshot.entries:
        days[entry.campaign_id, entry.day] += entry.amount
    for (campaign_id, day), total in own.totals.items():
        if days[campaign_id, day] not in {_micros(possible) for possible in total.possible}:
            faults.add(Harm.LOST, f"Campaign {campaign_id} on {day}: {days[campaign_id, day]}, sent {total.possible}")


def wrong_counters(snapshot: Snapshot) -> Iterator[str]:
    """Counters and days that are not the plain sums of their entries."""
    brand_of = {campaign.id: campaign.brand_id for campaign in snapshot.campaigns}
    of_campaign = defaultdict(list)
    of_brand = defaultdict(list)
    campaign_days: dict[tuple[int, date], int] = defaultdict(int)
    brand_days: dict[tuple[int, date], int] = defaultdict(int)
    for entry in snapshot.entries:
        brand = brand_of[entry.campaign_id]
        of_campaign[entry.campaign_id].append(entry)
        of_brand[brand].append(entry)
        campaign_days[entry.campaign_id, entry.day] += entry.amount
        brand_days[brand, entry.day] += entry.amount
    for kind, counters, entries in (
        ("Campaign", snapshot.campaigns, of_campaign),
        ("Brand", snapshot.brands, of_brand),
    ):
        for row in counters:
            for period in ("daily", "monthly"):
                since = getattr(row, f"{period}_since")
                counted = sum(entry.amount for entry in entries[row.id] if entry.timestamp >= since)
                if getattr(row, f"{period}_spend") != counted:
                    yield f"{kind} {row.id}: its {period} counter is {getattr(row, f'{period}_spend')}, not {counted}"
            if isinstance(row, CampaignRow):
                counted = sum(entry.amount for entry in entries[row.id])
                if row.total_spend != counted:
                    yield f"{kind} {row.id}: its total is {row.total_spend}, not {counted}"
    for kind, kept, sums in (
        ("Campaign", snapshot.campaign_days, campaign_days),
        ("Brand", snapshot.brand_days, brand_days),
    ):
        rows = {(row.owner_id, row.day): row.amount for row in kept}
        for key in rows.keys() | sums.keys():
            if rows.get(key, 0) != sums.get(key, 0):
                yield f"{kind} {key[0]}: {key[1]} is {rows.get(key, 0)}, not {sums.get(key, 0)}"


def wrong_statuses(snapshot: Snapshot, own: OwnList) -> Iterator[str]:
    """Campaigns that a tick at this instant would have to change, or that a person's pause does not hold."""
    now = oracle_of(snapshot)
    then = deepcopy_without_entries(now)
    then.tick(snapshot.at, ENGINE_HOLDS)
    for pk, campaign in now.campaigns.items():
        due = then.campaigns[pk]
        if (campaign.status, campaign.holds) != (due.status, due.holds):
            yield f"Campaign {pk} is {campaign.status} {sorted(campaign.holds)}, not {due.status} {sorted(due.holds)}"
        manual = own.manual.get(pk, False)
        if manual is not None and manual != ("MANUAL" in campaign.holds):
            yield f"Campaign {pk}: a person {'paused' if manual else 'did not pause'} it: {sorted(campaign.holds)}"


def broken_chains(snapshot: Snapshot, agency: Agency) -> Iterator[str]:
    """Campaigns whose history does not lead, link by link, from what they were made as to what they are (R19)."""
    reached = dict(agency.initial)
    for change in snapshot.changes:
        left = (change.from_status, change.from_holds)
        if reached[change.campaign_id] != left:
            yield f"Campaign {change.campaign_id}: was {reached[change.campaign_id]}, and left {left}"
        reached[change.campaign_id] = (change.to_status, change.to_holds)
    for campaign in snapshot.campaigns:
        if reached[campaign.id] != (campaign.status, campaign.holds):
            is_now = (campaign.status, campaign.holds)
            yield f"Campaign {campaign.id}: its history ends with {reached[campaign.id]}, and it is {is_now}"


class QuickOracle(Oracle):
    """The oracle, which finds the entries of a campaign without looking through all of them."""

    def __init__(self) -> None:
        super().__init__()
        self.by_campaign: dict[int, list[Entry]] = defaultdict(list)

    def of_campaign(self, campaign: int) -> list[Entry]:
        return self.by_campaign[campaign]

    def of_brand(self, brand: int) -> list[Entry]:
        ours = [pk for pk, campaign in self.campaigns.items() if campaign.brand == brand]
        return [entry for pk in ours for entry in self.by_campaign[pk]]


def oracle_of(snapshot: Snapshot) -> QuickOracle:
    oracle = QuickOracle()
    for brand in snapshot.brands:
        oracle.brands[brand.id] = OracleBrand(
            daily_since=brand.daily_since,
            monthly_since=brand.monthly_since,
            daily_budget=_units(brand.daily_budget),
            monthly_budget=_units(brand.monthly_budget),
            zone=brand.timezone,
            active=brand.is_active,
        )
    for row in snapshot.campaigns:
        oracle.campaigns[row.id] = OracleCampaign(
            daily_since=row.daily_since,
            monthly_since=row.monthly_since,
            daily_budget=_units(row.daily_budget),
            monthly_budget=_units(row.monthly_budget),
            brand=row.brand_id,
            status=row.status,
            holds={name for bit, name in enumerate(HOLDS) if row.holds & 1 << bit},
            total_budget=_units(row.total_budget),
            start_date=row.start_date,
            end_date=row.end_date,
        )
    for window in snapshot.windows:
        oracle.campaigns[window.campaign_id].windows.append(
            Window(window.day_of_week, window.start_time, window.end_time)
        )
    for entry in snapshot.entries:
        amount = Decimal(entry.amount).scaleb(-6)
        oracle.by_campaign[entry.campaign_id].append(Entry(entry.campaign_id, amount, entry.timestamp))
    return oracle


def deepcopy_without_entries(oracle: QuickOracle) -> QuickOracle:
    copy = QuickOracle()
    copy.brands, copy.campaigns = deepcopy(oracle.brands), deepcopy(oracle.campaigns)
    copy.by_campaign = oracle.by_campaign
    return copy


def _units(micros: int | None) -> Decimal | None:
    return None if micros is None else Decimal(micros).scaleb(-6)


def _micros(units: Decimal) -> int:
    return int(units.scaleb(6))

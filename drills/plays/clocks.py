"""The clock: workers down over midnights and months, ticks out of order, a clock that jumps, and two beats at once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from celery import Celery

from benchmarks.api_load import BASE_DIR
from campaigns.tests.oracle import ENGINE_HOLDS, Counters, first_instant, local_day, roll_over
from drills.drill import PATIENCE, Drill, Play
from drills.faults import Harm
from drills.judge import deepcopy_without_entries, oracle_of, wrong_counters
from drills.own_list import Sent
from drills.programs import Program, wait_until
from drills.rows import CampaignRow, Snapshot, take_snapshot
from drills.site import STARTS_WITHIN, Site
from drills.traffic import Plan

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "America/Santiago", "Australia/Lord_Howe", "Africa/Cairo")
MAKE = """
from datetime import time, timedelta
from django.utils import timezone
now = timezone.now()
made = []
for zone in ZONES:
    brand = Brand.objects.create(name=f"Clock {zone}", timezone=zone, daily_budget=25, monthly_budget=120)
    last_day = now.date() + timedelta(days=40)
    for name, fields in {
        "daily": {"daily_budget": 10, "status": "ACTIVE"},
        "monthly": {"monthly_budget": 30, "status": "ACTIVE"},
        "total": {"total_budget": 60, "status": "ACTIVE", "end_date": last_day},
        "night": {"status": "ACTIVE"},
        "draft": {"start_date": now.date() + timedelta(days=20)},
    }.items():
        made.append(Campaign.objects.create(brand=brand, name=f"{name} {zone}", **fields))
        if name == "night":
            for weekday in range(1, 8):
                made[-1].schedules.create(day_of_week=weekday, start_time=time(22), end_time=time(2, 30))
result = {campaign.pk: [campaign.status, campaign.holds] for campaign in made}
"""
SWEEPS = (
    "check_campaign_budgets",
    "enforce_dayparting",
    "activate_eligible_campaigns",
    "reset_daily_spends",
    "reset_monthly_spends",
)
TICKS = "Sending due task"  # what beat says of each
ALMOST = timedelta(seconds=1)


def jump(play: Play) -> None:
    """Go through a year's turning points, with workers down until each is over, and then back and forth."""
    campaigns: dict[str, tuple[str, int]] = play.site.installation.python(MAKE.replace("ZONES", repr(ZONES)))
    play.agency.initial.update({int(pk): (status, holds) for pk, (status, holds) in campaigns.items()})
    with _injected_clock(play) as clock_file, closing(Celery(broker=play.site.broker_url, set_as_current=False)) as app:
        story = Story(play, app, clock_file, [int(pk) for pk in campaigns])
        before = datetime.now(UTC)
        for moment in _moments(before, play.random):
            story.goes_on_at(moment, earlier=before)
            before = moment
        play.figures.append(f"{story.steps} moments, {story.ticks} ticks")


def _moments(now: datetime, random: Random) -> Iterator[datetime]:
    """What the clock shows, each time when workers are up again."""
    berlin, new_york = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
    year = now.year + 1
    midnight = first_instant("America/New_York", local_day("America/New_York", now) + timedelta(days=1))
    next_month = (now.replace(day=1) + timedelta(days=32)).date().replace(day=1)
    month_end = first_instant("Europe/Berlin", next_month)
    three_days = now + timedelta(days=3, seconds=random.randrange(3_600))
    yield now
    yield from sorted([midnight, month_end - ALMOST, month_end, three_days])
    yield datetime(year, 1, 1, tzinfo=berlin).astimezone(UTC)
    yield datetime(year, 1, 1, 0, 30, tzinfo=new_york).astimezone(UTC)
    morning = datetime(year, 1, 1, 6, tzinfo=UTC)
    for jumped in (timedelta(hours=1), timedelta(hours=-1), timedelta(days=1), timedelta(days=-1)):
        yield morning
        yield morning + jumped
    # Hours that are skipped and repeated, and a day that begins at one o'clock.
    for change in sorted(change for zone in ZONES[1:] for change in _changes(zone, year)):
        yield change + random.choice([timedelta(), timedelta(minutes=30), -ALMOST])


def _changes(zone: str, year: int) -> Iterator[datetime]:
    """The hours at which the wall clock is changed in a year."""
    hour = datetime(year, 1, 1, tzinfo=UTC)
    while hour.year == year:
        offsets = [moment.astimezone(ZoneInfo(zone)).utcoffset() for moment in (hour, hour + timedelta(hours=1))]
        hour += timedelta(hours=1)
        if offsets[0] != offsets[1]:
            yield hour


class Story:
    """Spend and ticks at moments of an injected clock, and what the oracle says after each."""

    def __init__(self, play: Play, app: Celery, clock_file: Path, campaigns: list[int]) -> None:
        self._play = play
        self._app = app
        self._clock_file = clock_file
        self._campaigns = campaigns
        self._begun: dict[tuple[str, int], Counters] = {}  # when each counter's periods must have begun
        self._sent = 0
        self.steps = 0
        self.ticks = 0

    def goes_on_at(self, moment: datetime, earlier: datetime) -> None:
        """Workers were down since `earlier`; now they find spend and late ticks, and then comes the next tick."""
        self.steps += 1
        with self._workers_down():
            self._clock_file.write_text(moment.isoformat())
            tasks = [*self._spend(), *_late_ticks(self._play.random, moment, earlier)]
            self._play.random.shuffle(tasks)
            ids = [self._send(name, kwargs) for name, kwargs in tasks]
        self._wait_for(ids)
        self._wait_for([self._send("campaigns.tasks.activate_eligible_campaigns", {})])
        with self._play.site.connect() as connection:
            snapshot = take_snapshot(connection)
        for harm, found in (
            (Harm.PERIODS, self._wrong_periods(snapshot, moment)),
            (Harm.STATUSES, self._wrong_statuses(snapshot, moment)),
            (Harm.COUNTERS, wrong_counters(snapshot)),
        ):
            self._play.faults.add(harm, *(f"At {moment}: {what}" for what in found))

    @contextmanager
    def _workers_down(self) -> Iterator[None]:
        for worker in self._play.site.workers:
            worker.freeze()
        self._play.breaks()
        try:
            yield
        finally:
            for worker in self._play.site.workers:
                worker.thaw()

    def _spend(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for campaign in self._play.random.sample(self._campaigns, 8):
            self._sent += 1
            name, amount = f"clock-{self._sent}", Decimal(self._play.random.randint(1, 12_000_000)).scaleb(-6)
            self._play.traffic.list.send([Sent(name, campaign, amount)])
            arguments = {"campaign_id": campaign, "amount": str(amount), "description": name, "reference": name}
            yield "campaigns.tasks.add_campaign_spend", arguments

    def _send(self, name: str, kwargs: dict[str, Any]) -> str:
        self.ticks += "add_campaign_spend" not in name
        return str(self._app.send_task(name, kwargs=kwargs).id)

    def _wait_for(self, ids: list[str]) -> None:
        """Wait until tasks are done, and note the spend among them as acknowledged."""
        done: dict[str, str] = {}

        def all_done() -> bool:
            with self._play.site.connect() as connection:
                done.update(
                    connection.execute(  # type: ignore[arg-type]
                        "select task_id, status from django_celery_results_taskresult "
                        "where task_id = any(%s) and status in ('SUCCESS', 'FAILURE')",
                        (ids,),
                    ).fetchall()
                )
            return len(done) == len(ids)

        wait_until(all_done, "All tasks are done", PATIENCE)
        failed = [f"Task {pk} ended as {status}" for pk, status in done.items() if status != "SUCCESS"]
        self._play.faults.add(Harm.ANSWERS, *failed)
        for name in list(self._play.traffic.list.entries):
            self._play.traffic.list.acknowledge(name)

    def _wrong_periods(self, snapshot: Snapshot, moment: datetime) -> Iterator[str]:
        """Counters whose periods did not begin when this story's own book, which the oracle keeps, says."""
        zone_of = {brand.id: brand.timezone for brand in snapshot.brands}
        for kind, rows in (("Brand", snapshot.brands), ("Campaign", snapshot.campaigns)):
            for row in rows:
                zone = zone_of[row.brand_id if isinstance(row, CampaignRow) else row.id]
                begun = self._begun.setdefault((kind, row.id), Counters())
                roll_over(begun, zone, moment, daily=True, monthly=True, force=False)
                for since in ("daily_since", "monthly_since"):
                    if getattr(row, since) != getattr(begun, since):
                        yield f"{kind} {row.id}: {since} is {getattr(row, since)}, not {getattr(begun, since)}"

    def _wrong_statuses(self, snapshot: Snapshot, moment: datetime) -> Iterator[str]:
        """Campaigns that are not as the oracle has them at `moment`, in the periods of this story's own book."""
        oracle = oracle_of(snapshot)
        for kind, counters in (("Brand", oracle.brands), ("Campaign", oracle.campaigns)):
            for pk, counter in counters.items():
                begun = self._begun[kind, pk]
                counter.daily_since, counter.monthly_since = begun.daily_since, begun.monthly_since
        then = deepcopy_without_entries(oracle)
        then.tick(moment, ENGINE_HOLDS)
        for pk, campaign in oracle.campaigns.items():
            ought = then.campaigns[pk]
            if (campaign.status, campaign.holds) != (ought.status, ought.holds):
                is_now = f"{campaign.status} {sorted(campaign.holds)}"
                yield f"Campaign {pk} is {is_now}, not {ought.status} {sorted(ought.holds)}"


def _late_ticks(random: Random, moment: datetime, earlier: datetime) -> Iterator[tuple[str, dict[str, Any]]]:
    """Ticks of the time when workers were down, which say when they were due; all will come in any order."""
    for sweep in SWEEPS:
        due = earlier + random.random() * (moment - earlier)
        yield f"campaigns.tasks.{sweep}", {"at": due.isoformat()}
        yield f"campaigns.tasks.{sweep}", {"at": moment.isoformat()}


@contextmanager
def _injected_clock(play: Play) -> Iterator[Path]:
    """Beat is down, and the workers' clock is what the file says; afterwards all go on by the machine's."""
    site = play.site
    clock_file = site.folder / "clock"
    site.beat.end()
    for worker in site.workers:
        worker.end()
        worker.log.unlink()
    environment = site.installation.environment
    environment |= {"DJANGO_SETTINGS_MODULE": "drills.clocked", "CLOCK_FILE": str(clock_file)}
    clock_file.write_text(datetime.now(UTC).isoformat())
    for worker in site.workers:
        worker.start()
    wait_until(lambda: all(worker.says(" ready.") for worker in site.workers), "Workers are ready", STARTS_WITHIN)
    try:
        yield clock_file
    finally:
        clock_file.unlink()
        site.beat.start()


def two_beats(play: Play) -> None:
    """A second beat: both go on from the same moment, and so send every tick at once."""
    site = play.site
    second = _another_beat(site)
    site.beat.end()
    site.beat.log.unlink()
    both = (site.beat, second)
    for beat in both:
        beat.start()
    try:
        wait_until(lambda: all(beat.says(TICKS) for beat in both), "Both beats tick", PATIENCE)
        time.sleep(play.seconds)
    finally:
        second.end()
    ticks = [beat.log.read_text().count(TICKS) for beat in both]
    play.breaks(ticks[1])
    play.figures.append(f"{ticks[0]} and {ticks[1]} ticks")


def a_second_beat(play: Play) -> None:
    """For some seconds, beside the first, which goes on."""
    second = _another_beat(play.site)
    second.log.unlink(missing_ok=True)
    second.start()
    try:
        wait_until(lambda: second.says(TICKS), "The second beat ticks", PATIENCE)
        play.breaks()
        play.wait(1, 5)
    finally:
        second.end()


def stop_beat(play: Play) -> None:
    """Ticks stop for longer than they are apart, and go on."""
    beat = play.site.beat
    wait_until(lambda: not beat.killed, "Beat is started again", PATIENCE)
    beat.end()
    play.breaks()
    play.wait(4, 8)
    beat.start()


def ticks_out_of_order(play: Play) -> None:
    """Ticks of the last three days and of now, in any order."""
    now = datetime.now(UTC)
    ticks = list(_late_ticks(play.random, now, now - timedelta(days=3)))
    play.random.shuffle(ticks)
    with closing(Celery(broker=play.site.broker_url, set_as_current=False)) as app:
        for name, kwargs in ticks:
            app.send_task(name, kwargs=kwargs)
    play.breaks(len(ticks))


def _another_beat(site: Site) -> Program:
    return Program("beat2", site.beat.command, site.installation.environment, site.folder, BASE_DIR)


# Nobody spends, and nobody pauses anything: sweeps alone.
ALONE = Plan(writers=0, tasks=False, imports=False, uploads=False, people=False)

DRILLS = (
    Drill(
        "clock",
        "workers down over midnights, days, months, new year and changes of clocks; ticks late and out of order; "
        "a clock that jumps an hour and a day, forth and back",
        jump,
        without="comparison",
        harm=Harm.PERIODS,
        plan=replace(ALONE, edits=False),
    ),
    Drill(
        "two-beats",
        "two beats at once",
        two_beats,
        without="lock between beats",
        harm=Harm.CHAINS,
        control_plan=ALONE,
        control_seconds=60,
    ),
)

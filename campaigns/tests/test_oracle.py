"""Random histories, in which the system must say what the oracle says after every step (all rules)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns import enforcement, ledger
from campaigns.audit import find_differences
from campaigns.holds import Hold
from campaigns.models import Brand, BrandDailySpend, Campaign, DailySpend, DaypartingSchedule, StatusChange
from campaigns.tests.factories import BrandFactory, CampaignFactory
from campaigns.tests.oracle import (
    BUDGET_HOLDS,
    DAILY_HOLDS,
    ENGINE_HOLDS,
    MONTHLY_HOLDS,
    Entry,
    Oracle,
    OracleBrand,
    OracleCampaign,
    Window,
    counted,
    local_day,
)

ZONES = [
    "UTC",
    "America/New_York",
    "Europe/London",
    "Asia/Karachi",
    "America/Santiago",
    "Asia/Beirut",
    "Australia/Lord_Howe",
    "Pacific/Apia",
]
# Evenings before days on which some of these zones change their clocks, month ends, and 29 February.
BEGINNINGS = [
    datetime(2026, 3, 7, 20, tzinfo=UTC),
    datetime(2026, 3, 28, 20, tzinfo=UTC),
    datetime(2026, 4, 4, 9, tzinfo=UTC),
    datetime(2026, 9, 5, 22, tzinfo=UTC),
    datetime(2026, 10, 24, 18, tzinfo=UTC),
    datetime(2026, 10, 31, 22, tzinfo=UTC),
    datetime(2024, 2, 28, 22, tzinfo=UTC),
    datetime(2011, 12, 29, 8, tzinfo=UTC),
    datetime(2025, 12, 31, 20, tzinfo=UTC),
]
STEPS = [timedelta(seconds=1), timedelta(minutes=4), timedelta(hours=1), timedelta(hours=7), timedelta(days=1, hours=3)]
LONG_STEPS = [*STEPS, timedelta(days=9), timedelta(days=31)]
OWNED = {
    Hold.ENGINE: ENGINE_HOLDS,
    Hold.SPENDING: BUDGET_HOLDS | {"BRAND_INACTIVE"},
    Hold.DAYPARTING: {"DAYPARTING"},
    Hold.DAILY_BUDGETS: DAILY_HOLDS,
    Hold.MONTHLY_BUDGETS: MONTHLY_HOLDS,
}
TIMES = [time(0), time(1, 30), time(2, 30), time(6), time(12), time(22), time(23, 30)]

index = st.integers(0, 2)
amounts = st.sampled_from(["0.000001", "5", "30", "60", "100", "-5", "-30", "0"]).map(Decimal)
budgets = st.sampled_from([None, None, Decimal(30), Decimal(100), Decimal("99.999999")])
ago = st.sampled_from(
    [timedelta(0), timedelta(minutes=-4), timedelta(minutes=-6), *STEPS, timedelta(days=3), timedelta(days=33)]
)
windows = st.tuples(st.integers(1, 7), st.sampled_from(TIMES), st.sampled_from(TIMES)).filter(lambda w: w[1] != w[2])
days_off = st.sampled_from([-40, -2, -1, 0, 1, 2])

steps = st.one_of(
    st.tuples(st.just("spend"), index, amounts, ago, st.sampled_from(["", "", "a", "b"])),
    st.tuples(st.just("spend"), index, amounts, st.just(timedelta(0)), st.just("")),
    st.tuples(st.just("restate"), index, days_off, st.sampled_from(["0", "10", "100", "250"]).map(Decimal)),
    st.tuples(st.just("clock"), st.sampled_from(LONG_STEPS)),
    st.tuples(st.just("clock"), st.sampled_from(STEPS)),
    st.tuples(st.just("tick"), st.sampled_from(list(OWNED))),
    st.tuples(st.just("tick"), st.just(Hold.ENGINE)),
    st.tuples(st.just("force"), st.sampled_from([Hold.DAILY_BUDGETS, Hold.MONTHLY_BUDGETS])),
    st.tuples(st.just("dry_run"), st.sampled_from(list(OWNED))),
    st.tuples(st.sampled_from(["pause", "resume", "activate", "complete"]), index),
    st.tuples(
        st.just("campaign_budget"), index, st.sampled_from(["daily_budget", "monthly_budget", "total_budget"]), budgets
    ),
    st.tuples(st.just("brand_budget"), index, st.sampled_from(["daily_budget", "monthly_budget"]), budgets),
    st.tuples(st.just("brand_active"), index, st.booleans()),
    st.tuples(st.just("windows"), index, st.lists(windows, max_size=3, unique=True)),
    st.tuples(st.just("end_date"), index, st.none() | days_off),
)


@dataclass
class World:
    """The system and the oracle, side by side, on one clock."""

    now: datetime
    oracle: Oracle
    brands: list[int]
    campaigns: list[int]

    def do(self, name: str, *arguments: Any) -> None:
        getattr(self, name)(*arguments)

    def clock(self, step: timedelta) -> None:
        self.now += step

    def spend(self, which: int, amount: Decimal, ago: timedelta, reference: str) -> None:
        entry = Entry(self.campaigns[which], amount, self.now - ago, reference)
        running = self.running()
        expected = self.oracle.record(entry, self.now)
        receipt = ledger.record_spend(
            [ledger.SpendEntry(entry.campaign, amount, entry.timestamp, reference)], at=self.now, actor="test"
        )
        verdict = "recorded" if receipt.recorded else "duplicate" if receipt.duplicates else receipt.rejected[0].code
        assert verdict == expected
        assert set(receipt.paused) == running - self.running()

    def restate(self, which: int, days: int, total: Decimal) -> None:
        campaign = self.campaigns[which]
        zone = self.oracle.brands[self.oracle.campaigns[campaign].brand].zone
        day = local_day(zone, self.now) + timedelta(days=days)
        expected = self.oracle.restate(campaign, day, total, self.now)
        try:
            written: Decimal | str = ledger.set_daily_total(campaign, day, total, at=self.now, actor="test")
        except ledger.Rejected as reason:
            written = reason.code
        assert written == expected

    def tick(self, owned: Hold) -> None:
        enforcement.reconcile(at=self.now, owned=owned, actor="test")
        self.oracle.tick(self.now, OWNED[owned])
        again = enforcement.reconcile(at=self.now, owned=owned, actor="test")
        assert again == enforcement.Changes(checked=len(self.campaigns))

    def force(self, owned: Hold) -> None:
        enforcement.reconcile(at=self.now, owned=owned, force=True, actor="test")
        self.oracle.tick(self.now, OWNED[owned], force=True)

    def dry_run(self, owned: Hold) -> None:
        changes = StatusChange.objects.count()
        enforcement.reconcile(at=self.now, owned=owned, dry_run=True, actor="test")
        assert StatusChange.objects.count() == changes

    def pause(self, which: int) -> None:
        enforcement.pause([self.campaigns[which]], at=self.now, actor="test")
        self.oracle.pause(self.campaigns[which])

    def resume(self, which: int) -> None:
        enforcement.resume([self.campaigns[which]], at=self.now, actor="test")
        self.oracle.resume(self.campaigns[which], self.now)

    def activate(self, which: int) -> None:
        enforcement.activate([self.campaigns[which]], at=self.now, actor="test")
        self.oracle.activate(self.campaigns[which], self.now)

    def complete(self, which: int) -> None:
        enforcement.complete([self.campaigns[which]], at=self.now, actor="test")
        self.oracle.complete(self.campaigns[which])

    def campaign_budget(self, which: int, name: str, budget: Decimal | None) -> None:
        Campaign.objects.filter(pk=self.campaigns[which]).update(**{name: budget})
        setattr(self.oracle.campaigns[self.campaigns[which]], name, budget)
        self.edited(self.oracle.campaigns[self.campaigns[which]].brand)

    def brand_budget(self, which: int, name: str, budget: Decimal | None) -> None:
        brand = self.brands[which % 2]
        Brand.objects.filter(pk=brand).update(**{name: budget})
        setattr(self.oracle.brands[brand], name, budget)
        self.edited(brand)

    def brand_active(self, which: int, active: bool) -> None:
        brand = self.brands[which % 2]
        Brand.objects.filter(pk=brand).update(is_active=active)
        self.oracle.brands[brand].active = active
        self.edited(brand)

    def windows(self, which: int, windows: list[tuple[int, time, time]]) -> None:
        campaign = self.campaigns[which]
        DaypartingSchedule.objects.filter(campaign=campaign).delete()
        for day, start, end in windows:
            DaypartingSchedule.objects.create(campaign_id=campaign, day_of_week=day, start_time=start, end_time=end)
        self.oracle.campaigns[campaign].windows = [Window(*window) for window in windows]
        self.edited(self.oracle.campaigns[campaign].brand)

    def end_date(self, which: int, days: int | None) -> None:
        campaign = self.campaigns[which]
        model = self.oracle.campaigns[campaign]
        end = None if days is None else local_day(self.oracle.brands[model.brand].zone, self.now) + timedelta(days=days)
        if end and model.start_date and end < model.start_date:
            return
        Campaign.objects.filter(pk=campaign).update(end_date=end)
        model.end_date = end
        self.edited(model.brand)

    def edited(self, brand: int) -> None:
        """What every door for edits does after it: put the brand right at once (R13)."""
        enforcement.reconcile(at=self.now, brand_ids=[brand], actor="test")
        self.oracle.tick_brand(brand, self.now, ENGINE_HOLDS)

    def running(self) -> set[int]:
        return set(Campaign.objects.filter(status="ACTIVE").values_list("pk", flat=True))

    def compare(self) -> None:
        for campaign in Campaign.objects.all():
            expected = self.oracle.campaigns[campaign.pk]
            entries = self.oracle.of_campaign(campaign.pk)
            assert (campaign.status, set(campaign.hold_set.codes)) == (expected.status, expected.holds)
            assert (campaign.daily_since, campaign.monthly_since) == (expected.daily_since, expected.monthly_since)
            assert campaign.daily_spend == counted(entries, expected.daily_since)
            assert campaign.monthly_spend == counted(entries, expected.monthly_since)
            assert campaign.total_spend == sum((entry.amount for entry in entries), Decimal(0))
        for brand in Brand.objects.all():
            entries = self.oracle.of_brand(brand.pk)
            assert brand.daily_spend == counted(entries, self.oracle.brands[brand.pk].daily_since)
            assert brand.monthly_spend == counted(entries, self.oracle.brands[brand.pk].monthly_since)
        for day in DailySpend.objects.all():
            assert day.amount == self.oracle.day_total(day.campaign_id, day.day)
        for brand_day in BrandDailySpend.objects.all():
            campaigns = Campaign.objects.filter(brand=brand_day.brand_id).values_list("pk", flat=True)
            assert brand_day.amount == sum(self.oracle.day_total(pk, brand_day.day) for pk in campaigns)


def broken_chains() -> list[int]:
    """Campaigns whose history does not lead, link by link, to what they are now (R19)."""
    broken = []
    for campaign in Campaign.objects.all():
        links = list(StatusChange.objects.filter(campaign=campaign).order_by("pk"))
        reached = [(link.to_status, link.to_holds) for link in links]
        left = [(link.from_status, link.from_holds) for link in links]
        if reached and (reached[:-1] != left[1:] or reached[-1] != (campaign.status, campaign.holds)):
            broken.append(campaign.pk)
    return broken


@contextmanager
def world(zones: tuple[str, str], now: datetime, start_in: int | None) -> Iterator[World]:
    """Two brands and three campaigns, of which the first two share a brand and the last is a draft."""
    with transaction.atomic():
        oracle = Oracle()
        first, second = (BrandFactory.create(timezone=zone) for zone in zones)
        brands = [first.pk, second.pk]
        oracle.brands = {pk: OracleBrand(zone=zone) for pk, zone in zip(brands, zones, strict=True)}
        start: date | None = None if start_in is None else local_day(zones[1], now) + timedelta(days=start_in)
        campaigns = [
            CampaignFactory.create(brand=first, status="ACTIVE").pk,
            CampaignFactory.create(brand=first, status="ACTIVE").pk,
            CampaignFactory.create(brand=second, status="DRAFT", start_date=start).pk,
        ]
        oracle.campaigns = {
            campaigns[0]: OracleCampaign(brand=brands[0], status="ACTIVE"),
            campaigns[1]: OracleCampaign(brand=brands[0], status="ACTIVE"),
            campaigns[2]: OracleCampaign(brand=brands[1], status="DRAFT", start_date=start),
        }
        yield World(now, oracle, brands, campaigns)
        transaction.set_rollback(True)


@pytest.mark.django_db(transaction=True)
@settings(
    max_examples=int(os.environ.get("ORACLE_EXAMPLES", "30")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    zones=st.tuples(st.sampled_from(ZONES), st.sampled_from(ZONES)),
    beginning=st.sampled_from(BEGINNINGS),
    start_in=st.sampled_from([None, -1, 0, 1, 2]),
    history=st.lists(steps, min_size=8, max_size=40),
)
def test_after_every_step_of_a_random_history_the_system_says_what_the_rulebook_says(
    zones: tuple[str, str], beginning: datetime, start_in: int | None, history: list[tuple[Any, ...]]
) -> None:
    with world(zones, beginning, start_in) as both:
        for name, *arguments in history:
            before = both.running()
            both.do(name, *arguments)
            both.compare()
            # The agency's promise, whoever owns what: nothing starts to run that anything holds.
            for started in both.running() - before:
                assert not both.oracle.due(started, both.now)
                assert not both.oracle.over(started, both.now)
        assert list(find_differences()) == []
        assert broken_chains() == []

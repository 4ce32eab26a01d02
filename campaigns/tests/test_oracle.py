"""Random histories, in which the system must say what the oracle says after every step (all rules).

To play a failure again, paste the steps that Hypothesis prints into a test, as they are:

    @pytest.mark.django_db(transaction=True)
    def test_a_failure_again() -> None:
        state = Rulebook()
        state.begin(zones=["UTC", "UTC", "UTC"], beginning="2026-03-07T20:00+00:00", start_in=None, end_in=None)
        state.spend(campaign=0, amount="5", ago=0, reference="")
        state.agree()
        state.teardown()

`agree` compares; call it after each step. All arguments are plain: brands are 0 to 2, campaigns 0 to 4, times are
seconds or ISO 8601.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import ProtectedError
from hypothesis import HealthCheck, assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from campaigns import enforcement, ledger
from campaigns.audit import find_differences
from campaigns.explain import explain
from campaigns.models import Brand, BrandDailySpend, Campaign, DailySpend, DaypartingSchedule
from campaigns.replay import replay
from campaigns.tests.factories import BrandFactory, CampaignFactory
from campaigns.tests.oracle import (
    ENGINE_HOLDS,
    LONG_AGO,
    Entry,
    Oracle,
    OracleBrand,
    OracleCampaign,
    Window,
    counted,
    first_instant,
    local_day,
)
from campaigns.tests.proof import all_rows, broken_chains
from campaigns.tests.vectors import TICKS

ZONES = [
    "UTC",
    "America/New_York",
    "Europe/London",
    "Europe/Berlin",
    "Asia/Karachi",
    "America/Santiago",  # no midnight on one day a year, as in the next four
    "Asia/Beirut",
    "Africa/Cairo",
    "America/Havana",
    "Atlantic/Azores",
    "Australia/Lord_Howe",  # half an hour
    "Asia/Kathmandu",
    "Pacific/Apia",  # no 30 December 2011
    "America/St_Johns",  # back over midnight until 2011
    "Pacific/Kiritimati",
]
# Evenings before days on which some of these zones change their clocks, month ends, and 29 February.
BEGINNINGS = [
    "2026-03-07T20:00+00:00",
    "2026-03-28T20:00+00:00",
    "2026-04-04T09:00+00:00",
    "2026-04-23T18:00+00:00",
    "2026-09-05T22:00+00:00",
    "2026-10-24T18:00+00:00",
    "2026-10-31T22:00+00:00",
    "2010-11-06T23:00+00:00",
    "2024-02-28T22:00+00:00",
    "2011-12-29T08:00+00:00",
    "2025-12-31T20:00+00:00",
]
MINUTE, HOUR, DAY = 60, 3600, 86_400
STEPS = [1, 4 * MINUTE, HOUR, 7 * HOUR, 27 * HOUR, 9 * DAY, 31 * DAY]
OFF = [-31 * DAY, -DAY, -HOUR, -1, 1, 4 * MINUTE, HOUR, DAY]
TIMES = ["00:00", "01:30", "02:30", "06:00", "12:00", "22:00", "23:30"]

brands = st.integers(0, 2)
campaigns = st.integers(0, 4)
amounts = st.sampled_from(["0.000001", "5", "30", "60", "100", "-5", "-30", "0"])
budgets = st.sampled_from([None, "30", "100", "99.999999"])
# Seconds; the negative ones are stamped ahead, as far as a clock may run ahead and further.
ago = st.sampled_from([0, 0, 0, -4 * MINUTE, -6 * MINUTE, 4 * MINUTE, HOUR, 7 * HOUR, 3 * DAY, 33 * DAY])
references = st.sampled_from(["", "", "a", "b"])
kinds = st.sampled_from(sorted(TICKS))
windows = st.tuples(st.integers(1, 7), st.sampled_from(TIMES), st.sampled_from(TIMES)).filter(lambda w: w[1] != w[2])
days_off = st.sampled_from([None, -40, -2, -1, 0, 1, 2])


def wall_time(text: str) -> time:
    return time.fromisoformat(text)


class Rulebook(RuleBasedStateMachine):
    """The system and the oracle, side by side, on one clock: three brands, five campaigns, two of them drafts."""

    def __init__(self) -> None:
        super().__init__()
        # All that happens is taken back in the end.
        self.transaction = transaction.atomic()
        self.transaction.__enter__()

    @initialize(
        zones=st.lists(st.sampled_from(ZONES), min_size=3, max_size=3),
        beginning=st.sampled_from(BEGINNINGS),
        start_in=days_off,
        end_in=st.sampled_from([None, 2, 5]),
    )
    def begin(self, zones: list[str], beginning: str, start_in: int | None, end_in: int | None) -> None:
        self.now = self.acted_at = datetime.fromisoformat(beginning)
        self.oracle = Oracle()
        made = [BrandFactory.create(timezone=zone) for zone in zones]
        self.brands = [brand.pk for brand in made]
        self.oracle.brands = {brand.pk: OracleBrand(zone=zone) for brand, zone in zip(made, zones, strict=True)}
        self.campaigns = []
        for owner, status in ((0, "ACTIVE"), (0, "ACTIVE"), (1, "ACTIVE"), (1, "DRAFT"), (2, "DRAFT")):
            today = local_day(zones[owner], self.now)
            start = today + timedelta(days=start_in) if status == "DRAFT" and start_in is not None else None
            end = today + timedelta(days=end_in) if owner == 1 and end_in is not None else None
            campaign = CampaignFactory.create(brand=made[owner], status=status, start_date=start, end_date=end)
            self.oracle.campaigns[campaign.pk] = OracleCampaign(
                brand=made[owner].pk, status=status, start_date=start, end_date=end
            )
            self.campaigns.append(campaign.pk)
        self.ran = self.running()

    def teardown(self) -> None:
        try:
            if hasattr(self, "oracle"):
                assert list(find_differences()) == []
                assert broken_chains() == []
        finally:
            transaction.set_rollback(True)
            self.transaction.__exit__(None, None, None)

    # Time

    @rule(seconds=st.sampled_from(STEPS))
    def clock(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(brand=brands, seconds=st.sampled_from([-4 * MINUTE, -1, 0, 2 * MINUTE]), month=st.booleans())
    def go_to_midnight(self, brand: int, seconds: int, month: bool) -> None:
        """To about the brand's next day, or month."""
        zone = self.zone(brand)
        today = local_day(zone, self.now)
        day = (today.replace(day=1) + timedelta(days=32)).replace(day=1) if month else today + timedelta(days=1)
        self.now = max(self.now, first_instant(zone, day) + timedelta(seconds=seconds))

    @rule(brand=brands)
    def go_to_clock_change(self, brand: int) -> None:
        """To the last hours before the brand's clock changes, where that is soon."""
        zone = ZoneInfo(self.zone(brand))
        for hours in range(0, 24 * 45, 3):
            later = self.now + timedelta(hours=hours)
            if later.astimezone(zone).utcoffset() != (later + timedelta(hours=3)).astimezone(zone).utcoffset():
                self.now = later
                return

    # Spend

    @rule(campaign=campaigns, amount=amounts, ago=ago, reference=references)
    def spend(self, campaign: int, amount: str, ago: int, reference: str) -> None:
        self.batch([(campaign, amount, ago, reference)])

    @rule(campaign=campaigns, amount=st.sampled_from(["5", "30", "60", "99.999999"]))
    def spend_now(self, campaign: int, amount: str) -> None:
        self.batch([(campaign, amount, 0, "")])

    @rule(entries=st.lists(st.tuples(campaigns, amounts, ago, references), min_size=2, max_size=5))
    def batch(self, entries: list[tuple[int, str, int, str]]) -> None:
        given = [
            Entry(self.campaigns[campaign], Decimal(amount), self.now - timedelta(seconds=ago), reference)
            for campaign, amount, ago, reference in entries
        ]
        ran = self.running()
        expected = self.oracle.record_all(given, self.now)
        receipt = ledger.record_spend(
            [ledger.SpendEntry(each.campaign, each.amount, each.timestamp, each.reference) for each in given],
            at=self.now,
            actor="test",
        )
        verdicts = ["recorded"] * len(given)
        for index in receipt.duplicate_indexes:
            verdicts[index] = "duplicate"
        for rejection in receipt.rejected:
            verdicts[rejection.index] = rejection.code
        assert verdicts == expected
        assert set(receipt.paused) == ran - self.running()

    @rule(
        campaign=campaigns,
        amount=st.sampled_from(["NaN", "1e3", "0.0000001", "9000000000.000001", ""]),
        timestamp=st.sampled_from(["1999-12-31T23:59:59+00:00", "2026-01-01T00:00"]),
    )
    def nonsense(self, campaign: int, amount: str, timestamp: str) -> None:
        """No amount, and no time or one that is too old: refused, each for its reason."""
        rows = all_rows()
        odd: Any = amount
        when = datetime.fromisoformat(timestamp)
        entries = [
            ledger.SpendEntry(self.campaigns[campaign], odd, self.now),
            ledger.SpendEntry(self.campaigns[campaign], Decimal(5), when),
        ]
        receipt = ledger.record_spend(entries, at=self.now, actor="test")
        codes = [rejection.code for rejection in receipt.rejected]
        assert codes == ["invalid_amount", "too_old" if when.tzinfo else "invalid_timestamp"]
        assert all_rows() == rows

    @rule(
        campaign=campaigns,
        days=st.sampled_from([-40, -2, -1, 0, 0, 1]),
        total=st.sampled_from(["0", "10", "100", "250", "-1"]),
    )
    def restate(self, campaign: int, days: int, total: str) -> None:
        pk = self.campaigns[campaign]
        day = local_day(self.zone_of(campaign), self.now) + timedelta(days=days)
        expected = self.oracle.restate(pk, day, Decimal(total), self.now)
        try:
            written: Decimal | str = ledger.set_daily_total(pk, day, Decimal(total), at=self.now, actor="test")
        except ledger.Rejected as reason:
            written = reason.code
        assert written == expected

    # Ticks

    @rule(kind=kinds, off=st.sampled_from([0, 0, 0, *OFF]))
    def tick(self, kind: str, off: int) -> None:
        """On time, or of a clock that is `off` seconds ahead of the others or behind them; then once more."""
        owned, words = TICKS[kind]
        at = self.acted_at = self.now + timedelta(seconds=off)
        enforcement.reconcile(at=at, owned=owned, actor="test")
        self.oracle.tick(at, words)
        again = enforcement.reconcile(at=at, owned=owned, actor="test")
        assert again == enforcement.Changes(checked=len(self.campaigns))

    @rule(kind=st.sampled_from(["daily", "monthly"]))
    def force(self, kind: str) -> None:
        owned, words = TICKS[kind]
        enforcement.reconcile(at=self.now, owned=owned, force=True, actor="test")
        self.oracle.tick(self.now, words, force=True)

    @rule(kind=kinds, force=st.booleans(), off=st.sampled_from([0, *OFF]))
    def dry_run(self, kind: str, force: bool, off: int) -> None:
        """It changes nothing, and says what the same without it then does."""
        owned, _ = TICKS[kind]
        at = self.now + timedelta(seconds=off)
        rows = all_rows()
        foreseen = enforcement.reconcile(at=at, owned=owned, force=force, dry_run=True, actor="test")
        assert all_rows() == rows
        with taken_back():
            assert enforcement.reconcile(at=at, owned=owned, force=force, actor="test") == foreseen

    # People

    @rule(campaign=campaigns, decision=st.sampled_from(["pause", "resume", "activate", "complete"]))
    def by_hand(self, campaign: int, decision: str) -> None:
        pk = self.campaigns[campaign]
        getattr(enforcement, decision)([pk], at=self.now, actor="test")
        match decision:
            case "pause":
                self.oracle.pause(pk)
            case "resume":
                self.oracle.resume(pk, self.now)
            case "activate":
                self.oracle.activate(pk, self.now)
            case _:
                self.oracle.complete(pk)

    @rule(campaign=campaigns, name=st.sampled_from(["daily_budget", "monthly_budget", "total_budget"]), budget=budgets)
    def campaign_budget(self, campaign: int, name: str, budget: str | None) -> None:
        self.edit_campaign(campaign, **{name: budget and Decimal(budget)})

    @rule(brand=brands, name=st.sampled_from(["daily_budget", "monthly_budget"]), budget=budgets)
    def brand_budget(self, brand: int, name: str, budget: str | None) -> None:
        amount = budget and Decimal(budget)
        Brand.objects.filter(pk=self.brands[brand]).update(**{name: amount})
        setattr(self.oracle.brands[self.brands[brand]], name, amount)
        self.put_right(self.brands[brand])

    @rule(brand=brands, active=st.booleans())
    def brand_active(self, brand: int, active: bool) -> None:
        Brand.objects.filter(pk=self.brands[brand]).update(is_active=active)
        self.oracle.brands[self.brands[brand]].active = active
        self.put_right(self.brands[brand])

    @rule(brand=brands, zone=st.sampled_from(ZONES))
    def move(self, brand: int, zone: str) -> None:
        """To another zone: only before there is spend (R4)."""
        moved = Brand.objects.get(pk=self.brands[brand])
        moved.timezone = ZoneInfo(zone)
        fixed = bool(self.oracle.of_brand(moved.pk)) and zone != self.zone(brand)
        try:
            moved.full_clean()
        except ValidationError:
            assert fixed
            return
        assert not fixed
        if zone != self.zone(brand):
            moved.save()
            enforcement.move_clock(moved.pk)
            assert self.oracle.move(moved.pk, zone)
            self.put_right(moved.pk)

    @rule(campaign=campaigns, windows=st.lists(windows, max_size=3, unique=True))
    def hours(self, campaign: int, windows: list[tuple[int, str, str]]) -> None:
        pk = self.campaigns[campaign]
        times = [(day, wall_time(start), wall_time(end)) for day, start, end in windows]
        DaypartingSchedule.objects.filter(campaign=pk).delete()
        for day, start, end in times:
            DaypartingSchedule.objects.create(campaign_id=pk, day_of_week=day, start_time=start, end_time=end)
        self.edit_campaign(campaign, windows=[Window(*each) for each in times])

    @rule(campaign=campaigns, name=st.sampled_from(["start_date", "end_date"]), days=days_off)
    def dates(self, campaign: int, name: str, days: int | None) -> None:
        model = self.oracle.campaigns[self.campaigns[campaign]]
        day = None if days is None else local_day(self.zone_of(campaign), self.now) + timedelta(days=days)
        start, end = (day, model.end_date) if name == "start_date" else (model.start_date, day)
        assume(start is None or end is None or start <= end)
        self.edit_campaign(campaign, **{name: day})

    @rule(campaign=campaigns)
    def delete(self, campaign: int) -> None:
        """Only what has no spend could be (R6)."""
        pk = self.campaigns[campaign]
        assume(self.oracle.of_campaign(pk))
        rows = all_rows()
        for spent in (Campaign.objects.get(pk=pk), Brand.objects.get(campaigns=pk)):
            with pytest.raises(ProtectedError):
                spent.delete()
        assert all_rows() == rows

    # Questions

    @rule(campaign=campaigns)
    def explain(self, campaign: int) -> None:
        """What is told is what ticks then do, if nothing else happens (R21)."""
        pk = self.campaigns[campaign]
        everything = [*self.oracle.brands.values(), *self.oracle.campaigns.values()]
        # A tick whose clock was ahead has begun a day that is still to come.
        assume(all(max(each.daily_since, each.monthly_since) <= self.now for each in everything))
        told = explain(pk, at=self.now)
        status, holds = self.oracle.decided(pk, self.now)
        assert (told.status, {hold.code for hold in told.holds}) == (status, holds)
        assert told.running == (status == "ACTIVE")
        if told.next_change_at is None:
            looks: list[tuple[datetime, str | None]] = [
                (self.now + timedelta(days=days), told.status) for days in (1, 8, 33)
            ]
        else:
            just_before = told.next_change_at - timedelta(microseconds=1)
            looks = [(max(self.now, just_before), told.status), (told.next_change_at, told.then)]
        with taken_back():
            for at, expected in looks:
                enforcement.reconcile(at=at, actor="test")
                assert Campaign.objects.get(pk=pk).status == expected, at

    @rule(brand=brands)
    def replay(self, brand: int) -> None:
        """It changes nothing that counts, and knows what was spent."""
        pk, rows = self.brands[brand], all_rows()
        last = local_day(self.zone(brand), self.now)
        days = [last - timedelta(days=before) for before in range(3)]
        told = replay(pk, days[-1], last, at=self.now)
        assert all_rows() == rows
        mine = [campaign for campaign, model in self.oracle.campaigns.items() if model.brand == pk]
        assert told.total.spent == sum(self.oracle.day_total(campaign, day) for campaign in mine for day in days)

    # After every step

    @invariant()
    def agree(self) -> None:
        """Status, holds, counters and days are the oracle's, and nothing has started to run that anything holds."""
        for campaign in Campaign.objects.all():
            expected = self.oracle.campaigns[campaign.pk]
            entries = self.oracle.of_campaign(campaign.pk)
            assert (campaign.status, set(campaign.hold_set.codes)) == (expected.status, expected.holds)
            assert (campaign.daily_since, campaign.monthly_since) == (expected.daily_since, expected.monthly_since)
            assert campaign.daily_spend == counted(entries, expected.daily_since)
            assert campaign.monthly_spend == counted(entries, expected.monthly_since)
            assert campaign.total_spend == counted(entries, LONG_AGO)
        for brand in Brand.objects.all():
            model, entries = self.oracle.brands[brand.pk], self.oracle.of_brand(brand.pk)
            assert (brand.daily_since, brand.monthly_since) == (model.daily_since, model.monthly_since)
            assert brand.daily_spend == counted(entries, model.daily_since)
            assert brand.monthly_spend == counted(entries, model.monthly_since)
        for day in DailySpend.objects.all():
            assert day.amount == self.oracle.day_total(day.campaign_id, day.day)
        for brand_day in BrandDailySpend.objects.all():
            mine = [pk for pk, model in self.oracle.campaigns.items() if model.brand == brand_day.brand_id]
            assert brand_day.amount == sum(self.oracle.day_total(pk, brand_day.day) for pk in mine)
        for started in self.running() - self.ran:
            assert not self.oracle.due(started, self.acted_at)
            assert not self.oracle.over(started, self.acted_at)
        self.ran, self.acted_at = self.running(), self.now

    # Of those

    def zone(self, brand: int) -> str:
        return self.oracle.brands[self.brands[brand]].zone

    def zone_of(self, campaign: int) -> str:
        return self.oracle.brands[self.oracle.campaigns[self.campaigns[campaign]].brand].zone

    def running(self) -> set[int]:
        return set(Campaign.objects.filter(status="ACTIVE").values_list("pk", flat=True))

    def edit_campaign(self, campaign: int, **values: Any) -> None:
        model = self.oracle.campaigns[self.campaigns[campaign]]
        columns = {name: value for name, value in values.items() if name != "windows"}
        if columns:
            Campaign.objects.filter(pk=self.campaigns[campaign]).update(**columns)
        for name, value in values.items():
            setattr(model, name, value)
        self.put_right(model.brand)

    def put_right(self, brand_id: int) -> None:
        """What every door for edits does after it (R13)."""
        enforcement.reconcile(at=self.now, brand_ids=[brand_id], actor="test")
        self.oracle.tick_brand(brand_id, self.now, ENGINE_HOLDS)


@contextmanager
def taken_back() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.mark.django_db(transaction=True)
def test_after_every_step_of_a_random_history_the_system_says_what_the_rulebook_says() -> None:
    run_state_machine_as_test(
        Rulebook,
        settings=settings(
            max_examples=int(os.environ.get("ORACLE_EXAMPLES", "20")),
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )

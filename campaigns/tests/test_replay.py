"""What if: the same days played again, by the same rule, with nothing of what counts touched."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import count, pairwise
from random import Random
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns import replay as replaying
from campaigns.enforcement import pause, reconcile
from campaigns.holds import Hold
from campaigns.hours import parse_windows
from campaigns.ledger import SpendEntry, record_spend, set_daily_total
from campaigns.models import Brand, Campaign, StatusChange
from campaigns.periods import day_start, wall_changes
from campaigns.replay import CampaignReplay, Change, Total, replay
from campaigns.tests.factories import BrandFactory, CampaignFactory, ScheduleFactory, utc

pytestmark = pytest.mark.django_db

NOW = utc("2026-11-21 12:00")
MONTH = (date(2026, 10, 1), date(2026, 10, 31))
DAY = date(2026, 10, 5)  # a Monday


def spend(campaign: Campaign, *spent: tuple[str, str]) -> None:
    """Record spend at a time of DAY, or at a full one, as if nothing had kept it."""
    for at, amount in spent:
        instant = utc(at if " " in at else f"{DAY} {at}")
        record_spend([SpendEntry(campaign.pk, Decimal(amount), instant)], at=instant)


def played(campaign: Campaign, first: date = DAY, last: date = DAY, **changed: Any) -> CampaignReplay:
    """The campaign's days again, under its changed budgets or windows."""
    windows = changed.pop("windows", None)
    change = Change({name: value and Decimal(value) for name, value in changed.items()}, windows)
    told = replay(campaign.brand_id, first, last, at=NOW, changes={campaign.pk: change}, only=[campaign.pk])
    return told.campaigns[0]


def pauses(told: CampaignReplay) -> list[tuple[str, str, list[str]]]:
    return [
        (f"{stop.start:%d %H:%M}", f"{stop.end:%d %H:%M}", stop.holds.codes) for day in told.days for stop in day.stops
    ]


def would_have_spent(told: CampaignReplay) -> list[str]:
    return [f"{day.would_have_spent:f}" for day in told.days]


# The same as it was


def live_history(brand: Brand, random: Random, first: date, days: int) -> None:
    """Let a brand's campaigns spend at random while they run, with the clock's changes at their very instants."""
    zone = brand.timezone
    start, end = day_start(zone, first), day_start(zone, first + timedelta(days=days))
    times = {time(6, 30), time(2, 30), time(22), time(20)}  # of the windows below
    ticks = [start, *wall_changes(zone, times, start, end - timedelta(seconds=1))]
    spends = sorted(start + random.random() * (end - start) for _ in range(50 * days))
    for at in sorted([*ticks, *spends]):
        if at in ticks:
            reconcile(at=at, brand_ids=[brand.pk], actor="test")
            continue
        running = list(Campaign.objects.filter(brand=brand, status="ACTIVE").values_list("pk", flat=True))
        if running:
            amount = Decimal(random.randint(1, 9_000_000)).scaleb(-6)
            record_spend([SpendEntry(random.choice(running), amount, at)], at=at)


@pytest.mark.parametrize(
    ("zone", "first"),
    [
        ("UTC", date(2026, 9, 30)),
        ("Europe/Berlin", date(2026, 10, 24)),  # 25 hours on the 25th
        ("America/Santiago", date(2026, 9, 5)),  # the 6th begins at 01:00
        ("Australia/Lord_Howe", date(2026, 10, 3)),  # half an hour on the 4th
    ],
)
def test_an_enforced_ledger_replays_to_the_same_spend_and_the_same_pauses(zone: str, first: date) -> None:
    brand = BrandFactory.create(timezone=zone, daily_budget=Decimal(100), monthly_budget=Decimal(240))
    CampaignFactory.create(brand=brand, daily_budget=Decimal(50))
    windowed = CampaignFactory.create(brand=brand, daily_budget=Decimal(45), total_budget=Decimal(110))
    night = CampaignFactory.create(brand=brand, end_date=first + timedelta(days=1))
    for day in range(1, 8):
        ScheduleFactory.create(campaign=windowed, day_of_week=day, start_time="06:30", end_time="20:00")
        ScheduleFactory.create(campaign=night, day_of_week=day, start_time="22:00", end_time="02:30")
    CampaignFactory.create(brand=brand, status="DRAFT", start_date=first + timedelta(days=2), daily_budget=Decimal(20))
    live_history(brand, Random(zone), first, 3)
    last = first + timedelta(days=2)

    told = replay(brand.pk, first, last, at=NOW)

    assert told.total.spent > 200
    assert [(day.spent, day.would_have_spent) for each in told.campaigns for day in each.days] == [
        (day.spent, day.spent) for each in told.campaigns for day in each.days
    ]
    held_by = {code for each in told.campaigns for _, _, codes in pauses(each) for code in codes}
    assert held_by >= {"BRAND_DAILY_BUDGET", "DAILY_BUDGET", "DAYPARTING"}
    start, end = (day_start(brand.timezone, day) for day in (first, last + timedelta(days=1)))
    for each in told.campaigns:
        assert stretches(each) == history(each.id, start, end)
    assert {(day.held, day.held_then) for each in told.campaigns for day in each.days} == {
        (day.held, day.held) for each in told.campaigns for day in each.days
    }


def stretches(told: CampaignReplay) -> list[tuple[datetime, datetime, str, list[str]]]:
    """Its stops, those that go on over midnight put together."""
    joined: list[tuple[datetime, datetime, str, list[str]]] = []
    for stop in (stop for day in told.days for stop in day.stops):
        start = stop.start
        if joined and joined[-1][1:] == (stop.start, stop.status, stop.holds.codes):
            start = joined.pop()[0]
        joined.append((start, stop.end, stop.status, stop.holds.codes))
    return joined


def history(campaign_id: int, start: datetime, end: datetime) -> list[tuple[datetime, datetime, str, list[str]]]:
    """The same as the history of statuses has it."""
    rows = list(StatusChange.objects.filter(campaign=campaign_id).order_by("pk"))
    states = [(row.at, row.to_status, row.to_holds) for row in rows]
    if rows:
        states.insert(0, (start, rows[0].from_status, rows[0].from_holds))
    return [
        (begins, ends, status, Hold(holds).codes)
        for (begins, status, holds), (ends, _, _) in pairwise([*states, (end, "", 0)])
        if status != "ACTIVE" and begins < ends
    ]


# Other budgets and hours


def test_a_smaller_budget_pauses_earlier_and_what_comes_after_is_saved() -> None:
    campaign = CampaignFactory.create(daily_budget=Decimal(100))
    spend(campaign, ("08:00", "40"), ("10:00", "30"), ("15:00", "29"))

    told = played(campaign, daily_budget="60")

    assert told.days[0].spent == 99
    assert would_have_spent(told) == ["70.000000"]
    assert pauses(told) == [("05 10:00", "06 00:00", ["DAILY_BUDGET"])]
    assert (told.held, told.days[0].held) == (timedelta(hours=14), timedelta(hours=14))


@pytest.mark.parametrize("seed", range(3))
def test_a_raised_budget_never_pauses_earlier_or_spends_less(seed: int) -> None:
    random = Random(seed)
    campaign = CampaignFactory.create()
    for _ in range(40):
        spend(campaign, (f"{random.randrange(24):02}:{random.randrange(60):02}", str(random.randint(1, 20))))

    steps = [played(campaign, daily_budget=str(budget)) for budget in (50, 51, 120, 200, 10_000)]

    for less, more in pairwise(steps):
        assert more.total.would_have_spent >= less.total.would_have_spent
        assert first_pause(more) >= first_pause(less)
    assert first_pause(steps[-1]) == NOW


def first_pause(told: CampaignReplay) -> datetime:
    return min((stop.start for day in told.days for stop in day.stops), default=NOW)


def test_a_budget_above_the_days_maximum_pauses_nobody_and_that_of_the_maximum_loses_nothing() -> None:
    campaign = CampaignFactory.create(daily_budget=Decimal(50))
    spend(campaign, ("08:00", "40"), ("10:00", "30"), ("15:00", "29"))

    above, equal = played(campaign, daily_budget="99.000001"), played(campaign, daily_budget="99")

    assert (pauses(above), would_have_spent(above)) == ([], ["99.000000"])
    assert (pauses(equal), would_have_spent(equal)) == ([("05 15:00", "06 00:00", ["DAILY_BUDGET"])], ["99.000000"])


def test_without_a_limit_nothing_pauses() -> None:
    campaign = CampaignFactory.create(daily_budget=Decimal(50), monthly_budget=Decimal(60))
    spend(campaign, ("08:00", "70"), ("10:00", "30"))

    told = played(campaign, daily_budget=None, monthly_budget=None)

    assert (pauses(told), would_have_spent(told)) == ([], ["100.000000"])


def test_what_was_spent_before_the_first_day_counts_for_the_month_and_for_good() -> None:
    campaign = CampaignFactory.create()
    spend(campaign, ("2026-09-30 12:00", "500"), ("2026-10-02 12:00", "80"), ("09:00", "15"), ("11:00", "15"))

    monthly, total = played(campaign, monthly_budget="95"), played(campaign, total_budget="595")

    assert pauses(monthly) == [("05 09:00", "06 00:00", ["MONTHLY_BUDGET"])]
    assert pauses(total) == [("05 09:00", "06 00:00", ["TOTAL_BUDGET"])]
    assert would_have_spent(monthly) == would_have_spent(total) == ["15.000000"]


def test_a_month_s_budget_holds_until_the_month_is_over() -> None:
    campaign = CampaignFactory.create()
    spend(campaign, ("2026-10-30 12:00", "10"), ("2026-10-31 12:00", "10"), ("2026-11-01 00:00", "10"))

    told = played(campaign, date(2026, 10, 30), date(2026, 11, 1), monthly_budget="10")

    assert would_have_spent(told) == ["10.000000", "0", "10.000000"]
    assert [stop.holds.codes for stop in told.days[1].stops] == [["MONTHLY_BUDGET"]]
    assert told.months == [
        Total(date(2026, 10, 1), Decimal(20), Decimal(10)),
        Total(date(2026, 11, 1), Decimal(10), Decimal(10)),
    ]


def test_other_hours_let_only_those_spend() -> None:
    campaign = CampaignFactory.create()
    spend(campaign, ("07:59", "1"), ("08:00", "2"), ("17:59", "4"), ("18:00", "8"))

    told = played(campaign, windows=parse_windows("Mon-Fri 08:00-18:00"))

    assert would_have_spent(told) == ["6.000000"]
    assert pauses(told) == [("05 00:00", "05 08:00", ["DAYPARTING"]), ("05 18:00", "06 00:00", ["DAYPARTING"])]
    assert (told.days[0].paused, told.days[0].held) == (timedelta(hours=14), timedelta(0))


def test_around_the_clock_in_place_of_hours_pauses_nobody() -> None:
    campaign = CampaignFactory.create()
    ScheduleFactory.create(campaign=campaign)
    spend(campaign, ("12:00", "5"))

    assert pauses(played(campaign)) != []
    assert pauses(played(campaign, windows=())) == []


def test_a_brand_s_budget_is_shared_with_campaigns_that_were_not_asked_for_and_spend_what_they_did() -> None:
    campaign = CampaignFactory.create()
    other = CampaignFactory.create(brand=campaign.brand)
    spend(other, ("08:00", "60"), ("10:00", "30"))
    spend(campaign, ("09:00", "30"), ("11:00", "30"))
    Campaign.objects.filter(pk=other.pk).update(daily_budget=Decimal(1))

    told = replay(
        campaign.brand_id, DAY, DAY, at=NOW, brand_change=Change({"daily_budget": Decimal(80)}), only=[campaign.pk]
    )

    (asked,) = told.campaigns
    assert pauses(asked) == [("05 09:00", "06 00:00", ["BRAND_DAILY_BUDGET"])]
    assert asked.total == Total(None, Decimal(60), Decimal(30))
    assert told.total == Total(None, Decimal(150), Decimal(120))


def test_a_campaign_that_was_not_asked_for_counts_as_it_was_where_no_budget_is_shared() -> None:
    campaign = CampaignFactory.create()
    other = CampaignFactory.create(brand=campaign.brand, daily_budget=Decimal(1))
    spend(other, ("08:00", "60"), ("10:00", "30"))
    spend(campaign, ("09:00", "30"), ("11:00", "30"))

    change = Change({"daily_budget": Decimal(30)})
    told = replay(campaign.brand_id, DAY, DAY, at=NOW, changes={campaign.pk: change}, only=[])

    assert [each.id for each in told.campaigns] == [campaign.pk]
    assert told.total == Total(None, Decimal(150), Decimal(120))


def test_a_draft_waits_for_its_start_date_and_an_end_date_ends_it() -> None:
    campaign = CampaignFactory.create()
    for day in ("05", "06", "07"):
        spend(campaign, (f"2026-10-{day} 12:00", "5"))
    Campaign.objects.filter(pk=campaign.pk).update(start_date=date(2026, 10, 6), end_date=date(2026, 10, 6))

    told = played(campaign, DAY, date(2026, 10, 7))

    assert would_have_spent(told) == ["0", "5.000000", "0"]
    assert [stop.status for day in told.days for stop in day.stops] == ["DRAFT", "COMPLETED"]


def test_what_a_person_paused_is_not_played_again() -> None:
    campaign = CampaignFactory.create()
    pause([campaign.pk], at=utc(f"{DAY} 10:00"), actor="user:alice")
    spend(campaign, ("12:00", "5"))

    told = played(campaign)

    assert (pauses(told), would_have_spent(told)) == ([], ["5.000000"])


def test_spend_that_pauses_held_back_then_is_named_as_unknown() -> None:
    campaign = CampaignFactory.create(daily_budget=Decimal(50))
    spend(campaign, ("12:00", "50"))
    reconcile(at=utc("2026-10-06 00:00"))

    change = Change({"daily_budget": Decimal(500)})
    told = replay(campaign.brand_id, DAY, DAY, at=NOW, changes={campaign.pk: change})

    assert told.campaigns[0].days[0].held_then == timedelta(hours=12)
    assert any(note.startswith("On 1 campaign day a pause held spend back") for note in told.notes)


def test_an_inactive_brand_holds_all_and_a_note_says_so() -> None:
    campaign = CampaignFactory.create(brand=BrandFactory.create(is_active=False))
    spend(campaign, ("12:00", "50"))

    told = replay(campaign.brand_id, DAY, DAY, at=NOW)

    assert told.total.would_have_spent == 0
    assert "inactive" in told.notes[0]


# Totals of days, and corrections


def test_r9_a_day_s_total_is_spread_evenly_over_the_day_and_the_result_says_so() -> None:
    campaign = CampaignFactory.create()
    set_daily_total(campaign.pk, DAY, Decimal(96), at=NOW)

    told = replay(campaign.brand_id, DAY, DAY, at=NOW, changes={campaign.pk: Change({"daily_budget": Decimal(48)})})

    (each,) = told.campaigns
    assert would_have_spent(each) == ["48.000000"]
    assert pauses(each) == [("05 11:52", "06 00:00", ["DAILY_BUDGET"])]  # in the middle of the 48th quarter of an hour
    assert (told.days_spread, each.days[0].spread) == (1, True)
    assert any("spread evenly" in note for note in told.notes)


def test_r9_a_day_s_total_is_spread_over_the_hours_that_stood_and_adds_up_to_the_last_micro() -> None:
    campaign = CampaignFactory.create()
    ScheduleFactory.create(campaign=campaign, start_time="22:00", end_time="06:00")
    ScheduleFactory.create(campaign=campaign, start_time="12:10", end_time="12:40")
    set_daily_total(campaign.pk, DAY, Decimal("10.000001"), at=NOW)

    told = played(campaign, windows=parse_windows("always"))
    at_noon = played(campaign, windows=parse_windows("Mon 12:00-13:00"))

    assert would_have_spent(told) == ["10.000001"]
    assert would_have_spent(at_noon) == ["2.000000"]  # in 30 of 150 minutes


def test_r9_a_day_restated_lower_is_cheaper_at_all_its_hours() -> None:
    campaign = CampaignFactory.create()
    spend(campaign, ("08:00", "60"), ("16:00", "60"))
    set_daily_total(campaign.pk, DAY, Decimal(60), at=NOW)

    assert would_have_spent(played(campaign)) == ["60.000000"]
    told = played(campaign, daily_budget="31")
    assert (pauses(told), would_have_spent(told)) == ([("05 16:00", "06 00:00", ["DAILY_BUDGET"])], ["60.000000"])
    assert would_have_spent(played(campaign, daily_budget="30")) == ["30.000000"]


def test_a_correction_counts_at_its_time_and_takes_back_no_more_than_was_spent() -> None:
    campaign = CampaignFactory.create()
    spend(campaign, ("08:00", "50"), ("09:00", "50"), ("10:00", "-90"), ("11:00", "7"))

    told = played(campaign, daily_budget="50")

    assert pauses(told) == [("05 08:00", "05 10:00", ["DAILY_BUDGET"])]
    assert would_have_spent(told) == ["7.000000"]


def test_amounts_larger_than_an_entry_may_be_add_up() -> None:
    campaign = CampaignFactory.create(brand=BrandFactory.create(currency="VND"))
    spend(campaign, ("08:00", "9000000000"), ("09:00", "9000000000"), ("10:00", "5"))

    assert would_have_spent(played(campaign)) == ["18000000005.000000"]


# Nothing is touched


def everything() -> dict[str, list[tuple[Any, ...]]]:
    tables = connection.introspection.table_names()
    kept = {}
    with connection.cursor() as cursor:
        for table in sorted(tables):
            cursor.execute(f'SELECT * FROM "{table}"')
            kept[table] = sorted(cursor.fetchall(), key=repr)
    return kept


@pytest.fixture
def busy_brand() -> Brand:
    campaign = CampaignFactory.create(daily_budget=Decimal(50), brand=BrandFactory.create(daily_budget=Decimal(70)))
    for day in (1, 2):
        ScheduleFactory.create(campaign=campaign, day_of_week=day, end_time="23:00")
    spend(campaign, ("09:30", "60"), ("10:00", "60"))
    set_daily_total(campaign.pk, DAY + timedelta(days=1), Decimal(400), at=NOW)
    return campaign.brand


def test_every_row_of_every_table_is_as_before(busy_brand: Brand) -> None:
    before = everything()

    told = replay(
        busy_brand.pk, DAY, DAY + timedelta(days=1), at=NOW, brand_change=Change({"daily_budget": Decimal(9)})
    )

    assert told.total.would_have_spent < told.total.spent
    assert len(before["campaigns_statuschange"]) > 0
    assert everything() == before


def test_every_row_is_as_before_where_a_replay_fails_in_the_middle(
    busy_brand: Brand, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = everything()
    calls = count()

    def fails(*arguments: Any, **options: Any) -> Any:
        if next(calls) == 1:
            raise OSError("in the middle")
        return record_spend(*arguments, **options)

    monkeypatch.setattr(replaying, "record_spend", fails)
    with pytest.raises(OSError, match="in the middle"):
        replay(busy_brand.pk, DAY, DAY + timedelta(days=1), at=NOW)

    assert next(calls) == 2
    assert everything() == before


def test_the_database_in_use_is_only_read_and_as_often_for_many_entries_as_for_few(busy_brand: Brand) -> None:
    def queries() -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            replay(busy_brand.pk, DAY, DAY + timedelta(days=1), at=NOW)
        return [query["sql"] for query in captured]

    few = queries()
    campaign = busy_brand.campaigns.get()
    spend(campaign, *[(f"{hour:02}:00", "1") for hour in range(24)])
    CampaignFactory.create_batch(3, brand=busy_brand)

    assert len(queries()) == len(few) < 15
    assert {sql.split()[0] for sql in few} == {"SELECT"}


@pytest.mark.parametrize(
    ("first", "last", "message"),
    [
        (date(2026, 10, 5), date(2026, 10, 4), "2026-10-05 lies after 2026-10-04"),
        (date(2026, 11, 22), date(2026, 11, 23), "2026-11-22 has not begun"),
        (date(2020, 1, 1), date(2026, 10, 5), "more than 366 days"),
    ],
)
def test_days_that_cannot_be_played_are_refused(first: date, last: date, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replay(BrandFactory.create().pk, first, last, at=NOW)


def test_today_is_played_as_far_as_it_has_come() -> None:
    campaign = CampaignFactory.create()
    spend(campaign, ("2026-11-21 09:00", "5"))

    told = played(campaign, NOW.date(), date(2026, 11, 30), daily_budget="5")

    assert pauses(told) == [("21 09:00", "21 12:00", ["DAILY_BUDGET"])]


def test_a_budget_of_zero_and_another_brand_s_campaign_are_refused() -> None:
    with pytest.raises(ValueError, match="must be more than zero"):
        Change({"daily_budget": Decimal(0)})
    with pytest.raises(ValueError, match="has no campaign"):
        replay(BrandFactory.create().pk, DAY, DAY, at=NOW, only=[CampaignFactory.create().pk])

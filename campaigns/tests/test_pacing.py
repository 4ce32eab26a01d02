"""Spend against a month's budget: expected, pace, status and the daily budget that lands on the monthly one."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.pacing import Month, Pace, Series, Status, added_up, daily_to_land, has_stopped, month_of, pace

JUNE = Month(date(2026, 6, 1), date(2026, 6, 30))
BUDGET = Decimal(3000)
HALF = Fraction(1, 2)


def days(*amounts: str | int, first: date = date(2026, 6, 1), today: str | int = 0, over: Fraction | int = 0) -> Series:
    return Series(first, [Decimal(amount) for amount in amounts], Decimal(today), Fraction(over))


def june(*amounts: str | int, today: str | int = 0, over: Fraction | int = 0, budget: Decimal | None = BUDGET) -> Pace:
    return pace(days(*amounts, today=today, over=over), JUNE, budget=budget, currency="EUR")


def test_expected_is_the_budget_spread_evenly_over_the_days() -> None:
    standing = june(*[100] * 10)
    assert standing.expected == 1000
    assert standing.ratio == 1
    assert standing.status == Status.ON_TRACK


def test_today_counts_as_far_as_it_is_over() -> None:
    standing = june(*[100] * 10, today=40, over=HALF)
    assert standing.spent == 1040
    assert standing.expected == 1050


@pytest.mark.parametrize(
    ("day", "length"),
    [(date(2026, 2, 9), 28), (date(2028, 2, 9), 29), (date(2026, 6, 9), 30), (date(2026, 7, 9), 31)],
)
def test_a_month_has_its_own_number_of_days(day: date, length: int) -> None:
    month = month_of(day)
    assert month is not None
    standing = pace(days(first=month.first, over=1), month, budget=Decimal(length), currency="EUR")
    assert month.length == length
    assert standing.expected == 1
    assert month.elapsed(month.last, Fraction(1)) == 1


def test_expected_follows_the_open_hours_where_there_are_windows() -> None:
    seconds = [36_000 if day % 7 < 5 else 0 for day in range(30)]
    month = month_of(date(2026, 6, 1), open_seconds=seconds)
    assert month is not None
    standing = pace(days(*[0] * 7, over=HALF), month, budget=Decimal(220), currency="EUR")
    assert standing.expected == 55  # five and a half of 22 open days


def test_a_campaign_that_starts_and_ends_in_mid_month_is_expected_on_its_own_days_only() -> None:
    month = month_of(date(2026, 6, 1), starts=date(2026, 6, 11), ends=date(2026, 6, 20))
    assert month is not None
    on_the_tenth, on_the_sixteenth, after = (
        pace(days(*[0] * past), month, budget=BUDGET, currency="EUR").expected for past in (9, 15, 25)
    )
    assert on_the_tenth == 0
    assert on_the_sixteenth == 1500
    assert after == 3000


def test_a_campaign_has_no_days_in_a_month_after_its_end() -> None:
    assert month_of(date(2026, 7, 1), ends=date(2026, 6, 20)) is None


def test_the_band_narrows_from_25_to_5_percent() -> None:
    assert june().band == Fraction(25, 100)
    assert june(*[0] * 15).band == Fraction(15, 100)
    assert june(*[0] * 29, over=1).band == Fraction(5, 100)


@pytest.mark.parametrize(
    ("spent", "status"),
    [(1725, Status.ON_TRACK), ("1725.01", Status.AHEAD), (1275, Status.ON_TRACK), ("1274.99", Status.BEHIND)],
)
def test_ahead_and_behind_begin_just_outside_the_band(spent: str | int, status: Status) -> None:
    assert june(*[0] * 14, spent).status == status


def test_nobody_is_behind_in_the_first_hours_of_the_month() -> None:
    assert june(over=Fraction(1, 24)).status == Status.ON_TRACK
    assert june(over=HALF).status == Status.BEHIND


def test_without_a_budget_there_is_only_what_was_spent() -> None:
    assert june(5, 5, budget=None) == Pace(Decimal(10), None, None, None, june(5, 5).band, None, None)


def test_spend_before_the_start_of_a_campaign_counts_all_the_same() -> None:
    month = month_of(date(2026, 6, 1), starts=date(2026, 6, 3))
    assert month is not None
    assert days(7, 0, 1).spent(month) == 8


def test_days_of_other_months_do_not_count() -> None:
    assert days(9, 9, 1, 2, first=date(2026, 5, 30), today=4).spent(JUNE) == 7
    assert days(*[1] * 30, today=9).spent(JUNE) == 30
    assert days(1, 2).spent(Month(date(2026, 7, 1), date(2026, 7, 31))) == 0


def test_a_refund_lowers_what_was_spent() -> None:
    assert june(100, -30).spent == 70


def test_what_is_off_track_and_silent_for_three_days_has_stopped() -> None:
    assert june(100, 100, 100, 0, 0).status == Status.BEHIND
    assert june(100, 100, 100, 0, 0, 0).status == Status.STOPPED
    assert june(100, 100, 100, 0, 0, 0, budget=None).status == Status.STOPPED


def test_what_spends_today_has_not_stopped() -> None:
    assert not has_stopped(days(100, 100, 0, 0, 0, 0, today=1), JUNE)


def test_what_pauses_often_has_stopped_only_after_longer_than_usual() -> None:
    weekly = [70, 0, 0, 0, 0, 0, 0] * 3
    assert not has_stopped(days(*weekly), JUNE)
    assert has_stopped(days(*weekly, 0), JUNE)


def test_what_never_spent_has_stopped_after_three_days() -> None:
    assert not has_stopped(days(0, 0), JUNE)
    assert has_stopped(days(0, 0, 0), JUNE)


def test_days_without_open_hours_are_no_silence() -> None:
    closed = tuple(0 if 3 <= day < 6 else 86_400 for day in range(30))
    assert not has_stopped(days(5, 5, 5, 0, 0, 0), Month(JUNE.first, JUNE.last, closed))


def test_what_is_held_on_purpose_or_has_reached_its_budget_has_not_stopped() -> None:
    silent = days(100, 0, 0, 0)
    held = pace(silent, JUNE, budget=BUDGET, currency="EUR", running=False)
    reached = pace(silent, JUNE, budget=Decimal(100), currency="EUR")
    assert (held.status, reached.status) == (Status.BEHIND, Status.AHEAD)


def test_the_daily_budget_to_land_shares_what_is_left_among_the_days_left() -> None:
    assert june(*[50] * 10).daily_to_land == 125


def test_what_today_has_spent_is_part_of_its_daily_budget() -> None:
    assert june(*[50] * 10, today=100, over=HALF).daily_to_land == 125


def test_where_today_has_spent_more_than_its_share_the_later_days_share_the_rest() -> None:
    assert june(*[100] * 28, today=150, over=HALF).daily_to_land == 50


def test_on_the_last_day_all_that_is_left_is_its_daily_budget() -> None:
    assert june(*[100] * 29, today=30, over=HALF).daily_to_land == 100


@pytest.mark.parametrize(("currency", "daily"), [("EUR", "33.33"), ("JPY", "33"), ("KWD", "33.333")])
def test_r2_the_daily_budget_to_land_is_rounded_down_to_the_decimals_of_the_currency(currency: str, daily: str) -> None:
    assert daily_to_land(days(*[0] * 27), JUNE, budget=Decimal(100), currency=currency) == Decimal(daily)


def test_nothing_is_left_of_a_budget_that_was_spent() -> None:
    assert june(3000).daily_to_land == 0
    assert june(2000, 1500).daily_to_land == 0


def test_after_the_last_open_day_no_daily_budget_lands() -> None:
    assert june(*[50] * 30).daily_to_land is None


def test_a_month_to_come_is_not_expected_to_have_begun() -> None:
    july = Month(date(2026, 7, 1), date(2026, 7, 31))
    standing = pace(days(50, 50), july, budget=Decimal(3100), currency="EUR")
    assert standing.spent == standing.expected == 0
    assert standing.status == Status.ON_TRACK
    assert standing.daily_to_land == 100


@given(
    amounts=st.lists(st.decimals(0, 500, places=2), max_size=29),
    today=st.decimals(0, 500, places=2),
    budget=st.decimals(1, 20_000, places=2),
    currency=st.sampled_from(["EUR", "JPY", "KWD"]),
)
def test_spending_the_daily_budget_to_land_lands_within_a_rounding_of_the_budget(
    amounts: list[Decimal], today: Decimal, budget: Decimal, currency: str
) -> None:
    series = Series(JUNE.first, amounts, today, HALF)
    daily = daily_to_land(series, JUNE, budget=budget, currency=currency)
    assert daily is not None
    left = JUNE.days_left(series.today)
    month = sum(amounts, Decimal(0)) + max(today, daily) + daily * (left - 1)
    unit = {"EUR": Decimal("0.01"), "JPY": Decimal(1), "KWD": Decimal("0.001")}[currency]
    if daily and (left > 1 or daily >= today):
        assert budget - unit * left < month <= budget


def test_series_add_up_by_day() -> None:
    total = added_up([days(1, 2, 3, today=4), days(20, 30, first=date(2026, 6, 2), today=40)])
    assert total == days(1, 22, 33, today=44)


def test_series_that_end_on_different_days_do_not_add_up() -> None:
    with pytest.raises(ValueError, match="different days"):
        added_up([days(1, 2), days(1)])


@pytest.mark.parametrize("over", [Fraction(-1, 9), Fraction(10, 9)])
def test_no_more_than_all_of_today_can_be_over(over: Fraction) -> None:
    with pytest.raises(ValueError, match="fraction from 0 to 1"):
        days(1, over=over)


def test_a_month_has_days_of_one_month_and_open_hours_of_each() -> None:
    with pytest.raises(ValueError, match="no days of one month"):
        Month(date(2026, 6, 30), date(2026, 7, 1))
    with pytest.raises(ValueError, match="30 days need"):
        Month(JUNE.first, JUNE.last, (86_400,) * 29)
    with pytest.raises(ValueError, match="June 2026 has 30 days"):
        month_of(date(2026, 6, 1), open_seconds=[86_400] * 31)

"""Where a month will end: what holds for every series, and what some kinds of series promise."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from campaigns.forecasting import (
    CAMPAIGN,
    MANY,
    PORTFOLIO,
    SMALL_PORTFOLIO,
    Forecast,
    Habits,
    Limits,
    forecast,
    habits_of,
)
from campaigns.pacing import Month, Series, added_up, month_of

JUNE = Month(date(2026, 6, 1), date(2026, 6, 30))


def until(today: date, amounts: list[float], *, today_spend: float = 0, over: Fraction | int = 0) -> Series:
    """Daily amounts that end on the day before `today`."""
    decimals = [Decimal(str(amount)) for amount in amounts]
    return Series(today - timedelta(days=len(amounts)), decimals, Decimal(str(today_spend)), Fraction(over))


def of_june(day: int, amounts: list[float], limits: Limits | None = None, habits: Habits = CAMPAIGN) -> Forecast:
    return forecast(until(date(2026, 6, day), amounts), JUNE, limits=limits or Limits(), habits=habits)


def test_a_steady_campaign_goes_on_as_it_did() -> None:
    ahead = of_june(11, [10.0] * 60)
    assert ahead.spent == 100
    assert ahead.projected == pytest.approx(300, rel=0.02)
    assert 200 < ahead.low < 300 < ahead.high < 400


def test_a_new_daily_budget_is_believed_after_a_few_days() -> None:
    assert of_june(11, [10.0] * 50 + [20.0] * 5).rest == pytest.approx(20 * 20, rel=0.1)


def test_a_noisy_campaign_is_not_judged_by_its_last_days() -> None:
    noisy = [5.0, 15.0, 8.0, 14.0, 6.0, 12.0] * 10
    assert of_june(11, [*noisy, 25.0, 25.0]).rest == pytest.approx(20 * 12, rel=0.2)


def test_the_weekdays_to_come_count_as_they_used_to() -> None:
    # 27 to 30 June 2026 are a Saturday to a Tuesday.
    weeks = ([100.0] * 5 + [10.0] * 2) * 10
    assert of_june(27, weeks[:-2]).rest == pytest.approx(220, rel=0.1)


def test_what_rests_at_weekends_has_neither_stopped_on_sunday_nor_spends_on_saturday() -> None:
    weeks = ([100.0] * 5 + [0.0] * 2) * 10
    on_monday = of_june(29, weeks)
    assert on_monday.low > on_monday.spent
    assert on_monday.rest == pytest.approx(200, rel=0.05)
    assert of_june(27, weeks[:-2]).rest == pytest.approx(200, rel=0.05)


def test_a_campaign_that_started_in_mid_month_is_not_averaged_over_the_days_before() -> None:
    assert of_june(16, [0.0] * 40 + [30.0] * 7).rest == pytest.approx(15 * 30, rel=0.15)


def test_a_campaign_that_went_silent_is_not_expected_back() -> None:
    silent = of_june(11, [10.0] * 50 + [0.0] * 5)
    assert (silent.low, silent.projected, silent.high) == (50, 50, 50)
    one_day = of_june(11, [10.0] * 54 + [0.0])
    assert one_day.low == one_day.spent < one_day.projected < one_day.high


def test_a_campaign_of_lumps_is_not_dead_between_them() -> None:
    lumps = ([0.0] * 6 + [300.0] + [0.0] * 2 + [250.0] + [0.0] * 5) * 6
    ahead = of_june(11, lumps)
    assert 20 * 550 / 15 * 0.5 < ahead.rest < 20 * 550 / 15 * 1.3
    assert ahead.low < ahead.projected < ahead.high


def test_one_lump_does_not_make_a_habit() -> None:
    lump_in_the_mean_of_seven_days = 20 * (6 * 10 + 500) / 7
    assert of_june(11, [10.0] * 55 + [500.0]).rest < lump_in_the_mean_of_seven_days / 3
    assert of_june(11, [10.0] * 55 + [500.0] + [10.0] * 5).rest == pytest.approx(200, rel=0.5)


def test_spend_today_shows_that_a_silent_campaign_runs() -> None:
    silent = [10.0] * 50 + [0.0] * 5
    today = forecast(until(date(2026, 6, 11), silent, today_spend=3, over=Fraction(1, 2)), JUNE)
    assert today.rest > 50


def test_a_campaign_that_starts_today_is_judged_by_today() -> None:
    started = forecast(until(date(2026, 6, 11), [], today_spend=6, over=Fraction(1, 2)), JUNE)
    assert 6 + 10 * 12 / 4 < started.projected < 6 + 20 * 12
    assert started.low < started.projected < started.high


@pytest.mark.parametrize("amounts", [[], [0.0] * 40])
def test_where_nothing_was_ever_spent_nothing_is_expected(amounts: list[float]) -> None:
    nothing = of_june(11, amounts)
    assert (nothing.spent, nothing.low, nothing.projected, nothing.high) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("first", "length"),
    [(date(2026, 2, 1), 28), (date(2028, 2, 1), 29), (date(2026, 6, 1), 30), (date(2026, 7, 1), 31)],
)
def test_on_the_first_day_the_whole_month_is_to_come(first: date, length: int) -> None:
    month = month_of(first)
    assert month is not None
    ahead = forecast(until(first, [10.0] * 60), month)
    assert ahead.spent == 0
    assert ahead.projected == pytest.approx(10 * length, rel=0.02)


def test_on_the_last_day_what_is_left_of_it_is_to_come() -> None:
    last = forecast(until(JUNE.last, [10.0] * 60, today_spend=5, over=Fraction(1, 2)), JUNE)
    assert last.projected == pytest.approx(290 + 5 + 5, rel=0.01)


def test_a_month_that_is_over_ended_where_it_ended() -> None:
    ended = forecast(until(date(2026, 7, 3), [10.0] * 60), JUNE)
    assert (ended.low, ended.projected, ended.high) == (300, 300, 300)


def test_a_month_to_come_can_be_forecast() -> None:
    ahead = forecast(until(date(2026, 6, 11), [10.0] * 60), Month(date(2026, 8, 1), date(2026, 8, 31)))
    assert ahead.spent == 0
    assert ahead.projected == pytest.approx(310, rel=0.02)


def test_no_more_is_expected_after_the_end_of_a_campaign() -> None:
    month = month_of(date(2026, 6, 1), ends=date(2026, 6, 15))
    assert month is not None
    assert forecast(until(date(2026, 6, 11), [10.0] * 60), month).rest == pytest.approx(50, rel=0.02)
    assert forecast(until(date(2026, 6, 16), [10.0] * 60), month).rest == 0


def test_nothing_is_expected_on_days_without_open_hours() -> None:
    closed = Month(JUNE.first, JUNE.last, tuple(86_400 if day < 20 else 0 for day in range(30)))
    assert forecast(until(date(2026, 6, 11), [10.0] * 60), closed).rest == pytest.approx(100, rel=0.02)


def test_r12_the_monthly_budget_caps_a_forecast() -> None:
    capped = of_june(11, [10.0] * 60, Limits(monthly_budget=Decimal(290)))
    assert capped.low < capped.projected == capped.high == 290


def test_r12_the_daily_budget_caps_every_day_to_come() -> None:
    assert of_june(11, [10.0] * 60, Limits(daily_budget=Decimal(4))).projected == pytest.approx(100 + 20 * 4)


def test_r12_what_is_left_of_the_total_budget_caps_a_forecast() -> None:
    assert of_june(11, [10.0] * 60, Limits(total_left=Decimal(30))).projected == 130


def test_r15_a_budget_that_was_passed_stays_passed() -> None:
    passed = of_june(11, [10.0] * 60, Limits(monthly_budget=Decimal(80)))
    assert (passed.low, passed.projected, passed.high) == (100, 100, 100)


def test_the_day_on_which_the_budget_will_be_reached() -> None:
    steady = [10.0] * 60
    assert of_june(11, steady, Limits(monthly_budget=Decimal(205))).budget_day == date(2026, 6, 21)
    assert of_june(11, steady, Limits(monthly_budget=Decimal(95))).budget_day == date(2026, 6, 10)
    assert of_june(11, steady, Limits(monthly_budget=Decimal(500))).budget_day is None
    assert of_june(11, steady).budget_day is None


def test_a_daily_budget_puts_the_day_off_on_which_the_monthly_one_is_reached() -> None:
    limits = Limits(daily_budget=Decimal(5), monthly_budget=Decimal("124.99"))
    assert of_june(11, [10.0] * 60, limits).budget_day == date(2026, 6, 15)


def test_refunds_lower_the_spend_but_not_the_days_to_come() -> None:
    refunded = of_june(11, [10.0] * 59 + [-200.0])
    assert refunded.spent == -110
    assert refunded.projected >= refunded.spent


def test_the_interval_narrows_as_the_month_goes_on() -> None:
    widths = [(ahead.high - ahead.low) for ahead in (of_june(day, [10.0, 14.0] * 50) for day in (2, 11, 21, 30))]
    assert widths == sorted(widths, reverse=True)


def test_noise_widens_the_interval() -> None:
    steady, noisy = of_june(11, [10.0] * 60), of_june(11, [2.0, 24.0, 3.0, 4.0, 17.0] * 12)
    assert noisy.high - noisy.low > 1.5 * (steady.high - steady.low)


def test_a_level_that_stays_is_measured_over_longer_than_one_that_moves() -> None:
    noise = [8.0, 12.0, 9.0, 11.0, 10.0, 7.0, 13.0] * 9
    ten_days = [14.0] * 3
    stays = of_june(11, [*noise, *ten_days]).rest
    moves = of_june(11, [*([2.0] * 14 + [20.0] * 14) * 2, *[10.0] * 7, *ten_days]).rest
    assert stays < moves


def test_from_its_fifth_day_on_the_month_alone_has_a_say() -> None:
    monthly = [level for level in (30.0, 10.0, 30.0, 10.0) for _day in range(30)]
    new_level = [20.0] * 8
    before, after = (
        forecast(until(date(2026, 6, 1 + len(new_level)), [*monthly[2:], *new_level]), JUNE, habits=habits)
        for habits in (replace(PORTFOLIO, trust=0), PORTFOLIO)
    )
    assert abs(after.rest - 22 * 20) < abs(before.rest - 22 * 20)


def test_a_portfolio_of_few_campaigns_is_none_of_many() -> None:
    assert habits_of(MANY - 1) == SMALL_PORTFOLIO
    assert habits_of(MANY) == PORTFOLIO


def test_the_run_rate_has_a_say_where_few_campaigns_run() -> None:
    raised = until(date(2026, 6, 11), [100.0] * 50 + [140.0] * 10)
    alone = forecast(raised, JUNE, habits=replace(SMALL_PORTFOLIO, run_rate=0.0))
    together = forecast(raised, JUNE, habits=replace(SMALL_PORTFOLIO, run_rate=0.5))
    assert together.rest == pytest.approx((alone.rest + 20 * 140) / 2)


def test_the_run_rate_has_no_say_in_the_first_days_of_a_month() -> None:
    raised = until(date(2026, 6, 4), [100.0] * 50 + [140.0] * 3)
    alone = forecast(raised, JUNE, habits=replace(SMALL_PORTFOLIO, run_rate=0.0))
    assert forecast(raised, JUNE, habits=SMALL_PORTFOLIO) == alone


def test_a_lump_on_a_quiet_weekday_tells_a_portfolio_no_more_than_one_on_a_busy_one() -> None:
    # 6 and 7 June 2026 are a weekend. In a sum, what comes on top of the 20 a day is not five times as much by Monday.
    weeks = ([100.0] * 5 + [20.0] * 2) * 10
    on_top = of_june(8, [*weeks[:-2], 40.0, 40.0], habits=PORTFOLIO).rest - of_june(8, weeks, habits=PORTFOLIO).rest
    all_alike = replace(PORTFOLIO, by_share=False)
    too_much = of_june(8, [*weeks[:-2], 40.0, 40.0], habits=all_alike).rest - of_june(8, weeks, habits=all_alike).rest
    assert 0 < on_top < too_much / 2


def test_what_is_older_than_a_portfolio_looks_back_changes_nothing() -> None:
    recent = [100.0, 90.0, 120.0] * 40
    one, other = (until(date(2026, 6, 11), [*older, *recent]) for older in ([], [5000.0] * 200))
    assert forecast(one, JUNE, habits=PORTFOLIO) == forecast(other, JUNE, habits=PORTFOLIO)


amounts_of_days = st.lists(
    st.one_of(st.just(Decimal(0)), st.decimals("0.01", 5000, places=2)), min_size=1, max_size=120
)
todays = st.dates(date(2026, 1, 1), date(2026, 12, 31))


@given(amounts=amounts_of_days, today=todays, today_spend=st.decimals(0, 500, places=2))
def test_the_interval_holds_the_projection_and_the_projection_what_was_spent(
    amounts: list[Decimal], today: date, today_spend: Decimal
) -> None:
    month = month_of(today)
    assert month is not None
    series = Series(today - timedelta(days=len(amounts)), amounts, today_spend, Fraction(1, 3))
    for habits in (CAMPAIGN, SMALL_PORTFOLIO, PORTFOLIO):
        ahead = forecast(series, month, habits=habits)
        assert ahead.spent <= ahead.low <= ahead.projected <= ahead.high < math.inf


@given(amounts=amounts_of_days, today=todays)
def test_a_thousand_times_the_spend_is_a_thousand_times_the_forecast(amounts: list[Decimal], today: date) -> None:
    month = month_of(today)
    assert month is not None
    first = today - timedelta(days=len(amounts))
    one = forecast(Series(first, amounts), month)
    thousand = forecast(Series(first, [amount * 1000 for amount in amounts]), month)
    assert (thousand.low, thousand.projected, thousand.high) == pytest.approx(
        (one.low * 1000, one.projected * 1000, one.high * 1000), rel=1e-6
    )


@given(amounts=amounts_of_days, today=todays, budget=st.decimals(1, 9000, places=2))
def test_r12_no_forecast_passes_a_budget_that_was_not_passed(
    amounts: list[Decimal], today: date, budget: Decimal
) -> None:
    month = month_of(today)
    assert month is not None
    ahead = forecast(Series(today - timedelta(days=len(amounts)), amounts), month, limits=Limits(monthly_budget=budget))
    assert ahead.high <= max(float(budget), ahead.spent) * (1 + 1e-12)


@given(amounts=amounts_of_days, zeros=st.integers(0, 100))
def test_days_before_the_first_spend_change_nothing(amounts: list[Decimal], zeros: int) -> None:
    assume(len(amounts) + zeros < 400)
    today = date(2026, 6, 11)
    lone = forecast(Series(today - timedelta(days=len(amounts)), amounts), JUNE)
    padded = forecast(Series(today - timedelta(days=len(amounts) + zeros), [Decimal(0)] * zeros + amounts), JUNE)
    assert padded == lone


def test_a_portfolio_is_forecast_from_its_daily_sums() -> None:
    one, two = until(date(2026, 6, 11), [10.0] * 60), until(date(2026, 6, 11), [20.0] * 60)
    assert forecast(added_up([one, two]), JUNE, habits=PORTFOLIO).projected == pytest.approx(900, rel=0.02)

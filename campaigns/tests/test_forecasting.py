"""Where a month will end: what holds for every series, and what some kinds of series promise."""

from __future__ import annotations

import math
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from campaigns.forecasting import CAMPAIGN, PORTFOLIO, Forecast, Limits, forecast, learned_bias, learned_width
from campaigns.pacing import Month, Series, added_up, month_of

JUNE = Month(date(2026, 6, 1), date(2026, 6, 30))


def until(today: date, amounts: list[float], *, today_spend: float = 0, over: Fraction | int = 0) -> Series:
    """Daily amounts that end on the day before `today`."""
    decimals = [Decimal(str(amount)) for amount in amounts]
    return Series(today - timedelta(days=len(amounts)), decimals, Decimal(str(today_spend)), Fraction(over))


def of_june(day: int, amounts: list[float], limits: Limits | None = None) -> Forecast:
    return forecast(until(date(2026, 6, day), amounts), JUNE, limits=limits or Limits())


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
    assert on_monday.surely_running
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
    closed = Month(JUNE.first, JUNE.last, tuple(Fraction(24 if day < 20 else 0) for day in range(30)))
    assert forecast(until(date(2026, 6, 11), [10.0] * 60), closed).rest == pytest.approx(100, rel=0.02)


def test_r12_the_monthly_budget_caps_a_forecast() -> None:
    capped = of_june(11, [10.0] * 60, Limits(monthly_budget=Decimal(260)))
    assert capped.low < capped.projected == capped.high == 260


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
    steady, noisy = of_june(11, [10.0] * 60), of_june(11, [5.0, 15.0] * 30)
    assert noisy.high - noisy.low > 1.5 * (steady.high - steady.low)


def test_the_parts_of_a_portfolio_have_a_say() -> None:
    series = until(date(2026, 6, 11), [100.0] * 60)
    alone = forecast(series, JUNE, habits=PORTFOLIO)
    with_parts = forecast(series, JUNE, habits=PORTFOLIO, parts_rest=1000)
    assert with_parts.rest == pytest.approx(0.7 * alone.rest + 0.3 * 1000)


amounts_of_days = st.lists(
    st.one_of(st.just(Decimal(0)), st.decimals("0.01", 5000, places=2)), min_size=1, max_size=120
)
todays = st.dates(date(2026, 1, 1), date(2026, 12, 31))
widths = st.floats(0, 6)


@given(amounts=amounts_of_days, today=todays, today_spend=st.decimals(0, 500, places=2), width=widths)
def test_the_interval_holds_the_projection_and_the_projection_what_was_spent(
    amounts: list[Decimal], today: date, today_spend: Decimal, width: float
) -> None:
    month = month_of(today)
    assert month is not None
    series = Series(today - timedelta(days=len(amounts)), amounts, today_spend, Fraction(1, 3))
    for habits in (CAMPAIGN, PORTFOLIO):
        ahead = forecast(series, month, habits=habits, width=width)
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


def test_the_width_is_that_of_the_habits_until_forecasts_have_been_off() -> None:
    assert learned_width([], CAMPAIGN) == CAMPAIGN.width


def test_the_width_grows_with_what_forecasts_were_off_and_shrinks_with_what_they_were_not() -> None:
    assert learned_width([0.1] * 300, CAMPAIGN) < CAMPAIGN.width / 4
    assert learned_width([3.0] * 300, CAMPAIGN) > 2.5
    assert learned_width([math.inf] * 300, CAMPAIGN) <= 6


def test_a_learned_width_covers_as_many_as_it_should() -> None:
    off = [index / 5000 for index in range(10_000)]
    width = learned_width(off, PORTFOLIO)
    assert sum(one <= width for one in off) / len(off) == pytest.approx(0.8, abs=0.01)


def test_how_far_off_a_forecast_was_is_counted_in_widths() -> None:
    series = until(date(2026, 6, 11), [5.0, 15.0] * 30)
    ahead = forecast(series, JUNE)
    off = ahead.widths_off(330.0)
    assert forecast(series, JUNE, width=off).high == pytest.approx(330)
    assert forecast(series, JUNE, width=ahead.widths_off(280.0)).low == pytest.approx(280)


def test_parts_that_expected_too_little_are_believed_to_do_so_again() -> None:
    assert learned_bias([]) == 1
    assert learned_bias([(100, 100)] * 50) == 1
    assert 1.15 < learned_bias([(100, 130)] * 50) < 1.3
    assert learned_bias([(100, 1000)] * 50) == 1.4


def test_a_portfolio_is_forecast_from_its_daily_sums() -> None:
    one, two = until(date(2026, 6, 11), [10.0] * 60), until(date(2026, 6, 11), [20.0] * 60)
    assert forecast(added_up([one, two]), JUNE, habits=PORTFOLIO).projected == pytest.approx(900, rel=0.02)

"""The backtest of forecasts: what it reads, which months it counts, and that the forecast beats the run rate."""

from __future__ import annotations

import io
from datetime import date
from decimal import Decimal

import pytest

from benchmarks import forecast as backtest
from benchmarks.invented import AGENCIES, invented
from campaigns.pacing import Series


def read(text: str, *names: str) -> dict[str, Series]:
    return backtest.read(io.StringIO(text), "date", names or ("series",), "amount")


def test_several_rows_of_a_day_are_summed_and_missing_days_are_without_spend() -> None:
    series = read("Date,Series,Amount\n2026-01-03,b,1\n2026-01-01,a,1.10\n2026-01-01,a,2.20\n")
    assert series == {
        "b": Series(date(2026, 1, 1), [Decimal(0), Decimal(0), Decimal(1)]),
        "a": Series(date(2026, 1, 1), [Decimal("3.30"), Decimal(0), Decimal(0)]),
    }


def test_several_columns_make_one_name() -> None:
    assert list(read("date,source,campaign,amount\n2026-01-03,Google,x,1\n", "source", "campaign")) == ["Google / x"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("day,series,amount\n", "No column date"),
        ("date,series,amount\n", "no rows"),
        ("date,series,amount\n2026-01-01,a,1\n3 May,a,1\n", "Line 3"),
        ("date,series,amount\n2026-01-01,a,1;2\n", "no amount"),
    ],
)
def test_a_file_that_is_none_is_refused_with_a_reason(text: str, message: str) -> None:
    with pytest.raises(backtest.UnreadableFile, match=message):
        read(text)


def test_only_whole_months_count() -> None:
    months = backtest.whole_months(Series(date(2026, 1, 2), [Decimal(1)] * 100))
    assert [month.first for month in months] == [date(2026, 2, 1), date(2026, 3, 1)]


def test_no_method_is_given_a_day_after_the_cut_off() -> None:
    steady = Series(date(2026, 1, 1), [Decimal(1)] * 59)
    shock = Series(date(2026, 1, 1), [Decimal(1)] * 41 + [Decimal(1000)] * 18)
    one, other = (backtest.of_series([series], backtest.whole_months(steady))[10][1] for series in (steady, shock))
    assert one.projected == other.projected
    assert one.case.actual < other.case.actual


def test_an_invented_agency_is_the_same_for_a_seed() -> None:
    assert invented("mixed", 1) == invented("mixed", 1) != invented("mixed", 2)


def test_a_total_is_forecast_as_of_as_many_campaigns_as_are_running() -> None:
    over, running = [Decimal(1)] * 28 + [Decimal(0)] * 62, [Decimal(1)] * 90
    first = date(2026, 1, 1)
    series = [Series(first, over), Series(first, running), Series(first, running)]
    made = backtest.of_total(series, backtest.whole_months(series[0]))
    assert [guess.case.campaigns for guess in made[25]] == [3, 3, 2]


def backtested(agency: str, campaigns: int) -> tuple[backtest.Guesses, backtest.Guesses]:
    """Forecasts of an agency's campaigns, and of their total."""
    series = list(invented(agency, 11, campaigns).values())
    months = backtest.whole_months(series[0])
    return backtest.of_series(series, months), backtest.of_total(series, months)


@pytest.mark.parametrize("agency", AGENCIES)
def test_the_forecast_is_closer_than_the_run_rate_for_every_kind_of_agency(agency: str) -> None:
    average, _worst = backtest.compared(backtested(agency, 4)[0])
    assert average < 0


def test_the_total_of_many_campaigns_is_closer_than_the_run_rate() -> None:
    average, worst = backtest.compared(backtested("lumpy", 12)[1])
    assert average < -15
    assert worst <= 3


def test_four_of_five_intervals_hold_what_came() -> None:
    made = [guess for at in backtested("mixed", 12)[0].values() for guess in at]
    held = [guess.covered for guess in made if guess.case.actual > 0]
    assert 0.75 <= sum(held) / len(held) <= 0.85


def test_the_command_prints_a_table_of_a_file(
    tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path_factory.mktemp("backtest") / "spend.csv"
    file.write_text(
        "day,name,cost\n" + "".join(f"2026-0{month}-{day:02},a,{day}\n" for month in (1, 3) for day in range(1, 32))
    )
    backtest.main([str(file), "--date", "day", "--series", "name", "--amount", "cost"])
    printed = capsys.readouterr().out
    assert "1 series, 3 whole months, 2026-01 to 2026-03" in printed
    assert "| series: run rate |" in printed
    assert "| total: forecast |" in printed


def test_the_command_compares_invented_agencies(capsys: pytest.CaptureFixture[str]) -> None:
    backtest.main(["--invented", "steady", "--campaigns", "2", "--seeds", "1", "2"])
    printed = capsys.readouterr().out
    assert "2 campaigns, seeds 1, 2" in printed
    assert "| steady | -" in printed


def test_a_file_without_any_spend_has_no_errors(capsys: pytest.CaptureFixture[str]) -> None:
    backtest.report({"a": Series(date(2026, 1, 1), [Decimal(0)] * 59)})
    assert "| series: forecast | 0.0 | 0.0 | 0.0 | 0.0 | 0.0 | 0.0 | +0.0 | +0.0" in capsys.readouterr().out


def test_a_file_without_a_whole_month_is_refused() -> None:
    with pytest.raises(SystemExit, match="No month"):
        backtest.report({"a": Series(date(2026, 1, 2), [Decimal(1)] * 40)})

"""How far forecasts are off: a backtest on daily series, beside four plain methods.

    python -m benchmarks.forecast FILE [--date COLUMN] [--series COLUMN]... [--amount COLUMN]
    python -m benchmarks.forecast --invented AGENCY|all [--campaigns N] [--seeds N N ...]

FILE is any CSV with a row for a day's spend of a series, or several, which are summed; `-` is standard input. Days
without a row are days without spend. At the end of days 7, 10, 15, 20 and 25 of every month that the file covers from
its first day to its last, each method is given the days until then and says what the month will have cost. Printed is
the weighted absolute percentage error, the sum of |forecast - actual| over the sum of actual, of all series and months
at a cut-off; of their total; and of both together. A series is forecast as the screens forecast a campaign, and the
total as they forecast a brand or the agency: by its own days alone.
"""

from __future__ import annotations

import argparse
import csv
import math
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from itertools import product
from pathlib import Path
from typing import TextIO

from benchmarks.invented import AGENCIES, CAMPAIGNS, invented
from campaigns.forecasting import CAMPAIGN, forecast, habits_of
from campaigns.pacing import Month, Series, added_up, month_of

CUT_OFFS = (7, 10, 15, 20, 25)
OURS = "forecast"
# A campaign that spent nothing for so long counts as over, where nothing but its days is known of it.
OVER_AFTER_DAYS = 30
EWMA_HALF_LIFE = 7
# To reach, beside the run rate: on average over the cut-offs, and at the worst of them, in percent.
LESS_ERROR, NEVER_WORSE = 15, 3


class UnreadableFile(Exception):
    """The file is no CSV of daily amounts; the message says where and why."""


@dataclass(frozen=True, slots=True)
class Case:
    """A series as it stood at the end of a day of a month, and what the month cost in the end."""

    month: Month
    known: Series
    actual: float
    campaigns: int | None = None  # that had begun and were not over, of a total

    @property
    def spent(self) -> float:
        return float(self.known.spent(self.month))

    @property
    def amounts(self) -> list[float]:
        return [float(amount) for amount in self.known.amounts]

    @property
    def days_left(self) -> int:
        return self.month.days_left(self.known.today)

    @property
    def known_before(self) -> bool:
        return any(self.known.amounts)


@dataclass(frozen=True, slots=True)
class Guess:
    """What was forecast of a case."""

    case: Case
    projected: dict[str, float]  # by method
    low: float
    high: float

    @property
    def covered(self) -> bool:
        return self.low - 0.005 <= self.case.actual <= self.high + 0.005


# By the day of the month on which they were made.
Guesses = dict[int, list[Guess]]


def run_rate(case: Case) -> float:
    days = case.month.length - case.days_left
    return case.spent / days * case.month.length


def last_7_days(case: Case) -> float:
    recent = case.amounts[-7:]
    return case.spent + sum(recent) / len(recent) * case.days_left


def weekday_mean(case: Case) -> float:
    """The mean of the last 28 days by weekday; of all of them for a weekday that they lack."""
    recent = case.amounts[-28:]
    rest = 0.0
    for ahead in range(case.days_left):
        same = [amount for back, amount in enumerate(reversed(recent), 1) if (back + ahead) % 7 == 0] or recent
        rest += sum(same) / len(same)
    return case.spent + rest


def weighted_mean(case: Case) -> float:
    """The exponentially weighted mean with a half-life of 7 days."""
    level = weights = 0.0
    fade = 0.5 ** (1 / EWMA_HALF_LIFE)
    for amount in case.amounts:
        level, weights = level * fade + amount, weights * fade + 1
    return case.spent + level / weights * case.days_left


PLAIN: dict[str, Callable[[Case], float]] = {
    "run rate": run_rate,
    "last 7 days": last_7_days,
    "weekday mean": weekday_mean,
    "weighted mean": weighted_mean,
}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.forecast",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", nargs="?", help="a CSV of daily amounts, or - for standard input")
    parser.add_argument("--date", default="date", metavar="COLUMN", help="of dates such as 2026-11-21")
    parser.add_argument("--series", action="append", metavar="COLUMN", help="of names; several make one name together")
    parser.add_argument("--amount", default="amount", metavar="COLUMN")
    parser.add_argument("--invented", choices=[*AGENCIES, "all"], metavar="AGENCY", help=", ".join([*AGENCIES, "all"]))
    parser.add_argument("--campaigns", type=int, default=CAMPAIGNS, metavar="N", help="of an invented agency")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1], metavar="N", help="an invented agency of each")
    options = parser.parse_args(arguments)
    if (options.file is None) == (options.invented is None):
        parser.error("give a FILE or --invented AGENCY")
    if options.invented:
        agencies = list(AGENCIES) if options.invented == "all" else [options.invented]
        report_invented(agencies, options.campaigns, options.seeds)
        return
    try:
        if options.file == "-":
            series = read(sys.stdin, options.date, options.series or ["series"], options.amount)
        else:
            with Path(options.file).open(newline="", encoding="utf-8-sig") as lines:
                series = read(lines, options.date, options.series or ["series"], options.amount)
        report(series)
    except (UnreadableFile, OSError) as error:
        sys.exit(str(error))


def read(lines: TextIO, day_column: str, name_columns: Sequence[str], amount_column: str) -> dict[str, Series]:
    """The series of a CSV by name, each with all days from the first of the file to its last."""
    rows = csv.DictReader(lines)
    columns = {column.strip().casefold(): column for column in rows.fieldnames or []}
    wanted = [day_column, *name_columns, amount_column]
    if missing := [column for column in wanted if column.casefold() not in columns]:
        raise UnreadableFile(f"No column {', '.join(missing)}: the columns are {', '.join(columns.values())}.")
    day_column, *name_columns, amount_column = (columns[column.casefold()] for column in wanted)
    sums: dict[str, dict[date, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for row in rows:
        try:
            day = date.fromisoformat((row[day_column] or "")[:10])
            amount = Decimal((row[amount_column] or "0").strip() or "0")
        except (ValueError, InvalidOperation):
            raise UnreadableFile(
                f"Line {rows.line_num}: {row[day_column]!r} is no date such as 2026-11-21, "
                f"or {row[amount_column]!r} no amount such as 12.34."
            ) from None
        sums[" / ".join(row[column] or "" for column in name_columns)][day] += amount
    if not sums:
        raise UnreadableFile("The file has no rows.")
    first = min(min(days) for days in sums.values())
    length = (max(max(days) for days in sums.values()) - first).days + 1
    return {
        name: Series(first, [days.get(first + timedelta(days=index), Decimal()) for index in range(length)])
        for name, days in sums.items()
    }


def report(series: dict[str, Series]) -> None:
    """Print what the forecasts of `series`, of their total and of both are worth."""
    months = whole_months(next(iter(series.values())))
    if not months:
        sys.exit("No month of the file is whole.")
    started = time.perf_counter()
    campaigns = of_series(series.values(), months)
    seconds = time.perf_counter() - started
    total = of_total(list(series.values()), months)
    print(
        f"\n{len(series)} series, {len(months)} whole months, {months[0].first:%Y-%m} to {months[-1].first:%Y-%m}; "
        f"{sum(len(at) for at in campaigns.values()):,} forecasts by each of {len(PLAIN) + 1} methods "
        f"in {seconds:.1f} s.\n"
    )
    print(f"| error, % | {' | '.join(f'day {day}' for day in CUT_OFFS)} | average | to run rate | worst |")
    print(f"|---|{'---|' * (len(CUT_OFFS) + 3)}")
    for what, at in (("series", campaigns), ("total", total), ("both", _both(campaigns, total))):
        _print_errors(what, at)
    print(f"\n| covered, % | {' | '.join(f'day {day}' for day in CUT_OFFS)} | all | cases |")
    print(f"|---|{'---|' * (len(CUT_OFFS) + 2)}")
    for what, at in (
        ("series with spend in the month", _with_spend(campaigns)),
        ("... and before the cut-off", _known_before(_with_spend(campaigns))),
        ("all series", campaigns),
        ("total", total),
    ):
        _print_coverage(what, at)


def report_invented(agencies: Sequence[str], campaigns: int, seeds: Sequence[int]) -> None:
    """Print how much less the forecasts are off than the run rate: of each agency over all its seeds, then of all."""
    print(f"\n{campaigns} campaigns, seeds {', '.join(map(str, seeds))}; change of the error to the run rate, %\n")
    print("| agency | campaigns | worst | total | worst | both | worst | covered, %: with spend | ... before | total |")
    print(f"|---|{'---|' * 9}")
    of_all: list[Guesses] = []
    totals_of_all: list[Guesses] = []
    for agency in agencies:
        made, totals = [], []
        for seed in seeds:
            series = list(invented(agency, seed, campaigns).values())
            months = whole_months(series[0])
            made.append(of_series(series, months))
            totals.append(of_total(series, months))
        _print_invented(agency, made, totals)
        of_all += made
        totals_of_all += totals
    if len(agencies) > 1:
        _print_invented("all", of_all, totals_of_all)


def _print_invented(what: str, campaigns: Sequence[Guesses], totals: Sequence[Guesses]) -> None:
    both = [_both(*pair) for pair in zip(campaigns, totals, strict=True)]
    cells = [f"{change:+.1f}" for made in (campaigns, totals, both) for change in compared(*made)]
    with_spend = [_with_spend(at) for at in campaigns]
    for made in (with_spend, [_known_before(at) for at in with_spend], totals):
        shares = [_share_covered(_at_all_cut_offs(at)) for at in made]
        cells.append(f"{sum(shares) / len(shares):.1f}")  # each agency counts alike here, too
    print(f"| {what} | {' | '.join(cells)} |", flush=True)


def whole_months(series: Series) -> list[Month]:
    """The calendar months of which `series` knows every day."""
    months = []
    month = month_of(series.first)
    while month is not None and month.last < series.today:
        if month.first >= series.first:
            months.append(month)
        month = month_of(month.last + timedelta(days=1))
    return months


def of_series(series: Iterable[Series], months: Iterable[Month]) -> Guesses:
    """Every forecast of each of the series, as of campaigns."""
    made: Guesses = {day: [] for day in CUT_OFFS}
    for one, month, day in product(series, months, CUT_OFFS):
        made[day].append(_guess(Case(month, _known(one, month, day), float(one.spent(month)))))
    return made


def of_total(series: Sequence[Series], months: Iterable[Month]) -> Guesses:
    """Every forecast of the sum of all series, as of an agency."""
    total = added_up(series)
    made: Guesses = {day: [] for day in CUT_OFFS}
    for month, day in product(months, CUT_OFFS):
        running = _running(series, month, day)
        made[day].append(_guess(Case(month, _known(total, month, day), float(total.spent(month)), running)))
    return made


def _known(series: Series, month: Month, cut_off: int) -> Series:
    return Series(series.first, series.amounts[: (month.first - series.first).days + cut_off])


def _running(series: Iterable[Series], month: Month, cut_off: int) -> int:
    """How many of them count as campaigns that have begun and are not over."""
    return sum(any(_known(one, month, cut_off).amounts[-OVER_AFTER_DAYS:]) for one in series)


def _guess(case: Case) -> Guess:
    ours = forecast(case.known, case.month, habits=CAMPAIGN if case.campaigns is None else habits_of(case.campaigns))
    projected = {name: method(case) for name, method in PLAIN.items()} | {OURS: ours.projected}
    return Guess(case, projected, ours.low, ours.high)


def _both(campaigns: Guesses, totals: Guesses) -> Guesses:
    return {day: [*campaigns[day], *totals[day]] for day in CUT_OFFS}


def compared(*agencies: Guesses) -> tuple[float, float]:
    """By how many percent the forecast is off more than the run rate: on average, and at the worst cut-off.

    Of several agencies, each counts alike, however much it spends.
    """
    ours, plain = (
        [sum(_error(name, at[day]) for at in agencies) / len(agencies) for day in CUT_OFFS]
        for name in (OURS, "run rate")
    )
    return _change(sum(ours), sum(plain)), max(_change(*pair) for pair in zip(ours, plain, strict=True))


def _with_spend(at: Guesses) -> Guesses:
    return {day: [guess for guess in made if guess.case.actual > 0] for day, made in at.items()}


def _known_before(at: Guesses) -> Guesses:
    return {day: [guess for guess in made if guess.case.known_before] for day, made in at.items()}


def _at_all_cut_offs(at: Guesses) -> list[Guess]:
    return [guess for made in at.values() for guess in made]


def _print_errors(what: str, at: Guesses) -> None:
    rows = {name: [_error(name, at[day]) for day in CUT_OFFS] for name in (*PLAIN, OURS)}
    rate = rows["run rate"]
    for name, errors in rows.items():
        change = _change(sum(errors), sum(rate))
        worst = max(_change(error, plain) for error, plain in zip(errors, rate, strict=True))
        verdict = f"{change:+.1f} | {worst:+.1f}"
        if name == OURS:
            verdict += " reached" if change <= -LESS_ERROR and worst <= NEVER_WORSE else " missed"
        cells = " | ".join(f"{error:.1f}" for error in errors)
        print(f"| {what}: {name} | {cells} | {sum(errors) / len(errors):.1f} | {verdict} |")


def _change(error: float, plain: float) -> float:
    if not plain:
        return math.inf if error else 0.0
    return 100 * (error / plain - 1)


def _error(method: str, made: list[Guess]) -> float:
    actual = sum(guess.case.actual for guess in made)
    if actual <= 0:
        return 0.0
    return 100 * sum(abs(guess.projected[method] - guess.case.actual) for guess in made) / actual


def _print_coverage(what: str, at: Guesses) -> None:
    everything = _at_all_cut_offs(at)
    cells = " | ".join(_covered(at[day]) for day in CUT_OFFS)
    print(f"| {what} | {cells} | {_covered(everything)} | {len(everything):,} |")


def _covered(made: list[Guess]) -> str:
    return f"{_share_covered(made):.1f}" if made else "-"


def _share_covered(made: list[Guess]) -> float:
    return 100 * sum(guess.covered for guess in made) / len(made)


if __name__ == "__main__":
    main()

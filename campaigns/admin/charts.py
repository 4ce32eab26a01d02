"""Drawings of money: pure functions from figures to inline SVG, for all pages that show spend.

A unit of the drawing is a pixel of a phone's screen; it grows with the page. What it looks like, light and dark, stands
in `admin.css`. Every drawing says in words what it shows, and every bar its figures; the page gives the same in a table
or a sentence beside it. Amounts are in the one currency that is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, Decimal
from itertools import accumulate

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from campaigns.money import ZERO, format_money
from campaigns.outlook import Outlook

WIDTH, HEIGHT = 360, 180  # of a chart that fills a phone; wider ones are as high
TOP, RIGHT, BOTTOM = 30, 10, 20  # room for the legend, half a label, and the days
LETTER = 6.2  # a digit of the axis, at most
STEPS = (Decimal(1), Decimal(2), Decimal("2.5"), Decimal(5), Decimal(10))
SHORT_UNITS = ((Decimal(10) ** 9, "bn"), (Decimal(10) ** 6, "M"), (Decimal(1000), "k"))


@dataclass(frozen=True, slots=True)
class Day:
    """A local day of a month: what it cost, and what it might."""

    day: date
    spend: Decimal | None  # None: still to come
    budget: Decimal | None = None  # of this day alone; None: no limit
    plan: Decimal | None = None  # what the month should have cost by this day's end; None: no plan


@dataclass(frozen=True, slots=True)
class Band:
    """What something may have cost by the end of its month; `low` to `high` holds four times out of five."""

    low: Decimal
    projected: Decimal
    high: Decimal


def band_of(seen: Outlook) -> Band | None:
    if seen.interval is None or seen.projected is None:
        return None
    return Band(seen.interval[0], seen.projected, seen.interval[1])


@dataclass(frozen=True, slots=True)
class Bullet:
    """How far along a budget is: what is spent, what should be by now, and where it will end."""

    spent: Decimal
    budget: Decimal | None = None
    expected: Decimal | None = None
    band: Band | None = None


def day_bars(
    days: Sequence[Day], *, currency: str, title: str, today: date | None = None, width: int = WIDTH
) -> SafeString:
    """Spend by day as bars, with each day's budget as a line. `today` is marked where it is one of `days`."""
    highest = max((amount for day in days for amount in (day.spend, day.budget) if amount is not None), default=ZERO)
    frame = _Frame(days, highest, width)
    room = frame.slot * 0.72
    bars = format_html_join(
        "",
        '<g><title>{}</title><rect class="{}" x="{}" y="{}" width="{}" height="{}" rx="1"/></g>',
        (
            (
                _day_in_words(day, currency),
                _bar_classes(day, today),
                _n(frame.middle(index) - room / 2),
                _n(frame.y(day.spend)),
                _n(room),
                _n(frame.bottom - frame.y(day.spend)),
            )
            for index, day in enumerate(days)
            if day.spend
        ),
    )
    has_budget = any(day.budget is not None for day in days)
    legend = [("bar", "Spent")]
    if any(_reached(day) for day in days):
        legend.append(("reached", "Budget reached"))
    if any(day.day == today for day in days):
        legend.append(("today", "Today"))
    if has_budget:
        legend.append(("budget", "Daily budget"))
    budget = format_html('<path class="plot__budget" d="{}"/>', _steps(frame, [day.budget for day in days]))
    drawn = [frame.axes(currency, today), bars, *([budget] if has_budget else []), _legend(legend)]
    return _svg("plot", width, HEIGHT, title, _days_in_words(days, currency), drawn)


def month_line(
    days: Sequence[Day],
    *,
    currency: str,
    title: str,
    today: date | None = None,
    band: Band | None = None,
    width: int = WIDTH,
) -> SafeString:
    """The month to date as a line, beside its plan, and to the month's end as a band that widens from `today`."""
    spent = list(accumulate(day.spend or ZERO for day in days if day.spend is not None))
    plans = [day.plan for day in days if day.plan is not None]
    highest = max([*spent, *plans, *([band.high] if band else [])], default=ZERO)
    frame = _Frame(days, highest, width)
    drawn = [frame.axes(currency, today)]
    legend = [("line", "Spent so far")]
    reach = [frame.middle(i) if day.day == today else frame.end(i) for i, day in enumerate(days)]
    if band is not None and spent:
        legend.append(("forecast", "Forecast, 80%"))
        drawn.append(_wedge(frame, reach[len(spent) - 1], spent[-1], band, currency))
    if plans:
        legend.insert(1, ("plan", "Plan"))
        ends = [frame.end(index) for index in range(len(days))]
        drawn.append(format_html('<path class="plot__plan" d="{}"/>', _line(frame, ends, [day.plan for day in days])))
    if spent:
        drawn.append(format_html('<path class="plot__line" d="{}"/>', _line(frame, reach, spent)))
        drawn.append(
            format_html(
                '<circle class="plot__dot" cx="{}" cy="{}" r="3"><title>{}</title></circle>',
                _n(reach[len(spent) - 1]),
                _n(frame.y(spent[-1])),
                f"{format_money(spent[-1], currency)} by {days[len(spent) - 1].day:%a %d %b}",
            )
        )
    drawn.append(_legend(legend))
    words = f"{format_money(spent[-1], currency)} spent so far." if spent else "Nothing spent yet."
    if plans:
        words += f" The plan for the month is {format_money(plans[-1], currency)}."
    if band is not None:
        words += f" {band_in_words(band, currency)}"
    return _svg("plot", width, HEIGHT, title, words, drawn)


def bullet(figures: Bullet, *, currency: str) -> SafeString:
    """Spend against a budget as one bar, with a mark where it should be by now and the interval in which it will end.

    Has no text of its own and stretches to what holds it: the row that it stands in says its figures.
    """
    amounts = [figures.spent, figures.budget, figures.expected, figures.band.high if figures.band else None]
    top = max((amount for amount in amounts if amount is not None), default=ZERO) * Decimal("1.04") or Decimal(1)

    def x(amount: Decimal) -> float:
        return float(max(amount, ZERO) / top) * 200

    drawn = [mark_safe('<rect class="bullet__track" x="0" y="2" width="200" height="12"/>')]
    if figures.budget is not None:
        within = _rect("bullet__within", 0, 2, x(figures.budget), 12)
        drawn.append(within)
    if figures.band is not None:
        low, high = x(figures.band.low), x(figures.band.high)
        drawn.append(_rect("bullet__band", low, 3.5, max(high - low, 1), 9))
    over = figures.budget is not None and figures.spent > figures.budget
    drawn.append(_rect(f"bullet__spent{' bullet__spent--over' if over else ''}", 0, 5.5, x(figures.spent), 5))
    if figures.band is not None:
        drawn.append(_rect("bullet__projected", x(figures.band.projected) - 0.75, 3.5, 1.5, 9))
    if figures.expected is not None:
        drawn.append(_rect("bullet__expected", x(figures.expected) - 0.75, 1, 1.5, 14))
    if figures.budget is not None:
        drawn.append(_rect("bullet__budget", x(figures.budget) - 1, 0, 2, 16))
    return _svg("bullet", 200, 16, _bullet_in_words(figures, currency), "", drawn, stretches=True)


class _Frame:
    """Where days and amounts lie, and the axes that say so."""

    def __init__(self, days: Sequence[Day], highest: Decimal, width: int) -> None:
        self.days = days
        self.ticks = list(_ticks(max(highest, ZERO)))
        self.left = max(4, *(len(_short(tick)) for tick in self.ticks)) * LETTER + 8
        self.right, self.bottom = width - RIGHT, HEIGHT - BOTTOM
        self.slot = (self.right - self.left) / max(len(days), 1)

    def middle(self, index: int) -> float:
        return self.left + (index + 0.5) * self.slot

    def end(self, index: int) -> float:
        return self.left + (index + 1) * self.slot

    def y(self, amount: Decimal | None) -> float:
        top = self.ticks[-1] or Decimal(1)
        return self.bottom - float(max(amount or ZERO, ZERO) / top) * (self.bottom - TOP)

    def axes(self, currency: str, today: date | None) -> SafeString:
        amounts = format_html_join(
            "",
            '<line class="plot__grid" x1="{0}" x2="{1}" y1="{2}" y2="{2}"/>'
            '<text class="plot__amount" x="{3}" y="{4}">{5}</text>',
            (
                (
                    _n(self.left),
                    _n(self.right),
                    _n(self.y(tick)),
                    _n(self.left - 4),
                    _n(self.y(tick) + 3.5),
                    _short(tick),
                )
                for tick in self.ticks
            ),
        )
        marked = next((index for index, day in enumerate(self.days) if day.day == today), None)
        days = format_html_join(
            "",
            '<text class="plot__day{}" x="{}" y="{}">{}</text>',
            (
                (" plot__day--today" if index == marked else "", _n(self.middle(index)), HEIGHT - 6, day.day.day)
                for index, day in enumerate(self.days)
                if index == marked or (_is_round(day.day) and _is_apart(index, marked))
            ),
        )
        code = format_html('<text class="plot__currency" x="{}" y="{}">{}</text>', _n(self.left - 4), TOP - 8, currency)
        line = ""
        if marked is not None:
            line = format_html(
                '<line class="plot__today" x1="{0}" x2="{0}" y1="{1}" y2="{2}"/>',
                _n(self.middle(marked)),
                TOP,
                self.bottom,
            )
        return format_html("{}{}{}{}", amounts, days, code, line)


def _is_round(day: date) -> bool:
    return day.day == 1 or day.day % 5 == 0


def _is_apart(index: int, marked: int | None) -> bool:
    """Whether its label does not touch that of today."""
    return marked is None or abs(index - marked) > 1


def _ticks(highest: Decimal) -> Iterator[Decimal]:
    """Round amounts from zero to `highest` or a little above, some three to five of them."""
    if not highest:
        yield ZERO
        return
    least = highest / 4
    power = Decimal(1).scaleb(least.adjusted())
    step = next(step * power for step in STEPS if step * power >= least)
    for number in range(int((highest / step).to_integral_value(ROUND_CEILING)) + 1):
        yield number * step


def _short(amount: Decimal) -> str:
    """A round amount as an axis has room for it: `250`, `2.5k`, `12M`."""
    for size, unit in SHORT_UNITS:
        if amount >= size:
            return f"{_plain(amount / size)}{unit}"
    return _plain(amount)


def _plain(amount: Decimal) -> str:
    return f"{amount.normalize():,f}"


def _n(coordinate: float) -> str:
    return f"{coordinate:.1f}"


def _rect(name: str, x: float, y: float, width: float, height: float) -> SafeString:
    return format_html(
        '<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>', name, _n(x), _n(y), _n(width), _n(height)
    )


def _line(frame: _Frame, places: Sequence[float], amounts: Sequence[Decimal | None]) -> str:
    """A line from zero, where the first day begins, to each day's amount at its place."""
    points = [f"M{_n(frame.left)} {_n(frame.bottom)}"]
    points += [
        f"L{_n(x)} {_n(frame.y(amount))}" for x, amount in zip(places, amounts, strict=False) if amount is not None
    ]
    return " ".join(points)


def _steps(frame: _Frame, amounts: Sequence[Decimal | None]) -> str:
    """A level stretch for each day that has an amount; joined where they follow one another."""
    path: list[str] = []
    joined = False
    for index, amount in enumerate(amounts):
        if amount is not None:
            y = _n(frame.y(amount))
            path += [f"{'L' if joined else 'M'}{_n(frame.end(index - 1))} {y}", f"L{_n(frame.end(index))} {y}"]
        joined = amount is not None
    return " ".join(path)


def _wedge(frame: _Frame, x: float, spent: Decimal, band: Band, currency: str) -> SafeString:
    """The forecast, from what is spent by now, at `x`, to what may be by the month's end."""
    return format_html(
        '<g><title>{0}</title><path class="plot__band" d="M{1} {2} L{3} {4} L{3} {5} Z"/>'
        '<path class="plot__projected" d="M{1} {2} L{3} {6}"/></g>',
        band_in_words(band, currency),
        _n(x),
        _n(frame.y(spent)),
        _n(frame.right),
        _n(frame.y(band.high)),
        _n(frame.y(band.low)),
        _n(frame.y(band.projected)),
    )


def _legend(entries: Iterable[tuple[str, str]]) -> SafeString:
    """What the marks mean, in one line above them."""
    drawn, x = [], 4.0
    for kind, words in entries:
        drawn.append(
            format_html(
                '<rect class="plot__key plot__key--{}" x="{}" y="{}" width="10" height="{}"/>'
                '<text class="plot__legend" x="{}" y="10">{}</text>',
                kind,
                _n(x),
                *(("5.5", "2") if kind in {"line", "plan", "budget"} else ("2", "8")),
                _n(x + 14),
                words,
            )
        )
        x += 14 + len(words) * 5.4 + 10
    return format_html_join("", "{}", ((entry,) for entry in drawn))


def _svg(
    name: str,
    width: int,
    height: int,
    title: str,
    words: str,
    drawn: Iterable[SafeString],
    *,
    stretches: bool = False,
) -> SafeString:
    return format_html(
        '<svg class="{}" viewBox="0 0 {} {}" role="img" xmlns="http://www.w3.org/2000/svg"{}>'
        "<title>{}</title>{}{}</svg>",
        name,
        width,
        height,
        mark_safe(' preserveAspectRatio="none"') if stretches else "",
        title,
        format_html("<desc>{}</desc>", words) if words else "",
        format_html_join("", "{}", ((part,) for part in drawn)),
    )


def _bar_classes(day: Day, today: date | None) -> str:
    kind = "reached" if _reached(day) else "within"
    return f"plot__bar plot__bar--{kind}{' plot__bar--today' if day.day == today else ''}"


def _reached(day: Day) -> bool:
    return day.budget is not None and day.spend is not None and day.spend >= day.budget


def _day_in_words(day: Day, currency: str) -> str:
    words = f"{day.day:%a %d %b}: {format_money(day.spend or ZERO, currency)}"
    return words if day.budget is None else f"{words} of {format_money(day.budget, currency)}"


def _days_in_words(days: Sequence[Day], currency: str) -> str:
    spent = sum((day.spend for day in days if day.spend is not None), ZERO)
    reached = sum(_reached(day) for day in days)
    words = f"{format_money(spent, currency)} in all."
    return (
        f"{words} The day's budget was reached on {reached} {'day' if reached == 1 else 'days'}." if reached else words
    )


def band_in_words(band: Band, currency: str) -> str:
    """`Projected for the month's end: EUR 900.00, four times out of five between EUR 800.00 and EUR 1,200.00.`"""
    low, projected, high = (format_money(amount, currency) for amount in (band.low, band.projected, band.high))
    between = "" if low == high else f", four times out of five between {low} and {high}"
    return f"Projected for the month's end: {projected}{between}."


def _bullet_in_words(figures: Bullet, currency: str) -> str:
    words = f"{format_money(figures.spent, currency)} spent"
    if figures.budget is not None:
        words += f" of {format_money(figures.budget, currency)}"
    if figures.expected is not None:
        words += f", {format_money(figures.expected, currency)} expected by now"
    if figures.band is not None:
        words += f". {band_in_words(figures.band, currency)}"
    return words


@dataclass(frozen=True, slots=True)
class ComparedDay:
    """A local day as it was, and as it would have been under other limits."""

    day: date
    before: Decimal
    after: Decimal


def compared_bars(days: Sequence[ComparedDay], *, currency: str, title: str, width: int = WIDTH) -> SafeString:
    """Spend by day as it would have been, as bars before wider ones of what it was."""
    before, after = [day.before for day in days], [day.after for day in days]
    frame = _Frame([Day(day.day, day.before) for day in days], max([*before, *after], default=ZERO), width)
    drawn = [frame.axes(currency, None)]
    for index, day in enumerate(days):
        bars = [
            _rect(
                f"plot__bar plot__bar--{kind}",
                frame.middle(index) - room / 2,
                frame.y(amount),
                room,
                frame.bottom - frame.y(amount),
            )
            for kind, amount, room in (("was", day.before, frame.slot * 0.86), ("would", day.after, frame.slot * 0.46))
            if amount > 0
        ]
        was, would = (format_money(amount, currency) for amount in (day.before, day.after))
        words = f"{day.day:%a %d %b}: {was} as it was, {would} as it would have been"
        drawn.append(
            format_html("<g><title>{}</title>{}</g>", words, format_html_join("", "{}", ((bar,) for bar in bars)))
        )
    drawn.append(_legend([("was", "As it was"), ("would", "As it would have been")]))
    was, would = (format_money(sum(amounts, ZERO), currency) for amounts in (before, after))
    return _svg("plot", width, HEIGHT, title, f"{was} as it was, {would} as it would have been.", drawn)

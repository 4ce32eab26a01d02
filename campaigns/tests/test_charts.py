"""Charts: what is drawn where, and that words say the same."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from xml.etree import ElementTree as ET

import pytest
from django.utils.safestring import SafeString

from campaigns.admin.charts import Band, Bullet, ComparedDay, Day, bullet, compared_bars, day_bars, month_line

TODAY = date(2026, 11, 3)
SVG = "{http://www.w3.org/2000/svg}"


def november(*spends: str, budget: str | None = None, plan: str | None = None) -> list[Day]:
    """The days of November 2026, the first of them with these spends."""
    return [
        Day(
            date(2026, 11, number),
            Decimal(spends[number - 1]) if number <= len(spends) else None,
            budget=Decimal(budget) if budget else None,
            plan=Decimal(plan) * number if plan else None,
        )
        for number in range(1, 31)
    ]


def drawn(svg: SafeString) -> ET.Element:
    return ET.fromstring(svg)


def texts(svg: SafeString, of: str) -> list[str]:
    return [each.text or "" for each in drawn(svg).iter(f"{SVG}text") if each.get("class", "").split()[0] == of]


def bars(svg: SafeString) -> list[ET.Element]:
    return [each for each in drawn(svg).iter(f"{SVG}rect") if "plot__bar" in each.get("class", "").split()]


def attributes(shapes: Sequence[ET.Element], name: str) -> list[float]:
    return [float(shape.get(name, "")) for shape in shapes]


def test_a_day_s_bar_is_as_high_as_its_spend_and_tells_it() -> None:
    svg = day_bars(november("50", "100", "25", budget="100"), currency="EUR", title="Spend by day", today=TODAY)

    heights = attributes(bars(svg), "height")
    assert heights[1] == pytest.approx(2 * heights[0], abs=0.2) == pytest.approx(4 * heights[2], abs=0.4)
    assert "Mon 02 Nov: EUR 100.00 of EUR 100.00" in svg
    assert drawn(svg).findtext(f"{SVG}title") == "Spend by day"
    assert drawn(svg).findtext(f"{SVG}desc") == "EUR 175.00 in all. The day's budget was reached on 1 day."


def test_a_reached_budget_and_today_are_told_apart_and_days_to_come_have_no_bar() -> None:
    svg = day_bars(november("50", "100", "25", budget="100"), currency="EUR", title="", today=TODAY)

    assert [bar.get("class", "").replace("plot__bar", "") for bar in bars(svg)] == [
        " --within",
        " --reached",
        " --within --today",
    ]
    assert texts(svg, "plot__day") == ["1", "3", "5", "10", "15", "20", "25", "30"]
    assert texts(svg, "plot__legend") == ["Spent", "Budget reached", "Today", "Daily budget"]


def test_the_line_of_budgets_has_a_gap_where_there_was_none() -> None:
    days = [Day(date(2026, 11, n), Decimal(1), Decimal(9) if n in {1, 2, 4} else None) for n in range(1, 5)]

    path = drawn(day_bars(days, currency="EUR", title="")).find(f"{SVG}path[@class='plot__budget']")

    assert path is not None
    assert re.sub(r"[^ML]", "", path.get("d", "")) == "MLLLML"


@pytest.mark.parametrize(
    ("highest", "labels"),
    [
        ("120", ["0", "50", "100", "150"]),
        ("0.35", ["0", "0.1", "0.2", "0.3", "0.4"]),
        ("1800", ["0", "500", "1k", "1.5k", "2k"]),
        ("1000000", ["0", "250k", "500k", "750k", "1M"]),
        ("9000000000000", ["0", "2,500bn", "5,000bn", "7,500bn", "10,000bn"]),
        ("0.000003", ["0", "0.000001", "0.000002", "0.000003"]),
    ],
)
def test_amounts_on_the_axis_are_round_and_short_and_reach_above_all_bars(highest: str, labels: list[str]) -> None:
    svg = day_bars(november(highest), currency="KWD", title="")

    assert texts(svg, "plot__amount") == labels
    assert texts(svg, "plot__currency") == ["KWD"]


def test_the_month_to_date_adds_up_beside_its_plan_and_widens_to_what_is_projected() -> None:
    band = Band(Decimal(2000), Decimal(2500), Decimal(3100))
    days = november("100", "90", "80", plan="100")
    svg = month_line(days, currency="EUR", title="Month", today=TODAY, band=band)

    assert drawn(svg).findtext(f"{SVG}desc") == (
        "EUR 270.00 spent so far. The plan for the month is EUR 3,000.00. Projected for the month's end: "
        "EUR 2,500.00, four times out of five between EUR 2,000.00 and EUR 3,100.00."
    )
    assert texts(svg, "plot__legend") == ["Spent so far", "Plan", "Forecast, 80%"]
    assert texts(svg, "plot__amount")[-1] == "4k"
    assert "Forecast" not in month_line(days, currency="EUR", title="Month", today=TODAY)


@pytest.mark.parametrize("chart", [day_bars, month_line])
def test_a_month_without_figures_still_has_its_axes(chart: object) -> None:
    svg = chart(november(), currency="JPY", title="Nothing yet")  # type: ignore[operator]

    assert texts(svg, "plot__amount") == ["0"]
    assert bars(svg) == []


def test_a_bullet_shows_spend_expectation_budget_and_interval_and_says_them() -> None:
    figures = Bullet(Decimal(600), Decimal(1000), Decimal(500), Band(Decimal(800), Decimal(900), Decimal(1200)))
    svg = bullet(figures, currency="EUR")

    shapes = {shape.get("class"): shape for shape in drawn(svg).iter(f"{SVG}rect")}
    widths = attributes([shapes["bullet__spent"], shapes["bullet__within"]], "width")
    assert widths[0] / widths[1] == pytest.approx(0.6, abs=0.01)
    assert shapes.keys() >= {"bullet__band", "bullet__projected", "bullet__expected", "bullet__budget"}
    assert drawn(svg).findtext(f"{SVG}title") == (
        "EUR 600.00 spent of EUR 1,000.00, EUR 500.00 expected by now. Projected for the month's end: EUR 900.00, "
        "four times out of five between EUR 800.00 and EUR 1,200.00."
    )


def test_a_bullet_past_its_budget_stays_on_the_drawing_and_one_without_figures_is_empty() -> None:
    over = drawn(bullet(Bullet(Decimal(3000), Decimal(1000)), currency="EUR"))
    nothing = drawn(bullet(Bullet(Decimal(0)), currency="EUR"))

    spent = over.find(f"{SVG}rect[@class='bullet__spent bullet__spent--over']")
    assert spent is not None
    assert attributes([spent], "width")[0] <= 200
    assert attributes(list(nothing.iter(f"{SVG}rect"))[1:], "width") == [0]


def test_names_are_escaped() -> None:
    assert "<script>" not in day_bars(november("1"), currency="EUR", title="<script>alert(1)</script>")


def test_days_compared_are_drawn_side_by_side_and_told_in_words() -> None:
    days = [
        ComparedDay(date(2026, 10, 1), Decimal(100), Decimal(80)),
        ComparedDay(date(2026, 10, 2), Decimal(50), Decimal(0)),
    ]

    svg = compared_bars(days, currency="EUR", title="Spend <by> day")

    assert "<title>Spend &lt;by&gt; day</title>" in svg
    assert "<desc>EUR 150.00 as it was, EUR 80.00 as it would have been.</desc>" in svg
    assert "<title>Thu 01 Oct: EUR 100.00 as it was, EUR 80.00 as it would have been</title>" in svg
    assert (svg.count("plot__bar--was"), svg.count("plot__bar--would")) == (2, 1)


def test_days_compared_of_which_none_has_spend_have_axes_and_no_bars() -> None:
    svg = compared_bars([ComparedDay(date(2026, 10, 1), Decimal(0), Decimal(0))], currency="EUR", title="Empty")

    assert "plot__bar--" not in svg
    assert "EUR 0.00 as it was" in svg

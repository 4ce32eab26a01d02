"""Agencies that never were, for the forecast to be tried on: 24 campaigns, 14 months, always the same for a seed.

Campaigns start and stop in mid-month, pause, buy in lumps, keep monthly budgets or weekends, drift and jump.
"""

from __future__ import annotations

import math
import random
from datetime import date, timedelta
from decimal import Decimal

from campaigns.pacing import Series

FIRST = date(2023, 1, 1)
DAYS = 425
CAMPAIGNS = 24

WEEKS = (
    (1.15, 1.2, 1.2, 1.15, 1.05, 0.55, 0.5),  # offices
    (0.85, 0.85, 0.9, 0.95, 1.1, 1.25, 1.1),  # shops
    (1.0,) * 7,
)
WORKDAYS = (1.4, 1.4, 1.4, 1.4, 1.4, 0.0, 0.0)

# What each agency's campaigns are like, in turn.
AGENCIES = {
    "steady": ("steady",),
    "always-on": ("steps", "steps", "walk", "oneoff"),
    "flights": ("flight",),
    "lumpy": ("lumps", "rare", "oneoff"),
    "monthly": ("monthly", "budget"),
    "pauses": ("pauses", "steps"),
    "workdays": ("workdays", "workdays", "lumps", "flight"),
    "mixed": (
        *("steps", "walk", "flight", "flight", "flight", "lumps", "rare", "oneoff", "budget", "monthly"),
        *("pauses", "pauses"),
    ),
}


def invented(agency: str, seed: int, campaigns: int = CAMPAIGNS) -> dict[str, Series]:
    kinds = AGENCIES[agency]
    chance = random.Random(f"{agency}{seed}")
    return {
        f"{number:02} {kinds[number % len(kinds)]}": _campaign(chance, kinds[number % len(kinds)])
        for number in range(campaigns)
    }


def _campaign(chance: random.Random, kind: str) -> Series:
    level = math.exp(chance.gauss(3, 1))
    week = WORKDAYS if kind == "workdays" else chance.choice(WEEKS)
    noise = chance.choice((0.03, 0.1, 0.25, 0.5))
    start, end = chance.choice((0, 0, chance.randrange(DAYS))), DAYS
    if kind == "flight":
        start = chance.randrange(-30, DAYS)
        end = start + chance.choice((7, 14, 21, 30, 45, 60, 90))
    amounts = [Decimal()] * DAYS
    month, month_left, times, paused = 0, math.inf, 1.0, 0
    for index in range(max(start, 0), min(end, DAYS)):
        day = FIRST + timedelta(days=index)
        if day.month != month:
            month = day.month
            times, month_left = _new_month(chance, kind, level, times)
        times *= _moved(chance, kind)
        if kind == "pauses" and not paused and chance.random() < 1 / 30:
            paused = chance.choice((2, 3, 5, 8, 13, 25, 60))
        if paused:
            paused -= 1
            continue
        spend = min(
            _a_day(chance, kind, level) * times * week[day.weekday()] * chance.lognormvariate(0, noise), month_left
        )
        month_left -= spend
        amounts[index] = Decimal(f"{spend:.2f}")
    return Series(FIRST, amounts)


def _new_month(chance: random.Random, kind: str, level: float, times: float) -> tuple[float, float]:
    """How many times the level it spends from now on, and the most of the month."""
    if kind == "monthly":
        return chance.lognormvariate(0, 0.35), math.inf
    if kind == "budget":
        share = chance.lognormvariate(0, 0.35)
        return share * chance.uniform(0.8, 1.4), level * 30 * share
    return times, math.inf


def _moved(chance: random.Random, kind: str) -> float:
    if kind == "walk":
        return math.exp(chance.gauss(0, 0.05))
    if kind in {"steps", "flight", "workdays"} and chance.random() < 1 / 40:
        return chance.lognormvariate(0, 0.4)
    return 1.0


def _a_day(chance: random.Random, kind: str, level: float) -> float:
    if kind == "lumps":
        return level * 5 * chance.lognormvariate(0, 1) if chance.random() < 1 / 6 else 0.0
    if kind == "rare":
        return level * 20 * chance.lognormvariate(0, 0.7) if chance.random() < 1 / 25 else 0.0
    if kind == "oneoff" and chance.random() < 1 / 30:
        return level * chance.uniform(5, 20)
    return level

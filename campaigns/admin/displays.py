"""How figures look in lists: spend against its budget, and amounts in a brand's currency."""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_DOWN, Decimal

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from campaigns.models import Brand, Campaign
from campaigns.money import format_money
from campaigns.periods import local_clock
from campaigns.rules import Period

# From this share of a budget on, people want to look.
NEARLY = 80


def budget_bar(spend: Decimal, budget: Decimal | None, currency: str) -> SafeString:
    """Spend in words, and where there is a budget how much of it is gone, as a bar and as a figure."""
    if budget is not None and budget <= 0:
        budget = None  # what a person just typed into a form that refuses it
    percent = None if budget is None else int((spend / budget * 100).to_integral_value(ROUND_DOWN))
    level = "none"
    if percent is not None:
        level = "reached" if percent >= 100 else "nearly" if percent >= NEARLY else "fine"
    context = {
        "spend": format_money(spend, currency),
        "budget": None if budget is None else format_money(budget, currency),
        "percent": percent,
        "width": 0 if percent is None else max(0, min(percent, 100)),
        "level": level,
    }
    return render_to_string("campaigns/budget_bar.html", context)


def period_bar(counted: Brand | Campaign, brand: Brand, period: Period, read_at: datetime) -> SafeString:
    """The bar of the current day or month: a counter of an earlier one shows zero (R14)."""
    spend = period.current_spend(counted, local_clock(brand.timezone, read_at))
    return budget_bar(spend, getattr(counted, f"{period.name}_budget"), brand.currency)

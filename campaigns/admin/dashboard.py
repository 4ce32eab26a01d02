"""The admin's first page: the agency in one look. `?brand=7&day=2026-11-18` is a view to send to a colleague."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import admin
from django.contrib.auth.models import AnonymousUser, User
from django.core.paginator import Paginator
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from unfold.widgets import UnfoldAdminSelect2Widget

from campaigns import desk, outlook
from campaigns.admin.charts import Bullet, Day, band_of, bullet, day_bars, month_line
from campaigns.admin.reports import DayInput
from campaigns.admin.timeline import in_words, verb
from campaigns.holds import Hold
from campaigns.models import Brand, Campaign, StatusChange
from campaigns.money import format_money
from campaigns.outlook import Outlook
from campaigns.pacing import month_of
from campaigns.periods import ONE_DAY, day_start, local_date

admin.site.index_template = "campaigns/desk/dashboard.html"


class View(forms.Form):
    """What the address bar asks for."""

    brand = forms.ModelChoiceField(
        Brand.objects.order_by("name"), required=False, empty_label="All brands", widget=UnfoldAdminSelect2Widget
    )
    day = forms.DateField(label="Day (empty: now)", required=False, widget=DayInput)


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the page shows to this person at this instant."""
    if not (request.user.has_perm("campaigns.view_brand") and request.user.has_perm("campaigns.view_campaign")):
        return {**context, "may_view": False}
    at = timezone.now()
    form = View(request.GET)
    brand, day = (form.cleaned_data["brand"], form.cleaned_data["day"]) if form.is_valid() else (None, None)
    brands = list(Brand.objects.filter(pk=brand.pk) if brand else Brand.objects.order_by("name"))
    zone = brand.timezone if brand else ZoneInfo(timezone.get_default_timezone_name())
    today = local_date(zone, at)
    on = day if day is not None and day < today else None
    campaigns = Campaign.objects.filter(brand=brand) if brand else Campaign.objects.all()
    page = Paginator(desk.by_use_of_budget(brands, at=at), desk.BRANDS_ON_A_PAGE).get_page(request.GET.get("page"))
    address = {"brand": brand.pk if brand else "", "day": on or ""}
    return {
        **context,
        "may_view": True,
        "title": "Dashboard",
        "form": form,
        "on": on,
        "brands": brands,
        "has_campaigns": campaigns.exists(),
        "strip": _strip(brands, campaigns, at, on),
        "concerns": [] if on else _concerns(campaigns, brands, at, request.user),
        "lines": [_line(line) for line in desk.brand_lines(list(page), at=at, on=on)],
        "page": page,
        "pages": [(number, f"?{urlencode({**address, 'page': number})}") for number in page.paginator.page_range],
        "months": [_month(brand, currency, zone, at, on) for currency in sorted({each.currency for each in brands})],
        "may_see_changes": request.user.has_perm("campaigns.view_statuschange"),
        "changes": _changes(campaigns if brand else None, zone, on or today),
    }


@dataclass(frozen=True, slots=True)
class Tile:
    """Of the strip: what it is about, and its figures with a few words each."""

    title: str
    rows: list[tuple[str, str, str]]


def _strip(brands: Collection[Brand], campaigns: Any, at: datetime, on: date | None) -> list[Tile]:
    tiles = [_money_tile(figures, on) for figures in desk.figures(brands, at=at, on=on)]
    if on is None:
        counts = desk.counts(campaigns, outlook.clocks_of(brands, at).values())
        rows = [
            ("Running", f"{counts.running:,}", ""),
            ("Paused", f"{counts.paused:,}", ""),
            ("Finishing", f"{counts.finishing:,}", f"within {desk.ENDING_DAYS} days"),
        ]
        tiles.insert(0, Tile("Campaigns", rows))
    return tiles


def _money_tile(figures: desk.Figures, on: date | None) -> Tile:
    def money(amount: Decimal) -> str:
        return format_money(amount, figures.currency)

    of_budget = ""
    if figures.budgets:
        of_budget = f"{figures.spent_of_budgets / figures.budgets:.0%} of {money(figures.budgets)}"
    off = {"ahead of plan": _rounded(figures.ahead), "behind plan": _rounded(figures.behind)}
    risks = [f"{money(amount)} {which}" if all(off.values()) else which for which, amount in off.items() if amount]
    rows = [
        (f"{on:%a %-d %b}" if on else "Today", money(figures.spent_today), ""),
        (f"{on:%B}" if on else "This month", money(figures.spent_this_month), of_budget),
        ("At risk", money(_rounded(figures.at_risk)), ", ".join(risks) or "all on track"),
    ]
    return Tile(figures.currency, rows)


def _rounded(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"))


def _concerns(
    campaigns: Any, brands: Collection[Brand], at: datetime, user: User | AnonymousUser
) -> list[dict[str, Any]]:
    may_change = user.has_perm("campaigns.change_campaign")
    return [
        {
            "kind": kind.kind,
            "title": kind.title,
            "more": kind.more,
            "shown": [
                {
                    "concern": concern,
                    "url": reverse("admin:campaigns_campaign_change", args=[concern.campaign_id]),
                    "act": concern.act if may_change else "Look",
                    "field": f"#id_{concern.field}" if concern.field and may_change else "",
                }
                for concern in kind.shown
            ],
        }
        for kind in desk.concerns(campaigns, brands, at=at)
    ]


def _line(line: desk.BrandLine) -> dict[str, Any]:
    seen, currency = line.outlook, line.brand.currency
    pace = seen.pace
    assert pace is not None, "a brand's month is the calendar's"
    return {
        "brand": line.brand,
        "url": reverse("admin:campaigns_brand_change", args=[line.brand.pk]),
        "spent": format_money(pace.spent, currency),
        "budget": format_money(pace.budget, currency) if pace.budget is not None else "",
        "status": pace.status.value if pace.status else "No budget" if pace.budget is None else "",
        "pace": seen.pace_in_percent,
        "projected": format_money(seen.projected, currency) if seen.projected is not None else "",
        "to_land": format_money(pace.daily_to_land, currency) if pace.daily_to_land is not None else "",
        "bullet": bullet(Bullet(pace.spent, pace.budget, seen.expected, band_of(seen)), currency=currency),
    }


def _month(brand: Brand | None, currency: str, zone: ZoneInfo, at: datetime, on: date | None) -> dict[str, Any]:
    """This month by day, of one currency, against the plan and with the forecast."""
    if brand:
        seen = outlook.of_brands([brand], at=at, on=on)[brand.pk]
    else:
        seen = outlook.of_agency(Brand.objects.all(), currency, zone, at=at, on=on)
    days = _days(seen)
    title = f"{seen.today:%B %Y}" + ("" if brand else f", all brands in {currency}")
    band = band_of(seen)
    return {
        "title": title,
        "has_spend": any(day.spend for day in days),
        "bars": day_bars(days, currency=currency, title=f"Spend by day, {title}", today=seen.today),
        "line": month_line(days, currency=currency, title=f"Month to date, {title}", today=seen.today, band=band),
        "words": _end_in_words(seen),
    }


def _end_in_words(seen: Outlook) -> str:
    if seen.projected is None or seen.interval is None:
        return ""
    low, high = seen.interval
    projected = format_money(seen.projected, seen.currency)
    if low == high:
        return f"Will end at {projected}, where the budgets stop it."
    within = f"{format_money(low, seen.currency)} and {format_money(high, seen.currency)}"
    return f"Will end at {projected}, four times out of five between {within}."


def _days(seen: Outlook) -> list[Day]:
    month = month_of(seen.today)
    assert month is not None
    spends = dict(seen.series.spends(month))
    budget = seen.pace.budget if seen.pace else None
    return [
        Day(
            day,
            spends.get(day, Decimal(0)) if day <= seen.today else None,
            plan=None if budget is None else (budget * (number + 1) / month.length).quantize(Decimal("0.01")),
        )
        for number, day in enumerate(month.first + n * ONE_DAY for n in range(month.length))
    ]


def _may_see_changes(user: User | AnonymousUser) -> bool:
    return user.has_perm("campaigns.view_statuschange")


def _changes(campaigns: Any, zone: ZoneInfo, today: date) -> list[dict[str, Any]]:
    """Those of the local day, the newest first."""
    end = day_start(zone, today + ONE_DAY)
    return [_change(change) for change in desk.changes(campaigns, day_start(zone, today), end)]


def _change(change: StatusChange) -> dict[str, Any]:
    campaign = change.campaign
    held = Hold(change.to_holds)
    return {
        "when": change.at.astimezone(campaign.brand.timezone),
        "campaign": campaign,
        "url": reverse("admin:campaigns_campaign_change", args=[campaign.pk]),
        "words": f"{verb(change)}: {held.label}" if held else verb(change),
        "actor": in_words(change.actor),
    }

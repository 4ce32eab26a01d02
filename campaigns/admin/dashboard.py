"""The admin's first page: the agency in one look. `?brand=7&day=2026-11-18` is a view to send to a colleague."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
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

from campaigns import concerns, desk, outlook, surveying
from campaigns.admin import changes
from campaigns.admin.charts import Bullet, Day, band_of, bullet, day_bars, month_line
from campaigns.admin.reports import EARLIEST, BrandInput, DayInput
from campaigns.admin.timeline import left_out, may_see
from campaigns.bulk import no_search_for_cycles
from campaigns.models import Brand, Campaign, StatusChange
from campaigns.money import format_money, rounded
from campaigns.outlook import Outlook, Together
from campaigns.pacing import month_of
from campaigns.periods import ONE_DAY, local_date

BRANDS_ON_A_PAGE = 15

admin.site.index_template = "campaigns/desk/dashboard.html"


class View(forms.Form):
    """What the address bar asks for."""

    brand = forms.ModelChoiceField(
        Brand.objects.all(),
        required=False,
        widget=BrandInput,
        error_messages={"invalid_choice": "There is no such brand: all are shown."},
    )
    day = forms.DateField(
        label="Day (empty: now)",
        required=False,
        widget=DayInput,
        error_messages={"invalid": "That is no day, such as 2026-11-18: the present is shown."},
    )

    def __init__(self, data: Mapping[str, Any], at: datetime) -> None:
        super().__init__(data)
        self.at = at

    def clean_day(self) -> date | None:
        day: date | None = self.cleaned_data["day"]
        if day is not None and day < EARLIEST:
            raise forms.ValidationError(f"Nothing is known of days before {EARLIEST}: the present is shown.")
        if day is not None and day > self.at.date() + ONE_DAY:  # the day has begun early somewhere
            raise forms.ValidationError("That day is still to come: the present is shown.")
        return day


@no_search_for_cycles()
def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the page shows to this person at this instant."""
    if not (request.user.has_perm("campaigns.view_brand") and request.user.has_perm("campaigns.view_campaign")):
        return {**context, "may_view": False}
    at = timezone.now()
    form = View(request.GET, at)
    form.is_valid()  # what is wrong is said at its field, and the rest still counts
    brand, day = (form.cleaned_data.get(name) for name in ("brand", "day"))
    known = Brand.objects.order_by("name").defer("description", "created_at", "updated_at")
    brands = [brand] if brand else list(known)
    zone = brand.timezone if brand else ZoneInfo(timezone.get_default_timezone_name())
    on = day if day is not None and day < local_date(zone, at) else None
    campaigns = Campaign.objects.filter(brand=brand) if brand else Campaign.objects.all()
    clocks = list(outlook.clocks_of(brands, at).values())
    seen = surveying.latest(at) if on is None and brand is None and len(brands) >= surveying.LARGE else None
    if seen:
        counted, candidates = seen.counts, seen.found
    elif on is None:
        counted, candidates = surveying.look(campaigns, brands, at)
    else:
        counted, candidates = desk.counts(campaigns, clocks), {}
    standings = desk.standings(brands, counted, at=at, on=on)
    page = Paginator(desk.by_use_of_budget(standings), BRANDS_ON_A_PAGE).get_page(request.GET.get("page"))
    address = {"brand": brand.pk if brand else "", "day": on or ""}
    may_see_changes = changes.may_see_changes(request.user)
    return {
        **context,
        "may_view": True,
        "title": "Dashboard",
        "form": form,
        "on": on,
        "here": request.get_full_path(),
        "brands": brands,
        "has_campaigns": bool(counted),
        "strip": _strip(desk.figures(standings), counted, on),
        "concerns": _concerns(concerns.concerns(candidates, standings, at=at), request.user) if candidates else [],
        "seen_at": seen and seen.at,
        "lines": [_line(line, on) for line in desk.brand_lines(list(page), at=at, on=on)],
        "page": page,
        "pages": [(number, f"?{urlencode({**address, 'page': number})}") for number in page.paginator.page_range],
        "months": list(_months(brand, brands, seen.together if seen else {}, at, on)),
        "may_see_changes": may_see_changes,
        "may_see_statuses": may_see(request.user, StatusChange),
        "left_out": left_out(request.user),
        "several_clocks": len(clocks) > 1,
        "changes": changes.changes(brands, campaigns if brand else None, clocks, request.user, on=on)
        if may_see_changes and brands
        else [],
    }


@dataclass(frozen=True, slots=True)
class Tile:
    """Of the strip: what it is about, and its figures with a few words each."""

    title: str
    rows: list[tuple[str, str, str]]


def _strip(figures: Iterable[desk.Figures], counted: Mapping[int, desk.Counts], on: date | None) -> list[Tile]:
    tiles = [_money_tile(each, on) for each in figures]
    if on is None:
        counts = sum(counted.values(), desk.Counts())
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
    if figures.budgets and figures.spent_of_budgets == figures.spent_this_month:
        of_budget = f"{figures.spent_of_budgets / figures.budgets:.0%} of {money(figures.budgets)}"
    elif figures.budgets:
        of_budget = f"{money(figures.spent_of_budgets)} of {money(figures.budgets)} with a budget"
    off = {"ahead of plan": figures.ahead, "behind plan": figures.behind}
    risks = [f"{money(amount)} {which}" if all(off.values()) else which for which, amount in off.items() if amount]
    rows = [
        (f"{on:%a %-d %b}" if on else "Today", money(figures.spent_today), ""),
        (f"{on:%B}" if on else "This month", money(figures.spent_this_month), of_budget),
        ("At risk", money(figures.at_risk), ", ".join(risks) or ("all on track" if figures.budgets else "no plan")),
    ]
    return Tile(figures.currency, rows)


def _concerns(found: Iterable[concerns.Concerns], user: User | AnonymousUser) -> list[dict[str, Any]]:
    return [
        {
            "kind": kind.kind,
            "title": kind.title,
            "more": kind.more,
            "shown": [_concern(concern, user) for concern in kind.shown],
        }
        for kind in found
    ]


def _concern(concern: concerns.Concern, user: User | AnonymousUser) -> dict[str, Any]:
    """With what this person may do about it: a link to the field, and where it can be paused at once, that too."""
    is_brand = concern.campaign_id is None
    may_change = user.has_perm(f"campaigns.change_{'brand' if is_brand else 'campaign'}")
    url = reverse(
        f"admin:campaigns_{'brand' if is_brand else 'campaign'}_change", args=[concern.campaign_id or concern.brand_id]
    )
    pauses = may_change and concern.pause
    return {
        "name": concern.campaign_name or concern.brand_name,
        "brand_name": "the brand itself" if is_brand else concern.brand_name,
        "sentence": concern.sentence,
        "url": url,
        "act": concern.act if may_change else "Look",
        "act_url": f"{url}#id_{concern.field}" if concern.field and may_change else url,
        "pause": concern.pause if pauses else "",
        "pause_url": reverse("admin:campaigns_campaign_act", args=[concern.campaign_id, "pause"]) if pauses else "",
    }


def _line(line: desk.BrandLine, on: date | None) -> dict[str, Any]:
    brand, seen = line.standing.brand, line.outlook
    pace, currency = seen.pace, brand.currency
    assert pace is not None, "a brand's month is the calendar's"
    return {
        "brand": brand,
        "url": reverse("admin:campaigns_brand_change", args=[brand.pk]),
        "spent": format_money(pace.spent, currency),
        "budget": format_money(pace.budget, currency) if pace.budget is not None else "",
        "status": seen.status or ("No budget" if pace.budget is None else ""),
        "pace": seen.pace_in_percent,
        "projected": format_money(seen.projected, currency) if seen.projected is not None else "",
        "to_land": format_money(pace.daily_to_land, currency) if on is None and pace.daily_to_land is not None else "",
        "bullet": bullet(Bullet(pace.spent, pace.budget, seen.expected, band_of(seen)), currency=currency),
    }


def _months(
    brand: Brand | None, brands: Iterable[Brand], seen: Mapping[str, Together], at: datetime, on: date | None
) -> Iterator[dict[str, Any]]:
    """This month of the brand, or of the active ones of each currency, added up unless that was `seen` already."""
    if brand:
        yield _month(outlook.of_brands([brand], at=at, on=on)[brand.pk], "", on)
        return
    for currency, zone in outlook.zones_of(brands).items():
        spent = seen.get(currency) or outlook.together(Brand.objects.all(), currency, on or local_date(zone, at))
        month = _month(outlook.of_together(spent, currency, zone, at=at, on=on), f", active brands in {currency}", on)
        if spent.unplanned:
            which = "a brand spends" if spent.unplanned == 1 else f"{spent.unplanned:,} brands spend"
            month["words"] += f" There is no plan for all of them: {which} without a monthly budget."
        yield month


def _month(seen: Outlook, whose: str, on: date | None) -> dict[str, Any]:
    """A month by day, against the plan and with the forecast."""
    band, days, currency = band_of(seen), _days(seen), seen.currency
    title = f"{seen.today:%B %Y}{whose}"
    return {
        "title": title,
        "has_spend": any(day.spend for day in days),
        "bars": day_bars(days, currency=currency, title=f"Spend by day, {title}", today=seen.today),
        "line": month_line(days, currency=currency, title=f"Month to date, {title}", today=seen.today, band=band),
        "words": _end_in_words(seen, on),
    }


def _end_in_words(seen: Outlook, on: date | None) -> str:
    if seen.projected is None or seen.interval is None or seen.month is None or seen.pace is None:
        return ""
    low, high = seen.interval
    projected = format_money(seen.projected, seen.currency)
    if on == seen.month.last:
        return f"Ended at {format_money(seen.spent, seen.currency)}."
    if low == high == seen.spent and (seen.pace.budget is None or seen.spent < seen.pace.budget):
        return f"Will end at {projected}, unless it spends again."
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
            plan=None if budget is None else rounded(Fraction(budget) * (number + 1) / month.length, seen.currency),
        )
        for number, day in enumerate(month.first + n * ONE_DAY for n in range(month.length))
    ]

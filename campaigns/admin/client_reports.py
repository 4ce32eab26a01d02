"""The page that a brand's client gets of a month: one sheet, printed to PDF by the browser."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.contrib.auth.models import AnonymousUser, User
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from campaigns.admin.charts import WIDTH, Bullet, Day, bullet, day_bars
from campaigns.admin.month import named_month
from campaigns.client_report import BrandMonth, brand_month, pauses_in_words
from campaigns.models import Brand
from campaigns.money import ZERO, format_money
from campaigns.periods import local_date

# So many campaigns are named, and the others are one line: it is one page.
NAMED_CAMPAIGNS = 12
NEEDED = ("campaigns.view_brand", "campaigns.view_dailyspend")


def may_see_client_reports(user: User | AnonymousUser) -> bool:
    return user.has_perms(NEEDED)


def client_report_url(brand_id: int, month: date) -> str:
    return f"{reverse('admin:campaigns_brand_client_report', args=[brand_id])}?month={month:%Y-%m}"


def client_report_page(request: HttpRequest, page: ModelAdmin[Any], brand_id: str) -> HttpResponse:
    """A month of a brand, the current one unless the address says another."""
    brand: Brand | None = page.get_object(request, brand_id)
    if brand is None:
        raise Http404
    at = timezone.now()
    asked = request.GET.get("month", "")
    month = named_month(asked)
    if month is None:
        month = local_date(brand.timezone, at)
        if asked:
            messages.error(
                request, f"{asked[:20]!r} is no month: write one such as {month:%Y-%m}. This is the current one."
            )
    report = brand_month(brand, month, at=at)
    context = {
        **page.admin_site.each_context(request),
        "opts": page.opts,
        "title": f"{brand}, {report.first:%B %Y}",
        "original": brand,
        "brand": brand,
        "report": report,
        **_shown(report),
        "may_see_pauses": request.user.has_perm("campaigns.view_statuschange"),
        "whole": f"{reverse('admin:campaigns_dailyspend_report')}?{urlencode(_range(report))}",
        "made_at": f"{at.astimezone(brand.timezone):%Y-%m-%d %H:%M}",
        "earlier": client_report_url(brand.pk, report.first - timedelta(days=1)),
        "later": client_report_url(brand.pk, report.last + timedelta(days=1)),
    }
    return TemplateResponse(request, "campaigns/reports/client.html", context)


def _range(report: BrandMonth) -> dict[str, str]:
    """The same month in Reports."""
    return {"by": "campaign", "from": str(report.first), "to": str(report.last), "brand": str(report.brand.pk)}


def _shown(report: BrandMonth) -> dict[str, Any]:
    """The figures in the brand's currency, and the drawings."""
    currency, budget, left = report.brand.currency, report.brand.monthly_budget, report.left
    shown = report.campaigns[:NAMED_CAMPAIGNS]
    others = report.campaigns[NAMED_CAMPAIGNS:]
    lines = [(campaign.name, campaign.spend, campaign.share) for campaign in shown]
    if others:
        spend = sum((campaign.spend for campaign in others), ZERO)
        lines.append((f"{len(others):,} other campaigns", spend, sum((each.share for each in others), ZERO)))
    peak = max(((spend, day) for day, spend in report.days if spend), default=None)
    paused = list(pauses_in_words(report.pauses))
    return {
        "spend": format_money(report.spend, currency),
        "budget": None if budget is None else format_money(budget, currency),
        "left": None if left is None else format_money(abs(left), currency),
        "is_over_budget": left is not None and left < 0,
        "used": None if budget is None else f"{_rounded_down(report.spend / budget):.1%}",
        "bullet": None if budget is None else bullet(Bullet(report.spend, budget), currency=currency),
        "charts": [(name, _chart(report, width)) for name, width in (("wide", 2 * WIDTH), ("narrow", WIDTH))],
        "highest": f"The most on one day: {format_money(peak[0], currency)} on {peak[1]:%A %Y-%m-%d}." if peak else "",
        "campaigns": [(name, format_money(spend, currency), f"{share:.1%}") for name, spend, share in lines],
        "paused": paused,
        "days_so_far": sum(spend is not None for _, spend in report.days),
    }


def _rounded_down(share: Decimal) -> Decimal:
    """A budget that is not quite reached must not read 100.0%."""
    return share.quantize(Decimal("0.001"), ROUND_DOWN)


def _chart(report: BrandMonth, width: int) -> SafeString:
    days = [Day(day, spend) for day, spend in report.days]
    title = f"Spend by day, {report.first:%B %Y}"
    return day_bars(days, currency=report.brand.currency, title=title, today=report.today, width=width)

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    MultipleChoicesDropdownFilter,
    RangeDateFilter,
    RangeDateTimeFilter,
)

from campaigns.admin import reports
from campaigns.admin.base import ReadOnlyPage
from campaigns.admin.unfolded import display
from campaigns.holds import Hold
from campaigns.models import Campaign, DailySpend, SpendLog, StatusChange
from campaigns.money import format_amount, format_money

SEARCHED = ("campaign__name", "campaign__external_id", "campaign__brand__name")


class CampaignRecordPage(ReadOnlyPage):
    """Rows that belong to a campaign and are in its brand's currency."""

    list_select_related = ("campaign__brand",)

    @display(description="Brand", ordering="campaign__brand__name")
    def brand(self, record: Any) -> str:
        return str(record.campaign.brand)

    @display(description="Amount, to the last digit")
    def exact_amount(self, record: Any) -> str:
        currency = record.campaign.brand.currency
        return f"{currency} {format_amount(record.amount, currency)}"


@admin.register(SpendLog)
class SpendLogAdmin(CampaignRecordPage):
    list_display = ("spent_at", "campaign", "brand", "shown_amount", "day", "reference", "description", "recorded_at")
    list_filter = (
        ("campaign__brand", AutocompleteSelectFilter),
        ("campaign", AutocompleteSelectFilter),
        ("day", RangeDateFilter),
        ("recorded_at", RangeDateTimeFilter),
    )
    search_fields = (*SEARCHED, "reference", "description")
    fields = ("spent_at", "campaign", "brand", "exact_amount", "day", "reference", "description", "recorded_at")
    readonly_fields = fields

    @display(description="Spent at, brand's clock", ordering="timestamp")
    def spent_at(self, entry: SpendLog) -> str:
        return f"{entry.timestamp.astimezone(entry.campaign.brand.timezone):%Y-%m-%d %H:%M:%S}"

    @display(description="Amount", ordering="amount")
    def shown_amount(self, entry: SpendLog) -> str:
        return format_money(entry.amount, entry.campaign.brand.currency)


@admin.register(DailySpend)
class DailySpendAdmin(CampaignRecordPage):
    list_display = ("day", "campaign", "brand", "shown_amount", "shown_budget")
    list_filter = (
        ("campaign__brand", AutocompleteSelectFilter),
        ("campaign", AutocompleteSelectFilter),
        ("day", RangeDateFilter),
    )
    search_fields = SEARCHED
    fields = ("day", "campaign", "brand", "exact_amount", "shown_budget")
    readonly_fields = fields

    def get_urls(self) -> list[URLPattern]:
        report, export = self.admin_site.admin_view(self.report), self.admin_site.admin_view(self.export)
        own = [
            path("report/", report, name="campaigns_dailyspend_report"),
            path("report/<str:kind>/", export, name="campaigns_dailyspend_export"),
        ]
        return [*own, *super().get_urls()]

    def report(self, request: HttpRequest) -> HttpResponseBase:
        return reports.report_page(request, self)

    def export(self, request: HttpRequest, kind: str) -> HttpResponseBase:
        return reports.export(request, self, kind)

    @display(description="Spent", ordering="amount")
    def shown_amount(self, day: DailySpend) -> str:
        return format_money(day.amount, day.campaign.brand.currency)

    @display(description="Daily budget then", ordering="daily_budget", empty_value="")
    def shown_budget(self, day: DailySpend) -> str:
        return "" if day.daily_budget is None else format_money(day.daily_budget, day.campaign.brand.currency)


@admin.register(StatusChange)
class StatusChangeAdmin(CampaignRecordPage):
    list_display = ("decided_at", "campaign", "brand", "before", "after", "actor")
    list_filter = (
        ("to_status", MultipleChoicesDropdownFilter),
        ("campaign__brand", AutocompleteSelectFilter),
        ("campaign", AutocompleteSelectFilter),
        ("at", RangeDateTimeFilter),
    )
    search_fields = (*SEARCHED, "actor")
    fields = ("decided_at", "campaign", "brand", "before", "after", "actor", "shown_facts")
    readonly_fields = fields

    @display(description="Decided at, brand's clock", ordering="at")
    def decided_at(self, change: StatusChange) -> str:
        return f"{change.at.astimezone(change.campaign.brand.timezone):%Y-%m-%d %H:%M:%S}"

    @display(description="From", ordering="from_status")
    def before(self, change: StatusChange) -> str:
        return _in_words(change.from_status, change.from_holds)

    @display(description="To", ordering="to_status")
    def after(self, change: StatusChange) -> str:
        return _in_words(change.to_status, change.to_holds)

    @display(description="Decided on")
    def shown_facts(self, change: StatusChange) -> SafeString:
        lines = [
            f"{name.replace('_', ' ').capitalize()}: {value}" for name, value in sorted(change.decided_on().items())
        ]
        return format_html('<div style="white-space: pre-line">{}</div>', "\n".join(lines))


def _in_words(status: str, holds: int) -> str:
    return Campaign(status=status, holds=Hold(holds)).status_in_words

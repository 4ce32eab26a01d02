"""Filters of the campaign list."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import ModelAdmin
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import DropdownFilter

from campaigns.holds import LABELS, Hold
from campaigns.models import Brand, Campaign
from campaigns.periods import local_clock
from campaigns.rules import over_budget


class HoldFilter(DropdownFilter):
    """Campaigns that one hold keeps paused, whatever else does."""

    title = "hold"
    parameter_name = "hold"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        return [(hold.name or "", label) for hold, label in LABELS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Campaign]) -> QuerySet[Campaign]:
        name = self.value()
        if name is None or name not in Hold.__members__:
            return queryset
        return queryset.alias(held=F("holds").bitand(Hold[name].value)).filter(held__gt=0)


class OverBudgetFilter(DropdownFilter):
    """Campaigns that have reached a budget of their own or their brand's, on their brand's current day and month."""

    title = "budget"
    parameter_name = "over_budget"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        return [("yes", "Reached or over"), ("no", "Within")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Campaign]) -> QuerySet[Campaign]:
        if self.value() not in ("yes", "no"):
            return queryset
        at = timezone.now()
        zones = Brand.objects.order_by().values_list("timezone", flat=True).distinct()
        over = over_budget([local_clock(zone, at) for zone in zones])
        ids = Campaign.objects.filter(over).values("pk")
        return queryset.filter(pk__in=ids) if self.value() == "yes" else queryset.exclude(pk__in=ids)

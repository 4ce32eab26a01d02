from __future__ import annotations

from typing import Any, ClassVar

from babel.numbers import get_currency_name
from django import forms
from django.contrib import admin
from django.db.models import Count, Field, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AllValuesCheckboxFilter

from campaigns.admin.base import LongSelect
from campaigns.admin.brand_page import brand_page
from campaigns.admin.client_reports import client_report_page, may_see_client_reports
from campaigns.admin.displays import period_bar
from campaigns.admin.unfolded import action, display
from campaigns.admin.what_if import WhatIfPage
from campaigns.currencies import CURRENCIES
from campaigns.enforcement import move_clock
from campaigns.models import Brand, Campaign, SpendLog
from campaigns.rules import DAILY, MONTHLY


@admin.register(Brand)
class BrandAdmin(WhatIfPage):
    list_display = ("name", "shown_status", "today", "month", "running", "timezone", "currency")
    list_filter = ("is_active", ("currency", AllValuesCheckboxFilter), ("timezone", AllValuesCheckboxFilter))
    search_fields = ("name", "description")
    ordering = ("name",)  # the model's own is lost where campaigns are counted
    actions_detail = ("what_if", "client_report")
    readonly_fields = ("today", "month", "created_at", "updated_at")
    change_form_template = "campaigns/brand/change_form.html"
    fieldsets: ClassVar = (
        (None, {"fields": ("name", "description", "is_active")}),
        ("Clock and currency", {"fields": (("timezone", "currency"),)}),
        ("Budgets", {"fields": (("daily_budget", "today"), ("monthly_budget", "month"))}),
        ("Record", {"fields": (("created_at", "updated_at"),)}),
    )
    add_fieldsets: ClassVar = (
        *fieldsets[:2],
        ("Budgets", {"fields": (("daily_budget", "monthly_budget"),)}),
    )
    view_fieldsets: ClassVar = (
        *fieldsets[:2],
        ("Budgets", {"fields": (("today", "month"),)}),
        fieldsets[-1],
    )

    def brand_id(self, edited: Brand) -> int:
        return edited.pk

    def has_spend(self, edited: Brand) -> bool:
        return SpendLog.objects.filter(campaign__brand=edited).exists()

    def save_model(self, request: HttpRequest, obj: Brand, form: forms.ModelForm[Brand], change: bool) -> None:
        super().save_model(request, obj, form, change)
        if change and form.initial["timezone"] != obj.timezone:  # changed_data holds it against its own name
            move_clock(obj.pk)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Brand]:
        running = Count("campaigns", filter=Q(campaigns__status=Campaign.Status.ACTIVE))
        brands: QuerySet[Brand] = super().get_queryset(request)
        return brands.annotate(campaigns_running=running, campaigns_all=Count("campaigns"))

    def formfield_for_dbfield(self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "currency":
            choices = [(code, f"{code}: {get_currency_name(code, locale='en')}") for code in CURRENCIES]
            initial = db_field.get_default()
            help_text = db_field.help_text
            return forms.ChoiceField(choices=choices, initial=initial, help_text=help_text, widget=LongSelect)
        if db_field.name == "timezone":
            kwargs["widget"] = LongSelect
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        if obj is not None and not context.get("is_popup"):
            context["page"] = brand_page(obj.pk, request, at=obj.read_at)
        return super().render_change_form(request, context, add=add, change=change, form_url=form_url, obj=obj)

    def has_client_report_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return may_see_client_reports(request.user)

    @action(description="Client report", permissions=["client_report"], url_path="client-report")
    def client_report(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return client_report_page(request, self, object_id)

    @display(description="Status", label={"Active": "success", "Inactive": "danger"})
    def shown_status(self, brand: Brand) -> str:
        return "Active" if brand.is_active else "Inactive"

    @display(description="Spent today", ordering="daily_spend")
    def today(self, brand: Any) -> SafeString | str:
        return period_bar(brand, brand, DAILY, brand.read_at) if brand.pk else "-"

    @display(description="Spent this month", ordering="monthly_spend")
    def month(self, brand: Any) -> SafeString | str:
        return period_bar(brand, brand, MONTHLY, brand.read_at) if brand.pk else "-"

    @display(description="Running", ordering="campaigns_running")
    def running(self, brand: Any) -> str:
        return f"{brand.campaigns_running} of {brand.campaigns_all}"

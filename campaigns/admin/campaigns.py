from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any, ClassVar, Protocol

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    MultipleChoicesDropdownFilter,
    RangeDateFilter,
)
from unfold.forms import PaginationInlineFormSet

from campaigns import enforcement
from campaigns.admin.base import BOXES, actor
from campaigns.admin.campaign_page import campaign_page
from campaigns.admin.displays import budget_bar, period_bar
from campaigns.admin.filters import HoldFilter, OverBudgetFilter
from campaigns.admin.unfolded import TabularInline, action, display
from campaigns.admin.what_if import WhatIfPage, brought_windows
from campaigns.explain import explain
from campaigns.models import Campaign, DaypartingSchedule, SpendLog
from campaigns.rules import DAILY, MONTHLY


class Verb(Protocol):
    """What a person can do to campaigns: `enforcement.pause` and its like."""

    def __call__(self, campaign_ids: Collection[int], *, at: datetime, actor: str) -> enforcement.Changes: ...


class WindowFormSet(PaginationInlineFormSet):
    """The windows of a campaign. Django leaves out constraints that name the campaign; here they are checked too.

    Shown with `initial` beside the kept ones, and those of the ids `taken_away` marked to be deleted.
    """

    def __init__(self, *args: Any, taken_away: Collection[int] = (), **options: Any) -> None:
        super().__init__(*args, **options)
        self.taken_away = taken_away
        self.extra += len(options.get("initial") or ())

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        if form.instance.pk in self.taken_away:
            form.fields["DELETE"].initial = True

    def clean(self) -> None:
        super().clean()
        for form in self.forms:
            if form.is_valid() and form.has_changed() and not form.cleaned_data.get("DELETE"):
                try:
                    form.instance.validate_constraints()
                except ValidationError as error:
                    form.add_error(None, error)


class ScheduleInline(TabularInline):
    model = DaypartingSchedule
    formset = WindowFormSet
    extra = 0
    formfield_overrides: ClassVar = BOXES
    fields = ("day_of_week", "start_time", "end_time", "is_active")
    template_before = "campaigns/campaign/week.html"
    verbose_name = "window"
    verbose_name_plural = "Hours in which it may run, on the brand's clock (none: around the clock)"

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Each field by its name: the headings of the columns name them to the eye alone."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None:
            field.widget.attrs["aria-label"] = field.label
        return field


@admin.register(Campaign)
class CampaignAdmin(WhatIfPage):
    list_display = ("name_and_brand", "shown_status", "why", "today", "month", "total", "end_date")
    list_select_related = ("brand",)
    list_per_page = 25
    list_filter = (
        ("status", MultipleChoicesDropdownFilter),
        HoldFilter,
        OverBudgetFilter,
        ("brand", AutocompleteSelectFilter),
        ("end_date", RangeDateFilter),
    )
    search_fields = ("name", "external_id", "brand__name")
    autocomplete_fields = ("brand",)
    fixed = ("brand",)
    inlines: ClassVar = [ScheduleInline]
    actions = ("pause", "resume", "activate", "complete")
    actions_submit_line = ("save_and_pause", "save_and_resume")
    readonly_fields = ("today", "month", "total", "created_at", "updated_at")
    change_form_template = "campaigns/campaign/change_form.html"
    fieldsets: ClassVar = (
        (None, {"fields": ("brand", ("name", "external_id"))}),
        (
            "Budgets",
            {"fields": (("daily_budget", "today"), ("monthly_budget", "month"), ("total_budget", "total"))},
        ),
        ("Dates", {"fields": ("start_date", "end_date")}),
        ("Record", {"fields": (("created_at", "updated_at"),)}),
    )
    add_fieldsets: ClassVar = (
        (None, {"fields": ("brand", ("name", "external_id"))}),
        ("Budgets", {"fields": (("daily_budget", "monthly_budget"), "total_budget")}),
        ("Dates", {"fields": (("start_date", "end_date"),)}),
    )
    view_fieldsets: ClassVar = (
        fieldsets[0],
        ("Budgets", {"fields": (("today", "month"), "total")}),
        *fieldsets[2:],
    )

    def brand_id(self, edited: Campaign) -> int:
        return edited.brand_id

    def has_spend(self, edited: Campaign) -> bool:
        return SpendLog.objects.filter(campaign=edited).exists()

    def get_urls(self) -> list[URLPattern]:
        act = self.admin_site.admin_view(self.act)
        return [path("<int:campaign_id>/act/<str:verb>/", act, name="campaigns_campaign_act"), *super().get_urls()]

    def act(self, request: HttpRequest, campaign_id: int, verb: str) -> HttpResponse:
        """Do to one campaign, by one click, what its list does to many; and go back to the page that offered it."""
        campaign = self.get_object(request, str(campaign_id))
        if request.method != "POST" or campaign is None or verb not in VERBS:
            raise Http404
        if not self.has_change_permission(request, campaign):
            raise PermissionDenied
        at = timezone.now()
        VERBS[verb]([campaign.pk], at=at, actor=actor(request.user))
        self.message_user(request, explain(campaign.pk, at=at).sentence, messages.INFO)
        back = request.POST.get("next", "")
        if not url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}):
            back = reverse("admin:campaigns_campaign_change", args=[campaign.pk])
        return HttpResponseRedirect(back)

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
            changes = self.has_change_permission(request, obj)
            draws = changes and any(
                inline.has_add_permission and inline.has_change_permission and inline.has_delete_permission
                for inline in context["inline_admin_formsets"]
            )
            context["page"] = campaign_page(obj.pk, request, at=obj.read_at, draws=draws, changes=changes)
        return super().render_change_form(request, context, add=add, change=change, form_url=form_url, obj=obj)

    def get_formset_kwargs(self, request: HttpRequest, obj: Any, inline: Any, prefix: str) -> dict[str, Any]:
        return {**super().get_formset_kwargs(request, obj, inline, prefix), **brought_windows(request, obj)}

    def save_related(self, request: HttpRequest, form: forms.ModelForm[Campaign], formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        at = timezone.now()
        verb: Verb | None = getattr(form.instance, "pressed", None)
        if verb is not None:
            verb([form.instance.pk], at=at, actor=actor(request.user))
        self.message_user(request, explain(form.instance.pk, at=at).sentence, messages.INFO)

    @display(description="Campaign", ordering="name", header=True)
    def name_and_brand(self, campaign: Campaign) -> tuple[str, str]:
        return campaign.name, campaign.brand.name

    @display(
        description="Status",
        ordering="status",
        label={"ACTIVE": "success", "PAUSED": "warning", "DRAFT": "info", "COMPLETED": "default"},
    )
    def shown_status(self, campaign: Campaign) -> tuple[str, str]:
        return campaign.status, str(campaign.get_status_display())

    @display(description="Held because", ordering="holds", empty_value="")
    def why(self, campaign: Campaign) -> str:
        return campaign.hold_set.label

    @display(description="Spent today", ordering="daily_spend")
    def today(self, campaign: Any) -> SafeString | str:
        return period_bar(campaign, campaign.brand, DAILY, campaign.read_at) if campaign.pk else "-"

    @display(description="Spent this month", ordering="monthly_spend")
    def month(self, campaign: Any) -> SafeString | str:
        return period_bar(campaign, campaign.brand, MONTHLY, campaign.read_at) if campaign.pk else "-"

    @display(description="Spent in all", ordering="total_spend")
    def total(self, campaign: Campaign) -> SafeString | str:
        if not campaign.pk:
            return "-"
        return budget_bar(campaign.total_spend, campaign.total_budget, campaign.brand.currency)

    @action(description="Pause", permissions=["change"])
    def pause(self, request: HttpRequest, queryset: QuerySet[Campaign]) -> None:
        self.carry_out(request, queryset, enforcement.pause, "paused", lambda changes: changes.paused)

    @action(description="Resume", permissions=["change"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Campaign]) -> None:
        self.carry_out(request, queryset, enforcement.resume, "running again", lambda changes: changes.resumed)

    @action(description="Activate: start drafts, reopen completed ones", permissions=["change"])
    def activate(self, request: HttpRequest, queryset: QuerySet[Campaign]) -> None:
        self.carry_out(request, queryset, enforcement.activate, "activated", lambda changes: changes.activated)

    @action(description="Complete: end for good", permissions=["change"])
    def complete(self, request: HttpRequest, queryset: QuerySet[Campaign]) -> None:
        self.carry_out(request, queryset, enforcement.complete, "completed", lambda changes: changes.completed)

    # These two come before the windows are saved; what they ask for is done after all that was edited counts.
    @action(description="Save and pause", permissions=["change"])
    def save_and_pause(self, request: HttpRequest, obj: Any) -> None:
        obj.pressed = enforcement.pause

    @action(description="Save and resume", permissions=["change"])
    def save_and_resume(self, request: HttpRequest, obj: Any) -> None:
        obj.pressed = enforcement.resume

    def carry_out(
        self,
        request: HttpRequest,
        queryset: QuerySet[Campaign],
        verb: Verb,
        done: str,
        count: Callable[[enforcement.Changes], int],
    ) -> None:
        """Do what a person asked of the campaigns chosen, and say of how many it could be done and why not of all."""
        chosen = list(queryset.values_list("pk", flat=True))
        changes = verb(chosen, at=timezone.now(), actor=actor(request.user))
        affected = count(changes)
        self.message_user(request, f"{affected} of {len(chosen)} campaigns {done}.", messages.SUCCESS)
        if affected < len(chosen):
            self.message_user(request, REASONS[verb], messages.WARNING)


# What a person does to one campaign by one click.
VERBS: dict[str, Verb] = {
    "pause": enforcement.pause,
    "resume": enforcement.resume,
    "activate": enforcement.activate,
    "complete": enforcement.complete,
}

# Why a campaign may stay as it is after a person's action.
REASONS: dict[Any, str] = {
    enforcement.pause: "The others were not running: drafts and completed campaigns cannot be paused, and those that "
    "something else holds are now held by you as well.",
    enforcement.resume: "The others do not run: they are drafts, completed, or held by what 'Held because' says.",
    enforcement.activate: "The others run already, start on a later day, or have an end date that has passed.",
    enforcement.complete: "The others were completed already.",
}

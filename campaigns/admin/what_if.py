"""What if: other budgets or hours are tried on the last full month, on a page of their own beside the form."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from unfold.widgets import UnfoldAdminTextInputWidget

from campaigns.admin.base import EditPage, MoneyInput
from campaigns.admin.timeline import may_see
from campaigns.admin.unfolded import action
from campaigns.admin.what_if_answer import Tried, answer, month_to_play, standing_windows
from campaigns.hours import ALWAYS, InvalidHours, Window, format_windows, parse_windows
from campaigns.models import Brand, Campaign, DailySpend, DaypartingSchedule
from campaigns.money import MoneyFormField, format_amount
from campaigns.replay import BRAND_BUDGETS, CAMPAIGN_BUDGETS, Change

# In the address: the answer is to be there. Without it, the page opens at once and asks for it.
PLAY = "play"
LABELS = {"daily_budget": "Daily budget", "monthly_budget": "Monthly budget", "total_budget": "Total budget"}


class BudgetField(MoneyFormField):
    def __init__(self, label: str, currency: str) -> None:
        help_text = f"In {currency}. Empty: no limit."
        super().__init__(required=False, widget=MoneyInput, label=label, help_text=help_text)

    def clean(self, value: Any) -> Any:
        budget = super().clean(value)
        if budget is not None and budget <= 0:
            raise ValidationError("A budget must be more than zero. Leave it empty for no limit.")
        return budget


class WindowsField(forms.CharField):
    """Hours of the week in one line."""

    def __init__(self) -> None:
        super().__init__(
            label="Hours",
            required=False,
            max_length=2000,
            widget=UnfoldAdminTextInputWidget,
            help_text=f"On the brand's clock, such as Mon-Fri 08:00-18:00, Sat 10:00-14:00; or {ALWAYS}.",
        )

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        try:
            return parse_windows(text or ALWAYS)
        except InvalidHours as error:
            raise ValidationError(str(error)) from error


class LimitsForm(forms.Form):
    """The limits of a brand or campaign as they are, until somebody writes others."""

    def __init__(self, data: Any, subject: Brand | Campaign) -> None:
        budgets = CAMPAIGN_BUDGETS if isinstance(subject, Campaign) else BRAND_BUDGETS
        currency = subject.brand.currency if isinstance(subject, Campaign) else subject.currency
        self.standing: dict[str, Any] = {name: getattr(subject, name) for name in budgets}
        fields: dict[str, forms.Field] = {name: BudgetField(LABELS[name], currency) for name in budgets}
        if isinstance(subject, Campaign):
            self.standing["windows"] = standing_windows(subject)
            fields["windows"] = WindowsField()
        initial = {name: _as_text(value) for name, value in self.standing.items()}
        # What an address leaves out stays as it is.
        given = {name: data.get(name, initial[name]) for name in initial} if set(data) & set(initial) else None
        super().__init__(given, initial=initial)
        self.fields.update(fields)

    @property
    def changed(self) -> dict[str, Any]:
        """What is not as it stands. The form is valid."""
        return {name: value for name, value in self.cleaned_data.items() if value != self.standing[name]}

    @property
    def change(self) -> Change:
        budgets = {name: value for name, value in self.changed.items() if name != "windows"}
        return Change(budgets, self.changed.get("windows"))

    @property
    def address(self) -> str:
        """What is changed, for the address bar."""
        return urlencode({name: _as_text(value) for name, value in self.changed.items()})


def _as_text(value: Decimal | tuple[Window, ...] | None) -> str:
    if value is None:
        return ""
    return format_amount(value) if isinstance(value, Decimal) else format_windows(value)


class WhatIfPage(EditPage):
    """An edit page with a What if beside it, which gives its values back to the form."""

    actions_detail: tuple[str, ...] = ("what_if",)
    add_fieldsets: ClassVar[Any]
    view_fieldsets: ClassVar[Any]  # for who may only look: what is spent says of which budget

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return self.add_fieldsets
        return self.fieldsets if self.has_change_permission(request, obj) else self.view_fieldsets

    def has_what_if_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self.has_view_permission(request) and may_see(request.user, DailySpend)

    @action(description="What if", permissions=["what_if"], url_path="what-if", icon="science")
    def what_if(self, request: HttpRequest, object_id: str) -> HttpResponse:
        subject: Brand | Campaign | None = self.get_object(request, object_id)
        if subject is None:
            raise Http404
        at = timezone.now()
        form = LimitsForm(request.GET, subject)
        change_url = reverse(f"admin:campaigns_{self.opts.model_name}_change", args=[subject.pk])
        month = month_to_play(subject, at)
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"What if: {subject}",
            "subject": subject,
            "form": form,
            "month": month,
            "change_url": change_url,
        }
        if month is not None and form.is_valid():
            if PLAY in request.GET:
                tried = Tried(form.change, form.standing, form.cleaned_data)
                try:
                    context["answer"] = answer(subject, tried, month, at=at)
                except ValueError as error:
                    context["refused"] = str(error)
            else:
                context["play_url"] = f"?{urlencode({**request.GET.dict(), PLAY: 1})}"
            if form.changed and self.has_change_permission(request, subject):
                context["apply_url"] = f"{change_url}?{form.address}"
        return TemplateResponse(request, "campaigns/what_if/page.html", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if request.method == "GET" and {*LABELS, "windows"} & set(request.GET):
            messages.info(request, "Filled in from a What if, and not saved yet: look it over and save.")
        return super().change_view(request, object_id, form_url, extra_context)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """The form, filled with what the address bar brings from a What if: nothing counts until it is saved."""
        form = super().get_form(request, obj, change=change, **kwargs)
        brought = {name: request.GET[name] for name in LABELS if name in request.GET and name in form.base_fields}
        if obj is None or request.method != "GET" or not brought:
            return form

        class Filled(form):  # type: ignore[misc, valid-type]
            def __init__(self, *args: Any, **options: Any) -> None:
                super().__init__(*args, **{**options, "initial": {**options.get("initial", {}), **brought}})

        return Filled


def brought_windows(request: HttpRequest, campaign: Campaign | None) -> dict[str, Any]:
    """What the formset of a campaign's windows is to show, where the address bar brings other hours."""
    if campaign is None or request.method != "GET" or "windows" not in request.GET:
        return {}
    try:
        wanted = set(parse_windows(request.GET["windows"] or ALWAYS))
    except InvalidHours:
        return {}
    kept: dict[Window, int] = {
        Window(row.day_of_week, row.start_time, row.end_time): row.pk
        for row in DaypartingSchedule.objects.filter(campaign=campaign, is_active=True)
    }
    new = [
        {"day_of_week": window.day, "start_time": window.start, "end_time": window.end, "is_active": True}
        for window in sorted(wanted - set(kept))
    ]
    return {"initial": new, "taken_away": {pk for window, pk in kept.items() if window not in wanted}}

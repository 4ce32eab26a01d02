"""Keys to the HTTP API: made and revoked here, and shown once."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from campaigns import tokens
from campaigns.admin.base import Page, actor
from campaigns.admin.unfolded import action, display
from campaigns.models import ApiToken, Scope


class TokenForm(forms.ModelForm[ApiToken]):
    scopes = forms.MultipleChoiceField(
        choices=Scope.choices, widget=UnfoldAdminCheckboxSelectMultipleWidget, help_text="What it may do."
    )

    def clean_expires_at(self) -> datetime | None:
        expires_at: datetime | None = self.cleaned_data["expires_at"]
        tokens.refuse_past(expires_at, timezone.now())
        return expires_at


@admin.register(ApiToken)
class ApiTokenAdmin(Page):
    """Tokens are made and revoked, never edited: what a program was given stands."""

    form = TokenForm
    list_display = ("name", "state", "prefix", "may", "sees", "expires_at", "last_used_at", "created_by", "created_at")
    search_fields = ("name", "prefix")
    actions = ("revoke",)
    autocomplete_fields = ("brands",)
    add_fieldsets: ClassVar = ((None, {"fields": ("name", "scopes", "brands", "expires_at")}),)
    fieldsets: ClassVar = (
        (None, {"fields": (("name", "prefix"), "state", ("may", "sees"))}),
        ("Record", {"fields": (("created_at", "created_by"), ("expires_at", "revoked_at"), "last_used_at")}),
    )
    readonly_fields = (
        "prefix",
        "state",
        "may",
        "sees",
        "created_at",
        "created_by",
        "revoked_at",
        "last_used_at",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).prefetch_related("brands")

    def get_fieldsets(self, request: HttpRequest, obj: ApiToken | None = None) -> Any:
        return self.fieldsets if obj else self.add_fieldsets

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None) -> Any:
        one_button = {"show_save_and_continue": False, "show_save_and_add_another": False}
        return super().add_view(request, form_url, {**(extra_context or {}), **one_button})

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("campaigns.change_apitoken")

    def save_model(self, request: HttpRequest, obj: Any, form: forms.ModelForm[Any], change: bool) -> None:
        obj.created_at = timezone.now()
        obj.created_by = actor(request.user)
        obj.text = tokens.issue(obj, list(form.cleaned_data["brands"]))

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        """Show the token, in the answer to the form and nowhere else: no message, session or log ever holds it."""
        context = {**self.admin_site.each_context(request), "title": f"Token for {obj}", "opts": self.opts}
        return TemplateResponse(request, "campaigns/token_made.html", {**context, "token": obj, "text": obj.text})

    @action(description="Revoke: they open nothing any more", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        revoked = tokens.revoke(list(queryset.values_list("pk", flat=True)), at=timezone.now())
        self.message_user(request, f"{revoked} of {queryset.count()} tokens revoked.", messages.SUCCESS)

    @display(description="State", label={"Open": "success", "Expired": "warning", "Revoked": "danger"})
    def state(self, token: Any) -> str:
        if token.revoked_at is not None:
            return "Revoked"
        return "Expired" if token.expires_at is not None and token.expires_at <= token.read_at else "Open"

    @display(description="May")
    def may(self, token: ApiToken) -> str:
        return ", ".join(str(Scope(scope).label) for scope in token.scopes)

    @display(description="Sees")
    def sees(self, token: ApiToken) -> str:
        if token.every_brand:
            return "Every brand"
        return ", ".join(str(brand) for brand in token.brands.all()) or "No brand any more"

"""What the pages share: who acts and when, edits under the brand's lock, and pages that only show."""

from __future__ import annotations

from collections.abc import Collection
from datetime import time
from typing import Any, ClassVar, cast

from django import forms
from django.contrib.auth.models import AnonymousUser, User
from django.db import transaction
from django.db.models import DateTimeField, QuerySet, TimeField, Value
from django.forms.utils import flatatt
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminSelect2Widget, UnfoldAdminSingleTimeWidget, UnfoldAdminTextInputWidget

from campaigns.admin.unfolded import ModelAdmin
from campaigns.edits import prepare
from campaigns.enforcement import reconcile
from campaigns.models import Brand, StatusChange
from campaigns.money import MoneyField


def actor(user: User | AnonymousUser) -> str:
    """The user, as the history of statuses names them."""
    return f"user:{user.get_username()}"


class MoneyInput(UnfoldAdminTextInputWidget):
    """A text box that asks a phone for its number pad. Not type=number: browsers round and localize that."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"inputmode": "decimal", "autocomplete": "off", **(attrs or {})})


class LongSelect(UnfoldAdminSelect2Widget):
    """A select of hundreds of choices, written in one go: Django renders two templates for each of them."""

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        chosen = set(self.format_value(value))
        options = format_html_join(
            "",
            '<option value="{}"{}>{}</option>',
            ((key, " selected" if str(key) in chosen else "", label) for key, label in self.choices),
        )
        return format_html(
            "<select{}>{}</select>", flatatt(self.build_attrs(self.attrs, {**(attrs or {}), "name": name})), options
        )


class WallTimeInput(UnfoldAdminSingleTimeWidget):
    """A text box for a time of the day: 09:00, and with seconds only where there are some."""

    def format_value(self, value: Any) -> Any:
        if isinstance(value, time):
            return value.isoformat("auto" if value.second or value.microsecond else "minutes")
        return super().format_value(value)


BOXES: dict[Any, Any] = {MoneyField: {"widget": MoneyInput}, TimeField: {"widget": WallTimeInput}}


class Page(ModelAdmin):
    """A page of this system: its rows come with `read_at`, the one clock reading that all they show rests on."""

    formfield_overrides: ClassVar = BOXES
    list_per_page = 50
    list_filter_submit = True
    list_fullwidth = True
    warn_unsaved_form = True
    show_full_result_count = False  # counting millions of rows tells nobody anything

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        read_at = Value(timezone.now(), DateTimeField())
        return cast("QuerySet[Any]", super().get_queryset(request).annotate(read_at=read_at))


class EditPage(Page):
    """A page whose edits take effect at once (R13): saved under the brand's lock and put right in one transaction."""

    # Fields that are chosen once. Disabled rather than read-only: what is unique together with them is still checked.
    fixed: ClassVar[tuple[str, ...]] = ()

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        if obj is not None:
            for name in self.fixed:
                if name in form.base_fields:
                    form.base_fields[name].disabled = True
        return form

    def brand_id(self, edited: Any) -> Any:
        """The brand that an object of this page belongs to; None for a brand that is not saved yet."""
        raise NotImplementedError

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Read what is edited after its brand is locked: an edit is judged and saved on what stands then."""
        found = super().get_object(request, object_id, from_field)
        if found is not None and transaction.get_connection().in_atomic_block and request.method == "POST":
            Brand.objects.lock([self.brand_id(found)])
            found = super().get_object(request, object_id, from_field)
        return found

    def save_model(self, request: HttpRequest, obj: Any, form: forms.ModelForm[Any], change: bool) -> None:
        if (brand_id := self.brand_id(obj)) is not None:
            Brand.objects.lock([brand_id])
        if hasattr(obj, "updated_at"):
            obj.updated_at = timezone.now()
        if change:
            prepare(obj)
        super().save_model(request, obj, form, change)

    def save_formset(self, request: HttpRequest, form: forms.ModelForm[Any], formset: Any, change: bool) -> None:
        for row in formset.initial_forms:
            prepare(row.instance)
        super().save_formset(request, form, formset, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        self.put_right(request, [self.brand_id(form.instance)])

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """What goes with a deletion. Spend keeps its brand and campaign (R6); a history of statuses goes with its own.

        Says which of `objs` have spend, where Django would list every entry.
        """
        kept = [f"{obj} has spend: it can only be ended or made inactive." for obj in objs if self.has_spend(obj)]
        if kept:
            return [], {}, set(), kept
        deleted, counts, missing_permissions, protected = super().get_deleted_objects(objs, request)
        return deleted, counts, missing_permissions - {StatusChange._meta.verbose_name}, protected

    def has_spend(self, edited: Any) -> bool:
        """Whether deleting it would take spend away."""
        return False

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        brand_ids = [self.brand_id(obj)]
        super().delete_model(request, obj)
        self.put_right(request, brand_ids)

    @transaction.atomic
    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        brand_ids = {self.brand_id(obj) for obj in queryset}
        Brand.objects.lock(brand_ids)
        super().delete_queryset(request, queryset)
        self.put_right(request, brand_ids)

    def put_right(self, request: HttpRequest, brand_ids: Collection[Any]) -> None:
        reconcile(at=timezone.now(), brand_ids=brand_ids, actor=actor(request.user))


class ReadOnlyPage(Page):
    """A page that only shows: the ledger and the histories are written by the system alone (R6)."""

    def has_add_permission(self, request: HttpRequest, *_: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

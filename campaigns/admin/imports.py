"""Importing a file of spend by hand: upload, preview, confirm, and the history of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import F, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.defaultfilters import filesizeformat
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from unfold.contrib.filters.admin import MultipleChoicesDropdownFilter, RangeDateTimeFilter
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelect2Widget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from campaigns import uploads
from campaigns.admin import import_result
from campaigns.admin.base import ReadOnlyPage
from campaigns.admin.unfolded import display
from campaigns.models import Brand, Campaign, SpendImport

State = SpendImport.State
# After so long without a word from a worker, a person may send it again. A large workbook is looked through for a
# while before its first rows are read.
SILENCE = timedelta(minutes=5)
# Campaigns that an import paused, named on its page.
PAUSED_SHOWN = 50

LEVELS = {
    "CHECKING": "info",
    "READY": "warning",
    "IMPORTING": "info",
    "DONE": "success",
    "REFUSED": "danger",
    "DISCARDED": "default",
}


class UploadForm(forms.Form):
    """A file and what a person says of it. Its first fields are those that most files need."""

    file = forms.FileField(
        widget=UnfoldAdminFileFieldWidget,
        help_text="An ad platform's export, or any CSV or XLSX. You see what it would change before anything counts.",
    )
    brand = forms.ModelChoiceField(
        Brand.objects.all(),
        required=False,
        empty_label="As the file says",
        widget=UnfoldAdminSelect2Widget,
        help_text="Whose spend it is. Exports of ad platforms do not say.",
    )
    create_missing = forms.BooleanField(
        required=False,
        label="Make campaigns that are missing",
        widget=UnfoldBooleanWidget,
        help_text="They run at once. Brands are made on their own page, with their clock and currency.",
    )
    date_format = forms.ChoiceField(
        required=False,
        label="Dates",
        choices=[
            ("", "As the file shows"),
            ("DMY", "Day first: 31.12.2026"),
            ("MDY", "Month first: 12/31/2026"),
            ("YMD", "Year first: 2026-12-31"),
        ],
        widget=UnfoldAdminSelectWidget,
    )
    decimal = forms.ChoiceField(
        required=False,
        label="Decimal mark",
        choices=[("", "As the file shows"), (".", "Point: 1,234.56"), (",", "Comma: 1.234,56")],
        widget=UnfoldAdminSelectWidget,
    )
    round = forms.BooleanField(
        required=False,
        label="Round amounts of more than six decimals",
        widget=UnfoldBooleanWidget,
        help_text="Otherwise their rows are refused. The preview says what rounding adds up to.",
    )
    date_column = forms.CharField(initial="date", widget=UnfoldAdminTextInputWidget)
    brand_column = forms.CharField(initial="brand", widget=UnfoldAdminTextInputWidget)
    campaign_columns = forms.CharField(
        initial="campaign",
        widget=UnfoldAdminTextInputWidget,
        help_text="Several, with commas between them: they name the campaign together.",
    )
    amount_column = forms.CharField(initial="amount", widget=UnfoldAdminTextInputWidget)
    external_id_column = forms.CharField(
        initial="external_id", label="External ID column", widget=UnfoldAdminTextInputWidget
    )

    USUAL = ("file", "brand", "create_missing")
    READING = ("date_format", "decimal", "round")
    COLUMNS = ("date_column", "brand_column", "campaign_columns", "amount_column", "external_id_column")

    def __init__(self, *args: Any, may_make: bool, **options: Any) -> None:
        """`may_make`: whether this person may add campaigns."""
        super().__init__(*args, **options)
        if not may_make:
            del self.fields["create_missing"]

    def usual_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.USUAL if name in self.fields]

    def reading_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.READING]

    def column_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.COLUMNS]

    def columns_changed(self) -> bool:
        return self.is_bound and bool(set(self.changed_data) & set(self.COLUMNS))

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        limit = settings.UPLOAD_LIMIT_MB * 1024 * 1024
        if file.size > limit:
            raise ValidationError(
                f"The file has {filesizeformat(file.size)}, and {filesizeformat(limit)} is the most that can be "
                "uploaded here. The command import_spend takes larger ones."
            )
        return file

    def clean_campaign_columns(self) -> tuple[str, ...]:
        names = tuple(name.strip() for name in self.cleaned_data["campaign_columns"].split(",") if name.strip())
        if not names:
            raise ValidationError("Name at least one column.")
        return names

    def options(self) -> uploads.Options:
        said = {name: value for name, value in self.cleaned_data.items() if name != "file"}
        brand: Brand | None = said.pop("brand")
        return uploads.Options(**said, brand=brand.name if brand else "", brand_id=brand.pk if brand else None)


@admin.register(SpendImport)
class SpendImportAdmin(ReadOnlyPage):
    list_display = ("uploaded", "name", "brand", "shown_state", "shown_rows", "shown_entries", "shown_by")
    list_select_related = ("uploaded_by",)
    list_filter = (("state", MultipleChoicesDropdownFilter), ("uploaded_at", RangeDateTimeFilter))
    search_fields = ("name", "uploaded_by__username", "options__brand")

    def has_add_permission(self, request: HttpRequest, *_: Any) -> bool:
        return request.user.has_perm("campaigns.add_spendimport")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_add_permission(request) or super().has_view_permission(request, obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet[SpendImport]:
        # A result is long, and the list needs two figures of it.
        imports: QuerySet[SpendImport] = super().get_queryset(request)
        return imports.defer("result").annotate(rows=F("result__rows"), entries=F("result__entries"))

    def get_urls(self) -> list[URLPattern]:
        steps: dict[str, Callable[..., HttpResponse]] = {
            "confirm": self.confirm,
            "discard": self.discard,
            "again": self.again,
            "progress": self.progress,
        }
        own = [
            path(f"<int:import_id>/{name}/", self.admin_site.admin_view(view), name=f"campaigns_spendimport_{name}")
            for name, view in steps.items()
        ]
        return [*own, *super().get_urls()]

    # Not in a transaction, as Django's own pages are: a worker is told of the upload only when it is there to be found.
    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        self.require_add(request)
        form = UploadForm(request.POST or None, request.FILES or None, may_make=may_make(request))
        if request.method == "POST" and form.is_valid():
            file = form.cleaned_data["file"]
            upload = uploads.keep(file, file.name, form.options(), user=acting(request), at=timezone.now())
            return self.started(upload)
        context = {**self.context(request, "Import spend"), "form": form, "media": self.media + form.media}
        return TemplateResponse(request, "campaigns/imports/upload.html", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        upload = self.found(request, object_id)
        working = upload.state in SpendImport.WORKING
        stuck = working and is_stuck(upload)
        context = {
            **self.context(request, upload.name),
            "upload": upload,
            "level": LEVELS[upload.state],
            "about": about(upload),
            "words": in_words(upload),
            "working": working,
            "stuck": stuck,
            "polls": working and not stuck,
            "silent": stuck and not upload.error,
            "may_discard": stuck and uploads.may_discard(upload.pk, at=timezone.now()),
            "may_import": self.has_add_permission(request),
            "may_confirm": may_confirm(request, upload),
        }
        if upload.result and not working:
            paused = Campaign.objects.filter(pk__in=upload.result["paused"][:PAUSED_SHOWN]).select_related("brand")
            context |= {
                "result": upload.result,
                "figures": import_result.figures(upload.result),
                "warnings": import_result.warnings(upload.result),
                "tables": import_result.tables(upload.result),
                "changes_something": import_result.changes_something(upload.result),
                "why_nothing": import_result.why_nothing(upload.result),
                "paused": paused,
                "paused_more": max(0, upload.result["paused_count"] - PAUSED_SHOWN),
            }
        return TemplateResponse(request, "campaigns/imports/import.html", context)

    def progress(self, request: HttpRequest, import_id: int) -> HttpResponse:
        """What the page asks for again and again while a worker has the file."""
        upload = self.found(request, import_id)
        waits = upload.state not in SpendImport.WORKING or is_stuck(upload)
        return JsonResponse({"waits": waits, "words": in_words(upload), "percent": upload.progress.get("percent")})

    def confirm(self, request: HttpRequest, import_id: int) -> HttpResponse:
        upload = self.acted_on(request, import_id)
        if not may_confirm(request, upload):
            raise PermissionDenied
        if not uploads.confirm(upload.pk, request.POST.get("digest", ""), user=acting(request)):
            messages.warning(request, "It does not wait to be confirmed any more: this is how it stands now.")
            return self.page_of(upload)
        return self.started(upload)

    def discard(self, request: HttpRequest, import_id: int) -> HttpResponse:
        upload = self.acted_on(request, import_id)
        if uploads.discard(upload.pk, at=timezone.now()):
            begun = upload.state == State.IMPORTING
            kept = "What it had recorded before it broke off stays." if begun else "Nothing was imported."
            messages.success(request, f"{upload.name} was discarded. {kept}")
            return HttpResponseRedirect(reverse("admin:campaigns_spendimport_changelist"))
        messages.warning(request, "It cannot be discarded any more: this is how it stands now.")
        return self.page_of(upload)

    def again(self, request: HttpRequest, import_id: int) -> HttpResponse:
        return self.started(self.acted_on(request, import_id))

    def started(self, upload: SpendImport) -> HttpResponse:
        uploads.start(upload.pk, at=timezone.now())
        return self.page_of(upload)

    def page_of(self, upload: SpendImport) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:campaigns_spendimport_change", args=[upload.pk]))

    def acted_on(self, request: HttpRequest, import_id: int) -> SpendImport:
        self.require_add(request)
        if request.method != "POST":
            raise Http404
        return self.found(request, import_id)

    def require_add(self, request: HttpRequest) -> None:
        if not self.has_add_permission(request):
            raise PermissionDenied

    def found(self, request: HttpRequest, import_id: Any) -> SpendImport:
        if not self.has_view_permission(request):
            raise PermissionDenied
        upload: SpendImport | None = self.get_object(request, str(import_id))
        if upload is None:
            raise Http404
        return upload

    def context(self, request: HttpRequest, title: str) -> dict[str, Any]:
        return {**self.admin_site.each_context(request), "opts": self.opts, "title": title}

    @display(description="Uploaded at", ordering="uploaded_at")
    def uploaded(self, upload: SpendImport) -> str:
        return f"{timezone.localtime(upload.uploaded_at):%Y-%m-%d %H:%M %Z}"

    @display(description="Brand", empty_value="As the file says")
    def brand(self, upload: SpendImport) -> str | None:
        return upload.options.get("brand") or None

    @display(
        description="State",
        ordering="state",
        label=LEVELS,
    )
    def shown_state(self, upload: SpendImport) -> tuple[str, str]:
        return upload.state, str(upload.get_state_display())

    @display(description="Rows")
    def shown_rows(self, upload: Any) -> str:
        return "" if upload.rows is None else f"{upload.rows:,}"

    @display(description="Entries recorded")
    def shown_entries(self, upload: Any) -> str:
        return f"{upload.entries:,}" if upload.state == State.DONE else ""

    @display(description="By", ordering="uploaded_by__username")
    def shown_by(self, upload: SpendImport) -> str:
        return upload.uploaded_by.get_username() if upload.uploaded_by else ""


def acting(request: HttpRequest) -> User:
    """Who is logged in, as everybody is who may add imports."""
    return cast("User", request.user)


def may_make(request: HttpRequest) -> bool:
    """Whether an import of this person may make campaigns: who may add them by hand."""
    return acting(request).has_perm("campaigns.add_campaign")


def may_confirm(request: HttpRequest, upload: SpendImport) -> bool:
    """Whether this person may do all that the import does, whoever uploaded it."""
    return may_make(request) or not upload.options["create_missing"]


def is_stuck(upload: SpendImport) -> bool:
    """Whether a person should look at why it does not go on."""
    return bool(upload.error) or timezone.now() - upload.moved_at > SILENCE


def about(upload: SpendImport) -> str:
    """What file it is, of whom and when, and what was said of it."""
    options = upload.options
    by = f" by {upload.uploaded_by.get_username()}" if upload.uploaded_by else ""
    when = f"{timezone.localtime(upload.uploaded_at):%Y-%m-%d at %H:%M %Z}"
    said = [f"{filesizeformat(upload.size)}, uploaded{by} on {when}"]
    if upload.result:
        said.insert(0, upload.result["format"])
    if options["brand"]:
        said.append(f"brand {options['brand']}")
    if options["create_missing"]:
        said.append("makes campaigns that are missing")
    if options["date_format"]:
        said.append(f"dates {options['date_format']}")
    if options["decimal"]:
        said.append(f"decimal mark {options['decimal']}")
    if options["round"]:
        said.append("rounds")
    return "; ".join(said)


def in_words(upload: SpendImport) -> str:
    """How far it is."""
    step = upload.progress.get("step")
    if step is None:
        return "Waits for a worker"
    of_what = "rows" if step == "Reading" else "days of campaigns"
    return f"{step}: {upload.progress['done']:,} {of_what}"

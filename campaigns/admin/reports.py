"""Spend over a range of days, on screen and as a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from math import ceil
from tempfile import TemporaryFile
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from unfold.widgets import INPUT_CLASSES

from campaigns import exports
from campaigns.admin.client_reports import client_report_url, may_see_client_reports
from campaigns.admin.timeline import may_see
from campaigns.models import EARLIEST_SPEND, Brand, Campaign, default_zone
from campaigns.money import format_money
from campaigns.periods import ONE_DAY, local_date
from campaigns.reports import COLUMNS, DEFAULT_SORTS, RangeLine, RangeReport, totals_of

PAGE_LINES = 200
EARLIEST, LATEST = EARLIEST_SPEND.date(), date(2999, 12, 31)


class DayInput(forms.DateInput):
    """The browser's own field for a day: it has a calendar, suits a phone, and needs no script."""

    input_type = "date"

    def __init__(self) -> None:
        super().__init__({"class": " ".join(INPUT_CLASSES), "min": EARLIEST, "max": LATEST}, format="%Y-%m-%d")


class BrandInput(AutocompleteSelect):
    """A box that finds brands as one types: a page carries the chosen one, not all of an agency's."""

    def __init__(self) -> None:
        super().__init__(Campaign._meta.get_field("brand"), admin.site)

    def build_attrs(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return {**super().build_attrs(*args, **kwargs), "data-placeholder": "All brands"}

    def optgroups(self, name: str, value: Sequence[str], attrs: Any = None) -> Any:
        """Without looking up what is no brand's number: an address may say anything."""
        return super().optgroups(name, [pk for pk in value if pk.isascii() and pk.isdigit() and len(pk) < 19], attrs)


class RangeForm(forms.Form):
    """What a report is of, as the address bar says it."""

    by = forms.ChoiceField(required=False, choices=[(by, by) for by in COLUMNS])
    brand = forms.ModelChoiceField(Brand.objects.all(), required=False, widget=BrandInput)
    sort = forms.CharField(required=False)

    def __init__(self, data: Any, *, finds_brands: bool = False) -> None:
        super().__init__(data)
        if not finds_brands:  # who may not see them cannot search them either
            self.fields["brand"].widget = forms.HiddenInput()
        for name in ("from", "to"):  # one of them is a word of Python's
            self.fields[name] = forms.DateField(required=False, input_formats=["%Y-%m-%d"], widget=DayInput())

    def clean(self) -> dict[str, Any]:
        said = self.cleaned_data
        by, sort = said.get("by") or "campaign", said.get("sort", "")
        if sort and sort.removeprefix("-") not in COLUMNS[by]:
            self.add_error("sort", f"A report by {by} is sorted by {', '.join(COLUMNS[by])}, not {sort!r}.")
        first, last = said.get("from"), said.get("to")
        for name, day in (("from", first), ("to", last)):
            if day and not EARLIEST <= day <= LATEST:
                self.add_error(name, f"Choose a day from {EARLIEST} to {LATEST}.")
        if first and last and last < first:
            self.add_error("to", "The last day lies before the first.")
        return said


@dataclass(frozen=True)
class Address:
    """All that a report is of. It stands in the address bar, so that a view can be sent to a colleague."""

    by: str
    first: date
    last: date
    brand_id: int | None
    sort: str

    @classmethod
    def of(cls, form: RangeForm, at: datetime) -> Address:
        """What the form says, with this month by campaign where it says nothing."""
        said = form.cleaned_data
        brand: Brand | None = said["brand"]
        first, last = said["from"], said["to"]
        month = first or last or today(brand, at)
        by, brand_id = said["by"] or "campaign", brand.pk if brand else None
        return cls(by, first or month.replace(day=1), last or month_end(month), brand_id, said["sort"])

    def report(self) -> RangeReport:
        brands = Brand.objects.all() if self.brand_id is None else Brand.objects.filter(pk=self.brand_id)
        return RangeReport(self.by, self.first, self.last, brands, self.sort)

    def query(self) -> str:
        said = {"by": self.by, "from": str(self.first), "to": str(self.last)}
        if self.brand_id is not None:
            said["brand"] = str(self.brand_id)
        if self.sort:
            said["sort"] = self.sort
        return urlencode(said)

    def url(self, **but: Any) -> str:
        """Of the report as it is, or but for some of what it is of. A new grouping has an order of its own."""
        if "by" in but:
            but["sort"] = ""
        address = replace(self, **but)
        return f"{reverse('admin:campaigns_dailyspend_report')}?{address.query()}"


def report_page(request: HttpRequest, page: ModelAdmin[Any]) -> HttpResponse:
    """Spend by campaign, brand, day or month, some hundred lines at a time."""
    require_view(request, page)
    form = RangeForm(request.GET, finds_brands=may_see(request.user, Brand))
    context = {**page.admin_site.each_context(request), "title": "Reports", "form": form}
    context["range_fields"] = [form["from"], form["to"]]
    if form.is_valid():
        at = timezone.now()
        address = Address.of(form, at)
        if not all(request.GET.get(name) for name in ("by", "from", "to")):
            return HttpResponseRedirect(address.url())
        context |= shown_report(request, address, today(form.cleaned_data["brand"], at))
    return TemplateResponse(request, "campaigns/reports/report.html", context)


def shown_report(request: HttpRequest, address: Address, day: date) -> dict[str, Any]:
    """What the screen shows of a report; `day` is today."""
    report = address.report()
    page, lines, totals = read(report, request.GET.get("page", ""))
    table = Table(
        address,
        totals,
        client_month=min(address.last, max(address.first, day)),
        links_campaigns=request.user.has_perm("campaigns.view_campaign"),
        links_clients=may_see_client_reports(request.user),
    )
    brand_id = address.brand_id
    headings = list(table.headings())
    return {
        "address": address,
        "groupings": [(by.capitalize(), address.url(by=by), by == address.by) for by in COLUMNS],
        "presets": [
            (name, address.url(first=first, last=last), (first, last) == (address.first, address.last))
            for name, first, last in presets(day)
        ],
        "totals": [format_money(amount, currency) for currency, amount in totals.items()],
        "headings": headings,
        "rows": [list(zip(headings, table.row(line), strict=True)) for line in lines],
        "page": page,
        "previous": f"{address.url()}&page={page.number - 1}" if page.number > 1 else "",
        "next": f"{address.url()}&page={page.number + 1}" if page.number < page.pages else "",
        "files": [
            (kind.upper(), f"{reverse('admin:campaigns_dailyspend_export', args=[kind])}?{address.query()}")
            for kind in FILES
        ],
        "all_brands": address.url(brand_id=None),
        "may_import": request.user.has_perm("campaigns.add_spendimport"),
        "client_report": client_report_url(brand_id, table.client_month) if brand_id and table.links_clients else "",
    }


def read(report: RangeReport, asked: str) -> tuple[Page, list[RangeLine], dict[str, Decimal]]:
    """The page asked for, its lines, and the totals of the whole report; of a short one, in one reading."""
    lines = report.part(0, PAGE_LINES + 1)
    if len(lines) <= PAGE_LINES:
        return Page.of("", len(lines)), lines, totals_of(lines)
    page = Page.of(asked, report.count())
    return page, lines[:PAGE_LINES] if page.number == 1 else report.part(page.start, page.stop), report.totals()


def presets(day: date) -> Iterator[tuple[str, date, date]]:
    """The ranges that people ask for most, seen from today: whole months and years, since brands are in many zones."""
    month = day.replace(day=1)
    quarter = month.replace(month=(day.month - 1) // 3 * 3 + 1)
    yield "This month", month, month_end(day)
    yield "Last month", (month - ONE_DAY).replace(day=1), month - ONE_DAY
    yield "Last 7 days", day - 6 * ONE_DAY, day
    yield "This quarter", quarter, month_end(quarter.replace(month=quarter.month + 2))
    yield "This year", day.replace(month=1, day=1), day.replace(month=12, day=31)


@dataclass(frozen=True)
class Page:
    """A part of a long report; what the address bar says of it is brought into its bounds."""

    number: int
    lines: int  # of the whole report

    @classmethod
    def of(cls, asked: str, lines: int) -> Page:
        number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 10 else 1
        return cls(max(1, min(number, ceil(lines / PAGE_LINES))), lines)

    @property
    def pages(self) -> int:
        return ceil(self.lines / PAGE_LINES)

    @property
    def start(self) -> int:
        return (self.number - 1) * PAGE_LINES

    @property
    def stop(self) -> int:
        return min(self.start + PAGE_LINES, self.lines)

    def __str__(self) -> str:
        """`Lines 201 to 400 of 2,512`."""
        return f"Lines {self.start + 1:,} to {self.stop:,} of {self.lines:,}"


@dataclass(frozen=True)
class Heading:
    words: str
    url: str = ""  # of the report sorted by it, or the other way round where it is already
    order: str = ""  # ascending or descending, where it is sorted by it
    is_number: bool = False


@dataclass(frozen=True)
class Cell:
    words: str
    url: str = ""
    is_number: bool = False


@dataclass(frozen=True)
class Table:
    """A report as words and addresses, with links to what its reader may see."""

    address: Address
    totals: dict[str, Decimal]
    client_month: date  # the last one of the range that has begun
    links_campaigns: bool
    links_clients: bool

    @property
    def client_column(self) -> bool:
        return self.links_clients and self.address.by == "brand"

    def headings(self) -> Iterator[Heading]:
        sort = self.address.sort or DEFAULT_SORTS[self.address.by]
        for column in COLUMNS[self.address.by]:
            is_number = column == "spend"
            first, second = (f"-{column}", column) if is_number else (column, f"-{column}")
            order = {column: "ascending", f"-{column}": "descending"}.get(sort, "")
            url = self.address.url(sort=second if sort == first else first)
            yield Heading(column.capitalize(), url, order, is_number)
        yield Heading("Share", is_number=True)
        if self.client_column:
            yield Heading("For the client")

    def row(self, line: RangeLine) -> list[Cell]:
        total = self.totals[line.currency]
        cells = {
            "currency": Cell(line.currency),
            "spend": Cell(format_money(line.amount, line.currency, with_code=False), is_number=True),
        }
        if line.brand_id is not None:
            cells["brand"] = Cell(line.brand_name or "", self.address.url(by="campaign", brand_id=line.brand_id))
        if line.campaign_id is not None:
            page = reverse("admin:campaigns_campaign_change", args=[line.campaign_id]) if self.links_campaigns else ""
            cells["campaign"] = Cell(line.campaign_name or "", page)
        if line.day is not None:
            cells["day"] = Cell(
                f"{line.day:%Y-%m-%d %a}", self.address.url(by="campaign", first=line.day, last=line.day)
            )
        if line.month is not None:
            first, last = max(line.month, self.address.first), min(month_end(line.month), self.address.last)
            cells["month"] = Cell(f"{line.month:%Y-%m}", self.address.url(by="day", first=first, last=last))
        row = [cells[column] for column in COLUMNS[self.address.by]]
        row.append(Cell(f"{line.amount / total:.1%}" if total else "", is_number=True))
        if self.client_column and line.brand_id is not None:
            row.append(Cell("Client report", client_report_url(line.brand_id, self.client_month)))
        return row


def export(request: HttpRequest, page: ModelAdmin[Any], kind: str) -> HttpResponseBase:
    """The whole report as a file, in the order of the screen."""
    require_view(request, page)
    if kind not in FILES:
        raise Http404
    form = RangeForm(request.GET)
    if not form.is_valid():
        return HttpResponseRedirect(f"{reverse('admin:campaigns_dailyspend_report')}?{request.GET.urlencode()}")
    address = Address.of(form, timezone.now())
    name = f"spend_by_{address.by}_{address.first}_to_{address.last}.{kind}"
    return FILES[kind](address.report(), name)


def as_csv(report: RangeReport, name: str) -> HttpResponseBase:
    """Sent while it is read: it begins at once."""
    pieces = exports.csv_pieces(exports.report_headings(report.by), exports.report_rows(report), bom=True)
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(pieces, content_type="text/csv; charset=utf-8", headers=headers)


def as_xlsx(report: RangeReport, name: str) -> HttpResponseBase:
    """Written to a file on disk first, as a ZIP must be, which goes when it is sent."""
    with ExitStack() as closing:
        file = closing.enter_context(TemporaryFile())
        exports.write_xlsx(file, "Spend", exports.report_headings(report.by), exports.report_rows(report))
        closing.pop_all()  # written: the answer closes it
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename=name, content_type=XLSX)


XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FILES = {"csv": as_csv, "xlsx": as_xlsx}


def require_view(request: HttpRequest, page: ModelAdmin[Any]) -> None:
    if not page.has_view_permission(request):
        raise PermissionDenied


def today(brand: Brand | None, at: datetime) -> date:
    """The local day of the brand, or where it is for all of them that of new brands."""
    return local_date(brand.timezone if brand else default_zone(), at)


def month_end(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1) - ONE_DAY

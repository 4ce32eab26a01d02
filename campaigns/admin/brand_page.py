"""What the page of a brand shows above its form: the month's spend, and its campaigns in a pacing table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.core.paginator import Page, Paginator
from django.db.models import F, Min, OuterRef, QuerySet, Subquery, Sum
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminSelectWidget

from campaigns import outlook
from campaigns.admin import reports
from campaigns.admin.charts import Bullet, band_of, bullet
from campaigns.admin.month import MonthBlock, asked_month, month_block, whole_month
from campaigns.admin.reports import Heading
from campaigns.admin.timeline import may_see
from campaigns.models import Brand, BrandDailySpend, Campaign, DailySpend
from campaigns.money import MoneyField, format_money
from campaigns.outlook import Outlook
from campaigns.pacing import Status as PaceStatus
from campaigns.periods import ONE_DAY, LocalClock, local_clock
from campaigns.rules import MONTHLY

Status = Campaign.Status

PER_PAGE = 25
BY_MOST_SPENT = "-spent"
# What the database can sort by; what else the table says is worked out for the campaigns of a page alone.
SORTS = {
    "name": ("name",),
    "status": ("status", "holds", "name"),
    "spent": ("spent", "name"),
    "budget": ("monthly_budget", "name"),
}


@dataclass(frozen=True, slots=True)
class View:
    """What the address bar asks for."""

    month: date  # its first day
    is_current: bool
    status: str = ""  # of campaigns; empty: any
    pace: str = ""  # the name of a status of their pace; empty: any
    sort: str = BY_MOST_SPENT  # one of SORTS, with a minus before it for the last or the most first

    @classmethod
    def of(cls, request: HttpRequest, today: date) -> View:
        """What makes no sense is as if it were not there; so are budget and pace in a month that is over."""
        asked = request.GET
        month = asked_month(asked.get("month", ""), today) if may_see(request.user, DailySpend) else today
        month = month.replace(day=1)
        is_current = month == today.replace(day=1)
        status, pace, sort = (asked.get(name, "") for name in ("status", "pace", "sort"))
        columns = set(SORTS) - (set() if is_current else {"budget"})
        return cls(
            month,
            is_current,
            status if status in Status.values else "",
            pace if pace in PaceStatus.__members__ and is_current else "",
            sort if sort.removeprefix("-") in columns else BY_MOST_SPENT,
        )

    @property
    def is_filtered(self) -> bool:
        return bool(self.status or self.pace)

    @property
    def choices(self) -> dict[str, str]:
        """As the address bar has them, without what goes without saying."""
        said = {
            "month": "" if self.is_current else f"{self.month:%Y-%m}",
            "status": self.status,
            "pace": self.pace,
            "sort": "" if self.sort == BY_MOST_SPENT else self.sort,
        }
        return {name: value for name, value in said.items() if value}

    def url(self, *, page: int = 1, **but: Any) -> str:
        choices = replace(self, **but).choices | ({"page": str(page)} if page > 1 else {})
        return f"?{urlencode(choices)}#campaigns"

    @property
    def beside_month(self) -> str:
        """What a link to another month takes along."""
        kept = urlencode({name: value for name, value in self.choices.items() if name in {"status", "sort"}})
        return f"&{kept}" if kept else ""


class Choice(forms.Form):
    """What is chosen, in fields of their own beside those of the brand."""

    month = forms.ChoiceField(widget=UnfoldAdminSelectWidget)
    status = forms.ChoiceField(choices=[("", "Any status"), *Status.choices], widget=UnfoldAdminSelectWidget)
    pace = forms.ChoiceField(
        choices=[("", "Any pace"), *((status.name, status.value) for status in PaceStatus)],
        widget=UnfoldAdminSelectWidget,
    )
    sort = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, view: View, months: Sequence[date]) -> None:
        initial = {"month": f"{view.month:%Y-%m}", "status": view.status, "pace": view.pace, "sort": view.sort}
        super().__init__(initial=initial, auto_id="choose_%s", use_required_attribute=False, label_suffix="")
        month: Any = self.fields["month"]
        month.choices = [(f"{first:%Y-%m}", f"{first:%B %Y}") for first in months]
        if len(months) == 1:
            del self.fields["month"]
        if not view.is_current:
            del self.fields["pace"]
        for field in self.fields.values():
            field.required = False


@dataclass(frozen=True, slots=True)
class Row:
    """A campaign in the table. What only the current month has is empty in others."""

    name: str
    url: str
    status: str
    spent: str
    budget: str = ""
    bullet: SafeString | None = None
    pace: str = ""
    percent: int | None = None
    projected: str = ""
    interval: str = ""
    to_land: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    view: View
    choice: Choice
    headings: list[Heading]
    rows: list[Row]
    page: Page[Campaign]
    previous: str
    next: str
    all_url: str  # the same without filters
    files: list[tuple[str, str]]  # the month's spend by campaign, for spreadsheets
    report: str  # and on the screen


@dataclass(frozen=True, slots=True)
class BrandPage:
    month: MonthBlock | None  # None: not for this person
    table: Table | None
    keep: str  # what a link to another month takes along


def brand_page(brand_id: int, request: HttpRequest, *, at: datetime) -> BrandPage:
    """The brand as it is kept, at `at`. The address bar may name a month, and what the table shows in which order."""
    brand = Brand.objects.get(pk=brand_id)
    clock = local_clock(brand.timezone, at)
    view = View.of(request, clock.today)
    return BrandPage(
        month=_month(brand, view, clock) if may_see(request.user, DailySpend) else None,
        table=_table(brand, view, request, clock) if may_see(request.user, Campaign) else None,
        keep=view.beside_month,
    )


def _month(brand: Brand, view: View, clock: LocalClock) -> MonthBlock:
    seen = outlook.of_brands([brand], at=clock.at) if view.is_current else {}
    return month_block(
        brand,
        BrandDailySpend.objects.filter(brand=brand),
        view.month,
        currency=brand.currency,
        today=clock.today,
        running=whole_month(view.month) if view.is_current else None,
        seen=seen.get(brand.pk),
    )


def _table(brand: Brand, view: View, request: HttpRequest, clock: LocalClock) -> Table:
    sees_days = may_see(request.user, DailySpend)
    found = _campaigns(brand, view, clock)
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    shown = _of(brand, list(page.object_list))
    seen = outlook.of_campaigns(shown, at=clock.at) if view.is_current else {}
    address = _address(brand, view)
    return Table(
        view=view,
        choice=Choice(view, _months(brand, clock.today) if sees_days else [view.month]),
        headings=list(_headings(view)),
        rows=[_row(campaign, seen.get(campaign.pk)) for campaign in shown],
        page=page,
        previous=view.url(page=page.number - 1) if page.has_previous() else "",
        next=view.url(page=page.number + 1) if page.has_next() else "",
        all_url=view.url(status="", pace=""),
        files=[
            (kind.upper(), f"{reverse('admin:campaigns_dailyspend_export', args=[kind])}?{address.query()}")
            for kind in reports.FILES
            if sees_days
        ],
        report=address.url() if sees_days else "",
    )


def _of(brand: Brand, campaigns: QuerySet[Campaign] | Sequence[Campaign]) -> list[Campaign]:
    """Each with the brand that is known already."""
    read = list(campaigns)
    for campaign in read:
        campaign.brand = brand
    return read


def _campaigns(brand: Brand, view: View, clock: LocalClock) -> QuerySet[Campaign]:
    """With `spent` in the month, in the order asked for; of a month that is over, those that had spend in it."""
    campaigns = Campaign.objects.filter(brand=brand)
    if view.status:
        campaigns = campaigns.filter(status=view.status)
    if view.is_current:
        campaigns = campaigns.annotate(spent=MONTHLY.current(clock))
    else:
        days = DailySpend.objects.filter(
            campaign=OuterRef("pk"), day__range=(view.month, whole_month(view.month).last)
        ).order_by()
        spent = days.values("campaign").annotate(spent=Sum("amount")).values("spent")
        campaigns = campaigns.annotate(spent=Subquery(spent, output_field=MoneyField())).filter(spent__isnull=False)
    if view.pace:
        statuses = outlook.pace_statuses(_of(brand, campaigns.order_by()), at=clock.at)
        wanted = PaceStatus[view.pace]
        campaigns = campaigns.filter(pk__among=[pk for pk, status in statuses.items() if status is wanted])
    first, *others = SORTS[view.sort.removeprefix("-")]
    column = F(first)
    order = column.desc(nulls_last=True) if view.sort.startswith("-") else column.asc(nulls_last=True)
    return campaigns.order_by(order, *others, "pk")


def _months(brand: Brand, today: date) -> list[date]:
    """From the current one back to the first that has spend."""
    earliest = BrandDailySpend.objects.filter(brand=brand).aggregate(day=Min("day"))["day"] or today
    months = [today.replace(day=1)]
    while months[-1] > earliest:
        months.append((months[-1] - ONE_DAY).replace(day=1))
    return months


def _address(brand: Brand, view: View) -> reports.Address:
    """The same month in Reports, in the same order where it has one like it."""
    minus, column = view.sort[: view.sort.startswith("-")], view.sort.removeprefix("-")
    sort = {"name": f"{minus}campaign", "spent": f"{minus}spend"}.get(column, "")
    return reports.Address("campaign", view.month, whole_month(view.month).last, brand.pk, sort)


def _headings(view: View) -> Iterator[Heading]:
    yield _heading(view, "Campaign", "name")
    yield _heading(view, "Status" if view.is_current else "Status now", "status")
    if view.is_current:
        yield Heading("This month")
    yield _heading(view, "Spent", "spent", is_number=True)
    if view.is_current:
        yield _heading(view, "Budget", "budget", is_number=True)
        yield Heading("Pace")
        yield Heading("Projected", is_number=True)
        yield Heading("A day, to land", is_number=True)


def _heading(view: View, words: str, column: str, *, is_number: bool = False) -> Heading:
    """Of figures, the most comes first."""
    first, second = (f"-{column}", column) if is_number else (column, f"-{column}")
    order = {column: "ascending", f"-{column}": "descending"}.get(view.sort, "")
    return Heading(words, view.url(sort=second if view.sort == first else first), order, is_number)


def _row(campaign: Any, seen: Outlook | None) -> Row:
    currency = campaign.brand.currency

    def money(amount: Decimal | None) -> str:
        return "" if amount is None else format_money(amount, currency, with_code=False)

    row = Row(
        name=campaign.name,
        url=reverse("admin:campaigns_campaign_change", args=[campaign.pk]),
        status=campaign.status_in_words,
        spent=money(campaign.spent),
    )
    if seen is None:
        return row
    budget, pace, band = campaign.monthly_budget, seen.pace, band_of(seen)
    figures = Bullet(campaign.spent, budget, seen.expected, band)
    return replace(
        row,
        budget=money(budget),
        bullet=bullet(figures, currency=currency) if budget is not None or band is not None else None,
        pace=pace.status.value if pace and pace.status else "",
        percent=seen.pace_in_percent,
        projected=money(seen.projected),
        interval=f"{money(band.low)} to {money(band.high)}" if band and band.low != band.high else "",
        to_land=money(pace.daily_to_land) if pace else "",
    )

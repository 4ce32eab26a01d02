"""Spend against budgets as it stands at an instant, and spend over a range of days. Read-only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import BigIntegerField, F, Q, QuerySet, Sum
from django.db.models.functions import Cast, TruncMonth

from campaigns.models import Brand, BrandDailySpend, Campaign, DailySpend
from campaigns.money import MICROS, ZERO, format_amount, from_micros
from campaigns.periods import LocalClock, local_clock
from campaigns.rules import DAILY, MONTHLY


@dataclass(frozen=True, slots=True)
class ReportLine:
    """A brand's or campaign's spend and budgets, in the brand's currency; no budget is None."""

    id: int
    name: str
    status: str  # a campaign's status with its holds in words; `Active` or `Inactive` for a brand
    daily_spend: Decimal
    daily_budget: Decimal | None
    monthly_spend: Decimal
    monthly_budget: Decimal | None
    total_spend: Decimal | None = None  # campaigns only
    total_budget: Decimal | None = None


@dataclass(frozen=True, slots=True)
class BrandReport:
    brand: ReportLine
    currency: str
    local_time: datetime
    campaigns: list[ReportLine]


@dataclass(frozen=True, slots=True)
class SpendReport:
    at: datetime
    brands: list[BrandReport]

    def totals(self) -> dict[str, tuple[Decimal, Decimal]]:
        """Spend today and this month by currency; currencies are never added up (R2)."""
        sums: dict[str, tuple[Decimal, Decimal]] = defaultdict(lambda: (ZERO, ZERO))
        for report in self.brands:
            today, month = sums[report.currency]
            sums[report.currency] = (today + report.brand.daily_spend, month + report.brand.monthly_spend)
        return dict(sums)

    def as_json(self) -> dict[str, Any]:
        """The report as plain JSON: amounts as exact strings, times in ISO 8601."""
        return {
            "at": self.at.isoformat(),
            "totals": {
                currency: {
                    "daily_spend": format_amount(today, currency),
                    "monthly_spend": format_amount(month, currency),
                }
                for currency, (today, month) in self.totals().items()
            },
            "brands": [
                {
                    **_line_as_json(report.brand, report.currency),
                    "currency": report.currency,
                    "local_time": report.local_time.isoformat(),
                    "campaigns": [_line_as_json(line, report.currency) for line in report.campaigns],
                }
                for report in self.brands
            ],
        }


def spend_report(*, at: datetime, brand_ids: Collection[int] | None = None, with_campaigns: bool = True) -> SpendReport:
    """Spend of the current day and month of every brand, or of `brand_ids`, at `at` (aware)."""
    brands = Brand.objects.all() if brand_ids is None else Brand.objects.filter(pk__in=brand_ids)
    campaigns: dict[int, list[Campaign]] = defaultdict(list)
    if with_campaigns:
        for campaign in Campaign.objects.filter(brand__in=brands).order_by("name"):
            campaigns[campaign.brand_id].append(campaign)
    reports = []
    for brand in brands.order_by("name"):
        clock = local_clock(brand.timezone, at)
        reports.append(
            BrandReport(
                brand=_line(brand, "Active" if brand.is_active else "Inactive", clock),
                currency=brand.currency,
                local_time=at.astimezone(clock.zone),
                campaigns=[_line(campaign, campaign.status_in_words, clock) for campaign in campaigns[brand.pk]],
            )
        )
    return SpendReport(at, reports)


def _line(counted: Brand | Campaign, status: str, clock: LocalClock) -> ReportLine:
    total_spend, total_budget = None, None
    if isinstance(counted, Campaign):
        total_spend, total_budget = counted.total_spend, counted.total_budget
    return ReportLine(
        id=counted.pk,
        name=counted.name,
        status=status,
        daily_spend=DAILY.current_spend(counted, clock),
        daily_budget=counted.daily_budget,
        monthly_spend=MONTHLY.current_spend(counted, clock),
        monthly_budget=counted.monthly_budget,
        total_spend=total_spend,
        total_budget=total_budget,
    )


def _line_as_json(line: ReportLine, currency: str) -> dict[str, Any]:
    return {
        name: format_amount(value, currency) if isinstance(value, Decimal) else value
        for name, value in asdict(line).items()
    }


@dataclass(frozen=True, slots=True)
class RangeLine:
    """What a campaign, a brand, a local day or a local month cost in a range of days, in one currency."""

    currency: str
    amount: Decimal
    campaign_id: int | None = None
    campaign_name: str | None = None
    brand_id: int | None = None
    brand_name: str | None = None
    day: date | None = None
    month: date | None = None  # its first day, also where the range begins later


# By what a report over a range of days may be: the columns that order its lines, and those that they bring along.
GROUPINGS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "campaign": (("campaign_id",), ("campaign_name", "brand_id", "brand_name", "currency")),
    "brand": (("brand_id",), ("brand_name", "currency")),
    "day": (("day", "currency"), ()),
    "month": (("month", "currency"), ()),
}


def spend_in_range(
    grouping: str,
    first: date,
    last: date,
    *,
    brands: QuerySet[Brand],
    after: tuple[Any, ...] | None = None,
    limit: int | None = None,
) -> list[RangeLine]:
    """Spend of `brands` from the local day `first` to `last`, both included, by one of GROUPINGS, in its order.

    A day or month has a line for each currency: they are never added up (R2). What has no spend recorded has no line.
    `limit` and `after`, the ordering columns of the last line seen, give a long report in parts.
    """
    order, _ = GROUPINGS[grouping]
    days = _days_in_range(grouping, first, last, brands)
    if after is not None:
        days = days.filter(_behind(order, after))
    return [_range_line(row) for row in _sums(grouping, days).order_by(*order)[:limit]]


def totals_in_range(first: date, last: date, *, brands: QuerySet[Brand]) -> dict[str, Decimal]:
    """Spend of `brands` from the local day `first` to `last`, both included, by currency (R2)."""
    days = _days_in_range("brand", first, last, brands)
    sums = days.order_by("currency").values_list("currency").annotate(**_SUM)
    return {currency: _sum_of(units, micros) for currency, units, micros in sums}


def totals_of(lines: Iterable[RangeLine]) -> dict[str, Decimal]:
    """What the lines of a report add up to, by currency (R2)."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        sums[line.currency] += line.amount
    return dict(sorted(sums.items()))


# The columns of a report for people, by any of which it may be sorted, and how it is sorted if nobody says.
COLUMNS: dict[str, tuple[str, ...]] = {
    "campaign": ("brand", "campaign", "currency", "spend"),
    "brand": ("brand", "currency", "spend"),
    "day": ("day", "currency", "spend"),
    "month": ("month", "currency", "spend"),
}
DEFAULT_SORTS = {"campaign": "-spend", "brand": "-spend", "day": "day", "month": "month"}


@dataclass(frozen=True, slots=True)
class RangeReport:
    """Spend of `brands` from the local day `first` to `last`, both included, by one of GROUPINGS, for people.

    `sort` is one of COLUMNS, with a minus before it for the last or largest first. Amounts of different currencies do
    not compare (R2): by spend, a report is sorted within each currency.
    """

    by: str
    first: date
    last: date
    brands: QuerySet[Brand]
    sort: str = ""

    def lines(self) -> Iterator[RangeLine]:
        """All of it, in one reading of the database and a few lines at a time in memory."""
        return map(_range_line, self._sums().iterator(chunk_size=2000))

    def part(self, start: int, stop: int) -> list[RangeLine]:
        return [_range_line(row) for row in self._sums()[start:stop]]

    def count(self) -> int:
        return self._sums().count()

    def totals(self) -> dict[str, Decimal]:
        """Spend by currency (R2)."""
        return totals_in_range(self.first, self.last, brands=self.brands)

    def as_json(self) -> dict[str, Any]:
        """The report as plain JSON: amounts as exact strings, days and months in ISO 8601."""
        return {
            "from": self.first.isoformat(),
            "to": self.last.isoformat(),
            "by": self.by,
            "totals": {currency: format_amount(amount, currency) for currency, amount in self.totals().items()},
            "lines": [self._line_as_json(line) for line in self.lines()],
        }

    def _line_as_json(self, line: RangeLine) -> dict[str, Any]:
        named: dict[str, dict[str, Any]] = {
            "campaign": {"campaign_id": line.campaign_id, "campaign": line.campaign_name},
            "brand": {"brand_id": line.brand_id, "brand": line.brand_name},
            "day": {"day": str(line.day)},
            "month": {"month": f"{line.month:%Y-%m}" if line.month else None},
            "currency": {"currency": line.currency},
            "spend": {"spend": format_amount(line.amount, line.currency)},
        }
        return {name: value for column in COLUMNS[self.by] for name, value in named[column].items()}

    def _sums(self) -> QuerySet[Any, dict[str, Any]]:
        days = _days_in_range(self.by, self.first, self.last, self.brands)
        return _sums(self.by, days).order_by(*_ordering(self.by, self.sort or DEFAULT_SORTS[self.by]))


def _ordering(by: str, sort: str) -> tuple[str, ...]:
    minus, column = sort[: sort.startswith("-")], sort.removeprefix("-")
    names = tuple(_NAMES[each] for each in COLUMNS[by] if each in _NAMES)
    if column == "spend":
        return ("currency", f"{minus}units", f"{minus}micros", *names)
    return (f"{minus}{_NAMES[column]}", *names)


# The columns that name what a line is for.
_NAMES = {
    "brand": "brand_name",
    "campaign": "campaign_name",
    "day": "day",
    "month": "month",
    "currency": "currency",
}

# A sum of counters may pass what 64 bits hold, and SQLite then gives up: units and their micros are summed apart. What
# the micros have of whole units is carried over, so that sums also sort as amounts do.
_UNITS = Cast(Sum(Cast("amount", BigIntegerField()) / MICROS), BigIntegerField())
_MICROS = Cast(Sum(Cast("amount", BigIntegerField()) % MICROS), BigIntegerField())
_SUM = {"units": _UNITS + _MICROS / MICROS, "micros": _MICROS % MICROS}


def _sums(grouping: str, days: QuerySet[Any]) -> QuerySet[Any, dict[str, Any]]:
    order, others = GROUPINGS[grouping]
    sums: QuerySet[Any, dict[str, Any]] = days.order_by().values(*order, *others).annotate(**_SUM)
    return sums


def _range_line(row: dict[str, Any]) -> RangeLine:
    return RangeLine(amount=_sum_of(row.pop("units"), row.pop("micros")), **row)


def _sum_of(units: int, micros: int) -> Decimal:
    return from_micros(int(units) * MICROS + int(micros))


def _days_in_range(by: str, first: date, last: date, brands: QuerySet[Brand]) -> QuerySet[Any]:
    """The days that a report adds up: those of campaigns only where it tells them apart, for they are so many more."""
    if by == "campaign":
        return DailySpend.objects.filter(day__range=(first, last), campaign__brand__in=brands).annotate(
            campaign_name=F("campaign__name"),
            brand_id=F("campaign__brand_id"),
            brand_name=F("campaign__brand__name"),
            currency=F("campaign__brand__currency"),
        )
    return BrandDailySpend.objects.filter(day__range=(first, last), brand__in=brands).annotate(
        brand_name=F("brand__name"), currency=F("brand__currency"), month=TruncMonth("day")
    )


def _behind(order: tuple[str, ...], after: tuple[Any, ...]) -> Q:
    """What sorts behind a line whose `order` columns say `after`."""
    column, value = order[0], after[0]
    behind = Q(**{f"{column}__gt": value})
    if len(order) > 1:
        behind |= Q(**{column: value}) & _behind(order[1:], after[1:])
    return behind

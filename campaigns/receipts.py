"""What became of a file that was imported, or would become of it: figures, and lists read from its staging sheet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import date
from decimal import Decimal
from itertools import islice
from typing import Any, Generic, TypeVar

from campaigns.money import ZERO, format_amount
from campaigns.staging import EXACT, Sheet, to_amount, to_date

Line = TypeVar("Line")


class Listing(Generic[Line]):
    """A list that stays on the sheet: as long as it may be, and read as often as wanted while the sheet is open."""

    def __init__(self, sheet: Sheet, sql: str, make: Callable[..., Line]) -> None:
        self._sheet = sheet
        self._sql = sql
        self._make = make

    def __len__(self) -> int:
        return int(self._sheet.value(f"select count(*) from ({self._sql})"))  # noqa: S608  # our own

    def __iter__(self) -> Iterator[Line]:
        return (self._make(*row) for row in self._sheet.select(self._sql))

    def first(self, count: int) -> list[Line]:
        return list(islice(self, count))


@dataclass(frozen=True, slots=True)
class FileSum:
    """What the rows of one currency add up to, those included that are refused for another reason than their amount."""

    currency: str  # empty: nobody knows
    stated: Decimal  # as the file states the amounts
    rounding: Decimal  # what rounding added to that


@dataclass(frozen=True, slots=True)
class NewBrand:
    brand: str
    timezone: str
    currency: str
    near: str  # a brand whose name differs only by case or spaces; empty: none


@dataclass(frozen=True, slots=True)
class NewCampaign:
    brand: str
    campaign: str
    external_id: str
    near: str  # a campaign whose name differs only by case or spaces; empty: none


@dataclass(frozen=True, slots=True)
class LinkedCampaign:
    """A campaign known by name that gets its external ID from the file."""

    brand: str
    campaign: str
    external_id: str


@dataclass(frozen=True, slots=True)
class MonthLine:
    """By how much a campaign's month changes."""

    brand: str
    campaign: str
    month: str  # 2026-11
    currency: str
    difference: Decimal


@dataclass(frozen=True, slots=True)
class CampaignLine:
    """A campaign's days of the file, by the file and by the ledger."""

    brand: str  # empty, as the campaign: all campaigns of the currency
    campaign: str
    currency: str
    rows: int
    days: int
    stated: Decimal  # as the file states the amounts
    rounding: Decimal  # what rounding added to that
    recorded: Decimal  # what the ledger has for these days now
    difference: Decimal  # by which the import changes that, or would

    @property
    def agrees(self) -> bool:
        """Whether the ledger has what the file says, to the last digit."""
        return EXACT.add(self.stated, self.rounding) == self.recorded


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A campaign's day on which the ledger has another amount than the file, and why."""

    brand: str
    campaign: str
    day: str
    line: int  # where its first row begins
    currency: str
    in_file: Decimal
    recorded: Decimal
    reason: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that does not count, or several that were judged as one, and why."""

    line: int  # where it begins, or the first of them
    column: str
    code: str
    reason: str
    rows: int
    amount: Decimal | None  # of all of them; None: it could not be read

    def __str__(self) -> str:
        rows = f" ({self.rows} rows)" if self.rows > 1 else ""
        return f"line {self.line}, column {self.column}: {self.reason}{rows}"


@dataclass(slots=True)
class ImportReceipt:
    """What became of the rows of a file, or in a dry run would. Its lists live as long as the sheet is open."""

    sheet: Sheet
    format: str
    dry_run: bool
    rows: int = 0
    refused: int = 0  # rows that do not count
    days: int = 0  # campaign-days that the good rows speak of
    recorded: int = 0  # entries written to the ledger
    duplicates: int = 0
    paused: list[int] = field(default_factory=list)  # campaigns that this spend paused; a dry run does not know
    stated_total: Decimal | None = None  # what the file's own total line says
    sums: list[FileSum] = field(default_factory=list)

    @property
    def short_of_total(self) -> Decimal:
        """By how much the rows miss what the file's total line states; 0 where it has none, or several currencies."""
        if self.stated_total is None or len(self.sums) != 1:
            return ZERO
        return EXACT.subtract(self.stated_total, self.sums[0].stated)

    @property
    def warnings(self) -> list[str]:
        """What somebody should look at though no row is wrong, in sentences."""
        apart = _apart([to_date(day) for (day,) in self.sheet.select("select distinct day from day order by day")])
        if not apart:
            return []
        said = (
            f"All days of the file lie whole {apart} apart: if a row stands for one of these {apart}, export the file "
            "by day and import that, since each amount counts on its one day."
        )
        return [said]

    def as_json(self) -> dict[str, Any]:
        """The figures, without the lists."""
        return {
            "format": self.format,
            "dry_run": self.dry_run,
            "rows": self.rows,
            "refused_rows": self.refused,
            "days": self.days,
            "entries": self.recorded,
            "duplicates": self.duplicates,
            "stated_total": None if self.stated_total is None else format_amount(self.stated_total),
            "short_of_stated_total": format_amount(self.short_of_total),
            "sums": [line_as_json(each) for each in self.sums],
            "paused": self.paused,
            "warnings": self.warnings,
        }

    def summary(self, most: int) -> dict[str, Any]:
        """The figures, and of each list how long it is and its first lines: at most so many, as JSON."""
        lists = {
            name: {"count": len(listing), "lines": [line_as_json(line) for line in listing.first(most)]}
            for name, listing in self.lists().items()
        }
        return {**self.as_json(), "paused": self.paused[:most], "paused_count": len(self.paused), "lists": lists}

    def lists(self) -> dict[str, Listing[Any]]:
        """All lists by their names in JSON. A dry run has no disagreements: it is about to change what differs."""
        lists: dict[str, Listing[Any]] = {
            "new_brands": self.new_brands,
            "new_campaigns": self.new_campaigns,
            "linked_campaigns": self.linked_campaigns,
            "months": self.months,
            "campaigns": self.campaigns,
            "totals": self.totals,
            "refusals": self.refusals,
        }
        return lists if self.dry_run else {**lists, "disagreements": self.disagreements}

    @property
    def new_brands(self) -> Listing[NewBrand]:
        return self._listing(
            NewBrand,
            """
            select name, zone, currency, near from brand where is_new
            and exists (select 1 from campaign where campaign.brand = brand.name and counts) order by name
            """,
        )

    @property
    def new_campaigns(self) -> Listing[NewCampaign]:
        return self._listing(
            NewCampaign,
            """
            select brand, name, external_id, coalesce((
                select other.name from campaign as other
                where other.brand = campaign.brand and other.folded = campaign.folded and other.id <> campaign.id
                limit 1
            ), '') from campaign where is_new and counts order by brand, name
            """,
        )

    @property
    def linked_campaigns(self) -> Listing[LinkedCampaign]:
        return self._listing(
            LinkedCampaign,
            "select brand, name, external_id from campaign where linked and counts order by brand, name",
        )

    @property
    def months(self) -> Listing[MonthLine]:
        return self._listing(
            lambda brand, campaign, month, currency, *difference: MonthLine(
                brand, campaign, month, currency, to_amount(*difference)
            ),
            """
            select brand, campaign.name, month, currency, difference_units, difference_micros
            from month join campaign on campaign.id = month.campaign join brand on brand.name = campaign.brand
            where changes order by brand, campaign.name, month
            """,
        )

    @property
    def campaigns(self) -> Listing[CampaignLine]:
        return self._listing(_campaign_line, "select * from figures order by brand, name")

    @property
    def totals(self) -> Listing[CampaignLine]:
        """All campaigns together, a line a currency."""
        return self._listing(
            _campaign_line,
            """
            select '', '', currency, sum(rows), sum(days), exact_sum(rounding), sum(units), sum(micros),
                sum(recorded_units), sum(recorded_micros), sum(difference_units), sum(difference_micros)
            from figures group by currency order by currency
            """,
        )

    @property
    def disagreements(self) -> Listing[Disagreement]:
        """The days on which the ledger, after the import, has another amount than the file."""
        return self._listing(
            lambda brand, campaign, day, line, currency, units, micros, recorded, reason: Disagreement(
                brand, campaign, day, line, currency, to_amount(units, micros), to_amount(0, recorded), reason
            ),
            """
            select brand, campaign.name, day, line, currency, units, micros, recorded,
                coalesce(reason, 'Somebody else changed that day meanwhile: import again.')
            from day join campaign on campaign.id = day.campaign join brand on brand.name = campaign.brand
            where units * 1000000 + micros <> recorded order by line
            """,
        )

    @property
    def refusals(self) -> Listing[Refusal]:
        return self._listing(
            lambda line, field, code, reason, rows, units, micros: Refusal(
                line, field, code, reason, rows, None if units is None else to_amount(units, micros)
            ),
            "select line, field, code, reason, rows, units, micros from refusal order by line",
        )

    def _listing(self, make: Callable[..., Line], sql: str) -> Listing[Line]:
        return Listing(self.sheet, sql, make)


def _campaign_line(
    brand: str, campaign: str, currency: str, rows: int, days: int, rounding: str, *sums: int
) -> CampaignLine:
    in_file, recorded, difference = (to_amount(*sums[place : place + 2]) for place in (0, 2, 4))
    rounded = Decimal(rounding)
    stated = EXACT.subtract(in_file, rounded)
    return CampaignLine(brand, campaign, currency, rows, days, stated, rounded, recorded, difference)


def _apart(days: list[date]) -> str:
    """`weeks` or `months` where the days, in order, are apart by whole ones; the first of many may be cut short."""
    starts = days[1:] if len(days) > 2 else days
    if len(starts) < 2:
        return ""
    if len({day.day for day in starts}) == 1:
        return "months"
    return "weeks" if len({day.weekday() for day in starts}) == 1 else ""


def line_as_json(line: Any) -> dict[str, Any]:
    """A line of a list as JSON: amounts are exact decimal strings."""
    currency = getattr(line, "currency", "")
    return {
        name: format_amount(value, currency) if isinstance(value, Decimal) else value
        for name, value in asdict(line).items()
    }

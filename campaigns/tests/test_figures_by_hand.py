"""The figures that people read on the screens and take away as files, worked out again from the ledger's entries alone.

By hand: entries are read with SQL, and their days told by their timestamps and the zone's rules in plain Python. No
counter, no row of a day and no function of the application is asked; and what is compared is what the page says, to the
last digit.
"""

from __future__ import annotations

import csv
import io
import json
from calendar import monthrange
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from fractions import Fraction
from html.parser import HTMLParser
from itertools import cycle, groupby
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pytest
import time_machine
from django.core.management import call_command
from django.db import connection
from django.test import Client

from campaigns.ledger import DayTotal, SpendEntry, record_spend, set_daily_totals
from campaigns.models import Brand, Campaign
from campaigns.tests.factories import BrandFactory, CampaignFactory

pytestmark = pytest.mark.django_db

# Saturday evening in Berlin, where October had 25 hours on one day; in Tokyo it is Sunday and November.
NOW = datetime(2026, 10, 31, 20, tzinfo=UTC)
AGENCY = [
    ("Kita", "Europe/Berlin", "EUR", "9000"),
    ("Ilhas", "Atlantic/Azores", "EUR", "7000.5"),  # its clock goes back to midnight, which comes twice
    ("Sakura", "Asia/Tokyo", "JPY", "400000"),
    ("Gulf", "Asia/Kuwait", "KWD", None),
]
CAMPAIGNS: list[tuple[str, dict[str, Any]]] = [
    ("Search", {"monthly_budget": Decimal(8000)}),
    ("Video", {"daily_budget": Decimal(50), "total_budget": Decimal(10**6)}),
]
DAYS = ["2026-09-30", "2026-10-01", "2026-10-24", "2026-10-25", "2026-10-26", "2026-10-30", "2026-10-31", "2026-11-01"]
WALL_TIMES = ["00:00:00", "00:30:00", "01:30:00", "02:30:00", "12:34:56", "23:59:59.999999"]
AMOUNTS = ["0.005", "12.345678", "1000", "99.994999", "0.000001", "7.5", "333.333333"]
MICRO = Decimal("0.000001")
DECIMALS = {"EUR": 2, "JPY": 0, "KWD": 3}


# The agency: its spend comes in time, late and back


def instants(zone: ZoneInfo) -> Iterator[datetime]:
    """Around midnights, ends of months and turns of the clock; an hour that comes twice, twice."""
    for day in DAYS:
        for wall in WALL_TIMES:
            local = datetime.combine(date.fromisoformat(day), time.fromisoformat(wall), zone)
            yield from {local.replace(fold=fold).astimezone(UTC) for fold in (0, 1)}


@pytest.fixture(autouse=True)
def agency(db: None) -> Iterator[None]:
    amounts = cycle(AMOUNTS)
    entries: list[SpendEntry] = []
    for name, zone, currency, budget in AGENCY:
        monthly_budget = None if budget is None else Decimal(budget)
        brand = BrandFactory.create(name=name, timezone=zone, currency=currency, monthly_budget=monthly_budget)
        for campaign_name, fields in CAMPAIGNS:
            campaign = CampaignFactory.create(brand=brand, name=f"{name} {campaign_name}", **fields)
            entries += [
                SpendEntry(campaign.pk, Decimal(next(amounts)), at) for at in instants(ZoneInfo(zone)) if at <= NOW
            ]
    entries.sort(key=lambda entry: entry.timestamp)
    in_time, late = entries[::2], entries[1::2]
    for _, batch in groupby(in_time, key=lambda entry: entry.timestamp.replace(minute=0, second=0, microsecond=0)):
        arrived = list(batch)
        assert not record_spend(arrived, at=arrived[-1].timestamp).rejected
    refunds = [
        SpendEntry(entry.campaign_id, -(entry.amount / 2).quantize(MICRO, ROUND_DOWN), entry.timestamp)
        for entry in late[::5]
    ]
    assert not record_spend([*late, *refunds], at=NOW).rejected
    restated = [
        DayTotal(campaign.pk, date(2026, 10, day), Decimal(total))
        for campaign in Campaign.objects.all()
        for day, total in ((24, "88.125"), (26, "0"))
    ]
    assert not set_daily_totals(restated, at=NOW).rejected
    with time_machine.travel(NOW, tick=False):
        yield


# By hand


@dataclass(frozen=True)
class Entry:
    brand: str
    campaign: str
    currency: str
    zone: ZoneInfo
    amount: Decimal
    local: datetime

    @property
    def day(self) -> date:
        return self.local.date()


def ledger() -> list[Entry]:
    with connection.cursor() as cursor:
        cursor.execute(
            "select b.name, c.name, b.currency, b.timezone, l.amount, l.timestamp from campaigns_spendlog l"
            " join campaigns_campaign c on c.id = l.campaign_id join campaigns_brand b on b.id = c.brand_id"
        )
        rows = cursor.fetchall()
    assert len(rows) > 300
    return [_entry(*row) for row in rows]


def _entry(brand: str, campaign: str, currency: str, zone: str, micros: int, at: Any) -> Entry:
    moment = datetime.fromisoformat(at).replace(tzinfo=UTC) if isinstance(at, str) else at  # SQLite keeps text, in UTC
    return Entry(
        brand, campaign, currency, ZoneInfo(zone), Decimal(micros) / 1_000_000, moment.astimezone(ZoneInfo(zone))
    )


def spent(entries: Iterable[Entry], first: date | None = None, last: date | None = None, **of: str) -> Decimal:
    return sum(
        (
            entry.amount
            for entry in entries
            if (first is None or first <= entry.day)
            and (last is None or entry.day <= last)
            and all(getattr(entry, name) == value for name, value in of.items())
        ),
        Decimal(0),
    )


@dataclass(frozen=True)
class Calendar:
    """A zone's today and its month, at NOW."""

    today: date
    first: date
    last: date
    elapsed: Fraction  # of the month

    @classmethod
    def of(cls, zone: str) -> Calendar:
        today = NOW.astimezone(ZoneInfo(zone)).date()
        length = monthrange(today.year, today.month)[1]
        start, end = (
            datetime.combine(day, time(0), ZoneInfo(zone)).astimezone(UTC) for day in (today, today + timedelta(days=1))
        )
        over = Fraction(int((NOW - start).total_seconds()), int((end - start).total_seconds()))
        return cls(today, today.replace(day=1), today.replace(day=length), (today.day - 1 + over) / length)


def amount(exact: Decimal | Fraction, currency: str, rounding: str = ROUND_HALF_UP) -> str:
    value = exact if isinstance(exact, Decimal) else Decimal(exact.numerator) / Decimal(exact.denominator)
    return f"{value.quantize(Decimal(1).scaleb(-DECIMALS[currency]), rounding):,f}"


def money(exact: Decimal | Fraction, currency: str) -> str:
    return f"{currency} {amount(exact, currency)}"


def to_land(budget: Decimal, in_month: Decimal, in_day: Decimal, calendar: Calendar) -> Fraction:
    """The daily budget that lands on the monthly one, if each day from today on spends it."""
    days = calendar.last.day - calendar.today.day + 1
    share = Fraction(budget - in_month + in_day) / days
    if share < in_day and days > 1:
        share = Fraction(budget - in_month) / (days - 1)
    return max(share, Fraction(0))


# What a page says


class Said(HTMLParser):
    """A page's headings, sentences, rows of tables, and names with their values; not what drawings say."""

    KEPT = frozenset({"h1", "h2", "h3", "p", "th", "td", "dt", "dd"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.rows: list[list[str]] = []
        self.terms: list[tuple[str, str, list[str]]] = []  # under which heading, the name, what is said of it
        self.bars: list[str] = []  # the figures above bars of budgets
        self.titles: list[str] = []
        self._open: list[tuple[str, list[str]]] = []
        self._drawings = 0
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"svg", "script", "style"}:
            self._drawings += 1
        if title := dict(attrs).get("title"):
            self.titles.append(title)
        if tag == "tr":
            self.rows.append([])
        if tag in self.KEPT or dict(attrs).get("class") == "budget__spend":
            self._open.append((tag, []))

    def handle_endtag(self, tag: str) -> None:
        if tag in {"svg", "script", "style"}:
            self._drawings -= 1
        if not self._open or self._open[-1][0] != tag:
            return
        text = " ".join("".join(self._open.pop()[1]).split())
        match tag:
            case "th" | "td":
                self.rows[-1].append(text)
            case "dt":
                self.terms.append((self.lines[-1] if self.lines else "", text, []))
            case "dd":
                self.terms[-1][2].append(text)
            case "span":
                self.bars.append(text)
            case _:
                self.lines.append(text)

    def handle_data(self, data: str) -> None:
        if not self._drawings:
            self.text += data
            for _, texts in self._open:
                texts.append(data)

    def table(self, *columns: str) -> list[dict[str, str]]:
        """The rows below the heading that has these columns, by its words without the arrow of what is sorted."""
        found: list[dict[str, str]] = []
        heading: list[str] = []
        for row in self.rows:
            names = [cell.rstrip(" ▲▼") for cell in row]
            if set(columns) <= set(names):
                heading = names
            elif heading and len(row) == len(heading):
                found.append(dict(zip(heading, row, strict=True)))
            else:
                heading = []
        return found

    def term(self, name: str, heading: str | None = None) -> list[str]:
        (said,) = [said for head, term, said in self.terms if term == name and heading in {None, head}]
        return said


def read(client: Client, url: str, **query: Any) -> Said:
    response = client.get(url, query)
    assert response.status_code == 200
    return Said(response.content.decode())


# The screens


def test_the_dashboard_s_strip_and_its_lines_of_brands(admin_page: Client) -> None:
    entries, page = ledger(), read(admin_page, "/admin/")

    for currency in DECIMALS:
        brands = [(name, zone, budget) for name, zone, code, budget in AGENCY if code == currency]
        today = month = of_budgets = budgets = Decimal(0)
        for name, zone, budget in brands:
            calendar = Calendar.of(zone)
            today += spent(entries, calendar.today, calendar.today, brand=name)
            month += (in_month := spent(entries, calendar.first, calendar.today, brand=name))
            if budget is not None:
                of_budgets, budgets = of_budgets + in_month, budgets + Decimal(budget)
        assert page.term("Today", currency)[0] == money(today, currency)
        said, *words = page.term("This month", currency)
        assert said == money(month, currency)
        assert words == ([f"{of_budgets / budgets:.0%} of {money(budgets, currency)}"] if budgets else [])

    lines = {line["Brand"]: line for line in page.table("Brand", "Spent", "Budget", "Pace")}
    assert set(lines) == {name for name, *_ in AGENCY}
    for name, zone, currency, budget in AGENCY:
        calendar = Calendar.of(zone)
        in_month = spent(entries, calendar.first, calendar.today, brand=name)
        assert lines[name]["Spent"] == money(in_month, currency)
        if budget is not None:
            assert lines[name]["Budget"] == money(Decimal(budget), currency)
            percent = round(Fraction(in_month) / (Fraction(budget) * calendar.elapsed) * 100)
            assert lines[name]["Pace"].split()[-1] == f"{percent}%"


@pytest.mark.parametrize("name", [name for name, *_ in AGENCY])
def test_the_dashboard_of_one_brand_as_its_days_ended(admin_page: Client, name: str) -> None:
    entries = ledger()
    ((_, zone, currency, _),) = [each for each in AGENCY if each[0] == name]
    brand = Brand.objects.get(name=name)

    for day in (date(2026, 10, 1), date(2026, 10, 25), date(2026, 9, 30), Calendar.of(zone).today - timedelta(days=1)):
        page = read(admin_page, "/admin/", brand=brand.pk, day=day)

        assert page.term(f"{day:%a %-d %b}", currency)[0] == money(spent(entries, day, day, brand=name), currency)
        in_month = spent(entries, day.replace(day=1), day, brand=name)
        assert page.term(f"{day:%B}", currency)[0] == money(in_month, currency)


def assert_month(page: Said, entries: list[Entry], zone: str, currency: str, budget: Decimal | None) -> None:
    """The month that a brand's or a campaign's page shows, of its entries."""
    calendar = Calendar.of(zone)
    in_month, in_day = (spent(entries, first, calendar.today) for first in (calendar.first, calendar.today))
    assert f"Spend in {calendar.today:%B %Y}: {money(in_month, currency)}" in page.lines
    if budget is not None:
        stands = f"{money(in_month, currency)} of {money(budget, currency)} spent"
        expected = money(Fraction(budget) * calendar.elapsed, currency)
        assert any(line.startswith(f"{stands}, {expected} expected by now: ") for line in page.lines)
        daily = amount(to_land(budget, in_month, in_day, calendar), currency, ROUND_DOWN)
        landing = f"A daily budget of {currency} {daily} from today on would land on the month's budget."
        assert (landing in page.lines) is (in_month < budget)
    assert_days(page, entries, calendar.first, calendar.today, currency)


def assert_days(page: Said, entries: list[Entry], first: date, last: date, currency: str) -> None:
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    assert {line["Day"]: line["Spent"] for line in page.table("Day", "Spent", "Note")} == {
        f"{day:%a %Y-%m-%d}": money(spent(entries, day, day), currency) for day in days
    }


@pytest.mark.parametrize("name", [name for name, *_ in AGENCY])
def test_the_page_of_a_brand(admin_page: Client, name: str) -> None:
    ((_, zone, currency, budget),) = [each for each in AGENCY if each[0] == name]
    entries = [entry for entry in ledger() if entry.brand == name]
    calendar = Calendar.of(zone)
    url = f"/admin/campaigns/brand/{Brand.objects.get(name=name).pk}/change/"

    page = read(admin_page, url)

    assert_month(page, entries, zone, currency, None if budget is None else Decimal(budget))
    assert page.bars == [
        money(spent(entries, calendar.today, calendar.today), currency),
        money(spent(entries, calendar.first, calendar.today), currency),
    ]
    assert {line["Campaign"]: line["Spent"] for line in page.table("Campaign", "Status", "Spent", "Budget")} == {
        f"{name} {campaign}": amount(
            spent(entries, calendar.first, calendar.today, campaign=f"{name} {campaign}"), currency
        )
        for campaign, _ in CAMPAIGNS
    }


MONTHS_OVER = [
    (name, first)
    for name, zone, *_ in AGENCY
    for first in (date(2026, 9, 1), date(2026, 10, 1))
    if first < Calendar.of(zone).first
]


@pytest.mark.parametrize(("name", "first"), MONTHS_OVER)
def test_the_page_of_a_brand_in_a_month_that_is_over(admin_page: Client, name: str, first: date) -> None:
    ((_, _, currency, _),) = [each for each in AGENCY if each[0] == name]
    entries = [entry for entry in ledger() if entry.brand == name]
    end = first.replace(day=monthrange(first.year, first.month)[1])

    page = read(admin_page, f"/admin/campaigns/brand/{Brand.objects.get(name=name).pk}/change/", month=f"{first:%Y-%m}")

    assert f"Spend in {first:%B %Y}: {money(spent(entries, first, end), currency)}" in page.lines
    assert_days(page, entries, first, end, currency)
    assert {line["Campaign"]: line["Spent"] for line in page.table("Campaign", "Status now", "Spent")} == {
        campaign: amount(spent(entries, first, end, campaign=campaign), currency)
        for campaign in {entry.campaign for entry in entries if first <= entry.day <= end}
    }


@pytest.mark.parametrize("campaign", [f"{brand} {name}" for brand, *_ in AGENCY for name, _ in CAMPAIGNS])
def test_the_page_of_a_campaign(admin_page: Client, campaign: str) -> None:
    kept = Campaign.objects.get(name=campaign)
    ((_, zone, currency, _),) = [each for each in AGENCY if each[0] == campaign.split(maxsplit=1)[0]]
    entries = [entry for entry in ledger() if entry.campaign == campaign]
    calendar = Calendar.of(zone)
    in_day = spent(entries, calendar.today, calendar.today)

    page = read(admin_page, f"/admin/campaigns/campaign/{kept.pk}/change/")

    assert_month(page, entries, zone, currency, kept.monthly_budget)
    in_month = spent(entries, calendar.first, calendar.today)
    assert page.bars == [money(figure, currency) for figure in (in_day, in_month, spent(entries))]
    hours = [spent(e for e in entries if e.day == calendar.today and e.local.hour == hour) for hour in range(24)]
    assert [title for title in page.titles if ": " in title and title.startswith(tuple("012"))] == [
        f"{hour:02}:00 to {(hour + 1) % 24:02}:00: {money(figure, currency)}" for hour, figure in enumerate(hours)
    ]
    if kept.daily_budget is not None and in_day >= kept.daily_budget:
        reached = f"oday's budget of {money(kept.daily_budget, currency)} is reached ({money(in_day, currency)})."
        assert reached in page.text


# The reports

FIRST, LAST = date(2026, 9, 30), date(2026, 10, 31)
REPORT = "/admin/campaigns/dailyspend/report/"


def lines_by_hand(by: str) -> dict[tuple[str, ...], Decimal]:
    """What each line of a report of these days says before its amount, and the amount."""
    sums: dict[tuple[str, ...], Decimal] = {}
    for entry in ledger():
        if FIRST <= entry.day <= LAST:
            key = {
                "campaign": (entry.brand, entry.campaign, entry.currency),
                "brand": (entry.brand, entry.currency),
                "day": (f"{entry.day:%Y-%m-%d}", entry.currency),
                "month": (f"{entry.day:%Y-%m}", entry.currency),
            }[by]
            sums[key] = sums.get(key, Decimal(0)) + entry.amount
    return sums


@pytest.mark.parametrize("by", ["campaign", "brand", "day", "month"])
def test_a_report_on_the_screen_and_in_its_files(admin_page: Client, by: str) -> None:
    by_hand = lines_by_hand(by)
    totals = {code: sum(exact for (*_, of), exact in by_hand.items() if of == code) for code in DECIMALS}
    query: dict[str, Any] = {"by": by, "from": FIRST, "to": LAST}
    columns = ["Brand", "Campaign"] if by == "campaign" else [by.capitalize()]

    page = read(admin_page, REPORT, **query)

    shown = {
        (*(line[column].split()[0] if by == "day" else line[column] for column in columns), line["Currency"]): (
            line["Spend"],
            line["Share"],
        )
        for line in page.table(*columns, "Currency", "Spend", "Share")
    }
    assert shown == {key: (amount(exact, key[-1]), f"{exact / totals[key[-1]]:.1%}") for key, exact in by_hand.items()}
    assert {said for _, _, values in page.terms for said in values} >= {
        money(Decimal(total), code) for code, total in totals.items()
    }

    response: Any = admin_page.get(f"{REPORT}csv/", query)
    heading, *rows = csv.reader(io.StringIO(response.getvalue().decode("utf-8-sig")))
    assert {tuple(row[:-1]): Decimal(row[-1]) for row in rows} == by_hand
    response = admin_page.get(f"{REPORT}xlsx/", query)
    sheet: Any = openpyxl.load_workbook(io.BytesIO(response.getvalue())).active
    assert [cell.value for cell in sheet[1]] == heading
    of_sheet = {
        tuple(_as_text(value, by) for value in row[:-1]): Decimal(str(row[-1]))
        for row in sheet.iter_rows(min_row=2, values_only=True)
    }
    assert of_sheet == by_hand


def _as_text(value: Any, by: str) -> str:
    return f"{value:{'%Y-%m' if by == 'month' else '%Y-%m-%d'}}" if isinstance(value, date) else str(value)


@pytest.mark.parametrize("name", [name for name, *_ in AGENCY])
def test_the_month_for_a_client(admin_page: Client, name: str) -> None:
    ((_, _, currency, budget),) = [each for each in AGENCY if each[0] == name]
    entries = [entry for entry in ledger() if entry.brand == name and (entry.day.year, entry.day.month) == (2026, 10)]
    total = spent(entries)
    url = f"/admin/campaigns/brand/{Brand.objects.get(name=name).pk}/client-report/"

    page = read(admin_page, url, month="2026-10")

    assert page.term("Spent") == [money(total, currency)]
    if budget is not None:
        left = Decimal(budget) - total
        assert page.term("Left" if left >= 0 else "Over budget by") == [money(abs(left), currency)]
        used = (total / Decimal(budget)).quantize(Decimal("0.001"), ROUND_DOWN)
        assert page.term("Used") == [f"{used:.1%}"]
    assert {line["Campaign"]: (line["Spend"], line["Share"]) for line in page.table("Campaign", "Spend", "Share")} == {
        **{
            campaign: (
                money(of := spent(entries, campaign=campaign), currency),
                f"{of / total:.1%}",
            )
            for campaign in {entry.campaign for entry in entries}
        },
        "All": (money(total, currency), "100%"),
    }
    day = max({entry.day for entry in entries}, key=lambda day: spent(entries, day, day))
    most = money(spent(entries, day, day), currency)
    assert any(line.startswith(f"The most on one day: {most} on ") for line in page.lines)


def test_the_command_says_what_the_screens_say() -> None:
    entries, out = ledger(), io.StringIO()

    call_command("spend_report", "--format", "json", stdout=out)

    said = {brand["name"]: brand for brand in json.loads(out.getvalue())["brands"]}
    for name, zone, *_ in AGENCY:
        calendar = Calendar.of(zone)
        assert Decimal(said[name]["daily_spend"]) == spent(entries, calendar.today, calendar.today, brand=name)
        assert Decimal(said[name]["monthly_spend"]) == spent(entries, calendar.first, calendar.today, brand=name)
        for campaign in said[name]["campaigns"]:
            assert Decimal(campaign["total_spend"]) == spent(entries, campaign=campaign["name"])

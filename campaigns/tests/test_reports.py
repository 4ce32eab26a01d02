"""Spend over a range of days, by campaign, brand, day and month, in the function and over HTTP."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.ledger import set_daily_total
from campaigns.models import Brand, BrandDailySpend, Campaign
from campaigns.reports import GROUPINGS, RangeLine, spend_in_range, totals_in_range
from campaigns.tests.api import Caller, caller
from campaigns.tests.factories import BrandFactory, CampaignFactory, utc

pytestmark = pytest.mark.django_db

NOON = utc("2026-11-21 12:00")
FIRST, LAST = date(2026, 11, 10), date(2026, 11, 12)


@pytest.fixture(autouse=True)
def noon() -> Any:
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def program() -> Caller:
    return caller()


@pytest.fixture
def books() -> list[Campaign]:
    """Three campaigns of a brand in EUR, one in EUR and two in JPY, with spend in, before and after the range."""
    euro, other, yen = (BrandFactory.create(currency=currency) for currency in ("EUR", "EUR", "JPY"))
    brands = [euro, euro, other, yen]
    campaigns = [CampaignFactory.create(brand=brand) for brand in brands]
    for number, campaign in enumerate(campaigns, 1):
        for day in range(9, 14):
            set_daily_total(campaign.pk, date(2026, 11, day), Decimal(number * 10 ** (day - 9)), at=NOON)
    CampaignFactory.create(brand=euro)  # without spend: in no report
    return campaigns


def test_spend_is_summed_by_campaign_over_the_days_of_the_range(books: list[Campaign]) -> None:
    lines = spend_in_range("campaign", FIRST, LAST, brands=Brand.objects.all())

    assert lines == [
        RangeLine(
            currency=campaign.brand.currency,
            amount=Decimal(number * 1110),
            campaign_id=campaign.pk,
            campaign_name=campaign.name,
            brand_id=campaign.brand_id,
            brand_name=campaign.brand.name,
        )
        for number, campaign in enumerate(books, 1)
    ]


def test_spend_is_summed_by_brand(books: list[Campaign]) -> None:
    lines = spend_in_range("brand", FIRST, LAST, brands=Brand.objects.all())

    assert [(line.brand_id, line.amount, line.currency) for line in lines] == [
        (books[0].brand_id, Decimal(3330), "EUR"),
        (books[2].brand_id, Decimal(3330), "EUR"),
        (books[3].brand_id, Decimal(4440), "JPY"),
    ]


def test_r2_a_day_has_a_line_for_each_currency_and_so_have_the_totals(books: list[Campaign]) -> None:
    lines = spend_in_range("day", FIRST, LAST, brands=Brand.objects.all())

    assert [(line.day, line.currency, line.amount) for line in lines] == [
        (date(2026, 11, 10), "EUR", Decimal(60)),
        (date(2026, 11, 10), "JPY", Decimal(40)),
        (date(2026, 11, 11), "EUR", Decimal(600)),
        (date(2026, 11, 11), "JPY", Decimal(400)),
        (date(2026, 11, 12), "EUR", Decimal(6000)),
        (date(2026, 11, 12), "JPY", Decimal(4000)),
    ]
    assert totals_in_range(FIRST, LAST, brands=Brand.objects.all()) == {"EUR": Decimal(6660), "JPY": Decimal(4440)}


def test_a_report_is_of_the_brands_given(books: list[Campaign]) -> None:
    brands = Brand.objects.filter(pk=books[2].brand_id)

    assert [line.campaign_id for line in spend_in_range("campaign", FIRST, LAST, brands=brands)] == [books[2].pk]
    assert totals_in_range(FIRST, LAST, brands=brands) == {"EUR": Decimal(3330)}


@pytest.mark.parametrize("grouping", GROUPINGS)
def test_a_report_in_parts_is_the_report(books: list[Campaign], grouping: str) -> None:
    order, _ = GROUPINGS[grouping]
    whole = spend_in_range(grouping, FIRST, LAST, brands=Brand.objects.all())

    parts: list[RangeLine] = []
    after = None
    while part := spend_in_range(grouping, FIRST, LAST, brands=Brand.objects.all(), after=after, limit=1):
        parts += part
        after = tuple(getattr(part[0], column) for column in order)

    assert parts == whole


@pytest.mark.parametrize("grouping", GROUPINGS)
def test_the_report_over_http_gives_the_same_a_page_at_a_time(
    program: Caller, books: list[Campaign], grouping: str
) -> None:
    query = {"by": grouping, "from": FIRST, "to": LAST}
    whole = program.get("/reports/spend", **query).body
    assert whole["next_cursor"] is None
    assert len(whole["items"]) == len(spend_in_range(grouping, FIRST, LAST, brands=Brand.objects.all()))
    assert whole["totals"] == [{"amount": "6660.00", "currency": "EUR"}, {"amount": "4440", "currency": "JPY"}]

    items: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        page = program.get("/reports/spend", limit=1, **query, **cursor).body
        items += page["items"]
        assert page["totals"] == whole["totals"]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}

    assert items == whole["items"]


def test_a_line_over_http_says_what_it_is_for(program: Caller, books: list[Campaign]) -> None:
    campaign = books[3]
    query = {"by": "campaign", "from": FIRST, "to": LAST, "brand": campaign.brand_id}

    assert program.get("/reports/spend", **query).body["items"] == [
        {
            "campaign_id": campaign.pk,
            "campaign": campaign.name,
            "brand_id": campaign.brand_id,
            "brand": campaign.brand.name,
            "day": None,
            "month": None,
            "amount": "4440",
            "currency": "JPY",
        }
    ]


@pytest.mark.parametrize(
    ("by", "cursor"),
    [
        ("campaign", "2026-11-10:EUR"),
        ("campaign", "0"),
        ("campaign", "9" * 19),
        ("brand", "X"),
        ("day", "5"),
        ("day", "2026-11-31:EUR"),
        ("day", "a:b:c"),
    ],
)
def test_a_cursor_of_something_else_is_refused(program: Caller, by: str, cursor: str) -> None:
    answer = program.get("/reports/spend", **{"by": by, "from": FIRST, "to": LAST, "cursor": cursor})

    assert (answer.status, answer.fields) == (422, ["cursor"])


@pytest.mark.parametrize("grouping", GROUPINGS)
def test_a_report_takes_as_many_queries_for_many_rows_as_for_few(
    program: Caller, books: list[Campaign], grouping: str
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert program.get("/reports/spend", **{"by": grouping, "from": FIRST, "to": LAST}).status == 200
        return len(captured)

    queries()
    for_few = queries()
    for campaign in CampaignFactory.create_batch(5):
        set_daily_total(campaign.pk, FIRST, Decimal(1), at=NOON)
    assert queries() == for_few


def test_a_sum_that_no_64_bits_hold_is_reported_all_the_same() -> None:
    brand = BrandFactory.create(currency="USD")
    most = Decimal(9_000_000_000_000) - Decimal("0.000001")
    for day in (date(2026, 11, 11), date(2026, 11, 12)):
        BrandDailySpend.objects.create(brand=brand, day=day, amount=most)

    (line,) = spend_in_range("brand", FIRST, LAST, brands=Brand.objects.all())

    assert line.amount == 2 * most
    assert totals_in_range(FIRST, LAST, brands=Brand.objects.all()) == {"USD": 2 * most}

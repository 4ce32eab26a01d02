"""Between the readers and the ledger: names, sums, dry runs, and that what is recorded is what the file says."""

from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns import intake, staging
from campaigns.importing import BadRow, SpendFile, SpendRow, UnreadableFile
from campaigns.intake import ImportReceipt, Missing, NewBrands, Overtaken, Sheet, import_daily_totals, import_entries
from campaigns.ledger import DayTotal, set_daily_total, set_daily_totals
from campaigns.matching import match_names
from campaigns.models import Brand, Campaign, DailySpend, SpendLog, StatusChange
from campaigns.staging import to_amount, to_micros
from campaigns.tests.factories import BrandFactory, CampaignFactory, utc

pytestmark = pytest.mark.django_db

NOW = utc("2026-11-21 12:00")
DAY = date(2026, 10, 1)
EVERYTHING = Missing(campaigns=True, brands=NewBrands(ZoneInfo("Europe/Berlin"), "EUR"))
CAMPAIGNS = Missing(campaigns=True)


@pytest.fixture
def acme() -> Brand:
    return BrandFactory.create(name="Acme", currency="EUR")


@pytest.fixture
def sheet() -> Iterator[Sheet]:
    with Sheet() as opened:
        yield opened


def row(line: int, amount: str = "1", **fields: Any) -> SpendRow:
    return SpendRow(
        **{"line": line, "day": DAY, "brand": "Acme", "campaign": "Spring", "amount": Decimal(amount), **fields}
    )


def totals(sheet: Sheet, *rows: SpendRow | BadRow, stated: str | None = None, **options: Any) -> ImportReceipt:
    file = SpendFile("test", iter(rows), None if stated is None else Decimal(stated))
    return import_daily_totals(file, sheet, **{"at": NOW, "actor": "test", **options})


def in_full(*rows: SpendRow | BadRow, **options: Any) -> dict[str, Any]:
    """The receipt of an import with all its lists."""
    with Sheet() as sheet:
        receipt = totals(sheet, *rows, **options)
        return {**receipt.as_json(), **{name: list(listing) for name, listing in receipt.lists().items()}}


def reasons(receipt: ImportReceipt) -> list[tuple[int, str, str]]:
    return [(each.line, each.column, each.reason) for each in receipt.refusals]


def recorded() -> dict[tuple[str, str], Decimal]:
    days = DailySpend.objects.values_list("campaign__name", "day", "amount")
    return {(name, str(day)): amount for name, day, amount in days}


def test_a_file_that_breaks_off_halfway_leaves_nothing_behind(acme: Brand, sheet: Sheet) -> None:
    def breaking_off() -> Iterator[SpendRow]:
        for line in range(30_000):
            yield row(line)
        raise UnreadableFile("Line 30000 opens a quote.")

    with pytest.raises(UnreadableFile):
        import_daily_totals(SpendFile("test", breaking_off()), sheet, at=NOW, actor="test", missing=EVERYTHING)

    assert not Campaign.objects.exists()
    assert not SpendLog.objects.exists()


def test_a_campaign_is_known_by_its_external_id_before_its_name(acme: Brand, sheet: Sheet) -> None:
    CampaignFactory.create(brand=acme, name="Renamed here", external_id="7")
    CampaignFactory.create(brand=acme, name="Spring")

    totals(sheet, row(2, "5", external_id="7"), row(3, "2"))

    assert recorded() == {("Renamed here", str(DAY)): 5, ("Spring", str(DAY)): 2}


def test_an_external_id_is_looked_for_within_the_brand(acme: Brand, sheet: Sheet) -> None:
    CampaignFactory.create(name="Another brand's", external_id="7")

    receipt = totals(sheet, row(2, external_id="7"))

    assert reasons(receipt) == [(2, "campaign", "Acme has no campaign 'Spring'.")]


def test_a_campaign_known_by_name_takes_over_the_id_that_the_file_gives_it(acme: Brand, sheet: Sheet) -> None:
    spring = CampaignFactory.create(brand=acme, name="Spring")

    receipt = totals(sheet, row(2, "5", external_id="7"), row(3, "5"))

    spring.refresh_from_db()
    assert spring.external_id == "7"
    assert [(each.campaign, each.external_id) for each in receipt.linked_campaigns] == [("Spring", "7")]
    assert recorded() == {("Spring", str(DAY)): 10}


@pytest.mark.parametrize("missing", [Missing(), EVERYTHING], ids=["strict", "create missing"])
def test_a_name_whose_campaign_has_another_external_id_is_another_campaign(
    acme: Brand, sheet: Sheet, missing: Missing
) -> None:
    CampaignFactory.create(brand=acme, name="Spring", external_id="6")

    receipt = totals(sheet, row(2, external_id="7"), missing=missing)

    expected = "'Spring' has the external ID '6', not '7': it is another campaign. Rename one of them."
    assert reasons(receipt) == [(2, "campaign", expected)]
    assert not SpendLog.objects.exists()


def test_two_ids_of_one_name_are_not_guessed_to_be_the_campaign_of_that_name(acme: Brand, sheet: Sheet) -> None:
    spring = CampaignFactory.create(brand=acme, name="Spring")

    receipt = totals(sheet, row(2, external_id="7"), row(3, external_id="8"), missing=EVERYTHING)

    spring.refresh_from_db()
    assert spring.external_id == ""
    expected = "several campaigns of the file may be 'Spring': give that one its external ID first."
    assert reasons(receipt) == [(2, "campaign", expected), (3, "campaign", expected)]


def test_two_new_ids_of_one_name_are_refused_since_names_are_unique(acme: Brand, sheet: Sheet) -> None:
    rows = (row(2, external_id="7"), row(3, external_id="8"), row(4, campaign="Autumn", external_id="9"))

    receipt = totals(sheet, *rows, missing=EVERYTHING)

    assert [line for line, _, _ in reasons(receipt)] == [2, 3]
    assert "several IDs of the file are called 'Spring'" in reasons(receipt)[0][2]
    assert recorded() == {("Autumn", str(DAY)): 1}


@pytest.mark.parametrize("known_id", ["", "6"])
def test_an_id_is_not_made_by_one_of_its_names_while_another_of_them_is_refused(
    acme: Brand, sheet: Sheet, known_id: str
) -> None:
    CampaignFactory.create(brand=acme, name="Spring", external_id=known_id)
    rows = (
        row(2, external_id="7"),
        row(3, external_id="8"),
        row(4, campaign="Autumn", external_id="7"),
        row(5, campaign="Winter", external_id="9"),
    )

    receipt = totals(sheet, *rows, missing=EVERYTHING)

    assert [(line, "'Spring'" in reason) for line, _, reason in reasons(receipt)] == [(2, True), (3, True), (4, True)]
    assert recorded() == {("Winter", str(DAY)): 1}
    assert in_full(*rows, missing=EVERYTHING)["entries"] == 0


def test_a_new_campaign_has_the_id_of_its_rows_and_the_name_that_it_bears_last(acme: Brand, sheet: Sheet) -> None:
    rows = (
        row(2, campaign="New name", external_id="7", day=DAY + timedelta(1)),
        row(3, campaign="Old name", external_id="7"),
        row(4, campaign="", external_id="8"),
    )

    totals(sheet, *rows, missing=EVERYTHING)

    assert dict(Campaign.objects.values_list("external_id", "name")) == {"7": "New name", "8": "8"}
    assert recorded() == {("New name", "2026-10-01"): 1, ("New name", "2026-10-02"): 1, ("8", "2026-10-01"): 1}


@pytest.mark.parametrize("like", ["spring", "Spring ", "S pring", "SPRING", "Ｓpring"])
def test_a_name_that_differs_by_case_or_spaces_is_another_one_and_is_pointed_out(
    acme: Brand, sheet: Sheet, like: str
) -> None:
    CampaignFactory.create(brand=acme, name=like)

    receipt = totals(sheet, row(2))

    expected = f"Acme has no campaign 'Spring'. It has {like!r}, which is written differently."
    assert reasons(receipt) == [(2, "campaign", expected)]
    assert not SpendLog.objects.exists()


def test_a_near_name_is_pointed_out_beside_a_new_one(acme: Brand, sheet: Sheet) -> None:
    CampaignFactory.create(brand=acme, name="spring")

    receipt = totals(sheet, row(2), row(3, campaign="Autumn"), row(4, campaign="autumn"), missing=EVERYTHING)

    assert {each.campaign: each.near for each in receipt.new_campaigns} == {
        "Spring": "spring",
        "Autumn": "autumn",
        "autumn": "Autumn",
    }


def test_a_brand_that_differs_by_case_is_another_one_and_is_pointed_out(acme: Brand, sheet: Sheet) -> None:
    receipt = totals(sheet, row(2, brand="ACME"))

    expected = "there is no brand 'ACME'. There is 'Acme', which is written differently."
    assert reasons(receipt) == [(2, "brand", expected)]


def test_a_near_brand_is_pointed_out_beside_a_new_one(acme: Brand, sheet: Sheet) -> None:
    receipt = totals(sheet, row(2, brand="ACME"), row(3, brand="Other"), missing=EVERYTHING)

    assert {each.brand: each.near for each in receipt.new_brands} == {"ACME": "Acme", "Other": ""}


def test_r2_a_mark_that_is_none_of_the_brand_s_currency_is_refused(acme: Brand, sheet: Sheet) -> None:
    CampaignFactory.create(brand=acme, name="Spring")

    receipt = totals(sheet, row(2, mark="$"), row(3, "2"), row(4, currency="USD"))

    expected = (
        "'$' is no mark of EUR, the currency of Acme: import these amounts for a brand in their currency, or take the "
        "mark out if it is wrong."
    )
    assert reasons(receipt) == [
        (2, "amount", expected),
        (4, "currency", "'USD' is not the currency of Acme, EUR."),
    ]
    assert recorded() == {("Spring", str(DAY)): 2}


@pytest.mark.parametrize(("currency", "refused"), [("CAD", 0), ("EUR", 1)])
def test_r2_a_new_brand_is_not_made_in_a_currency_that_its_marks_cannot_mean(
    sheet: Sheet, currency: str, refused: int
) -> None:
    missing = Missing(campaigns=True, brands=NewBrands(ZoneInfo("America/Toronto"), currency))

    receipt = totals(sheet, row(2, mark="$"), missing=missing)

    assert receipt.refused == refused
    assert Brand.objects.exists() != bool(refused)


def test_campaigns_may_be_made_without_brands(acme: Brand, sheet: Sheet) -> None:
    receipt = totals(sheet, row(2), row(3, brand="Other"), missing=CAMPAIGNS)

    assert recorded() == {("Spring", str(DAY)): 1}
    assert reasons(receipt) == [(3, "brand", "there is no brand 'Other'.")]


def test_a_new_brand_whose_rows_are_in_two_currencies_is_not_guessed(sheet: Sheet) -> None:
    receipt = totals(sheet, row(2, currency="EUR"), row(3, currency="USD"), missing=EVERYTHING)

    expected = "Acme is a new brand, and its rows are in EUR and USD: make it first, with one of them."
    assert reasons(receipt) == [(2, "currency", expected), (3, "currency", expected)]
    assert not Brand.objects.exists()


def test_no_brand_and_no_campaign_is_made_for_rows_that_are_all_refused(acme: Brand, sheet: Sheet) -> None:
    rows = (
        row(2, "-1"),
        row(3, campaign="Autumn", day=date(2199, 1, 1)),
        row(4, brand="Other", day=date(1999, 1, 1)),
        row(5, "9000000000", brand="Third"),
        row(6, "9000000000", brand="Third"),
        row(7, external_id="x" * 201),
    )

    receipt = totals(sheet, *rows, missing=EVERYTHING)

    assert receipt.refused == receipt.rows == 6
    assert not Campaign.objects.exists()
    assert list(Brand.objects.all()) == [acme]
    assert not list(receipt.new_brands)
    assert not list(receipt.new_campaigns)


def test_an_id_is_not_given_for_rows_that_are_all_refused(acme: Brand, sheet: Sheet) -> None:
    spring = CampaignFactory.create(brand=acme, name="Spring")

    totals(sheet, row(2, "-1", external_id="7"))

    spring.refresh_from_db()
    assert spring.external_id == ""


def test_names_are_looked_up_in_as_many_queries_for_many_as_for_few(acme: Brand) -> None:
    CampaignFactory.create_batch(30, brand=acme)
    names = list(Campaign.objects.values_list("name", flat=True))

    def queries(count: int) -> int:
        with CaptureQueriesContext(connection) as captured:
            in_full(*(row(2, campaign=name) for name in names[:count]), dry_run=True)
        return len(captured)

    assert queries(30) == queries(1)


def test_r1_a_sum_of_more_than_64_bits_is_exact_and_refused_as_out_of_range(acme: Brand, sheet: Sheet) -> None:
    CampaignFactory.create(brand=acme, name="Spring")
    rows = [row(line, "9000000000") for line in range(1, 1_201)]

    receipt = totals(sheet, *rows)

    assert reasons(receipt) == [
        (
            1,
            "amount",
            "Acme, Spring on 2026-10-01: 10800000000000.000000 is out of range: at most 9,000,000,000 either way.",
        )
    ]
    (refusal,) = receipt.refusals
    assert (refusal.amount, refusal.rows) == (Decimal(9_000_000_000) * 1_200, 1_200)
    assert [each.stated for each in receipt.sums] == [Decimal(9_000_000_000) * 1_200]


@settings(deadline=None)
@given(st.lists(st.decimals(-9_000_000_000, 9_000_000_000, places=6), max_size=50))
def test_r1_sums_on_the_sheet_are_exact(amounts: list[Decimal]) -> None:
    with Sheet() as sheet:
        sheet.fill([row(2, str(amount)) for amount in amounts], lambda *_: None)
        sums = next(
            sheet.select("select coalesce(sum(micros / 1000000), 0), coalesce(sum(micros % 1000000), 0) from row")
        )

    assert to_amount(*map(int, sums)) == sum(amounts, Decimal(0))


def test_r1_an_amount_that_is_not_exact_never_reaches_the_sheet() -> None:
    with pytest.raises(ValueError, match="more than 6 decimals"):
        to_micros(Decimal("0.0000001"))


def test_the_file_s_total_stands_beside_the_recorded_one_and_they_agree(acme: Brand, sheet: Sheet) -> None:
    spring = CampaignFactory.create(brand=acme, name="Spring")
    set_daily_total(spring.pk, DAY, Decimal("0.5"), at=NOW)
    set_daily_total(spring.pk, DAY - timedelta(1), Decimal(100), at=NOW)  # a day that the file does not speak of

    receipt = totals(sheet, row(2, "1.10"), row(3, "2.000001"), row(4, "7", day=DAY + timedelta(1)))

    (line,) = receipt.campaigns
    assert (line.days, line.rows) == (2, 3)
    assert (line.stated, line.recorded, line.difference) == (
        Decimal("10.100001"),
        Decimal("10.100001"),
        Decimal("9.600001"),
    )
    assert line.agrees
    (total,) = receipt.totals
    assert (total.currency, total.recorded) == ("EUR", Decimal("10.100001"))
    assert not list(receipt.disagreements)


def test_a_difference_to_the_file_is_explained_day_by_day(acme: Brand, sheet: Sheet) -> None:
    spring = CampaignFactory.create(brand=acme, name="Spring")
    set_daily_total(spring.pk, DAY, Decimal(5), at=NOW)

    receipt = totals(sheet, row(2, "-3"), row(3, "4", day=DAY + timedelta(1)))

    (line,) = receipt.campaigns
    assert [line.stated, line.recorded, line.agrees] == [1, 9, False]
    (day,) = receipt.disagreements
    assert [day.day, day.line, day.in_file, day.recorded] == [str(DAY), 2, -3, 5]
    assert day.reason == "-3 is less than nothing: no day costs that."


def test_spend_that_somebody_else_adds_meanwhile_is_said(
    acme: Brand, sheet: Sheet, monkeypatch: pytest.MonkeyPatch
) -> None:
    spring = CampaignFactory.create(brand=acme, name="Spring")

    def set_and_be_overtaken(days: list[DayTotal], **options: Any) -> Any:
        receipt = set_daily_totals(days, **options)
        set_daily_total(spring.pk, DAY, Decimal(8), at=NOW)
        return receipt

    monkeypatch.setattr(intake, "set_daily_totals", set_and_be_overtaken)

    receipt = totals(sheet, row(2, "5"))

    (day,) = receipt.disagreements
    assert [day.in_file, day.recorded] == [5, 8]
    assert day.reason == "Somebody else changed that day meanwhile: import again."


def test_the_file_s_own_total_is_compared_with_the_sum_of_all_its_rows(acme: Brand) -> None:
    CampaignFactory.create(brand=acme, name="Spring")
    rows = (row(2, "5"), row(3, "2", campaign="Unknown"))

    assert in_full(*rows, stated="7")["short_of_stated_total"] == "0"
    assert in_full(*rows, stated="7.5")["short_of_stated_total"] == "0.5"


def test_what_rounding_adds_is_summed_exactly_and_explains_the_file_s_own_total(acme: Brand, sheet: Sheet) -> None:
    CampaignFactory.create(brand=acme, name="Spring")
    tail = Decimal("0.00000017199999999999999999999999999999")
    rows = (row(2, "4.68", rounding=tail), row(3, "1", rounding=Decimal("-0.0000001")), row(4, "2"))

    receipt = totals(sheet, *rows, stated="7.67999992800000000000000000000000000001")

    rounding = Decimal("0.00000007199999999999999999999999999999")
    (line,) = receipt.campaigns
    assert (line.rounding, line.recorded) == (rounding, Decimal("7.68"))
    assert line.stated == Decimal("7.67999992800000000000000000000000000001")
    assert line.agrees
    assert [each.rounding for each in receipt.sums] == [rounding]
    assert receipt.short_of_total == 0


def a_month_of_everything() -> list[SpendRow | BadRow]:
    """New and known names, restated, refused and future days, negative sums, and rows that nobody can read."""
    return [
        row(2, "5", external_id="7"),
        row(3, "2.5", day=DAY + timedelta(1), external_id="7"),
        row(4, "-1", day=DAY + timedelta(2)),
        row(5, "3", campaign="New", external_id="8"),
        row(6, "3", campaign="new"),
        row(7, "3", campaign="Never", day=date(2199, 1, 1)),
        row(8, "1", currency="USD"),
        row(9, "3", brand="Other", campaign="Else", currency="JPY"),
        row(10, "9000000000", campaign="Huge"),
        row(11, "9000000000", campaign="Huge"),
        BadRow(12, "amount", "'x' is not an amount."),
        row(13, "4", day=date(2026, 11, 1)),
        row(14, "-4", day=date(2026, 11, 1)),
    ]


def everything_there_is() -> list[Any]:
    counted = [SpendLog, DailySpend, StatusChange]
    kept: list[Any] = [list(model._default_manager.values_list().order_by("pk")) for model in counted]
    names = [list(Brand.objects.values_list("name")), list(Campaign.objects.values_list("name", "external_id"))]
    return [*kept, *names]


@pytest.mark.parametrize("missing", [Missing(), CAMPAIGNS, EVERYTHING], ids=["strict", "campaigns", "everything"])
def test_a_dry_run_changes_nothing_and_says_what_the_import_then_does(acme: Brand, missing: Missing) -> None:
    spring = CampaignFactory.create(brand=acme, name="Spring")
    for day, amount in ((DAY, 4), (DAY + timedelta(2), 6), (date(2026, 11, 1), 9)):
        set_daily_total(spring.pk, day, Decimal(amount), at=NOW)
    before = everything_there_is()

    foreseen = in_full(*a_month_of_everything(), missing=missing, dry_run=True)
    assert everything_there_is() == before
    done = in_full(*a_month_of_everything(), missing=missing)

    assert foreseen["months"]
    same = set(foreseen) - {"dry_run", "campaigns", "totals"}
    assert {name: foreseen[name] for name in same} == {name: done[name] for name in same}
    would_have = [replace(line, recorded=line.recorded + line.difference) for line in foreseen["campaigns"]]
    assert would_have == done["campaigns"]
    again = in_full(*a_month_of_everything(), missing=missing)
    assert (again["entries"], again["months"]) == (0, [])


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_a_dry_run_foretells_any_file(data: st.DataObject) -> None:
    days = st.sampled_from([DAY, DAY + timedelta(1), date(2026, 11, 21), date(2026, 11, 22), date(2011, 12, 30)])
    rows = data.draw(
        st.lists(
            st.builds(
                row,
                st.integers(2, 99),
                st.sampled_from(["0", "1.5", "-1", "0.000001", "9000000000"]),
                day=days,
                brand=st.sampled_from(["Acme", "acme", "Apia"]),
                campaign=st.sampled_from(["Spring", "spring", "Autumn"]),
                external_id=st.sampled_from(["", "", "1", "2"]),
                currency=st.sampled_from(["", "EUR", "USD"]),
            ),
            max_size=12,
        )
    )
    missing = data.draw(st.sampled_from([Missing(), CAMPAIGNS, EVERYTHING]))
    with transaction.atomic():
        acme = BrandFactory.create(name="Acme", currency="EUR")
        BrandFactory.create(name="Apia", currency="USD", timezone="Pacific/Apia")
        spring = CampaignFactory.create(brand=acme, name="Spring")
        set_daily_totals([DayTotal(spring.pk, DAY, Decimal("1.5"))], at=NOW)

        foreseen = in_full(*rows, missing=missing, dry_run=True)
        done = in_full(*rows, missing=missing)
        again = in_full(*rows, missing=missing)
        transaction.set_rollback(True)

    names = ("rows", "refused_rows", "days", "entries", "new_brands", "new_campaigns", "linked_campaigns", "months")
    assert [foreseen[name] for name in names] == [done[name] for name in names]
    assert [each.line for each in foreseen["refusals"]] == [each.line for each in done["refusals"]]
    # A name that was refused may mean a campaign that the first import made.
    unsettled = any(each.column in ("campaign", "external_id") for each in done["refusals"])
    assert unsettled or again["entries"] == 0
    refused = sum((each.amount for each in done["refusals"]), Decimal(0))
    good = sum((line.recorded for line in done["totals"]), Decimal(0)) - sum(
        (day.recorded for day in done["disagreements"]), Decimal(0)
    )
    assert good + refused == sum((each.amount for each in rows), Decimal(0))


def test_a_dry_run_of_entries_changes_nothing_and_says_what_the_import_then_does(acme: Brand) -> None:
    CampaignFactory.create(brand=acme, name="Spring")
    before = everything_there_is()
    rows = [row(2, "5", reference="a"), row(3, "-6"), row(4, "5", reference="a"), row(5, "1", campaign="New")]

    def entries(dry_run: bool) -> dict[str, Any]:
        with Sheet() as sheet:
            file = SpendFile("test", iter(rows))
            receipt = import_entries(file, sheet, digest="d", at=NOW, actor="test", missing=EVERYTHING, dry_run=dry_run)
            return {**receipt.as_json(), **{name: list(listing) for name, listing in receipt.lists().items()}}

    foreseen = entries(True)
    assert everything_there_is() == before
    done = entries(False)

    assert (done["entries"], done["duplicates"], done["refused_rows"]) == (2, 1, 1)
    same = set(foreseen) - {"dry_run"}
    assert {name: foreseen[name] for name in same} == {name: done[name] for name in same}
    assert [(line.campaign, line.recorded, line.difference) for line in done["campaigns"]] == [
        ("New", 1, 1),
        ("Spring", 10, 5),
    ]


@pytest.mark.parametrize(
    ("days", "apart"),
    [
        (["2026-10-04", "2026-10-11", "2026-10-25"], "weeks"),
        (["2026-10-04", "2026-10-11"], "weeks"),
        (["2026-10-01", "2026-10-04", "2026-10-11", "2026-10-18"], "weeks"),  # the first week was cut short
        (["2026-02-01", "2026-03-01"], "months"),
        (["2026-07-15", "2026-08-01", "2026-09-01", "2026-11-01"], "months"),
        (["2024-01-01", "2025-01-01", "2026-01-01"], "months"),
        (["2026-10-04"], ""),
        (["2026-10-03", "2026-10-04"], ""),
        (["2026-10-01", "2026-10-05", "2026-10-06", "2026-10-13"], ""),
        (["2026-10-01", "2026-10-02", "2026-10-03"], ""),
    ],
)
def test_days_that_lie_whole_weeks_or_months_apart_are_pointed_out(
    acme: Brand, sheet: Sheet, days: list[str], apart: str
) -> None:
    CampaignFactory.create(brand=acme, name="Spring")
    CampaignFactory.create(brand=acme, name="Autumn")
    rows = [
        row(line, campaign=name, day=date.fromisoformat(day))
        for line, (day, name) in enumerate(itertools.product(days, ("Spring", "Autumn")), 2)
    ]

    receipt = totals(sheet, *rows)

    assert receipt.refused == 0
    assert [said.split(":")[0] for said in receipt.warnings] == [
        f"All days of the file lie whole {each} apart" for each in (apart,) if each
    ]


def test_a_campaign_made_by_somebody_else_meanwhile_stops_the_import_before_anything_counts(
    acme: Brand, sheet: Sheet, monkeypatch: pytest.MonkeyPatch
) -> None:
    matched = match_names

    def match_and_be_overtaken(sheet: Sheet, missing: Missing) -> None:
        matched(sheet, missing)
        CampaignFactory.create(brand=acme, name="Spring")

    monkeypatch.setattr(intake, "match_names", match_and_be_overtaken)

    with pytest.raises(Overtaken, match="Import it again"):
        totals(sheet, row(2), row(3, campaign="Autumn"), missing=EVERYTHING)

    assert list(Campaign.objects.values_list("name", flat=True)) == ["Spring"]
    assert not SpendLog.objects.exists()


def test_progress_is_told_step_by_step(acme: Brand, sheet: Sheet) -> None:
    CampaignFactory.create(brand=acme, name="Spring")
    told: list[tuple[str, int, int]] = []

    totals(sheet, row(2), row(3, day=DAY + timedelta(1)), watch=lambda *step: told.append(step))

    assert told == [("Reading", 2, 0), ("Recording", 2, 2)]


def test_memory_does_not_grow_with_the_names_of_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging, "LABELS_AT_HAND", 1_000)

    def peak(count: int) -> int:
        rows = (row(line, campaign=f"Campaign {line}") for line in range(count))
        with Sheet() as sheet:
            tracemalloc.start()
            sheet.fill(rows, lambda *_: None)
            _, most = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert sheet.value("select count(*) from label") == count
        return most

    assert peak(40_000) < 1.1 * peak(20_000)

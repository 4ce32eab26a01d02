"""Exact money: what is an amount, how it is kept and how it is shown (R1, R2)."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from campaigns import ledger, tasks
from campaigns.models import Campaign, SpendLog
from campaigns.money import MAX_AMOUNT, InvalidMoney, MoneyFormField, format_amount, format_money, parse_money, rounded
from campaigns.tests.factories import CampaignFactory, utc

AT = utc("2026-11-21 12:00")

NO_AMOUNTS_IN_TEXT = [
    "",
    "abc",
    "NaN",
    "nan",
    "Infinity",
    "-inf",
    "1e5",
    "1E-2",
    "1_000",
    "1,000.00",
    "12,50",
    "٣.٥",
    "１２",
    "0x10",
    "5.",
    "--5",
    "1 000",
    "1.1234567",
    "1.0000000",
    "9000000000.000001",
    "-9000000001",
    "9" * 400,
    "EUR 5",
    "5\x00",
]
NO_AMOUNTS: list[Any] = [
    *NO_AMOUNTS_IN_TEXT,
    None,
    True,
    False,
    1.5,
    float("nan"),
    b"5",
    Decimal("NaN"),
    Decimal("sNaN"),
    Decimal("Infinity"),
    Decimal("1E-7"),
    Decimal("1e400"),
    Decimal("1e-400"),
    Decimal("1." + "0" * 40 + "1"),
    10**10,
    10**5000,
    "9" * 1_000_002,
]


def by_type(value: Any) -> str:
    return type(value).__name__


@pytest.mark.parametrize("value", NO_AMOUNTS, ids=by_type)
def test_r1_what_is_no_exact_amount_is_refused(value: Any) -> None:
    with pytest.raises(InvalidMoney):
        parse_money(value)


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        ("0", "0"),
        ("-0", "0"),
        ("+5", "5"),
        (".5", "0.5"),
        ("007", "7"),
        ("1.123456", "1.123456"),
        ("9000000000", "9000000000"),
        ("-9000000000.000000", "-9000000000"),
        (5, "5"),
        (Decimal("1E+3"), "1000"),
        (Decimal("2.5000000"), "2.5"),
    ],
)
def test_r1_an_exact_amount_is_taken_as_it_is(value: Any, amount: str) -> None:
    assert parse_money(value) == Decimal(amount)
    assert not parse_money(value).is_signed() or parse_money(value) < 0


@given(st.integers(-9_000_000_000_000_000, 9_000_000_000_000_000))
def test_r1_every_number_of_micros_comes_back_from_its_text(micros: int) -> None:
    amount = Decimal(micros).scaleb(-6)

    assert parse_money(format_amount(amount)) == amount


@pytest.mark.django_db
@pytest.mark.parametrize("amount", ["0.000001", "8999999999.999999", "9000000000", "0.1", "33.333333"])
def test_r1_the_database_keeps_integer_micros_and_gives_back_the_same_decimal(amount: str) -> None:
    campaign = CampaignFactory.create(daily_budget=Decimal(amount))

    with connection.cursor() as cursor:
        cursor.execute("select daily_budget from campaigns_campaign")
        (kept,) = cursor.fetchone()

    assert kept == int(Decimal(amount) * 1_000_000)
    assert isinstance(kept, int)
    assert Campaign.objects.get(pk=campaign.pk, daily_budget=Decimal(amount)).daily_budget == Decimal(amount)


@pytest.mark.django_db
@pytest.mark.parametrize("amount", [1.5, True, "1e5", Decimal("NaN"), Decimal("0.0000001")], ids=repr)
def test_r1_the_field_itself_refuses_to_keep_what_is_not_exact(amount: Any) -> None:
    with pytest.raises(InvalidMoney):
        CampaignFactory.create(daily_budget=amount)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "amount", [value for value in NO_AMOUNTS if value is not None], ids=lambda value: type(value).__name__
)
def test_r1_the_ledger_refuses_what_is_not_exact(amount: Any) -> None:
    campaign = CampaignFactory.create()

    receipt = ledger.record_spend([ledger.SpendEntry(campaign.pk, amount, AT)], at=AT)

    assert [rejection.code for rejection in receipt.rejected] == ["invalid_amount"]
    assert not SpendLog.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("amount", NO_AMOUNTS_IN_TEXT, ids=repr)
def test_r1_the_task_fails_on_what_is_not_exact(amount: str) -> None:
    campaign = CampaignFactory.create()

    with pytest.raises(ledger.Rejected) as refused:
        tasks.add_campaign_spend(campaign.pk, amount)

    assert refused.value.code == "invalid_amount"
    assert not SpendLog.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("amount", [text for text in NO_AMOUNTS_IN_TEXT if not text.startswith("-")], ids=repr)
def test_r1_the_command_refuses_what_is_not_exact(amount: str) -> None:
    campaign = CampaignFactory.create()

    with pytest.raises(CommandError):
        call_command("simulate_spend", str(campaign.pk), amount)

    assert not SpendLog.objects.exists()


@pytest.mark.parametrize("text", [text for text in NO_AMOUNTS_IN_TEXT if text])
def test_r1_a_form_says_why_a_text_is_no_amount(text: str) -> None:
    with pytest.raises(ValidationError) as refused:
        MoneyFormField().clean(text)

    assert len(refused.value.messages) == 1


def test_a_form_takes_an_empty_box_as_no_budget_and_knows_the_same_amount_again() -> None:
    field = MoneyFormField(required=False)

    assert field.clean("  ") is None
    assert field.clean(" 120.50 ") == Decimal("120.5")
    assert not field.has_changed(Decimal("120.500000"), "120.50")
    assert field.has_changed(Decimal("120.500000"), "120.51")
    assert field.prepare_value(Decimal("120.500000")) == "120.5"


@pytest.mark.parametrize("text", [*(text for text in NO_AMOUNTS_IN_TEXT if text), "-5", "0"])
def test_r1_the_admin_form_refuses_a_budget_that_is_none(admin_page: Client, text: str) -> None:
    campaign = CampaignFactory.create(daily_budget=Decimal(7))
    data = {"name": campaign.name, "daily_budget": text, "schedules-TOTAL_FORMS": 0, "schedules-INITIAL_FORMS": 0}

    page = admin_page.post(f"/admin/campaigns/campaign/{campaign.pk}/change/", data)

    assert page.status_code == 200
    assert page.context["errors"]
    campaign.refresh_from_db()
    assert campaign.daily_budget == Decimal(7)


@pytest.mark.parametrize(
    ("amount", "currency", "people", "programs"),
    [
        ("1234.5", "EUR", "EUR 1,234.50", "1234.50"),
        ("1234.5", "USD", "USD 1,234.50", "1234.50"),
        ("1234.5", "JPY", "JPY 1,235", "1234.5"),
        ("12.5", "RSD", "RSD 12.50", "12.50"),
        ("12.5", "IQD", "IQD 12.500", "12.500"),
        ("-0.001", "EUR", "EUR 0.00", "-0.001"),
        ("1.5", "KWD", "KWD 1.500", "1.500"),
        ("-0.5", "EUR", "-EUR 0.50", "-0.50"),
        ("0.000001", "EUR", "EUR 0.00", "0.000001"),
    ],
)
def test_r2_an_amount_is_shown_with_its_currency_s_own_decimals(
    amount: str, currency: str, people: str, programs: str
) -> None:
    assert format_money(Decimal(amount), currency) == people
    assert format_amount(Decimal(amount), currency) == programs


def test_the_largest_amount_fits_its_column_many_times_over() -> None:
    assert MAX_AMOUNT * 1_000_000 * 1_000 < 2**63


@pytest.mark.parametrize(("currency", "shown"), [("JPY", "1"), ("EUR", "0.67"), ("KWD", "0.667")])
def test_r2_a_figure_that_is_worked_out_has_the_decimals_of_its_currency(currency: str, shown: str) -> None:
    assert str(rounded(Fraction(2, 3), currency)) == shown
    assert str(rounded(Decimal("0.6666666"), currency)) == shown


def test_r2_half_a_unit_is_rounded_away_from_zero() -> None:
    assert [rounded(Decimal(amount), "JPY") for amount in ("0.5", "-0.5", "2.5")] == [1, -1, 3]

"""Exact money: how amounts come in, how they are kept, how they are shown (R1, R2).

An amount is a `Decimal` in currency units everywhere in Python and an integer of micros (1/1,000,000 unit, the unit
in which ad platforms bill) in the database, on SQLite and PostgreSQL alike.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeVar

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.expressions import BaseExpression

from campaigns.currencies import decimals

DECIMALS = 6
MICROS = 10**DECIMALS
# The largest amount that a person, a file or a program may give, either way of zero.
MAX_AMOUNT = Decimal(9_000_000_000)
# The largest sum that a counter keeps: nine million million units still fit a signed 64-bit number of micros.
MAX_TOTAL = Decimal(9_000_000_000_000)

ZERO = Decimal(0)

# Longer texts are no amounts, only work for the parser.
LONGEST_TEXT = 40

_ASCII_DECIMAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)", re.ASCII)


class InvalidMoney(ValueError):
    """The value is no amount of money; the message says why, in words for the person who gave it."""


def parse_money(value: object) -> Decimal:
    """The amount that `value` states exactly, in currency units (R1).

    Takes a str that holds an ASCII decimal, an int or a Decimal, of at most 6 decimals and |x| <= 9,000,000,000.
    Raises InvalidMoney for anything else: NaN, Infinity, exponents, `1_000`, other scripts' digits, booleans, floats.
    """
    if isinstance(value, str):
        if len(value) > LONGEST_TEXT or not _ASCII_DECIMAL.fullmatch(value):
            raise InvalidMoney(f"{_shown(value)} is not an amount: write digits with a point, such as 1234.56.")
        if len(value.partition(".")[2]) > DECIMALS:
            raise InvalidMoney(f"{_shown(value)} has more than {DECIMALS} decimals.")
        amount = Decimal(value)
    elif isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise InvalidMoney(f"{_shown(value)} is a {type(value).__name__}, not an exact amount: give a decimal string.")
    else:
        # An int of thousands of digits has no text in Python, so it is measured before it is looked at.
        amount = Decimal(value) if isinstance(value, Decimal) or abs(value) <= MAX_AMOUNT else 2 * MAX_AMOUNT
        _refuse_inexact(amount)
    if abs(amount) > MAX_AMOUNT:
        raise InvalidMoney(f"{_shown(value)} is out of range: at most {MAX_AMOUNT:,} either way.")
    return amount or ZERO  # one zero: -0 and 0E-9 are it too


def to_micros(amount: Decimal) -> int:
    """An exact amount, such as `parse_money` gives, as the integer that is kept."""
    return int(amount.scaleb(DECIMALS))


def from_micros(micros: int) -> Decimal:
    return Decimal(micros).scaleb(-DECIMALS)


def rounded(amount: Decimal | Fraction, currency: str) -> Decimal:
    """A figure that is worked out, not spent, in the currency's own number of decimals (R2): JPY 0, USD 2, KWD 3."""
    exact = Decimal(amount.numerator) / Decimal(amount.denominator) if isinstance(amount, Fraction) else amount
    return exact.quantize(Decimal(1).scaleb(-decimals(currency)), ROUND_HALF_UP)


def format_money(amount: Decimal, currency: str, *, with_code: bool = True) -> str:
    """`amount` for people, with the currency's own number of decimals (R2): `EUR 1,234.50`, `JPY 1,235`."""
    shown = rounded(amount, currency)
    sign = "-" if shown < 0 else ""
    code = f"{currency} " if with_code else ""
    return f"{sign}{code}{abs(shown):,f}"


def format_amount(amount: Decimal, currency: str = "") -> str:
    """`amount` for programs: exact, no separators, with at least the currency's own number of decimals."""
    least = decimals(currency) if currency else 0
    units, _, rest = f"{amount:f}".partition(".")
    rest = rest.rstrip("0").ljust(least, "0")
    return f"{units}.{rest}" if rest else units


def _refuse_inexact(amount: Decimal) -> None:
    """Raise InvalidMoney unless `amount` is a whole number of micros. Looks at digits: arithmetic might round first."""
    if not amount.is_finite():
        raise InvalidMoney(f"{amount} is not an amount.")
    _sign, digits, exponent = amount.as_tuple()
    assert isinstance(exponent, int)
    if -exponent > DECIMALS and amount and -exponent - _trailing_zeros(digits) > DECIMALS:
        raise InvalidMoney(f"{_shown(amount)} has more than {DECIMALS} decimals.")


def _trailing_zeros(digits: tuple[int, ...]) -> int:
    return len(digits) - len("".join(map(str, digits)).rstrip("0"))


def _shown(value: object) -> str:
    if isinstance(value, int) and value.bit_length() > 100:
        return "An integer of more than 30 digits"
    # Without an exponent, unless that would be thousands of digits.
    plain = isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) < LONGEST_TEXT
    text = repr(value[: LONGEST_TEXT + 1]) if isinstance(value, str) else f"{value:f}" if plain else str(value)
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}..."


class MoneyFormField(forms.CharField):
    """A text box for an amount; what is no amount becomes a form error that says why."""

    def to_python(self, value: Any) -> Any:  # Decimal, or None where the box is empty
        if isinstance(value, str):
            value = value.strip()
        if value in self.empty_values:
            return None
        try:
            return parse_money(value)
        except InvalidMoney as error:
            raise ValidationError(str(error), code="invalid_amount") from error

    def prepare_value(self, value: Any) -> Any:
        return format_amount(value) if isinstance(value, Decimal) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(initial) != self.to_python(data))
        except ValidationError:
            return True


_Set_contra = TypeVar("_Set_contra", contravariant=True)
_Get_co = TypeVar("_Get_co", covariant=True)


class MoneyField(models.Field[_Set_contra, _Get_co]):
    """A column of integer micros that speaks Decimal currency units (R1). Raises InvalidMoney for what is not exact."""

    description = "An exact amount of money"

    if TYPE_CHECKING:
        _pyi_private_set_type: Decimal | int | str
        _pyi_private_get_type: Decimal
        _pyi_lookup_exact_type: Decimal | int | str

    def get_internal_type(self) -> str:
        return "BigIntegerField"

    def from_db_value(self, value: int | Decimal | None, *_: object) -> Decimal | None:
        # PostgreSQL sums bigints into a numeric, hence int() before the shift of the point.
        return None if value is None else from_micros(int(value))

    def to_python(self, value: Any) -> Decimal | None:
        if value is None:
            return None
        try:
            return parse_money(value)
        except InvalidMoney as error:
            raise ValidationError(str(error), code="invalid_amount") from error

    def get_prep_value(self, value: Any) -> Any:
        value = super().get_prep_value(value)
        if value is None or isinstance(value, BaseExpression):
            return value
        if isinstance(value, Decimal):  # a sum may pass MAX_AMOUNT
            _refuse_inexact(value)
            return to_micros(value)
        return to_micros(parse_money(value))

    def value_to_string(self, obj: models.Model) -> str:
        value: Any = self.value_from_object(obj)
        return "" if value is None else format_amount(value)

    def formfield(self, **kwargs: Any) -> Any:
        return super().formfield(**{"form_class": MoneyFormField, **kwargs})

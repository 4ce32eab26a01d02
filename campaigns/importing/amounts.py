"""The amounts of a column. What its points and commas mean, all its cells together tell, or a person.

An amount is what `money.parse_money` takes, once thousands separators and a currency mark are taken off.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache

from babel.numbers import get_currency_name

from campaigns.currencies import CURRENCIES, decimals
from campaigns.importing.rows import Asking, UnreadableFile
from campaigns.importing.sheets import Cell
from campaigns.money import DECIMALS, LONGEST_TEXT, ZERO, InvalidMoney, parse_money

# Marks that several currencies share, and how these are called in English.
SHARED: dict[str, str] = {
    "$": "Dollar|(?<!Philippine )Peso",
    "£": "Pound",
    **dict.fromkeys(("¥", "￥"), "Yen|Yuan"),
    **{"円": "Yen", "元": "Yuan|New Taiwan Dollar|Hong Kong Dollar", "₩": "Won"},
    **dict.fromkeys(("kr", "kr.", "Kr"), "Kr[oó]n"),
    **dict.fromkeys(("Rs", "Rs.", "₨"), "Rupee"),
    **dict.fromkeys(("Fr", "Fr."), "Franc"),
}
# What platforms and spreadsheets write before or behind an amount, and the currency where it means just one.
MARKS: dict[str, str] = {
    **dict.fromkeys(SHARED, ""),
    **{"€": "EUR", "₹": "INR", "R$": "BRL", "zł": "PLN", "Kč": "CZK", "Ft": "HUF", "₺": "TRY", "₽": "RUB", "₴": "UAH"},
    **{"฿": "THB", "₫": "VND", "₱": "PHP", "₪": "ILS", "₦": "NGN", "₸": "KZT", "₾": "GEL", "S/": "PEN"},
    **{"US$": "USD", "CA$": "CAD", "A$": "AUD", "AU$": "AUD", "NZ$": "NZD", "HK$": "HKD", "NT$": "TWD", "MX$": "MXN"},
    **{code: code for code in CURRENCIES},
}
# How platforms write that nothing was spent.
BLANKS = frozenset({"", "--", "-"})

# Spaces and apostrophes that only ever group digits. An ordinary space does so beside a decimal comma; else it parts.
_SPACES = "\u00a0\u202f\u2009"
_GROUPING = _SPACES + "'\u2019"
_MARK = "|".join(re.escape(mark) for mark in sorted(MARKS, key=len, reverse=True))
# Looking ahead spares the long list of marks where there is none.
_MARKED = re.compile(
    rf"([+-]?)(?:(?![0-9])({_MARK})[ {_SPACES}]?)?([+-]?)([0-9., {_GROUPING}]*[0-9])(?:(?=.)[ {_SPACES}]?({_MARK}))?"
)
# Digits in groups of three, by the decimal mark; with a decimal point, India's groups of two as well.
_DIGITS = {
    ".": re.compile(
        rf"(?P<whole>[0-9]*|[1-9][0-9]{{0,2}}([,{_GROUPING}])[0-9]{{3}}(?:\2[0-9]{{3}})*|[1-9][0-9]?(?:,[0-9]{{2}})+,[0-9]{{3}})"
        r"(?:\.(?P<fraction>[0-9]+))?"
    ),
    ",": re.compile(
        rf"(?P<whole>[0-9]*|[1-9][0-9]{{0,2}}([. {_GROUPING}])[0-9]{{3}}(?:\2[0-9]{{3}})*)(?:,(?P<fraction>[0-9]+))?"
    ),
}
_OTHER = {".": ",", ",": "."}
_NAMES = {".": "point", ",": "comma"}
UNDECIDED = ". or ,"

_PLAIN = re.compile(r"-?[0-9]+(?:\.[0-9]{1,6})?")
_MICROS = re.compile(r"-?[0-9]{1,16}(?:\.[0-9]{1,20})?")
_STEP = Decimal(1).scaleb(-DECIMALS)
_EXACTLY = Context(prec=100)


# In currency units; what rounding added; and its currency mark, empty where it has none.
Amount = tuple[Decimal, Decimal, str]


class Amounts:
    """Reads the cells of one column as amounts, once all of them have been shown to `learn`."""

    def __init__(
        self, *, decimal: str, rounded: bool, micros: bool, blank_is_zero: bool, one_mark: bool, asking: Asking
    ) -> None:
        """`decimal` is a point or a comma where a person says it; empty: as the column shows.

        `rounded`: amounts of more than six decimals are rounded half to even. `micros`: the column states whole
        millionths. `blank_is_zero`: where nothing was spent, the cell is empty or a dash.
        `one_mark`: nothing else says the currency, so two currency marks would be two currencies.
        """
        self.decimal = decimal
        self.rounded = rounded
        self.micros = micros
        self.blank_is_zero = blank_is_zero
        self.one_mark = one_mark
        self.asking = asking
        self.seen: dict[str, tuple[int, str]] = {}  # by what it shows: where it was first met, and the text
        self.mark = ""  # the currency mark that the column has

    def learn(self, cell: Cell, line: int, currency: str) -> None:
        """Note what the cell shows; `currency` is its row's, where the file says it."""
        if self.micros or not isinstance(cell, str):
            return
        if "." in self.seen and "," not in cell and cell.count(".") < 2:
            return  # it shows nothing else, as do nearly all
        shown = shown_by(cell)
        if shown == UNDECIDED and currency and decimals(currency) == 0:
            shown = "." if "," in cell else ","  # yen have no decimals, so it can only group
        if shown not in self.seen:
            self.seen[shown] = (line, cell)

    def settle(self, column: str) -> None:
        """Decide how the column is read. Raises UnreadableFile where it does not tell, or tells two things."""
        if self.decimal:
            return
        if "." in self.seen and "," in self.seen:
            (one, point), (other, comma) = self.seen["."], self.seen[","]
            raise UnreadableFile(
                f"Column {column} contradicts itself: {point.strip()!r} in line {one} has a decimal point, "
                f"{comma.strip()!r} in line {other} a comma. Say which is right {self.asking.decimal}"
            )
        self.decimal = "," if "," in self.seen else "."
        if UNDECIDED in self.seen and self.decimal not in self.seen:
            line, text = self.seen[UNDECIDED]
            raise UnreadableFile(
                f"Line {line}, column {column}: {text.strip()!r} may have thousands or decimals behind its mark, and "
                f"no line of the file tells. Say which is the decimal mark {self.asking.decimal}"
            )

    def read(self, cell: Cell) -> Amount:
        """The amount that `cell` states. Raises InvalidMoney."""
        if isinstance(cell, str):
            text = cell.strip()
            if text in BLANKS:
                if not self.blank_is_zero:
                    raise InvalidMoney("the amount is empty." if not text else f"{text!r} is not an amount.")
                return ZERO, ZERO, ""
            if self.decimal == "." and not self.micros and _PLAIN.fullmatch(text):
                return parse_money(text), ZERO, ""
            stated, mark = self._stated(text)
            if self.one_mark:
                self._refuse_another(mark)
        elif isinstance(cell, Decimal):
            stated, mark = cell, ""
            if self.micros:
                stated, mark = self._stated(f"{cell:f}")
        else:
            raise InvalidMoney(f"{cell} is a date, not an amount.")
        value = self._to_micros(stated)
        return value, _EXACTLY.subtract(value, stated) or ZERO, mark

    def _refuse_another(self, mark: str) -> None:
        """Raise UnreadableFile where a column has two marks that are not known to mean the same currency."""
        known = self.mark
        if mark and known and mark != known and not (MARKS[mark] and MARKS[mark] == MARKS[known]):
            raise UnreadableFile(
                f"Its amounts are in {known} and in {mark}: import what is in one currency at a time, each for a brand "
                "in that currency."
            )
        self.mark = known or mark

    def _stated(self, text: str) -> tuple[Decimal, str]:
        """The number in the text, exactly, and the currency mark beside it."""
        if self.micros:
            if not _MICROS.fullmatch(text):
                raise InvalidMoney(f"{text[:LONGEST_TEXT]!r} is no number of micros (millionths of the currency).")
            return Decimal(text).scaleb(-DECIMALS, _EXACTLY), ""
        match = _MARKED.fullmatch(text) if len(text) <= LONGEST_TEXT else None
        if not match:
            return parse_money(text), ""  # which says what is wrong with it
        sign, before, inner_sign, digits, behind = match.groups(default="")
        number = _DIGITS[self.decimal].fullmatch(digits)
        if not number or (sign and inner_sign) or (before and behind):
            raise InvalidMoney(f"{text!r} is not an amount with a decimal {_NAMES[self.decimal]}.")
        whole = "".join(filter(str.isdigit, number["whole"]))
        fraction = f".{number['fraction']}" if number["fraction"] else ""
        return Decimal(f"{sign or inner_sign}{whole or 0}{fraction}"), before or behind

    def _to_micros(self, stated: Decimal) -> Decimal:
        """`stated`, where it is a whole number of micros; or rounded to one, where a person wants that."""
        try:
            return parse_money(stated)
        except InvalidMoney as error:
            finite = stated.is_finite() and stated.adjusted() < LONGEST_TEXT
            rounded = stated.quantize(_STEP, ROUND_HALF_EVEN, _EXACTLY) if finite else stated
            if rounded == stated:
                raise
            if not self.rounded:
                raise InvalidMoney(f"{error} {self.asking.round} to have such amounts rounded.") from None
            return parse_money(rounded)


@lru_cache(maxsize=1_000)
def may_mean(mark: str, currency: str) -> bool:
    """Whether amounts in `currency`, an ISO code, may be written with this mark (R2)."""
    if mark in SHARED:
        return re.search(SHARED[mark], get_currency_name(currency, locale="en")) is not None
    return MARKS[mark] == currency


@lru_cache(maxsize=10_000)
def shown_by(text: str) -> str:
    """The decimal mark that the text shows, or UNDECIDED; empty where it shows neither."""
    plain = _PLAIN.fullmatch(text)
    match = None if plain else _MARKED.fullmatch(text.strip())
    digits = text.lstrip("-") if plain else match[4] if match else ""
    point, comma = digits.rfind("."), digits.rfind(",")
    if point == comma:  # neither is there
        return ""
    last = "." if point > comma else ","
    if min(point, comma) >= 0:
        return last
    if not _DIGITS[last].fullmatch(digits):
        return _OTHER[last] if _DIGITS[_OTHER[last]].fullmatch(digits) else ""
    return UNDECIDED if _DIGITS[_OTHER[last]].fullmatch(digits) else last

"""ISO 4217: the currencies in use today, and how many decimals each has.

The decimals are ISO's. CLDR, which Babel carries, rounds cash and gives some currencies fewer: RSD none, IQD none.
"""

from __future__ import annotations

from babel.core import get_global

# Codes that are legal tender somewhere today.
CURRENCIES: tuple[str, ...] = tuple(
    sorted(
        {
            code
            for history in get_global("territory_currencies").values()
            for code, _since, until, tender in history
            if until is None and tender
        }
    )
)

_DECIMALS_OTHER_THAN_TWO: dict[str, int] = {
    code: number
    for number, codes in (
        (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
        (3, "BHD IQD JOD KWD LYD OMR TND"),
        (4, "CLF UYW"),
    )
    for code in codes.split()
}


def decimals(currency: str) -> int:
    """How many decimals `currency` has: JPY 0, USD 2, KWD 3."""
    return _DECIMALS_OTHER_THAN_TWO.get(currency, 2)

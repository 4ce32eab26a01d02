"""What requests and answers share: amounts, days, ids, pages, and the errors that every address may give."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from campaigns.api.problems import ProblemDetails

LARGEST_ID = 2**63 - 1


def _calendar_day(value: Any) -> Any:
    """`2026-11-21` and nothing else: the checker's own reading also takes a number for seconds since 1970."""
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value, re.ASCII):
        raise ValueError("must be a day such as 2026-11-21")
    return value


def _whole_number(value: Any) -> Any:
    """Digits and nothing else: the checker's own reading also takes `1_000`, `+5` and `5.0`."""
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{1,19}", value, re.ASCII):
        raise ValueError("must be a whole number")
    return value


Amount = Annotated[
    str,
    Field(
        pattern=r"^-?[0-9]+(\.[0-9]{1,6})?$",
        description="Exact, in the currency beside it, with at least that currency's own number of decimals.",
        examples=["12.50"],
    ),
]
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$", description="ISO 4217.", examples=["EUR"])]
Day = Annotated[date, BeforeValidator(_calendar_day), Field(examples=["2026-11-21"])]
Id = Annotated[int, BeforeValidator(_whole_number), Field(ge=1, le=LARGEST_ID, examples=[1])]

PROBLEMS: dict[int, Any] = dict.fromkeys((401, 403, 404, 422, 429, 500, 503), ProblemDetails)
PROBLEMS_OF_BODIES: dict[int, Any] = dict.fromkeys((400, 413, 415), ProblemDetails) | PROBLEMS

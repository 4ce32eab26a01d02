"""What requests and answers share: amounts, days, ids, codes, and the errors that every address may give."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from campaigns.api.problems import ProblemDetails
from campaigns.holds import LABELS
from campaigns.models import Campaign
from campaigns.money import format_amount

LARGEST_ID = 2**63 - 1


def _calendar_day(value: Any) -> Any:
    """`2026-11-21` and nothing else: the checker's own reading also takes a number for seconds since 1970."""
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value, re.ASCII):
        raise ValueError("must be a day such as 2026-11-21")
    return value


def whole_number(value: Any) -> Any:
    """Digits and nothing else: the checker's own reading also takes `1_000`, `+5` and `5.0`."""
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{1,19}", value, re.ASCII):
        raise ValueError("must be a whole number")
    return value


def one_of(choices: Sequence[str]) -> Callable[[str], str]:
    """A check that a text is one of `choices`, which says which they are."""

    def check(value: str) -> str:
        if value not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return value

    return check


STATUSES = list(Campaign.Status.values)
HOLDS = [hold.name or "" for hold in LABELS]

Amount = Annotated[
    str,
    Field(
        pattern=r"^-?[0-9]+(\.[0-9]{1,6})?$",
        description="Exact, in the currency beside it, with at least that currency's own number of decimals.",
        examples=["12.50"],
    ),
]
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$", description="ISO 4217.", examples=["EUR"])]
Day = Annotated[date, Field(examples=["2026-11-21"]), BeforeValidator(_calendar_day)]
Id = Annotated[int, Field(ge=1, le=LARGEST_ID, examples=[1]), BeforeValidator(whole_number)]
StatusCode = Annotated[str, AfterValidator(one_of(STATUSES)), Field(json_schema_extra={"enum": [*STATUSES]})]
HoldCode = Annotated[str, AfterValidator(one_of(HOLDS)), Field(json_schema_extra={"enum": [*HOLDS]})]


def optional(description: str) -> Any:
    """A parameter that may be left out. That is all that null means here: there is no way to send it."""

    def without_null(schema: dict[str, Any]) -> None:
        given, _null = schema.pop("anyOf")
        schema.update({**given, **schema})

    return Field(default=None, description=description, json_schema_extra=without_null)


# The errors that an address may answer with: any at all, one that names a campaign, and one that takes a body.
PROBLEMS: dict[int, Any] = dict.fromkeys((400, 401, 403, 422, 429, 500, 503), ProblemDetails)
NOT_FOUND: dict[int, Any] = {404: ProblemDetails}
BAD_BODY: dict[int, Any] = dict.fromkeys((413, 415), ProblemDetails)


class DayRange(BaseModel):
    """Days of the brand's calendar, both ends included."""

    first: Day = Field(alias="from", description="The first day.")
    last: Day = Field(alias="to", description="The last day, not before the first.")

    @field_validator("last")
    @classmethod
    def _not_before_first(cls, last: date, info: ValidationInfo) -> date:
        if "first" in info.data and last < info.data["first"]:
            raise PydanticCustomError("reversed", "lies before from")
        return last


def shown(amount: Decimal | None, currency: str) -> str | None:
    """An amount that may be missing, as an answer shows it."""
    return None if amount is None else format_amount(amount, currency)

"""Spend over a range of days."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from ninja import Query, Router
from pydantic import AfterValidator, BaseModel, Field

from campaigns.api.auth import BearerToken, Request
from campaigns.api.pages import CURSOR, Limit
from campaigns.api.problems import Problem
from campaigns.api.schemas import LARGEST_ID, PROBLEMS, Amount, Currency, Day, DayRange, Id, one_of, optional
from campaigns.models import Scope
from campaigns.money import format_amount
from campaigns.reports import GROUPINGS, RangeLine, spend_in_range, totals_in_range
from campaigns.tokens import brands_of

router = Router(tags=["Reports"], auth=BearerToken(Scope.READ))

Grouping = Annotated[str, AfterValidator(one_of([*GROUPINGS])), Field(json_schema_extra={"enum": [*GROUPINGS]})]


class ReportQuery(DayRange):
    by: Grouping = Field(description="What a line is for.")
    brand: Id | None = optional("Only the brand with this id.")
    cursor: Annotated[str, Field(pattern=r"^[0-9A-Z:-]{1,20}$")] | None = optional(CURSOR)
    limit: Limit = 100


class LineAnswer(BaseModel):
    """What one campaign, brand, day or month cost.

    A day or month has a line for each currency: they are never added up.
    """

    campaign_id: int | None = Field(description="In a report by campaign.")
    campaign: str | None = Field(description="In a report by campaign: its name.")
    brand_id: int | None = Field(description="In a report by campaign or brand.")
    brand: str | None = Field(description="In a report by campaign or brand: its name.")
    day: Day | None = Field(description="In a report by day; each brand's own.")
    month: str | None = Field(pattern="^[0-9]{4}-[0-9]{2}$", description="In a report by month; each brand's own.")
    amount: Amount
    currency: Currency

    @classmethod
    def of(cls, line: RangeLine) -> LineAnswer:
        return cls(
            campaign_id=line.campaign_id,
            campaign=line.campaign_name,
            brand_id=line.brand_id,
            brand=line.brand_name,
            day=line.day,
            month=f"{line.month:%Y-%m}" if line.month else None,
            amount=format_amount(line.amount, line.currency),
            currency=line.currency,
        )


class TotalAnswer(BaseModel):
    amount: Amount
    currency: Currency


class ReportAnswer(BaseModel):
    items: list[LineAnswer] = Field(description="Without what has no spend in the range.")
    next_cursor: str | None = Field(description="Ask with it for the page that follows; null: this was the last.")
    totals: list[TotalAnswer] = Field(description="Of the whole report, all its pages, a currency each.")


@router.get("/reports/spend", response={200: ReportAnswer, **PROBLEMS})
def report_spend(request: Request, query: Query[ReportQuery]) -> ReportAnswer:
    """Spend by campaign, brand, day or month over a range of days of the brands' own calendars."""
    brands = brands_of(request.auth)
    if query.brand is not None:
        brands = brands.filter(pk=query.brand)
    after = None if query.cursor is None else _read_cursor(query.cursor, query.by)
    lines = spend_in_range(query.by, query.first, query.last, brands=brands, after=after, limit=query.limit + 1)
    shown = lines[: query.limit]
    totals = totals_in_range(query.first, query.last, brands=brands)
    return ReportAnswer(
        items=[LineAnswer.of(line) for line in shown],
        next_cursor=_cursor(shown[-1], query.by) if len(lines) > len(shown) else None,
        totals=[
            TotalAnswer(amount=format_amount(amount, currency), currency=currency)
            for currency, amount in totals.items()
        ],
    )


def _cursor(line: RangeLine, grouping: str) -> str:
    order, _ = GROUPINGS[grouping]
    return ":".join(str(getattr(line, column)) for column in order)


def _read_cursor(cursor: str, grouping: str) -> tuple[Any, ...]:
    try:
        if grouping in ("day", "month"):
            day, currency = cursor.split(":")
            return date.fromisoformat(day), currency
        row = int(cursor)
        if not 0 < row <= LARGEST_ID:
            raise ValueError(cursor)
    except ValueError as error:
        message = f"{cursor!r} is not a next_cursor of a report by {grouping}"
        raise Problem.of_field("cursor", "invalid_cursor", message) from error
    return (row,)

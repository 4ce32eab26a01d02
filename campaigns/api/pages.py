"""Long lists, a page at a time. A page begins after the last row of the one before: rows added meanwhile shift none."""

from __future__ import annotations

from typing import Annotated, TypeVar

from django.db.models import Model, QuerySet
from pydantic import BaseModel, BeforeValidator, Field

from campaigns.api.schemas import Id, optional, whole_number

MOST_ROWS = 1000

Row = TypeVar("Row", bound=Model)

Limit = Annotated[
    int, Field(ge=1, le=MOST_ROWS, description="Rows on a page.", examples=[100]), BeforeValidator(whole_number)
]
CURSOR = "`next_cursor` of the page before; none: the first page."


class Page(BaseModel):
    """Some rows of a list."""

    next_cursor: int | None = Field(description="Ask with it for the page that follows; null: this was the last.")


class PageQuery(BaseModel):
    """Which page of a list."""

    cursor: Id | None = optional(CURSOR)
    limit: Limit = 100


def one_page(rows: QuerySet[Row], page: PageQuery, *, newest_first: bool = False) -> tuple[list[Row], int | None]:
    """The rows of a page, by id, and the cursor of the page that follows, if there is one. One query."""
    if page.cursor is not None:
        rows = rows.filter(pk__lt=page.cursor) if newest_first else rows.filter(pk__gt=page.cursor)
    found = list(rows.order_by("-pk" if newest_first else "pk")[: page.limit + 1])
    shown = found[: page.limit]
    return shown, shown[-1].pk if len(found) > len(shown) else None

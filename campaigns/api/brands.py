"""Brands: their clock and currency, their budgets and what is gone of them."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone
from ninja import Query, Router
from pydantic import BaseModel, Field

from campaigns.api.auth import BearerToken, Request
from campaigns.api.pages import Page, PageQuery, one_page
from campaigns.api.schemas import PROBLEMS, Amount, Currency, shown
from campaigns.models import Brand, Scope
from campaigns.money import format_amount
from campaigns.periods import local_clock
from campaigns.rules import DAILY, MONTHLY
from campaigns.tokens import brands_of

router = Router(tags=["Brands and campaigns"], auth=BearerToken(Scope.READ))


class BrandAnswer(BaseModel):
    id: int
    name: str
    is_active: bool
    timezone: str = Field(description="IANA: the clock on which its days and months are read.", examples=["Asia/Tokyo"])
    currency: Currency
    daily_budget: Amount | None = Field(description="Null: no limit.")
    daily_spend: Amount = Field(description="Of its current day.")
    monthly_budget: Amount | None = Field(description="Null: no limit.")
    monthly_spend: Amount = Field(description="Of its current month.")

    @classmethod
    def of(cls, brand: Brand, at: datetime) -> BrandAnswer:
        clock = local_clock(brand.timezone, at)
        return cls(
            id=brand.pk,
            name=brand.name,
            is_active=brand.is_active,
            timezone=clock.zone.key,
            currency=brand.currency,
            daily_budget=shown(brand.daily_budget, brand.currency),
            daily_spend=format_amount(DAILY.current_spend(brand, clock), brand.currency),
            monthly_budget=shown(brand.monthly_budget, brand.currency),
            monthly_spend=format_amount(MONTHLY.current_spend(brand, clock), brand.currency),
        )


class BrandPage(Page):
    items: list[BrandAnswer]


@router.get("/brands", response={200: BrandPage, **PROBLEMS})
def list_brands(request: Request, page: Query[PageQuery]) -> BrandPage:
    """The brands that the token sees, by id."""
    at = timezone.now()
    brands, next_cursor = one_page(brands_of(request.auth), page)
    return BrandPage(items=[BrandAnswer.of(brand, at) for brand in brands], next_cursor=next_cursor)

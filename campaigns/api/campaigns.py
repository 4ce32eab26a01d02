"""Campaigns: what they are, why, what they cost, and a person's pause by way of a program."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from typing import Any, Protocol

from django.db.models import F
from django.utils import timezone
from ninja import Query, Router
from pydantic import BaseModel, Field

from campaigns import enforcement
from campaigns.api.auth import BearerToken, Request, actor
from campaigns.api.pages import Page, PageQuery, one_page
from campaigns.api.problems import Problem, ProblemDetails
from campaigns.api.schemas import (
    BAD_BODY,
    NOT_FOUND,
    PROBLEMS,
    Amount,
    Currency,
    Day,
    DayRange,
    HoldCode,
    Id,
    StatusCode,
    optional,
    shown,
)
from campaigns.api.sight import seen_campaign
from campaigns.api.strict_json import refuse_fields
from campaigns.explain import explain
from campaigns.holds import Hold
from campaigns.models import ApiToken, Campaign, DailySpend, Scope, StatusChange
from campaigns.money import format_amount
from campaigns.periods import local_clock
from campaigns.rules import DAILY, MONTHLY
from campaigns.tokens import campaigns_of

router = Router(tags=["Brands and campaigns"], auth=BearerToken(Scope.READ))
controls = Router(tags=["Brands and campaigns"], auth=BearerToken(Scope.CONTROL))


class CampaignAnswer(BaseModel):
    id: int
    brand_id: int
    brand: str
    name: str
    external_id: str = Field(description="The ad platform's own ID; empty where there is none.")
    status: StatusCode
    holds: list[HoldCode] = Field(description="Why it is paused; empty where it is not.")
    currency: Currency
    daily_budget: Amount | None = Field(description="Null: no limit.")
    daily_spend: Amount = Field(description="Of the brand's current day.")
    monthly_budget: Amount | None = Field(description="Null: no limit.")
    monthly_spend: Amount = Field(description="Of the brand's current month.")
    total_budget: Amount | None = Field(description="Null: no limit.")
    total_spend: Amount
    start_date: date | None
    end_date: date | None = Field(description="The last day on which it runs.")

    @classmethod
    def of(cls, campaign: Campaign, at: datetime) -> CampaignAnswer:
        brand = campaign.brand
        clock = local_clock(brand.timezone, at)
        return cls(
            id=campaign.pk,
            brand_id=brand.pk,
            brand=brand.name,
            name=campaign.name,
            external_id=campaign.external_id,
            status=campaign.status,
            holds=campaign.hold_set.codes,
            currency=brand.currency,
            daily_budget=shown(campaign.daily_budget, brand.currency),
            daily_spend=format_amount(DAILY.current_spend(campaign, clock), brand.currency),
            monthly_budget=shown(campaign.monthly_budget, brand.currency),
            monthly_spend=format_amount(MONTHLY.current_spend(campaign, clock), brand.currency),
            total_budget=shown(campaign.total_budget, brand.currency),
            total_spend=format_amount(campaign.total_spend, brand.currency),
            start_date=campaign.start_date,
            end_date=campaign.end_date,
        )


class CampaignPage(Page):
    items: list[CampaignAnswer]


class CampaignQuery(PageQuery):
    brand: Id | None = optional("Only campaigns of the brand with this id.")
    status: StatusCode | None = optional("Only campaigns of this status.")
    hold: HoldCode | None = optional("Only campaigns that this holds, whatever else does.")


class HoldReasonAnswer(BaseModel):
    code: HoldCode
    sentence: str


class ExplanationAnswer(BaseModel):
    """Why a campaign runs or is held."""

    campaign_id: int
    running: bool
    status: StatusCode
    recorded_status: StatusCode = Field(description="Differs from `status` until the next tick puts it right.")
    holds: list[HoldReasonAnswer]
    next_change_at: datetime | None = Field(description="When the clock alone next changes the status.")
    then: StatusCode | None = Field(description="The status from then on, if nothing else is spent.")
    sentence: str


class StatusChangeAnswer(BaseModel):
    id: int
    at: datetime
    from_status: StatusCode
    to_status: StatusCode
    from_holds: list[HoldCode]
    to_holds: list[HoldCode]
    actor: str = Field(description="The user, token, task or command that caused it.", examples=["token:Collector"])
    facts: dict[str, str] = Field(description="What it was decided on: spends, budgets, local time.")

    @classmethod
    def of(cls, change: StatusChange) -> StatusChangeAnswer:
        return cls(
            id=change.pk,
            at=change.at,
            from_status=change.from_status,
            to_status=change.to_status,
            from_holds=Hold(change.from_holds).codes,
            to_holds=Hold(change.to_holds).codes,
            actor=change.actor,
            facts=change.decided_on(),
        )


class StatusChangePage(Page):
    items: list[StatusChangeAnswer]


class DayAnswer(BaseModel):
    day: Day
    spend: Amount
    daily_budget: Amount | None = Field(
        description="The one in force when spend of the day was last recorded on the day itself."
    )
    currency: Currency


class DaysAnswer(BaseModel):
    items: list[DayAnswer] = Field(description="By day; without those on which nothing was ever recorded.")


class Verb(Protocol):
    """What a person can do to a campaign: `enforcement.pause` and its like."""

    def __call__(self, campaign_ids: Collection[int], *, at: datetime, actor: str) -> enforcement.Changes: ...


@router.get("/campaigns", response={200: CampaignPage, **PROBLEMS})
def list_campaigns(request: Request, query: Query[CampaignQuery]) -> CampaignPage:
    """The campaigns that the token sees, by id."""
    at = timezone.now()
    campaigns = campaigns_of(request.auth).select_related("brand")
    if query.brand is not None:
        campaigns = campaigns.filter(brand=query.brand)
    if query.status is not None:
        campaigns = campaigns.filter(status=query.status)
    if query.hold is not None:
        campaigns = campaigns.alias(held=F("holds").bitand(Hold[query.hold].value)).filter(held__gt=0)
    rows, next_cursor = one_page(campaigns, query)
    return CampaignPage(items=[CampaignAnswer.of(campaign, at) for campaign in rows], next_cursor=next_cursor)


@router.get("/campaigns/{int:campaign_id}", response={200: CampaignAnswer, **NOT_FOUND, **PROBLEMS})
def get_campaign(request: Request, campaign_id: Id) -> CampaignAnswer:
    """One campaign."""
    return CampaignAnswer.of(seen_campaign(request.auth, campaign_id), timezone.now())


@router.get("/campaigns/{int:campaign_id}/explanation", response={200: ExplanationAnswer, **NOT_FOUND, **PROBLEMS})
def explain_campaign(request: Request, campaign_id: Id) -> ExplanationAnswer:
    """Why it runs or is held, with the numbers, and when the clock changes that."""
    seen_campaign(request.auth, campaign_id)
    explanation = explain(campaign_id, at=timezone.now())
    return ExplanationAnswer(
        campaign_id=campaign_id,
        running=explanation.running,
        status=explanation.status,
        recorded_status=explanation.recorded_status,
        holds=[HoldReasonAnswer(code=hold.code, sentence=hold.sentence) for hold in explanation.holds],
        next_change_at=explanation.next_change_at,
        then=explanation.then,
        sentence=explanation.sentence,
    )


@router.get("/campaigns/{int:campaign_id}/status-changes", response={200: StatusChangePage, **NOT_FOUND, **PROBLEMS})
def list_status_changes(request: Request, campaign_id: Id, page: Query[PageQuery]) -> StatusChangePage:
    """When its status or holds changed, why and by whom; the newest first."""
    campaign = seen_campaign(request.auth, campaign_id)
    changes, next_cursor = one_page(StatusChange.objects.filter(campaign=campaign), page, newest_first=True)
    return StatusChangePage(items=[StatusChangeAnswer.of(change) for change in changes], next_cursor=next_cursor)


@router.get("/campaigns/{int:campaign_id}/days", response={200: DaysAnswer, **NOT_FOUND, **PROBLEMS})
def list_daily_spend(request: Request, campaign_id: Id, days: Query[DayRange]) -> DaysAnswer:
    """What it cost on each day of a range of the brand's calendar."""
    campaign = seen_campaign(request.auth, campaign_id)
    currency = campaign.brand.currency
    rows = DailySpend.objects.filter(campaign=campaign, day__range=(days.first, days.last)).order_by("day")
    return DaysAnswer(
        items=[
            DayAnswer(
                day=row.day,
                spend=format_amount(row.amount, currency),
                daily_budget=shown(row.daily_budget, currency),
                currency=currency,
            )
            for row in rows
        ]
    )


CONFLICT: dict[int, Any] = {409: ProblemDetails}


@controls.post(
    "/campaigns/{int:campaign_id}/pause",
    response={200: CampaignAnswer, **CONFLICT, **NOT_FOUND, **BAD_BODY, **PROBLEMS},
)
def pause_campaign(request: Request, campaign_id: Id) -> CampaignAnswer:
    """Pause it until somebody resumes it: no reset, tick, schedule or budget does. Again changes nothing."""
    refuse_fields(request)
    return _carry_out(enforcement.pause, request.auth, campaign_id)


@controls.post(
    "/campaigns/{int:campaign_id}/resume",
    response={200: CampaignAnswer, **CONFLICT, **NOT_FOUND, **BAD_BODY, **PROBLEMS},
)
def resume_campaign(request: Request, campaign_id: Id) -> CampaignAnswer:
    """Take back a pause. It runs at once, unless something else holds it: `holds` then says what."""
    refuse_fields(request)
    return _carry_out(enforcement.resume, request.auth, campaign_id)


def _carry_out(verb: Verb, token: ApiToken, campaign_id: int) -> CampaignAnswer:
    seen_campaign(token, campaign_id)
    at = timezone.now()
    changes = verb([campaign_id], at=at, actor=actor(token))
    campaign = seen_campaign(token, campaign_id)
    if not changes.checked and campaign.status != Campaign.Status.ACTIVE:
        raise Problem(409, f"It is {campaign.status}: only a campaign that runs or is held is paused and resumed.")
    return CampaignAnswer.of(campaign, at)

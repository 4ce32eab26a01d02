"""Spend comes in: entries, and totals of days."""

from __future__ import annotations

import re
from collections.abc import Container
from datetime import datetime
from typing import Annotated, Literal, NotRequired

from django.utils import timezone
from ninja import Router, Status
from pydantic import BaseModel, ConfigDict, FailFast, Field, StrictInt, StrictStr
from typing_extensions import TypedDict  # pydantic reads no other before Python 3.12

from campaigns import ledger
from campaigns.api.auth import BearerToken, Request, actor
from campaigns.api.problems import Problem
from campaigns.api.schemas import BAD_BODY, NOT_FOUND, PROBLEMS, Amount, Currency, Day, Id
from campaigns.api.sight import seen_campaign, seen_ids
from campaigns.api.strict_json import StrictBody
from campaigns.entries import Rejected, Rejection, SpendEntry, sound_amount
from campaigns.models import ApiToken, Scope
from campaigns.money import format_amount

router = Router(tags=["Spend"], auth=BearerToken(Scope.SPEND_WRITE))

MOST_ENTRIES = 10_000

_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"
    r"(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])",
    re.ASCII,
)


# Entries and verdicts are plain dicts: ten thousand of them cost a fraction of as many model objects.
class Entry(TypedDict):
    """Money spent on a campaign."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc] # the library's way to say it

    campaign_id: Annotated[StrictInt, Field(examples=[1])]
    amount: Annotated[
        StrictStr,
        Field(
            description="In the currency of the campaign's brand: digits with a point, at most 6 decimals. Negative "
            "for a correction.",
            examples=["12.50"],
        ),
    ]
    timestamp: Annotated[
        StrictStr,
        Field(
            description="When the money was spent: ISO 8601 with an offset, at most 6 decimals of a second. It decides "
            "the brand's local day.",
            examples=["2026-11-21T14:05:00+01:00"],
        ),
    ]
    reference: Annotated[
        StrictStr,
        Field(
            description="The sender's own name for this entry, 1 to 200 characters, which counts once per campaign: "
            "sent again with the same content it is a duplicate, with another a conflict.",
            examples=["click-8213"],
        ),
    ]
    description: NotRequired[
        Annotated[StrictStr, Field(description="At most 500 characters.", examples=["Search, Berlin"])]
    ]


class SpendRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    # The first entry of a wrong form refuses the request; errors of ten thousand more would only cost memory.
    entries: Annotated[list[Entry], FailFast()] = Field(min_length=1, max_length=MOST_ENTRIES)


class Verdict(TypedDict):
    """What became of one entry."""

    index: Annotated[int, Field(ge=0, description="Its place in what was sent, from 0.")]
    verdict: Literal["recorded", "duplicate", "rejected"]
    code: NotRequired[
        Annotated[
            str,
            Field(
                description="Only where rejected, why: `invalid_amount`, `invalid_timestamp`, `invalid_text`, "
                "`no_reference`, `unknown_campaign`, `in_future`, `too_old`, `conflict`, `below_zero` or `too_large`."
            ),
        ]
    ]
    message: NotRequired[Annotated[str, Field(description="Only where rejected: the same for people.")]]


class SpendAnswer(BaseModel):
    """What became of all entries, said after the commit."""

    recorded: int = Field(ge=0)
    duplicates: int = Field(ge=0, description="Entries known already, which changed nothing.")
    rejected: int = Field(ge=0)
    paused: list[int] = Field(description="Campaigns that this spend paused.")
    verdicts: list[Verdict] = Field(description="One for each entry, in the order sent.")


class DayTotalRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    total: StrictStr = Field(
        pattern=r"^[0-9]{1,10}(\.[0-9]{1,6})?$",
        description="What the day cost in all, in the brand's currency: at most 9000000000.",
        examples=["149.90"],
    )
    description: StrictStr = Field(default="", max_length=500, examples=["Restated"])


class DayTotalAnswer(BaseModel):
    campaign_id: int
    day: Day
    total: Amount
    difference: Amount = Field(description="What was recorded now to get there; 0 where nothing changed.")
    currency: Currency


# Which field of a day's total each reason speaks of; the others speak of the total itself.
BLAMED = {"in_future": "day", "too_old": "day", "invalid_day": "day", "invalid_text": "description"}


@router.post("/spend", response={200: SpendAnswer, 207: SpendAnswer, **BAD_BODY, **PROBLEMS})
def record_spend(request: Request, body: Annotated[SpendRequest, StrictBody(...)]) -> Status[SpendAnswer]:
    """Record 1 to 10,000 entries; answered after the commit.

    Each entry is judged on its own: good ones are recorded, whatever the others are. 200 says that every entry is
    recorded or was known already; 207 that some were rejected, which `verdicts` names with their reasons. After no
    answer, or a 5xx, send the same request again as often as it takes: a `reference` counts once.

    The whole request is refused, and nothing recorded, only where its form is wrong: not JSON, a field that is
    missing, unknown or of the wrong JSON type.
    """
    answer = _record(body.entries, request.auth, at=timezone.now())
    return Status(207 if answer.rejected else 200, answer)


@router.put(
    "/campaigns/{int:campaign_id}/days/{day}/spend", response={200: DayTotalAnswer, **NOT_FOUND, **BAD_BODY, **PROBLEMS}
)
def set_daily_total(
    request: Request, campaign_id: Id, day: Day, body: Annotated[DayTotalRequest, StrictBody(...)]
) -> DayTotalAnswer:
    """Make a day of the brand's calendar cost what its platform says now.

    The difference to what is recorded becomes an entry, so the same request again changes nothing.
    """
    currency = seen_campaign(request.auth, campaign_id).brand.currency
    try:
        total = sound_amount(body.total)
        difference = ledger.set_daily_total(
            campaign_id, day, total, at=timezone.now(), actor=actor(request.auth), description=body.description
        )
    except Rejected as reason:
        raise Problem.of_field(BLAMED.get(reason.code, "total"), reason.code, reason.message) from reason
    return DayTotalAnswer(
        campaign_id=campaign_id,
        day=day,
        total=format_amount(total, currency),
        difference=format_amount(difference, currency),
        currency=currency,
    )


def _record(entries: list[Entry], token: ApiToken, *, at: datetime) -> SpendAnswer:
    places: list[int] = []
    offered: list[SpendEntry] = []
    rejected: list[Rejection] = []
    seen = seen_ids(token, {entry["campaign_id"] for entry in entries})
    for index, entry in enumerate(entries):
        try:
            offered.append(_offered(entry, seen))
            places.append(index)
        except Rejected as reason:
            rejected.append(Rejection(index, reason.code, reason.message))
    receipt = ledger.record_spend(offered, at=at, actor=actor(token))
    rejected += [Rejection(places[each.index], each.code, each.message) for each in receipt.rejected]

    verdicts: list[Verdict] = [{"index": index, "verdict": "recorded"} for index in range(len(entries))]
    for place in receipt.duplicate_indexes:
        verdicts[places[place]]["verdict"] = "duplicate"
    for each in rejected:
        verdicts[each.index] |= {"verdict": "rejected", "code": each.code, "message": each.message}
    return SpendAnswer(
        recorded=receipt.recorded,
        duplicates=receipt.duplicates,
        rejected=len(rejected),
        paused=receipt.paused,
        verdicts=verdicts,
    )


def _offered(entry: Entry, seen: Container[int]) -> SpendEntry:
    """What the sender offers to the ledger. Raises Rejected for what is no offer: text that says no amount or time."""
    campaign_id, reference = entry["campaign_id"], entry["reference"]
    if campaign_id not in seen:
        raise Rejected("unknown_campaign", f"There is no campaign {campaign_id}.")
    if not reference:
        raise Rejected("no_reference", "The reference is empty: without one, a retry would count again.")
    amount, timestamp = sound_amount(entry["amount"]), _instant(entry["timestamp"])
    return SpendEntry(campaign_id, amount, timestamp, reference, entry.get("description", ""))


def _instant(text: str) -> datetime:
    if _RFC_3339.fullmatch(text):
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass  # the 30th of February
    raise Rejected(
        "invalid_timestamp", f"{text[:40]!r} is no time with an offset: write one such as 2026-11-21T14:05:00+01:00."
    )

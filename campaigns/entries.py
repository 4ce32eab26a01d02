"""What is offered to the ledger, and what makes it sound: all that can be told of an entry before it is posted.

Whoever offers something that is not sound gets a reason, for programs and for people, and nothing is written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from campaigns.models import EARLIEST_SPEND
from campaigns.money import ZERO, InvalidMoney, format_amount, parse_money
from campaigns.periods import LocalClock, last_second

# Clocks of platforms and collectors run a little ahead of ours; more than this is a mistake (R7).
FUTURE_TOLERANCE = timedelta(minutes=5)

# Half a character: no database takes it.
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class SpendEntry:
    """Money spent on a campaign. A negative amount is a correction."""

    campaign_id: int
    amount: Decimal  # currency units, not micros
    timestamp: datetime  # aware: when the money was spent
    reference: str = ""  # the idempotency key, unique per campaign; empty: none
    description: str = ""


@dataclass(frozen=True, slots=True)
class DayTotal:
    """What a campaign's local day cost in all, as its platform says now."""

    campaign_id: int
    day: date
    total: Decimal  # currency units
    description: str = ""


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why an entry was not recorded: its place in what was sent, a code for programs, a message for people."""

    index: int
    code: str
    message: str


class Rejected(ValueError):
    """An entry or a total that the ledger refuses; `code` is for programs, the text for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return self.message


def sound_entry(entry: SpendEntry, at: datetime) -> SpendEntry:
    """The entry with its amount parsed and its time in UTC: databases take fewer offsets than Python does.

    Raises Rejected for what can be told without looking at the database.
    """
    timestamp = entry.timestamp
    if not isinstance(timestamp, datetime) or timestamp.utcoffset() is None:
        raise Rejected("invalid_timestamp", f"{timestamp} is not a time with a zone: give an aware datetime.")
    if timestamp > at + FUTURE_TOLERANCE:
        raise Rejected("in_future", f"{timestamp.isoformat()} has not come: it is {at.isoformat()}.")
    if timestamp < EARLIEST_SPEND:
        raise Rejected("too_old", f"{timestamp.isoformat()} lies before {EARLIEST_SPEND.year}.")
    _refuse_bad_text("reference", entry.reference, 200)
    _refuse_bad_text("description", entry.description, 500)
    _sound_id(entry.campaign_id)
    amount = sound_amount(entry.amount)
    if amount is entry.amount and timestamp.tzinfo is UTC:
        return entry
    return replace(entry, amount=amount, timestamp=timestamp.astimezone(UTC))


def sound_total(total: DayTotal) -> DayTotal:
    """The total with its amount parsed. Raises Rejected for what can be told without looking at the database."""
    if not isinstance(total.day, date) or isinstance(total.day, datetime):
        raise Rejected("invalid_day", f"{total.day!r} is not a date.")
    amount = sound_amount(total.total)
    if amount < ZERO:
        raise Rejected("below_zero", f"{format_amount(amount)} is less than nothing: no day costs that.")
    _refuse_bad_text("description", total.description, 500)
    _sound_id(total.campaign_id)
    return total if amount is total.total else replace(total, total=amount)


def sound_amount(amount: object) -> Decimal:
    try:
        return parse_money(amount)
    except InvalidMoney as error:
        raise Rejected("invalid_amount", str(error)) from error


def _sound_id(campaign_id: object) -> None:
    if isinstance(campaign_id, bool) or not isinstance(campaign_id, int) or not 0 < campaign_id < 2**63:
        raise Rejected("unknown_campaign", f"There is no campaign {campaign_id!r}.")


def _refuse_bad_text(name: str, text: object, longest: int) -> None:
    """Raise Rejected for what PostgreSQL or the column would refuse, and so take the whole batch down."""
    if not isinstance(text, str) or len(text) > longest:
        raise Rejected("invalid_text", f"The {name} must be text of at most {longest} characters.")
    if "\x00" in text or not (text.isascii() or _SURROGATE.search(text) is None):
        raise Rejected("invalid_text", f"The {name} contains a character that is no text.")


def refuse_conflict(entry: SpendEntry, known: SpendEntry) -> None:
    """Raise Rejected where `entry` says something else than the one that has its reference already (R8)."""
    fields = [name for name in ("amount", "timestamp", "description") if getattr(entry, name) != getattr(known, name)]
    if fields:
        raise Rejected(
            "conflict",
            f"Reference {entry.reference!r} is taken by an entry with another {' and '.join(fields)}; that one stays.",
        )


def refuse_day(day: date, clock: LocalClock) -> None:
    """Raise Rejected for a local day that spend cannot belong to, on the brand's `clock` (R7)."""
    if day > clock.today:
        raise Rejected("in_future", f"{day} has not begun: it is {clock.today} in {clock.zone.key}.")
    if day < EARLIEST_SPEND.date():
        raise Rejected("too_old", f"{day} lies before {EARLIEST_SPEND.year}.")
    try:
        last_second(clock.zone, day)
    except ValueError as error:
        raise Rejected("invalid_day", str(error)) from error

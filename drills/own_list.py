"""The drill's own list: what was sent, and what the system said to it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import Enum

MOST_COMPLAINTS = 50


class Fate(Enum):
    UNKNOWN = "unknown"  # sent, and no answer: there once or not at all
    ACKNOWLEDGED = "acknowledged"  # there once
    REFUSED = "refused"  # not there


@dataclass(slots=True)
class Sent:
    """An entry that was sent; its name stands in its description, so that it is known without its reference."""

    name: str
    campaign_id: int
    amount: Decimal
    bad: bool = False  # made to be refused
    fate: Fate = Fate.UNKNOWN


@dataclass(slots=True)
class DayTotal:
    """The totals that a campaign's day may have: the last one that was acknowledged, and those sent after it."""

    possible: list[Decimal] = field(default_factory=list)


class OwnList:
    """Written by the traffic from several threads, read by the judge."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.entries: dict[str, Sent] = {}
        self.totals: dict[tuple[int, date], DayTotal] = {}
        self.manual: dict[int, bool | None] = {}  # campaigns that a person paused; None: nobody answered
        self.answers: Counter[str] = Counter()  # HTTP statuses, and kinds of broken connections
        self.complaints: list[str] = []  # what was answered and should not have been

    def send(self, entries: Iterable[Sent]) -> None:
        with self._lock:
            for entry in entries:
                self.entries[entry.name] = entry

    def acknowledge(self, name: str) -> None:
        with self._lock:
            entry = self.entries[name]
            if entry.bad or entry.fate is Fate.REFUSED:
                self._complain(f"{name} was to be refused, and was acknowledged.")
            entry.fate = Fate.ACKNOWLEDGED

    def refuse(self, name: str, why: str) -> None:
        with self._lock:
            entry = self.entries[name]
            if not entry.bad or entry.fate is Fate.ACKNOWLEDGED:
                self._complain(f"{name} was refused though nothing is wrong with it: {why}")
            if entry.fate is Fate.UNKNOWN:
                entry.fate = Fate.REFUSED

    def send_total(self, campaign_id: int, day: date, total: Decimal) -> None:
        with self._lock:
            self.totals.setdefault((campaign_id, day), DayTotal([Decimal(0)])).possible.append(total)

    def acknowledge_total(self, campaign_id: int, day: date) -> None:
        """The one that was sent last is what the day costs now."""
        with self._lock:
            known = self.totals[campaign_id, day]
            known.possible = known.possible[-1:]

    def set_manual(self, campaign_id: int, paused: bool | None) -> None:
        with self._lock:
            self.manual[campaign_id] = paused

    def note_answer(self, kind: str) -> None:
        with self._lock:
            self.answers[kind] += 1

    def complain(self, what: str) -> None:
        with self._lock:
            self._complain(what)

    def count(self, fate: Fate) -> int:
        with self._lock:
            return sum(entry.fate is fate for entry in self.entries.values())

    def _complain(self, what: str) -> None:
        if len(self.complaints) < MOST_COMPLAINTS:
            self.complaints.append(what)

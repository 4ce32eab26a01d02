"""What a drill may find: each kind of harm by its name, so that a control can be asked for the one it is about."""

from __future__ import annotations

from collections import defaultdict
from enum import StrEnum

SHOWN = 5  # faults of a kind that are told in full


class Harm(StrEnum):
    LOST = "lost"  # acknowledged, and not there
    DOUBLED = "doubled"  # there more than once
    ENTRIES = "entries"  # there, though refused or never sent, or with another content
    COUNTERS = "counters"  # counters and days that are not the sums of their entries
    STATUSES = "statuses"  # not what the rule says
    CHAINS = "chains"  # of status changes that do not begin where the last one ended
    PERIODS = "periods"  # begun at another moment than the rule says
    HALVES = "half batches"
    ANSWERS = "answers"  # that no client should get
    DEADLOCKS = "deadlocks"
    DEATHS = "deaths"  # of processes that nobody killed
    TRIES = "tries"  # of a task, more than its bound
    GROWTH = "growth"  # of memory or connections
    LATE = "late"  # not done in the time given


class Faults:
    """What is not as promised: nothing, if all went well."""

    def __init__(self) -> None:
        self._found: dict[Harm, list[str]] = defaultdict(list)

    def add(self, harm: Harm, *words: str) -> None:
        self._found[harm] += words

    def __len__(self) -> int:
        return sum(map(len, self._found.values()))

    def count(self, *harms: Harm) -> int:
        return sum(len(self._found[harm]) for harm in harms)

    @property
    def wrong(self) -> int:
        """All that has no column of its own in the table."""
        return len(self) - self.count(Harm.LOST, Harm.DOUBLED, Harm.LATE)

    def in_short(self, emphasised: Harm | None = None) -> str:
        counts = [(harm, f"{len(faults):,} {harm}") for harm, faults in self._in_order()]
        return ", ".join(f"**{words}**" if harm is emphasised else words for harm, words in counts) or "nothing"

    def in_words(self) -> str:
        lines = []
        for harm, faults in self._in_order():
            lines += [f"{harm}: {fault}" for fault in faults[:SHOWN]]
            if len(faults) > SHOWN:
                lines.append(f"{harm}: and {len(faults) - SHOWN} more")
        return "\n".join(lines)

    def _in_order(self) -> list[tuple[Harm, list[str]]]:
        return [(harm, self._found[harm]) for harm in Harm if self._found[harm]]

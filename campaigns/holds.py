"""Why a campaign is paused: a set of holds, each with one owner (R16)."""

from __future__ import annotations

from enum import IntFlag


class Hold(IntFlag):
    """One bit a reason. ACTIVE means none, PAUSED at least one.

    A hold is set and cleared by its owner alone, so that tasks cannot undo each other: MANUAL by people, the budgets'
    and the brand's by the budget check, DAYPARTING by the window check.
    """

    NONE = 0
    MANUAL = 1
    BRAND_INACTIVE = 2
    DAILY_BUDGET = 4
    MONTHLY_BUDGET = 8
    TOTAL_BUDGET = 16
    BRAND_DAILY_BUDGET = 32
    BRAND_MONTHLY_BUDGET = 64
    DAYPARTING = 128

    # Groups of holds, named for what changes them.
    DAILY_BUDGETS = DAILY_BUDGET | BRAND_DAILY_BUDGET
    MONTHLY_BUDGETS = MONTHLY_BUDGET | BRAND_MONTHLY_BUDGET
    BUDGETS = DAILY_BUDGETS | MONTHLY_BUDGETS | TOTAL_BUDGET
    SPENDING = BUDGETS | BRAND_INACTIVE
    ENGINE = SPENDING | DAYPARTING
    ALL = ENGINE | MANUAL

    @property
    def codes(self) -> list[str]:
        """The names of the single holds in this set, in the order in which they are listed to people."""
        return [hold.name for hold in self if hold.name]

    @property
    def label(self) -> str:
        """The set in words for people: `Paused by a person, Daily budget reached`; empty for no hold."""
        return ", ".join(LABELS[hold] for hold in self)


LABELS: dict[Hold, str] = {
    Hold.MANUAL: "Paused by a person",
    Hold.BRAND_INACTIVE: "Brand inactive",
    Hold.DAILY_BUDGET: "Daily budget reached",
    Hold.MONTHLY_BUDGET: "Monthly budget reached",
    Hold.TOTAL_BUDGET: "Total budget reached",
    Hold.BRAND_DAILY_BUDGET: "Brand's daily budget reached",
    Hold.BRAND_MONTHLY_BUDGET: "Brand's monthly budget reached",
    Hold.DAYPARTING: "Outside its hours",
}

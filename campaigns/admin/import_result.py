"""The result of an import, as its page shows it: figures, warnings, and tables of its lists."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from campaigns.matching import beside

Line = dict[str, Any]


@dataclass(frozen=True)
class Table:
    title: str
    headings: tuple[str, ...]
    rows: list[tuple[str, ...]]
    words: int  # so many columns of words; those after them are numbers
    more: int  # lines that are not kept
    note: str = ""

    @property
    def told(self) -> list[list[tuple[str, str]]]:
        """The rows, each cell with its heading before it."""
        return [list(zip(self.headings, row, strict=True)) for row in self.rows]


def figures(result: Line) -> list[tuple[str, list[str]]]:
    """The figures that matter first, each by its name; amounts a currency."""
    before = result["dry_run"]
    totals = result["lists"]["totals"]["lines"]
    changes = [_change(each["difference"], each["currency"]) for each in totals if Decimal(each["difference"])]
    recorded = (
        [] if before else [("Recorded", [_money(each["recorded"], each["currency"]) for each in totals] or ["0"])]
    )
    return [
        ("Rows", [f"{result['rows']:,}"]),
        ("Refused rows", [f"{result['refused_rows']:,}"]),
        ("Days of campaigns", [f"{result['days']:,}"]),
        ("Entries to record" if before else "Entries recorded", [f"{result['entries']:,}"]),
        ("In the file", [_money(each["stated"], each["currency"]) for each in result["sums"]] or ["0"]),
        *recorded,
        ("Would change by" if before else "Changed by", changes or ["0"]),
    ]


def warnings(result: Line) -> list[str]:
    """What somebody should look at, in sentences."""
    said = []
    if result.get("attempts", 0) > 1:
        said.append(
            "It broke off and was started again. The entries recorded and what it changed are those of the last "
            "attempt; what is recorded is what the ledger has, earlier attempts included."
        )
    if result["refused_rows"]:
        one = result["refused_rows"] == 1
        refused = "1 row is refused" if one else f"{result['refused_rows']:,} rows are refused"
        would = "would not" if result["dry_run"] else "does not" if one else "do not"
        said.append(f"{refused} and {would} count: see below why.")
    if Decimal(result["short_of_stated_total"]):
        said.append(
            f"The file's own total is {_exact(result['stated_total'])}: its rows miss that by "
            f"{_exact(result['short_of_stated_total'])}."
        )
    said += [
        f"Rounding adds {_money(each['rounding'], each['currency'])} to what the file states."
        for each in result["sums"]
        if Decimal(each["rounding"])
    ]
    said += result.get("warnings", [])
    near = [line for line in result["lists"]["new_campaigns"]["lines"] if line["near"]]
    if near:
        said.append("Some new campaigns have almost the name of another one: is it the same campaign?")
    return said


def changes_something(result: Line) -> bool:
    """Whether there is anything to confirm."""
    lists = result["lists"]
    return bool(result["entries"] or lists["new_campaigns"]["count"] or lists["linked_campaigns"]["count"])


def why_nothing(result: Line) -> str:
    """Why there is nothing to confirm."""
    if result["refused_rows"] < result["rows"]:
        what = "the other rows" if result["refused_rows"] else "all of this"
        return f"The ledger has {what} already: there is nothing to import."
    if result["rows"]:
        return "Every row is refused, so there is nothing to import: see below why."
    return "The file has no rows: there is nothing to import."


def tables(result: Line) -> list[Table]:
    """The lists that have lines, those first that ask for a decision."""
    before = result["dry_run"]
    recorded = "Recorded before" if before else "Recorded"
    change = "Would change by" if before else "Changed by"
    drawn = [
        _table(
            result,
            "refusals",
            "Refused rows",
            ("Line", "Column", "Reason", "Rows", "Amount"),
            3,
            lambda line: (
                f"{line['line']:,}",
                line["column"],
                line["reason"],
                f"{line['rows']:,}",
                "" if line["amount"] is None else _exact(line["amount"]),
            ),
        ),
        _table(
            result,
            "new_campaigns",
            "New campaigns",
            ("Brand", "Campaign", "External ID", "Another one is called"),
            4,
            lambda line: (
                line["brand"],
                line["campaign"],
                line["external_id"],
                beside(line["near"], line["campaign"]) if line["near"] else "",
            ),
        ),
        _table(
            result,
            "linked_campaigns",
            "Campaigns that get their external ID",
            ("Brand", "Campaign", "External ID"),
            3,
            lambda line: (line["brand"], line["campaign"], line["external_id"]),
        ),
        _table(
            result,
            "disagreements",
            "Days on which the ledger has another amount than the file",
            ("Campaign", "Day", "Why", "In the file", "Recorded"),
            3,
            lambda line: (
                f"{line['brand']}, {line['campaign']}",
                line["day"],
                line["reason"],
                _money(line["in_file"], line["currency"]),
                _money(line["recorded"], line["currency"]),
            ),
        ),
        _table(
            result,
            "months",
            "By month",
            ("Campaign", "Month", change),
            2,
            lambda line: (
                f"{line['brand']}, {line['campaign']}",
                line["month"],
                _change(line["difference"], line["currency"]),
            ),
        ),
        _table(
            result,
            "campaigns",
            "By campaign, on the days of the file",
            ("Campaign", "Days", "In the file", recorded, change),
            1,
            lambda line: (
                f"{line['brand']}, {line['campaign']}",
                f"{line['days']:,}",
                _money(line["stated"], line["currency"]),
                _money(line["recorded"], line["currency"]),
                _change(line["difference"], line["currency"]),
            ),
        ),
    ]
    return [table for table in drawn if table.rows]


def _table(
    result: Line,
    name: str,
    title: str,
    headings: tuple[str, ...],
    words: int,
    cells: Callable[[Line], tuple[str, ...]],
) -> Table:
    listing = result["lists"].get(name, {"count": 0, "lines": []})
    rows = [cells(line) for line in listing["lines"]]
    return Table(title, headings, rows, words, listing["count"] - len(rows))


def _exact(amount: str) -> str:
    """To the last digit, with separators of thousands."""
    return f"{Decimal(amount):,f}"


def _money(amount: str, currency: str) -> str:
    return f"{currency} {_exact(amount)}".strip()


def _change(amount: str, currency: str) -> str:
    return f"{currency} {Decimal(amount):+,f}" if Decimal(amount) else "-"

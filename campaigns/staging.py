"""The staging sheet: a file's rows on their way into the ledger, summed and looked through before anything counts.

A temporary SQLite database that spills to disk, so memory stays flat whatever the file's size, and nothing of it is
left when it is closed. Amounts are integers of micros. A sum of them may pass 64 bits, where SQLite gives up, so sums
are taken of whole units and of the micros beside them, and put together in Python.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from decimal import Context, Decimal
from functools import lru_cache
from itertools import islice
from typing import Any, TypeVar

from campaigns.importing import BadRow, SpendRow
from campaigns.money import DECIMALS, MICROS, ZERO

# Rows handed to SQLite at a time.
SLICE = 10_000
# Labels kept at hand while rows are read; a file may have as many as rows.
LABELS_AT_HAND = 50_000

# For sums with what rounding added, which may have dozens of decimals: digits enough that nothing is rounded.
EXACT = Context(prec=200)

# What is called now and then while a long step goes on: the step, how much of it is done, and of how much (0: unknown).
Watch = Callable[[str, int, int], None]

Item = TypeVar("Item")

SCHEMA = """
    create table row (
        id integer primary key,
        line integer, label integer, day text, micros integer,
        fate text                  -- of an entry of its own: null: recorded now, else duplicate or refused
    );
    create table detail (          -- of the rows that say more than that
        row integer primary key,
        rounding text, reference text, description text
    );
    create table label (           -- each way in which the file names a campaign
        id integer primary key,
        brand text, external_id text, name text, currency text,
        mark text,                 -- beside the amounts, where several currencies share it and none is said
        campaign integer,          -- the campaign that it means
        field text, problem text,  -- or why it means none
        unmatched integer generated always as (campaign is null and problem is null) virtual,
        unique (brand, external_id, name, currency, mark)
    );
    create table brand (
        name text primary key,
        brand_id integer,          -- in the ledger; null: to be made
        zone text, currency text,
        is_new integer default 0,
        near text                  -- a brand in the ledger whose name differs only by case or spaces
    );
    create table campaign (        -- all of those brands, and those to be made
        id integer primary key,
        campaign_id integer,       -- in the ledger; null: to be made
        brand text, name text, external_id text,
        is_new integer default 0,
        linked integer default 0,  -- whether the file gives it its external ID
        counts integer default 0,  -- whether any of its days is not refused
        folded text                -- its name without regard to case and spaces
    );
    create table day (             -- what a campaign's day costs by the file, and what becomes of that
        id integer primary key,
        campaign integer, day text, units integer, micros integer,
        line integer, rows integer,
        field text, code text, reason text,  -- why it is refused
        recorded integer default 0,          -- micros that the ledger has for the day
        difference integer default 0         -- micros by which the import changes that
    );
    create table refusal (
        line integer, field text, code text, reason text, rows integer,
        units integer, micros integer  -- null: nobody knows
    );
    create table rounding (campaign integer primary key, amount text);
    create table month (           -- the days of a campaign and month
        campaign integer, month text, rows integer, days integer, units integer, micros integer,
        recorded_units integer, recorded_micros integer, difference_units integer, difference_micros integer,
        changes integer            -- days of which the amount changes
    );
    create view figures as         -- a campaign's
        select brand, name, currency, sum(rows) as rows, sum(days) as days, coalesce(amount, '0') as rounding,
            sum(units) as units, sum(micros) as micros,
            sum(recorded_units) as recorded_units, sum(recorded_micros) as recorded_micros,
            sum(difference_units) as difference_units, sum(difference_micros) as difference_micros
        from month
        join campaign on campaign.id = month.campaign
        join (select name as brand_name, currency from brand) on brand_name = brand
        left join rounding on rounding.campaign = campaign.id
        group by campaign.id;
"""


@dataclass(frozen=True, slots=True)
class StagedRow:
    """A row of the file, on its way to the ledger as an entry of its own."""

    id: int
    line: int
    campaign_id: int
    zone: str
    day: date
    amount: Decimal
    reference: str
    description: str


class Sheet:
    """See above. Use it as a context manager, in one thread."""

    def __init__(self) -> None:
        # An empty name is SQLite's own temporary file, which it deletes.
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.execute("pragma journal_mode = off")
        self._db.execute("pragma cache_size = -32000")
        self._db.executescript(SCHEMA)
        self._db.create_aggregate("exact_sum", 1, _ExactSum)  # type: ignore[arg-type]
        self._db.execute("begin")
        self._labels: dict[tuple[str, str, str, str, str], int] = {}

    def __enter__(self) -> Sheet:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def run(self, sql: str, *values: Any) -> int:
        """Execute one statement, and say how many rows it changed."""
        with closing(self._db.execute(sql, values)) as cursor:
            return cursor.rowcount

    def run_many(self, sql: str, rows: Iterable[tuple[Any, ...]]) -> None:
        self._db.executemany(sql, rows)

    def select(self, sql: str, *values: Any) -> Iterator[tuple[Any, ...]]:
        """The rows of a query, lazily: change none of its tables meanwhile."""
        return self._db.execute(sql, values)

    def value(self, sql: str, *values: Any) -> Any:
        return next(self.select(sql, *values))[0]

    def lend(self, name: str, function: Callable[..., Any]) -> None:
        """Let SQL on this sheet call a Python function."""
        self._db.create_function(name, -1, function, deterministic=True)

    def fill(self, rows: Iterable[SpendRow | BadRow], watch: Watch) -> int:
        """Take in all rows, and say how many they were. Raises what reading them raises."""
        count = 0
        for batch in sliced(rows, SLICE):
            good = [row for row in batch if isinstance(row, SpendRow)]
            bad = [row for row in batch if isinstance(row, BadRow)]
            last = self.value("select coalesce(max(id), 0) from row")
            self.run_many(
                "insert into row (line, label, day, micros) values (?, ?, ?, ?)",
                [(row.line, self._label(row), _iso(row.day), to_micros(row.amount)) for row in good],
            )
            self.run_many(
                "insert into detail values (?, ?, ?, ?)",
                [
                    (number, str(row.rounding) if row.rounding else None, row.reference, row.description)
                    for number, row in enumerate(good, last + 1)
                    if row.rounding or row.reference or row.description
                ],
            )
            self.run_many(
                "insert into refusal (line, field, code, reason, rows) values (?, ?, 'unreadable', ?, ?)",
                [(row.line, row.column, row.reason, row.rows) for row in bad],
            )
            count += len(good) + sum(row.rows for row in bad)
            watch("Reading", count, 0)
        return count

    def _label(self, row: SpendRow) -> int:
        key = (row.brand, row.external_id, row.campaign or row.external_id, row.currency, row.mark)
        known = self._labels.get(key)
        if known is None:
            if len(self._labels) == LABELS_AT_HAND:
                self._labels.clear()
            known = self._labels[key] = self.value(
                "insert into label (brand, external_id, name, currency, mark) values (?, ?, ?, ?, ?) "
                "on conflict do update set brand = brand returning id",
                *key,
            )
        return known

    def sum_days(self) -> None:
        """Sum the rows of each campaign and day, once the labels are matched; those of no campaign are refused."""
        self.run("""
            insert into day (campaign, day, units, micros, line, rows)
            select campaign, day, sum(micros / 1000000), sum(micros % 1000000), min(line), count(*)
            from row join label on label.id = row.label where campaign is not null
            group by campaign, day order by campaign, day
        """)
        self.run("""
            insert into refusal (line, field, code, reason, rows, units, micros)
            select min(line), field, 'unknown_name', problem, count(*), sum(micros / 1000000), sum(micros % 1000000)
            from row join label on label.id = row.label where campaign is null group by label.id
        """)

    def rows(self, size: int) -> Iterator[list[StagedRow]]:
        """The rows of days that are not refused, in the file's order, in batches of `size`."""
        for batch in self.batches(
            """
            select row.id, row.line, campaign_id, zone, row.day, row.micros,
                coalesce(reference, ''), coalesce(description, '')
            from row
            left join detail on detail.row = row.id
            join label on label.id = row.label
            join campaign on campaign.id = label.campaign
            join brand on brand.name = campaign.brand
            join day on day.campaign = campaign.id and day.day = row.day
            where row.id > :after and day.code is null order by row.id limit :size
        """,
            size,
        ):
            yield [
                StagedRow(id, line, campaign_id, zone, to_date(day), to_amount(0, micros), *texts)
                for id, line, campaign_id, zone, day, micros, *texts in batch
            ]

    def batches(self, sql: str, size: int, **values: Any) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of a query by their id, read a batch at a time so that they may be changed in between.

        The query selects the id first, those `> :after`, and is limited to `:size`.
        """
        after = 0
        while batch := self._db.execute(sql, {"after": after, "size": size, **values}).fetchall():
            yield batch
            after = batch[-1][0]


class _ExactSum:
    """The exact sum of decimals in text, as an aggregate for SQL; null where there are none."""

    def __init__(self) -> None:
        self.sum = ZERO

    def step(self, text: str | None) -> None:
        if text is not None:
            self.sum = EXACT.add(self.sum, Decimal(text))

    def finalize(self) -> str:
        return f"{self.sum:f}"


# A file has many rows a day.
_iso = lru_cache(maxsize=4096)(date.isoformat)
to_date = lru_cache(maxsize=4096)(date.fromisoformat)


def sliced(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    items = iter(items)
    while batch := list(islice(items, size)):
        yield batch


def to_micros(amount: Decimal) -> int:
    """Raises ValueError for an amount of more than six decimals: readers give none."""
    scaled = amount.scaleb(DECIMALS)
    micros = int(scaled)
    if micros != scaled:
        raise ValueError(f"{amount} has more than {DECIMALS} decimals.")
    return micros


def to_amount(units: int, micros: int) -> Decimal:
    return EXACT.scaleb(Decimal(units * MICROS + micros), -DECIMALS)

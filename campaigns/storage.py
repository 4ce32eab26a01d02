"""How the ledger's rows get into the database and out of it, thousands at a time: SQL for each of the two databases.

Nothing is decided here. Amounts are micros, as the columns keep them; the caller holds the locks of all brands
concerned, so that what is read stays true until it is written.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from django.db import connection
from django.db.models import BigIntegerField
from django.db.models.functions import Cast

from campaigns.bulk import among, array_of
from campaigns.models import BrandDailySpend, Campaign, DailySpend, SpendLog

DayKey = tuple[int, date]  # a campaign's local day, or a brand's
ReferenceKey = tuple[int, str]  # a campaign's reference


@dataclass(slots=True)
class Account:
    """The counters, budgets and holds of a brand or a campaign; amounts in micros."""

    pk: int
    brand_id: int
    daily_spend: int
    daily_since: datetime
    monthly_spend: int
    monthly_since: datetime
    total_spend: int | None  # of a campaign; a brand keeps none
    daily_budget: int | None
    monthly_budget: int | None
    total_budget: int | None  # of a campaign
    holds: int  # of a campaign

    def passes(self, limit: int, micros: int, timestamp: datetime) -> bool:
        """Whether spend of `timestamp` would take one of its counters past `limit`, either way of zero."""
        return (
            (timestamp >= self.daily_since and abs(self.daily_spend + micros) > limit)
            or (timestamp >= self.monthly_since and abs(self.monthly_spend + micros) > limit)
            or (self.total_spend is not None and abs(self.total_spend + micros) > limit)
        )

    def count(self, micros: int, timestamp: datetime) -> None:
        """Add spend to the counters of the periods that `timestamp` lies in (R11)."""
        if timestamp >= self.daily_since:
            self.daily_spend += micros
        if timestamp >= self.monthly_since:
            self.monthly_spend += micros
        if self.total_spend is not None:
            self.total_spend += micros

    @property
    def reached(self) -> tuple[bool, ...]:
        """Which of its budgets the counters say are reached."""
        return (
            self.daily_budget is not None and self.daily_spend >= self.daily_budget,
            self.monthly_budget is not None and self.monthly_spend >= self.monthly_budget,
            self.total_budget is not None and (self.total_spend or 0) >= self.total_budget,
        )


class Posting(NamedTuple):
    """An entry that was judged and is to be written."""

    campaign_id: int
    micros: int
    timestamp: datetime
    day: date
    reference: str
    description: str


class KnownEntry(NamedTuple):
    """An entry that has its reference already."""

    campaign_id: int
    reference: str
    micros: int
    timestamp: datetime
    description: str


@dataclass(slots=True)
class DayChange:
    """What is added to a campaign's or a brand's local day, in micros."""

    micros: int = 0
    is_today: bool = False  # then the day keeps the budget in force
    daily_budget: int | None = None


class DayTable(NamedTuple):
    """Where days are kept, and the column that says whose they are."""

    table: str
    owner: str
    model: type[DailySpend] | type[BrandDailySpend]


CAMPAIGN_DAYS = DayTable("campaigns_dailyspend", "campaign_id", DailySpend)
BRAND_DAYS = DayTable("campaigns_branddailyspend", "brand_id", BrandDailySpend)


def brand_ids_of(campaign_ids: Collection[int]) -> list[int]:
    campaigns = Campaign.objects.filter(pk__among=campaign_ids).order_by()
    return list(campaigns.values_list("brand_id", flat=True).distinct())


def campaign_accounts(campaign_ids: Collection[int], brand_ids: Collection[int]) -> dict[int, Account]:
    """Of those of the campaigns that belong to one of the brands."""
    rows = _rows_of_accounts("campaigns_campaign", ("brand_id", "total_spend", "total_budget", "holds"), campaign_ids)
    return {row[0]: _account(*row) for row in rows if row[1] in brand_ids}


def brand_accounts(brand_ids: Collection[int]) -> dict[int, Account]:
    rows = _rows_of_accounts("campaigns_brand", ("id", "NULL", "NULL", "0"), brand_ids)
    return {row[0]: _account(*row) for row in rows}


def _rows_of_accounts(table: str, differing: tuple[str, str, str, str], ids: Collection[int]) -> list[tuple[Any, ...]]:
    """The columns as they are kept: through the ORM's converters, these would take longer than all else."""
    brand_id, total_spend, total_budget, holds = differing
    wanted, parameters = among("id", ids)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT id, {brand_id}, daily_spend, CAST(daily_since AS text), monthly_spend, CAST(monthly_since AS text),
                   {total_spend}, daily_budget, monthly_budget, {total_budget}, {holds}
            FROM {table} WHERE {wanted}
            """,  # noqa: S608
            parameters,
        )
        return list(cursor.fetchall())


def _account(
    pk: int,
    brand_id: int,
    daily_spend: int,
    daily_since: str,
    monthly_spend: int,
    monthly_since: str,
    *others: Any,
) -> Account:
    return Account(pk, brand_id, daily_spend, _instant(daily_since), monthly_spend, _instant(monthly_since), *others)


@lru_cache(maxsize=10_000)
def _instant(text: str) -> datetime:
    """An instant as the database writes it, in UTC. Thousands of accounts share a few of them."""
    instant = datetime.fromisoformat(text)
    return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)


class Storage(Protocol):
    """What the two databases do each in their own way."""

    def known_entries(self, keys: Collection[ReferenceKey]) -> Iterable[KnownEntry]:
        """The recorded entries that have one of these references (R8)."""

    def day_amounts(self, days: DayTable, keys: Collection[DayKey]) -> dict[DayKey, int]:
        """What is recorded of these days; those without a row are left out."""

    def add_entries(self, postings: Collection[Posting], recorded_at: datetime) -> None: ...

    def add_to_days(self, campaigns: Mapping[DayKey, DayChange], brands: Mapping[DayKey, DayChange]) -> None: ...

    def set_counters(self, campaigns: Collection[Account], brands: Collection[Account]) -> None: ...


class PostgresStorage:
    """Columns go over as arrays, one statement a table, and entries by COPY."""

    def known_entries(self, keys: Collection[ReferenceKey]) -> Iterable[KnownEntry]:
        with connection.cursor() as cursor:
            # LATERAL with a limit: a probe of the index of references each, however large the ledger has grown. The
            # condition on the empty reference is what makes that partial index fit.
            cursor.execute(
                """
                SELECT known.*
                FROM unnest(%s::bigint[], %s::text[]) AS sent (campaign_id, reference)
                CROSS JOIN LATERAL (
                    SELECT campaign_id, reference, amount, timestamp, description FROM campaigns_spendlog
                    WHERE campaign_id = sent.campaign_id AND reference = sent.reference AND NOT reference = ''
                    LIMIT 1
                ) AS known
                """,
                [array_of(campaign_id for campaign_id, _ in keys), [reference for _, reference in keys]],
            )
            return [KnownEntry(*row) for row in cursor.fetchall()]

    def day_amounts(self, days: DayTable, keys: Collection[DayKey]) -> dict[DayKey, int]:
        with connection.cursor() as cursor:
            cursor.execute(
                f"""
                SELECT {days.owner}, day, amount
                FROM unnest(%s::bigint[], %s::date[]) AS asked ({days.owner}, day)
                JOIN {days.table} USING ({days.owner}, day)
                """,  # noqa: S608
                [array_of(owner_id for owner_id, _ in keys), array_of(day for _, day in keys)],
            )
            return {(owner_id, day): micros for owner_id, day, micros in cursor.fetchall()}

    def add_entries(self, postings: Collection[Posting], recorded_at: datetime) -> None:
        columns = "campaign_id, amount, timestamp, day, reference, description, recorded_at"
        statement = f"COPY campaigns_spendlog ({columns}) FROM STDIN"
        # Django's cursor wraps the errors of what it knows, and COPY it does not: a server that is away is to be known.
        with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(statement) as copy:
            for posting in postings:
                copy.write_row((*posting, recorded_at))

    def add_to_days(self, campaigns: Mapping[DayKey, DayChange], brands: Mapping[DayKey, DayChange]) -> None:
        for (table, owner, _), changes in ((CAMPAIGN_DAYS, campaigns), (BRAND_DAYS, brands)):
            with connection.cursor() as cursor:
                # No ON CONFLICT: the constraint on the amount would judge what is added as if it were the day's sum.
                cursor.execute(
                    f"""
                    MERGE INTO {table} kept
                    USING unnest(%s::bigint[], %s::date[], %s::bigint[], %s::boolean[], %s::bigint[])
                        AS added ({owner}, day, amount, is_today, daily_budget)
                    ON kept.{owner} = added.{owner} AND kept.day = added.day
                    WHEN MATCHED THEN UPDATE SET
                        amount = kept.amount + added.amount,
                        daily_budget = CASE WHEN added.is_today THEN added.daily_budget ELSE kept.daily_budget END
                    WHEN NOT MATCHED THEN INSERT ({owner}, day, amount, daily_budget)
                        VALUES (added.{owner}, added.day, added.amount, added.daily_budget)
                    """,  # noqa: S608
                    [
                        array_of(owner_id for owner_id, _ in changes),
                        array_of(day for _, day in changes),
                        array_of(change.micros for change in changes.values()),
                        array_of(change.is_today for change in changes.values()),
                        array_of(change.daily_budget for change in changes.values()),
                    ],
                )

    def set_counters(self, campaigns: Collection[Account], brands: Collection[Account]) -> None:
        for table, accounts, columns in _counter_tables(campaigns, brands):
            arrays = ", ".join(["%s::bigint[]"] * (len(columns) + 1))
            values = ", ".join(f"{column} = new.{column}" for column in columns)
            # That the ids are among these follows, but the planner has to be told: else it may read the whole table.
            wanted, ids = among(f"{table}.id", [account.pk for account in accounts])
            with connection.cursor() as cursor:
                cursor.execute(
                    f"UPDATE {table} SET {values} FROM unnest({arrays}) AS new (id, {', '.join(columns)}) "  # noqa: S608
                    f"WHERE {table}.id = new.id AND {wanted}",
                    [*(array_of(getattr(account, name) for account in accounts) for name in ("pk", *columns)), *ids],
                )


class SqliteStorage:
    """A prepared statement a table, run once a row: without a network between, that is as good as any."""

    def known_entries(self, keys: Collection[ReferenceKey]) -> Iterable[KnownEntry]:
        wanted = set(keys)
        rows = SpendLog.objects.filter(
            campaign__among={campaign_id for campaign_id, _ in wanted},
            reference__in={reference for _, reference in wanted},
        ).order_by()
        columns = ("campaign_id", "reference", Cast("amount", BigIntegerField()), "timestamp", "description")
        return [KnownEntry(*row) for row in rows.values_list(*columns) if (row[0], row[1]) in wanted]

    def day_amounts(self, days: DayTable, keys: Collection[DayKey]) -> dict[DayKey, int]:
        wanted = set(keys)
        owners = {f"{days.owner}__among": {owner_id for owner_id, _ in wanted}}
        rows = days.model.objects.filter(**owners, day__in={day for _, day in wanted}).order_by()
        amounts = rows.values_list(days.owner, "day", Cast("amount", BigIntegerField()))
        return {(row[0], row[1]): row[2] for row in amounts if (row[0], row[1]) in wanted}

    def add_entries(self, postings: Collection[Posting], recorded_at: datetime) -> None:
        as_text = connection.ops.adapt_datetimefield_value
        recorded = as_text(recorded_at)
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO campaigns_spendlog"
                " (campaign_id, amount, timestamp, day, reference, description, recorded_at)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s)",
                [
                    (campaign_id, micros, as_text(timestamp), str(day), reference, description, recorded)
                    for campaign_id, micros, timestamp, day, reference, description in postings
                ],
            )

    def add_to_days(self, campaigns: Mapping[DayKey, DayChange], brands: Mapping[DayKey, DayChange]) -> None:
        for (table, owner, _), changes in ((CAMPAIGN_DAYS, campaigns), (BRAND_DAYS, brands)):
            with connection.cursor() as cursor:
                cursor.executemany(
                    f"INSERT OR IGNORE INTO {table} ({owner}, day, amount) VALUES (%s, %s, 0)",  # noqa: S608
                    [(owner_id, str(day)) for owner_id, day in changes],
                )
                cursor.executemany(
                    f"UPDATE {table} SET amount = amount + %s,"  # noqa: S608
                    f" daily_budget = CASE WHEN %s THEN %s ELSE daily_budget END WHERE {owner} = %s AND day = %s",
                    [
                        (change.micros, change.is_today, change.daily_budget, owner_id, str(day))
                        for (owner_id, day), change in changes.items()
                    ],
                )

    def set_counters(self, campaigns: Collection[Account], brands: Collection[Account]) -> None:
        for table, accounts, columns in _counter_tables(campaigns, brands):
            values = ", ".join(f"{column} = %s" for column in columns)
            with connection.cursor() as cursor:
                cursor.executemany(
                    f"UPDATE {table} SET {values} WHERE id = %s",  # noqa: S608
                    [tuple(getattr(account, name) for name in (*columns, "pk")) for account in accounts],
                )


def _counter_tables(
    campaigns: Collection[Account], brands: Collection[Account]
) -> list[tuple[str, Collection[Account], list[str]]]:
    counters = ["daily_spend", "monthly_spend"]
    return [
        ("campaigns_campaign", campaigns, [*counters, "total_spend"]),
        ("campaigns_brand", brands, counters),
    ]


_STORAGES: dict[str, Storage] = {"postgresql": PostgresStorage(), "sqlite": SqliteStorage()}


def storage() -> Storage:
    """The one of the database in use."""
    return _STORAGES[connection.vendor]

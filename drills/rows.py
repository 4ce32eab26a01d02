"""What the database has, read as plain rows at one instant, past all of the system's own code."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, NamedTuple, TypeVar

import psycopg

Row = TypeVar("Row", bound=Any)


class BrandRow(NamedTuple):
    id: int
    timezone: str
    is_active: bool
    daily_budget: int | None
    monthly_budget: int | None
    daily_spend: int
    daily_since: datetime
    monthly_spend: int
    monthly_since: datetime


class CampaignRow(NamedTuple):
    id: int
    brand_id: int
    status: str
    holds: int
    daily_budget: int | None
    monthly_budget: int | None
    total_budget: int | None
    daily_spend: int
    daily_since: datetime
    monthly_spend: int
    monthly_since: datetime
    total_spend: int
    start_date: date | None
    end_date: date | None


class EntryRow(NamedTuple):
    campaign_id: int
    amount: int
    timestamp: datetime
    day: date
    description: str


class WindowRow(NamedTuple):
    campaign_id: int
    day_of_week: int
    start_time: time
    end_time: time


class DayRow(NamedTuple):
    owner_id: int  # of a campaign or a brand
    day: date
    amount: int


class ChangeRow(NamedTuple):
    campaign_id: int
    from_status: str
    from_holds: int
    to_status: str
    to_holds: int


@dataclass(frozen=True)
class Snapshot:
    """All of it, as it stood at `at`. Amounts are micros."""

    at: datetime
    brands: list[BrandRow]
    campaigns: list[CampaignRow]
    entries: list[EntryRow]
    windows: list[WindowRow]
    campaign_days: list[DayRow]
    brand_days: list[DayRow]
    changes: list[ChangeRow]


def take_snapshot(connection: psycopg.Connection[tuple[object, ...]]) -> Snapshot:
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ

    def rows(kind: type[Row], rest: str, **renamed: str) -> list[Row]:
        columns = ", ".join(f'"{renamed.get(name, name)}"' for name in kind._fields)
        return [kind(*row) for row in connection.execute(f"select {columns} from {rest}".encode())]

    with connection.transaction():
        # What `now()` says is when the transaction began, so the rows are at least as new.
        row = connection.execute("select now()").fetchone()
        assert row is not None
        assert isinstance(row[0], datetime)
        return Snapshot(
            at=row[0],
            brands=rows(BrandRow, "campaigns_brand order by id"),
            campaigns=rows(CampaignRow, "campaigns_campaign order by id"),
            entries=rows(EntryRow, "campaigns_spendlog order by id"),
            windows=rows(WindowRow, "campaigns_daypartingschedule where is_active order by id"),
            campaign_days=rows(DayRow, "campaigns_dailyspend order by id", owner_id="campaign_id"),
            brand_days=rows(DayRow, "campaigns_branddailyspend order by id", owner_id="brand_id"),
            changes=rows(ChangeRow, "campaigns_statuschange order by id"),
        )

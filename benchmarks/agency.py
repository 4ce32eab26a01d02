"""What the parts of the benchmark share: an agency of any size in a moment, clocks, and how a row is told."""

from __future__ import annotations

import json
import os
import resource
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ad_agency.settings")
django.setup()

from django.core.management import call_command
from django.db import connection

from campaigns.ledger import SpendEntry

AT = datetime(2026, 11, 18, 12, tzinfo=UTC)  # a Wednesday; in Apia Thursday has begun
ZONES = [
    *("UTC", "Europe/Berlin", "Europe/London", "America/New_York", "America/Chicago", "America/Santiago"),
    *("Asia/Tokyo", "Asia/Karachi", "Asia/Beirut", "Africa/Cairo", "Australia/Sydney", "Pacific/Apia"),
]
CAMPAIGNS_PER_BRAND = 100


def found(campaigns: int) -> None:
    """Migrate, and found an agency on PostgreSQL: brands in 12 zones, 100 running campaigns each, with a window that is
    open at AT and budgets that are far away. Its counters have begun their day and month, so nothing is to be done.
    """
    call_command("migrate", verbosity=0)
    brands = max(1, campaigns // CAMPAIGNS_PER_BRAND)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH local AS (
                SELECT number, (%(zones)s::text[])[number %% 12 + 1] AS zone FROM generate_series(1, %(brands)s) number
            )
            INSERT INTO campaigns_brand (name, description, is_active, timezone, currency, monthly_budget,
                                         daily_spend, daily_since, monthly_spend, monthly_since)
            SELECT 'Brand ' || number, '', true, zone, 'EUR', 9000000000000000,
                   0, date_trunc('day', %(at)s::timestamptz AT TIME ZONE zone) AT TIME ZONE zone,
                   0, date_trunc('month', %(at)s::timestamptz AT TIME ZONE zone) AT TIME ZONE zone
            FROM local
            """,
            {"zones": ZONES, "brands": brands, "at": AT},
        )
        cursor.execute(
            """
            INSERT INTO campaigns_campaign (brand_id, name, external_id, status, holds,
                                            daily_budget, monthly_budget, total_budget,
                                            daily_spend, daily_since, monthly_spend, monthly_since, total_spend)
            SELECT brand.id, 'Campaign ' || number, number, 'ACTIVE', 0, 9000000000000, 9000000000000, 9000000000000,
                   0, brand.daily_since, 0, brand.monthly_since, 0
            FROM generate_series(1, %(campaigns)s) number
            JOIN campaigns_brand brand ON brand.id = number %% %(brands)s + 1
            """,
            {"campaigns": campaigns, "brands": brands},
        )
        cursor.execute(
            """
            INSERT INTO campaigns_daypartingschedule (campaign_id, day_of_week, start_time, end_time, is_active)
            SELECT campaign.id, extract(isodow FROM %s::timestamptz AT TIME ZONE brand.timezone), '00:00', '23:59', true
            FROM campaigns_campaign campaign JOIN campaigns_brand brand ON brand.id = campaign.brand_id
            """,
            [AT],
        )
        cursor.execute("VACUUM ANALYZE")


def entries(campaign_ids: list[int], tag: str) -> Iterator[SpendEntry]:
    amount = Decimal("1.25")
    return (SpendEntry(campaign_id, amount, AT, f"{tag}-{number}") for number, campaign_id in enumerate(campaign_ids))


def seconds(work: Callable[..., object], *arguments: object, **named: object) -> float:
    """How long one call takes."""
    begun = time.perf_counter()
    work(*arguments, **named)
    return time.perf_counter() - begun


def peak() -> float:
    """The most memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def tell(work: str, *, beside: str = "", ratio: str = "", to_reach: str = "", figures: str = "") -> None:
    """A row of the table, for the program that collects them."""
    print(
        json.dumps({"work": work, "beside": beside, "ratio": ratio, "to_reach": to_reach, "figures": figures}),
        flush=True,
    )

"""The pages of the admin beside queries written by hand for the same figures, in an agency with 100 days of spend."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from datetime import date, timedelta
from statistics import median

import time_machine
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings
from django.utils import timezone

from benchmarks.agency import AT, found, seconds, tell
from campaigns import surveying
from campaigns.models import Campaign, Survey

DAYS = 100
REPEATED = 5


def main(campaigns: int) -> None:
    found(campaigns)
    built = seconds(spend_on, DAYS)
    tell(f"an agency of {campaigns * DAYS:,} entries and as many days, set-based", figures=f"{built:,.0f} s")
    client = Client(headers={"host": "localhost"})
    client.force_login(get_user_model().objects.create_superuser("bench"))
    campaign = Campaign.objects.order_by("pk")[campaigns // 2]
    pages: dict[str, tuple[str, Callable[[], object]]] = {
        "dashboard": ("/admin/", agency_by_hand),
        "list of campaigns": ("/admin/campaigns/campaign/", list_by_hand),
        "a campaign": (f"/admin/campaigns/campaign/{campaign.pk}/change/", lambda: campaign_by_hand(campaign.pk)),
        "a brand": (f"/admin/campaigns/brand/{campaign.brand_id}/change/", lambda: brand_by_hand(campaign.brand_id)),
    }
    with tempfile.TemporaryDirectory() as folder, override_settings(STATIC_ROOT=folder, ALLOWED_HOSTS=["localhost"]):
        call_command("collectstatic", interactive=False, verbosity=0)
        with time_machine.travel(AT, tick=True):
            measure(client, pages)


def measure(client: Client, pages: dict[str, tuple[str, Callable[[], object]]]) -> None:
    for name, (address, by_hand) in pages.items():
        client.get(address, secure=True)  # templates and plans are loaded once a process
        looked = seconds(surveying.keep, timezone.now())  # as a worker does each minute
        with CaptureQueriesContext(connection) as captured:
            answer = client.get(address, secure=True)
        assert answer.status_code == 200, answer.status_code
        queries = len(captured)
        took = median(seconds(client.get, address, secure=True) for _ in range(REPEATED))
        query = median(seconds(by_hand) for _ in range(REPEATED))
        tell(
            f"page: {name}",
            beside="a hand-written query for the same figures",
            ratio=f"{took / query:.1f}x its time",
            to_reach="<= 300 ms",
            figures=f"{took * 1000:.0f} ms, {queries} queries; query {query * 1000:.0f} ms",
        )
        if address == "/admin/":
            tell("a worker's look over the agency, once a minute", figures=f"{looked * 1000:.0f} ms")
            Survey.objects.all().delete()
            alone = median(seconds(client.get, address, secure=True) for _ in range(REPEATED))
            tell(f"page: {name}, while no worker runs", figures=f"{alone * 1000:.0f} ms")


def spend_on(days: int) -> None:
    """An entry a campaign on each of the last `days` whole days, with all sums that the ledger would keep."""
    first = AT.date() - timedelta(days=days)
    dates = {"first": first, "last": AT.date() - timedelta(days=1)}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO campaigns_spendlog (campaign_id, amount, timestamp, day, recorded_at, reference, description)
            SELECT campaign.id, 1000000 + campaign.id %% 7 * 250000 + extract(isodow FROM day)::int * 50000,
                   (day + time '12:00') AT TIME ZONE timezone, day, now(), 'day ' || day, ''
            FROM campaigns_campaign campaign JOIN campaigns_brand brand ON brand.id = brand_id,
                 LATERAL (SELECT generate_series(%(first)s::date, %(last)s::date, '1 day')::date AS day) days
            """,
            dates,
        )
        cursor.execute(
            """
            INSERT INTO campaigns_dailyspend (campaign_id, day, amount, daily_budget)
            SELECT campaign_id, day, sum(amount), 9000000000000 FROM campaigns_spendlog GROUP BY campaign_id, day
            """
        )
        cursor.execute(
            """
            INSERT INTO campaigns_branddailyspend (brand_id, day, amount)
            SELECT brand_id, day, sum(amount) FROM campaigns_dailyspend
            JOIN campaigns_campaign campaign ON campaign.id = campaign_id GROUP BY brand_id, day
            """
        )
        cursor.execute(
            """
            UPDATE campaigns_campaign SET total_spend = sums.total, monthly_spend = sums.month,
                   monthly_budget = sums.month * (1 + campaigns_campaign.id %% 3)
            FROM (
                SELECT campaign_id, sum(amount) AS total,
                       sum(amount) FILTER (WHERE day >= date_trunc('month', %(last)s::date)) AS month
                FROM campaigns_dailyspend GROUP BY campaign_id
            ) sums
            WHERE sums.campaign_id = campaigns_campaign.id
            """,
            dates,
        )
        cursor.execute(
            """
            UPDATE campaigns_brand SET monthly_spend = sums.month, monthly_budget = sums.month * 2
            FROM (
                SELECT brand_id, sum(monthly_spend) AS month FROM campaigns_campaign GROUP BY brand_id
            ) sums
            WHERE sums.brand_id = campaigns_brand.id
            """
        )
        cursor.execute("VACUUM ANALYZE")


def agency_by_hand() -> None:
    """The strip, the counts of campaigns, the month by day, and who is over, ahead of or behind a budget."""
    select(
        """
        SELECT currency, sum(daily_spend), sum(monthly_spend), sum(monthly_budget)
        FROM campaigns_brand GROUP BY currency
        """
    )
    select(
        """
        SELECT count(*) FILTER (WHERE status = 'ACTIVE'), count(*) FILTER (WHERE status = 'PAUSED'),
               count(*) FILTER (WHERE daily_spend > daily_budget OR monthly_spend > monthly_budget),
               count(*) FILTER (WHERE monthly_spend > 0.65 * monthly_budget),
               count(*) FILTER (WHERE monthly_spend < 0.55 * monthly_budget),
               count(*) FILTER (WHERE daily_spend = 0 AND monthly_spend > 0)
        FROM campaigns_campaign
        """
    )
    select(
        "SELECT day, sum(amount) FROM campaigns_branddailyspend WHERE day >= %s GROUP BY day",
        AT.date() - timedelta(days=120),
    )


def list_by_hand() -> None:
    select(
        """
        SELECT campaign.*, brand.* FROM campaigns_campaign campaign JOIN campaigns_brand brand ON brand.id = brand_id
        ORDER BY brand.name, campaign.name LIMIT 50
        """
    )


def campaign_by_hand(campaign_id: int) -> None:
    select(
        """
        SELECT * FROM campaigns_campaign campaign JOIN campaigns_brand brand ON brand.id = brand_id
        WHERE campaign.id = %s
        """,
        campaign_id,
    )
    select("SELECT day, amount, daily_budget FROM campaigns_dailyspend WHERE campaign_id = %s", campaign_id)
    select("SELECT * FROM campaigns_statuschange WHERE campaign_id = %s ORDER BY at DESC LIMIT 20", campaign_id)


def brand_by_hand(brand_id: int) -> None:
    select("SELECT * FROM campaigns_brand WHERE id = %s", brand_id)
    select("SELECT day, amount FROM campaigns_branddailyspend WHERE brand_id = %s", brand_id)
    select(
        """
        SELECT campaign_id, day, amount FROM campaigns_dailyspend WHERE campaign_id IN
        (SELECT id FROM campaigns_campaign WHERE brand_id = %s ORDER BY name LIMIT 50)
        """,
        brand_id,
    )


def select(sql: str, *parameters: int | date) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        cursor.fetchall()


if __name__ == "__main__":
    main(int(sys.argv[1]))

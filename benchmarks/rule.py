"""`reconcile` beside a SELECT written by hand that evaluates the same conditions, and beside a bare UPDATE."""

from __future__ import annotations

import sys
from statistics import median

from django.db import connection

from benchmarks.agency import AT, ZONES, found, seconds, tell
from campaigns.enforcement import Changes, reconcile

REPEATED = 3


def main(campaigns: int) -> None:
    found(campaigns)
    changes: list[Changes] = []
    selected = median(seconds(select_by_hand) for _ in range(REPEATED))
    reconciled = median(seconds(lambda: changes.append(reconcile(at=AT))) for _ in range(REPEATED))
    assert all(each == Changes(checked=campaigns) for each in changes), changes
    tell(
        f"reconcile, {campaigns:,} windows, 12 zones, nothing to change",
        beside="a hand-written SELECT of the same conditions",
        ratio=f"{reconciled / selected:.1f}x its time",
        to_reach="<= 2x at 1,000,000",
        figures=f"{reconciled:.2f} s; SELECT {selected:.2f} s",
    )

    fifth = campaigns // 5
    updated = seconds(update_a_fifth)
    move_the_windows_of_another_fifth()
    changes.clear()
    changed = seconds(lambda: changes.append(reconcile(at=AT)))
    assert changes == [Changes(checked=campaigns, paused=fifth)], changes
    tell(
        f"reconcile that pauses {fifth:,} of them, history included",
        beside="a bare UPDATE of as many",
        ratio=f"{changed / updated:.1f}x its time",
        to_reach="<= 4x at 1,000,000",
        figures=f"{changed:.2f} s; UPDATE {updated:.2f} s",
    )


def select_by_hand() -> None:
    """The campaigns that are not what they should be, as one would write it for this database and this moment."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH clock AS (
                SELECT zone, local::date AS today, local::time AS wall, extract(isodow FROM local) AS weekday,
                       date_trunc('day', local) AT TIME ZONE zone AS day_start,
                       date_trunc('month', local) AT TIME ZONE zone AS month_start
                FROM unnest(%(zones)s::text[]) zone, LATERAL (SELECT %(at)s::timestamptz AT TIME ZONE zone AS local) now
            )
            SELECT c.id
            FROM campaigns_campaign c
            JOIN campaigns_brand b ON b.id = c.brand_id
            JOIN clock ON clock.zone = b.timezone
            LEFT JOIN (
                SELECT campaign_id, bool_or(
                    (day_of_week = weekday AND start_time <= wall AND (end_time > wall OR end_time < start_time))
                    OR (day_of_week = (weekday + 5) %% 7 + 1 AND end_time < start_time AND end_time > wall)
                ) AS is_open
                FROM campaigns_daypartingschedule schedule
                JOIN campaigns_campaign campaign ON campaign.id = campaign_id
                JOIN campaigns_brand brand ON brand.id = brand_id
                JOIN clock ON clock.zone = timezone
                WHERE schedule.is_active
                GROUP BY campaign_id
            ) hours ON hours.campaign_id = c.id
            WHERE c.daily_since < day_start OR c.monthly_since < month_start
               OR (end_date < today AND status <> 'COMPLETED')
               OR (status = 'DRAFT' AND start_date <= today)
               OR status IN ('ACTIVE', 'PAUSED') AND c.holds <> (c.holds & 1)
                + CASE WHEN b.is_active THEN 0 ELSE 2 END
                + CASE WHEN c.daily_since >= day_start AND c.daily_spend >= c.daily_budget THEN 4 ELSE 0 END
                + CASE WHEN c.monthly_since >= month_start AND c.monthly_spend >= c.monthly_budget THEN 8 ELSE 0 END
                + CASE WHEN c.total_spend >= c.total_budget THEN 16 ELSE 0 END
                + CASE WHEN b.daily_since >= day_start AND b.daily_spend >= b.daily_budget THEN 32 ELSE 0 END
                + CASE WHEN b.monthly_since >= month_start AND b.monthly_spend >= b.monthly_budget THEN 64 ELSE 0 END
                + CASE WHEN is_open IS FALSE THEN 128 ELSE 0 END
            """,
            {"zones": ZONES, "at": AT},
        )
        assert cursor.fetchall() == []


def update_a_fifth() -> None:
    """As a person would pause them: held by hand, so that no later check touches them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE campaigns_campaign SET status = 'PAUSED', holds = 1, updated_at = now() WHERE id %% 5 = 0", []
        )


def move_the_windows_of_another_fifth() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE campaigns_daypartingschedule SET day_of_week = day_of_week %% 7 + 1 WHERE campaign_id %% 5 = 1", []
        )
        cursor.execute("VACUUM ANALYZE campaigns_daypartingschedule")


if __name__ == "__main__":
    main(int(sys.argv[1]))

"""Races on PostgreSQL, with real threads: nothing is lost, and without the lock something is.

SQLite has one lock for all writers, taken when their transaction begins; there is no race to run.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from campaigns import enforcement
from campaigns.audit import find_differences
from campaigns.ledger import SpendEntry, record_spend, set_daily_total
from campaigns.models import Brand, BrandQuerySet, Campaign, SpendLog, StatusChange
from campaigns.tests.factories import BrandFactory, CampaignFactory, utc

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite lets one writer in at a time"),
]

NOON = utc("2026-11-21 12:00")
TOMORROW = NOON + timedelta(days=1)


@pytest.fixture
def no_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the lock away, and give the others a moment to come in between reading and writing."""

    def unlocked(self: BrandQuerySet, brand_ids: Collection[int]) -> list[Brand]:
        brands = list(self.filter(pk__in=brand_ids).order_by("pk"))
        time.sleep(0.05)
        return brands

    monkeypatch.setattr(BrandQuerySet, "lock", unlocked)


def together(*jobs: Callable[[], Any]) -> list[BaseException]:
    """Run the jobs in threads that start at once, and give what they raised."""
    errors: list[BaseException] = []
    barrier = threading.Barrier(len(jobs))

    def run(job: Callable[[], Any]) -> None:
        try:
            barrier.wait()
            job()
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def goes_wrong(scenario: Callable[[], bool]) -> bool:
    """Whether it does in a few rounds: a race is one of chance."""
    return not all(scenario() for _ in range(5))


def writer(campaign: Campaign, entries: int) -> Callable[[], None]:
    def write() -> None:
        for _ in range(entries):
            record_spend([SpendEntry(campaign.pk, Decimal("1.5"), NOON)], at=NOON)

    return write


def eight_writers_on_one_campaign() -> bool:
    """Whether all that eight writers wrote is there, and in the counters."""
    campaign = CampaignFactory.create()
    errors = together(*[writer(campaign, 5)] * 8)
    campaign.refresh_from_db()
    return not errors and campaign.total_spend == 60 and list(find_differences()) == []


def test_writers_on_one_campaign_lose_nothing() -> None:
    assert eight_writers_on_one_campaign()


def test_without_the_lock_writers_on_one_campaign_lose_spend(no_lock: None) -> None:
    assert goes_wrong(eight_writers_on_one_campaign)


def a_reset_beside_spend() -> bool:
    """Whether the counters are right after resets and spend of the new day at once."""
    campaign = CampaignFactory.create()
    record_spend([SpendEntry(campaign.pk, Decimal(7), NOON)], at=NOON)

    def reset() -> None:
        for _ in range(5):
            enforcement.reconcile(at=TOMORROW)

    def write() -> None:
        for _ in range(5):
            record_spend([SpendEntry(campaign.pk, Decimal(1), TOMORROW)], at=TOMORROW)

    errors = together(reset, write, write, reset)
    campaign.refresh_from_db()
    return not errors and campaign.daily_spend == 10 and list(find_differences()) == []


def test_a_reset_beside_spend_loses_nothing() -> None:
    assert a_reset_beside_spend()


def test_without_the_lock_a_reset_beside_spend_loses_some(no_lock: None) -> None:
    assert goes_wrong(a_reset_beside_spend)


def test_writers_on_the_same_campaigns_in_any_order_do_not_block_each_other_for_ever() -> None:
    campaigns = [CampaignFactory.create(brand=brand) for brand in BrandFactory.create_batch(4) for _ in range(3)]

    def write(order: list[Campaign]) -> Callable[[], None]:
        def job() -> None:
            for _ in range(4):
                record_spend([SpendEntry(each.pk, Decimal(1), NOON) for each in order], at=NOON)

        return job

    errors = together(write(campaigns), write(campaigns[::-1]), write(campaigns[1::2] + campaigns[::2]), sweep, sweep)

    assert errors == []
    assert set(Campaign.objects.values_list("total_spend", flat=True)) == {Decimal(12)}
    assert list(find_differences()) == []


def sweep() -> None:
    for _ in range(4):
        enforcement.reconcile(at=NOON)


def test_the_same_message_delivered_to_several_workers_at_once_counts_once() -> None:
    campaign = CampaignFactory.create()

    def deliver() -> None:
        record_spend([SpendEntry(campaign.pk, Decimal(5), NOON, reference="m-1")], at=NOON)

    assert together(*[deliver] * 8) == []
    campaign.refresh_from_db()
    assert campaign.total_spend == 5


def test_a_day_s_total_set_by_several_at_once_is_that_total() -> None:
    campaign = CampaignFactory.create()

    assert together(*[lambda: set_daily_total(campaign.pk, NOON.date(), Decimal(80), at=NOON)] * 6) == []

    campaign.refresh_from_db()
    assert campaign.total_spend == 80
    assert SpendLog.objects.count() == 1


def test_a_budget_reached_by_several_writers_pauses_once() -> None:
    campaign = CampaignFactory.create(daily_budget=Decimal(10))

    assert together(*[writer(campaign, 4)] * 6) == []

    campaign.refresh_from_db()
    assert campaign.status == "PAUSED"
    assert StatusChange.objects.count() == 1


def test_two_sweeps_at_once_write_each_change_once() -> None:
    for _ in range(5):
        CampaignFactory.create_batch(4, brand=BrandFactory.create(is_active=False))

    assert together(sweep, sweep, sweep) == []

    assert StatusChange.objects.count() == 20


def test_the_proof_of_the_counters_holds_while_spend_goes_on() -> None:
    campaign = CampaignFactory.create()

    def prove() -> None:
        for _ in range(20):
            assert list(find_differences()) == []

    assert together(writer(campaign, 15), writer(campaign, 15), prove) == []


def test_a_person_s_verb_holds_the_lock_of_all_it_may_touch(monkeypatch: pytest.MonkeyPatch) -> None:
    draft = CampaignFactory.create(status="DRAFT")
    locked: list[Collection[int]] = []
    lock = BrandQuerySet.lock

    def watched(self: BrandQuerySet, brand_ids: Collection[int]) -> list[Brand]:
        locked.append(brand_ids)
        Campaign.objects.filter(pk=draft.pk).update(status="ACTIVE")  # another person was quicker
        return lock(self, brand_ids)

    monkeypatch.setattr(BrandQuerySet, "lock", watched)
    enforcement.pause([draft.pk], at=NOON, actor="user:alice")

    assert locked == [{draft.brand_id}]
    draft.refresh_from_db()
    assert draft.status == "PAUSED"

"""The tasks as functions: what they do, give back and refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from celery import current_app
from django.conf import settings
from django.db import DatabaseError, IntegrityError, OperationalError
from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import DatabaseScheduler

from ad_agency import scheduler
from ad_agency.celery import app
from ad_agency.scheduler import AdminOwnedScheduler
from campaigns import ledger, tasks
from campaigns.ledger import Rejected
from campaigns.models import Brand, Campaign, SpendLog, StatusChange
from campaigns.tests.factories import BrandFactory, CampaignFactory, ScheduleFactory, utc

pytestmark = pytest.mark.django_db

NOON = utc("2026-11-21 12:00")

SWEEPS: list[Callable[..., Any]] = [
    tasks.check_campaign_budgets,
    tasks.enforce_dayparting,
    tasks.activate_eligible_campaigns,
    tasks.reset_daily_spends,
    tasks.reset_monthly_spends,
]


def state(campaign: Campaign) -> tuple[str, list[str]]:
    campaign.refresh_from_db()
    return campaign.status, campaign.hold_set.codes


@time_machine.travel(NOON, tick=False)
def test_each_tick_does_its_part_and_all_together_make_everything_right_after_two_missed_midnights() -> None:
    brand = BrandFactory.create(timezone="America/New_York")
    spent_up = CampaignFactory.create(brand=brand, daily_budget=Decimal(10))
    by_hours = CampaignFactory.create(brand=brand)
    ScheduleFactory.create(campaign=by_hours, day_of_week=6, start_time="07:00", end_time="08:00")
    draft = CampaignFactory.create(brand=brand, status="DRAFT", start_date=date(2026, 11, 20))
    over = CampaignFactory.create(brand=brand, end_date=date(2026, 11, 20))
    with time_machine.travel(NOON - timedelta(days=2), tick=False):
        tasks.add_campaign_spend(spent_up.pk, "10")
        assert state(spent_up) == ("PAUSED", ["DAILY_BUDGET"])

    told = [sweep() for sweep in SWEEPS]

    assert [state(each) for each in (spent_up, by_hours, draft, over)] == [
        ("ACTIVE", []),
        ("ACTIVE", []),
        ("ACTIVE", []),
        ("COMPLETED", []),
    ]
    assert [each["checked"] for each in told] == [4] * 5
    history = StatusChange.objects.count()
    again = [sweep() for sweep in SWEEPS]
    assert StatusChange.objects.count() == history
    assert all(each[done] == 0 for each in again for done in ("reset", "activated", "paused", "resumed", "completed"))


def test_a_sweep_acts_as_of_the_time_and_on_the_brands_that_it_is_given() -> None:
    one, other = (
        CampaignFactory.create(end_date=date(2026, 11, 20)),
        CampaignFactory.create(end_date=date(2026, 11, 20)),
    )

    told = tasks.activate_eligible_campaigns(at="2026-11-21T00:00:00+00:00", brand_ids=[one.brand_id])

    assert (told["at"], told["completed"]) == ("2026-11-21T00:00:00+00:00", 1)
    assert state(other) == ("ACTIVE", [])
    assert tasks.activate_eligible_campaigns(at="2026-11-21T00:00:00+00:00", dry_run=True)["completed"] == 1
    assert state(other) == ("ACTIVE", [])


def test_add_campaign_spend_counts_a_reference_once_however_often_it_is_delivered() -> None:
    campaign = CampaignFactory.create(daily_budget=Decimal(5))

    first = tasks.add_campaign_spend(campaign.pk, "5.00", description="clicks", reference="c-1")
    with time_machine.travel(NOON + timedelta(days=365)):
        again = tasks.add_campaign_spend(campaign.pk, "5.00", description="clicks", reference="c-1")

    assert (first, again) == (
        {"recorded": 1, "duplicates": 0, "paused": [campaign.pk]},
        {"recorded": 0, "duplicates": 1, "paused": []},
    )
    assert Campaign.objects.get().total_spend == 5


def test_add_campaign_spend_takes_the_task_s_id_as_its_reference() -> None:
    campaign = CampaignFactory.create()

    for reference in (None, "", None):
        tasks.add_campaign_spend.apply(
            args=(campaign.pk, "5", "", reference), task_id="delivered-three-times", throw=True
        )

    assert SpendLog.objects.get().reference == "delivered-three-times"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"campaign_id": 10**9, "amount": "5"}, "unknown_campaign"),
        ({"campaign_id": "1", "amount": "5"}, "unknown_campaign"),
        ({"amount": 1.5}, "invalid_amount"),
        ({"amount": "-1"}, "below_zero"),
        ({"amount": "1", "reference": "x" * 201}, "invalid_text"),
        ({"amount": "1", "description": "\x00"}, "invalid_text"),
    ],
)
def test_add_campaign_spend_fails_on_what_the_ledger_refuses(arguments: dict[str, Any], code: str) -> None:
    campaign = CampaignFactory.create()

    with pytest.raises(Rejected) as refused:
        tasks.add_campaign_spend(**{"campaign_id": campaign.pk, **arguments})

    assert refused.value.code == code
    assert not SpendLog.objects.exists()


def test_generate_spend_report_gives_json_of_all_brands_or_of_one_with_its_campaigns() -> None:
    campaign = CampaignFactory.create()
    CampaignFactory.create()
    tasks.add_campaign_spend(campaign.pk, "5")

    everything, one = tasks.generate_spend_report(), tasks.generate_spend_report(campaign.brand_id)

    assert [len(brand["campaigns"]) for brand in everything["brands"]] == [0, 0]
    assert json.loads(json.dumps(one))["brands"][0]["campaigns"][0]["daily_spend"] == "5.00"
    with pytest.raises(Brand.DoesNotExist):
        tasks.generate_spend_report(10**9)


def test_a_refused_spend_survives_the_way_between_processes() -> None:
    import pickle

    refused = pickle.loads(pickle.dumps(Rejected("conflict", "taken")))

    assert (refused.code, str(refused)) == ("conflict", "taken")


@pytest.mark.django_db(transaction=True)  # beat closes old connections
@pytest.mark.parametrize("step", ["all_as_schedule", "update_from_dict"])
def test_beat_that_starts_while_the_database_is_away_waits_for_it(monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    broken_off: list[str] = []
    done: Any = getattr(DatabaseScheduler, step)

    def away_twice(self: Any, *args: Any) -> Any:
        if len(broken_off) < 2:
            broken_off.append(step)
            raise OperationalError("the database system is starting up")
        return done(self, *args)

    monkeypatch.setattr(DatabaseScheduler, step, away_twice)
    monkeypatch.setattr(scheduler, "TRIED_EVERY", 0)
    beat: Any = AdminOwnedScheduler

    ready = beat(app=app)

    assert broken_off == [step] * 2
    assert set(ready.schedule) >= set(settings.CELERY_BEAT_SCHEDULE)


@pytest.mark.django_db(transaction=True)  # beat closes old connections
def test_what_is_changed_in_the_admin_outlives_a_restart_of_beat() -> None:
    def restart() -> None:
        beat: Any = AdminOwnedScheduler
        beat(app=app, lazy=True).setup_schedule()

    restart()
    assert set(PeriodicTask.objects.values_list("name", flat=True)) >= set(settings.CELERY_BEAT_SCHEDULE)
    task = PeriodicTask.objects.get(name="enforce_dayparting")
    assert str(task.crontab).startswith("*/5 * * * *")
    assert task.expire_seconds == 300
    other = PeriodicTask.objects.get(name="reset_daily_spends").crontab
    PeriodicTask.objects.filter(pk=task.pk).update(crontab=other, enabled=False)
    PeriodicTask.objects.filter(name="reset_monthly_spends").delete()

    restart()

    task.refresh_from_db()
    assert (task.crontab, task.enabled) == (other, False)
    assert PeriodicTask.objects.filter(name="reset_monthly_spends").exists()


def test_celery_is_set_up_to_lose_nothing_and_to_believe_json_only() -> None:
    conf = current_app.conf

    assert conf.accept_content == ["json"]
    assert conf.task_acks_late
    assert conf.task_reject_on_worker_lost
    assert str(conf.timezone) == "UTC"
    assert conf.task_soft_time_limit < conf.task_time_limit < conf.broker_transport_options["visibility_timeout"]
    assert conf.beat_sync_every == 1
    assert conf.result_expires


@pytest.mark.parametrize(
    ("error", "attempts"),
    [
        (OperationalError("the database system is starting up"), 3),
        (DatabaseError("server closed the connection unexpectedly"), 3),
        (IntegrityError("a mistake"), 1),
    ],
)
def test_a_task_that_the_database_broke_off_is_tried_again_and_one_with_a_mistake_is_not(
    monkeypatch: pytest.MonkeyPatch, error: Exception, attempts: int
) -> None:
    campaign = CampaignFactory.create()
    made: list[str] = []
    record = ledger.record_arrival

    def broken_twice(*args: Any, **kwargs: Any) -> Any:
        made.append(kwargs["reference"])
        if len(made) < 3:
            raise error
        return record(*args, **kwargs)

    monkeypatch.setattr(ledger, "record_arrival", broken_twice)

    result = tasks.add_campaign_spend.apply((campaign.pk, "5"))

    assert result.successful() == (attempts == 3)
    assert made == [result.id] * attempts

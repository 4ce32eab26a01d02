"""Agencies to look at: one that has something to show on each screen, one that begins, and one of very long names."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from celery import current_app
from django.conf import settings
from django.contrib.auth.models import Group, Permission, User
from django.core.files.base import ContentFile
from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import ModelEntry
from django_celery_results.models import TaskResult

from campaigns import demo, enforcement, tokens, uploads
from campaigns.admin.base import Page
from campaigns.ledger import SpendEntry, record_spend
from campaigns.models import Brand, Campaign, DailySpend, DaypartingSchedule, SpendImport, SpendLog, StatusChange
from campaigns.tests.factories import BrandFactory, CampaignFactory, ScheduleFactory

# The rows of an agency that addresses name: `{campaign.pk}`.
Rows = dict[str, Any]
Builder = Callable[[User, pytest.MonkeyPatch, datetime], Rows]

HEADERS = "date,brand,campaign,amount\n"
SPEND = f"""{HEADERS}2026-11-01,Kita Bikes,Autumn sale Search,310.00
2026-11-02,Kita Bikes,Autumn sale Search,290.50
2026-11-02,Kita Bikes,Autumn sale Video,120.25
2026-11-02,Kita Bikes,Autumn sail Video,120.25
someday,Kita Bikes,Autumn sale Video,7
"""
# As long as a name may be, and with nowhere to break a line.
LONG = "Donaudampfschifffahrtsgesellschaft" * 5 + "Verkehrsverein" * 2 + "ab"


def believable(user: User, patch: pytest.MonkeyPatch, at: datetime) -> Rows:
    """Two brands of the demo with two months of spend, files imported by `user`, and what the office keeps.

    Ten rows stand for a list.
    """
    patch.setattr(Page, "list_per_page", 10)
    patch.setattr(demo, "HISTORY_DAYS", 60)
    patch.setattr(demo, "PLAYED_DAYS", 0)
    for number in (0, 2):
        demo.seed_brand(number, 8, at=at)
    campaigns = Campaign.objects.filter(brand__name="Kita Bikes")
    brand = Brand.objects.get(name="Kita Bikes")
    done = upload("october.csv", SPEND.replace("2026-11", "2026-10"), user, at=at)
    uploads.confirm(done.pk, done.digest, user=user)
    uploads.start(done.pk, at=at)
    campaign = campaigns.filter(schedules__isnull=False).order_by("pk")[0]
    return {
        "brand": brand,
        "campaign": campaign,  # with windows
        "paused": campaigns.filter(status=Campaign.Status.PAUSED, daily_budget__isnull=False).order_by("pk")[0],
        "draft": CampaignFactory.create(brand=brand, name="Winter sale Search", status=Campaign.Status.DRAFT),
        "window": campaign.schedules.order_by("pk")[0],
        "entry": SpendLog.objects.filter(campaign=campaign).order_by("pk")[0],
        "day": DailySpend.objects.filter(campaign=campaign).order_by("-day")[0],
        "change": StatusChange.objects.filter(campaign__brand=brand).latest("pk"),
        "waiting": upload("november.csv", SPEND, user, at=at),
        "done": SpendImport.objects.get(pk=done.pk),
        "user": user,
        **office(brand, at=at),
    }


def office(brand: Brand, *, at: datetime) -> Rows:
    """A token in use and one that is revoked, a group, the schedule that beat begins with, and what tasks said."""
    token, _ = tokens.create_token("Collector", ["spend:write", "read"], [brand], at=at, actor="user:alice")
    gone, _ = tokens.create_token("Old dashboard", ["read"], at=at, actor="user:alice", expires_at=at + timedelta(30))
    tokens.revoke([gone.pk], at=at)
    group = Group.objects.create(name="Account managers")
    group.permissions.set(Permission.objects.filter(content_type__app_label="campaigns"))
    for name, entry in settings.CELERY_BEAT_SCHEDULE.items():
        ModelEntry.from_entry(name, app=current_app, **entry)
    for number, task in enumerate(("check_campaign_budgets", "enforce_dayparting", "reset_daily_spends")):
        TaskResult.objects.create(
            task_id=f"4f1c9a52-7d0e-4b6c-9a3e-6d2b8c1e5f0{number}",
            task_name=f"campaigns.tasks.{task}",
            periodic_task_name=task,
            status="SUCCESS",
            result='{"checked": 16, "paused": 2, "resumed": 0}',
            worker="celery@desk",
        )
    return {
        "token": token,
        "group": group,
        "task": PeriodicTask.objects.exclude(crontab=None).order_by("name")[0],
        "result": TaskResult.objects.latest("pk"),
    }


def new(user: User, patch: pytest.MonkeyPatch, at: datetime) -> Rows:
    """Nothing at all, as on the first day."""
    return {}


def beginning(user: User, patch: pytest.MonkeyPatch, at: datetime) -> Rows:
    """A brand without campaigns, one whose campaign has yet to spend, and files in which there is nothing."""
    return {
        "bare": BrandFactory.create(name="Acme", currency="EUR", timezone="Europe/Berlin"),
        "campaign": CampaignFactory.create(name="Spring", brand__name="Globex"),
        "headers": upload("headers.csv", HEADERS, user, at=at),
        "refused": upload("holiday.csv", "What we did in summer\n", user, at=at),
    }


def long_names(user: User, patch: pytest.MonkeyPatch, at: datetime) -> Rows:
    """A brand whose client, campaigns, tokens and files are called as long as can be, with sums as long."""
    patch.setattr(Page, "list_per_page", 3)
    brand = BrandFactory.create(
        name=LONG, currency="IDR", timezone="America/Argentina/ComodRivadavia", monthly_budget=Decimal(8_900_000_000)
    )
    campaigns = [
        CampaignFactory.create(brand=brand, name=f"{LONG[:-1]}{number}", external_id=f"{LONG[:-1]}{number}")
        for number in range(1, 4)
    ]
    ScheduleFactory.create(campaign=campaigns[0], day_of_week=1, start_time=time(22), end_time=time(6, 30))
    spent = [
        SpendEntry(campaign.pk, Decimal(45_000_000), at - timedelta(days), reference=f"{LONG[:-2]}{days}")
        for campaign in campaigns
        for days in range(40)
    ]
    record_spend(spent, at=at)
    Campaign.objects.filter(brand=brand).update(
        daily_budget=Decimal(45_000_000), monthly_budget=Decimal(900_000_000), total_budget=Decimal(8_000_000_000)
    )
    enforcement.reconcile(at=at, actor=f"user:{user}")
    tokens.create_token(LONG[:100], ["spend:write", "read", "control"], [brand], at=at, actor=f"user:{user}")
    name = f"{LONG}.csv"
    rows = "".join(f"2026-11-{day:02},{LONG},{LONG[:-1]}{day},1234567.891\n" for day in range(1, 4))
    return {
        "brand": brand,
        "campaign": campaigns[0],
        "window": DaypartingSchedule.objects.get(),
        "entry": SpendLog.objects.latest("pk"),
        "waiting": upload(name, f"{HEADERS}{rows}someday,{LONG},{LONG},7\n", user, at=at, create_missing=True),
    }


def upload(name: str, content: str, user: User, *, at: datetime, create_missing: bool = False) -> SpendImport:
    """A file that was uploaded and checked."""
    options = uploads.Options(create_missing=create_missing)
    kept = uploads.keep(ContentFile(content.encode(), name), name, options, user=user, at=at)
    uploads.start(kept.pk, at=at)
    kept.refresh_from_db()
    return kept

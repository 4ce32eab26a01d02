"""The screens of this system, and an agency that has something to show on each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile

from campaigns import demo, uploads
from campaigns.admin.base import Page
from campaigns.models import Brand, Campaign, SpendImport

SPEND = """date,brand,campaign,amount
2026-11-01,Kita Bikes,Autumn sale Search,310.00
2026-11-02,Kita Bikes,Autumn sale Search,290.50
2026-11-02,Kita Bikes,Autumn sale Video,120.25
2026-11-02,Kita Bikes,Autumn sail Video,120.25
someday,Kita Bikes,Autumn sale Video,7
"""


@dataclass(frozen=True)
class Agency:
    brand: Brand
    campaign: Campaign  # with windows
    paused: Campaign  # at its budget
    waiting: SpendImport
    done: SpendImport


def build_agency(user: User, patch: pytest.MonkeyPatch, *, at: datetime) -> Agency:
    """Two brands of the demo with two months of spend, and two files imported by `user`. Ten rows stand for a list."""
    patch.setattr(Page, "list_per_page", 10)
    patch.setattr(demo, "HISTORY_DAYS", 60)
    patch.setattr(demo, "PLAYED_BACK", demo.PLAYED_STEP * 2)
    for number in (0, 2):
        demo.seed_brand(number, 8, at=at)
    campaigns = Campaign.objects.filter(brand__name="Kita Bikes")
    done = upload("october.csv", user, at=at)
    uploads.confirm(done.pk, done.digest, user=user)
    uploads.start(done.pk, at=at)
    return Agency(
        brand=Brand.objects.get(name="Kita Bikes"),
        campaign=campaigns.filter(schedules__isnull=False).order_by("pk")[0],
        paused=campaigns.filter(status=Campaign.Status.PAUSED, daily_budget__isnull=False).order_by("pk")[0],
        waiting=upload("november.csv", user, at=at),
        done=done,
    )


def upload(name: str, user: User, *, at: datetime) -> SpendImport:
    """A file that was uploaded and checked."""
    content = SPEND.replace("2026-11", "2026-10") if name == "october.csv" else SPEND
    kept = uploads.keep(ContentFile(content.encode(), name), name, uploads.Options(), user=user, at=at)
    uploads.start(kept.pk, at=at)
    kept.refresh_from_db()
    return kept


# Every screen that an address leads to, as the sidebar groups them. A new screen needs a line here.
SCREENS: dict[str, dict[str, str]] = {
    "agency": {
        "dashboard": "/admin/",
        "dashboard-past": "/admin/?brand={agency.brand.pk}&day=2026-11-18",
        "brands": "/admin/campaigns/brand/",
        "brand": "/admin/campaigns/brand/{agency.brand.pk}/change/",
        "brand-month": "/admin/campaigns/brand/{agency.brand.pk}/change/?month=2026-10",
        "brand-add": "/admin/campaigns/brand/add/",
        "campaigns": "/admin/campaigns/campaign/",
        "campaign": "/admin/campaigns/campaign/{agency.campaign.pk}/change/",
        "campaign-paused": "/admin/campaigns/campaign/{agency.paused.pk}/change/",
        "campaign-add": "/admin/campaigns/campaign/add/",
        "schedules": "/admin/campaigns/daypartingschedule/",
        "what-if": "/admin/campaigns/campaign/{agency.campaign.pk}/what-if/?daily_budget=50",
        "what-if-brand": "/admin/campaigns/brand/{agency.brand.pk}/what-if/",
        "client-report": "/admin/campaigns/brand/{agency.brand.pk}/client-report/?month=2026-11",
        "report": "/admin/campaigns/dailyspend/report/?by=campaign&from=2026-11-01&to=2026-11-30",
        "report-by-day": "/admin/campaigns/dailyspend/report/?by=day&from=2026-10-01&to=2026-11-30",
    },
    "ledger": {
        "spend": "/admin/campaigns/spendlog/",
        "spend-by-day": "/admin/campaigns/dailyspend/",
        "status-changes": "/admin/campaigns/statuschange/",
        "import-upload": "/admin/campaigns/spendimport/add/",
        "import-preview": "/admin/campaigns/spendimport/{agency.waiting.pk}/change/",
        "import-result": "/admin/campaigns/spendimport/{agency.done.pk}/change/",
        "imports": "/admin/campaigns/spendimport/",
    },
    "office": {
        "tokens": "/admin/campaigns/apitoken/",
        "token-add": "/admin/campaigns/apitoken/add/",
        "users": "/admin/auth/user/",
        "beat-schedule": "/admin/django_celery_beat/periodictask/",
        "task-results": "/admin/django_celery_results/taskresult/",
    },
}

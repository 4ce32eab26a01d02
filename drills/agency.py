"""The agency that a drill plays in: brands on several clocks, budgets that are reached, short hours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from benchmarks.api_load import Installation

MAKE = """
from datetime import timedelta
from django_celery_beat.models import IntervalSchedule, PeriodicTask
from django.utils import timezone
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from campaigns import uploads
from campaigns.tokens import create_token
now = timezone.now()
zones = ["UTC", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"]
brands = [Brand.objects.create(name=f"Brand {zone}", timezone=zone) for zone in zones]
Brand.objects.filter(pk=brands[1].pk).update(daily_budget=600)
Brand.objects.filter(pk=brands[2].pk).update(monthly_budget=3000)
budgets = [{}, {"daily_budget": 40}, {"monthly_budget": 90}, {"total_budget": 150}, {"daily_budget": 400}, {}]
def make(name, brand, **fields):
    return Campaign.objects.create(name=name, brand=brand, **fields)
plain = [make(f"Campaign {n}", brands[n % 4], status="ACTIVE", **budgets[n % 6]) for n in range(24)]
# Their hours are some seconds long, so that only ticks that come can keep them.
timed = [make(f"Hours {n}", brands[n], status="ACTIVE") for n in range(4)]
for campaign in timed:
    for minute in range(MINUTES * 3):
        opens = (now + timedelta(seconds=20 * minute)).astimezone(campaign.brand.timezone)
        closes = opens + timedelta(seconds=10)
        if opens.date() == closes.date():
            campaign.schedules.create(
                day_of_week=opens.isoweekday(), start_time=opens.time(), end_time=closes.time()
            )
drafts = [
    make(f"Draft {n}", brands[n % 4], start_date=now.astimezone(brands[n % 4].timezone).date(), total_budget=5 + n)
    for n in range(4)
]
imported = [make(f"Imported {n}", brands[n % 4], status="ACTIVE", daily_budget=300) for n in range(4)]
totals = [make(f"Totals {n}", brands[n % 4], status="ACTIVE", daily_budget=500) for n in range(4)]
uploaded = [make(f"Uploaded {n}", brands[n % 4], status="ACTIVE", daily_budget=10) for n in range(20)]
alice = User.objects.create_superuser("alice")
def upload(campaign):
    today = now.astimezone(campaign.brand.timezone).date()
    days = {str(today - timedelta(days=n)): f"{n % 7 + 1}.000001" for n in range(300)}
    rows = [f"{day},{campaign.brand.name},{campaign.name},{amount}\\n" for day, amount in days.items()]
    file = ContentFile(("date,brand,campaign,amount\\n" + "".join(rows)).encode())
    kept = uploads.keep(file, "spend.csv", uploads.Options(), user=alice, at=now)
    # Looked through and confirmed, so that a worker is all that it waits for.
    SpendImport.objects.filter(pk=kept.pk).update(state="IMPORTING", confirmed_by=alice)
    return [kept.pk, campaign.pk, days]
people = [make(f"People {n}", brands[n % 4], status="ACTIVE") for n in range(4)]
def ids(campaigns):
    return [campaign.pk for campaign in campaigns]
# Every sweep comes every few seconds, instead of minutes.
for name, seconds in {
    "check_campaign_budgets": 3, "enforce_dayparting": 3, "activate_eligible_campaigns": 3,
    "reset_daily_spends": 7, "reset_monthly_spends": 7, "discard_forgotten_imports": 30,
    "look_over_the_agency": 60,
}.items():
    every, _ = IntervalSchedule.objects.get_or_create(every=seconds, period="seconds")
    PeriodicTask.objects.create(
        name=name, task=f"campaigns.tasks.{name}", interval=every, expire_seconds=60
    )
result = {
    "token": create_token("Drill", [Scope.SPEND_WRITE, Scope.CONTROL], at=now, actor="drill")[1],
    "spent_on": ids(plain + timed + drafts),
    "imported": [[c.pk, c.brand.name, c.name] for c in imported],
    "totals": [[c.pk, c.brand.name, c.name] for c in totals],
    "uploads": [upload(campaign) for campaign in uploaded],
    "people": ids(people),
    "edited": [brands[3].pk],
    "initial": {c.pk: [c.status, c.holds] for c in Campaign.objects.all()},
}
"""


@dataclass(frozen=True)
class Named:
    """A campaign as files name it."""

    id: int
    brand: str
    name: str


@dataclass(frozen=True)
class Upload:
    """A confirmed file that waits for a worker: what each day of a campaign cost."""

    id: int
    campaign_id: int
    totals: dict[date, Decimal]


@dataclass(frozen=True)
class Agency:
    """Ids of what was made, by what the traffic does with it."""

    token: str  # for the API
    spent_on: list[int]  # campaigns that the API and tasks spend on
    imported: list[Named]  # entries come from files
    totals: list[Named]  # days' totals come from files
    uploads: list[Upload]
    people: list[int]  # campaigns that people pause and resume
    edited: list[int]  # brands that are edited in the database, which only ticks notice
    initial: dict[int, tuple[str, int]]  # each campaign's first status and holds


def make_agency(installation: Installation, minutes: int) -> Agency:
    """An agency whose hours change for so many minutes, before anything of its site runs."""
    made: dict[str, Any] = installation.python(MAKE.replace("MINUTES", str(minutes)))
    return Agency(
        token=made["token"],
        spent_on=made["spent_on"],
        imported=[Named(*each) for each in made["imported"]],
        totals=[Named(*each) for each in made["totals"]],
        uploads=[
            Upload(pk, campaign, {date.fromisoformat(day): Decimal(amount) for day, amount in days.items()})
            for pk, campaign, days in made["uploads"]
        ],
        people=made["people"],
        edited=made["edited"],
        initial={int(pk): (status, holds) for pk, (status, holds) in made["initial"].items()},
    )

"""Brands and campaigns for tests: running, without budgets, on UTC and in USD unless a test says otherwise."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from factory.declarations import Sequence, SubFactory
from factory.django import DjangoModelFactory

from campaigns.models import Brand, Campaign, DaypartingSchedule

if TYPE_CHECKING:
    BrandBase = DjangoModelFactory[Brand]
    CampaignBase = DjangoModelFactory[Campaign]
    ScheduleBase = DjangoModelFactory[DaypartingSchedule]
else:
    BrandBase = CampaignBase = ScheduleBase = DjangoModelFactory


class BrandFactory(BrandBase):
    class Meta:
        model = Brand

    name = Sequence(lambda n: f"Brand {n}")
    timezone = "UTC"
    currency = "USD"


class CampaignFactory(CampaignBase):
    class Meta:
        model = Campaign

    brand = SubFactory(BrandFactory)
    name = Sequence(lambda n: f"Campaign {n}")
    status = Campaign.Status.ACTIVE


class ScheduleFactory(ScheduleBase):
    class Meta:
        model = DaypartingSchedule

    campaign = SubFactory(CampaignFactory)
    day_of_week = 1
    start_time = "09:00"
    end_time = "17:00"


def utc(text: str) -> datetime:
    """`2026-11-21 14:05` as an instant, in UTC unless the text has an offset."""
    instant = datetime.fromisoformat(text)
    return instant if instant.tzinfo else datetime.fromisoformat(f"{text}+00:00")

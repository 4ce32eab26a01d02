"""The command `replay`: what is set for whom, what it prints, and how it refuses."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command

from campaigns.ledger import SpendEntry, record_spend
from campaigns.models import Campaign
from campaigns.tests.factories import BrandFactory, CampaignFactory, utc

pytestmark = pytest.mark.django_db

NOON = utc("2026-11-21 12:00")
DAY = ("--from", "2026-10-05", "--to", "2026-10-05")


@pytest.fixture(autouse=True)
def noon() -> Any:
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def search() -> Campaign:
    """Of the brand Acme, beside the campaign 17; each spends 30 three times on 5 October."""
    brand = BrandFactory.create(name="Acme")
    search, other = (CampaignFactory.create(brand=brand, name=name) for name in ("Search: all", "17"))
    for hour in ("08", "12", "18"):
        at = utc(f"2026-10-05 {hour}:00")
        record_spend([SpendEntry(each.pk, Decimal(30), at) for each in (search, other)], at=at)
    return search


def said(*arguments: str) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command("replay", "--brand", "Acme", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def told(*arguments: str) -> Any:
    return json.loads(said(*DAY, *arguments, "--format", "json")[0])


def would_have_spent(*arguments: str) -> dict[str, str]:
    return {each["name"]: each["total"]["would_have_spent"] for each in told(*arguments)["campaigns"]}


def test_without_anything_set_it_tells_what_the_limits_of_today_would_have_done(search: Campaign) -> None:
    assert would_have_spent() == {"17": "90.00", "Search: all": "90.00"}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--set", "daily_budget=60"), {"17": "30.00", "Search: all": "30.00"}),  # the brand's
        (("--set", "brand.daily_budget=150"), {"17": "90.00", "Search: all": "90.00"}),
        (("--set", "campaigns.daily_budget=60"), {"17": "60.00", "Search: all": "60.00"}),
        (("--set", "Search: all:daily_budget=60"), {"17": "90.00", "Search: all": "60.00"}),
        (("--set", "17:total_budget=30"), {"17": "30.00", "Search: all": "90.00"}),
        (("--set", "total_budget=30"), {"17": "30.00", "Search: all": "30.00"}),
        (("--campaign", "17", "--set", "daily_budget=60"), {"17": "60.00"}),
        (("--campaign", "17", "--set", "daily_budget=60", "--set", "17:daily_budget=none"), {"17": "90.00"}),
        (("--windows", "Mon 07:00-09:00"), {"17": "30.00", "Search: all": "30.00"}),
        (("--campaign", "17", "--set", "windows=Mon 11:00-24:00"), {"17": "60.00"}),
    ],
)
def test_what_is_set_counts_for_whom_it_names(
    search: Campaign, arguments: tuple[str, ...], expected: dict[str, str]
) -> None:
    assert would_have_spent(*arguments) == expected


def test_the_json_has_changes_months_days_and_stops(search: Campaign) -> None:
    figures = told("--campaign", str(search.pk), "--set", "daily_budget=60", "--windows", "Mon-Fri 08:00-24:00")

    assert figures["changes"] == {
        "brand": {},
        "campaigns": {str(search.pk): {"daily_budget": "60.00", "windows": "Mon-Fri 08:00-00:00"}},
    }
    (campaign,) = figures["campaigns"]
    assert campaign["months"] == [
        {"month": "2026-10", "spent": "90.00", "would_have_spent": "60.00", "difference": "-30.00"}
    ]
    assert campaign["days"] == [
        {
            "day": "2026-10-05",
            "spent": "90.00",
            "would_have_spent": "60.00",
            "hours_paused": 20.0,
            "hours_held": 12.0,
            "hours_held_then": 0.0,
            "spread": False,
            "stops": [
                {
                    "from": "2026-10-05T00:00:00+00:00",
                    "to": "2026-10-05T08:00:00+00:00",
                    "status": "PAUSED",
                    "holds": ["DAYPARTING"],
                    "hours": 8.0,
                },
                {
                    "from": "2026-10-05T12:00:00+00:00",
                    "to": "2026-10-06T00:00:00+00:00",
                    "status": "PAUSED",
                    "holds": ["DAILY_BUDGET"],
                    "hours": 12.0,
                },
            ],
        }
    ]
    assert figures["total"]["difference"] == "-30.00"


def test_the_table_shows_totals_and_when_budgets_would_have_paused(search: Campaign) -> None:
    out, err = said(*DAY, "--set", "campaigns.daily_budget=60")

    assert "Acme, 2026-10-05 to 2026-10-05, in USD" in out
    assert "The brand, all its campaigns │ 180.00 │           120.00 │     -60.00" in out
    assert "2026-10-05 Mon │ 90.00 │            60.00 │ 12:00:00 │ 24:00:00 │ Daily budget reached" in out
    assert err == ""


def test_the_csv_has_a_line_for_each_campaign_and_day_with_plain_amounts(search: Campaign) -> None:
    Campaign.objects.filter(pk=search.pk).update(name="=HYPERLINK(A1)")

    out, _ = said("--from", "2026-10-05", "--to", "2026-10-06", "--set", "campaigns.daily_budget=60", "--format", "csv")

    lines = list(csv.DictReader(io.StringIO(out, newline="")))
    assert [(line["campaign"], line["day"]) for line in lines] == [
        ("17", "2026-10-05"),
        ("17", "2026-10-06"),
        ("'=HYPERLINK(A1)", "2026-10-05"),
        ("'=HYPERLINK(A1)", "2026-10-06"),
    ]
    assert lines[2] == {
        "brand": "Acme",
        "campaign": "'=HYPERLINK(A1)",
        "day": "2026-10-05",
        "currency": "USD",
        "spent": "90.00",
        "would_have_spent": "60.00",
        "difference": "-30.00",
        "hours_paused": "12.0",
        "hours_held": "12.0",
        "hours_held_then": "0.0",
        "spread": "no",
    }


def test_text_is_another_name_of_table(search: Campaign) -> None:
    assert said(*DAY, "--format", "text") == said(*DAY, "--format", "table")


def test_without_dates_it_plays_the_last_full_month_with_spend(search: Campaign) -> None:
    assert "2026-10-01 to 2026-10-31" in said()[0]


def test_what_to_know_of_the_figures_is_said_on_stderr(search: Campaign) -> None:
    search.brand.is_active = False
    search.brand.save()

    assert "The brand is inactive" in said(*DAY)[1]


@pytest.mark.parametrize(
    ("arguments", "message", "code"),
    [
        (("--campaign", "Nobody"), "Acme has no campaign 'Nobody'", 1),
        (("--set", "Nobody:daily_budget=1"), "Acme has no campaign 'Nobody'", 1),
        (("--set", "daily_budget"), "sets nothing", 2),
        (("--set", "dayly_budget=1"), "'dayly_budget' cannot be set", 2),
        (("--set", "agency.daily_budget=1"), "'agency' is neither brand nor campaigns", 2),
        (("--set", "brand.total_budget=1"), "A brand has no total_budget", 2),
        (("--set", "daily_budget=0"), "must be more than zero", 2),
        (("--set", "daily_budget=1e3"), "is not an amount", 2),
        (("--windows", "Mon 8-18"), "names no hours", 2),
        (("--from", "2026-10-05"), "Give both --from and --to", 2),
        (("--from", "2026-10-05", "--to", "2026-10-01"), "lies after", 1),
        (("--from", "2026-13-05", "--to", "2026-10-01"), "is no day", 1),
    ],
)
def test_what_cannot_be_played_is_refused_with_the_reason(
    search: Campaign, arguments: tuple[str, ...], message: str, code: int
) -> None:
    with pytest.raises(CommandError, match=message) as refused:
        said(*arguments)
    assert refused.value.returncode == code


def test_an_unknown_brand_and_one_without_a_full_month_are_refused() -> None:
    with pytest.raises(CommandError, match="There is no brand 'Acme'"):
        said()
    BrandFactory.create(name="Acme")
    with pytest.raises(CommandError, match="no full month with spend"):
        said()

"""The commands: the same functions as the tasks, with clear words, data on stdout and exit codes."""

from __future__ import annotations

import io
import json
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command, load_command_class
from django.db import connection
from django.db.models import Min
from django.utils import timezone

from campaigns import tasks
from campaigns.demo import play_traffic, seed_brand
from campaigns.enforcement import Changes
from campaigns.holds import Hold
from campaigns.ledger import SpendEntry, record_spend
from campaigns.management.base import SweepCommand
from campaigns.models import (
    EARLIEST_SPEND,
    Brand,
    Campaign,
    DailySpend,
    DaypartingSchedule,
    SpendLog,
    StatusChange,
)
from campaigns.money import ZERO, from_micros
from campaigns.periods import local_clock
from campaigns.tests.conftest import Installation
from campaigns.tests.factories import BrandFactory, CampaignFactory, ScheduleFactory, utc

pytestmark = pytest.mark.django_db

NOON = "2026-11-21T12:00:00+00:00"


def said(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def told(*arguments: str) -> Any:
    return json.loads(said(*arguments, "--format", "json"))


def figures(**changed: int) -> dict[str, Any]:
    zeros = dict.fromkeys(("checked", "reset", "activated", "paused", "resumed", "completed"), 0)
    return {"at": NOON, "dry_run": False, **zeros, **changed}


def spend(campaign: Campaign, amount: str, at: str = NOON) -> None:
    record_spend([SpendEntry(campaign.pk, Decimal(amount), utc(at))], at=utc(at))


def test_check_budgets_holds_and_releases_and_tells_it_as_one_json_object() -> None:
    over, freed = CampaignFactory.create(daily_budget=Decimal(5)), CampaignFactory.create(daily_budget=Decimal(5))
    for campaign in (over, freed):
        spend(campaign, "5")
    Campaign.objects.filter(pk=over.pk).update(status="ACTIVE", holds=0)
    Campaign.objects.filter(pk=freed.pk).update(daily_budget=Decimal(50))

    assert told("check_budgets", "--at", NOON) == figures(checked=2, paused=1, resumed=1)
    assert told("check_budgets", "--at", NOON) == figures(checked=2)
    assert set(StatusChange.objects.filter(actor="command:check_budgets").values_list("campaign", flat=True)) == {
        over.pk,
        freed.pk,
    }


def test_enforce_dayparting_pauses_outside_and_resumes_inside_the_hours() -> None:
    ScheduleFactory.create(day_of_week=6)  # Saturday 09:00 to 17:00

    assert told("enforce_dayparting", "--at", "2026-11-21T08:00:00+00:00")["paused"] == 1
    assert told("enforce_dayparting", "--at", NOON) == figures(checked=1, resumed=1)


def test_activate_campaigns_starts_drafts_and_completes_what_is_over() -> None:
    CampaignFactory.create(status="DRAFT", start_date=date(2026, 11, 21))
    CampaignFactory.create(end_date=date(2026, 11, 20))

    changes = told("activate_campaigns", "--at", NOON)

    assert (changes["checked"], changes["activated"], changes["completed"]) == (2, 1, 1)


@pytest.mark.parametrize(
    ("command", "budget", "next_period"),
    [
        ("reset_daily_spends", "daily_budget", "2026-11-22T00:00:00+00:00"),
        ("reset_monthly_spends", "monthly_budget", "2026-12-01T00:00:00+00:00"),
    ],
)
def test_resets_begin_the_new_period_and_release_what_the_last_one_held(
    command: str, budget: str, next_period: str
) -> None:
    campaign = CampaignFactory.create(**{budget: Decimal(5)})
    spend(campaign, "5")

    assert told(command, "--at", NOON) == figures(checked=1)
    changes = told(command, "--at", next_period)

    assert (changes["reset"], changes["resumed"]) == (2, 1)


def test_a_forced_reset_releases_at_once() -> None:
    campaign = CampaignFactory.create(daily_budget=Decimal(5))
    spend(campaign, "5")

    assert told("reset_daily_spends", "--at", "2026-11-21T12:00:01+00:00")["reset"] == 0
    forced = told("reset_daily_spends", "--at", "2026-11-21T12:00:01+00:00", "--force")

    assert (forced["reset"], forced["resumed"]) == (2, 1)
    assert Campaign.objects.get().status == "ACTIVE"


def test_a_forced_reset_takes_back_a_period_that_a_wrong_year_had_begun() -> None:
    campaign = CampaignFactory.create(daily_budget=Decimal(5))
    err = io.StringIO()
    call_command("reset_daily_spends", "--at", "2936-11-21T12:00:00+00:00", stdout=io.StringIO(), stderr=err)
    assert "has not come. Counters that begin then count nothing before it." in err.getvalue()
    spend(campaign, "5")
    assert Campaign.objects.get().status == "ACTIVE"

    forced = told("reset_daily_spends", "--at", "2026-11-21T00:00:00+00:00", "--force")

    assert (forced["reset"], forced["paused"]) == (2, 1)
    said("verify_spend")


def test_a_dry_run_tells_what_would_change_and_changes_nothing() -> None:
    CampaignFactory.create(brand=BrandFactory.create(is_active=False))

    assert told("check_budgets", "--at", NOON, "--dry-run") == figures(checked=1, reset=4, paused=1, dry_run=True)
    assert "Would be: 1 campaigns checked; 4 reset, 1 paused." in said("check_budgets", "--dry-run")
    assert Campaign.objects.get().status == "ACTIVE"


def test_a_sweep_of_named_brands_leaves_the_others_alone() -> None:
    for name in ("A", "B", "C"):
        CampaignFactory.create(brand=BrandFactory.create(name=name, is_active=False))

    assert told("check_budgets", "--at", NOON, "--brand", "A", "--brand", "C") == figures(checked=2, reset=8, paused=2)
    assert Campaign.objects.get(brand__name="B").status == "ACTIVE"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("check_budgets", "--brand", "Nobody"), "There is no brand 'Nobody'"),
        (("explain_campaign", "999999"), "There is no campaign 999999"),
        (("simulate_spend", "999999", "5"), "There is no campaign 999999"),
        (("simulate_spend", "5"), "Give either CAMPAIGN_ID and AMOUNT, or --rate"),
        (("simulate_spend", "5", "--rate", "1"), "Give either CAMPAIGN_ID and AMOUNT, or --rate"),
        (("simulate_spend", "--rate", "0"), "'0' is no whole number of at least 1"),
        (("simulate_spend", "--rate", "1", "--brand", "Nobody"), "There is no brand 'Nobody'"),
        (("seed_data", "--brands", "-3"), "'-3' is no whole number of at least 1"),
        (("check_budgets", "--at", "0001-01-01T00:00:00+14:00"), "write one between 2000 and 2999"),
        (("check_budgets", "--at", "9999-12-31T23:59:59-12:00"), "write one between 2000 and 2999"),
        (("check_budgets", "--at", "yesterday"), "is no time in ISO 8601"),
        (("check_budgets", "--at", "2026-11-21T12:00:00"), "has no offset"),
    ],
)
def test_what_a_command_cannot_do_it_says_clearly(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        said(*arguments)


@pytest.mark.processes
def test_exit_codes_are_0_for_done_1_for_a_clear_error_and_2_for_wrong_usage(installation: Installation) -> None:
    for code, *arguments in (
        (0, "check_budgets", "--format", "json"),
        (1, "check_budgets", "--brand", "Nobody"),
        (1, "simulate_spend", "1", "5"),
        (1, "import_spend", "missing.csv"),
        (2, "check_budgets", "--at", "noon"),
        (2, "check_budgets", "--frobnicate"),
        (2, "simulate_spend"),
    ):
        done = installation.run(*map(str, arguments))
        assert done.returncode == code, (arguments, done.stderr)
        assert (done.stdout != b"") is (code == 0)
        assert b"Traceback" not in done.stderr


def test_a_command_and_its_task_ask_for_the_same_sweep_and_beat_has_each(monkeypatch: pytest.MonkeyPatch) -> None:
    commands = [
        "activate_campaigns",
        "check_budgets",
        "enforce_dayparting",
        "reset_daily_spends",
        "reset_monthly_spends",
    ]
    asked: list[Hold] = []

    def sweep(*, owned: Hold, **_: Any) -> Changes:
        asked.append(owned)
        return Changes()

    monkeypatch.setattr("campaigns.management.base.reconcile", sweep)
    monkeypatch.setattr("campaigns.tasks.reconcile", sweep)
    for name in commands:
        command = load_command_class("campaigns", name)
        assert isinstance(command, SweepCommand)
        said(name)
        getattr(tasks, command.task)()
        assert command.task in settings.CELERY_BEAT_SCHEDULE

    assert asked[::2] == asked[1::2]
    assert asked[::2] == [Hold.ENGINE, Hold.SPENDING, Hold.DAYPARTING, Hold.DAILY_BUDGETS, Hold.MONTHLY_BUDGETS]


def test_explain_campaign_tells_in_words_and_as_json() -> None:
    campaign = CampaignFactory.create(daily_budget=Decimal(5))
    spend(campaign, "5")

    explanation = told("explain_campaign", str(campaign.pk), "--at", NOON)

    assert explanation["running"] is False
    assert [hold["code"] for hold in explanation["holds"]] == ["DAILY_BUDGET"]
    assert (explanation["next_change_at"], explanation["then"]) == ("2026-11-22T00:00:00+00:00", "ACTIVE")
    tomorrow = said("explain_campaign", str(campaign.pk), "--at", "2026-11-22T00:00:00+00:00")
    assert tomorrow == "Running.\nStill recorded as PAUSED: the next tick puts it right.\n"


def test_simulate_spend_records_one_spend_and_says_what_happened() -> None:
    campaign = CampaignFactory.create(name="Spring", brand=BrandFactory.create(name="Acme"), daily_budget=Decimal(5))

    assert "Recorded. Acme / Spring has spent USD 2.00 today.\nRunning." in said(
        "simulate_spend", str(campaign.pk), "2"
    )
    assert "Paused: today's budget of USD 5.00 is reached (USD 5.00)." in said("simulate_spend", str(campaign.pk), "3")
    assert "has spent USD 4.00 today.\nRunning." in said("simulate_spend", str(campaign.pk), "-1")


def test_simulated_traffic_spends_on_running_campaigns_only() -> None:
    from random import Random

    running = CampaignFactory.create(daily_budget=Decimal(100))
    CampaignFactory.create(status="PAUSED", holds=1)

    assert play_traffic(Random(1), 20, at=utc(NOON)).recorded == 20
    assert set(SpendLog.objects.values_list("campaign", flat=True)) == {running.pk}
    other = BrandFactory.create()
    assert play_traffic(Random(1), 20, at=utc(NOON), brand_ids=[other.pk]).recorded == 0


def test_verify_spend_says_which_counter_is_wrong_and_by_how_much_and_repairs_it() -> None:
    campaign = CampaignFactory.create(name="Spring", brand=BrandFactory.create(name="Acme"))
    spend(campaign, "10")
    said("verify_spend")
    with connection.cursor() as cursor:
        cursor.execute("update campaigns_campaign set monthly_spend = 12500000")
    out = io.StringIO()

    with pytest.raises(CommandError, match="Wrong counters: 1"):
        call_command("verify_spend", stdout=out)
    assert out.getvalue() == (
        f"campaign {campaign.pk} (Spring): monthly_spend is 12.50 USD, the ledger says 10.00: off by 2.50.\n"
    )
    said("verify_spend", "--brand", "Acme", "--repair")
    said("verify_spend")
    campaign.refresh_from_db()
    assert campaign.monthly_spend == 10


def test_spend_report_tells_spend_of_the_current_periods_and_never_adds_up_currencies() -> None:
    euro = CampaignFactory.create(brand=BrandFactory.create(name="Acme", currency="EUR"), name="Spring")
    yen = CampaignFactory.create(brand=BrandFactory.create(name="Nippon", currency="JPY"))
    spend(euro, "5")
    spend(yen, "700")

    report = told("spend_report", "--at", NOON)
    next_day = told("spend_report", "--at", "2026-11-22T12:00:00+00:00", "--brand", "Acme")

    assert report["totals"] == {
        "EUR": {"daily_spend": "5.00", "monthly_spend": "5.00"},
        "JPY": {"daily_spend": "700", "monthly_spend": "700"},
    }
    assert next_day["totals"] == {"EUR": {"daily_spend": "0.00", "monthly_spend": "5.00"}}
    assert next_day["brands"][0]["campaigns"][0]["total_spend"] == "5.00"
    text = said("spend_report", "--at", NOON)
    assert "Acme, 2026-11-21 12:00 UTC, in EUR" in text
    assert "All brands in JPY: JPY 700 today, JPY 700 this month." in text


RANGE = ("--from", "2026-11-01", "--to", "2026-11-30")


@pytest.mark.parametrize(
    ("by", "line"),
    [
        ("campaign", {"brand": "Acme", "campaign": "=Spring"}),
        ("brand", {"brand": "Acme"}),
        ("day", {"day": "2026-11-21"}),
        ("month", {"month": "2026-11"}),
    ],
)
def test_spend_report_tells_a_range_of_days_by_each_grouping(by: str, line: dict[str, str]) -> None:
    campaign = CampaignFactory.create(brand=BrandFactory.create(name="Acme", currency="EUR"), name="=Spring")
    spend(campaign, "1234.5")
    spend(campaign, "7", "2026-10-31T12:00:00+00:00")

    report = told("spend_report", *RANGE, "--by", by)

    (told_line,) = report.pop("lines")
    assert report == {"from": "2026-11-01", "to": "2026-11-30", "by": by, "totals": {"EUR": "1234.50"}}
    assert told_line | line | {"currency": "EUR", "spend": "1234.50"} == told_line
    heading, row = said("spend_report", *RANGE, "--by", by, "--format", "csv").splitlines()
    assert heading == ",".join(each.capitalize() for each in (*line, "currency", "spend"))
    assert row == ",".join([*line.values(), "EUR", "1234.50"]).replace("=", "'=")
    for form in ("table", "text"):
        table = said("spend_report", *RANGE, "--by", by, "--format", form)
        assert "1,234.50" in table
        assert "In all: EUR 1,234.50." in table


def test_spend_report_of_a_range_is_by_campaign_and_of_the_brands_named() -> None:
    for name in ("Acme", "Zen"):
        spend(CampaignFactory.create(brand=BrandFactory.create(name=name), name=f"{name}'s"), "5")

    report = told("spend_report", *RANGE, "--brand", "Zen")

    assert [(line["brand"], line["campaign"]) for line in report["lines"]] == [("Zen", "Zen's")]


def test_spend_report_as_csv_tells_campaigns_and_behind_them_their_brand() -> None:
    brand = BrandFactory.create(name="Acme", currency="JPY", monthly_budget=Decimal(1000))
    spend(CampaignFactory.create(brand=brand, name="Spring", daily_budget=Decimal(500)), "7")

    headings, *lines = said("spend_report", "--at", NOON, "--format", "csv").splitlines()

    assert headings.startswith("Brand,Campaign,Status,Currency,Spend today,Daily budget,Spend this month,Monthly")
    assert lines == [
        "Acme,Spring,Active,JPY,7,500,7,,7,",
        "Acme,,Active,JPY,7,,7,1000,,",
    ]


def test_spend_report_of_days_without_spend_says_so_on_stderr() -> None:
    out, words = io.StringIO(), io.StringIO()

    call_command("spend_report", *RANGE, stdout=out, stderr=words)

    assert (out.getvalue(), words.getvalue()) == ("", "No spend is recorded from 2026-11-01 to 2026-11-30.\n")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--by", "day"], 2),
        (["--from", "2026-11-01"], 2),
        (["--to", "2026-11-01"], 2),
        (["--from", "2026-11-02", "--to", "2026-11-01"], 2),
        ([*RANGE, "--at", NOON], 2),
        ([*RANGE, "--brand", "Nobody"], 1),
    ],
)
def test_spend_report_refuses_what_is_no_range(arguments: list[str], code: int) -> None:
    with pytest.raises(CommandError) as refused:
        said("spend_report", *arguments)

    assert refused.value.returncode == code


@pytest.mark.parametrize("text", ["2026-11-31", "1999-12-31", "3000-01-01", "20261101", "01.11.2026", "２０２６-11-01"])
def test_spend_report_takes_days_in_iso_8601_alone(text: str) -> None:
    with pytest.raises(CommandError, match="is no day between 2000 and 2999"):
        said("spend_report", "--from", text, "--to", "2026-11-30")


def test_the_seeded_agency_has_something_for_every_screen_and_can_be_seeded_twice() -> None:
    said("seed_data")
    first = [model.objects.count() for model in (Brand, Campaign, SpendLog, DaypartingSchedule, StatusChange)]
    said("seed_data")

    assert first == [model.objects.count() for model in (Brand, Campaign, SpendLog, DaypartingSchedule, StatusChange)]
    assert set(Campaign.objects.values_list("status", flat=True)) == set(Campaign.Status.values)
    held = {code for campaign in Campaign.objects.all() for code in campaign.hold_set.codes}
    assert held >= {"MANUAL", "DAILY_BUDGET", "TOTAL_BUDGET", "DAYPARTING", "BRAND_DAILY_BUDGET", "BRAND_INACTIVE"}
    assert len({str(brand.timezone) for brand in Brand.objects.all()}) > 5
    assert len(set(Brand.objects.values_list("currency", flat=True))) > 5
    assert DailySpend.objects.filter(day__lt=timezone.now().date() - timedelta(days=90)).exists()
    assert DaypartingSchedule.objects.filter(end_time__lt="06:30", start_time__gt="20:00").exists()
    said("verify_spend")
    assert told("activate_campaigns")["paused"] == 0


def test_a_report_prints_names_as_they_are() -> None:
    CampaignFactory.create(name="Sale [us] [/us]", brand=BrandFactory.create(name="Acme [bold]"))

    report = said("spend_report")

    assert "Sale [us] [/us]" in report
    assert "Acme [bold]" in report


def test_the_seeded_agency_is_older_than_what_happened_in_it() -> None:
    said("seed_data", "--brands", "2", "--campaigns-per-brand", "15")

    spent = Campaign.objects.annotate(
        first_spend=Min("spend_entries__timestamp"),
        first_change=Min("status_changes__at"),
    ).filter(first_spend__isnull=False)
    assert [campaign.name for campaign in spent if not campaign.created_at < campaign.first_change] == []
    assert [campaign.name for campaign in spent if not campaign.first_change < campaign.first_spend] == []
    assert [campaign.name for campaign in spent if campaign.created_at < campaign.brand.created_at] == []
    assert len(spent) == 26  # the others are drafts


@pytest.mark.parametrize("at", ["2026-11-21 12:00", "2026-12-01 12:00"])
def test_the_seeded_agency_decided_each_change_on_what_was_spent_by_then(at: str) -> None:
    seed_brand(1, 15, at=utc(at))

    brand = Brand.objects.get()
    entries = list(SpendLog.objects.values_list("campaign", "timestamp", "amount"))

    def spent(by: datetime, since: datetime = EARLIEST_SPEND, campaign: int | None = None) -> Decimal:
        return sum((amount for pk, when, amount in entries if campaign in (None, pk) and since <= when <= by), ZERO)

    assert StatusChange.objects.filter(at__gte=utc(at) - timedelta(days=3), at__lt=utc(at)).count() > 15
    for change in StatusChange.objects.all():
        clock = local_clock(brand.timezone, change.at)
        assert {name: from_micros(fact) for name, fact in change.facts.items() if name.endswith("_spend")} == {
            "total_spend": spent(change.at, campaign=change.campaign_id),
            "monthly_spend": spent(change.at, clock.month_start, change.campaign_id),
            "daily_spend": spent(change.at, clock.day_start, change.campaign_id),
            "brand_monthly_spend": spent(change.at, clock.month_start),
            "brand_daily_spend": spent(change.at, clock.day_start),
        }


def test_a_seeding_that_breaks_off_leaves_no_half_made_brand(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("campaigns.demo.set_daily_totals", interrupted)
    with pytest.raises(KeyboardInterrupt):
        said("seed_data", "--brands", "1")

    assert not Brand.objects.exists()


def test_the_seeded_agency_can_be_of_any_size() -> None:
    said("seed_data", "--brands", "9", "--campaigns-per-brand", "1")

    assert (Brand.objects.count(), Campaign.objects.count()) == (9, 9)

"""Spend over HTTP: a verdict an entry, days' totals, and what is refused."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import time_machine

from campaigns.audit import find_differences
from campaigns.models import Campaign, SpendLog
from campaigns.tests.api import Caller, caller
from campaigns.tests.factories import BrandFactory, CampaignFactory, utc

pytestmark = pytest.mark.django_db

NOON = utc("2026-11-21 12:00")


@pytest.fixture(autouse=True)
def noon() -> Any:
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def collector() -> Caller:
    return caller(scopes=("spend:write",), name="Collector")


def entry(campaign: Campaign | int, amount: Any = "12.50", reference: Any = "r-1", **fields: Any) -> dict[str, Any]:
    campaign_id = campaign if isinstance(campaign, int) else campaign.pk
    timestamp = "2026-11-21T13:00:00+01:00"
    return {"campaign_id": campaign_id, "amount": amount, "timestamp": timestamp, "reference": reference} | fields


def test_entries_are_recorded_and_each_has_its_verdict(collector: Caller) -> None:
    campaign = CampaignFactory.create(daily_budget=Decimal(20))

    answer = collector.spend(entry(campaign), entry(campaign, "7.5", "r-2", description="Search"))

    assert answer.status == 200
    assert answer.body == {
        "recorded": 2,
        "duplicates": 0,
        "rejected": 0,
        "paused": [campaign.pk],
        "verdicts": [
            {"index": 0, "verdict": "recorded"},
            {"index": 1, "verdict": "recorded"},
        ],
    }
    kept = list(SpendLog.objects.order_by("pk").values_list("amount", "timestamp", "reference", "description"))
    assert kept == [(Decimal("12.5"), NOON, "r-1", ""), (Decimal("7.5"), NOON, "r-2", "Search")]


def test_r8_the_same_request_again_is_all_duplicates_and_changes_nothing(collector: Caller) -> None:
    campaign = CampaignFactory.create()
    entries = [entry(campaign), entry(campaign, "7.5", "r-2")]
    collector.spend(*entries)

    answer = collector.spend(*reversed(entries))

    assert answer.status == 200
    assert (answer.body["recorded"], answer.body["duplicates"]) == (0, 2)
    assert [verdict["verdict"] for verdict in answer.body["verdicts"]] == ["duplicate", "duplicate"]
    campaign.refresh_from_db()
    assert campaign.total_spend == Decimal(20)


def test_r10_good_entries_are_recorded_beside_bad_ones_and_each_verdict_stands_where_its_entry_stood(
    collector: Caller,
) -> None:
    campaign = CampaignFactory.create()
    collector.spend(entry(campaign, "1", "known"))

    answer = collector.spend(
        entry(campaign, "1e400", "a"),
        entry(campaign, "2", "b"),
        entry(campaign, "3", "known"),
        entry(campaign, "1", "known"),
        entry(999_999, "4", "c"),
        entry(campaign, "5", "d"),
        entry(campaign, "-100", "e"),
    )

    assert answer.status == 207
    assert {name: answer.body[name] for name in ("recorded", "duplicates", "rejected")} == {
        "recorded": 2,
        "duplicates": 1,
        "rejected": 4,
    }
    assert [(verdict["index"], verdict.get("code", verdict["verdict"])) for verdict in answer.body["verdicts"]] == [
        (0, "invalid_amount"),
        (1, "recorded"),
        (2, "conflict"),
        (3, "duplicate"),
        (4, "unknown_campaign"),
        (5, "recorded"),
        (6, "below_zero"),
    ]
    campaign.refresh_from_db()
    assert campaign.total_spend == Decimal(8)
    assert list(find_differences()) == []


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"amount": "NaN"}, "invalid_amount"),
        ({"amount": "Infinity"}, "invalid_amount"),
        ({"amount": "1_000"}, "invalid_amount"),
        ({"amount": "12,50"}, "invalid_amount"),
        ({"amount": " 5"}, "invalid_amount"),
        ({"amount": ""}, "invalid_amount"),
        ({"amount": "0.0000001"}, "invalid_amount"),
        ({"amount": "9000000000.01"}, "invalid_amount"),
        ({"amount": "9" * 5000}, "invalid_amount"),
        ({"timestamp": "2026-11-21"}, "invalid_timestamp"),
        ({"timestamp": "2026-11-21T12:00:00"}, "invalid_timestamp"),
        ({"timestamp": "2026-02-30T12:00:00Z"}, "invalid_timestamp"),
        ({"timestamp": "2026-11-21T12:00:60Z"}, "invalid_timestamp"),
        ({"timestamp": "2026-11-21T12:00:00.1234567Z"}, "invalid_timestamp"),
        ({"timestamp": "2026-W47-6T12:00:00Z"}, "invalid_timestamp"),
        ({"timestamp": "1795262400"}, "invalid_timestamp"),
        ({"timestamp": "2026-11-21T12:00:00+10:60"}, "invalid_timestamp"),
        ({"timestamp": "2026-11-21T12:00:00+24:00"}, "invalid_timestamp"),
        ({"timestamp": "2026-11-21T12:05:01Z"}, "in_future"),
        ({"timestamp": "9999-12-31T23:59:59-23:59"}, "in_future"),
        ({"timestamp": "0001-01-01T00:00:00+23:59"}, "too_old"),
        ({"timestamp": "1999-12-31T23:59:59Z"}, "too_old"),
        ({"reference": ""}, "no_reference"),
        ({"reference": "x" * 201}, "invalid_text"),
        ({"reference": "a\x00b"}, "invalid_text"),
        ({"reference": "\ud800"}, "invalid_text"),
        ({"description": "\udfff"}, "invalid_text"),
        ({"description": "x" * 501}, "invalid_text"),
        ({"campaign_id": 0}, "unknown_campaign"),
        ({"campaign_id": -1}, "unknown_campaign"),
        ({"campaign_id": 2**63}, "unknown_campaign"),
        ({"campaign_id": 10**4000}, "unknown_campaign"),
    ],
)
def test_what_an_entry_says_wrongly_is_a_verdict_and_stops_no_other(
    collector: Caller, fields: dict[str, Any], code: str
) -> None:
    campaign = CampaignFactory.create()

    answer = collector.spend(entry(campaign, reference="bad") | fields, entry(campaign, "1"))

    assert answer.status == 207
    bad, good = answer.body["verdicts"]
    assert (bad["verdict"], bad["code"], good["verdict"]) == ("rejected", code, "recorded")
    assert bad["message"]
    assert SpendLog.objects.count() == 1


@pytest.mark.parametrize(
    ("fields", "blamed"),
    [
        ({"amount": 12.5}, "entries[1].amount"),
        ({"amount": 12}, "entries[1].amount"),
        ({"amount": True}, "entries[1].amount"),
        ({"amount": None}, "entries[1].amount"),
        ({"amount": ["1"]}, "entries[1].amount"),
        ({"campaign_id": "1"}, "entries[1].campaign_id"),
        ({"campaign_id": 1.0}, "entries[1].campaign_id"),
        ({"campaign_id": True}, "entries[1].campaign_id"),
        ({"timestamp": 1795262400}, "entries[1].timestamp"),
        ({"reference": None}, "entries[1].reference"),
        ({"reference": 5}, "entries[1].reference"),
        ({"description": None}, "entries[1].description"),
        ({"descripton": "misspelt"}, "entries[1].descripton"),
    ],
)
def test_an_entry_of_the_wrong_form_refuses_the_request_and_is_named(
    collector: Caller, fields: dict[str, Any], blamed: str
) -> None:
    campaign = CampaignFactory.create()

    answer = collector.spend(entry(campaign, "1"), entry(campaign, reference="bad") | fields)

    assert answer.status == 422
    assert answer.fields == [blamed]
    assert blamed in answer.body["detail"]
    assert not SpendLog.objects.exists()


@pytest.mark.parametrize("missing", ["campaign_id", "amount", "timestamp", "reference"])
def test_a_field_that_is_missing_refuses_the_request(collector: Caller, missing: str) -> None:
    sent = entry(CampaignFactory.create())
    del sent[missing]

    answer = collector.spend(sent)

    assert (answer.status, answer.fields) == (422, [f"entries[0].{missing}"])
    assert answer.body["detail"] == f"entries[0].{missing} is required."


def test_a_batch_that_is_wrong_everywhere_is_answered_with_its_first_wrong_entry(collector: Caller) -> None:
    entries = [entry(1, 5, f"r-{number}", timestamp=None) for number in range(300)]

    answer = collector.spend(entry(1), *entries)

    assert answer.status == 422
    assert answer.fields == ["entries[1].amount", "entries[1].timestamp"]
    assert answer.body["detail"] == "entries[1].amount must be a JSON string, and 1 more."


def test_of_an_entry_that_is_wrong_in_many_ways_the_first_few_are_named(collector: Caller) -> None:
    answer = collector.spend(entry(1) | {f"unknown_{number}": 1 for number in range(90)})

    assert (answer.status, len(answer.fields)) == (422, 20)
    assert answer.body["detail"] == "entries[0].unknown_0 is not a known field, and 89 more."


@pytest.mark.parametrize(
    ("body", "blamed"),
    [
        ({"entries": []}, ["entries"]),
        ({"entries": {}}, ["entries"]),
        ({"entries": None}, ["entries"]),
        ({"entries": [5]}, ["entries[0]"]),
        ({}, ["entries"]),
        ({"dry_run": True}, ["entries", "dry_run"]),
        ([], ["the body"]),
        ("x", ["the body"]),
        (None, ["the body"]),
    ],
)
def test_a_body_of_another_form_is_refused(collector: Caller, body: Any, blamed: list[str]) -> None:
    answer = collector.send("POST", "/spend", json.dumps(body).encode())

    assert (answer.status, answer.fields) == (422, blamed)


def test_ten_thousand_entries_are_taken_and_one_more_is_not(collector: Caller) -> None:
    campaign = CampaignFactory.create()
    entries = [entry(campaign, "0.01", f"r-{number}") for number in range(10_001)]

    assert (answer := collector.spend(*entries)).status == 422
    assert answer.fields == ["entries"]
    assert not SpendLog.objects.exists()

    assert collector.spend(*entries[1:]).body["recorded"] == 10_000
    campaign.refresh_from_db()
    assert campaign.total_spend == Decimal(100)


def total_url(campaign: Campaign | int, day: str = "2026-11-20") -> str:
    return f"/campaigns/{campaign if isinstance(campaign, int) else campaign.pk}/days/{day}/spend"


def test_r9_a_day_s_total_is_set_by_the_difference_and_again_changes_nothing(collector: Caller) -> None:
    campaign = CampaignFactory.create(brand=BrandFactory.create(currency="JPY"))

    first = collector.put(total_url(campaign), {"total": "150"})
    restated = collector.put(total_url(campaign), {"total": "149.9", "description": "Restated"})
    again = collector.put(total_url(campaign), {"total": "149.90"})

    assert first.status == 200
    assert first.body == {
        "campaign_id": campaign.pk,
        "day": "2026-11-20",
        "total": "150",
        "difference": "150",
        "currency": "JPY",
    }
    assert [restated.body["difference"], again.body["difference"]] == ["-0.1", "0"]
    assert list(SpendLog.objects.order_by("pk").values_list("amount", "day", "description")) == [
        (Decimal(150), date(2026, 11, 20), ""),
        (Decimal("-0.1"), date(2026, 11, 20), "Restated"),
    ]


@pytest.mark.parametrize(
    ("day", "body", "blamed", "code"),
    [
        ("2026-11-22", {"total": "1"}, "day", "in_future"),
        ("1999-12-31", {"total": "1"}, "day", "too_old"),
        ("2026-11-20", {"total": "9000000000.000001"}, "total", "invalid_amount"),
        ("2026-11-20", {"total": "1", "description": "a\x00b"}, "description", "invalid_text"),
        ("2026-11-20", {"total": "-1"}, "total", "string_pattern_mismatch"),
        ("2026-11-20", {"total": 5}, "total", "string_type"),
        ("2026-11-20", {}, "total", "missing"),
        ("2026-11-20", {"total": "1", "reference": "x"}, "reference", "extra_forbidden"),
        ("2026-02-30", {"total": "1"}, "day", "date_from_datetime_parsing"),
        ("20261120", {"total": "1"}, "day", "value_error"),
        ("1795262400", {"total": "1"}, "day", "value_error"),
    ],
)
def test_a_day_s_total_that_cannot_be_names_the_field(
    collector: Caller, day: str, body: Any, blamed: str, code: str
) -> None:
    answer = collector.put(total_url(CampaignFactory.create(), day), body)

    assert answer.status == 422
    assert [(error["field"], error["code"]) for error in answer.body["errors"]] == [(blamed, code)]
    assert not SpendLog.objects.exists()


def test_a_day_that_the_brand_s_zone_skipped_has_no_total(collector: Caller) -> None:
    campaign = CampaignFactory.create(brand=BrandFactory.create(timezone="Pacific/Apia"))

    answer = collector.put(total_url(campaign, "2011-12-30"), {"total": "1"})

    assert (answer.status, answer.fields) == (422, ["day"])


def test_spend_that_pauses_says_which_token_sent_it(collector: Caller) -> None:
    campaign = CampaignFactory.create(daily_budget=Decimal(5))

    collector.spend(entry(campaign, "5"))

    assert campaign.status_changes.get().actor == "token:Collector"

"""Who may ask the API what: tokens, scopes, brands and the throttle."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from campaigns import tokens
from campaigns.ledger import SpendEntry, record_spend
from campaigns.models import ApiToken, Brand, SpendLog
from campaigns.tests.api import Answer, Caller, caller
from campaigns.tests.factories import BrandFactory, CampaignFactory, utc

pytestmark = pytest.mark.django_db

NOON = utc("2026-11-21 12:00")
MINUTE = timedelta(minutes=1)

# Each address with a method, the scope that it needs, and a body where it takes one.
ADDRESSES = [
    ("POST", "/spend", "spend:write"),
    ("PUT", "/campaigns/{id}/days/2026-11-21/spend", "spend:write"),
    ("GET", "/brands", "read"),
    ("GET", "/campaigns", "read"),
    ("GET", "/campaigns/{id}", "read"),
    ("GET", "/campaigns/{id}/explanation", "read"),
    ("GET", "/campaigns/{id}/status-changes", "read"),
    ("GET", "/campaigns/{id}/days?from=2026-11-01&to=2026-11-21", "read"),
    ("GET", "/reports/spend?by=brand&from=2026-11-01&to=2026-11-21", "read"),
    ("POST", "/campaigns/{id}/pause", "control"),
    ("POST", "/campaigns/{id}/resume", "control"),
]
OF_ONE_CAMPAIGN = [(method, path) for method, path, _ in ADDRESSES if "{id}" in path]


@pytest.fixture(autouse=True)
def noon() -> Any:
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


def ask(program: Caller, method: str, path: str, campaign_id: int) -> Answer:
    address = path.replace("{id}", str(campaign_id))
    if path == "/spend":
        return program.spend(entry(campaign_id))
    if method == "PUT":
        return program.put(address, {"total": "5"})
    return program.send(method, address, b"")


def entry(campaign_id: int) -> dict[str, Any]:
    return {"campaign_id": campaign_id, "amount": "1", "timestamp": "2026-11-21T12:00:00Z", "reference": "r"}


@pytest.mark.parametrize(("method", "path", "scope"), ADDRESSES)
def test_an_address_opens_to_a_token_with_its_scope_and_to_nobody_else(method: str, path: str, scope: str) -> None:
    campaign = CampaignFactory.create()
    others = tuple({"spend:write", "read", "control"} - {scope})

    assert ask(caller(scopes=(scope,), name="Right"), method, path, campaign.pk).status == 200
    wrong = ask(caller(scopes=others, name="Wrong"), method, path, campaign.pk)
    nobody = ask(Caller(None), method, path, campaign.pk)

    assert (wrong.status, wrong.body["detail"]) == (403, f"This token has no scope {scope}, which this needs.")
    assert nobody.status == 401
    assert nobody.headers["WWW-Authenticate"] == 'Bearer realm="api"'


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic YTpi",
        "bearer nonsense",
        "Bearer agency_",
        "Bearer agency_x_y",
        "Bearer \x00_\x00",
    ],
)
def test_what_is_no_token_opens_nothing(header: str) -> None:
    program = Caller(None)
    program.headers = {"Authorization": header}

    assert program.get("/brands").status == 401


def test_a_token_opens_only_as_a_whole() -> None:
    _token, text = tokens.create_token("T", ["read"], at=NOON, actor="test")

    assert Caller(text).get("/brands").status == 200
    assert Caller(f"{text[:-1]}{'A' if text[-1] != 'A' else 'B'}").get("/brands").status == 401
    assert Caller(text[:-1]).get("/brands").status == 401
    assert Caller(f"{text}A").get("/brands").status == 401
    assert Caller(text.upper()).get("/brands").status == 401


def test_only_a_hash_of_the_token_is_kept() -> None:
    token, text = tokens.create_token("T", ["read"], at=NOON, actor="test")

    assert text.startswith(f"agency_{token.prefix}_")
    secret = text.split("_", 2)[2]
    row = str(ApiToken.objects.values().get())
    assert secret not in row
    assert token.digest == hashlib.sha256(text.encode()).hexdigest()


def test_two_tokens_have_nothing_in_common_and_much_to_guess() -> None:
    texts = [tokens.create_token(f"T{n}", ["read"], at=NOON, actor="test")[1] for n in range(20)]

    assert len({text.split("_", 2)[1] for text in texts}) == 20
    assert len({text.split("_", 2)[2] for text in texts}) == 20
    assert all(len(text.split("_", 2)[2]) == 43 for text in texts)


def test_an_expired_token_is_told_so_from_that_instant_on(noon: Any) -> None:
    program = caller(expires_at=NOON + MINUTE)

    noon.shift(59)
    assert program.get("/brands").status == 200
    noon.shift(1)
    answer = program.get("/brands")

    assert (answer.status, answer.body["detail"]) == (401, "This token expired at 2026-11-21T12:01:00+00:00.")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'


def test_a_revoked_token_opens_nothing_and_keeps_the_time_of_its_first_revocation() -> None:
    program = caller()
    token = ApiToken.objects.get()

    assert tokens.revoke([token.pk], at=NOON) == 1
    assert tokens.revoke([token.pk], at=NOON + MINUTE) == 0

    assert program.get("/brands").status == 401
    token.refresh_from_db()
    assert token.revoked_at == NOON


@pytest.mark.parametrize(
    ("name", "scopes", "options"),
    [
        ("", ["read"], {}),
        ("Taken", ["read"], {}),
        ("T", [], {}),
        ("T", ["read", "everything"], {}),
        ("T", ["read"], {"expires_at": NOON}),
    ],
)
def test_a_token_that_makes_no_sense_is_not_made(name: str, scopes: list[str], options: dict[str, Any]) -> None:
    tokens.create_token("Taken", ["read"], at=NOON, actor="test")

    with pytest.raises(ValidationError):
        tokens.create_token(name, scopes, at=NOON, actor="test", **options)

    assert ApiToken.objects.count() == 1


@pytest.mark.parametrize(("method", "path"), OF_ONE_CAMPAIGN)
def test_another_brand_s_campaign_is_answered_like_none_at_all(method: str, path: str) -> None:
    mine, theirs = CampaignFactory.create(), CampaignFactory.create()
    program = caller(mine.brand)

    assert ask(program, method, path, mine.pk).status == 200
    other = ask(program, method, path, theirs.pk)
    none = ask(program, method, path, 999_999)

    assert other.status == none.status == 404
    assert str(other.body).replace(str(theirs.pk), "ID") == str(none.body).replace("999999", "ID")
    assert not theirs.status_changes.exists()
    assert not SpendLog.objects.filter(campaign=theirs).exists()


@pytest.mark.parametrize(
    "fields",
    [{}, {"amount": "x"}, {"timestamp": "2030-01-01T00:00:00Z"}, {"reference": ""}, {"description": "x" * 501}],
)
def test_an_entry_for_another_brand_is_answered_like_one_for_no_campaign(fields: dict[str, Any]) -> None:
    mine, theirs = CampaignFactory.create(), CampaignFactory.create()

    answer = caller(mine.brand).spend(entry(theirs.pk) | fields, entry(999_999) | fields, entry(mine.pk))

    assert answer.status == 207
    other, none, good = answer.body["verdicts"]
    assert other["code"] == none["code"] == "unknown_campaign"
    assert other["message"].replace(str(theirs.pk), "ID") == none["message"].replace("999999", "ID")
    assert good["verdict"] == "recorded"
    assert SpendLog.objects.get().campaign == mine


def test_lists_and_reports_show_only_the_token_s_brands() -> None:
    mine, theirs = CampaignFactory.create(), CampaignFactory.create()
    for campaign in (mine, theirs):
        record_spend([SpendEntry(campaign.pk, Decimal(5), NOON)], at=NOON)
    program = caller(mine.brand)
    days = {"from": "2026-11-01", "to": "2026-11-30"}

    assert [brand["id"] for brand in program.get("/brands").body["items"]] == [mine.brand_id]
    assert [campaign["id"] for campaign in program.get("/campaigns").body["items"]] == [mine.pk]
    assert program.get("/campaigns", brand=theirs.brand_id).body["items"] == []
    for by in ("campaign", "brand", "day"):
        assert [line["amount"] for line in program.get("/reports/spend", by=by, **days).body["items"]] == ["5.00"]
    assert program.get("/reports/spend", by="brand", brand=theirs.brand_id, **days).body["items"] == []


def test_a_token_of_several_brands_sees_them_and_each_once() -> None:
    brands = BrandFactory.create_batch(3)
    program = caller(*brands[:2])

    assert [brand["id"] for brand in program.get("/brands").body["items"]] == [brands[0].pk, brands[1].pk]


def test_a_token_whose_only_brand_is_gone_sees_nothing() -> None:
    brand = BrandFactory.create()
    CampaignFactory.create()
    program = caller(brand)

    Brand.objects.filter(pk=brand.pk).delete()

    assert program.get("/brands").body["items"] == []
    assert program.get("/campaigns").body["items"] == []


def test_the_last_use_is_written_at_most_once_a_minute(noon: Any) -> None:
    program = caller()

    def last_used() -> Any:
        program.get("/brands")
        return ApiToken.objects.get().last_used_at

    assert last_used() == NOON
    noon.shift(59)
    assert last_used() == NOON
    noon.shift(1)
    assert last_used() == NOON + MINUTE


@override_settings(API_REQUESTS_PER_MINUTE=3)
def test_the_throttle_lets_a_minute_s_requests_through_and_then_one_at_a_time(noon: Any) -> None:
    program = caller()

    assert [program.get("/brands").status for _ in range(3)] == [200, 200, 200]
    refused = program.get("/brands")
    assert (refused.status, refused.headers["Retry-After"]) == (429, "20")
    assert refused.body["detail"] == "This token may ask 3 times a minute, and has."

    noon.shift(15)
    assert program.get("/brands").headers["Retry-After"] == "5"
    noon.shift(5)
    assert [program.get("/brands").status for _ in range(2)] == [200, 429]
    noon.shift(600)
    assert [program.get("/brands").status for _ in range(4)] == [200, 200, 200, 429]


@override_settings(API_REQUESTS_PER_MINUTE=1)
def test_a_token_that_asks_too_often_is_no_other_s_trouble() -> None:
    one, other = caller(name="One"), caller(name="Other")

    assert [one.get("/brands").status, one.get("/brands").status, other.get("/brands").status] == [200, 429, 200]


@override_settings(API_REQUESTS_PER_MINUTE=1)
def test_what_is_throttled_records_nothing() -> None:
    campaign = CampaignFactory.create()
    program = caller()

    assert [ask(program, "POST", "/spend", campaign.pk).status for _ in range(2)] == [200, 429]
    assert SpendLog.objects.count() == 1


@override_settings(API_REQUESTS_PER_MINUTE=0)
def test_a_throttle_of_zero_is_none() -> None:
    program = caller()

    assert {program.get("/brands").status for _ in range(20)} == {200}


def test_a_token_costs_three_small_queries_at_most() -> None:
    program = caller()

    with CaptureQueriesContext(connection) as first:
        program.get("/brands")
    with CaptureQueriesContext(connection) as second:
        program.get("/brands")

    assert (len(first), len(second)) == (4, 3)  # one of them asks for the brands

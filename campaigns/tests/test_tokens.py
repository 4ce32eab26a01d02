"""Tokens for the API, made and revoked by people: in the admin and by commands."""

from __future__ import annotations

import re
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from campaigns import tokens
from campaigns.models import ApiToken
from campaigns.tests.api import Caller
from campaigns.tests.factories import BrandFactory, utc

pytestmark = pytest.mark.django_db

NOON = utc("2026-11-21 12:00")
TOKENS = "/admin/campaigns/apitoken/"
A_TOKEN = r"agency_[0-9a-f]{12}_[\w-]{43}"


@pytest.fixture(autouse=True)
def noon() -> Any:
    with time_machine.travel(NOON, tick=False):
        yield


def made(page: Client, **fields: Any) -> str:
    """Fill in the form, and give the page that follows."""
    response = page.post(f"{TOKENS}add/", {"name": "Looker", "scopes": ["read"], **fields})
    assert response.status_code == 200
    return response.content.decode()


def test_a_token_made_in_the_admin_is_shown_once_and_opens_what_it_should(admin_page: Client) -> None:
    brand = BrandFactory.create()
    BrandFactory.create()
    expiry = {"expires_at_0": "2027-01-01", "expires_at_1": "00:00:00"}

    page = made(admin_page, scopes=["read", "spend:write"], brands=[brand.pk], **expiry)

    (text,) = re.findall(A_TOKEN, page)
    assert [each["id"] for each in Caller(text).get("/brands").body["items"]] == [brand.pk]
    token = ApiToken.objects.get()
    assert (token.name, token.scopes, token.created_by) == ("Looker", ["spend:write", "read"], "user:alice")
    assert (token.created_at, token.expires_at) == (NOON, utc("2027-01-01 00:00"))
    secret = text.split("_", 2)[2]
    for path in ("", f"{token.pk}/change/", f"{token.pk}/history/"):
        shown = admin_page.get(f"{TOKENS}{path}").content.decode()
        assert token.name in shown
        assert secret not in shown


def test_a_token_without_brands_sees_every_brand(admin_page: Client) -> None:
    (text,) = re.findall(A_TOKEN, made(admin_page))
    brand = BrandFactory.create()

    assert [each["id"] for each in Caller(text).get("/brands").body["items"]] == [brand.pk]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": ""}, "This field is required."),
        ({"name": "Taken"}, "already exists"),
        ({"scopes": []}, "This field is required."),
        ({"scopes": ["everything"]}, "is not one of the available choices"),
        ({"expires_at_0": "2026-11-21", "expires_at_1": "12:00:00"}, "has passed: the token would open nothing."),
    ],
)
def test_a_token_that_makes_no_sense_is_not_made(admin_page: Client, fields: dict[str, Any], said: str) -> None:
    tokens.create_token("Taken", ["read"], at=NOON, actor="test")

    page = made(admin_page, **fields)

    assert said in page
    assert not re.findall(A_TOKEN, page)
    assert ApiToken.objects.count() == 1


def test_a_token_is_revoked_at_once(admin_page: Client) -> None:
    (text,) = re.findall(A_TOKEN, made(admin_page))
    token = ApiToken.objects.get()

    response = admin_page.post(TOKENS, {"action": "revoke", "_selected_action": [token.pk]}, follow=True)

    assert "1 of 1 tokens revoked." in response.content.decode()
    assert "Revoked" in admin_page.get(TOKENS).content.decode()
    assert Caller(text).get("/brands").status == 401


def test_a_token_is_neither_edited_nor_deleted(admin_page: Client) -> None:
    made(admin_page)
    token = ApiToken.objects.get()

    assert admin_page.post(f"{TOKENS}{token.pk}/change/", {"name": "Other"}).status_code == 403
    assert admin_page.post(f"{TOKENS}{token.pk}/delete/", {"post": "yes"}).status_code == 403


def test_who_may_only_look_at_tokens_revokes_none(client: Client) -> None:
    user = User.objects.create_user("bob", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_apitoken"))
    client.force_login(user)
    token, _ = tokens.create_token("T", ["read"], at=NOON, actor="test")

    assert client.get(TOKENS).status_code == 200
    client.post(TOKENS, {"action": "revoke", "_selected_action": [token.pk]})

    token.refresh_from_db()
    assert token.revoked_at is None
    assert client.get(f"{TOKENS}add/").status_code == 403


def test_the_list_takes_as_many_queries_for_many_tokens_as_for_few(admin_page: Client) -> None:
    def queries() -> int:
        tokens.create_token(f"T{ApiToken.objects.count()}", ["read"], BrandFactory.create_batch(2), at=NOON, actor="t")
        with CaptureQueriesContext(connection) as captured:
            assert admin_page.get(TOKENS).status_code == 200
        return len(captured)

    queries()
    for_few = queries()
    assert [queries() for _ in range(3)][-1] == for_few


def command(*arguments: str) -> tuple[str, str]:
    out, error = StringIO(), StringIO()
    call_command(*arguments, stdout=out, stderr=error)
    return out.getvalue(), error.getvalue()


def test_the_command_gives_the_token_to_stdout_and_words_to_stderr() -> None:
    brand = BrandFactory.create(name="Acme")
    BrandFactory.create()

    out, error = command("create_api_token", "Collector", "--scope", "read", "--brand", "Acme")

    assert re.fullmatch(f"{A_TOKEN}\n", out)
    assert error == "Collector may read for Acme. The token is not kept: store it now.\n"
    assert [each["id"] for each in Caller(out.strip()).get("/brands").body["items"]] == [brand.pk]
    assert ApiToken.objects.get().created_by == "command:create_api_token"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["Taken", "--scope", "read"], "API token with this Name already exists."),
        (["T", "--scope", "read", "--brand", "Nobody"], "There is no brand 'Nobody'."),
        (["T", "--scope", "read", "--expires", "2026-11-21T12:00:00+00:00"], "has passed"),
        (["T", "--scope", "everything"], "invalid choice"),
        (["T"], "--scope"),
        (["T", "--scope", "read", "--expires", "tomorrow"], "no time in ISO 8601"),
    ],
)
def test_the_command_says_what_is_wrong(arguments: list[str], said: str) -> None:
    tokens.create_token("Taken", ["read"], at=NOON, actor="test")

    with pytest.raises(CommandError, match=re.escape(said)):
        command("create_api_token", *arguments)

    assert ApiToken.objects.count() == 1


def test_a_token_is_revoked_by_its_name() -> None:
    _token, text = tokens.create_token("T", ["read"], at=NOON, actor="test")

    assert command("revoke_api_token", "T") == ("", "T opens nothing any more.\n")
    assert command("revoke_api_token", "T") == ("", "T was revoked before.\n")
    assert Caller(text).get("/brands").status == 401
    with pytest.raises(CommandError, match="There is no token 'Nobody'"):
        command("revoke_api_token", "Nobody")

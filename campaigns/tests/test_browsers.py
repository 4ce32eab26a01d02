"""What every answer tells browsers, so that no other site can use a person's login here."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from campaigns.tests.api import caller
from campaigns.tests.factories import CampaignFactory

pytestmark = pytest.mark.django_db

HEADERS = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def policy(response: Any) -> dict[str, set[str]]:
    parts = [part.split() for part in response.headers["Content-Security-Policy"].split(";")]
    return {name: set(sources) for name, *sources in parts}


@pytest.mark.parametrize(
    "address",
    [
        "/",
        "/admin/",
        "/admin/login/",
        "/admin/campaigns/campaign/",
        "/admin/nowhere/",
        "/admin/campaigns/spendlog/add/",
        "/api/docs",
        "/api/openapi.json",
        "/api/v1/brands",
        "/api/v1/nowhere",
        "/api/nowhere",
        "/healthz",
        "/static/campaigns/desk.js",
        "/static/nowhere.js",
    ],
)
def test_every_answer_keeps_out_frames_guessed_types_and_foreign_sources(admin_page: Client, address: str) -> None:
    response = admin_page.get(address)
    b"".join(response)  # a file is closed at its end

    assert {name: response.headers.get(name) for name in HEADERS} == HEADERS
    directives = policy(response)
    assert directives["frame-ancestors"] == directives["default-src"] == directives["base-uri"] == {"'none'"}
    assert directives["script-src"] == {"'self'", "'unsafe-eval'"}
    assert directives["form-action"] == directives["connect-src"] == {"'self'"}
    allowed = {"'none'", "'self'", "'unsafe-eval'", "'unsafe-inline'", "data:"}
    assert set().union(*directives.values()) <= allowed


@pytest.mark.parametrize("verb", ["put", "patch", "delete", "options", "trace"])
def test_pages_take_no_other_methods(admin_page: Client, verb: str) -> None:
    response = getattr(admin_page, verb)("/admin/campaigns/campaign/")

    assert (response.status_code, response.headers["Allow"]) == (405, "GET, HEAD, POST")


def test_a_form_of_another_site_is_refused_in_a_person_s_name(admin_page: Client) -> None:
    campaign = CampaignFactory.create()
    browser = Client(enforce_csrf_checks=True)
    browser.cookies = admin_page.cookies

    for address in (f"/admin/campaigns/campaign/{campaign.pk}/act/pause/", "/admin/auth/user/add/", "/admin/logout/"):
        assert browser.post(address).status_code == 403

    campaign.refresh_from_db()
    assert campaign.status == "ACTIVE"
    assert browser.get("/admin/").status_code == 200


def test_a_login_opens_nothing_of_the_api_so_no_form_can_use_it(admin_page: Client) -> None:
    campaign = CampaignFactory.create()

    assert admin_page.post(f"/api/v1/campaigns/{campaign.pk}/pause").status_code == 401
    assert caller().post(f"/campaigns/{campaign.pk}/pause").status == 200


def test_cookies_are_for_this_site_alone_and_for_no_script(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE"):
        monkeypatch.setattr(settings, name, True)  # as they are without DEBUG: see test_settings
    monkeypatch.setattr(settings, "PASSWORD_HASHERS", ["django.contrib.auth.hashers.MD5PasswordHasher"])
    User.objects.create_superuser("alice", password="secret")
    client = Client()

    client.get("/admin/login/")
    client.post("/admin/login/", {"username": "alice", "password": "secret"})

    assert set(client.cookies) == {"sessionid", "csrftoken"}
    for cookie in client.cookies.values():
        assert (cookie["httponly"], cookie["secure"], cookie["samesite"]) == (True, True, "Lax")
    assert client.cookies["sessionid"]["max-age"] == 12 * 3600

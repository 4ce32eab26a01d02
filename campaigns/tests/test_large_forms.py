"""Files come from people who are logged in, and a form that is too large is not even read."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from campaigns.tests.test_api_strict import Unread

pytestmark = pytest.mark.django_db

MEGABYTE = 1024 * 1024
FORM = "multipart/form-data; boundary=x"
IMPORT = "/admin/campaigns/spendimport/add/"


def send(client: Client, address: str, length: int, kind: str = FORM) -> Any:
    """A form that says how long it is, and fails the test if it is read."""
    environment: dict[str, Any] = {"CONTENT_TYPE": kind, "CONTENT_LENGTH": str(length), "wsgi.input": Unread()}
    return client.generic("POST", address, **environment)


@pytest.mark.parametrize("address", ["/admin/login/", IMPORT, "/admin/nowhere/", "/"])
def test_nobody_sends_files(client: Client, address: str) -> None:
    response = send(client, address, settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)

    assert response.status_code == 413
    assert "from people who are logged in" in response.content.decode()


def test_an_account_that_may_not_enter_the_admin_sends_none(client: Client) -> None:
    client.force_login(User.objects.create_user("visitor"))

    assert send(client, "/admin/login/", settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1).status_code == 413


def test_what_is_far_larger_than_an_upload_may_be_is_refused_unread(admin_page: Client) -> None:
    assert send(admin_page, IMPORT, 2 * settings.UPLOAD_LIMIT_MB * MEGABYTE + 1).status_code == 413


def test_the_api_says_so_in_its_own_form(client: Client) -> None:
    response = send(client, "/api/v1/spend", 10 * MEGABYTE)

    assert response.status_code == 413
    assert response.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("address", ["/admin/login/", IMPORT, "/admin/nowhere/", "/"])
def test_a_form_without_files_that_is_too_large_is_refused_unread_from_anybody_and_told_in_a_line(
    admin_page: Client, caplog: pytest.LogCaptureFixture, address: str
) -> None:
    for sender in (Client(), admin_page):
        caplog.clear()

        response = send(sender, address, settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1, "application/x-www-form-urlencoded")

        assert response.status_code == 413
        assert "A form without files may have up to 2.5" in response.content.decode()
        assert [(record.levelname, record.exc_info) for record in caplog.records] == [("WARNING", None)]


def test_what_is_somewhat_too_large_is_told_by_the_form(admin_page: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "UPLOAD_LIMIT_MB", 2)
    monkeypatch.setattr(settings, "DATA_UPLOAD_MAX_MEMORY_SIZE", MEGABYTE)

    response = admin_page.post(IMPORT, {"file": SimpleUploadedFile("big.csv", b"x" * (2 * MEGABYTE + 1))})

    assert response.status_code == 200
    assert "is the most that can be uploaded here" in response.content.decode()


def test_a_form_with_endless_fields_is_refused(admin_page: Client) -> None:
    fields = {f"field{number}": "x" for number in range(settings.DATA_UPLOAD_MAX_NUMBER_FIELDS + 1)}

    admin_page.raise_request_exception = False
    assert admin_page.post("/admin/campaigns/brand/add/", fields).status_code == 400

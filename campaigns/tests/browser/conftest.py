"""A real browser before the real pages. What a page complains of, in its console or on the network, fails the test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.test import Client
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    Response,
    expect,
    sync_playwright,
)
from pytest_django.live_server_helper import LiveServer

from campaigns.tests.browser.looks import LAPTOP
from campaigns.tests.factories import utc

NOON = utc("2026-11-21 12:00")  # a Saturday
PATIENCE = 10_000  # milliseconds; these machines are shared
PASSWORD = "as good as any"
NAMES = ("chromium", "chromium-browser", "google-chrome")

Opener = Callable[[User | None], Page]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


def executable() -> str:
    """The browser of this machine: CHROMIUM, or the first of the usual names. None is a failure where one must be."""
    named = os.environ.get("CHROMIUM", "")
    found = next(filter(None, map(shutil.which, [named] if named else NAMES)), None)
    if found is None:
        missing = f"CHROMIUM={named} is no program." if named else f"No browser here: none of {', '.join(NAMES)}."
        advice = f"{missing} Install Debian's chromium, or name a browser in CHROMIUM."
        (pytest.fail if os.environ.get("BROWSER_TESTS") == "required" else pytest.skip)(advice)
    return found


# For this package only: where playwright is, a thread counts as one of asyncio, in which Django refuses queries.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    program = executable()
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        expect.set_options(timeout=PATIENCE)
        yield playwright.chromium.launch(executable_path=program)


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    """The server's clock goes on from noon, so that no test meets a midnight and pictures of one page are alike."""
    with time_machine.travel(NOON, tick=True):
        yield


@pytest.fixture(autouse=True)
def media(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


@contextmanager
def watched(browser: Browser, live_server: LiveServer) -> Iterator[BrowserContext]:
    """A browser's profile, whose pages may complain of nothing and ask nobody but this server."""
    complaints: list[str] = []

    def failed(request: Request) -> None:
        # What is given up because the person goes on to another page, or gets a file, is no failure.
        if request.failure != "net::ERR_ABORTED":
            complaints.append(f"{request.url}: {request.failure}")

    def asked(request: Request) -> None:
        if not request.url.startswith((live_server.url, "data:", "blob:")):
            complaints.append(f"{request.url} is not of this system.")

    def answered(response: Response) -> None:
        if response.status >= 400:
            complaints.append(f"{response.url}: {response.status}")

    def said(message: ConsoleMessage) -> None:
        if message.type == "error":
            complaints.append(f"{message.page and message.page.url}: {message.text}")

    context = browser.new_context(
        base_url=live_server.url, viewport=LAPTOP, locale="en-GB", timezone_id="UTC", reduced_motion="reduce"
    )
    context.set_default_timeout(PATIENCE)
    context.set_default_navigation_timeout(6 * PATIENCE)  # a What if plays a month
    context.on("request", asked)
    context.on("requestfailed", failed)
    context.on("response", answered)
    context.on("console", said)
    context.on("weberror", lambda error: complaints.append(f"{error.page and error.page.url}: {error.error}"))
    yield context
    context.close()
    assert complaints == []


@pytest.fixture
def opened(browser: Browser, live_server: LiveServer) -> Iterator[Opener]:
    """Opens a browser for a user who has logged in, or for nobody."""
    with ExitStack() as stack:

        def open_for(user: User | None) -> Page:
            context = stack.enter_context(watched(browser, live_server))
            if user is not None:
                client = Client()
                client.force_login(user)
                session = client.cookies[settings.SESSION_COOKIE_NAME].value
                context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}])
            return context.new_page()

        yield open_for


@pytest.fixture
def visitor(opened: Opener) -> Page:
    """Of somebody who has yet to log in."""
    return opened(None)


@pytest.fixture
def alice(live_server: LiveServer, settings: Any) -> User:
    """May do everything."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # in no time
    return User.objects.create_superuser("alice", password=PASSWORD)


@pytest.fixture
def page(opened: Opener, alice: User) -> Page:
    return opened(alice)


@pytest.fixture
def viewer(opened: Opener) -> Page:
    """Of somebody who may look at all of it and change nothing."""
    user = User.objects.create_user("victor", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    return opened(user)

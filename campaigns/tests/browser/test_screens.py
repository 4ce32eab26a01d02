"""Every screen, as it looks in both themes on a laptop and a phone."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page

from campaigns.tests.browser.conftest import NOON
from campaigns.tests.browser.looks import look
from campaigns.tests.browser.screens import SCREENS


@pytest.mark.parametrize("group", SCREENS)
def test_every_screen_is_sound_in_light_and_dark_on_a_laptop_and_a_phone(
    group: str, page: Page, alice: User, monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    screens = SCREENS[group]
    rows = screens.agency(alice, monkeypatch, NOON)

    for name, address in screens.addresses.items():
        with subtests.test(screen=name):
            page.goto(f"/admin/{address.format(**rows)}")
            look(page, name)

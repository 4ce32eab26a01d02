"""Every screen, as it looks in both themes on a laptop and a phone."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page

from campaigns.tests.browser.conftest import NOON
from campaigns.tests.browser.looks import look
from campaigns.tests.browser.screens import SCREENS, build_agency


@pytest.mark.parametrize("group", SCREENS)
def test_every_screen_is_sound_in_light_and_dark_on_a_laptop_and_a_phone(
    group: str, page: Page, alice: User, monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    agency = build_agency(alice, monkeypatch, at=NOON)

    for name, address in SCREENS[group].items():
        with subtests.test(screen=name):
            page.goto(address.format(agency=agency))
            look(page, name)

"""How a page looks: to axe, on a narrow screen, and in pictures for people."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, ViewportSize, expect

LAPTOP: ViewportSize = {"width": 1366, "height": 768}
PHONE: ViewportSize = {"width": 390, "height": 844}
SIZES = {"laptop": LAPTOP, "phone": PHONE}
Theme = Literal["light", "dark"]
THEMES: tuple[Theme, ...] = ("light", "dark")
WAIT = 60_000  # milliseconds, for an answer that takes a while even on a machine of its own

# Where axe looks, which takes its time: at each size and each theme once.
AXE = (("laptop", "light"), ("phone", "dark"))

# Findings of axe that stand: its rule, the element, and why.
KNOWN: dict[tuple[str, str], str] = {}

SETTLED = """() => Promise.all(document.getAnimations()
    .filter(animation => Number.isFinite(animation.effect.getComputedTiming().endTime))
    .map(animation => animation.finished.catch(() => null)))"""
# What sticks out of the page on the right, were it to be scrolled.
TOO_WIDE = """() => document.documentElement.scrollWidth <= innerWidth ? [] :
    [...document.querySelectorAll("body *")].filter(element => element.getBoundingClientRect().right > innerWidth + 1)
    .slice(0, 5).map(element => element.outerHTML.slice(0, 120))"""


def look(page: Page, name: str) -> None:
    """Look at a page in both themes on a laptop and a phone: no serious finding of axe, and nothing to scroll sideways.

    What is still on its way is waited for. Where the environment names a folder in SCREENSHOTS, four pictures of the
    page are left there.
    """
    expect(page.locator("[aria-busy=true]")).to_have_count(0, timeout=WAIT)
    found = []
    for size, viewport in SIZES.items():
        page.set_viewport_size(viewport)
        found += [f"{size}: wider than the screen: {element}" for element in page.evaluate(TOO_WIDE)]
        for theme in THEMES:
            wear(page, theme)
            if (size, theme) in AXE:
                found += [f"{size}, {theme}: {finding}" for finding in findings(page)]
            take_picture(page, f"{name}-{size}-{theme}")
    page.set_viewport_size(LAPTOP)
    assert found == [], "\n".join([name, *found])


def wear(page: Page, theme: Theme) -> None:
    """As a person switches it, and what fades has faded. A page without a switch goes by what the browser prefers."""
    page.emulate_media(color_scheme=theme)
    if page.evaluate("'Alpine' in window"):
        page.evaluate("theme => Alpine.evaluate(document.documentElement, `switchTheme('${theme}')`)", theme)
        page.locator(f"html.{theme}").wait_for()
    page.evaluate(SETTLED)


def findings(page: Page) -> list[str]:
    """What axe finds serious or critical on a page, other than what is known."""
    violations: list[dict[str, Any]] = Axe().run(page).response["violations"]
    return [
        f"{violation['id']} ({violation['impact']}): {selector}: {node['html'][:200]}: {node['failureSummary']}"
        for violation in violations
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
        if (violation["id"], selector := " ".join(map(str, node["target"]))) not in KNOWN
    ]


def take_picture(page: Page, name: str) -> None:
    """All of the page, in a window as tall: what sticks to the window's edges covers nothing."""
    if not os.environ.get("SCREENSHOTS"):
        return
    size = page.viewport_size or LAPTOP
    height: int = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": size["width"], "height": max(height, size["height"])})
    keep_file(f"{name}.png", page.screenshot(animations="disabled"))
    page.set_viewport_size(size)


def keep_file(name: str, content: bytes) -> None:
    """Leave a picture or a print in the folder that SCREENSHOTS names, for people to look at."""
    if folder := os.environ.get("SCREENSHOTS"):
        kept = Path(folder) / name
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(content)

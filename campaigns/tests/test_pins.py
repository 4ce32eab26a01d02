"""What is installed is what was looked at: every package, with those that it needs in turn, by version and hash."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings

BASE_DIR = Path(settings.BASE_DIR)
FILES = ["requirements", "requirements-dev"]


def pins(text: str) -> set[str]:
    """Names and versions, as package indexes spell names."""
    lines = re.findall(r"^([\w.-]+)(?:\[[\w,-]+\])?==([^\s;\\]+)", text, re.MULTILINE)
    return {f"{re.sub('[-_.]+', '-', name).lower()}=={version}" for name, version in lines}


@pytest.mark.parametrize("name", FILES)
def test_the_pinned_file_has_all_that_was_chosen_at_its_version(name: str) -> None:
    chosen = pins((BASE_DIR / f"{name}.in").read_text())

    assert len(chosen) > 10
    assert chosen <= pins((BASE_DIR / f"{name}.txt").read_text())


def test_tests_run_on_the_versions_that_production_has() -> None:
    assert pins((BASE_DIR / "requirements.txt").read_text()) < pins((BASE_DIR / "requirements-dev.txt").read_text())


@pytest.mark.parametrize("name", FILES)
def test_every_pin_has_hashes_and_names_no_place_to_fetch_it_from(name: str) -> None:
    text = (BASE_DIR / f"{name}.txt").read_text()
    entries = re.split(r"\n(?=[\w])", "\n".join(line for line in text.splitlines() if not line.startswith("#")))

    assert len(entries) == len(pins(text)) > 30
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert not re.search(r"https?:|file:|--(extra-)?index-url|--find-links|--trusted-host", text)

"""What docs/PROMISES.md names as a proof or a mechanism is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from django.apps import apps
from django.conf import settings

from drills.plays import all_drills

BASE_DIR = Path(settings.BASE_DIR)
TESTS = BASE_DIR / "campaigns" / "tests"
TEXT = (BASE_DIR / "docs" / "PROMISES.md").read_text()


def functions(file: Path) -> set[str]:
    return {each.name for each in ast.parse(file.read_text()).body if isinstance(each, ast.FunctionDef)}


def test_every_test_that_proves_a_promise_exists() -> None:
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", TEXT)

    assert len(named) > 60
    assert [f"{file}::{name}" for file, name in named if name not in functions(TESTS / file)] == []


def test_every_module_that_keeps_a_promise_exists() -> None:
    named = re.findall(r"`((?:campaigns|ad_agency)/[\w/]+\.py)`", TEXT)

    assert len(named) > 20
    assert [name for name in named if not (BASE_DIR / name).exists()] == []


def test_every_constraint_that_keeps_a_promise_exists() -> None:
    constraints = {each.name for model in apps.get_models() for each in model._meta.constraints}
    kinds = r"\w+_(?:unique_in_campaign|not_negative|positive|means_held|after_start|changes|is_not_end)"
    named = re.findall(rf"`({kinds}|one_bucket_of_wrong_tokens)`", TEXT)

    assert len(named) > 5
    assert [name for name in named if name not in constraints] == []


def test_every_rule_has_its_line() -> None:
    assert re.findall(r"^\| R(\d+) \|", TEXT, re.MULTILINE) == [str(rule) for rule in range(1, 22)]


def test_the_drills_that_are_named_are_those_that_there_are() -> None:
    named = set(re.findall(r"`drills: ([a-z-]+)`", TEXT))

    assert named == set(all_drills()) - {"calm"}  # in which nothing breaks

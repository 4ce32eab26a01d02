"""What the drills' own eyes see: a process that died and was replaced, whoever replaced it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from drills.programs import Program, families, lost_children, wait_until

# Starts a child, and another whenever that one dies, as gunicorn and Celery do.
PARENT = "import subprocess\nwhile True: subprocess.run(['sleep', '600'])"
WITHIN = 60  # seconds


@pytest.fixture
def parent(tmp_path: Path) -> Iterator[Program]:
    program = Program("parent", [sys.executable, "-c", PARENT], dict(os.environ), tmp_path, tmp_path)
    start(program)
    yield program
    program.end()


def start(program: Program) -> None:
    program.start()
    wait_until(lambda: len(program.children()) == 1, "It has a child", WITHIN)


def test_a_child_that_died_is_noticed_though_its_parent_has_another(parent: Program) -> None:
    before = families([parent])
    (child,) = parent.children()

    child.kill()
    wait_until(lambda: [each.pid for each in parent.children()] not in ([], [child.pid]), "It has another", WITHIN)

    assert lost_children(before, families([parent])) == [f"parent lost its child {child.pid}"]


def test_children_that_live_and_those_of_a_parent_that_was_killed_are_no_such_deaths(parent: Program) -> None:
    before = families([parent])
    assert lost_children(before, families([parent])) == []

    parent.kill()
    assert lost_children(before, families([parent])) == []
    parent.sweep()
    start(parent)

    assert lost_children(before, families([parent])) == []

"""Who reads the clock: the doors alone, each of their functions once, and what they read is handed down as `at`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

CAMPAIGNS = Path(settings.BASE_DIR) / "campaigns"
DOORS = {"admin", "api", "management", "tasks"}
NO_SYSTEM = {"tests", "migrations"}
CLOCKS = {
    ("timezone", "now"),
    ("timezone", "localdate"),
    ("timezone", "localtime"),
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
    ("time", "time"),
    ("time", "time_ns"),
}


def modules(*, doors: bool) -> Iterator[Path]:
    for path in sorted(CAMPAIGNS.rglob("*.py")):
        room = path.relative_to(CAMPAIGNS).parts[0].removesuffix(".py")
        if room not in NO_SYSTEM and (room in DOORS) is doors:
            yield path


def readings(tree: ast.AST) -> list[int]:
    """The lines that name a clock, called there or handed on, by whatever name its module was imported."""
    modules = {
        alias.asname: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
        if alias.asname
    }
    named = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    return [node.lineno for node in named if (_last_name(node.value, modules), node.attr) in CLOCKS]


def _last_name(node: ast.expr, modules: dict[str, str]) -> str:
    match node:
        case ast.Name(id=name):
            return modules.get(name, name)
        case ast.Attribute(attr=name):  # datetime.datetime.now
            return name
    return ""


def clocks_by_name(tree: ast.AST) -> list[str]:
    """Clocks that are imported as plain functions, which `readings` would not see."""
    return [
        f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module is not None
        for alias in node.names
        if (node.module.rpartition(".")[2], alias.name) in CLOCKS
    ]


@pytest.mark.parametrize(
    "code",
    [
        "timezone.now()",
        "field(default_factory=timezone.now)",
        "from django.utils import timezone as tz\ntz.now()",
        "datetime.datetime.now(UTC)",
        "date.today()",
        "time.time()",
    ],
)
def test_a_reading_of_the_clock_is_seen_however_it_is_written(code: str) -> None:
    assert len(readings(ast.parse(code))) == 1


def test_r5_nothing_below_the_doors_reads_the_clock() -> None:
    below = {path: ast.parse(path.read_text()) for path in modules(doors=False)}

    assert len(below) > 40
    assert [f"{path}:{line}" for path, tree in below.items() for line in readings(tree)] == []


def test_r5_no_function_of_a_door_reads_the_clock_twice() -> None:
    functions = [
        (path, node)
        for path in modules(doors=True)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    counts = {f"{path}::{node.name} in line {node.lineno}": len(readings(node)) for path, node in functions}

    assert sum(counts.values()) > 30
    assert {name: count for name, count in counts.items() if count > 1} == {}


def test_r5_the_clock_is_imported_as_a_module_whose_readings_are_seen() -> None:
    every = [*modules(doors=True), *modules(doors=False)]

    assert [f"{path}: {name}" for path in every for name in clocks_by_name(ast.parse(path.read_text()))] == []

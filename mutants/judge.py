"""Run tests against one mutant after the other: `python -m mutants.judge FILE NAMES -- TESTS`, in the copy.

Each is judged in a process of its own, forked where the tests are collected and the database is made, but no statement
is kept yet: that is what takes time, or would hide a mutant. Writes to FILE, a line each, what became of them.
"""

from __future__ import annotations

import os
import resource
import sys
from itertools import pairwise
from pathlib import Path

import pytest

# Of processor time, so that a busy machine kills no mutant. All tests of a module take a quarter of it.
SECONDS = 240
LIVED, KILLED = 0, 1
CRASHED = 3

PYTEST = (
    *("-q", "--no-migrations", "--hypothesis-seed=1"),
    *("-p", "no:cacheprovider", "-p", "no:schemathesis"),
    *("-k", "not a_week_of_checks and not going_through_the_week"),  # seconds each
    "mutants/test_database.py",
)


class Judge:
    def __init__(self, results: Path, names: list[str]) -> None:
        self.results = results
        self.names = names

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        database, *tests = session.items
        database.config.hook.pytest_runtest_protocol(item=database, nextitem=tests[0])
        if session.testsfailed:
            sys.exit("There is no database.")
        for name in self.names:
            code = _judged(session, tests, name)
            with self.results.open("a") as results:
                results.write(f"{name} {code}\n")
        return True


def _judged(session: pytest.Session, tests: list[pytest.Item], name: str) -> int:
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    code = CRASHED
    try:
        os.environ["MUTANT_UNDER_TEST"] = name
        limit = int(sum(os.times()[:2])) + SECONDS
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
        for test, following in pairwise([*tests, None]):
            assert test
            test.config.hook.pytest_runtest_protocol(item=test, nextitem=following)
            if session.testsfailed:
                break
        code = KILLED if session.testsfailed else LIVED
    finally:
        os._exit(code)


if __name__ == "__main__":
    _, results, *names = sys.argv
    between = names.index("--")
    sys.exit(pytest.main([*PYTEST, *names[between + 1 :]], [Judge(Path(results), names[:between])]))

"""Change the code a little, in a hundred places, one at a time, and see that the tests notice: `make mutants`.

mutmut makes the mutants in a copy of the project; each then meets the tests of its module, on SQLite, until one fails.
Of all that it can make, those are tried whose digest with the seed is least, so many a module: a choice that repeats
itself, and stays much the same when code changes. Writes mutants/RESULTS.md. Exits with 1 where a mutant lives that
mutants/explained.toml does not explain, or where an explanation explains nothing.
"""

from __future__ import annotations

import argparse
import difflib
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from mutmut.mutation.file_mutation import mutate_file_contents

from mutants import judge

HERE = Path(__file__).parent
PROJECT = HERE.parent
COPY = PROJECT / "var" / "mutants"
RESULTS = HERE / "RESULTS.md"
EXPLAINED = HERE / "explained.toml"
# The tests of each module, those first that notice most.
TESTS = {
    "rules": ("budgets", "status", "dayparting", "resets", "vectors", "explain", "admin", "brand_page"),
    "enforcement": ("status", "resets", "budgets", "dayparting", "edits", "vectors", "ledger"),
    "ledger": ("ledger", "budgets", "vectors", "tasks"),
    "periods": ("periods", "resets", "dayparting", "vectors", "explain"),
}
ORIGINAL = "original"  # no mutant's name
LIVED, KILLED, OUT_OF_TIME = "lived", "killed", "ran out of time"
BECAME = {judge.LIVED: LIVED, judge.KILLED: KILLED, -signal.SIGXCPU: OUT_OF_TIME, -signal.SIGKILL: OUT_OF_TIME}


class Change(NamedTuple):
    """What a mutant is, whatever number mutmut gives it."""

    where: str
    lines: str


class Mutant(NamedTuple):
    name: str  # mutmut's
    module: str
    change: Change

    def digest(self, seed: int) -> str:
        return hashlib.sha256(f"{seed} {self.change}".encode()).hexdigest()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m mutants", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="Of the choice. (default: 1)")
    parser.add_argument("--each", type=int, default=25, help="How many to try of each module. (default: 25)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="How many at once. (default: one a core)")
    parser.add_argument("--only", default="", help="Try those of functions whose name has this in it.")
    parser.add_argument("--output", type=Path, default=RESULTS, help="(default: mutants/RESULTS.md)")
    options = parser.parse_args()
    began = time.monotonic()
    _copy()
    made = [mutant for module in TESTS for mutant in _make(module)]
    tried = {
        module: sorted(
            (each for each in made if each.module == module and options.only in each.change.where),
            key=lambda each: each.digest(options.seed),
        )[: options.each]
        for module in TESTS
    }
    with ThreadPoolExecutor(options.jobs) as pool:
        became = dict(chain.from_iterable(pool.map(_judge, tried.items())))
    explained = {Change(each["where"], each["lines"]): each["why"] for each in _explanations()}
    minutes = (time.monotonic() - began) / 60
    options.output.write_text("\n".join(_report(options.seed, made, became, explained, minutes)))
    living = {mutant.change for mutant, status in became.items() if status == LIVED}
    idle = explained.keys() - {mutant.change for mutant in made if mutant not in became} - living
    for words, changes in (("lives, and nobody knows why", living - explained.keys()), ("explains nothing", idle)):
        for change in changes:
            print(f"{change.where} {words}:\n{change.lines}", file=sys.stderr)
    return 1 if living - explained.keys() or idle else 0


def _copy() -> None:
    """The project afresh, for mutmut to work in."""
    shutil.rmtree(COPY, ignore_errors=True)
    leave = shutil.ignore_patterns(".*", "var", "__pycache__", "staticfiles", "db.sqlite3*")
    shutil.copytree(PROJECT, COPY, ignore=leave)
    (COPY / "setup.cfg").write_text("[mutmut]\nsource_paths=campaigns\n")
    os.chdir(COPY)  # where mutmut looks for it


def _make(module: str) -> Iterator[Mutant]:
    """All that mutmut can make of a module, which thereafter is what MUTANT_UNDER_TEST names."""
    path = COPY / "campaigns" / f"{module}.py"
    # mutmut leaves decorated functions as they are; this decorator changes only the time that they take.
    plain = re.sub(r"^@lru_cache\(.*\)\n", "", path.read_text(), flags=re.MULTILINE)
    mutated = mutate_file_contents(str(path), plain)
    path.write_text(mutated.code)
    code = mutated.code.splitlines()

    def source(generated: str) -> list[str]:
        span = mutated.line_span_by_function_name[generated]
        return [line.replace(generated, "") for line in code[span.start - 1 : span.end]]

    for name in mutated.mutant_names:
        mangled, _, _ = name.partition("__mutmut_")
        lines = difflib.unified_diff(source(f"{mangled}__mutmut_orig"), source(name), n=0, lineterm="")
        changed = "\n".join(line for line in lines if not line.startswith(("---", "+++", "@@")))
        function = mangled[2:].replace("ǁ", ".")  # after x_ or xǁ
        yield Mutant(f"campaigns.{module}.{name}", module, Change(f"{module}.{function}", changed))


def _judge(of_module: tuple[str, list[Mutant]]) -> list[tuple[Mutant, str]]:
    """What becomes of these mutants of a module; the code as it is must pass the tests first."""
    module, mutants = of_module
    results = COPY / f"{module}.results"
    subprocess.run(
        [
            *(sys.executable, "-m", "mutants.judge", results, ORIGINAL),
            *(mutant.name for mutant in mutants),
            "--",
            *(f"campaigns/tests/test_{name}.py" for name in TESTS[module]),
        ],
        cwd=COPY,
        env={**os.environ, "DATABASE_URL": "sqlite:///nothing.sqlite3", "MUTANT_UNDER_TEST": ORIGINAL},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    original, *codes = (int(line.split()[1]) for line in results.read_text().splitlines())
    if original != judge.LIVED:
        sys.exit(f"The tests of {module} fail without any mutant.")
    return [(mutant, BECAME[code]) for mutant, code in zip(mutants, codes, strict=True)]


def _explanations() -> list[dict[str, str]]:
    given: list[dict[str, str]] = tomllib.loads(EXPLAINED.read_text()).get("mutant", [])
    return [{**each, "lines": each["lines"].strip("\n")} for each in given]


def _report(
    seed: int, made: Collection[Mutant], became: dict[Mutant, str], explained: dict[Change, str], minutes: float
) -> Iterator[str]:
    yield "# What became of the mutants"
    yield ""
    yield f"{len(became)} of {len(made)} that mutmut can make, chosen with seed {seed}."
    yield f"They took {minutes:.0f} minutes on {os.cpu_count()} cores."
    yield ""
    yield "| module | can be made | tried | killed by a test | ran out of time | lived |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for module in (*TESTS, ""):
        statuses = Counter(status for mutant, status in became.items() if module in ("", mutant.module))
        makeable = sum(module in ("", mutant.module) for mutant in made)
        killed, slow, tried = statuses[KILLED], statuses[OUT_OF_TIME], statuses.total()
        yield f"| {module or 'all'} | {makeable} | {tried} | {killed} | {slow} | {tried - killed - slow} |"
    yield ""
    for mutant, status in became.items():
        if status == LIVED:
            why = explained.get(mutant.change, "NOT EXPLAINED.")
            yield f"## {mutant.change.where}\n\n{why}\n\n```diff\n{mutant.change.lines}\n```\n"


if __name__ == "__main__":
    sys.exit(main())

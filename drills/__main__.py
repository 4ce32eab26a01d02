"""Break things and prove the promises: `make drill`, or `python -m drills kill-worker-child --seed 7` for some.

Starts everything that it breaks: a PostgreSQL of its own, Valkey, workers, beat and gunicorn. Prints a line a drill and
writes them to drills/RESULTS.md, where drills that were not played now keep what they had. Exits with 1 where anything
was lost, doubled or wrong, or where a control, in which a mechanism is switched off, found nothing.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from drills.drill import Outcome, run
from drills.plays import all_drills
from drills.postgres import postgres
from drills.site import migrated

RESULTS = Path(__file__).parent / "RESULTS.md"
HEADER = (
    "drill",
    "breaks",
    "seed",
    "seconds",
    "acknowledged",
    "faults injected",
    "lost",
    "doubled",
    "wrong",
    "control",
    "figures",
)


def main() -> int:
    drills = all_drills()
    parser = argparse.ArgumentParser(prog="python -m drills", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"Of {', '.join(drills)}; all of them without.")
    parser.add_argument("--seed", type=int, default=1, help="Of all that is left to chance. (default: 1)")
    parser.add_argument("--short", action="store_true", help="The form in which the tests play them.")
    parser.add_argument("--no-control", action="store_true", help="Leave out the controls.")
    parser.add_argument("--output", type=Path, default=RESULTS, help="(default: drills/RESULTS.md)")
    options = parser.parse_args()
    for name in options.names:
        if name not in drills:
            parser.error(f"There is no drill {name!r}.")
    # A supervisor's or a CI's polite signal ends every process, too.
    signal.signal(signal.SIGTERM, _end)
    rows = _rows(options.output)
    failed = False
    with postgres() as server:
        template = migrated(server, "site")
        print(_line(HEADER), _line(["---"] * len(HEADER)), sep="\n", flush=True)
        for name in options.names or drills:
            outcome = run(
                drills[name], server, template, options.seed, short=options.short, control=not options.no_control
            )
            rows[name] = _line(_cells(outcome))
            print(rows[name], flush=True)
            for kind, faults in (("", outcome.faults), ("control, ", outcome.control)):
                for line in faults.in_words().splitlines() if faults else ():
                    print(f"{kind}{line}", file=sys.stderr, flush=True)
            failed = failed or not outcome.passed
            _write(options.output, [rows[each] for each in drills if each in rows])
    return 1 if failed else 0


def _end(*_: object) -> NoReturn:
    sys.exit("Ended by a signal.")


def _cells(outcome: Outcome) -> list[str]:
    faults = outcome.faults
    return [
        outcome.drill.name,
        outcome.drill.breaks,
        str(outcome.seed),
        f"{outcome.seconds:.0f}",
        f"{outcome.acknowledged:,}",
        str(outcome.injected),
        str(len(faults.lost)),
        str(len(faults.doubled)),
        str(len(faults.wrong)),
        _control(outcome),
        "; ".join(outcome.figures),
    ]


def _control(outcome: Outcome) -> str:
    control = outcome.control
    if control is None:
        return "not played"
    if not outcome.control_fails:
        return f"HELD without {outcome.drill.without}: this drill finds no harm"
    found = ", ".join(f"{len(faults)} {kind}" for kind, faults in vars(control).items() if faults)
    return f"without {outcome.drill.without}: {found}"


def _rows(results: Path) -> dict[str, str]:
    """What was found before, by drill."""
    lines = results.read_text().splitlines() if results.exists() else []
    return {line.split("|")[1].strip(): line for line in lines if line.startswith("| ")}


def _write(results: Path, rows: Sequence[str]) -> None:
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, PostgreSQL and Valkey from their wheels."
    lines = ["# What the drills found", "", machine, "", _line(HEADER), _line(["---"] * len(HEADER)), *rows]
    results.write_text("\n".join(lines) + "\n")


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main())

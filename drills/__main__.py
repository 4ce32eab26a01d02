"""Break things and prove the promises: `make drill`, or `python -m drills kill-worker-child --seed 7` for some.

Starts everything that it breaks: a PostgreSQL of its own, Valkey, workers, beat and gunicorn. Prints a line a drill,
before its control and after, and writes them to drills/RESULTS.md, where drills that were not played now keep what they
had. Exits with 1 where anything was lost, doubled, wrong or late, or where a control, in which a mechanism is switched
off, lacks the harm that the mechanism prevents.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from drills.drill import Outcome, play, play_control
from drills.faults import Harm
from drills.plays import all_drills
from drills.postgres import postgres
from drills.site import migrated

BASE_DIR = Path(__file__).parent.parent
RESULTS = BASE_DIR / "drills" / "RESULTS.md"
HEADER = (
    "drill",
    "breaks",
    "form",
    "seed",
    "seconds",
    "acknowledged",
    "faults injected",
    "lost",
    "doubled",
    "wrong",
    "late",
    "control",
    "figures",
    "code of (UTC)",
)
ABOUT = """\
`python -m drills` writes this. A row is of the last time that its drill was played, with the code committed then. Its
control is the same drill with the same seed, for as long as it takes until harm shows, without the mechanism that keeps
the fault from doing it: it is to find the harm that is **bold** there. `medley` throws every fault but full disks,
SQLite and a clock that jumps: these take an installation of their own, and are played alone.
"""


def main() -> int:
    drills = all_drills()
    parser = argparse.ArgumentParser(prog="python -m drills", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"Of {', '.join(drills)}; all of them without.")
    parser.add_argument("--seed", type=int, default=1, help="Of all that is left to chance. (default: 1)")
    parser.add_argument("--short", action="store_true", help="The form in which the tests play them.")
    parser.add_argument("--no-control", action="store_true", help="Leave out the controls.")
    parser.add_argument("--output", type=Path, default=RESULTS, help="(default: drills/RESULTS.md)")
    parser.add_argument("--merge", type=Path, metavar="FILE", help="Play nothing: take the rows of these results, too.")
    options = parser.parse_args()
    if options.merge:
        for row in _rows(options.merge).values():
            _keep(options.output, row)
        return 0
    for name in options.names:
        if name not in drills:
            parser.error(f"There is no drill {name!r}.")
    # A supervisor's or a CI's polite signal ends every process, too.
    signal.signal(signal.SIGTERM, _end)
    form, code = "short" if options.short else "long", _code()
    failed = False
    with postgres() as server:
        template = migrated(server, "site")
        print(_line(HEADER), _line(["---"] * len(HEADER)), sep="\n", flush=True)
        for name in options.names or drills:
            outcome = play(drills[name], server, template, options.seed, short=options.short)
            _tell(_row(outcome, "not played", form, code), outcome, options.output)
            failed = failed or len(outcome.faults) > 0
            if not options.no_control:
                control = play_control(drills[name], server, template, options.seed)
                _tell(_row(outcome, _control(control), form, code), control, options.output)
                failed = failed or not control.harmed
    return 1 if failed else 0


def _end(*_: object) -> NoReturn:
    sys.exit("Ended by a signal.")


def _tell(row: str, outcome: Outcome, output: Path) -> None:
    """Print a row and the faults that were found last, and keep the row."""
    print(row, flush=True)
    for line in outcome.faults.in_words().splitlines():
        print(f"  {line}", file=sys.stderr, flush=True)
    _keep(output, row)


def _row(outcome: Outcome, control: str, form: str, code: str) -> str:
    faults = outcome.faults
    return _line(
        [
            outcome.drill.name,
            outcome.drill.breaks,
            form,
            str(outcome.seed),
            f"{outcome.seconds:.0f}",
            f"{outcome.acknowledged:,}",
            str(outcome.injected),
            str(faults.count(Harm.LOST)),
            str(faults.count(Harm.DOUBLED)),
            str(faults.wrong),
            str(faults.count(Harm.LATE)),
            control,
            "; ".join(outcome.figures),
            code,
        ]
    )


def _control(outcome: Outcome) -> str:
    without = f"without {outcome.drill.without}"
    if not outcome.harmed:
        return f"HELD {without}: {outcome.faults.in_short()}, and not {outcome.drill.harm}"
    return f"{without}: {outcome.faults.in_short(emphasised=outcome.drill.harm)}"


def _code() -> str:
    """When the code that is played was committed, where this is a repository: that outlives a rebase, unlike a hash."""
    git = ["git", "-C", str(BASE_DIR)]
    when = [*git, "log", "-1", "--format=%ad", "--date=format-local:%Y-%m-%d %H:%M:%S"]
    changes = [*git, "status", "--porcelain", "--", ".", f":!{RESULTS.relative_to(BASE_DIR)}"]
    try:
        committed, changed = (
            subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, "TZ": "UTC"}).stdout
            for command in (when, changes)
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return committed.strip() + (" with changes" if changed else "")


def _keep(results: Path, row: str) -> None:
    """Put the row among those that are there by now, in the order of drills."""
    rows = _rows(results) | {_drill(row): row}
    _write(results, [rows[name] for name in all_drills() if name in rows])


def _rows(results: Path) -> dict[str, str]:
    """The row of each drill that was kept there."""
    lines = results.read_text().splitlines() if results.exists() else []
    return {_drill(line): line for line in lines if line.startswith("| ") and _drill(line) in all_drills()}


def _drill(row: str) -> str:
    return row.split("|")[1].strip()


def _write(results: Path, rows: Sequence[str]) -> None:
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, PostgreSQL and Valkey from their wheels."
    lines = ["# What the drills found", "", f"{ABOUT}{machine}", "", _line(HEADER), _line(["---"] * len(HEADER)), *rows]
    results.write_text("\n".join(lines) + "\n")


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main())

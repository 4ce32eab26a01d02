"""Processes that a drill starts, breaks and ends: each in a session of its own, with a log."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import psutil

ENDS_WITHIN = 20  # seconds; what takes longer to end by itself is killed


class Stalled(Exception):
    """Something that had to come did not come in time."""


def wait_until(condition: Callable[[], bool], what: str, within: float) -> None:
    """Wait until `condition` holds. Raises Stalled, naming `what` was waited for, after `within` seconds."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            raise Stalled(f"{what}: not within {within:.0f} s.")
        time.sleep(0.2)


class Program:
    """One program of the site: the process that was started, and whatever it started."""

    def __init__(self, name: str, command: Sequence[str], environment: dict[str, str], folder: Path, cwd: Path) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self.command = list(command)
        self._environment = environment
        self._cwd = cwd
        self._process: subprocess.Popen[bytes] | None = None
        self.wanted = False  # whether it is to run: what ends although it is wanted died
        self.killed = False  # whether this drill killed it, and nobody has started it again yet

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self.name} was not started"
        return self._process.pid

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                env=self._environment,
                cwd=self._cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.wanted, self.killed = True, False

    def has_ended(self) -> bool:
        return self._process is not None and self._process.poll() is not None

    def children(self) -> list[psutil.Process]:
        """The processes that it forked, by pid."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return sorted(psutil.Process(self.pid).children(), key=lambda child: child.pid)
        return []

    def kill(self) -> bool:
        """`kill -9` of the process that was started, and of no other; False where it is dead already."""
        assert self._process is not None, f"{self.name} was not started"
        if self._process.poll() is not None:
            return False
        self.killed = True
        self._process.kill()
        self._process.wait()
        return True

    def freeze(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def end(self) -> None:
        """End it and all that it started, kindly and then by force."""
        self.wanted = False
        if self._process is None:
            return
        if self._process.poll() is None:
            self.thaw()
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(ENDS_WITHIN)
        self.sweep()
        self._process.wait()
        wait_until(lambda: not self._session(), f"Nothing is left of {self.name}", ENDS_WITHIN)

    def sweep(self) -> None:
        """Kill what is left of its session, as a supervisor does before it starts a program again."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def _session(self) -> list[int]:
        """The processes that it started, and those that they did, wherever their parent is."""
        members = []
        for pid in psutil.pids():
            with contextlib.suppress(OSError):
                if os.getsid(pid) == self.pid:
                    members.append(pid)
        return members

    def says(self, words: str) -> bool:
        return self.log.exists() and words in self.log.read_text(errors="replace")

    def last_words(self) -> str:
        return self.log.read_text(errors="replace")[-2000:] if self.log.exists() else ""


def families(programs: Iterable[Program]) -> dict[tuple[str, int], set[int]]:
    """The pids of the children of all programs that run, by the name and pid of their parent."""
    return {
        (program.name, program.pid): {child.pid for child in program.children()}
        for program in programs
        if not program.has_ended()
    }


def lost_children(before: dict[tuple[str, int], set[int]], after: dict[tuple[str, int], set[int]]) -> list[str]:
    """Children that are gone while their parent lives on: it has put others in their place, and told nobody.

    One that came and went between the two looks is not noticed.
    """
    return [
        f"{name} lost its child {pid}"
        for (name, parent), children in before.items()
        for pid in sorted(children - after.get((name, parent), children))
    ]

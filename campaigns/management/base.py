"""What the commands share: their options, their clock, their output and their exit codes.

Data goes to stdout, words to stderr. Exit codes: 0 done, 1 a clear error, 2 wrong usage.
"""

from __future__ import annotations

import json
import os
import re
import sys
from argparse import ArgumentTypeError
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date, datetime
from typing import Any, ClassVar, TypeVar

from celery import current_app
from django.core.management.base import BaseCommand, CommandError, CommandParser, OutputWrapper
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from campaigns.enforcement import Changes, reconcile
from campaigns.exports import Row, csv_pieces
from campaigns.holds import Hold
from campaigns.models import Brand
from campaigns.outages import broker_address

Item = TypeVar("Item")


def instant(text: str) -> datetime:
    """An aware datetime in ISO 8601, for `--at`."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is no time in ISO 8601, such as 2026-11-21T14:05:00+01:00.") from error
    if moment.tzinfo is None:
        raise ArgumentTypeError(f"{text!r} has no offset: write {text}+00:00 for UTC.")
    if not 2000 <= moment.year < 3000:
        raise ArgumentTypeError(f"{text!r} is no time to act as of: write one between 2000 and 2999.")
    return moment


def day(text: str) -> date:
    """A day such as 2026-11-21, for `--from` and `--to`."""
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text, re.ASCII) and 2000 <= int(text[:4]) < 3000:
            return date.fromisoformat(text)
    except ValueError:  # there is no 31 November
        pass
    raise ArgumentTypeError(f"{text!r} is no day between 2000 and 2999, such as 2026-11-21.")


def positive(text: str) -> int:
    """A whole number of at least 1, for options that count."""
    if not (text.isascii() and text.isdigit()) or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is no whole number of at least 1.")
    return int(text)


def brand_ids(names: list[str] | None) -> list[int] | None:
    """The ids of the brands named, or None for all. Raises CommandError for a name that no brand has."""
    if not names:
        return None
    found = dict(Brand.objects.filter(name__in=names).values_list("name", "pk"))
    for name in names:
        if name not in found:
            raise CommandError(f"There is no brand {name!r}.")
    return list(found.values())


class SweepCommand(BaseCommand):
    """A periodic sweep by hand: the same function that its task calls."""

    owned: ClassVar[Hold]
    task: ClassVar[str]
    may_force: ClassVar[bool] = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--at", type=instant, metavar="ISO8601", help="The time to act as of (default: now).")
        parser.add_argument("--brand", action="append", metavar="NAME", help="Only this brand; may be given again.")
        parser.add_argument("--dry-run", action="store_true", help="Say what would change, and change nothing.")
        parser.add_argument(
            "--async", action="store_true", dest="in_worker", help="Let a worker do it; print the task's id."
        )
        parser.add_argument("--format", choices=["text", "json"], default="text")
        if self.may_force:
            parser.add_argument(
                "--force", action="store_true", help="Restart the counters now, in the middle of the period."
            )

    def handle(self, *_: Any, **options: Any) -> None:
        chosen = brand_ids(options["brand"])
        switches = {name: True for name in ("dry_run", "force") if options.get(name)}
        as_json = options["format"] == "json"
        if options["in_worker"]:
            at = options["at"].isoformat() if options["at"] else None
            task_id = send_task(self.task, at=at, brand_ids=chosen, **switches)
            self.stdout.write(json.dumps({"task_id": task_id}) if as_json else task_id)
            return
        now = timezone.now()
        at = options["at"] or now
        if at > now and not options["dry_run"]:
            self.stderr.write(f"{at.isoformat()} has not come. Counters that begin then count nothing before it.")
        actor = f"command:{self.__module__.rpartition('.')[2]}"
        with Console(stderr=True).status("Looking at the campaigns"):  # shows on a terminal only
            changes = reconcile(at=at, owned=self.owned, brand_ids=chosen, actor=actor, **switches)
        self.stdout.write(self.as_json(at, changes, options) if as_json else in_words(changes, options))

    def as_json(self, at: datetime, changes: Changes, options: dict[str, Any]) -> str:
        return json.dumps({"at": at.isoformat(), "dry_run": options["dry_run"], **asdict(changes)})


def in_words(changes: Changes, options: dict[str, Any]) -> str:
    figures = asdict(changes)
    checked = figures.pop("checked")
    done = ", ".join(f"{count} {what}" for what, count in figures.items() if count) or "nothing to change"
    return f"{'Would be: ' if options['dry_run'] else ''}{checked} campaigns checked; {done}."


def send_task(name: str, **arguments: Any) -> str:
    """Send a task to the broker by name, and give its id. Raises CommandError where the broker is away."""
    given = {key: value for key, value in arguments.items() if value is not None}
    try:
        return str(current_app.send_task(f"campaigns.tasks.{name}", kwargs=given).id)
    except BrokerError as error:
        raise CommandError(f"The broker at {broker_address()} does not answer ({error}). Nothing was sent.") from error


def with_progress(items: Iterable[Item], title: str, total: int | None) -> Iterator[Item]:
    """Pass the items on, with a progress bar on a terminal's stderr and none in a pipe."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield from items
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        yield from progress.track(items, total=total, description=title)


@contextmanager
def progress_watch() -> Iterator[Callable[[str, int, int], None]]:
    """Something to call with a step's name, how much of it is done and of how much (0: unknown): a bar a step.

    Shown on a terminal's stderr, and not in a pipe.
    """
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bars: dict[str, TaskID] = {}

        def watch(step: str, done: int, total: int) -> None:
            if step not in bars:
                bars[step] = progress.add_task(step, total=None)
            progress.update(bars[step], completed=done, total=total or None)

        yield watch


def write_csv(stdout: OutputWrapper, headings: Sequence[str], rows: Iterable[Row]) -> None:
    """Write a table to stdout as CSV, line by line: names never as formulas, amounts as plain decimals."""
    for piece in csv_pieces(headings, rows, bom=False):
        stdout.write(piece, ending="")


@contextmanager
def while_somebody_reads() -> Iterator[None]:
    """Write no more once a reader such as `head` has enough. What was done is done."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except BrokenPipeError:  # the rest of it, too, goes nowhere
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())

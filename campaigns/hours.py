"""Weekly hours as people write them, `Mon-Fri 08:00-18:00, Sat 10:00-14:00`, and the spans of time that they cover.

Pure functions. What a campaign may do is decided by the rule alone; these are for showing, asking and spreading.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, time
from itertools import pairwise
from zoneinfo import ZoneInfo

from campaigns.periods import MIDNIGHT, wall_changes

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
NOON = time(12)
# What says that there are no windows: around the clock.
ALWAYS = "always"

_WINDOW = re.compile(
    r"(?P<first>[a-z]+)(?:\s*-\s*(?P<last>[a-z]+))?\s+(?P<start>\d{1,2}:\d\d(?::\d\d)?)\s*-\s*(?P<end>\d{1,2}:\d\d(?::\d\d)?)",
    re.ASCII | re.IGNORECASE,
)
_FULL_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """A window of the week, `[start, end)` on the wall; an end that is not after the start is on the next day (R20)."""

    day: int  # 1 Monday to 7 Sunday
    start: time
    end: time

    def is_open(self, wall: datetime) -> bool:
        """Whether the wall clock is inside it (R20)."""
        weekday, now = wall.isoweekday(), wall.time()
        past_midnight = self.end <= self.start
        if weekday == self.day and now >= self.start:
            return past_midnight or now < self.end
        return past_midnight and weekday == self.day % 7 + 1 and now < self.end


class InvalidHours(ValueError):
    """The text names no windows; the message says why, in words for the person who wrote it."""


def parse_windows(text: str) -> tuple[Window, ...]:
    """The windows that `text` names, in order of the week; none for `always`. Raises InvalidHours.

    Commas between them. Days are `Mon` or `Mon-Fri`; a window from 00:00 to 24:00 is a whole day, kept as two halves.
    """
    said = text.strip().replace("\N{EN DASH}", "-")
    if said.lower() == ALWAYS:
        return ()
    windows: set[Window] = set()
    for part in re.split(r"[,;\n]", said):
        if part.strip():
            windows.update(_parsed(part.strip()))
    if not windows:
        raise InvalidHours(f"No hours are named: write such as Mon-Fri 08:00-18:00, or {ALWAYS}.")
    return tuple(sorted(windows))


def format_windows(windows: Iterable[Window]) -> str:
    """Windows as `parse_windows` reads them: days with the same hours together."""
    days: dict[tuple[time, time], list[int]] = {}
    for window in sorted(windows):
        days.setdefault((window.start, window.end), []).append(window.day)
    hours = (
        f"{run} {_shown(start)}-{_shown(end)}" for (start, end), listed in days.items() for run in _runs(sorted(listed))
    )
    return ", ".join(hours) or ALWAYS


def open_spans(
    windows: Collection[Window], zone: ZoneInfo, start: datetime, end: datetime
) -> list[tuple[datetime, datetime]]:
    """The spans of time from `start` to `end` (aware) that lie inside the windows; all of it where there are none."""
    if not windows:
        return [(start, end)]
    edges = {wall_time for window in windows for wall_time in (window.start, window.end)}
    spans: list[tuple[datetime, datetime]] = []
    for begins, ends in pairwise([start, *wall_changes(zone, edges, start, end), end]):
        wall = begins.astimezone(zone).replace(tzinfo=None)
        if begins < ends and any(window.is_open(wall) for window in windows):
            goes_on = bool(spans) and spans[-1][1] == begins
            spans.append((spans.pop()[0] if goes_on else begins, ends))
    return spans


def _parsed(part: str) -> list[Window]:
    found = _WINDOW.fullmatch(part)
    if found is None:
        raise InvalidHours(f"{part!r} names no hours: write such as Mon-Fri 08:00-18:00.")
    first = _day(found["first"])
    last = _day(found["last"]) if found["last"] else first
    days = [(first - 1 + further) % 7 + 1 for further in range((last - first) % 7 + 1)]
    start, end = _time(found["start"]), _time(found["end"])
    if start == end:
        if (start, found["end"]) != (MIDNIGHT, "24:00"):
            raise InvalidHours(f"{part!r} is empty: from and until are the same. For a whole day write 00:00-24:00.")
        return [Window(day, *half) for day in days for half in ((MIDNIGHT, NOON), (NOON, MIDNIGHT))]
    return [Window(day, start, end) for day in days]


def _day(name: str) -> int:
    for number, full in enumerate(_FULL_NAMES, start=1):
        if len(name) >= 3 and full.startswith(name.lower()):
            return number
    raise InvalidHours(f"{name!r} is no day of the week: write {', '.join(DAYS)}.")


def _time(text: str) -> time:
    if text in ("24:00", "24:00:00"):
        return MIDNIGHT
    try:
        return time.fromisoformat(text.zfill(len(text) + (text[1] == ":")))
    except ValueError as error:
        raise InvalidHours(f"{text} is no time of day: write 00:00 to 24:00.") from error


def _shown(wall_time: time) -> str:
    return f"{wall_time:%H:%M:%S}" if wall_time.second else f"{wall_time:%H:%M}"


def _runs(days: list[int]) -> list[str]:
    """Days in order as `Mon-Fri` and `Sun`."""
    runs: list[list[int]] = []
    for day in days:
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return [DAYS[run[0] - 1] + (f"-{DAYS[run[-1] - 1]}" if len(run) > 1 else "") for run in runs]

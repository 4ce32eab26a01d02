"""Local days, months and windows: pure functions of a zone and an instant (R3, R20).

An instant is an aware datetime; those returned are in UTC. A day or month *starts* at the first instant of its first
date. Where midnight does not exist (Santiago, Beirut, Cairo, Havana, the Azores), that is the first instant that
does; where the clock goes back over midnight (St. John's until 2011), it is the first of the two midnights, and the
repeated minutes belong to the new day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

MIDNIGHT = time(0)
ONE_DAY = timedelta(days=1)
ONE_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class LocalClock:
    """What the clock on a zone's wall says at one instant: all that the rule needs to know of time."""

    zone: ZoneInfo
    at: datetime  # the instant, in UTC
    today: date  # the local day that the instant belongs to
    day_start: datetime
    day_end: datetime  # the first instant of the next local day
    month_start: datetime
    wall_weekday: int  # 1 Monday to 7 Sunday, as the wall shows it
    wall_day_before: int
    wall_time: time
    local_time: str  # all of what the wall shows, in ISO 8601


def local_clock(zone: ZoneInfo, at: datetime) -> LocalClock:
    """The clock of `zone` at `at`. Raises ValueError for a naive `at`."""
    require_aware(at)
    today = local_date(zone, at)
    wall = at.astimezone(zone)
    return LocalClock(
        zone=zone,
        at=at.astimezone(UTC),
        today=today,
        day_start=day_start(zone, today),
        day_end=day_start(zone, today + ONE_DAY),
        month_start=day_start(zone, today.replace(day=1)),
        wall_weekday=wall.isoweekday(),
        wall_day_before=(wall.isoweekday() - 2) % 7 + 1,
        wall_time=wall.time(),
        local_time=wall.isoformat(),
    )


def require_aware(at: datetime) -> None:
    """Raise ValueError where `at` is naive: it names no instant."""
    if at.tzinfo is None or at.utcoffset() is None:
        raise ValueError(f"{at.isoformat()} has no time zone: give an aware datetime.")


def local_date(zone: ZoneInfo, at: datetime) -> date:
    """The local day that `at` belongs to."""
    require_aware(at)
    wall_date = at.astimezone(zone).date()
    if wall_date < date.max and at >= day_start(zone, wall_date + ONE_DAY):
        return wall_date + ONE_DAY  # the clock went back over midnight: the new day had begun
    return wall_date


@lru_cache(maxsize=4096)
def day_start(zone: ZoneInfo, day: date) -> datetime:
    """The first instant of `day` in `zone`, in UTC."""
    midnight = datetime.combine(day, MIDNIGHT, tzinfo=zone)
    instant = midnight.astimezone(UTC)
    if _wall(zone, instant) == midnight.replace(tzinfo=None):
        return instant
    # Midnight falls into a gap. Read with the offsets before and after it, it lies on either side of the jump.
    return _transition(zone, midnight.replace(fold=1).astimezone(UTC), instant)


def next_day_start(zone: ZoneInfo, at: datetime) -> datetime:
    """The first instant of the local day after the one that `at` belongs to, in UTC."""
    return day_start(zone, local_date(zone, at) + ONE_DAY)


def next_month_start(zone: ZoneInfo, at: datetime) -> datetime:
    """The first instant of the local month after the one that `at` belongs to, in UTC."""
    return day_start(zone, (local_date(zone, at).replace(day=1) + timedelta(days=32)).replace(day=1))


@lru_cache(maxsize=4096)
def last_second(zone: ZoneInfo, day: date) -> datetime:
    """The last whole second of `day` in `zone`, in UTC. Raises ValueError for a date that the zone skipped."""
    start, end = day_start(zone, day), day_start(zone, day + ONE_DAY)
    if start == end:
        raise ValueError(f"{day} did not exist in {zone.key}: the clock jumped over it.")
    return end - ONE_SECOND


def wall_changes(zone: ZoneInfo, wall_times: Iterable[time], after: datetime, until: datetime) -> Iterator[datetime]:
    """The instants in (after, until], ascending, at which the wall clock may enter or leave a window.

    They are those at which the wall reads one of `wall_times` (both of them in a repeated hour), every midnight, and
    the jumps of the clock.
    """
    wall_times = {*wall_times, MIDNIGHT}
    day = after.astimezone(zone).date() - ONE_DAY
    last = until.astimezone(zone).date()
    while day <= last:
        for instant in sorted(_changes_of_day(zone, wall_times, day)):
            if after < instant <= until:
                yield instant
        day += ONE_DAY


def _changes_of_day(zone: ZoneInfo, wall_times: Iterable[time], day: date) -> set[datetime]:
    changes = set()
    for wall_time in wall_times:
        wall = datetime.combine(day, wall_time)
        for fold in (0, 1):
            instant = wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)
            if _wall(zone, instant) == wall:
                changes.add(instant)
    start, end = day_start(zone, day), day_start(zone, day + ONE_DAY)
    if start < end and _offset(zone, start) != _offset(zone, end):
        changes.add(_transition(zone, start, end))
    return changes


def _transition(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The instant in (before, after] from which the zone keeps the offset that it has at `after`."""
    offset = _offset(zone, after)
    while after - before > ONE_SECOND:
        middle = before + (after - before) // 2
        middle = middle.replace(microsecond=0)
        if _offset(zone, middle) == offset:
            after = middle
        else:
            before = middle
    return after


def _offset(zone: ZoneInfo, instant: datetime) -> timedelta | None:
    return instant.astimezone(zone).utcoffset()


def _wall(zone: ZoneInfo, instant: datetime) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)

"""Statements that are compiled once and run at many instants, each time with other values in the places for them.

For a brand's few campaigns, the database answers in a small part of the time that Django takes to say the rule in SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import CharField, DateField, DateTimeField, Field, QuerySet, SmallIntegerField, TimeField, Value

from campaigns.periods import LocalClock

Values: TypeAlias = Mapping[str, Any]


class Place(Value):
    """A value of that name, which is given when the statement runs: as the field keeps it, or as `written` makes it."""

    def __init__(self, name: str, field: Field[Any, Any] | None = None, written: Callable[[Any], Any] | None = None):
        super().__init__(name, field)
        self.written = written

    def as_sql(self, *_: Any) -> tuple[str, tuple[Any, ...]]:
        return "%s", (self,)

    def filled(self, values: Values) -> Any:
        value = values[self.value]
        if self.written is not None:
            return self.written(value)
        return self.output_field.get_db_prep_value(value, connection)


class Statement(NamedTuple):
    """SQL with what fills it: places among values that are always the same."""

    sql: str
    parameters: tuple[Any, ...]

    def filled(self, values: Values) -> tuple[Any, ...]:
        """The parameters to run it with. A place is named many times, and filled once."""
        places = {each.value: each for each in self.parameters if isinstance(each, Place)}
        filled = {name: place.filled(values) for name, place in places.items()}
        return tuple(filled[each.value] if isinstance(each, Place) else each for each in self.parameters)


def statement(rows: QuerySet[Any, Any]) -> Statement:
    """What reads these rows. Raises EmptyResultSet where there can be none."""
    return Statement(*rows.query.sql_with_params())


def value(given: Any, field: Field[Any, Any]) -> Value:
    """What a clock reads as an expression, whether it is known or only has its place."""
    return given if isinstance(given, Place) else Value(given, field)


_READINGS: dict[str, Callable[[], Field[Any, Any]]] = {
    "at": DateTimeField,
    "today": DateField,
    "day_start": DateTimeField,
    "day_end": DateTimeField,
    "month_start": DateTimeField,
    "wall_weekday": SmallIntegerField,
    "wall_day_before": SmallIntegerField,
    "wall_time": TimeField,
    "local_time": CharField,
}


def clock_to_come(zone: ZoneInfo) -> LocalClock:
    """A clock of this zone on which all that it reads has its place yet."""
    readings: dict[str, Any] = {name: Place(f"{zone.key} {name}", field()) for name, field in _READINGS.items()}
    return LocalClock(zone=zone, **readings)


def readings(clocks: Collection[LocalClock]) -> dict[str, Any]:
    """What fills the places of clocks to come."""
    return {f"{clock.zone.key} {name}": getattr(clock, name) for clock in clocks for name in _READINGS}

"""What thousands of rows at a time need: many values as one parameter of a statement, and no searches for cycles."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Field, ForeignObject, Lookup
from django.db.models.sql.compiler import SQLCompiler


@ForeignObject.register_lookup
@Field.register_lookup
class Among(Lookup[Any]):
    """`pk__among=ids`: `__in` for thousands of ids, as one parameter, or an expression that has them as `as_one`."""

    lookup_name = "among"
    prepare_rhs = False

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[str | int, ...]]:
        column, parameters = self.process_lhs(compiler, connection)
        given, ids = compiler.compile(self.rhs) if hasattr(self.rhs, "as_sql") else ("%s", (as_one(self.rhs),))
        return _among(column, given), (*parameters, *ids)


def among(column: str, ids: Iterable[int]) -> tuple[str, list[str]]:
    """The condition that `column` is one of `ids`, and its parameter."""
    return _among(column, "%s"), [as_one(ids)]


def _among(column: str, given: str) -> str:
    if connection.vendor == "postgresql":
        # Against a whole array the index is walked once, in order; against rows of it, searched for each.
        return f"{column} = ANY({given}::bigint[])"
    return f"{column} IN (SELECT value FROM json_each({given}))"  # noqa: S608


def as_one(ids: Iterable[int]) -> str:
    """Ids as the one parameter that `among` takes."""
    return array_of(ids) if connection.vendor == "postgresql" else json.dumps(list(ids))


def array_of(values: Iterable[object]) -> str:
    """Numbers, dates or booleans as the text of a PostgreSQL array: many times faster than an adapted list."""
    return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"


@contextmanager
def no_search_for_cycles() -> Iterator[None]:
    """Python looks for cycles each time so many objects more are alive; a batch makes tens of thousands, all of which
    live to its end and none of which is in a cycle. Looking anyway would take a quarter of its time.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()

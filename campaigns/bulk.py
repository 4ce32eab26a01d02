"""Many values as one parameter of a statement, however many: what a list of placeholders is too slow for."""

from __future__ import annotations

import json
from collections.abc import Iterable

from django.db import connection
from django.db.models.expressions import RawSQL


def among(ids: Iterable[int]) -> RawSQL:
    """For `pk__in` and its kin."""
    if connection.vendor == "postgresql":
        return RawSQL("SELECT unnest(%s::bigint[])", [array_of(ids)])
    return RawSQL("SELECT value FROM json_each(%s)", [json.dumps(list(ids))])


def array_of(values: Iterable[object]) -> str:
    """Numbers, dates or booleans as the text of a PostgreSQL array: many times faster than an adapted list."""
    return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"

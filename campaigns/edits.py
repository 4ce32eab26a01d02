"""What people edit: who set which fields, from what to what and when. What the system itself writes is told elsewhere.

Kept by django-simple-history, a row for each save or deletion by a person who is logged in. The middleware says who.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db import models
from django.http import HttpRequest
from simple_history.models import HistoricalRecords


def _person(request: HttpRequest | None, **_: Any) -> str:
    """By name, as the history of statuses names them: it outlives the account."""
    return f"user:{request.user.get_username()}" if request is not None else ""


def _name(row: Any) -> str:
    return str(row.history_user_id)


def _set_name(row: Any, name: str) -> None:
    row.history_user_id = name


class PeoplesEdits(HistoricalRecords):
    """The edits of a model's rows by people. `but` names the fields that the system writes."""

    def __init__(self, *, but: Collection[str] = (), no_db_index: Collection[str] = ()) -> None:
        super().__init__(  # type: ignore[no-untyped-call]
            excluded_fields=list(but),
            no_db_index=list(no_db_index),
            history_id_field=models.BigAutoField(),
            get_user=_person,
            # The library calls it an ID; it is a name.
            history_user_id_field=models.CharField("by", max_length=200, default="", editable=False),
            history_user_getter=_name,
            history_user_setter=_set_name,
        )

    def create_historical_record(self, instance: Any, history_type: str, using: Any = None) -> None:
        kept: Any = super()
        if kept.get_history_user(instance):
            kept.create_historical_record(instance, history_type, using)


def prepare(row: Any) -> None:
    """Make ready to tell what a person is about to save: called before that.

    An edit is told as what differs from the record before it. So where no record says how the row stands, because a
    program made or changed it, one is written in nobody's name; and where nothing differs, none will be.
    """
    kept = type(row)._base_manager.get(pk=row.pk)
    records = type(row).history
    last = records.filter(id=row.pk).first()
    if _same(kept, row, records.model):
        row.skip_history_when_saving = True
    elif last is None or not _same(last, kept, records.model):
        kept._history_user = ""
        records.bulk_history_create([kept], update=True)


def _same(one: Any, other: Any, model: Any) -> bool:
    return all(getattr(one, field.attname) == getattr(other, field.attname) for field in model.tracked_fields)

"""The beat schedule: settings give its first state, the admin owns it from then on."""

from __future__ import annotations

from typing import Any

from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import DatabaseScheduler


class AdminOwnedScheduler(DatabaseScheduler):
    """A DatabaseScheduler that adds the entries of settings which the database lacks, and leaves the others alone.

    The stock one writes every entry of `CELERY_BEAT_SCHEDULE` again at each start of beat, and so takes back
    what a person changed in the admin.
    """

    def update_from_dict(self, mapping: dict[str, Any]) -> None:
        known = set(PeriodicTask.objects.filter(name__in=mapping).values_list("name", flat=True))
        DatabaseScheduler.update_from_dict(self, {name: entry for name, entry in mapping.items() if name not in known})

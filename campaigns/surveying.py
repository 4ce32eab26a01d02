"""A look over the whole agency: what its dashboard tells that takes long to find.

To count all campaigns, to find those that may need attention, and to add up the days of all brands takes a part of a
second in an agency of LARGE brands or more: longer than a page may take. There a worker does it once a minute, and a
page begins with what was seen. What was found is judged anew at every view, so nothing that is told is old; what began
since then is told a minute later. Without a worker, pages look for themselves.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet

from campaigns import concerns, outlook
from campaigns.candidates import Candidates
from campaigns.desk import Counts
from campaigns.models import Brand, Campaign, Survey
from campaigns.outlook import Together
from campaigns.periods import local_date

LARGE = 200  # brands
# A worker that is busy comes late; one that comes later than this is taken to be away.
KEPT_FOR = timedelta(minutes=3)
THE_ONE = 1


@dataclass(frozen=True, slots=True)
class Seen:
    at: datetime
    counts: Mapping[int, Counts]  # by brand, of those that have campaigns
    found: Mapping[str, Sequence[int]]  # by kind of concern, the campaigns of which there may be something to tell
    together: Mapping[str, Together]  # by currency, of active brands


def look(
    campaigns: QuerySet[Campaign], brands: Collection[Brand], at: datetime
) -> tuple[Mapping[int, Counts], Mapping[str, Sequence[int]]]:
    """Count these campaigns, which are those of `brands`, and find those that may need attention: see `Seen`."""
    if not brands:
        return {}, {}
    candidates = Candidates(campaigns, outlook.clocks_of(brands, at).values())
    return candidates.counts, concerns.off_pace(candidates.worst(concerns.LOOKED_AT), brands, at=at)


def keep(at: datetime) -> bool:
    """Look over the agency, and keep what is seen for its dashboard. False where it is not LARGE: nobody needs it."""
    brands = list(Brand.objects.all())
    if len(brands) < LARGE:
        return False
    counts, found = look(Campaign.objects.all(), brands, at)
    zones = outlook.zones_of(brands).items()
    together = {
        currency: outlook.together(Brand.objects.all(), currency, local_date(zone, at)) for currency, zone in zones
    }
    seen = _as_json(Seen(at, counts, found, together))
    Survey.objects.update_or_create(pk=THE_ONE, defaults={"at": at, "seen": seen})
    return True


def latest(at: datetime) -> Seen | None:
    """What was seen last, if it was lately."""
    survey = Survey.objects.filter(at__range=(at - KEPT_FOR, at + KEPT_FOR)).first()
    return None if survey is None else _from_json(survey.at, survey.seen)


def _as_json(seen: Seen) -> dict[str, Any]:
    return {
        "counts": {str(brand_id): astuple(counts) for brand_id, counts in seen.counts.items()},
        "found": seen.found,
        "together": {
            currency: {
                **asdict(spent),
                "days": {day.isoformat(): micros for day, micros in spent.days.items()},
                "budget": None if spent.budget is None else str(spent.budget),
            }
            for currency, spent in seen.together.items()
        },
    }


def _from_json(at: datetime, seen: Mapping[str, Any]) -> Seen:
    return Seen(
        at,
        {int(brand_id): Counts(*counts) for brand_id, counts in seen["counts"].items()},
        seen["found"],
        {
            currency: Together(
                {date.fromisoformat(day): micros for day, micros in spent["days"].items()},
                None if spent["budget"] is None else Decimal(spent["budget"]),
                spent["campaigns"],
                spent.get("unplanned", 0),  # what a worker of an older release saw, a minute ago, lacks it
            )
            for currency, spent in seen["together"].items()
        },
    )

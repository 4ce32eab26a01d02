"""For how long campaigns that run have spent nothing, in the hours in which they were to run. Read-only.

No spend is not in itself wrong; no spend for hours is what a broken feed of a platform looks like.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Case, OuterRef, Q, Subquery, When
from django.db.models.functions import Coalesce

from campaigns.candidates import SILENCE
from campaigns.holds import Hold
from campaigns.hours import Window, open_spans
from campaigns.models import Campaign, DaypartingSchedule, SpendLog, StatusChange

Status = Campaign.Status

# Further back nobody counts: every window of the week has been open by then.
COUNTED = timedelta(days=8)


@dataclass(frozen=True, slots=True)
class Silence:
    """Of a campaign that ran for SILENCE or longer, by its open hours, and spent nothing."""

    campaign: Campaign
    hours: int  # whole ones, of the last COUNTED at most
    is_longer: bool  # it began before these
    has_windows: bool
    last: datetime | None  # spend; None where there never was any
    started: datetime | None  # last; known where there never was any spend

    @property
    def sentence(self) -> str:
        """In words, on the clock of the brand."""
        which = "its last {} open hours" if self.has_windows else "{} hours"
        most = "more than " if self.is_longer else ""
        said = f"Running, and nothing seen for {most}{which.format(self.hours)}: "
        if self.last:
            return f"{said}the last was spent on {self._when(self.last)}. Is the feed of its platform in order?"
        assert self.started is not None, "what never spent has started"
        said += f"it has never spent, and last started on {self._when(self.started)}."
        return f"{said} Is the feed of its platform connected?"

    def _when(self, instant: datetime) -> str:
        zone = self.campaign.brand.timezone
        return f"{instant.astimezone(zone):%a %-d %b at %H:%M} {zone.key}"


def silences(campaigns: Collection[Campaign], *, at: datetime) -> list[Silence]:
    """Those of `campaigns`, which run, that are silent at `at`, the longest first. They come with their brands."""
    if not campaigns:
        return []
    ids = [campaign.pk for campaign in campaigns]
    heard = _last_heard(ids, at)
    windows: dict[int, list[Window]] = defaultdict(list)
    for row in DaypartingSchedule.objects.filter(campaign__among=ids, is_active=True).order_by():
        windows[row.campaign_id].append(Window(row.day_of_week, row.start_time, row.end_time))
    long_ago = at - COUNTED
    found = []
    for campaign in campaigns:
        last, started = heard.get(campaign.pk, (at, None))  # deleted meanwhile: nothing to tell
        since = min(max(each for each in (last, started) if each), at)
        spans = open_spans(windows[campaign.pk], campaign.brand.timezone, max(since, long_ago), at)
        silent = sum((end - start for start, end in spans), timedelta())
        if silent >= SILENCE:
            hours, is_longer = silent // timedelta(hours=1), since < long_ago
            found.append(Silence(campaign, hours, is_longer, bool(windows[campaign.pk]), last, started))
    return sorted(found, key=lambda silence: (-silence.hours, silence.campaign.pk))


def _last_heard(ids: Collection[int], at: datetime) -> dict[int, tuple[datetime | None, datetime | None]]:
    """When each spent last, and when it last started: was let run, again or at first, by anything but its hours.

    One of the two there is: of what never spent, when it was created if it ran from then on. Of what did, a start
    longer ago than anybody counts is left out.
    """
    entries = SpendLog.objects.filter(campaign=OuterRef("pk")).order_by("-timestamp")
    runs = Q(to_status=Status.ACTIVE) | Q(to_holds=Hold.DAYPARTING.value)
    ran = Q(from_status=Status.ACTIVE) | Q(from_holds=Hold.DAYPARTING.value)
    starts = StatusChange.objects.filter(runs & ~ran, campaign=OuterRef("pk")).order_by("-at")
    lately = starts.filter(at__gte=at - COUNTED)
    rows = (
        Campaign.objects.filter(pk__among=ids)
        .order_by()
        .annotate(last=Subquery(entries.values("timestamp")[:1]))
        .annotate(
            started=Case(
                When(last=None, then=Coalesce(Subquery(starts.values("at")[:1]), "created_at")),
                default=Subquery(lately.values("at")[:1]),
            )
        )
        .values_list("pk", "last", "started")
    )
    return {pk: (last, started) for pk, last, started in rows}

"""Proof of the counters: each is worked out again from the ledger's entries and compared (R11). Read-only."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db import transaction
from django.db.models import F, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from campaigns.models import Brand, Campaign, DailySpend, SpendLog
from campaigns.money import ZERO, MoneyField
from campaigns.rules import PERIODS


@dataclass(frozen=True, slots=True)
class Difference:
    """A counter that does not say what the ledger says; amounts in the brand's currency."""

    kind: str  # brand, campaign or day
    id: int  # of the Brand or Campaign; of the day's Campaign
    name: str  # for people
    counter: str
    recorded: Decimal  # what the counter says; zero for a day that has entries and no row
    actual: Decimal  # what the ledger says
    currency: str
    day: date | None = None

    @property
    def off_by(self) -> Decimal:
        return self.recorded - self.actual


def find_differences(brand_ids: Collection[int] | None = None) -> Iterator[Difference]:
    """Every counter and day, of all brands or of `brand_ids`, that is not the sum of its entries.

    Brand by brand, so that spend may go on meanwhile: what looks wrong is looked at again under the brand's lock.
    """
    brands = Brand.objects.all() if brand_ids is None else Brand.objects.filter(pk__in=brand_ids)
    for brand in brands.order_by("pk"):
        if any(_of_brand(brand)):
            with transaction.atomic():
                Brand.objects.lock([brand.pk])
                confirmed = list(_of_brand(brand))
            yield from confirmed


def _of_brand(brand: Brand) -> Iterator[Difference]:
    campaigns = Campaign.objects.filter(brand=brand)
    for period in PERIODS:
        since = {"timestamp__gte": OuterRef(period.since)}
        yield from _wrong(Brand.objects.filter(pk=brand.pk), period.spend, "campaign__brand", since)
        yield from _wrong(campaigns, period.spend, "campaign", since)
    yield from _wrong(campaigns, "total_spend", "campaign", {})
    yield from _wrong_days(campaigns, brand.currency)


def _wrong(
    counted: QuerySet[Brand] | QuerySet[Campaign], counter: str, path: str, since: dict[str, OuterRef]
) -> Iterator[Difference]:
    entries = SpendLog.objects.filter(**{path: OuterRef("pk")}, **since).order_by()
    actual = entries.values(path).annotate(actual=Sum("amount")).values("actual")
    currency = "currency" if counted.model is Brand else "brand__currency"
    rows = (
        counted.annotate(actual=Coalesce(Subquery(actual), Value(ZERO), output_field=MoneyField()))
        .filter(~Q(**{counter: F("actual")}))
        .order_by("pk")
        .values_list("pk", "name", counter, "actual", currency)
    )
    for pk, name, recorded, said, code in rows:
        yield Difference(counted.model.__name__.lower(), pk, name, counter, recorded, said, code)


def _wrong_days(campaigns: QuerySet[Campaign], currency: str) -> Iterator[Difference]:
    """Days whose row is not the sum of its entries, also those that have entries and no row."""
    days = DailySpend.objects.filter(campaign__in=campaigns)
    entries = SpendLog.objects.filter(campaign__in=campaigns)
    kept = {(campaign, day): amount for campaign, day, amount in days.values_list("campaign", "day", "amount")}
    sums = entries.order_by("campaign", "day").values_list("campaign", "day").annotate(actual=Sum("amount"))
    actual = {(campaign, day): amount for campaign, day, amount in sums}
    names = dict(campaigns.values_list("pk", "name"))
    for campaign, day in sorted(kept.keys() | actual.keys()):
        recorded, said = kept.get((campaign, day), ZERO), actual.get((campaign, day), ZERO)
        if recorded != said:
            yield Difference("day", campaign, f"{names[campaign]}, {day}", "amount", recorded, said, currency, day)

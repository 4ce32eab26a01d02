"""Proof of the counters: each is worked out again from the ledger's entries and compared (R11). Read-only."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db import transaction
from django.db.models import F, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from campaigns.models import Brand, BrandDailySpend, Campaign, DailySpend, SpendLog
from campaigns.money import ZERO, MoneyField
from campaigns.rules import PERIODS


@dataclass(frozen=True, slots=True)
class Difference:
    """A counter that does not say what the ledger says; amounts in the brand's currency."""

    kind: str  # brand or campaign; a day's is that of whose day it is
    id: int  # of the Brand or Campaign
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
    yield from _wrong_days("campaign", DailySpend.objects.filter(campaign__in=campaigns), campaigns, brand)
    its_days = BrandDailySpend.objects.filter(brand=brand)
    yield from _wrong_days("brand", its_days, Brand.objects.filter(pk=brand.pk), brand, path="campaign__brand")


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


def _wrong_days(
    kind: str,
    days: QuerySet[DailySpend] | QuerySet[BrandDailySpend],
    owners: QuerySet[Campaign] | QuerySet[Brand],
    brand: Brand,
    path: str = "campaign",
) -> Iterator[Difference]:
    """Days whose row is not the sum of its entries, also those that have entries and no row."""
    kept = {(owner, day): amount for owner, day, amount in days.values_list(kind, "day", "amount")}
    entries = SpendLog.objects.filter(campaign__brand=brand)
    sums = entries.order_by(path, "day").values_list(path, "day").annotate(actual=Sum("amount"))
    actual = {(owner, day): amount for owner, day, amount in sums}
    names = dict(owners.values_list("pk", "name"))
    for owner, day in sorted(kept.keys() | actual.keys()):
        recorded, said = kept.get((owner, day), ZERO), actual.get((owner, day), ZERO)
        if recorded != said:
            yield Difference(kind, owner, f"{names[owner]}, {day}", "amount", recorded, said, brand.currency, day)

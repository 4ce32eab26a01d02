"""The ledger: what is recorded, what is refused, and what the counters say then (R6 to R11, R15)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError

from campaigns import ledger
from campaigns.audit import find_differences
from campaigns.enforcement import reconcile
from campaigns.ledger import (
    DayTotal,
    Rejected,
    SpendEntry,
    record_arrival,
    record_spend,
    set_daily_total,
    set_daily_totals,
)
from campaigns.models import AppendOnly, Brand, BrandDailySpend, BrandQuerySet, Campaign, DailySpend, SpendLog
from campaigns.money import MAX_AMOUNT, MAX_TOTAL
from campaigns.tests.factories import BrandFactory, CampaignFactory, utc

pytestmark = pytest.mark.django_db

NOON = utc("2026-11-21 12:00")


def entry(
    campaign: Campaign, amount: str = "10", at: datetime = NOON, reference: str = "", text: str = ""
) -> SpendEntry:
    return SpendEntry(campaign.pk, Decimal(amount), at, reference, text)


def codes(receipt: ledger.SpendReceipt) -> list[tuple[int, str]]:
    return [(rejection.index, rejection.code) for rejection in receipt.rejected]


def days(campaign: Campaign) -> dict[str, Decimal]:
    return {str(day.day): day.amount for day in DailySpend.objects.filter(campaign=campaign)}


def test_an_entry_counts_in_its_campaign_its_brand_and_its_day() -> None:
    campaign = CampaignFactory.create()

    receipt = record_spend([entry(campaign, "12.345678"), entry(campaign, "0.000001")], at=NOON)

    assert (receipt.recorded, receipt.duplicates, receipt.rejected, receipt.paused) == (2, 0, [], [])
    campaign = Campaign.objects.select_related("brand").get()
    total = Decimal("12.345679")
    assert (campaign.daily_spend, campaign.monthly_spend, campaign.total_spend) == (total, total, total)
    assert (campaign.brand.daily_spend, campaign.brand.monthly_spend) == (total, total)
    assert days(campaign) == {"2026-11-21": total}


def test_r6_an_entry_can_neither_be_changed_nor_deleted() -> None:
    campaign = CampaignFactory.create()
    record_spend([entry(campaign)], at=NOON)
    recorded = SpendLog.objects.get()

    recorded.amount = Decimal(1)
    with pytest.raises(AppendOnly):
        recorded.save()
    with pytest.raises(AppendOnly):
        recorded.delete()
    with pytest.raises(AppendOnly):
        SpendLog.objects.all().update(amount=Decimal(1))
    with pytest.raises(AppendOnly):
        SpendLog.objects.all().delete()
    assert SpendLog.objects.get().amount == Decimal(10)


def test_r6_brands_and_campaigns_with_spend_cannot_be_deleted_and_others_can() -> None:
    spent, unspent = CampaignFactory.create(), CampaignFactory.create()
    record_spend([entry(spent)], at=NOON)

    with pytest.raises(ProtectedError):
        spent.delete()
    with pytest.raises(ProtectedError):
        spent.brand.delete()
    unspent.brand.delete()
    assert Campaign.objects.get() == spent


def test_r7_an_entry_belongs_to_the_brand_s_day_of_its_timestamp_however_late_it_comes() -> None:
    campaign = CampaignFactory.create(brand=BrandFactory.create(timezone="America/New_York"))

    record_spend(
        [
            entry(campaign, "1", utc("2026-11-21T04:59:59Z")),  # 23:59:59 on the 20th there
            entry(campaign, "2", utc("2026-11-21T05:00:00Z")),
            entry(campaign, "4", utc("2026-10-31T12:00:00Z")),
        ],
        at=NOON,
    )

    assert days(campaign) == {"2026-11-20": Decimal(1), "2026-11-21": Decimal(2), "2026-10-31": Decimal(4)}
    campaign.refresh_from_db()
    assert [campaign.daily_spend, campaign.monthly_spend, campaign.total_spend] == [Decimal(2), Decimal(3), Decimal(7)]


@pytest.mark.parametrize(
    ("timestamp", "code"),
    [
        (NOON + timedelta(minutes=5), None),
        (NOON + timedelta(minutes=5, microseconds=1), "in_future"),
        (utc("2000-01-01 00:00"), None),
        (utc("1999-12-31 23:59:59"), "too_old"),
        (datetime(2026, 11, 21, 12), "invalid_timestamp"),
        (date(2026, 11, 21), "invalid_timestamp"),
        ("2026-11-21T12:00:00Z", "invalid_timestamp"),
    ],
)
def test_r7_a_time_that_cannot_be_is_refused(timestamp: Any, code: str | None) -> None:
    receipt = record_spend([entry(CampaignFactory.create(), at=timestamp)], at=NOON)

    assert codes(receipt) == ([] if code is None else [(0, code)])
    assert SpendLog.objects.count() == receipt.recorded == int(code is None)


@pytest.mark.parametrize("hours", [16, -16, 23.5, -23.5])
def test_r7_a_time_of_any_offset_is_the_instant_that_it_says(hours: float) -> None:
    campaign = CampaignFactory.create()
    elsewhere = NOON.astimezone(timezone(timedelta(hours=hours)))

    receipt = record_spend([entry(campaign, at=elsewhere, reference="a"), entry(campaign)], at=elsewhere)
    again = record_spend([entry(campaign, reference="a")], at=NOON)

    assert (receipt.recorded, again.duplicates) == (2, 1)
    assert set(SpendLog.objects.values_list("timestamp", "recorded_at")) == {(NOON, NOON)}


def test_r7_a_naive_now_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        record_spend([], at=datetime(2026, 11, 21))
    with pytest.raises(ValueError, match="no time zone"):
        set_daily_total(1, date(2026, 11, 21), Decimal(1), at=datetime(2026, 11, 21))


def test_r8_the_same_entry_again_is_a_duplicate_and_counts_once() -> None:
    campaign = CampaignFactory.create()
    sent = [entry(campaign, reference="a"), entry(campaign, reference="a"), entry(campaign, reference="b")]

    first, again = record_spend(sent, at=NOON), record_spend(sent, at=NOON + timedelta(days=3))

    assert (first.recorded, first.duplicates, list(first.duplicate_indexes)) == (2, 1, [1])
    assert (again.recorded, list(again.duplicate_indexes), again.rejected) == (0, [0, 1, 2], [])
    campaign.refresh_from_db()
    assert campaign.total_spend == 20


@pytest.mark.parametrize(
    ("other", "field"),
    [
        ({"amount": "11"}, "amount"),
        ({"at": NOON - timedelta(seconds=1)}, "timestamp"),
        ({"text": "else"}, "description"),
    ],
)
def test_r8_other_content_under_a_known_reference_is_a_conflict_and_the_first_stays(
    other: dict[str, Any], field: str
) -> None:
    campaign = CampaignFactory.create()
    record_spend([entry(campaign, reference="a")], at=NOON)

    receipt = record_spend([entry(campaign, **{"reference": "a", **other})], at=NOON)

    assert codes(receipt) == [(0, "conflict")]
    assert field in receipt.rejected[0].message
    assert SpendLog.objects.get().amount == 10


def test_r8_a_reference_is_a_campaign_s_own_and_none_is_never_a_duplicate() -> None:
    one, other = CampaignFactory.create(), CampaignFactory.create()

    receipt = record_spend([entry(one, reference="a"), entry(other, reference="a"), entry(one), entry(one)], at=NOON)

    assert receipt.recorded == 4


def test_r8_an_arrival_without_a_description_has_none_and_one_that_is_refused_is_the_first_of_its_batch() -> None:
    campaign = CampaignFactory.create()
    refused = record_arrival(campaign.pk, "1.0000001", at=NOON)
    record_arrival(campaign.pk, "5", at=NOON)
    assert [rejection.index for rejection in refused.rejected] == [0]
    assert [entry.description for entry in SpendLog.objects.all()] == [""]


def test_r8_spend_without_a_time_of_its_own_counts_when_it_first_arrives() -> None:
    campaign = CampaignFactory.create()

    record_arrival(campaign.pk, "5", at=NOON, reference="task-1")
    again = record_arrival(campaign.pk, Decimal("5.00"), at=NOON + timedelta(days=2), reference="task-1")
    other = record_arrival(campaign.pk, "6", at=NOON, reference="task-1")

    assert (again.recorded, again.duplicates) == (0, 1)
    assert codes(other) == [(0, "conflict")]
    assert SpendLog.objects.get().timestamp == NOON


def test_r8_the_database_itself_keeps_a_reference_unique_in_its_campaign() -> None:
    campaign = CampaignFactory.create()
    record_spend([entry(campaign, reference="a")], at=NOON)

    with pytest.raises(IntegrityError), transaction.atomic():
        SpendLog.objects.create(
            campaign=campaign, amount=1, timestamp=NOON, day=NOON.date(), recorded_at=NOON, reference="a"
        )


def test_r9_a_day_s_total_is_set_by_the_difference_and_again_changes_nothing() -> None:
    campaign = CampaignFactory.create()
    record_spend([entry(campaign, "30")], at=NOON)

    assert set_daily_total(campaign.pk, date(2026, 11, 21), Decimal("45.5"), at=NOON) == Decimal("15.5")
    assert set_daily_total(campaign.pk, date(2026, 11, 21), Decimal("45.5"), at=NOON) == 0
    assert set_daily_total(campaign.pk, date(2026, 11, 21), Decimal("20"), at=NOON) == Decimal("-25.5")

    assert days(campaign) == {"2026-11-21": Decimal(20)}
    assert SpendLog.objects.count() == 3
    campaign.refresh_from_db()
    assert campaign.daily_spend == campaign.total_spend == 20


@pytest.mark.parametrize(
    ("day", "stamp"),
    [
        ("2026-09-06", "2026-09-06T15:00:00Z"),  # the current day: now
        ("2026-09-05", "2026-09-06T03:59:59Z"),  # its last second, before a midnight that does not exist
        ("2026-08-31", "2026-09-01T03:59:59Z"),
    ],
)
def test_r9_a_difference_is_stamped_inside_its_day(day: str, stamp: str) -> None:
    campaign = CampaignFactory.create(brand=BrandFactory.create(timezone="America/Santiago"))

    set_daily_total(campaign.pk, date.fromisoformat(day), Decimal(7), at=utc("2026-09-06T15:00:00Z"))

    assert SpendLog.objects.get().timestamp == utc(stamp)
    assert days(campaign) == {day: Decimal(7)}


@pytest.mark.parametrize(
    ("day", "total", "code"),
    [
        (date(2026, 11, 22), "1", "in_future"),
        (date(1999, 12, 31), "1", "too_old"),
        (NOON, "1", "invalid_day"),
        ("2026-11-21", "1", "invalid_day"),
        (date(2026, 11, 21), "-0.000001", "below_zero"),
        (date(2026, 11, 21), "NaN", "invalid_amount"),
    ],
)
def test_r9_a_total_that_cannot_be_is_refused(day: Any, total: str, code: str) -> None:
    with pytest.raises(Rejected) as refused:
        set_daily_total(CampaignFactory.create().pk, day, total, at=NOON)  # type: ignore[arg-type]

    assert refused.value.code == code
    assert not SpendLog.objects.exists()


def test_r9_a_day_that_never_was_takes_no_total() -> None:
    campaign = CampaignFactory.create(brand=BrandFactory.create(timezone="Pacific/Apia"))

    with pytest.raises(Rejected, match="did not exist"):
        set_daily_total(campaign.pk, date(2011, 12, 30), Decimal(1), at=NOON)


def test_r9_a_correction_is_recorded_unless_its_day_would_cost_less_than_nothing() -> None:
    campaign = CampaignFactory.create()
    yesterday = NOON - timedelta(days=1)

    receipt = record_spend(
        [entry(campaign, "10"), entry(campaign, "-4"), entry(campaign, "-6.000001"), entry(campaign, "-1", yesterday)],
        at=NOON,
    )

    assert codes(receipt) == [(2, "below_zero"), (3, "below_zero")]
    assert days(campaign) == {"2026-11-21": Decimal(6)}


def test_r9_a_day_can_be_corrected_down_to_nothing() -> None:
    campaign = CampaignFactory.create()

    assert record_spend([entry(campaign, "10"), entry(campaign, "-10")], at=NOON).recorded == 2
    assert days(campaign) == {"2026-11-21": Decimal(0)}


def test_r10_each_entry_of_a_batch_is_judged_on_its_own() -> None:
    campaign = CampaignFactory.create()

    receipt = record_spend(
        [
            entry(campaign, "1"),
            SpendEntry(10**9, Decimal(1), NOON),
            entry(campaign, "2"),
            SpendEntry(campaign.pk, Decimal("NaN"), NOON),
            SpendEntry(-1, Decimal(1), NOON),
            SpendEntry(2**70, Decimal(1), NOON),
            SpendEntry(True, Decimal(1), NOON),
            SpendEntry("1", Decimal(1), NOON),  # type: ignore[arg-type]
            entry(campaign, "4"),
        ],
        at=NOON,
    )

    unknown = "unknown_campaign"
    assert receipt.recorded == 3
    assert codes(receipt) == [
        (1, unknown),
        (3, "invalid_amount"),
        (4, unknown),
        (5, unknown),
        (6, unknown),
        (7, unknown),
    ]
    campaign.refresh_from_db()
    assert campaign.total_spend == 7


@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "x" * 501, None, 5], ids=repr)
def test_r10_a_text_that_the_database_would_refuse_takes_only_its_own_entry_down(text: Any) -> None:
    campaign = CampaignFactory.create()

    receipt = record_spend(
        [entry(campaign), entry(campaign, reference=text), entry(campaign, text=text), entry(campaign)], at=NOON
    )

    assert receipt.recorded == 2
    assert codes(receipt) == [(1, "invalid_text"), (2, "invalid_text")]


def test_r10_a_batch_that_breaks_halfway_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = CampaignFactory.create()

    def broken(*_: Any, **__: Any) -> None:
        raise ConnectionError("the database is gone")

    monkeypatch.setattr("campaigns.enforcement.enforce", broken)
    with pytest.raises(ConnectionError), transaction.atomic():
        record_spend([entry(campaign)], at=NOON)

    campaign.refresh_from_db()
    assert (SpendLog.objects.count(), DailySpend.objects.count()) == (0, 0)
    assert campaign.total_spend == 0


def test_r10_an_iterator_is_recorded_in_batches_and_its_indexes_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "BATCH_SIZE", 3)
    campaign = CampaignFactory.create()

    def sent() -> Iterator[SpendEntry]:
        for number in range(8):
            yield entry(campaign, "NaN" if number in (1, 7) else "1")

    receipt = record_spend(sent(), at=NOON)

    assert receipt.recorded == 6
    assert codes(receipt) == [(1, "invalid_amount"), (7, "invalid_amount")]


def test_a_counter_that_would_overflow_refuses_the_entry() -> None:
    campaign = CampaignFactory.create()
    Campaign.objects.filter(pk=campaign.pk).update(total_spend=Decimal(8_999_999_999_999))

    receipt = record_spend([entry(campaign, "2"), entry(campaign, "1")], at=NOON)

    assert codes(receipt) == [(0, "too_large")]
    assert receipt.recorded == 1


def test_r10_a_past_day_of_a_brand_that_would_overflow_refuses_the_entry_alone() -> None:
    first, second = CampaignFactory.create_batch(2, brand=BrandFactory.create())
    day, amount = NOON - timedelta(days=60), MAX_AMOUNT
    full = [entry(first, str(amount), day) for _ in range(999)]
    assert record_spend(full, at=NOON).recorded == 999

    receipt = record_spend(
        [
            entry(second, str(amount), day),
            entry(second, "0.000001", day),
            entry(second, "1", day - timedelta(days=1)),
            entry(second, "2"),
            entry(second, "-0.000001", day),
            entry(second, "0.000001", day),
        ],
        at=NOON,
    )

    assert codes(receipt) == [(1, "too_large")]
    assert receipt.rejected[0].message == (
        "2026-09-22 of this brand would cost more than 9,000,000,000,000, the most that a day can hold."
    )
    assert BrandDailySpend.objects.get(day=day.date()).amount == MAX_TOTAL
    assert record_spend([entry(first, "0.000001", day)], at=NOON).recorded == 0
    assert not list(find_differences())


def test_r10_a_past_day_of_a_brand_that_would_overflow_takes_no_higher_total() -> None:
    first, second, third = CampaignFactory.create_batch(3, brand=BrandFactory.create())
    day = NOON - timedelta(days=60)
    record_spend([entry(first, str(MAX_AMOUNT), day) for _ in range(999)], at=NOON)

    receipt = set_daily_totals(
        [
            DayTotal(second.pk, day.date(), MAX_AMOUNT),
            DayTotal(third.pk, day.date(), Decimal(1)),
            DayTotal(second.pk, day.date(), MAX_AMOUNT - 5),
            DayTotal(third.pk, day.date(), Decimal(5)),
            DayTotal(third.pk, NOON.date(), Decimal(5)),
        ],
        at=NOON,
    )

    assert [(refused.index, refused.code) for refused in receipt.rejected] == [(1, "too_large")]
    assert BrandDailySpend.objects.get(day=day.date()).amount == MAX_TOTAL
    assert not list(find_differences())


def test_r14_a_day_that_a_forced_reset_cut_in_two_cannot_overflow_either() -> None:
    first, second = CampaignFactory.create_batch(2, brand=BrandFactory.create())
    record_spend([entry(first, str(MAX_AMOUNT), NOON - timedelta(hours=1)) for _ in range(999)], at=NOON)
    reconcile(at=NOON, force=True)

    receipt = record_spend([entry(second, str(MAX_AMOUNT)) for _ in range(2)], at=NOON)

    assert codes(receipt) == [(1, "too_large")]
    assert BrandDailySpend.objects.get().amount == MAX_TOTAL


def test_the_day_keeps_the_daily_budget_that_was_in_force_on_it() -> None:
    campaign = CampaignFactory.create(daily_budget=Decimal(100))
    record_spend([entry(campaign)], at=NOON)
    Campaign.objects.update(daily_budget=Decimal(50))
    tomorrow = NOON + timedelta(days=1)

    record_spend([entry(campaign, "1", NOON), entry(campaign, "1", tomorrow)], at=tomorrow)

    budgets = DailySpend.objects.order_by("day").values_list("daily_budget", flat=True)
    assert list(budgets) == [Decimal(100), Decimal(50)]


@pytest.mark.parametrize("status", ["DRAFT", "COMPLETED"])
def test_r15_spend_on_a_campaign_that_does_not_run_is_recorded_all_the_same(status: str) -> None:
    campaign = CampaignFactory.create(status=status, daily_budget=Decimal(5))

    assert record_spend([entry(campaign)], at=NOON).recorded == 1

    campaign.refresh_from_db()
    assert campaign.status == status
    assert campaign.total_spend == 10


COUNTERS = [
    ("campaigns_campaign", "daily_spend"),
    ("campaigns_campaign", "monthly_spend"),
    ("campaigns_campaign", "total_spend"),
    ("campaigns_brand", "daily_spend"),
    ("campaigns_brand", "monthly_spend"),
    ("campaigns_dailyspend", "amount"),
    ("campaigns_branddailyspend", "amount"),
]


@pytest.mark.parametrize(("table", "column"), COUNTERS)
def test_r11_a_counter_broken_by_hand_is_found_and_repaired(table: str, column: str) -> None:
    campaign = CampaignFactory.create()
    record_spend([entry(campaign, "10")], at=NOON)
    with connection.cursor() as cursor:
        cursor.execute(f"update {table} set {column} = {column} + 1230000")

    found = list(find_differences())
    repaired = ledger.repair(None, at=NOON, actor="test")

    assert [(wrong.counter, wrong.recorded, wrong.actual, wrong.off_by) for wrong in found] == [
        (column, Decimal("11.23"), Decimal(10), Decimal("1.23"))
    ]
    assert repaired == found
    assert list(find_differences()) == []


@pytest.mark.parametrize(("days_of", "kind"), [(DailySpend, "campaign"), (BrandDailySpend, "brand")])
def test_r11_a_day_without_its_row_is_found_and_repaired(
    days_of: type[DailySpend] | type[BrandDailySpend], kind: str
) -> None:
    campaign = CampaignFactory.create()
    record_spend([entry(campaign, "10")], at=NOON)
    days_of._default_manager.all().delete()

    missing = [(wrong.kind, wrong.recorded, wrong.actual) for wrong in find_differences()]
    assert missing == [(kind, Decimal(0), Decimal(10))]
    ledger.repair([campaign.brand_id], at=NOON, actor="test")
    assert days(campaign) == {"2026-11-21": Decimal(10)}
    assert list(find_differences()) == []


def test_r11_a_brands_day_is_the_sum_of_its_campaigns_days_and_keeps_the_budget_in_force() -> None:
    brand = BrandFactory.create(daily_budget=Decimal(100))
    one, other = CampaignFactory.create(brand=brand), CampaignFactory.create(brand=brand)
    yesterday = NOON - timedelta(days=1)

    record_spend([entry(one, "10"), entry(other, "5"), entry(one, "1", yesterday)], at=NOON)
    Brand.objects.update(daily_budget=Decimal(200))
    record_spend([entry(other, "7"), entry(one, "-4")], at=NOON)

    kept = BrandDailySpend.objects.order_by("day").values_list("brand", "day", "amount", "daily_budget")
    assert list(kept) == [
        (brand.pk, yesterday.date(), Decimal(1), None),
        (brand.pk, NOON.date(), Decimal(18), Decimal(200)),
    ]


def test_r11_a_repair_puts_the_budget_holds_right_too() -> None:
    campaign = CampaignFactory.create(daily_budget=Decimal(10))
    record_spend([entry(campaign, "10")], at=NOON)
    Campaign.objects.update(daily_spend=Decimal(1), status="ACTIVE", holds=0)

    ledger.repair(None, at=NOON, actor="test")

    campaign.refresh_from_db()
    assert (campaign.status, campaign.hold_set.codes) == ("PAUSED", ["DAILY_BUDGET"])


def test_a_batch_over_many_campaigns_takes_as_many_queries_as_over_one(django_assert_max_num_queries: Any) -> None:
    brand = BrandFactory.create()
    campaigns = CampaignFactory.create_batch(40, brand=brand)
    record_spend([entry(each) for each in campaigns], at=NOON)

    with django_assert_max_num_queries(16):
        record_spend([entry(campaigns[0])], at=NOON)
    with django_assert_max_num_queries(16):
        record_spend([entry(each, reference="r") for each in campaigns], at=NOON)


def test_r10_a_campaign_that_appears_while_the_batch_waits_for_its_locks_takes_nobody_down(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    campaign, other = CampaignFactory.create(), BrandFactory.create()
    lock = BrandQuerySet.lock

    def appears(self: BrandQuerySet, brand_ids: Any) -> list[Brand]:
        Campaign.objects.get_or_create(pk=campaign.pk + 1000, defaults={"brand": other, "name": "New"})
        return lock(self, brand_ids)

    monkeypatch.setattr(BrandQuerySet, "lock", appears)
    receipt = record_spend([entry(campaign), SpendEntry(campaign.pk + 1000, Decimal(1), NOON)], at=NOON)

    assert receipt.recorded == 1
    assert codes(receipt) == [(1, "unknown_campaign")]


def test_totals_of_many_days_are_set_in_one_go() -> None:
    campaign = CampaignFactory.create()
    totals = [DayTotal(campaign.pk, date(2026, 11, day), Decimal(day)) for day in range(1, 22)]

    receipt = ledger.set_daily_totals([*totals, DayTotal(10**6, date(2026, 11, 1), Decimal(1))], at=NOON)

    assert receipt.differences == {index: Decimal(index + 1) for index in range(21)}
    assert [(wrong.index, wrong.code) for wrong in receipt.rejected] == [(21, "unknown_campaign")]
    assert Brand.objects.get().monthly_spend == sum(range(1, 22))

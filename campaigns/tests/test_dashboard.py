"""The first page: its figures, what needs attention and why, and what it costs to show."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from celery.schedules import crontab
from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from campaigns import desk, surveying
from campaigns.admin.charts import Day
from campaigns.admin.dashboard import _days
from campaigns.candidates import Candidates
from campaigns.concerns import LOOKED_AT, SHOWN, Concern, Concerns, concerns, off_pace
from campaigns.enforcement import activate, complete, pause, reconcile, resume
from campaigns.ledger import DayTotal, SpendEntry, record_spend, set_daily_totals
from campaigns.models import Brand, Campaign, Survey
from campaigns.outlook import clocks_of, of_brands
from campaigns.tasks import look_over_the_agency
from campaigns.tests.factories import BrandFactory, CampaignFactory, ScheduleFactory, utc
from campaigns.tests.test_admin import BRANDS, CAMPAIGNS, brand_form, campaign_form

pytestmark = pytest.mark.django_db

NOON = utc("2026-11-21 12:00")
PAGE = "/admin/"


@pytest.fixture(autouse=True)
def noon() -> Any:
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def page(admin_client: Client) -> Client:
    return admin_client


def spend(campaign: Campaign, amount: str, days_ago: int = 0) -> None:
    timestamp = NOON - timedelta(days=days_ago)
    assert not record_spend([SpendEntry(campaign.pk, Decimal(amount), timestamp)], at=NOON).rejected


def standings(on: date | None = None, at: datetime = NOON) -> list[desk.Standing]:
    brands, campaigns = list(Brand.objects.all()), Campaign.objects.all()
    counted = desk.counts(campaigns, clocks_of(brands, at).values())
    return desk.standings(brands, counted, at=at, on=on)


def all_concerns(at: datetime = NOON) -> list[Concerns]:
    brands = Brand.objects.all()
    candidates = Candidates(Campaign.objects.all(), clocks_of(brands, at).values())
    return concerns(off_pace(candidates.worst(LOOKED_AT), brands, at=at), standings(at=at), at=at)


def found(at: datetime = NOON) -> dict[str, list[Concern]]:
    """What needs attention, by kind."""
    return {kind.kind: kind.shown for kind in all_concerns(at)}


def kinds(at: datetime = NOON) -> dict[str, list[str]]:
    """The sentences, by kind."""
    return {kind: [concern.sentence for concern in shown] for kind, shown in found(at).items()}


def concerned(kind: str, at: datetime = NOON) -> list[str]:
    """The names of those of one kind, in order."""
    return [concern.campaign_name or concern.brand_name for concern in found(at).get(kind, [])]


def figures(on: date | None = None) -> list[desk.Figures]:
    return desk.figures(standings(on))


def test_the_strip_is_what_the_ledger_says_in_each_currency_and_zone() -> None:
    amounts = ["10.25", "0.000001", "7", "12"]
    for number, (zone, currency) in enumerate(
        [("Europe/Berlin", "EUR"), ("Pacific/Apia", "EUR"), ("America/New_York", "USD"), ("Asia/Tokyo", "JPY")]
    ):
        campaign = CampaignFactory.create(brand=BrandFactory.create(timezone=zone, currency=currency))
        for days_ago in (0, 1, 8, 21, 40):
            spend(campaign, amounts[number], days_ago)
    with connection.cursor() as cursor:
        cursor.execute("""
            SELECT brand.currency,
                   SUM(CASE WHEN entry.timestamp >= brand.daily_since THEN entry.amount ELSE 0 END),
                   SUM(CASE WHEN entry.timestamp >= brand.monthly_since THEN entry.amount ELSE 0 END)
            FROM campaigns_spendlog entry
            JOIN campaigns_campaign campaign ON campaign.id = entry.campaign_id
            JOIN campaigns_brand brand ON brand.id = campaign.brand_id
            GROUP BY brand.currency ORDER BY brand.currency
        """)
        by_hand = [(currency, Decimal(today), Decimal(month)) for currency, today, month in cursor.fetchall()]

    shown = [(line.currency, line.spent_today * 10**6, line.spent_this_month * 10**6) for line in figures()]

    assert shown == by_hand
    assert len(shown) == 3


def test_a_past_day_is_as_it_ended() -> None:
    campaign = CampaignFactory.create()
    for days_ago in range(30):
        spend(campaign, "10", days_ago)
    (line,) = figures(on=date(2026, 11, 4))
    assert (line.spent_today, line.spent_this_month) == (Decimal(10), Decimal(40))


def test_what_is_at_risk_is_what_brands_are_off_their_plans() -> None:
    # Of 30 days 20.5 are over: 2050 of 3000 are due.
    for spent in ("2700", "1000", "2060"):
        spend(CampaignFactory.create(brand=BrandFactory.create(monthly_budget=Decimal(3000))), spent, 1)
    (line,) = figures()
    assert (line.ahead, line.brands_ahead) == (Decimal(650), 1)
    assert (line.behind, line.brands_behind) == (Decimal(1050), 1)
    assert line.at_risk == 1700


def test_spend_beyond_a_budget_is_told_with_its_figures() -> None:
    campaign = CampaignFactory.create(daily_budget=Decimal(120))
    spend(campaign, "121.40")
    assert kinds()["overspent"] == ["Spent USD 121.40 of USD 120.00 today."]
    assert "Daily budget reached. Back on Sun 22 Nov at 00:00 UTC at the earliest." in kinds()["paused"]


def test_a_budget_that_will_be_reached_early_is_told_with_the_day() -> None:
    campaign = CampaignFactory.create(monthly_budget=Decimal(2500))
    totals = [DayTotal(campaign.pk, NOON.date() - timedelta(days=n), Decimal(100)) for n in range(1, 50)]
    set_daily_totals(totals, at=NOON)
    spend(campaign, "350")
    assert kinds()["ahead"] == ["USD 2,500.00 will be spent by Mon 23 Nov, 7 days early."]


def test_what_falls_behind_is_told_with_what_would_land_it() -> None:
    campaign = CampaignFactory.create(monthly_budget=Decimal(3000))
    for days_ago in range(21):
        spend(campaign, "10", days_ago)
    assert kinds() == {
        "behind": ["Spent USD 210.00 of the USD 2,050.00 due by now. USD 280.00 a day would land on USD 3,000.00."]
    }


def opened(campaign: Campaign, start: str, end: str) -> None:
    """Every day in these hours."""
    for day in range(1, 8):
        ScheduleFactory.create(campaign=campaign, day_of_week=day, start_time=start, end_time=end)


def test_a_running_campaign_of_which_no_spend_is_seen_for_hours_is_told() -> None:
    campaign = CampaignFactory.create()
    spend(campaign, "10", 1)
    reconcile(at=NOON)
    assert kinds()["silent"] == [
        (
            "Running, and nothing seen for 24 hours: the last was spent on Fri 20 Nov at 12:00 UTC. "
            "Is the feed of its platform in order?"
        )
    ]


def test_one_that_fell_silent_in_the_middle_of_today_is_told() -> None:
    silent, spends = CampaignFactory.create(), CampaignFactory.create()
    for hour in range(20):
        at = utc(f"2026-11-21 {hour:02}:00")
        entries = [SpendEntry(spends.pk, Decimal(10), at), *([SpendEntry(silent.pk, Decimal(10), at)] * (hour < 12))]
        record_spend(entries, at=at)
    evening = utc("2026-11-21 19:30")
    assert concerned("silent", evening) == [silent.name]
    assert "nothing seen for 8 hours" in kinds(evening)["silent"][0]


@pytest.mark.parametrize("now", ["2026-11-21 08:00", "2026-11-21 10:00", "2026-11-21 14:58"])
def test_hours_in_which_a_campaign_is_closed_are_no_silence(now: str) -> None:
    campaign = CampaignFactory.create()
    opened(campaign, "09:00", "18:00")
    record_spend([SpendEntry(campaign.pk, Decimal(10), utc("2026-11-20 17:59"))], at=utc("2026-11-20 17:59"))
    reconcile(at=utc(now))
    assert "silent" not in kinds(utc(now))


def test_open_hours_of_silence_are_counted_over_a_night() -> None:
    campaign = CampaignFactory.create()
    opened(campaign, "09:00", "18:00")
    record_spend([SpendEntry(campaign.pk, Decimal(10), utc("2026-11-20 14:00"))], at=utc("2026-11-20 14:00"))
    reconcile(at=utc("2026-11-21 11:00"))
    (said,) = kinds(utc("2026-11-21 11:00"))["silent"]
    assert "nothing seen for its last 6 open hours" in said
    assert "silent" not in kinds(utc("2026-11-21 10:30"))


def test_silence_begins_when_a_budget_let_it_run_again() -> None:
    campaign = CampaignFactory.create(daily_budget=Decimal(10))
    record_spend([SpendEntry(campaign.pk, Decimal(10), utc("2026-11-20 12:00"))], at=utc("2026-11-20 12:00"))
    reconcile(at=utc("2026-11-21 00:00"))
    assert "silent" not in kinds(utc("2026-11-21 05:00"))
    assert "nothing seen for 7 hours" in kinds(utc("2026-11-21 07:00"))["silent"][0]


def test_what_does_not_run_is_not_silent() -> None:
    paused, never_spent = CampaignFactory.create_batch(2, created_at=utc("2026-11-01 12:00"))
    spend(paused, "10", 2)
    pause([paused.pk, never_spent.pk], at=NOON, actor="user:alice")
    assert "silent" not in kinds()


def a_draft_started(at: datetime, **fields: Any) -> Campaign:
    """A campaign that was made long ago and started then, and never spent."""
    made = utc("2026-10-01 12:00")
    campaign = CampaignFactory.create(status=Campaign.Status.DRAFT, created_at=made, **fields)
    activate([campaign.pk], at=at, actor="user:alice")
    return campaign


def test_what_never_spent_is_silent_from_when_it_started() -> None:
    a_draft_started(utc("2026-11-21 04:30"), brand=BrandFactory.create(timezone="Europe/Berlin"))
    assert kinds()["silent"] == [
        (
            "Running, and nothing seen for 7 hours: it has never spent, and last started on Sat 21 Nov at 05:30 "
            "Europe/Berlin. Is the feed of its platform connected?"
        )
    ]
    assert "silent" not in kinds(utc("2026-11-21 10:29"))


def test_what_never_spent_for_longer_than_is_counted_is_told_with_when_it_started() -> None:
    a_draft_started(utc("2026-11-02 12:00"))
    (said,) = kinds()["silent"]
    assert "nothing seen for more than 192 hours: it has never spent, and last started on Mon 2 Nov at 12:00" in said


def test_what_was_made_running_and_never_spent_is_silent_from_then() -> None:
    CampaignFactory.create(created_at=utc("2026-11-20 12:00"))
    (said,) = kinds()["silent"]
    assert "nothing seen for 24 hours: it has never spent, and last started on Fri 20 Nov at 12:00 UTC." in said


def test_silence_of_what_never_spent_begins_when_a_person_let_it_run_again() -> None:
    campaign = a_draft_started(utc("2026-11-02 12:00"))
    pause([campaign.pk], at=utc("2026-11-03 12:00"), actor="user:alice")
    resume([campaign.pk], at=utc("2026-11-21 03:00"), actor="user:alice")
    assert "silent" not in kinds(utc("2026-11-21 08:59"))
    (said,) = kinds()["silent"]
    assert "nothing seen for 9 hours: it has never spent, and last started on Sat 21 Nov at 03:00 UTC." in said


@pytest.mark.parametrize("has_spent", [False, True])
def test_silence_begins_with_the_open_hours_of_what_was_let_run_outside_them(has_spent: bool) -> None:
    campaign = CampaignFactory.create(created_at=utc("2026-10-01 12:00"))
    opened(campaign, "09:00", "18:00")
    if has_spent:
        at = utc("2026-11-10 12:00")
        record_spend([SpendEntry(campaign.pk, Decimal(10), at)], at=at)
    pause([campaign.pk], at=utc("2026-11-10 12:00"), actor="user:alice")
    resume([campaign.pk], at=utc("2026-11-20 20:00"), actor="user:alice")
    reconcile(at=utc("2026-11-21 09:00"))
    assert campaign_status(campaign) == "ACTIVE"
    assert "silent" not in kinds(utc("2026-11-21 14:59"))
    (said,) = kinds(utc("2026-11-21 15:00"))["silent"]
    assert "nothing seen for its last 6 open hours" in said


def campaign_status(campaign: Campaign) -> str:
    return Campaign.objects.get(pk=campaign.pk).status


def test_what_never_spent_or_not_this_month_is_not_hidden_by_those_that_spend_less_today() -> None:
    for campaign in CampaignFactory.create_batch(LOOKED_AT, brand=BrandFactory.create()):
        spend(campaign, "100", 1)
        spend(campaign, "10")
    october = CampaignFactory.create(name="Not since October")
    spend(october, "10", 30)
    a_draft_started(utc("2026-11-02 12:00"), name="Never")
    assert sorted(concerned("silent")) == ["Never", "Not since October"]


def test_what_falls_silent_is_not_hidden_by_campaigns_made_just_now() -> None:
    CampaignFactory.create_batch(LOOKED_AT, created_at=utc("2026-11-21 11:00"))
    fell = CampaignFactory.create(name="Fell silent")
    spend(fell, "10", 1)
    assert concerned("silent") == ["Fell silent"]


def test_that_a_month_began_makes_nobody_silent_and_hides_nothing_that_never_spent() -> None:
    at = utc("2026-11-30 23:30")
    spending = CampaignFactory.create_batch(LOOKED_AT, brand=BrandFactory.create())
    assert not record_spend([SpendEntry(each.pk, Decimal(10), at) for each in spending], at=at).rejected
    a_draft_started(utc("2026-11-02 12:00"), name="Never")
    reconcile(at=utc("2026-12-01 00:05"))
    assert set(Campaign.objects.values_list("monthly_spend", flat=True)) == {0}
    assert concerned("silent", utc("2026-12-01 05:00")) == ["Never"]


def test_what_ends_within_days_is_told() -> None:
    CampaignFactory.create(end_date=date(2026, 11, 24), total_budget=Decimal(1000))
    CampaignFactory.create(end_date=date(2026, 11, 25))
    assert kinds() == {"ending": ["Its last day is Tue 24 Nov. USD 0.00 of USD 1,000.00 spent."]}


def test_what_does_what_was_agreed_needs_no_attention(page: Client) -> None:
    CampaignFactory.create()
    shown = page.get(PAGE)
    assert kinds() == {}
    assert "Nothing: every campaign does what was agreed." in shown.text


def test_an_agency_without_brands_is_told_what_to_do(page: Client) -> None:
    assert "Add the first brand" in page.get(PAGE).text


def test_the_address_names_a_brand_and_a_day(page: Client) -> None:
    one, other = CampaignFactory.create(), CampaignFactory.create()
    for campaign in (one, other):
        spend(campaign, "10", 3)
    shown = page.get(PAGE, {"brand": str(one.brand_id), "day": "2026-11-18"})
    assert [line["brand"] for line in shown.context["lines"]] == [one.brand]
    assert "As spend stood at the end of Wednesday, 18 November 2026" in shown.text
    assert ("Wed 18 Nov", "USD 10.00", "") in shown.context["strip"][0].rows


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"brand": "x"}, "There is no such brand: all are shown."),
        ({"brand": "999"}, "There is no such brand: all are shown."),
        ({"brand": "9" * 40}, "There is no such brand: all are shown."),
        ({"day": "soon"}, "That is no day, such as 2026-11-18: the present is shown."),
        ({"day": "0001-01-01"}, "Nothing is known of days before 2000-01-01: the present is shown."),
        ({"day": "2099-01-01"}, "That day is still to come: the present is shown."),
        ({"day": "9999-12-31"}, "That day is still to come: the present is shown."),
        ({"page": "abc"}, ""),
        ({"page": "-1"}, ""),
        ({"page": "9" * 40}, ""),
    ],
)
def test_an_address_that_makes_no_sense_shows_all_brands_now_and_says_why(
    page: Client, query: dict[str, str], said: str
) -> None:
    campaign = CampaignFactory.create()
    shown = page.get(PAGE, query)
    assert shown.status_code == 200
    assert shown.context["on"] is None
    assert [line["brand"] for line in shown.context["lines"]] == [campaign.brand]
    assert said in shown.text


def test_the_first_day_of_which_anything_may_be_known_is_shown(page: Client) -> None:
    CampaignFactory.create()
    assert page.get(PAGE, {"day": "2000-01-01"}).context["on"] == date(2000, 1, 1)


def test_a_wrong_day_leaves_the_brand_chosen(page: Client) -> None:
    one, _other = CampaignFactory.create(), CampaignFactory.create()
    shown = page.get(PAGE, {"brand": str(one.brand_id), "day": "soon"})
    assert [line["brand"] for line in shown.context["lines"]] == [one.brand]


def test_who_may_see_no_campaigns_sees_none_of_this(client: Client) -> None:
    campaign = CampaignFactory.create(brand=BrandFactory.create(name="Secret brand"))
    spend(campaign, "10")
    client.force_login(User.objects.create_user("staff", is_staff=True))
    assert "Secret brand" not in client.get(PAGE).text


def test_who_may_only_look_is_offered_no_change(client: Client) -> None:
    spend(CampaignFactory.create(daily_budget=Decimal(5)), "10")
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.set(Permission.objects.filter(codename__in=["view_brand", "view_campaign"]))
    client.force_login(viewer)
    shown = client.get(PAGE).text
    assert "Raise the budget" not in shown


def test_the_page_takes_as_many_queries_for_a_large_agency_as_for_a_small_one(page: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert page.get(PAGE).status_code == 200
        return len(captured)

    def establish(brands: int) -> None:
        for brand in BrandFactory.create_batch(brands, monthly_budget=Decimal(1000)):
            for budget in (5, 5000):
                spend(CampaignFactory.create(brand=brand, daily_budget=budget, monthly_budget=Decimal(9000)), "10")

    establish(2)
    few = queries()
    establish(30)
    assert queries() == few


def spend_evenly(campaign: Campaign, amount: str, days: int) -> None:
    """The same amount on each of the last `days` whole days."""
    totals = [DayTotal(campaign.pk, NOON.date() - timedelta(days=n), Decimal(amount)) for n in range(1, days + 1)]
    assert not set_daily_totals(totals, at=NOON).rejected


def test_what_is_behind_is_not_hidden_by_those_that_started_late() -> None:
    # Due of each that started on the 20th: 10 of 66, and it has spent that. By the whole month 45 would be.
    late = CampaignFactory.create_batch(
        LOOKED_AT, monthly_budget=Decimal(66), start_date=date(2026, 11, 20), brand=BrandFactory.create()
    )
    totals = [DayTotal(campaign.pk, date(2026, 11, 20), Decimal(9)) for campaign in late]
    assert not set_daily_totals(totals, at=NOON).rejected
    behind = CampaignFactory.create(name="Behind", monthly_budget=Decimal(3000))
    spend_evenly(behind, "60", 20)
    assert concerned("behind") == ["Behind"]


def test_what_is_ahead_is_not_hidden_by_those_that_end_early() -> None:
    # All but a part of these is due by now, and spent: they end tomorrow.
    soon = CampaignFactory.create_batch(
        LOOKED_AT, monthly_budget=Decimal(220), end_date=date(2026, 11, 22), brand=BrandFactory.create()
    )
    totals = [
        DayTotal(campaign.pk, NOON.date() - timedelta(days=n), Decimal(10)) for campaign in soon for n in range(1, 21)
    ]
    assert not set_daily_totals(totals, at=NOON).rejected
    ahead = CampaignFactory.create(name="Ahead", monthly_budget=Decimal(2400))
    spend_evenly(ahead, "100", 45)
    assert concerned("ahead") == ["Ahead"]


def test_what_is_on_track_by_its_hours_is_no_concern() -> None:
    campaign = CampaignFactory.create(monthly_budget=Decimal(400))
    for day in (6, 7):  # at weekends: four of nine days are over, and half of the fifth
        ScheduleFactory.create(campaign=campaign, day_of_week=day, start_time="08:00", end_time="16:00")
    for day in (1, 7, 8, 14, 15):
        set_daily_totals([DayTotal(campaign.pk, date(2026, 11, day), Decimal(45))], at=NOON)
    spend(campaign, "20")
    assert not {"ahead", "behind"} & kinds().keys()


def test_the_worst_overspent_is_first_whatever_its_currency() -> None:
    yen, euro = BrandFactory.create(currency="JPY"), BrandFactory.create(currency="EUR")
    for brand, name, budget, spent in [
        (yen, "A little over", 1_000_000, "1010000"),
        (euro, "Half over", 10, "15"),
        (euro, "Twice", 100, "200"),
    ]:
        spend(CampaignFactory.create(brand=brand, name=name, daily_budget=Decimal(budget)), spent)
    assert concerned("overspent") == ["Twice", "Half over", "A little over"]


def test_more_than_are_shown_is_said() -> None:
    for _ in range(SHOWN + 1):
        spend(CampaignFactory.create(daily_budget=Decimal(5)), "10")
    (over,) = (kind for kind in all_concerns() if kind.kind == "overspent")
    assert (len(over.shown), over.more) == (SHOWN, True)


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any agency is a large one."""
    monkeypatch.setattr(surveying, "LARGE", 1)


def look_over() -> object:
    """What the worker does each minute."""
    return look_over_the_agency.apply(throw=True).result


def test_in_a_large_agency_a_page_judges_at_every_view_what_a_worker_found(page: Client, large: None) -> None:
    over, then_over = (CampaignFactory.create(name=name, daily_budget=Decimal(5)) for name in ("Over", "Then over"))
    spend(over, "10")

    def shown() -> list[str]:
        kinds = {kind["kind"]: kind["shown"] for kind in page.get(PAGE).context["concerns"]}
        return [concern["name"] for concern in kinds.get("overspent", [])]

    assert look_over() is True
    assert shown() == ["Over"]
    spend(then_over, "10")
    assert shown() == ["Over"]
    spend(over, "-6")
    assert shown() == []
    look_over()
    assert shown() == ["Then over"]


def test_in_a_large_agency_what_people_have_mended_since_a_worker_looked_is_not_told(page: Client, large: None) -> None:
    ends, held = (CampaignFactory.create(name=name) for name in ("Ends", "Held"))
    Campaign.objects.filter(pk=ends.pk).update(end_date=NOON.date())
    Campaign.objects.filter(pk=held.pk).update(daily_budget=Decimal(5))
    spend(held, "5")

    def kinds_shown() -> list[str]:
        return [kind["kind"] for kind in page.get(PAGE).context["concerns"]]

    look_over()
    assert kinds_shown() == ["paused", "ending"]
    Campaign.objects.filter(pk=ends.pk).update(end_date=None)
    Campaign.objects.filter(pk=held.pk).update(daily_budget=Decimal(50))
    reconcile(at=NOON)
    assert kinds_shown() == []


def month_in_words(page: Client, **address: str) -> str:
    (month,) = page.get(PAGE, address).context["months"]
    words: str = month["words"]
    return words.strip()


def test_the_month_ends_where_the_budgets_stop_it(page: Client) -> None:
    campaign = CampaignFactory.create(brand=BrandFactory.create(monthly_budget=Decimal(500)))
    for days_ago in range(1, 45):
        spend(campaign, "20", days_ago)
    assert month_in_words(page) == "Will end at USD 500.00, where the budgets stop it."


def test_a_month_that_has_fallen_silent_is_not_said_to_be_stopped_by_a_budget(page: Client) -> None:
    campaign = CampaignFactory.create(brand=BrandFactory.create(monthly_budget=Decimal(3000)))
    for days_ago in range(16, 60):
        spend(campaign, "5", days_ago)
    assert month_in_words(page) == "Will end at USD 25.00, unless it spends again."


def test_a_month_without_a_plan_says_whose_budget_is_missing(page: Client) -> None:
    for budget in (Decimal(600), None):
        campaign = CampaignFactory.create(brand=BrandFactory.create(monthly_budget=budget))
        for days_ago in range(1, 45):
            spend(campaign, "20", days_ago)

    words = month_in_words(page)

    assert "stop" not in words
    assert words.endswith("There is no plan for all of them: a brand spends without a monthly budget.")
    (tile,) = page.get(PAGE).context["strip"][1:]
    assert tile.rows[1] == ("This month", "USD 800.00", "USD 400.00 of USD 600.00 with a budget")


def test_a_month_that_is_over_has_ended(page: Client) -> None:
    campaign = CampaignFactory.create(brand=BrandFactory.create(monthly_budget=Decimal(9000)))
    for days_ago in range(60):
        spend(campaign, "20", days_ago)

    assert month_in_words(page, day="2026-10-31") == "Ended at USD 620.00."
    (line,) = page.get(PAGE, {"day": "2026-10-31"}).context["lines"]
    assert line["to_land"] == ""


def test_a_brand_that_is_done_is_neither_projected_nor_asked_to_land(page: Client) -> None:
    campaign = CampaignFactory.create(brand=BrandFactory.create(monthly_budget=Decimal(3000)))
    for days_ago in range(1, 45):
        spend(campaign, "20", days_ago)
    complete([campaign.pk], at=NOON, actor="user:alice")

    (line,) = page.get(PAGE).context["lines"]

    assert (line["status"], line["projected"], line["to_land"], line["pace"]) == ("Nothing runs", "", "", None)


def test_in_a_large_agency_campaigns_and_the_month_are_as_a_worker_saw_them_and_spend_is_of_now(
    page: Client, large: None
) -> None:
    brand = BrandFactory.create(monthly_budget=Decimal(1000))
    spend(CampaignFactory.create(brand=brand), "10")

    def shown() -> tuple[str, bool, bool]:
        context = page.get(PAGE).context
        (month,) = context["months"]
        counted, money = context["strip"]
        return counted.rows[0][1], "10.00" in money.rows[0][1], "USD 12.00" in str(month["bars"])

    look_over()
    assert shown() == ("1", True, False)
    spend(CampaignFactory.create(brand=brand), "2")
    assert shown() == ("1", False, False)
    look_over()
    assert shown() == ("2", False, True)


def test_what_a_worker_saw_makes_the_same_page_as_looking_now(page: Client, large: None) -> None:
    euros, yen = (BrandFactory.create(currency=code, monthly_budget=Decimal(1000)) for code in ("EUR", "JPY"))
    for brand in (euros, yen):
        spend(CampaignFactory.create(brand=brand, daily_budget=Decimal(5), end_date=NOON.date()), "10")

    def told() -> object:
        context = page.get(PAGE).context
        return [str(context[name]) for name in ("strip", "concerns", "lines", "months", "has_campaigns")]

    looked = told()
    look_over()
    assert page.get(PAGE).context["seen_at"] == NOON
    assert told() == looked


def test_without_a_worker_the_dashboard_of_a_large_agency_looks_for_itself(page: Client, large: None) -> None:
    look_over()
    spend(CampaignFactory.create(name="Over", daily_budget=Decimal(5)), "10")
    with time_machine.travel(NOON + surveying.KEPT_FOR + timedelta(seconds=1), tick=False):
        context = page.get(PAGE).context
    assert context["seen_at"] is None
    assert [concern["name"] for concern in context["concerns"][0]["shown"]] == ["Over"]


def test_a_brand_of_a_large_agency_is_looked_at_now(page: Client, large: None) -> None:
    campaign = CampaignFactory.create()
    look_over()
    CampaignFactory.create(brand=campaign.brand)
    context = page.get(PAGE, {"brand": campaign.brand_id}).context
    assert context["strip"][0].rows[0][1] == "2"


def test_a_small_agency_is_not_looked_over() -> None:
    CampaignFactory.create()
    assert look_over() is False
    assert not Survey.objects.exists()


def test_a_large_agency_is_looked_over_each_minute() -> None:
    (schedule,) = (
        each["schedule"] for each in settings.CELERY_BEAT_SCHEDULE.values() if each["task"] == look_over_the_agency.name
    )
    assert schedule == crontab(minute="*/1")


def test_a_brand_over_its_budget_is_one_concern_with_all_that_it_holds() -> None:
    brand = BrandFactory.create(name="Kita", daily_budget=Decimal(100))
    first, *_others = CampaignFactory.create_batch(30, brand=brand)
    spend(first, "110")
    concern = found()["paused"]
    assert [(each.campaign_id, each.brand_name, each.field) for each in concern] == [(None, "Kita", "daily_budget")]
    assert kinds()["paused"] == [
        (
            "Daily budget of USD 100.00 reached (USD 110.00). It holds 30 campaigns. "
            "Back on Sun 22 Nov at 00:00 UTC at the earliest."
        )
    ]
    assert kinds()["overspent"] == ["Spent USD 110.00 of USD 100.00 today."]


def test_a_brand_that_will_reach_its_budget_early_is_told() -> None:
    brand = BrandFactory.create(name="Kita", monthly_budget=Decimal(2500))
    spend_evenly(CampaignFactory.create(brand=brand), "100", 50)
    spend(Campaign.objects.get(), "350")
    assert concerned("ahead") == ["Kita"]
    assert kinds()["ahead"][0].startswith("USD 2,500.00 will be spent by ")


def test_a_brand_behind_its_plan_is_told() -> None:
    brand = BrandFactory.create(name="Kita", monthly_budget=Decimal(3000))
    spend_evenly(CampaignFactory.create(brand=brand), "10", 20)
    spend(Campaign.objects.get(), "10")
    assert kinds() == {
        "behind": ["Spent USD 210.00 of the USD 2,050.00 due by now. USD 280.00 a day would land on USD 3,000.00."]
    }


def test_what_a_brands_budget_holds_leads_to_the_budget_of_the_brand(page: Client) -> None:
    brand = BrandFactory.create(monthly_budget=Decimal(100))
    spend(CampaignFactory.create(brand=brand, daily_budget=Decimal(50)), "110")
    shown = page.get(PAGE).text
    assert f'href="{BRANDS}{brand.pk}/change/#id_monthly_budget"' in shown
    assert concerned("paused") == [brand.name]  # raising the campaign's own budget would let nothing run


def test_a_campaign_that_will_reach_its_budget_is_paused_in_place(page: Client) -> None:
    campaign = CampaignFactory.create(monthly_budget=Decimal(2500))
    spend_evenly(campaign, "100", 49)
    spend(campaign, "350")
    address = f"{PAGE}?brand={campaign.brand_id}"
    act = f"{CAMPAIGNS}{campaign.pk}/act/pause/"
    shown = page.get(address).text
    assert f'<form method="post" action="{act}">' in shown
    assert f'<input type="hidden" name="next" value="{address}">' in shown

    answer = page.post(act, {"next": address})

    assert answer["Location"] == address
    campaign.refresh_from_db()
    assert campaign.status == Campaign.Status.PAUSED


def test_who_may_only_look_is_offered_no_pause(client: Client) -> None:
    spend(CampaignFactory.create(daily_budget=Decimal(5)), "10")
    brand = BrandFactory.create(daily_budget=Decimal(5))
    spend(CampaignFactory.create(brand=brand), "10")
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(viewer)
    shown = client.get(PAGE)
    offered = {
        (item["act"], item["pause"], "#" in item["act_url"])
        for kind in shown.context["concerns"]
        for item in kind["shown"]
    }
    assert offered == {("Look", "", False)}


def test_what_nobody_can_pause_better_is_not_offered_a_pause() -> None:
    campaign = CampaignFactory.create(daily_budget=Decimal(5))
    spend(campaign, "10")
    assert [each.pause for each in found()["overspent"]] == ["Keep it paused"]
    pause([campaign.pk], at=NOON, actor="user:alice")
    assert [each.pause for each in found()["overspent"]] == [""]


def test_brands_that_do_not_run_have_no_plan_to_be_off() -> None:
    off = BrandFactory.create(monthly_budget=Decimal(3000), is_active=False)
    done = BrandFactory.create(monthly_budget=Decimal(3000))
    CampaignFactory.create(brand=off)
    spend(CampaignFactory.create(brand=done), "5", 3)
    Campaign.objects.filter(brand=done).update(status=Campaign.Status.COMPLETED)
    BrandFactory.create(monthly_budget=Decimal(3000))  # without campaigns
    spend(CampaignFactory.create(brand=BrandFactory.create(monthly_budget=Decimal(300))), "205", 1)
    (line,) = figures()
    assert (line.budgets, line.spent_of_budgets, line.at_risk) == (Decimal(300), Decimal(205), Decimal(0))
    assert line.spent_this_month == 210
    assert "behind" not in kinds()


def test_a_past_day_counts_the_plan_of_what_ran_then() -> None:
    brand = BrandFactory.create(monthly_budget=Decimal(3000))
    spend(CampaignFactory.create(brand=brand), "5", 3)
    Campaign.objects.update(status=Campaign.Status.COMPLETED)
    (line,) = figures(on=date(2026, 11, 19))
    assert (line.budgets, line.brands_behind) == (Decimal(3000), 1)


def test_a_brand_that_does_not_run_is_said_to_be_off_and_not_behind(page: Client) -> None:
    CampaignFactory.create(brand=BrandFactory.create(name="A", monthly_budget=Decimal(3000), is_active=False))
    BrandFactory.create(name="B", monthly_budget=Decimal(3000))
    lines = page.get(PAGE).context["lines"]
    assert [(line["status"], line["pace"], line["to_land"]) for line in lines] == [
        ("Switched off", None, ""),
        ("Nothing runs", None, ""),
    ]


@pytest.mark.parametrize(("currency", "first_day"), [("JPY", "33"), ("USD", "33.33"), ("KWD", "33.333")])
def test_r2_the_plan_has_the_decimals_of_the_currency(currency: str, first_day: str) -> None:
    brand = BrandFactory.create(currency=currency, monthly_budget=Decimal(1000))
    day: Day = _days(of_brands([brand], at=NOON)[brand.pk])[0]
    assert str(day.plan) == first_day


def test_r2_what_is_at_risk_has_the_decimals_of_the_currency(page: Client) -> None:
    brand = BrandFactory.create(currency="KWD", monthly_budget=Decimal("100.001"))
    spend(CampaignFactory.create(brand=brand), "1", 1)
    _campaigns, tile = page.get(PAGE).context["strip"]
    assert tile.rows[-1] == ("At risk", "KWD 67.334", "behind plan")


def told(shown: Any) -> list[tuple[str, str, str, list[str]]]:
    """What changed: the time, of what, by whom and what."""
    return [(each.event.clock, each.name, each.event.by, each.event.lines) for each in shown.context["changes"]]


def test_what_people_edited_today_is_told_with_from_and_to_and_by_whom(page: Client) -> None:
    campaign = CampaignFactory.create(name="Spring", daily_budget=Decimal(10))
    page.post(f"{CAMPAIGNS}{campaign.pk}/change/", campaign_form(campaign, daily_budget="20"))
    assert told(page.get(PAGE)) == [
        ("12:00", "Spring", "admin", ["Raised the daily budget from USD 10.00 to USD 20.00."]),
    ]


def test_what_people_edited_of_a_brand_is_told_before_what_that_caused(page: Client) -> None:
    brand = BrandFactory.create(name="Kita", monthly_budget=Decimal(1000))
    spend(CampaignFactory.create(brand=brand, name="Spring"), "10")
    page.post(f"{BRANDS}{brand.pk}/change/", brand_form(brand, monthly_budget="5"))
    caused, edit = told(page.get(PAGE))
    assert edit == ("12:00", "Kita", "admin", ["Lowered the brand's monthly budget from USD 1,000.00 to USD 5.00."])
    assert caused == ("12:00", "Spring", "admin", ["Paused: Brand's monthly budget reached."])


def test_a_change_is_of_today_on_its_own_brands_clock(page: Client) -> None:
    apia, york = (
        CampaignFactory.create(brand=BrandFactory.create(timezone=zone))
        for zone in ("Pacific/Apia", "America/New_York")
    )
    # At noon in UTC it is 01:00 on the 22nd in Apia and 07:00 on the 21st in New York.
    pause([apia.pk, york.pk], at=utc("2026-11-21 10:00"), actor="user:alice")
    assert [row[:3] for row in told(page.get(PAGE))] == [("05:00", york.name, "alice")]
    yesterday = told(page.get(PAGE, {"brand": str(apia.brand_id), "day": "2026-11-21"}))
    assert [row[:3] for row in yesterday] == [("23:00", apia.name, "alice")]


def test_edits_of_a_brand_filter_are_of_that_brand(page: Client) -> None:
    one, other = CampaignFactory.create(), CampaignFactory.create()
    for campaign in (one, other):
        page.post(
            f"{CAMPAIGNS}{campaign.pk}/change/",
            campaign_form(campaign, end_date="2026-12-31"),
        )
        page.post(f"{BRANDS}{campaign.brand_id}/change/", brand_form(campaign.brand, daily_budget="7"))
    shown = told(page.get(PAGE, {"brand": str(one.brand_id)}))
    assert sorted(row[1] for row in shown) == sorted([one.brand.name, one.name])


def paused_before_who_sees_no_changes(client: Client) -> User:
    """Pause a campaign, and log in who may see brands and campaigns alone."""
    pause([CampaignFactory.create().pk], at=NOON, actor="user:alice")
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.set(Permission.objects.filter(codename__in=["view_brand", "view_campaign"]))
    client.force_login(viewer)
    return viewer


def test_who_may_not_see_brands_edits_is_told_of_no_edit_of_statuses(client: Client) -> None:
    paused_before_who_sees_no_changes(client)
    shown = client.get(PAGE)
    assert told(shown) == []
    assert "All status changes" not in shown.text


def test_who_may_not_see_all_changes_is_told_which_are_left_out_and_not_that_there_are_none(client: Client) -> None:
    viewer = paused_before_who_sees_no_changes(client)

    shown = client.get(PAGE).text

    assert "Nothing has changed yet today" not in shown
    assert "Nothing that you may see has changed yet today." in shown
    left_out = "Your account may not see status changes or schedules: these are left out here."
    assert f"{left_out} An administrator can let you see them." in shown
    assert "Nothing that you may see was changed on that day." in client.get(PAGE, {"day": "2026-11-20"}).text
    viewer.user_permissions.add(Permission.objects.get(codename="view_statuschange"))
    shown = client.get(PAGE).text
    assert "Paused" in shown
    assert "Your account may not see schedules: these are left out here." in shown


def test_a_day_on_which_nothing_changed_says_what_would_be_here(page: Client) -> None:
    CampaignFactory.create()
    shown = page.get(PAGE).text
    assert "Nothing has changed yet today: what the system pauses or resumes" in shown
    assert "left out here" not in shown

"""A believable agency to try things on, and traffic for it. Its money is made up; it goes through the real ledger."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from random import Random

from django.db import transaction

from campaigns import enforcement
from campaigns.currencies import decimals
from campaigns.ledger import DayTotal, SpendEntry, SpendReceipt, record_spend, set_daily_totals
from campaigns.models import Brand, Campaign, DaypartingSchedule
from campaigns.periods import day_start, local_clock, local_date, wall_changes

ACTOR = "command:seed_data"
HISTORY_DAYS = 120
# Days before today of which hours open and close, so that the history of statuses has something to tell.
PLAYED_DAYS = 2

# Name, zone, currency, and a usual day's spend of a campaign in that currency.
BRANDS = (
    ("Kita Bikes", "Europe/Berlin", "EUR", 180),
    ("Harbor Coffee", "America/New_York", "USD", 240),
    ("Sakura Beauty", "Asia/Tokyo", "JPY", 26_000),
    ("Lahore Textiles", "Asia/Karachi", "PKR", 38_000),
    ("Gulf Motors", "Asia/Kuwait", "KWD", 90),
    ("Andes Travel", "America/Santiago", "CLP", 150_000),
    ("Thames Books", "Europe/London", "GBP", 130),
    ("Reef Surf", "Australia/Lord_Howe", "AUD", 210),
)
# By this a brand is known as the demo's, and nobody's own.
DEMO_DESCRIPTION = "A made-up client of the demo."
OVER_THEIR_DAY = ("Thames Books",)  # their brand's own daily budget is reached
INACTIVE = ("Reef Surf",)
CHANNELS = ("Search", "Shopping", "Video", "Social", "Display", "Retargeting", "Newsletter", "Audio")
OFFERS = ("Autumn sale", "Brand", "New arrivals", "Gift guide", "Clearance", "Members")

Window = tuple[int, time, time]
WEEK = range(1, 8)
OFFICE_HOURS = [(day, time(8), time(18)) for day in range(1, 6)]  # weekends off
OVERNIGHT = [(day, time(22), time(6)) for day in WEEK]
TWICE_A_DAY = [window for day in WEEK for window in ((day, time(7), time(10)), (day, time(17), time(21)))]
EVENINGS = [(day, time(18), time(0)) for day in WEEK]


@dataclass(frozen=True)
class Story:
    """What a demo campaign shows. Shares are of what it has spent: 1.0 is a budget just reached."""

    daily: float | None = None  # today's spend as a share of the daily budget
    monthly: float | None = None
    total: float | None = None
    windows: tuple[Window, ...] = ()
    paused: bool = False
    draft: bool = False
    starts_in: int | None = None  # days
    ends_in: int | None = None


STORIES = (
    Story(daily=0.55, monthly=0.6),
    Story(daily=0.94, monthly=0.8),
    Story(daily=1.0),
    Story(daily=0.5, windows=tuple(OFFICE_HOURS)),
    Story(monthly=1.02),
    Story(monthly=0.5),
    Story(daily=0.6, windows=tuple(OVERNIGHT)),
    Story(daily=0.4, paused=True),
    Story(total=1.0),
    Story(daily=0.7, windows=tuple(TWICE_A_DAY), ends_in=12),
    Story(draft=True, starts_in=5, ends_in=35),
    Story(total=0.97, ends_in=2),
    Story(ends_in=-10),
    Story(monthly=0.3, windows=tuple(EVENINGS)),
    Story(draft=True),
)


@transaction.atomic
def seed_brand(number: int, campaigns: int, *, at: datetime) -> int:
    """Make the demo's brand of that number (from 0) and its campaigns, with months of spend up to `at`.

    Those that are there already are left as they are. Gives how many campaigns are new.
    """
    name, zone, currency, usual = BRANDS[number % len(BRANDS)]
    if number >= len(BRANDS):
        name = f"{name} {number // len(BRANDS) + 1}"
    made = at - timedelta(days=HISTORY_DAYS + 2)  # before the first day of spend, whatever the zone
    of_record = {"created_at": made, "updated_at": made}
    brand, _ = Brand.objects.get_or_create(
        name=name,
        defaults={"timezone": zone, "currency": currency, "description": DEMO_DESCRIPTION, **of_record},
    )
    brand.refresh_from_db()
    today = local_date(brand.timezone, at)
    stories: list[tuple[Campaign, Story]] = []
    for index in range(campaigns):
        # Each brand begins elsewhere in the list, so that together they show all of it.
        story = STORIES[(index + number * 3) % len(STORIES)]
        campaign, is_new = Campaign.objects.get_or_create(
            brand=brand,
            name=_campaign_name(index),
            defaults={
                "external_id": f"{number + 1:03}-{index + 1:05}",
                "start_date": _in_days(today, story.starts_in),
                "end_date": _in_days(today, story.ends_in) if (story.ends_in or 0) >= 0 else None,
                **of_record,
            },
        )
        if is_new:
            DaypartingSchedule.objects.bulk_create(
                DaypartingSchedule(campaign=campaign, day_of_week=day, start_time=start, end_time=end)
                for day, start, end in story.windows
            )
            stories.append((campaign, story))
    if stories:
        _live(brand, stories, usual, today, at)
    return len(stories)


def _live(brand: Brand, stories: list[tuple[Campaign, Story]], usual: int, today: date, at: datetime) -> None:
    """Let new campaigns run for some months until `at`, in the order of time: decided on what was spent by then."""
    zone = brand.timezone
    running = [campaign for campaign, story in stories if not story.draft]
    unspent = today - timedelta(days=HISTORY_DAYS)
    enforcement.activate([campaign.pk for campaign in running], at=day_start(zone, unspent), actor=ACTOR)
    # From midnight, as they were started, nothing changes before the first of these instants.
    hours = {wall_time for _, story in stories for _, *bounds in story.windows for wall_time in bounds}
    for moment in wall_changes(zone, hours, day_start(zone, today - timedelta(days=PLAYED_DAYS)), at):
        unspent = _spend(brand, running, usual, unspent, moment)
        enforcement.reconcile(at=moment, brand_ids=[brand.pk], actor=ACTOR)
    _spend(brand, running, usual, unspent, at)

    for campaign, story in stories:
        campaign.refresh_from_db()
        for spent, share in (("daily", story.daily), ("monthly", story.monthly), ("total", story.total)):
            spend: Decimal = getattr(campaign, f"{spent}_spend")
            if share is not None and spend:
                setattr(
                    campaign, f"{spent}_budget", _rounded(spend / Decimal(str(share)), brand.currency, up=share < 1)
                )
        if story.ends_in is not None and story.ends_in < 0:
            campaign.end_date = today + timedelta(days=story.ends_in)
        campaign.save(update_fields=["daily_budget", "monthly_budget", "total_budget", "end_date"])
    brand.refresh_from_db()
    brand.monthly_budget = _rounded(brand.monthly_spend / Decimal("0.85"), brand.currency, up=True)
    brand.daily_budget = brand.daily_spend if brand.name in OVER_THEIR_DAY and brand.daily_spend else None
    brand.is_active = brand.name not in INACTIVE
    brand.save(update_fields=["monthly_budget", "daily_budget", "is_active"])
    enforcement.pause([campaign.pk for campaign, story in stories if story.paused], at=at, actor=ACTOR)
    enforcement.reconcile(at=at, brand_ids=[brand.pk], actor=ACTOR)


def _spend(brand: Brand, campaigns: list[Campaign], usual: int, first: date, at: datetime) -> date:
    """Record what each day from `first` on has cost by `at`, and give the last of them, which goes on."""
    clock = local_clock(brand.timezone, at)
    passed = max(0.15, (clock.at - clock.day_start) / (clock.day_end - clock.day_start))
    days = [first + timedelta(days=number) for number in range((clock.today - first).days + 1)]
    set_daily_totals(
        (
            DayTotal(campaign.pk, day, _day_spend(brand, campaign, day, usual, passed if day == clock.today else 1.0))
            for campaign in campaigns
            for day in days
        ),
        at=at,
        actor=ACTOR,
    )
    return clock.today


def _campaign_name(index: int) -> str:
    name = f"{OFFERS[index // len(CHANNELS) % len(OFFERS)]} {CHANNELS[index % len(CHANNELS)]}"
    edition = index // (len(CHANNELS) * len(OFFERS))
    return f"{name} {edition + 1}" if edition else name


def _in_days(today: date, days: int | None) -> date | None:
    return None if days is None else today + timedelta(days=days)


def _day_spend(brand: Brand, campaign: Campaign, day: date, usual: int, passed: float) -> Decimal:
    """A day's spend around the usual one, the same at every call: campaigns differ, weekends are quiet, days vary."""
    size = Random(f"{brand.name}/{campaign.name}").uniform(0.4, 1.8)
    weekend = 0.6 if day.isoweekday() > 5 else 1.0
    noise = Random(f"{brand.name}/{campaign.name}/{day}").uniform(0.7, 1.3)
    return _rounded(Decimal(str(usual * size * weekend * noise * passed)), brand.currency)


def _rounded(amount: Decimal, currency: str, *, up: bool = False) -> Decimal:
    step = Decimal(1).scaleb(-decimals(currency))
    return amount.quantize(step) + (step if up else 0)


def play_traffic(
    random: Random, entries: int, *, at: datetime, brand_ids: Collection[int] | None = None
) -> SpendReceipt:
    """Spend a little on some running campaigns, chosen by `random`, as platforms would report it all day."""
    campaigns = Campaign.objects.filter(status=Campaign.Status.ACTIVE)
    if brand_ids is not None:
        campaigns = campaigns.filter(brand__in=brand_ids)
    running = list(campaigns.values_list("pk", "daily_budget", "brand__currency"))
    if not running:
        return SpendReceipt()
    usual = {currency: Decimal(amount) for _, _, currency, amount in BRANDS}
    spent = []
    for pk, daily_budget, currency in random.choices(running, k=entries):
        day = daily_budget or usual.get(currency, Decimal(100))
        amount = _rounded(day * Decimal(str(random.uniform(0.0005, 0.004))), currency, up=True)
        spent.append(SpendEntry(pk, amount, at, description="Simulated"))
    return record_spend(spent, at=at, actor="command:simulate_spend")

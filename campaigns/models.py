"""What is kept: brands, campaigns, their hours, the ledger, the history of status, and the keys to the API.

Fields, constraints, indexes and querysets only. Spend and counters are written by `ledger.py`, status, holds and
rollovers by `enforcement.py`, and the rule that decides stands in `rules.py`.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any, ClassVar, NoReturn
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from timezone_field import TimeZoneField

import campaigns.bulk  # noqa: F401 the lookup `among`
from campaigns.currencies import CURRENCIES
from campaigns.edits import PeoplesEdits
from campaigns.holds import Hold
from campaigns.money import ZERO, MoneyField, format_amount, from_micros

# Where the period of a counter that never rolled over began: before all spend.
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
# What the system writes of brands and campaigns: no person's edit.
COUNTERS = ("daily_spend", "daily_since", "monthly_spend", "monthly_since")
RECORD = ("created_at", "updated_at")
# No ad platform bills for an earlier time; what claims to be older is a broken date (R7).
EARLIEST_SPEND = datetime(2000, 1, 1, tzinfo=UTC)


def default_zone() -> ZoneInfo:
    return ZoneInfo(settings.TIME_ZONE)


def default_currency() -> str:
    return settings.DEFAULT_CURRENCY


def validate_currency(code: str) -> None:
    if code not in CURRENCIES:
        raise ValidationError(f"{code!r} is not an ISO 4217 code in use today, such as EUR.", code="invalid_currency")


def _positive(field: str, name: str) -> models.CheckConstraint:
    """A budget of zero would hold for ever and a negative one means nothing: no limit is an empty budget (R12)."""
    return models.CheckConstraint(
        condition=Q(**{f"{field}__isnull": True}) | Q(**{f"{field}__gt": ZERO}),
        name=name,
        violation_error_message="A budget must be more than zero. Leave it empty for no limit.",
    )


class BrandQuerySet(models.QuerySet["Brand"]):
    def lock(self, brand_ids: Collection[int]) -> list[Brand]:
        """Lock brands by id, in one order, until the transaction ends, and give them as they stand then.

        A brand's row is the one lock of all that belongs to it: whoever writes counters, status or budgets of a brand
        or of its campaigns holds it. NO KEY, since nobody needs to keep rows that merely point here from being added.
        SQLite has one lock for all, taken when the transaction began.
        """
        return list(self.filter(pk__among=brand_ids).order_by("pk").select_for_update(no_key=True))


class Brand(models.Model):
    """A client of the agency, with its own clock, currency and promises."""

    name = models.CharField(max_length=200, unique=True)
    description = models.TextField(blank=True, default="")
    is_active = models.BooleanField(
        "active", default=True, help_text="Off: all its campaigns are held until it is on again."
    )
    timezone = TimeZoneField(
        "time zone",
        default=default_zone,
        use_pytz=False,
        help_text="Days, months and hours of this brand are read on this clock. Fixed once there is spend.",
    )
    currency = models.CharField(
        max_length=3,
        default=default_currency,
        validators=[validate_currency],
        help_text="ISO 4217. Fixed once there is spend.",
    )
    daily_budget = MoneyField(
        null=True, blank=True, help_text="Per local day, all campaigns together. Empty: no limit."
    )
    monthly_budget = MoneyField(
        null=True, blank=True, help_text="Per local month, all campaigns together. Empty: no limit."
    )
    daily_spend = MoneyField("spend today", default=ZERO, editable=False)
    daily_since = models.DateTimeField(default=BEGINNING, editable=False)
    monthly_spend = MoneyField("spend this month", default=ZERO, editable=False)
    monthly_since = models.DateTimeField(default=BEGINNING, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = BrandQuerySet.as_manager()
    history: Any = PeoplesEdits(but=[*COUNTERS, *RECORD], no_db_index=["name"])

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~Q(name=""), name="brand_has_name", violation_error_message="A brand needs a name."
            ),
            _positive("daily_budget", "brand_daily_budget_positive"),
            _positive("monthly_budget", "brand_monthly_budget_positive"),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse a change of zone or currency once there is spend: it would re-bucket history (R4)."""
        if self.pk is None or not SpendLog.objects.filter(campaign__brand=self.pk).exists():
            return
        kept = Brand.objects.get(pk=self.pk)
        message = "This brand has spend, so its {} stays {}. Make a new brand to go on with another."
        errors = {}
        if self.timezone != kept.timezone:
            errors["timezone"] = message.format("time zone", kept.timezone)
        if self.currency != kept.currency:
            errors["currency"] = message.format("currency", kept.currency)
        if errors:
            raise ValidationError(errors)


class Campaign(models.Model):
    """What runs or is held. Its spend counts against its own budgets and its brand's."""

    class Status(models.TextChoices):
        DRAFT = "DRAFT", "Draft"
        ACTIVE = "ACTIVE", "Active"
        PAUSED = "PAUSED", "Paused"
        COMPLETED = "COMPLETED", "Completed"

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="campaigns", db_index=False)
    name = models.CharField(max_length=200)
    external_id = models.CharField(
        "external ID", max_length=200, blank=True, default="", help_text="The ad platform's own ID, where there is one."
    )
    status = models.CharField(max_length=9, choices=Status, default=Status.DRAFT, editable=False)
    holds = models.PositiveSmallIntegerField(default=Hold.NONE.value, editable=False)
    daily_budget = MoneyField(null=True, blank=True, help_text="Per day of the brand. Empty: no limit.")
    monthly_budget = MoneyField(null=True, blank=True, help_text="Per month of the brand. Empty: no limit.")
    total_budget = MoneyField(null=True, blank=True, help_text="Over the whole campaign. Empty: no limit.")
    daily_spend = MoneyField("spend today", default=ZERO, editable=False)
    daily_since = models.DateTimeField(default=BEGINNING, editable=False)
    monthly_spend = MoneyField("spend this month", default=ZERO, editable=False)
    monthly_since = models.DateTimeField(default=BEGINNING, editable=False)
    total_spend = MoneyField(default=ZERO, editable=False)
    start_date = models.DateField(
        null=True, blank=True, help_text="A draft starts by itself on this day. Empty: a person activates it."
    )
    end_date = models.DateField(null=True, blank=True, help_text="The last day on which it runs. Empty: no end.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    history: Any = PeoplesEdits(but=["status", "holds", "total_spend", *COUNTERS, *RECORD], no_db_index=["brand"])

    class Meta:
        ordering: ClassVar = ["brand__name", "name"]
        constraints: ClassVar = [
            # Also the index by which a brand's campaigns are found.
            models.UniqueConstraint(
                fields=["brand", "name"],
                name="campaign_name_unique_in_brand",
                violation_error_message="This brand already has a campaign of this name.",
            ),
            models.UniqueConstraint(
                fields=["brand", "external_id"],
                condition=~Q(external_id=""),
                name="campaign_external_id_unique_in_brand",
                violation_error_message="This brand already has a campaign with this external ID.",
            ),
            models.CheckConstraint(
                condition=~Q(name=""), name="campaign_has_name", violation_error_message="A campaign needs a name."
            ),
            # PAUSED says that something holds it, and only then (R16). Also keeps both within their values.
            models.CheckConstraint(
                condition=Q(status="PAUSED", holds__gt=0, holds__lte=Hold.ALL.value)
                | Q(status__in=["DRAFT", "ACTIVE", "COMPLETED"], holds=0),
                name="campaign_paused_means_held",
            ),
            models.CheckConstraint(
                condition=Q(start_date__isnull=True) | Q(end_date__isnull=True) | Q(end_date__gte=F("start_date")),
                name="campaign_ends_after_start",
                violation_error_message="The end date lies before the start date.",
            ),
            _positive("daily_budget", "campaign_daily_budget_positive"),
            _positive("monthly_budget", "campaign_monthly_budget_positive"),
            _positive("total_budget", "campaign_total_budget_positive"),
            # All its days are at least zero (R9), so their sum is.
            models.CheckConstraint(condition=Q(total_spend__gte=ZERO), name="campaign_total_spend_not_negative"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def hold_set(self) -> Hold:
        return Hold(self.holds)

    @property
    def status_in_words(self) -> str:
        """`Paused: Daily budget reached, Outside its hours`."""
        label = str(self.Status(self.status).label)
        return f"{label}: {self.hold_set.label}" if self.holds else label

    def clean(self) -> None:
        """Refuse a change of brand: it would move money, and the promise made of it, to another client."""
        kept = Campaign.objects.select_related("brand").filter(pk=self.pk).first()
        if kept is not None and self.brand_id != kept.brand_id:
            raise ValidationError({"brand": f"A campaign stays with its brand: this one is {kept.brand}'s."})


class DaypartingSchedule(models.Model):
    """A weekly window in which the campaign may run, on the brand's clock: `[start_time, end_time)` (R20).

    An end before the start runs past midnight into the next day; so an end of 00:00 is the midnight at the day's end.
    """

    class Day(models.IntegerChoices):
        MONDAY = 1, "Monday"
        TUESDAY = 2, "Tuesday"
        WEDNESDAY = 3, "Wednesday"
        THURSDAY = 4, "Thursday"
        FRIDAY = 5, "Friday"
        SATURDAY = 6, "Saturday"
        SUNDAY = 7, "Sunday"

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="schedules", db_index=False)
    day_of_week = models.PositiveSmallIntegerField(
        "day", choices=Day, validators=[MinValueValidator(1), MaxValueValidator(7)]
    )
    start_time = models.TimeField("from")
    end_time = models.TimeField("until", help_text="Before the start: the next day. 00:00: midnight.")
    is_active = models.BooleanField("active", default=True)

    history: Any = PeoplesEdits()

    class Meta:
        ordering: ClassVar = ["campaign", "day_of_week", "start_time"]
        verbose_name = "schedule"
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(day_of_week__range=(1, 7)), name="schedule_day_is_1_to_7"),
            # Nobody can tell whether it would mean never or always.
            models.CheckConstraint(
                condition=~Q(start_time=F("end_time")),
                name="schedule_start_is_not_end",
                violation_error_message=(
                    "The window is empty: from and until are the same. "
                    "For a whole day use two windows, 00:00 to 12:00 and 12:00 to 00:00."
                ),
            ),
            # Twice the same window says nothing more. Also the index by which the rule finds a campaign's windows.
            models.UniqueConstraint(
                fields=["campaign", "day_of_week", "start_time", "end_time"],
                name="schedule_window_unique",
                violation_error_message="This campaign already has this window.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.Day(self.day_of_week).label} {self.start_time:%H:%M} to {self.end_time:%H:%M}"


class AppendOnly(Exception):
    """Somebody tried to change or delete what is only ever added to (R6)."""


class AppendOnlyQuerySet(models.QuerySet[Any]):
    def update(self, **_: Any) -> NoReturn:
        raise AppendOnly("The ledger only grows. Put a mistake right by another entry.")

    def delete(self) -> NoReturn:
        raise AppendOnly("The ledger only grows. Put a mistake right by another entry.")

    update.alters_data = True  # type: ignore[attr-defined]
    delete.alters_data = True  # type: ignore[attr-defined]


class SpendLog(models.Model):
    """One entry of the ledger, never changed and never deleted (R6). The amount is in the brand's currency."""

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="spend_entries", db_index=False)
    amount = MoneyField(help_text="Negative for a correction.")
    timestamp = models.DateTimeField("spent at")
    day = models.DateField("local day", help_text="The brand's day that the timestamp belongs to (R7).")
    recorded_at = models.DateTimeField()
    reference = models.CharField(max_length=200, blank=True, default="", help_text="Counts once per campaign (R8).")
    description = models.CharField(max_length=500, blank=True, default="")

    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-pk"]
        verbose_name = "spend entry"
        verbose_name_plural = "spend entries"
        indexes: ClassVar = [
            # What a period that begins now already holds, at a rollover; and the sums that `verify_spend` takes.
            models.Index(fields=["campaign", "timestamp"], name="spend_by_campaign_and_time"),
        ]
        constraints: ClassVar = [
            # The idempotency key; entries without one are each their own (R8).
            models.UniqueConstraint(
                fields=["campaign", "reference"], condition=~Q(reference=""), name="spend_reference_unique_in_campaign"
            ),
            models.CheckConstraint(condition=Q(timestamp__gte=EARLIEST_SPEND), name="spend_not_before_2000"),
        ]

    def __str__(self) -> str:
        return f"{self.amount.normalize():f} on {self.day}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise AppendOnly("The ledger only grows. Put a mistake right by another entry.")
        super().save(*args, **kwargs)

    def delete(self, *_: Any, **__: Any) -> NoReturn:
        raise AppendOnly("The ledger only grows. Put a mistake right by another entry.")


class DailySpend(models.Model):
    """The sum of a campaign's entries of one local day (R11)."""

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="daily_spends", db_index=False)
    day = models.DateField("local day")
    amount = MoneyField()
    daily_budget = MoneyField(
        null=True, help_text="The daily budget in force when spend of the day was last recorded on the day itself."
    )

    class Meta:
        ordering: ClassVar = ["-day", "campaign"]
        verbose_name = "daily spend"
        verbose_name_plural = "daily spends"
        indexes: ClassVar = [models.Index(fields=["day"], name="daily_spend_by_day")]  # reports over a range of days
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["campaign", "day"], name="daily_spend_unique_in_campaign"),
            # Platforms correct, but no day ever earned money (R9).
            models.CheckConstraint(condition=Q(amount__gte=ZERO), name="daily_spend_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.amount.normalize():f} on {self.day}"


class BrandDailySpend(models.Model):
    """The sum of the entries of all of a brand's campaigns of one local day (R11): what years of an agency are read
    from, where its campaigns' days are millions.
    """

    brand = models.ForeignKey(Brand, on_delete=models.PROTECT, related_name="daily_spends", db_index=False)
    day = models.DateField("local day")
    amount = MoneyField()
    daily_budget = MoneyField(
        null=True,
        help_text="The daily budget in force when spend of the day was last recorded on the day itself.",
    )

    class Meta:
        ordering: ClassVar = ["-day", "brand"]
        indexes: ClassVar = [models.Index(fields=["day"], name="brand_daily_spend_by_day")]  # an agency's month
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["brand", "day"], name="brand_daily_spend_unique_in_brand"),
            # So are its campaigns' days, and this is their sum (R9).
            models.CheckConstraint(condition=Q(amount__gte=ZERO), name="brand_daily_spend_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.amount.normalize():f} on {self.day}"


class StatusChange(models.Model):
    """When, from what, to what and why a campaign's status or holds changed, and who did it (R19)."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="status_changes", db_index=False)
    at = models.DateTimeField("decided at")
    from_status = models.CharField("from", max_length=9, choices=Campaign.Status)
    to_status = models.CharField("to", max_length=9, choices=Campaign.Status)
    from_holds = models.PositiveSmallIntegerField()
    to_holds = models.PositiveSmallIntegerField()
    actor = models.CharField("by", max_length=200, help_text="The user, task or command that caused it.")
    # Written by the statement that decides: amounts are micros, as in every column; a budget that is not set is null.
    facts = models.JSONField(default=dict, help_text="What it was decided on: spends, budgets, local time.")

    class Meta:
        ordering: ClassVar = ["-pk"]
        indexes: ClassVar = [models.Index(fields=["campaign", "-at"], name="status_change_by_campaign")]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~Q(from_status=F("to_status")) | ~Q(from_holds=F("to_holds")), name="status_change_changes"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.from_status} to {self.to_status} on {self.at:%Y-%m-%d}"

    def decided_on(self) -> dict[str, str]:
        """The facts as text: exact amounts in `currency`, without the budgets that are not set."""
        currency = self.facts.get("currency", "")
        return {
            name: format_amount(from_micros(value), currency) if isinstance(value, int) else value
            for name, value in self.facts.items()
            if value is not None
        }


class Scope(models.TextChoices):
    """What an API token may do."""

    SPEND_WRITE = "spend:write", "Write spend"
    READ = "read", "Read"
    CONTROL = "control", "Pause and resume campaigns"


class ApiToken(models.Model):
    """A program's key to the HTTP API. Written by `tokens.py` alone, which keeps a hash and forgets the token."""

    name = models.CharField(max_length=100, unique=True, help_text="The program that uses it; it stands in histories.")
    prefix = models.CharField(
        max_length=12, unique=True, editable=False, help_text="The part of the token that is no secret."
    )
    digest = models.CharField(max_length=64, editable=False)
    scopes = models.JSONField(help_text="What it may do.")
    # Said apart from the list of brands: a token whose last brand is deleted must not open all the others.
    every_brand = models.BooleanField(default=False, editable=False)
    brands = models.ManyToManyField(
        Brand, blank=True, related_name="api_tokens", help_text="All that it sees. None: every brand."
    )
    created_at = models.DateTimeField("made at", editable=False)
    created_by = models.CharField("made by", max_length=200, editable=False)
    expires_at = models.DateTimeField("expires", null=True, blank=True, help_text="Empty: never.")
    revoked_at = models.DateTimeField("revoked", null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField("last used", null=True, blank=True, editable=False, help_text="To the minute.")
    bucket_drains_at = models.DateTimeField(
        default=BEGINNING, editable=False, help_text="The throttle: its bucket leaks steadily and is empty then."
    )

    class Meta:
        ordering: ClassVar = ["name"]
        verbose_name = "API token"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~Q(name=""), name="api_token_has_name", violation_error_message="A token needs a name."
            ),
        ]

    def __str__(self) -> str:
        return self.name


class WrongToken(models.Model):
    """From where wrong tokens come, and for which token's prefix: a throttle like a token's own.

    Written by `tokens.py` alone, and deleted when it has drained.
    """

    address = models.GenericIPAddressField(help_text="Of an IPv6 client its network.")
    prefix = models.CharField(max_length=12, blank=True, help_text="Empty: of no token that there is.")
    bucket_drains_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            # One bucket, however many processes find at once that there is none.
            models.UniqueConstraint(fields=["address", "prefix"], name="one_bucket_of_wrong_tokens"),
        ]

    def __str__(self) -> str:
        return f"{self.address} {self.prefix}".strip()


class SpendImport(models.Model):
    """A file of spend that a person uploads: looked through, confirmed, imported. Written by `uploads.py` alone."""

    class State(models.TextChoices):
        CHECKING = "CHECKING", "Being checked"
        READY = "READY", "Waits for you"
        IMPORTING = "IMPORTING", "Being imported"
        DONE = "DONE", "Imported"
        REFUSED = "REFUSED", "Refused"
        DISCARDED = "DISCARDED", "Discarded"

    # States in which a worker has it, or will.
    WORKING: ClassVar = (State.CHECKING, State.IMPORTING)

    name = models.CharField("file", max_length=255, help_text="As the person's computer calls it.")
    file = models.FileField(upload_to="imports", max_length=255, blank=True, help_text="Kept until it is imported.")
    size = models.PositiveBigIntegerField(help_text="Bytes.")
    digest = models.CharField(max_length=64, help_text="SHA-256 of the content: what was checked is what is imported.")
    options = models.JSONField(default=dict, help_text="What the person says of the file, and what may be made.")
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name="by"
    )
    uploaded_at = models.DateTimeField()
    confirmed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    finished_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=9, choices=State, default=State.CHECKING)
    progress = models.JSONField(default=dict, help_text="The step that is being done, and how far it is.")
    moved_at = models.DateTimeField(db_default=Now(), help_text="When something was last heard of it.")
    error = models.TextField(blank=True, default="", help_text="Why it was refused, or what keeps it from going on.")
    result = models.JSONField(null=True, help_text="What the import would do, then what it did.")

    class Meta:
        ordering: ClassVar = ["-pk"]
        verbose_name = "import"
        constraints: ClassVar = [
            # What waits for a person or a worker needs its file.
            models.CheckConstraint(
                condition=~Q(file="") | Q(state__in=["DONE", "REFUSED", "DISCARDED"]), name="import_has_file"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Survey(models.Model):
    """What a worker saw when it last looked over a large agency: one row, written by `surveying.py` alone."""

    at = models.DateTimeField()
    seen = models.JSONField()

    def __str__(self) -> str:
        return f"As of {self.at.isoformat()}"

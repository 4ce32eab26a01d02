"""Celery's door: each task reads the clock, calls one function and gives back what it says, as JSON.

Tasks may come late, twice or together: sweeps start from what is, and spend carries a reference. A task that failed
on a broken connection is tried again; what still fails waits for the next tick, or lies in the task results.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime
from typing import Any

from celery import Task, shared_task
from django.utils import timezone

from campaigns import ledger, surveying, uploads
from campaigns.enforcement import reconcile
from campaigns.holds import Hold
from campaigns.models import Brand
from campaigns.outages import MISTAKES, OUTAGES
from campaigns.reports import spend_report


class PatientTask(Task[Any, Any]):
    """A task that tries again, a few times, when the database was away or busy: the one thing that waiting mends."""

    autoretry_for = OUTAGES
    dont_autoretry_for = MISTAKES
    retry_backoff = 2
    retry_backoff_max = 60
    max_retries = 5
    default_retry_delay = 1  # after its worker died


def _sweep(task: str, owned: Hold, at: str | None, brand_ids: Collection[int] | None, options: dict[str, bool]) -> Any:
    moment = timezone.now() if at is None else datetime.fromisoformat(at)
    changes = reconcile(at=moment, owned=owned, brand_ids=brand_ids, actor=f"task:{task}", **options)
    return {"at": moment.isoformat(), "dry_run": options.get("dry_run", False), **asdict(changes)}


@shared_task(base=PatientTask)
def check_campaign_budgets(at: str | None = None, brand_ids: list[int] | None = None, **options: bool) -> Any:
    """Hold and release by budgets and active brands, on counters of the current periods."""
    return _sweep("check_campaign_budgets", Hold.SPENDING, at, brand_ids, options)


@shared_task(base=PatientTask)
def enforce_dayparting(at: str | None = None, brand_ids: list[int] | None = None, **options: bool) -> Any:
    """Hold campaigns outside their hours, and release them inside (R20)."""
    return _sweep("enforce_dayparting", Hold.DAYPARTING, at, brand_ids, options)


@shared_task(base=PatientTask)
def activate_eligible_campaigns(at: str | None = None, brand_ids: list[int] | None = None, **options: bool) -> Any:
    """Start drafts whose day has come, complete campaigns whose last day is over (R18), and put every hold right."""
    return _sweep("activate_eligible_campaigns", Hold.ENGINE, at, brand_ids, options)


@shared_task(base=PatientTask)
def reset_daily_spends(at: str | None = None, brand_ids: list[int] | None = None, **options: bool) -> Any:
    """Begin each brand's new day where one has come, and release what yesterday's budget held (R14)."""
    return _sweep("reset_daily_spends", Hold.DAILY_BUDGETS, at, brand_ids, options)


@shared_task(base=PatientTask)
def reset_monthly_spends(at: str | None = None, brand_ids: list[int] | None = None, **options: bool) -> Any:
    """Begin each brand's new month where one has come, and release what last month's budget held (R14)."""
    return _sweep("reset_monthly_spends", Hold.MONTHLY_BUDGETS, at, brand_ids, options)


@shared_task(bind=True, base=PatientTask)
def add_campaign_spend(
    self: PatientTask, campaign_id: int, amount: str, description: str = "", reference: str | None = None
) -> Any:
    """Record spend as of now; `amount` is a decimal string in the brand's currency.

    The reference defaults to the task's id, so a message delivered twice counts once (R8). Raises ledger.Rejected,
    which fails the task, for spend that is refused.
    """
    receipt = ledger.record_arrival(
        campaign_id,
        amount,
        at=timezone.now(),
        reference=reference or self.request.id or "",
        description=description,
        actor="task:add_campaign_spend",
    )
    for rejection in receipt.rejected:
        raise ledger.Rejected(rejection.code, rejection.message)
    return {"recorded": receipt.recorded, "duplicates": receipt.duplicates, "paused": receipt.paused}


@shared_task(base=PatientTask)
def generate_spend_report(brand_id: int | None = None) -> Any:
    """Spend against budgets: all brands in a line each, or one brand with its campaigns.

    Raises Brand.DoesNotExist for an unknown brand.
    """
    if brand_id is not None:
        Brand.objects.get(pk=brand_id)
    report = spend_report(
        at=timezone.now(),
        brand_ids=None if brand_id is None else [brand_id],
        with_campaigns=brand_id is not None,
    )
    return report.as_json()


class ImportTask(PatientTask):
    """What broke off for good is said where the person looks, who may start it again."""

    def on_failure(self, exc: Exception, _task_id: str, args: Any, _kwargs: Any, _einfo: Any) -> None:
        uploads.break_off(args[0], uploads.in_words(exc))


# A million rows may take minutes on a small machine. The limits stay below the broker's visibility timeout.
@shared_task(base=ImportTask, soft_time_limit=3000, time_limit=3300)
def work_on_import(import_id: int) -> None:
    """Check or import an uploaded file, as its state says. Delivered twice, it does nothing more."""
    uploads.work_on(import_id, at=timezone.now())


@shared_task(base=PatientTask)
def discard_forgotten_imports() -> int:
    """Delete the uploaded files that nobody confirms."""
    return uploads.discard_forgotten(at=timezone.now())


@shared_task(base=PatientTask, ignore_result=True)
def look_over_the_agency() -> bool:
    """See what the dashboard of a large agency tells, so that no page has to look for it."""
    return surveying.keep(timezone.now())

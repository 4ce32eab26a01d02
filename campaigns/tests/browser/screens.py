"""The screens of this system, by the agency that they are looked at with."""

from __future__ import annotations

from dataclasses import dataclass

from campaigns.tests.browser.agencies import Builder, beginning, believable, long_names, new


@dataclass(frozen=True)
class Screens:
    """Addresses by the name of their pictures, under /admin/, with the rows of an agency to be filled in."""

    agency: Builder
    addresses: dict[str, str]


# Every screen that an address leads to, as the sidebar groups them; then those that have little to show, or too much.
# A new screen needs a line here.
SCREENS: dict[str, Screens] = {
    "agency": Screens(
        believable,
        {
            "dashboard": "",
            "dashboard-past": "?brand={brand.pk}&day=2026-11-18",
            "brands": "campaigns/brand/",
            "brand": "campaigns/brand/{brand.pk}/change/",
            "brand-month": "campaigns/brand/{brand.pk}/change/?month=2026-10",
            "brand-add": "campaigns/brand/add/",
            "brand-history": "campaigns/brand/{brand.pk}/history/",
            "brand-delete": "campaigns/brand/{brand.pk}/delete/",
            "campaigns": "campaigns/campaign/",
            "campaigns-searched": "campaigns/campaign/?status__exact=PAUSED&q=sale",
            "campaign": "campaigns/campaign/{campaign.pk}/change/",
            "campaign-paused": "campaigns/campaign/{paused.pk}/change/",
            "campaign-draft": "campaigns/campaign/{draft.pk}/change/",
            "campaign-add": "campaigns/campaign/add/",
            "campaign-history": "campaigns/campaign/{campaign.pk}/history/",
            "campaign-delete": "campaigns/campaign/{draft.pk}/delete/",
            "schedules": "campaigns/daypartingschedule/",
            "schedule": "campaigns/daypartingschedule/{window.pk}/change/",
            "schedule-add": "campaigns/daypartingschedule/add/",
            "what-if": "campaigns/campaign/{campaign.pk}/what-if/?daily_budget=50",
            "what-if-brand": "campaigns/brand/{brand.pk}/what-if/?daily_budget=300",
            "what-if-untried": "campaigns/brand/{brand.pk}/what-if/",
            "client-report": "campaigns/brand/{brand.pk}/client-report/?month=2026-11",
            "report": "campaigns/dailyspend/report/?by=campaign&from=2026-11-01&to=2026-11-30",
            "report-by-day": "campaigns/dailyspend/report/?by=day&from=2026-10-01&to=2026-11-30",
        },
    ),
    "ledger": Screens(
        believable,
        {
            "spend": "campaigns/spendlog/",
            "spend-entry": "campaigns/spendlog/{entry.pk}/change/",
            "spend-by-day": "campaigns/dailyspend/",
            "spend-of-a-day": "campaigns/dailyspend/{day.pk}/change/",
            "status-changes": "campaigns/statuschange/",
            "status-change": "campaigns/statuschange/{change.pk}/change/",
            "import-upload": "campaigns/spendimport/add/",
            "import-preview": "campaigns/spendimport/{waiting.pk}/change/",
            "import-result": "campaigns/spendimport/{done.pk}/change/",
            "imports": "campaigns/spendimport/",
        },
    ),
    "office": Screens(
        believable,
        {
            "tokens": "campaigns/apitoken/",
            "token": "campaigns/apitoken/{token.pk}/change/",
            "token-add": "campaigns/apitoken/add/",
            "users": "auth/user/",
            "user": "auth/user/{user.pk}/change/",
            "user-add": "auth/user/add/",
            "user-password": "auth/user/{user.pk}/password/",
            "groups": "auth/group/",
            "group": "auth/group/{group.pk}/change/",
            "password-change": "password_change/",
            "password-changed": "password_change/done/",
            "beat-schedule": "django_celery_beat/periodictask/",
            "beat-task": "django_celery_beat/periodictask/{task.pk}/change/",
            "beat-task-add": "django_celery_beat/periodictask/add/",
            "beat-crontabs": "django_celery_beat/crontabschedule/",
            "beat-crontab": "django_celery_beat/crontabschedule/{task.crontab.pk}/change/",
            "beat-interval-add": "django_celery_beat/intervalschedule/add/",
            "beat-clocked-add": "django_celery_beat/clockedschedule/add/",
            "task-results": "django_celery_results/taskresult/",
            "task-result": "django_celery_results/taskresult/{result.pk}/change/",
        },
    ),
    "first day": Screens(
        new,
        {
            "new-dashboard": "",
            "new-brands": "campaigns/brand/",
            "new-campaigns": "campaigns/campaign/",
            "new-schedules": "campaigns/daypartingschedule/",
            "new-report": "campaigns/dailyspend/report/",
            "new-spend": "campaigns/spendlog/",
            "new-spend-by-day": "campaigns/dailyspend/",
            "new-imports": "campaigns/spendimport/",
            "new-status-changes": "campaigns/statuschange/",
            "new-tokens": "campaigns/apitoken/",
            "new-beat-schedule": "django_celery_beat/periodictask/",
            "new-task-results": "django_celery_results/taskresult/",
        },
    ),
    "beginning": Screens(
        beginning,
        {
            "bare-dashboard": "",
            "bare-brand": "campaigns/brand/{bare.pk}/change/",
            "bare-brand-what-if": "campaigns/brand/{bare.pk}/what-if/",
            "bare-client-report": "campaigns/brand/{bare.pk}/client-report/",
            "bare-campaign": "campaigns/campaign/{campaign.pk}/change/",
            "bare-campaign-what-if": "campaigns/campaign/{campaign.pk}/what-if/",
            "bare-report": "campaigns/dailyspend/report/?by=campaign&brand={bare.pk}&from=2026-11-01&to=2026-11-30",
            "bare-import": "campaigns/spendimport/{headers.pk}/change/",
            "bare-import-refused": "campaigns/spendimport/{refused.pk}/change/",
            "bare-search": "campaigns/campaign/?q=nothing+is+called+that",
        },
    ),
    "long names": Screens(
        long_names,
        {
            "long-dashboard": "",
            "long-brands": "campaigns/brand/",
            "long-brand": "campaigns/brand/{brand.pk}/change/",
            "long-brand-delete": "campaigns/brand/{brand.pk}/delete/",
            "long-campaigns": "campaigns/campaign/",
            "long-campaign": "campaigns/campaign/{campaign.pk}/change/",
            "long-what-if": "campaigns/brand/{brand.pk}/what-if/?daily_budget=90000000",
            "long-client-report": "campaigns/brand/{brand.pk}/client-report/?month=2026-11",
            "long-report": "campaigns/dailyspend/report/?by=campaign&from=2026-11-01&to=2026-11-30",
            "long-schedules": "campaigns/daypartingschedule/",
            "long-schedule": "campaigns/daypartingschedule/{window.pk}/change/",
            "long-spend": "campaigns/spendlog/",
            "long-spend-entry": "campaigns/spendlog/{entry.pk}/change/",
            "long-status-changes": "campaigns/statuschange/",
            "long-import": "campaigns/spendimport/{waiting.pk}/change/",
            "long-imports": "campaigns/spendimport/",
            "long-tokens": "campaigns/apitoken/",
        },
    ),
}

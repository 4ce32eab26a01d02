"""The one settings file. Every value that differs between machines comes from the environment; see `env.example`."""

from __future__ import annotations

from datetime import timedelta

import django_stubs_ext
from celery.schedules import crontab
from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static
from django.urls import reverse_lazy

from ad_agency import environment as env
from ad_agency.environment import BASE_DIR

django_stubs_ext.monkeypatch()

DEBUG = env.flag("DEBUG", default=True)
SECRET_KEY = env.text("SECRET_KEY", "for-development-only-and-public" if DEBUG else "")
if not SECRET_KEY:
    raise ImproperlyConfigured("SECRET_KEY is required when DEBUG is off. Set it to a long random string.")
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS")
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.inlines",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_celery_beat",
    "django_celery_results",
    "axes",
    "ninja",
    "campaigns",
]

MIDDLEWARE = [
    # What every answer says to browsers comes first: an answer that is put in another's place has it, too.
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "campaigns.api.problems.problem_middleware",
    "ad_agency.pages.known_methods",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "ad_agency.pages.FormLimit",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "axes.middleware.AxesMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

ROOT_URLCONF = "ad_agency.urls"
WSGI_APPLICATION = "ad_agency.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

DATABASES = {"default": env.database()}

AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "ad_agency.auth.AccountBackend"]
LOGIN_REDIRECT_URL = "admin:index"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

# Who guesses a password waits. An account is closed only to where the guesses come from: to close it to everyone would
# let anybody keep a colleague out, and to close an address to every account would shut out an office.
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # else who keeps trying never gets in again
AXES_CLIENT_IP_CALLABLE = "ad_agency.auth.client_address"
AXES_LOCKOUT_CALLABLE = "ad_agency.auth.locked_out"
AXES_DISABLE_ACCESS_LOG = True  # logins that succeed are no business of this
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False

LANGUAGE_CODE = "en-us"
USE_I18N = False
USE_TZ = True
FORMAT_MODULE_PATH = ["ad_agency.formats"]
# The clock and the currency of a brand that names none (R2, R3).
TIME_ZONE = env.time_zone("TIME_ZONE", "UTC")
DEFAULT_CURRENCY = env.currency("DEFAULT_CURRENCY", "USD")

# What one API token may ask in a minute; 0 for no limit.
API_REQUESTS_PER_MINUTE = env.whole_number("API_REQUESTS_PER_MINUTE", 600)
# How many wrong tokens of one prefix an address may try in a minute; 0 for no limit.
API_WRONG_TOKENS_PER_MINUTE = env.whole_number("API_WRONG_TOKENS_PER_MINUTE", 10)

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
# Uploaded files wait here until they are imported.
MEDIA_ROOT = BASE_DIR / env.text("MEDIA_ROOT", "var/media")
UPLOAD_LIMIT_MB = env.whole_number("UPLOAD_LIMIT_MB", 100, at_least=1)
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = DEBUG
WHITENOISE_AUTOREFRESH = DEBUG

# Everything is logged to standard error, without secrets: by the web server too (`wsgi.py`), by worker and beat
# (`celery.py`).
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"()": "ad_agency.logs.Redacting", "format": "%(asctime)s %(levelname)s %(name)s: %(message)s"},
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        # Django's own handlers say nothing without DEBUG, but for mail to ADMINS.
        "django": {"handlers": [], "level": "INFO"},
        "django.server": {"handlers": [], "level": "INFO", "propagate": True},
    },
}
DEFAULT_EXCEPTION_REPORTER = "ad_agency.logs.Reporter"
DEFAULT_EXCEPTION_REPORTER_FILTER = "ad_agency.logs.ReporterFilter"

# Without DEBUG, everything goes over HTTPS unless the environment says that a proxy in front sees to it.
SECURE_SSL_REDIRECT = env.flag("SECURE_SSL_REDIRECT", default=not DEBUG)
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz)$"]  # load balancers ask over plain HTTP
SECURE_HSTS_SECONDS = env.whole_number("SECURE_HSTS_SECONDS", 0 if DEBUG else 3600)
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.flag("SECURE_HSTS_SUBDOMAINS", default=False)
SECURE_HSTS_PRELOAD = env.flag("SECURE_HSTS_PRELOAD", default=False)
BEHIND_PROXY = env.flag("BEHIND_PROXY", default=False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEBUG
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
# Lax: a page that a colleague sent by mail opens, and no other site's form is sent with the cookie.
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 3600 * env.whole_number("SESSION_HOURS", 12, at_least=1)

# Pages load and ask nothing but this system, and stand in nobody's frame. No script stands in a page itself, so one
# that somebody smuggles into a name or a file does not run.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        # Alpine.js, on which the admin's theme stands, makes functions of the expressions in its attributes.
        "script-src": [SELF, UNSAFE_EVAL],
        # The theme writes its colours, bars their width, and charts and lists their size into the page. Styles run
        # nothing, and can send nothing anywhere: images and fonts are this system's own, too.
        "style-src": [SELF, UNSAFE_INLINE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

# Celery. A tick is only a hint: it may come late, twice or never, so tasks are acknowledged when they are done
# and given again when a worker dies.
CELERY_BROKER_URL = env.url(
    "CELERY_BROKER_URL", "redis://127.0.0.1:6379/0", schemes=("redis", "rediss", "redis+socket", "sentinel")
)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # Redis gives a task again after this; every time limit lies below it.
    "visibility_timeout": env.whole_number("BROKER_VISIBILITY_TIMEOUT", 3600, at_least=1),
    "unacked_restore_throttle": 1,  # looks for such tasks every ten seconds, not every hundred
    "socket_connect_timeout": 5,
    "socket_timeout": 30,
}
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 2, "interval_start": 0.1, "interval_step": 0.2}
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_RETRY_ON_WORKER_LOST = True  # as one of its attempts: what kills its worker does not come back for ever
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_SOFT_TIME_LIMIT = 540
CELERY_TASK_TIME_LIMIT = 600
CELERY_TASK_TRACK_STARTED = True
CELERY_TASK_SERIALIZER = "json"
CELERY_RESULT_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_RESULT_BACKEND = "ad_agency.results:PatientDatabaseBackend"
CELERY_RESULT_BACKEND_ALWAYS_RETRY = True  # for minutes, then the task counts as failed
CELERY_RESULT_BACKEND_MAX_RETRIES = 60
CELERY_RESULT_BACKEND_MAX_SLEEP_BETWEEN_RETRIES_MS = 2000
CELERY_RESULT_EXTENDED = True
CELERY_RESULT_EXPIRES = timedelta(days=env.whole_number("RESULT_DAYS", 7, at_least=1))
CELERY_TIMEZONE = "UTC"  # crontabs in a zone with DST skip the repeated hour and misplace a missing midnight
CELERY_BEAT_SCHEDULER = "ad_agency.scheduler:AdminOwnedScheduler"
CELERY_BEAT_SYNC_EVERY = 1  # else a restarted beat runs again what it ran in the last three minutes
CELERY_BEAT_SCHEDULE = {
    name: {
        "task": f"campaigns.tasks.{name}",
        "schedule": crontab(minute=f"*/{minutes}"),
        # A tick that waited for a worker until the next one was due has nothing left to say.
        "options": {"expire_seconds": minutes * 60},
    }
    for name, minutes in (
        ("check_campaign_budgets", 5),
        ("enforce_dayparting", 5),
        ("activate_eligible_campaigns", 10),
        # A quarter of an hour, in UTC, meets every zone's midnight: each brand resets at its own.
        ("reset_daily_spends", 15),
        ("reset_monthly_spends", 15),
        ("discard_forgotten_imports", 30),
        ("look_over_the_agency", 1),
    )
}

UNFOLD = {
    "SITE_TITLE": "Budget control",
    "SITE_HEADER": "Budget control",
    "SITE_SUBHEADER": "Ad spend, budgets and hours",
    "SITE_SYMBOL": "savings",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("campaigns/icon.svg")},
    ],
    "SHOW_VIEW_ON_SITE": False,
    "DASHBOARD_CALLBACK": "campaigns.admin.dashboard.dashboard",
    "STYLES": [lambda request: static("campaigns/admin.css")],
    "SCRIPTS": [lambda request: static("campaigns/select2_names.js")],
    "SIDEBAR": {
        "show_search": True,
        "navigation": [
            {
                "title": "Agency",
                "items": [
                    {"title": "Dashboard", "icon": "space_dashboard", "link": reverse_lazy("admin:index")},
                    {"title": "Brands", "icon": "storefront", "link": reverse_lazy("admin:campaigns_brand_changelist")},
                    {
                        "title": "Campaigns",
                        "icon": "campaign",
                        "link": reverse_lazy("admin:campaigns_campaign_changelist"),
                    },
                    {
                        "title": "Schedules",
                        "icon": "schedule",
                        "link": reverse_lazy("admin:campaigns_daypartingschedule_changelist"),
                    },
                    {
                        "title": "Reports",
                        "icon": "bar_chart",
                        "link": reverse_lazy("admin:campaigns_dailyspend_report"),
                        "permission": lambda request: request.user.has_perm("campaigns.view_dailyspend"),
                        "active": lambda request: "/dailyspend/report/" in request.path,
                    },
                ],
            },
            {
                "title": "Ledger",
                "separator": True,
                "items": [
                    {
                        "title": "Spend",
                        "icon": "receipt_long",
                        "link": reverse_lazy("admin:campaigns_spendlog_changelist"),
                    },
                    {
                        "title": "Spend by day",
                        "icon": "calendar_month",
                        "link": reverse_lazy("admin:campaigns_dailyspend_changelist"),
                        "active": lambda request: (
                            "/dailyspend/" in request.path and "/dailyspend/report/" not in request.path
                        ),
                    },
                    {
                        "title": "Import spend",
                        "icon": "upload_file",
                        "link": reverse_lazy("admin:campaigns_spendimport_add"),
                        "permission": lambda request: request.user.has_perm("campaigns.add_spendimport"),
                    },
                    {
                        "title": "Imports",
                        "icon": "inventory",
                        "link": reverse_lazy("admin:campaigns_spendimport_changelist"),
                        "active": lambda request: (
                            "/spendimport/" in request.path and not request.path.endswith("/add/")
                        ),
                    },
                    {
                        "title": "Status changes",
                        "icon": "history",
                        "link": reverse_lazy("admin:campaigns_statuschange_changelist"),
                    },
                ],
            },
            {
                "title": "Automation",
                "separator": True,
                "items": [
                    {
                        "title": "Beat schedule",
                        "icon": "alarm",
                        "link": reverse_lazy("admin:django_celery_beat_periodictask_changelist"),
                    },
                    {
                        "title": "Task results",
                        "icon": "task_alt",
                        "link": reverse_lazy("admin:django_celery_results_taskresult_changelist"),
                    },
                ],
            },
            {
                "title": "People",
                "separator": True,
                "items": [
                    {"title": "Users", "icon": "person", "link": reverse_lazy("admin:auth_user_changelist")},
                    {"title": "Groups", "icon": "group", "link": reverse_lazy("admin:auth_group_changelist")},
                    {
                        "title": "API tokens",
                        "icon": "key",
                        "link": reverse_lazy("admin:campaigns_apitoken_changelist"),
                    },
                ],
            },
        ],
    },
}

import logging
import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging

from ad_agency import broker

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ad_agency.settings")

broker.use()
app = Celery("ad_agency")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def keep_our_logging(loglevel: int, **_: Any) -> None:
    """Log as LOGGING says, with the level of `-l`: Celery's own format takes no secrets out."""
    logging.getLogger().setLevel(loglevel)

import os

from django.core.wsgi import get_wsgi_application

from ad_agency.logs import redact_handlers

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ad_agency.settings")

application = get_wsgi_application()
redact_handlers("gunicorn.error", "gunicorn.access")

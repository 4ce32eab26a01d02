"""The HTTP API: programs' door. Operations read the clock and the request, call one function, and show what it says."""

from django.views.decorators.http import require_safe

from campaigns.api import brands, campaigns, reports, spend
from campaigns.api.health import healthz, readyz
from campaigns.api.openapi import Api

api = Api(
    title="Budget control",
    version="1",
    docs_url="/docs",
    openapi_url="/openapi.json",
    docs_decorator=require_safe,
    urls_namespace="api",
)
for router in (spend.router, brands.router, campaigns.router, campaigns.controls, reports.router):
    api.add_router("/v1", router)

__all__ = ["api", "healthz", "readyz"]

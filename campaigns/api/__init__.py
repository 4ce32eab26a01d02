"""The HTTP API: programs' door. Operations read the clock and the request, call one function, and show what it says."""

from campaigns.api import spend
from campaigns.api.openapi import Api

api = Api(title="Budget control", version="1", docs_url="/docs", openapi_url="/openapi.json", urls_namespace="api")
api.add_router("/v1", spend.router)

__all__ = ["api"]

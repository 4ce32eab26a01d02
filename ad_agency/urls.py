from django.contrib import admin
from django.urls import path
from django.views.generic import RedirectView

from campaigns.api import api, healthz, readyz

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("api/", api.urls),
    path("healthz", healthz),
    path("readyz", readyz),
]

handler500 = "ad_agency.pages.server_error"

"""What pages take of a request, and how they fail, whatever page it is for."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views import defaults

from campaigns.outages import RETRY_AFTER, is_full, is_outage, write_down

METHODS = ("GET", "HEAD", "POST")
FILES = "multipart/form-data"
FORMS = (FILES, "application/x-www-form-urlencoded")

GetResponse = Callable[[HttpRequest], HttpResponseBase]


def known_methods(get_response: GetResponse) -> GetResponse:
    """Refuse methods that no page takes (405): Django's admin would answer them as a GET. The API has its own."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if request.method not in METHODS and not request.path.startswith("/api/"):
            return HttpResponseNotAllowed(METHODS)
        return get_response(request)

    return middleware


class FormLimit:
    """Refuses, unread, a form that is too large for whoever sends it (413).

    Django reads all of a form with files before anybody asks who sent it. Files come from people who are logged in. Up
    to twice of what an upload may be, its own form says that it is too large. A form without files Django would refuse
    itself, but with a traceback in the log, for anybody who cares to send one. What the API takes has its limit where
    it is read.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    # Here it is known who asks, and nothing of the body has been read.
    def process_view(self, request: HttpRequest, *_: Any) -> HttpResponse | None:
        if request.content_type not in FORMS:
            return None
        said = request.META.get("CONTENT_LENGTH", "")
        length = int(said) if said.isascii() and said.isdigit() else 0  # without one, Django reads nothing
        small = settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0
        if length <= small or (request.content_type == FILES and self.may_send_files(request, length)):
            return None
        limits = {"limit": settings.UPLOAD_LIMIT_MB, "small": small}
        return render(request, "campaigns/too_large.html", limits, status=413)

    def may_send_files(self, request: HttpRequest, length: int) -> bool:
        return request.user.is_staff and length <= 2 * settings.UPLOAD_LIMIT_MB * 1024 * 1024


def server_error(request: HttpRequest) -> HttpResponse:
    """The page in place of one that failed: 503 while the database is away, busy or full, else 500.

    Django asks for it while it handles the error, whether a view or a middleware met it (`handler500`). Nothing here
    asks the database. While DEBUG is on, Django shows its own page instead.
    """
    error = sys.exception()
    if error is None or not is_outage(error):
        return defaults.server_error(request)
    write_down(error, request.path)
    page = render_to_string("campaigns/no_database.html", {"full": is_full(error)})
    response = HttpResponse(page, status=503, headers={"Retry-After": str(RETRY_AFTER)})
    # As Django marks what is in the log: it would write it down again, with the whole traceback.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response

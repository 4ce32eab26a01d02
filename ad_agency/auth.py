"""Who may log in, and from where somebody asks."""

from __future__ import annotations

import math
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

DEMO_USERNAME = "demo"
# Stands for all who ask through a socket that has no address, or from something that is none.
NO_ADDRESS = "0.0.0.0"  # noqa: S104  # nothing is bound to it


class AccountBackend(ModelBackend):
    """Django's own backend, in which the demo superuser exists only while DEBUG is on.

    A database that began as a demo may end in production; its demo account then opens nothing.
    """

    def user_can_authenticate(self, user: User | AnonymousUser | None) -> bool:
        if user is not None and not settings.DEBUG and user.get_username() == DEMO_USERNAME:
            return False
        return super().user_can_authenticate(user)


def client_address(request: HttpRequest) -> str:
    """The address that guesses are counted for: of an IPv6 client its /64, of which one machine may use all.

    Behind a proxy it is the last one in X-Forwarded-For, which the proxy wrote; those before it are the client's word.
    """
    said = request.META.get("REMOTE_ADDR", "")
    if settings.BEHIND_PROXY:
        said = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip() or said
    try:
        address = ip_address(said)
    except ValueError:
        return NO_ADDRESS
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or ip_network((address.packed, 64), strict=False).network_address)
    return str(address)


def locked_out(request: HttpRequest, _response: HttpResponse | None = None, _credentials: Any = None) -> HttpResponse:
    """The answer to whoever has tried too many passwords, until it has cooled off."""
    seconds = math.ceil(settings.AXES_COOLOFF_TIME.total_seconds())
    page = render(request, "campaigns/locked_out.html", {"minutes": math.ceil(seconds / 60)}, status=429)
    page["Retry-After"] = str(seconds)
    return page

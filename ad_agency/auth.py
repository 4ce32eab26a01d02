"""Who may log in."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AnonymousUser, User

DEMO_USERNAME = "demo"


class AccountBackend(ModelBackend):
    """Django's own backend, in which the demo superuser exists only while DEBUG is on.

    A database that began as a demo may end in production; its demo account then opens nothing.
    """

    def user_can_authenticate(self, user: User | AnonymousUser | None) -> bool:
        if user is not None and not settings.DEBUG and user.get_username() == DEMO_USERNAME:
            return False
        return super().user_can_authenticate(user)

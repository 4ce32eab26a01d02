"""Who asks: the token in the Authorization header, what it may do, and how often."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from ninja.security.http import HttpAuthBase

from ad_agency.auth import client_address
from campaigns import tokens
from campaigns.api.problems import Problem
from campaigns.models import ApiToken, Scope

if TYPE_CHECKING:

    class Request(HttpRequest):
        """A request of a token that may make it."""

        auth: ApiToken

else:
    Request = HttpRequest


class BearerToken(HttpAuthBase):
    """Lets in a token with `scope`, and counts the request against the token's throttle.

    Raises Problem: 401 without a good token, 403 where it lacks the scope, 429 where it has asked too often, or where
    too many wrong ones came for it from the same address.
    """

    openapi_scheme = "bearer"
    openapi_description = "A token from the admin (People, API tokens) or from the command `create_api_token`."

    def __init__(self, scope: Scope) -> None:
        super().__init__()
        self.scope = scope

    def __call__(self, request: HttpRequest) -> ApiToken:
        at = timezone.now()
        kind, _, text = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer" or not text:
            raise _unauthorized("Send a token in the header: Authorization: Bearer TOKEN.")
        try:
            token = tokens.authenticate(
                text,
                at=at,
                address=client_address(request),
                wrong_per_minute=settings.API_WRONG_TOKENS_PER_MINUTE,
            )
        except tokens.InvalidToken as error:
            raise _unauthorized(str(error), error="invalid_token") from error
        except tokens.TriedTooOften as error:
            detail = "Too many wrong tokens came from your address: wait, and look at the one you send."
            raise Problem(429, detail, headers={"Retry-After": str(error.seconds)}) from error
        if self.scope not in token.scopes:
            raise Problem(403, f"This token has no scope {self.scope.value}, which this needs.")
        tokens.note_use(token, at=at)
        if settings.API_REQUESTS_PER_MINUTE:
            wait = tokens.seconds_to_wait(token, at=at, per_minute=settings.API_REQUESTS_PER_MINUTE)
            if wait:
                detail = f"This token may ask {settings.API_REQUESTS_PER_MINUTE} times a minute, and has."
                raise Problem(429, detail, headers={"Retry-After": str(wait)})
        return token


def actor(token: ApiToken) -> str:
    """The token, as the history of statuses names it."""
    return f"token:{token.name}"


def _unauthorized(detail: str, *, error: str = "") -> Problem:
    challenge = 'Bearer realm="api"' + (f', error="{error}"' if error else "")
    return Problem(401, detail, headers={"WWW-Authenticate": challenge})

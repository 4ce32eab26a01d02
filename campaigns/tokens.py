"""Keys to the HTTP API: made, checked, throttled and revoked here alone.

A token reads `agency_PREFIX_SECRET`. By the prefix, which is shown in lists and logs, its row is found; of the whole
only a hash is kept. The secret is 256 random bits, which nobody guesses however fast the hash: a slow one, made for
passwords that people think up, would only cost time on every request.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import DateTimeField, DurationField, F, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Greatest

from campaigns.models import ApiToken, Brand, Campaign, Scope, WrongToken
from campaigns.periods import require_aware

MARK = "agency"  # so that people, and scanners for leaked secrets, know one when they see it
MINUTE = timedelta(minutes=1)


class InvalidToken(Exception):
    """Nobody is let in by this; the message says why, in words for whoever sent it."""


class TriedTooOften(Exception):
    """Too many wrong tokens came from there: for some `seconds`, not even the right one opens anything."""

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds


def create_token(
    name: str,
    scopes: Collection[str],
    brands: Collection[Brand] = (),
    *,
    at: datetime,
    actor: str,
    expires_at: datetime | None = None,
) -> tuple[ApiToken, str]:
    """Make a token, and give it with its text, which is not kept and cannot be had again.

    `brands` are all that it sees; none means every brand, also those to come. `at` and `expires_at` are aware. Raises
    ValidationError for a name that is taken or no name, for no scope or one that does not exist, and for an expiry
    that has passed.
    """
    unknown = sorted(set(scopes) - set(Scope.values))
    if unknown or not scopes:
        raise ValidationError(f"{', '.join(unknown) or 'Nothing'} is no scope: give some of {', '.join(Scope.values)}.")
    refuse_past(expires_at, at)
    token = ApiToken(
        name=name,
        scopes=list(scopes),
        created_at=at,
        created_by=actor,
        expires_at=expires_at,
    )
    token.full_clean(exclude=["prefix", "digest"])
    return token, issue(token, brands)


def issue(token: ApiToken, brands: Collection[Brand]) -> str:
    """Save a sound new token with a secret of its own, and give its text."""
    token.scopes = [scope for scope in Scope.values if scope in token.scopes]
    token.prefix = secrets.token_hex(6)
    text = f"{MARK}_{token.prefix}_{secrets.token_urlsafe(32)}"
    token.digest = _digest(text)
    token.every_brand = not brands
    with transaction.atomic():
        token.save(force_insert=True)
        token.brands.set(brands)
    return text


def refuse_past(expires_at: datetime | None, at: datetime) -> None:
    """Raise ValidationError for a time at which a token that is made at `at` has expired already."""
    require_aware(at)
    if expires_at is not None and expires_at <= at:
        raise ValidationError(f"{expires_at.isoformat()} has passed: the token would open nothing.")


def authenticate(text: str, *, at: datetime, address: str, wrong_per_minute: int) -> ApiToken:
    """The token whose text this is, sent from `address`.

    Raises InvalidToken where there is none, or it has expired or been revoked, and TriedTooOften where more than
    `wrong_per_minute` wrong ones came from the address within a minute (0: nobody counts). They are counted by prefix,
    as passwords are by account: who guesses at one token, or has a typing error in it, closes no other, and spend that
    a neighbour sends is not kept out. All prefixes that do not exist are one.
    """
    require_aware(at)
    mark, _, rest = text.partition("_")
    prefix, _, _ = rest.partition("_")
    token = None
    if mark == MARK and prefix.isalnum():
        wrong = WrongToken.objects.filter(address=address, prefix=OuterRef("prefix"))
        # In the query that the good ones need anyway.
        tokens = ApiToken.objects.annotate(wrong_drain_at=Subquery(wrong.values("bucket_drains_at")))
        token = tokens.filter(prefix=prefix).first()
    if wrong_per_minute:
        known = WrongToken.objects.filter(address=address, prefix="").values_list("bucket_drains_at", flat=True)
        drains_at = token.wrong_drain_at if token else known.first()
        if drains_at is not None and (seconds := _wait(drains_at, at=at, per_minute=wrong_per_minute)):
            raise TriedTooOften(seconds)
    if token is None or not hmac.compare_digest(token.digest, _digest(text)):
        if wrong_per_minute:
            _count_wrong(address, token.prefix if token else "", at=at, per_minute=wrong_per_minute)
        raise InvalidToken("There is no such token.")
    if token.revoked_at is not None:
        raise InvalidToken(f"This token was revoked at {token.revoked_at.isoformat()}.")
    if token.expires_at is not None and token.expires_at <= at:
        raise InvalidToken(f"This token expired at {token.expires_at.isoformat()}.")
    return token


def _count_wrong(address: str, prefix: str, *, at: datetime, per_minute: int) -> None:
    bucket, is_new = WrongToken.objects.get_or_create(address=address, prefix=prefix, defaults={"bucket_drains_at": at})
    _pour(WrongToken.objects.filter(pk=bucket.pk), at=at, per_minute=per_minute)
    if is_new:  # so there are never more than came in a minute
        WrongToken.objects.filter(bucket_drains_at__lt=at).delete()


def note_use(token: ApiToken, *, at: datetime) -> None:
    """Keep when the token was last used; written at most once a minute."""
    if token.last_used_at is None or token.last_used_at <= at - MINUTE:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=at)


def seconds_to_wait(token: ApiToken, *, at: datetime, per_minute: int) -> int:
    """Count a request of this token, and give 0; where it has used up `per_minute`, the seconds until the next one.

    A leaky bucket (GCRA): a minute's requests may come at once, and then one every 60 / `per_minute` seconds. It is
    one row in the database, so all processes see the same bucket, and none needs a cache server.
    """
    if _pour(ApiToken.objects.filter(pk=token.pk), at=at, per_minute=per_minute):
        return 0
    token.refresh_from_db(fields=["bucket_drains_at"])
    return max(1, _wait(token.bucket_drains_at, at=at, per_minute=per_minute))


def _pour(bucket: QuerySet[Any], *, at: datetime, per_minute: int) -> bool:
    """Pour a request into a bucket, where there is room for it."""
    drop = MINUTE / per_minute
    level = Greatest(F("bucket_drains_at"), Value(at, DateTimeField()))
    room = bucket.filter(bucket_drains_at__lte=at + MINUTE - drop)
    return bool(room.update(bucket_drains_at=level + Value(drop, DurationField())))


def _wait(drains_at: datetime, *, at: datetime, per_minute: int) -> int:
    """The seconds until a bucket that drains then has room for a request: 0 where it has."""
    return max(0, math.ceil((drains_at + MINUTE / per_minute - MINUTE - at).total_seconds()))


def revoke(token_ids: Collection[int], *, at: datetime) -> int:
    """Close tokens for good, and say how many were still open. Those revoked already keep their time."""
    require_aware(at)
    return ApiToken.objects.filter(pk__in=token_ids, revoked_at=None).update(revoked_at=at)


def brands_of(token: ApiToken) -> QuerySet[Brand]:
    """The brands that the token sees."""
    return Brand.objects.all() if token.every_brand else Brand.objects.filter(api_tokens=token)


def campaigns_of(token: ApiToken) -> QuerySet[Campaign]:
    """The campaigns that the token sees."""
    return Campaign.objects.all() if token.every_brand else Campaign.objects.filter(brand__api_tokens=token)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()

"""The API against its own schema: requests that it allows and requests that it does not, thought up by schemathesis."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import schemathesis
import time_machine
from django.core import signals
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from django.test import override_settings
from hypothesis import HealthCheck, settings
from schemathesis import checks
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation import GenerationMode

from campaigns import enforcement
from campaigns.audit import find_differences
from campaigns.tests.api import Caller, caller
from campaigns.tests.factories import BrandFactory, CampaignFactory, utc

pytestmark = pytest.mark.django_db

NOON = utc("2026-11-21 14:00")
USUAL_EXAMPLES = 20
EXAMPLES = int(os.environ.get("API_EXAMPLES", USUAL_EXAMPLES))

# Why a request that keeps to the schema may still be refused: rules that no JSON schema states.
BEYOND_THE_SCHEMA = {"in_future", "too_old", "invalid_day", "invalid_text", "invalid_amount", "too_large"} | {
    "reversed",
    "invalid_cursor",
}

schema = schemathesis.openapi.from_wsgi("/api/openapi.json", get_wsgi_application())


@pytest.fixture(autouse=True)
def one_connection() -> Iterator[None]:
    """Keep the connection, and so the test's transaction, over all requests, as Django's own client does."""
    request_signals = (signals.request_started, signals.request_finished)
    for signal in request_signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in request_signals:
        signal.connect(close_old_connections)


@pytest.fixture
def program() -> Iterator[Caller]:
    """A program that may do everything, to campaigns that have the ids and the days of the schema's examples."""
    with (
        time_machine.travel(NOON, tick=False),
        # All within one instant, and with wrong tokens, too.
        override_settings(ALLOWED_HOSTS=["localhost"], API_REQUESTS_PER_MINUTE=0, API_WRONG_TOKENS_PER_MINUTE=0),
    ):
        brand = BrandFactory.create(pk=1, currency="EUR", daily_budget=Decimal(5000))
        CampaignFactory.create(pk=1, brand=brand, daily_budget=Decimal(1000))
        CampaignFactory.create(pk=2, brand=brand, status="DRAFT")
        enforcement.reconcile(at=NOON)
        yield caller(at=NOON)


@pytest.fixture
def succeeded() -> Iterator[list[int]]:
    """The statuses of what did something; so that nobody takes a run for good in which nothing did."""
    statuses: list[int] = []
    yield statuses
    assert statuses


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=EXAMPLES == USUAL_EXAMPLES,
)
def test_the_api_keeps_to_its_schema(program: Caller, succeeded: list[int], case: Any) -> None:
    if case.meta.generation.mode == GenerationMode.POSITIVE:
        make_real(case)
    # Where the request is to be wrong in its headers, the token must not put them right.
    headers = None if is_wrong_in(case, ParameterLocation.HEADER) else program.headers
    response = case.call(headers=headers)
    excluded = []
    if response.status_code == 422:
        codes = {error["code"] for error in response.json()["errors"]}
        if codes <= BEYOND_THE_SCHEMA:
            excluded.append(checks.positive_data_acceptance)
    case.validate_response(response, headers=headers, excluded_checks=excluded)
    if response.status_code < 300 and response.json().get("recorded", 1):
        succeeded.append(response.status_code)
    if case.method in ("POST", "PUT"):
        assert list(find_differences()) == []


def is_wrong_in(case: Any, location: ParameterLocation) -> bool:
    component = case.meta.components.get(location)
    return component is not None and component.mode == GenerationMode.NEGATIVE


def make_real(case: Any) -> None:
    """Aim a request at campaigns, amounts and times that exist, or nearly; what it draws decides which."""
    if "campaign_id" in case.path_parameters:
        case.path_parameters["campaign_id"] = 1 + int(case.path_parameters["campaign_id"]) % 3
    if case.operation.definition.raw["operationId"] == "record_spend":
        for entry in case.body["entries"]:
            drawn = zlib.crc32(repr(entry).encode())
            entry["campaign_id"] = 1 + drawn % 3
            if drawn & 8:
                entry["amount"] = f"{drawn % 1000}.{drawn % 7}"
            if drawn & 16:
                entry["timestamp"] = f"2026-11-{1 + drawn % 22:02}T{drawn % 24:02}:00:00+02:00"

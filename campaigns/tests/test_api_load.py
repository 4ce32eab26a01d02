"""The API under a small load, with real servers: what `benchmarks/api_load.py` does at length."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks import api_load
from campaigns.tests.conftest import Installation

pytestmark = pytest.mark.processes

PLAN = api_load.Plan(entries=2_000, batch=200, campaigns=20)


def test_every_request_sent_twice_at_random_from_several_connections_counts_once(installation: Installation) -> None:
    outcome = api_load.run(installation.environment, PLAN)

    assert outcome.faults == []
    assert outcome.verdicts == Counter(recorded=2_000, duplicate=2_000)
    assert len(outcome.latencies) == 20

    # The proof finds what is wrong: here, that nobody sent what is there.
    found = api_load.faults(api_load.Installation(installation.environment), [], Counter(recorded=1))
    assert found[0] == "The answers say {'recorded': 1}, not {'recorded': 0, 'duplicate': 0}."
    assert len(found) == 1 + PLAN.campaigns

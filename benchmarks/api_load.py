"""The API under load: every request sent twice at random, and proof that every entry counts once.

    python -m benchmarks.api_load

starts a PostgreSQL of its own, with its usual durability, and gunicorn with a few workers; sends entries in batches
from several connections, each batch twice, at random moments and half of them in another order the second time; then
works out from the database whether anything was lost or doubled. Exits with 1 where something was.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import queue
import secrets
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from campaigns.tests.on_postgres import server

BASE_DIR = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
STARTS_WITHIN = 60  # seconds
ANSWERS_WITHIN = 120  # seconds for one request; a server that takes longer has failed
ATTEMPTS = 5  # a request that met a 5xx or a broken connection is sent again, as the schema says


@dataclass(frozen=True)
class Plan:
    """How much is sent, and how."""

    entries: int = 200_000
    batch: int = 1_000
    connections: int = 4
    workers: int = 2
    campaigns: int = 1_000
    seed: int = 1


@dataclass
class Outcome:
    """What came of it. Without faults, every entry was recorded once, and every counter is the sum of its entries."""

    seconds: float
    latencies: list[float]  # seconds a request
    verdicts: Counter[str] = field(default_factory=Counter)
    retries: int = 0
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Entry:
    campaign_id: int
    amount: Decimal
    timestamp: str
    reference: str

    def as_json(self) -> dict[str, Any]:
        return {**vars(self), "amount": str(self.amount)}


MAKE_CAMPAIGNS = """
zones = ["UTC", "America/New_York", "Asia/Tokyo", "Europe/Berlin"] * 5
brands = Brand.objects.bulk_create(Brand(name=f"Brand {n}", timezone=zone) for n, zone in enumerate(zones))
result = [
    campaign.pk
    for campaign in Campaign.objects.bulk_create(
        Campaign(brand=brands[n % 20], name=f"Campaign {n}", status="ACTIVE", daily_budget=None if n % 7 else 50)
        for n in range(COUNT)
    )
]
"""

WHAT_IS_THERE = """
from django.db.models import Count
totals = dict(Campaign.objects.values_list("pk", "total_spend"))
entries = SpendLog.objects.order_by().values_list("campaign")
counts = entries.annotate(entries=Count("pk"), references=Count("reference", distinct=True))
result = [[pk, entries, references, str(totals[pk])] for pk, entries, references in counts]
"""


class Installation:
    """This project on a database, used by its commands."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = {
            **environment,
            "DEBUG": "false",
            "SECRET_KEY": secrets.token_urlsafe(50),
            "ALLOWED_HOSTS": HOST,
            "SECURE_SSL_REDIRECT": "false",
            "API_REQUESTS_PER_MINUTE": "0",
        }

    def manage(self, *arguments: str) -> str:
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(command, env=self.environment, cwd=BASE_DIR, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{' '.join(arguments[:1])} failed: {done.stderr}")
        return done.stdout.strip()

    def python(self, code: str) -> Any:
        script = f"from campaigns.models import *\n{code}\nimport json; print(json.dumps(result))"
        return json.loads(self.manage("shell", "--no-imports", "-c", script))

    @contextmanager
    def served(self, workers: int) -> Iterator[int]:
        """The port of a gunicorn that serves it for as long as the block lasts."""
        port = free_port()
        command = [sys.executable, "-m", "gunicorn", "ad_agency.wsgi", "--bind", f"{HOST}:{port}", "--workers"]
        options = [str(workers), "--threads", "4", "--timeout", str(ANSWERS_WITHIN), "--no-control-socket"]
        log = subprocess.DEVNULL
        web = subprocess.Popen([*command, *options], env=self.environment, cwd=BASE_DIR, stdout=log, stderr=log)
        try:
            wait_for(port)
            yield port
        finally:
            web.terminate()
            web.wait(STARTS_WITHIN)


def measure(plan: Plan, database_url: str) -> Outcome:
    """What came of the plan on a new database."""
    environment = {**os.environ, "DATABASE_URL": database_url}
    Installation(environment).manage("migrate", "-v0")
    return run(environment, plan)


def run(environment: dict[str, str], plan: Plan) -> Outcome:
    """Put a migrated, empty installation under load, and prove its books. Only addresses on this machine are used."""
    installation = Installation(environment)
    campaign_ids = installation.python(MAKE_CAMPAIGNS.replace("COUNT", str(plan.campaigns)))
    token = installation.manage("create_api_token", "Load", "--scope", "spend:write")
    entries = make_entries(plan, campaign_ids)
    with installation.served(plan.workers) as port:
        outcome = send_all(make_requests(plan, entries), port, token, plan.connections)
    outcome.faults += faults(installation, entries, outcome.verdicts)
    return outcome


def make_entries(plan: Plan, campaign_ids: list[int]) -> list[Entry]:
    """Entries of the last three days, so that they fall into days that are over, and into today on every clock."""
    random = Random(plan.seed)
    now = datetime.now(UTC)
    return [
        Entry(
            campaign_id=random.choice(campaign_ids),
            amount=Decimal(random.randint(1, 5_000_000)).scaleb(-6),
            timestamp=(now - timedelta(seconds=random.randrange(3 * 86_400))).isoformat(),
            reference=f"load-{number}",
        )
        for number in range(plan.entries)
    ]


def make_requests(plan: Plan, entries: list[Entry]) -> list[bytes]:
    """Every batch twice, in random order; half of them with their entries in another order the second time."""
    random = Random(plan.seed + 1)
    requests = []
    for first in range(0, len(entries), plan.batch):
        batch = entries[first : first + plan.batch]
        again = random.sample(batch, len(batch)) if random.random() < 0.5 else batch
        requests += [as_body(batch), as_body(again)]
    random.shuffle(requests)
    return requests


def as_body(batch: list[Entry]) -> bytes:
    return json.dumps({"entries": [entry.as_json() for entry in batch]}).encode()


def send_all(requests: list[bytes], port: int, token: str, connections: int) -> Outcome:
    """Send the requests from several connections at once, each one as soon as the last was answered."""
    waiting: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    for request in requests:
        waiting.put(request)
    outcome = Outcome(seconds=0, latencies=[])
    lock = threading.Lock()

    def work() -> None:
        connection = http.client.HTTPConnection(HOST, port, timeout=ANSWERS_WITHIN)
        while True:
            try:
                body = waiting.get_nowait()
            except queue.Empty:
                connection.close()
                return
            began = time.perf_counter()
            answer, attempts = send(connection, body, token)
            took = time.perf_counter() - began
            with lock:
                outcome.latencies.append(took)
                outcome.retries += attempts - 1
                if answer is None:
                    outcome.faults.append(f"A request was not answered in {ATTEMPTS} attempts.")
                else:
                    outcome.verdicts.update(verdict["verdict"] for verdict in answer["verdicts"])

    threads = [threading.Thread(target=work) for _ in range(connections)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outcome.seconds = time.perf_counter() - began
    return outcome


def send(connection: http.client.HTTPConnection, body: bytes, token: str) -> tuple[dict[str, Any] | None, int]:
    """The answer to a request, and how many attempts it took; None where none of them was answered well."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    for attempt in range(1, ATTEMPTS + 1):
        try:
            connection.request("POST", "/api/v1/spend", body, headers)
            response = connection.getresponse()
            text = response.read()
            if response.status in (200, 207):
                return json.loads(text), attempt
        except (OSError, http.client.HTTPException):
            connection.close()  # it opens again by itself
        time.sleep(0.1 * attempt)
    return None, ATTEMPTS


def faults(installation: Installation, entries: list[Entry], verdicts: Counter[str]) -> list[str]:
    """What the answers or the database say that is not so: nothing, if all went well."""
    found = []
    expected = {"recorded": len(entries), "duplicate": len(entries)}
    if dict(verdicts) != expected:
        found.append(f"The answers say {dict(verdicts)}, not {expected}.")
    sent: dict[int, list[Entry]] = defaultdict(list)
    for entry in entries:
        sent[entry.campaign_id].append(entry)
    there = {pk: (count, references, total) for pk, count, references, total in installation.python(WHAT_IS_THERE)}
    for pk, its_entries in sorted(sent.items()):
        count, references, total = there.pop(pk, (0, 0, "0"))
        owed = sum((entry.amount for entry in its_entries), Decimal(0))
        if (count, references, Decimal(total)) != (len(its_entries), len(its_entries), owed):
            found.append(
                f"Campaign {pk} was sent {len(its_entries)} entries, {owed} in all; it has {count} of "
                f"{references} references, and {total}."
            )
    found += [f"Campaign {pk} was sent nothing and has spend." for pk in there]
    try:
        installation.manage("verify_spend")
    except RuntimeError as error:
        found.append(str(error))
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def wait_for(port: int, within: float = STARTS_WITHIN) -> None:
    """Wait until the server answers. Raises RuntimeError where it does not within so many seconds."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection(HOST, port, timeout=STARTS_WITHIN)
        try:
            connection.request("GET", "/healthz")
            if connection.getresponse().status == http.HTTPStatus.OK:
                return
        except OSError:
            time.sleep(0.1)
        finally:
            connection.close()
    raise RuntimeError("The web server did not start.")


def in_words(plan: Plan, outcome: Outcome) -> str:
    cuts = statistics.quantiles(outcome.latencies, n=100)
    sent, seconds = sum(outcome.verdicts.values()), outcome.seconds
    lines = [
        f"{plan.entries:,} entries in batches of {plan.batch:,}, each sent twice",
        f"{plan.connections} connections, {plan.workers} workers, {os.cpu_count()} cores",
        f"{sent / seconds:,.0f} entries a second sent, {plan.entries / seconds:,.0f} of them new",
        f"a request took {cuts[49] * 1000:,.0f} ms (p50), {cuts[98] * 1000:,.0f} ms (p99)",
        f"verdicts: {dict(sorted(outcome.verdicts.items()))}; {outcome.retries} requests were sent again",
    ]
    return "\n".join(
        lines + (outcome.faults or ["nothing lost, nothing doubled, every counter the sum of its entries"])
    )


def main() -> int:
    usual = Plan()
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    for name, value in vars(usual).items():
        parser.add_argument(f"--{name}", type=int, default=value, help=f"(default: {value:,})")
    plan = Plan(**vars(parser.parse_args()))
    with server() as address:
        outcome = measure(plan, address)
    print(in_words(plan, outcome))
    return 1 if outcome.faults else 0


if __name__ == "__main__":
    sys.exit(main())

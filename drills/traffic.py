"""A seeded stream of spend through every door: the API, tasks and imports; with people and edits beside it.

Each stream has a random generator of its own, so that what it sends depends on the seed alone; how far it comes depends
on the machine. Whatever is not answered is sent again with the same references, until it is answered or it is over.
"""

from __future__ import annotations

import csv
import http.client
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import redis
from celery import Celery

from benchmarks.api_load import BASE_DIR, HOST
from drills.agency import Agency, Named, Upload
from drills.own_list import OwnList, Sent
from drills.site import Site

ANSWERS_WITHIN = 120  # seconds for one request
# After the stop, what is still unanswered is tried for so long; it is unknown then.
SETTLES_WITHIN = 120
UNKNOWN_CAMPAIGN = 999_999_999


class Promise(Enum):
    """What makes a task's entry acknowledged."""

    TAKEN = "the broker took it"  # and is there all the time
    DONE = "its result is there"  # else it is sent again, with its reference


@dataclass(frozen=True)
class Plan:
    """What is sent."""

    promise: Promise = Promise.TAKEN
    writers: int = 2  # connections to the API
    largest_batch: int = 400
    pause: float = 0.05  # seconds, on average, between requests of a writer
    tasks: bool = True
    task_pause: float = 0.02
    imports: bool = True
    import_pause: float = 0.5
    uploads: bool = True  # imported by workers
    people: bool = True
    edits: bool = True
    # Whether some is sent twice on purpose, and what is not heard of for long again; else only what a fault came upon.
    repeats: bool = True


class Traffic:
    """All streams, for as long as the block lasts."""

    def __init__(self, site: Site, agency: Agency, seed: int, plan: Plan) -> None:
        self.site = site
        self.agency = agency
        self.seed = seed
        self.plan = plan
        self.list = OwnList()
        self.broken_at = -float("inf")  # when something was broken last
        self._stopping = threading.Event()
        self._deadline = float("inf")
        streams: list[Callable[[], None]] = [ApiWriter(self, number).run for number in range(plan.writers)]
        if plan.tasks:
            streams.append(TaskSender(self).run)
        if plan.imports:
            streams.append(Importer(self).run)
        if plan.uploads:
            streams.append(Uploader(self).run)
        if plan.people:
            streams.append(People(self).run)
        if plan.edits:
            streams.append(Editor(self).run)
        self._threads = [threading.Thread(target=self._watched, args=(stream,)) for stream in streams]

    def __enter__(self) -> None:
        for thread in self._threads:
            thread.start()

    def __exit__(self, kind: object, *_: object) -> None:
        """Send nothing new, and wait until everything sent is answered, or nobody waits for it any more."""
        self._deadline = time.monotonic() + (SETTLES_WITHIN if kind is None else 0)
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def random(self, stream: str) -> Random:
        return Random(f"{self.seed} {stream}")

    @property
    def goes_on(self) -> bool:
        return not self._stopping.is_set()

    @property
    def is_over(self) -> bool:
        """Whether nobody waits for answers any more."""
        return time.monotonic() > self._deadline

    def note_fault(self) -> None:
        self.broken_at = time.monotonic()

    def rest(self, seconds: float) -> None:
        """A pause that the stop ends."""
        self._stopping.wait(seconds)

    def _watched(self, stream: Callable[[], None]) -> None:
        try:
            stream()
        except Exception as error:
            self.list.complain(f"The drill's own {stream.__qualname__} broke: {error!r}")
            raise


class Client:
    """One connection to the API."""

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic
        self._connection = http.client.HTTPConnection(HOST, traffic.site.web_port, timeout=ANSWERS_WITHIN)
        self._headers = {"Authorization": f"Bearer {traffic.agency.token}", "Content-Type": "application/json"}

    def post(self, path: str, body: bytes = b"") -> dict[str, Any] | None:
        """The answer, however often it takes; None where it never came. Everything below 500 is an answer."""
        attempt = 0
        while not self._traffic.is_over:
            try:
                self._connection.request("POST", path, body, self._headers)
                response = self._connection.getresponse()
                text = response.read()
            except (OSError, http.client.HTTPException) as error:
                self._traffic.list.note_answer(type(error).__name__)
                self._connection.close()  # it opens again by itself
            else:
                full = " full" if b"disk is full" in text else ""
                self._traffic.list.note_answer(f"{response.status}{full}")
                if response.status < 500:
                    answer: dict[str, Any] = json.loads(text)
                    return answer | {"status": response.status}
                if response.status != 503 or not response.headers.get("Retry-After"):
                    self._traffic.list.complain(f"The API answered {response.status}: {text[:200]!r}")
            attempt += 1
            time.sleep(min(0.1 * attempt, 1))
        return None

    def close(self) -> None:
        self._connection.close()


class ApiWriter:
    """Batches of entries, some of which are made to be refused, and some batches twice."""

    def __init__(self, traffic: Traffic, number: int) -> None:
        self._traffic = traffic
        self._name = f"api{number}"
        self._random = traffic.random(self._name)
        self._count = 0
        self._known: list[dict[str, Any]] = []  # acknowledged, as they were sent

    def run(self) -> None:
        client = Client(self._traffic)
        plan = self._traffic.plan
        while self._traffic.goes_on:
            batch = self._batch(self._random.choice([1, 10, 100, plan.largest_batch]))
            body = json.dumps({"entries": batch}).encode()
            twice = self._random.random() < 0.2 and plan.repeats
            for _ in range(2 if twice else 1):
                self._judge(batch, client.post("/api/v1/spend", body))
            self._traffic.rest(self._random.uniform(0, 2 * plan.pause))
        client.close()

    def _batch(self, size: int) -> list[dict[str, Any]]:
        batch, sent = [], []
        for _ in range(size):
            self._count += 1
            entry, bad = self._entry(f"{self._name}-{self._count}")
            batch.append(entry)
            sent.append(Sent(entry["description"], entry["campaign_id"], Decimal(entry["amount"]), bad))
        self._traffic.list.send(sent)
        return batch

    def _entry(self, name: str) -> tuple[dict[str, Any], bool]:
        random = self._random
        now = datetime.now(UTC)
        entry: dict[str, Any] = {
            "campaign_id": random.choice(self._traffic.agency.spent_on),
            "amount": str(Decimal(random.randint(1, 300_000)).scaleb(-6)),
            "timestamp": (now - timedelta(seconds=random.choice([0, random.randrange(40 * 86_400)]))).isoformat(),
            "reference": name,
            "description": name,
        }
        kind = random.random()
        if kind < 0.01:
            return entry | {"campaign_id": UNKNOWN_CAMPAIGN}, True
        if kind < 0.02:
            return entry | {"timestamp": (now + timedelta(days=1)).isoformat()}, True
        if kind < 0.03:
            return entry | {"amount": "-8000000000"}, True
        if kind < 0.04 and self._known:
            return random.choice(self._known) | {"amount": "7.77", "description": name}, True
        return entry, False

    def _judge(self, batch: list[dict[str, Any]], answer: dict[str, Any] | None) -> None:
        if answer is None:
            return
        if "verdicts" not in answer:
            self._traffic.list.complain(f"A batch was answered with {answer}")
            return
        for entry, verdict in zip(batch, answer["verdicts"], strict=True):
            if verdict["verdict"] == "rejected":
                self._traffic.list.refuse(entry["description"], verdict["code"])
            else:
                self._traffic.list.acknowledge(entry["description"])
                if len(self._known) < 100:
                    self._known.append(entry)


def sender(site: Site) -> Celery:
    """What sends tasks to the site's workers; it soon says so where the broker does not answer."""
    app = Celery(broker=site.broker_url, set_as_current=False)
    app.conf.broker_transport_options = {"socket_timeout": 3, "socket_connect_timeout": 3}
    app.conf.task_publish_retry = False
    return app


class TaskSender:
    """`add_campaign_spend`, one message an entry; some of them are made to be refused."""

    RESENT_AFTER = 15  # seconds without a result
    HEARD_EVERY = 0.5  # seconds
    MOST_IN_QUEUE = 40  # however slow the machine is, what waits is done soon after the end

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic
        self._random = traffic.random("tasks")
        self._count = 0
        # Those that wait for their result: the arguments, when they were sent last, and the ids of their tasks.
        self._waiting: dict[str, tuple[list[Any], float, list[str]]] = {}
        self._heard_at = 0.0
        self._app = sender(traffic.site)
        self._broker = redis.Redis(host=HOST, port=traffic.site.broker_port, socket_timeout=3)

    def run(self) -> None:
        while self._traffic.goes_on:
            if not self._is_ahead():
                self._send_new()
            self._look_after()
            self._traffic.rest(self._random.uniform(0, 2 * self._traffic.plan.task_pause))
        while self._waiting and not self._traffic.is_over:
            self._look_after()
            time.sleep(0.2)
        self._app.close()
        self._broker.close()

    def _is_ahead(self) -> bool:
        """Whether the workers have enough to do."""
        if len(self._waiting) >= self.MOST_IN_QUEUE:
            return True
        with suppress(redis.RedisError):
            return bool(self._broker.llen("celery") >= self.MOST_IN_QUEUE)
        return False

    def _send_new(self) -> None:
        self._count += 1
        name = f"task-{self._count}"
        bad = self._random.random() < 0.02
        campaign_id = UNKNOWN_CAMPAIGN if bad else self._random.choice(self._traffic.agency.spent_on)
        amount = Decimal(self._random.randint(1, 300_000)).scaleb(-6)
        self._traffic.list.send([Sent(name, campaign_id, amount, bad)])
        self._waiting[name] = ([campaign_id, str(amount), name, name], 0.0, [])

    def _look_after(self) -> None:
        """Send what was not sent or not heard of for long, and hear what there is to hear."""
        now = time.monotonic()
        if self._traffic.plan.promise is Promise.DONE and now > self._heard_at + self.HEARD_EVERY:
            self._heard_at = now
            self._hear()
        for name, (arguments, sent_at, task_ids) in list(self._waiting.items()):
            if sent_at and (now < sent_at + self.RESENT_AFTER or not self._is_in_doubt(sent_at)):
                continue
            task_id = f"{name}.{len(task_ids)}"
            try:
                self._app.send_task("campaigns.tasks.add_campaign_spend", arguments, task_id=task_id)
            except Exception as error:  # the library's own and the client's, by where it broke
                self._traffic.list.note_answer(f"broker: {type(error).__name__}")
                # It may have been taken all the same. The others wait, too, until the broker is there again.
                self._waiting[name] = (arguments, 0.0, [*task_ids, task_id])
                self._app.close()
                self._traffic.rest(0.5)
                return
            if self._traffic.plan.promise is Promise.TAKEN:
                del self._waiting[name]
                if not self._traffic.list.entries[name].bad:
                    self._traffic.list.acknowledge(name)
            else:
                self._waiting[name] = (arguments, now, [*task_ids, task_id])

    def _is_in_doubt(self, sent_at: float) -> bool:
        """Whether what was sent then, and not heard of since, is sent again."""
        return self._traffic.plan.repeats or sent_at < self._traffic.broken_at

    def _hear(self) -> None:
        """Read the results of what was sent."""
        names = {task_id: name for name, (_, _, task_ids) in self._waiting.items() for task_id in task_ids}
        with suppress(psycopg.Error), self._traffic.site.connect() as connection:
            rows = connection.execute(
                "select task_id, status, result from django_celery_results_taskresult "
                "where task_id = any(%s) and status in ('SUCCESS', 'FAILURE')",
                (list(names),),
            ).fetchall()
            for task_id, status, result in rows:
                name = names[str(task_id)]
                if name not in self._waiting:
                    continue
                if status == "SUCCESS":
                    self._traffic.list.acknowledge(name)
                elif "Rejected" in str(result):
                    self._traffic.list.refuse(name, str(result))
                else:
                    continue  # it failed on what was broken: it is sent again
                del self._waiting[name]


class Importer:
    """Files by the command `import_spend`: entries, each file twice, and totals of days."""

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic
        self._random = traffic.random("imports")
        self._count = 0

    def run(self) -> None:
        while self._traffic.goes_on:
            self._count += 1
            if self._count % 2:
                self._entries()
            else:
                self._totals()
            self._traffic.rest(self._random.uniform(0, 2 * self._traffic.plan.import_pause))

    def _entries(self) -> None:
        rows, sent = [], []
        for line in range(self._random.choice([1, 30, 300])):
            campaign = self._random.choice(self._traffic.agency.imported)
            name = f"import-{self._count}-{line}"
            amount = Decimal(self._random.randint(1, 300_000)).scaleb(-6)
            rows.append([self._day(campaign), campaign.brand, campaign.name, amount, name, name])
            sent.append(Sent(name, campaign.id, amount))
        self._traffic.list.send(sent)
        header = ["date", "brand", "campaign", "amount", "reference", "description"]
        twice = self._random.random() < 0.3 and self._traffic.plan.repeats
        for _ in range(2 if twice else 1):
            if self._imported(header, rows, "--add"):
                for entry in sent:
                    self._traffic.list.acknowledge(entry.name)

    def _totals(self) -> None:
        rows, days = [], []
        for campaign in self._traffic.agency.totals:
            day = self._day(campaign)
            total = Decimal(self._random.randint(0, 200_000_000)).scaleb(-6)
            rows.append([day, campaign.brand, campaign.name, total])
            days.append((campaign.id, day))
            self._traffic.list.send_total(campaign.id, day, total)
        if self._imported(["date", "brand", "campaign", "amount"], rows):
            for key in days:
                self._traffic.list.acknowledge_total(*key)

    def _day(self, campaign: Named) -> date:
        today = datetime.now(ZoneInfo(campaign.brand.removeprefix("Brand "))).date()
        return today - timedelta(days=self._random.choice([0, 1, 35]))

    def _imported(self, header: list[str], rows: list[list[Any]], *options: str) -> bool:
        """Import the file, however often it takes; False where that never worked."""
        file = self._traffic.site.folder / f"{self._count}.csv"
        with file.open("w", newline="") as out:
            csv.writer(out).writerows([header, *rows])
        command = [sys.executable, "manage.py", "import_spend", str(file), *options]
        while not self._traffic.is_over:
            done = subprocess.run(
                command, env=self._traffic.site.installation.environment, cwd=BASE_DIR, capture_output=True, text=True
            )
            self._traffic.list.note_answer(f"import: exit {done.returncode}")
            if done.returncode == 0:
                return True
            if "refused" in done.stderr:
                self._traffic.list.complain(f"An import was refused: {done.stderr[-300:]}")
                return False
            time.sleep(0.5)
        return False


class Uploader:
    """Uploaded files, which workers import: each is told to them, twice at times, until it is done."""

    RETOLD_AFTER = 15  # seconds

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic
        self._random = traffic.random("uploads")
        self._app = sender(traffic.site)

    def run(self) -> None:
        for upload in self._traffic.agency.uploads:
            if not self._traffic.goes_on:
                break
            for day, total in upload.totals.items():
                self._traffic.list.send_total(upload.campaign_id, day, total)
            if self._done(upload):
                for day in upload.totals:
                    self._traffic.list.acknowledge_total(upload.campaign_id, day)
            self._traffic.rest(self._random.uniform(0, 4 * self._traffic.plan.import_pause))
        self._app.close()

    def _done(self, upload: Upload) -> bool:
        """Tell workers of it, and wait until it is imported; False where that never came."""
        told_at = -float("inf")
        while not self._traffic.is_over:
            if time.monotonic() > told_at + self.RETOLD_AFTER and self._told(upload):
                told_at = time.monotonic()
            with suppress(psycopg.Error), self._traffic.site.connect() as connection:
                row = connection.execute(
                    "select state from campaigns_spendimport where id = %s", (upload.id,)
                ).fetchone()
                if row == ("DONE",):
                    return True
            time.sleep(0.3)
        return False

    def _told(self, upload: Upload) -> bool:
        try:
            for _ in range(self._random.choice([1, 2])):
                self._app.send_task("campaigns.tasks.work_on_import", [upload.id])
        except Exception as error:  # the library's own and the client's, by where it broke
            self._traffic.list.note_answer(f"broker: {type(error).__name__}")
            self._app.close()
            return False
        return True


class People:
    """Somebody who pauses and resumes campaigns through the API."""

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic
        self._random = traffic.random("people")

    def run(self) -> None:
        client = Client(self._traffic)
        while self._traffic.goes_on:
            campaign = self._random.choice(self._traffic.agency.people)
            verb = self._random.choice(["pause", "resume"])
            self._traffic.list.set_manual(campaign, None)
            answer = client.post(f"/api/v1/campaigns/{campaign}/{verb}")
            if answer is not None and answer["status"] == 200:
                self._traffic.list.set_manual(campaign, verb == "pause")
            elif answer is not None:
                self._traffic.list.complain(f"{verb} was answered with {answer}")
            self._traffic.rest(self._random.uniform(0.1, 0.5))
        client.close()


class Editor:
    """Somebody who edits brands in the database, past every door: only ticks notice."""

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic
        self._random = traffic.random("edits")

    def run(self) -> None:
        for active in self._switches():
            with suppress(psycopg.Error), self._traffic.site.connect() as connection:
                connection.execute(
                    "update campaigns_brand set is_active = %s where id = any(%s)",
                    (active, self._traffic.agency.edited),
                )
            self._traffic.rest(self._random.uniform(1, 4))

    def _switches(self) -> Iterator[bool]:
        active = False
        while self._traffic.goes_on:
            yield active
            active = not active

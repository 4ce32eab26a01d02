"""Who gets what: every address of pages and API, by every verb, for everybody who knocks.

The expected answers stand in `who_gets_what.txt`, to be read and judged; the addresses are those of the URL
configuration, so that a new one without a line there fails.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Model
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver
from django_celery_beat.models import ClockedSchedule, IntervalSchedule, PeriodicTask, SolarSchedule
from django_celery_results.models import GroupResult

from campaigns import enforcement, tokens
from campaigns.api import health
from campaigns.ledger import DayTotal, set_daily_totals
from campaigns.models import ApiToken, Brand, DailySpend, Scope, SpendLog, StatusChange
from campaigns.tests.browser.agencies import SPEND, office, upload
from campaigns.tests.factories import BrandFactory, CampaignFactory, ScheduleFactory, utc

pytestmark = pytest.mark.django_db

NOON = utc("2026-11-21 12:00")
TABLE = Path(__file__).with_name("who_gets_what.txt")
VERBS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
# Who knocks: people, logged in or not, and programs with a token. A token opens no page and a login opens no operation
# of the API, so to each other's doors they come as nobody.
PEOPLE = ("nobody", "viewer", "owner")
PROGRAMS = ("nobody", "expired", "revoked", "reader", "stranger", "full")
EVERYBODY = (*PEOPLE, *PROGRAMS[1:])
MIGHTY = ("owner", "full")

# What stands for each part of an address, where the model in front of it does not say.
PARTS = {"verb": "pause", "kind": "csv", "app_label": "campaigns", "url": "nowhere/", "day": "2026-11-20"}
# What an address is asked with, where it means nothing without.
QUERIES = {
    "/admin/search/": {"s": "sp"},
    "/admin/autocomplete/": {"app_label": "campaigns", "model_name": "campaign", "field_name": "brand", "term": ""},
    "/admin/campaigns/dailyspend/report/": {"by": "day", "from": "2026-11-01", "to": "2026-11-21"},
    "/admin/campaigns/dailyspend/report/{kind}/": {"by": "day", "from": "2026-11-01", "to": "2026-11-21"},
    "/api/v1/campaigns/{campaign_id}/days": {"from": "2026-11-01", "to": "2026-11-21"},
    "/api/v1/reports/spend": {"by": "brand", "from": "2026-11-01", "to": "2026-11-21"},
}


Answers = dict[tuple[str, str, str], str]


def read_table() -> Answers:
    """The statuses that are expected, by address, verb and who asks; `login` is the way to the login page."""
    answers: Answers = {}
    section = ""
    for line in TABLE.read_text().splitlines():
        if line.startswith("["):
            section = line
        elif section == "[pages]" and line and not line.startswith("#"):
            address, *cells = line.split()
            reads, writes = dict(zip(PEOPLE, cells[:3], strict=True)), dict(zip(PEOPLE, cells[3:], strict=True))
            for verb, statuses in {"GET": reads, "HEAD": reads, "POST": writes}.items():
                add_line(answers, address, verb, statuses)
        elif section == "[odd]" and line and not line.startswith("#"):
            verb, address, *cells = line.split()
            answers |= {(address, verb, who): cell for who, cell in zip(PEOPLE, cells, strict=True)}
        elif section == "[api]" and line and not line.startswith("#"):
            verb, address, *cells = line.split()
            for each in VERBS if verb == "all" else (verb,):
                add_line(answers, address, each, dict(zip(PROGRAMS, cells, strict=True)))
    for address in {address for address, _, _ in answers}:
        for verb in VERBS:
            if (address, verb, "nobody") not in answers:
                add_line(answers, address, verb, {"nobody": "405"})
    return answers


def add_line(answers: Answers, address: str, verb: str, statuses: dict[str, str]) -> None:
    assert (address, verb, "nobody") not in answers, f"{verb} {address} stands there twice."
    for who in EVERYBODY:
        answers[address, verb, who] = statuses.get(who, statuses["nobody"])


def routes(resolver: URLResolver | None = None, before: str = "/") -> Iterator[str]:
    """Every address of the URL configuration, with the names of its parts: /admin/campaigns/brand/{object_id}/."""
    for each in (resolver or get_resolver()).url_patterns:
        text = re.sub(r"\(\?P<(\w+)>[^)]*\)", r"{\1}", str(each.pattern)).lstrip("^").rstrip("$")
        address = before + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", text)
        if isinstance(each, URLResolver):
            yield from routes(each, address)
        else:
            assert isinstance(each, URLPattern)
            yield address


def test_every_address_has_its_line_and_every_line_its_address() -> None:
    assert {address for address, _, _ in read_table()} == set(routes())


@dataclass
class World:
    """An agency with a row behind every address, and who may knock there."""

    rows: dict[str, Any]
    sessions: dict[str, str]
    keys: dict[str, str]

    def filled(self, address: str) -> str:
        """The address of a real row."""
        model = re.match(r"/admin/(\w+)/(\w+)/", address)

        def part(match: re.Match[str]) -> str:
            name = match[1]
            if name in PARTS:
                return PARTS[name]
            if name == "content_type_id":
                return "1"
            of = model[2] if model and name != "campaign_id" else "campaign"
            return str(self.rows[of].pk)

        return re.sub(r"\{(\w+)\}", part, address)

    def ask(self, verb: str, address: str, who: str) -> str:
        """The status of the answer; `login` for a way to the login page."""
        client = Client(raise_request_exception=False)
        headers = {}
        if who in self.sessions:
            client.cookies[settings.SESSION_COOKIE_NAME] = self.sessions[who]
        elif who in self.keys:
            headers["Authorization"] = f"Bearer {self.keys[who]}"
        path = self.filled(address)
        query = QUERIES.get(address, {})
        if verb in ("GET", "HEAD"):
            response = client.generic(verb, path, query_params=query, headers=headers)
        elif address.startswith("/api/"):
            body = json.dumps(self.body(address)).encode() if self.body(address) is not None else b""
            response = client.generic(verb, path, body, "application/json", query_params=query, headers=headers)
        else:
            response = client.generic(
                verb, path, b"post=yes", "application/x-www-form-urlencoded", query_params=query, headers=headers
            )
        b"".join(response)  # a file is closed at its end
        if response.status_code == 302 and response.headers["Location"].startswith("/admin/login/"):
            return "login"
        return str(response.status_code)

    def body(self, address: str) -> dict[str, Any] | None:
        if address == "/api/v1/spend":
            entry = {"campaign_id": self.rows["campaign"].pk, "amount": "1", "timestamp": "2026-11-21T12:00:00Z"}
            return {"entries": [{**entry, "reference": "r"}]}
        return {"total": "5"} if address.endswith("/days/{day}/spend") else None


@pytest.fixture
def world(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    settings.MEDIA_ROOT = tmp_path
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.API_WRONG_TOKENS_PER_MINUTE = 0
    monkeypatch.setattr(health, "_broker", lambda: "ok")  # there is none here, and who may ask is the question
    logging.disable()  # thousands of refusals, each with its traceback
    with time_machine.travel(NOON, tick=False):
        yield build(NOON)
    logging.disable(logging.NOTSET)


def build(at: datetime) -> World:
    owner = User.objects.create_superuser("owner")
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    brand = BrandFactory.create(name="Kita Bikes")
    campaign = CampaignFactory.create(brand=brand, name="Spring")
    window = ScheduleFactory.create(campaign=campaign, day_of_week=5, start_time="01:00", end_time="23:00")
    set_daily_totals([DayTotal(campaign.pk, NOON.date() - timedelta(days=ago), Decimal(9)) for ago in range(40)], at=at)
    enforcement.pause([campaign.pk], at=at, actor="user:owner")
    enforcement.resume([campaign.pk], at=at, actor="user:owner")
    kept = office(brand, at=at)
    rows = {
        "user": User.objects.create_user("someone"),
        "group": kept["group"],
        "periodictask": kept["task"],
        "crontabschedule": kept["task"].crontab,
        "clockedschedule": ClockedSchedule.objects.create(clocked_time=at),
        "intervalschedule": IntervalSchedule.objects.create(every=5, period="minutes"),
        "solarschedule": SolarSchedule.objects.create(event="sunrise", latitude=52, longitude=13),
        "taskresult": kept["result"],
        "groupresult": GroupResult.objects.create(group_id="g", date_created=at, date_done=at),
        "brand": brand,
        "campaign": campaign,
        "spendimport": upload("november.csv", SPEND, owner, at=at),
        "spendlog": SpendLog.objects.latest("pk"),
        "dailyspend": DailySpend.objects.latest("pk"),
        "statuschange": StatusChange.objects.latest("pk"),
        "daypartingschedule": window,
        "apitoken": kept["token"],
        "r": brand,
    }
    other = BrandFactory.create(name="Globex")
    every = tuple(Scope.values)

    def key(name: str, scopes: tuple[str, ...] = every, *brands: Brand, **options: Any) -> str:
        return tokens.create_token(name, scopes, brands, at=at - timedelta(days=1), actor="test", **options)[1]

    keys = {
        "full": key("Full"),
        "reader": key("Reader", (Scope.READ.value,)),
        "stranger": key("Stranger", every, other),
        "expired": key("Expired", expires_at=at),
        "revoked": key("Revoked"),
    }
    tokens.revoke([ApiToken.objects.get(name="Revoked").pk], at=at)
    return World(rows, {user.username: session_of(user) for user in (viewer, owner)}, keys)


def session_of(user: User) -> str:
    client = Client()
    client.force_login(user)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


LEFT_BEHIND = ("last_login", "last_used_at", "bucket_drains_at")


def contents() -> dict[str, set[tuple[Any, ...]]]:
    """All rows that people and programs could change, but for what a request leaves behind by itself."""
    tables = {}
    for model in apps.get_models(include_auto_created=True):
        if model is not Session:
            names = [field.attname for field in model._meta.concrete_fields if field.attname not in LEFT_BEHIND]
            tables[model._meta.label] = {tuple(map(str, row)) for row in model._default_manager.values_list(*names)}
    return tables


def test_everybody_gets_what_the_table_says_and_who_may_change_nothing_changes_nothing(world: World) -> None:
    table = read_table()
    wrong, broken, changed = [], [], []
    for who in EVERYBODY:
        before = contents()
        for address, verb, name in table:
            if name != who:
                continue
            with transaction.atomic():
                status = world.ask(verb, address, who)
                # The others leave nothing that would have to be taken back, but that they are logged out.
                transaction.set_rollback(who in MIGHTY or address == "/admin/logout/")
            if status != table[address, verb, who]:
                wrong.append(f"{verb} {address} as {who}: {status}, not {table[address, verb, who]}")
            if status.startswith("5"):
                broken.append(f"{verb} {address} as {who}")
        if contents() != before:
            changed.append(who)

    assert broken == []
    assert wrong == []
    assert changed == []


# Actions that change nothing: they lead to a page, which has its line in the table.
READING_ACTIONS = {"what_if", "client_report"}


def offered(page: Any, who: str, row: Any) -> set[str]:
    """The names of all actions that the pages of a model offer: in its list, for each row, and on the page of one."""
    request = RequestFactory().get("/")
    request.user = User.objects.get(username=who)
    of_theme = [
        *page.get_actions_list(request),
        *page.get_actions_row(request),
        *page.get_actions_detail(request, row.pk),
        *page.get_actions_submit_line(request, row.pk),
    ]
    return {*page.get_actions(request), *(action.method.__name__ for action in of_theme)}


def test_who_may_only_look_is_offered_no_action_that_changes_anything(world: World) -> None:
    pages = {str(model._meta.model_name): page for model, page in admin.site._registry.items()}
    rows = {name: world.rows[name] for name in pages}

    to_viewer = {name: offered(page, "viewer", rows[name]) - READING_ACTIONS for name, page in pages.items()}
    to_owner = {name: offered(page, "owner", rows[name]) - READING_ACTIONS for name, page in pages.items()}

    assert {name: actions for name, actions in to_viewer.items() if actions} == {}
    assert {"enable_tasks", "disable_tasks", "toggle_tasks", "run_tasks"} <= to_owner["periodictask"]
    assert {"pause", "save_and_pause"} <= to_owner["campaign"]


def test_an_action_that_somebody_names_who_may_only_look_changes_nothing(world: World) -> None:
    """Whatever the lists offer to those who may do everything, for all of a list's rows at once."""
    before = contents()
    done = []
    for model, page in admin.site._registry.items():
        for action in offered(page, "owner", world.rows[str(model._meta.model_name)]):
            with transaction.atomic():
                order(world, "viewer", model, action)
                if contents() != before:
                    done.append(f"{action} of {model.__name__}")
                transaction.set_rollback(True)

    assert done == []


def order(world: World, who: str, model: type[Model], action: str) -> None:
    """Post a list's form: this action for every row that there is."""
    client = Client(raise_request_exception=False)
    client.cookies[settings.SESSION_COOKIE_NAME] = world.sessions[who]
    rows = [str(row.pk) for row in model._default_manager.all()]
    form = {"action": action, "_selected_action": rows, "post": "yes"}
    client.post(f"/admin/{model._meta.app_label}/{model._meta.model_name}/", form)


def test_only_who_may_change_the_schedule_switches_its_tasks_off(world: World) -> None:
    enabled = PeriodicTask.objects.filter(enabled=True)
    before = enabled.count()

    def switch_off(who: str) -> int:
        order(world, who, PeriodicTask, "disable_tasks")
        return enabled.count()

    assert before > 0
    assert switch_off("viewer") == before
    assert switch_off("owner") == 0


def test_the_promises_say_how_large_the_table_is() -> None:
    table = read_table()
    addresses = len({address for address, _, _ in table})

    said = (Path(settings.BASE_DIR) / "docs" / "PROMISES.md").read_text()

    assert (
        f"{addresses} addresses, {len(VERBS)} verbs, {len(EVERYBODY)} kinds of caller: {len(table):,} answers" in said
    )

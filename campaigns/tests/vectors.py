"""The stories of docs/vectors, read, and played in this system and in the oracle. Their format is told in its README.

Both players do an event and give what came of it; `told` says what the story expects of that.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import ProtectedError

from campaigns import enforcement, ledger
from campaigns.entries import DayTotal
from campaigns.explain import explain
from campaigns.holds import Hold
from campaigns.models import (
    AppendOnly,
    Brand,
    BrandDailySpend,
    Campaign,
    DailySpend,
    DaypartingSchedule,
    SpendLog,
    StatusChange,
)
from campaigns.money import format_money
from campaigns.tests.oracle import (
    BUDGET_HOLDS,
    DAILY_HOLDS,
    ENGINE_HOLDS,
    LONG_AGO,
    MONTHLY_HOLDS,
    Counters,
    Entry,
    Oracle,
    OracleBrand,
    OracleCampaign,
    Window,
    counted,
)

FOLDER = Path(settings.BASE_DIR) / "docs" / "vectors"
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
BUDGETS = ("daily_budget", "monthly_budget", "total_budget")
NOBODY = 2**62  # the id of campaigns that are not there
TICKS: dict[str, tuple[Hold, set[str]]] = {
    "everything": (Hold.ENGINE, ENGINE_HOLDS),
    "spending": (Hold.SPENDING, BUDGET_HOLDS | {"BRAND_INACTIVE"}),
    "hours": (Hold.DAYPARTING, {"DAYPARTING"}),
    "daily": (Hold.DAILY_BUDGETS, DAILY_HOLDS),
    "monthly": (Hold.MONTHLY_BUDGETS, MONTHLY_HOLDS),
}

Json = dict[str, Any]


@dataclass(frozen=True)
class Story:
    rule: str
    title: str
    brands: dict[str, Json]
    campaigns: dict[str, Json]
    events: list[Json]

    def __str__(self) -> str:
        """`R07-late-spend-over-midnight-counts-on-yesterday`: what a test is called."""
        return f"R{self.rule[1:]:0>2}-{re.sub(r'[^a-z0-9.]+', '-', self.title.lower()).strip('-')}"


def files() -> list[Path]:
    return sorted(path for path in FOLDER.glob("*.json") if path.name != "schema.json")


def stories() -> Iterator[Story]:
    for path in files():
        vectors = json.loads(path.read_text())
        for story in vectors["stories"]:
            yield Story(vectors["rule"], story["title"], story["brands"], story["campaigns"], story["events"])


def entries_of(event: Json) -> list[Json]:
    """The entries of a spend event: it is one itself, or has a list of them."""
    entries: list[Json] = event.get("entries", [event])
    return entries


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def a_day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def windows_of(texts: list[str]) -> list[tuple[int, time, time, bool]]:
    """`Fri 09:00-17:00 off` as weekday, start, end and whether it is switched on."""
    windows = []
    for text in texts:
        weekday, hours, *off = text.split()
        start, end = map(time.fromisoformat, hours.split("-"))
        windows.append((WEEKDAYS.index(weekday) + 1, start, end, not off))
    return windows


class Player(Protocol):
    def do(self, event: Json) -> Any: ...
    def state(self, name: str) -> Json: ...
    def day(self, name: str, day: date) -> Decimal: ...


def play(story: Story, player: Player, after_each: Callable[[], None] = lambda: None) -> None:
    """Play the story, and hold what comes of each event and what is then against what it says."""
    for number, event in enumerate(story.events):
        where = f"event {number}: {json.dumps(event, ensure_ascii=False)}"
        assert player.do(event) == told(event), where
        for name, expected in event.get("then", {}).items():
            _compare(player, name, expected, where)
        after_each()


def told(event: Json) -> Any:
    """What the story says that comes of an event, in the words of the players; None where it says nothing."""
    if event.get("refused"):
        return "refused"
    match event["do"]:
        case "spend":
            verdicts = [entry.get("verdict", "recorded") for entry in entries_of(event)]
            return (verdicts, sorted(event["paused"])) if "paused" in event else (verdicts, None)
        case "restate":
            return event.get("verdict") or Decimal(event["difference"])
        case "tick":
            return event.get("changes")
        case "explain":
            change = event["told"]["next_change_at"]
            return {**event["told"], "next_change_at": change and instant(change)}
        case "show":
            return event["text"]
    return None


def _compare(player: Player, name: str, expected: Json, where: str) -> None:
    state = player.state(name)
    for key, value in expected.items():
        match key:
            case "status":
                assert (state["status"], state["holds"]) == (value, expected.get("holds", [])), where
            case "days":
                for day, amount in value.items():
                    assert player.day(name, date.fromisoformat(day)) == Decimal(amount), (where, day)
            case "history":
                _compare_history(state["history"], value, where)
            case "daily" | "monthly" | "total":
                assert state[key] == Decimal(value), (where, key)


def _compare_history(history: list[Json], expected: list[Json], where: str) -> None:
    assert len(history) == len(expected), where
    for change, said in zip(history, expected, strict=True):
        for key, value in said.items():
            if key == "facts":
                facts = {name: change["facts"][name] for name in value}
                exact = {n: v if n in ("local_time", "currency") else Decimal(v) for n, v in value.items()}
                assert {n: type(exact[n])(v) for n, v in facts.items()} == exact, where
            else:
                assert change[key] == (instant(value) if key == "at" else value), (where, key)


class System:
    """This system, through the functions that its doors call."""

    def __init__(self, story: Story) -> None:
        self.ids: dict[str, int] = {}
        self.brands = set(story.brands)
        for name, facts in story.brands.items():
            budgets = {budget: facts.get(budget) for budget in BUDGETS[:2]}
            brand = Brand(
                name=name,
                timezone=facts["zone"],
                currency=facts["currency"],
                is_active=facts.get("is_active", True),
                **budgets,
            )
            brand.full_clean()
            brand.save()
            self.ids[name] = brand.pk
        for name, facts in story.campaigns.items():
            campaign = Campaign(
                brand_id=self.ids[facts["brand"]],
                name=name,
                status=facts.get("status", "ACTIVE"),
                start_date=a_day(facts.get("start_date")),
                end_date=a_day(facts.get("end_date")),
                **{budget: facts.get(budget) for budget in BUDGETS},
            )
            campaign.full_clean()
            campaign.save()
            self.ids[name] = campaign.pk
            self._set_windows(campaign.pk, facts.get("windows", []))

    def do(self, event: Json) -> Any:
        do, at, actor = event["do"], instant(event["at"]), event.get("by", "vectors")
        match do:
            case "spend" | "tick" | "pause" | "resume" | "activate" | "complete":
                act: Callable[[Json, datetime, str], Any] = getattr(self, do, self._by_hand)
                try:
                    return act(event, at, actor)
                except ValueError:  # a time that names no instant
                    return "refused"
            case "look":
                return None
            case "set":
                return self.edit(event, at, actor)
            case _:
                return getattr(self, do)(event, at, actor)

    def spend(self, event: Json, at: datetime, actor: str) -> Any:
        offered = entries_of(event)
        receipt = ledger.record_spend((self._entry(entry, event["at"]) for entry in offered), at=at, actor=actor)
        verdicts = ["recorded"] * len(offered)
        for index in receipt.duplicate_indexes:
            verdicts[index] = "duplicate"
        for rejection in receipt.rejected:
            verdicts[rejection.index] = rejection.code
        assert receipt.recorded == verdicts.count("recorded")
        names = {pk: name for name, pk in self.ids.items() if name not in self.brands}
        return verdicts, sorted(names[pk] for pk in receipt.paused) if "paused" in event else None

    def _entry(self, entry: Json, at: str) -> ledger.SpendEntry:
        amount = entry["amount"]
        return ledger.SpendEntry(
            self.ids.get(entry["campaign"], NOBODY),
            amount,
            instant(entry.get("spent_at", at)),
            entry.get("reference", ""),
            entry.get("description", ""),
        )

    def restate(self, event: Json, at: datetime, actor: str) -> Decimal | str:
        campaign, day = self.ids.get(event["campaign"], NOBODY), date.fromisoformat(event["day"])
        receipt = ledger.set_daily_totals([DayTotal(campaign, day, event["total"])], at=at, actor=actor)
        return receipt.rejected[0].code if receipt.rejected else receipt.differences[0]

    def tick(self, event: Json, at: datetime, actor: str) -> Any:
        owned, _ = TICKS[event["kind"]]
        force, dry_run = bool(event.get("force")), bool(event.get("dry_run"))
        changes = asdict(enforcement.reconcile(at=at, owned=owned, force=force, dry_run=dry_run, actor=actor))
        return {name: changes[name] for name in event["changes"]} if "changes" in event else None

    def _by_hand(self, event: Json, at: datetime, actor: str) -> None:
        getattr(enforcement, event["do"])([self.ids[event["campaign"]]], at=at, actor=actor)

    def edit(self, event: Json, at: datetime, actor: str) -> str | None:
        """Edit as people's doors do: judged, saved and put right in one transaction."""
        name, to = event["name"], dict(event["to"])
        windows = to.pop("windows", None)
        if "zone" in to:
            to["timezone"] = to.pop("zone")
        edited = self._row(name)
        brand_id = edited.pk if isinstance(edited, Brand) else edited.brand_id
        try:
            with transaction.atomic():
                Brand.objects.lock([brand_id])
                for field, value in to.items():
                    setattr(edited, field, value)
                edited.full_clean()
                edited.save()
                if windows is not None:
                    self._set_windows(edited.pk, windows)
                if "timezone" in to:
                    enforcement.move_clock(brand_id)
                enforcement.reconcile(at=at, brand_ids=[brand_id], actor=actor)
        except ValidationError:
            return "refused"
        return None

    def _set_windows(self, campaign_id: int, windows: list[str]) -> None:
        DaypartingSchedule.objects.filter(campaign=campaign_id).delete()
        for day, start, end, on in windows_of(windows):
            window = DaypartingSchedule(
                campaign_id=campaign_id, day_of_week=day, start_time=start, end_time=end, is_active=on
            )
            window.full_clean()
            window.save()

    def delete(self, event: Json, *_: object) -> str | None:
        row: Any = (
            SpendLog.objects.get(campaign=self.ids[event["campaign"]], reference=event["entry"])
            if "entry" in event
            else self._row(event["name"])
        )
        try:
            row.delete()
        except (ProtectedError, AppendOnly):
            return "refused"
        return None

    def explain(self, event: Json, at: datetime, _actor: str) -> Json:
        explanation = explain(self.ids[event["campaign"]], at=at)
        return {
            "running": explanation.running,
            "holds": [hold.code for hold in explanation.holds],
            "next_change_at": explanation.next_change_at,
            "then": explanation.then,
        }

    def show(self, event: Json, *_: object) -> str:
        return format_money(Decimal(event["amount"]), Brand.objects.get(pk=self.ids[event["brand"]]).currency)

    def state(self, name: str) -> Json:
        row = self._row(name)
        counters = {"daily": row.daily_spend, "monthly": row.monthly_spend}
        if isinstance(row, Brand):
            return counters
        history = [
            {
                "at": change.at,
                "from": change.from_status,
                "to": change.to_status,
                "from_holds": Hold(change.from_holds).codes,
                "to_holds": Hold(change.to_holds).codes,
                "by": change.actor,
                "facts": change.decided_on(),
            }
            for change in StatusChange.objects.filter(campaign=row).order_by("pk")
        ]
        return {
            **counters,
            "total": row.total_spend,
            "status": row.status,
            "holds": row.hold_set.codes,
            "history": history,
        }

    def day(self, name: str, day: date) -> Decimal:
        days: Any = BrandDailySpend.objects if name in self.brands else DailySpend.objects
        owner = "brand" if name in self.brands else "campaign"
        amount: Decimal | None = (
            days.filter(**{owner: self.ids[name]}, day=day).values_list("amount", flat=True).first()
        )
        return amount or Decimal(0)

    def _row(self, name: str) -> Brand | Campaign:
        rows: Any = Brand.objects if name in self.brands else Campaign.objects
        row: Brand | Campaign = rows.get(pk=self.ids[name])
        return row


class InOracle:
    """The oracle, which knows no database: it judges no text, and keeps no history."""

    def __init__(self, story: Story) -> None:
        self.oracle = Oracle()
        self.ids = {name: number for number, name in enumerate([*story.brands, *story.campaigns], start=1)}
        self.brands = set(story.brands)
        for name, facts in story.brands.items():
            brand = self.oracle.brands[self.ids[name]] = OracleBrand()
            self._set(brand, facts)
        for name, facts in story.campaigns.items():
            given = {key: value for key, value in facts.items() if key != "brand"}
            campaign = self.oracle.campaigns[self.ids[name]] = OracleCampaign(
                brand=self.ids[facts["brand"]], status=given.pop("status", "ACTIVE")
            )
            self._set(campaign, given)

    @staticmethod
    def can_play(story: Story) -> bool:
        """Whether it knows all that happens."""
        return all(
            event["do"] not in ("show", "delete")
            and ("refused" not in event or "zone" in event.get("to", {}))
            and not any("history" in state for state in event.get("then", {}).values())
            and "reset" not in event.get("changes", {})
            and not event.get("dry_run")
            and {entry.get("verdict") for entry in entries_of(event)}.isdisjoint(
                {"invalid_amount", "invalid_timestamp", "unknown_campaign"}
            )
            for event in story.events
        )

    def do(self, event: Json) -> Any:
        do: str = event["do"]
        return getattr(self, "edit" if do == "set" else do)(event, instant(event["at"]))

    def spend(self, event: Json, at: datetime) -> Any:
        running = self._running()
        verdicts = self.oracle.record_all(
            [
                Entry(
                    self.ids[entry["campaign"]],
                    Decimal(entry["amount"]),
                    instant(entry.get("spent_at") or event["at"]),
                    entry.get("reference", ""),
                    entry.get("description", ""),
                )
                for entry in entries_of(event)
            ],
            at,
        )
        return verdicts, sorted(running - self._running()) if "paused" in event else None

    def restate(self, event: Json, at: datetime) -> Decimal | str:
        day = date.fromisoformat(event["day"])
        return self.oracle.restate(self.ids[event["campaign"]], day, Decimal(event["total"]), at)

    def tick(self, event: Json, at: datetime) -> Any:
        _, owned = TICKS[event["kind"]]
        before = self._statuses()
        self.oracle.tick(at, owned, force=bool(event.get("force")))
        after = self._statuses()
        moves: dict[str, Callable[[str, str], bool]] = {
            "activated": lambda was, now: was in ("DRAFT", "COMPLETED") and now in ("ACTIVE", "PAUSED"),
            "paused": lambda was, now: (was, now) == ("ACTIVE", "PAUSED"),
            "resumed": lambda was, now: (was, now) == ("PAUSED", "ACTIVE"),
            "completed": lambda was, now: was != now == "COMPLETED",
        }
        changes = {what: sum(moves[what](before[pk], after[pk]) for pk in before) for what in event.get("changes", ())}
        return changes or None

    def edit(self, event: Json, at: datetime) -> str | None:
        pk, to = self.ids[event["name"]], event["to"]
        if event["name"] in self.brands:
            if "zone" in to and not self.oracle.move(pk, to["zone"]):
                return "refused"
            self._set(self.oracle.brands[pk], to)
            self.oracle.tick_brand(pk, at, ENGINE_HOLDS)
        else:
            self._set(self.oracle.campaigns[pk], to)
            self.oracle.tick_brand(self.oracle.campaigns[pk].brand, at, ENGINE_HOLDS)
        return None

    def _set(self, counters: Counters, to: Json) -> None:
        for key, value in to.items():
            match key:
                case "zone" | "currency":
                    if key == "zone":
                        setattr(counters, key, value)
                case "is_active":
                    setattr(counters, "active", value)  # noqa: B010
                case "windows":
                    windows = [Window(day, start, end) for day, start, end, on in windows_of(value) if on]
                    setattr(counters, key, windows)
                case "start_date" | "end_date":
                    setattr(counters, key, a_day(value))
                case _:
                    setattr(counters, key, None if value is None else Decimal(value))

    def pause(self, event: Json, _at: datetime) -> None:
        self.oracle.pause(self.ids[event["campaign"]])

    def resume(self, event: Json, at: datetime) -> None:
        self.oracle.resume(self.ids[event["campaign"]], at)

    def activate(self, event: Json, at: datetime) -> None:
        self.oracle.activate(self.ids[event["campaign"]], at)

    def complete(self, event: Json, _at: datetime) -> None:
        self.oracle.complete(self.ids[event["campaign"]])

    def look(self, _event: Json, _at: datetime) -> None:
        pass

    def explain(self, event: Json, at: datetime) -> Json:
        pk = self.ids[event["campaign"]]
        status, holds = self.oracle.decided(pk, at)
        change = self.oracle.next_change(pk, at)
        return {
            "running": status == "ACTIVE",
            "holds": in_order(holds),
            "next_change_at": change and change[0],
            "then": change and change[1],
        }

    def state(self, name: str) -> Json:
        if name in self.brands:
            brand = self.oracle.brands[self.ids[name]]
            entries = self.oracle.of_brand(self.ids[name])
            return {"daily": counted(entries, brand.daily_since), "monthly": counted(entries, brand.monthly_since)}
        campaign, entries = self.oracle.campaigns[self.ids[name]], self.oracle.of_campaign(self.ids[name])
        return {
            "status": campaign.status,
            "holds": in_order(campaign.holds),
            "daily": counted(entries, campaign.daily_since),
            "monthly": counted(entries, campaign.monthly_since),
            "total": counted(entries, LONG_AGO),
        }

    def day(self, name: str, day: date) -> Decimal:
        pk = self.ids[name]
        campaigns = [pk] if name not in self.brands else [c for c, x in self.oracle.campaigns.items() if x.brand == pk]
        return sum((self.oracle.day_total(campaign, day) for campaign in campaigns), Decimal(0))

    def _statuses(self) -> dict[int, str]:
        return {pk: campaign.status for pk, campaign in self.oracle.campaigns.items()}

    def _running(self) -> set[str]:
        names = {pk: name for name, pk in self.ids.items()}
        return {names[pk] for pk, status in self._statuses().items() if status == "ACTIVE"}


def in_order(holds: set[str]) -> list[str]:
    return [hold.name for hold in Hold if hold.name in holds]

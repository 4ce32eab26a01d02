"""Importing by hand: upload, preview, confirm. What a person confirms is what they saw, and it counts once."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerError

from campaigns import intake, tasks, uploads
from campaigns.importing import open_spend
from campaigns.intake import Overtaken
from campaigns.ledger import set_daily_totals
from campaigns.models import Brand, Campaign, DailySpend, SpendImport, SpendLog, StatusChange
from campaigns.tests.factories import BrandFactory, CampaignFactory

pytestmark = pytest.mark.django_db

IMPORTS = "/admin/campaigns/spendimport/"
ADD = f"{IMPORTS}add/"
TEXT = "date,brand,campaign,amount\n2026-10-01,Acme,Spring,10.5\n2026-10-02,Acme,Spring,2\n"
COLUMNS = {
    "date_column": "date",
    "brand_column": "brand",
    "campaign_columns": "campaign",
    "amount_column": "amount",
    "external_id_column": "external_id",
}


class Queue:
    """The messages that reached the broker, which a test may deliver as often as it likes, or lose."""

    def __init__(self) -> None:
        self.sent: list[int] = []

    def send(self, name: str, args: list[int]) -> None:
        assert name == tasks.work_on_import.name
        self.sent += args

    def deliver(self) -> None:
        for import_id in self.sent:
            tasks.work_on_import.apply(args=(import_id,), throw=True)


@pytest.fixture(autouse=True)
def media(settings: Any, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Queue:
    """Every file is too large to be done at once."""
    queue = Queue()
    monkeypatch.setattr("campaigns.uploads.AT_ONCE", 0)
    monkeypatch.setattr("campaigns.uploads.current_app.send_task", queue.send)
    return queue


@pytest.fixture
def spring() -> Campaign:
    return CampaignFactory.create(brand=BrandFactory.create(name="Acme", currency="EUR"), name="Spring")


def upload(page: Client, text: str | bytes = TEXT, **fields: Any) -> SpendImport:
    """Upload a file, which must be taken, and give what is kept of it."""
    content = text if isinstance(text, bytes) else text.encode()
    response = page.post(ADD, {"file": SimpleUploadedFile("spend.csv", content), **COLUMNS, **fields})
    assert response.status_code == 302, response.context["form"].errors
    kept = SpendImport.objects.latest("pk")
    assert response["Location"] == f"{IMPORTS}{kept.pk}/change/"
    return kept


def act(page: Client, kept: SpendImport, step: str, **data: str) -> Any:
    response = page.post(f"{IMPORTS}{kept.pk}/{step}/", {"digest": kept.digest, **data}, follow=True)
    kept.refresh_from_db()
    return response


def shown(page: Client, kept: SpendImport) -> str:
    kept.refresh_from_db()
    return page.get(f"{IMPORTS}{kept.pk}/change/").content.decode()


def days() -> dict[str, Decimal]:
    return {str(day): amount for day, amount in DailySpend.objects.values_list("day", "amount")}


def files() -> list[str]:
    return default_storage.listdir("imports")[1] if default_storage.exists("imports") else []


def test_an_upload_shows_what_it_would_change_and_changes_nothing(admin_page: Client, spring: Campaign) -> None:
    kept = upload(admin_page, TEXT + "2026-11-01,Acme,Spring,1\n2026-11-02,Acme,spring,1\nx,Acme,Spring,1\n")

    page = shown(admin_page, kept)

    assert kept.state == "READY"
    for expected in (
        "Waits for you",
        "EUR 14.50",
        "EUR +12.50",
        "EUR +1.00",
        "2026-10",
        "2026-11",
        "2 rows are refused and would not count",
        "&#x27;x&#x27; is not a date",
        "Acme has no campaign &#x27;spring&#x27;. It has &#x27;Spring&#x27;, which is written differently.",
        "Confirm and import",
    ):
        assert expected in page
    assert not SpendLog.objects.exists()


def test_what_is_confirmed_is_imported_by_the_person_and_its_file_is_deleted(
    admin_page: Client, spring: Campaign
) -> None:
    Campaign.objects.update(total_budget=Decimal(12))
    kept = upload(admin_page)
    assert len(files()) == 1

    act(admin_page, kept, "confirm")

    assert (kept.state, kept.confirmed_by, kept.file.name) == ("DONE", User.objects.get(), "")
    assert kept.finished_at is not None
    assert days() == {"2026-10-01": Decimal("10.5"), "2026-10-02": Decimal(2)}
    assert files() == []
    assert StatusChange.objects.get().actor == "user:alice"
    page = shown(admin_page, kept)
    for expected in (
        "Imported",
        "EUR +12.50",
        "Paused by this spend",
        f"/admin/campaigns/campaign/{spring.pk}/change/",
    ):
        assert expected in page
    assert "Confirm and import" not in page


def test_confirmed_twice_it_is_imported_once(admin_page: Client, spring: Campaign, queue: Queue) -> None:
    kept = upload(admin_page)
    queue.deliver()

    act(admin_page, kept, "confirm")
    again = act(admin_page, kept, "confirm")

    assert "It does not wait to be confirmed any more" in again.content.decode()
    assert len(queue.sent) == 2  # one to check it, one to import it
    queue.deliver()
    assert SpendLog.objects.count() == 2


def test_a_task_delivered_twice_is_harmless(admin_page: Client, spring: Campaign, queue: Queue) -> None:
    kept = upload(admin_page)
    queue.deliver()
    act(admin_page, kept, "confirm")

    queue.deliver()
    kept.refresh_from_db()
    first = (kept.state, kept.result, kept.finished_at)
    queue.deliver()

    kept.refresh_from_db()
    assert (kept.state, kept.result, kept.finished_at) == first
    assert kept.result is not None
    assert kept.result["entries"] == 2
    assert SpendLog.objects.count() == 2


def test_nothing_is_imported_before_it_is_confirmed_however_often_its_task_comes(
    admin_page: Client, spring: Campaign, queue: Queue
) -> None:
    upload(admin_page)

    for _ in range(3):
        queue.deliver()

    assert not SpendLog.objects.exists()


def test_another_file_than_the_one_that_was_seen_is_not_confirmed(admin_page: Client, spring: Campaign) -> None:
    kept = upload(admin_page)

    act(admin_page, kept, "confirm", digest="0" * 64)

    assert kept.state == "READY"
    assert not SpendLog.objects.exists()


def test_a_file_that_was_changed_behind_the_preview_is_refused(
    admin_page: Client, spring: Campaign, media: Path
) -> None:
    kept = upload(admin_page)
    Path(kept.file.path).write_text(TEXT.replace("10.5", "99"))

    act(admin_page, kept, "confirm")

    assert (kept.state, kept.error) == (
        "REFUSED",
        "The file has changed since it was uploaded: upload it again. Nothing was imported.",
    )
    assert not SpendLog.objects.exists()


def test_a_file_that_makes_no_sense_is_refused_with_the_reason_and_deleted(admin_page: Client) -> None:
    kept = upload(admin_page, b"\x00\x01")

    page = shown(admin_page, kept)

    assert kept.state == "REFUSED"
    assert "Nothing was imported." in page
    assert "Confirm and import" not in page
    assert files() == []


def test_what_was_refused_keeps_its_reason_when_somebody_starts_it_again(admin_page: Client, queue: Queue) -> None:
    kept = upload(admin_page, b"\x00\x01")
    queue.deliver()

    act(admin_page, kept, "again")
    queue.deliver()

    assert kept.state == "REFUSED"
    assert "Nothing was imported." in kept.error


def test_a_discarded_upload_is_deleted_and_cannot_be_confirmed(admin_page: Client, spring: Campaign) -> None:
    kept = upload(admin_page)

    said = act(admin_page, kept, "discard").content.decode()
    act(admin_page, kept, "confirm")

    assert "spend.csv was discarded. Nothing was imported." in said
    assert kept.state == "DISCARDED"
    assert files() == []
    assert not SpendLog.objects.exists()


def test_what_is_imported_cannot_be_discarded(admin_page: Client, spring: Campaign) -> None:
    kept = upload(admin_page)
    act(admin_page, kept, "confirm")

    said = act(admin_page, kept, "discard").content.decode()

    assert "It cannot be discarded any more" in said
    assert kept.state == "DONE"


def test_a_file_that_the_ledger_has_already_leaves_nothing_to_confirm(admin_page: Client, spring: Campaign) -> None:
    act(admin_page, upload(admin_page), "confirm")

    page = shown(admin_page, upload(admin_page))

    assert "there is nothing to import" in page
    assert "Confirm and import" not in page


def test_a_file_whose_rows_are_all_refused_is_not_called_known(admin_page: Client, spring: Campaign) -> None:
    page = shown(admin_page, upload(admin_page, TEXT.replace("Acme", "Nobody")))

    assert "Every row is refused, so there is nothing to import: see below why." in page
    assert "there is no brand &#x27;Nobody&#x27;" in page
    assert "The ledger has" not in page
    assert "Confirm and import" not in page


def test_a_file_of_which_the_ledger_has_all_but_refused_rows_says_so(admin_page: Client, spring: Campaign) -> None:
    act(admin_page, upload(admin_page), "confirm")

    page = shown(admin_page, upload(admin_page, TEXT + "x,Acme,Spring,1\n"))

    assert "The ledger has the other rows already: there is nothing to import." in page


def test_missing_campaigns_are_shown_with_near_names_and_made_on_confirmation(
    admin_page: Client, spring: Campaign
) -> None:
    kept = upload(admin_page, TEXT.replace("Spring", "spring"), create_missing="on")

    page = shown(admin_page, kept)
    assert "Some new campaigns have almost the name of another one" in page
    assert not Campaign.objects.filter(name="spring").exists()
    act(admin_page, kept, "confirm")

    assert Campaign.objects.get(name="spring").status == "ACTIVE"


def test_brands_are_not_made_here(admin_page: Client) -> None:
    kept = upload(admin_page, create_missing="on")

    assert "there is no brand &#x27;Acme&#x27;" in shown(admin_page, kept)


def test_the_brand_and_the_columns_may_be_said(admin_page: Client, spring: Campaign) -> None:
    said = {"date_column": "Day", "campaign_columns": "Source, Name", "amount_column": "Cost"}
    brand = spring.brand_id

    kept = upload(
        admin_page, "Day,Source,Name,Cost\n2026-10-01,Google,Spring,1\n", brand=brand, create_missing="on", **said
    )
    act(admin_page, kept, "confirm")

    assert Campaign.objects.get(total_spend=1).name == "Google / Spring"
    assert "brand Acme; makes campaigns that are missing" in shown(admin_page, kept)


def test_a_brand_that_is_renamed_after_the_preview_is_still_the_one_that_was_chosen(
    admin_page: Client, spring: Campaign
) -> None:
    kept = upload(admin_page, "date,campaign,amount\n2026-10-01,Spring,1\n", brand=spring.brand_id)

    Brand.objects.update(name="Acme Group")
    act(admin_page, kept, "confirm")

    assert kept.state == "DONE"
    assert days() == {"2026-10-01": Decimal(1)}


def test_what_is_refused_row_by_row_after_the_preview_is_not_called_imported(
    admin_page: Client, spring: Campaign
) -> None:
    kept = upload(admin_page)

    Brand.objects.update(name="Acme Group")
    act(admin_page, kept, "confirm")

    assert (kept.state, kept.error) == ("REFUSED", "Every row is refused now: see below why.")
    assert "there is no brand &#x27;Acme&#x27;" in shown(admin_page, kept)
    assert not SpendLog.objects.exists()


def test_a_file_over_the_limit_is_refused_with_a_clear_message(admin_page: Client, settings: Any) -> None:
    settings.UPLOAD_LIMIT_MB = 1
    large = SimpleUploadedFile("large.csv", b"x" * (1024 * 1024 + 1))

    page = admin_page.post(ADD, {"file": large, **COLUMNS}).content.decode()

    assert "1.0\xa0MB is the most that can be uploaded here" in page
    assert not SpendImport.objects.exists()
    assert files() == []


def test_an_empty_file_or_none_is_refused_on_the_form(admin_page: Client) -> None:
    empty = admin_page.post(ADD, {"file": SimpleUploadedFile("empty.csv", b""), **COLUMNS}).content.decode()
    none = admin_page.post(ADD, COLUMNS).content.decode()
    no_column = admin_page.post(
        ADD, {"file": SimpleUploadedFile("a.csv", b"a"), **COLUMNS, "campaign_columns": " , "}
    ).content.decode()

    assert "The submitted file is empty." in empty
    assert "This field is required." in none
    assert "Name at least one column." in no_column


def test_a_small_workbook_that_holds_much_is_left_to_a_worker(
    admin_page: Client, spring: Campaign, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("campaigns.uploads.AT_ONCE", 256 * 1024)
    book = openpyxl.Workbook()
    for line in ("date,brand,campaign,amount", *["2026-10-01,Acme,Spring,1"] * 6_000):
        book.active.append(line.split(","))  # type: ignore[union-attr]
    file = io.BytesIO()
    book.save(file)

    upload(admin_page)
    kept = upload(admin_page, file.getvalue())

    assert kept.size < 256 * 1024
    assert queue.sent == [kept.pk]


def test_when_the_broker_is_away_the_page_says_so_and_nothing_is_lost(
    admin_page: Client, spring: Campaign, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> None:
        raise BrokerError("connection refused")

    with monkeypatch.context() as patch:
        patch.setattr("campaigns.uploads.current_app.send_task", away)
        kept = upload(admin_page)
        page = shown(admin_page, kept)
    assert "does not answer, so no worker knows of it yet. Nothing is lost." in page
    assert "Start again" in page

    act(admin_page, kept, "again")
    queue.deliver()

    assert "Confirm and import" in shown(admin_page, kept)


def test_the_page_asks_how_far_it_is_until_it_waits_for_somebody(
    admin_page: Client, spring: Campaign, queue: Queue
) -> None:
    kept = upload(admin_page)
    url = f"{IMPORTS}{kept.pk}/progress/"

    assert f'data-import-progress="{url}"' in shown(admin_page, kept)
    assert admin_page.get(url).json() == {"waits": False, "words": "Waits for a worker", "percent": None}
    kept.progress = {"step": "Recording", "done": 20_000, "percent": 40}
    kept.save()
    assert admin_page.get(url).json() == {"waits": False, "words": "Recording: 20,000 days of campaigns", "percent": 40}
    queue.deliver()
    assert admin_page.get(url).json()["waits"] is True


def test_progress_is_noted_while_a_worker_has_the_file(
    admin_page: Client, spring: Campaign, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    import_daily_totals = intake.import_daily_totals

    def looking(*args: Any, watch: Any, **options: Any) -> Any:
        def watched(*step: Any) -> None:
            watch(*step)
            seen.append(SpendImport.objects.get().progress)

        return import_daily_totals(*args, watch=watched, **options)

    monkeypatch.setattr("campaigns.uploads.import_daily_totals", looking)
    kept = upload(admin_page)
    queue.deliver()
    act(admin_page, kept, "confirm")
    queue.deliver()

    assert [(each["step"], each["done"], each["percent"]) for each in seen] == [
        ("Reading", 2, 100),
        ("Checking", 2, 100),
        ("Reading", 2, 100),
        ("Recording", 2, 100),
    ]


def test_silence_of_the_worker_is_noticed(admin_page: Client, spring: Campaign, queue: Queue) -> None:
    kept = upload(admin_page)
    assert "Start again" not in shown(admin_page, kept)

    SpendImport.objects.update(moved_at=timezone.now() - timedelta(minutes=6))

    page = shown(admin_page, kept)
    assert "Nothing was heard of it for a while" in page
    assert "Start again" in page
    assert "Discard" in page


def test_a_page_that_waits_for_a_person_does_not_reload_itself(
    admin_page: Client, spring: Campaign, queue: Queue
) -> None:
    kept = upload(admin_page)
    assert "campaigns/import.js" in shown(admin_page, kept)

    SpendImport.objects.update(moved_at=timezone.now() - timedelta(minutes=6))

    page = shown(admin_page, kept)
    for poll in ("data-import-progress", "campaigns/import.js", "http-equiv"):
        assert poll not in page


def test_work_is_heard_of_before_a_large_file_is_looked_through(
    admin_page: Client, spring: Campaign, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = upload(admin_page)
    SpendImport.objects.update(moved_at=timezone.now() - timedelta(hours=1))
    seen: list[str] = []

    def looking(*args: Any) -> Any:
        seen.append(shown(admin_page, kept))
        return open_spend(*args)

    monkeypatch.setattr("campaigns.uploads.open_spend", looking)
    queue.deliver()

    assert "Reading: 0 rows" in seen[0]
    assert "Start again" not in seen[0]


def test_an_import_that_breaks_off_says_so_and_goes_on_when_it_is_started_again(
    admin_page: Client, spring: Campaign, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("disk full")

    kept = upload(admin_page)
    with monkeypatch.context() as patch:
        patch.setattr("campaigns.uploads.import_daily_totals", broken)
        tasks.work_on_import.apply(args=(kept.pk,))
    assert "It broke off: disk full" in shown(admin_page, kept)

    act(admin_page, kept, "again")
    queue.deliver()

    assert "Confirm and import" in shown(admin_page, kept)


def test_an_import_that_was_started_again_says_that_its_changes_are_of_the_last_attempt(
    admin_page: Client, spring: Campaign, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = upload(admin_page)
    queue.deliver()
    act(admin_page, kept, "confirm")
    said = "started again. The entries recorded and what it changed are those of the last attempt"

    def halting(totals: list[Any], **options: Any) -> Any:
        if SpendLog.objects.exists():
            raise RuntimeError("disk full")
        return set_daily_totals(totals, **options)

    with monkeypatch.context() as patch:
        patch.setattr("campaigns.intake.BATCH_SIZE", 1)
        patch.setattr("campaigns.intake.set_daily_totals", halting)
        tasks.work_on_import.apply(args=(kept.pk,))
    assert SpendLog.objects.count() == 1
    act(admin_page, kept, "again")
    queue.deliver()

    page = shown(admin_page, kept)
    assert (kept.state, kept.result and kept.result["entries"]) == ("DONE", 1)
    assert said in page
    assert "EUR 12.50" in page
    once = upload(admin_page, TEXT.replace("10.5", "11"))
    queue.deliver()
    act(admin_page, once, "confirm")
    queue.deliver()
    assert said not in shown(admin_page, once)


def test_a_small_file_that_breaks_off_at_once_says_so(
    admin_page: Client, spring: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: Any, **__: Any) -> None:
        raise OperationalError("database is locked")

    with monkeypatch.context() as patch:
        patch.setattr("campaigns.uploads.import_daily_totals", busy)
        kept = upload(admin_page)

    assert "It broke off: database is locked" in shown(admin_page, kept)
    act(admin_page, kept, "again")
    assert kept.state == "READY"


@pytest.mark.parametrize("in_a_worker", [False, True])
def test_an_import_whose_file_is_gone_says_so_without_a_path_and_can_be_discarded(
    admin_page: Client, spring: Campaign, media: Path, monkeypatch: pytest.MonkeyPatch, *, in_a_worker: bool
) -> None:
    kept = upload(admin_page)
    Path(kept.file.path).unlink()
    if in_a_worker:
        monkeypatch.setattr("campaigns.uploads.AT_ONCE", 0)
        monkeypatch.setattr("campaigns.uploads.current_app.send_task", lambda *_: None)

    act(admin_page, kept, "confirm")
    if in_a_worker:
        tasks.work_on_import.apply(args=(kept.pk,))

    page = shown(admin_page, kept)
    assert "The uploaded file is no longer there: upload it again." in page
    assert str(media) not in page
    assert "Discard" in page
    said = act(admin_page, kept, "discard").content.decode()
    assert kept.state == "DISCARDED"
    assert "spend.csv was discarded. What it had recorded before it broke off stays." in said


def test_an_import_that_goes_on_cannot_be_discarded(admin_page: Client, spring: Campaign, queue: Queue) -> None:
    kept = upload(admin_page)
    queue.deliver()
    act(admin_page, kept, "confirm")

    said = act(admin_page, kept, "discard").content.decode()

    assert "It cannot be discarded any more" in said
    assert kept.state == "IMPORTING"


def test_an_import_whose_worker_died_for_good_can_be_discarded_once_none_can_be_at_it(
    admin_page: Client, spring: Campaign, queue: Queue
) -> None:
    kept = upload(admin_page)
    queue.deliver()
    act(admin_page, kept, "confirm")
    queue.sent.clear()  # it killed its worker, too often: nobody is left to say so
    SpendImport.objects.update(moved_at=timezone.now() - timedelta(minutes=55))
    page = shown(admin_page, kept)
    assert "Start again" in page
    assert "Discard" not in page
    assert "It cannot be discarded any more" in act(admin_page, kept, "discard").content.decode()

    SpendImport.objects.update(moved_at=timezone.now() - timedelta(minutes=61))

    assert "Discard" in shown(admin_page, kept)
    said = act(admin_page, kept, "discard").content.decode()
    assert "spend.csv was discarded. What it had recorded before it broke off stays." in said
    assert (kept.state, files()) == ("DISCARDED", [])


def test_what_the_system_says_of_a_path_is_shown_without_it(
    admin_page: Client, spring: Campaign, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device", str(media))

    monkeypatch.setattr("campaigns.uploads.import_daily_totals", full)

    kept = upload(admin_page)

    assert kept.error == "It broke off: No space left on device"


def test_an_import_overtaken_by_somebody_else_is_checked_again_before_it_counts(
    admin_page: Client, spring: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overtaken(*_: Any, **__: Any) -> None:
        raise Overtaken

    kept = upload(admin_page)
    with monkeypatch.context() as patch:
        patch.setattr("campaigns.uploads.import_daily_totals", overtaken)
        act(admin_page, kept, "confirm")
    assert kept.state == "CHECKING"
    assert "Somebody made or changed campaigns of this file meanwhile" in shown(admin_page, kept)

    act(admin_page, kept, "again")

    assert kept.state == "READY"


def test_days_a_week_apart_are_pointed_out_before_anything_counts(admin_page: Client, spring: Campaign) -> None:
    kept = upload(admin_page, TEXT.replace("10-02", "10-08"))

    assert "All days of the file lie whole weeks apart" in shown(admin_page, kept)


@pytest.mark.parametrize("checked", [True, False])
def test_an_upload_that_nobody_confirms_is_deleted_after_a_day(
    admin_page: Client, spring: Campaign, queue: Queue, *, checked: bool
) -> None:
    kept = upload(admin_page)
    if checked:
        queue.deliver()
    now = timezone.now()

    uploads.discard_forgotten(at=now + timedelta(hours=23))
    assert len(files()) == 1
    uploads.discard_forgotten(at=now + timedelta(hours=25))

    assert "Nobody confirmed it within a day: upload it again." in shown(admin_page, kept)
    assert (kept.state, files()) == ("DISCARDED", [])


def test_an_import_that_broke_off_is_kept_however_long(admin_page: Client, spring: Campaign, queue: Queue) -> None:
    kept = upload(admin_page)
    queue.deliver()
    act(admin_page, kept, "confirm")

    uploads.discard_forgotten(at=timezone.now() + timedelta(days=30))

    kept.refresh_from_db()
    assert (kept.state, len(files())) == ("IMPORTING", 1)


def test_beat_deletes_what_nobody_confirms(admin_page: Client, spring: Campaign, settings: Any) -> None:
    kept = upload(admin_page)
    SpendImport.objects.update(moved_at=timezone.now() - timedelta(days=2))

    tasks.discard_forgotten_imports.apply(throw=True)

    kept.refresh_from_db()
    assert kept.state == "DISCARDED"
    assert tasks.discard_forgotten_imports.name in {each["task"] for each in settings.CELERY_BEAT_SCHEDULE.values()}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (TEXT.replace("2026-10-0", "03/0").replace(",Acme", "/2026,Acme"), "Say it under Dates."),
        (TEXT.replace("10.5", '"1,234"'), "Say which is the decimal mark under Decimal mark"),
        (TEXT.replace("10.5", "0.1234567"), "Choose Round amounts of more than six decimals to have such"),
        ("Day,Campaign,Cost\n", "say which under Brand."),
        (TEXT.replace("amount", "sum"), "Name the right ones under Columns of a plain file with other headers, or"),
        ("Week,Campaign,Cost\n", "name its columns of dates, campaigns and amounts."),
    ],
)
def test_what_a_file_leaves_open_is_asked_for_in_the_words_of_the_form(
    admin_page: Client, spring: Campaign, text: str, said: str
) -> None:
    kept = upload(admin_page, text)

    form = admin_page.get(ADD).content.decode()
    page = shown(admin_page, kept)
    assert said in page
    assert "--" not in kept.error + str(kept.result)
    for label in ("Dates", "Decimal mark", "Round amounts of more than six decimals", "Brand"):
        assert label in form
    assert "Columns of a plain file with other headers" in form


def test_long_lists_are_cut_and_the_page_says_how_many_more_there_are(
    admin_page: Client, spring: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("campaigns.uploads.LINES_KEPT", 3)
    rows = "".join(f"2026-10-01,Acme,Unknown {number},1\n" for number in range(5))

    kept = upload(admin_page, TEXT + rows)

    assert "And 2 more." in shown(admin_page, kept)
    assert "5 rows are refused" in shown(admin_page, kept)


def user_with(*permissions: str) -> Client:
    user = User.objects.create_user(" ".join(["bob", *permissions]), is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def test_who_may_add_imports_may_do_all_of_it(spring: Campaign) -> None:
    page = user_with("add_spendimport")

    kept = upload(page)
    act(page, kept, "confirm")

    assert kept.state == "DONE"
    assert page.get(IMPORTS).status_code == 200


def test_campaigns_are_made_only_for_who_may_add_campaigns(spring: Campaign) -> None:
    page, maker = user_with("add_spendimport"), user_with("add_spendimport", "add_campaign")
    text = TEXT.replace("Spring", "Autumn")

    refused = upload(page, text, create_missing="on")

    assert "Make campaigns that are missing" not in page.get(ADD).content.decode()
    assert refused.options["create_missing"] is False
    assert "Acme has no campaign &#x27;Autumn&#x27;." in shown(page, refused)
    assert "Make campaigns that are missing" in maker.get(ADD).content.decode()
    act(maker, upload(maker, text, create_missing="on"), "confirm")
    assert Campaign.objects.filter(name="Autumn").exists()


def test_an_import_that_makes_campaigns_is_confirmed_only_by_who_may_add_them(spring: Campaign) -> None:
    page, maker = user_with("add_spendimport"), user_with("add_spendimport", "add_campaign")
    kept = upload(maker, TEXT.replace("Spring", "Autumn"), create_missing="on")

    seen = shown(page, kept)

    assert "Confirm and import" not in seen
    assert "somebody who may add campaigns has to confirm it" in seen
    assert page.post(f"{IMPORTS}{kept.pk}/confirm/", {"digest": kept.digest}).status_code == 403
    assert not Campaign.objects.filter(name="Autumn").exists()


def test_who_may_only_look_sees_the_history_and_changes_nothing(admin_page: Client, spring: Campaign) -> None:
    kept = upload(admin_page)
    page = user_with("view_spendimport")

    assert "Confirm and import" not in shown(page, kept)
    assert page.get(ADD).status_code == 403
    for step in ("confirm", "discard", "again"):
        assert page.post(f"{IMPORTS}{kept.pk}/{step}/", {"digest": kept.digest}).status_code == 403
    kept.refresh_from_db()
    assert kept.state == "READY"


def test_without_a_permission_there_is_nothing_to_see(admin_page: Client, spring: Campaign) -> None:
    kept = upload(admin_page)
    page = user_with()

    for url in (ADD, IMPORTS, f"{IMPORTS}{kept.pk}/change/", f"{IMPORTS}{kept.pk}/progress/"):
        assert page.get(url).status_code == 403


def test_the_history_cannot_be_edited_or_deleted(admin_page: Client, spring: Campaign) -> None:
    kept = upload(admin_page)

    assert admin_page.get(f"{IMPORTS}{kept.pk}/delete/").status_code == 403
    for step in ("confirm", "discard", "again"):
        assert admin_page.get(f"{IMPORTS}{kept.pk}/{step}/").status_code == 404
    assert admin_page.get(f"{IMPORTS}999999/change/").status_code == 404


def test_the_history_lists_imports_with_their_state_and_figures(admin_page: Client, spring: Campaign) -> None:
    act(admin_page, upload(admin_page), "confirm")
    upload(admin_page)

    page = admin_page.get(IMPORTS, {"q": "spend"}).content.decode()

    for expected in ("spend.csv", "Imported", "Waits for you", "alice", "As the file says"):
        assert expected in page
    assert "/admin/campaigns/spendimport/add/" in page


def test_a_name_of_a_file_is_text_and_nothing_else(admin_page: Client, spring: Campaign) -> None:
    text = TEXT.replace("Spring", "<script>alert(1)</script>")

    kept = upload(admin_page, text, create_missing="on")
    SpendImport.objects.update(name="<script>alert(2)</script>.csv")

    page = shown(admin_page, kept)
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_the_result_is_json_with_exact_amounts(admin_page: Client, spring: Campaign) -> None:
    kept = upload(admin_page)

    (line,) = json.loads(json.dumps(kept.result))["lists"]["campaigns"]["lines"]

    assert line["difference"] == "12.50"

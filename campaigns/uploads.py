"""An upload's way into the ledger: kept, checked, confirmed by a person, imported. The only writer of SpendImport.

What is to be done stands in its state, so a worker's task only says "go on": come twice, it finds nothing left to do,
and where it never came it is sent again. An import that runs twice sets the same totals twice (R9).
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, BinaryIO, cast

from celery import current_app
from django.contrib.auth.models import User
from django.core.files import File
from django.core.files.storage import default_storage
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from kombu.exceptions import OperationalError as BrokerError

from campaigns.importing import Asking, Columns, Reading, UnreadableFile, open_spend, unpacked_size
from campaigns.intake import Missing, Overtaken, Sheet, import_daily_totals
from campaigns.models import Brand, SpendImport
from campaigns.outages import broker_address, is_full

# Files of so many bytes, which as workbooks unpack to so many, are worked on while the person waits: a second or two.
AT_ONCE = 256 * 1024
AT_ONCE_UNPACKED = 1024 * 1024
# What nobody confirms is deleted after so long.
KEPT_FOR = timedelta(days=1)
# After so long without a word of it, no worker is at it any more: its time limit is shorter.
LONGEST_SILENCE = timedelta(hours=1)
# Lines of each list that are kept to be shown.
LINES_KEPT = 200

# What the form of an upload calls its choices.
FORM = Asking(
    brand="under Brand",
    columns="under Columns of a plain file with other headers, or choose a Brand",
    date_format="under Dates",
    decimal="under Decimal mark",
    round="Choose Round amounts of more than six decimals",
)

State = SpendImport.State
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Options:
    """What a person says of an uploaded file. As in `Reading` and `Missing`; a brand is made on its own page only."""

    brand: str = ""
    brand_id: int | None = None  # what identifies it, should it be renamed meanwhile
    date_format: str = ""
    decimal: str = ""
    round: bool = False
    create_missing: bool = False
    date_column: str = "date"
    brand_column: str = "brand"
    campaign_columns: tuple[str, ...] = ("campaign",)
    amount_column: str = "amount"
    external_id_column: str = "external_id"

    def reading(self) -> Reading:
        """How to read the file, with the brand as it is called now."""
        columns = Columns(
            date=self.date_column,
            brand=self.brand_column,
            campaign=tuple(self.campaign_columns),
            amount=self.amount_column,
            external_id=self.external_id_column,
        )
        chosen = Brand.objects.filter(pk=self.brand_id).first() if self.brand_id else None
        return Reading(
            brand=chosen.name if chosen else self.brand,
            columns=columns,
            date_format=self.date_format,
            decimal=self.decimal,
            round=self.round,
            asking=FORM,
        )


class FileGone(Exception):
    """The storage has the uploaded file no longer."""

    def __str__(self) -> str:
        return "The uploaded file is no longer there: upload it again."


def keep(file: File[bytes], name: str, options: Options, *, user: User, at: datetime) -> SpendImport:
    """Keep an uploaded file, to be checked."""
    digest = hashlib.sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    return SpendImport.objects.create(
        name=name[-255:],
        file=default_storage.save(f"imports/{digest.hexdigest()[:16]}", file),
        size=file.size,
        digest=digest.hexdigest(),
        options=asdict(options),
        uploaded_by=user,
        uploaded_at=at,
    )


def confirm(import_id: int, digest: str, *, user: User) -> bool:
    """Let it be imported, once: False where it does not wait for that, or is another file than the person saw."""
    waiting = SpendImport.objects.filter(pk=import_id, state=State.READY, digest=digest)
    return bool(waiting.update(state=State.IMPORTING, confirmed_by=user, progress={}, moved_at=Now()))


def discard(import_id: int, *, at: datetime) -> bool:
    """Give it up and delete its file: False where it is being imported, or over.

    An import that broke off may be given up, too: what it had recorded by then stays.
    """
    return _finish(_idle(at).filter(pk=import_id), State.DISCARDED, at=at)


def may_discard(import_id: int, *, at: datetime) -> bool:
    """Whether `discard` would give it up."""
    return _idle(at).filter(pk=import_id).exists()


def _idle(at: datetime) -> QuerySet[SpendImport]:
    """Those at which nobody is importing: not yet, or no longer, as it says or as its silence tells."""
    broke_off = ~Q(error="") | Q(moved_at__lt=at - LONGEST_SILENCE)
    return SpendImport.objects.filter(Q(state__in=(State.CHECKING, State.READY)) | Q(state=State.IMPORTING) & broke_off)


def discard_forgotten(*, at: datetime) -> int:
    """Give up what nobody has confirmed and nothing was heard of for a day, delete the files, and say how many."""
    forgotten = SpendImport.objects.filter(state__in=(State.CHECKING, State.READY), moved_at__lt=at - KEPT_FOR)
    reason = "Nobody confirmed it within a day: upload it again."
    return sum(
        _finish(forgotten.filter(pk=import_id), State.DISCARDED, at=at, error=reason)
        for import_id in list(forgotten.values_list("pk", flat=True))
    )


def start(import_id: int, *, at: datetime) -> None:
    """Do what its state says: a small file at once, a large one in a worker. What keeps it from that is noted on it."""
    upload = SpendImport.objects.get(pk=import_id)
    try:
        if _is_small(upload):
            work_on(import_id, at=at)
        else:
            told = SpendImport.objects.filter(pk=import_id, state__in=SpendImport.WORKING)
            told.update(error="", moved_at=Now())
            current_app.send_task("campaigns.tasks.work_on_import", [import_id])
    except BrokerError:
        break_off(
            import_id,
            f"The broker at {broker_address()} does not answer, so no worker knows of it yet. Nothing is lost.",
        )
    except Exception as error:
        logger.exception("Import %s broke off", import_id)
        break_off(import_id, in_words(error))


def _is_small(upload: SpendImport) -> bool:
    """Whether it is quickly done, or quickly refused. Raises FileGone."""
    if upload.size > AT_ONCE:
        return False
    with _kept(upload) as file, suppress(UnreadableFile):
        return unpacked_size(file) <= AT_ONCE_UNPACKED
    return True


def work_on(import_id: int, *, at: datetime) -> None:
    """Check the file or import it, as its state says; do nothing where neither is to be done.

    Raises what breaks it off: then it may be started again.
    """
    upload = SpendImport.objects.filter(pk=import_id, state__in=SpendImport.WORKING).first()
    if upload is None:
        return
    # Unless somebody else moved it on.
    waiting = SpendImport.objects.filter(pk=import_id, state=upload.state)
    options = Options(**upload.options)
    attempts = _begin(upload)
    try:
        with _copied(upload) as file, Sheet() as sheet:
            watch = _watch(upload, file)
            watch("Reading", 0, 0)
            receipt = import_daily_totals(
                open_spend(file, options.reading()),
                sheet,
                at=at,
                actor=f"user:{upload.confirmed_by.get_username()}" if upload.confirmed_by else "",
                missing=Missing(campaigns=options.create_missing),
                dry_run=upload.state == State.CHECKING,
                watch=watch,
            )
            result = {**receipt.summary(LINES_KEPT), "attempts": attempts}
    except UnreadableFile as error:
        _finish(waiting, State.REFUSED, at=at, error=f"{error} Nothing was imported.")
    except Overtaken as error:
        waiting.update(state=State.CHECKING, error=str(error))
    else:
        if upload.state == State.CHECKING:
            waiting.update(state=State.READY, result=result, error="", progress={})
        elif receipt.rows and receipt.refused == receipt.rows:
            reason = "Every row is refused now: see below why."
            _finish(waiting, State.REFUSED, at=at, result=result, error=reason)
        else:
            _finish(waiting, State.DONE, at=at, result=result)


def _begin(upload: SpendImport) -> int:
    """Note that the import begins, and say which attempt it is: the figures of what it changed are of one."""
    if upload.state == State.CHECKING:
        return 0
    seen = upload.result or {}
    attempts = int(seen.get("attempts", 0)) + 1
    importing = SpendImport.objects.filter(pk=upload.pk, state=State.IMPORTING)
    importing.update(result={**seen, "attempts": attempts})
    return attempts


def break_off(import_id: int, reason: str) -> None:
    """Note why it does not go on. Its state stays, so that it can be started again."""
    SpendImport.objects.filter(pk=import_id, state__in=SpendImport.WORKING).update(error=reason, progress={})


def in_words(error: Exception) -> str:
    """Why it broke off, without the server's paths."""
    if is_full(error):
        return "It broke off: the database's disk is full. Make room there, then start it again: nothing counts twice."
    told = error.strerror if isinstance(error, OSError) else str(error)
    return f"It broke off: {told or type(error).__name__}"


def _finish(waiting: QuerySet[SpendImport], after: str, *, at: datetime, **changes: Any) -> bool:
    """Move it to its last state, unless somebody did so before and it waits no longer, and delete its file."""
    name = waiting.values_list("file", flat=True).first()
    changed = waiting.update(state=after, file="", finished_at=at, progress={}, **{"error": "", **changes})
    if changed and name:
        default_storage.delete(name)
    return bool(changed)


def _kept(upload: SpendImport) -> BinaryIO:
    """The content where it is kept. Raises FileGone."""
    try:
        return cast("BinaryIO", upload.file.open("rb"))  # which it stands for
    except FileNotFoundError as error:
        raise FileGone from error


@contextmanager
def _copied(upload: SpendImport) -> Iterator[BinaryIO]:
    """The content, on this machine wherever the storage is.

    Raises UnreadableFile where it is another than before, and FileGone.
    """
    with tempfile.TemporaryFile() as copy:
        with _kept(upload) as kept:
            shutil.copyfileobj(kept, copy)
        copy.seek(0)
        if hashlib.file_digest(copy, "sha256").hexdigest() != upload.digest:
            raise UnreadableFile("The file has changed since it was uploaded: upload it again.")
        copy.seek(0)
        yield copy


def _watch(upload: SpendImport, file: BinaryIO) -> Callable[[str, int, int], None]:
    """Note on the upload how far it is. How far a file is read shows in where its reader stands."""
    moving = SpendImport.objects.filter(pk=upload.pk, state=upload.state)

    def watch(step: str, done: int, total: int) -> None:
        percent = 100 * done // total if total else 100 * file.tell() // upload.size
        moving.update(progress={"step": step, "done": done, "percent": min(percent, 100)}, moved_at=Now(), error="")

    return watch

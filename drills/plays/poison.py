"""Tasks that can never be done: tried a few times, kept where a person sees them, and nobody waits for them."""

from __future__ import annotations

import time
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from celery import Celery

from drills.drill import PATIENCE, Drill, Play
from drills.faults import Harm
from drills.own_list import Sent
from drills.programs import Stalled, wait_until
from drills.traffic import Plan, Promise

SETTINGS = "drills.poisoned"  # of a site whose workers know the tasks that break and kill

MOST_ATTEMPTS = 6  # the first, and the five more that tasks have
# Each attempt may be delivered twice: the broker gives again what waits for its next attempt for too long.
MOST_DEATHS = 2 * MOST_ATTEMPTS


class Poison(NamedTuple):
    task: str
    kwargs: dict[str, Any]
    most: int = 1  # how often it may be tried


def play(play: Play) -> None:
    """Send some of each kind, and wait until all have been given up, while spend goes on."""
    sent: dict[str, Poison] = {}
    deadline = time.monotonic() + play.seconds
    while not sent or time.monotonic() < deadline:
        sent |= send_each(play)
        play.wait(2, 6)
    diaries = [(Path(each.kwargs["diary"]), each.most) for each in sent.values() if "diary" in each.kwargs]

    def is_over() -> bool:
        """Whether all has been given up, or something never will be."""
        return any(_attempts(diary) > most for diary, most in diaries) or not _not_given_up(play, sent)

    try:
        wait_until(is_over, "Poison is given up", PATIENCE)
    except Stalled:
        told = [f"{sent[pk].task} is not told as failed in the task results" for pk in _not_given_up(play, sent)]
        play.faults.add(Harm.LATE, *told)
    for diary, most in diaries:
        attempts = _attempts(diary)
        if attempts > most:
            play.faults.add(Harm.TRIES, f"{diary.name} was tried {attempts} times, not {most} at most")
        elif not attempts:
            play.faults.add(Harm.LATE, f"{diary.name} was not tried")
    play.figures.append(f"{len(sent)} poison tasks")


def send_each(play: Play) -> dict[str, Poison]:
    """Send one of each kind; gives them by the ids of their tasks."""
    sent = {}
    with closing(Celery(broker=play.site.broker_url, set_as_current=False)) as app:
        for poison in _one_of_each(play, play.injected):
            sent[str(app.send_task(poison.task, kwargs=poison.kwargs).id)] = poison
            play.breaks()
            play.wait_for_progress()
    return sent


def _one_of_each(play: Play, number: int) -> list[Poison]:
    half_batch = f"poison-{number}"
    campaign = play.random.choice(play.agency.spent_on)
    play.traffic.list.send([Sent(half_batch, campaign, Decimal(1), bad=True)])
    folder = play.site.folder
    return [
        Poison("campaigns.tasks.nobody_knows_it", {}),
        Poison("campaigns.tasks.add_campaign_spend", {"no_such_argument": 1}),
        Poison("campaigns.tasks.reset_daily_spends", {"at": "yesterday"}),
        Poison("campaigns.tasks.generate_spend_report", {"brand_id": 999_999_999}),
        Poison(
            "drills.breaks_in_the_middle",
            {"diary": str(folder / f"breaking-{number}"), "campaign_id": campaign, "name": half_batch},
        ),
        Poison("drills.kills_its_process", {"diary": str(folder / f"killing-{number}")}, MOST_DEATHS),
    ]


def _attempts(diary: Path) -> int:
    return len(diary.read_text().splitlines()) if diary.exists() else 0


def _not_given_up(play: Play, sent: dict[str, Poison]) -> list[str]:
    """The tasks that no task result, which the admin shows, tells as failed."""
    with play.site.connect() as connection:
        failed = connection.execute(
            "select task_id from django_celery_results_taskresult where status = 'FAILURE' and task_id = any(%s)",
            (list(sent),),
        ).fetchall()
    return sorted(sent.keys() - {str(task_id) for (task_id,) in failed})


DRILLS = (
    Drill(
        "poison",
        "tasks of unknown name, with wrong arguments, that break in the middle, and that kill their process",
        play,
        without="bound",
        harm=Harm.TRIES,
        plan=Plan(promise=Promise.DONE, writers=0, task_pause=0.1, imports=False, uploads=False),
        short_seconds=2,
        kills_children=True,
        settings=SETTINGS,
    ),
)

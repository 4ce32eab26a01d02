"""The open test vectors of docs/vectors, played in this system and in the oracle, a test a story."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import jsonschema_rs
import pytest

from campaigns.audit import find_differences
from campaigns.models import StatusChange
from campaigns.tests.proof import broken_chains
from campaigns.tests.vectors import FOLDER, InOracle, Story, System, files, play, stories

STORIES = list(stories())


@pytest.mark.django_db
@pytest.mark.parametrize("story", STORIES, ids=str)
def test_the_system_does_what_the_story_says(story: Story) -> None:
    play(story, System(story), after_each=_nothing_is_out_of_order)


@pytest.mark.parametrize("story", [story for story in STORIES if InOracle.can_play(story)], ids=str)
def test_the_oracle_does_what_the_story_says(story: Story) -> None:
    play(story, InOracle(story))


@pytest.mark.parametrize("path", files(), ids=lambda path: path.stem)
def test_a_file_of_vectors_is_as_the_schema_says(path: Path) -> None:
    jsonschema_rs.validate(json.loads((FOLDER / "schema.json").read_text()), json.loads(path.read_text()))


def test_every_rule_of_the_rulebook_has_its_stories_and_no_two_have_one_name() -> None:
    assert {story.rule for story in STORIES} == {f"R{number}" for number in range(1, 22)}
    assert [name for name, count in Counter(map(str, STORIES)).items() if count > 1] == []
    for story in STORIES:
        assert set(story.brands).isdisjoint(story.campaigns)


def test_the_readme_says_how_many_stories_and_events_there_are() -> None:
    told = re.search(r"(\d+) stories with (\d+) events", (FOLDER / "README.md").read_text())

    assert told is not None
    assert [int(count) for count in told.groups()] == [len(STORIES), sum(len(story.events) for story in STORIES)]


def _nothing_is_out_of_order() -> None:
    """What holds after every event, whatever the story: exact counters (R11) and an unbroken history (R19)."""
    assert list(find_differences()) == []
    assert broken_chains() == []
    assert not StatusChange.objects.filter(actor="").exists()

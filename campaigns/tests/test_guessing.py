"""Who guesses passwords or tokens is slowed down, and nobody else is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext

from ad_agency.auth import client_address
from campaigns import tokens
from campaigns.models import ApiToken, WrongToken
from campaigns.tests.api import Answer, Caller
from campaigns.tests.factories import utc

pytestmark = pytest.mark.django_db

NOON = utc("2026-11-21 12:00")
RIGHT = "as good as any"
SECRET = "A" * 43


@pytest.fixture(autouse=True)
def noon(settings: Any) -> Any:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # in no time
    settings.API_WRONG_TOKENS_PER_MINUTE = 3
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


@pytest.fixture
def alice() -> User:
    return User.objects.create_superuser("alice", password=RIGHT)


def try_password(password: str, name: str = "alice", address: str = "192.0.2.1", **headers: str) -> Any:
    return Client(REMOTE_ADDR=address, headers=headers).post(
        "/admin/login/?next=/admin/", {"username": name, "password": password}
    )


def is_in(response: Any) -> bool:
    return (response.status_code, response.headers.get("Location")) == (302, "/admin/")


def test_after_five_wrong_passwords_not_even_the_right_one_opens_for_a_quarter_of_an_hour(
    alice: User, noon: Any
) -> None:
    answers = [try_password(f"guess {number}") for number in range(5)]

    assert [answer.status_code for answer in answers] == [200] * 4 + [429]
    locked = try_password(RIGHT)
    assert (locked.status_code, locked.headers["Retry-After"]) == (429, "900")
    assert "Too many wrong passwords" in locked.content.decode()
    assert "15 minutes" in locked.content.decode()
    noon.shift(timedelta(minutes=15, seconds=1))
    assert is_in(try_password(RIGHT))


def test_who_keeps_trying_meanwhile_does_not_wait_longer(alice: User, noon: Any) -> None:
    for number in range(5):
        try_password(f"guess {number}")
    for _ in range(5):
        noon.shift(timedelta(minutes=2))
        assert try_password("guess").status_code == 429
    noon.shift(timedelta(minutes=5, seconds=1))

    assert is_in(try_password(RIGHT))


def test_only_the_account_is_closed_and_only_to_where_the_guesses_come_from(alice: User) -> None:
    User.objects.create_superuser("bob", password=RIGHT)
    for number in range(6):
        try_password(f"guess {number}")

    assert is_in(try_password(RIGHT, address="192.0.2.2"))
    assert is_in(try_password(RIGHT, name="bob"))
    assert try_password(RIGHT).status_code == 429


def test_another_browser_is_no_other_guesser(alice: User) -> None:
    answers = [try_password(f"guess {number}", **{"User-Agent": f"Browser {number}"}) for number in range(5)]

    assert answers[-1].status_code == 429


def test_who_gets_in_begins_anew(alice: User) -> None:
    for _ in range(3):
        assert [try_password("typo").status_code for _ in range(4)] == [200] * 4
        assert is_in(try_password(RIGHT))


def test_a_name_that_nobody_has_is_answered_like_one_that_somebody_has(alice: User) -> None:
    somebody, nobody = ([try_password("guess", name=name).status_code for _ in range(6)] for name in ("alice", "eve"))

    assert somebody == nobody


def test_no_password_is_kept_of_a_wrong_login(alice: User) -> None:
    try_password("one letter off")

    assert "one letter off" not in str(list(AccessAttempt.objects.values()))


@pytest.mark.parametrize(
    ("behind_proxy", "remote", "forwarded", "address"),
    [
        (False, "192.0.2.1", "", "192.0.2.1"),
        (False, "192.0.2.1", "198.51.100.9", "192.0.2.1"),  # anybody's word
        (True, "10.0.0.1", "198.51.100.9", "198.51.100.9"),
        (True, "10.0.0.1", "203.0.113.5, 198.51.100.9", "198.51.100.9"),  # the proxy's, after the client's own
        (True, "10.0.0.1", "", "10.0.0.1"),
        (True, "10.0.0.1", "unknown", "0.0.0.0"),
        (False, "", "", "0.0.0.0"),  # a socket
        (False, "2001:db8:1:2:3:4:5:6", "", "2001:db8:1:2::"),
        (False, "2001:db8:1:2:ffff::1", "", "2001:db8:1:2::"),
        (False, "::ffff:192.0.2.1", "", "192.0.2.1"),
        (False, "fe80::1%eth0", "", "fe80::"),
    ],
)
def test_guesses_are_counted_for_the_address_that_nobody_can_make_up(
    settings: Any, behind_proxy: bool, remote: str, forwarded: str, address: str
) -> None:
    settings.BEHIND_PROXY = behind_proxy
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}

    assert client_address(RequestFactory(REMOTE_ADDR=remote).get("/", headers=headers)) == address


def knock(text: str, address: str = "192.0.2.1") -> Answer:
    program = Caller(text)
    program.client = Client(REMOTE_ADDR=address)
    return program.get("/brands")


def new_token(name: str) -> tuple[ApiToken, str]:
    return tokens.create_token(name, ["read"], at=NOON, actor="test")


def wrong(token: ApiToken) -> str:
    return f"agency_{token.prefix}_{SECRET}"


def test_after_wrong_tokens_of_its_prefix_not_even_the_right_one_opens_until_it_may_be_tried_again(noon: Any) -> None:
    token, text = new_token("T")

    assert [knock(wrong(token)).status for _ in range(5)] == [401, 401, 401, 429, 429]
    refused = knock(text)
    assert (refused.status, refused.headers["Retry-After"]) == (429, "20")
    assert refused.body["detail"].startswith("Too many wrong tokens came from your address")
    noon.shift(20)
    assert knock(text).status == 200


def test_guesses_at_one_token_keep_no_other_out_nor_the_same_from_elsewhere() -> None:
    token, text = new_token("T")
    _, neighbour = new_token("Neighbour")
    for _ in range(5):
        knock(wrong(token))

    assert knock(neighbour).status == 200
    assert knock(text, address="192.0.2.2").status == 200
    assert knock(text).status == 429


def test_tokens_that_do_not_exist_are_slowed_down_as_one_and_keep_none_out_that_does() -> None:
    _, text = new_token("T")

    assert [knock(f"agency_{number:012x}_{SECRET}").status for number in range(4)] == [401, 401, 401, 429]
    assert knock("nonsense").status == 429
    assert knock(text).status == 200


def test_the_right_secret_of_a_token_that_is_over_is_no_guess() -> None:
    token, text = new_token("T")
    tokens.revoke([token.pk], at=NOON)

    assert {knock(text).status for _ in range(6)} == {401}


def test_where_nobody_counts_nothing_is_slowed_down(settings: Any) -> None:
    settings.API_WRONG_TOKENS_PER_MINUTE = 0

    assert {knock("nonsense").status for _ in range(20)} == {401}
    assert not WrongToken.objects.exists()


def test_what_has_drained_is_thrown_away(noon: Any) -> None:
    for number in range(5):
        knock("nonsense", address=f"192.0.2.{number}")
    assert WrongToken.objects.count() == 5

    noon.shift(timedelta(minutes=2))
    knock("nonsense", address="198.51.100.1")

    assert [str(each) for each in WrongToken.objects.all()] == ["198.51.100.1"]


def test_a_good_token_asks_the_database_no_more_often_for_it() -> None:
    _, text = new_token("T")
    knock(text)

    with CaptureQueriesContext(connection) as captured:
        knock(text)

    assert len(captured) == 3  # the token and its guesses, its throttle, and the brands

"""What the API refuses before it looks at a single entry, and that every error is problem JSON."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, OperationalError
from django.test import Client, override_settings

from campaigns import ledger
from campaigns.api.strict_json import LARGEST_BODY
from campaigns.models import SpendLog
from campaigns.tests.api import Answer, Caller, caller

pytestmark = pytest.mark.django_db


@pytest.fixture
def program() -> Caller:
    return caller()


def entry(**raw: str) -> bytes:
    """A request of one entry whose members are these pieces of JSON."""
    members = {"campaign_id": "1", "amount": '"1"', "timestamp": '"2026-11-21T12:00:00Z"', "reference": '"r"'} | raw
    return f'{{"entries": [{{{", ".join(f"{json.dumps(name)}: {text}" for name, text in members.items())}}}]}}'.encode()


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"", 400, "The body is empty"),
        (b"{", 400, "line 1, column 2"),
        (b'{"entries": [\n  oops]}', 400, "line 2, column 3"),
        (b"{'entries': []}", 400, "not JSON"),
        (b'{"entries": []} x', 400, "Extra data"),
        (b"\xef\xbb\xbf{}", 400, "not JSON"),
        (b'{"entries": "\xff"}', 400, "not UTF-8: byte 13"),
        ('{"entries": []}'.encode("utf-16"), 400, "not UTF-8"),
        (entry(amount="NaN"), 400, "NaN"),
        (entry(amount="-Infinity"), 400, "-Infinity"),
        (entry(amount="1e400"), 422, "entries[0].amount must be a JSON string"),
        (entry(campaign_id="1e400"), 422, "entries[0].campaign_id must be a JSON integer"),
        (entry(campaign_id="9" * 5000), 400, "4,300 digits"),
        (entry(amount='"1", "amount": "2"'), 400, "'amount' stands twice"),
        (b'{"entries": [], "entries": []}', 400, "'entries' stands twice"),
        (json.dumps({f"k{n}": 1 for n in range(101)}).encode(), 400, "An object has 101 members"),
        (b"[" * 100_000, 400, "nested too deeply"),
        (b'{"entries":[' + b"[]," * 250_001, 413, "more than 500,000 values"),
        (b'{"a":' * 100_000, 400, "nested too deeply"),
        (b"[" * 200 + b"]" * 200, 422, "the body must be a JSON object"),
    ],
)
def test_a_body_in_which_anything_is_left_to_guess_is_refused(
    program: Caller, body: bytes, status: int, said: str
) -> None:
    answer = program.send("POST", "/spend", body)

    assert answer.status == status
    assert said in answer.body["detail"]
    assert not SpendLog.objects.exists()


@pytest.mark.parametrize(
    ("content_type", "extra", "status"),
    [
        ("application/json", {}, 207),
        ("application/json; charset=utf-8", {}, 207),
        ("application/json; charset=UTF-8", {}, 207),
        ("application/json; charset=latin-1", {}, 415),
        ("text/plain", {}, 415),
        ("application/x-www-form-urlencoded", {}, 415),
        ("multipart/form-data; boundary=x", {}, 415),
        ("", {}, 415),
        ("application/json", {"HTTP_CONTENT_ENCODING": "gzip"}, 415),
        ("application/json", {"HTTP_CONTENT_ENCODING": "identity"}, 207),
    ],
)
def test_only_plain_json_is_taken(program: Caller, content_type: str, extra: dict[str, str], status: int) -> None:
    assert program.send("POST", "/spend", entry(), content_type, **extra).status == status


class Unread(io.BytesIO):
    """A body that nobody may touch."""

    def read(self, *_: Any) -> bytes:
        raise AssertionError("the body was read")


class Endless(io.RawIOBase):
    """A chunked body without an end; counts what was taken from it."""

    taken = 0

    def read(self, size: int = -1) -> bytes:
        assert size >= 0, "read without a limit"
        self.taken += size
        return b" " * size


def stream(program: Caller, body: Any, **environment: Any) -> Answer:
    """Send a body as a server hands it over, with what it says of its length."""
    environment |= {"wsgi.input": body, "CONTENT_TYPE": "application/json"}
    return Caller.answer(program.client.generic("POST", "/api/v1/spend", headers=program.headers, **environment))


CHUNKED = {"wsgi.input_terminated": True}


def test_a_body_that_says_it_is_too_long_is_refused_unread(program: Caller) -> None:
    answer = stream(program, Unread(), CONTENT_LENGTH=str(LARGEST_BODY + 1))

    assert answer.status == 413
    assert answer.body["detail"] == "The body is larger than 16,777,216 bytes: send fewer entries at a time."


def test_a_body_of_unknown_length_is_read_up_to_the_limit_and_no_further(program: Caller) -> None:
    endless = Endless()

    assert stream(program, endless, **CHUNKED).status == 413
    assert endless.taken == LARGEST_BODY + 1


def test_a_chunked_body_within_the_limit_is_taken(program: Caller) -> None:
    assert stream(program, io.BytesIO(entry()), **CHUNKED).status == 207


def test_without_a_good_token_no_body_is_read() -> None:
    assert stream(Caller(None), Unread(), CONTENT_LENGTH="10").status == 401


@override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=100)
def test_the_limit_of_forms_is_not_the_limit_of_spend(program: Caller) -> None:
    body = entry(description=json.dumps("x" * 400))
    assert len(body) > 400

    assert program.send("POST", "/spend", body).status == 207


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("POST", "/nothing", 404),
        ("GET", "/brands/", 404),
        ("POST", "/spend/", 404),
        ("GET", "/campaigns/abc", 404),
        ("GET", "/campaigns/1.5", 404),
        ("GET", "/campaigns/0", 422),
        ("GET", "/campaigns/9223372036854775807", 404),
        ("GET", "/campaigns/9223372036854775808", 422),
        ("GET", "/campaigns/%00", 404),
        ("GET", "/campaigns/%F0%9F%92%A9", 404),
        ("GET", "/spend", 405),
        ("DELETE", "/campaigns/1", 405),
        ("PATCH", "/brands", 405),
    ],
)
def test_every_wrong_address_and_method_is_answered_with_problem_json(
    program: Caller, method: str, path: str, status: int, debug: bool
) -> None:
    with override_settings(DEBUG=debug):
        answer = program.send(method, path, b"")

    assert answer.status == status
    assert ("Allow" in answer.headers) == (status == 405)


def test_outside_the_api_errors_are_pages() -> None:
    response = Client().get("/nothing")

    assert response.status_code == 404
    assert response.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize(
    ("query", "blamed"),
    [
        ({"statu": "ACTIVE"}, "statu"),
        ({"status": "active"}, "status"),
        ({"status": ""}, "status"),
        ({"hold": "NONE"}, "hold"),
        ({"hold": "BUDGETS"}, "hold"),
        ({"brand": "x"}, "brand"),
        ({"brand": "1_0"}, "brand"),
        ({"brand": "+1"}, "brand"),
        ({"brand": "1.0"}, "brand"),
        ({"brand": "0"}, "brand"),
        ({"brand": ["1", "1"]}, "brand"),
        ({"limit": "0"}, "limit"),
        ({"limit": "1001"}, "limit"),
        ({"cursor": "-1"}, "cursor"),
        ({"cursor": "9" * 19}, "cursor"),
        ({"x\x00": "1"}, "x"),
    ],
)
def test_a_parameter_that_is_wrong_or_unknown_is_named(program: Caller, query: dict[str, Any], blamed: str) -> None:
    answer = program.get("/campaigns", **query)

    assert answer.status == 422
    assert answer.fields[0].startswith(blamed)


def test_thousands_of_parameters_are_refused(program: Caller) -> None:
    answer = program.get("/brands", **{f"p{number}": "1" for number in range(2_000)})

    assert answer.status == 400


def test_an_address_that_takes_no_parameters_refuses_them(program: Caller) -> None:
    answer = program.send("POST", "/spend?dry_run=1", entry())

    assert (answer.status, answer.fields) == (422, ["dry_run"])


@pytest.mark.parametrize(
    ("raised", "status"),
    [
        (OperationalError("database is locked"), 503),
        (DatabaseError("server closed the connection unexpectedly"), 503),
        (IntegrityError("s3cret"), 500),
        (RuntimeError("s3cret"), 500),
    ],
)
def test_what_fails_here_is_said_without_its_inside(
    program: Caller, monkeypatch: pytest.MonkeyPatch, raised: Exception, status: int
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise raised

    monkeypatch.setattr(ledger, "record_spend", fail)

    answer = program.send("POST", "/spend", entry())

    assert answer.status == status
    assert str(raised) not in str(answer.body)
    assert ("Retry-After" in answer.headers) == (status == 503)


@pytest.mark.parametrize("name", ["x" * 5000, "\x00", "\U0001f4a9"])
def test_a_field_with_a_strange_name_is_refused_by_that_name(program: Caller, name: str) -> None:
    answer = program.send("POST", "/spend", json.dumps({"entries": [], name: 1}).encode())

    assert answer.status == 422
    assert answer.fields[1][:3] == name[:3]
    assert len(answer.fields[1]) < 120


def test_a_field_whose_name_is_no_text_refuses_the_body(program: Caller) -> None:
    answer = program.send("POST", "/spend", b'{"entries": [], "a\\ud800b": 1}')

    assert (answer.status, answer.fields) == (422, ["the body"])

"""Bodies of requests: read within a limit, and parsed as JSON in which nothing is left to guess."""

from __future__ import annotations

import json
from typing import IO, Any, NoReturn, cast

from django.http import HttpRequest
from ninja import NinjaAPI
from ninja.params.models import Body, BodyModel

from campaigns.api.problems import Problem

# Ten thousand entries take 1 to 3 MB; this leaves room for long descriptions.
LARGEST_BODY = 16 * 1024 * 1024
# Ten thousand entries have some fifty thousand; each one more costs memory before any schema sees it.
MOST_VALUES = 500_000
# No object that is asked for here has a dozen; each unknown one of a million would be an error of its own.
MOST_MEMBERS = 100


class _StrictBodyModel(BodyModel):
    @classmethod
    def get_request_data(cls, request: HttpRequest, api: NinjaAPI, path_params: dict[str, Any]) -> dict[str, Any]:
        return {cls.__read_from_single_attr__: parse(read_body(request))}


class StrictBody(Body):  # type: ignore[misc] # as its base
    """Marks the parameter of an operation that is the request's body, read and parsed by the rules of this module."""

    _model = _StrictBodyModel

    @classmethod
    def _param_source(cls) -> str:
        return "body"


def read_body(request: HttpRequest) -> bytes:
    """The body, of at most LARGEST_BODY bytes. Raises Problem: 415 for what is not plain JSON, 413 for too much of it.

    What says itself that it is too long is refused unread. Without Content-Length (a chunked request), reading stops
    at the limit.
    """
    if request.content_type != "application/json":
        raise Problem(415, f"Send application/json, not {request.content_type or 'a body of no type'!r}.")
    if (request.content_params or {}).get("charset", "utf-8").lower() != "utf-8":
        raise Problem(415, "Send JSON in UTF-8.")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Problem(415, "Send the body as it is, without Content-Encoding.")
    declared = request.META.get("CONTENT_LENGTH", "")
    if declared.isascii() and declared.isdigit() and int(declared) > LARGEST_BODY:
        raise _too_large()
    body = _stream(request, chunked=not declared).read(LARGEST_BODY + 1)
    if len(body) > LARGEST_BODY:
        raise _too_large()
    return body


def refuse_fields(request: HttpRequest) -> None:
    """For operations that take no fields: where there is a body all the same, it must be an empty object.

    Raises Problem as `read_body` and `parse` do, and 422 for a field.
    """
    if request.META.get("CONTENT_LENGTH", "") not in ("", "0") and parse(read_body(request)) != {}:
        raise Problem(422, "This takes no fields: send no body, or an empty object.")


def parse(body: bytes) -> Any:
    """The JSON value that `body` holds, with numbers that are no integers as floats, for the schema to refuse.

    Raises Problem: 413 for more than MOST_VALUES; 400 for text that is not JSON in UTF-8, for NaN and Infinity, for a
    key that stands twice in one object (its first and its last value may differ, and each parser takes another), for
    an object of more than MOST_MEMBERS, for an integer of thousands of digits, and for nesting deeper than anything
    that is asked for here.
    """
    if not body:
        raise Problem(400, "The body is empty: send a JSON object.")
    if sum(body.count(mark) for mark in (b"[", b"{", b",")) > MOST_VALUES:
        raise Problem(413, f"The body holds more than {MOST_VALUES:,} values: send fewer entries at a time.")
    try:
        return json.loads(body.decode(), object_pairs_hook=_unambiguous, parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise Problem(400, f"The body is not UTF-8: byte {error.start} is not part of any character.") from error
    except json.JSONDecodeError as error:
        raise Problem(
            400, f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        ) from error
    except ValueError as error:
        raise Problem(400, "The body holds an integer of more than 4,300 digits.") from error
    except RecursionError as error:
        raise Problem(400, "The body is nested too deeply.") from error


def _stream(request: HttpRequest, *, chunked: bool) -> IO[bytes]:
    """Where the body comes from. Django takes a request without Content-Length for an empty one."""
    if chunked and request.META.get("wsgi.input_terminated"):
        return cast("IO[bytes]", request.META["wsgi.input"])
    return cast("IO[bytes]", request)


def _too_large() -> Problem:
    return Problem(413, f"The body is larger than {LARGEST_BODY:,} bytes: send fewer entries at a time.")


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > MOST_MEMBERS:
        raise Problem(400, f"An object has {len(pairs):,} members: nothing here has more than {MOST_MEMBERS}.")
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Problem(400, f"The key {twice[:100]!r} stands twice in one object.")
    return members


def _refuse_constant(constant: str) -> NoReturn:
    raise Problem(400, f"The body is not JSON: {constant} is not a number there.")

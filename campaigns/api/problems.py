"""Errors as problem JSON (RFC 9457): whatever goes wrong under `/api/` is answered in this one form."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from ninja import NinjaAPI
from ninja.errors import ValidationError
from pydantic import BaseModel, ConfigDict, Field

from campaigns.outages import RETRY_AFTER, is_full, is_outage, write_down

MEDIA_TYPE = "application/problem+json"
# The first few tell what to mend.
ERRORS_SHOWN = 20
# A field's name is the sender's own text, however long.
LONGEST_NAME = 100

# What a person does not learn from the status alone, where the error was not made here.
DETAILS = {
    400: "The request cannot be understood.",
    404: "There is nothing at this address. GET /api/docs shows what there is.",
    405: "This address does not take this method; the Allow header says which it takes.",
    500: "Something went wrong here, and has been logged. The same request may be sent again: nothing counts twice.",
    503: "The database is busy or away. Send the same request again: nothing counts twice.",
}
FULL = "The database's disk is full. Make room there, then send the same request again: nothing counts twice."

logger = logging.getLogger(__name__)


class FieldError(BaseModel):
    """One thing that is wrong, and where."""

    field: str = Field(description="The field or parameter.", examples=["entries[3].amount"])
    code: str = Field(description="For programs.", examples=["string_type"])
    message: str = Field(description="For people.", examples=["must be a JSON string"])


class ProblemDetails(BaseModel):
    """An error, as RFC 9457 has it."""

    model_config = ConfigDict(title="Problem")

    type: str = Field(description="Always `about:blank`: the status says what kind it is.", examples=["about:blank"])
    title: str = Field(examples=["Unprocessable Entity"])
    status: int = Field(ge=400, le=599, examples=[422])
    detail: str = Field(description="For people.", examples=["entries[3].amount must be a JSON string."])
    errors: list[FieldError] = Field(
        default=[], description=f"What is wrong with which field, at most the first {ERRORS_SHOWN}; else empty."
    )


class Problem(Exception):
    """A request that is refused: its status, what to tell people, and which fields are to blame."""

    def __init__(
        self,
        status: int,
        detail: str,
        errors: Iterable[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, detail)
        self.status = status
        self.detail = detail
        self.errors = list(errors)
        self.headers = dict(headers or {})

    @classmethod
    def of_field(cls, field: str, code: str, message: str) -> Problem:
        """A request that is well-formed and still cannot be done, because of one field."""
        return cls(422, message, [FieldError(field=field, code=code, message=message)])

    def response(self) -> HttpResponse:
        title = HTTPStatus(self.status).phrase
        details = ProblemDetails(
            type="about:blank", title=title, status=self.status, detail=self.detail, errors=self.errors
        )
        # Python's own writer: what is quoted from a request may hold characters that are no text in UTF-8.
        body = json.dumps(details.model_dump())
        return HttpResponse(body, status=self.status, content_type=MEDIA_TYPE, headers=self.headers)


def answer_with_problems(api: NinjaAPI) -> None:
    """Make `api` answer what its operations raise with problem JSON."""

    @api.exception_handler(Problem)
    def refused(_request: HttpRequest, problem: Problem) -> HttpResponse:
        return problem.response()

    @api.exception_handler(ValidationError)
    def malformed(_request: HttpRequest, error: ValidationError) -> HttpResponse:
        return _malformed(error).response()

    @api.exception_handler(Exception)
    def broken(request: HttpRequest, error: Exception) -> HttpResponse:
        if is_outage(error):
            write_down(error, request.path)
            said = FULL if is_full(error) else DETAILS[503]
            return Problem(503, said, headers={"Retry-After": str(RETRY_AFTER)}).response()
        logger.error("%s %s failed", request.method, request.path, exc_info=error)
        return Problem(500, DETAILS[500]).response()


def problem_middleware(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Give the errors that never reach an operation, such as an unknown address, the form of all others."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        status = response.status_code
        if not request.path.startswith("/api/") or status < 400 or response.headers.get("Content-Type") == MEDIA_TYPE:
            return response
        kept = {name: response.headers[name] for name in ("Allow", "Retry-After") if name in response.headers}
        return Problem(status, DETAILS.get(status, HTTPStatus(status).description), headers=kept).response()

    return middleware


# In the words of whoever sends JSON; what is not here is said well enough by the checker.
MESSAGES = {
    "missing": "is required",
    "extra_forbidden": "is not a known field",
    "string_type": "must be a JSON string",
    "int_type": "must be a JSON integer",
    "list_type": "must be a JSON array",
    "model_type": "must be a JSON object",
    "model_attributes_type": "must be a JSON object",
}


def _malformed(error: ValidationError) -> Problem:
    errors = [_field_error(each) for each in error.errors[:ERRORS_SHOWN]]
    more = len(error.errors) - 1
    detail = f"{errors[0].field} {errors[0].message}{f', and {more} more' if more else ''}."
    return Problem(422, detail, errors)


def _field_error(error: dict[str, object]) -> FieldError:
    where = error["loc"]
    assert isinstance(where, tuple)
    source, *path = where
    if source == "body":
        path = path[1:]  # the name that the function has for it
    name = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".") or "the body"
    if len(name) > LONGEST_NAME:
        name = f"{name[:LONGEST_NAME]}..."
    code = str(error["type"])
    message = MESSAGES.get(code) or str(error["msg"]).removeprefix("Value error, ").rstrip(".")
    return FieldError(field=name, code=code, message=message)

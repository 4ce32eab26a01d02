"""The API object, and what its OpenAPI schema says beyond what the library writes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI, Swagger
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation
from ninja.renderers import BaseRenderer
from pydantic_core import to_json

from campaigns.api.problems import MEDIA_TYPE, FieldError, Problem, answer_with_problems

DESCRIPTION = """
Spend in, and what it did out. Amounts are strings with the currency beside them, times are ISO 8601 with an offset,
days are those of the brand's own calendar, and errors are problem JSON (RFC 9457).
"""

HEADERS = {
    401: {"WWW-Authenticate": {"schema": {"type": "string"}}},
    429: {"Retry-After": {"schema": {"type": "integer", "minimum": 1}, "description": "Seconds."}},
    503: {"Retry-After": {"schema": {"type": "integer", "minimum": 1}, "description": "Seconds."}},
}


class ExactRenderer(BaseRenderer):
    """JSON with times to the microsecond; the library's own drops the last three digits."""

    media_type = "application/json"

    def render(self, request: HttpRequest, data: Any, *, response_status: int) -> bytes:
        return to_json(data)


class Api(NinjaAPI):
    """An API that refuses parameters it does not know, and whose errors are problem JSON, in its schema too."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            description=DESCRIPTION.strip(),
            # No badge of a validator elsewhere: these pages work without the internet.
            docs=Swagger(settings={"validatorUrl": None}),
            renderer=ExactRenderer(),
            **options,
        )
        answer_with_problems(self)
        self.add_decorator(_refuse_unknown_parameters, mode="view")

    def get_openapi_operation_id(self, operation: Operation) -> str:
        return operation.view_func.__name__

    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        schema = super().get_openapi_schema(**options)
        for methods in schema["paths"].values():
            for operation in methods.values():
                for parameter in operation["parameters"]:
                    parameter.pop("examples", None)  # they stand in its schema, and here have another form
                for status, response in operation["responses"].items():
                    if status >= 400:
                        response["content"] = {MEDIA_TYPE: response["content"].pop(self.renderer.media_type)}
                    if status in HEADERS:
                        response["headers"] = HEADERS[status]
        return schema


def _refuse_unknown_parameters(run: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A misspelt filter must not mean all rows, and of a filter given twice nobody knows which one counts."""
    operation = getattr(run, "__self__", None)
    assert isinstance(operation, Operation)
    known = {
        name
        for model in operation.models
        if model.__ninja_param_source__ == "query"
        for name in getattr(model, "__ninja_flatten_map__", {})
    }

    def strict(request: HttpRequest, **path: Any) -> HttpResponse:
        for name, values in request.GET.lists():
            if name not in known:
                return _bad_parameter(name, "extra_forbidden", "is not a known parameter")
            if len(values) > 1:
                return _bad_parameter(name, "repeated", "is given more than once")
        return run(request, **path)

    return strict


def _bad_parameter(name: str, code: str, message: str) -> HttpResponse:
    name = name[:100]
    return Problem(422, f"{name} {message}.", [FieldError(field=name, code=code, message=message)]).response()

"""A client of the API, with a token of its own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from django.test import Client
from django.utils import timezone

from campaigns.models import Brand, Scope
from campaigns.tokens import create_token

EVERY_SCOPE = tuple(Scope.values)


@dataclass
class Answer:
    """What came back, with its JSON parsed."""

    status: int
    body: Any
    headers: dict[str, str]

    @property
    def fields(self) -> list[str]:
        """The fields that a problem blames."""
        return [error["field"] for error in self.body["errors"]]


class Caller:
    """A program that calls the API with a token."""

    def __init__(self, text: str | None) -> None:
        self.client = Client()
        self.headers = {} if text is None else {"Authorization": f"Bearer {text}"}

    def get(self, path: str, **query: Any) -> Answer:
        return self.answer(self.client.get(f"/api/v1{path}", query, headers=self.headers))

    def post(self, path: str, data: Any = None) -> Answer:
        return self.send("POST", path, b"" if data is None else json.dumps(data).encode())

    def put(self, path: str, data: Any) -> Answer:
        return self.send("PUT", path, json.dumps(data).encode())

    def send(self, method: str, path: str, body: bytes, content_type: str = "application/json", **extra: Any) -> Answer:
        extra = {"CONTENT_TYPE": content_type, **extra}
        return self.answer(self.client.generic(method, f"/api/v1{path}", body, headers=self.headers, **extra))

    def spend(self, *entries: dict[str, Any]) -> Answer:
        return self.post("/spend", {"entries": list(entries)})

    @staticmethod
    def answer(response: Any) -> Answer:
        kind = response.headers["Content-Type"].partition(";")[0]
        assert kind == ("application/json" if response.status_code < 400 else "application/problem+json")
        answer = Answer(response.status_code, json.loads(response.content), dict(response.headers))
        if answer.status >= 400:
            assert answer.body["status"] == answer.status
            assert answer.body["detail"]
        return answer


def caller(*brands: Brand, scopes: tuple[str, ...] = EVERY_SCOPE, **options: Any) -> Caller:
    """A program with a new token that has these scopes and sees these brands; none: every brand."""
    at = options.pop("at", None) or timezone.now()
    name = options.pop("name", f"Collector {at.timestamp()}")
    _token, text = create_token(name, scopes, brands, at=at, actor="test", **options)
    return Caller(text)

"""What is written down of what happens: one format for web, worker, beat and commands, and no secret in it.

Secrets are taken out of the finished text, whoever wrote it and wherever in it they stand: in a message, in what an
exception says, in a traceback. Python's own logging is all that this needs.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import ItemsView, Iterator
from types import FrameType
from typing import Any
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.views.debug import ExceptionReporter, SafeExceptionReporterFilter

MASK = "***"
# A shorter password may be a word of every other line. In addresses and after its name it is masked all the same.
SHORTEST_KNOWN = 8

# A token is also what one is called in histories: token:Collector.
NAMED = (
    r"(?:(?:password|passwd)\d?|secret(?:_key)?|sessionid|csrf\w*token|api[_-]?key)['\"]?\s*[:=]\s*"
    r"|token['\"]?\s*=\s*|token['\"]\s*:\s*"
)
PATTERNS = [
    # Our own API tokens, of which the prefix is no secret.
    (re.compile(r"\b(agency_[0-9a-f]{12})_[\w-]+"), rf"\1_{MASK}"),
    # Addresses with a password: postgres://user:password@host.
    (re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s/@:'\"]*):[^\s/@'\"]*@", re.IGNORECASE), rf"\1:{MASK}@"),
    # Headers, to the end of their value.
    (
        re.compile(r"(?<![a-z])(authorization|cookie)(['\"]?\s*[:=]\s*['\"]?)[^\r\n'\"]+", re.IGNORECASE),
        rf"\1\2{MASK}",
    ),
    (re.compile(r"\b(bearer)\s+[\w.~+/=-]{8,}", re.IGNORECASE), rf"\1 {MASK}"),
    # What is called a secret: password=..., 'api_key': '...'; what is quoted, to the end of the quotation.
    (re.compile(rf"({NAMED})(['\"])(?:(?!\2)[^\r\n])+", re.IGNORECASE), rf"\1\2{MASK}"),
    (re.compile(rf"({NAMED})[^\s'\",;&)}}]+", re.IGNORECASE), rf"\1{MASK}"),
]


def redact(text: str) -> str:
    """`text` without passwords, keys, tokens and cookies: those of the settings, and what looks like one."""
    for secret in _known():
        text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", MASK, text)
    for pattern, instead in PATTERNS:
        text = pattern.sub(instead, text)
    return text


def _known() -> Iterator[str]:
    broker = urlsplit(settings.CELERY_BROKER_URL).password or ""
    for secret in (settings.SECRET_KEY, settings.DATABASES["default"].get("PASSWORD") or "", broker, unquote(broker)):
        if len(secret) >= SHORTEST_KNOWN:
            yield secret


class Redacting(logging.Formatter):
    """A line of the log, with its time in UTC; or what another formatter makes of it. Without secrets."""

    converter = staticmethod(time.gmtime)
    default_msec_format = "%s.%03dZ"

    def __init__(self, *args: Any, inner: logging.Formatter | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self.inner = inner

    def format(self, record: logging.LogRecord) -> str:
        return redact(self.inner.format(record) if self.inner else super().format(record))


def redact_handlers(*loggers: str) -> None:
    """Redact what these loggers write, which somebody else has configured."""
    for name in loggers:
        for handler in logging.getLogger(name).handlers:
            if not isinstance(handler.formatter, Redacting):
                handler.setFormatter(Redacting(inner=handler.formatter or logging.Formatter()))


class ReporterFilter(SafeExceptionReporterFilter):
    """Hides by its name, as Django hides settings, what a form brought and what functions knew."""

    hidden_settings = re.compile(f"{SafeExceptionReporterFilter.hidden_settings.pattern}|COOKIE", re.IGNORECASE)

    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, Any]:
        given = super().get_post_parameters(request)
        return {name: self.cleanse_setting(name, value) for name, value in given.items()}

    def get_traceback_frame_variables(self, request: Any, tb_frame: FrameType) -> ItemsView[str, Any]:
        known = super().get_traceback_frame_variables(request, tb_frame)
        return {name: self.cleanse_setting(name, value) for name, value in known}.items()


class Reporter(ExceptionReporter):
    """The page that DEBUG shows of an error, and the text for programs."""

    def get_traceback_html(self) -> SafeString:
        return SafeString(redact(super().get_traceback_html()))

    def get_traceback_text(self) -> SafeString:
        return SafeString(redact(super().get_traceback_text()))

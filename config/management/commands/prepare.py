"""`manage.py prepare`: everything between an empty database and a served page, each step only when needed."""

import hashlib
import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.core.management.base import BaseCommand
from typing_extensions import override

from config.demo import build_demo


class Command(BaseCommand):
    """Migrates, collects static files and builds the demonstration."""

    help = "Migrate, collect static files and build the demonstration; what is done already is left alone."

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument("--no-demo", action="store_true", help="leave the demonstration out")
        parser.add_argument("--sign-ins", type=Path, help="write who can sign in to this file, as JSON")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        """Do the steps."""
        self._say("Database")
        call_command("migrate", verbosity=0, interactive=False)
        self._collect_static()
        if options["no_demo"]:
            return
        self._say("Demonstration")
        people = build_demo(say=lambda line: self._say(f"  {line}"))
        if options["sign_ins"]:
            listed = [{"role": who.role, "email": who.email, "password": who.password} for who in people]
            options["sign_ins"].write_text(json.dumps(listed), encoding="utf-8")

    def _collect_static(self) -> None:
        """Collect the static files when they changed since the last time."""
        stamp = Path(settings.STATIC_ROOT) / ".stamp"
        now = _fingerprint()
        if stamp.exists() and stamp.read_text(encoding="utf-8") == now:
            return
        self._say("Static files")
        call_command("collectstatic", verbosity=0, interactive=False)
        stamp.write_text(now, encoding="utf-8")

    def _say(self, line: str) -> None:
        """Tell of a step at once, also through a pipe."""
        self.stdout.write(line)
        self.stdout.flush()


def _fingerprint() -> str:
    """Return a hash over names, sizes and times of all static files."""
    found = hashlib.sha256()
    for finder in finders.get_finders():
        for name, storage in finder.list([]):
            stat = Path(storage.path(name)).stat()
            found.update(f"{name}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
    return found.hexdigest()

"""`manage.py prepare`: everything between an empty database and a served page, each step only when needed."""

import hashlib
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.core.management.base import BaseCommand
from typing_extensions import override


class Command(BaseCommand):
    """Migrates and collects static files."""

    help = "Migrate and collect static files; what is done already is left alone."
    # The checks read every page's code; `manage.py check` does that, and a start need not wait for it.
    requires_system_checks = []

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        """Do the steps."""
        self._say("Database")
        call_command("migrate", verbosity=0, interactive=False, skip_checks=True)
        stamp = Path(settings.STATIC_ROOT) / ".stamp"
        now = _fingerprint()
        if not stamp.exists() or stamp.read_text(encoding="utf-8") != now:
            self._say("Static files")
            call_command("collectstatic", verbosity=0, interactive=False, skip_checks=True)
            stamp.write_text(now, encoding="utf-8")

    def _say(self, line: str) -> None:
        """Tell of a step at once, also through a pipe."""
        self.stdout.write(line)
        self.stdout.flush()


def _fingerprint() -> str:
    """Return a hash over names, sizes and times of all static files."""
    found = hashlib.sha256()
    for finder in finders.get_finders():
        for name, storage in sorted(finder.list([]), key=lambda each: each[0]):
            stat = Path(storage.path(name)).stat()
            found.update(f"{name}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
    return found.hexdigest()

"""`manage.py demo`: builds the demonstration organization, its library and its conversations."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from typing_extensions import override

from config.demo import DemoFailed, build_demo


class Command(BaseCommand):
    """Builds what is missing of the demonstration."""

    help = "Build what is missing of the demonstration; running it again changes nothing."
    requires_system_checks = []

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument("--sign-ins", type=Path, help="write who can sign in to this file, as JSON")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        """Build, telling of each step."""
        try:
            people = build_demo(say=self._say)
        except DemoFailed as failed:
            raise CommandError(str(failed)) from failed
        if options["sign_ins"]:
            listed = [{"role": who.role, "email": who.email, "password": who.password} for who in people]
            options["sign_ins"].write_text(json.dumps(listed), encoding="utf-8")

    def _say(self, line: str) -> None:
        """Tell of a step at once, also through a pipe."""
        self.stdout.write(f"  {line}")
        self.stdout.flush()

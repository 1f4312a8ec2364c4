"""`manage.py doctor`: one table of what is well and what is not, and what to do about it."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from typing_extensions import override

from config.doctor.examination import examine
from config.doctor.finding import Finding, State
from config.plural import plural


class Command(BaseCommand):
    """Does every check, and ends with 1 when one of them fails."""

    help = "Look whether the installation is well: one line a check, the next step for each that is not."
    requires_system_checks = []

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument("--json", action="store_true", help="write the findings as JSON")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        """Look, and tell of each finding at once."""
        found: list[tuple[str, Finding]] = []
        for name, finding in examine():
            found.append((name, finding))
            if not options["json"]:
                self._tell(name, finding)
        if options["json"]:
            self.stdout.write(json.dumps([_as_json(name, finding) for name, finding in found], indent=2))
        failed = sum(finding.state == State.FAIL for _, finding in found)
        if failed:
            raise CommandError(f"{plural(failed, 'check')} of {len(found)} failed.", returncode=1)

    def _tell(self, name: str, finding: Finding) -> None:
        """Write one line of the table, and the next step below it."""
        style = {State.OK: self.style.SUCCESS, State.WARN: self.style.WARNING, State.FAIL: self.style.ERROR}
        state = style[finding.state](f"{finding.state.value:<4}")
        self.stdout.write(f"{state}  {name:<12}  {finding.text}")
        if finding.next_step:
            self.stdout.write(f"{'':<20}→ {finding.next_step}")
        self.stdout.flush()


def _as_json(name: str, finding: Finding) -> dict[str, str]:
    return {
        "check": name,
        "state": finding.state.value,
        "finding": finding.text,
        "next_step": finding.next_step,
    }

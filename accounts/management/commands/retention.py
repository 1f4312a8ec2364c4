"""`manage.py retention`: delete what has been kept long enough, or say what would go."""

import json
from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone
from typing_extensions import override

from accounts import named, retention
from accounts.commands import CommandWithExamples
from accounts.models import Organization

USAGE = 2

EPILOG = """
examples:
  manage.py retention --dry-run
  manage.py retention --organization "Riverside School"
  manage.py retention --dry-run --report json > plan.json

Each organization says in its settings how long it keeps things. The command can be interrupted and repeated at any
time, and runs every night by itself.

exit codes: 0 done, 2 the command was not understood
"""


class Command(CommandWithExamples):
    """Applies every rule, organization by organization."""

    help = "Delete what has been kept long enough."

    examples = EPILOG

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what can be asked for."""
        parser.add_argument(
            "--organization", default="", help="its name or id; default: all, and what is nobody's"
        )
        parser.add_argument("--dry-run", action="store_true", help="say what would go, and write nothing")
        parser.add_argument("--report", choices=["text", "json"], default="text", help="default: text")

    @override
    def handle(self, *_args: Any, **options: Any) -> None:
        """Apply the rules and report."""
        now = timezone.now()
        chosen = _named(options["organization"]) if options["organization"] else None
        outcomes = retention.run(now=now, organizations=chosen, dry_run=options["dry_run"])
        if options["report"] == "json":
            report = {
                "at": now.isoformat(),
                "dry_run": options["dry_run"],
                "outcomes": [_as_json(outcome) for outcome in outcomes],
            }
            self.stdout.write(json.dumps(report, indent=2))
            return
        verb = "would go" if options["dry_run"] else "gone"
        for outcome in outcomes:
            self.stdout.write(outcome.organization.name if outcome.organization else "Installation")
            for name, count in outcome.counts.items():
                self.stdout.write(f"  {name.replace('_', ' '):<28}{count:>8} {verb}")


def _named(wanted: str) -> Sequence[Organization]:
    """Return the organization with this id or name.

    Raises:
        CommandError: there is none, or there are several.
    """
    try:
        return [named.organization(wanted)]
    except named.NotOne as error:
        raise CommandError(
            "There is no such organization, or more than one. Name its id.", returncode=USAGE
        ) from error


def _as_json(outcome: retention.Outcome) -> dict[str, object]:
    house = outcome.organization
    return {
        "organization": str(house.pk) if house else None,
        "name": house.name if house else "Installation",
        "counts": dict(outcome.counts),
    }

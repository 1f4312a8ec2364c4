"""`manage.py erase_organization`: erase an organization with everybody and everything in it, or say what would go."""

from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.core.management.base import CommandError
from django.db import IntegrityError
from django.utils import timezone
from typing_extensions import override

from accounts import named, organization_erasure
from accounts.commands import CommandWithExamples
from accounts.lifecycle import StillNeeded
from accounts.models import Organization

UNFINISHED, USAGE, IN_A_CRISIS = 1, 2, 3
EVERY = 100
"""After how many pieces the progress is told."""

EPILOG = """
examples:
  manage.py erase_organization "Riverside School" --dry-run
  manage.py erase_organization "Riverside School"
  manage.py erase_organization 01a2… --yes "Riverside School"

First the organization is closed: nobody in it can sign in any more, and there is no way back. The command can be
interrupted at any time; name the organization once more, and it goes on. The record of acts stays: ids and verbs,
without a word of anybody's. Backups keep everything until they are replaced.

exit codes: 0 done, 1 not done, run it again, 2 the command was not understood or not confirmed,
3 somebody in the organization waits for a person in a crisis, or has one
"""


class Command(CommandWithExamples):
    """Counts, asks, erases and tells."""

    help = "Erase an organization with everybody and everything in it."

    examples = EPILOG

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what can be asked for."""
        parser.add_argument("organization", help="its name or id")
        parser.add_argument("--dry-run", action="store_true", help="say what would go, and write nothing")
        parser.add_argument("--yes", metavar="NAME", help="its whole name, in place of being asked for it")
        parser.add_argument(
            "--even-in-a-crisis", action="store_true", help="erase it although somebody waits for a person"
        )

    @override
    def handle(self, *_args: Any, **options: Any) -> None:
        """Erase the organization, if its name is confirmed."""
        organization = _named(options["organization"])
        self._tell(organization_erasure.count(organization), verb="would go" if options["dry_run"] else "go")
        if options["dry_run"]:
            return
        if organization.closed_at is not None:
            self.stdout.write(f"Its erasure began on {organization.closed_at:%-d %B %Y}; going on.")
        typed = _asked_for(organization) if options["yes"] is None else options["yes"]
        if typed != organization.name:
            raise CommandError("That is not its name; nothing was erased.", returncode=USAGE)
        try:
            gone = self._erase(organization, even_in_a_crisis=options["even_in_a_crisis"])
        except StillNeeded as needed:
            message = "Somebody in it waits for a person in a crisis, or has one. Nothing was erased."
            raise CommandError(message, returncode=IN_A_CRISIS) from needed
        except IntegrityError as late:
            # Also as `ProtectedError`: a row that was there in time to be seen, but not to be erased before.
            message = "Something came in while it was erased. Run the command again."
            raise CommandError(message, returncode=UNFINISHED) from late
        self._tell(gone, verb="gone")
        self.stdout.write(f"The organization {organization.pk} is erased.")

    def _erase(self, organization: Organization, *, even_in_a_crisis: bool) -> Counter[str]:
        gone: Counter[str] = Counter()
        pieces = organization_erasure.erase(
            organization, now=timezone.now(), even_in_a_crisis=even_in_a_crisis
        )
        for number, piece in enumerate(pieces, start=1):
            gone[piece.what] += piece.number
            if number % EVERY == 0:
                self.stdout.write(f"  … {piece.what} {gone[piece.what]}")
        return gone

    def _tell(self, counts: dict[str, int], *, verb: str) -> None:
        for what, number in counts.items():
            self.stdout.write(f"  {what:<20}{number:>8} {verb}")


def _named(wanted: str) -> Organization:
    """Return the organization with this id or name.

    Raises:
        CommandError: there is none, or there are several.
    """
    try:
        return named.organization(wanted)
    except named.NotOne as error:
        raise CommandError(
            "There is no such organization, or more than one. Name its id.", returncode=USAGE
        ) from error


def _asked_for(organization: Organization) -> str:
    """Return the name that somebody types; nothing where nobody is there to type."""
    try:
        return input(f"Type the name of the organization ({organization.name}) to erase it: ")
    except EOFError:
        return ""

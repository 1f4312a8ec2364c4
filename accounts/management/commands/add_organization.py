"""Open the installation to an organization that signs in with Google or Clever."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError
from django.utils import timezone
from typing_extensions import override

from accounts.sso import domains, opening
from accounts.sso.identity import usable_email


class Command(BaseCommand):
    """`manage.py add_organization "Riverside School" --administrator dora@riverside.example --domain riverside.example`."""

    help = "Adds an organization, its verified domains and the account that waits for its administrator."

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument(
            "--administrator", required=True, help="Whose Google account opens the dashboard."
        )
        parser.add_argument("--domain", action="append", default=[], help="Its own domain; may be repeated.")
        parser.add_argument("--clever-district", help="The id of its district in Clever.")

    @override
    def handle(self, **options: object) -> None:
        administrator = usable_email(options["administrator"])
        if not administrator:
            raise CommandError("Write the administrator's email address.")
        stated = options["domain"] if isinstance(options["domain"], list) else []
        try:
            organization = opening.open_organization(
                name=str(options["name"]),
                administrator=administrator,
                stated=stated,
                district=str(options["clever_district"] or ""),
                now=timezone.now(),
            )
        except domains.NotADomain:
            raise CommandError("Write a domain, such as riverside.example.") from None
        except domains.DomainTaken:
            raise CommandError("One of the domains is verified for another organization.") from None
        except IntegrityError:
            raise CommandError("The address or the district is another organization's already.") from None
        self.stdout.write(
            f"{organization} is added ({organization.pk}). {administrator} may sign in with Google."
        )

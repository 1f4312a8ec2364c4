"""Verify the domain of an organization, so that its people may come in with Google."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from typing_extensions import override

from accounts import named
from accounts.sso import domains


class Command(BaseCommand):
    """`manage.py verify_domain riverside.example --organization "Riverside School"`."""

    help = "Lets people of a domain come in to an organization. Ask the owner of the domain first: nothing is looked up."

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("domain")
        parser.add_argument("--organization", required=True, help="Its name or id.")
        parser.add_argument("--withdraw", action="store_true", help="Forget the domain instead.")

    @override
    def handle(self, **options: object) -> None:
        try:
            organization = named.organization(str(options["organization"]))
            stated = domains.state(actor=None, organization=organization, domain=str(options["domain"]))
            if options["withdraw"]:
                domains.withdraw(actor=None, domain=stated)
            else:
                domains.verify(actor=None, domain=stated, now=timezone.now())
        except named.NotOne:
            raise CommandError("There is no such organization, or several; name it by its id.") from None
        except domains.NotADomain:
            raise CommandError("Write a domain, such as riverside.example.") from None
        except domains.DomainTaken:
            raise CommandError("This domain is verified for another organization.") from None
        outcome = "withdrawn" if options["withdraw"] else f"verified for {organization}"
        self.stdout.write(f"{stated} is {outcome}.")

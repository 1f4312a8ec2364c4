"""Let somebody who signed in administer the organization."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError
from typing_extensions import override

from accounts import named
from accounts.sso import opening


class Command(BaseCommand):
    """`manage.py make_administrator tom@riverside.example`."""

    help = "Makes a person the administrator of the organization that they belong to; people come in as educators."

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("person", help="The email address, or the id where there is no address.")

    @override
    def handle(self, **options: object) -> None:
        try:
            person = named.person(str(options["person"]))
        except named.NotOne:
            raise CommandError("There is no such person in an organization.") from None
        opening.make_administrator(person=person)
        self.stdout.write(f"{person} administers {person.organization}.")

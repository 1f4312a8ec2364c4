"""Verify the record of sensitive acts from the command line."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from typing_extensions import override

from accounts import chain
from accounts.models import AuditEvent, ChainCheck


class Command(BaseCommand):
    """`manage.py audit verify`."""

    help = (
        "Checks the append-only record: that every row is as it was written, follows the row that it followed "
        "then, and that what the last check saw is still there. Exit codes: 0 whole, 1 broken."
    )

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="verify")
        actions.add_parser("verify", help="Check the whole record, of all organizations.")

    @override
    def handle(self, **_options: object) -> None:
        before = chain.latest()
        self._tell_before(before)
        check = chain.verify(now=timezone.now())
        self.stdout.write(f"Rows checked: {check.events}{self._span(check)}.")
        if check.broken_at is not None:
            raise CommandError(
                f"Broken at row {check.broken_at}: it is not as it was written, or a row beside it is gone. "
                "Keep a copy of the database as it is."
            )
        self.stdout.write(self.style.SUCCESS("Whole: every row is as it was written, and none is missing."))
        self.stdout.write(f"The newest row's hash, to compare elsewhere: {check.newest_hash or 'none'}")

    def _tell_before(self, before: ChainCheck | None) -> None:
        if before is None or before.done_at is None:
            self.stdout.write("Never checked before: the removal of the newest rows would not be noticed.")
            return
        state = "whole" if before.broken_at is None else f"broken at row {before.broken_at}"
        self.stdout.write(
            f"Checked before: {before.done_at:%Y-%m-%d %H:%M} UTC, {before.events} rows, {state}."
        )

    def _span(self, check: ChainCheck) -> str:
        first = AuditEvent.objects.order_by("sequence").first()
        if first is None:
            return ""
        return f", from row {first.sequence} of {first.at:%Y-%m-%d %H:%M} UTC to row {check.newest_sequence}"

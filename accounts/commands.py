"""What commands have in common that people read the help of."""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any, ClassVar

from django.core.management.base import BaseCommand
from typing_extensions import override


class CommandWithExamples(BaseCommand):
    """A command whose help ends with examples and exit codes, their lines kept."""

    examples: ClassVar[str] = ""

    @override
    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        """Return the parser with the examples below it."""
        parser: ArgumentParser = super().create_parser(prog_name, subcommand, epilog=self.examples, **kwargs)
        parser.formatter_class = RawDescriptionHelpFormatter
        return parser

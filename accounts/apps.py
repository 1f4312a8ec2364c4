"""Application configuration."""

from django.apps import AppConfig
from django.db.models import Field
from typing_extensions import override

from accounts.lookups import AnyOf


class AccountsConfig(AppConfig):
    """The accounts app."""

    name = "accounts"
    verbose_name = "People"

    @override
    def ready(self) -> None:
        """Make our lookups known."""
        Field.register_lookup(AnyOf)

"""How sign-in behaves here: accounts are made by an administrator, nobody signs up alone."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest
from typing_extensions import override


class AccountAdapter(DefaultAccountAdapter):
    """The sign-in library's behaviour with the open sign-up closed."""

    @override
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Return False: people are invited by their organization."""
        return False

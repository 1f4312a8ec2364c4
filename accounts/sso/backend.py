"""Whether a password opens anything."""

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest
from typing_extensions import override


class PasswordBackend(AuthenticationBackend):  # type: ignore[misc]  # allauth has no types
    """Checks passwords where the operator lets people sign in by one; elsewhere none is right, at any door."""

    @override
    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> AbstractBaseUser | None:
        """Return the person whose password this is."""
        if not settings.PASSWORD_SIGN_IN:
            return None
        person: AbstractBaseUser | None = super().authenticate(request, **credentials)
        return person

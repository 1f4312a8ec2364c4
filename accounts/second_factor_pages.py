"""The pages about the second factor: django-allauth's, for people with a password, and on record."""

from typing import Any

from allauth.mfa.base.views import IndexView
from allauth.mfa.recovery_codes.views import GenerateRecoveryCodesView
from allauth.mfa.totp.views import ActivateTOTPView, DeactivateTOTPView
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from accounts import second_factor
from accounts.access import NotVisible
from accounts.models import User


class _ForPasswords:
    """Keeps the page from existing for people who sign in elsewhere, and have their second factor there."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer people whose account a password opens.

        Raises:
            NotVisible: this person's opens otherwise.
        """
        if isinstance(request.user, User) and not request.user.uses_password:
            raise NotVisible
        answer: HttpResponseBase = super().dispatch(request, *args, **kwargs)  # type: ignore[misc]
        return answer


class _Recorded(_ForPasswords):
    """Records what the form did, in the same transaction."""

    action: str
    request: HttpRequest

    @transaction.atomic
    def form_valid(self, form: Any) -> HttpResponse:
        """Do it, and record it."""
        response: HttpResponse = super().form_valid(form)  # type: ignore[misc]
        if isinstance(self.request.user, User):
            second_factor.record(self.request.user, self.action, self.request)
        return response


class Index(_ForPasswords, IndexView):  # type: ignore[misc]  # allauth has no types
    """Shows whether there is a second factor, and how many recovery codes are left."""


class Activate(_Recorded, ActivateTOTPView):  # type: ignore[misc]  # allauth has no types
    """Shows the code for the app, and turns the second factor on."""

    action = "second_factor_turned_on"


class Deactivate(_Recorded, DeactivateTOTPView):  # type: ignore[misc]  # allauth has no types
    """Turns the second factor off."""

    action = "second_factor_turned_off"


class Generate(_Recorded, GenerateRecoveryCodesView):  # type: ignore[misc]  # allauth has no types
    """Makes new recovery codes, which ends the old ones."""

    action = "recovery_codes_made"


index = login_required(Index.as_view())
activate = login_required(Activate.as_view())
deactivate = login_required(Deactivate.as_view())
generate = login_required(Generate.as_view())

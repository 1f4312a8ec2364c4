"""The way to a provider for a page that draws its own button, and a session that is to last."""

from typing import Any, ClassVar

from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.providers.base import AuthProcess
from django.utils.http import url_has_allowed_host_and_scheme
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from typing_extensions import override

from accounts.api_authentication import BrowserAuthentication, by_program
from accounts.api_envelope import Answer
from accounts.api_errors import Problem
from accounts.api_operations import Operation
from accounts.api_parsing import StrictSerializer
from accounts.sso.flow import too_often
from accounts.sso.refusals import WAIT_SECONDS

NOT_RENEWED = "A key lasts as long as was chosen when it was made. A new one is made in the browser."


class Departure(StrictSerializer):
    """Where to go once somebody is signed in."""

    redirect_uri = serializers.CharField(
        max_length=2000, required=False, help_text="An address of this site; without one the start page."
    )


class DepartureShape(serializers.Serializer[Any]):
    """Where the browser goes to sign in."""

    auth_url = serializers.URLField(
        help_text="At the provider; good once, for the browser whose session this answer begins."
    )


class ToProvider(Operation):
    """The way to a provider. Nobody is signed in yet, so a page of this site must ask."""

    provider: ClassVar[str]

    authentication_classes = ()
    permission_classes = ()

    @override
    def check_throttles(self, _request: Request) -> None:
        """Count nothing: it is nobody's request, as opening the sign-in page is."""

    @override
    def saves_reply(self, _request: Request) -> bool:
        """Keep none: each answer is for one sign-in."""
        return False

    def depart(self, request: Request) -> Answer:
        """Begin a sign-in in the session of this browser, and say where it goes on.

        Raises:
            NotVisible: the provider is not configured.
            ValidationError: the address to come back to is not one of this site.
            WithoutCsrfToken: no page of this site asks.
            Problem: too many sign-ins begin at this address.
        """
        BrowserAuthentication().enforce_csrf(request)
        if too_often(self.django_request):
            raise Problem(429, headers={"Retry-After": str(WAIT_SECONDS)})
        wanted: str | None = self.body(Departure).get("redirect_uri")
        if wanted is not None and not self._is_ours(wanted):
            raise serializers.ValidationError({"redirect_uri": ["This is not an address of this site."]})
        provider = get_adapter().get_provider(self.django_request, self.provider)
        departure = provider.redirect(self.django_request, AuthProcess.LOGIN, next_url=wanted)
        return self.answer(DepartureShape({"auth_url": departure.url}))

    def _is_ours(self, address: str) -> bool:
        return url_has_allowed_host_and_scheme(
            address, {self.django_request.get_host()}, require_https=self.django_request.is_secure()
        )


class ToGoogle(ToProvider):
    """The way to Google."""

    provider = "google"

    @extend_schema(tags=["auth"], request=Departure, responses=DepartureShape, auth=[])
    def post(self, request: Request) -> Answer:
        """Begin to sign in with Google. Google sends the browser back to this site, which signs it in."""
        return self.depart(request)


class ToClever(ToProvider):
    """The way to Clever."""

    provider = "clever"

    @extend_schema(tags=["auth"], request=Departure, responses=DepartureShape, auth=[])
    def post(self, request: Request) -> Answer:
        """Begin to sign in with Clever. Clever sends the browser back to this site, which signs it in."""
        return self.depart(request)


class RefreshShape(serializers.Serializer[Any]):
    """How long the session lasts now."""

    expires_in = serializers.IntegerField(help_text="Seconds, if it is not used again before.")


class Refresh(Operation):
    """A session that is to last, though nothing else is asked."""

    @extend_schema(tags=["auth"], request=None, responses=RefreshShape)
    def post(self, request: Request) -> Answer:
        """Renew the session that was used: a day from now, and never more than seven days in all. Keys are not renewed."""
        if by_program(request):
            raise Problem(403, NOT_RENEWED, details={"reason": "only_in_browser"})
        session = self.django_request.session
        # Written once more, with a new end.
        session.modified = True
        return self.answer(RefreshShape({"expires_in": session.get_expiry_age()}))

    @override
    def saves_reply(self, _request: Request) -> bool:
        """Keep none: it would tell an old time."""
        return False

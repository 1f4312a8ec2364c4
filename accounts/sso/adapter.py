"""What Sideline changes in django-allauth's sign-in through providers."""

from typing import Any, NoReturn

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from allauth.socialaccount.providers.base import AuthError
from django.conf import settings
from django.http import HttpRequest
from typing_extensions import override

from accounts import audit
from accounts.access import NotVisible
from accounts.sso import refusals
from accounts.sso.exchange import ProviderSilent
from accounts.sso.refusals import Refusal


class ProviderAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Providers come from the settings, people from `provisioning.admit`, and errors have pages."""

    @override
    def list_apps(
        self, request: HttpRequest | None, provider: str | None = None, client_id: str | None = None
    ) -> list[SocialApp]:
        """Return the clients that the settings name; no row of the database opens another door."""
        return [
            SocialApp(provider=name, **app)
            for name, places in settings.SOCIALACCOUNT_PROVIDERS.items()
            for app in places["APPS"]
            if provider in {None, name} and client_id in {None, app["client_id"]}
        ]

    @override
    def list_providers(self, request: HttpRequest) -> list[Any]:
        """Return the providers that are configured, in the order of the settings."""
        return [self.get_provider(request, app.provider) for app in self.list_apps(request)]

    @override
    def get_app(
        self, request: HttpRequest | None, provider: str | None = None, client_id: str | None = None
    ) -> SocialApp:
        """Return the client for a provider.

        Raises:
            NotVisible: the provider is not configured, so its pages do not exist.
        """
        apps = self.list_apps(request, provider=provider, client_id=client_id)
        if not apps:
            raise NotVisible
        return apps[0]

    @override
    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        """Return no: whoever gets as far as a sign-up form was not admitted."""
        return False

    @override
    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,
        error: str | None = None,
        exception: Exception | None = None,
        extra_context: dict[str, Any] | None = None,
    ) -> NoReturn:
        """Answer a sign-in that did not get as far as a person, and record it when the provider was asked.

        Raises:
            ImmediateHttpResponse: always, with the page.
        """
        if exception is not None:
            audit.record(
                actor=None,
                action="sign_in_failed",
                resource=audit.person(None),
                reason=f"{provider.id}: {_reason(error, exception, extra_context).key}",
                request=request,
            )
        refusal = _reason(error, exception, extra_context)
        raise ImmediateHttpResponse(refusals.page(request, refusal, provider=provider.name))


def _reason(error: str | None, exception: Exception | None, context: dict[str, Any] | None) -> Refusal:
    """Return why there is no person."""
    if error == AuthError.CANCELLED:
        return refusals.CANCELLED
    if isinstance(exception, ProviderSilent):
        return refusals.SILENT
    if exception is None and "state_id" in (context or {}):
        return refusals.STALE
    return refusals.UNCLEAR

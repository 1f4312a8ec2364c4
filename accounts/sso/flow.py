"""What both providers have in common: settings decide where they are, the request decides nothing."""

from abc import ABC, abstractmethod
from typing import Any

from allauth.account.utils import get_next_redirect_url
from allauth.core.internal import ratelimit
from allauth.socialaccount.models import SocialAccount, SocialLogin, SocialToken
from allauth.socialaccount.providers.base import AuthProcess
from allauth.socialaccount.providers.oauth2.provider import OAuth2Provider
from allauth.socialaccount.providers.oauth2.views import OAuth2Adapter
from django.conf import settings
from django.http import HttpRequest
from typing_extensions import override

from accounts.sso import exchange, provisioning
from accounts.sso.identity import Identity


class StrictProvider(OAuth2Provider):  # type: ignore[misc]  # allauth has no types
    """Begins a sign-in, whatever else the browser asks for."""

    supports_token_authentication = False

    @override
    def get_redirect_from_request_kwargs(self, request: HttpRequest) -> dict[str, Any]:
        """Return where to go afterwards.

        Scopes, parameters for the provider and other processes that the request names are dropped.
        """
        kwargs = {"process": AuthProcess.LOGIN}
        if next_url := get_next_redirect_url(request):
            kwargs["next_url"] = next_url
        return kwargs


class StrictAdapter(OAuth2Adapter, ABC):  # type: ignore[misc]  # allauth has no types
    """Finds out who came back, and lets the person in or not."""

    client_class = exchange.TokenClient

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request)
        self.places: dict[str, Any] = settings.SOCIALACCOUNT_PROVIDERS[self.provider_id]
        self.authorize_url = self.places["AUTHORIZE_URL"]
        self.access_token_url = self.places["TOKEN_URL"]
        self.state: dict[str, Any] = {}
        """What this browser's session kept when the sign-in began."""

    @override
    def parse_token(self, data: dict[str, Any]) -> SocialToken:
        """Return the access token, which is used once and never stored."""
        return SocialToken(token=exchange.word(data, "access_token"))

    @override
    def complete_login(
        self, request: HttpRequest, app: Any, token: SocialToken, **kwargs: Any
    ) -> SocialLogin:
        """Return the sign-in of a person who has an account now; django-allauth finds it by its key.

        Raises:
            ProviderSilent: the provider does not answer.
            ProviderUnclear: what it says cannot be believed.
            SignInRefused: the person may not come in.
        """
        identity = self.identify(app=app, access_token=token.token, answer=kwargs["response"])
        provisioning.admit(identity=identity, request=request)
        account = SocialAccount(provider=identity.provider, uid=identity.subject, extra_data={})
        return SocialLogin(provider=self.get_provider(), account=account)

    @abstractmethod
    def identify(self, *, app: Any, access_token: str, answer: dict[str, Any]) -> Identity:
        """Return who it is, checked.

        Args:
            app: the client as which Sideline is known to the provider.
            access_token: opens what the provider knows of this person.
            answer: the whole answer of the token endpoint.
        """


def too_often(request: HttpRequest) -> bool:
    """Count a sign-in that begins against its address; return whether it is one too many."""
    return not ratelimit.consume(
        request, app="allauth.account", action="sign_in_with_provider", limit_get=True
    )

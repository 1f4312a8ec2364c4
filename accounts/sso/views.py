"""The sign-in page, and the way to a provider and back."""

from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import get_adapter as get_account_adapter
from allauth.account.views import LoginView
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.providers.base import AuthProcess
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods
from typing_extensions import override

from accounts import audit
from accounts.sso import refusals
from accounts.sso.clever import CleverSignIn
from accounts.sso.flow import too_often
from accounts.sso.google import GoogleSignIn
from accounts.sso.refusals import SignInRefused


class SignInView(LoginView):  # type: ignore[misc]  # allauth has no types
    """The providers that are configured, and the form for a password where passwords are used."""

    @override
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Show the page, or check a password.

        Raises:
            PermissionDenied: somebody sends a password where none opens anything.
        """
        if request.method == "POST" and not settings.PASSWORD_SIGN_IN:
            raise PermissionDenied
        response: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        # Browsers hold a form to this policy also where the answer sends it on.
        response._csp_update = {"form-action": _origins()}  # type: ignore[attr-defined]  # noqa: SLF001 -- as csp's decorator
        return response

    @override
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Return the page's values with the providers that have a button."""
        context: dict[str, Any] = super().get_context_data(**kwargs)
        providers = get_adapter(self.request).list_providers(self.request)
        return {**context, "providers": providers, "passwords": settings.PASSWORD_SIGN_IN}


def _origins() -> list[str]:
    """Return where the buttons lead."""
    places = (urlsplit(p["AUTHORIZE_URL"]) for p in settings.SOCIALACCOUNT_PROVIDERS.values() if p["APPS"])
    return [f"{place.scheme}://{place.netloc}" for place in places]


class DepartureView(OAuth2LoginView):  # type: ignore[misc]  # allauth has no types
    """Sends the browser to a provider, when the person pressed our button."""

    @override
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Begin the sign-in; an address that was only opened leads to the sign-in page."""
        provider = self.get_provider()
        if request.method != "POST":
            return redirect("account_login")
        if too_often(request):
            return refusals.busy(request, provider=provider.name)
        response: HttpResponse = provider.redirect_from_request(request)
        return response


class ReturnView(OAuth2CallbackView):  # type: ignore[misc]  # allauth has no types
    """Receives the browser from a provider: signs in, or shows the page that says why not."""

    @override
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Sign the person in; whoever was signed in here before is signed out."""
        try:
            response: HttpResponse = super().dispatch(request, *args, **kwargs)
        except SignInRefused as refused:
            return self._refuse(request, refused)
        return response

    @override
    def _get_state(self, request: HttpRequest, provider: Any) -> tuple[dict[str, Any] | None, Any]:
        """Return what the session kept, once, and let the adapter see it."""
        state, response = super()._get_state(request, provider)
        self.adapter.state = state or {}
        return state, response

    def _refuse(self, request: HttpRequest, refused: SignInRefused) -> HttpResponse:
        """Record the refusal and show its page; on a shared device the last person's session ends, too."""
        if request.user.is_authenticated:
            get_account_adapter(request).logout(request)
        provider = self.adapter.get_provider()
        audit.record(
            actor=None,
            action="sign_in_refused",
            resource=audit.person(refused.person),
            reason=f"{provider.id}: {refused.refusal.key}",
            request=request,
            organization_id=refused.person.organization_id if refused.person else None,
        )
        return refusals.page(request, refused.refusal, provider=provider.name, home=refused.home)


class CleverReturnView(ReturnView):
    """Clever's portal opens Sideline without having been asked: such a start is begun again as ours."""

    @override
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Drop a code that this browser did not ask for, and ask for one."""
        if "code" in request.GET and "state" not in request.GET:
            provider = self.adapter.get_provider()
            if too_often(request):
                return refusals.busy(request, provider=provider.name)
            response: HttpResponse = provider.redirect(request, AuthProcess.LOGIN)
            return response
        return super().dispatch(request, *args, **kwargs)


sign_in = SignInView.as_view()
to_google = require_http_methods(["GET", "POST"])(DepartureView.adapter_view(GoogleSignIn))
to_clever = require_http_methods(["GET", "POST"])(DepartureView.adapter_view(CleverSignIn))
from_google = never_cache(require_GET(ReturnView.adapter_view(GoogleSignIn)))
from_clever = never_cache(require_GET(CleverReturnView.adapter_view(CleverSignIn)))

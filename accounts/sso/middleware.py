"""Pages about passwords, where there are none."""

from collections.abc import Callable

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponseBase

PASSWORD_PAGES = frozenset(
    {
        "account_reauthenticate",
        "account_change_password",
        "account_reset_password",
        "account_reset_password_done",
        "account_reset_password_from_key",
        "account_reset_password_from_key_done",
    }
)


class PasswordPagesMiddleware:
    """Keeps the pages about passwords from existing where passwords open nothing."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass the request on."""
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: object) -> None:
        """Look at which page it is.

        Raises:
            Http404: it is about passwords, and there are none.
        """
        match = request.resolver_match
        if match and match.url_name in PASSWORD_PAGES and not settings.PASSWORD_SIGN_IN:
            raise Http404

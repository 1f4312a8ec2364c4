"""Google: an account of a verified domain, by a signed statement that was made for this very sign-in."""

import re
import secrets
from typing import Any

import jwt
from allauth.socialaccount.providers.google.provider import GoogleProvider
from allauth.socialaccount.providers.google.views import GoogleOAuth2Adapter
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from typing_extensions import override

from accounts.sso import exchange
from accounts.sso.exchange import ProviderUnclear
from accounts.sso.flow import StrictAdapter, StrictProvider
from accounts.sso.identity import Identity, readable_name, usable_domain, usable_email

ALGORITHM = "RS256"
CLOCKS_DIFFER_SECONDS = 30
KEYS_LAST_SECONDS = 3600
SUBJECT = re.compile(r"[!-~]{1,191}")
"""What fits into django-allauth's column; Google's are 21 digits."""
REQUIRED = ["iss", "aud", "sub", "exp", "iat", "nonce"]


class GoogleSignIn(StrictAdapter, GoogleOAuth2Adapter):  # type: ignore[misc]  # allauth has no types
    """Believes an identity token, and nothing else."""

    @override
    def identify(self, *, app: Any, access_token: str, answer: dict[str, Any]) -> Identity:
        """Return the person whom the identity token names."""
        claims = self._claims(exchange.word(answer, "id_token"), audience=app.client_id)
        nonce = self.state.get("nonce", "")
        if not nonce or not secrets.compare_digest(exchange.word(claims, "nonce"), nonce):
            raise ProviderUnclear("nonce")
        return Identity(
            provider=self.provider_id,
            subject=exchange.word(claims, "sub", SUBJECT),
            name=readable_name(claims.get("name")),
            email=usable_email(claims.get("email")),
            email_verified=claims.get("email_verified") is True,
            domain=usable_domain(claims.get("hd")),
        )

    def _claims(self, token: str, *, audience: str) -> dict[str, Any]:
        """Return what the token states, when Google signed it, now and for this client.

        Raises:
            ProviderUnclear: it did not.
        """
        issuer: str = self.places["ISSUER"]
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key=self._key(token),
                algorithms=[ALGORITHM],
                audience=audience,
                issuer=[issuer, issuer.removeprefix("https://")],
                leeway=CLOCKS_DIFFER_SECONDS,
                options={"require": REQUIRED, "strict_aud": True},
            )
        except jwt.PyJWTError as error:
            raise ProviderUnclear(type(error).__name__) from error
        return claims

    def _key(self, token: str) -> jwt.PyJWK:
        """Return the key that the token names; Google's are asked for again when it is a new one."""
        kid = jwt.get_unverified_header(token).get("kid")
        url: str = self.places["KEYS_URL"]
        key = _named(cache.get(url), kid)
        if key is None:
            asked = exchange.ask("GET", url)
            cache.set(url, asked, KEYS_LAST_SECONDS)
            key = _named(asked, kid)
        if key is None:
            raise ProviderUnclear("kid")
        return jwt.PyJWK(key, algorithm=ALGORITHM)


def _named(keys: dict[str, Any] | None, kid: str | None) -> dict[str, Any] | None:
    """Return the key of this name."""
    listed = (keys or {}).get("keys")
    found = (key for key in listed if isinstance(key, dict)) if isinstance(listed, list) else ()
    return next((key for key in found if kid and key.get("kid") == kid), None)


class Google(StrictProvider, GoogleProvider):  # type: ignore[misc]  # allauth has no types
    """Google as django-allauth knows it, with a nonce in every sign-in."""

    oauth2_adapter_class = GoogleSignIn

    @override
    def redirect(
        self, request: HttpRequest, process: str, next_url: str | None = None, data: Any = None, **kwargs: Any
    ) -> HttpResponse:
        """Send the browser to Google; the session keeps what must come back in the token."""
        nonce = secrets.token_urlsafe(24)
        response: HttpResponse = super().redirect(
            request,
            process,
            next_url,
            data,
            auth_params={**self.get_auth_params(), "nonce": nonce},
            nonce=nonce,
            **kwargs,
        )
        return response

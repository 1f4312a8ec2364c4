"""Asking a provider over HTTP: briefly, without following it elsewhere, and believing no shape of its answer."""

import json
import re
from http import HTTPStatus
from typing import Any

from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.providers.oauth2.client import OAuth2Client, OAuth2Error
from django.db import close_old_connections, connection
from typing_extensions import override

LONGEST_ANSWER = 256 * 1024
"""Bytes; what providers send is a few thousand."""

WORD = re.compile(r"[!-~]+")
"""What ids and tokens are made of."""


class ProviderSilent(OAuth2Error):  # type: ignore[misc]  # allauth has no types
    """The provider could not be reached, took too long, or said that it cannot answer now."""


class ProviderUnclear(OAuth2Error):  # type: ignore[misc]  # allauth has no types
    """The provider refused, or its answer is not what was agreed."""


def ask(method: str, url: str, **options: Any) -> dict[str, Any]:
    """Return the JSON object that a provider answers with.

    Raises:
        ProviderSilent: there was no answer.
        ProviderUnclear: the answer is a refusal, a redirect, too long or no JSON object.
    """
    if not connection.in_atomic_block:
        close_old_connections()  # A slow provider must not keep others from the pool's connections.
    try:
        with (
            get_adapter().get_requests_session() as session,
            session.request(method, url, stream=True, allow_redirects=False, **options) as answer,
        ):
            status = answer.status_code
            body = _read(answer)
    except OSError as error:  # Everything that `requests` raises is one.
        raise ProviderSilent(type(error).__name__) from error
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS:
        raise ProviderSilent(status)
    if status != HTTPStatus.OK:
        raise ProviderUnclear(status)
    return _object(body)


def _read(answer: Any) -> bytes:
    """Return the body, as long as it is not too long."""
    body = b""
    for chunk in answer.iter_content(16 * 1024):
        body += chunk
        if len(body) > LONGEST_ANSWER:
            raise ProviderUnclear("too long")
    return body


def _object(body: bytes) -> dict[str, Any]:
    """Return the JSON object that a body holds."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise ProviderUnclear("no JSON") from None
    if not isinstance(found, dict):
        raise ProviderUnclear("no object")
    return found


def word(source: dict[str, Any], name: str, shape: re.Pattern[str] = WORD) -> str:
    """Return an id or a token that must be there.

    Raises:
        ProviderUnclear: it is missing, or looks like something else.
    """
    value = source.get(name)
    if not isinstance(value, str) or not shape.fullmatch(value):
        raise ProviderUnclear(name)
    return value


class TokenClient(OAuth2Client):  # type: ignore[misc]  # allauth has no types
    """Turns the code that a browser brings into a token, server to server."""

    @override
    def get_access_token(
        self, code: str, pkce_code_verifier: str | None = None, extra_data: None = None
    ) -> dict[str, Any]:
        """Return the answer of the token endpoint, which holds an access token."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.callback_url}
        if pkce_code_verifier:
            form["code_verifier"] = pkce_code_verifier
        basic = None
        if self.basic_auth:
            basic = (self.consumer_key, self.consumer_secret)
        else:
            form |= {"client_id": self.consumer_key, "client_secret": self.consumer_secret}
        return ask("POST", self.access_token_url, data=form, auth=basic)

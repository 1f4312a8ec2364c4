"""From which pages a socket may be opened: only from this site's own."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from channels.security.websocket import WebsocketDenier
from django.conf import settings
from django.http.request import split_domain_port, validate_host
from django.utils.http import is_same_domain

_PORTS = {"http": 80, "https": 443}


class SameOrigin:
    """Refuses a socket whose `Origin` is not the address that it was opened at: scheme, host and port.

    A cookie knows no port: another program on another port of this host would speak with this site's session.
    The settings decide as they do for forms: `ALLOWED_HOSTS` on the host, `CSRF_TRUSTED_ORIGINS` on others.
    """

    def __init__(self, application: Any) -> None:
        self.application = application

    async def __call__(self, scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        """Let the socket in, or refuse its handshake."""
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        chosen = self.application if is_own(headers, is_secure(scope, headers)) else WebsocketDenier()
        await chosen(scope, receive, send)


def is_secure(scope: Mapping[str, Any], headers: Mapping[bytes, str]) -> bool:
    """Whether the browser speaks to this site over TLS, here or at the proxy that the settings trust."""
    trusted = settings.SECURE_PROXY_SSL_HEADER
    if trusted is None:
        return bool(scope.get("scheme") == "wss")
    name, value = trusted
    given = headers.get(name.removeprefix("HTTP_").replace("_", "-").lower().encode(), "")
    return given.split(",", 1)[0].strip() == value


def is_own(headers: Mapping[bytes, str], secure: bool) -> bool:
    """Whether a request with these headers comes from a page of this site."""
    origin = _address(headers.get(b"origin", ""))
    host, _ = split_domain_port(headers.get(b"host", ""))
    if origin is None or not validate_host(host, settings.ALLOWED_HOSTS):
        return False
    asked = _address(f"{'https' if secure else 'http'}://{headers[b'host']}")
    return origin == asked or any(_matches(origin, trusted) for trusted in settings.CSRF_TRUSTED_ORIGINS)


def _matches(origin: tuple[str, str, int], trusted: str) -> bool:
    """Whether an origin is one that the settings trust; they may say `https://*.example.com`."""
    address = _address(trusted.replace("*", "", 1))
    if address is None:
        return False
    scheme, host, port = address
    return (origin[0], origin[2]) == (scheme, port) and is_same_domain(origin[1], host)


def _address(url: str) -> tuple[str, str, int] | None:
    """Return scheme, host and port; None where there is no such address."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname:
        return None
    return parts.scheme, parts.hostname, port or _PORTS[parts.scheme]

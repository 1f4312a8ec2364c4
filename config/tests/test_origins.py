"""A socket is opened from this site's own pages and from nowhere else."""

from typing import Any

import pytest

from config import origins


def accepts(origin: str | None, host: str = "coach.example", *, secure: bool = True) -> bool:
    """Whether a socket opened at `host` is let in from a page of `origin`."""
    headers = {b"host": host} | ({} if origin is None else {b"origin": origin})
    return origins.is_own(headers, secure)


@pytest.fixture(autouse=True)
def _site(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["coach.example", "[::1]", ".schools.example"]
    settings.CSRF_TRUSTED_ORIGINS = []


class TestTheSiteItself:
    @pytest.mark.parametrize(
        ("origin", "host", "secure"),
        [
            ("https://coach.example", "coach.example", True),
            ("https://COACH.example", "coach.example:443", True),
            ("https://coach.example:8443", "coach.example:8443", True),
            ("http://coach.example", "coach.example:80", False),
            ("http://[::1]:8000", "[::1]:8000", False),
            ("https://west.schools.example", "west.schools.example", True),
        ],
    )
    def test_is_let_in(self, origin: str, host: str, secure: bool) -> None:
        assert accepts(origin, host, secure=secure)


class TestAnotherPlace:
    @pytest.mark.parametrize(
        "origin",
        [
            "https://coach.example:8443",
            "http://coach.example",
            "https://coach.example.evil.example",
            "https://evil.example",
            "https://west.schools.example",
            "null",
            "",
            None,
            "coach.example",
            "https://coach.example:port",
            "https://[coach.example",
        ],
    )
    def test_is_refused(self, origin: str | None) -> None:
        assert not accepts(origin)

    def test_is_refused_for_a_host_that_is_not_ours(self) -> None:
        assert not accepts("https://evil.example", "evil.example")

    def test_is_let_in_when_the_settings_trust_it(self, settings: Any) -> None:
        settings.CSRF_TRUSTED_ORIGINS = ["https://school.example:8443", "https://*.partner.example"]
        assert accepts("https://school.example:8443")
        assert accepts("https://west.partner.example")
        assert not accepts("https://school.example")
        assert not accepts("http://west.partner.example")


class TestTheWayToTheSite:
    def test_is_secure_when_the_trusted_proxy_says_so(self, settings: Any) -> None:
        settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
        assert origins.is_secure({}, {b"x-forwarded-proto": "https"})
        assert not origins.is_secure({"scheme": "wss"}, {b"x-forwarded-proto": "http"})
        assert not origins.is_secure({}, {})

    def test_is_as_the_server_says_without_a_proxy(self, settings: Any) -> None:
        settings.SECURE_PROXY_SSL_HEADER = None
        assert origins.is_secure({"scheme": "wss"}, {})
        assert not origins.is_secure({}, {b"x-forwarded-proto": "https"})

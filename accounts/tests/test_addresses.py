"""From where a request comes, in front of proxies and behind them."""

from typing import Any

import pytest
from django.test import Client, RequestFactory

from accounts import addresses
from accounts.entry_models import SignedIn
from accounts.models import AuditEvent, User
from accounts.tests.factories import PASSWORD

PROXY = "10.0.0.1"


def of(forwarded: str | None = None, *, peer: str = PROXY) -> str:
    """Return the address of a request that came from `peer` with this header."""
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    return addresses.of(RequestFactory().get("/", REMOTE_ADDR=peer, headers=headers))


class TestWithoutProxies:
    def test_the_peer_is_who_asks_whatever_it_claims(self) -> None:
        assert of("192.0.2.7") == PROXY

    def test_a_unix_socket_has_no_address(self) -> None:
        request = RequestFactory().get("/")
        del request.META["REMOTE_ADDR"]
        assert addresses.of(request) == ""


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::9", "2001:db8:1:2::"),
        ("2001:db8:1:3::9", "2001:db8:1:3::"),
    ],
)
def test_limits_count_what_one_line_has_together(peer: str, address: str) -> None:
    assert addresses.counted(RequestFactory().get("/", REMOTE_ADDR=peer)) == address


class TestBehindProxies:
    @pytest.mark.parametrize(
        ("proxies", "forwarded", "address"),
        [
            (1, "192.0.2.7", "192.0.2.7"),
            (1, "198.51.100.1, 192.0.2.7", "192.0.2.7"),
            (2, "198.51.100.1, 192.0.2.7, 10.0.0.2", "192.0.2.7"),
            (2, "192.0.2.7", "192.0.2.7"),
            (1, "192.0.2.7:51234", "192.0.2.7"),
            (1, "[2001:db8::1]:51234", "2001:db8::1"),
            (1, "fe80::1%eth0", "fe80::1"),
            (1, "unknown", PROXY),
            (1, "", PROXY),
        ],
    )
    def test_only_what_ours_have_added_counts(
        self, settings: Any, proxies: int, forwarded: str, address: str
    ) -> None:
        settings.TRUSTED_PROXIES = proxies
        assert of(forwarded) == address

    def test_a_unix_socket_of_the_proxy_is_enough(self, settings: Any) -> None:
        settings.TRUSTED_PROXIES = 1
        assert of("192.0.2.7", peer="") == "192.0.2.7"


@pytest.mark.django_db
@pytest.mark.usefixtures("fresh_limits")
class TestSigningIn:
    def from_somewhere(self, number: int) -> Client:
        """Return a browser somewhere behind our proxy, that claims to be somewhere else."""
        return Client(REMOTE_ADDR=PROXY, HTTP_X_FORWARDED_FOR=f"203.0.113.9, 192.0.2.{number}")

    def test_many_behind_one_proxy_do_not_share_a_limit(self, settings: Any, owner: User) -> None:
        settings.TRUSTED_PROXIES = 1
        for number in range(31):
            wrong = {"login": f"nobody{number}@riverside.example", "password": "not this one"}
            assert self.from_somewhere(number).post("/accounts/login/", wrong).status_code == 200
        client = self.from_somewhere(99)
        right = {"login": owner.email, "password": PASSWORD}
        assert client.post("/accounts/login/", right).status_code == 302
        assert SignedIn.objects.get().address == "192.0.2.99"
        assert AuditEvent.objects.get(action="signed_in").address == "192.0.2.99"

    def test_over_a_unix_socket_it_works_without_an_address(self, owner: User) -> None:
        client = Client(REMOTE_ADDR="")
        right = {"login": owner.email, "password": PASSWORD}
        assert client.post("/accounts/login/", right).status_code == 302
        assert client.get("/settings/sessions/").status_code == 200
        assert SignedIn.objects.get().address is None
        assert AuditEvent.objects.get(action="signed_in").address is None

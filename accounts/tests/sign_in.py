"""What tests of signing in through a provider say: begin, come back, look at what is left."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

from allauth.socialaccount.models import SocialAccount
from django.contrib.auth import SESSION_KEY
from django.test import Client

from accounts.models import AuditEvent, User
from accounts.tests.cast import CAST
from accounts.tests.fake_provider import FakeProvider


def depart(client: Client, provider: str, query: str = "", **form: str) -> str:
    """Press the button of a provider; return where the browser is sent."""
    answer = client.post(f"/accounts/{provider}/login/{query}", form)
    assert answer.status_code == 302
    return str(answer["Location"])


def back_at(client: Client, address: str) -> Any:
    """Open the address to which a provider sent the browser."""
    place = urlsplit(address)
    return client.get(f"{place.path}?{place.query}")


def sign_in(client: Client, fake: FakeProvider, **form: str) -> Any:
    """Go to a provider and come back; return Sideline's answer."""
    return back_at(client, fake.agree(depart(client, fake.called, **form)))


def parameters(address: str) -> dict[str, str]:
    """Return the parameters of an address."""
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def signed_in_as(client: Client) -> str | None:
    """Return the id of the person whose session this is."""
    key: str | None = client.session.get(SESSION_KEY)
    return key


def identities() -> set[tuple[str, str, str | None]]:
    """Return all identities: provider, what it calls the person, and the person's address."""
    return set(SocialAccount.objects.values_list("provider", "uid", "user__email"))


def events() -> list[tuple[str, str, str]]:
    """Return what is on record: action, resource, reason."""
    return list(AuditEvent.objects.order_by("sequence").values_list("action", "resource", "reason"))


def assert_refused(client: Client, answer: Any, title: str, *, newcomers: int = 0, status: int = 403) -> None:
    """Check that a page with this title came, that nobody is signed in, and how many have come beside the cast."""
    assert answer.status_code == status, answer.content.decode()
    assert f"<h1>{title}</h1>" in answer.content.decode()
    assert "Back to sign in" in answer.content.decode()
    assert signed_in_as(client) is None
    assert User.objects.count() == CAST + newcomers

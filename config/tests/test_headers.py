"""What every answer carries, found by walking all addresses as every kind of visitor."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.core.cache import cache
from django.db import transaction
from django.test import Client
from django.urls import resolve

from accounts.models import User
from accounts.tests.cast import Cast
from accounts.tests.factories import UserFactory
from accounts.tests.mailing import delivered
from config.content_policy import DASHBOARD_PREFIX
from config.tests.conftest import add_library
from config.tests.every_route import Route, routes
from conversations.models import Conversation, Message
from conversations.tests.factories import begin, say, spoken
from knowledge.models import Document

pytestmark = pytest.mark.django_db
FOREIGN = "https://evil.example"
KEPT_BRIEFLY = re.compile(r"^/library/.*/(image|marks)/$")
"""Pictures of pages: a browser, and nobody else, may keep them for an hour."""
UNSAFE = ("POST", "PUT", "PATCH", "DELETE")


@pytest.fixture
def known(cast: Cast) -> dict[str, Any]:
    """Something of the home organization for each parameter of an address."""
    home = cast.home
    add_library(home)
    conversation = begin(home.owner)
    message = say(home.owner, conversation, "How do we begin?").message
    document = Document.objects.get()
    return {
        "conversation_id": conversation.pk,
        "message_id": message.pk,
        "document_id": document.pk,
        "version_id": document.versions.get().pk,
        "object_id": home.owner.pk,
        "index": 0,
    }


def visitors(cast: Cast) -> dict[str, User | None]:
    """Return every kind of visitor."""
    home = cast.home
    staff = UserFactory.create(staff=True)
    return {"nobody": None, "owner": home.owner, "coach": home.coach, "admin": home.admin, "staff": staff}


def browser(member: User | None, **options: Any) -> Client:
    """Return the browser of a visitor; what breaks is an answer, as it is for people."""
    client = Client(raise_request_exception=False, **options)
    if member is not None:
        client.force_login(member)
    return client


def everywhere(cast: Cast, known: dict[str, Any], *looks: Callable[[Route, str, Any], None]) -> int:
    """Look at every answer to a GET, of every visitor; return how many there were."""
    answers = 0
    for name, member in visitors(cast).items():
        client = browser(member)
        client.get("/settings/")  # notes the session, once and not with each address
        cookies = client.cookies.output(header="", sep=";")
        for route in routes(known):
            # Some of these addresses sign out, and others leave something behind.
            here = transaction.savepoint()
            response = client.get(route.address, headers={"Origin": FOREIGN})
            for look in looks:
                look(route, name, response)
            transaction.savepoint_rollback(here)
            client.cookies.clear()
            client.cookies.load(cookies)
            answers += 1
    return answers


def test_the_walk_finds_every_kind_of_address(known: dict[str, Any]) -> None:
    addresses = [route.address for route in routes(known)]
    assert f"/conversations/{known['conversation_id']}/say/" in addresses
    assert f"/admin/accounts/user/{known['object_id']}/change/" in addresses
    assert "/accounts/password/reset/key/x-x/" in addresses
    assert len(addresses) > 60
    for address in addresses:
        resolve(address)


def test_every_answer_carries_what_browsers_need_and_no_page_of_somebody_signed_in_is_kept(
    cast: Cast, known: dict[str, Any]
) -> None:
    seen: set[int] = set()

    def look(route: Route, visitor: str, response: Any) -> None:
        where = f"{route.address} as {visitor}"
        seen.add(response.status_code)
        assert response.status_code < 500, where
        assert response["X-Content-Type-Options"] == "nosniff", where
        assert response["X-Frame-Options"] == "DENY", where
        assert response["Cross-Origin-Opener-Policy"] == "same-origin", where
        assert response["Referrer-Policy"] in {"same-origin", "no-referrer"}, where
        assert "Access-Control-Allow-Origin" not in response, where
        assert not {"Server", "X-Powered-By"} & set(response.headers), where
        _look_at_policy(response["Content-Security-Policy"], route.address, where)

    assert everywhere(cast, known, look, _look_at_what_is_kept) > 300
    assert seen >= {200, 302, 404, 405}


def _look_at_policy(policy: str, address: str, where: str) -> None:
    directives = dict(part.strip().partition(" ")[::2] for part in policy.split(";"))
    for name in ("default-src", "object-src", "base-uri", "frame-ancestors"):
        assert directives[name] == "'none'", where
    assert directives["connect-src"] == directives["form-action"] == "'self'", where
    assert "'unsafe-inline'" not in directives["script-src"], where
    if not address.startswith(DASHBOARD_PREFIX):
        assert "unsafe" not in policy, where
    assert not re.search(r"https?:|\*", policy), where


def _look_at_what_is_kept(route: Route, visitor: str, response: Any) -> None:
    where = f"{route.address} as {visitor}"
    kept = response.get("Cache-Control", "")
    assert "public" not in kept, where
    if visitor == "nobody":
        return
    if KEPT_BRIEFLY.match(route.address) and response.status_code == 200:
        assert "private" in kept, where
    else:
        assert "no-store" in kept or "no-cache" in kept, where
        assert "private" in kept or "no-store" in kept, where


def test_nothing_is_done_for_a_page_of_another_site(cast: Cast, known: dict[str, Any]) -> None:
    before = _everything(known)
    for member in (cast.home.owner, cast.home.coach, cast.home.admin):
        client = browser(member, enforce_csrf_checks=True)
        for route in routes(known):
            for method in UNSAFE:
                response = client.generic(method, route.address, headers={"Origin": FOREIGN})
                assert response.status_code in {401, 403, 404, 405}, f"{method} {route.address}"
    assert _everything(known) == before


def _everything(known: dict[str, Any]) -> list[Any]:
    """Return what a forged request might have changed."""
    conversation = Conversation.objects.filter(pk=known["conversation_id"])
    return [
        list(conversation.values()),
        spoken(conversation.get()),
        Conversation.objects.count(),
        Message.objects.count(),
        list(Document.objects.values()),
        list(User.objects.order_by("pk").values("pk", "name", "role", "is_active")),
    ]


HOSTS = [
    "evil.example",
    "testserver.evil.example",
    "testserver@evil.example",
    "evil.example:80",
    "testserver:80@evil.example",
    "testserver, evil.example",
    "testserver\tevil.example",
    "testserver/evil.example",
    "",
    "[::1",
    "127.0.0.2",
    "*",
]


class TestTheHost:
    @pytest.fixture(autouse=True)
    def _fresh_limits(self) -> None:
        """Forget who has asked for how many links: other tests of the same minute have, too."""
        cache.clear()

    @pytest.mark.parametrize("host", HOSTS)
    def test_that_is_not_ours_is_refused_and_not_repeated(self, host: str) -> None:
        response = browser(None).get("/accounts/login/", headers={"Host": host})
        assert response.status_code == 400
        assert "evil" not in response.content.decode()
        assert not response.cookies

    @pytest.mark.parametrize("header", ["X-Forwarded-Host", "X-Host", "Forwarded", "X-Original-Host"])
    def test_that_somebody_claims_is_not_believed(self, cast: Cast, header: str) -> None:
        claimed = {header: "host=evil.example" if header == "Forwarded" else "evil.example"}
        response = browser(None).get("/admin/", headers=claimed)
        assert response["Location"] == "/admin/login/?next=/admin/"
        browser(None).post("/accounts/password/reset/", {"email": cast.home.owner.email}, headers=claimed)
        assert delivered() == [[cast.home.owner.email]]
        assert "evil.example" not in str(mail.outbox[0].body)

    def test_is_the_one_in_the_mail(self, cast: Cast, settings: Any) -> None:
        browser(None).post("/accounts/password/reset/", {"email": cast.home.owner.email})
        assert delivered() == [[cast.home.owner.email]]
        links = [
            link for message in mail.outbox for link in re.findall(r"https?://([^/\s]+)", str(message.body))
        ]
        assert settings.PUBLIC_URL == "http://localhost:8000"
        assert links == ["localhost:8000"]


ELSEWHERE = [
    "http://evil.example",
    "https://evil.example/path",
    "HTTPS://EVIL.EXAMPLE",
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "\\/evil.example",
    "/\\/evil.example",
    "https:evil.example",
    "https:/evil.example",
    "https:///evil.example",
    "http:\\\\evil.example",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\nscript:alert(1)",
    "data:text/html,hello",
    "vbscript:msgbox(1)",
    "ftp://evil.example",
    " //evil.example",
    "\t//evil.example",
    "\n//evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "\x00//evil.example",
    "http://testserver@evil.example/",
    "http://testserver.evil.example/",
    "//testserver@evil.example",
    "//evil.example\\@testserver",
    "//evil\u3002example",
    "//evil%E3%80%82example",
    "http://[evil.example",
    "//evil.example/%2e%2e",
]


def stays(location: str) -> bool:
    """Whether a browser that follows this stays on our host, whatever the address names inside."""
    return bool(re.match(r"^(/(?![/\\\t\n\r])|\?|$)", location))


@pytest.mark.parametrize("target", ELSEWHERE)
class TestElsewhere:
    def test_the_dashboard_s_door_sends_nobody(self, target: str) -> None:
        response = browser(None).get("/admin/login/", {"next": target})
        assert response.status_code == 302
        assert response["Location"].startswith("/accounts/login/?next=")

    def test_signing_out_sends_nobody(self, cast: Cast, target: str) -> None:
        for address in ("/accounts/logout/", "/admin/logout/"):
            response = browser(cast.home.admin).post(address, {"next": target})
            assert stays(response.get("Location", "")), response["Location"]

    def test_a_page_that_wants_a_sign_in_first_sends_nobody(self, target: str) -> None:
        plain = browser(None).get("/", {"next": target})
        assert plain["Location"].startswith("/accounts/login/?next=")
        printable = "".join(letter for letter in target if letter.isascii() and letter.isprintable())
        by_script = browser(None).get("/", headers={"HX-Request": "true", "HX-Current-URL": printable})
        assert by_script["HX-Redirect"].startswith("/accounts/login/?next=")
        assert "evil" not in by_script["HX-Redirect"].partition("?next=")[2][:8]

    def test_an_address_that_looks_like_one_sends_nobody(self, cast: Cast, target: str) -> None:
        path = target.replace("\n", "%0a").replace("\t", "%09").replace("\x00", "%00").replace("[", "%5b")
        for prefix in ("", "/admin/", "/settings"):
            response = browser(cast.home.admin).get(f"{prefix}{path}")
            assert response.status_code in {200, 301, 302, 400, 404}
            assert stays(response.get("Location", "")), response["Location"]

"""The description of the API, the page that explains it, and addresses that do not exist."""

import json
from typing import Any

import pytest
from django.test import Client

from accounts.api_operations import UNSAFE, Operation
from accounts.tests.api_caller import read
from config import api_urls
from config.api_pages import description

pytestmark = pytest.mark.django_db


def operations() -> list[Any]:
    """Return the classes behind the addresses of the API."""
    views = [each.callback for each in api_urls.urlpatterns]
    return [view.cls for view in views if hasattr(view, "cls")]


class TestTheDescription:
    def test_is_open_to_everybody(self, client: Client) -> None:
        found = client.get("/api/schema/")
        assert (found.status_code, found["Content-Type"]) == (200, "application/vnd.oai.openapi+json")
        assert json.loads(found.content)["openapi"].startswith("3.1")

    def test_names_every_operation_of_every_address(self) -> None:
        described = {(path, method) for path, methods in description()["paths"].items() for method in methods}
        assert len(described) == sum(
            hasattr(operation, method) for operation in operations() for method in ("get", *UNSAFE)
        )

    def test_says_of_each_what_a_key_must_open(self) -> None:
        open_to_any_key = {
            operation["operationId"]
            for methods in description()["paths"].values()
            for operation in methods.values()
            if "x-scope" not in operation
        }
        assert open_to_any_key == {"post_logout", "post_refresh", "post_to_clever", "post_to_google"}

    def test_wraps_every_answer(self) -> None:
        for methods in description()["paths"].values():
            for operation in methods.values():
                for status, response in operation["responses"].items():
                    content = response["content"].get("application/json")
                    if content and status.startswith("2"):
                        assert set(content["schema"]["properties"]) == {"data", "error", "meta"}
                assert "429" in operation["responses"]

    def test_says_of_each_that_an_address_may_be_too_long_for_a_body_in_the_answer(self) -> None:
        for methods in description()["paths"].values():
            for operation in methods.values():
                assert operation["responses"]["414"]["content"] == {}


def test_every_address_is_an_operation_of_ours() -> None:
    assert [each for each in operations() if not issubclass(each, Operation)] == []


class TestThePage:
    def test_shows_every_operation(self, client: Client) -> None:
        page = client.get("/api/docs/").content.decode()
        for path, methods in description()["paths"].items():
            for method in methods:
                assert f"{method.upper()} {path}" in page

    def test_needs_nothing_from_another_host(self, client: Client) -> None:
        page = client.get("/api/docs/").content.decode()
        assert 'src="http' not in page
        assert 'href="http' not in page


@pytest.mark.parametrize(
    "path",
    ["/api/", "/api/v2/conversations", "/api/v1/conversations/", "/api/v1/conversations/7", "/api/v1/share"],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_unknown_address_is_refused_in_the_envelope(client: Client, method: str, path: str) -> None:
    found = read(client.generic(method, path))
    assert (found.status, found.code) == (404, "NOT_FOUND")


def test_another_host_is_refused_in_the_envelope(client: Client) -> None:
    found = read(client.get("/api/v1/auth/me", headers={"Host": "evil.example"}))
    assert (found.status, found.code) == (400, "INVALID_INPUT")


def test_no_origin_is_let_in(client: Client) -> None:
    found = client.options("/api/v1/auth/me", headers={"Origin": "https://evil.example"})
    assert not [name for name in found.headers if name.lower().startswith("access-control")]


def test_a_fault_is_told_in_the_envelope_and_without_its_words(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object, **_options: object) -> None:
        raise ZeroDivisionError("canary")

    client.raise_request_exception = False
    monkeypatch.setattr("accounts.tokens.recognise", fail)
    answer = client.get("/api/v1/auth/me", headers={"Authorization": "Bearer x"})
    found = read(answer)
    assert (found.status, found.code) == (500, "INTERNAL_ERROR")
    assert found.meta["request_id"] == answer["X-Request-ID"]
    assert b"canary" not in answer.content

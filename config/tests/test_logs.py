"""The log: one line of JSON per event, fields from a list, ids hashed, no words of a conversation."""

import json
import logging
import sys
from collections.abc import Iterator
from typing import Any, NoReturn
from uuid import UUID

import pytest
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from accounts.request_ids import request_id
from config.celery import app
from config.log import JsonFormatter, hashed
from config.requests import RequestIdMiddleware, server_error

WORDS = "I do not want to be here any more"
SOMEBODY = UUID("0199aaaa-bbbb-7ccc-8ddd-eeeeffff0000")


def line(message: str, *arguments: object, exc_info: Any = None, **fields: object) -> dict[str, Any]:
    """Return what the formatter writes for a record."""
    record = logging.LogRecord("app", logging.INFO, "file.py", 1, message, arguments, exc_info)
    vars(record).update(fields)
    written = JsonFormatter().format(record)
    assert "\n" not in written
    found: dict[str, Any] = json.loads(written)
    return found


def fail(kind: type[Exception]) -> NoReturn:
    """Raise an exception that repeats what somebody wrote."""
    raise kind(WORDS)


@pytest.fixture
def _under_an_id() -> Iterator[None]:
    token = request_id.set("req-12345678")
    yield
    request_id.reset(token)


def test_arguments_are_never_written() -> None:
    assert WORDS not in json.dumps(line("said %s", WORDS))


def test_a_field_that_is_not_listed_is_dropped() -> None:
    assert "content" not in line("said", content=WORDS)


def test_listed_fields_are_written_and_cut() -> None:
    assert line("done", step="extract", count=3)["step"] == "extract"
    assert line("done", count=3)["count"] == 3
    assert len(line("done", reason="x" * 500)["reason"]) == 120


def test_ids_are_hashed_and_can_be_joined() -> None:
    first, second = line("a", user_id=SOMEBODY), line("b", user_id=str(SOMEBODY))
    assert first["user_id"] == second["user_id"] == hashed(SOMEBODY)
    assert str(SOMEBODY) not in json.dumps(first)


def test_an_exception_keeps_its_type_and_place_but_not_its_text() -> None:
    try:
        fail(ValueError)
    except ValueError:
        found = line("broke", exc_info=sys.exc_info())
    assert found["error"] == "ValueError"
    assert found["places"][-1].endswith(" fail")
    assert WORDS not in json.dumps(found)


def test_a_forged_line_stays_inside_its_own() -> None:
    forged = 'x"}\n{"level": "critical", "message": "forged'
    assert line("done", reason=forged)["reason"] == forged


@pytest.mark.usefixtures("_under_an_id")
def test_a_line_carries_the_id_of_its_request() -> None:
    assert line("done")["request_id"] == "req-12345678"


def test_what_django_refuses_for_safety_is_named_and_not_repeated() -> None:
    """Django's message for such a record is the text of the exception, with the host, path or file of a visitor."""
    record = logging.LogRecord(
        "django.security.DisallowedHost",
        logging.ERROR,
        "file.py",
        1,
        f"Invalid HTTP_HOST header: '{WORDS}'",
        (),
        None,
    )
    found = json.loads(JsonFormatter().format(record))
    assert (found["logger"], found["message"]) == ("django.security.DisallowedHost", "refused")
    assert WORDS not in json.dumps(found)


@pytest.mark.parametrize(
    ("message", "written"),
    [
        (
            f"Traceback (most recent call last):\n  File x\nValueError: {WORDS}",
            "Traceback (most recent call last):",
        ),
        (ValueError(WORDS), "ValueError"),
    ],
)
def test_of_an_exception_that_is_the_message_the_text_is_not_written(message: Any, written: str) -> None:
    assert line(message)["message"] == written


class TestRequests:
    def test_each_gets_an_id_and_a_line_without_its_path(
        self, rf: RequestFactory, caplog: pytest.LogCaptureFixture
    ) -> None:
        seen: list[str] = []

        def view(request: HttpRequest) -> HttpResponse:
            seen.append(request_id.get())
            return HttpResponse()

        with caplog.at_level(logging.INFO, "config.requests"):
            response = RequestIdMiddleware(view)(rf.get("/private/words?q=words"))
        assert seen == [response["X-Request-ID"]]
        assert request_id.get() == ""
        (record,) = caplog.records
        found = json.loads(JsonFormatter().format(record))
        assert (found["method"], found["status"]) == ("GET", 200)
        assert "words" not in json.dumps(found)

    def test_nobody_chooses_an_id_for_us(self, rf: RequestFactory) -> None:
        response = RequestIdMiddleware(lambda _request: HttpResponse())(
            rf.get("/", headers={"X-Request-ID": "forged-1"})
        )
        assert response["X-Request-ID"] != "forged-1"

    def test_a_proxy_of_ours_does(self, rf: RequestFactory, settings: Any) -> None:
        settings.BEHIND_PROXY = True
        response = RequestIdMiddleware(lambda _request: HttpResponse())(
            rf.get("/", headers={"X-Request-ID": "proxy-12"})
        )
        assert response["X-Request-ID"] == "proxy-12"


class TestServerError:
    def test_an_absent_database_is_503_and_worth_trying_again(self, rf: RequestFactory) -> None:
        try:
            fail(OperationalError)
        except OperationalError:
            response = server_error(rf.get("/"))
        assert response.status_code == 503
        assert response["Retry-After"] == "5"
        assert WORDS not in response.content.decode()

    def test_anything_else_is_500(self, rf: RequestFactory) -> None:
        try:
            fail(KeyError)
        except KeyError:
            response = server_error(rf.get("/"))
        assert response.status_code == 500
        assert "Retry-After" not in response
        assert WORDS not in response.content.decode()


def test_requests_to_a_provider_leave_no_lines_without_words() -> None:
    assert not logging.getLogger("httpx2").isEnabledFor(logging.INFO)


def test_a_worker_keeps_the_shape_of_the_log() -> None:
    """With a receiver of its own signal, Celery sets up no logging that repeats exceptions."""
    before = list(logging.getLogger().handlers)
    assert app.log.setup_logging_subsystem(loglevel="INFO")
    assert logging.getLogger().handlers == before

"""Exports over the API: what the pages make, begun, watched and fetched by a program."""

import csv
import io
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEvent, User
from accounts.tests.api_caller import Api, as_program
from accounts.tests.cast import Cast
from conversations import tasks
from conversations.models import Conversation, Feedback
from conversations.outward import Export
from conversations.tests.exporting import NO_EXPORT, files_left, made, signed_in, taken, told

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("nudged")]

OTHERS = ("coach", "other_coach", "admin", "stranger")


def somebody(cast: Cast, who: str) -> User:
    """Return one of the others."""
    person: User = cast.away.owner if who == "stranger" else getattr(cast.home, who)
    return person


def download(api: Api, url: str) -> Any:
    """Fetch a file from where the API says that it is."""
    return taken(api.client.get(url, headers={"Authorization": f"Bearer {api.key}"}))


def rows(api: Api, url: str) -> list[dict[str, str]]:
    """Return the rows of a CSV file."""
    text = download(api, url).getvalue().decode()
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def long_ago(conversation: Conversation) -> None:
    """Let all of a conversation have been 40 days ago."""
    then = timezone.now() - timedelta(days=40)
    Conversation.objects.filter(pk=conversation.pk).update(created_at=then)
    conversation.messages.update(created_at=then)
    Feedback.objects.filter(message__conversation=conversation).update(created_at=then)


class TestAnExport:
    def test_is_begun_watched_and_fetched(self, ada: Api, owner: User, nudged: list[str]) -> None:
        told(owner)
        begun = ada("POST", "exports", {"kind": "own"})
        assert (begun.status, begun.data["state"], begun.data["files"]) == (201, "waiting", [])
        assert (begun.data["kind"], begun.data["format"], begun.data["expires_at"]) == ("own", "csv", None)
        assert nudged == [begun.data["id"]]
        tasks.make_export(export_id=begun.data["id"])
        found = ada("GET", f"exports/{begun.data['id']}").data
        assert (found["state"], found["done_rows"], found["total_rows"]) == ("ready", 4, 4)
        assert [(file["name"], file["rows"]) for file in found["files"]] == [
            *(("conversations.csv", 1), ("messages.csv", 2), ("feedback.csv", 1), ("manifest.json", 0)),
        ]
        assert [row["text"] for row in rows(ada, found["files"][1]["url"])] == [
            *("QUESTION-coached", "ANSWER-coached [1]."),
        ]
        assert ada("GET", "exports").data == {"exports": [found]}

    def test_is_fetched_as_a_file_without_an_envelope_and_on_record(self, ada: Api, owner: User) -> None:
        told(owner)
        export = made(owner)
        response = download(ada, f"/api/v1/exports/{export.pk}/messages.csv")
        assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert response.headers["Content-Disposition"].startswith('attachment; filename="sideline-')
        assert response.headers["Cache-Control"] == "private, no-store"
        assert AuditEvent.objects.filter(action="export.downloaded", actor_id=owner.pk).count() == 1

    def test_does_not_say_where_it_is_stored(self, ada: Api, owner: User) -> None:
        told(owner)
        file = ada("GET", f"exports/{made(owner).pk}").data["files"][0]
        assert file.keys() == {"name", "rows", "sha256", "url"}

    def test_is_deleted_at_once(self, ada: Api, owner: User) -> None:
        told(owner)
        export = made(owner)
        gone = ada("DELETE", f"exports/{export.pk}")
        assert (gone.status, gone.data) == (200, {"message": "Export deleted successfully"})
        assert files_left() == []
        assert ada("GET", f"exports/{export.pk}").data["state"] == "gone"
        assert download(ada, f"/api/v1/exports/{export.pk}/messages.csv").status_code == 404

    def test_of_some_days_has_nothing_of_others(self, ada: Api, owner: User) -> None:
        long_ago(told(owner, visibility="private"))
        told(owner)
        today = timezone.now().date()
        days = {"start_date": f"{today - timedelta(days=7)}", "end_date": f"{today}"}
        begun = ada("POST", "exports", {"kind": "own", **days})
        assert {name: begun.data[name] for name in days} == days
        tasks.make_export(export_id=begun.data["id"])
        conversations, messages, feedback, manifest = (
            file["url"] for file in ada("GET", f"exports/{begun.data['id']}").data["files"]
        )
        assert len(rows(ada, conversations)) == 1
        assert [row["text"] for row in rows(ada, messages)] == ["QUESTION-coached", "ANSWER-coached [1]."]
        assert [row["comment"] for row in rows(ada, feedback)] == ["COMMENT-coached"]
        told_of = orjson.loads(download(ada, manifest).getvalue())
        assert (told_of["first_day"], told_of["last_day"]) == (days["start_date"], days["end_date"])
        assert f"until {today:%-d %B %Y}, asked" in signed_in(owner).get("/exports/").content.decode()

    @pytest.mark.parametrize(
        ("who", "kind", "dates"), [("coach", "feedback", "at"), ("admin", "daily_counts", "day")]
    )
    def test_of_a_team_may_be_of_some_days_too(self, cast: Cast, who: str, kind: str, dates: str) -> None:
        long_ago(told(cast.home.owner))
        told(cast.home.owner)
        api = as_program(somebody(cast, who))
        last_day = f"{timezone.now().date() - timedelta(days=7)}"
        begun = api("POST", "exports", {"kind": kind, "end_date": last_day})
        tasks.make_export(export_id=begun.data["id"])
        found = api("GET", f"exports/{begun.data['id']}").data
        (row,) = rows(api, found["files"][0]["url"])
        assert found["total_rows"] == 1
        assert row[dates]

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "kind"),
            ({"kind": "everything"}, "kind"),
            ({"kind": "own", "format": "pdf"}, "format"),
            ({"kind": "own", "start_date": "yesterday"}, "start_date"),
            ({"kind": "own", "start_date": "2026-02-02", "end_date": "2026-02-01"}, "end_date"),
            ({"kind": "own", "requested_by": NO_EXPORT}, "requested_by"),
        ],
    )
    def test_of_an_impossible_kind_is_refused(self, ada: Api, body: dict[str, Any], field: str) -> None:
        refused = ada("POST", "exports", body)
        assert (refused.status, refused.code) == (400, "INVALID_INPUT")
        assert refused.error is not None
        assert list(refused.error["details"]) == [field]
        assert not Export.objects.exists()

    @pytest.mark.parametrize(
        ("who", "kinds"),
        [("owner", {"own"}), ("coach", {"own", "feedback"}), ("admin", {"own", "feedback", "daily_counts"})],
    )
    def test_depends_on_the_role(self, cast: Cast, who: str, kinds: set[str]) -> None:
        api = as_program(somebody(cast, who))
        for kind in Export.Kind:
            Export.objects.all().delete()
            assert api("POST", "exports", {"kind": kind}).status == (201 if kind in kinds else 404)
            assert Export.objects.count() == (1 if kind in kinds else 0)

    def test_is_begun_one_at_a_time(self, ada: Api) -> None:
        ada("POST", "exports", {"kind": "own"})
        refused = ada("POST", "exports", {"kind": "own", "format": "jsonl"})
        assert refused.status == 409
        assert refused.error is not None
        assert refused.error["details"] == {"reason": "one_at_a_time"}
        assert Export.objects.count() == 1

    def test_sent_again_under_its_key_is_one_export(self, ada: Api) -> None:
        first, second = (ada("POST", "exports", {"kind": "own"}, idempotency_key="one") for _ in "ab")
        assert (first.status, first.data) == (second.status, second.data)
        assert Export.objects.count() == 1

    def test_beyond_the_quota_is_refused_and_says_when(self, ada: Api, settings: Any) -> None:
        quotas = {**settings.QUOTAS["educator"], "exports": "1/day"}
        settings.QUOTAS = {**settings.QUOTAS, "educator": quotas}
        ada("POST", "exports", {"kind": "own"})
        Export.objects.update(state="gone")
        refused = ada("POST", "exports", {"kind": "own"})
        assert (refused.status, refused.code) == (429, "RATE_LIMITED")
        assert refused.error is not None
        assert refused.error["details"] == {"reason": "quota"}
        assert refused.headers["RateLimit-Policy"] == '"exports";q=1;w=86400'
        assert 0 < int(refused.headers["Retry-After"]) <= 86_400
        assert Export.objects.count() == 1

    def test_without_redis_is_refused_for_a_moment(self, ada: Api, settings: Any) -> None:
        settings.QUOTAS_URL = "redis://127.0.0.1:1/0"
        refused = ada("POST", "exports", {"kind": "own"})
        assert (refused.status, refused.headers["Retry-After"]) == (503, "5")
        assert not Export.objects.exists()

    def test_with_words_that_are_no_longer_theirs_is_deleted(self, cast: Cast) -> None:
        told(cast.home.owner)
        export = made(cast.home.coach, "feedback")
        Conversation.objects.update(visibility="private")
        api = as_program(cast.home.coach)
        refused = api("GET", f"exports/{export.pk}/feedback.csv")
        assert refused.status == 409
        assert refused.error is not None
        assert refused.error["details"] == {"reason": "no_longer_open"}
        assert files_left() == []


class TestTheExportOfTheAnalytics:
    def test_is_begun_by_who_asks_and_told_once_it_is_there(
        self, ada: Api, owner: User, nudged: list[str]
    ) -> None:
        told(owner)
        asked = ada("GET", "analytics/export?type=messages")
        assert (asked.status, asked.data["download_url"], asked.data["expires_at"]) == (202, None, None)
        assert ada("GET", "analytics/export?type=messages").data == asked.data
        assert nudged == [asked.data["export"]["id"]]
        tasks.make_export(export_id=nudged[0])
        found = ada("GET", "analytics/export?type=messages")
        assert (found.status, found.data["expires_at"]) == (200, found.data["export"]["expires_at"])
        assert [row["text"] for row in rows(ada, found.data["download_url"])] == [
            *("QUESTION-coached", "ANSWER-coached [1]."),
        ]
        assert Export.objects.count() == 1

    def test_is_made_anew_when_its_day_is_over(self, ada: Api, owner: User) -> None:
        made(owner)
        assert ada("GET", "analytics/export?type=conversations").status == 200
        Export.objects.update(expires_at=timezone.now())
        assert ada("GET", "analytics/export?type=conversations").status == 202
        assert Export.objects.count() == 2

    def test_is_begun_by_post_too(self, ada: Api, owner: User, nudged: list[str]) -> None:
        wanted = {"type": "messages", "format": "jsonl"}
        begun, again = (ada("POST", "analytics/export", wanted, idempotency_key="one") for _ in "ab")
        assert (begun.status, begun.data) == (202, again.data)
        tasks.make_export(export_id=nudged[0])
        found = ada("POST", "analytics/export", wanted, idempotency_key="one")
        assert (found.status, found.data["download_url"] is None) == (200, False)
        assert ada("GET", "analytics/export?type=messages&format=jsonl").data == found.data
        assert Export.objects.count() == 1

    def test_is_found_but_not_begun_with_a_key_that_only_reads(self, owner: User) -> None:
        api = as_program(owner, "read")
        refused = api("GET", "analytics/export?type=messages")
        assert (refused.status, refused.code) == (403, "FORBIDDEN")
        assert api("POST", "analytics/export", {"type": "messages"}).status == 403
        assert not Export.objects.exists()
        made(owner)
        assert api("GET", "analytics/export?type=messages").status == 200

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"},
            {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "empty"},
            {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Dest": "empty"},
            {"Sec-Fetch-Site": "none", "Sec-Fetch-Dest": "document"},
            {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "document"},
            {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "image"},
        ],
    )
    def test_is_not_begun_by_a_link_that_a_browser_follows(
        self, owner: User, method: str, headers: dict[str, str]
    ) -> None:
        browser = signed_in(owner)
        answer = browser.generic(method, "/api/v1/analytics/export?type=messages", headers=headers)
        assert answer.status_code == 403
        assert not Export.objects.exists()
        made(owner)
        found = browser.get("/api/v1/analytics/export?type=messages", headers=headers)
        assert found.status_code == 200

    def test_is_begun_by_a_script_of_our_own_page(self, owner: User) -> None:
        own = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "empty"}
        begun = signed_in(owner).get("/api/v1/analytics/export?type=messages", headers=own)
        assert begun.status_code == 202
        assert Export.objects.count() == 1

    def test_is_begun_by_post_of_a_browser_with_the_token_of_a_page_alone(self, owner: User) -> None:
        browser = Client(enforce_csrf_checks=True)
        browser.force_login(owner)
        browser.get("/settings/")
        token = browser.cookies["csrftoken"].value
        statuses = [
            browser.post(
                "/api/v1/analytics/export", {"type": "messages"}, "application/json", headers=headers
            ).status_code
            for headers in ({}, {"X-CSRFToken": token})
        ]
        assert statuses == [403, 202]

    def test_of_other_days_is_another(self, ada: Api, owner: User) -> None:
        long_ago(told(owner))
        made(owner)
        query = f"analytics/export?type=messages&start_date={timezone.now().date() - timedelta(days=7)}"
        begun = ada("GET", query)
        assert begun.status == 202
        tasks.make_export(export_id=begun.data["export"]["id"])
        assert rows(ada, ada("GET", query).data["download_url"]) == []

    @pytest.mark.parametrize(
        ("who", "data", "kind", "sheet"),
        [
            ("owner", "conversations", "own", "conversations"),
            ("owner", "feedback", "own", "feedback"),
            ("coach", "messages", "own", "messages"),
            ("coach", "feedback", "feedback", "feedback"),
            ("admin", "conversations", "daily_counts", "days"),
            ("admin", "messages", "daily_counts", "days"),
            ("admin", "feedback", "feedback", "feedback"),
        ],
    )
    def test_is_what_the_role_has_of_the_data(
        self, cast: Cast, who: str, data: str, kind: str, sheet: str
    ) -> None:
        export = made(somebody(cast, who), kind, "jsonl")
        api = as_program(somebody(cast, who), "read", *(["admin"] if who == "admin" else []))
        found = api("GET", f"analytics/export?type={data}&format=jsonl")
        assert found.status == 200
        assert found.data["download_url"] == f"http://testserver/api/v1/exports/{export.pk}/{sheet}.jsonl"
        assert download(api, found.data["download_url"]).status_code == 200

    @pytest.mark.parametrize("kind", ["feedback", "daily_counts"])
    def test_about_others_needs_a_key_for_administrators(self, cast: Cast, kind: str) -> None:
        export = made(cast.home.admin, kind, "csv")
        api = as_program(cast.home.admin, "read", "write")
        data = "feedback" if kind == "feedback" else "messages"
        name = "feedback" if kind == "feedback" else "days"
        assert api("GET", f"analytics/export?type={data}").status == 403
        assert api("POST", "exports", {"kind": kind}).status == 403
        assert download(api, f"/api/v1/exports/{export.pk}/{name}.csv").status_code == 403
        assert Export.objects.count() == 1

    @pytest.mark.parametrize(
        "query",
        [
            "",
            "type=all",
            "type=messages&team_id=1",
            "type=messages&start_date=2026-02-02&end_date=2026-02-01",
        ],
    )
    def test_of_an_impossible_kind_is_refused(self, ada: Api, query: str) -> None:
        assert ada("GET", f"analytics/export?{query}").status == 400
        assert not Export.objects.exists()


class TestSomebodyElse:
    @pytest.mark.parametrize("who", OTHERS)
    def test_is_answered_as_for_nothing_and_nothing_happens(self, cast: Cast, who: str) -> None:
        told(cast.home.owner)
        export = made(cast.home.owner)
        api = as_program(somebody(cast, who))
        for method, address in (
            ("GET", "exports/{}"),
            ("GET", "exports/{}/messages.csv"),
            ("DELETE", "exports/{}"),
        ):
            there, nowhere = (api(method, address.format(one)) for one in (export.pk, UUID(NO_EXPORT)))
            assert (there.status, there.error) == (nowhere.status, nowhere.error)
            assert there.status == 404
        assert api("GET", "exports").data == {"exports": []}
        export.refresh_from_db()
        assert (export.state, len(files_left())) == ("ready", 4)

    def test_with_a_key_that_only_reads_begins_and_deletes_nothing(self, owner: User) -> None:
        export = made(owner)
        api = as_program(owner, "read")
        assert api("POST", "exports", {"kind": "own"}).status == 403
        assert api("DELETE", f"exports/{export.pk}").status == 403
        assert api("GET", f"exports/{export.pk}").data["state"] == "ready"


class TestOneConversation:
    def test_is_fetched_as_markdown_and_counts_as_an_export(
        self, ada: Api, owner: User, settings: Any
    ) -> None:
        quotas = {**settings.QUOTAS["educator"], "exports": "1/day"}
        settings.QUOTAS = {**settings.QUOTAS, "educator": quotas}
        conversation = told(owner)
        response = download(ada, f"/api/v1/conversations/{conversation.pk}/markdown")
        assert response.headers["Content-Type"] == "text/markdown; charset=utf-8"
        assert "ANSWER-coached" in response.getvalue().decode()
        assert AuditEvent.objects.filter(action="conversation.exported").count() == 1
        assert ada("GET", f"conversations/{conversation.pk}/markdown").status == 429
        assert AuditEvent.objects.filter(action="conversation.exported").count() == 1

    @pytest.mark.parametrize("who", OTHERS)
    def test_is_nobody_else_s(self, cast: Cast, who: str) -> None:
        conversation = told(cast.home.owner)
        api = as_program(somebody(cast, who))
        there, nowhere = (
            api("GET", f"conversations/{one}/markdown") for one in (conversation.pk, UUID(NO_EXPORT))
        )
        assert (there.status, there.error) == (nowhere.status, nowhere.error)
        assert there.status == 404
        assert not AuditEvent.objects.filter(action="conversation.exported").exists()

"""The library over the API: handing in, watching, deleting, looking up; by whom, and how large."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import AuditEvent, User
from accounts.tests.api_caller import Api, as_program
from accounts.tests.cast import Cast
from knowledge import forms
from knowledge.models import Document, DocumentVersion
from knowledge.tests.shelf import put

pytestmark = pytest.mark.django_db


@pytest.fixture
def ben(coach: User) -> Api:
    """Return a program with the key of Ben, a coach."""
    return as_program(coach)


def file(name: str = "norms.md", text: bytes = b"# Norms\n\nAgree on norms.") -> SimpleUploadedFile:
    """Return a file."""
    return SimpleUploadedFile(name, text)


class TestHandingIn:
    def test_makes_a_document_that_is_read(self, ben: Api, coach: User) -> None:
        made = ben.upload("documents", {"file": file(), "title": "Our norms"})
        assert made.status == 201
        assert (made.data["title"], made.data["keeper"], made.data["state"]) == (
            "Our norms",
            "shared",
            "waiting",
        )
        assert made.data["progress"] == {"label": "Waiting for its turn", "detail": "", "percent": 0}
        document = Document.objects.get(pk=made.data["id"])
        assert (document.organization, document.coach, document.added_by) == (coach.organization, None, coach)

    def test_the_same_bytes_again_are_the_same_document(self, ben: Api) -> None:
        first, second = (ben.upload("documents", {"file": file()}) for _ in "ab")
        assert (first.status, second.status) == (201, 200)
        assert first.data["id"] == second.data["id"]

    def test_under_a_key_gets_the_same_reply_whatever_the_boundary(self, ben: Api) -> None:
        first, second = (ben.upload("documents", {"file": file()}, idempotency_key="one") for _ in "ab")
        assert (first.status, first.data) == (second.status, second.data)
        other = ben.upload("documents", {"file": file(text=b"Other")}, idempotency_key="one")
        assert (other.status, other.code) == (422, "KEY_REUSED")
        assert Document.objects.count() == 1

    def test_may_be_for_the_own_clients(self, ben: Api, coach: User) -> None:
        made = ben.upload("documents", {"file": file(), "keeper": "own"})
        assert made.data["keeper"] == "own"
        assert Document.objects.get().coach == coach

    @pytest.mark.parametrize(
        "fields",
        [
            {},
            {"file": "text"},
            {"file": file(), "keeper": "everybody"},
            {"file": file(), "organization": str(UUID(int=1))},
            {"file": file(), "title": "x" * 301},
        ],
    )
    def test_of_anything_else_is_refused(self, ben: Api, fields: dict[str, Any]) -> None:
        found = ben.upload("documents", fields)
        assert (found.status, found.code) == (400, "INVALID_INPUT")
        assert not Document.objects.exists()

    def test_of_too_much_is_refused(self, ben: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("knowledge.api.documents.LARGEST_MB", 0)
        found = ben.upload("documents", {"file": file()})
        assert (found.status, found.code) == (413, "TOO_LARGE")
        assert not Document.objects.exists()

    def test_as_json_is_refused(self, ben: Api) -> None:
        assert ben("POST", "documents", {"file": "x"}).status == 415

    def test_is_not_for_educators(self, owner: User) -> None:
        found = as_program(owner).upload("documents", {"file": file()})
        assert (found.status, found.code) == (403, "FORBIDDEN")
        assert not Document.objects.exists()

    def test_is_not_for_a_key_that_may_not(self, coach: User) -> None:
        assert as_program(coach, "read", "write").upload("documents", {"file": file()}).status == 403

    def test_has_a_larger_body_than_the_rest(self, settings: Any) -> None:
        assert settings.REQUEST_BODY_LIMITS["/api/v1/documents"] > forms.LARGEST_MB * 1024 * 1024


class TestWatching:
    def test_says_why_a_file_cannot_be_read_and_what_to_do(self, ben: Api) -> None:
        made = ben.upload("documents", {"file": file()})
        DocumentVersion.objects.update(state="failed", cause="encrypted", failed_stage="extract")
        found = ben("GET", f"documents/{made.data['id']}")
        assert found.data["state"] == "failed"
        assert found.data["explanation"] == {
            "happened": "The file is locked with a password.",
            "next_step": "Save a copy without the password and add that copy.",
        }

    def test_lists_what_one_may_see(self, cast: Cast, ben: Api) -> None:
        put(cast.home.organization, "Shared.", title="Shared")
        put(cast.home.organization, "Ben's.", title="Ben's", coach=cast.home.coach)
        put(cast.home.organization, "Cleo's.", title="Cleo's", coach=cast.home.other_coach)
        put(cast.away.organization, "Away.", title="Away")
        found = ben("GET", "documents")
        assert [row["title"] for row in found.data["documents"]] == ["Ben's", "Shared"]
        assert found.data["total"] == 2
        assert all(row["is_found"] for row in found.data["documents"])


class TestDeleting:
    def test_takes_the_document_away_and_is_on_record(self, ben: Api, coach: User) -> None:
        made = ben.upload("documents", {"file": file()})
        gone = ben("DELETE", f"documents/{made.data['id']}")
        assert (gone.status, gone.data) == (200, {"message": "Document deleted successfully"})
        assert not Document.objects.exists()
        event = AuditEvent.objects.get(action="document_deleted")
        assert (event.actor_id, event.resource) == (coach.pk, f"document:{made.data['id']}")

    def test_of_what_is_not_one_s_own_is_as_of_nothing(self, cast: Cast, ben: Api) -> None:
        put(cast.home.organization, "Cleo's.", coach=cast.home.other_coach)
        put(cast.away.organization, "Away.")
        nowhere = ben("DELETE", f"documents/{uuid4()}")
        for document in Document.objects.all():
            for method in ("GET", "DELETE"):
                found = ben(method, f"documents/{document.pk}")
                assert (found.status, found.error) == (nowhere.status, nowhere.error) == (404, found.error)
        assert Document.objects.count() == 2

    def test_of_what_one_may_only_read_is_as_of_nothing(self, cast: Cast, ben: Api) -> None:
        (passage,) = put(cast.home.organization, "Shared.")
        assert ben("GET", f"documents/{passage.version.document_id}").status == 200
        assert ben("DELETE", f"documents/{passage.version.document_id}").status == 404


class TestLookingUp:
    def test_finds_the_passage_and_its_page(self, cast: Cast, owner: User) -> None:
        (passage,) = put(cast.home.organization, "Agree on norms that you can see in a meeting.")
        found = as_program(owner)("GET", "search?q=norms+in+a+meeting")
        (row,) = found.data["passages"]
        assert (row["title"], row["page"], row["text"]) == ("Handbook", "1", passage.text)
        assert row["url"].endswith(f"/page/0/?passage={passage.pk}")
        assert 0 < row["score"] == found.data["confidence"] <= 1

    def test_finds_nothing_of_others(self, cast: Cast, owner: User) -> None:
        put(cast.away.organization, "Agree on norms.")
        put(cast.home.organization, "Agree on norms.", coach=cast.home.other_coach)
        found = as_program(owner)("GET", "search?q=norms")
        assert found.data == {"passages": [], "confidence": 0.0}

    @pytest.mark.parametrize("query", ["", "q=", "q=%00", "q=x&limit=21", "q=" + "x" * 1001, "q=x&scope=all"])
    def test_nonsense_is_refused(self, owner: User, query: str) -> None:
        assert as_program(owner)("GET", f"search?{query}").status == 400

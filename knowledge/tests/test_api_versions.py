"""Documents over the API after they were handed in: edited, replaced, stopped, tried again, and what can be quoted."""

from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import User
from accounts.tests.api_caller import Api, as_program
from accounts.tests.cast import Cast
from accounts.tests.racing import overtaken
from coaching.providers.ports import ProviderUnavailable
from knowledge import retagging
from knowledge.domains import sync_domains
from knowledge.models import Document, DocumentVersion, Passage
from knowledge.tests.shelf import put

pytestmark = pytest.mark.django_db


@pytest.fixture
def ben(coach: User) -> Api:
    """Return a program with the key of Ben, a coach."""
    return as_program(coach)


def file(text: bytes = b"# Norms\n\nAgree on norms.") -> dict[str, Any]:
    """Return a file as a form hands it in."""
    return {"file": SimpleUploadedFile("norms.md", text)}


@pytest.fixture
def address(ben: Api) -> str:
    """Return where a document of Ben's is, which waits to be read."""
    return f"documents/{ben.upload('documents', file()).data['id']}"


class TestEditing:
    def test_changes_what_is_named(self, ben: Api, address: str) -> None:
        change = {"title": "Our norms", "authors": ["R. Moss", "L. Hart"], "year": 2024}
        found = ben("PATCH", address, change)
        assert (found.status, {name: found.data[name] for name in change}) == (200, change)
        again = ben("PATCH", address, {"year": None})
        assert (again.data["title"], again.data["year"]) == ("Our norms", None)
        document = Document.objects.get()
        assert (document.title, document.authors, document.year) == (
            "Our norms",
            ["R. Moss", "L. Hart"],
            None,
        )

    @pytest.mark.django_db(transaction=True)
    def test_of_two_at_the_same_moment_both_stay(self, ben: Api, address: str) -> None:
        document = Document.objects.all()
        changed = overtaken(
            lambda: ben("PATCH", address, {"authors": ["R. Moss"]}),
            rows=document,
            by=lambda: document.update(title="Our norms", year=2024),
        )
        assert (changed.data["title"], changed.data["authors"], changed.data["year"]) == (
            "Our norms",
            ["R. Moss"],
            2024,
        )

    def test_chosen_domains_replace_the_tags_of_its_passages(self, cast: Cast, ben: Api) -> None:
        sync_domains()
        (passage,) = put(cast.home.organization, "Agree.", coach=cast.home.coach, domains=["leadership"])
        address = f"documents/{passage.version.document_id}"
        found = ben("PATCH", address, {"chosen_domains": ["collaboration"]})
        assert found.data["chosen_domains"] == ["collaboration"]
        passage.refresh_from_db()
        assert passage.domains == ["collaboration"]

    @pytest.mark.parametrize(
        "change",
        [
            {"title": ""},
            {"title": None},
            {"year": 999},
            {"authors": "R. Moss"},
            {"chosen_domains": ["astrology"]},
            {"keeper": "own"},
        ],
    )
    def test_to_nonsense_is_refused_and_changes_nothing(
        self, ben: Api, address: str, change: dict[str, object]
    ) -> None:
        before = ben("GET", address).data
        assert ben("PATCH", address, change).status == 400
        assert ben("GET", address).data == before

    def test_without_the_model_that_finds_tags_is_put_off(
        self, ben: Api, address: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail() -> None:
            raise ProviderUnavailable("away")

        monkeypatch.setattr(retagging, "domain_vectors", fail)
        found = ben("PATCH", address, {"title": "Our norms", "chosen_domains": []})
        assert (found.status, found.code, found.headers["Retry-After"]) == (503, "UNAVAILABLE", "60")
        assert Document.objects.get().title == "norms"


class TestReplacing:
    def test_makes_a_new_version_that_is_read(self, ben: Api, address: str) -> None:
        found = ben.upload(f"{address}/versions", file(b"# Norms\n\nNew."))
        assert (found.status, found.data["version"], found.data["state"]) == (201, 2, "waiting")
        listed = ben("GET", f"{address}/versions").data["versions"]
        assert [(each["number"], each["state"], each["is_found"], each["size"]) for each in listed] == [
            (2, "waiting", False, 13),
            (1, "cancelled", False, 24),
        ]
        assert listed[0]["filename"] == "norms.md"

    def test_by_the_same_bytes_is_no_new_version(self, ben: Api, address: str) -> None:
        found = ben.upload(f"{address}/versions", file())
        assert (found.status, found.data["version"]) == (200, 1)

    def test_by_the_bytes_of_another_document_is_refused(self, ben: Api, address: str) -> None:
        other = ben.upload("documents", file(b"Other"))
        found = ben.upload(f"{address}/versions", file(b"Other"))
        assert (found.status, found.error and found.error["details"]) == (
            409,
            {"reason": "already_in_library", "document_id": other.data["id"]},
        )
        assert DocumentVersion.objects.count() == 2

    def test_under_a_key_is_done_once(self, ben: Api, address: str) -> None:
        first, second = (ben.upload(f"{address}/versions", file(b"New"), idempotency_key="one") for _ in "ab")
        assert (first.status, first.data) == (second.status, second.data)
        assert second.headers["Idempotency-Replayed"] == "true"

    def test_by_nothing_or_too_much_is_refused(
        self, ben: Api, address: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert ben.upload(f"{address}/versions", {}).status == 400
        monkeypatch.setattr("knowledge.api.documents.LARGEST_MB", 0)
        assert ben.upload(f"{address}/versions", file(b"New")).status == 413
        assert DocumentVersion.objects.count() == 1


class TestStopping:
    def test_and_trying_again(self, ben: Api, address: str) -> None:
        assert ben("POST", f"{address}/cancel").data["state"] == "cancelled"
        assert ben("POST", f"{address}/cancel").data["state"] == "cancelled"
        assert ben("POST", f"{address}/retry").data["state"] == "waiting"
        assert ben("POST", f"{address}/retry").data["state"] == "waiting"

    def test_what_is_ready_changes_nothing(self, cast: Cast, ben: Api) -> None:
        (passage,) = put(cast.home.organization, "Agree.", coach=cast.home.coach)
        address = f"documents/{passage.version.document_id}"
        for verb in ("cancel", "retry"):
            assert ben("POST", f"{address}/{verb}").data["state"] == "ready"


class TestWhatCanBeQuoted:
    def test_is_listed_in_order_page_by_page(self, cast: Cast, ben: Api) -> None:
        passages = put(cast.home.organization, "One.", "Two.", "Three.", domains=["leadership"])
        address = f"documents/{passages[0].version.document_id}/passages"
        found = ben("GET", f"{address}?limit=2")
        assert (found.data["version"], found.meta["next_after"]) == (1, 1)
        assert [row["text"] for row in found.data["passages"]] == ["One.", "Two."]
        first = found.data["passages"][0]
        assert (first["place"], first["page"], first["domains"], first["tokens"]) == (
            0,
            "1",
            ["leadership"],
            1,
        )
        assert first["url"].endswith(f"/page/0/?passage={passages[0].pk}")
        rest = ben("GET", f"{address}?limit=2&after=1")
        assert [row["text"] for row in rest.data["passages"]] == ["Three."]
        assert rest.meta["next_after"] is None

    def test_is_of_the_version_that_searches_find_unless_another_is_named(self, cast: Cast, ben: Api) -> None:
        (passage,) = put(cast.home.organization, "Old.", coach=cast.home.coach)
        address = f"documents/{passage.version.document_id}"
        ben.upload(f"{address}/versions", file(b"New"))
        found = ben("GET", f"{address}/passages").data
        assert (found["version"], [row["text"] for row in found["passages"]]) == (1, ["Old."])
        assert ben("GET", f"{address}/passages?version=2").data == {"version": 2, "passages": []}
        assert ben("GET", f"{address}/passages?version=3").status == 404


def test_domains_are_listed_by_name(owner: User) -> None:
    sync_domains()
    found = as_program(owner)("GET", "domains").data["domains"]
    assert [each["slug"] for each in found] == [
        "assessment",
        "collaboration",
        "curriculum",
        "data_analysis",
        "leadership",
        "school_culture",
        "student_learning",
    ]
    assert set(found[0]) == {"slug", "name", "description"}


class TestSomebodyElse:
    def everything(self, api: Api, document_id: object) -> list[tuple[int, object]]:
        """Return what everything that can be done with a document is answered."""
        address = f"documents/{document_id}"
        replies = [
            api("PATCH", address, {"title": "Mine"}),
            api("GET", f"{address}/versions"),
            api.upload(f"{address}/versions", file(b"Mine")),
            api("POST", f"{address}/cancel"),
            api("POST", f"{address}/retry"),
            api("GET", f"{address}/passages"),
        ]
        return [(reply.status, reply.error) for reply in replies]

    def test_finds_nothing(self, cast: Cast) -> None:
        (passage,) = put(cast.home.organization, "Ben's.", title="Ben's", coach=cast.home.coach)
        document_id = passage.version.document_id
        for member in (cast.home.other_coach, cast.away.coach, cast.away.admin):
            api = as_program(member)
            found = self.everything(api, document_id)
            assert found == self.everything(api, uuid4())
            assert {status for status, _ in found} == {404}
        assert {status for status, _ in self.everything(as_program(cast.home.owner), document_id)} == {403}
        assert (Document.objects.get().title, Passage.objects.count()) == ("Ben's", 1)

    def test_may_read_what_is_shared_and_change_nothing(self, cast: Cast) -> None:
        (passage,) = put(cast.home.organization, "Shared.", title="Shared")
        found = self.everything(as_program(cast.home.coach), passage.version.document_id)
        assert [status for status, _ in found] == [404, 200, 404, 404, 404, 200]
        assert Document.objects.get().title == "Shared"

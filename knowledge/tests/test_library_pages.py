"""The library in the dashboard, through its doors: who sees what, and what each button does."""

from collections.abc import Callable

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import AuditEvent, User
from accounts.tests.cast import Cast, House
from knowledge.ingestion import ledger, run
from knowledge.library import Shelf
from knowledge.models import Document, DocumentVersion, Passage
from knowledge.tests.ingesting import BOOK, CHANGED, add
from knowledge.tests.test_page_viewer import printed, shelve, spoken

LIBRARY = "/admin/knowledge/document/"
SignIn = Callable[[User], Client]


@pytest.fixture
def sign_in() -> SignIn:
    def signed_in(member: User) -> Client:
        client = Client()
        client.force_login(member)
        return client

    return signed_in


def page(verb: str, document: Document) -> str:
    return reverse(f"admin:knowledge_document_{verb}", args=[document.pk])


def shared(home: House, text: str = BOOK, name: str = "shared.md") -> DocumentVersion:
    return add(Shelf(home.organization.pk), text, name, home.coach).version


def upload(client: Client, *files: SimpleUploadedFile, keeper: str = "shared", **extra: str) -> str:
    answer = client.post(f"{LIBRARY}upload/", {"documents": list(files), "keeper": keeper}, headers=extra)
    return f"{answer.status_code} {answer.content.decode()}" if extra else answer.headers["Location"]


def write_passage(version: DocumentVersion, ordinal: int, *, page_index: int, page_label: str) -> None:
    Passage.objects.create(
        version=version,
        organization=version.organization,
        ordinal=ordinal,
        text=f"Passage {ordinal}.",
        start=ordinal * 20,
        end=ordinal * 20 + 10,
        token_count=3,
        page_index=page_index,
        page_label=page_label,
    )


class TestList:
    def test_an_empty_library_says_what_it_is_for(self, home: House, sign_in: SignIn) -> None:
        assert "Nothing to look things up in yet" in sign_in(home.coach).get(LIBRARY).content.decode()

    def test_each_person_sees_what_the_gate_allows(self, cast: Cast, sign_in: SignIn) -> None:
        home = cast.home
        shared(home)
        add(Shelf(home.organization.pk, home.coach.pk), "Ben's.", "bens own.txt")
        add(Shelf(home.organization.pk, home.other_coach.pk), "Cleo's.", "cleos own.txt")
        add(Shelf(cast.away.organization.pk), "Away.", "away.txt")
        titles = ("shared", "bens own", "cleos own", "away")

        def seen(member: User) -> list[str]:
            text = sign_in(member).get(LIBRARY).content.decode()
            return [title for title in titles if f">{title}</a>" in text]

        assert seen(home.coach) == ["shared", "bens own"]
        assert seen(home.other_coach) == ["shared", "cleos own"]
        assert seen(home.admin) == ["shared", "bens own", "cleos own"]
        assert seen(cast.away.admin) == ["away"]

    def test_an_educator_is_not_let_in(self, home: House, sign_in: SignIn) -> None:
        assert sign_in(home.owner).get(LIBRARY).status_code in {302, 404}

    def test_it_looks_again_only_while_something_is_being_read(self, home: House, sign_in: SignIn) -> None:
        version = shared(home)
        client = sign_in(home.coach)
        ledger.claim(version_id=version.pk, now=timezone.now())
        version.steps.filter(stage="extract").update(done_units=30, total_units=60)
        rows = client.get(LIBRARY, headers={"HX-Request": "true"}).content.decode()
        assert "every 2s" in rows
        assert "Reading the file: 30 of 60" in rows
        assert 'value="7"' in rows
        assert "<html" not in rows
        DocumentVersion.objects.update(state="cancelled")
        assert "every 2s" not in client.get(LIBRARY).content.decode()

    def test_a_failure_says_what_happened_and_what_to_do(self, home: House, sign_in: SignIn) -> None:
        version = shared(home, "  ", "blank.txt")
        run.ingest(version_id=version.pk)
        text = sign_in(home.coach).get(LIBRARY).content.decode()
        assert "The file has no text in it." in text
        assert "Check that it is the right file and add it again." in text
        assert f'{page("change", version.document)}#replace-heading">Replace<' in text
        assert "Try again" not in text

    @pytest.mark.parametrize("cause", ["timeout", "provider", "cancelled", "what no page explains"])
    def test_what_may_be_gone_next_time_can_be_tried_again(
        self, home: House, sign_in: SignIn, cause: str
    ) -> None:
        shared(home)
        DocumentVersion.objects.update(state="failed", cause=cause, failed_stage="extract")
        text = sign_in(home.coach).get(LIBRARY).content.decode()
        assert "Try again<" in text
        assert "#replace-heading" not in text

    @pytest.mark.parametrize("cause", ["encrypted", "wrong_type", "malformed", "unreadable", "file_missing"])
    def test_what_lies_in_the_file_asks_for_another(self, home: House, sign_in: SignIn, cause: str) -> None:
        shared(home)
        DocumentVersion.objects.update(state="failed", cause=cause, failed_stage="extract")
        text = sign_in(home.coach).get(LIBRARY).content.decode()
        assert "Try again<" not in text
        assert "#replace-heading" in text

    def test_costs_the_same_queries_for_one_document_and_for_many(
        self, home: House, sign_in: SignIn, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        client = sign_in(home.coach)
        client.get(LIBRARY)
        for many in (1, 12):
            for number in range(many):
                shared(home, f"Text {many} {number}.", f"{number}.txt")
            with django_assert_num_queries(8):
                client.get(LIBRARY, headers={"HX-Request": "true"})


class TestUpload:
    def test_several_files_at_once(self, home: House, sign_in: SignIn) -> None:
        client = sign_in(home.coach)
        files = [SimpleUploadedFile("one.md", b"# One\n\nText."), SimpleUploadedFile("two.txt", b"Two.")]
        assert upload(client, *files) == LIBRARY
        found = list(Document.objects.order_by("title"))
        assert [document.title for document in found] == ["one", "two"]
        assert {document.organization for document in found} == {home.organization}
        assert {(document.coach, document.added_by) for document in found} == {(None, home.coach)}

    def test_for_my_own_clients_only(self, home: House, sign_in: SignIn) -> None:
        upload(sign_in(home.coach), SimpleUploadedFile("one.md", b"# One"), keeper="own")
        assert Document.objects.get().coach == home.coach

    def test_a_script_is_told_in_words(self, home: House, sign_in: SignIn) -> None:
        client = sign_in(home.coach)
        htmx = {"HX-Request": "true"}
        assert upload(client, SimpleUploadedFile("one.md", b"# One"), **htmx) == "200 "
        again = upload(client, SimpleUploadedFile("other.md", b"# One"), **htmx)
        assert again == "200 This file is already in the library, as one."
        assert Document.objects.count() == 1

    def test_a_file_that_is_too_large_is_refused(
        self, home: House, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("knowledge.forms.LARGEST_MB", 0)
        answer = upload(sign_in(home.coach), SimpleUploadedFile("big.txt", b"x"), **{"HX-Request": "true"})
        assert answer == "422 big.txt is larger than 0 MB. Split it into parts."
        assert Document.objects.count() == 0

    def test_an_educator_adds_nothing(self, home: House, sign_in: SignIn) -> None:
        client = sign_in(home.owner)
        client.post(f"{LIBRARY}upload/", {"documents": SimpleUploadedFile("a.txt", b"A"), "keeper": "shared"})
        assert Document.objects.count() == 0


class TestDocumentPage:
    def test_shows_passages_with_their_place(self, home: House, sign_in: SignIn) -> None:
        version = shared(home)
        run.ingest(version_id=version.pk)
        text = sign_in(home.coach).get(page("change", version.document)).content.decode()
        assert "Trust grows from small promises kept." in text
        assert "every 2s" not in text

    def test_shows_the_passages_of_a_page_beside_its_picture(self, home: House, sign_in: SignIn) -> None:
        version, _ = shelve(home, printed())
        version.passages.all().delete()
        for ordinal, (index, label) in enumerate(((0, "iv"), (1, "1"), (1, "1"))):
            write_passage(version, ordinal, page_index=index, page_label=label)
        text = sign_in(home.admin).get(page("change", version.document)).content.decode()
        sheets = text.split('<div class="library-sheet">')[1:]
        assert [sheet.count('<li class="card library-passage"') for sheet in sheets] == [1, 2]
        for index, (sheet, label) in enumerate(zip(sheets, ("iv", "1"), strict=True)):
            place = [version.document_id, version.pk, index]
            assert f'href="{reverse("knowledge:page", args=place)}"' in sheet
            assert f'src="{reverse("knowledge:page_image", args=place)}?width=480"' in sheet
            assert f'alt="Page {label}; its passages follow"' in sheet

    def test_a_document_that_cannot_be_drawn_has_its_passages_alone(
        self, home: House, sign_in: SignIn
    ) -> None:
        version, _ = shelve(home, spoken())
        text = sign_in(home.admin).get(page("change", version.document)).content.decode()
        assert text.count('<li class="card library-passage"') == 1
        assert "<img" not in text.split('<div class="library-sheet">')[1]

    def test_says_when_and_about_what_in_words(self, home: House, sign_in: SignIn) -> None:
        version, passage = shelve(home, spoken())
        passage.start_seconds, passage.speaker, passage.page_index = 3725.4, "Ada", None
        passage.domains = ["data_analysis"]
        passage.save()
        text = sign_in(home.admin).get(page("change", version.document)).content.decode()
        assert "1:02:05 · Ada" in text
        assert '<span class="badge">Data analysis and intervention</span>' in text
        assert ">data_analysis<" not in text

    def test_says_who_speaks(self, home: House, sign_in: SignIn) -> None:
        version, passage = shelve(home, spoken())
        passage.text, passage.utterances = "Shall we? Yes.", [[0, 1.0, "Ben"], [10, 2.5, "<b>Ada</b>"]]
        passage.save()
        text = sign_in(home.admin).get(page("change", version.document)).content.decode()
        assert "<p>Ben: Shall we? &lt;b&gt;Ada&lt;/b&gt;: Yes.</p>" in text

    def test_saves_what_is_known(self, home: House, sign_in: SignIn) -> None:
        version = shared(home)
        run.ingest(version_id=version.pk)
        form = {
            "title": "Trust",
            "authors": "Ada Moss\n\nBen Hart",
            "year": "2019",
            "chosen_domains": ["leadership"],
        }
        assert sign_in(home.coach).post(page("change", version.document), form).status_code == 302
        document = Document.objects.get()
        assert (document.title, document.authors, document.year) == ("Trust", ["Ada Moss", "Ben Hart"], 2019)
        assert list(Passage.objects.values_list("domains", flat=True)) == [["leadership"], ["leadership"]]

    def test_a_choice_taken_back_lets_the_text_decide(self, home: House, sign_in: SignIn) -> None:
        version = shared(home)
        run.ingest(version_id=version.pk)
        by_text = list(Passage.objects.order_by("ordinal").values_list("domains", flat=True))
        client = sign_in(home.coach)
        client.post(page("change", version.document), {"title": "T", "chosen_domains": ["leadership"]})
        client.post(page("change", version.document), {"title": "T"})
        assert list(Passage.objects.order_by("ordinal").values_list("domains", flat=True)) == by_text

    def test_buttons(self, home: House, sign_in: SignIn) -> None:
        version = shared(home)
        client = sign_in(home.coach)
        client.post(page("cancel", version.document))
        assert DocumentVersion.objects.get().state == "cancelled"
        client.post(page("retry", version.document))
        assert DocumentVersion.objects.get().state == "waiting"
        file = SimpleUploadedFile("book.md", CHANGED.encode())
        client.post(page("replace", version.document), {"file": file})
        assert list(DocumentVersion.objects.order_by("number").values_list("number", "state")) == [
            (1, "cancelled"),
            (2, "waiting"),
        ]

    def test_deleting_asks_first_and_is_recorded(
        self, home: House, sign_in: SignIn, django_capture_on_commit_callbacks: Callable[..., object]
    ) -> None:
        version = shared(home)
        stored = version.file
        client = sign_in(home.coach)
        assert "This cannot be undone." in client.get(page("delete", version.document)).content.decode()
        assert Document.objects.count() == 1
        with django_capture_on_commit_callbacks(execute=True):  # type: ignore[attr-defined]
            client.post(page("delete", version.document))
        assert Document.objects.count() == 0
        assert not stored.storage.exists(str(stored))
        event = AuditEvent.objects.get(action="document_deleted")
        assert (event.actor_id, event.resource) == (home.coach.pk, f"document:{version.document_id}")

    def test_deleting_once_more_goes_back_to_the_list_and_says_so(self, cast: Cast, sign_in: SignIn) -> None:
        version = shared(cast.home)
        client = sign_in(cast.home.coach)
        client.post(page("delete", version.document))
        for again in (client.post, client.get):
            answer = again(page("delete", version.document), follow=True)
            assert answer.redirect_chain == [(LIBRARY, 302)]
            assert "This document is already deleted." in answer.content.decode()
        assert AuditEvent.objects.filter(action="document_deleted").count() == 1
        for member in (cast.home.other_coach, cast.home.admin, cast.away.admin):
            assert sign_in(member).post(page("delete", version.document)).status_code == 404

    @pytest.mark.parametrize("verb", ["change", "replace", "cancel", "retry", "delete"])
    def test_others_change_nothing(self, verb: str, cast: Cast, sign_in: SignIn) -> None:
        version = shared(cast.home)
        for member in (cast.home.other_coach, cast.away.admin):
            assert sign_in(member).post(page(verb, version.document), {"title": "Mine"}).status_code == 404
        version.refresh_from_db()
        assert (version.state, Document.objects.get().title) == ("waiting", "shared")

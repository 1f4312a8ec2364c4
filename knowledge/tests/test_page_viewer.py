"""The page that a citation opens."""

import io
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from django.urls import reverse
from reportlab.pdfgen.canvas import Canvas

from accounts.models import User
from accounts.tests.cast import House
from knowledge import library
from knowledge.extraction.document import Block, BlockKind, Chapter, ExtractedDocument, Page
from knowledge.ingestion import files
from knowledge.models import Document, DocumentVersion, Passage
from knowledge.page_content import Leaves, Part, mark
from knowledge.utterances import clock

QUOTE = "Norms are reviewed twice a year"
PAGES = (
    ("Teams", "Every team writes its norms in the first month."),
    ("Norms", f"{QUOTE}, and a team that breaks one says so."),
    ("Time", "The principal protects the meeting time."),
)


def printed() -> ExtractedDocument:
    blocks = [
        block
        for index, (heading, text) in enumerate(PAGES)
        for block in (
            Block(BlockKind.heading, heading, level=1, page_index=index),
            Block(BlockKind.paragraph, text, page_index=index),
        )
    ]
    pages = tuple(Page(index, label, "text") for index, label in enumerate(("iv", "1", "2")))
    return ExtractedDocument("pdf", "Handbook", (), 2024, tuple(blocks), pages, ())


def spoken() -> ExtractedDocument:
    blocks = (
        Block(BlockKind.caption, "Shall we begin?", speaker="Ben", start_s=2.0),
        Block(BlockKind.caption, "Our norms say: phones away <b>now</b>.", speaker="Ada", start_s=3_725.0),
    )
    return ExtractedDocument("vtt", "Meeting", (), None, blocks, (), ())


def pdf() -> bytes:
    drawn = io.BytesIO()
    canvas = Canvas(drawn, pagesize=(400, 500))
    for heading, text in PAGES:
        canvas.drawString(40, 440, heading)
        canvas.drawString(40, 400, text)
        canvas.showPage()
    canvas.save()
    return drawn.getvalue()


def shelve(
    house: House,
    document: ExtractedDocument,
    *,
    coach: User | None = None,
    number: int = 1,
    live: bool = True,
    of: Document | None = None,
) -> tuple[DocumentVersion, Passage]:
    """Put a document of one passage, which is its whole text, on the shelf."""
    of = of or Document.objects.create(
        organization=house.organization, coach=coach, title=document.title, authors=["A. Writer"], year=2024
    )
    version = DocumentVersion(
        document=of,
        organization=house.organization,
        coach=coach,
        number=number,
        live=live,
        state="ready",
        filename="handbook.pdf",
        sha256=uuid4().hex * 2,
        size=1,
        file_format=document.format,
        page_count=len(document.pages) or None,
    )
    version.file = files.store_source(version.pk, "handbook.pdf", ContentFile(pdf()))
    version.extracted = files.store_extracted(version, "extract", document)
    version.save()
    text = "\n\n".join(block.text for block in document.blocks)
    passage = Passage.objects.create(
        version=version,
        organization=house.organization,
        coach=coach,
        ordinal=0,
        live=live,
        text=text,
        start=0,
        end=len(text),
        token_count=1,
        chapter_title="Norms",
    )
    return version, passage


def address(
    version: DocumentVersion, passage: Passage | None = None, quote: str = "", *, index: int = 0
) -> str:
    url = reverse("knowledge:page", args=[version.document_id, version.pk, index])
    if passage is None:
        return url
    start = passage.text.index(quote)
    return f"{url}?passage={passage.pk}&from={start}&to={start + len(quote)}"


@pytest.fixture
def signed_in(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


def shown(response: Any) -> str:
    assert response.status_code == 200
    return str(response.content.decode())


class TestPage:
    def test_opens_where_the_quote_stands_with_the_quote_marked(self, signed_in: Client, home: House) -> None:
        version, passage = shelve(home, printed())
        html = shown(signed_in.get(address(version, passage, QUOTE)))
        assert f'<mark class="reader__mark">{QUOTE}</mark>, and a team' in html
        assert "Page 1 " in html
        assert "(2 of 3)" in html
        assert "Every team writes" not in html
        assert f'href="{address(version, index=0)}"' in html
        assert f'href="{address(version, index=2)}"' in html
        assert "A. Writer" in html
        assert 'aria-label="The words of page 1"' in html

    def test_turns_to_any_page_and_says_where_it_ends(self, signed_in: Client, home: House) -> None:
        version, _ = shelve(home, printed())
        first = shown(signed_in.get(address(version, index=0)))
        assert "Page iv " in first
        assert 'rel="prev"' not in first
        assert "<mark" not in first
        last = shown(signed_in.get(address(version, index=99)))
        assert "protects the meeting time" in last
        assert 'rel="next"' not in last

    def test_htmx_gets_the_fragment_for_a_dialog(self, signed_in: Client, home: House) -> None:
        version, passage = shelve(home, printed())
        html = shown(signed_in.get(address(version, passage, QUOTE), headers={"HX-Request": "true"}))
        assert "<html" not in html
        assert "<mark" in html
        assert 'hx-target="closest [data-reader]"' in html

    def test_nothing_in_it_is_inline_script_or_style(self, signed_in: Client, home: House) -> None:
        version, passage = shelve(home, printed())
        html = shown(signed_in.get(address(version, passage, QUOTE)))
        assert " style=" not in html
        assert "<style" not in html
        assert " onclick=" not in html

    def test_is_not_kept_by_caches(self, signed_in: Client, home: House) -> None:
        version, _ = shelve(home, printed())
        response = signed_in.get(address(version))
        assert response["Cache-Control"] == "private, no-store"

    def test_the_quoted_version_is_shown_and_says_that_there_is_a_newer_one(
        self, signed_in: Client, home: House
    ) -> None:
        old, passage = shelve(home, printed(), live=False)
        new, _ = shelve(home, printed(), number=2, of=old.document)
        html = shown(signed_in.get(address(old, passage, QUOTE)))
        assert "This is version 1, the one that was quoted." in html
        assert f'href="{address(new)}"' in html
        assert "This is version" not in shown(signed_in.get(address(new)))

    def test_a_transcript_shows_who_spoke_and_when(self, signed_in: Client, home: House) -> None:
        version, passage = shelve(home, spoken())
        html = shown(signed_in.get(address(version, passage, "phones away")))
        assert "1:02:05" in html
        assert "Ada:" in html
        assert '<mark class="reader__mark">phones away</mark> &lt;b&gt;now&lt;/b&gt;' in html
        assert "reader__image" not in html
        assert "Section 1 " in html

    def test_without_the_text_of_the_file_the_passage_itself_is_shown(
        self, signed_in: Client, home: House
    ) -> None:
        version, passage = shelve(home, printed())
        default_storage.delete(str(version.extracted))
        html = shown(signed_in.get(address(version, passage, QUOTE)))
        assert f'<mark class="reader__mark">{QUOTE}</mark>' in html
        assert "There are no words on this page." in shown(signed_in.get(address(version)))

    @pytest.mark.parametrize(
        "query", ["passage=x", "passage=&from=-1", "from=9999999999&to=x", "passage=<script>&from=٣"]
    )
    def test_a_strange_address_marks_nothing(self, signed_in: Client, home: House, query: str) -> None:
        version, _ = shelve(home, printed())
        html = shown(signed_in.get(f"{address(version)}?{query}"))
        assert "<mark" not in html
        assert "<script>" not in html

    def test_a_passage_of_another_document_marks_nothing(self, signed_in: Client, home: House) -> None:
        version, _ = shelve(home, printed())
        _, foreign = shelve(home, spoken())
        html = shown(signed_in.get(f"{address(version)}?passage={foreign.pk}&from=0&to=5"))
        assert "<mark" not in html


class TestGate:
    def test_a_deleted_source_is_said_to_be_removed(self, signed_in: Client, home: House) -> None:
        version, passage = shelve(home, printed())
        url = address(version, passage, QUOTE)
        library.delete(document_id=version.document_id)
        response = signed_in.get(url)
        assert response.status_code == 404
        assert "This source was removed" in response.content.decode()
        fragment = signed_in.get(url, headers={"HX-Request": "true"})
        assert "This source was removed" in shown(fragment)
        assert "<html" not in shown(fragment)

    def test_another_organizations_source_looks_the_same_as_a_removed_one(
        self, client: Client, stranger: User, home: House
    ) -> None:
        version, _ = shelve(home, printed())
        client.force_login(stranger)
        foreign = client.get(address(version), headers={"HX-Request": "true"})
        missing = client.get(
            reverse("knowledge:page", args=[uuid4(), uuid4(), 0]), headers={"HX-Request": "true"}
        )
        assert foreign.content == missing.content
        for name in ("knowledge:page_image", "knowledge:page_marks"):
            assert client.get(reverse(name, args=[version.document_id, version.pk, 0])).status_code == 404

    def test_another_coachs_source_is_not_shown(self, signed_in: Client, home: House) -> None:
        version, _ = shelve(home, printed(), coach=home.other_coach)
        assert signed_in.get(address(version)).status_code == 404

    def test_the_own_coachs_source_is_shown(self, signed_in: Client, home: House) -> None:
        version, _ = shelve(home, printed(), coach=home.coach)
        assert "Every team writes" in shown(signed_in.get(address(version)))

    def test_a_version_under_the_wrong_document_is_not_shown(self, signed_in: Client, home: House) -> None:
        version, _ = shelve(home, printed())
        other, _ = shelve(home, spoken())
        url = reverse("knowledge:page", args=[other.document_id, version.pk, 0])
        assert signed_in.get(url).status_code == 404

    def test_a_visitor_signs_in_first(self, client: Client, home: House) -> None:
        version, _ = shelve(home, printed())
        response = client.get(address(version))
        assert response.status_code == 302
        assert "login" in response["Location"]

    @pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
    def test_a_page_can_only_be_read(self, signed_in: Client, home: House, method: str) -> None:
        version, _ = shelve(home, printed())
        assert getattr(signed_in, method)(address(version)).status_code == 405


class TestLeaves:
    def test_a_long_chapter_has_several_sections(self) -> None:
        blocks: Sequence[Block] = [Block(BlockKind.paragraph, f"Line {number}") for number in range(130)]
        chapters = (Chapter(1, "One", 0), Chapter(2, "Two", 100))
        document = ExtractedDocument("docx", "", (), None, tuple(blocks), (), chapters)
        leaves = Leaves(document)
        assert [(leaf.first, leaf.end, leaf.title) for leaf in leaves.all] == [
            (0, 60, "One"),
            (60, 100, "One"),
            (100, 130, "Two"),
        ]
        text = "\n\n".join(block.text for block in blocks)
        assert leaves.holding(text.index("Line 60")).index == 1
        assert leaves.holding(text.index("Line 129")).index == 2
        assert leaves.holding(0).index == 0

    def test_an_empty_page_keeps_its_place(self) -> None:
        blocks = (
            Block(BlockKind.paragraph, "A", page_index=0),
            Block(BlockKind.paragraph, "C", page_index=2),
        )
        pages = tuple(Page(index, "", "text") for index in range(3))
        leaves = Leaves(ExtractedDocument("pdf", "", (), None, blocks, pages, ()))
        assert [(leaf.first, leaf.end) for leaf in leaves.all] == [(0, 1), (1, 1), (1, 2)]
        assert leaves.shown(leaves.at(1), (0, 0)) == []

    def test_a_quote_over_two_blocks_is_marked_in_both(self) -> None:
        document = printed()
        leaves = Leaves(document)
        blocks = leaves.shown(leaves.at(0), (2, 12))
        assert [[part for part in block.parts if part.marked] for block in blocks] == [
            [Part("ams", marked=True)],
            [Part("Every", marked=True)],
        ]

    def test_an_empty_document_has_one_empty_leaf(self) -> None:
        leaves = Leaves(ExtractedDocument("txt", "", (), None, (), (), ()))
        assert leaves.shown(leaves.at(5), (0, 3)) == []

    def test_marks_and_times(self) -> None:
        assert mark("abc", 5, 9) == (Part("abc", marked=False),)
        assert mark("abc", -3, 2) == (Part("ab", marked=True), Part("c", marked=False))
        assert mark("", 0, 2) == ()
        assert [clock(seconds) for seconds in (None, 0.0, 62.9, 3_602.0)] == ["", "0:00", "1:02", "1:00:02"]

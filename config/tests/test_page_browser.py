"""The cited page as people see it: a picture with the quote marked, on a phone and a desk, in the light and dark."""

import io
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.base import ContentFile
from django.urls import reverse
from playwright.sync_api import Locator, Page, expect
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate, Spacer

from config.tests.conftest import Talk
from config.tests.test_chat_pictures import AT_REST
from conversations.models import Message
from knowledge.extraction.document import Block, BlockKind, ExtractedDocument
from knowledge.extraction.document import Page as Leaf
from knowledge.ingestion import files
from knowledge.models import Document, DocumentVersion, Passage

pytestmark = [pytest.mark.browser, pytest.mark.processes]

SIZES = {"320": (320, 640), "1280": (1280, 800)}
SCHEMES = ("light", "dark")
DRAWN_MS = 60_000
"""A page is drawn in a child process when somebody first looks at it."""
QUOTE = "Norms are reviewed twice a year, and a team that breaks one says so before the next meeting begins."
AROUND = "A team that writes its norms down returns to them when it gets hard. " * 5
PARAGRAPHS = [AROUND] * 9 + [QUOTE] + [AROUND] * 3


def handbook() -> bytes:
    """Return a PDF of three pages; the second is full, with the quote in its lower half."""
    styles, drawn = getSampleStyleSheet(), io.BytesIO()
    story: list[Any] = [Paragraph("Teams", styles["Heading1"]), PageBreak()]
    story.append(Paragraph("Norms that hold", styles["Heading1"]))
    for text in PARAGRAPHS:
        story += [Paragraph(text, styles["BodyText"]), Spacer(1, 6)]
    story += [PageBreak(), Paragraph("Time", styles["Heading1"])]
    SimpleDocTemplate(drawn, pagesize=A4, invariant=True).build(story)
    return drawn.getvalue()


def shelve(talk: Talk) -> tuple[DocumentVersion, Passage]:
    """Put the handbook into the library, its second page as the passage that is quoted."""
    shared = {"organization": talk.house.organization, "coach": None}
    document = Document.objects.create(
        **shared, title="The Handbook of Teams", authors=["A. Writer"], year=2024
    )
    blocks = [
        Block(BlockKind.heading, "Norms that hold", level=1, page_index=1),
        *(Block(BlockKind.paragraph, text.strip(), page_index=1) for text in PARAGRAPHS),
    ]
    pages = tuple(Leaf(index, label, "text") for index, label in enumerate(("iv", "1", "2")))
    extracted = ExtractedDocument("pdf", document.title, (), 2024, tuple(blocks), pages, ())
    version = DocumentVersion(
        **shared,
        document=document,
        live=True,
        state="ready",
        filename="teams.pdf",
        sha256=uuid4().hex * 2,
        size=1,
        file_format="pdf",
        page_count=len(pages),
    )
    version.file = files.store_source(version.pk, "teams.pdf", ContentFile(handbook()))
    version.extracted = files.store_extracted(version, "extract", extracted)
    version.save()
    text = "\n\n".join(block.text for block in blocks)
    passage = Passage.objects.create(
        **shared,
        version=version,
        ordinal=0,
        live=True,
        text=text,
        start=0,
        end=len(text),
        token_count=1,
        chapter_title="Norms that hold",
        page_index=1,
        page_label="1",
    )
    return version, passage


@pytest.fixture
def cited(talk: Talk, settings: Any) -> dict[str, Any]:
    """Return the citation of the quote, as a message keeps it."""
    settings.MEDIA_ROOT = Path(talk.stack.environment["MEDIA_ROOT"])
    version, passage = shelve(talk)
    start = passage.text.index(QUOTE)
    return {
        "number": 1,
        "document_id": str(version.document_id),
        "version_id": str(version.pk),
        "passage_id": str(passage.pk),
        "page_index": 1,
        "page_label": "1",
        "title": "The Handbook of Teams",
        "quote": QUOTE,
        "quote_start": start,
        "quote_end": start + len(QUOTE),
        "label": "verified",
    }


def test_an_item_of_a_list_has_its_own_mark_alone(talk: Talk, settings: Any) -> None:
    settings.MEDIA_ROOT = Path(talk.stack.environment["MEDIA_ROOT"])
    version, _ = shelve(talk)
    item = Block(BlockKind.list_item, "• Speak last.", page_index=1)
    listed = ExtractedDocument(
        "pdf", "Teams", (), 2024, (item,), (Leaf(0, "iv", "text"), Leaf(1, "1", "text")), ()
    )
    version.extracted = files.store_extracted(version, "extract", listed)
    version.save(update_fields=["extracted"])
    page = talk.window(talk.house.owner)
    page.goto(reverse("knowledge:page", args=[version.document_id, version.pk, 1]))
    shown = page.get_by_text("• Speak last.")
    expect(shown).to_be_visible()
    expect(shown).not_to_have_css("display", "list-item")


def photograph(page: Page, folder: Path, name: str) -> None:
    """Photograph a page in every size and scheme with the mark in sight; nothing may stick out or be cut."""
    for size, (width, height) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.locator(".reader__spot").evaluate(
                "spot => spot.scrollIntoView({block: 'center', inline: 'start'})"
            )
            page.evaluate(AT_REST)
            page.screenshot(path=folder / f"{name}-{size}-{scheme}.png")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} at {size}"
        assert_bar_fits(page.locator(".reader__bar"))


def assert_bar_fits(bar: Locator) -> None:
    """The words between the two buttons stand in one place, beside them and not over them."""
    boxes = [box for part in bar.locator("> *").all() if (box := part.bounding_box())]
    assert len(boxes) == 3
    for left, right in pairwise(boxes):
        assert left["x"] + left["width"] <= right["x"] + 1
    assert boxes[1]["width"] > 60


def is_drawn(page: Page) -> None:
    """Wait until the picture and the mark on it are there."""
    for name in ("image", "marks"):
        expect(page.locator(f".reader__{name}")).to_have_js_property("complete", True, timeout=DRAWN_MS)
        expect(page.locator(f".reader__{name}")).not_to_have_js_property("naturalWidth", 0)
    expect(page.locator(".reader__spot")).to_be_attached(timeout=DRAWN_MS)


def test_a_page_shows_its_picture_with_the_quote_marked(
    talk: Talk, cited: dict[str, Any], artefacts: Path
) -> None:
    page = talk.window(talk.house.owner)
    address = reverse("knowledge:page", args=[cited["document_id"], cited["version_id"], 1])
    where = f"passage={cited['passage_id']}&from={cited['quote_start']}&to={cited['quote_end']}"
    page.goto(f"{address}?{where}", wait_until="domcontentloaded")
    is_drawn(page)
    photograph(page, artefacts, "page")
    page.get_by_role("button", name="Larger").click()
    photograph(page, artefacts, "page-larger")
    assert talk.complaints == []


def test_a_source_beside_the_conversation_shows_it_too(
    talk: Talk, cited: dict[str, Any], artefacts: Path
) -> None:
    conversation = talk.conversation()
    Message.objects.create(
        conversation=conversation,
        sequence=1,
        sender_type="ai",
        content="A team reviews its norms twice a year [1].",
        citations=[cited],
    )
    type(conversation).objects.filter(pk=conversation.pk).update(last_sequence=1, title="Norms")
    page = talk.chat(conversation.pk)
    page.locator("a.citation").first.click()
    is_drawn(page)
    photograph(page, artefacts, "source")
    assert talk.complaints == []


def test_on_a_phone_the_quote_is_large_enough_to_read(
    talk: Talk, cited: dict[str, Any], artefacts: Path
) -> None:
    page = talk.window(talk.house.owner, viewport={"width": 320, "height": 640})
    address = reverse("knowledge:page", args=[cited["document_id"], cited["version_id"], 1])
    where = f"passage={cited['passage_id']}&from={cited['quote_start']}&to={cited['quote_end']}"
    page.goto(f"{address}?{where}", wait_until="domcontentloaded")
    is_drawn(page)
    expect(page.locator(".reader")).to_have_attribute("data-zoom", "2")
    expect(page.locator(".reader__spot")).to_be_in_viewport()
    page.screenshot(path=artefacts / "phone.png")
    page.get_by_role("button", name="Fit").click()
    expect(page.locator(".reader")).to_have_attribute("data-zoom", "0")
    page.evaluate("scrollTo(0, 0)")
    page.screenshot(path=artefacts / "phone-top.png")
    assert talk.complaints == []

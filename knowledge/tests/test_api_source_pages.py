"""The page that a citation opens, over the API: its words with the quote marked, for whoever may open it."""

from uuid import uuid4

import pytest

from accounts.models import User
from accounts.tests.api_caller import as_program
from accounts.tests.cast import Cast
from knowledge.extraction.document import Block, BlockKind, ExtractedDocument, Page
from knowledge.ingestion import files
from knowledge.models import DocumentVersion, Passage
from knowledge.tests.shelf import put

pytestmark = pytest.mark.django_db

WORDS = "Norms are reviewed twice a year. A team that breaks one says so."
QUOTE = "reviewed twice a year"


def printed() -> ExtractedDocument:
    """Return a book of two pages, the quote on the second."""
    blocks = (
        Block(BlockKind.heading, "Teams", level=1, page_index=0),
        Block(BlockKind.heading, "Norms", level=1, page_index=1),
        Block(BlockKind.paragraph, WORDS, page_index=1),
    )
    pages = (Page(0, "iv", "text"), Page(1, "1", "text"))
    return ExtractedDocument("pdf", "Handbook", (), 2024, blocks, pages, ())


@pytest.fixture
def passage(cast: Cast) -> Passage:
    """Return a passage of a book that the organization shares, whose text is there."""
    (found,) = put(cast.home.organization, WORDS)
    found.start = len("Teams\n\nNorms\n\n")
    found.end = found.start + len(WORDS)
    found.save(update_fields=["start", "end"])
    version = found.version
    version.extracted = files.store_extracted(version, "extract", printed())
    version.save(update_fields=["extracted"])
    return found


def address(version: DocumentVersion, index: int = 0, query: str = "") -> str:
    """Return where a page is."""
    return f"library/{version.document_id}/v/{version.pk}/page/{index}/{query}"


def quoted(passage: Passage) -> str:
    """Return the part of the address that names the quote."""
    start = WORDS.index(QUOTE)
    return f"?passage={passage.pk}&from={start}&to={start + len(QUOTE)}"


def test_has_the_words_with_the_quote_marked(owner: User, passage: Passage) -> None:
    found = as_program(owner)("GET", address(passage.version, query=quoted(passage)))
    assert (found.status, found.data) == (
        200,
        {
            "title": "Handbook",
            "authors": ["A. Writer"],
            "year": None,
            "version": 1,
            "newer_version_id": None,
            "has_pages": True,
            "index": 1,
            "count": 2,
            "page": "1",
            "section": "",
            "blocks": [
                {
                    "kind": "heading",
                    "level": 1,
                    "speaker": "",
                    "time": "",
                    "parts": [{"text": "Norms", "is_quoted": False}],
                },
                {
                    "kind": "paragraph",
                    "level": 0,
                    "speaker": "",
                    "time": "",
                    "parts": [
                        {"text": "Norms are ", "is_quoted": False},
                        {"text": QUOTE, "is_quoted": True},
                        {"text": ". A team that breaks one says so.", "is_quoted": False},
                    ],
                },
            ],
        },
    )


def test_without_a_quote_is_the_page_of_the_index_or_the_last(owner: User, passage: Passage) -> None:
    ada = as_program(owner)
    assert [ada("GET", address(passage.version, index)).data["page"] for index in (0, 1, 9)] == [
        "iv",
        "1",
        "1",
    ]


def test_is_the_passage_alone_where_the_text_is_not_there(cast: Cast, owner: User) -> None:
    (passage,) = put(cast.home.organization, WORDS)
    found = as_program(owner)("GET", address(passage.version, query=quoted(passage))).data
    assert (found["index"], found["page"], found["count"]) == (None, "", 1)
    assert [part["text"] for part in found["blocks"][0]["parts"] if part["is_quoted"]] == [QUOTE]
    assert as_program(owner)("GET", address(passage.version)).data["blocks"] == []


def test_of_an_old_version_says_that_there_is_a_newer_one(owner: User, passage: Passage) -> None:
    old = passage.version
    DocumentVersion.objects.filter(pk=old.pk).update(live=False)
    newer = DocumentVersion.objects.create(
        document=old.document,
        organization=old.organization,
        number=2,
        filename="new.txt",
        sha256="1" * 64,
        size=1,
        state="ready",
        live=True,
    )
    assert as_program(owner)("GET", address(old)).data["newer_version_id"] == str(newer.pk)


@pytest.mark.parametrize("query", ["?passage=7", "?from=-1", "?to=soon", "?page=1"])
def test_of_nonsense_is_refused(owner: User, passage: Passage, query: str) -> None:
    assert as_program(owner)("GET", address(passage.version, query=query)).status == 400


def test_is_not_there_for_others(cast: Cast, passage: Passage) -> None:
    (kept,) = put(cast.home.organization, "Cleo's.", coach=cast.home.other_coach)
    for member, version in ((cast.away.owner, passage.version), (cast.home.owner, kept.version)):
        api = as_program(member)
        found = api("GET", address(version))
        nowhere = api("GET", f"library/{uuid4()}/v/{uuid4()}/page/0/")
        mixed = api("GET", f"library/{uuid4()}/v/{version.pk}/page/0/")
        assert (found.status, found.error) == (404, nowhere.error)
        assert mixed.error == nowhere.error

"""First questions: from the headings of what a conversation can look up, and of nothing else."""

from typing import Any

import pytest
from django.core.cache import cache

from accounts.models import Organization, User
from knowledge.models import Document, DocumentVersion, Domain, Passage
from knowledge.scope import Scope
from knowledge.suggestions import question_from, suggested_questions


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    cache.clear()


def add_book(
    organization: Organization, *titles: str, coach: User | None = None, live: bool = True, **values: Any
) -> None:
    """Add a book with one passage a chapter."""
    owner = {"organization": organization, "coach": coach}
    document = Document.objects.create(**owner, title="Book")
    version = DocumentVersion.objects.create(
        **owner,
        document=document,
        filename="book.pdf",
        sha256=str(document.pk),
        size=1,
        state="ready",
        live=live,
    )
    for number, title in enumerate(titles):
        chapter = {"chapter_number": number, "chapter_title": title} if title else {}
        Passage.objects.create(
            **owner,
            version=version,
            ordinal=number,
            live=live,
            start=number,
            end=number + 1,
            text="Words.",
            token_count=1,
            **chapter,
            **values,
        )


@pytest.mark.parametrize(
    ("title", "question"),
    [
        ("Chapter 3: How to run a meeting", "How do I run a meeting?"),
        ("When to bring in a person", "When should I bring in a person?"),
        ("Why we learn together", "Why do we learn together?"),
        ("Looking at evidence together", "What helps with looking at evidence together?"),
        ("2.1 Meetings and protocols", "What should I know about meetings and protocols?"),
        ("Formative Assessment", "What should I know about formative assessment?"),
        ("DNA and RNA in class", "What should I know about DNA and RNA in class?"),
        ("A culture of shared work", "What should I know about a culture of shared work?"),
        ("What is a good question?", "What is a good question?"),
        ("What every student is promised", ""),
        ("Introduction", ""),
        ("IV. References", ""),
        ("Team meeting agenda", ""),
        ("Teams", ""),
        ("1234567890", ""),
        ("x" * 91, ""),
    ],
)
def test_a_title_becomes_a_question_or_nothing(title: str, question: str) -> None:
    assert question_from(title) == question


@pytest.mark.django_db
class TestALibrary:
    def test_asks_of_each_document_in_turn(self, organization: Organization) -> None:
        add_book(organization, "How to begin well", "How to go on well", "How to end well")
        add_book(organization, "Listening to a colleague")
        assert suggested_questions(Scope(organization.pk), 3) == [
            "How do I begin well?",
            "What helps with listening to a colleague?",
            "How do I go on well?",
        ]

    def test_never_asks_of_what_cannot_be_looked_up(
        self, organization: Organization, coach: User, other_coach: User, stranger: User
    ) -> None:
        assert stranger.organization is not None
        add_book(organization, "How to hide a draft", live=False)
        add_book(organization, "How to help Ben", coach=coach)
        add_book(organization, "How to help Cleo", coach=other_coach)
        add_book(stranger.organization, "How to help elsewhere")
        assert suggested_questions(Scope(organization.pk, coach.pk), 4) == ["How do I help Ben?"]
        assert suggested_questions(Scope(organization.pk), 4) == []

    def test_without_chapters_asks_what_its_domains_are_about(self, organization: Organization) -> None:
        for slug in ("collaboration", "leadership"):
            Domain.objects.update_or_create(
                slug=slug, defaults={"name": slug, "description": "", "examples": [f"Who does {slug}?"]}
            )
        add_book(organization, "", domains=["collaboration"])
        assert suggested_questions(Scope(organization.pk), 4) == ["Who does collaboration?"]

    def test_is_asked_twice_and_looks_once(
        self, organization: Organization, django_assert_num_queries: Any
    ) -> None:
        add_book(organization, "How to begin well")
        scope = Scope(organization.pk)
        with django_assert_num_queries(2):
            first = suggested_questions(scope, 4)
        with django_assert_num_queries(0):
            assert suggested_questions(scope, 4) == first == ["How do I begin well?"]

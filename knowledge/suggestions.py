"""First questions that a library can answer: its own headings, turned into questions. No model is asked."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, zip_longest
from uuid import UUID

from django.core.cache import cache
from django.db.models import Q

from knowledge.models import Domain, Passage
from knowledge.scope import Scope

KEPT_SECONDS = 300
"""How long the questions of a scope are kept; a new document shows up after that."""

MOST_REMEMBERED = 10
"""The largest number of questions that pages ask for."""
DOCUMENTS = 12
CHAPTERS = 240
SHORTEST, LONGEST = 8, 90

_NUMBERING = re.compile(
    r"^(?:[0-9]+(?:\.[0-9]+)+\s+"
    r"|(?:(?:chapter|part|section|unit|module|lesson)\s+)?(?:[0-9]+(?:\.[0-9]+)*|[ivxlc]+)\s*[.:)\u2013\u2014-]\s*)",
    re.IGNORECASE,
)
_APPARATUS = re.compile(
    r"^(?:the |an? )?(?:introduction|preface|foreword|acknowledge?ments?|(?:table of )?contents|index|references"
    r"|bibliography|glossary|appendi(?:x|ces)|notes?|summary|conclusion|about (?:the|this)|copyright|licen[cs]e"
    r"|list of|further reading|how to (?:use|read) this|agenda|minutes|action items|attendance|cover)\b"
    r"|\b(?:agenda|transcript)$",
    re.IGNORECASE,
)
_TO_DO = re.compile(r"^(how|when|where|what|who) to\s+(?=[a-z])", re.IGNORECASE)
_WE = re.compile(r"^(why|how|when|where) (we|teams|schools|students|teachers)\s+(?=[a-z])", re.IGNORECASE)
_HALF_A_QUESTION = re.compile(r"^(?:what|why|when|where|who|which|whose|how|if)\b", re.IGNORECASE)
_DOING = re.compile(r"^(?!during\b|nothing\b|something\b|everything\b|spring\b)[a-z]{2,}ing\b", re.IGNORECASE)


def suggested_questions(scope: Scope, limit: int) -> list[str]:
    """Return up to `limit` first questions that the live library of `scope` answers.

    The same library gives the same questions. Costs one short query, three where titles do not suffice, and
    none for some minutes after that.
    """
    key = f"suggestions:{scope.organization_id}:{scope.coach_id}:{limit}"
    known = cache.get(key)
    if isinstance(known, list):
        return known
    questions = _distinct(chain(_from_chapters(scope), _from_domains(scope)), limit)
    cache.set(key, questions, KEPT_SECONDS)
    return questions


def forget(*, organization_id: UUID, coach_id: UUID | None) -> None:
    """Forget the questions that a coach's documents gave; without one, those of whoever has no coach."""
    cache.delete_many(
        f"suggestions:{organization_id}:{coach_id}:{limit}" for limit in range(1, MOST_REMEMBERED + 1)
    )


def _visible(scope: Scope) -> Q:
    shared = Q(organization_id=scope.organization_id, live=True)
    return shared & (Q(coach=None) | Q(coach_id=scope.coach_id) if scope.coach_id else Q(coach=None))


def _from_chapters(scope: Scope) -> Iterator[str]:
    """Yield questions from chapter titles, one of each document in turn."""
    rows = (
        Passage.objects.filter(_visible(scope), chapter_number__isnull=False)
        .exclude(chapter_title="")
        .order_by("version_id", "chapter_number", "ordinal")
        .distinct("version_id", "chapter_number")
        .values_list("version_id", "chapter_title")[:CHAPTERS]
    )
    by_document: dict[object, list[str]] = {}
    for version_id, title in rows:
        by_document.setdefault(version_id, []).append(title)
    documents = list(by_document.values())[:DOCUMENTS]
    for titles in zip_longest(*documents):
        yield from (question for title in titles if title and (question := question_from(title)))


def _from_domains(scope: Scope) -> Iterator[str]:
    """Yield examples of the domains that passages without chapters belong to."""
    tagged: Sequence[list[str]] = list(
        Passage.objects.filter(_visible(scope)).order_by("pk").values_list("domains", flat=True)[:CHAPTERS]
    )
    slugs = sorted(set(chain.from_iterable(tagged)))
    examples = Domain.objects.filter(slug__in=slugs).order_by("slug").values_list("examples", flat=True)
    for asked in zip_longest(*examples):
        yield from (question for question in asked if question)


def question_from(title: str) -> str:
    """Return a question that a chapter of this title answers; empty when the title says too little."""
    subject = _NUMBERING.sub("", " ".join(title.split())).strip(" .:;-\u2013\u2014")
    fits = SHORTEST <= len(subject) <= LONGEST and re.search(r"[a-z]", subject)
    if not fits or _APPARATUS.search(subject):
        return ""
    return subject if subject.endswith("?") else _asked_about(subject)


def _asked_about(subject: str) -> str:
    if match := _TO_DO.match(subject):
        verb = "do" if match[1].lower() == "how" else "should"
        return f"{match[1].capitalize()} {verb} I {subject[match.end() :]}?"
    if match := _WE.match(subject):
        return f"{match[1].capitalize()} do {match[2].lower()} {subject[match.end() :]}?"
    if _HALF_A_QUESTION.match(subject):
        return ""
    beginning = "What helps with" if _DOING.match(subject) else "What should I know about"
    return f"{beginning} {_lower_first(subject)}?"


def _lower_first(text: str) -> str:
    """Lower the first letter, unless the first word is an abbreviation."""
    first, _, rest = text.partition(" ")
    if first not in {"A", "An"} and not first[1:].islower():
        return text
    if rest and all(word[:1].isupper() for word in rest.split() if len(word) > 3):
        return text.lower()
    return text[0].lower() + text[1:]


def _distinct(questions: Iterable[str], limit: int) -> list[str]:
    found: dict[str, str] = {}
    for question in questions:
        found.setdefault(question.casefold(), question)
        if len(found) == limit:
            break
    return list(found.values())

"""Pseudonyms for the students of one conversation: the same name is the same letter, today and next month.

No name is ever stored: a conversation keeps a keyed hash of each, bound to that conversation, and its letter.
"""

import hashlib
import hmac
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db import transaction

from accounts.models import User
from coaching.policies import student_data
from conversations.turns.accept import clean, lock_own

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

MOST = 50
"""Findings that are shown; a roster with more is no less plain for it, and every name of it is replaced."""


@dataclass(frozen=True, slots=True)
class Found:
    """One place in the draft, for the person who wrote it."""

    kind: str
    start: int
    end: int
    why: str
    words: str
    stand_in: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """A draft in which something was found, and the same with pseudonyms."""

    draft: str
    findings: tuple[Found, ...]
    """The first of them, as many as are shown."""
    suggestion: str

    @property
    def shown(self) -> tuple[Found, ...]:
        """Each found word once, in the order of the draft."""
        return tuple({found.words: found for found in reversed(self.findings)}.values())[::-1]


@transaction.atomic(durable=True)
def propose(*, member: User, conversation_id: UUID, text: str) -> Proposal:
    """Look for student data in a draft, and offer the draft with pseudonyms that fit the conversation.

    Raises:
        NotVisible: the conversation is not the member's.
        Refusal: nothing could be sent of the text in any case.
    """
    draft = clean(text)
    conversation = lock_own(member, conversation_id)
    letters = _Letters(conversation.pk, dict(conversation.pseudonyms))
    found = student_data.find(draft)
    suggestion = student_data.replaced(draft, found, letters.name_for)
    if letters.known != conversation.pseudonyms:
        conversation.pseudonyms = letters.known
        conversation.save(update_fields=["pseudonyms"])
    shown = tuple(
        Found(
            each.kind,
            each.start,
            each.end,
            each.rule,
            each.of(draft),
            student_data.replaced(each.of(draft), [_alone(each)], letters.name_for),
        )
        for each in found[:MOST]
    )
    return Proposal(draft, shown, suggestion)


def _alone(found: student_data.Finding) -> student_data.Finding:
    """Return the finding as it stands in its own words."""
    return student_data.Finding(found.kind, 0, found.end - found.start, found.rule)


class _Letters:
    """The letters of one conversation. A full name also answers to its first part, until two share that."""

    def __init__(self, conversation_id: UUID, known: dict[str, str]) -> None:
        self._key = hashlib.sha256(f"pseudonyms:{conversation_id}:{settings.SECRET_KEY}".encode()).digest()
        self.known = known

    def name_for(self, name: str) -> str:
        """Return the pseudonym of a name, choosing the next letter for a new one."""
        words = name.lower().replace(".", "").split()
        whole, first = self._hash(" ".join(words)), self._hash(words[0])
        letter = self.known.get(whole)
        if letter is None:
            known = self.known.get(first)
            letter = self._next() if known is None or self._is_of_another(known, whole) else known
            self.known[whole] = letter
            self.known.setdefault(first, letter)
        return f"Student {letter}"

    def _is_of_another(self, letter: str, whole: str) -> bool:
        """Whether a full name already has the letter that the first part alone leads to."""
        return sum(each == letter for key, each in self.known.items() if key != whole) > 1

    def _next(self) -> str:
        number = len(set(self.known.values()))
        letter = ALPHABET[number % len(ALPHABET)]
        return letter if number < len(ALPHABET) else f"{letter}{number // len(ALPHABET)}"

    def _hash(self, words: str) -> str:
        return hmac.new(self._key, words.encode(), hashlib.sha256).hexdigest()[:16]

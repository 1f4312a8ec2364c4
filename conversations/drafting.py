"""The AI's draft of what a coach could answer: theirs to edit, sent only by them.

Read in short database slices, asked of the model without one, and metered like a turn. A provider that
fails is a plain sentence for the coach and nothing more.
"""

import logging
import re
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from django.db import transaction
from django.utils import timezone
from numpy.typing import NDArray
from uuid_utils.compat import uuid7

from accounts.access import NotVisible
from accounts.models import User
from coaching import spending
from coaching.prompts.compose import PersonaVoice, compose_draft
from coaching.prompts.quoting import without_markers
from coaching.providers import registry
from coaching.providers.ports import ChatMessage, ChatModel, ChatRequest, ProviderError
from coaching.providers.streams import closing
from conversations import access, allowance, announcing, reading
from conversations.database import in_db
from conversations.metering import Collector, keep_runs
from conversations.models import Message
from conversations.presenting import CitationCard, cards_of
from conversations.turns import student_gate
from conversations.turns.accept import Refusal
from conversations.turns.plan import HISTORY, voice_of
from conversations.turns.understand import vector_of
from knowledge.citations import resolve
from knowledge.markers import MarkerParser
from knowledge.retrieval import retrieve
from knowledge.retrieved import RetrievedPassage
from knowledge.scope import Scope

logger = logging.getLogger(__name__)

DEADLINE_SECONDS = 25.0
_MARKER = re.compile(r"\s?\[\d{1,3}\]")


class NoDraft(Exception):
    """There is no draft; the text says why, for the coach."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A proposed reply without citation marks, and the passages that it stands on."""

    text: str
    sources: tuple[CitationCard, ...]


@dataclass(frozen=True, slots=True)
class _Material:
    organization_id: UUID
    scope: Scope
    voice: PersonaVoice
    history: tuple[ChatMessage, ...]
    question: str


async def draft(*, coach: User, conversation_id: UUID) -> Draft:
    """Return a reply that the coach may edit, from what this coach may read.

    Raises:
        NotVisible: the coach may not open the conversation.
        NoDraft: there is nothing to answer, nothing was found, no provider answered, or the coach has asked the
            AI as often as is possible for now.
    """
    material = await in_db(_read)(coach, conversation_id)
    collector = Collector()
    draft_id = uuid7()
    try:
        await in_db(allowance.afford_draft)(
            coach=coach,
            organization_id=material.organization_id,
            draft_id=draft_id,
            question=material.question,
            now=timezone.now(),
        )
    except Refusal as refusal:
        raise NoDraft(refusal.text) from refusal
    try:
        passages = await in_db(_look_up)(material, await vector_of(material.question, collector))
        request = _request(material, passages)
        answer, confidence = await _ask(registry.chat(collector), request, passages)
    except ProviderError as failure:
        logger.warning("draft_failed", extra={"error": type(failure).__name__})
        raise NoDraft("The AI could not write a draft just now. Your own words are enough.") from failure
    finally:
        await in_db(_keep)(
            collector, material, coach=coach, conversation_id=conversation_id, draft_id=draft_id
        )
    sources = cards_of(citation.as_dict() for citation in resolve(answer, passages))
    found_nothing = confidence is not None and not sources
    text = _MARKER.sub("", answer).strip()
    if found_nothing or not text:
        raise NoDraft("The library holds nothing that answers this. Your own words are enough.")
    return Draft(text, sources)


@transaction.atomic(durable=True)
def _keep(
    collector: Collector, material: _Material, *, coach: User, conversation_id: UUID, draft_id: UUID
) -> None:
    """Write what the providers were asked, and settle what it cost."""
    now = timezone.now()
    kept = keep_runs(
        collector.runs,
        organization_id=material.organization_id,
        user_id=coach.pk,
        subject_id=conversation_id,
        now=now,
    )
    spending.settle(user_id=coach.pk, subject_id=draft_id, runs=kept, now=now)


def _read(coach: User, conversation_id: UUID) -> _Material:
    standing = access.readable_conversation(coach, conversation_id)
    if standing.is_client:
        raise NotVisible
    conversation, _ = announcing.load_with_names(conversation_id)
    said = list(access.readable_messages(standing).select_related("sender").order_by("-sequence")[:HISTORY])
    asked = next((each for each in said if each.sender_type == Message.Sender.CLIENT), None)
    if asked is None:
        raise NoDraft("There is nothing to answer yet that you can read.")
    reading.note(reader=coach, conversation_id=conversation_id, manner="draft")
    return _Material(
        organization_id=conversation.organization_id,
        scope=Scope(conversation.organization_id, coach.pk),
        voice=_own_voice(coach, voice_of(conversation).persona, is_own=conversation.coach_id == coach.pk),
        history=tuple(_spoken(each) for each in reversed(said) if each.content),
        question=student_gate.for_provider(asked),
    )


def _own_voice(coach: User, voice: PersonaVoice, *, is_own: bool) -> PersonaVoice:
    """Return the voice of the coach who writes; another coach's instructions are not theirs."""
    return voice if is_own else PersonaVoice(name=voice.name, coach_name=coach.name)


def _spoken(message: Message) -> ChatMessage:
    """Return a message for the transcript: people other than the client and the AI are named."""
    words = without_markers(student_gate.for_provider(message))
    match message.sender_type:
        case Message.Sender.CLIENT:
            return ChatMessage("user", words)
        case Message.Sender.AI:
            return ChatMessage("assistant", words)
        case Message.Sender.HUMAN_COACH:
            name = message.sender.name if message.sender else "a coach"
            return ChatMessage("system", f"The coach {name} wrote: {words}")
        case _:
            return ChatMessage("system", words)


def _look_up(material: _Material, vector: NDArray[np.float32] | None) -> dict[int, RetrievedPassage]:
    found = retrieve(scope=material.scope, question=material.question, vector=vector)
    return dict(enumerate(found.passages, start=1))


def _request(material: _Material, passages: dict[int, RetrievedPassage]) -> ChatRequest:
    sources = [passage.as_source(number) for number, passage in passages.items()]
    return compose_draft(persona=material.voice, history=material.history, sources=sources)


async def _ask(
    model: ChatModel, request: ChatRequest, passages: dict[int, RetrievedPassage]
) -> tuple[str, float | None]:
    """Return the whole answer with its markers checked, and the adapter's own confidence, where it has one."""
    parser = MarkerParser(passages.keys())
    said: list[str] = []
    confidence: float | None = None
    async with closing(model.stream(request, deadline_s=DEADLINE_SECONDS)) as pieces:
        async for piece in pieces:
            said.append(parser.feed(piece.text))
            confidence = confidence if piece.confidence is None else piece.confidence
    return "".join(said) + parser.close(), confidence

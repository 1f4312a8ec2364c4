"""The past conversations of the demonstration, with citations that open the pages of its library."""

from datetime import datetime, timedelta

from django.db import transaction

from accounts.models import Organization, User
from conversations.models import Conversation, Feedback, Handoff, Interaction, Message, Session
from demo.story import Episode, PastConversation, Quote, Said, Story
from knowledge.citations import resolve
from knowledge.models import Passage
from knowledge.retrieved import RetrievedPassage

FILES = {"handbook": "handbook.pdf", "agenda": "agenda.docx", "transcript": "transcript.vtt"}


@transaction.atomic
def build(told: Story, organization: Organization, people: dict[str, User], *, now: datetime) -> bool:
    """Write the conversations, unless the organization has some; say whether they are new."""
    if Conversation.objects.filter(organization=organization).exists():
        return False
    coaches = {person.key: person.coach for person in told.people}
    for past in told.conversations:
        _write(past, organization, people, coaches[past.owner], now=now)
    return True


def _write(
    past: PastConversation, organization: Organization, people: dict[str, User], coach: str, *, now: datetime
) -> None:
    began = now - timedelta(minutes=past.minutes_ago)
    ended = began + timedelta(minutes=max(said.minute for said in past.messages))
    holder = people[past.handoff.coach] if past.handoff and past.owner_state == "coach" else None
    conversation = Conversation.objects.create(
        organization=organization,
        owner=people[past.owner],
        coach=people.get(coach),
        title=past.title,
        status=past.status,
        archived_at=ended if past.status == Conversation.Status.ARCHIVED else None,
        visibility=past.visibility,
        owner_state=past.owner_state,
        holder=holder,
        epoch=_epoch(past),
        last_sequence=len(past.messages),
        created_at=began,
        updated_at=ended,
    )
    closed = None if past.owner_state != "ai" else ended
    session = Session.objects.create(
        conversation=conversation, started_at=began, last_at=ended, closed_at=closed
    )
    messages = [
        _message(conversation, said, sequence, people, began)
        for sequence, said in enumerate(past.messages, start=1)
    ]
    if past.handoff is not None:
        _episode(conversation, past.handoff, messages, people, began)
    _turns(conversation, session, messages)


def _epoch(past: PastConversation) -> int:
    """Return how often the conversation has changed hands."""
    if past.handoff is None:
        return 0
    return 1 + (past.handoff.taken_minute is not None) + (past.handoff.returned_minute is not None)


def _message(
    conversation: Conversation, said: Said, sequence: int, people: dict[str, User], began: datetime
) -> Message:
    at = began + timedelta(minutes=said.minute)
    passages = {number: _passage(quote, conversation) for number, quote in enumerate(said.citations, start=1)}
    sender = conversation.owner if said.sender == "client" else people.get(said.by)
    message = Message.objects.create(
        conversation=conversation,
        sequence=sequence,
        sender_type=said.sender,
        sender=sender,
        content=said.text,
        citations=[citation.as_dict() for citation in resolve(said.text, passages)],
        domains=list(said.domains),
        created_at=at,
        completed_at=at,
    )
    if said.feedback:
        Feedback.objects.create(message=message, author=conversation.owner, score=said.feedback)
    return message


def _passage(quote: Quote, conversation: Conversation) -> RetrievedPassage:
    """Return the passage of the library that holds the quote."""
    words = quote.quote[:60]
    found = (
        Passage.objects.select_related("version__document")
        .filter(
            live=True,
            organization_id=conversation.organization_id,
            version__filename=FILES[quote.document],
            text__contains=words,
        )
        .order_by("ordinal")
    )
    passage = found.first()
    if passage is None:
        raise LookupError(f"no passage holds: {words}")
    document = passage.version.document
    return RetrievedPassage(
        passage_id=passage.pk,
        document_id=document.pk,
        version_id=passage.version_id,
        title=document.title,
        authors=tuple(document.authors),
        year=document.year,
        chapter_title=passage.chapter_title,
        headings=tuple(passage.headings),
        page_label=passage.page_label,
        page_index=passage.page_index,
        page_index_end=passage.page_index_end,
        page_offsets=tuple(passage.page_offsets),
        page_labels=_labels(passage),
        text=passage.text,
        score=1.0,
    )


def _labels(passage: Passage) -> tuple[str, ...]:
    """Return the printed labels of the passage's pages."""
    if passage.page_index is None or passage.page_index_end is None:
        return ()
    return tuple(passage.version.page_labels[passage.page_index : passage.page_index_end + 1])


def _episode(
    conversation: Conversation,
    episode: Episode,
    messages: list[Message],
    people: dict[str, User],
    began: datetime,
) -> None:
    """Write the handoff and what it says on its messages."""
    taken = None if episode.taken_minute is None else began + timedelta(minutes=episode.taken_minute)
    returned = None if episode.returned_minute is None else began + timedelta(minutes=episode.returned_minute)
    Handoff.objects.create(
        conversation=conversation,
        organization=conversation.organization,
        reason=episode.reason,
        state="returned" if returned else "taken" if taken else "queued",
        coach=people[episode.coach] if taken else None,
        rule_trace=[{"reason": episode.reason, "rule": "the demonstration"}],
        consented=True,
        requested_at=began + timedelta(minutes=episode.requested_minute),
        taken_at=taken,
        returned_at=returned,
    )
    coach_spoke = False
    for message in messages:
        minute = (message.created_at - began).total_seconds() / 60
        if message.sender_type == Message.Sender.HUMAN_COACH:
            coach_spoke = True
            message.metadata = {"drafted_by_ai": False, **_attribution(episode, minute)}
        elif message.sender_type == Message.Sender.SYSTEM:
            message.metadata = _system_metadata(episode, minute, coach_spoke=coach_spoke)
        message.save(update_fields=["metadata"])


def _attribution(episode: Episode, minute: float) -> dict[str, object]:
    """Return what a message says of the episode with a coach in which it was said."""
    return {
        "is_handoff": True,
        "is_handback": False,
        "handoff_reason": episode.reason,
        "ai_confidence_before": None,
        "human_duration_minutes": round(minute - (episode.taken_minute or minute), 1),
    }


def _system_metadata(episode: Episode, minute: float, *, coach_spoke: bool) -> dict[str, object]:
    """Return what a system message of the episode tells: asked for, taken over, or handed back."""
    if coach_spoke and episode.returned_minute is not None and episode.taken_minute is not None:
        return {
            "kind": "handback",
            "is_handback": True,
            "human_duration_minutes": float(episode.returned_minute - episode.taken_minute),
        }
    if episode.taken_minute is not None and minute >= episode.taken_minute:
        return {"kind": "takeover", **_attribution(episode, minute)}
    return {"kind": "coach_requested", "handoff_reason": episode.reason}


def _turns(conversation: Conversation, session: Session, messages: list[Message]) -> None:
    """Join each answer of the AI with the question before it."""
    question: Message | None = None
    for message in messages:
        if message.sender_type == Message.Sender.CLIENT:
            question = message
        elif message.sender_type == Message.Sender.AI and question is not None:
            Interaction.objects.create(
                conversation=conversation,
                session=session,
                question=question,
                reply=message,
                epoch=0,
                state=Interaction.State.DONE,
                attempts=1,
                accepted_at=question.created_at,
                finished_at=message.created_at,
            )

"""How a message looks: one form for the page, the socket and the share link."""

import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid4

from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString

from conversations.models import Conversation, Feedback, Message
from conversations.rendering import Address, citation_url, plain, render
from knowledge.utterances import place_of

LABELS = {"verified": "Quoted", "paraphrase": "Paraphrased", "unsupported": "Not found in the source"}

PROBLEMS = {
    "ProviderBusy": "The AI is very busy just now. Try again in a minute.",
    "ProviderUnavailable": "The AI could not be reached. Try again in a minute.",
    "ProviderTimeout": "No answer came in time. Try again, or ask a shorter question.",
    "ProviderRefused": "The AI did not accept the question. If it happens again, tell your coach.",
    "ProviderGarbled": "The answer could not be read. Try again.",
    "ProviderCut": "The answer broke off. What had arrived is kept.",
}
"""What became of an answer, by the name of the failure; never the provider's own words."""

TEMPLATE = "conversations/partials/message.html"
_HOLE = f"hole-{secrets.token_hex(16)}-"
_SOME_ID = str(uuid4())
"""No text that somebody writes contains either; an address is made of the id, which has to look like one."""
_PHONE = re.compile(r"\+?[0-9][0-9 ()./-]{1,}")


@dataclass(frozen=True, slots=True)
class CitationCard:
    """A citation under a message: where it comes from and the words that it quotes."""

    number: int
    url: str
    title: str
    authors: str
    chapter: str
    page_label: str
    place: str
    """Where the quote stands: its page, or who says it when."""
    quote: str
    label: str
    label_text: str


@dataclass(frozen=True, slots=True)
class HelpLine:
    """Whom to turn to at once; `href` calls or opens it and is empty for anything else."""

    name: str
    contact: str
    hours: str
    href: str


@dataclass(frozen=True, slots=True)
class MessageView:
    """A message as the template shows it."""

    id: UUID
    sequence: int
    sender_type: str
    sender_name: str
    state: str
    at: datetime
    body: SafeString
    length: int
    citations: tuple[CitationCard, ...] = ()
    kind: str = ""
    help_lines: tuple[HelpLine, ...] = ()
    problem: str = ""
    drafted_by_ai: bool = False
    score: int = 0

    @property
    def who(self) -> str:
        """The speaker as icons and classes name it: client, ai, coach or system."""
        return "coach" if self.sender_type == Message.Sender.HUMAN_COACH else self.sender_type

    @property
    def moment(self) -> str:
        """When it was said, as a machine reads it."""
        return timezone.localtime(self.at).isoformat()

    @property
    def clock(self) -> str:
        """The time of day."""
        return f"{timezone.localtime(self.at):%H:%M}"

    @property
    def rateable(self) -> bool:
        """Whether a client may say what they think of it."""
        return self.sender_type == Message.Sender.AI and self.state != "streaming" and self.length > 0


@dataclass(frozen=True, slots=True)
class Names:
    """What the speakers of a conversation are called."""

    client: str
    persona: str
    coaches: Mapping[UUID, str] = field(default_factory=dict)


def names_of(conversation: Conversation) -> Names:
    """Return the names for a conversation loaded with its owner, coach and persona."""
    coach = conversation.coach
    persona = getattr(coach, "persona", None) if coach else None
    return Names(client=conversation.owner.name, persona=persona.name if persona else "Sideline")


def view_of(
    message: Message, names: Names, *, score: int = 0, address: Address = citation_url
) -> MessageView:
    """Return the message as the template shows it; the sender is loaded for a coach's message."""
    by_ai = message.sender_type == Message.Sender.AI
    by_client = message.sender_type == Message.Sender.CLIENT
    as_typed = by_client or message.state == Message.State.STREAMING
    citations = [citation for citation in message.citations if citation.get("number")] if by_ai else None
    return MessageView(
        id=message.pk,
        sequence=message.sequence,
        sender_type=message.sender_type,
        sender_name=sender_name(message, names),
        state=message.state,
        at=message.created_at,
        body=plain(message.content) if as_typed else render(message.content, citations, address=address),
        length=len(message.content),
        citations=cards_of(citations or (), address=address),
        kind=str(message.metadata.get("kind", "")),
        help_lines=tuple(_help_line(line) for line in message.metadata.get("help_lines", ())),
        problem=problem_of(message),
        drafted_by_ai=bool(message.metadata.get("drafted_by_ai")),
        score=score,
    )


def problem_of(message: Message) -> str:
    """Return in words why an answer is not whole; empty when it is."""
    if message.state == Message.State.STOPPED and not message.metadata.get("interrupted"):
        return "Stopped." if message.content else "Stopped before it began."
    if message.state not in {Message.State.STOPPED, Message.State.FAILED}:
        return ""
    if message.metadata.get("interrupted"):
        kept = " What had arrived is kept." if message.content else ""
        return f"The answer was interrupted.{kept}"
    return PROBLEMS.get(str(message.metadata.get("error", "")), "No answer came. Try again.")


def _help_line(line: Mapping[str, Any]) -> HelpLine:
    contact = str(line.get("contact", ""))
    href = ""
    if _PHONE.fullmatch(contact):
        href = "tel:" + re.sub(r"[^0-9+]", "", contact)
    elif contact.startswith("https://"):
        href = contact
    return HelpLine(str(line.get("name", "")), contact, str(line.get("hours", "")), href)


def sender_name(message: Message, names: Names) -> str:
    """Return what the speaker is called; the sender is loaded for a coach's message."""
    if message.sender_type == Message.Sender.CLIENT:
        return names.client
    if message.sender_type == Message.Sender.AI:
        return names.persona
    if message.sender_type == Message.Sender.HUMAN_COACH:
        return message.sender.name if message.sender else "Coach"
    return "Sideline"


def cards_of(
    citations: Iterable[Mapping[str, Any]], *, address: Address = citation_url
) -> tuple[CitationCard, ...]:
    """Return the stored citations as cards: one a number, in order."""
    cards: dict[int, CitationCard] = {}
    for citation in citations:
        number = int(citation["number"])
        cards.setdefault(
            number,
            CitationCard(
                number=number,
                url=address(citation),
                title=citation["title"],
                authors=", ".join(citation.get("authors", ())),
                chapter=citation.get("chapter_title", ""),
                page_label=citation.get("page_label", ""),
                place=place_of(citation),
                quote=citation.get("quote", ""),
                label=citation["label"],
                label_text=LABELS.get(citation["label"], ""),
            ),
        )
    return tuple(cards[number] for number in sorted(cards))


def views_of(messages: Iterable[Message], names: Names, *, reader_id: UUID) -> list[MessageView]:
    """Return messages with the reader's own feedback, in the order given."""
    listed = list(messages)
    scores = dict(
        Feedback.objects.filter(
            message__in=[message.pk for message in listed], author_id=reader_id
        ).values_list("message_id", "score")
    )
    return [view_of(message, names, score=scores.get(message.pk, 0)) for message in listed]


def message_html(view: MessageView) -> str:
    """Render one message.

    Every turn shows a question, the place of its answer and the answer, so the template is rendered once for all
    messages that are alike, with holes for what no two have in common: a fifth of a turn (`benchmarks.chat`).
    """
    if view.help_lines:
        return render_to_string(TEMPLATE, {"message": view})
    pieces = _pieces(
        sender_type=view.sender_type,
        sender_name=view.sender_name,
        who=view.who,
        state=view.state,
        kind=view.kind,
        problem=view.problem,
        drafted_by_ai=view.drafted_by_ai,
        rateable=view.rateable,
        score=view.score,
        has_words=view.length > 0,
        cards=tuple(_likeness(card) for card in view.citations),
    )
    filling = {
        "id": str(view.id),
        "sequence": str(view.sequence),
        "length": str(view.length),
        "moment": view.moment,
        "clock": view.clock,
        "body": conditional_escape(view.body),
    }
    for number, card in enumerate(view.citations):
        for name in _OF_A_CARD:
            filling[f"{name}{number}"] = conditional_escape(getattr(card, name))
    return "".join(filling[piece] if number % 2 else piece for number, piece in enumerate(pieces))


_OF_A_CARD = ("number", "url", "title", "authors", "chapter", "place", "quote")
"""What each card has of its own; where there is none of it, the template says nothing in its place."""

_Likeness = tuple[str, str, tuple[bool, ...]]


def _likeness(card: CitationCard) -> _Likeness:
    """Return what a card has in common with others: its label, and what there is to say of it."""
    return card.label, card.label_text, tuple(bool(getattr(card, name)) for name in _OF_A_CARD)


@lru_cache(maxsize=1024)
def _pieces(*, has_words: bool, cards: tuple[_Likeness, ...], **alike: Any) -> tuple[str, ...]:
    """Return the rendered template cut at its holes: text and the name of a hole in turn."""
    holes: dict[str, Any] = {
        name: f"{_HOLE}{name}." for name in ("sequence", "length", "moment", "clock", "body")
    }
    if not has_words:
        holes["length"] = 0
    holes["id"] = _SOME_ID
    holes["citations"] = [
        {
            "label": label,
            "label_text": label_text,
            **{
                name: f"{_HOLE}{name}{number}." if there else ""
                for name, there in zip(_OF_A_CARD, has, strict=True)
            },
        }
        for number, (label, label_text, has) in enumerate(cards)
    ]
    shown = render_to_string(TEMPLATE, {"message": {**alike, **holes}})
    return tuple(re.split(rf"{_HOLE}(\w+)\.", shown.replace(_SOME_ID, f"{_HOLE}id.")))

"""One conversation as Markdown: what was said by whom, and each citation as a footnote with its quote.

Whoever opens the file may use any viewer, so what a viewer would load or run is written so that it is only
text: images, raw HTML, and footnotes that are not ours.
"""

import re
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest
from django.utils.text import slugify

from accounts import audit, quotas
from accounts.models import User
from conversations import access, announcing
from conversations.exports import Fetched
from conversations.models import Message
from conversations.presenting import LABELS, Names, sender_name
from conversations.rendering import MARKER
from knowledge.utterances import place_of

CHUNK = 200
"""Messages that are read at once."""

_IMAGE = re.compile(r"!(?=\[)")
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_FOOTNOTE = re.compile(r"\[(?=\^)")


def conversation_file(*, member: User, conversation_id: UUID, request: HttpRequest | None = None) -> Fetched:
    """Return the member's own conversation as a file, with that on record; it counts as an export.

    Raises:
        NotVisible: it is not the member's.
        UsedUp: they have begun as many exports as is possible for now.
    """
    with quotas.spent(member=member, kind=quotas.Kind.EXPORTS):
        return _conversation_file(member, conversation_id, request)


@transaction.atomic
def _conversation_file(member: User, conversation_id: UUID, request: HttpRequest | None) -> Fetched:
    title = access.own_conversation(member, conversation_id).title
    text = "".join(written(conversation_id))
    audit.record(
        actor=member,
        action="conversation.exported",
        resource=f"conversation:{conversation_id}",
        reason="markdown",
        request=request,
    )
    name = slugify(title)[:60] or "conversation"
    return Fetched(f"{name}.md", "text/markdown; charset=utf-8", BytesIO(text.encode()))


def written(conversation_id: UUID) -> Iterator[str]:
    """Yield a conversation as Markdown, piece by piece; footnotes are counted through all of it.

    The caller has passed the gate.
    """
    conversation, names = announcing.load_with_names(conversation_id)
    said = Message.objects.filter(conversation=conversation).exclude(state=Message.State.STREAMING)
    footnotes: list[str] = []
    yield f"# {_inert(conversation.title or 'Conversation')}\n\n"
    yield f"Begun on {conversation.created_at:%-d %B %Y}.\n"
    for message in said.exclude(content="").select_related("sender").order_by("sequence").iterator(CHUNK):
        yield f"\n{_heading(message, names)}\n\n{_body(message, footnotes)}\n"
    for footnote in footnotes:
        yield f"\n{footnote}\n"


def _heading(message: Message, names: Names) -> str:
    kinds = {Message.Sender.AI: " (AI)", Message.Sender.HUMAN_COACH: " (coach)"}
    kind = kinds.get(Message.Sender(message.sender_type), "")
    return f"**{_inert(sender_name(message, names))}**{kind}, {message.created_at:%Y-%m-%d %H:%M}"


def _body(message: Message, footnotes: list[str]) -> str:
    """Return what was said, the AI's markers turned into footnotes; a marker without a citation is left out."""
    text = _inert(message.content)
    if message.sender_type != Message.Sender.AI:
        return text
    waiting: dict[int, deque[Mapping[str, Any]]] = defaultdict(deque)
    for citation in message.citations:
        if citation.get("number"):
            waiting[int(citation["number"])].append(citation)

    def note(marker: re.Match[str]) -> str:
        cited = waiting.get(int(marker.group(1)))
        if text[marker.end() : marker.end() + 1] in {"(", ":"}:
            return marker.group()
        if not cited:
            return ""
        footnotes.append(_footnote(len(footnotes) + 1, cited.popleft() if len(cited) > 1 else cited[0]))
        return f"[^{len(footnotes)}]"

    return MARKER.sub(note, text)


def _footnote(number: int, citation: Mapping[str, Any]) -> str:
    """Return a footnote: where the quote is from, the quote, and how well it supports what was said."""
    place = [
        citation["title"],
        ", ".join(citation.get("authors", ())),
        str(citation.get("year") or ""),
        citation.get("chapter_title", ""),
        place_of(citation),
    ]
    quote = " ".join(str(citation.get("quote", "")).split())
    said = f"{', '.join(filter(None, place))}." + (f" “{quote}”" if quote else "")
    return f"[^{number}]: {_inert(said)} ({LABELS.get(citation['label'], '')})"


def _inert(text: str) -> str:
    """Return the text so that a viewer loads no image, runs no markup, and finds no footnote of its own in it."""
    return _FOOTNOTE.sub(r"\\[", _TAG.sub("&lt;", _IMAGE.sub(r"!\\", text)))

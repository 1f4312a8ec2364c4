"""How conversations, messages and feedback look in the API."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from typing_extensions import override

from accounts.api_paging import PageShape
from accounts.models import User
from conversations.listing import Messages, with_company
from conversations.models import Conversation, Feedback, Message
from conversations.presenting import LABELS, problem_of
from conversations.queries import PREVIEW
from conversations.rendering import citation_url

ROLES = {
    Message.Sender.CLIENT: "user",
    Message.Sender.AI: "assistant",
    Message.Sender.HUMAN_COACH: "coach",
    Message.Sender.SYSTEM: "system",
}


class ConversationShape(serializers.ModelSerializer[Conversation]):
    """A conversation by itself."""

    # Sequence numbers have no holes, so the last one counts the messages.
    message_count = serializers.IntegerField(source="last_sequence")
    updated_at = serializers.DateTimeField(
        source="last_touched_at",
        help_text="When something was last said in it or done with it; lists go by what was said.",
    )

    class Meta:
        model = Conversation
        fields: tuple[str, ...] = (
            *("id", "title", "status", "visibility", "owner_state", "message_count"),
            *("created_at", "updated_at"),
        )
        extra_kwargs = {"title": {"allow_blank": True, "allow_null": True}}

    @override
    def to_representation(self, instance: Conversation) -> dict[str, Any]:
        """Return the values; a conversation without a title has none, rather than an empty one."""
        values: dict[str, Any] = super().to_representation(instance)
        return values | {"title": values["title"] or None}


class ConversationRow(ConversationShape):
    """A conversation in a list."""

    last_message_at = serializers.DateTimeField(allow_null=True)
    preview = serializers.SerializerMethodField(help_text="How the last message begins.")

    class Meta(ConversationShape.Meta):
        fields = (*ConversationShape.Meta.fields, "last_message_at", "preview")

    def get_preview(self, row: Any) -> str:
        """Return the beginning of the last message on one line."""
        return " ".join((row.preview or "").split())[:PREVIEW]


class ConversationPage(PageShape):
    """A page of conversations."""

    conversations = ConversationRow(many=True, source="rows")


class CitationShape(serializers.Serializer[Any]):
    """Where a claim comes from, and the words that it stands on."""

    number = serializers.IntegerField(help_text="The marker in the text: [1], [2], …")
    label = serializers.ChoiceField(  # type: ignore[assignment]  # every field has a `label` of its own
        choices=list(LABELS.items()), help_text="How the claim stands on its source."
    )
    book_title = serializers.CharField()
    authors = serializers.ListField(child=serializers.CharField())
    chapter = serializers.IntegerField(allow_null=True)
    chapter_title = serializers.CharField()
    pages = serializers.ListField(child=serializers.CharField(), help_text="As printed.")
    speaker = serializers.CharField(help_text="Who says the quote, in a transcript.")
    start_seconds = serializers.FloatField(allow_null=True, help_text="When it is said, in a transcript.")
    quote = serializers.CharField(
        help_text="The source's own words; empty when they do not support the claim."
    )
    url = serializers.CharField(help_text="The page with the quote marked.")


class HelpLineShape(serializers.Serializer[Any]):
    """Whom to turn to at once."""

    name = serializers.CharField()
    contact = serializers.CharField()
    hours = serializers.CharField()


class MessageShape(serializers.ModelSerializer[Message]):
    """A message; `context` holds the `Messages` that it is part of, and the request."""

    role = serializers.SerializerMethodField()
    citations = serializers.SerializerMethodField()
    feedback_score = serializers.SerializerMethodField(help_text="Your own: 1, -1, or null.")
    help_lines = serializers.SerializerMethodField(help_text="In a crisis: whom to turn to at once.")
    problem = serializers.SerializerMethodField(help_text="Why an answer is not whole; empty when it is.")

    class Meta:
        model = Message
        fields = (
            *("id", "sequence", "role", "state", "content", "citations", "domains", "feedback_score"),
            *("help_lines", "problem", "created_at"),
        )

    @extend_schema_field(serializers.ChoiceField(choices=list(ROLES.values())))
    def get_role(self, message: Message) -> str:
        """Return who speaks."""
        return ROLES[Message.Sender(message.sender_type)]

    @extend_schema_field(CitationShape(many=True))
    def get_citations(self, message: Message) -> list[dict[str, Any]]:
        """Return the sources, in the order of their markers."""
        return citations_of(message, self._messages.chapters, self.context["request"])

    @extend_schema_field({"type": ["integer", "null"], "enum": [-1, 1, None]})
    def get_feedback_score(self, message: Message) -> int | None:
        """Return the reader's own thumb."""
        return self._messages.scores.get(message.pk)

    @extend_schema_field(HelpLineShape(many=True))
    def get_help_lines(self, message: Message) -> list[dict[str, str]]:
        """Return the help lines of a crisis."""
        lines = message.metadata.get("help_lines", ())
        return [{name: str(line.get(name, "")) for name in ("name", "contact", "hours")} for line in lines]

    def get_problem(self, message: Message) -> str:
        """Return what became of an answer."""
        return problem_of(message)

    @property
    def _messages(self) -> Messages:
        found: Messages = self.context["messages"]
        return found


def citations_of(message: Message, chapters: dict[UUID, int], request: HttpRequest) -> list[dict[str, Any]]:
    """Return the sources of a message: one for each claim."""
    return [
        {
            "number": citation["number"],
            "label": citation["label"],
            "book_title": citation["title"],
            "authors": list(citation.get("authors", ())),
            "chapter": chapters.get(UUID(citation["passage_id"])),
            "chapter_title": citation.get("chapter_title", ""),
            "pages": [citation["page_label"]] if citation.get("page_label") else [],
            "speaker": citation.get("speaker", ""),
            "start_seconds": citation.get("start_seconds"),
            "quote": citation.get("quote", ""),
            "url": request.build_absolute_uri(citation_url(citation)),
        }
        for citation in message.citations
        if citation.get("number")
    ]


def message_shapes(messages: Messages, request: HttpRequest) -> Any:
    """Return the messages as the API shows them."""
    context = {"messages": messages, "request": request}
    return MessageShape(messages.rows, many=True, context=context).data


def one_message_shape(message: Message, reader: User, request: HttpRequest) -> Any:
    """Return a message as the API shows it to somebody who may read it."""
    (shown,) = message_shapes(with_company([message], reader_id=reader.pk), request)
    return shown


class ConversationDetail(ConversationShape):
    """A conversation with its messages."""

    messages = MessageShape(many=True)

    class Meta(ConversationShape.Meta):
        fields = (*ConversationShape.Meta.fields, "messages")


class FeedbackRow(serializers.ModelSerializer[Feedback]):
    """A thumb; the comment is null where its conversation is not the reader's to see."""

    comment = serializers.SerializerMethodField()
    comment_withheld = serializers.SerializerMethodField()
    user_id = serializers.UUIDField(source="author_id")
    message_id = serializers.UUIDField()

    class Meta:
        model = Feedback
        fields = ("message_id", "score", "reasons", "comment", "comment_withheld", "user_id", "created_at")

    def get_comment(self, row: Feedback) -> str | None:
        """Return the words, where they may be read."""
        return row.comment if self._is_open(row) else None

    def get_comment_withheld(self, row: Feedback) -> bool:
        """Return whether there are words that are not shown."""
        return bool(row.comment) and not self._is_open(row)

    def _is_open(self, row: Feedback) -> bool:
        return row.pk in self.context["open"]

"""Conversations: list, begin, read, change, delete and bring back."""

from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from typing_extensions import override

from accounts.api_authentication import by_program
from accounts.api_envelope import Answer
from accounts.api_errors import conflict
from accounts.api_operations import Operation, Said
from accounts.api_paging import PageQuery, page_of, split
from accounts.api_parsing import StrictSerializer
from accounts.scopes import Scope
from conversations import absence, access, acting, announcing, listing, organizing, reading
from conversations.api.shapes import (
    ConversationDetail,
    ConversationPage,
    ConversationShape,
    message_shapes,
)
from conversations.models import Conversation

DETAIL_MESSAGES = 200
"""Messages that a conversation is shown with; `GET …/messages` has the rest."""


class ConversationsQuery(PageQuery):
    """Which conversations are wanted."""

    status = serializers.ChoiceField(choices=Conversation.Status.choices, required=False)
    search = serializers.CharField(
        max_length=200, required=False, allow_blank=True, help_text="In titles and in what was said."
    )


class NewConversation(StrictSerializer):
    """How a conversation begins."""

    title = serializers.CharField(max_length=200, required=False, allow_null=True, allow_blank=True)
    visibility = serializers.ChoiceField(
        choices=Conversation.Visibility.choices,
        required=False,
        help_text="Who may read it; private where you have no coach.",
    )


class ConversationChange(StrictSerializer):
    """What can be changed about a conversation."""

    title = serializers.CharField(max_length=200, required=False)
    status = serializers.ChoiceField(choices=Conversation.Status.choices, required=False)
    visibility = serializers.ChoiceField(choices=Conversation.Visibility.choices, required=False)


class Conversations(Operation):
    """The member's own conversations."""

    needs = {"GET": Scope.READ, "POST": Scope.WRITE}

    @extend_schema(tags=["conversations"], parameters=[ConversationsQuery], responses=ConversationPage)
    def get(self, _request: Request) -> Answer:
        """List your conversations, the latest first."""
        page, wanted = split(self.query(ConversationsQuery))
        found = listing.conversations_of(self.member, **wanted)
        listed = page_of(found, by="updated_at", **page)
        return self.answer(ConversationPage(listed), meta=listed.meta)

    @extend_schema(tags=["conversations"], request=NewConversation, responses={201: ConversationShape})
    def post(self, _request: Request) -> Answer:
        """Begin a conversation with the AI of your coach."""
        wanted: dict[str, Any] = {name: value for name, value in self.body(NewConversation).items() if value}
        conversation = organizing.begin(
            member=self.member, now=timezone.now(), channel=Conversation.Channel.API, **wanted
        )
        self.about = conversation.pk
        return self.answer(ConversationShape(conversation), status=201)


class ConversationById(Operation):
    """One conversation."""

    needs = {"GET": Scope.READ, "PATCH": Scope.WRITE, "DELETE": Scope.WRITE}

    @override
    def never_refuses(self, request: Request) -> bool:
        """Let through also what closes a conversation to others."""
        closes = request.method == "PATCH" and request.data == {"visibility": Conversation.Visibility.PRIVATE}
        return closes or super().never_refuses(request)

    @extend_schema(tags=["conversations"], responses=ConversationDetail)
    def get(self, _request: Request, conversation_id: UUID) -> Answer:
        """Show a conversation with its first messages; `meta.next_after` says where the rest begins.

        A coach may read what is shared with them, from the message on that they may see; that is on record.
        """
        standing = access.readable_conversation(self.member, conversation_id)
        rows, more = listing.messages_after(standing, after=0, limit=DETAIL_MESSAGES)
        note_reading(self, standing, any_words=bool(rows))
        shown = message_shapes(listing.with_company(rows, reader_id=self.member.pk), self.django_request)
        values: dict[str, Any] = dict(ConversationShape(standing.conversation).data)
        if standing.visible_from:
            values["title"] = None
        return Answer({**values, "messages": shown}, meta={"next_after": rows[-1].sequence if more else None})

    @extend_schema(tags=["conversations"], request=ConversationChange, responses=ConversationShape)
    def patch(self, _request: Request, conversation_id: UUID) -> Answer:
        """Rename, archive, bring back, share with your coach or keep private: all that is named, or nothing."""
        changes = self.body(ConversationChange)
        try:
            conversation = organizing.change(
                member=self.member, conversation_id=conversation_id, now=timezone.now(), **changes
            )
        except organizing.NotToBeArchived as reason:
            raise conflict("coach_asked", str(reason)) from None
        if "visibility" in changes:
            async_to_sync(announcing.show)(
                conversation_id, sequence=conversation.last_sequence + 1, with_state=True
            )
        return self.answer(ConversationShape(conversation))

    @extend_schema(tags=["conversations"], request=None, responses={200: Said})
    def delete(self, _request: Request, conversation_id: UUID) -> Answer:
        """Delete a conversation; it can be brought back as long as your organization keeps it, 30 days at most."""
        try:
            async_to_sync(acting.delete)(member=self.member, conversation_id=conversation_id)
        except organizing.StillLookedAfter:
            message = (
                "Your coach has been asked to look after you. You can delete this once they have been here."
            )
            raise conflict("still_looked_after", message) from None
        return Answer({"message": "Conversation deleted successfully"})


class ConversationRestore(Operation):
    """A deleted conversation, brought back."""

    needs = {"POST": Scope.WRITE}

    @extend_schema(tags=["conversations"], request=None, responses=ConversationShape)
    def post(self, _request: Request, conversation_id: UUID) -> Answer:
        """Bring back a conversation that you deleted, as long as your organization keeps it."""
        restored = async_to_sync(acting.restore)(member=self.member, conversation_id=conversation_id)
        return self.answer(ConversationShape(restored))


def note_reading(operation: Operation, standing: access.Standing, *, any_words: bool) -> None:
    """Put a coach who was shown words on record, as the console does.

    A browser shows that the coach is there, too. A program does not: it may look for ever where nobody sits.
    """
    if standing.is_client:
        return
    reader, conversation_id = operation.member, standing.conversation.pk
    if not by_program(operation.request):
        absence.note_act(coach=reader, conversation_id=conversation_id, now=timezone.now())
    if any_words:
        reading.note(reader=reader, conversation_id=conversation_id, request=operation.django_request)

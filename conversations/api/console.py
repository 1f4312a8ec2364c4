"""What a coach does in a conversation: take it over, speak, hand it back."""

from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from accounts.api_envelope import Answer
from accounts.api_errors import conflict
from accounts.api_operations import Operation, Said
from accounts.api_parsing import StrictSerializer
from accounts.api_replay import client_id_of
from accounts.scopes import Scope
from conversations import acting, handoff
from conversations.api.refusals import problem_of
from conversations.api.shapes import MessageShape, one_message_shape
from conversations.turns.accept import LONGEST, Refusal


class NewReply(StrictSerializer):
    """What the coach says."""

    content = serializers.CharField(max_length=LONGEST, trim_whitespace=False)
    draft = serializers.CharField(
        max_length=LONGEST,
        required=False,
        default="",
        allow_blank=True,
        trim_whitespace=False,
        help_text="The AI's proposal that this was begun from, if any; how far it was edited is kept.",
    )


class _AsCoach(Operation):
    """What is for a coach who may open the conversation; for anybody else there is none."""

    needs = {"POST": Scope.COACH}

    def done(self, verb: Any, **what: Any) -> Any:
        """Do something as the coach.

        Raises:
            NotVisible: the member may not open the conversation as a coach.
            Problem: another coach has it, or the words cannot be taken.
        """
        try:
            return async_to_sync(verb)(coach=self.member, **what)
        except handoff.AlreadyTaken as taken:
            raise conflict("already_taken", str(taken)) from None
        except handoff.NotHeld:
            message = "You do not have this conversation; nothing was changed."
            raise conflict("not_held", message) from None
        except Refusal as refusal:
            raise problem_of(refusal) from None


class ConversationTakeOver(_AsCoach):
    """A conversation in the hands of a coach."""

    @extend_schema(tags=["coaches"], request=None, responses=Said)
    def post(self, _request: Request, conversation_id: UUID) -> Answer:
        """Take a conversation over: the AI is silent until you hand back. Again, it changes nothing."""
        self.done(acting.take_over, conversation_id=conversation_id)
        return Answer({"message": "You have this conversation"})


class ConversationSpeak(_AsCoach):
    """The words of a coach."""

    @extend_schema(tags=["coaches"], request=NewReply, responses={201: MessageShape})
    def post(self, request: Request, conversation_id: UUID) -> Answer:
        """Say something to the client; that takes the conversation over where you do not have it."""
        said = self.body(NewReply)
        spoken = self.done(
            acting.speak,
            conversation_id=conversation_id,
            client_id=client_id_of(request),
            text=said["content"],
            draft=said["draft"],
        )
        shown = one_message_shape(spoken.message, self.member, self.django_request)
        return Answer(shown, status=201)


class ConversationHandBack(_AsCoach):
    """A conversation in the hands of the AI again."""

    @extend_schema(tags=["coaches"], request=None, responses=Said)
    def post(self, _request: Request, conversation_id: UUID) -> Answer:
        """Hand a conversation that you have back to the AI; that may end what you can read of it."""
        self.done(acting.hand_back, conversation_id=conversation_id)
        return Answer({"message": "The AI has this conversation again"})

"""What else an educator does in a conversation: stop an answer, ask for it again, ask for a person."""

from uuid import UUID

from asgiref.sync import async_to_sync
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from accounts.api_envelope import Answer
from accounts.api_errors import conflict
from accounts.api_operations import Operation, Said
from accounts.scopes import Scope
from conversations import access, acting


class ConversationStop(Operation):
    """The end of the answer that is being written."""

    needs = {"POST": Scope.WRITE}

    @extend_schema(tags=["conversations"], request=None, responses=Said)
    def post(self, _request: Request, conversation_id: UUID) -> Answer:
        """End the answer that is being written; what had arrived is kept."""
        access.own_conversation(self.member, conversation_id)
        async_to_sync(acting.stop)(conversation_id=conversation_id)
        return Answer({"message": "Stopped"})


class ConversationCoach(Operation):
    """The request for a person."""

    needs = {"POST": Scope.WRITE, "DELETE": Scope.WRITE}

    @extend_schema(tags=["conversations"], request=None, responses=Said)
    def post(self, _request: Request, conversation_id: UUID) -> Answer:
        """Ask for your coach; asking twice changes nothing."""
        async_to_sync(acting.ask_for_coach)(member=self.member, conversation_id=conversation_id)
        return Answer({"message": "Your coach has been asked"})

    @extend_schema(tags=["conversations"], request=None, responses={200: Said})
    def delete(self, _request: Request, conversation_id: UUID) -> Answer:
        """Take the request back, unless a coach is here already or should look in any case."""
        if not async_to_sync(acting.cancel_request)(member=self.member, conversation_id=conversation_id):
            message = "There is nothing to cancel: a coach is already here, or should look in any case."
            raise conflict("nothing_to_cancel", message)
        return Answer({"message": "The request is cancelled"})


class ConversationConsent(Operation):
    """The owner's consent that the coach of the open episode reads a private conversation."""

    needs = {"POST": Scope.WRITE}

    @extend_schema(tags=["conversations"], request=None, responses=Said)
    def post(self, _request: Request, conversation_id: UUID) -> Answer:
        """Let the coach who was asked read this private conversation."""
        async_to_sync(acting.consent)(member=self.member, conversation_id=conversation_id)
        return Answer({"message": "Your coach may read along"})

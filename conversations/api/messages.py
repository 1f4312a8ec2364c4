"""Messages: ask and wait, ask and read along, come back to an answer, read what was said, give feedback."""

from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import asdict, replace
from functools import partial
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from typing_extensions import override

from accounts.api_authentication import lasting
from accounts.api_envelope import Answer
from accounts.api_errors import Problem
from accounts.api_operations import Operation, Said
from accounts.api_parsing import StrictSerializer
from accounts.api_replay import client_id_of, free_connection
from accounts.models import User
from accounts.scopes import Scope
from conversations import access, asking, giving_feedback, listing, pseudonyms
from conversations.api.conversations import note_reading
from conversations.api.event_stream import EVENTS, MEDIA_TYPE, EventStream, mark_of
from conversations.api.refusals import problem_of
from conversations.api.shapes import MessageShape, message_shapes, one_message_shape
from conversations.asking import Asked, NotSettled, Reader
from conversations.database import in_db
from conversations.models import Feedback, Message
from conversations.turns import student_gate
from conversations.turns.accept import LONGEST, Refusal

LAST_EVENT = OpenApiParameter(
    "Last-Event-ID",
    str,
    OpenApiParameter.HEADER,
    description="The id of the last event that arrived; the stream goes on after it.",
)
EVENT = {
    "type": "object",
    "required": ["event", "data"],
    "properties": {
        "event": {"type": "string", "enum": list(EVENTS)},
        "id": {"type": "string", "description": "`sequence:offset` of what has arrived with it."},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
}
STREAM = {(200, MEDIA_TYPE): OpenApiResponse(EVENT, description="The events of the answer.")}

Ask = Callable[[], Coroutine[Any, Any, Asked]]
"""Asks the AI, and tells what will answer."""


class MessagesQuery(StrictSerializer):
    """Which messages are wanted."""

    after = serializers.IntegerField(
        min_value=0, max_value=2**31 - 1, default=0, help_text="Only messages beyond this sequence number."
    )
    limit = serializers.IntegerField(min_value=1, max_value=100, default=50)


class MessagePage(serializers.Serializer[Any]):
    """A page of messages, in order."""

    messages = MessageShape(many=True)
    limit = serializers.IntegerField()


class AnswerForm(StrictSerializer):
    """How the answer is wanted."""

    stream = serializers.BooleanField(
        default=False,
        help_text="Answer with events as the text is written; so does `Accept: text/event-stream`.",
    )


class NewMessage(AnswerForm):
    """What is asked."""

    content = serializers.CharField(max_length=LONGEST, trim_whitespace=False)
    student_data = serializers.ChoiceField(
        choices=[student_gate.SEND, student_gate.PSEUDONYMS],
        required=False,
        default="",
        help_text="What you decided after the refusal `student_data`: send the words, or you put pseudonyms in.",
    )


class NewFeedback(StrictSerializer):
    """What somebody thinks of an answer."""

    score = serializers.ChoiceField(choices=[1, -1])
    reasons = serializers.ListField(
        child=serializers.ChoiceField(choices=[*giving_feedback.PRAISE, *Feedback.Reason.values]),
        required=False,
        max_length=10,
    )
    comment = serializers.CharField(max_length=2000, required=False, allow_blank=True)


class _Answered(Operation):
    """What has an answer of the AI: waited for until it is whole, or read along as events."""

    def answered(self, request: Request, ask: Ask) -> HttpResponseBase:
        """Ask, and return the answer in the form that was asked for."""
        reader = Reader(self.member, holds=lasting(request))
        free_connection()
        if not wants_events(request):
            return self._whole(async_to_sync(_ask_and_wait)(reader, ask))
        asked = async_to_sync(ask)()
        events = EventStream(reader, request=self.django_request, question=asked.message)
        return _streamed(events.of(asked.reply or asked.notice, after=mark_of(request)))

    @override
    def saves_reply(self, request: Request) -> bool:
        """Whether the reply is not a stream, which goes on where it was left instead."""
        return not wants_events(request)

    def _whole(self, asked: Asked) -> Answer:
        """Return the answer, or what stands for it while a person is asked."""
        shown = asked.reply or asked.notice or asked.message
        whole = asked.reply is not None and asked.reply.state != Message.State.STREAMING
        self.about = shown.conversation_id
        return Answer(
            one_message_shape(shown, self.member, self.django_request),
            status=201 if whole else 202,
            meta={"in_reply_to": str(asked.message.pk)},
        )


class Messages(_Answered):
    """The messages of a conversation."""

    needs = {"GET": Scope.READ, "POST": Scope.WRITE}

    @extend_schema(tags=["messages"], parameters=[MessagesQuery], responses=MessagePage)
    def get(self, _request: Request, conversation_id: UUID) -> Answer:
        """List messages in order; `meta.next_after` says where the next page begins, null on the last."""
        wanted = self.query(MessagesQuery)
        standing = access.readable_conversation(self.member, conversation_id)
        rows, more = listing.messages_after(standing, **wanted)
        note_reading(self, standing, any_words=bool(rows))
        shown = message_shapes(listing.with_company(rows, reader_id=self.member.pk), self.django_request)
        return Answer(
            {"messages": shown, "limit": wanted["limit"]},
            meta={"next_after": rows[-1].sequence if more else None},
        )

    @extend_schema(
        tags=["messages"],
        request=NewMessage,
        parameters=[LAST_EVENT],
        responses={201: MessageShape, 202: MessageShape, **STREAM},
    )
    def post(self, request: Request, conversation_id: UUID) -> HttpResponseBase:
        """Ask, and get the answer when it is whole (201), or as events while it is written.

        202: a person will answer, and `data` is what the server says to that, or your own message. The answer belongs
        to the server: it is written to its end when you leave. The same `Idempotency-Key` again finds the same answer.
        """
        said = self.body(NewMessage)
        question: Any = {
            "member": self.member,
            "conversation_id": conversation_id,
            "client_id": client_id_of(request),
            "text": said["content"],
            "student_data": said["student_data"],
        }
        return self.answered(request, partial(_ask, question))


class MessageRetry(_Answered):
    """Another answer to the question behind one that was stopped or failed."""

    needs = {"POST": Scope.WRITE}

    @extend_schema(
        tags=["messages"],
        request=AnswerForm,
        parameters=[LAST_EVENT],
        responses={201: MessageShape, 202: MessageShape, **STREAM},
    )
    def post(self, request: Request, message_id: UUID) -> HttpResponseBase:
        """Ask again where your answer was stopped or failed and the conversation has not gone on.

        It is answered, and spends, as a new question does; the old answer stays. The same `Idempotency-Key` again finds
        the same new answer; so does `GET /api/v1/messages/{message_id}/events` of that.
        """
        self.body(AnswerForm)
        return self.answered(request, partial(_ask_again, self.member, message_id, client_id_of(request)))


class MessageEvents(Operation):
    """The events of an answer, for whoever comes back to it."""

    needs = {"GET": Scope.READ}

    @extend_schema(tags=["messages"], parameters=[LAST_EVENT], responses=STREAM)
    def get(self, request: Request, message_id: UUID) -> HttpResponseBase:
        """Follow an answer from `Last-Event-ID` on, or from its beginning, until it is whole."""
        standing, message = access.readable_message(self.member, message_id)
        note_reading(self, standing, any_words=True)
        events = EventStream(Reader(self.member, holds=lasting(request)), request=self.django_request)
        free_connection()
        return _streamed(events.of(message, after=mark_of(request)))


class MessageFeedback(Operation):
    """What the owner of a conversation thinks of an answer."""

    needs = {"POST": Scope.WRITE, "DELETE": Scope.WRITE}

    @extend_schema(tags=["messages"], request=NewFeedback, responses=Said)
    def post(self, _request: Request, message_id: UUID) -> Answer:
        """Give a thumb up or down, with reasons and a comment; a second one replaces the first."""
        giving_feedback.give(member=self.member, message_id=message_id, **self.body(NewFeedback))
        return Answer({"message": "Feedback submitted successfully"})

    @extend_schema(tags=["messages"], request=None, responses={200: Said})
    def delete(self, _request: Request, message_id: UUID) -> Answer:
        """Take your thumb back."""
        giving_feedback.take_back(member=self.member, message_id=message_id)
        return Answer({"message": "Feedback taken back"})


def wants_events(request: Request) -> bool:
    """Whether the answer is to come as events."""
    asked_in_body = isinstance(request.data, dict) and request.data.get("stream") is True
    return asked_in_body or MEDIA_TYPE in request.headers.get("Accept", "")


async def _ask(question: dict[str, Any]) -> Asked:
    try:
        return await asking.ask(**question)
    except student_gate.StudentDataFound as found:
        raise await in_db(_questioned)(question, found) from None
    except Refusal as refusal:
        raise problem_of(refusal) from None


def _questioned(question: dict[str, Any], found: student_gate.StudentDataFound) -> Problem:
    """Return what seems to name a student, where, and the words with pseudonyms, for the sender to decide."""
    proposal = pseudonyms.propose(
        member=question["member"], conversation_id=question["conversation_id"], text=question["text"]
    )
    details = {
        "reason": found.code,
        "findings": [asdict(finding) for finding in proposal.findings],
        "suggestion": proposal.suggestion,
    }
    return Problem(409, found.text, details=details)


async def _ask_again(member: User, reply_id: UUID, client_id: UUID) -> Asked:
    try:
        return await asking.ask_again(member=member, reply_id=reply_id, client_id=client_id)
    except Refusal as refusal:
        raise problem_of(refusal) from None


async def _ask_and_wait(reader: Reader, ask: Ask) -> Asked:
    asked = await ask()
    if asked.reply is None:
        return asked
    try:
        return replace(asked, reply=await asking.settled(reader, reply=asked.reply))
    except NotSettled:
        return asked


def _streamed(events: AsyncIterator[bytes]) -> StreamingHttpResponse:
    response = StreamingHttpResponse(events, content_type=f"{MEDIA_TYPE}; charset=utf-8")
    response["X-Accel-Buffering"] = "no"
    return response

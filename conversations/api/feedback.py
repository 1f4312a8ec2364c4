"""Feedback: the thumbs of an organization for its administrators, and the queue of whoever looks after them."""

from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from typing_extensions import override

from accounts.api_authentication import refuse_about_others
from accounts.api_envelope import Answer
from accounts.api_operations import Operation
from accounts.api_paging import PageQuery, PageShape, page_of, split
from accounts.api_parsing import StrictSerializer
from accounts.roles import Role
from accounts.scopes import Scope
from conversations import access, minding_feedback
from conversations.api.shapes import FeedbackRow
from conversations.models import Feedback


class FeedbackQuery(PageQuery):
    """Which feedback is wanted."""

    score = serializers.ChoiceField(choices=[1, -1], required=False)


class FeedbackPage(PageShape):
    """A page of feedback."""

    feedback = FeedbackRow(many=True, source="rows")


class AllFeedback(Operation):
    """The feedback of the organization."""

    needs = {"GET": Scope.ADMIN}

    @extend_schema(tags=["admin"], parameters=[FeedbackQuery], responses=FeedbackPage)
    def get(self, _request: Request) -> Answer:
        """List the organization's feedback, the newest first; comments on private conversations are withheld, and those shown are on record."""
        page, wanted = split(self.query(FeedbackQuery))
        found = access.feedback_for(self.member).filter(**wanted).select_related("message")
        listed = page_of(found, by="created_at", **page)
        words = minding_feedback.with_open_words(self.member, listed.rows, request=self.django_request)
        return self.answer(FeedbackPage(listed, context={"open": words}), meta=listed.meta)


class MindingQuery(StrictSerializer):
    """Which feedback of the queue is wanted."""

    state = serializers.ChoiceField(
        choices=[*Feedback.State.values, minding_feedback.EVERYTHING],
        required=False,
        help_text="What is not resolved unless given.",
    )
    score = serializers.ChoiceField(choices=["1", "-1"], required=False)
    reason = serializers.ChoiceField(choices=Feedback.Reason.choices, required=False)
    before = serializers.UUIDField(
        required=False, help_text="Go on from here: `meta.next_before` of the page before."
    )


class MindedShape(serializers.Serializer[Any]):
    """Feedback in the queue; nothing of it is words of the conversation."""

    id = serializers.UUIDField()
    client = serializers.CharField()
    score = serializers.SerializerMethodField()
    reasons = serializers.ListField(child=serializers.CharField(), help_text="In words.")
    has_comment = serializers.BooleanField()
    state = serializers.ChoiceField(choices=Feedback.State.choices)
    may_read = serializers.BooleanField(source="reads", help_text="Whether the words are open to you.")
    is_private = serializers.BooleanField(help_text="Whether its conversation is private.")
    at = serializers.DateTimeField()

    @extend_schema_field(serializers.ChoiceField(choices=[1, -1]))
    def get_score(self, row: minding_feedback.Row) -> int:
        """Return the thumb."""
        return 1 if row.is_up else -1


class MindedPage(serializers.Serializer[Any]):
    """A page of the queue, the newest first."""

    feedback = MindedShape(many=True, source="rows")


class WordsShape(serializers.Serializer[Any]):
    """The words of one piece of feedback."""

    question = serializers.CharField(help_text="What was asked; empty where you may not read it.")
    answer = serializers.CharField(help_text="What was rated.")
    comment = serializers.CharField()


class HandledShape(serializers.ModelSerializer[Feedback]):
    """What became of feedback, and who says so."""

    handled_by = serializers.CharField(source="handled_by.name", default=None, allow_null=True)

    class Meta:
        model = Feedback
        fields = ("id", "state", "note", "handled_by", "handled_at")


class MindedDetail(MindedShape):
    """One piece of feedback with what became of it."""

    note = serializers.CharField()
    handled_by = serializers.CharField(allow_null=True)
    handled_at = serializers.DateTimeField(allow_null=True)
    words = WordsShape(allow_null=True, help_text="Null where they are not yours to read.")


class FeedbackChange(StrictSerializer):
    """What became of feedback."""

    state = serializers.ChoiceField(choices=Feedback.State.choices)
    note = serializers.CharField(
        max_length=2000,
        required=False,
        allow_blank=True,
        help_text="For whoever looks after feedback; the educator does not see it. It stays unless given.",
    )


class FeedbackQueue(Operation):
    """The feedback that the member looks after."""

    only_for = Role.COACH
    needs = {"GET": Scope.READ}

    @extend_schema(tags=["coaches"], parameters=[MindingQuery], responses=MindedPage)
    def get(self, request: Request) -> Answer:
        """List the feedback that you look after, the newest first, without words."""
        refuse_about_others(request)
        page = minding_feedback.page(self.member, **self.query(MindingQuery))
        return self.answer(MindedPage(page), meta={"next_before": page.next_before})


class FeedbackById(Operation):
    """One piece of feedback."""

    only_for = Role.COACH
    needs = {"GET": Scope.READ, "PATCH": Scope.WRITE}
    tells_of_others = True

    @extend_schema(tags=["coaches"], responses=MindedDetail)
    def get(self, request: Request, feedback_id: UUID) -> Answer:
        """Show feedback with its words where you may read them; that they were shown is on record."""
        refuse_about_others(request)
        row, found, words = minding_feedback.look_at(
            member=self.member, feedback_id=feedback_id, request=self.django_request
        )
        shown = words and {
            "question": words.question,
            "answer": found.message.content,
            "comment": words.comment,
        }
        return Answer({**MindedShape(row).data, **HandledShape(found).data, "words": shown})

    @extend_schema(tags=["coaches"], request=FeedbackChange, responses=HandledShape)
    def patch(self, request: Request, feedback_id: UUID) -> Answer:
        """Say what became of feedback."""
        refuse_about_others(request)
        handled = minding_feedback.handle(
            member=self.member, feedback_id=feedback_id, now=timezone.now(), **self.body(FeedbackChange)
        )
        self.about = feedback_id
        return self.answer(HandledShape(handled))

    @override
    def tell_again(self, about: UUID) -> Answer:
        """Show what became of the feedback until now; a key must open it, as before."""
        refuse_about_others(self.request)
        return self.answer(HandledShape(access.visible_feedback(self.member, about)))

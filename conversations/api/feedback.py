"""Feedback as administrators see it: the thumbs of the organization, without words that are not theirs to read."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from accounts.api_envelope import Answer
from accounts.api_operations import Operation
from accounts.api_paging import PageQuery, PageShape, page_of, split
from accounts.scopes import Scope
from conversations import access, minding_feedback
from conversations.api.shapes import FeedbackRow


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

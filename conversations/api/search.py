"""Looking something up in the library over the API, without a conversation."""

from typing import Any

from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from accounts.api_envelope import Answer
from accounts.api_operations import Operation
from accounts.api_parsing import StrictSerializer
from accounts.quotas import duration
from accounts.scopes import Scope
from conversations import looking_up
from conversations.api.refusals import problem_of
from conversations.turns.refusal import Refusal
from knowledge.retrieved import RetrievedPassage


class SearchQuery(StrictSerializer):
    """What is looked up."""

    q = serializers.CharField(max_length=1000)
    limit = serializers.IntegerField(min_value=1, max_value=20, default=6)


class PassageShape(serializers.Serializer[Any]):
    """A passage that was found."""

    document_id = serializers.UUIDField()
    title = serializers.CharField()
    authors = serializers.ListField(child=serializers.CharField())
    year = serializers.IntegerField(allow_null=True)
    chapter_title = serializers.CharField()
    page = serializers.CharField(source="page_label", help_text="As printed; empty where there are no pages.")
    text = serializers.CharField()
    domains = serializers.ListField(child=serializers.CharField())
    score = serializers.FloatField(help_text="How probably it answers the question, 0 to 1.")
    url = serializers.SerializerMethodField(help_text="The page that it stands on.")

    def get_url(self, passage: RetrievedPassage) -> str:
        """Return the address of the page."""
        address = reverse(
            "knowledge:page", args=[passage.document_id, passage.version_id, passage.page_index or 0]
        )
        url: str = self.context["request"].build_absolute_uri(f"{address}?passage={passage.passage_id}")
        return url


class FoundShape(serializers.Serializer[Any]):
    """What was found, the best first."""

    passages = PassageShape(many=True)
    confidence = serializers.FloatField(help_text="The score of the best passage; 0 when nothing was found.")


class Search(Operation):
    """The library, asked without a conversation."""

    needs = {"GET": Scope.READ}

    @extend_schema(tags=["library"], parameters=[SearchQuery], responses=FoundShape)
    def get(self, _request: Request) -> Answer:
        """Look something up in what your organization shares and your coach keeps.

        Where the provider of the embedding costs money, it is spent from your daily budget.
        """
        wanted = self.query(SearchQuery)
        try:
            found = looking_up.look_up(
                member=self.member, question=wanted["q"], limit=wanted["limit"], now=timezone.now()
            )
        except Refusal as refusal:
            again = duration(refusal.seconds or 0)
            message = f"What the AI may cost you is used up for now. Look it up again in {again}."
            raise problem_of(refusal, message) from None
        return self.answer(FoundShape(found, context={"request": self.django_request}))

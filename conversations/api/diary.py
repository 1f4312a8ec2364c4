"""The owner's access diary: who looked at which of their conversations, when and why."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from accounts.api_envelope import Answer
from accounts.api_operations import Operation
from accounts.api_parsing import StrictSerializer
from accounts.scopes import Scope
from conversations import access, diary


class DiaryQuery(StrictSerializer):
    """Which part of the diary is wanted."""

    conversation_id = serializers.UUIDField(required=False, help_text="Of this conversation of yours alone.")
    before = serializers.IntegerField(
        min_value=1,
        max_value=2**63 - 1,
        required=False,
        help_text="Go on from here: `meta.next_before` of the page before.",
    )


class DiaryEntryShape(serializers.Serializer[Any]):
    """Something that somebody did with a conversation, perhaps several times in a row."""

    at = serializers.DateTimeField(help_text="The last time.")
    since = serializers.DateTimeField(help_text="The first time.")
    times = serializers.IntegerField()
    who = serializers.CharField()
    what = serializers.CharField()
    why = serializers.CharField(help_text="Why it could be done; empty where that says itself.")
    title = serializers.CharField()
    conversation_id = serializers.UUIDField(
        allow_null=True, help_text="Null: it is deleted, or it was about all of them."
    )


class DiaryShape(serializers.Serializer[Any]):
    """A page of the diary, the newest first."""

    entries = DiaryEntryShape(many=True)


class Diary(Operation):
    """Who has looked."""

    needs = {"GET": Scope.READ}

    @extend_schema(tags=["sharing"], parameters=[DiaryQuery], responses=DiaryShape)
    def get(self, _request: Request) -> Answer:
        """List who looked at your conversations, when and why, and how their words left Sideline."""
        wanted = self.query(DiaryQuery)
        asked = wanted.get("conversation_id")
        chosen = access.own_conversation(self.member, asked) if asked else None
        page = diary.page(self.member, conversation=chosen, before=wanted.get("before"))
        return self.answer(DiaryShape(page), meta={"next_before": page.next_before})

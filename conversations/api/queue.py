"""What a coach looks at before doing anything: the queue, the brief of a conversation, the AI's draft of a reply."""

from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from typing_extensions import override

from accounts.access import NotVisible
from accounts.api_authentication import refuse_about_others
from accounts.api_envelope import Answer
from accounts.api_errors import conflict
from accounts.api_operations import Operation
from accounts.api_paging import PartQuery, meta_of_part
from accounts.api_replay import free_connection
from accounts.roles import Role
from accounts.scopes import Scope
from conversations import absence, access, announcing, briefing, drafting, waiting
from conversations.api.conversations import note_reading
from conversations.episodes import open_episode
from conversations.models import Conversation, Handoff

URGENCIES = [(name, words) for _, name, words in waiting.URGENCIES] + [("later", "When you can")]


class WaitingShape(serializers.Serializer[Any]):
    """An open episode; made from a `Row` of the queue."""

    conversation_id = serializers.UUIDField(source="conversation.pk")
    client = serializers.CharField()
    title = serializers.SerializerMethodField(help_text="Null where you may not read the words.")
    may_read = serializers.BooleanField(source="reads", help_text="Whether all of it is open to you.")
    visibility = serializers.ChoiceField(
        choices=Conversation.Visibility.choices, source="conversation.visibility"
    )
    reason = serializers.ChoiceField(choices=Handoff.Reason.choices, source="episode.reason")
    urgency = serializers.SerializerMethodField(help_text="How soon a person should look.")
    since = serializers.DateTimeField(help_text="Since when the client waits; or has a coach.")
    promised_minutes = serializers.IntegerField(source="promised")
    is_overdue = serializers.BooleanField(help_text="Whether nobody came within the promised minutes.")
    is_offered_to_all = serializers.SerializerMethodField(help_text="Whether any coach may take it over.")
    coach = serializers.SerializerMethodField(help_text="Who has it; null while it waits.")
    is_mine = serializers.BooleanField()

    @extend_schema_field({"type": ["string", "null"]})
    def get_title(self, row: waiting.Row) -> str | None:
        """Return what it is about."""
        return row.title or None

    @extend_schema_field(serializers.ChoiceField(choices=URGENCIES))
    def get_urgency(self, row: waiting.Row) -> str:
        """Return how soon a person should look."""
        return row.urgency[0]

    def get_is_offered_to_all(self, row: waiting.Row) -> bool:
        """Return whether the promised time has passed without anybody."""
        return row.episode.escalated_at is not None

    @extend_schema_field({"type": ["string", "null"]})
    def get_coach(self, row: waiting.Row) -> str | None:
        """Return who has it."""
        return row.holder or None


class WentBackShape(serializers.Serializer[Any]):
    """A conversation that the AI has again because its coach could not be reached."""

    conversation_id = serializers.UUIDField()
    client = serializers.CharField(source="conversation.owner.name")
    at = serializers.DateTimeField(source="absent_at")
    may_read = serializers.BooleanField(source="is_open_to_me", help_text="Whether you may open it now.")


class SharedShape(serializers.Serializer[Any]):
    """A conversation that a client shares with the coach, without its words: reading those is on record."""

    conversation_id = serializers.UUIDField(source="pk")
    client = serializers.CharField(source="owner.name")
    updated_at = serializers.DateTimeField()


class QueueShape(serializers.Serializer[Any]):
    """What a coach should look at."""

    waiting = WaitingShape(many=True, help_text="The most urgent first, then those that wait longest.")
    taken = WaitingShape(many=True, help_text="Those that have a coach.")
    went_back = WentBackShape(many=True, help_text="What went back to the AI within a day.")
    shared = SharedShape(many=True, source="recent", help_text="What your clients share, the latest first.")


class Queue(Operation):
    """The conversations that need a person, and those that are shared."""

    only_for = Role.COACH
    needs = {"GET": Scope.READ}

    @extend_schema(tags=["coaches"], parameters=[PartQuery], responses=QueueShape)
    def get(self, request: Request) -> Answer:
        """List who waits for a person, who has a coach, what went back to the AI, and what clients share with you.

        `limit` and `offset` go through those who wait, and after them those who have a coach.
        """
        refuse_about_others(request)
        part = self.query(PartQuery)
        among = slice(part["offset"], part["offset"] + part["limit"])
        found = waiting.queue(self.member, now=timezone.now(), among=among)
        return self.answer(
            QueueShape(found), meta=meta_of_part(total=waiting.count_open(self.member), **part)
        )


class QuoteShape(serializers.Serializer[Any]):
    """The beginning of a message."""

    message_id = serializers.UUIDField()
    text = serializers.CharField()


class BriefShape(serializers.Serializer[Any]):
    """Why a person is needed, what the client said, and where the AI stands."""

    reason = serializers.CharField(help_text="In words.")
    why = serializers.ListField(
        child=serializers.CharField(), help_text="The rules that applied; empty where the words are hidden."
    )
    confidence = serializers.IntegerField(allow_null=True, help_text="The AI's before that, in per cent.")
    client = QuoteShape(allow_null=True)
    ai = QuoteShape(allow_null=True)
    ai_stands = serializers.CharField(help_text="How the AI's last answer ended; empty without one.")
    episode = WaitingShape(allow_null=True, help_text="Null where nobody has asked for a person.")
    left_at = serializers.DateTimeField(
        allow_null=True, help_text="When it went back to the AI because you could not be reached."
    )


class ConversationBrief(Operation):
    """What a coach needs who steps in."""

    needs = {"GET": Scope.READ}

    @extend_schema(tags=["coaches"], responses=BriefShape)
    def get(self, request: Request, conversation_id: UUID) -> Answer:
        """Say why a person is needed, what the client said and where the AI stands; that you read it is on record."""
        refuse_about_others(request)
        standing = access.readable_conversation(self.member, conversation_id)
        if standing.is_client:
            raise NotVisible
        conversation, _ = announcing.load_with_names(conversation_id)
        listed = list(access.readable_messages(standing))
        note_reading(self, standing, any_words=bool(listed))
        episode = open_episode(conversation)
        brief = briefing.brief(conversation, episode, listed, words_hidden=standing.visible_from > 0)
        values = {
            **{name: getattr(brief, name) for name in ("reason", "why", "confidence", "client", "ai")},
            "ai_stands": brief.ai_stands,
            "episode": waiting.row(self.member, episode, now=timezone.now()) if episode else None,
            "left_at": absence.left_by(self.member, conversation_id),
        }
        return self.answer(BriefShape(values))


class DraftSourceShape(serializers.Serializer[Any]):
    """A passage that a draft stands on."""

    title = serializers.CharField()
    page = serializers.CharField(source="page_label")
    url = serializers.SerializerMethodField(help_text="The page that it stands on.")

    def get_url(self, source: Any) -> str:
        """Return the address of the page."""
        url: str = self.context["request"].build_absolute_uri(source.url)
        return url


class DraftShape(serializers.Serializer[Any]):
    """What a coach could answer, to be edited."""

    text = serializers.CharField()
    sources = DraftSourceShape(many=True)


class ConversationDraft(Operation):
    """The AI's draft of what a coach could answer."""

    needs = {"POST": Scope.COACH}

    @override
    def saves_reply(self, _request: Request) -> bool:
        """Never: a kept draft would tell of the conversation when its coach may read it no longer."""
        return False

    @extend_schema(tags=["coaches"], request=None, responses=DraftShape)
    def post(self, _request: Request, conversation_id: UUID) -> Answer:
        """Have the AI draft a reply from what you may read; nothing is said. It spends as a question does, each time.

        409 `no_draft` says in words why there is none. What you say in its place takes it as `draft`.
        """
        free_connection()
        try:
            draft = async_to_sync(drafting.draft)(coach=self.member, conversation_id=conversation_id)
        except drafting.NoDraft as none:
            raise conflict("no_draft", str(none)) from None
        return self.answer(DraftShape(draft, context={"request": self.django_request}))

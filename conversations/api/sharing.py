"""Share links: made, and told this once; listed without what opens them; revoked."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from typing_extensions import override

from accounts.api_envelope import Answer
from accounts.api_errors import Problem, conflict
from accounts.api_operations import Operation, Said
from accounts.api_paging import PageQuery, page_of
from accounts.api_parsing import StrictSerializer
from accounts.api_replay import client_id_of
from accounts.models import User
from accounts.scopes import Scope
from conversations import access, sharing
from conversations.api.shapes import ROLES
from conversations.models import Message
from conversations.outward import LONGEST_LINK, ShareLink


class NewLink(StrictSerializer):
    """What is shared, and how long the link lives."""

    expires_in_days = serializers.IntegerField(min_value=1, max_value=LONGEST_LINK.days, default=sharing.DAYS)
    first_sequence = serializers.IntegerField(
        min_value=0, max_value=2**31 - 1, required=False, help_text="The beginning unless given."
    )
    last_sequence = serializers.IntegerField(
        min_value=0,
        max_value=2**31 - 1,
        required=False,
        help_text="What was said last unless given; what is said later is never added.",
    )
    with_names = serializers.BooleanField(default=False, help_text="Whether the people are named.")

    @override
    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Return the values.

        Raises:
            ValidationError: the last message comes before the first.
        """
        first, last = attrs.get("first_sequence"), attrs.get("last_sequence")
        if first is not None and last is not None and last < first:
            raise serializers.ValidationError({"last_sequence": ["It comes before first_sequence."]})
        return attrs


def part_of(member: User, conversation_id: UUID, wanted: Mapping[str, Any]) -> sharing.Part | None:
    """Return the part that was chosen; none where nothing was.

    Raises:
        NotVisible: it is not the member's conversation.
        NothingToShare: there is no message in it.
    """
    if not {"first_sequence", "last_sequence"} & set(wanted) and not wanted["with_names"]:
        return None
    return sharing.chosen(
        member=member,
        conversation_id=conversation_id,
        first=wanted.get("first_sequence"),
        last=wanted.get("last_sequence"),
        with_names=wanted["with_names"],
    )


class LinkShape(serializers.Serializer[Any]):
    """A link that opens what was chosen."""

    share_url = serializers.CharField(help_text="Nobody can ask for it again.")
    expires_at = serializers.DateTimeField()


class LinkRow(serializers.ModelSerializer[ShareLink]):
    """A link that works, without what opens it."""

    conversation_id = serializers.UUIDField()

    class Meta:
        model = ShareLink
        fields = (
            *("id", "conversation_id", "first_sequence", "last_sequence", "with_names"),
            *("created_at", "expires_at", "views", "last_viewed_at"),
        )


class LinkList(serializers.Serializer[Any]):
    """Links that work, the newest first."""

    links = LinkRow(many=True)


class Links(Operation):
    """All links of the member that work."""

    needs = {"GET": Scope.READ}

    @extend_schema(tags=["sharing"], parameters=[PageQuery], responses=LinkList)
    def get(self, _request: Request) -> Answer:
        """List every link of yours that works."""
        listed = page_of(
            sharing.links(self.member, now=timezone.now()), by="created_at", **self.query(PageQuery)
        )
        return self.answer(LinkList({"links": listed.rows}), meta=listed.meta)


class ConversationShare(Operation):
    """The links under which others read a conversation."""

    needs = {"GET": Scope.READ, "POST": Scope.WRITE}

    @override
    def saves_reply(self, _request: Request) -> bool:
        """Never: a kept reply would be the link itself, of which only the hash is stored; its key finds it anew."""
        return False

    @extend_schema(tags=["sharing"], parameters=[PageQuery], responses=LinkList)
    def get(self, _request: Request, conversation_id: UUID) -> Answer:
        """List the links to your conversation that work."""
        access.own_conversation(self.member, conversation_id)
        found = sharing.links(self.member, now=timezone.now(), conversation_id=conversation_id)
        listed = page_of(found, by="created_at", **self.query(PageQuery))
        return self.answer(LinkList({"links": listed.rows}), meta=listed.meta)

    @extend_schema(tags=["sharing"], request=NewLink, responses={201: LinkShape})
    def post(self, request: Request, conversation_id: UUID) -> Answer:
        """Make a link to all that was said up to now; the same `Idempotency-Key` again gets the same link."""
        days = self.body(NewLink)["expires_in_days"]
        try:
            made = sharing.make(
                member=self.member,
                part=part_of(self.member, conversation_id, self.body(NewLink)),
                wish=dict(self.body(NewLink)),
                conversation_id=conversation_id,
                days=days,
                key=client_id_of(request),
                now=timezone.now(),
                request=self.django_request,
            )
        except sharing.LinksForbidden:
            message = "Your organization allows no share links."
            raise Problem(403, message, details={"reason": "links_forbidden"}) from None
        except sharing.NothingToShare:
            raise conflict("nothing_to_share", "There is nothing to share yet.") from None
        address = reverse("conversations:shared", args=[made.token])
        link = {
            "share_url": self.django_request.build_absolute_uri(address),
            "expires_at": made.link.expires_at,
        }
        return self.answer(LinkShape(link), status=201)


class SharedCitationShape(serializers.Serializer[Any]):
    """A source under a shared message."""

    number = serializers.IntegerField()
    label = serializers.CharField(source="label_text")  # type: ignore[assignment]  # every field has a `label` of its own
    title = serializers.CharField()
    authors = serializers.CharField()
    chapter = serializers.CharField()
    page = serializers.CharField(source="page_label")
    place = serializers.CharField(help_text="The page in words, or who says it when.")
    quote = serializers.CharField()


class SharedMessageShape(serializers.Serializer[Any]):
    """A message as holders see it."""

    place = serializers.IntegerField()
    role = serializers.SerializerMethodField()
    sender = serializers.CharField(source="view.sender_name")
    html = serializers.CharField(source="view.body", help_text="The words as the holder's page has them.")
    citations = SharedCitationShape(many=True, source="view.citations")
    problem = serializers.CharField(source="view.problem")
    created_at = serializers.DateTimeField(source="view.at")

    @extend_schema_field(serializers.ChoiceField(choices=list(ROLES.values())))
    def get_role(self, message: sharing.SharedMessage) -> str:
        """Return who speaks."""
        return ROLES[Message.Sender(message.view.sender_type)]


class SharePreviewShape(serializers.Serializer[Any]):
    """All that a holder would see."""

    first_sequence = serializers.IntegerField()
    last_sequence = serializers.IntegerField()
    with_names = serializers.BooleanField()
    expires_at = serializers.DateTimeField()
    messages = SharedMessageShape(many=True)


class SharePreview(Operation):
    """What a holder of a link would see."""

    needs = {"GET": Scope.READ}

    @extend_schema(tags=["sharing"], parameters=[NewLink], responses=SharePreviewShape)
    def get(self, _request: Request, conversation_id: UUID) -> Answer:
        """Show what the holder of a link to this part of your conversation would see; none is made."""
        wanted = self.query(NewLink)
        access.own_conversation(self.member, conversation_id)
        until = sharing.expiry(wanted["expires_in_days"], now=timezone.now())
        try:
            part = part_of(self.member, conversation_id, wanted) or sharing.everything(conversation_id)
            shown = sharing.shown(conversation_id, part, until=until)
        except sharing.NothingToShare:
            raise conflict("nothing_to_share", "There is nothing to share yet.") from None
        values = {**asdict(part), "expires_at": shown.until, "messages": shown.messages}
        return self.answer(SharePreviewShape(values))


class ConversationLink(Operation):
    """One link to a conversation."""

    needs = {"DELETE": Scope.WRITE}

    @extend_schema(tags=["sharing"], request=None, responses={200: Said})
    def delete(self, _request: Request, conversation_id: UUID, link_id: UUID) -> Answer:
        """Let a link of yours open nothing from now on."""
        sharing.revoke(
            member=self.member,
            conversation_id=conversation_id,
            link_id=link_id,
            now=timezone.now(),
            request=self.django_request,
        )
        return Answer({"message": "Link revoked successfully"})

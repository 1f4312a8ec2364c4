"""Share links: made, and told this once; listed without what opens them; revoked."""

from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from typing_extensions import override

from accounts.api_envelope import Answer
from accounts.api_errors import conflict
from accounts.api_operations import Operation, Said
from accounts.api_parsing import StrictSerializer
from accounts.api_replay import client_id_of
from accounts.scopes import Scope
from conversations import access, sharing
from conversations.outward import LONGEST_LINK, ShareLink


class NewLink(StrictSerializer):
    """How long the link lives."""

    expires_in_days = serializers.IntegerField(min_value=1, max_value=LONGEST_LINK.days, default=sharing.DAYS)


class LinkShape(serializers.Serializer[Any]):
    """A link that opens what was said up to now, without names."""

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

    @extend_schema(tags=["sharing"], responses=LinkList)
    def get(self, _request: Request) -> Answer:
        """List every link of yours that works."""
        return self.answer(LinkList({"links": sharing.links(self.member, now=timezone.now())}))


class ConversationShare(Operation):
    """The links under which others read a conversation."""

    needs = {"GET": Scope.READ, "POST": Scope.WRITE}

    @override
    def saves_reply(self, _request: Request) -> bool:
        """Never: a kept reply would be the link itself, of which only the hash is stored; its key finds it anew."""
        return False

    @extend_schema(tags=["sharing"], responses=LinkList)
    def get(self, _request: Request, conversation_id: UUID) -> Answer:
        """List the links to your conversation that work."""
        access.own_conversation(self.member, conversation_id)
        found = sharing.links(self.member, now=timezone.now(), conversation_id=conversation_id)
        return self.answer(LinkList({"links": found}))

    @extend_schema(tags=["sharing"], request=NewLink, responses={201: LinkShape})
    def post(self, request: Request, conversation_id: UUID) -> Answer:
        """Make a link to all that was said up to now; the same `Idempotency-Key` again gets the same link."""
        days = self.body(NewLink)["expires_in_days"]
        try:
            made = sharing.make(
                member=self.member,
                conversation_id=conversation_id,
                days=days,
                key=client_id_of(request),
                now=timezone.now(),
                request=self.django_request,
            )
        except sharing.NothingToShare:
            raise conflict("nothing_to_share", "There is nothing to share yet.") from None
        address = reverse("conversations:shared", args=[made.token])
        link = {
            "share_url": self.django_request.build_absolute_uri(address),
            "expires_at": made.link.expires_at,
        }
        return self.answer(LinkShape(link), status=201)


class ConversationLink(Operation):
    """One link to a conversation."""

    never_refused = True
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

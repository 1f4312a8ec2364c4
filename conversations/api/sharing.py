"""Share links: one made over the API, told this once."""

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
from accounts.api_operations import Operation
from accounts.api_parsing import StrictSerializer
from accounts.scopes import Scope
from conversations import sharing
from conversations.outward import LONGEST_LINK


class NewLink(StrictSerializer):
    """How long the link lives."""

    expires_in_days = serializers.IntegerField(min_value=1, max_value=LONGEST_LINK.days, default=sharing.DAYS)


class LinkShape(serializers.Serializer[Any]):
    """A link that opens what was said up to now, without names."""

    share_url = serializers.CharField(help_text="Nobody can ask for it again.")
    expires_at = serializers.DateTimeField()


class ConversationShare(Operation):
    """A link under which others read."""

    needs = {"POST": Scope.WRITE}

    @override
    def saves_reply(self, _request: Request) -> bool:
        """Never: a kept reply would be the link itself, of which only the hash is stored."""
        return False

    @extend_schema(tags=["conversations"], request=NewLink, responses={201: LinkShape})
    def post(self, _request: Request, conversation_id: UUID) -> Answer:
        """Make a link to all that was said up to now; your settings list it and revoke it."""
        days = self.body(NewLink)["expires_in_days"]
        try:
            made = sharing.make(
                member=self.member,
                conversation_id=conversation_id,
                days=days,
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

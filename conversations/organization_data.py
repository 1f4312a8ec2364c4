"""What is said in an organization, and the numbers that are counted from it."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from uuid import UUID

from asgiref.sync import async_to_sync
from django.db import transaction

from accounts.models import User
from accounts.organization_erasure import Gone
from conversations import analytics_views, exports_work, presence
from conversations.account_data import OPEN_CRISIS, delete_locked
from conversations.models import Conversation, Handoff, Message
from conversations.outward import Export, ShareLink


class OrganizationConversations:
    """Conversations with all that belongs to them, and exports with their files."""

    def waits_for(self, organization_id: UUID) -> str:
        """Return that somebody was called to one of them in a crisis."""
        crisis = Handoff.objects.filter(
            organization=organization_id,
            reason=Handoff.Reason.CRISIS,
            state__in=[Handoff.State.QUEUED, Handoff.State.TAKEN],
        )
        return OPEN_CRISIS if crisis.exists() else ""

    def count(self, organization_id: UUID) -> Mapping[str, int]:
        """Return how much there is."""
        conversations = Conversation.objects.filter(organization=organization_id)
        return {
            "conversations": conversations.count(),
            "messages": Message.objects.filter(conversation__in=conversations).count(),
            "share links": ShareLink.objects.filter(conversation__in=conversations).count(),
            "exports": Export.objects.filter(organization=organization_id).count(),
        }

    def erase(self, organization_id: UUID, *, now: datetime) -> Iterator[Gone]:
        """Delete exports and conversations one by one; the page about a person shows nobody as present any more."""
        for key in Export.objects.filter(organization=organization_id).values_list("pk", flat=True):
            exports_work.discard(export_id=key, now=now)
            Export.objects.filter(pk=key).delete()
            yield Gone("exports", 1)
        for key in Conversation.objects.filter(organization=organization_id).values_list("pk", flat=True):
            _delete(key, now=now)
            yield Gone("conversations", 1)
        people = User.objects.filter(organization=organization_id).values_list("pk", flat=True)
        async_to_sync(presence.forget)(*people)


@transaction.atomic
def _delete(conversation_id: UUID, *, now: datetime) -> None:
    """Delete one conversation under its lock, whoever has it or waits in it."""
    conversation = Conversation.objects.select_for_update().filter(pk=conversation_id).first()
    if conversation is not None:
        delete_locked(conversation, now=now)


class OrganizationNumbers:
    """The views of the analytics, which hold rows until they are counted anew."""

    def waits_for(self, _organization_id: UUID) -> str:
        """Return nothing."""
        return ""

    def count(self, _organization_id: UUID) -> Mapping[str, int]:
        """Return nothing: they are counted from what is counted elsewhere."""
        return {}

    def erase(self, _organization_id: UUID, *, now: datetime) -> Iterator[Gone]:
        """Count anew."""
        analytics_views.forget()
        yield from ()

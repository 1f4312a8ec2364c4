"""Answer words that call a person who has been called already: nobody who asks for somebody is left in silence."""

from datetime import datetime, timedelta

from accounts.models import Organization
from coaching.policies import escalation
from conversations.episodes import add_message, open_episode
from conversations.models import Conversation, Handoff, Message
from conversations.waiting import duration


def remind(conversation: Conversation, *, reason: str, now: datetime) -> Message | None:
    """Say in the locked conversation that a coach has been asked, and since when; a crisis shows its help lines again.

    Returns nothing where nobody waits: a coach who is here answers for themselves.
    """
    episode = open_episode(conversation)
    if episode is None or episode.state != Handoff.State.QUEUED:
        return None
    organization = Organization.objects.get(pk=conversation.organization_id)
    metadata: dict[str, object] = {
        "kind": "already_requested",
        "handoff_reason": episode.reason,
        "requested_at": episode.requested_at.isoformat(),
    }
    asked = f"Your coach was asked {duration(now - episode.requested_at)} ago"
    if escalation.CRISIS in {reason, episode.reason}:
        text = (
            f"{asked} and knows that you may need them. You do not have to wait alone{_lines(organization)}."
        )
        metadata |= {"kind": "crisis", "help_lines": organization.help_lines}
    else:
        text = f"{asked} {_how_it_stands(episode, organization, now=now)}"
        if episode.reason not in escalation.AI_MUST_WAIT:
            text += " You can go on writing here meanwhile."
    return add_message(conversation, sender_type=Message.Sender.SYSTEM, text=text, now=now, metadata=metadata)


def _lines(organization: Organization) -> str:
    return ": these lines answer at once" if organization.help_lines else ""


def _how_it_stands(episode: Handoff, organization: Organization, *, now: datetime) -> str:
    if now < episode.requested_at + timedelta(minutes=organization.response_minutes):
        return f"and promises to answer within {organization.response_minutes} minutes."
    if episode.escalated_at is None:
        return "and has not come yet. Your request stays open."
    return "and has not come yet. Every coach of your organization knows that somebody waits."

"""What an educator does with whole conversations: begin, rename, archive, delete and take it back."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from django.db import transaction

from accounts import saved_replies
from accounts.access import coach_for, organization_of
from accounts.models import User
from conversations import access, exports_work, following, sharing
from conversations.episodes import bring_back, end, open_episode, stop_turns
from conversations.models import Conversation, Handoff
from conversations.turns.accept import lock_own


class StillLookedAfter(Exception):
    """A crisis is open: the conversation stays until a person has been there. Nothing was changed."""


class NotToBeArchived(Exception):
    """A coach was asked, or is there: both go on talking here first. Nothing was changed; the text says what to do."""


def begin(
    *,
    member: User,
    now: datetime,
    visibility: str = Conversation.Visibility.COACHED,
    channel: str = Conversation.Channel.WEB,
    begun_with: UUID | None = None,
    title: str = "",
) -> Conversation:
    """Begin a conversation with the AI of the member's coach.

    Asked twice under the same key `begun_with`, it is the same conversation, unless that was deleted meanwhile.

    Raises:
        NotVisible: the member belongs to no organization.
    """
    coach = coach_for(member)
    values: dict[str, Any] = {
        "organization": organization_of(member),
        "coach": coach,
        "visibility": visibility if coach else Conversation.Visibility.PRIVATE,
        "channel": channel,
        "title": _on_one_line(title),
        "created_at": now,
        "updated_at": now,
    }
    if begun_with is None:
        return Conversation.objects.create(owner=member, **values)
    begun, _ = Conversation.objects.get_or_create(owner=member, begun_with=begun_with, defaults=values)
    if begun.deleted_at is not None:
        return Conversation.objects.create(owner=member, **values)
    return begun


def key_of(*, client_id: UUID, text: str) -> UUID:
    """Return the key of a conversation that a page begins with this question; another question makes another."""
    return uuid5(client_id, text)


@transaction.atomic(durable=True)
def change(
    *,
    member: User,
    conversation_id: UUID,
    now: datetime,
    title: str = "",
    status: str = "",
    visibility: str = "",
) -> Conversation:
    """Change several things about the member's conversation, all of them or none; what is not named stays.

    Raises:
        NotVisible: it is not the member's.
        NotToBeArchived: somebody waits for a person in it, or has one.
    """
    conversation = lock_own(member, conversation_id)
    if title:
        _name(conversation, title, now=now)
    if status:
        _place(conversation, status, now=now)
    if visibility:
        _show_to_coach(conversation, visibility, now=now)
    return conversation


@transaction.atomic(durable=True)
def rename(*, member: User, conversation_id: UUID, title: str, now: datetime) -> Conversation:
    """Give the member's conversation another title.

    Raises:
        NotVisible: it is not the member's.
    """
    return _name(lock_own(member, conversation_id), title, now=now)


def _name(conversation: Conversation, title: str, *, now: datetime) -> Conversation:
    conversation.title = _on_one_line(title) or conversation.title
    return _save(conversation, "title", now=now)


def _save(conversation: Conversation, *changed: str, now: datetime) -> Conversation:
    """Save what the owner changed, and when: the place in the list stays, which is by what was said."""
    conversation.changed_at = now
    conversation.save(update_fields=[*changed, "changed_at"])
    return conversation


@transaction.atomic(durable=True)
def set_status(*, member: User, conversation_id: UUID, status: str, now: datetime) -> Conversation:
    """Archive the member's conversation or bring it back.

    Raises:
        NotVisible: it is not the member's.
        NotToBeArchived: somebody waits for a person in it, or has one.
    """
    return _place(lock_own(member, conversation_id), status, now=now)


def _place(conversation: Conversation, status: str, *, now: datetime) -> Conversation:
    if status == Conversation.Status.ACTIVE:
        bring_back(conversation)
        return _save(conversation, now=now)
    if episode := open_episode(conversation):
        raise NotToBeArchived(_why_not_archived(episode))
    if conversation.status == Conversation.Status.ACTIVE or conversation.archived_at is None:
        conversation.archived_at = now
    conversation.status = Conversation.Status.ARCHIVED
    return _save(conversation, "status", "archived_at", now=now)


def _why_not_archived(episode: Handoff) -> str:
    if episode.state == Handoff.State.TAKEN:
        return "A coach is here. You can archive this conversation once they have handed it back."
    if episode.reason == Handoff.Reason.CRISIS:
        return "Your coach has been asked to look after you. You can archive this conversation once they have been here."
    return (
        "You wait for a coach here. Cancel that first, or archive this conversation once they have been here."
    )


@transaction.atomic(durable=True)
def set_visibility(*, member: User, conversation_id: UUID, visibility: str, now: datetime) -> Conversation:
    """Share the member's conversation with the coach, or keep it private from now on.

    What is made private while a coach is asked or here is private from them too, until its owner lets them read it.

    Raises:
        NotVisible: it is not the member's.
    """
    return _show_to_coach(lock_own(member, conversation_id), visibility, now=now)


def _show_to_coach(conversation: Conversation, visibility: str, *, now: datetime) -> Conversation:
    conversation.visibility = Conversation.Visibility(visibility)
    _save(conversation, "visibility", now=now)
    episode = open_episode(conversation)
    if episode is not None and conversation.visibility == Conversation.Visibility.PRIVATE:
        episode.consented = False
        episode.save(update_fields=["consented"])
    return conversation


@transaction.atomic(durable=True)
def delete(*, member: User, conversation_id: UUID, now: datetime) -> None:
    """Delete the member's conversation and end what a coach was asked in it; it can be brought back for a while.

    Its links are revoked for good: who brings it back has not said that strangers read it again. Files and replies
    that hold words of it are not given out any more either.

    Raises:
        NotVisible: it is not the member's.
        StillLookedAfter: somebody was called because of a crisis and has not been there yet.
    """
    conversation = lock_own(member, conversation_id)
    episode = open_episode(conversation)
    if episode is not None and episode.reason == Handoff.Reason.CRISIS:
        raise StillLookedAfter
    if episode is not None:
        taken = episode.state == Handoff.State.TAKEN
        state = Handoff.State.RETURNED if taken else Handoff.State.CANCELLED
        end(conversation, episode, state=state, now=now)
    # Nobody would see what an answer asks for from here on.
    stop_turns(conversation, now=now)
    conversation.deleted_at = now
    conversation.save(update_fields=["deleted_at"])
    saved_replies.withdraw_about(about=conversation.pk)
    exports_work.withdraw(conversation_ids=[conversation.pk], now=now)
    sharing.revoke_all(member=member, conversation=conversation, now=now)


@transaction.atomic(durable=True)
def restore(*, member: User, conversation_id: UUID, now: datetime) -> Conversation:
    """Bring back a conversation that the member deleted, as long as it is kept; its links stay revoked.

    Raises:
        NotVisible: it is not the member's, was not deleted, or was deleted too long ago.
    """
    conversation = access.deleted_conversation(member, conversation_id, now=now)
    conversation.deleted_at = None
    conversation.save(update_fields=["deleted_at"])
    following.settle(conversation, now=now)
    return conversation


def _on_one_line(title: str) -> str:
    return " ".join(title.split())[:200]

"""Tell the sockets of a conversation, after the commit, what has changed in it."""

from uuid import UUID

from conversations import live
from conversations.database import in_db
from conversations.events import Event, MessageChanged, StateChanged
from conversations.models import Conversation, Message
from conversations.presenting import Names, message_html, names_of, view_of


def load_with_names(conversation_id: UUID) -> tuple[Conversation, Names]:
    """Return a conversation with the names of its speakers."""
    conversation = Conversation.objects.select_related(
        "owner", "coach__persona", "holder", "organization"
    ).get(pk=conversation_id)
    return conversation, names_of(conversation)


def as_event(message: Message, names: Names) -> MessageChanged:
    """Return the event that shows a message as it now is."""
    view = view_of(message, names)
    return MessageChanged(
        message=message.pk,
        sequence=message.sequence,
        sender_type=message.sender_type,
        state=message.state,
        length=view.length,
        html=message_html(view),
    )


def state_event(conversation: Conversation) -> StateChanged:
    """Return the event that says who holds the conversation."""
    return StateChanged(
        owner_state=conversation.owner_state,
        epoch=conversation.epoch,
        holder=conversation.holder.name if conversation.holder else "",
    )


def events_since(conversation_id: UUID, *, sequence: int, with_state: bool) -> list[Event]:
    """Return the messages from `sequence` on, and how things stand, as events."""
    conversation, names = load_with_names(conversation_id)
    messages = (
        Message.objects.filter(conversation_id=conversation_id, sequence__gte=sequence)
        .select_related("sender")
        .order_by("sequence")
    )
    events: list[Event] = [as_event(message, names) for message in messages]
    return [*events, state_event(conversation)] if with_state else events


async def turn_ended(
    conversation_id: UUID, reply: Message, names: Names, *, called: bool, shown: MessageChanged | None
) -> None:
    """Show a settled reply to everybody, `shown` if that is written already; and how things stand if a coach was called."""
    if called:
        await show(conversation_id, sequence=reply.sequence, with_state=True)
        return
    if live.hub.somebody_listens(conversation_id):
        live.hub.send(conversation_id, shown or as_event(reply, names))
    await live.changed(conversation_id, sequence=reply.sequence)


async def show(
    conversation_id: UUID, *, sequence: int, with_state: bool = False, silence: bool = False
) -> None:
    """Show the messages from `sequence` on to every socket, here at once and elsewhere by a hint."""
    if live.hub.somebody_listens(conversation_id):
        for event in await in_db(events_since)(conversation_id, sequence=sequence, with_state=with_state):
            live.hub.send(conversation_id, event)
    await live.changed(conversation_id, sequence=sequence, with_state=with_state, silence=silence)
    if with_state:
        await _queue_changed(conversation_id)


async def _queue_changed(conversation_id: UUID) -> None:
    """Tell the open queues of the conversation's organization to look again."""
    organizations = Conversation.objects.filter(pk=conversation_id).values_list("organization_id", flat=True)
    organization_id = await in_db(organizations.first)()
    if organization_id is not None:
        await live.queue_changed(organization_id)

"""An answer that was stopped, asked for again: the new one knows what was said since."""

import asyncio

import pytest
from asgiref.sync import sync_to_async

from accounts.tests.cast import Cast
from coaching.providers.scripted import Reply, ScriptedChat
from conversations import acting, announcing
from conversations.database import in_db
from conversations.models import Conversation, Message
from conversations.tests.doubles import stage
from conversations.turns.accept import Accepted
from conversations.turns.run import turns

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("scripted")]

QUESTION = "How do we begin a meeting well?"


async def run(accepted: Accepted) -> None:
    """Show what was accepted and begin its turn."""
    _, names = await in_db(announcing.load_with_names)(accepted.conversation_id)
    await acting.show_and_run(accepted, names)


async def begun_to_answer(cast: Cast, conversation: Conversation) -> Message:
    """Have the AI say two words of its answer, and return that."""
    reply = Reply("Set chairs out in rows", until=asyncio.Event(), wait_after=2)
    stage.chat = ScriptedChat(reply)
    asked = await acting.accept_here(
        member=cast.home.owner, conversation_id=conversation.pk, client_id=Message().pk, text=QUESTION
    )
    await run(asked)
    await reply.reached.wait()
    assert asked.reply is not None
    return asked.reply


async def answered_again(cast: Cast, conversation: Conversation, reply: Message) -> list[tuple[str, str]]:
    """Ask for the answer again; return what the model was given, without the persona's part."""
    stage.chat = ScriptedChat(otherwise="Begin with the agenda.")
    await run(
        await acting.retry_here(member=cast.home.owner, conversation_id=conversation.pk, reply_id=reply.pk)
    )
    await turns.finished()
    assert await sync_to_async(Message.objects.filter(content="Begin with the agenda.").count)() == 1
    return [(message.role, message.content) for message in stage.chat.asked[0].messages]


async def test_knows_what_a_coach_said_in_between(cast: Cast, conversation: Conversation) -> None:
    reply = await begun_to_answer(cast, conversation)
    await acting.take_over(coach=cast.home.coach, conversation_id=conversation.pk)
    await turns.finished()
    await acting.speak(
        coach=cast.home.coach,
        conversation_id=conversation.pk,
        client_id=Message().pk,
        text="Send the agenda a day before.",
    )
    await acting.hand_back(coach=cast.home.coach, conversation_id=conversation.pk)
    system, *history, question = await answered_again(cast, conversation, reply)
    assert "<handback>\nSend the agenda a day before.\n</handback>" in system[1]
    assert history == [("assistant", "Send the agenda a day before.")]
    assert QUESTION in question[1]


async def test_does_not_read_the_answer_that_was_stopped(cast: Cast, conversation: Conversation) -> None:
    reply = await begun_to_answer(cast, conversation)
    await acting.stop(conversation_id=conversation.pk)
    await turns.finished()
    _, *history, question = await answered_again(cast, conversation, reply)
    assert history == []
    assert QUESTION in question[1]

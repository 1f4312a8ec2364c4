"""A message that seems to name a student waits for its writer, on every door."""

import re
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from channels.testing import WebsocketCommunicator
from django.test import Client
from django.utils import timezone

from accounts.access import NotVisible
from accounts.models import User
from accounts.tests.api_caller import as_program
from accounts.tests.cast import Cast
from coaching.models import PromptRun
from conversations import handoff, pseudonyms
from conversations.consumers import ConversationConsumer
from conversations.models import Conversation, Handoff, Interaction, Message
from conversations.tests import doubles
from conversations.tests.factories import begin, say, spoken
from conversations.turns.accept import accept
from conversations.turns.plan import load
from conversations.turns.student_gate import StudentDataFound

NAMED = "My student Maria Lopez hit Tom (4B). What can I try?"
TAILS = ("ia", "as", "en", "os", "ul", "ix", "am", "o", "u")
WITH_LETTERS = "My student Student A hit Student B (4B). What can I try?"


def send(member: User, conversation: Conversation, text: str, student_data: str) -> Message:
    """Say something with a decision about student data."""
    return accept(
        member=member,
        conversation_id=conversation.pk,
        client_id=uuid4(),
        text=text,
        now=timezone.now(),
        student_data=student_data,
    ).message


class TestTheGate:
    def test_takes_nothing_until_the_educator_has_decided(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        with pytest.raises(StudentDataFound) as refusal:
            say(cast.home.owner, conversation, NAMED)
        assert refusal.value.code == "student_data"
        assert spoken(conversation) == []
        assert not Interaction.objects.exists()
        conversation.refresh_from_db()
        assert (conversation.title, conversation.last_sequence) == ("", 0)

    def test_takes_the_words_as_they_are_when_the_educator_says_so_and_notes_it(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        message = send(cast.home.owner, conversation, NAMED, "send")
        message.refresh_from_db()
        assert message.content == NAMED
        assert message.metadata == {"student_data": {"decision": "send", "kinds": ["name"]}}

    def test_notes_that_pseudonyms_were_put_in(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        message = send(cast.home.owner, conversation, WITH_LETTERS, "pseudonyms")
        assert message.metadata == {"student_data": {"decision": "pseudonyms"}}

    def test_looks_again_at_what_is_said_to_have_pseudonyms(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        for decision in ("pseudonyms", "", "SEND", "yes"):
            with pytest.raises(StudentDataFound):
                send(cast.home.owner, conversation, NAMED, decision)
        assert spoken(conversation) == []

    def test_lets_an_ordinary_message_pass_and_notes_nothing(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        assert send(cast.home.owner, conversation, "How do I begin?", "").metadata == {}

    def test_repeats_a_message_that_was_taken_without_asking_again(self, cast: Cast) -> None:
        conversation, key = begin(cast.home.owner), uuid4()
        accept(
            member=cast.home.owner,
            conversation_id=conversation.pk,
            client_id=key,
            text=NAMED,
            now=timezone.now(),
            student_data="send",
        )
        assert say(cast.home.owner, conversation, NAMED, client_id=key).repeated

    def test_never_holds_up_a_crisis_and_hides_the_name_from_the_provider(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        message = say(cast.home.owner, conversation, "I want to die. My student Maria hates me.").message
        message.refresh_from_db()
        assert message.metadata["student_data"]["decision"] == "not_asked"
        handoff.take_over(coach=cast.home.coach, conversation_id=conversation.pk, now=timezone.now())
        handoff.hand_back(coach=cast.home.coach, conversation_id=conversation.pk, now=timezone.now())
        assert "Maria" not in self.prompt_of(cast.home.owner, conversation)

    def test_hears_a_crisis_of_a_student_who_is_named(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        accepted = say(cast.home.owner, conversation, "My student Maria Lopez told me she wants to die.")
        assert accepted.called
        assert accepted.turn_id is None
        assert Handoff.objects.get().reason == "crisis"

    def test_hides_what_a_coach_wrote_of_a_student_from_the_provider(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        handoff.say_as_coach(
            coach=cast.home.coach,
            conversation_id=conversation.pk,
            client_id=uuid4(),
            text="Is that about Liam's IEP?",
            now=timezone.now(),
        )
        handoff.hand_back(coach=cast.home.coach, conversation_id=conversation.pk, now=timezone.now())
        prompt = self.prompt_of(cast.home.owner, conversation)
        assert "Is that about a student's IEP?" in prompt
        assert "Liam" not in prompt

    def prompt_of(self, member: User, conversation: Conversation) -> str:
        """Return everything of the conversation that the next turn would give to a provider."""
        turn = say(member, conversation, "And then?", worker="here")
        assert turn.turn_id is not None
        loaded = load(turn.turn_id)
        assert loaded is not None
        said = " ".join(message.content for message in loaded.history)
        return f"{said} {loaded.question} {loaded.search_text} {loaded.handback}"


class TestPseudonyms:
    def test_are_the_same_for_the_same_student_in_later_messages(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        first = pseudonyms.propose(member=cast.home.owner, conversation_id=conversation.pk, text=NAMED)
        assert first.suggestion == WITH_LETTERS
        later = pseudonyms.propose(
            member=cast.home.owner,
            conversation_id=conversation.pk,
            text="Tom, grade 4, and my student Maria are friends now, but my student Maria Chen is not.",
        )
        assert later.suggestion == (
            "Student B, grade 4, and my student Student A are friends now, but my student Student C is not."
        )

    def test_begin_anew_in_another_conversation(self, cast: Cast) -> None:
        here, there = begin(cast.home.owner), begin(cast.home.owner)
        pseudonyms.propose(member=cast.home.owner, conversation_id=here.pk, text=NAMED)
        proposal = pseudonyms.propose(
            member=cast.home.owner, conversation_id=there.pk, text="Tom, grade 4, is late."
        )
        assert proposal.suggestion == "Student A, grade 4, is late."

    def test_are_kept_without_the_names(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        pseudonyms.propose(member=cast.home.owner, conversation_id=conversation.pk, text=NAMED)
        conversation.refresh_from_db()
        assert sorted(set(conversation.pseudonyms.values())) == ["A", "B"]
        assert all(re.fullmatch("[0-9a-f]{16}", key) for key in conversation.pseudonyms)

    def test_name_the_places_in_the_draft(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        proposal = pseudonyms.propose(
            member=cast.home.owner, conversation_id=conversation.pk, text=f"  \U0001f600 {NAMED}"
        )
        assert [(found.words, found.stand_in) for found in proposal.findings] == [
            ("Maria Lopez", "Student A"),
            ("Tom", "Student B"),
        ]
        assert [proposal.draft[found.start : found.end] for found in proposal.findings] == [
            "Maria Lopez",
            "Tom",
        ]

    def test_stand_in_for_every_name_of_a_list_of_which_the_first_are_shown(self, cast: Cast) -> None:
        names = [
            f"{head}{tail} Smith" for head in ("Mar", "Jon", "Ter", "Kal", "Bor", "Dav") for tail in TAILS
        ]
        proposal = pseudonyms.propose(
            member=cast.home.owner,
            conversation_id=begin(cast.home.owner).pk,
            text="\n".join(f"{name}, 7{place % 10}%" for place, name in enumerate(names)),
        )
        assert (len(names), len(proposal.findings)) == (54, 50)
        assert "Smith" not in proposal.suggestion

    def test_of_somebody_elses_conversation_do_not_exist(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        for member in (cast.home.coach, cast.home.admin, cast.away.owner):
            with pytest.raises(NotVisible):
                pseudonyms.propose(member=member, conversation_id=conversation.pk, text=NAMED)


@pytest.mark.django_db(transaction=True)
class TestThePageWithoutAScript:
    @pytest.fixture
    def conversation(self, cast: Cast) -> Conversation:
        """Return Ada's conversation."""
        return begin(cast.home.owner)

    def post(self, client: Client, cast: Cast, conversation: Conversation, **values: str) -> Any:
        """Send the form of the composer."""
        client.force_login(cast.home.owner)
        return client.post(
            f"/conversations/{conversation.pk}/say/", {"client_id": str(uuid4()), "text": NAMED, **values}
        )

    def test_asks_and_keeps_the_draft(self, client: Client, cast: Cast, conversation: Conversation) -> None:
        response = self.post(client, cast, conversation)
        page = response.content.decode()
        assert response.status_code == 422
        assert "This message seems to name a student." in page
        assert f'dir="auto">{NAMED}</textarea>' in page
        assert "<mark>Maria Lopez</mark>" in page
        assert spoken(conversation) == []

    def test_puts_pseudonyms_in_and_takes_them_out_again(
        self, client: Client, cast: Cast, conversation: Conversation
    ) -> None:
        page = self.post(client, cast, conversation, student_data="replace").content.decode()
        assert f'dir="auto">{WITH_LETTERS}</textarea>' in page
        assert f'name="original" value="{NAMED}"' in page
        again = self.post(
            client, cast, conversation, text=WITH_LETTERS, original=NAMED, student_data="undo"
        ).content.decode()
        assert f'dir="auto">{NAMED}</textarea>' in again
        assert spoken(conversation) == []

    @pytest.mark.parametrize("decision", ["replace", "undo"])
    def test_says_so_when_there_is_nothing_to_put_pseudonyms_in(
        self, client: Client, cast: Cast, conversation: Conversation, decision: str
    ) -> None:
        response = self.post(client, cast, conversation, text=" ", student_data=decision)
        assert response.status_code == 422
        assert "Write something first." in response.content.decode()

    @pytest.mark.parametrize(("text", "decision"), [(NAMED, "send"), (WITH_LETTERS, "pseudonyms")])
    def test_sends_what_was_chosen(
        self, client: Client, cast: Cast, conversation: Conversation, text: str, decision: str
    ) -> None:
        response = self.post(client, cast, conversation, text=text, student_data=decision)
        assert response.status_code == 302
        assert spoken(conversation)[0] == ("client", text)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("threads")
class TestTheSocket:
    async def test_asks_with_the_places_and_takes_the_decision(self, cast: Cast) -> None:
        conversation = await self.begun(cast)
        socket = await self.opened(cast.home.owner, conversation)
        key = str(uuid4())
        await socket.send_json_to({"type": "say", "client_id": key, "text": NAMED})
        asked = await self.heard(socket, "refused")
        html = asked.pop("html")
        assert "<mark>Maria Lopez</mark>" in html
        assert asked == {
            "type": "refused",
            "code": "student_data",
            "text": "This message seems to name a student. Use a pseudonym, change it, or send it as it is.",
            "client_id": key,
            "draft": NAMED,
            "findings": [
                {
                    "kind": "name",
                    "start": 11,
                    "end": 22,
                    "why": "a name after a word for a student",
                    "words": "Maria Lopez",
                    "stand_in": "Student A",
                },
                {
                    "kind": "name",
                    "start": 27,
                    "end": 30,
                    "why": "a name beside a grade or class",
                    "words": "Tom",
                    "stand_in": "Student B",
                },
            ],
            "suggestion": WITH_LETTERS,
            "seconds": None,
        }
        assert not await Message.objects.aexists()
        await socket.send_json_to({"type": "say", "client_id": key, "text": NAMED, "student_data": "send"})
        assert (await self.heard(socket, "ack"))["repeated"] is False
        message = await Message.objects.aget(sequence=1)
        assert (message.content, message.metadata["student_data"]["decision"]) == (NAMED, "send")
        await socket.disconnect()

    async def begun(self, cast: Cast) -> Conversation:
        """Begin a conversation that waits for a coach in a matter the AI leaves alone: no turn is run here."""
        return await Conversation.objects.acreate(
            organization=cast.home.organization,
            owner=cast.home.owner,
            owner_state=Conversation.OwnerState.COACH,
            holder=cast.home.coach,
        )

    async def opened(self, member: User, conversation: Conversation) -> Any:
        """Open a socket."""
        socket = WebsocketCommunicator(ConversationConsumer.as_asgi(), "/ws/conversations/")
        socket.scope |= {
            "user": member,
            "session": SimpleNamespace(session_key=str(uuid4())),
            "url_route": {"kwargs": {"conversation_id": conversation.pk}},
        }
        await socket.connect()
        return socket

    async def heard(self, socket: Any, kind: str) -> dict[str, Any]:
        """Return the next event of a kind."""
        while True:
            event: dict[str, Any] = await socket.receive_json_from(timeout=5)
            if event["type"] == kind:
                return event


class TestLookingUp:
    def test_asks_the_provider_without_the_student_and_counts_it(self, cast: Cast, settings: Any) -> None:
        settings.EMBEDDING_MODEL = f"{doubles.__name__}.embeddings"
        model = doubles.embeddings()
        asked = len(model.asked)
        found = as_program(cast.home.owner)("GET", "search?q=Does+my+student+Maria+Lopez+need+an+IEP")
        assert (found.status, model.asked[asked:]) == (200, [("Does my student a student need an IEP",)])
        run = PromptRun.objects.get()
        assert (run.user, run.organization, run.subject_id, run.status) == (
            cast.home.owner,
            cast.home.organization,
            None,
            "ok",
        )
